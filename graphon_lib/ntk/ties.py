r"""Pairs of inputs whose covariance is known in every layer: of an input and itself, or its opposite.

Of x and x it is the variance. Of x and -x it is minus the variance in the first layer, if that has no
biases; behind it, minus the variance if the activation is odd and there are no biases, and the variance
if the activation is even. Sums in another order miss this by rounding. Where the network pulls alike
inputs apart, because :math:`s_w E \dot\sigma^2 > 1`, that grows from layer to layer until nothing is left
of the kernel.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

__all__ = ["Ties", "find_ties"]

Array = NDArray[np.float64]
Pairs = tuple[NDArray[np.intp], ...]


@dataclass(frozen=True)
class Ties:
    """Which inputs are equal, and which opposite.

    Attributes
    ----------
    rows : ndarray of int, shape (N1,)
    columns, opposites : ndarray of int, shape (N2,)
        Equal numbers for equal inputs; those of the columns as they are, and with the sign turned.
    signs : list of int
        Of every hidden layer, the covariance of an input and its opposite over the variance; 0 where
        that is neither 1 nor -1.
    """

    rows: NDArray[np.intp]
    columns: NDArray[np.intp]
    opposites: NDArray[np.intp]
    signs: list[int]

    def of_tile(self, rows: slice, columns: slice) -> tuple[Pairs, Pairs]:
        """Return the indices, within a tile, of the pairs that are equal and that are opposite."""
        ours = self.rows[rows, None]
        return np.nonzero(ours == self.columns[columns]), np.nonzero(
            ours == self.opposites[columns]
        )

    def impose(
        self, pairs: tuple[Pairs, Pairs], layer: int, covariance: Array, variance: Array
    ) -> None:
        """Set the covariances (K, B, B') that are known from the variances (K, B) of the rows."""
        same, opposite = pairs
        if self.signs[layer]:
            covariance[:, *opposite] = self.signs[layer] * variance[:, opposite[0]]
        covariance[:, *same] = variance[:, same[0]]


def find_ties(x1: Array, x2: Array, signs: Callable[[int], list[int]], layers: int) -> Ties:
    """Return the ties of two batches (N1, d) and (N2, d) of the coordinates that a network sees.

    `signs`, from the number of a row of x1 to `Ties.signs` for so many hidden `layers`, is called if
    there are opposite inputs.
    """
    known: dict[bytes, int] = {}

    def numbers(x: Array) -> NDArray[np.intp]:
        # Zeros have two signs, and are equal.
        found = (known.setdefault(row.tobytes(), len(known)) for row in x + 0.0)
        return np.fromiter(found, np.intp, len(x))

    rows, columns, opposites = numbers(x1), numbers(x2), numbers(-x2)
    opposite = np.flatnonzero(np.isin(rows, opposites))
    of_layers = signs(int(opposite[0])) if opposite.size else [0] * layers
    return Ties(rows, columns, opposites, of_layers)
