r"""Families of graphons with closed-form block means.

A member is called at positions (u, v) for its value there, and integrates itself exactly over the
rectangles of a partition, for `StepGraphon.from_function`. Where there is an order to choose,
positions run from the most to the least connected node, as in the estimates of `sas`.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from graphon_lib._checks import check_array, check_real
from graphon_lib.graphons.partition import averaging_matrix, check_edges, check_position

__all__ = ["Assortative", "Constant", "GraphonFamily", "PowerLaw", "Ramp", "Threshold"]

Array = NDArray[np.float64]

# Formulas leave [0, 1] by rounding.
ROUNDING = 1e-12


class GraphonFamily(ABC):
    """A graphon given by a formula: evaluation and exact block means."""

    @abstractmethod
    def _evaluate(self, u: Array, v: Array) -> Array:
        """Return the graphon at valid positions that broadcast."""

    @abstractmethod
    def _integrate(self, row_edges: Array, col_edges: Array) -> Array:
        """Return the integrals over the rectangles between valid edges."""

    def __call__(self, u: ArrayLike, v: ArrayLike) -> Array:
        """Return the graphon at row positions `u` and column positions `v` in [0, 1], which broadcast."""
        return self._evaluate(check_position("u", u), check_position("v", v))

    def block_means(self, row_edges: ArrayLike, col_edges: ArrayLike) -> Array:
        """Return the exact means over the rectangles of a partition, shape (K_out, K_in).

        The K_out + 1 `row_edges` and K_in + 1 `col_edges` increase strictly from 0 to 1.
        """
        rows = check_edges("row_edges", row_edges)
        cols = check_edges("col_edges", col_edges)
        areas = np.outer(np.diff(rows), np.diff(cols))
        return np.clip(self._integrate(rows, cols) / areas, 0.0, 1.0)


@dataclass(frozen=True)
class Constant(GraphonFamily):
    """A constant, its density in [0, 1]: the limit of random pruning."""

    density: float

    def __post_init__(self) -> None:
        check_real("density", self.density, 0.0, 1.0)

    def _evaluate(self, u: Array, v: Array) -> Array:
        return np.full(np.broadcast_shapes(u.shape, v.shape), float(self.density))

    def _integrate(self, row_edges: Array, col_edges: Array) -> Array:
        return self.density * np.outer(np.diff(row_edges), np.diff(col_edges))


@dataclass(frozen=True)
class PowerLaw(GraphonFamily):
    r"""The product graphon :math:`W(u, v) = c \,(1 - u)^a (1 - v)^b`.

    The scale c is in [0, 1], the exponents a and b are at least 0.
    :math:`\int_s^t (1 - u)^a \,du = \bigl((1 - s)^{a+1} - (1 - t)^{a+1}\bigr) / (a + 1)`.
    """

    scale: float
    row_exponent: float
    col_exponent: float

    def __post_init__(self) -> None:
        check_real("scale", self.scale, 0.0, 1.0)
        check_real("row_exponent", self.row_exponent, 0.0)
        check_real("col_exponent", self.col_exponent, 0.0)

    def _evaluate(self, u: Array, v: Array) -> Array:
        return self.scale * (1 - u) ** self.row_exponent * (1 - v) ** self.col_exponent

    def _integrate(self, row_edges: Array, col_edges: Array) -> Array:
        rows = _power_integrals(row_edges, self.row_exponent)
        return self.scale * np.outer(rows, _power_integrals(col_edges, self.col_exponent))


@dataclass(frozen=True)
class Ramp(GraphonFamily):
    r"""The graphon :math:`W(u, v) = c + a u + b v`, of an intercept c and slopes a and b.

    Its values at the four corners lie in [0, 1], to within 1e-12. The mean of a linear function over
    a rectangle is its value at the centre.
    """

    intercept: float
    row_slope: float
    col_slope: float

    def __post_init__(self) -> None:
        for name in ("intercept", "row_slope", "col_slope"):
            check_real(name, getattr(self, name), -1.0, 1.0)
        ends = np.array([0.0, 1.0])
        corners = self.intercept + self.row_slope * ends[:, None] + self.col_slope * ends
        inside = np.clip(corners, 0.0, 1.0)
        check_array(
            "intercept + row_slope u + col_slope v",
            np.where(np.abs(corners - inside) <= ROUNDING, inside, corners),
            2,
            minimum=0.0,
            maximum=1.0,
        )

    def _evaluate(self, u: Array, v: Array) -> Array:
        # Such as 1 - 0.9 - 0.1, which is -3e-17.
        return np.clip(self.intercept + self.row_slope * u + self.col_slope * v, 0.0, 1.0)

    def _integrate(self, row_edges: Array, col_edges: Array) -> Array:
        centres = self._evaluate(_midpoints(row_edges)[:, None], _midpoints(col_edges))
        return centres * np.outer(np.diff(row_edges), np.diff(col_edges))


@dataclass(frozen=True)
class Threshold(GraphonFamily):
    r"""A high value where :math:`u + v < t`, for a threshold t in [0, 2], and a low one elsewhere.

    With :math:`F(s) = \max(s, 0)^2 / 2`, the area of :math:`[a, b] \times [c, d]` below the line
    is :math:`F(t - a - c) - F(t - b - c) - F(t - a - d) + F(t - b - d)`.
    """

    threshold: float
    high: float = 1.0
    low: float = 0.0

    def __post_init__(self) -> None:
        check_real("threshold", self.threshold, 0.0, 2.0)
        check_real("high", self.high, 0.0, 1.0)
        check_real("low", self.low, 0.0, 1.0)

    def _evaluate(self, u: Array, v: Array) -> Array:
        return np.where(u + v < self.threshold, float(self.high), float(self.low))

    def _integrate(self, row_edges: Array, col_edges: Array) -> Array:
        corner = np.maximum(self.threshold - row_edges[:, None] - col_edges, 0.0) ** 2 / 2
        below = np.diff(np.diff(corner, axis=0), axis=1)
        areas = np.outer(np.diff(row_edges), np.diff(col_edges))
        return self.high * below + self.low * (areas - below)


@dataclass(frozen=True)
class Assortative(GraphonFamily):
    """A graphon of two blocks a side: one density within matching blocks, another between them.

    The first block of rows ends at `row_split`, that of columns at `col_split`; all four are in
    [0, 1].
    """

    within: float
    between: float
    row_split: float = 0.5
    col_split: float = 0.5

    def __post_init__(self) -> None:
        for name in ("within", "between", "row_split", "col_split"):
            check_real(name, getattr(self, name), 0.0, 1.0)

    def _evaluate(self, u: Array, v: Array) -> Array:
        together = (u < self.row_split) == (v < self.col_split)
        return np.where(together, float(self.within), float(self.between))

    def _integrate(self, row_edges: Array, col_edges: Array) -> Array:
        values = np.array([[self.within, self.between], [self.between, self.within]])
        rows = averaging_matrix(np.array([0.0, self.row_split, 1.0]), row_edges)
        cols = averaging_matrix(np.array([0.0, self.col_split, 1.0]), col_edges)
        return (rows @ values @ cols.T) * np.outer(np.diff(row_edges), np.diff(col_edges))


def _midpoints(edges: Array) -> Array:
    return (edges[:-1] + edges[1:]) / 2


def _power_integrals(edges: Array, exponent: float) -> Array:
    return -np.diff((1 - edges) ** (exponent + 1)) / (exponent + 1)
