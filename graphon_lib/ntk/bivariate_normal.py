r"""The normal distribution function of pairs, as fast on millions of pairs as it is in the tails."""

from __future__ import annotations

from functools import lru_cache
from math import pi, sqrt
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from graphon_lib._checks import needs_extra
from graphon_lib.ntk.arrays import Array, array_namespace

__all__ = ["Quadrant", "normal_cdf", "normal_density", "quadrant"]

# Half of the nodes of a Gauss-Legendre rule on [-1, 1], whose integrand is even. The nearest poles, at
# +-i, leave an error of about (1 + sqrt 2)^(-4 NODES), 4e-19; the Gaussian factor, cut off after
# CUT_OFF standard deviations, one of about 1e-11 of a tail that is itself below 1e-12.
NODES = 12
CUT_OFF = 7.0

# Beyond it the normal density and the tail of its distribution are 0 in double precision.
FARTHEST = 40.0

# A distance of 0 has no direction; this one cannot be told from it and has one.
NEAREST = 1e-150

# Of two variables of correlation +-1, one given the other lies this many standard deviations away,
# or more, if not at the same place.
SMALLEST_COMPLEMENT = 1e-30


class Quadrant(NamedTuple):
    r"""What `quadrant` returns, arrays of the shape of the correlations.

    Attributes
    ----------
    probability : array
        :math:`\Phi_2(a, b; \rho) = P(g \le a, g' \le b)`.
    conditional1 : array
        :math:`\Phi(y_1)`, the probability of :math:`g' \le b` given :math:`g = a`.
    conditional2 : array
        :math:`\Phi(y_2)`, the probability of :math:`g \le a` given :math:`g' = b`.
    decay : array
        :math:`e^{-y_1^2 / 2}`, so that the joint density is :math:`\varphi(a) e^{-y_1^2 / 2} /
        \sqrt{2 \pi (1 - \rho^2)}`.
    """

    probability: Array
    conditional1: Array
    conditional2: Array
    decay: Array


def normal_cdf(x: Array) -> Array:
    r"""Return :math:`\Phi(x)`, with all its digits in the lower tail."""
    xp = array_namespace(x)
    if xp is not np:
        return xp.special.erfc(x * -sqrt(0.5)) / 2
    with needs_extra("graphons"):
        from scipy.special import ndtr

    return ndtr(x)


def normal_density(x: Array) -> Array:
    r"""Return :math:`\varphi(x) = e^{-x^2/2} / \sqrt{2 \pi}`."""
    return array_namespace(x).exp(x * x / -2) / sqrt(2 * pi)


def quadrant(a: Array, b: Array, correlation: Array, complement: Array) -> Quadrant:
    r"""Return the probability that both of a pair of standard normal variables are small.

    Parameters
    ----------
    a, b : array
        Upper limits, of shapes that broadcast to that of `correlation`; beyond :math:`\pm 40` they
        count as that.
    correlation : array
        :math:`\rho \in [-1, 1]`.
    complement : array
        :math:`r = \sqrt{1 - \rho^2}`, which the caller may know with more digits than
        `correlation` leaves of it. Where it is 0, the sign of `correlation` decides.

    Returns
    -------
    Quadrant

    Notes
    -----
    With :math:`y_1 = (b - \rho a) / r` and :math:`y_2 = (a - \rho b) / r`, a quadrant with its corner
    in the lower left, :math:`a, b \le 0`, is cut by the ray from the origin through its corner in two
    wedges [1]_:

    .. math::

        \Phi_2(a, b; \rho) = U(|a|, -y_1) + U(|b|, -y_2), \qquad
        U(h, y) = \tfrac12 \Phi(-h) - T(h, y / h), \qquad
        T(h, \alpha) = \frac1{2\pi} \int_0^\alpha \frac{e^{-h^2 (1 + x^2) / 2}}{1 + x^2}\, dx .

    The other signs of a and b are brought to this one by reflection, and the range of :math:`\alpha`
    to [-1, 1] by [1]_

    .. math::

        T(h, \alpha) + T(\alpha h, 1 / \alpha) = \tfrac12 \Phi(-h) + \tfrac12 \Phi(-\alpha h)
        - \Phi(-h) \Phi(-\alpha h), \qquad h, \alpha > 0,

    where twelve exponentials, of a Gauss-Legendre rule for even functions, give it to rounding. The
    terms are written in tails, which keeps the digits of probabilities far smaller than rounding. The
    numerators of :math:`y_1` and :math:`y_2` are both derived from one difference,
    :math:`b - \operatorname{sign}(\rho) a`, so that at correlations near :math:`\pm 1` they belong to
    the same pair of limits whatever the rounding.

    References
    ----------
    .. [1] Owen, *Tables for Computing Bivariate Normal Probabilities*, Annals of Mathematical
       Statistics 27 (1956), equations 2.1 and 2.3 to 2.5.
    """
    xp = array_namespace(correlation)
    a, b = (_with_direction(xp.clip(limit, -FARTHEST, FARTHEST)) for limit in (a, b))
    sign1, sign2 = xp.sign(a), xp.sign(b)
    same = xp.copysign(xp.ones_like(correlation), correlation)
    apart = b - same * a
    apart /= xp.clip(complement, SMALLEST_COMPLEMENT, None)
    half_angle = xp.abs(correlation)
    half_angle += 1
    xp.divide(complement, half_angle, out=half_angle)
    half_angle *= same
    y1 = half_angle * a
    y1 += apart
    half_angle *= b
    apart *= same
    y2 = xp.subtract(half_angle, apart, out=half_angle)
    tail1, tail2 = normal_cdf(-xp.abs(a)), normal_cdf(-xp.abs(b))
    probability, conditional1 = _wedge(xp.abs(a), tail1, y1, sign2)
    other, conditional2 = _wedge(xp.abs(b), tail2, y2, sign1)
    probability += other
    probability *= sign1 * sign2
    # The reflections: P(g > a) and P(g' > b) where these are the smaller ones.
    positive1, positive2 = (1 + sign1) / 2, (1 + sign2) / 2
    probability += positive1 * normal_cdf(b)
    probability += positive2 * (normal_cdf(a) - positive1)
    y1 *= y1
    y1 /= -2
    return Quadrant(xp.clip(probability, 0.0, None), conditional1, conditional2, xp.exp(y1, out=y1))


def _with_direction(limit: Array) -> Array:
    xp = array_namespace(limit)
    return xp.where(xp.abs(limit) < NEAREST, xp.full_like(limit, NEAREST), limit)


def _wedge(h: Array, tail: Array, y: Array, sign: Array) -> tuple[Array, Array]:
    r"""Return U(h, sign y) and :math:`\Phi(y)`, `tail` being :math:`\Phi(-h)`."""
    xp = array_namespace(y)
    size = xp.abs(y)
    tail_of_y = normal_cdf(-size)
    conditional = xp.where(y > 0, 1 - tail_of_y, tail_of_y)
    beyond = size > h
    owen = _owens_t(xp.maximum(size, h), xp.minimum(size, h))
    direction = xp.sign(y)
    direction *= sign
    tail_of_y *= 0.5 - tail
    tail_of_y -= owen
    reflected = tail * (direction < 0) - direction * tail_of_y
    owen *= direction
    return xp.where(beyond, reflected, tail / 2 - owen), conditional


def _owens_t(larger: Array, smaller: Array) -> Array:
    r"""Return T(h, `smaller` / h) for `larger` = h > 0."""
    xp = array_namespace(larger)
    smaller = xp.clip(smaller, None, CUT_OFF)
    slope = smaller / larger
    squares = slope * slope
    smaller *= smaller
    total = xp.zeros_like(slope)
    term, divisor = xp.empty_like(slope), xp.empty_like(slope)
    for square, weight in zip(*_half_rule(), strict=True):
        xp.multiply(smaller, -square / 2, out=term)
        xp.exp(term, out=term)
        xp.multiply(squares, square / weight, out=divisor)
        divisor += 1 / weight
        term /= divisor
        total += term
    xp.multiply(larger, larger, out=term)
    term /= -2
    xp.exp(term, out=term)
    total *= term
    total *= slope
    total /= 2 * pi
    return total


@lru_cache(maxsize=1)
def _half_rule() -> tuple[list[float], list[float]]:
    """Return the squares of the positive nodes and their weights."""
    nodes, weights = np.polynomial.legendre.leggauss(2 * NODES)
    half: NDArray[np.bool_] = nodes > 0
    return (nodes[half] ** 2).tolist(), weights[half].tolist()
