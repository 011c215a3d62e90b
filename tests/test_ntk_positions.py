"""The kernel of vector positions: exact cases, laws of large numbers, and pruned networks."""

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import norm
from torch_networks import perceptron

from graphon_lib.graphons import GraphonNetwork
from graphon_lib.ntk import empirical_ntk, graphon_ntk
from graphon_lib.ntk.positions import PositionLayer, position_layers, position_ntk
from graphon_lib.pruning import INITIALISATIONS, prune
from graphon_lib.pruning.signals import batch_signals


def dense_layers(signals):
    """The layers of a network that keeps every weight."""
    layers = []
    for inputs, preactivations, *_ in signals[:-1]:
        inverse = np.linalg.pinv(inputs.T @ inputs / len(inputs))
        ones = np.ones((len(preactivations), len(inputs)))
        layers.append(
            PositionLayer(
                ones,
                0 * ones,
                ones,
                inputs,
                preactivations @ inverse,
                len(inputs),
                inverse,
                len(preactivations),
            )
        )
    return layers


def network(widths, digits, seed=0, initialisation="he"):
    model, x, y = perceptron(widths, digits, seed, initialisation=initialisation)
    scale = model.initialisation.weight_variance
    weights = [w.detach().double().numpy() * np.sqrt(w.shape[1] / scale) for w in model.weights]
    return model, x, y, weights


def biases_of(model):
    """Biases in units of their deviation, and their variances."""
    inputs = np.array(model.widths[:-1])
    law = model.initialisation
    vectors = [
        b.detach().double().numpy() * np.sqrt(n / law.bias_variance)
        for b, n in zip(model.biases, inputs, strict=True)
    ]
    return vectors, law.bias_variance / inputs


def test_the_batch_itself_is_known_exactly():
    # Without pruning, and for the batch's own inputs, nothing is left to chance: with one hidden
    # layer the kernel is that of the network, though no weight was looked at but the read-out's.
    model, x, y, weights = network((30, 40, 5), 8)
    layers = dense_layers(batch_signals(model, "snip", x, y))
    masks = [np.ones(w.shape, dtype=bool) for w in weights]
    kernel = position_ntk(x.numpy(), layers, masks[-1], weights[-1])
    assert kernel == pytest.approx(empirical_ntk(weights, masks, x.numpy()), rel=1e-6)


def test_other_inputs_have_the_plain_kernel_on_average():
    # Averaged over a wide layer, what the batch explains is as much as it takes from the covariance.
    model, x, y, weights = network((200, 1500, 1500, 20), 10)
    fresh = np.random.default_rng(1).standard_normal((6, 200))
    layers = dense_layers(batch_signals(model, "snip", x, y))
    mask = np.ones(weights[-1].shape, dtype=bool)
    kernel = position_ntk(fresh, layers, mask, weights[-1])
    plain = graphon_ntk(fresh, GraphonNetwork.dense(3))
    # Each of the three layers' averages over 1500 positions errs by about 1500^(-1/2).
    assert np.linalg.norm(kernel - plain) < 4 * np.sqrt(3 / 1500) * np.linalg.norm(plain)
    twice = position_ntk(fresh, layers, mask, weights[-1], conditioned=False)
    assert np.trace(twice) > np.trace(kernel)


@pytest.mark.parametrize("signed", [False, True])
@pytest.mark.parametrize(
    ("name", "quantile"), [("he", norm.isf), ("torch", lambda tail: 3**0.5 * (1 - 2 * tail))]
)
def test_moments_are_those_of_the_truncated_law(name, quantile, signed):
    law = INITIALISATIONS[name].law
    rng = np.random.default_rng(3)
    signals = [tuple(rng.standard_normal(shape) for shape in ((4, 3), (6, 3), (6, 2), (4, 2)))]
    (layer,), chosen = position_layers(signals, 5.0, signed=signed, particles=9, rng=rng, law=law)
    assert np.array_equal(chosen, np.arange(6))
    assert layer.kept.sum() == pytest.approx(5.0)
    factor = signals[0][2] @ signals[0][3].T
    # The threshold that each entry's probability comes from must be the same for all.
    tail = layer.kept if signed else layer.kept / 2
    tau = quantile(tail)
    thresholds = (tau * np.abs(factor))[tail > 1e-12]
    assert thresholds.size > 12
    assert thresholds == pytest.approx(np.full(thresholds.size, thresholds[0]))
    draws = law.sample(rng, (2_000_000,), np.float64)
    for i, j in ((0, 0), (2, 3), (5, 1)):
        score = draws * np.sign(factor[i, j])
        kept = draws * ((score if signed else np.abs(score)) > tau[i, j])
        assert layer.mean[i, j] == pytest.approx(kept.mean(), abs=4 * kept.std() / 1400 + 1e-6)
        second = kept**2
        assert layer.second_moment[i, j] == pytest.approx(
            second.mean(), abs=4 * second.std() / 1400 + 1e-6
        )


@given(st.integers(0, 10**6), st.integers(1, 4), st.booleans())
def test_kernels_are_symmetric_and_positive(seed, digits, signed):
    model, x, y, weights = network((12, 20, 15, 3), 30, seed)  # more digits than neurons
    signals = batch_signals(model, "grasp" if signed else "snip", x, y)
    rng = np.random.default_rng(seed)
    layers, chosen = position_layers(signals[:-1], 200.0, signed=signed, particles=11, rng=rng)
    inputs = rng.standard_normal((digits, 12))
    inputs[0] = 0.0
    mask = np.ones((3, 11), dtype=bool)
    kernel = position_ntk(inputs, layers, mask, weights[-1][:, chosen])
    assert np.array_equal(kernel, kernel.T)
    assert kernel[0] == pytest.approx(np.zeros(digits), abs=1e-9)
    assert np.linalg.eigvalsh(kernel).min() > -1e-7 * max(np.trace(kernel), 1e-300)


def of_positions(method, model, x, y, weights, masks, **options):
    """The layers of a pruned network's positions, and mask and weights of the read-out from them."""
    layers, chosen = position_layers(
        batch_signals(model, method, x, y)[:-1],
        sum(mask.sum() for mask in masks[:-1]),
        signed=method == "grasp",
        particles=600,
        rng=np.random.default_rng(5),
        **options,
    )
    return layers, (masks[-1][:, chosen], weights[-1][:, chosen])


def test_snip_is_predicted_from_positions():
    model, x, y, weights = network((100, 600, 600, 10), 30)
    masks = [mask.numpy() for mask in prune(model, "snip", 0.2, x, y)]
    fresh = np.random.default_rng(4).standard_normal((10, 100))
    measured = empirical_ntk(weights, masks, fresh)
    layers, read_out = of_positions("snip", model, x, y, weights, masks)
    predicted = position_ntk(fresh, layers, *read_out)
    forgetting = [
        replace(layer, fitted=0 * layer.fitted, inverse=0 * layer.inverse) for layer in layers
    ]
    plain = position_ntk(fresh, forgetting, *read_out)
    gaps = [np.linalg.norm(k - measured) / np.linalg.norm(measured) for k in (predicted, plain)]
    # One network's kernel fluctuates by a few times n^(-1/2) = 0.04.
    assert gaps[0] < 0.15 < 0.4 < gaps[1]


def test_grasp_is_predicted_from_positions_layer_by_layer():
    model, x, y, weights = network((100, 600, 600, 600, 10), 30)
    masks = [mask.numpy() for mask in prune(model, "grasp", 0.2, x, y)]
    fresh = np.random.default_rng(4).standard_normal((6, 100))
    layers, read_out = of_positions("grasp", model, x, y, weights, masks)
    measured = traces(measured_terms(weights, masks, fresh))
    gaps = [
        np.abs(np.log(traces(terms) / measured))
        for terms in (
            position_ntk(fresh, layers, *read_out, per_layer=True, backward_means=means)
            for means in (True, False)
        )
    ]
    # Gradients reach the first two layers through means; the other two do not depend on them.
    assert (gaps[0][:2] < gaps[1][:2] / 3).all()
    assert np.array_equal(gaps[0][2:], gaps[1][2:])


def test_the_batch_itself_is_known_exactly_with_biases_and_uniform_weights():
    model, x, y, weights = network((30, 40, 5), 8, initialisation="torch")
    vectors, variances = biases_of(model)
    signals = batch_signals(model, "snip", x, y)
    law = {"weight_variance": 1 / 3, "bias_variance": variances[:-1], "biases": vectors[:-1]}
    layers, _ = position_layers(
        signals[:-1],
        600,
        signed=False,
        particles=40,
        rng=np.random.default_rng(0),
        law=INITIALISATIONS["torch"].law,
        **law,
    )
    ones = np.ones((40, 30))
    layers = [replace(layer, kept=ones, second_moment=ones) for layer in layers]
    masks = [np.ones(w.shape, dtype=bool) for w in weights]
    kernel = position_ntk(
        x.numpy(), layers, masks[-1], weights[-1], read_out_bias_variance=variances[-1]
    )
    measured = empirical_ntk(
        weights, masks, x.numpy(), biases=vectors, weight_variance=1 / 3, bias_variance=variances
    )
    assert kernel == pytest.approx(measured, rel=1e-5)


def test_snip_is_predicted_from_positions_under_pytorchs_initialisation():
    model, x, y, weights = network((100, 600, 600, 10), 30, initialisation="torch")
    masks = [mask.numpy() for mask in prune(model, "snip", 0.2, x, y)]
    vectors, variances = biases_of(model)
    fresh = np.random.default_rng(4).standard_normal((10, 100))
    law = {"weight_variance": 1 / 3}
    measured = empirical_ntk(weights, masks, fresh, biases=vectors, bias_variance=variances, **law)
    layers, read_out = of_positions(
        *("snip", model, x, y, weights, masks),
        law=INITIALISATIONS["torch"].law,
        biases=vectors[:-1],
        bias_variance=variances[:-1],
        **law,
    )
    predicted = position_ntk(fresh, layers, *read_out, read_out_bias_variance=variances[-1])
    gap = np.linalg.norm(predicted - measured) / np.linalg.norm(measured)
    # One network's kernel fluctuates by a few times n^(-1/2) = 0.04.
    assert gap < 0.15


def unconditioned_layers(widths, rng, noise):
    """Layers whose means couple the signs of positions, so that they add up both ways."""
    positions = [rng.standard_normal(width) for width in widths[:-1]]
    layers = []
    for before, after in pairwise(positions):
        product = np.outer(after, before)
        mean, kept = np.tanh(product) / 2, np.ones_like(product)
        if noise:
            kept = 0.3 + 0.4 * norm.cdf(product)
        unknown = [np.zeros((len(side), 1)) for side in (before, after)]
        layers.append(
            PositionLayer(
                kept,
                mean,
                mean**2 / kept + noise,
                *unknown,
                len(before),
                np.zeros((1, 1)),
                len(after),
            )
        )
    return layers, rng.standard_normal((widths[-1], widths[-2])) + positions[-1]


def measured_terms(weights, masks, x):
    """The terms of a network's kernel, as differences of the kernels of its last layers."""
    tails = []
    for layer, (mask, weight) in enumerate(zip(masks, weights, strict=True)):
        tails.append(empirical_ntk(weights[layer:], masks[layer:], x))
        x = np.maximum(np.sqrt(2 / mask.shape[1]) * x @ (mask * weight).T, 0.0)
    return np.array([*(np.array(tails[:-1]) - tails[1:]), tails[-1]])


def traces(kernels):
    return np.trace(kernels, axis1=-2, axis2=-1)


def test_a_network_without_noise_is_known_exactly():
    rng = np.random.default_rng(6)
    layers, read_out = unconditioned_layers((8, 20, 15, 25, 3), rng, noise=0.0)
    x = rng.standard_normal((5, 8))
    mask = rng.random(read_out.shape) < 0.7
    weights = [*(layer.mean for layer in layers), read_out]
    masks = [*(np.ones(layer.mean.shape, dtype=bool) for layer in layers), mask]
    terms = position_ntk(x, layers, mask, read_out, per_layer=True)
    measured = measured_terms(weights, masks, x)
    assert traces(measured).min() > 0
    for of_layer, known in zip(terms, measured, strict=True):
        assert of_layer == pytest.approx(known, rel=1e-9, abs=1e-9 * np.trace(known))
    assert position_ntk(x, layers, mask, read_out) == pytest.approx(terms.sum(axis=0))


def test_networks_of_independent_weights_have_these_terms_on_average():
    rng = np.random.default_rng(7)
    layers, read_out = unconditioned_layers((20, 160, 160, 160, 3), rng, noise=0.3)
    x = rng.standard_normal((2, 20))
    mask = rng.random(read_out.shape) < 0.7
    drawn = []
    for _ in range(100):
        masks, weights = [mask], [read_out]
        for layer in reversed(layers):
            given = layer.mean / layer.kept
            deviation = np.sqrt(layer.second_moment / layer.kept - given**2)
            masks.insert(0, rng.random(given.shape) < layer.kept)
            weights.insert(0, given + deviation * rng.standard_normal(given.shape))
        drawn.append(measured_terms(weights, masks, x))
    error = np.std(drawn, axis=0) / np.sqrt(len(drawn))
    terms = position_ntk(x, layers, mask, read_out, per_layer=True)
    # What the theory leaves out is of relative order 1/160, less than an error.
    assert (np.abs(terms - np.mean(drawn, axis=0)) < 4 * error).all()
    deaf = position_ntk(x, layers, mask, read_out, per_layer=True, backward_means=False)
    assert (traces(deaf)[:2] < traces(terms)[:2] / 2).all()
    assert np.array_equal(deaf[2:], terms[2:])


def test_particles_stand_for_all_neurons():
    # Every hidden neuron twice: half of them, of which the theory knows how many they stand for.
    layers, read_out = unconditioned_layers((8, 20, 16, 12, 3), np.random.default_rng(8), 0.3)
    x = np.random.default_rng(9).standard_normal((4, 8))
    twice = []
    for number, layer in enumerate(layers):
        sides = (0, 1) if number else (0,)
        arrays = [layer.kept, layer.mean, layer.second_moment]
        for side in sides:
            arrays = [np.repeat(array, 2, axis=side) for array in arrays]
        unknown = [np.zeros((width, 1)) for width in arrays[0].shape[::-1]]
        shape = arrays[0].shape
        twice.append(PositionLayer(*arrays, *unknown, shape[1], layer.inverse, shape[0]))
    halved = [
        replace(layer, fan_in=whole.fan_in, fan_out=whole.fan_out)
        for layer, whole in zip(layers, twice, strict=True)
    ]
    doubled = np.repeat(read_out, 2, axis=1)
    mask = np.ones(doubled.shape, dtype=bool)
    all_neurons = position_ntk(x, twice, mask, doubled, per_layer=True)
    particles = position_ntk(x, halved, mask[:, ::2], read_out, per_layer=True)
    assert particles == pytest.approx(all_neurons, rel=1e-9)


def test_without_means_nothing_else_comes_back():
    layers, read_out = unconditioned_layers((8, 20, 16, 12, 3), np.random.default_rng(10), 0.3)
    layers = [replace(layer, mean=0 * layer.mean) for layer in layers]
    x = np.random.default_rng(11).standard_normal((4, 8))
    mask = np.ones(read_out.shape, dtype=bool)
    kernels = [
        position_ntk(x, layers, mask, read_out, backward_means=means) for means in (True, False)
    ]
    assert kernels[0] == pytest.approx(kernels[1], rel=1e-12)


def test_bad_arguments_are_refused():
    model, x, y, weights = network((12, 20, 3), 5)
    signals = batch_signals(model, "snip", x, y)
    rng = np.random.default_rng(0)
    with pytest.raises(ValueError, match="count must be positive and fewer"):
        position_layers(signals[:-1], 0.0, signed=False, particles=9, rng=rng)
    with pytest.raises(ValueError, match="count must be positive and fewer"):
        position_layers(signals[:-1], 239.0, signed=True, particles=9, rng=rng)
    with pytest.raises(ValueError, match="particles must be an integer"):
        position_layers(signals[:-1], 9.0, signed=True, particles=0, rng=rng)
    layers, _ = position_layers(signals[:-1], 50.0, signed=False, particles=20, rng=rng)
    mask = np.ones((3, 20), dtype=bool)
    with pytest.raises(ValueError, match="layers must fit the inputs"):
        position_ntk(x.numpy()[:, 1:], layers, mask, weights[-1])
    with pytest.raises(ValueError, match="read_out_weights must have the mask's shape"):
        position_ntk(x.numpy(), layers, mask, weights[-1][:, 1:])
