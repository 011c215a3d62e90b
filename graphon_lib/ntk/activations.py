r"""Activations and what the kernels need of them: their moments under a pair of Gaussians."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from math import pi, sqrt
from typing import Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

from graphon_lib._checks import check_real, needs_extra
from graphon_lib.ntk.bivariate_normal import FARTHEST, normal_cdf, normal_density, quadrant
from graphon_lib.ntk.hermite import HermiteActivation

__all__ = [
    "ACTIVATIONS",
    "Activation",
    "Erf",
    "LeakyReLU",
    "Linear",
    "activation_of",
    "check_variances",
    "named_activation",
]

Array = NDArray[np.float64]
Kind = TypeVar("Kind")

# The product of two variances must neither overflow nor lose digits to underflow.
SMALLEST, LARGEST = 1e-140, 1e140

# A pair whose squared sine is below this is taken as parallel. Rounding in sums over some thousand
# inputs, in whatever order, shows as that much, and a square root would turn it into an angle of 1e-7.
PARALLEL = 2.0**-42

# Beside any covariance of variances that kernels allow; the largest of them over it is finite.
NEGLIGIBLE = 1e-165

# Up to this correlation the integral of the normal density over correlations from 0 is a better sum
# than the difference of distribution functions, which loses the digits of small moments.
MODERATE = 0.8

# Of which the square is in the range of double precision.
LARGEST_SLOPE = 1e150
ANGLES = 20


def check_variances(subject: str, variance: Array) -> None:
    """Check the variances of pre-activations; the message begins ``"x1 must give ..."``."""
    # Written so that a NaN is refused too.
    if not ((variance == 0) | ((variance >= SMALLEST) & (variance <= LARGEST))).all():
        raise ValueError(
            f"{subject} a variance of 0 or in [{SMALLEST:g}, {LARGEST:g}]; got values from {variance.min():.3g} to {variance.max():.3g}"
        )


class Activation(Protocol):
    r"""What a kernel needs of an activation :math:`\sigma`; the last two for networks with drifts only."""

    def moments(self, covariance: Array, variance1: Array, variance2: Array) -> tuple[Array, Array]:
        r"""Return :math:`E \sigma(z) \sigma(z')` and :math:`E \dot\sigma(z) \dot\sigma(z')`.

        The pairs of Gaussians have the covariances :math:`c = E z z'`, of one axis or more, and the
        variances :math:`q` and :math:`q'`, of shapes that broadcast to it. New arrays of the shape
        of c.
        """

    def moments_with_mean(
        self, covariance: Array, variance1: Array, variance2: Array, mean1: Array, mean2: Array
    ) -> tuple[Array, Array]:
        r"""Return the same for Gaussians with means m and m', of the shapes of the variances.

        Covariance and variances are less the means; the first moment returned is not.
        """

    def mean(self, mean: Array, variance: Array) -> Array:
        r"""Return :math:`E \sigma(z)`, in the shape of both arguments."""


@dataclass(frozen=True)
class LeakyReLU:
    r"""The leaky rectifier, :math:`\sigma(z) = z` for positive z and :math:`k z` otherwise.

    Parameters
    ----------
    slope : float
        The slope k on the negative side, at most 1e150 in absolute value; 0 makes it the ReLU.

    Notes
    -----
    For the ReLU, with :math:`\theta = \operatorname{atan2}(\sqrt{qq' - c^2}, c)` the angle of the
    pair, the arc-cosine kernels of order 1 and 0 (Cho and Saul, NeurIPS 2009, section 2) are

    .. math::

        E \sigma \sigma = \frac{\sqrt{qq' - c^2} + (\pi - \theta) c}{2 \pi}, \qquad
        E \dot\sigma \dot\sigma = \frac{\pi - \theta}{2 \pi} .

    The leaky rectifier is :math:`k z + (1 - k) \max(z, 0)`; since :math:`E z \max(z', 0) = c / 2`,
    its moments are :math:`k c + (1 - k)^2 E \sigma\sigma` and :math:`k + (1 - k)^2 E \dot\sigma
    \dot\sigma`. The derivative at 0 is k, so that a position of variance 0 passes nothing through a
    ReLU. The arccosine of :math:`c / \sqrt{q q'}` would lose half the digits of small angles.

    With means, let :math:`a = m / s` and :math:`b = m' / s'` be the standardised ones,
    :math:`\rho = c / (s s')`, :math:`r = \sqrt{1 - \rho^2}`, :math:`y_1 = (b - \rho a) / r` and
    :math:`y_2 = (a - \rho b) / r`. The two are positive together with probability
    :math:`L = \Phi_2(a, b; \rho)`, and the moments of a bivariate normal distribution cut off at a
    corner (Rosenbaum, Journal of the Royal Statistical Society B 23, 1961, equations 1, 3 and 5),

    .. math::

        E[g ; +] &= \varphi(a) \Phi(y_1) + \rho\, \varphi(b) \Phi(y_2), \\
        E[g g' ; +] &= \rho L - \rho a\, \varphi(a) \Phi(y_1) - \rho b\, \varphi(b) \Phi(y_2)
        + \frac{r}{2 \pi} e^{-(a^2 + y_1^2) / 2},

    put into :math:`E[(a + g)(b + g') ; +]`, leave for the ReLU

    .. math::

        E \sigma \sigma = (m m' + c) L + m s' \varphi(b) \Phi(y_2) + m' s\, \varphi(a) \Phi(y_1)
        + \frac{s s' r}{2 \pi} e^{-(a^2 + y_1^2) / 2}, \qquad
        E \dot\sigma \dot\sigma = L, \qquad E \sigma = m \Phi(a) + s \varphi(a) .

    A Gaussian of variance 0 is its mean, which counts as infinitely many standard deviations;
    :math:`a = \pm 40` is as good. For the leaky rectifier,
    :math:`E z \max(z', 0) = m\, E \max(z', 0) + c\, \Phi(b)`.
    """

    slope: float = 0.01

    def __post_init__(self) -> None:
        check_real("slope", self.slope, -LARGEST_SLOPE, LARGEST_SLOPE)

    def __call__(self, z: Array) -> Array:
        """Return the activation of z."""
        return np.where(z > 0, z, self.slope * z)

    def derivative(self, z: Array) -> Array:
        """Return the derivative at z."""
        return np.where(z > 0, 1.0, self.slope)

    def moments(self, covariance: Array, variance1: Array, variance2: Array) -> tuple[Array, Array]:
        """Return both second moments, see :meth:`Activation.moments`."""
        product = variance1 * variance2
        root = covariance * covariance
        np.subtract(product, root, out=root)
        product *= PARALLEL
        parallel = root <= product
        if parallel.any():
            root[parallel] = 0.0
        np.sqrt(root, out=root)
        # Pi less the angle between z and z', as a share of a turn. An arctangent of two arguments
        # would take a third more time in all, but on processors with instructions for it.
        passing = np.abs(covariance, out=product)
        passing += NEGLIGIBLE
        np.divide(root, passing, out=passing)
        np.arctan(passing, out=passing)
        passing *= -1 / (2 * pi)
        passing += 0.25
        np.copysign(passing, covariance, out=passing)
        passing += 0.25
        alive1, alive2 = variance1 > 0, variance2 > 0
        if not (alive1.all() and alive2.all()):
            passing *= alive1 & alive2
        root /= 2 * pi
        root += passing * covariance
        if self.slope != 0:
            k = self.slope
            root = k * covariance + (1 - k) ** 2 * root
            # The probabilities of a positive preactivation, which is never one at variance 0.
            positive1, positive2 = 0.5 * alive1, 0.5 * alive2
            passing = k**2 + k * (1 - k) * (positive1 + positive2) + (1 - k) ** 2 * passing
        return root, passing

    def moments_with_mean(
        self, covariance: Array, variance1: Array, variance2: Array, mean1: Array, mean2: Array
    ) -> tuple[Array, Array]:
        """Return both second moments, see :meth:`Activation.moments_with_mean`."""
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
        for factors in (
            (both.conditional2, mean1, density2),
            (both.conditional1, mean2, density1),
            (root, both.decay, normal_density(a) / sqrt(2 * pi)),
        ):
            term = factors[0]
            for factor in factors[1:]:
                term *= factor
            second += term
        np.maximum(second, 0.0, out=second)
        if self.slope == 0:
            return second, both.probability
        k = self.slope
        positive1, positive2 = normal_cdf(a), normal_cdf(b)
        rectified1, rectified2 = mean1 * positive1 + density1, mean2 * positive2 + density2
        crossed = covariance * (positive1 + positive2)
        crossed += mean1 * rectified2 + mean2 * rectified1
        second *= (1 - k) ** 2
        second += k**2 * raw + k * (1 - k) * crossed
        passing = (1 - k) ** 2 * both.probability
        passing += k**2 + k * (1 - k) * (positive1 + positive2)
        return second, passing

    def mean(self, mean: Array, variance: Array) -> Array:
        """Return the mean, see :meth:`Activation.mean`."""
        deviation, standard = _standardised(mean, variance)
        rectified = mean * normal_cdf(standard) + deviation * normal_density(standard)
        return self.slope * mean + (1 - self.slope) * rectified


@dataclass(frozen=True)
class Erf:
    r"""The error function.

    Notes
    -----
    With :math:`\Delta = (1 + 2q)(1 + 2q') - 4c^2`, from Williams, *Computing with Infinite
    Networks*, NeurIPS 1996, equation 11,

    .. math::

        E \sigma \sigma = \frac2\pi \arcsin \frac{2c}{\sqrt{(1 + 2q)(1 + 2q')}}
        = \frac2\pi \operatorname{atan2}(2c, \sqrt\Delta), \qquad
        E \dot\sigma \dot\sigma = \frac{4}{\pi \sqrt\Delta} .

    With means, since :math:`\operatorname{erf}(z) = 2 P(g \le \sqrt2 z) - 1` for an independent
    standard normal g, with :math:`A = \sqrt2\, m / \sqrt{1 + 2q}`, B alike, and
    :math:`R = 2 c / \sqrt{(1 + 2q)(1 + 2q')}`,

    .. math::

        E \sigma \sigma = \operatorname{erf}\tfrac{A}{\sqrt2} \operatorname{erf}\tfrac{B}{\sqrt2}
        + 4 \left( \Phi_2(A, B; R) - \Phi(A) \Phi(B) \right), \qquad
        \Phi_2 - \Phi \Phi = \frac{1}{2\pi} \int_0^{\arcsin R}
        e^{-\frac{A^2 + B^2 - 2 A B \sin \theta}{2 \cos^2 \theta}}\, d\theta .

    The integral (Drezner and Wesolowsky, Journal of Statistical Computation and Simulation 35,
    1990, equation 3) is summed where R is moderate, the difference taken where it is not.
    Completing the square gives

    .. math::

        E \dot\sigma \dot\sigma = \frac{4}{\pi \sqrt\Delta}
        \exp\left( -\frac{(1 + 2q') m^2 - 4 c\, m m' + (1 + 2q) m'^2}{\Delta} \right) , \qquad
        E \sigma = \operatorname{erf} \frac{m}{\sqrt{1 + 2q}} .
    """

    def __call__(self, z: Array) -> Array:
        """Return the activation of z."""
        with needs_extra("graphons"):
            from scipy.special import erf

        return erf(z)

    def derivative(self, z: Array) -> Array:
        """Return the derivative at z."""
        return 2 / np.sqrt(pi) * np.exp(-(z**2))

    def moments(self, covariance: Array, variance1: Array, variance2: Array) -> tuple[Array, Array]:
        """Return both second moments, see :meth:`Activation.moments`."""
        minor = variance1 * variance2 - covariance**2
        minor *= minor > 0
        root = np.sqrt(1 + 2 * variance1 + 2 * variance2 + 4 * minor)
        return 2 / pi * np.atan2(2 * covariance, root), 4 / pi / root

    def moments_with_mean(
        self, covariance: Array, variance1: Array, variance2: Array, mean1: Array, mean2: Array
    ) -> tuple[Array, Array]:
        """Return both second moments, see :meth:`Activation.moments_with_mean`."""
        wide1, wide2 = np.sqrt(1 + 2 * variance1), np.sqrt(1 + 2 * variance2)
        a, b = sqrt(2) * mean1 / wide1, sqrt(2) * mean2 / wide2
        minor = variance1 * variance2 - covariance * covariance
        minor *= minor > PARALLEL * variance1 * variance2
        determinant = 1 + 2 * variance1 + 2 * variance2 + 4 * minor
        scale = wide1 * wide2
        correlation = np.clip(2 * covariance / scale, -1.0, 1.0)
        complement = np.sqrt(determinant) / scale
        # The mean of one given the other, so that the exponent is a sum of squares.
        given = (b - correlation * a) / complement
        passing = 4 / pi / np.sqrt(determinant) * np.exp(-(a * a + given * given) / 2)
        second = quadrant(a, b, correlation, complement).probability
        second -= normal_cdf(a) * normal_cdf(b)
        moderate = np.abs(correlation) < MODERATE
        second = np.where(moderate, _integral(a, b, np.where(moderate, correlation, 0.0)), second)
        second *= 4
        second += self(a / sqrt(2)) * self(b / sqrt(2))
        return second, passing

    def mean(self, mean: Array, variance: Array) -> Array:
        """Return the mean, see :meth:`Activation.mean`."""
        return self(mean / np.sqrt(1 + 2 * variance))


@dataclass(frozen=True)
class Linear:
    r"""No activation, :math:`\sigma(z) = z`: the kernels of a deep linear network."""

    def __call__(self, z: Array) -> Array:
        """Return z."""
        return z

    def derivative(self, z: Array) -> Array:
        """Return ones in the shape of z."""
        return np.ones_like(z)

    def moments(self, covariance: Array, variance1: Array, variance2: Array) -> tuple[Array, Array]:
        """Return both second moments, see :meth:`Activation.moments`."""
        del variance1, variance2
        return covariance + 0.0, np.ones_like(covariance)

    def moments_with_mean(
        self, covariance: Array, variance1: Array, variance2: Array, mean1: Array, mean2: Array
    ) -> tuple[Array, Array]:
        """Return both second moments, see :meth:`Activation.moments_with_mean`."""
        del variance1, variance2
        return covariance + mean1 * mean2, np.ones_like(covariance)

    def mean(self, mean: Array, variance: Array) -> Array:
        """Return the mean, see :meth:`Activation.mean`."""
        del variance
        return mean


ACTIVATIONS = {"relu": LeakyReLU(0.0), "leaky_relu": LeakyReLU(), "erf": Erf(), "linear": Linear()}
"""The activations known by name; ``"leaky_relu"`` has PyTorch's slope, 0.01."""


def activation_of(activation: object, *kinds: type[Kind]) -> Kind:
    """Return the activation of a name in `ACTIVATIONS`, or as it is, of one of some classes."""
    known = ACTIVATIONS.get(activation) if isinstance(activation, str) else activation
    if not isinstance(known, kinds):
        names = [name for name, of in ACTIVATIONS.items() if isinstance(of, kinds)]
        raise ValueError(
            f"activation must be one of {', '.join(sorted(names))} or an object of their classes; got {activation!r}"
        )
    return known


def named_activation(activation: str | Activation | Callable[[Array], Array]) -> Activation:
    """Return the activation of a name in `ACTIVATIONS`, one with `moments` as it is, or an expansion."""
    if isinstance(activation, str) and activation in ACTIVATIONS:
        return ACTIVATIONS[activation]
    if hasattr(activation, "moments") and not isinstance(activation, type):
        return activation
    if callable(activation) and not isinstance(activation, type):
        return HermiteActivation(activation)
    raise ValueError(
        f"activation must be one of {', '.join(sorted(ACTIVATIONS))} or a function of an array; got {activation!r}"
    )


def _standardised(mean: Array, variance: Array) -> tuple[Array, Array]:
    """Return the standard deviation, and the mean in its units or far away where that is 0."""
    deviation = np.sqrt(variance)
    standard = mean / (deviation + (deviation == 0))
    standard = np.where(deviation > 0, standard, np.where(mean > 0, FARTHEST, -FARTHEST))
    return deviation, np.clip(standard, -FARTHEST, FARTHEST)


def _correlation(
    covariance: Array, variance1: Array, variance2: Array, scale: Array
) -> tuple[Array, Array, Array]:
    r"""Return :math:`\rho`, :math:`r = \sqrt{1 - \rho^2}` and :math:`s s' r`; 0, 1 and 0 where s s' = 0."""
    product = variance1 * variance2
    root = covariance * covariance
    np.subtract(product, root, out=root)
    root *= root > PARALLEL * product
    np.sqrt(root, out=root)
    dead = scale == 0
    scale = scale + dead
    correlation = np.clip(covariance / scale, -1.0, 1.0)
    complement = root / scale
    complement += dead
    return correlation, complement, root


def _integral(a: Array, b: Array, correlation: Array) -> Array:
    nodes, weights = np.polynomial.legendre.leggauss(ANGLES)
    half = np.asin(correlation) / 2
    total = np.zeros_like(correlation)
    for node, weight in zip(nodes.tolist(), weights.tolist(), strict=True):
        sine = np.sin(half * (1 + node))
        total += weight * np.exp(-(a * a + b * b - 2 * a * b * sine) / (2 * (1 - sine * sine)))
    total *= half
    total /= 2 * pi
    return total
