"""Means over a few paired trials, with intervals that the pairing narrows."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
import xarray as xr

__all__ = [
    "Comparison",
    "PairedMeans",
    "Ratio",
    "compare",
    "complete_trials",
    "count_networks",
    "paired_means",
    "paired_ratio",
    "paired_share",
]


class PairedMeans(NamedTuple):
    """Geometric means over trials and the ends of their intervals, infinite where a trial was."""

    value: xr.DataArray
    lower: xr.DataArray
    upper: xr.DataArray


class Ratio(NamedTuple):
    """A ratio of two geometric means, or of two such ratios' logarithms, and its interval."""

    value: float
    lower: float
    upper: float


class Comparison(NamedTuple):
    """One of several ratios that are judged together.

    Attributes
    ----------
    value, lower, upper
        Ratio of two geometric means, with its simultaneous interval.
    p
        Of the hypothesis that the ratio is 1, after Holm's correction.
    verdict
        ``"lower"`` or ``"higher"`` if `p` is below one minus the confidence; ``"equal"`` if the
        interval lies within the margin of equivalence; otherwise ``"open"``.
    """

    value: float
    lower: float
    upper: float
    p: float
    verdict: str


def complete_trials(values: xr.DataArray) -> xr.DataArray:
    """Say which trials are there for all variants, not NaN: the only ones that pairs can be made of."""
    return values.notnull().all("variant")


def count_networks(values: xr.DataArray) -> str:
    """Say how many trials there are of a setting: ``"10"``, or ``"3 to 10"`` if not everywhere alike.

    NaN where there was no run; settings of which there are none do not count.
    """
    counts = values.count("trial")
    counts = counts.where(counts > 0)
    least, most = int(counts.min()), int(counts.max())
    return f"{least}" if least == most else f"{least} to {most}"


def paired_means(values: xr.DataArray, confidence: float = 0.95) -> PairedMeans:
    r"""Return geometric means over trials, with intervals for comparing variants.

    Parameters
    ----------
    values
        Positive, possibly infinite; dimensions ``variant`` and ``trial`` (at least two of either
        that are finite) and any others; or it is a ``ValueError``. NaN where there was no run: that
        trial is left out, at its position of the other dimensions, of all variants.
    confidence
        Of the intervals, in (0, 1).

    Notes
    -----
    All variants of a trial share initial weights and batches, so that much of the spread over
    trials is common to them. With :math:`y_{vt}` the logarithms of V variants in T trials, the
    model is :math:`y_{vt} = \mu_v + \tau_t + \varepsilon_{vt}`, and

    .. math::

        s^2 = \frac{1}{(V - 1)(T - 1)} \sum_{v, t}
            (y_{vt} - \bar y_{v \cdot} - \bar y_{\cdot t} + \bar y_{\cdot \cdot})^2 .

    The interval of :math:`\exp \bar y_{v \cdot}` is :math:`\exp(\bar y_{v \cdot} \pm t s / \sqrt
    T)` with Student's quantile for :math:`(V - 1)(T - 1)` degrees of freedom. Variants with an
    infinite value take no part in the spread. Two variants differ by more than chance if their
    logarithms do by :math:`\sqrt 2` half widths.
    """
    from scipy.stats import t

    if not {"variant", "trial"} <= set(values.dims):
        raise ValueError(f"values must have dimensions variant and trial, got {values.dims}")
    _check_confidence(confidence)
    if not bool(((values > 0.0) | values.isnull()).all()):
        raise ValueError("values must be positive, got zero or negative entries")
    complete = complete_trials(values)
    logarithms = np.log(values.astype(np.float64)).where(complete)
    finite = (np.isfinite(logarithms) | ~complete).all("trial")
    counts, trials = finite.sum("variant"), complete.sum("trial")
    if int(trials.min()) < 2 or int(counts.min()) < 2:
        raise ValueError(
            f"values must have two finite variants and two trials at least, got {int(counts.min())} "
            f"and {int(trials.min())}"
        )
    used = logarithms.where(finite)
    residual = used - used.mean("trial") - used.mean("variant") + used.mean(("variant", "trial"))
    degrees = (counts - 1) * (trials - 1)
    spread = np.sqrt((residual**2).sum(("variant", "trial")) / degrees)
    quantile = xr.apply_ufunc(t.ppf, (1.0 + confidence) / 2.0, degrees)
    half = quantile * spread / np.sqrt(trials)
    mean = logarithms.mean("trial")
    ends = [np.exp(mean + sign * half).transpose(*mean.dims) for sign in (-1.0, 1.0)]
    return PairedMeans(np.exp(mean), *ends)


def paired_ratio(values: xr.DataArray, first: str, second: str, confidence: float = 0.95) -> Ratio:
    """Return how many times the mean of one variant, of finite values, is that of another.

    The interval uses the spread of all variants, as :func:`paired_means` does: on the logarithmic
    scale it is wider than that of one mean by a factor of root two.
    """
    return _ratio(paired_means(values, confidence), first, second)


def paired_share(values: xr.DataArray, start: str, moved: str, end: str) -> Ratio:
    r"""Return the share of the way from one variant to another that a third one has come.

    On the logarithmic scale, 0 at `start` and 1 at `end`, of variants with finite values. The
    interval is infinite where the data do not tell the two apart. It is Fieller's (*Some problems
    in interval estimation*, Journal of the Royal Statistical Society B 16, 1954): those shares
    :math:`\theta` with :math:`|a - \theta b| \le h \sqrt{1 + \theta^2 + (1 - \theta)^2}`, for the
    logarithmic ways a from `start` to `moved` and b to `end`, and the half width h of one mean.
    """
    means = paired_means(values)
    way, whole = (np.log(_ratio(means, start, other).value) for other in (moved, end))
    noise = float(np.log((means.upper / means.value).sel(variant=start))) ** 2
    square, middle = whole**2 - 2.0 * noise, way * whole - noise
    root = middle**2 - square * (way**2 - 2.0 * noise)
    if square <= 0.0:
        return Ratio(way / whole, -np.inf, np.inf)
    return Ratio(way / whole, *((middle + sign * np.sqrt(root)) / square for sign in (-1.0, 1.0)))


def _ratio(means: PairedMeans, first: str, second: str) -> Ratio:
    # Plain numbers: one of several hundred ratios takes a tenth of the time of labelled arrays.
    value, upper = means.value.values, means.upper.values
    place = {label: k for k, label in enumerate(means.value.variant.values)}
    for name, label in (("first", first), ("second", second)):
        if label not in place or not np.isfinite(value[place[label]]):
            raise ValueError(f"{name} must be a variant with finite values, got {label!r}")
    one, other = place[first], place[second]
    middle = np.log(value[one] / value[other])
    half = np.sqrt(2.0) * np.log(upper[one] / value[one])
    return Ratio(*(float(np.exp(middle + sign * half)) for sign in (0.0, -1.0, 1.0)))


def compare(
    values: xr.DataArray,
    pairs: Mapping[str, tuple[str, str]],
    *,
    margin: float,
    confidence: float = 0.95,
    pooled: bool = True,
) -> dict[str, Comparison]:
    r"""Judge several ratios together.

    Parameters
    ----------
    values, confidence
        As of :func:`paired_means`, with the dimensions ``variant`` and ``trial`` alone; the
        confidence that all verdicts are right.
    pairs
        By name, the variants to compare, the first over the second, named before the results are
        seen.
    margin
        Above 1. Ratios from ``1 / margin`` to `margin` count as equal.
    pooled
        Whether the spread is that of all variants, or that of the two compared.

    Notes
    -----
    The intervals are Bonferroni's, of level :math:`1 - \alpha / K` each for K pairs. The p-values
    are Student's, with the spread of :func:`paired_means`, adjusted as by Holm (*A simple
    sequentially rejective multiple test procedure*, Scandinavian Journal of Statistics 6, 1979).
    Ratios that differ from 1 and are equal to it within the margin are said to differ.
    """
    from scipy.stats import t

    if not margin > 1.0:
        raise ValueError(f"margin must be above 1, got {margin!r}")
    _check_confidence(confidence)
    if not pairs:
        raise ValueError("pairs must be one or more, got none")
    labels = values.variant.values.tolist()
    for name, pair in pairs.items():
        if len(pair) != 2 or not set(pair) <= set(labels):
            raise ValueError(f"pairs[{name!r}] must be two of the variants {labels}, got {pair!r}")
    level = 1.0 - (1.0 - confidence) / len(pairs)
    together = (paired_means(values, level), _degrees(values)) if pooled else None
    ratios: dict[str, Ratio] = {}
    raw: dict[str, float] = {}
    for name, pair in pairs.items():
        of = values.sel(variant=list(pair))
        means, degrees = together or (paired_means(of, level), _degrees(of))
        ratios[name] = ratio = _ratio(means, *pair)
        half = np.log(ratio.upper / ratio.value) / t.ppf((1.0 + level) / 2.0, degrees)
        apart = abs(np.log(ratio.value))
        # Two variants may be the same in every trial, and a ratio of 1 has no spread then.
        raw[name] = float(2.0 * t.sf(apart / half, degrees)) if half > 0.0 else float(apart == 0.0)
    adjusted, largest = {}, 0.0
    for place, name in enumerate(sorted(raw, key=raw.__getitem__)):
        largest = max(largest, min(1.0, (len(raw) - place) * raw[name]))
        adjusted[name] = largest

    def verdict(ratio: Ratio, p: float) -> str:
        if p < 1.0 - confidence:
            return "lower" if ratio.value < 1.0 else "higher"
        return "equal" if 1.0 / margin <= ratio.lower and ratio.upper <= margin else "open"

    return {
        name: Comparison(*ratio, adjusted[name], verdict(ratio, adjusted[name]))
        for name, ratio in ratios.items()
    }


def _check_confidence(confidence: float) -> None:
    if not 0.0 < confidence < 1.0:
        raise ValueError(f"confidence must lie in (0, 1), got {confidence!r}")


def _degrees(values: xr.DataArray) -> int:
    """Return the degrees of freedom of the spread of :func:`paired_means`."""
    values = values.isel(trial=complete_trials(values).values)
    finite = int(np.isfinite(values).all("trial").sum())
    return (finite - 1) * (values.sizes["trial"] - 1)
