r"""Activations and what the kernels need of them: their moments under a pair of Gaussians."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from math import pi
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from graphon_lib._checks import check_array
from graphon_lib.ntk.arrays import Array, array_namespace
from graphon_lib.ntk.hermite import HermiteActivation
from graphon_lib.ntk.moments_with_mean import (
    PARALLEL,
    erf_mean,
    erf_moments,
    leaky_relu_mean,
    leaky_relu_moments,
    normal_erf,
)

__all__ = ["ACTIVATIONS", "Activation", "Erf", "LeakyReLU", "Linear", "named_activation"]


class Activation(Protocol):
    r"""What a kernel needs of an activation :math:`\sigma`."""

    def moments(self, covariance: Array, variance1: Array, variance2: Array) -> tuple[Array, Array]:
        r"""Return the second moments of :math:`\sigma` and of its derivative for pairs of Gaussians.

        Parameters
        ----------
        covariance
            :math:`c = E z z'`, any shape.
        variance1, variance2
            :math:`q = E z^2` and :math:`q' = E z'^2`, of shapes that broadcast to that of `covariance`.

        Returns
        -------
        tuple of two arrays
            :math:`E \sigma(z) \sigma(z')` and :math:`E \dot\sigma(z) \dot\sigma(z')`, new arrays of
            the shape of `covariance`.
        """

    def moments_with_mean(
        self, covariance: Array, variance1: Array, variance2: Array, mean1: Array, mean2: Array
    ) -> tuple[Array, Array]:
        r"""Return the same for Gaussians with means; only networks with drifts ask for it.

        Parameters
        ----------
        covariance, variance1, variance2
            As for `moments`, but of the Gaussians less their means.
        mean1, mean2
            :math:`E z` and :math:`E z'`, of the shapes of the variances.

        Returns
        -------
        tuple of two arrays
            As for `moments`; the first is not less the means of :math:`\sigma`.
        """

    def mean(self, mean: Array, variance: Array) -> Array:
        r"""Return :math:`E \sigma(z)`, in the shape of both arguments; for networks with drifts."""


@dataclass(frozen=True)
class LeakyReLU:
    r"""The leaky rectifier, :math:`\sigma(z) = z` for positive z and :math:`a z` otherwise.

    Parameters
    ----------
    slope : float
        The slope a on the negative side; 0 makes it the ReLU.

    Raises
    ------
    ValueError
        If `slope` is not a finite number.

    Notes
    -----
    For the ReLU, with :math:`\theta = \operatorname{atan2}(\sqrt{qq' - c^2}, c)` the angle of the
    pair, the arc-cosine kernels of order 1 and 0 [1]_ are

    .. math::

        E \sigma \sigma = \frac{\sqrt{qq' - c^2} + (\pi - \theta) c}{2 \pi}, \qquad
        E \dot\sigma \dot\sigma = \frac{\pi - \theta}{2 \pi} .

    The leaky rectifier is :math:`a z + (1 - a) \max(z, 0)`; since :math:`E z \max(z', 0) = c / 2`,
    its moments are :math:`a c + (1 - a)^2 E \sigma\sigma` and :math:`a + (1 - a)^2 E \dot\sigma
    \dot\sigma`. The derivative at 0 is a, so that a position of variance 0 passes nothing through a
    ReLU. The arccosine of :math:`c / \sqrt{q q'}` would lose half the digits of small angles.

    References
    ----------
    .. [1] Cho and Saul, *Kernel Methods for Deep Learning*, NeurIPS 2009, section 2.
    """

    slope: float = 0.01

    def __post_init__(self) -> None:
        check_array("slope", self.slope, 0)

    def __call__(self, z: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the activation of z."""
        return np.where(z > 0, z, self.slope * z)

    def derivative(self, z: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the derivative at z."""
        return np.where(z > 0, 1.0, self.slope)

    def moments(self, covariance: Array, variance1: Array, variance2: Array) -> tuple[Array, Array]:
        """Return both second moments, see :meth:`Activation.moments`."""
        xp = array_namespace(covariance)
        product = variance1 * variance2
        root = covariance * covariance
        xp.subtract(product, root, out=root)
        product *= PARALLEL
        parallel = root <= product
        if parallel.any():
            root[parallel] = 0.0
        xp.sqrt(root, out=root)
        # Pi less the angle between z and z' is that between z and -z'.
        passing = xp.negative(covariance, out=product)
        xp.atan2(root, passing, out=passing)
        passing /= 2 * pi
        alive1, alive2 = variance1 > 0, variance2 > 0
        if not (alive1.all() and alive2.all()):
            passing *= alive1 & alive2
        root /= 2 * pi
        root += passing * covariance
        if self.slope != 0:
            a = self.slope
            root = a * covariance + (1 - a) ** 2 * root
            # The probabilities of a positive preactivation, which is never one at variance 0.
            positive1, positive2 = (
                xp.full_like(variance, 0.5) * (variance > 0) for variance in (variance1, variance2)
            )
            passing = a**2 + a * (1 - a) * (positive1 + positive2) + (1 - a) ** 2 * passing
        return root, passing

    def moments_with_mean(
        self, covariance: Array, variance1: Array, variance2: Array, mean1: Array, mean2: Array
    ) -> tuple[Array, Array]:
        """Return both second moments, see :meth:`Activation.moments_with_mean`."""
        return leaky_relu_moments(self.slope, covariance, variance1, variance2, mean1, mean2)

    def mean(self, mean: Array, variance: Array) -> Array:
        """Return the mean, see :meth:`Activation.mean`."""
        return leaky_relu_mean(self.slope, mean, variance)


@dataclass(frozen=True)
class Erf:
    r"""The error function.

    Notes
    -----
    With :math:`r = 1 + 2q + 2q' + 4(qq' - c^2)`, from [1]_,

    .. math::

        E \sigma \sigma = \frac2\pi \arcsin \frac{2c}{\sqrt{(1 + 2q)(1 + 2q')}}
        = \frac2\pi \operatorname{atan2}(2c, \sqrt r), \qquad
        E \dot\sigma \dot\sigma = \frac{4}{\pi \sqrt r} .

    References
    ----------
    .. [1] Williams, *Computing with Infinite Networks*, NeurIPS 1996, equation 11.
    """

    def __call__(self, z: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the activation of z."""
        return normal_erf(z)

    def derivative(self, z: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the derivative at z."""
        return 2 / np.sqrt(pi) * np.exp(-(z**2))

    def moments(self, covariance: Array, variance1: Array, variance2: Array) -> tuple[Array, Array]:
        """Return both second moments, see :meth:`Activation.moments`."""
        xp = array_namespace(covariance)
        minor = variance1 * variance2 - covariance**2
        minor *= minor > 0
        root = xp.sqrt(1 + 2 * variance1 + 2 * variance2 + 4 * minor)
        return 2 / pi * xp.atan2(2 * covariance, root), 4 / pi / root

    def moments_with_mean(
        self, covariance: Array, variance1: Array, variance2: Array, mean1: Array, mean2: Array
    ) -> tuple[Array, Array]:
        """Return both second moments, see :meth:`Activation.moments_with_mean`."""
        return erf_moments(covariance, variance1, variance2, mean1, mean2)

    def mean(self, mean: Array, variance: Array) -> Array:
        """Return the mean, see :meth:`Activation.mean`."""
        return erf_mean(mean, variance)


@dataclass(frozen=True)
class Linear:
    r"""No activation, :math:`\sigma(z) = z`: the kernels of a deep linear network."""

    def __call__(self, z: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return z."""
        return z

    def derivative(self, z: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return ones in the shape of z."""
        return np.ones_like(z)

    def moments(self, covariance: Array, variance1: Array, variance2: Array) -> tuple[Array, Array]:
        """Return both second moments, see :meth:`Activation.moments`."""
        del variance1, variance2
        return covariance + 0.0, array_namespace(covariance).ones_like(covariance)

    def moments_with_mean(
        self, covariance: Array, variance1: Array, variance2: Array, mean1: Array, mean2: Array
    ) -> tuple[Array, Array]:
        """Return both second moments, see :meth:`Activation.moments_with_mean`."""
        second, passing = self.moments(covariance, variance1, variance2)
        second += mean1 * mean2
        return second, passing

    def mean(self, mean: Array, variance: Array) -> Array:
        """Return the mean, see :meth:`Activation.mean`."""
        del variance
        return mean


ACTIVATIONS = {
    "relu": LeakyReLU(0.0),
    "leaky_relu": LeakyReLU(),
    "erf": Erf(),
    "linear": Linear(),
}
"""The activations known by name; ``"leaky_relu"`` has PyTorch's slope, 0.01."""


def named_activation(activation: str | Activation | Callable[[Array], Array]) -> Activation:
    """Return the activation of a name, an activation as it is, or another function's expansion.

    Parameters
    ----------
    activation
        A key of `ACTIVATIONS`, an object with a method ``moments``, or a function of an array.

    Raises
    ------
    ValueError
        If it is none of these.
    """
    if isinstance(activation, str) and activation in ACTIVATIONS:
        return ACTIVATIONS[activation]
    if hasattr(activation, "moments") and not isinstance(activation, type):
        return activation
    if callable(activation) and not isinstance(activation, type):
        return HermiteActivation(activation)
    raise ValueError(
        f"activation must be one of {', '.join(sorted(ACTIVATIONS))} or a function of an array; got {activation!r}"
    )
