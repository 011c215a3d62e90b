"""Moments of kept weights, their standard errors, and drifts freed of noise."""

import numpy as np
import pytest
from scipy.stats import norm

from graphon_lib.graphons import GraphonNetwork, shrink_drift
from graphon_lib.graphons.neuron_blocks import hidden_blocks
from graphon_lib.graphons.weight_moments import weight_moments


def blocks_of(count, blocks):
    return np.arange(count) * blocks // count


def test_the_error_is_the_deviation_of_the_drift():
    # A block pair of 4 x 5 entries, 40,000 times: of 20 entries about 6 are kept.
    rng = np.random.default_rng(0)
    side = 200
    weight, mask = rng.standard_normal((4 * side, 5 * side)), rng.random((4 * side, 5 * side)) < 0.3
    moments = weight_moments(weight, mask, blocks_of(4 * side, side), blocks_of(5 * side, side))
    kept = moments.drift_error > 0
    ratio = (moments.drift[kept] / moments.drift_error[kept]) ** 2
    # Exactly 1 in expectation; the sum of m random signs squared over m has variance below 2.
    assert ratio.mean() == pytest.approx(1.0, abs=4 * np.sqrt(2 / kept.sum()))


def test_moments_by_hand():
    moments = weight_moments(
        np.array([[2.0, 9.0], [-1.0, 3.0]]),
        np.array([[True, False], [True, True]]),
        np.array([0, 0]),
        np.array([0, 1]),
    )
    assert moments.second_moment == pytest.approx(np.array([[2.5, 4.5]]))
    assert moments.drift == pytest.approx(np.sqrt(2) * np.array([[0.5, 1.5]]))
    assert moments.drift_error**2 == pytest.approx(np.array([[2.5, 4.5]]))


def test_magnitude_pruned_weights_have_the_moments_of_a_truncated_normal():
    # Kept are |w| > t: V = p + 2 t phi(t), and D = 0 up to a deviation of sqrt(V) / sqrt(n_out).
    weight = np.random.default_rng(4).standard_normal((400, 300))
    threshold = norm.isf(0.1)
    one_block = np.zeros(400, int), np.zeros(300, int)
    moments = weight_moments(weight, np.abs(weight) > threshold, *one_block)
    second = 0.2 + 2 * threshold * norm.pdf(threshold)
    assert moments.second_moment.item() == pytest.approx(second, abs=4 * np.sqrt(3 / 120000))
    assert abs(moments.drift.item()) < 4 * np.sqrt(second / 400)


@pytest.mark.parametrize("shape", [(16, 16), (10, 64), (64, 200)])
def test_noise_alone_is_shrunk_to_nothing(shape):
    # The largest singular value of noise lies above the edge in a sixth of cases, by little.
    rng = np.random.default_rng(1)
    error = rng.uniform(0.5, 2.0, shape)
    left = 0.0
    for _ in range(20):
        drift = error * rng.choice([-1.0, 1.0], shape)
        left += np.sum(shrink_drift(drift, error) ** 2) / np.sum(drift**2) / 20
    assert left < 0.01


@pytest.mark.parametrize("method", ["magnitude", "random"])
def test_networks_without_drift_are_found_to_have_none(method):
    rng = np.random.default_rng(2)
    weights = [rng.standard_normal(shape) for shape in ((160, 30), (160, 160), (10, 160))]
    masks = [
        np.abs(w) > 1.0 if method == "magnitude" else rng.random(w.shape) < 0.3 for w in weights
    ]
    shrunk = GraphonNetwork.from_masks(masks, weights, blocks=16)
    raw = GraphonNetwork.from_masks(masks, weights, blocks=16, shrinkage=False)
    for small, large in zip(shrunk.drifts, raw.drifts, strict=True):
        assert np.sum(small**2) < 0.02 * np.sum(large**2)


def test_a_drift_of_low_rank_survives():
    # Each entry is below its error, so that shrinking entries one by one would lose most of it.
    rng = np.random.default_rng(3)
    truth = 0.6 * np.outer(rng.choice([-1, 1], 64), np.ones(64))
    error = np.ones((64, 64))
    drift = truth + rng.standard_normal((64, 64))
    shrunk = shrink_drift(drift, error)
    factor = max(np.mean(drift**2) - 1.0, 0.0) / np.mean(drift**2)
    loss, loss_of_entries, loss_raw = (
        np.sum((estimate - truth) ** 2) for estimate in (shrunk, factor * drift, drift)
    )
    assert loss < 0.25 * loss_of_entries < 0.25 * loss_raw
    # Of a rank-1 signal s in unit noise, s times the cosines between its vectors and those seen.
    signal = 0.6 * 64
    cosines = (signal**4 - 64**2) / (signal**4 + 64 * signal**2)
    assert np.linalg.norm(shrunk, 2) == pytest.approx(signal * cosines, rel=0.1)


def test_shrinkage_keeps_units_and_large_drifts():
    rng = np.random.default_rng(4)
    error = rng.uniform(0.5, 2.0, (12, 20))
    error[3], error[:, 5] = 0.0, 0.0
    drift = 1e4 * error * np.outer(rng.standard_normal(12), rng.standard_normal(20))
    shrunk = shrink_drift(drift, error)
    assert shrunk == pytest.approx(drift, rel=1e-3, abs=1e-3 * np.abs(drift).max())
    assert not shrunk[3].any()
    assert shrink_drift(7 * drift, 7 * error) == pytest.approx(7 * shrunk)
    assert not shrink_drift(np.zeros((3, 4)), np.zeros((3, 4))).any()


def test_shrunk_drifts_are_possible_moments():
    # Blocks of a few entries, some with a single kept weight: (E w M)^2 <= E M E w^2 M holds in each.
    rng = np.random.default_rng(5)
    masks = [rng.random(shape) < 0.5 for shape in ((200, 30), (30, 200))]
    weights = [np.abs(rng.standard_normal(mask.shape)) for mask in masks]
    network = GraphonNetwork.from_masks(masks, weights, blocks=100)
    for layer, second, drift, mask in zip(
        network.layers, network.second_moments, network.drifts, masks, strict=True
    ):
        assert drift.any()
        assert (drift**2 <= mask.shape[1] * layer.values * second * (1 + 1e-12)).all()


def test_both_orders_tell_clusters_and_degrees_apart():
    # Two groups hear different halves of the inputs; in each, half the neurons speak to all outputs.
    group, speaks = np.repeat([0, 1], 40), np.tile([True, False], 40)
    incoming = group[:, None] == np.repeat([0, 1], 25)[None, :]
    outgoing = np.tile(speaks, (30, 1))
    labels, again = hidden_blocks(incoming, outgoing, 16, "both", np.random.default_rng(0))
    assert np.array_equal(labels, again)
    assert labels.max() < 16
    for block in range(labels.max() + 1):
        assert np.unique(group[labels == block]).size == 1
        assert np.unique(speaks[labels == block]).size == 1


def test_shrinkage_in_any_units():
    # Far above the noise there is nothing to shrink.
    np.testing.assert_allclose(shrink_drift([[1e155, 1.0]], [[1.0, 1.0]]), [[1e155, 1.0]])
    for scale in (1e-200, 1e200):
        drift = np.array([[5.0, 1.0], [7.0, 2.0]])
        expected = scale * shrink_drift(drift, np.ones((2, 2)))
        np.testing.assert_allclose(shrink_drift(scale * drift, np.full((2, 2), scale)), expected)
    with pytest.raises(ValueError, match="drift must be at most 1e308 of its errors"):
        shrink_drift([[1e308]], [[1e-308]])
