r"""Kernels at a fixed number of pixels: neurons that see pixels of their own, and the mean over them.

A neuron of the first layer sees a set m of the d pixels, each kept with the same probability p on
its own. Given m its pre-activations on two inputs are Gaussian with the covariances

.. math:: C_m(x, x') = \frac{s_w}{d} \sum_j m_j\, x_j x'_j ,

of mean :math:`\bar C = p\, \frac{s_w}{d} \langle x, x' \rangle`. In a wide layer moments are means
over m, :math:`\mathbb E_m S(C_m)`; the theory of many pixels has :math:`S(\bar C)`.
"""

from __future__ import annotations

from itertools import product
from math import pi
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from graphon_lib._checks import check_array, check_density, check_integer, check_rng
from graphon_lib.ntk.activations import ACTIVATIONS
from graphon_lib.pruning.initialisations import INITIALISATIONS

__all__ = ["WEIGHT_VARIANCE", "Moments", "mixture_correction", "mixture_moments", "plain_moments"]

WEIGHT_VARIANCE = INITIALISATIONS["he"].weight_variance
"""The variance of weights times the number of inputs, He's."""

Array = NDArray[np.float64]


class Moments(NamedTuple):
    r"""What the first layer gives to the kernel of a ReLU network, both of shape (N, N).

    Attributes
    ----------
    activation : ndarray
        :math:`S^1(x, x')`.
    own_layer : ndarray
        :math:`\dot S^1(x, x')\, T^1(x, x')`: what its own weights have a part in.
    """

    activation: Array
    own_layer: Array


def plain_moments(x: ArrayLike, density: float) -> Moments:
    r"""Return :math:`S(\bar C)` and :math:`\dot S(\bar C)\, \bar C`, of inputs x, shape (N, d)."""
    x, density = _check(x, density)
    return Moments(*_moments(*_covariances(x, np.full(x.shape[1], density))))


def mixture_moments(
    x: ArrayLike, density: float, samples: int, rng: np.random.Generator
) -> Moments:
    r"""Return the means of :math:`S(C_m)` and :math:`\dot S(C_m)\, C_m` over sets m of kept pixels.

    Parameters
    ----------
    x : array_like, shape (N, d)
    density
        The probability p that a neuron sees a pixel.
    samples
        Sets to draw. If there are no more than these in all, each is taken with its probability.
    rng
        Draws them. What :math:`C_m - \bar C` changes to first order, whose mean is 0, is subtracted
        from every term, so that the error falls with d as the difference to :func:`plain_moments`
        does.
    """
    x, density = _check(x, density)
    samples, rng = check_integer("samples", samples, 1), check_rng("rng", rng)
    pixels = x.shape[1]
    if pixels < 63 and 2**pixels <= samples:
        sets = np.array(list(product([0.0, 1.0], repeat=pixels)))
        chances = density ** sets.sum(1) * (1 - density) ** (pixels - sets.sum(1))
        terms = [_moments(*_covariances(x, m)) for m in sets]
        return Moments(*(np.tensordot(chances, part, 1) for part in zip(*terms, strict=True)))
    bar = _covariances(x, np.full(pixels, density))
    base, (by_c, by_q, by_other) = _moments(*bar), _gradients(*bar)
    totals = [np.zeros_like(part) for part in base]
    for _ in range(samples):
        c, q, other = _covariances(x, (rng.random(pixels) < density).astype(float))
        steps = c - bar[0], q - bar[1], other - bar[2]
        for total, part, *slopes in zip(
            totals, _moments(c, q, other), by_c, by_q, by_other, strict=True
        ):
            total += part - sum(s * step for s, step in zip(slopes, steps, strict=True))
    return Moments(*(total / samples for total in totals))


def mixture_correction(x: ArrayLike, density: float) -> Array:
    r"""Return what :math:`\mathbb E_m S(C_m)` is above :math:`S(\bar C)` to the order 1/d.

    :math:`\frac12 \langle \nabla^2 S(\bar C), v \rangle` with the covariance v of the entries
    :math:`(q, q', c)` of :math:`C_m` on two inputs, shape (N, N); 0 on the diagonal. With
    :math:`R = \sqrt{q q' - c^2}`,

    .. math:: \nabla^2 S = \frac{1}{8 \pi R} \begin{pmatrix}
        (2 c^2 - q q') / q^2 & 1 & -2 c / q \\ 1 & (2 c^2 - q q') / q'^2 & -2 c / q' \\
        -2 c / q & -2 c / q' & 4 \end{pmatrix} .
    """
    x, density = _check(x, density)
    c, q, other = _covariances(x, np.full(x.shape[1], density))
    spread = (WEIGHT_VARIANCE / x.shape[1]) ** 2 * density * (1 - density)
    square = x**2
    of_q = spread * (square**2).sum(1)
    v_qc = spread * (x**3) @ x.T
    v_qq, v_both = np.broadcast_to(of_q[:, None], c.shape), spread * square @ square.T
    bent = 2 * c**2 - q * other
    with np.errstate(divide="ignore", invalid="ignore"):
        total = bent * (v_qq / q**2 + v_qq.T / other**2) + 2 * v_both
        total += 4 * v_both - 4 * c * (v_qc / q + v_qc.T / other)
        total /= 16 * pi * np.sqrt(q * other - c**2)
    np.fill_diagonal(total, 0.0)
    return total


def _check(x: ArrayLike, density: float) -> tuple[Array, float]:
    return check_array("x", x, 2), check_density("density", density)


def _covariances(x: Array, weights: Array) -> tuple[Array, Array, Array]:
    """Return covariances, and variances of the first and of the second input of each pair."""
    c = WEIGHT_VARIANCE / x.shape[1] * (x * weights) @ x.T
    q = np.broadcast_to(np.diag(c)[:, None], c.shape)
    return c, q, q.T


def _moments(c: Array, q: Array, other: Array) -> tuple[Array, Array]:
    activation, gate = ACTIVATIONS["relu"].moments(c, q, other)
    return activation, gate * c


def _gradients(c: Array, q: Array, other: Array) -> tuple[tuple[Array, Array], ...]:
    """Return the derivatives of both moments by c, q and q', 0 where inputs are parallel."""
    r = np.sqrt(np.maximum(q * other - c**2, 0.0))
    apart = r > 1e-6 * np.sqrt(q * other)
    inverse = np.where(apart, 1.0 / np.where(apart, r, 1.0), 0.0)
    gate = ACTIVATIONS["relu"].moments(c, q, other)[1]
    by_c = gate, gate + c * inverse / (2 * pi)
    by_q, by_other = ((r / (4 * pi * v), -(c**2) * inverse / (4 * pi * v)) for v in (q, other))
    return by_c, by_q, by_other
