"""How fast something approaches its limit as the width grows, when the limit is not known."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from graphon_lib._checks import check_array, check_integer, check_rng

__all__ = ["Approach", "fit_approach"]

INTERVAL = (0.025, 0.975)
EXPONENTS = np.linspace(-1.0, 3.0, 401)
"""Exponents that are tried; an estimate at either end is not determined by the trials."""


class Approach(NamedTuple):
    """A fitted power law of the approach to a limit.

    Attributes
    ----------
    exponent, exponent_lower, exponent_upper
        The exponent :math:`b` with its bootstrap interval at the level of 95%. Where the interval
        reaches down to 0, the trials do not show that there is a limit.
    scale
        The factor :math:`s`.
    remaining, remaining_lower, remaining_upper
        Distance of the widest from the limit, infinite where the exponent is not positive.
    misfit
        Root of the mean square of the residuals over their standard errors: far above 1 no power
        law.
    """

    exponent: float
    exponent_lower: float
    exponent_upper: float
    scale: float
    remaining: float
    remaining_lower: float
    remaining_upper: float
    misfit: float


def fit_approach(
    samples: Sequence[ArrayLike],
    widths: Sequence[int],
    rng: np.random.Generator,
    resamples: int = 500,
) -> Approach:
    r"""Fit a power law to the distances between the expectations at all widths.

    Parameters
    ----------
    samples, widths
        For every width, at least three that grow, its independent trials, one a row, shape (trials,
        d), at least two.
    rng, resamples
        Source and number of bootstrap samples.

    Raises
    ------
    ValueError
        If there are fewer than three widths or two trials of one, the widths do not grow, the
        dimensions differ or an argument is not allowed.

    Notes
    -----
    If the expectations approach a limit along one direction :math:`e` as a power of the width,

    .. math:: \mathbb E x_n = x_\infty - s\, \frac{n^{-b}}{b}\, e ,

    then their distances are :math:`s\,\lvert n^{-b} - m^{-b}\rvert / \lvert b\rvert` and the limit
    drops out. The form continues through :math:`b = 0`, where distances are
    :math:`s \lvert\log n - \log m\rvert` and there is no limit. Squared distances, freed of the
    noise of the means as in :func:`~graphon_lib.experiments.distance_of_means.distance_of_means`,
    are fitted by least squares, each in units of its bootstrap standard error; the interval comes
    from fitting the bootstrap's distances in the same way. Distances to one common reference would
    bias the exponent upwards: they vanish at the reference, whether it is the limit or not.
    """
    trials = [check_array(f"samples[{i}]", sample, 2) for i, sample in enumerate(samples)]
    if len(trials) < 3 or len(widths) != len(trials):
        raise ValueError(
            "samples and widths must be of the same length, at least 3; got "
            f"{len(trials)} and {len(widths)}"
        )
    previous = 0
    for i, (sample, width) in enumerate(zip(trials, widths, strict=True)):
        previous = check_integer(f"widths[{i}]", width, previous + 1)
        if len(sample) < 2:
            raise ValueError(f"samples[{i}] must hold at least two trials, got {len(sample)}")
        if sample.shape[1] != trials[0].shape[1]:
            raise ValueError(
                f"samples[{i}] must have {trials[0].shape[1]} columns as samples[0] does, "
                f"got {sample.shape[1]}"
            )
    check_rng("rng", rng)
    check_integer("resamples", resamples, 1)
    squared, resampled = _squared_distances(trials, rng, resamples)
    error = resampled.std(axis=0)
    # Trials that are all equal leave no error, and any weight will do.
    error = np.where(error > 0.0, error, max(float(error.max()), np.finfo(float).tiny))
    exponent, scale, misfit = _fit(squared[None], error, np.asarray(widths, dtype=np.float64))
    exponents, scales, _ = _fit(resampled, error, np.asarray(widths, dtype=np.float64))
    remaining = _remaining(np.r_[exponent, exponents], np.r_[scale, scales], widths[-1])
    return Approach(
        float(exponent[0]),
        *_interval(exponents),
        float(scale[0]),
        float(remaining[0]),
        *_interval(remaining[1:]),
        float(misfit[0]),
    )


def _squared_distances(
    trials: Sequence[NDArray[np.float64]], rng: np.random.Generator, resamples: int
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return unbiased squared distances of all pairs of widths, and bootstrap samples of them."""
    rows = np.concatenate(trials)
    rows = rows - rows.mean(axis=0)
    products = rows @ rows.T
    starts = np.cumsum([0, *[len(sample) for sample in trials]])
    parts = [slice(*pair) for pair in pairwise(starts)]
    exact = np.zeros((1, len(trials), len(rows)))
    drawn = np.zeros((resamples, len(trials), len(rows)))
    noise = np.zeros(len(trials))
    for i, part in enumerate(parts):
        count = part.stop - part.start
        exact[0, i, part] = 1 / count
        drawn[:, i, part] = rng.multinomial(count, np.full(count, 1 / count), resamples) / count
        block = products[part, part]
        noise[i] = (np.trace(block) - block.sum() / count) / (count - 1) / count
    first, second = np.triu_indices(len(trials), 1)

    def measured(weights: NDArray[np.float64]) -> NDArray[np.float64]:
        means = weights @ products @ weights.transpose(0, 2, 1)
        return means[:, first, first] + means[:, second, second] - 2.0 * means[:, first, second]

    squared = measured(exact)[0] - noise[first] - noise[second]
    resampled = measured(drawn)
    return squared, resampled - resampled.mean(axis=0) + squared


def _fit(
    squared: NDArray[np.float64], error: NDArray[np.float64], widths: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Return exponent, scale and misfit of each row of squared distances."""
    first, second = np.triu_indices(len(widths), 1)
    travelled = _travelled(widths[:, None], EXPONENTS)
    model = (travelled[second] - travelled[first]) ** 2 / error[:, None]
    target = squared / error
    # The best square of the scale is linear in the distances; it cannot be negative.
    square = np.maximum(target @ model / (model**2).sum(axis=0), 0.0)
    residuals = ((target[:, :, None] - square[:, None, :] * model) ** 2).mean(axis=1)
    best = np.argmin(residuals, axis=1)
    rows = np.arange(len(squared))
    return EXPONENTS[best], np.sqrt(square[rows, best]), np.sqrt(residuals[rows, best])


def _travelled(widths: NDArray[np.float64], exponents: NDArray[np.float64]) -> NDArray[np.float64]:
    r"""Return :math:`(1 - n^{-b}) / b`, and :math:`\log n` for :math:`b = 0`."""
    safe = np.where(exponents == 0.0, 1.0, exponents)
    return np.where(exponents == 0.0, np.log(widths), -np.expm1(-safe * np.log(widths)) / safe)


def _remaining(
    exponents: NDArray[np.float64], scales: NDArray[np.float64], width: int
) -> NDArray[np.float64]:
    """Return the distance of a width from the limit."""
    positive = exponents > 0.0
    safe = np.where(positive, exponents, 1.0)
    return np.where(positive, scales * float(width) ** -safe / safe, np.inf)


def _interval(values: NDArray[np.float64]) -> tuple[float, float]:
    lower, upper = np.quantile(values, INTERVAL, method="nearest")
    return float(lower), float(upper)
