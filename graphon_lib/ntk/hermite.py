r"""Moments of any smooth activation, from its expansion in Hermite polynomials."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

__all__ = ["HermiteActivation"]

Array = NDArray[np.float64]

TERMS = (32, 64, 128, 256, 512, 1024)
NODES = 721
RADIUS = 18.0

# The derivative at variance 0 is a difference quotient over about this many standard deviations.
LEAST_DEVIATION = 1e-4

# Shares of sums of squares, the size of a term being the root of its share. Terms are left out
# below the first. Their number is doubled while the last quarter of them holds more than the
# second, or those so far miss more of the mean square than the third, which is its rounding. If the
# last number still leaves more than the fourth, that is an error.
NEGLIGIBLE = 1e-22
CONVERGED = 1e-18
ROUNDING = 1e-14
UNRESOLVED = 1e-8
TINY = np.finfo(np.float64).tiny


@dataclass(frozen=True)
class HermiteActivation:
    r"""A smooth activation given as a function, by its Hermite expansion.

    Parameters
    ----------
    function : callable
        The activation, entry by entry, of a NumPy array.

    Notes
    -----
    With the orthonormal polynomials :math:`h_n` of the standard normal g and
    :math:`a_n(q) = E \sigma(\sqrt q g) h_n(g)`, Mehler's formula gives for a pair of correlation
    :math:`\rho = c / \sqrt{q q'}`, as for the dual activations of Daniely,
    Frostig and Singer (NeurIPS 2016, section 4),

    .. math::

        E \sigma(z) \sigma(z') = \sum_n a_n(q) a_n(q') \rho^n, \qquad
        E \dot\sigma(z) \dot\sigma(z') = \sum_{n \ge 1} b_n(q) b_n(q') \rho^{n-1}, \quad
        b_n(q) = \sqrt{n / q}\, a_n(q) ,

    the second by differentiating the first by c, so that no derivative of the function is needed.
    Means are part of the function, :math:`a_n(m, q) = E \sigma(m + \sqrt q g) h_n(g)`. The
    coefficients are computed by the trapezoidal rule, which for analytic functions under a Gaussian
    converges faster than Gauss-Hermite quadrature with as many nodes (Trefethen, SIAM Review 64,
    2022, section 5). Up to 1024 terms are summed, as many as matter. Where they do not suffice, as
    for a kink or for a saturating function at a large variance, that is a :class:`ValueError` and
    not a wrong number.
    """

    function: Callable[[Array], Array]

    def moments(self, covariance: Array, variance1: Array, variance2: Array) -> tuple[Array, Array]:
        """Return both second moments, see :meth:`graphon_lib.ntk.Activation.moments`."""
        zeros = (np.zeros_like(variance) for variance in (variance1, variance2))
        return self.moments_with_mean(covariance, variance1, variance2, *zeros)

    def mean(self, mean: Array, variance: Array) -> Array:
        """Return the mean, see :meth:`graphon_lib.ntk.Activation.mean`."""
        return self._expand(np.sqrt(variance), mean)[..., 0]

    def moments_with_mean(
        self, covariance: Array, variance1: Array, variance2: Array, mean1: Array, mean2: Array
    ) -> tuple[Array, Array]:
        """Return both second moments of Gaussians with means."""
        own1, slopes1 = self._coefficients(variance1, mean1)
        own2, slopes2 = self._coefficients(variance2, mean2)
        scale = np.sqrt(variance1) * np.sqrt(variance2)
        correlation = covariance / (scale + (scale == 0))
        correlation = np.clip(correlation, -1.0, 1.0)
        second, derivative = np.zeros_like(covariance), np.zeros_like(covariance)
        for n in reversed(range(min(len(own1), len(own2)))):
            second *= correlation
            second += own1[n] * own2[n]
            if n > 0:
                derivative *= correlation
                derivative += slopes1[n] * slopes2[n]
        return second, derivative

    def _coefficients(self, variance: Array, mean: Array) -> tuple[Array, Array]:
        """Return a_n and b_n, the terms along the first axis, b_0 being 0."""
        deviation = np.sqrt(variance)
        own = self._expand(deviation, mean)
        if (deviation < LEAST_DEVIATION).any():
            floored = np.where(deviation < LEAST_DEVIATION, deviation + LEAST_DEVIATION, deviation)
            slopes = self._expand(floored, mean)[..., : own.shape[-1]]
        else:
            floored, slopes = deviation, own
        terms = slopes.shape[-1]
        orders = np.sqrt(np.arange(float(terms)))
        slopes = slopes * orders / floored[..., None]
        needed = _needed_terms(slopes)
        return np.moveaxis(own[..., :needed], -1, 0), np.moveaxis(slopes[..., :needed], -1, 0)

    def _expand(self, deviation: Array, mean: Array) -> Array:
        """Return as many a_n, along the last axis, as it takes to resolve the function."""
        nodes, weights = _hermite_table()
        values = self._evaluate(deviation[..., None] * nodes + mean[..., None])
        energy = (values * values) @ weights[:, 0]
        own = values[..., :0]
        for terms in TERMS:
            own = np.concatenate([own, values @ weights[:, own.shape[-1] : terms]], -1)
            squares = own * own
            missing = np.abs(energy - np.sum(squares, axis=-1))
            slopes = squares * np.arange(float(terms))
            last = np.sum(slopes[..., 3 * terms // 4 :], axis=-1)
            unseen = float(np.max(missing / (energy + TINY)))
            trailing = float(np.max(last / (np.sum(slopes, axis=-1) + TINY)))
            if unseen <= ROUNDING and trailing <= CONVERGED:
                break
        if max(unseen, trailing) > UNRESOLVED:
            raise ValueError(
                f"activation must be smooth over the variances of the network, up to {float(deviation.max()) ** 2:.3g} here; {terms} Hermite polynomials miss a share of {max(unseen, trailing):.1g} of {self.function!r}, and at most {UNRESOLVED:g} is allowed"
            )
        return own

    def _evaluate(self, points: Array) -> Array:
        try:
            values = self.function(points)
        except TypeError as error:
            raise ValueError(
                f"activation must be a function of a NumPy array, got {self.function!r}, which says: {error}"
            ) from error
        if getattr(values, "shape", None) != points.shape or not np.isfinite(values).all():
            raise ValueError(
                f"activation must return a finite number for each entry, got something else from {self.function!r} on [{float(points.min()):.3g}, {float(points.max()):.3g}]"
            )
        return values


def _needed_terms(slopes: Array) -> int:
    """Return how many terms matter anywhere."""
    squares = np.reshape(slopes * slopes, (-1, slopes.shape[-1]))
    share = squares / (np.sum(squares, axis=-1)[:, None] + TINY)
    matters = np.flatnonzero(share.max(axis=0) > NEGLIGIBLE)
    return int(matters[-1]) + 1 if matters.size else 1


@lru_cache(maxsize=1)
def _hermite_table() -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    r"""Return the nodes x (Q,) and the weights :math:`\phi(x) h_n(x) \Delta x`, shape (Q, 1024)."""
    nodes = np.linspace(-RADIUS, RADIUS, NODES)
    half_density = np.exp(-(nodes**2) / 4) / (2 * np.pi) ** 0.25
    # The recurrence runs on h_n times the root of the density, which neither over- nor underflows.
    functions = np.empty((TERMS[-1], NODES))
    functions[0] = half_density
    functions[1] = nodes * half_density
    for n in range(1, TERMS[-1] - 1):
        functions[n + 1] = (nodes * functions[n] - np.sqrt(n) * functions[n - 1]) / np.sqrt(n + 1)
    weights = (functions * half_density * (nodes[1] - nodes[0])).T
    weights.flags.writeable = False
    nodes.flags.writeable = False
    return nodes, weights
