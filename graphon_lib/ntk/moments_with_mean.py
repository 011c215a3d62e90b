r"""Moments of activations under pairs of Gaussians that have means, in closed form."""

from __future__ import annotations

from math import pi, sqrt

import numpy as np

from graphon_lib._checks import needs_extra
from graphon_lib.ntk.arrays import Array, array_namespace
from graphon_lib.ntk.bivariate_normal import FARTHEST, normal_cdf, normal_density, quadrant

__all__ = [
    "PARALLEL",
    "erf_mean",
    "erf_moments",
    "leaky_relu_mean",
    "leaky_relu_moments",
    "normal_erf",
]

# A pair whose squared sine is below this is taken as parallel. Rounding in sums over some thousand
# inputs, in whatever order, shows as that much, and a square root would turn it into an angle of 1e-7.
PARALLEL = 2.0**-42

# Up to this correlation the integral of the normal density over correlations from 0 is a better sum
# than the difference of distribution functions, which loses the digits of small moments.
MODERATE = 0.8
ANGLES = 20


def leaky_relu_mean(slope: float, mean: Array, variance: Array) -> Array:
    r"""Return the mean of the leaky rectifier of a Gaussian.

    Parameters
    ----------
    slope
        The slope k on the negative side, 0 for the ReLU.
    mean, variance
        m and q, of one shape.

    Notes
    -----
    .. math:: E \sigma(z) = k m + (1 - k) \left( m \Phi(m / s) + s \varphi(m / s) \right), \qquad s = \sqrt q .
    """
    deviation, standard = _standardised(mean, variance)
    rectified = mean * normal_cdf(standard) + deviation * normal_density(standard)
    return slope * mean + (1 - slope) * rectified


def leaky_relu_moments(
    slope: float,
    covariance: Array,
    variance1: Array,
    variance2: Array,
    mean1: Array,
    mean2: Array,
) -> tuple[Array, Array]:
    r"""Return the second moments of the leaky rectifier and of its derivative.

    Parameters
    ----------
    slope
        The slope k on the negative side, 0 for the ReLU.
    covariance
        Any shape.
    variance1, variance2, mean1, mean2
        Of shapes that broadcast to it.

    Returns
    -------
    tuple of two arrays
        :math:`E \sigma(z) \sigma(z')` and :math:`E \dot\sigma(z) \dot\sigma(z')`, the derivative at 0
        being k.

    Notes
    -----
    Let :math:`a = m / s` and :math:`b = m' / s'` be the standardised means, :math:`\rho = c / (s s')`,
    :math:`r = \sqrt{1 - \rho^2}`, :math:`y_1 = (b - \rho a) / r` and :math:`y_2 = (a - \rho b) / r`.
    The two are positive together with probability :math:`L = \Phi_2(a, b; \rho)`, and the moments of a
    bivariate normal distribution cut off at a corner [1]_,

    .. math::

        E[g ; +] &= \varphi(a) \Phi(y_1) + \rho\, \varphi(b) \Phi(y_2), \\
        E[g g' ; +] &= \rho L - \rho a\, \varphi(a) \Phi(y_1) - \rho b\, \varphi(b) \Phi(y_2)
        + \frac{r}{2 \pi} e^{-(a^2 + y_1^2) / 2},

    put into :math:`E[(a + g)(b + g') ; +]`, leave for the ReLU

    .. math::

        E \sigma \sigma = (m m' + c) L + m s' \varphi(b) \Phi(y_2) + m' s\, \varphi(a) \Phi(y_1)
        + \frac{s s' r}{2 \pi} e^{-(a^2 + y_1^2) / 2}, \qquad
        E \dot\sigma \dot\sigma = L .

    At means 0 they are the arc-cosine kernels. A Gaussian of variance 0 is its mean, which counts as
    infinitely many standard deviations; :math:`a = \pm 40` is as good. The leaky rectifier is
    :math:`k z + (1 - k) \max(z, 0)`, and :math:`E z \max(z', 0) = m\, E \max(z', 0) + c\, \Phi(b)`.

    References
    ----------
    .. [1] Rosenbaum, *Moments of a Truncated Bivariate Normal Distribution*, Journal of the Royal
       Statistical Society B 23 (1961), equations 1, 3 and 5.
    """
    xp = array_namespace(covariance)
    deviation1, a = _standardised(mean1, variance1)
    deviation2, b = _standardised(mean2, variance2)
    correlation, complement, root = _correlation(
        covariance, variance1, variance2, deviation1 * deviation2
    )
    both = quadrant(a, b, correlation, complement)
    raw = mean1 * mean2
    raw = raw + covariance
    density1, density2 = deviation1 * normal_density(a), deviation2 * normal_density(b)
    second = raw * both.probability
    second += mean1 * density2 * both.conditional2
    second += mean2 * density1 * both.conditional1
    root *= both.decay
    root *= normal_density(a) / sqrt(2 * pi)
    second += root
    second = xp.clip(second, 0.0, None)
    if slope == 0:
        return second, both.probability
    k = slope
    positive1, positive2 = normal_cdf(a), normal_cdf(b)
    rectified1, rectified2 = mean1 * positive1 + density1, mean2 * positive2 + density2
    crossed = covariance * (positive1 + positive2)
    crossed += mean1 * rectified2 + mean2 * rectified1
    second *= (1 - k) ** 2
    second += k**2 * raw + k * (1 - k) * crossed
    passing = (1 - k) ** 2 * both.probability
    passing += k**2 + k * (1 - k) * (positive1 + positive2)
    return second, passing


def erf_mean(mean: Array, variance: Array) -> Array:
    r"""Return the mean of the error function of a Gaussian, :math:`\operatorname{erf}(m / \sqrt{1 + 2q})`."""
    return normal_erf(mean / array_namespace(mean).sqrt(1 + 2 * variance))


def erf_moments(
    covariance: Array, variance1: Array, variance2: Array, mean1: Array, mean2: Array
) -> tuple[Array, Array]:
    r"""Return the second moments of the error function and of its derivative.

    Arguments and result are those of `leaky_relu_moments`, without a slope.

    Notes
    -----
    Since :math:`\operatorname{erf}(z) = 2 P(g \le \sqrt2 z) - 1` for an independent standard normal g,
    with :math:`A = \sqrt2\, m / \sqrt{1 + 2q}`, B alike, and :math:`R = 2 c / \sqrt{(1 + 2q)(1 + 2q')}`,

    .. math::

        E \sigma \sigma = \operatorname{erf}\tfrac{A}{\sqrt2} \operatorname{erf}\tfrac{B}{\sqrt2}
        + 4 \left( \Phi_2(A, B; R) - \Phi(A) \Phi(B) \right), \qquad
        \Phi_2 - \Phi \Phi = \frac{1}{2\pi} \int_0^{\arcsin R}
        e^{-\frac{A^2 + B^2 - 2 A B \sin \theta}{2 \cos^2 \theta}}\, d\theta .

    The integral [1]_ is summed where R is moderate, the difference taken where it is not. With
    :math:`\Delta = (1 + 2q)(1 + 2q') - 4c^2`, completing the square gives

    .. math::

        E \dot\sigma \dot\sigma = \frac{4}{\pi \sqrt\Delta}
        \exp\left( -\frac{(1 + 2q') m^2 - 4 c\, m m' + (1 + 2q) m'^2}{\Delta} \right) .

    References
    ----------
    .. [1] Drezner and Wesolowsky, *On the Computation of the Bivariate Normal Integral*, Journal of
       Statistical Computation and Simulation 35 (1990), equation 3.
    """
    xp = array_namespace(covariance)
    wide1, wide2 = xp.sqrt(1 + 2 * variance1), xp.sqrt(1 + 2 * variance2)
    a, b = sqrt(2) * mean1 / wide1, sqrt(2) * mean2 / wide2
    minor = variance1 * variance2 - covariance * covariance
    minor *= minor > PARALLEL * variance1 * variance2
    determinant = 1 + 2 * variance1 + 2 * variance2 + 4 * minor
    scale = wide1 * wide2
    correlation = xp.clip(2 * covariance / scale, -1.0, 1.0)
    complement = xp.sqrt(determinant) / scale
    # The mean of one given the other, so that the exponent is a sum of squares.
    given = (b - correlation * a) / complement
    passing = 4 / pi / xp.sqrt(determinant) * xp.exp(-(a * a + given * given) / 2)
    second = quadrant(a, b, correlation, complement).probability
    second -= normal_cdf(a) * normal_cdf(b)
    moderate = xp.abs(correlation) < MODERATE
    second = xp.where(moderate, _integral(a, b, xp.where(moderate, correlation, 0.0)), second)
    second *= 4
    second += normal_erf(a / sqrt(2)) * normal_erf(b / sqrt(2))
    return second, passing


def normal_erf(x: Array) -> Array:
    """Return the error function."""
    xp = array_namespace(x)
    if xp is not np:
        return xp.special.erf(x)
    with needs_extra("graphons"):
        from scipy.special import erf

    return erf(x)


def _standardised(mean: Array, variance: Array) -> tuple[Array, Array]:
    """Return the standard deviation, and the mean in its units or far away where that is 0."""
    xp = array_namespace(mean)
    deviation = xp.sqrt(variance)
    infinite = xp.where(mean > 0, xp.full_like(mean, FARTHEST), xp.full_like(mean, -FARTHEST))
    standard = mean / (deviation + (deviation == 0))
    standard = xp.where(deviation > 0, standard, infinite)
    return deviation, xp.clip(standard, -FARTHEST, FARTHEST)


def _correlation(
    covariance: Array, variance1: Array, variance2: Array, scale: Array
) -> tuple[Array, Array, Array]:
    r"""Return :math:`\rho`, :math:`r = \sqrt{1 - \rho^2}` and :math:`s s' r`; 0, 1 and 0 where s s' = 0."""
    xp = array_namespace(covariance)
    product = variance1 * variance2
    root = covariance * covariance
    xp.subtract(product, root, out=root)
    root *= root > PARALLEL * product
    xp.sqrt(root, out=root)
    dead = scale == 0
    scale = scale + dead
    correlation = xp.clip(covariance / scale, -1.0, 1.0)
    complement = root / scale
    complement += dead
    return correlation, complement, root


def _integral(a: Array, b: Array, correlation: Array) -> Array:
    xp = array_namespace(correlation)
    nodes, weights = np.polynomial.legendre.leggauss(ANGLES)
    half = xp.asin(correlation) / 2
    total = xp.zeros_like(correlation)
    for node, weight in zip(nodes.tolist(), weights.tolist(), strict=True):
        sine = xp.sin(half * (1 + node))
        total += weight * xp.exp(-(a * a + b * b - 2 * a * b * sine) / (2 * (1 - sine * sine)))
    total *= half
    total /= 2 * pi
    return total
