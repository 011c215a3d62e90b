"""The graphon of a thresholded product of a weight and its flows."""

import numpy as np
import pytest
from graphons_strategies import edges
from hypothesis import given
from hypothesis import strategies as st
from scipy.integrate import dblquad
from scipy.special import erfc

from graphon_lib.graphons import StepGraphon
from graphon_lib.graphons.flow_threshold import FlowThreshold

DECAYS = st.floats(0, 8)


def test_values_are_the_probability_that_the_score_passes():
    family = FlowThreshold(0.4, 2.0, 1.0)
    w = np.random.default_rng(0).standard_normal(400_000)
    for u, v in [(0.0, 0.0), (0.3, 0.8), (1.0, 0.2)]:
        kept = (np.abs(w) * np.exp(-2.0 * u - v) > 0.4).mean()
        # Five standard errors of a proportion among 400,000.
        assert family(u, v) == pytest.approx(kept, abs=5 * 0.5 / np.sqrt(w.size))


def test_a_mask_of_synflow_scores_has_this_graphon():
    # One layer whose flows are given: the kept fraction in each of 3 x 3 blocks of neurons.
    rng = np.random.default_rng(1)
    n = 1200
    u = (np.arange(n) + 0.5) / n
    scores = np.abs(rng.standard_normal((n, n))) * np.outer(np.exp(-3.0 * u), np.exp(-1.5 * u))
    kept = (scores > 0.3).reshape(3, n // 3, 3, n // 3).mean(axis=(1, 3))
    means = StepGraphon.from_function(FlowThreshold(0.3, 3.0, 1.5), 3, 3).values
    assert np.abs(kept - means).max() < 5 * 0.5 / (n / 3)


@pytest.mark.parametrize("family", [FlowThreshold(0.5, 3.0, 1.0), FlowThreshold(0.01, 8.0, 0.0)])
def test_block_means_are_the_integrals(family):
    row_edges, col_edges = np.array([0.0, 0.3, 1.0]), np.array([0.0, 0.9, 1.0])
    means = family.block_means(row_edges, col_edges)
    a, b, t = family.row_decay, family.col_decay, family.threshold
    for i in range(2):
        for j in range(2):
            integral, error = dblquad(
                lambda v, u: erfc(t * np.exp(a * u + b * v) / np.sqrt(2)),
                *row_edges[i : i + 2],
                *col_edges[j : j + 2],
                epsabs=1e-12,
            )
            area = np.diff(row_edges)[i] * np.diff(col_edges)[j]
            assert error < 1e-10
            assert means[i, j] == pytest.approx(integral / area, abs=1e-9)


@given(st.floats(0, 3), DECAYS, DECAYS, edges(), edges())
def test_block_means_add_up_on_every_partition(threshold, row, col, row_edges, col_edges):
    family = FlowThreshold(threshold, row, col)
    means = family.block_means(row_edges, col_edges)
    areas = np.outer(np.diff(row_edges), np.diff(col_edges))
    whole = family.block_means([0.0, 1.0], [0.0, 1.0])[0, 0]
    assert (means * areas).sum() == pytest.approx(whole, abs=1e-9)
    # Flows fall, and so do the means.
    assert (np.diff(means, axis=0) <= 1e-12).all()
    assert (np.diff(means, axis=1) <= 1e-12).all()


def test_no_threshold_keeps_everything_and_no_decay_is_constant():
    assert (FlowThreshold(0.0, 5.0, 5.0).block_means([0, 0.5, 1], [0, 1]) == 1.0).all()
    flat = FlowThreshold(1.0, 0.0, 0.0).block_means([0, 0.5, 1], [0, 0.2, 1])
    assert flat == pytest.approx(np.full((2, 2), erfc(1 / np.sqrt(2))))
    assert FlowThreshold(1e300, 50.0, 50.0)(1.0, 1.0) == 0.0
