"""How fast modes of the error decay, against what is expected of them."""

from __future__ import annotations

import numpy as np
import xarray as xr

__all__ = ["MARGIN", "agreement", "geometric_mean", "speeds"]

MARGIN = 1.25
"""A speed agrees with the expected one if its interval lies within this factor of it, either way."""


def speeds(result: xr.Dataset) -> xr.DataArray:
    """Return how fast modes decay against what is expected: the ratio of two logarithms.

    Of ``left`` and ``expected`` in a result, at the last step watched at which 1/e of the error or
    more is expected.
    """
    early = result.expected >= np.exp(-1.0)
    at = result.step.where(early).max("step")
    ratio = np.log(result.left) / np.log(result.expected)
    return ratio.where(result.step == at).sum("step")


def geometric_mean(values: xr.DataArray) -> xr.DataArray:
    """Return the geometric mean of positive values over trials, at least two, and its 95% interval.

    In the place of ``trial`` stands ``statistic``: ``value``, ``lower`` and ``upper``, by Student's
    t of logarithms.
    """
    from scipy.stats import t

    count, logarithms = values.sizes["trial"], np.log(values)
    mean = logarithms.mean("trial")
    half = t.ppf(0.975, count - 1) * logarithms.std("trial", ddof=1) / np.sqrt(count)
    ends = np.exp(np.stack([mean, mean - half, mean + half], axis=-1))
    statistic = {"statistic": ["value", "lower", "upper"]}
    return xr.DataArray(ends, dims=(*mean.dims, "statistic"), coords={**mean.coords, **statistic})


def agreement(interval: xr.DataArray) -> str:
    """Say what the interval of :func:`geometric_mean`, of a speed over the expected one, decides.

    ``"equal"`` where it lies within the :data:`MARGIN`; ``"not equal"`` where it lies outside,
    ``"undecided"`` otherwise.
    """
    lower, upper = (float(interval.sel(statistic=end)) for end in ("lower", "upper"))
    if lower >= 1.0 / MARGIN and upper <= MARGIN:
        return "equal"
    return "not equal" if lower > MARGIN or upper < 1.0 / MARGIN else "undecided"
