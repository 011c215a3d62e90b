"""Whether methods have regions of their own: distances between them against those within."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from graphon_lib._checks import check_choice

__all__ = ["VERDICTS", "mean_distances", "separation", "surplus", "verdicts"]

VERDICTS = ("smaller within", "undecided", "not smaller within")


def mean_distances(distance: xr.DataArray, confidence: float = 0.95) -> xr.DataArray:
    """Return mean distances of networks with intervals.

    Parameters
    ----------
    distance
        With dimensions ``trial`` and ``other``, NaN on their diagonal, at least three trials. Those
        of equal trials are not used.
    confidence
        Of the intervals, in (0, 1).

    Returns
    -------
    xarray.DataArray
        In their place ``statistic``: ``value``, and the ends ``lower`` and ``upper`` of the
        interval, :func:`separation` says how.
    """
    return _interval(distance, lambda mean: mean, confidence)


def separation(distance: xr.DataArray, kind: str, confidence: float = 0.95) -> xr.DataArray:
    r"""Return how many times the distance within methods that between two methods is.

    Parameters
    ----------
    distance
        Of one measure, dimensions (kind, pruning, against, trial, other), see
        :func:`~graphon_lib.experiments.method_distances.between_trials`.
    kind
        In what two networks of one method differ: ``"seed"``, ``"density"`` or ``"depth"``.
    confidence
        Of the intervals, in (0, 1).

    Returns
    -------
    xarray.DataArray
        Dimensions (pruning, against, statistic): between the two methods over within the first
        of them, with the ends of its interval.

    Notes
    -----
    Mean distances over pairs of trials are U-statistics, and trials, not pairs, are independent.
    The standard error is the jackknife's, of logarithms with one trial left out at a time, and the
    interval that of Student's t with one degree of freedom less than trials (Arvesen, *Jackknifing
    U-statistics*, Annals of Mathematical Statistics 40, 1969).
    """
    check_choice("kind", kind, [str(k) for k in distance.kind.values])

    def ratios(mean: xr.DataArray) -> xr.DataArray:
        between, within = _between_and_within(mean, kind)
        return np.log(between / within[:, None])

    return np.exp(_interval(distance, ratios, confidence))


def surplus(distance: xr.DataArray, confidence: float = 0.95) -> xr.DataArray:
    """Return the distance between two methods minus the larger of those within either.

    Parameters
    ----------
    distance, confidence
        As of :func:`separation`. Within a method networks differ in their seed alone.

    Returns
    -------
    xarray.DataArray
        Dimensions (pruning, against, statistic), with intervals as of :func:`separation`.
    """

    def differences(mean: xr.DataArray) -> xr.DataArray:
        between, within = _between_and_within(mean, "seed")
        return between - np.maximum(within[:, None], within)

    return _interval(distance, differences, confidence)


def _between_and_within(mean: xr.DataArray, kind: str) -> tuple[xr.DataArray, NDArray[np.float64]]:
    within = mean.sel(kind=kind).transpose("pruning", "against").values.diagonal()
    return mean.sel(kind="method", drop=True).transpose("pruning", "against"), within


def verdicts(ratio: xr.DataArray) -> NDArray[np.str_]:
    """Say what the intervals of ratios decide for every pair, of both of its methods at once.

    Parameters
    ----------
    ratio
        As of :func:`separation`.

    Returns
    -------
    numpy.ndarray, shape (methods, methods)
        ``"smaller within"`` where the intervals of both methods lie above 1, ``"not smaller within"``
        where one lies below, ``"undecided"`` otherwise.
    """
    lower, upper = (ratio.sel(statistic=end).values for end in ("lower", "upper"))
    smaller, larger = (lower > 1.0) & (lower.T > 1.0), (upper < 1.0) | (upper.T < 1.0)
    return np.select([smaller, larger], [VERDICTS[0], VERDICTS[2]], VERDICTS[1])


def _interval(
    distance: xr.DataArray, of: Callable[[xr.DataArray], xr.DataArray], confidence: float
) -> xr.DataArray:
    """Return a function of means over pairs of trials, and the ends of its interval."""
    from scipy.stats import t

    count = distance.sizes["trial"]
    if count < 3:
        raise ValueError(f"distance must have at least three trials, got {count}")
    value = of(distance.mean(["trial", "other"]))
    left_out = np.array(
        [of(distance.drop_isel(trial=k, other=k).mean(["trial", "other"])) for k in range(count)]
    )
    error = np.sqrt((count - 1) * left_out.var(axis=0))
    half = t.ppf((1.0 + confidence) / 2.0, count - 1) * error
    ends = np.stack([value, value - half, value + half], axis=-1)
    statistic = {"statistic": ["value", "lower", "upper"]}
    return xr.DataArray(ends, dims=(*value.dims, "statistic"), coords={**value.coords, **statistic})
