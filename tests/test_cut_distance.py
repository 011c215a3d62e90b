"""The cut distance: lower bounds below every relabelling, upper bounds that an alignment attains."""

import itertools
import warnings

import numpy as np
import pytest
from graphons_strategies import refined
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import wasserstein_distance

from graphon_lib.graphons.alignment import Alignment, alignments, monotone_coupling, overlay
from graphon_lib.graphons.cut_distance import cut_distance
from graphon_lib.graphons.cut_distance_lower import (
    degree_bound,
    motif_bound,
    rectangle_bound,
    singular_value_bound,
)
from graphon_lib.graphons.cut_norm import cut_norm
from graphon_lib.graphons.step_graphon import StepGraphon

with warnings.catch_warnings():
    # Compiling POT for the first time warns of escapes in its docstrings.
    warnings.simplefilter("ignore")
    import ot  # noqa: F401

ROUNDING = 1e-12
LOWER_BOUNDS = (degree_bound, motif_bound, rectangle_bound, singular_value_bound)


def random_graphon(rng, n, m, scale=1.0):
    values = scale * rng.beta(0.5, 0.5, (n, m))
    return StepGraphon(values, rng.dirichlet(np.ones(n)), rng.dirichlet(np.ones(m)))


def permuted(graphon, rng):
    rows, cols = rng.permutation(graphon.shape[0]), rng.permutation(graphon.shape[1])
    return StepGraphon(
        graphon.values[np.ix_(rows, cols)], graphon.row_mass[rows], graphon.col_mass[cols]
    )


def ramp(size, scale=1.0):
    u = (np.arange(size) + 0.5) / size
    return StepGraphon(scale * (u[:, None] + u) / 2)


def classes(count, inside, outside):
    return StepGraphon(np.where(np.eye(count, dtype=bool), inside, outside))


def check_margins(alignment, first, second):
    for coupling, one, two in (
        (alignment.rows, first.row_mass, second.row_mass),
        (alignment.cols, first.col_mass, second.col_mass),
    ):
        assert (coupling >= 0).all()
        np.testing.assert_allclose(coupling.sum(1), one, atol=1e-9)
        np.testing.assert_allclose(coupling.sum(0), two, atol=1e-9)


def test_constants_are_as_far_apart_as_their_values():
    first = StepGraphon(np.full((3, 4), 0.7), [0.2, 0.3, 0.5], [0.1, 0.2, 0.3, 0.4])
    result = cut_distance(first, StepGraphon([[0.3]]))
    assert result.lower == pytest.approx(0.4, abs=ROUNDING)
    assert result.upper == pytest.approx(0.4, abs=ROUNDING)


def test_relabelling_costs_nothing():
    rng = np.random.default_rng(1)
    for _ in range(10):
        graphon = random_graphon(rng, rng.integers(1, 20), rng.integers(1, 20))
        other = permuted(graphon, rng)
        result = cut_distance(graphon, other)
        assert 0 <= result.lower <= result.upper <= ROUNDING
        check_margins(result.alignment, graphon, other)


def test_relabelling_of_equal_degrees():
    """Degrees say nothing here; transport finds the permutation."""
    graphon = classes(4, 0.8, 0.2)
    result = cut_distance(graphon, permuted(graphon, np.random.default_rng(2)))
    assert result.upper <= ROUNDING


def test_splitting_blocks_costs_nothing():
    graphon = random_graphon(np.random.default_rng(3), 5, 4)
    finer = refined(graphon, np.linspace(0, 1, 8), np.linspace(0, 1, 10))
    assert cut_distance(graphon, finer).upper <= ROUNDING


def test_never_above_the_best_permutation_found_by_degrees_nor_below_the_best_of_all():
    rng = np.random.default_rng(4)
    for _ in range(40):
        first, second = (StepGraphon(rng.random((3, 3))) for _ in range(2))
        values = {
            (rows, cols): cut_norm(first.values - second.values[np.ix_(rows, cols)]).lower
            for rows in itertools.permutations(range(3))
            for cols in itertools.permutations(range(3))
        }
        result = cut_distance(first, second)
        ranks = [
            tuple(np.argsort(two)[np.argsort(np.argsort(one))])
            for one, two in (
                (first.row_degrees, second.row_degrees),
                (first.column_degrees, second.column_degrees),
            )
        ]
        assert result.lower <= min(values.values()) + ROUNDING
        assert result.upper <= values[tuple(ranks)] + ROUNDING
        assert result.upper <= values[(0, 1, 2), (0, 1, 2)] + ROUNDING


@pytest.mark.parametrize("bound", LOWER_BOUNDS)
@given(seed=st.integers(0, 2**32 - 1), scale=st.sampled_from([1.0, 0.3, 0.01]))
def test_lower_bounds_are_below_random_couplings(bound, seed, scale):
    """Against the exact cut norm under couplings at random, near and far from the best."""
    rng = np.random.default_rng(seed)
    n, m = rng.integers(1, 5, 2)
    first = random_graphon(rng, n, m, scale)
    if rng.random() < 0.5:
        second = random_graphon(rng, *rng.integers(1, 5, 2), scale)
    else:  # near the first, where a wrong constant would show
        near = np.clip(first.values + 0.1 * scale * rng.standard_normal((n, m)), 0, 1)
        second = StepGraphon(near, first.row_mass, first.col_mass)
    couplings = [
        Alignment(
            monotone_coupling((rng.random(n), rng.random(k)), (first.row_mass, second.row_mass)),
            monotone_coupling((rng.random(m), rng.random(j)), (first.col_mass, second.col_mass)),
        )
        for k, j in [second.shape] * 5
    ]
    value = bound(first, second)
    assert value == pytest.approx(bound(second, first), abs=ROUNDING)
    for coupling in (*couplings, *alignments(first, second).values()):
        laid = overlay(first, second, coupling)
        exact = cut_norm(laid.difference, laid.row_mass, laid.col_mass)
        assert exact.lower == exact.upper
        assert 0 <= value <= exact.upper + laid.slack + ROUNDING


@pytest.mark.parametrize("bound", LOWER_BOUNDS)
def test_lower_bounds_do_not_see_labels(bound):
    rng = np.random.default_rng(5)
    first, second = random_graphon(rng, 6, 9), random_graphon(rng, 7, 5)
    value = bound(first, second)
    assert value > 0
    assert bound(permuted(first, rng), permuted(second, rng)) == pytest.approx(value, abs=ROUNDING)
    split = refined(first, np.linspace(0, 1, 5), np.linspace(0, 1, 4))
    assert bound(split, second) == pytest.approx(value, abs=ROUNDING)
    half = [StepGraphon(g.values / 2, g.row_mass, g.col_mass) for g in (first, second)]
    assert bound(*half) == pytest.approx(value / 2, abs=ROUNDING)


def test_constants_of_the_lower_bounds_are_the_best():
    one, nearly = StepGraphon([[1.0]]), StepGraphon([[1.0 - 1e-6]])
    # Motifs of one to six edges all change by e epsilon, up to epsilon squared.
    assert motif_bound(one, nearly) == pytest.approx(1e-6, rel=1e-5)
    assert degree_bound(one, nearly) == pytest.approx(1e-6)
    two_classes = classes(2, 0.7, 0.3)
    half = StepGraphon([[0.5]])
    truth = cut_norm(two_classes.values - 0.5).upper
    assert singular_value_bound(half, StepGraphon([[1.0, 0.0], [0.0, 1.0]])) == pytest.approx(0.125)
    assert rectangle_bound(half, two_classes) == pytest.approx(truth)
    assert degree_bound(half, two_classes) == pytest.approx(0, abs=ROUNDING)
    # Two halves of degrees .8 and .2: all of the Wasserstein distance .3 but half of it with one sign.
    assert degree_bound(half, StepGraphon([[0.8], [0.2]])) == pytest.approx(0.15)
    assert cut_distance(half, StepGraphon([[0.8], [0.2]])).upper == pytest.approx(0.15)


@pytest.mark.parametrize("graphon", [ramp(64), ramp(64, 0.1), classes(8, 0.6, 0.2)])
def test_against_a_constant_it_is_the_cut_norm(graphon):
    """No relabelling changes a constant: both ends are those of the cut norm."""
    result = cut_distance(graphon, StepGraphon([[graphon.density]]))
    norm = cut_norm(graphon.values - graphon.density)
    assert result.lower == pytest.approx(norm.lower, rel=1e-9)
    # In another order of rows the solver stops elsewhere within a thousandth of its optimum.
    assert norm.lower <= result.upper <= norm.upper * 1.001


@given(seed=st.integers(0, 2**32 - 1), concentration=st.sampled_from([0.05, 1.0, 100.0]))
def test_interval_for_any_graphons(seed, concentration):
    rng = np.random.default_rng(seed)
    first, second = (
        StepGraphon(
            rng.random((n, m)) * rng.integers(0, 2, (n, m)),
            rng.dirichlet(np.full(n, concentration)),
            rng.dirichlet(np.full(m, concentration)),
        )
        for n, m in rng.integers(1, 9, (2, 2))
    )
    result = cut_distance(first, second)
    assert 0 <= result.lower <= result.upper <= 1
    assert max(result.lower_bounds.values()) <= result.upper + ROUNDING
    assert result.upper == min(result.upper_bounds.values())
    check_margins(result.alignment, first, second)
    laid = overlay(first, second, result.alignment)
    attained = cut_norm(laid.difference, laid.row_mass, laid.col_mass)
    assert attained.lower - ROUNDING <= result.upper
    assert attained.upper == pytest.approx(result.upper, abs=ROUNDING)


def test_triangle_inequality_of_intervals():
    rng = np.random.default_rng(6)
    for _ in range(5):
        a, b, c = (random_graphon(rng, *rng.integers(2, 6, 2)) for _ in range(3))
        ab, bc, ac = cut_distance(a, b), cut_distance(b, c), cut_distance(a, c)
        assert ac.lower <= ab.upper + bc.upper + ROUNDING


def test_blocks_of_mass_zero_play_no_part():
    rng = np.random.default_rng(7)
    first, second = random_graphon(rng, 4, 5), random_graphon(rng, 3, 6)
    padded = StepGraphon(
        np.insert(np.insert(first.values, 2, 1.0, axis=0), 0, 0.0, axis=1),
        np.insert(first.row_mass, 2, 0.0),
        np.insert(first.col_mass, 0, 0.0),
    )
    plain, result = cut_distance(first, second), cut_distance(padded, second)
    assert result.lower == pytest.approx(plain.lower, abs=ROUNDING)
    assert result.upper == pytest.approx(plain.upper, abs=ROUNDING)
    assert result.alignment.rows.shape == (5, 3)
    check_margins(result.alignment, padded, second)


def test_empty_graphons():
    result = cut_distance(StepGraphon(np.zeros((3, 3))), StepGraphon(np.zeros((2, 5))))
    assert result.lower == result.upper == 0


@given(seed=st.integers(0, 2**32 - 1))
def test_monotone_coupling_is_the_optimal_one(seed):
    rng = np.random.default_rng(seed)
    n, m = rng.integers(1, 30, 2)
    keys, others = rng.integers(0, 9, n) / 8.0, rng.integers(0, 9, m) / 8.0
    mass, other_mass = rng.dirichlet(np.ones(n)), rng.dirichlet(np.ones(m))
    coupling = monotone_coupling((keys, others), (mass, other_mass))
    np.testing.assert_allclose(coupling.sum(1), mass, atol=ROUNDING)
    np.testing.assert_allclose(coupling.sum(0), other_mass, atol=ROUNDING)
    assert np.count_nonzero(coupling) <= n + m - 1
    cost = (coupling * np.abs(keys[:, None] - others)).sum()
    assert cost == pytest.approx(wasserstein_distance(keys, others, mass, other_mass), abs=ROUNDING)


def test_overlay_accounts_for_wrong_margins():
    """The slack covers what a coupling of wrong margins can hide."""
    first, second = StepGraphon([[0.9], [0.1]]), StepGraphon([[0.5]])
    right = overlay(first, second, Alignment(np.array([[0.5], [0.5]]), np.ones((1, 1))))
    wrong = overlay(first, second, Alignment(np.array([[0.4], [0.6]]), np.ones((1, 1))))
    assert right.slack == 0
    exact = cut_norm(right.difference, right.row_mass, right.col_mass).upper
    assert (
        abs(cut_norm(wrong.difference, wrong.row_mass, wrong.col_mass).upper - exact) <= wrong.slack
    )
