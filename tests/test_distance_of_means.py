"""Distances of expected histograms: unbiased, covered by their intervals, and how fast they fall."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from graphon_lib.experiments.distance_of_means import distance_of_means, fit_approach


def samples(rng, shift, sizes=(12, 8), dimension=40):
    """Two normal samples whose expectations are `shift` apart, with unequal variances."""
    scale = np.linspace(0.5, 2.0, dimension)
    first = rng.normal(size=(sizes[0], dimension)) * scale
    second = rng.normal(size=(sizes[1], dimension)) * 1.5 * scale
    first[:, 0] += shift
    return first, second


@given(
    sizes=st.tuples(st.integers(2, 9), st.integers(2, 9)),
    dimension=st.integers(1, 12),
    seed=st.integers(0, 2**32 - 1),
)
def test_values_are_those_of_the_definitions(sizes, dimension, seed):
    rng = np.random.default_rng(seed)
    first, second = samples(rng, 1.0, sizes, dimension)
    result = distance_of_means(first, second, rng, 20)
    measured = np.sum((first.mean(axis=0) - second.mean(axis=0)) ** 2)
    noise = sum(s.var(axis=0, ddof=1).sum() / len(s) for s in (first, second))
    assert result.measured == pytest.approx(measured, rel=1e-9, abs=1e-12)
    assert result.noise == pytest.approx(noise, rel=1e-9)
    assert result.squared == pytest.approx(measured - noise, rel=1e-9, abs=1e-9)
    assert result.lower <= result.upper


def test_order_and_a_common_shift_do_not_matter():
    first, second = samples(np.random.default_rng(0), 1.0)
    one = distance_of_means(first, second, np.random.default_rng(1))
    swapped = distance_of_means(second, first, np.random.default_rng(1))
    shifted = distance_of_means(first + 100.0, second + 100.0, np.random.default_rng(1))
    assert swapped.squared == pytest.approx(one.squared, rel=1e-12)
    assert shifted.squared == pytest.approx(one.squared, rel=1e-9)
    assert shifted.upper == pytest.approx(one.upper, rel=1e-9)


@pytest.mark.parametrize("shift", [0.0, 3.0])
def test_the_estimate_is_unbiased_where_the_measured_distance_is_not(shift):
    """Over 400 repetitions, with the standard error that these have."""
    rng = np.random.default_rng(2)
    results = [distance_of_means(*samples(rng, shift), rng, 1) for _ in range(400)]
    squared = np.array([r.squared for r in results])
    measured = np.array([r.measured for r in results])
    error = squared.std() / len(squared) ** 0.5
    assert abs(squared.mean() - shift**2) < 4 * error
    assert measured.mean() - shift**2 > 20 * error


@pytest.mark.parametrize("shift", [0.0, 1.0, 3.0])
def test_intervals_cover_at_least_as_often_as_they_say(shift):
    """300 intervals at 95%: fewer than 270 hits has probability below 1e-4 if that is true."""
    rng = np.random.default_rng(3)
    hits = 0
    for _ in range(300):
        result = distance_of_means(*samples(rng, shift, (30, 20)), rng, 200)
        hits += result.lower <= shift**2 <= result.upper
    assert hits >= 270


def test_an_interval_shrinks_with_the_number_of_trials():
    rng = np.random.default_rng(4)
    few = distance_of_means(*samples(rng, 3.0, (10, 10)), rng)
    many = distance_of_means(*samples(rng, 3.0, (1000, 1000)), rng)
    assert (many.upper - many.lower) < 0.2 * (few.upper - few.lower)
    assert many.standard_error < 0.2 * few.standard_error


def test_trials_that_do_not_vary_have_no_noise():
    result = distance_of_means(np.ones((3, 4)), np.full((2, 4), 0.5), np.random.default_rng(0), 10)
    assert (result.measured, result.noise, result.squared) == (1.0, 0.0, 1.0)
    assert (result.lower, result.upper) == (1.0, 1.0)


RNG = np.random.default_rng(0)


@pytest.mark.parametrize(
    ("first", "second", "rng", "resamples", "message"),
    [
        (np.ones((1, 3)), np.ones((2, 3)), RNG, 5, "first must hold at least two trials, got 1"),
        (np.ones((2, 3)), np.ones((1, 3)), RNG, 5, "second must hold at least two trials, got 1"),
        (np.ones((2, 3)), np.ones((2, 4)), RNG, 5, "second must have 3 columns .* got 4"),
        (np.full((2, 3), np.nan), np.ones((2, 3)), RNG, 5, "first must be finite"),
        (np.ones(3), np.ones((2, 3)), RNG, 5, "first must be a non-empty array with 2 axes"),
        (np.ones((2, 3)), np.ones((2, 3)), 7, 5, r"rng must be a numpy\.random\.Generator"),
        (np.ones((2, 3)), np.ones((2, 3)), RNG, 0, "resamples must be an integer >= 1, got 0"),
    ],
)
def test_bad_arguments(first, second, rng, resamples, message):
    with pytest.raises(ValueError, match=message):
        distance_of_means(first, second, rng, resamples)


WIDTHS = [100, 200, 500, 1000, 2000]


def trials(rng, exponent, *, noise, scale=3.0, limit=5.0, count=40, dimension=30):
    """Trials that approach a limit along one direction as a power of the width."""
    direction = np.ones(dimension) / dimension**0.5
    for width in WIDTHS:
        travelled = -np.log(width) if exponent == 0.0 else width**-exponent / exponent
        mean = limit - scale * travelled * direction
        yield mean + noise * rng.normal(size=(count, dimension))


@pytest.mark.parametrize("exponent", [-0.5, 0.0, 0.5, 1.0])
def test_without_noise_the_law_is_recovered(exponent):
    rng = np.random.default_rng(0)
    fit = fit_approach(list(trials(rng, exponent, noise=0.0)), WIDTHS, rng, 20)
    assert fit.exponent == pytest.approx(exponent, abs=1e-9)
    assert fit.scale == pytest.approx(3.0, rel=1e-6)
    if exponent > 0.0:
        assert fit.remaining == pytest.approx(3.0 * WIDTHS[-1] ** -exponent / exponent, rel=1e-6)
    else:
        assert np.isinf(fit.remaining)


def test_intervals_cover_the_exponent():
    """40 repetitions at 95 %: fewer than 33 covered has probability 7e-4 if the level is right."""
    rng = np.random.default_rng(1)
    fits = [fit_approach(list(trials(rng, 0.5, noise=0.02)), WIDTHS, rng, 200) for _ in range(40)]
    assert sum(fit.exponent_lower <= 0.5 <= fit.exponent_upper for fit in fits) >= 33
    assert np.mean([fit.exponent for fit in fits]) == pytest.approx(0.5, abs=0.02)


def test_equal_expectations_leave_the_exponent_open():
    rng = np.random.default_rng(2)
    samples = [rng.normal(size=(40, 30)) for _ in WIDTHS]
    fit = fit_approach(samples, WIDTHS, rng, 200)
    assert fit.exponent_upper - fit.exponent_lower > 2.0


def test_a_path_that_turns_round_is_no_power_law():
    rng = np.random.default_rng(3)
    direction = np.ones(30) / 30**0.5
    places = [0.0, 1.0, 2.0, 1.0, 0.0]
    samples = [x * direction + 0.02 * rng.normal(size=(40, 30)) for x in places]
    assert fit_approach(samples, WIDTHS, rng, 200).misfit > 10.0


def test_rotation_and_shift_do_not_matter():
    rng = np.random.default_rng(4)
    samples = list(trials(rng, 0.5, noise=0.02))
    rotation, _ = np.linalg.qr(rng.normal(size=(30, 30)))
    moved = [sample @ rotation + 7.0 for sample in samples]
    first, second = (
        fit_approach(given, WIDTHS, np.random.default_rng(5), 50) for given in (samples, moved)
    )
    np.testing.assert_allclose(first, second, rtol=1e-6)


@pytest.mark.parametrize(
    ("samples", "widths", "name"),
    [
        ([np.zeros((5, 2))] * 2, [10, 20], "samples and widths"),
        ([np.zeros((5, 2))] * 3, [10, 20], "samples and widths"),
        ([np.zeros((5, 2))] * 3, [10, 20, 20], r"widths\[2\]"),
        ([np.zeros((5, 2)), np.zeros((1, 2)), np.zeros((5, 2))], [1, 2, 3], r"samples\[1\]"),
        ([np.zeros((5, 2)), np.zeros((5, 2)), np.zeros((5, 3))], [1, 2, 3], r"samples\[2\]"),
        ([np.zeros((5, 2)), np.full((5, 2), np.nan), np.zeros((5, 2))], [1, 2, 3], r"samples\[1\]"),
    ],
)
def test_bad_input_is_named(samples, widths, name):
    with pytest.raises(ValueError, match=name):
        fit_approach(samples, widths, np.random.default_rng(0))


def test_trials_that_are_all_equal_fit_without_error():
    samples = [np.full((3, 2), value) for value in (1.0, 1.0, 1.0)]
    found = fit_approach(samples, [1, 2, 4], np.random.default_rng(0))
    assert found.scale == 0.0
    assert not np.isnan(found).any()
