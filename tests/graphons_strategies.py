"""Hypothesis strategies for masks and step graphons, and what is done to them, for tests/test_graphons_*.py."""

import hypothesis.strategies as st
import numpy as np
from hypothesis.extra import numpy as hnp

from graphon_lib.graphons import StepGraphon

SEEDS = st.integers(0, 2**32 - 1)


def masks(max_side=8, min_side=1):
    sides = st.integers(min_side, max_side)
    return st.tuples(sides, sides).flatmap(lambda shape: hnp.arrays(np.bool_, shape))


def masses(count, allow_zero=True):
    parts = hnp.arrays(np.int64, count, elements=st.integers(0 if allow_zero else 1, 20))
    return parts.filter(lambda part: part.sum() > 0).map(lambda part: part / part.sum())


@st.composite
def step_graphons(draw, max_side=6, rows=None, cols=None, allow_zero=True):
    shape = (
        draw(st.integers(1, max_side)) if rows is None else rows,
        draw(st.integers(1, max_side)) if cols is None else cols,
    )
    values = draw(hnp.arrays(np.float64, shape, elements=st.floats(0, 1)))
    row_mass = draw(st.none() | masses(shape[0], allow_zero))
    col_mass = draw(st.none() | masses(shape[1], allow_zero))
    return StepGraphon(values, row_mass, col_mass)


@st.composite
def edges(draw, max_blocks=5):
    return np.concatenate(
        [[0.0], np.cumsum(draw(masses(draw(st.integers(1, max_blocks)), False)))[:-1], [1.0]]
    )


def refined(graphon, row_edges, col_edges):
    """Return the same graphon with its blocks cut at more edges."""
    masses = [
        np.diff(np.unique(np.round(np.union1d(own, more), 13)))
        for own, more in ((graphon.row_edges, row_edges), (graphon.col_edges, col_edges))
    ]
    return StepGraphon.from_function(graphon, *masses)


def transposed(graphon):
    return StepGraphon(graphon.values.T, graphon.col_mass, graphon.row_mass)
