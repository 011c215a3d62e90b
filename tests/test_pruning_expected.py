"""What is expected to be kept, of layers and of single weights, against what is kept."""

import numpy as np
import pytest
import torch
from torch_networks import perceptron, seeded

from graphon_lib.pruning import INITIALISATIONS, MaskedMLP, prune
from graphon_lib.pruning.expected import expected_magnitude_densities, keep_probabilities
from graphon_lib.pruning.signals import batch_signals


def draw_network(width, initialisation="he"):
    return perceptron((60, width, width, 10), 40, 2, initialisation=initialisation)


@pytest.fixture(scope="module")
def network():
    return draw_network(250)


def miscalibration(model, method, density, x, y):
    """Largest gap between the share kept and its expectation, over tenths of the hidden weights."""
    mask = prune(model, method, density, x, y)[1].numpy().ravel()
    p = keep_probabilities(model, method, density, x, y)[1].numpy().ravel()
    assert p.std() > 0.5 * density  # a constant would be calibrated, too
    tenths = np.array_split(np.argsort(p), 10)
    return max(abs(mask[tenth].mean() - p[tenth].mean()) for tenth in tenths)


@pytest.mark.parametrize("initialisation", INITIALISATIONS)
@pytest.mark.parametrize("density", [0.3, 0.1])
def test_snip_keeps_as_many_as_expected(density, initialisation):
    """Within 5 standard errors of a tenth of 600 x 600 weights, and a bias of order 1/n."""
    model, x, y = draw_network(600, initialisation)
    assert miscalibration(model, "snip", density, x, y) < 5 * 0.5 / np.sqrt(36000) + 2 / 600


@pytest.mark.parametrize(("method", "least"), [("snip", 3.0), ("grasp", 1.6)])
def test_bias_falls_with_the_width(method, least):
    """Four times the width: a quarter of the bias for SNIP, half of it for GraSP, up to noise."""
    narrow, wide = (draw_network(width) for width in (150, 600))
    ratio = miscalibration(narrow[0], method, 0.2, *narrow[1:]) / miscalibration(
        wide[0], method, 0.2, *wide[1:]
    )
    assert ratio > least


def effect_of_weights_on_their_factors(width, entries=4000):
    """Mean change of SNIP's factors when their weights are drawn anew, over the factors.

    Nothing but the rectifier of the weight's own neuron moves: what comes back to it moves by a
    relative 1/n.
    """
    model, x, y = draw_network(width)
    _, layer, read_out = batch_signals(model, "snip", x, y)
    rng = np.random.default_rng(0)
    rows, cols = rng.integers(width, size=(2, entries))
    back = (model.weights[2].detach().double().numpy().T @ read_out.left)[rows]
    sums, inputs = layer.preactivations[rows], layer.inputs[cols]
    weight = model.weights[1].detach().double().numpy()[rows, cols]
    moved = sums + (rng.normal(0, np.sqrt(2 / width), entries) - weight)[:, None] * inputs
    before, after = ((back * (z > 0) * inputs).sum(axis=1) for z in (sums, moved))
    np.testing.assert_allclose(before, (layer.left[rows] * layer.right[cols]).sum(axis=1))
    return np.abs(after - before).mean() / np.sqrt(np.mean(before**2))


def test_a_weight_moves_its_own_factor_by_one_over_the_root_of_the_width():
    """Sixteen times the width: a quarter of the effect, nearer than to 1 (none) or 1/16 (1/n)."""
    ratio = effect_of_weights_on_their_factors(128) / effect_of_weights_on_their_factors(2048)
    assert 2 < ratio < 8


def test_one_weight_redrawn(network):
    """SNIP: freeze the network, redraw one weight at a time, and count how often it is kept."""
    model, x, y = network
    p = keep_probabilities(model, "snip", 0.2, x, y)[1]
    weights = [w.detach().clone() for w in model.weights]
    rng = np.random.default_rng(0)
    kept, expected, generator = 0, 0.0, seeded(3)
    for _ in range(60):
        i, j = rng.integers(250, size=2)
        changed = MaskedMLP(model.widths, seeded(0))
        for target, source in zip(changed.weights, weights, strict=True):
            target.data.copy_(source)
        changed.weights[1].data[i, j] = torch.randn((), generator=generator) * (2 / 250) ** 0.5
        kept += bool(prune(changed, "snip", 0.2, x, y)[1][i, j])
        expected += float(p[i, j])
    assert abs(kept - expected) < 4 * np.sqrt(60 * 0.25)
    assert 2 < expected < 30


@pytest.mark.parametrize(
    ("method", "density", "message"),
    [
        ("synflow", 0.2, "method must be one of grasp, snip"),
        ("snip", 1.0, "density must leave all scores of zero unkept"),
        ("snip", 0.0, "density"),
    ],
)
def test_bad_arguments(network, method, density, message):
    model, x, y = network
    silent = MaskedMLP(model.widths, seeded(0))
    silent.weights[0].data[:5] = 0.0  # silent neurons have scores of exactly zero
    with pytest.raises(ValueError, match=message):
        keep_probabilities(silent, method, density, x, y)


BOTH = pytest.mark.parametrize("initialisation", INITIALISATIONS)


@BOTH
def test_equal_fan_in_gives_equal_densities(initialisation):
    expected = expected_magnitude_densities((300, 300, 300, 10), 0.17, initialisation)
    np.testing.assert_allclose(expected, 0.17)


@BOTH
def test_weighted_mean_is_the_target(initialisation):
    widths = np.array([784, 120, 50, 10])
    sizes = widths[1:] * widths[:-1]
    expected = expected_magnitude_densities(widths.tolist(), 0.05, initialisation)
    assert (sizes @ expected) / sizes.sum() == pytest.approx(0.05, rel=1e-12)


def test_full_density_keeps_everything():
    np.testing.assert_array_equal(expected_magnitude_densities((5, 4, 3), 1.0), np.ones(2))


def test_of_a_uniform_law_the_widest_layer_may_keep_nothing():
    """Weights of 784 inputs are at most 1/28, those of 4 up to 1/2."""
    expected = expected_magnitude_densities((784, 4, 400), 0.05, "torch")
    assert expected[0] == 0.0
    assert expected[1] == pytest.approx(0.05 * (784 + 400) / 400)


@BOTH
def test_agrees_with_pruned_networks(initialisation):
    """Each layer's count is binomial given the threshold: within 5 standard deviations."""
    widths, density = (784, 300, 200, 10), 0.2
    model = MaskedMLP(widths, seeded(3), initialisation=initialisation)
    masks = prune(model, "magnitude", density)
    densities = expected_magnitude_densities(widths, density, initialisation)
    for mask, expected in zip(masks, densities, strict=True):
        deviation = (expected * (1 - expected) / mask.numel()) ** 0.5
        assert abs(float(mask.double().mean()) - expected) < 5 * deviation


@pytest.mark.parametrize(
    ("arguments", "name"),
    [
        (((784,), 0.2), "widths"),
        (((784, 0), 0.2), r"widths\[1\]"),
        (((784, 10), 1.5), "density"),
        (((784, 10), 0.5, "she"), "init"),
    ],
)
def test_bad_arguments_of_layer_densities(arguments, name):
    with pytest.raises(ValueError, match=name):
        expected_magnitude_densities(*arguments)
