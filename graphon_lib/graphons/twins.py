r"""Twins: rows of a matrix that hold the same values, and may be one row of their joint mass."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

__all__ = ["Merged", "merge_twins"]


@dataclass(frozen=True, eq=False)
class Merged:
    """A matrix without twin rows and without rows of mass zero, and the way back.

    Attributes
    ----------
    values : ndarray, shape (k, m)
        The distinct rows, in the order of their first appearance.
    mass : ndarray, shape (k,)
        Their joint masses, positive.
    labels : ndarray of int, shape (n,)
        The distinct row of every original row, -1 for rows of mass zero.
    shares : ndarray, shape (n,)
        The share of every original row in its distinct row's mass, 0 for rows of mass zero.
    """

    values: NDArray[np.float64]
    mass: NDArray[np.float64]
    labels: NDArray[np.intp]
    shares: NDArray[np.float64]

    def expand_set(self, chosen: NDArray[np.bool_]) -> NDArray[np.bool_]:
        """Return the original rows, shape (n,), of a set of distinct rows, shape (k,)."""
        return chosen[self.labels] & (self.labels >= 0)

    def expand_weights(self, weights: NDArray[np.float64]) -> NDArray[np.float64]:
        """Share out weights of the distinct rows, shape (k,), by mass, to shape (n,)."""
        return weights[self.labels] * self.shares


def merge_twins(values: NDArray[np.float64], mass: NDArray[np.float64]) -> Merged:
    r"""Merge the rows, shape (n, m), with equal values, and drop those of mass zero.

    The step function stays the same up to a relabelling. Equal rows answer any set of columns
    alike, so some set of rows that attains the cut norm holds all of them or none. A dual
    certificate stays one when a row's weight d is shared among its twins by mass:
    :math:`\sum_i (p_i / p)^2 / (d p_i / p) = 1 / d`.
    """
    groups: dict[bytes, list[int]] = {}
    # Adding zero turns -0.0 into 0.0, so that equal rows have equal bytes.
    for i, row in enumerate(values + 0.0):
        if mass[i] > 0.0:
            groups.setdefault(row.tobytes(), []).append(i)
    labels = np.full(len(values), -1)
    for label, members in enumerate(groups.values()):
        labels[members] = label
    merged_mass = np.array([math.fsum(mass[members]) for members in groups.values()])
    first = [members[0] for members in groups.values()]
    shares = np.where(labels >= 0, mass / merged_mass[labels], 0.0)
    return Merged(values[first], merged_mass, labels, shares)
