"""Families of graphons: their closed-form block means against numerical integration."""

import numpy as np
import pytest
from graphons_strategies import edges
from hypothesis import given

from graphon_lib.graphons import Assortative, Constant, PowerLaw, Ramp, StepGraphon, Threshold

FAMILIES = [
    Constant(0.3),
    PowerLaw(0.9, 1.5, 0.4),
    PowerLaw(1.0, 0.0, 3.0),
    Ramp(0.7, -0.4, -0.2),
    Ramp(0.0, 0.5, 0.5),
    Threshold(0.9, 0.8, 0.1),
    Threshold(1.4),
    Assortative(0.6, 0.1, 0.3, 0.7),
    Assortative(0.2, 0.5, 0.0, 1.0),
]
SMOOTH = FAMILIES[:5]


@pytest.mark.parametrize("family", SMOOTH, ids=repr)
def test_block_means_of_smooth_families_match_gauss_legendre_quadrature(family):
    # 200 nodes a side; the power singularities at 1 leave an error of order 200^(-2 - 2 * 0.4).
    nodes, weights = np.polynomial.legendre.leggauss(200)
    row_edges, col_edges = np.array([0.0, 0.13, 0.6, 1.0]), np.array([0.0, 0.45, 1.0])
    means = family.block_means(row_edges, col_edges)
    for a in range(3):
        for b in range(2):
            u = row_edges[a] + (row_edges[a + 1] - row_edges[a]) * (1 + nodes) / 2
            v = col_edges[b] + (col_edges[b + 1] - col_edges[b]) * (1 + nodes) / 2
            mean = weights @ family(u[:, None], v) @ weights / 4
            assert means[a, b] == pytest.approx(mean, abs=1e-6)


@pytest.mark.parametrize("family", FAMILIES, ids=repr)
@given(row_edges=edges(), col_edges=edges())
def test_block_means_integrate_to_the_same_density_on_every_partition(family, row_edges, col_edges):
    areas = np.outer(np.diff(row_edges), np.diff(col_edges))
    density = family.block_means([0.0, 1.0], [0.0, 1.0])[0, 0]
    assert (family.block_means(row_edges, col_edges) * areas).sum() == pytest.approx(density)


@pytest.mark.parametrize("family", FAMILIES, ids=repr)
def test_block_means_match_a_fine_midpoint_rule(family):
    # Where a family jumps, cells of the rule that the jump crosses err by their area: O(1 / n).
    n = 1200
    positions = (np.arange(n) + 0.5) / n
    fine = family(positions[:, None], positions)
    means = family.block_means(np.arange(4) / 3, np.arange(5) / 4)
    rule = fine.reshape(3, n // 3, 4, n // 4).mean(axis=(1, 3))
    assert np.abs(means - rule).max() < 4 / n


def test_threshold_areas_by_hand():
    means = Threshold(1.0).block_means([0.0, 0.5, 1.0], [0.0, 0.5, 1.0])
    assert means == pytest.approx(np.array([[1.0, 0.5], [0.5, 0.0]]))
    assert Threshold(0.5).block_means([0.0, 1.0], [0.0, 1.0])[0, 0] == pytest.approx(0.125)
    assert Threshold(2.0).block_means([0.0, 1.0], [0.0, 1.0])[0, 0] == 1.0
    assert Threshold(0.0).block_means([0.0, 1.0], [0.0, 1.0])[0, 0] == 0.0


def test_threshold_is_strict():
    assert Threshold(1.0)(0.5, 0.5) == 0.0
    assert Threshold(1.0)(0.5, 0.25) == 1.0


def test_assortative_values():
    family = Assortative(0.6, 0.1, 0.3, 0.7)
    assert family([0.2, 0.2, 0.5, 0.5], [0.5, 0.8, 0.5, 0.8]).tolist() == [0.6, 0.1, 0.1, 0.6]


def test_projection_converges_in_mean_square():
    # For a ramp the distance between projections on K and 4 K blocks is known: the variance of a
    # linear function within a block is (slope / K)^2 / 12, of which 1 - 1 / 16 separates the two.
    ramp = Ramp(0.7, -0.4, -0.2)
    for blocks in (4, 8, 16):
        coarse = StepGraphon.from_function(ramp, blocks, blocks).values
        fine = StepGraphon.from_function(ramp, 4 * blocks, 4 * blocks).values
        variance = (0.4**2 + 0.2**2) / (12 * blocks**2) * (1 - 1 / 16)
        difference = np.kron(coarse, np.ones((4, 4))) - fine
        assert np.mean(difference**2) == pytest.approx(variance, rel=1e-10)


def test_from_function_takes_numbers_or_masses():
    graphon = StepGraphon.from_function(Constant(0.3), 4, [0.2, 0.8])
    assert graphon == StepGraphon(np.full((4, 2), 0.3), None, [0.2, 0.8])


def test_a_ramp_down_to_zero_is_a_graphon_whatever_the_rounding():
    assert 1.0 - 0.9 - 0.1 < 0
    ramp = Ramp(1.0, -0.9, -0.1)
    assert ramp(1.0, 1.0) == 0.0
    assert ramp(0.5, 1.0) == 1.0 - 0.9 * 0.5 - 0.1
    with pytest.raises(ValueError, match="must lie in"):
        Ramp(1.0, -0.9, -0.1 - 1e-11)
