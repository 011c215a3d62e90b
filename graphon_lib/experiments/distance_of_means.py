"""How far apart two expected histograms are, when each is known from a sample of trials."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from graphon_lib._checks import check_array, check_integer, check_rng

__all__ = ["DistanceOfMeans", "distance_of_means"]

INTERVAL = (0.025, 0.975)


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

    Parameters
    ----------
    first, second
        Independent trials, one a row, shapes (T, d) and (U, d), at least two each.
    rng, resamples
        Source and number of bootstrap samples.

    Raises
    ------
    ValueError
        If a sample has fewer than two trials, the dimensions differ or an argument is not allowed.

    Notes
    -----
    Averaging T trials leaves noise, and noise in d dimensions adds to a distance, never subtracts:

    .. math:: \mathbb E \lVert \bar x - \bar y \rVert^2 = \lVert \mathbb E x - \mathbb E y \rVert^2
              + \frac{\operatorname{tr} \Sigma_x}{T} + \frac{\operatorname{tr} \Sigma_y}{U} .

    The last two terms are estimated from the sample variances and subtracted. The same happens
    once more when trials are drawn with replacement [1]_: bootstrap distances are shifted so that
    their mean is the estimate, and their quantiles are the interval. It is cautious, up to
    :math:`\sqrt 3` times too wide, where the distance is far below the noise. Only inner products
    of trials are needed, so that resampling costs nothing that grows with d.

    References
    ----------
    .. [1] B. Efron and R. Tibshirani, *An Introduction to the Bootstrap*, Chapman & Hall 1993,
       chapters 10 and 13.
    """
    first, second = check_array("first", first, 2), check_array("second", second, 2)
    for name, sample in (("first", first), ("second", second)):
        if len(sample) < 2:
            raise ValueError(f"{name} must hold at least two trials, got {len(sample)}")
    if first.shape[1] != second.shape[1]:
        raise ValueError(
            f"second must have {first.shape[1]} columns as first does, got {second.shape[1]}"
        )
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


def _mean_noise(products: NDArray[np.float64]) -> float:
    """Return the squared standard error of a sample's mean, from the products of its trials."""
    count = len(products)
    return float((np.trace(products) - products.sum() / count) / (count - 1) / count)
