"""The kernels of networks whose kept weights have a mean."""

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from ntk_strategies import (
    SEEDS,
    drifting,
    mean_and_error,
    networks,
    random_network,
    reference_kernels,
    seeded_inputs,
)
from scipy.special import erf

from graphon_lib.graphons import GraphonNetwork, StepGraphon, sample_weights
from graphon_lib.ntk import ACTIVATIONS, empirical_ntk, graphon_nngp, graphon_ntk, tiles

KERNELS = (graphon_ntk, graphon_nngp)


def drifting_network(blocks, rng, size=1.0, **options):
    return drifting(random_network(blocks, rng), rng, size, **options)


@pytest.mark.parametrize("activation", ["relu", "leaky_relu", "erf", "linear"])
@pytest.mark.parametrize("own_layer", ["mask", "dense"])
@pytest.mark.parametrize("s_b", [0.0, (0.5, 0.0, 0.2, 1.5)])
def test_forward_and_backward_recursion_agree(activation, own_layer, s_b):
    rng = np.random.default_rng(0)
    network, x = drifting_network((6, 4, 3, 5, 2), rng), seeded_inputs((3, 6))
    options = {"activation": activation, "per_output": True, "bias_variance": s_b}
    ntk = graphon_ntk(x, network, own_layer=own_layer, **options)
    nngp = graphon_nngp(x, network, **options)
    sigma = ACTIVATIONS[activation]

    def moments(*pair):
        return [moment.item() for moment in sigma.moments_with_mean(*map(np.atleast_1d, pair))]

    def mean(m, q):
        return sigma.mean(np.atleast_1d(m), np.atleast_1d(q)).item()

    for i, j in itertools.product(range(3), repeat=2):
        c, theta = reference_kernels(x[i], x[j], network, own_layer, moments, mean, s_b=s_b)
        np.testing.assert_allclose(nngp[:, i, j], c, rtol=1e-11)
        np.testing.assert_allclose(ntk[:, i, j], theta, rtol=1e-11)


@pytest.mark.parametrize("kernel", KERNELS)
@pytest.mark.parametrize("activation", [*ACTIVATIONS, np.tanh])
def test_no_drift_is_the_limit_of_small_drifts(kernel, activation):
    x = seeded_inputs((2, 6))
    network = drifting_network((6, 2, 2, 1), np.random.default_rng(1))
    plain = kernel(x, network.without_drifts(), activation=activation)
    for size in (0.0, 1e-200, 1e-13):
        small = GraphonNetwork(
            network.layers, network.second_moments, [size * drift for drift in network.drifts]
        )
        np.testing.assert_allclose(kernel(x, small, activation=activation), plain, rtol=1e-10)


@pytest.mark.parametrize("kernel", KERNELS)
def test_the_mean_over_outputs_other_inputs_and_threads(monkeypatch, kernel):
    rng = np.random.default_rng(2)
    network, x = drifting_network((6, 40, 170, 3), rng), seeded_inputs((30, 6))
    whole = kernel(x, network)
    assert np.array_equal(whole, whole.T)
    assert np.linalg.eigvalsh(whole)[0] > -1e-10 * np.trace(whole)
    monkeypatch.setattr(tiles, "threads", lambda: 3)
    np.testing.assert_allclose(kernel(x, network), whole, rtol=1e-11)
    np.testing.assert_allclose(kernel(x[:7], network, x[20:]), whole[:7, 20:], rtol=1e-11)
    apart = kernel(x, network, per_output=True)
    mean = np.tensordot(network.layers[-1].row_mass, apart, axes=1)
    np.testing.assert_allclose(mean, whole, rtol=1e-11)


@given(networks(inputs=3), SEEDS, st.floats(0, 30), st.sampled_from([*ACTIVATIONS]))
def test_kernels_are_finite_and_positive_whatever_is_dead(network, seed, size, activation):
    rng = np.random.default_rng(seed)
    second = network.second_moments or [layer.values for layer in network.layers]
    drifts = [size * rng.normal(size=moment.shape) * (moment > 0) for moment in second]
    largest = np.sqrt(3 * network.layers[0].values * second[0])
    drifts[0] = np.clip(drifts[0], -largest, largest)
    drifting = GraphonNetwork(network.layers, second, drifts)
    x = np.vstack([np.zeros((1, 3)), rng.integers(-1, 2, (3, 3)).astype(float)])
    for kernel in KERNELS:
        values = kernel(x, drifting, activation=activation)
        assert np.isfinite(values).all()
        assert np.linalg.eigvalsh(values)[0] >= -1e-8 * max(np.trace(values), 1e-300)


def test_weights_that_are_all_equal_make_the_first_layer_deterministic():
    # V = D^2 / d: nothing is random in the first layer, and the network is a function of its mean.
    layers = [StepGraphon(np.ones((1, 4))), StepGraphon([[1.0]])]
    network = GraphonNetwork(
        layers, [np.full((1, 4), 0.25), [[1.0]]], [np.full((1, 4), -1.0), [[0.0]]]
    )
    x = np.array([[1.0, 2.0, 3.0, -1.0], [-1.0, -1.0, 0.0, 0.0]])
    mean = np.sqrt(2) * -0.5 / 2 * x.sum(axis=1)
    hidden = np.maximum(mean, 0)
    np.testing.assert_allclose(graphon_nngp(x, network), 2 * np.outer(hidden, hidden), rtol=1e-13)


def test_a_single_input_column_stands_for_all():
    rng = np.random.default_rng(4)
    x = seeded_inputs((3, 5))
    last = [StepGraphon(rng.random((2, 3))), rng.random((2, 3)), rng.normal(size=(2, 3))]
    values, second, drift = rng.uniform(0.5, 1, (3, 1)), rng.uniform(1, 2, (3, 1)), [[1], [-1], [0]]
    one, each = (
        GraphonNetwork(
            [StepGraphon(np.repeat(values, columns, 1)), last[0]],
            [np.repeat(second, columns, 1), last[1]],
            [np.repeat(drift, columns, 1), last[2]],
        )
        for columns in (1, 5)
    )
    for kernel in KERNELS:
        np.testing.assert_allclose(kernel(x, one), kernel(x, each), rtol=1e-12)
    with pytest.raises(ValueError, match=r"drifts\[0\] must be at most sqrt\(n W V\), .* of 1 inp"):
        graphon_ntk(x[:, :1], GraphonNetwork([StepGraphon([[0.5]])], None, [[[1.0]]]))


def test_wide_networks_meet_the_kernel_and_not_that_without_drift():
    rng = np.random.default_rng(6)
    network, x = drifting_network((20, 3, 2, 2), rng), seeded_inputs((4, 20))
    samples = [
        empirical_ntk(*sample_weights(network, (20, 512, 512, 2), rng), x) for _ in range(40)
    ]
    mean, error = mean_and_error(samples)
    assert np.linalg.norm(mean - graphon_ntk(x, network)) < 3 * error
    plain = graphon_ntk(x, network.without_drifts())
    assert np.linalg.norm(mean - plain) > 20 * error


def test_an_activation_without_means_is_refused():
    class Plain:
        def moments(self, covariance, variance1, variance2):
            return covariance, covariance

    network, x = drifting_network((2, 2), np.random.default_rng(7)), np.ones((1, 2))
    for function in KERNELS:
        with pytest.raises(ValueError, match="activation must have methods moments_with_mean"):
            function(x, network, activation=Plain())
    assert np.isfinite(graphon_ntk(x, network.without_drifts(), activation=Plain())).all()


def test_signals_that_overflow_are_refused():
    network = GraphonNetwork(GraphonNetwork.dense(3).layers, None, [[[0.0]], [[1e80]], [[0.0]]])
    with pytest.raises(ValueError, match=r"x1 must give the blocks of layer . a mean of at most"):
        graphon_ntk(np.ones((1, 3)), network)


def test_expansions_agree_with_closed_forms_over_layers():
    network, x = (
        drifting_network((6, 3, 3, 2), np.random.default_rng(8), 0.5),
        seeded_inputs((3, 6)),
    )
    closed = graphon_ntk(x, network, activation="erf")
    np.testing.assert_allclose(graphon_ntk(x, network, activation=erf), closed, rtol=1e-8)
