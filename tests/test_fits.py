"""Intervals of means, and fitted exponents."""

import numpy as np
import pytest
import xarray as xr

from graphon_lib.experiments.fits import fit_slope, mean_interval


def test_intervals_of_means_cover():
    rng = np.random.default_rng(0)
    values = rng.normal(1.0, 0.3, (500, 6))
    values[:, -1] = np.nan
    found = mean_interval(xr.DataArray(values, dims=("case", "trial")))
    inside = (found.sel(statistic="lower") < 1.0) & (found.sel(statistic="upper") > 1.0)
    assert float(inside.mean()) == pytest.approx(0.95, abs=0.03)


def test_exact_power_law():
    x = np.array([1.0, 2.0, 5.0, 9.0])
    slope = fit_slope(x, 3.0 * x**-0.5)
    assert slope.value == pytest.approx(-0.5, abs=1e-12)
    assert slope.standard_error == pytest.approx(0.0, abs=1e-7)


def test_standard_error_covers_the_truth():
    """The t-statistic of 300 fits has the variance of Student's t with 18 degrees of freedom."""
    rng = np.random.default_rng(0)
    x = np.geomspace(10, 1000, 20)
    fits = [fit_slope(x, x**-1.0 * np.exp(0.1 * rng.normal(size=20))) for _ in range(300)]
    t = np.array([(fit.value + 1.0) / fit.standard_error for fit in fits])
    assert np.mean(t**2) == pytest.approx(18 / 16, rel=4 * np.sqrt(2 / 300))
    covered = np.mean([abs(fit.value + 1.0) < fit.half_width for fit in fits])
    assert covered == pytest.approx(0.95, abs=4 * np.sqrt(0.95 * 0.05 / 300))


@pytest.mark.parametrize(
    ("x", "y", "message"),
    [
        ([1, 2], [1, 2], "x and y must hold equally many .*, at least three .*; got 2 and 2$"),
        ([1, 1, 1], [1, 2, 3], "x and y must hold .* of two different x; got 3 and 3$"),
        ([1, 2, 3], [1, 2], "x and y must hold equally many numbers, .*; got 3 and 2$"),
        ([1, 2, 3], [1, 0, 2], r"y must lie in \[2.22507e-308, inf\], got values from 0 to 2$"),
        ([-1, 2, 3], [1, 2, 3], r"x must lie in \[2.22507e-308, inf\], got values from -1 to 3$"),
        ([1, 2, np.nan], [1, 2, 3], "x must be finite, got 1 NaN or infinite entries$"),
        ([1, 2, 3], [1, 2, np.inf], "y must be finite, got 1 NaN or infinite entries$"),
        ([], [], r"x must be a non-empty array with 1 axes, got shape \(0,\)$"),
    ],
)
def test_bad_numbers(x, y, message):
    with pytest.raises(ValueError, match=f"^{message}"):
        fit_slope(x, y)
