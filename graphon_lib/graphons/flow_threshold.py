r"""The graphon of a saliency that multiplies a weight by flows on both sides, as SynFlow's does."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from graphon_lib._checks import check_real
from graphon_lib.graphons.families import GraphonFamily

__all__ = ["FlowThreshold"]

Array = NDArray[np.float64]

NODES, WEIGHTS = np.polynomial.legendre.leggauss(6)
STEP = 0.5  # the exponent may grow by this much over the six nodes of one quadrature

erfc = np.frompyfunc(math.erfc, 1, 1)


@dataclass(frozen=True)
class FlowThreshold(GraphonFamily):
    r"""The probability that a weight times the flows at its two ends passes a threshold.

    Parameters
    ----------
    threshold : float
        The threshold t, at least 0.
    row_decay, col_decay : float
        How fast the flow falls over the rows and columns, a and b in [0, 50].

    Notes
    -----
    SynFlow's score of a weight is :math:`|w|` times the flow into its column and the flow out of
    its row (Tanaka et al., NeurIPS 2020, equation 2). Where these flows are :math:`e^{-b v}` and
    :math:`e^{-a u}` and the weight is standard normal,

    .. math:: W(u, v) = P(|w|\, e^{-a u} e^{-b v} > t)
              = \operatorname{erfc}\bigl(t\, e^{a u + b v} / \sqrt 2\bigr) .

    Block means are Gauss-Legendre quadratures, of six nodes for every 0.5 by which the exponent
    grows; their error is below 1e-9.
    """

    threshold: float
    row_decay: float
    col_decay: float

    def __post_init__(self) -> None:
        check_real("threshold", self.threshold, 0.0)
        check_real("row_decay", self.row_decay, 0.0, 50.0)
        check_real("col_decay", self.col_decay, 0.0, 50.0)

    def _evaluate(self, u: Array, v: Array) -> Array:
        with np.errstate(over="ignore"):
            scaled = self.threshold / math.sqrt(2) * np.exp(self.row_decay * u + self.col_decay * v)
        return np.asarray(erfc(scaled), dtype=np.float64)

    def _integrate(self, row_edges: Array, col_edges: Array) -> Array:
        u, row_weights = _quadrature(row_edges, self.row_decay)
        v, col_weights = _quadrature(col_edges, self.col_decay)
        return row_weights @ self._evaluate(u[:, None], v) @ col_weights.T


def _quadrature(edges: Array, decay: float) -> tuple[Array, Array]:
    """Return the nodes of all blocks, and the matrix from values there to the blocks' integrals."""
    widths = np.diff(edges)
    panels = max(1, math.ceil(decay * widths.max() / STEP))
    halves = np.repeat(widths / (2 * panels), panels)
    centres = (edges[:-1, None] + widths[:, None] * (np.arange(panels) + 0.5) / panels).ravel()
    nodes = centres[:, None] + halves[:, None] * NODES
    weights = np.zeros((widths.size, nodes.size))
    blocks = np.repeat(np.arange(widths.size), panels * NODES.size)
    weights[blocks, np.arange(nodes.size)] = (halves[:, None] * WEIGHTS).ravel()
    return np.clip(nodes.ravel(), 0.0, 1.0), weights
