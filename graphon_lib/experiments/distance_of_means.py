"""How far apart expected histograms are, each known from some trials, and how fast they meet."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from graphon_lib._checks import check_array, check_integer, check_rng

__all__ = ["Approach", "DistanceOfMeans", "distance_of_means", "fit_approach"]

INTERVAL = (0.025, 0.975)
EXPONENTS = np.linspace(-1.0, 3.0, 401)
"""Exponents that are tried; an estimate at either end is not determined by the trials."""


@dataclass(frozen=True)
class DistanceOfMeans:
    """Squared Euclidean distance of two sample means, and what it says of the expectations.

    Attributes
    ----------
    measured, noise
        Of the sample means, and what it would be on average if the expectations were equal.
    squared, standard_error, lower, upper
        Unbiased estimate of that of the expectations, ``measured - noise``, negative where it is
        below the noise; its error, and its bootstrap interval at the level of 95%.
    """

    measured: float
    noise: float
    squared: float
    standard_error: float
    lower: float
    upper: float


def distance_of_means(
    first: ArrayLike, second: ArrayLike, rng: np.random.Generator, resamples: int = 500
) -> DistanceOfMeans:
    r"""Estimate the squared distance between the expectations of two samples.

    Of independent trials, one a row, shapes (T, d) and (U, d), at least two each; anything else is
    a ``ValueError``. Averaging T trials leaves noise, and noise in d dimensions adds to a distance:

    .. math:: \mathbb E \lVert \bar x - \bar y \rVert^2 = \lVert \mathbb E x - \mathbb E y \rVert^2
              + \frac{\operatorname{tr} \Sigma_x}{T} + \frac{\operatorname{tr} \Sigma_y}{U} .

    The last two terms are estimated from the sample variances and subtracted. The same happens once
    more when trials are drawn with replacement (Efron and Tibshirani, *An Introduction to the
    Bootstrap*, 1993, chapters 10 and 13): bootstrap distances are shifted so that their mean is the
    estimate, and their quantiles are the interval. It is cautious, up to :math:`\sqrt 3` times too
    wide, where the distance is far below the noise. Only inner products of trials are needed, so
    that resampling costs nothing that grows with d.
    """
    first, second = _check_trials({"first": first, "second": second})
    check_rng("rng", rng)
    check_integer("resamples", resamples, 1)
    # Distances do not change when one point is taken off all trials, and rounding gets smaller.
    centre = first.mean(axis=0)
    trials = np.concatenate([first, second]) - centre
    products = trials @ trials.T
    sizes = (len(first), len(second))
    exact = np.concatenate([np.full(sizes[0], 1 / sizes[0]), np.full(sizes[1], -1 / sizes[1])])
    measured = float(exact @ products @ exact)
    noise = sum(
        _mean_noise(products[part, part])
        for part in (slice(0, sizes[0]), slice(sizes[0], sum(sizes)))
    )
    weights = np.hstack(
        [
            rng.multinomial(size, np.full(size, 1 / size), resamples) * (sign / size)
            for size, sign in zip(sizes, (1.0, -1.0), strict=True)
        ]
    )
    resampled = np.einsum("bi,bi->b", weights @ products, weights)
    squared = measured - noise
    lower, upper = np.quantile(resampled - resampled.mean() + squared, INTERVAL)
    return DistanceOfMeans(
        measured, noise, squared, float(resampled.std()), float(lower), float(upper)
    )


def _check_trials(samples: Mapping[str, ArrayLike]) -> list[NDArray[np.float64]]:
    """Return samples of trials, one a row, at least two each, all with equally many columns."""
    trials = {name: check_array(name, sample, 2) for name, sample in samples.items()}
    (first, reference), *_ = trials.items()
    columns = reference.shape[1]
    for name, sample in trials.items():
        if len(sample) < 2:
            raise ValueError(f"{name} must hold at least two trials, got {len(sample)}")
        if sample.shape[1] != columns:
            raise ValueError(
                f"{name} must have {columns} columns as {first} does, got {sample.shape[1]}"
            )
    return list(trials.values())


def _mean_noise(products: NDArray[np.float64]) -> float:
    """Return the squared standard error of a sample's mean, from the products of its trials."""
    count = len(products)
    return float((np.trace(products) - products.sum() / count) / (count - 1) / count)


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

    Of the trials of every width, one a row, shape (trials, d), at least two; at least three widths
    that grow; anything else is a ``ValueError``. If the expectations approach a limit along one
    direction :math:`e` as a power of the width,

    .. math:: \mathbb E x_n = x_\infty - s\, \frac{n^{-b}}{b}\, e ,

    then their distances are :math:`s\,\lvert n^{-b} - m^{-b}\rvert / \lvert b\rvert` and the limit
    drops out. The form continues through :math:`b = 0`, where distances are :math:`s \lvert\log n -
    \log m\rvert` and there is no limit. Squared distances, freed of the noise of the means as in
    :func:`distance_of_means`, are fitted by least squares, each in units of its bootstrap standard
    error; the interval comes from fitting the bootstrap's distances in the same way. Distances to
    one common reference would bias the exponent upwards: they vanish at the reference, whether it
    is the limit or not.
    """
    if len(samples) < 3 or len(widths) != len(samples):
        raise ValueError(
            "samples and widths must be of the same length, at least 3; got "
            f"{len(samples)} and {len(widths)}"
        )
    previous = 0
    for i, width in enumerate(widths):
        previous = check_integer(f"widths[{i}]", width, previous + 1)
    trials = _check_trials({f"samples[{i}]": sample for i, sample in enumerate(samples)})
    check_rng("rng", rng)
    check_integer("resamples", resamples, 1)
    squared, resampled = _squared_distances(trials, rng, resamples)
    error = resampled.std(axis=0)
    # Trials that are all equal leave no error, and any weight will do.
    error = np.where(error > 0.0, error, error.max() or 1.0)
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
        noise[i] = _mean_noise(products[part, part])
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
