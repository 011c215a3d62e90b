"""Co-clustering and residual singular values: what degrees cannot see, and what noise explains."""

import numpy as np
import pytest
from graphons_strategies import SEEDS, masks
from hypothesis import given
from hypothesis import strategies as st
from scipy.sparse import linalg as sparse_linalg

from graphon_lib.graphons import (
    Constant,
    PowerLaw,
    Ramp,
    StepGraphon,
    block_means,
    cocluster_blocks,
    cut_norm,
    degree_blocks,
    noise_floor,
    residual_singular_values,
    sample_mask,
)
from graphon_lib.graphons.singular import debiased_singular_value, leading_singular_vectors


def planted(n, m, classes, rng, within=0.55, between=0.16):
    """Return a mask whose nodes have hidden classes but equal expected degrees, and the classes."""
    rows, cols = rng.permutation(np.arange(n) % classes), rng.permutation(np.arange(m) % classes)
    same = rows[:, None] == cols
    return rng.random((n, m)) < np.where(same, within, between), rows, cols


def agreement(labels, classes):
    """Return the fraction of nodes that are in a block where most are of their class."""
    table = np.zeros((labels.max() + 1, classes.max() + 1))
    np.add.at(table, (labels, classes), 1)
    return table.max(axis=1).sum() / labels.size


@given(masks(12), st.integers(1, 8), SEEDS)
def test_any_mask_gives_valid_blocks_and_its_density(mask, wanted, seed):
    labels = cocluster_blocks(mask, wanted, np.random.default_rng(seed))
    for side, label in zip(mask.shape, labels, strict=True):
        assert label.shape == (side,)
        assert np.array_equal(np.unique(label), np.arange(label.max() + 1))
        assert label.max() < wanted
    graphon = block_means(mask, *labels)
    assert graphon.density == pytest.approx(mask.mean(), abs=1e-12)
    assert (np.diff(graphon.row_degrees) <= 1e-12).all()
    assert (np.diff(graphon.column_degrees) <= 1e-12).all()


def test_hidden_classes_of_equal_degrees_are_found():
    rng = np.random.default_rng(0)
    mask, rows, cols = planted(600, 400, 5, rng)
    row_labels, col_labels = cocluster_blocks(mask, 5, rng)
    assert agreement(row_labels, rows) > 0.99
    assert agreement(col_labels, cols) > 0.99
    assert agreement(degree_blocks(mask, 5)[0], rows) < 0.4


def test_co_clustering_takes_out_the_singular_values_that_degrees_leave():
    rng = np.random.default_rng(1)
    mask, _, _ = planted(600, 400, 5, rng)
    floor = noise_floor(StepGraphon([[mask.mean()]]), mask.shape)
    by_degree = residual_singular_values(mask, *degree_blocks(mask, 20))
    by_likeness = residual_singular_values(mask, *cocluster_blocks(mask, 20, rng))
    # Five classes are four directions besides the constant one, each of singular value
    # (.55 - .16) / 5 before sorting.
    assert (by_degree > floor).sum() == 4
    assert by_degree[:4] == pytest.approx(np.full(4, 0.39 / 5), rel=0.15)
    assert by_likeness[0] < floor


@pytest.mark.parametrize("family", [Constant(0.2), PowerLaw(0.8, 1.0, 0.5)], ids=repr)
def test_where_degrees_tell_all_nothing_stands_out_either_way(family):
    rng = np.random.default_rng(2)
    mask = sample_mask(family, (700, 500), rng)
    for labels in (degree_blocks(mask, 25), cocluster_blocks(mask, 25, rng)):
        residual = residual_singular_values(mask, *labels, count=1)
        assert residual[0] < 1.05 * noise_floor(block_means(mask, *labels), mask.shape)


def test_identical_nodes_are_one_block_however_many_are_asked_for():
    mask = np.kron(np.array([[1, 0, 1], [0, 1, 1]]), np.ones((90, 70))).astype(bool)
    graphon = block_means(mask, *cocluster_blocks(mask, 64, np.random.default_rng(0)))
    assert graphon.shape == (2, 3)
    assert set(graphon.values.ravel()) == {0.0, 1.0}


@pytest.mark.parametrize("shape", [(1, 1), (1, 9), (40, 30), (200, 300)])
@pytest.mark.parametrize("value", [False, True])
def test_constant_masks_are_one_block(shape, value):
    labels = cocluster_blocks(np.full(shape, value), 64, np.random.default_rng(0))
    assert not labels[0].any()
    assert not labels[1].any()


def test_singular_vectors_do_not_hang_on_the_luck_of_restarts(monkeypatch):
    """Of matrices of low rank ARPACK now and then finds nothing to go on with."""
    matrix = np.random.default_rng(0).random((200, 300)).astype(np.float32)
    left, values, right = leading_singular_vectors(matrix, 4)

    def unlucky(*_, **__):
        raise sparse_linalg.ArpackError(3)

    monkeypatch.setattr(sparse_linalg, "svds", unlucky)
    in_full = leading_singular_vectors(matrix, 4)
    np.testing.assert_allclose(in_full[1], values, rtol=1e-5)
    for one, other in ((left, in_full[0]), (right, in_full[2])):
        np.testing.assert_allclose(abs(np.sum(one * other, axis=0)), 1.0, rtol=1e-4)


def test_empty_rows_and_columns_share_a_last_block():
    rng = np.random.default_rng(3)
    mask = rng.random((400, 300)) < 0.5
    mask[100:] = False
    mask[:, 200:] = False
    row_labels, col_labels = cocluster_blocks(mask, 8, rng)
    assert set(row_labels[100:]) == {row_labels.max()}
    assert set(col_labels[200:]) == {col_labels.max()}
    assert row_labels.max() not in row_labels[:100]
    assert col_labels.max() not in col_labels[:200]


def test_equal_generators_give_equal_blocks():
    mask = np.random.default_rng(0).random((200, 160)) < 0.3
    first, second = (cocluster_blocks(mask, 16, np.random.default_rng(1)) for _ in range(2))
    assert all(map(np.array_equal, first, second))


@pytest.mark.parametrize("shape", [(6, 4), (150, 200), (300, 180)])
def test_residual_singular_values_match_a_full_decomposition(shape):
    rng = np.random.default_rng(0)
    mask = sample_mask(Ramp(0.6, -0.3, -0.2), shape, rng)
    rows, cols = degree_blocks(mask, 5)
    values = residual_singular_values(mask, rows, cols, count=4)
    dense = mask - block_means(mask, rows, cols).values[np.ix_(rows, cols)]
    expected = np.linalg.svd(dense, compute_uv=False)[:4] / np.sqrt(mask.size)
    assert values == pytest.approx(expected, rel=1e-5)
    assert np.array_equal(values, residual_singular_values(mask, rows, cols, count=4))


def test_the_largest_residual_bounds_the_cut_norm():
    rng = np.random.default_rng(4)
    mask = rng.random((40, 30)) < 0.4
    rows, cols = degree_blocks(mask, 4)
    dense = mask - block_means(mask, rows, cols).values[np.ix_(rows, cols)]
    assert cut_norm(dense).lower <= residual_singular_values(mask, rows, cols, count=1)[0]


def test_blocks_of_single_nodes_leave_nothing():
    mask = np.random.default_rng(0).random((30, 20)) < 0.5
    values = residual_singular_values(mask, np.arange(30), np.arange(20), count=20)
    assert np.array_equal(values, np.zeros(20))


def test_noise_floor_by_hand():
    assert noise_floor(StepGraphon([[0.2]]), (400, 400)) == pytest.approx(2 * 0.4 / 20)
    assert noise_floor(StepGraphon([[0.2]]), (100, 400)) == pytest.approx(0.4 / 10 + 0.4 / 20)
    # A block of mass zero holds no node and makes no noise.
    graphon = StepGraphon([[0.5], [0.0]], [0.0, 1.0])
    assert noise_floor(graphon, (9, 9)) == 0.0


@pytest.mark.parametrize("shape", [(800, 800), (900, 300)])
def test_constant_masks_reach_the_noise_floor(shape):
    # The largest singular value has fluctuations of relative order n^(-2/3), about .02 here.
    mask = sample_mask(Constant(0.2), shape, np.random.default_rng(5))
    zeros = [np.zeros(side, dtype=int) for side in shape]
    top = residual_singular_values(mask, *zeros, count=1)[0]
    assert top == pytest.approx(noise_floor(StepGraphon([[0.2]]), shape), rel=0.03)


def test_uneven_masks_stay_below_the_noise_floor():
    graphon = StepGraphon([[0.9, 0.1], [0.2, 0.02]], [0.1, 0.9], [0.3, 0.7])
    mask = sample_mask(graphon, (1000, 700), np.random.default_rng(6))
    rows = (np.arange(1000) >= 100).astype(int)
    cols = (np.arange(700) >= 210).astype(int)
    top = residual_singular_values(mask, rows, cols, count=1)[0]
    assert 0.5 < top / noise_floor(graphon, (1000, 700)) < 1.02


@pytest.mark.parametrize("size", [0.7, 1.0, 2.0])
def test_a_planted_structure_is_found_at_its_size(size):
    """Noise of variance s^2 / n moves theta to theta + s^2 / theta; fluctuations are of order 1/sqrt n."""
    n, s = 1200, 0.4
    rng = np.random.default_rng(3)
    u, v = (x / np.linalg.norm(x) for x in rng.standard_normal((2, n)))
    noise = rng.standard_normal((n, n)) * s / np.sqrt(n)
    found = leading_singular_vectors((noise + size * np.outer(u, v)).astype(np.float32), 1)[1][0]
    assert found == pytest.approx(size + s**2 / size, abs=4 * s / np.sqrt(n))
    assert debiased_singular_value(found, 2 * s) == pytest.approx(size, abs=6 * s / np.sqrt(n))


def test_what_is_not_above_the_edge_is_not_seen_and_what_is_unknown_stays_so():
    found = debiased_singular_value([0.5, 1.0, 1.25, np.nan], 1.0)
    np.testing.assert_allclose(found, [0.0, 0.0, 1.0, np.nan])
    with pytest.raises(ValueError, match="value and edge must not be negative"):
        debiased_singular_value([0.5, -0.1], 1.0)


def test_more_parts_than_blocks_are_refused():
    with pytest.raises(ValueError, match="degree_parts must be at most blocks, 4, got 10"):
        cocluster_blocks(np.eye(20), 4, np.random.default_rng(0), degree_parts=10)
