"""Means, and slopes of straight lines on logarithmic axes, with their intervals."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import xarray as xr
from numpy.typing import ArrayLike

from graphon_lib._checks import check_array

__all__ = ["Slope", "fit_slope", "mean_interval"]


class Slope(NamedTuple):
    """An exponent, its standard error, and half the width of its 95% interval."""

    value: float
    standard_error: float
    half_width: float


def fit_slope(x: ArrayLike, y: ArrayLike) -> Slope:
    """Fit the exponent :math:`b` of :math:`y = a x^b` by least squares of the logarithms.

    `x` and `y` are positive, as many of either, in any shape; at least three, of two different `x`.
    The interval is by Student's t, for independent errors of equal relative size.

    Raises
    ------
    ValueError
        If the numbers are not positive and finite, their counts differ, or are too few.
    """
    from scipy.stats import linregress, t

    x, y = (
        check_array(name, np.ravel(value), 1, minimum=np.finfo(float).tiny)
        for name, value in (("x", x), ("y", y))
    )
    if x.size != y.size or x.size < 3 or np.ptp(x) == 0.0:
        raise ValueError(
            "x and y must hold equally many numbers, at least three of two different x; got "
            f"{x.size} and {y.size}"
        )
    fit = linregress(np.log(x), np.log(y))
    error = float(fit.stderr)
    return Slope(float(fit.slope), error, float(t.ppf(0.975, x.size - 2)) * error)


def mean_interval(values: xr.DataArray) -> xr.DataArray:
    """Return the mean over networks, two at least, and its 95% interval by Student's t.

    NaN where there was no network is passed over. In the place of ``trial`` stands ``statistic``:
    ``value``, ``lower`` and ``upper``.
    """
    from scipy.stats import t

    count, mean = values.count("trial"), values.mean("trial")
    known = count.where(count > 1)
    half = xr.apply_ufunc(t.ppf, 0.975, known - 1) * values.std("trial", ddof=1) / np.sqrt(known)
    parts = xr.concat([mean, mean - half, mean + half], "statistic")
    return parts.assign_coords(statistic=["value", "lower", "upper"]).transpose(..., "statistic")
