r"""Homomorphism densities of small bipartite graphs, from matrix products."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

import numpy as np
from numpy.typing import ArrayLike, NDArray

from graphon_lib._checks import check_mask
from graphon_lib.graphons.blocks import chunked_product
from graphon_lib.graphons.step_graphon import StepGraphon

__all__ = [
    "MOTIFS",
    "cycle_ratio",
    "distinct_cycle_density",
    "distinct_cycle_ratio",
    "motif_densities",
]

#: The edges of every motif, as pairs (row node, column node).
MOTIFS: Mapping[str, tuple[tuple[int, int], ...]] = MappingProxyType(
    {
        "edge": ((0, 0),),
        "row_cherry": ((0, 0), (0, 1)),
        "column_cherry": ((0, 0), (1, 0)),
        "path_3": ((0, 0), (1, 0), (1, 1)),
        "cycle_4": ((0, 0), (0, 1), (1, 0), (1, 1)),
        "k_23": ((0, 0), (0, 1), (0, 2), (1, 0), (1, 1), (1, 2)),
        "k_32": ((0, 0), (0, 1), (1, 0), (1, 1), (2, 0), (2, 1)),
    }
)

# Products are formed for this many pairs of nodes at a time, which bounds the memory.
CHUNK_PAIRS = 1 << 21


def motif_densities(mask_or_graphon: ArrayLike | StepGraphon) -> dict[str, float]:
    r"""Return the homomorphism densities of the motifs in `MOTIFS`.

    Of ``"edge"``; ``"row_cherry"``, two edges that share a row; ``"column_cherry"``, two edges
    that share a column; ``"path_3"``, the path of three edges; ``"cycle_4"``; ``"k_23"``, two rows
    joined to three columns; ``"k_32"``, three rows joined to two columns. All in [0, 1].

    Notes
    -----
    For a bipartite graph F whose nodes are rows i or columns j (sides are kept, since rows and
    columns are neurons of different layers),

    .. math:: t(F, W) = \int \prod_{(i, j) \in F} W(u_i, v_j) \prod_i du_i \prod_j dv_j ,

    in a mask the fraction of the maps of F's nodes to rows and columns that send edges to edges
    (Lovász, section 7.2). With the degrees :math:`d(u) = \int W(u, v) dv` and
    :math:`d'(v) = \int W(u, v) du` and the codegrees
    :math:`c(u, u') = \int W(u, v) W(u', v) dv` and :math:`c'(v, v')`,

    .. math::

        t(\text{cherries}) &= \int d^2, \int d'^2 \qquad
        t(P_3) = \int \int d(u) W(u, v) d'(v) \\
        t(C_4) &= \int \int c^2 \qquad t(K_{2,3}) = \int \int c^3 \qquad
        t(K_{3,2}) = \int \int c'^3 .

    A convergent sequence of masks is one whose densities converge for every F. The cost is that of
    the two products of the mask with its transpose.
    """
    if isinstance(mask_or_graphon, StepGraphon):
        values = mask_or_graphon.values
        row_mass, col_mass = mask_or_graphon.row_mass, mask_or_graphon.col_mass
        row_degrees, col_degrees = mask_or_graphon.row_degrees, mask_or_graphon.column_degrees
        row_factor, col_factor = values * np.sqrt(col_mass), values.T * np.sqrt(row_mass)
        row_divisor = col_divisor = 1
    else:
        values = check_mask("mask_or_graphon", mask_or_graphon)
        col_divisor, row_divisor = values.shape
        row_mass = np.full(values.shape[0], 1 / values.shape[0])
        col_mass = np.full(values.shape[1], 1 / values.shape[1])
        row_degrees = np.count_nonzero(values, axis=1) / values.shape[1]
        col_degrees = np.count_nonzero(values, axis=0) / values.shape[0]
        # Single precision holds the common neighbours of two nodes exactly, up to 2^24 of them.
        row_factor = values.astype(np.float32)
        col_factor = row_factor.T
    path_3 = (row_mass * row_degrees) @ chunked_product(values, col_mass * col_degrees)
    cycle_4, k_23 = _codegree_moments(row_factor, row_divisor, row_mass)
    _, k_32 = _codegree_moments(col_factor, col_divisor, col_mass)
    densities = {
        "edge": row_mass @ row_degrees,
        "row_cherry": row_mass @ row_degrees**2,
        "column_cherry": col_mass @ col_degrees**2,
        "path_3": path_3,
        "cycle_4": cycle_4,
        "k_23": k_23,
        "k_32": k_32,
    }
    return {name: min(float(density), 1.0) for name, density in densities.items()}


def cycle_ratio(mask_or_graphon: ArrayLike | StepGraphon) -> float:
    """Return the 4-cycles over those of a constant of equal density: 1 or more, 1 for a constant.

    A density below 1e-75, of which the fourth power has lost its digits, is a ``ValueError``.
    """
    densities = motif_densities(mask_or_graphon)
    if densities["edge"] < 1e-75:
        raise ValueError(
            f"mask_or_graphon must have a density of 1e-75 or more, got {densities['edge']:g}"
        )
    return densities["cycle_4"] / densities["edge"] ** 4


def distinct_cycle_ratio(mask: ArrayLike) -> float:
    r"""Return the 4-cycles of a mask over those expected of as many random entries, 1 for these.

    Only cycles through two different rows and two different columns count, so that unlike
    :func:`~graphon_lib.graphons.cycle_ratio` it needs no large mask. At least two rows, two columns
    and two entries, or it is a ``ValueError``.
    """
    mask = check_mask("mask", mask)
    density, kept = distinct_cycle_density(mask), int(np.count_nonzero(mask))
    # Of a quadruple of different places of N, all four are among K at random so often.
    chance = np.prod([(kept - k) / (mask.size - k) for k in range(4)])
    return density / float(chance) if chance > 0.0 else 0.0


def distinct_cycle_density(mask: NDArray[np.bool_]) -> float:
    r"""Return the share of pairs of different rows and of different columns that are joined in all four ways.

    .. math:: \frac{1}{n (n - 1) m (m - 1)} \sum_{u \ne u'} c(u, u') \bigl(c(u, u') - 1\bigr)

    with c the number of columns that two of the n rows share. At least two rows, two columns and
    two entries, or it is a ``ValueError``.
    """
    rows, columns = mask.shape
    kept = int(np.count_nonzero(mask))
    if min(rows, columns, kept) < 2:
        raise ValueError(
            f"mask must have two rows, columns and entries, got {rows}, {columns} and {kept}"
        )
    factor, pairs = mask.astype(np.float32), 0.0
    step = max(1, CHUNK_PAIRS // rows)
    for start in range(0, rows, step):
        shared = (factor[start : start + step] @ factor.T).astype(np.float64)
        pairs += float((shared * (shared - 1.0)).sum())
    degrees = mask.sum(axis=1).astype(np.float64)
    pairs -= float((degrees * (degrees - 1.0)).sum())
    return pairs / (float(rows * (rows - 1)) * float(columns * (columns - 1)))


def _codegree_moments(
    factor: NDArray[np.floating], divisor: int, masses: NDArray[np.float64]
) -> tuple[float, float]:
    """Return the means of the squares and cubes of the codegrees ``factor @ factor.T / divisor``."""
    squares = cubes = 0.0
    step = max(1, CHUNK_PAIRS // masses.size)
    for start in range(0, masses.size, step):
        codegrees = (factor[start : start + step] @ factor.T).astype(np.float64) / divisor
        products = codegrees * codegrees
        squares += masses[start : start + step] @ products @ masses
        products *= codegrees
        cubes += masses[start : start + step] @ products @ masses
    return squares, cubes
