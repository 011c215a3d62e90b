"""Rates of approach to an unknown limit."""

import numpy as np
import pytest

from graphon_lib.experiments.distance_of_means import fit_approach

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
