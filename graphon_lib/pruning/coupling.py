r"""A copy of a layer's weights that knows nothing of the pruning batch, and how far it is from them.

What the signals of a batch know of a layer's weights w are their products with vectors on either
side. With the projections P and Q on these vectors, and an independent copy :math:`\tilde w`,

.. math:: w' = \tilde w + (I - Q)\, (w - \tilde w)\, (I - P)

is w where the signals do not see it, and new where they do. Gaussian weights: given the signals, the
entries of :math:`w'` are independent N(0, 1).
"""

from __future__ import annotations

from math import pi, sqrt
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from graphon_lib._checks import check_integer
from graphon_lib.pruning.initialisations import FARTHEST
from graphon_lib.pruning.redraw import off_signals, signal_basis

__all__ = ["Coupled", "couple_weights", "expected_flips", "flip_bound", "local_law_bound"]

# Rows at a time, which bounds the memory.
CHUNK_ROWS = 256


class Coupled(NamedTuple):
    r"""Weights and their independent copy, both of shape (n_out, n_in) and variance 1.

    Attributes
    ----------
    copy : ndarray, shape (n_out, n_in)
        The copy :math:`w'`.
    seen : ndarray, shape (n_out, n_in)
        What the signals know, :math:`A = w - (I - Q) w (I - P)`.
    row_leverage, column_leverage : ndarray, shapes (n_out,) and (n_in,)
        The diagonals of Q and P.
    """

    copy: NDArray[np.float64]
    seen: NDArray[np.float64]
    row_leverage: NDArray[np.float64]
    column_leverage: NDArray[np.float64]


def couple_weights(
    weight: NDArray[np.float64],
    fresh: NDArray[np.float64],
    left: NDArray[np.float64],
    right: NDArray[np.float64],
) -> Coupled:
    """Couple weights with an independent copy, `fresh`, through what the signals do not see.

    The signals are the columns of `left`, shape (n_out, R), and of `right`, shape (n_in, R), as of
    :class:`~graphon_lib.pruning.signals.LayerSignals`, on any scale.
    """
    rows, columns = (signal_basis(_unit_columns(signals)) for signals in (left, right))
    return Coupled(
        copy=fresh + off_signals(weight - fresh, rows, columns),
        seen=weight - off_signals(weight, rows, columns),
        row_leverage=np.square(rows).sum(axis=1),
        column_leverage=np.square(columns).sum(axis=1),
    )


def expected_flips(coupled: Coupled, factors: NDArray[np.float64], threshold: float) -> float:
    r"""Return the share of entries in which SNIP's mask and the copy's differ, to first order.

    Of Gaussian weights, given the signals, with :math:`\tau = s / |q|`, :math:`a = P_{jj} + Q_{ii}
    - P_{jj} Q_{ii}` and :math:`\zeta` standard normal,

    .. math:: \operatorname{mean}_{ij}\, 2 \varphi(\tau_{ij})\,
              \mathbb E \min(|A_{ij} - \sqrt{a_{ij}}\, \zeta|, 2 \tau_{ij}) .

    For a normal variable x of mean m and deviation d, and :math:`g(m) = d \varphi(m / d) + m
    \Phi(m / d)`, the mean of :math:`\max(x, 0)`, :math:`\mathbb E \min(|x|, t) = g(m) + g(-m) -
    g(m - t) - g(-m - t)`.
    """
    from scipy.special import ndtr

    def positive_part(mean: NDArray[np.float64], deviation: NDArray[np.float64]) -> NDArray:
        z = np.clip(mean / deviation, -FARTHEST, FARTHEST)
        return deviation * np.exp(-(z**2) / 2) / sqrt(2 * pi) + mean * ndtr(z)

    total = 0.0
    for start in range(0, len(factors), CHUNK_ROWS):
        rows = slice(start, start + CHUNK_ROWS)
        with np.errstate(divide="ignore"):
            tau = np.minimum(threshold / np.abs(factors[rows]), FARTHEST)
        kept = np.outer(1 - coupled.row_leverage[rows], 1 - coupled.column_leverage)
        deviation = np.sqrt(np.maximum(1 - kept, np.finfo(float).tiny))
        seen = coupled.seen[rows]
        shorter = positive_part(seen, deviation) + positive_part(-seen, deviation)
        shorter -= positive_part(seen - 2 * tau, deviation)
        shorter -= positive_part(-seen - 2 * tau, deviation)
        total += float((2 * np.exp(-(tau**2) / 2) / sqrt(2 * pi) * shorter).sum())
    return total / factors.size


def flip_bound(n_out: int, n_in: int, directions: int, *, signed: bool) -> float:
    r"""Return the bound on the mean share of flips.

    With r the number of `directions` on either side, B of them for SNIP and 2 B for GraSP
    (`signed`), :math:`\varepsilon = r (1/n + 1/m)` and :math:`\theta` 1 or 1/2,
    :math:`\frac{2 \theta}{\sqrt \pi} \sqrt{2 \varepsilon} + 2 \varepsilon`.
    """
    n_out, n_in = check_integer("n_out", n_out, 1), check_integer("n_in", n_in, 1)
    spread = check_integer("directions", directions, 1) * (1 / n_out + 1 / n_in)
    return (1 if signed else 2) / sqrt(pi) * sqrt(2 * spread) + 2 * spread


def local_law_bound(n_out: int, n_in: int, directions: int, *, signed: bool) -> float:
    r"""Return the bound on the mean cut norm of a mask less its formula, each layer pruned alone.

    Twice the sum of :func:`flip_bound` and :math:`\eta = \sqrt{((n + m + 1) \log 2 + 1) / 2nm}`,
    that on the cut norm of independent draws less their probabilities.
    """
    flips = flip_bound(n_out, n_in, directions, signed=signed)
    chance = sqrt(((n_out + n_in + 1) * np.log(2.0) + 1) / (2 * n_out * n_in))
    return 2 * (flips + chance)


def _unit_columns(signals: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the columns over their lengths: signals of different kinds have different units."""
    lengths = np.linalg.norm(signals, axis=0)
    return signals / np.where(lengths > 0.0, lengths, 1.0)
