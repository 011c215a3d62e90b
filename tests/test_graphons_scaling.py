"""Scaling a step graphon to a density."""

import numpy as np
import pytest
from graphons_strategies import step_graphons
from hypothesis import given
from hypothesis import strategies as st
from scipy.optimize import brentq

from graphon_lib.graphons import StepGraphon
from graphon_lib.graphons.scaling import scale_to_density


@given(step_graphons(max_side=5), st.floats(0, 1))
def test_the_density_is_met_where_the_shape_allows_it(graphon, density):
    scaled = scale_to_density(graphon, density)
    support = StepGraphon(graphon.values > 0, graphon.row_mass, graphon.col_mass).density
    assert scaled.density == pytest.approx(min(density, support), abs=1e-9)
    assert np.array_equal(scaled.row_mass, graphon.row_mass)
    assert np.array_equal(scaled.col_mass, graphon.col_mass)


@given(step_graphons(max_side=4), st.floats(0.01, 1))
def test_one_factor_fits_all_blocks_below_one(graphon, density):
    scaled = scale_to_density(graphon, density).values
    assert (scaled[graphon.values == 0] == 0).all()
    below = (scaled < 1) & (graphon.values > 1e-9)
    factors = scaled[below] / graphon.values[below]
    if factors.size:
        assert factors == pytest.approx(np.full(factors.size, factors[0]), rel=1e-9)
        # A block that was cut would exceed 1 with the same factor.
        assert (factors[0] * graphon.values[scaled == 1] >= 1 - 1e-9).all()


def test_against_a_root_finder():
    rng = np.random.default_rng(3)
    for _ in range(20):
        graphon = StepGraphon(rng.random((4, 6)) ** 3)
        density = rng.uniform(0.05, 0.95)
        factor = brentq(
            lambda c, g=graphon, d=density: np.minimum(c * g.values, 1).mean() - d, 0, 1e9
        )
        expected = np.minimum(factor * graphon.values, 1)
        assert scale_to_density(graphon, density).values == pytest.approx(expected, abs=1e-8)


def test_by_hand():
    graphon = StepGraphon([[0.5, 0.25], [0.25, 0.0]])
    assert scale_to_density(graphon, 0.125).values == pytest.approx(graphon.values / 2)
    # With the factor 2 one block is full; more goes to the other two.
    expected = np.array([[1.0, 0.7], [0.7, 0.0]])
    assert scale_to_density(graphon, 0.6).values == pytest.approx(expected)
    assert np.array_equal(scale_to_density(graphon, 0.9).values, graphon.values > 0)
    assert (scale_to_density(graphon, 0.0).values == 0).all()
    assert (scale_to_density(StepGraphon([[0.0]]), 0.5).values == 0).all()


@pytest.mark.parametrize("tiny", [5e-324, 2.2e-313, 1e-300])
def test_the_smallest_numbers_are_scaled_too(tiny):
    assert scale_to_density(StepGraphon([[tiny]]), 0.5).values == pytest.approx(0.5)
    # Of two halves one is full at density .75, and the other half full.
    scaled = scale_to_density(StepGraphon([[1.0, tiny]]), 0.75).values
    assert scaled == pytest.approx(np.array([[1.0, 0.5]]))
