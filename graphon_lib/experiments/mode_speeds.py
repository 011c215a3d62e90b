"""How fast modes of the error decay, against what is expected of them."""

from __future__ import annotations

import numpy as np
import xarray as xr

__all__ = ["geometric_mean", "speeds"]


def speeds(result: xr.Dataset) -> xr.DataArray:
    """Return how fast modes decay against what is expected: the ratio of two logarithms.

    Parameters
    ----------
    result
        With ``left`` and ``expected`` over ``step``.

    Returns
    -------
    xarray.DataArray
        Without ``step``: at the last step watched at which 1/e of the error or more is expected.
    """
    early = result.expected >= np.exp(-1.0)
    at = result.step.where(early).max("step")
    ratio = np.log(result.left) / np.log(result.expected)
    return ratio.where(result.step == at).sum("step")


def geometric_mean(values: xr.DataArray) -> xr.DataArray:
    """Return the geometric mean over trials, and the ends of its 95% interval.

    Parameters
    ----------
    values
        Positive, with a dimension ``trial`` of at least two.

    Returns
    -------
    xarray.DataArray
        In its place ``statistic``: ``value``, ``lower`` and ``upper``, by Student's t of logarithms.
    """
    from scipy.stats import t

    count, logarithms = values.sizes["trial"], np.log(values)
    mean = logarithms.mean("trial")
    half = t.ppf(0.975, count - 1) * logarithms.std("trial", ddof=1) / np.sqrt(count)
    ends = np.exp(np.stack([mean, mean - half, mean + half], axis=-1))
    statistic = {"statistic": ["value", "lower", "upper"]}
    return xr.DataArray(ends, dims=(*mean.dims, "statistic"), coords={**mean.coords, **statistic})
