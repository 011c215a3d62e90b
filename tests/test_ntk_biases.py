"""The graphon kernels of networks with biases: recursions written out, laws, and finite networks."""

import numpy as np
import pytest
from ntk_strategies import drifting, mean_and_error, random_network, seeded_inputs

from graphon_lib.graphons import GraphonNetwork, StepGraphon, sample_weights
from graphon_lib.ntk import empirical_ntk, graphon_nngp, graphon_ntk
from graphon_lib.pruning import INITIALISATIONS

KERNELS = (graphon_nngp, graphon_ntk)


def closed_recursion(x, depth, s_w, s_b):
    """Dense ReLU kernels as neural_tangents makes them, layer by layer, with Dense(W_std, b_std).

    Dense: nngp -> s_w nngp + s_b and ntk -> nngp + s_w ntk; ReLU: the arc-cosine kernels.
    """
    nngp, ntk = x @ x.T / x.shape[1], np.zeros((len(x), len(x)))
    for layer in range(depth):
        if layer:
            norms = np.sqrt(np.outer(nngp.diagonal(), nngp.diagonal()))
            k = np.clip(nngp / norms, -1, 1)
            np.fill_diagonal(k, 1.0)
            angle = np.arccos(k)
            ntk = ntk * (np.pi - angle) / (2 * np.pi)
            nngp = norms * (np.sqrt(1 - k**2) + (np.pi - angle) * k) / (2 * np.pi)
        nngp = s_w * nngp + s_b
        ntk = nngp + s_w * ntk
    return nngp, ntk


@pytest.mark.parametrize("depth", range(1, 6))
@pytest.mark.parametrize(("s_w", "s_b"), [(2.0, 0.1), (1 / 3, 1.7), (1.5, 0.0)])
def test_dense_networks_have_the_closed_recursion_of_neural_tangents(depth, s_w, s_b):
    x = seeded_inputs((12, 9))
    options = {"weight_variance": s_w, "bias_variance": s_b}
    for kernel, expected in zip(KERNELS, closed_recursion(x, depth, s_w, s_b), strict=True):
        ours = kernel(x, GraphonNetwork.dense(depth), **options)
        np.testing.assert_allclose(ours, expected, rtol=1e-12)


def test_dense_networks_have_the_kernels_of_neural_tangents():
    stax = pytest.importorskip("neural_tangents").stax
    x = seeded_inputs((12, 9))
    dense = {"W_std": 1.5**0.5, "b_std": 0.3**0.5}
    layers = [stax.Dense(100, **dense), stax.Relu()] * 3
    *_, exact = stax.serial(*layers, stax.Dense(1, **dense))
    for kernel, name in zip(KERNELS, ("nngp", "ntk"), strict=True):
        ours = kernel(x, GraphonNetwork.dense(4), weight_variance=1.5, bias_variance=0.3)
        np.testing.assert_allclose(ours, np.asarray(exact(x, None, name)), rtol=1e-5)


@pytest.mark.parametrize("kernel", KERNELS)
def test_a_bias_is_an_input_that_is_always_one(kernel):
    """In the first layer, dense or pruned, where the inputs are given and the read-out has none."""
    network, x = random_network((6, 4, 1), np.random.default_rng(1)), seeded_inputs((5, 6))
    first, last = network.layers
    wider = GraphonNetwork(
        [StepGraphon(np.hstack([first.values, np.ones((4, 1))]), first.row_mass), last]
    )
    # Seven inputs for six: all of them larger, so that each weighs as much as before.
    constant = np.full((5, 1), (0.3 * 6 / 2) ** 0.5)
    inputs_and_one = np.hstack([x, constant]) * (7 / 6) ** 0.5
    ours = kernel(x, network, bias_variance=[0.3, 0.0])
    np.testing.assert_allclose(ours, kernel(inputs_and_one, wider), rtol=1e-12)


def test_where_all_weights_are_pruned_the_biases_are_left():
    network = GraphonNetwork([StepGraphon([[0.0]])] * 3)
    x = seeded_inputs((3, 4))
    for kernel in KERNELS:
        np.testing.assert_array_equal(kernel(x, network, bias_variance=[0.1, 0.2, 0.3]), 0.3)


def seen_inputs_network(blocks, rng):
    """Return a random network whose first layer has 0 and 1: masks of few inputs are not averaged.

    Its read-out should be one block, because a few outputs cannot have blocks of unequal masses.
    """
    first, *others = random_network(blocks, rng).layers
    return GraphonNetwork([StepGraphon(np.round(first.values), first.row_mass), *others])


def sampled(network, widths, x, rng, law, units):
    """Draw a finite network from a graphon, its weights and biases of a law, and return its kernel."""
    masks = network.sample_masks(widths, rng)

    def draw(shape):
        return rng.normal(size=shape) if law == "normal" else rng.uniform(-(3**0.5), 3**0.5, shape)

    weights, biases = [draw(mask.shape) for mask in masks], [draw(len(mask)) for mask in masks]
    return empirical_ntk(weights, masks, x, biases=biases, **units)


@pytest.mark.parametrize("activation", ["relu", "erf"])
def test_wide_networks_with_normal_biases_meet_the_kernel(activation):
    """Mean of 60 networks, within 3 standard errors of the whole matrix; without biases far off."""
    rng = np.random.default_rng(3)
    network, x = seen_inputs_network((12, 3, 4, 1), rng), seeded_inputs((5, 12))
    units = {"activation": activation, "weight_variance": 1.4, "bias_variance": [0.4, 0.2, 0.7]}
    samples = [sampled(network, (12, 512, 512, 2), x, rng, "normal", units) for _ in range(60)]
    mean, error = mean_and_error(samples)
    theory = graphon_ntk(x, network, **units)
    assert error < 0.03 * np.linalg.norm(theory)
    assert np.linalg.norm(mean - theory) < 3 * error
    units["bias_variance"] = 0.0
    assert np.linalg.norm(mean - graphon_ntk(x, network, **units)) > 10 * error


def test_wide_networks_of_pytorch_s_law_meet_the_kernel():
    """Uniform weights and biases, 300 inputs: the normal law is missed by order 1/300, and the mean
    of 60 networks is within 3 standard errors and that much; biases of a hidden layer by 1/n.
    """
    rng, record = np.random.default_rng(4), INITIALISATIONS["torch"]
    network = random_network((1, 3, 4, 1), rng)
    widths, x = (300, 512, 512, 2), seeded_inputs((5, 300))
    units = {
        "weight_variance": record.weight_variance,
        "bias_variance": [record.bias_variance / n for n in widths[:-1]],
    }
    samples = [sampled(network, widths, x, rng, "uniform", units) for _ in range(60)]
    mean, error = mean_and_error(samples)
    theory = graphon_ntk(x, network, **units)
    assert np.linalg.norm(mean - theory) < 3 * error + np.linalg.norm(theory) / 300
    assert error < 0.02 * np.linalg.norm(theory)


def test_wide_networks_with_drifts_and_biases_meet_the_kernel():
    """Mean of 60 networks, within 3 standard errors; without drifts or biases over 5 off."""
    rng = np.random.default_rng(5)
    network = drifting(seen_inputs_network((20, 3, 2, 1), rng), rng)
    x = seeded_inputs((4, 20))
    widths, units = (20, 512, 512, 2), {"bias_variance": [0.5, 0.3, 0.1]}
    samples = []
    for _ in range(60):
        weights, masks = sample_weights(network, widths, rng)
        biases = [rng.normal(size=len(mask)) for mask in masks]
        samples.append(empirical_ntk(weights, masks, x, biases=biases, **units))
    mean, error = mean_and_error(samples)
    assert np.linalg.norm(mean - graphon_ntk(x, network, **units)) < 3 * error
    for other in ({}, {**units, "network": network.without_drifts()}):
        theory = graphon_ntk(x, other.pop("network", network), **other)
        assert np.linalg.norm(mean - theory) > 5 * error
