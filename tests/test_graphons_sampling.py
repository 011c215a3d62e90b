"""Masks and weights drawn from graphons have the probabilities and moments asked for."""

import numpy as np
import pytest

from graphon_lib.graphons import GraphonNetwork, StepGraphon, sample_mask, sample_weights, sampling

GRAPHON = StepGraphon([[0.8, 0.2], [0.4, 0.05]], [0.25, 0.75], [0.5, 0.5])


def test_block_frequencies_are_binomial():
    mask = sample_mask(GRAPHON, (800, 600), np.random.default_rng(0))
    for a, rows in enumerate((slice(0, 200), slice(200, 800))):
        for b, cols in enumerate((slice(0, 300), slice(300, 600))):
            block, p = mask[rows, cols], GRAPHON.values[a, b]
            assert abs(block.mean() - p) < 4 * np.sqrt(p * (1 - p) / block.size)


def test_entries_are_independent_of_their_neighbours():
    # The correlation of independent fair entries with their neighbours is normal, sd 1 / sqrt(count).
    mask = sample_mask(StepGraphon([[0.5]]), (1000, 1000), np.random.default_rng(1)) - 0.5
    for products in (mask[1:] * mask[:-1], mask[:, 1:] * mask[:, :-1]):
        assert abs(products.mean() * 4) < 4 / np.sqrt(products.size)


def test_zero_and_one_are_certain():
    mask = sample_mask(StepGraphon([[0.0, 1.0]]), (50, 80), np.random.default_rng(0))
    assert not mask[:, :40].any()
    assert mask[:, 40:].all()
    assert mask.dtype == np.bool_


def test_result_does_not_depend_on_the_size_of_chunks(monkeypatch):
    whole = sample_mask(GRAPHON, (37, 23), np.random.default_rng(5))
    monkeypatch.setattr(sampling, "CHUNK_ENTRIES", 40)
    assert np.array_equal(sample_mask(GRAPHON, (37, 23), np.random.default_rng(5)), whole)


LAYERS = [
    StepGraphon([[0.3, 0.0], [0.9, 1.0]], [0.25, 0.75]),
    StepGraphon([[0.5, 0.2]], None, [0.25, 0.75]),
]
SECOND = [[[0.6, 0.0], [0.5, 2.0]], [[0.5, 1.0]]]
DRIFTS = [[[-0.4, 0.0], [0.9, 0.0]], [[3.0, -5.0]]]
NETWORK = GraphonNetwork(LAYERS, SECOND, DRIFTS)


def test_moments_are_those_asked_for():
    weights, masks = sample_weights(NETWORK, (2, 4000, 400), np.random.default_rng(0))
    for number, (rows, cols) in enumerate((((0, 1000), (0, 1)), ((0, 400), (0, 1000)))):
        for block, (first, last) in enumerate((cols, (cols[1], weights[number].shape[1]))):
            part = weights[number][rows[0] : rows[1], first:last]
            kept = masks[number][rows[0] : rows[1], first:last]
            count, n = part.size, weights[number].shape[1]
            w, v, d = (
                np.asarray(each[number])[0, block]
                for each in ([layer.values for layer in LAYERS], SECOND, DRIFTS)
            )
            assert kept.mean() == pytest.approx(w, abs=5 * np.sqrt(w * (1 - w) / count))
            assert part.mean() == pytest.approx(
                d / np.sqrt(n), abs=5 * np.sqrt((v - d**2 / n) / count)
            )
            fourth = np.mean(part**4)
            assert np.mean(part**2) == pytest.approx(v, abs=5 * np.sqrt(fourth / count))
            assert not part[~kept].any()


def test_masks_are_those_of_sample_masks():
    widths = (2, 150, 30)
    _, masks = sample_weights(NETWORK, widths, np.random.default_rng(1))
    again = NETWORK.sample_masks(widths, np.random.default_rng(1))
    assert all(np.array_equal(mask, other) for mask, other in zip(masks, again, strict=True))


def test_without_moments_weights_are_standard_normal_on_the_mask():
    network = GraphonNetwork([StepGraphon([[0.4]])] * 2)
    weights, masks = sample_weights(network, (100, 200, 100), np.random.default_rng(2))
    for weight, mask in zip(weights, masks, strict=True):
        kept = weight[mask]
        assert kept.mean() == pytest.approx(0, abs=5 / np.sqrt(kept.size))
        assert kept.var() == pytest.approx(1, abs=5 * np.sqrt(2 / kept.size))


def test_weights_of_one_value():
    network = GraphonNetwork([StepGraphon([[0.5]])], [[[2.0]]], [[[3.0 * 2 * 0.5]]])
    weights, masks = sample_weights(network, (9, 7), np.random.default_rng(3))
    # D^2 = n W V: each kept weight is D / (sqrt n W).
    np.testing.assert_allclose(weights[0], 2.0 * masks[0], rtol=1e-7)


def test_too_few_inputs_for_the_drift():
    with pytest.raises(ValueError, match=r"drifts\[1\] must be at most sqrt\(n W V\), .* of 9 inp"):
        sample_weights(NETWORK, (2, 9, 3), np.random.default_rng(0))


def test_moments_out_of_range_are_refused():
    network = GraphonNetwork([StepGraphon([[1e-300]])], [[[1e300]]])
    with pytest.raises(
        ValueError, match=r"second_moments\[0\] over densities must be in the range"
    ):
        sample_weights(network, (3, 2), np.random.default_rng(0))


def test_exact_masks_follow_a_graphon_of_many_row_blocks():
    """A column's count stays within 1 of what is expected, over the first row blocks, however many.

    Counts that are all rounded to the nearest, or the largest ones up, would run away.
    """
    values = np.random.default_rng(0).choice([0.05, 0.1, 0.2], (30, 30))
    network = GraphonNetwork([StepGraphon(np.ones((30, 1))), StepGraphon(values)])
    expected = np.kron(values, np.ones((2, 2)))
    for seed in range(5):
        mask = network.sample_masks((3, 60, 60), np.random.default_rng(seed), exact=True)[1]
        ahead = np.cumsum(mask - expected, axis=0)[1::2]
        assert np.abs(ahead).max() < 1
