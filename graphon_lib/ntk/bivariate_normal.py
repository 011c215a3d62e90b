r"""The normal distribution function of pairs, to about 1e-16."""

from __future__ import annotations

from math import pi, sqrt
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from graphon_lib._checks import needs_extra

__all__ = ["FARTHEST", "Quadrant", "normal_cdf", "normal_density", "quadrant"]

Array = NDArray[np.float64]

# Beyond it the normal density and the tail of its distribution are 0 in double precision.
FARTHEST = 40.0

# A distance of 0 has no direction; this one cannot be told from it and has one.
NEAREST = 1e-150

# Of two variables of correlation +-1, one given the other lies this many standard deviations away,
# or more, if not at the same place.
SMALLEST_COMPLEMENT = 1e-30


# Where the powers of limits and distances are a quicker sum than Owen's function, and as exact.
NEAR, LOWEST_CORRELATION = 1.0, -0.5
ROUNDING = 2.0**-53
POWERS = np.arange(16)
FACTORIALS = np.cumprod(np.maximum(POWERS, 1), dtype=float)
ERROR_SERIES = 1 / ((2 * POWERS + 1) * FACTORIALS)
WEDGE_SERIES = ERROR_SERIES[:, None] / ((POWERS[:, None] + POWERS + 1) * FACTORIALS) / (4 * pi)


class Quadrant(NamedTuple):
    r"""What `quadrant` returns, arrays of the shape of the correlations.

    Attributes
    ----------
    probability : ndarray
        :math:`\Phi_2(a, b; \rho) = P(g \le a, g' \le b)`.
    conditional1 : ndarray
        :math:`\Phi(y_1)`, the probability of :math:`g' \le b` given :math:`g = a`.
    conditional2 : ndarray
        :math:`\Phi(y_2)`, the probability of :math:`g \le a` given :math:`g' = b`.
    decay : ndarray
        :math:`e^{-y_1^2 / 2}`, so that the joint density is :math:`\varphi(a) e^{-y_1^2 / 2} /
        \sqrt{2 \pi (1 - \rho^2)}`.
    """

    probability: Array
    conditional1: Array
    conditional2: Array
    decay: Array


def normal_cdf(x: Array) -> Array:
    r"""Return :math:`\Phi(x)`, with all its digits in the lower tail."""
    with needs_extra("graphons"):
        from scipy.special import ndtr

    return ndtr(x)


def normal_density(x: Array) -> Array:
    r"""Return :math:`\varphi(x) = e^{-x^2/2} / \sqrt{2 \pi}`."""
    return np.exp(x * x / -2) / sqrt(2 * pi)


def quadrant(a: Array, b: Array, correlation: Array, complement: Array) -> Quadrant:
    r"""Return the probability that both of a pair of standard normal variables are small.

    The upper limits a and b have shapes that broadcast to that of the `correlation` :math:`\rho`;
    beyond :math:`\pm 40` they count as that. The caller may know the `complement`,
    :math:`r = \sqrt{1 - \rho^2}`, with more digits than the correlation leaves of it. The error is
    about 1e-16, of the whole and not of the probability: one far below that, in the tails, keeps
    its digits only where the correlation is near 1.

    Notes
    -----
    With :math:`y_1 = (b - \rho a) / r` and :math:`y_2 = (a - \rho b) / r`, a quadrant with its
    corner in the lower left, :math:`a, b \le 0`, is cut by the ray from the origin through its
    corner in two wedges (Owen, Annals of Mathematical Statistics 27, 1956, equations 2.1 and 2.3 to
    2.5):

    .. math::

        \Phi_2(a, b; \rho) = U(|a|, -y_1) + U(|b|, -y_2), \qquad
        U(h, y) = \tfrac12 \Phi(-h) - T(h, y / h), \qquad
        T(h, \alpha) = \frac1{2\pi} \int_0^\alpha \frac{e^{-h^2 (1 + x^2) / 2}}{1 + x^2}\, dx .

    The other signs of a and b are brought to this one by reflection, and the range of
    :math:`\alpha` to [-1, 1] by

    .. math::

        T(h, \alpha) + T(\alpha h, 1 / \alpha) = \tfrac12 \Phi(-h) + \tfrac12 \Phi(-\alpha h)
        - \Phi(-h) \Phi(-\alpha h), \qquad h, \alpha > 0 .

    The terms are written in tails, so that at correlations near 1 small probabilities keep their
    digits; elsewhere they are small differences of terms that are not. The numerators of
    :math:`y_1` and :math:`y_2` are both derived from one difference,
    :math:`b - \operatorname{sign}(\rho) a`, so that at correlations near :math:`\pm 1` they belong
    to the same pair of limits whatever the rounding.

    Where a, b, :math:`y_1` and :math:`y_2` are at most 1 in absolute value, and
    :math:`\rho \ge -1/2`, no probability is small, and nothing is reflected: with
    :math:`x = t / h` the integral is

    .. math::

        2 \pi T(h, y / h) = \arctan \frac yh - \frac{h y}2 G(h, y), \qquad
        G(h, y) = \sum_{j, n} \frac{(-y^2 / 2)^j\, (-h^2 / 2)^n}{(2 j + 1)\, j!\, n!\, (j + n + 1)},

    and as the arctangents of both wedges make up the angle :math:`\arccos \rho`, where a and b have
    one sign (the reflections make up for it where they have not),

    .. math::

        \Phi_2(a, b; \rho) = \frac{\Phi(a) + \Phi(b)}2 - \frac{\arccos \rho}{2 \pi}
        + \frac{a y_1 G(a, y_1) + b y_2 G(b, y_2)}{4 \pi}.
    """
    a, b = (_with_direction(np.clip(limit, -FARTHEST, FARTHEST)) for limit in (a, b))
    # In place where it can be: tiles of new arrays would leave the cache.
    y2 = np.copysign(1.0, correlation)
    apart = y2 * a
    np.subtract(b, apart, out=apart)
    y1 = np.maximum(complement, SMALLEST_COMPLEMENT)
    apart /= y1
    half_angle = np.abs(correlation)
    half_angle += 1
    np.divide(complement, half_angle, out=half_angle)
    half_angle *= y2
    np.multiply(half_angle, a, out=y1)
    y1 += apart
    apart *= y2
    np.multiply(half_angle, b, out=y2)
    y2 -= apart
    far = correlation < LOWEST_CORRELATION
    for distance in (a, b, y1, y2):
        if not np.abs(distance).max(initial=0.0) <= NEAR:
            far |= ~(np.abs(distance) <= NEAR)  # a NaN, too, which would be the largest of all
    if far.all():
        return _by_wedges(a, b, y1, y2)
    if not far.any():
        return _by_series(a, b, y1, y2, half_angle)
    of_far = _by_wedges(*(np.broadcast_to(v, far.shape)[far] for v in (a, b, y1, y2)))
    y1[far] = y2[far] = 0.0
    both = _by_series(*(np.clip(limit, -NEAR, NEAR) for limit in (a, b)), y1, y2, half_angle)
    for whole, part in zip(both, of_far, strict=True):
        whole[far] = part
    return both


def _by_series(a: Array, b: Array, y1: Array, y2: Array, half_angle: Array) -> Quadrant:
    """Return the quadrants of limits and distances up to `NEAR`; the half angles are overwritten."""
    # A NaN among them makes no difference to others.
    reach = max(np.fmax.reduce(np.abs(distance), axis=None) for distance in (a, b, y1, y2))
    # From the first term on that rounding hides.
    terms = 1 + int(np.argmax((reach**2 / 2) ** POWERS * ERROR_SERIES < ROUNDING))
    probability = np.arctan(half_angle, out=half_angle)
    quarters = np.copysign(0.25, probability)
    probability /= -pi
    probability += quarters
    probability += normal_cdf(a) / 2 - 0.25
    probability += normal_cdf(b) / 2
    conditionals, exponents = [], []
    for h, y in ((a, y1), (b, y2)):
        exponent = y * y
        exponent /= -2
        wedge = _polynomial(_wedge_coefficients(h, terms), exponent)
        wedge *= y
        probability += wedge
        conditional = _polynomial(ERROR_SERIES[:terms] / sqrt(2 * pi), exponent, out=wedge)
        conditional *= y
        conditional += 0.5
        conditionals.append(conditional)
        exponents.append(exponent)
    return Quadrant(probability, *conditionals, np.exp(exponents[0], out=exponents[0]))


def _wedge_coefficients(h: Array, terms: int) -> Array:
    r"""Return those of h G(h, y) / (4 pi) as a polynomial of :math:`-y^2 / 2`, one a term."""
    powers = np.empty((terms, *h.shape))
    powers[0] = 1.0
    powers[1:] = h * h / -2
    np.cumprod(powers, axis=0, out=powers)
    series = WEDGE_SERIES[:terms, :terms] @ powers.reshape(terms, -1)
    return h * series.reshape(powers.shape)


def _polynomial(coefficients: Array, x: Array, out: Array | None = None) -> Array:
    """Return the polynomial of x by Horner's rule; coefficients, two or more, broadcast to x."""
    total = np.multiply(x, coefficients[-1], out=out)
    for coefficient in coefficients[-2:0:-1]:
        total += coefficient
        total *= x
    total += coefficients[0]
    return total


def _by_wedges(a: Array, b: Array, y1: Array, y2: Array) -> Quadrant:
    """Return the quadrants of any limits and distances, by Owen's function."""
    sign1, sign2 = np.sign(a), np.sign(b)
    tail1, tail2 = normal_cdf(-np.abs(a)), normal_cdf(-np.abs(b))
    probability, conditional1 = _wedge(np.abs(a), tail1, y1, sign2)
    other, conditional2 = _wedge(np.abs(b), tail2, y2, sign1)
    probability += other
    probability *= sign1 * sign2
    # The reflections: P(g > a) and P(g' > b) where these are the smaller ones.
    positive1, positive2 = (1 + sign1) / 2, (1 + sign2) / 2
    probability += positive1 * normal_cdf(b)
    probability += positive2 * (normal_cdf(a) - positive1)
    decay = np.exp(y1 * y1 / -2)
    return Quadrant(np.clip(probability, 0.0, None), conditional1, conditional2, decay)


def _with_direction(limit: Array) -> Array:
    return np.where(np.abs(limit) < NEAREST, NEAREST, limit)


def _wedge(h: Array, tail: Array, y: Array, sign: Array) -> tuple[Array, Array]:
    r"""Return U(h, sign y) and :math:`\Phi(y)`, `tail` being :math:`\Phi(-h)`."""
    from scipy.special import owens_t

    size = np.abs(y)
    tail_of_y = normal_cdf(-size)
    conditional = np.where(y > 0, 1 - tail_of_y, tail_of_y)
    larger, smaller = np.maximum(size, h), np.minimum(size, h)
    owen = owens_t(larger, smaller / larger)
    direction = np.sign(y) * sign
    tail_of_y = tail_of_y * (0.5 - tail) - owen
    reflected = tail * (direction < 0) - direction * tail_of_y
    return np.where(size > h, reflected, tail / 2 - owen * direction), conditional
