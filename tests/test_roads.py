"""Roads from a pruned network to a kernel: each is what it says."""

import numpy as np
import pytest

from graphon_lib.experiments.data import load_mnist
from graphon_lib.experiments.pruned import Pruned, start_trial
from graphon_lib.experiments.roads import (
    ROADS,
    SINGLE_PRECISION_INPUTS,
    centred,
    hidden_structure,
    measured_kernel,
    road_kernel,
)
from graphon_lib.graphons import GraphonNetwork
from graphon_lib.ntk import empirical_ntk, graphon_ntk
from graphon_lib.pruning import METHODS


@pytest.fixture(scope="module")
def digits():
    return load_mnist()


@pytest.fixture(scope="module", params=["dense", *METHODS])
def network(request, digits):
    """One network after every method, and dense."""
    started = start_trial(digits, (784, 24, 20, 10), (5, 1))
    if request.param == "dense":
        masks = [np.ones(tuple(w.shape), bool) for w in started.model.weights]
    else:
        ((_, tensors),) = started.masks(request.param, [0.3])
        masks = [mask.numpy() for mask in tensors]
    return Pruned(started, masks, request.param, blocks=6, particles=16)


def test_every_road_leads_to_a_kernel_or_is_none(network, digits):
    x = digits.x_test[:6].astype(float)
    asked_signals = ("re-drawn given signals", "theory, positions", "theory, counted twice")
    for road, record in ROADS.items():
        kernel = road_kernel(road, network, x, np.random.default_rng(0))
        if kernel is None:
            assert road in asked_signals
            assert not record.of_dense
            continue
        assert road not in asked_signals or METHODS[network.pruning].factor
        assert kernel.shape == (6, 6)
        np.testing.assert_allclose(kernel, kernel.T, rtol=1e-9)
        assert np.linalg.eigvalsh(kernel)[0] > -1e-6 * np.trace(kernel)


def test_a_dense_network_has_its_own_kernel_whatever_is_shuffled(digits):
    started = start_trial(digits, (784, 24, 20, 10), (5, 1))
    masks = [np.ones(tuple(w.shape), bool) for w in started.model.weights]
    dense = Pruned(started, masks, "dense", blocks=6)
    x, rng = digits.x_test[:6].astype(float), np.random.default_rng(0)
    np.testing.assert_array_equal(
        road_kernel("shuffled", dense, x, rng), road_kernel("kept", dense, x)
    )
    theories = [road_kernel(f"theory, {order}", dense, x) for order in ("degree", "joint")]
    np.testing.assert_allclose(theories[0], theories[1], rtol=1e-12)


@pytest.mark.parametrize("axis", [None, 0, 1])
def test_centring_takes_the_mean_of_the_kept_weights_away(axis):
    rng = np.random.default_rng(0)
    mask, weight = rng.random((30, 20)) < 0.4, rng.normal(0.5, 1, (30, 20))
    mask[3], mask[:, 7] = False, False
    after = centred(weight, mask, axis)
    np.testing.assert_allclose((after * mask).sum(axis=axis), 0, atol=1e-12)
    # What is taken away is constant over what it is the mean of.
    np.testing.assert_allclose(np.ptp(weight - after, axis=axis), 0, atol=1e-12)


def test_hidden_structure_only_scales_the_kernel(digits):
    rng = np.random.default_rng(0)
    x = digits.x_train[:10].astype(float)
    masks = [rng.random(shape) < rng.random(shape) for shape in ((15, 784), (12, 15), (10, 12))]
    network = hidden_structure(GraphonNetwork.from_masks(masks, blocks=4, order="degree"))
    for before, after in zip(masks, network.layers, strict=True):
        assert after.density == pytest.approx(before.mean())
    dense = graphon_ntk(x, GraphonNetwork.dense(3))
    np.testing.assert_allclose(graphon_ntk(x, network), network.path_density() * dense, rtol=1e-9)
    assert [mask.shape for mask in network.sample_masks((784, 15, 12, 10), rng)] == [
        mask.shape for mask in masks
    ]


def test_single_precision_serves_only_where_it_is_enough():
    rng = np.random.default_rng(0)
    masks = [rng.random(shape) < 0.5 for shape in ((300, 40), (10, 300))]
    weights = [rng.normal(size=mask.shape) for mask in masks]
    x = rng.normal(size=(SINGLE_PRECISION_INPUTS, 40))
    exact = np.linalg.eigvalsh(empirical_ntk(weights, masks, x))
    single = np.linalg.eigvalsh(measured_kernel(weights, masks, x))
    assert 0.0 < np.abs(single / exact - 1.0).max() < 0.01
    # Too few for it, or eigenvalues that span too much.
    np.testing.assert_array_equal(
        measured_kernel(weights, masks, x[1:]), empirical_ntk(weights, masks, x[1:])
    )
    twins = np.repeat(x, 2, axis=0) + 1e-6 * rng.normal(size=(2 * len(x), 40))
    np.testing.assert_array_equal(
        measured_kernel(weights, masks, twins), empirical_ntk(weights, masks, twins)
    )
