r"""Partitions of [0, 1] into blocks: edges, positions, and averages over them."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from graphon_lib._checks import as_numpy, check_array

__all__ = [
    "averaging_matrix",
    "block_edges",
    "check_edges",
    "check_labels",
    "check_position",
    "check_same_masses",
    "grid_positions",
    "locate",
    "merge_edges",
]

# Cumulative sums of some thousand masses err by less than this: nearer edges are the same edge.
EDGE_TOLERANCE = 1e-12


def block_edges(masses: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the edges 0 = e_0 <= ... <= e_K = 1 of blocks with the given masses.

    Parameters
    ----------
    masses : ndarray, shape (K,)
        Non-negative, summing to 1.

    Returns
    -------
    ndarray, shape (K + 1,)
        Of equal masses, the correctly rounded k / K, so that a position k / K lies in block k.
    """
    count = masses.size
    if (masses == masses[0]).all():
        return np.arange(count + 1) / count
    edges = np.concatenate([[0.0], np.minimum(np.cumsum(masses), 1.0)])
    edges[-1] = 1.0
    return edges


def check_edges(name: str, edges: ArrayLike) -> NDArray[np.float64]:
    """Return `edges` as an array that increases strictly from 0 to 1.

    Raises
    ------
    ValueError
        If it does not.
    """
    array = check_array(name, edges, 1, minimum=0.0, maximum=1.0)
    if array.size < 2 or array[0] != 0.0 or array[-1] != 1.0 or (np.diff(array) <= 0).any():
        raise ValueError(f"{name} must increase strictly from 0 to 1, got {edges!r}")
    return array


def check_labels(name: str, labels: ArrayLike, count: int) -> NDArray[np.intp]:
    """Return `labels` as `count` integers that use every block 0, ..., K - 1.

    Raises
    ------
    ValueError
        If they do not.
    """
    array = as_numpy(name, labels)
    if array.shape != (count,) or array.dtype.kind not in "iu":
        raise ValueError(
            f"{name} must be {count} integers, got shape {array.shape} and dtype {array.dtype}"
        )
    used = np.unique(array)
    if used[0] != 0 or used[-1] != used.size - 1:
        raise ValueError(
            f"{name} must use every block 0, ..., K - 1; got {used.size} distinct labels from {used[0]} to {used[-1]}"
        )
    return array.astype(np.intp)


def check_position(name: str, positions: ArrayLike) -> NDArray[np.float64]:
    """Return `positions` as an array with entries in [0, 1], of any shape.

    Raises
    ------
    ValueError
        If an entry is outside [0, 1] or not a number.
    """
    array = as_numpy(name, positions)
    if array.dtype.kind not in "biuf" or not ((array >= 0.0) & (array <= 1.0)).all():
        raise ValueError(f"{name} must hold positions in [0, 1], got {positions!r}")
    return array.astype(np.float64)


def check_same_masses(name: str, masses: NDArray[np.float64], wanted: NDArray[np.float64]) -> None:
    """Check that blocks shared by two graphons have the same masses, within 1e-9.

    Raises
    ------
    ValueError
        If their numbers or masses differ.
    """
    if masses.shape != wanted.shape:
        raise ValueError(f"{name} must have {wanted.size} blocks, got {masses.size}")
    if (np.abs(masses - wanted) > 1e-9).any():
        raise ValueError(
            f"{name} must be the masses of the blocks it meets; they differ by up to {np.abs(masses - wanted).max():.3g}"
        )


def grid_positions(count: int) -> NDArray[np.float64]:
    """Return the midpoints (2 i + 1) / (2 count) of `count` equal intervals.

    Parameters
    ----------
    count : int
        At least 1.
    """
    return (2 * np.arange(count) + 1) / (2 * count)


def locate(positions: NDArray[np.float64], masses: NDArray[np.float64]) -> NDArray[np.intp]:
    """Return the block of every position.

    Blocks are closed on the left and open on the right, the last one closed on both sides. A block
    of mass zero holds no position.

    Parameters
    ----------
    positions : ndarray, any shape
        In [0, 1].
    masses : ndarray, shape (K,)
        The masses of the blocks.
    """
    last = np.flatnonzero(masses)[-1]
    interior = block_edges(masses)[1:-1]
    return np.minimum(np.searchsorted(interior, positions, side="right"), last)


def merge_edges(first: NDArray[np.float64], second: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the edges of the coarsest partition that refines two others.

    Edges nearer than 1e-12 are rounding apart and are merged.

    Parameters
    ----------
    first, second : ndarray, shape (K1 + 1,) and (K2 + 1,)
        Edges from 0 to 1, not decreasing.
    """
    edges = np.union1d(first, second)
    inner = edges[(edges > EDGE_TOLERANCE) & (edges < 1.0 - EDGE_TOLERANCE)]
    distinct = inner[np.diff(inner, prepend=0.0) > EDGE_TOLERANCE]
    return np.concatenate([[0.0], distinct, [1.0]])


def averaging_matrix(
    source: NDArray[np.float64], target: NDArray[np.float64]
) -> NDArray[np.float64]:
    r"""Return the matrix that turns a step function's values into its means over other blocks.

    Parameters
    ----------
    source : ndarray, shape (K + 1,)
        Edges of the blocks the step function is constant on.
    target : ndarray, shape (J + 1,)
        Edges of the blocks to average over, strictly increasing.

    Returns
    -------
    ndarray, shape (J, K)
        Entry (j, k) is :math:`|T_j \cap S_k| / |T_j|`; rows sum to 1.
    """
    lower = np.maximum(target[:-1, None], source[None, :-1])
    upper = np.minimum(target[1:, None], source[None, 1:])
    overlap = np.maximum(upper - lower, 0.0)
    return overlap / np.diff(target)[:, None]
