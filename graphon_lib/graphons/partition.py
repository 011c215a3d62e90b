"""Partitions of [0, 1] into blocks: edges, positions, and averages over them."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from graphon_lib._checks import as_numpy, check_array

__all__ = [
    "averaging_matrix",
    "block_edges",
    "check_edges",
    "check_equal_masses",
    "check_labels",
    "check_position",
    "check_same_masses",
    "grid_positions",
    "locate",
]


def block_edges(masses: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the edges 0 = e_0 <= ... <= e_K = 1 of K blocks with the given masses.

    Those of equal masses are the correctly rounded k / K, so that a position k / K lies in block k.
    """
    count = masses.size
    if (masses == masses[0]).all():
        return np.arange(count + 1) / count
    edges = np.concatenate([[0.0], np.minimum(np.cumsum(masses), 1.0)])
    edges[-1] = 1.0
    return edges


def check_edges(name: str, edges: ArrayLike) -> NDArray[np.float64]:
    """Return edges of blocks, which increase strictly from 0 to 1."""
    array = check_array(name, edges, 1, minimum=0.0, maximum=1.0)
    if array.size < 2 or array[0] != 0.0 or array[-1] != 1.0 or (np.diff(array) <= 0).any():
        raise ValueError(f"{name} must increase strictly from 0 to 1, got {edges!r}")
    return array


def check_labels(name: str, labels: ArrayLike, count: int) -> NDArray[np.intp]:
    """Return the labels of `count` nodes, integers that use every block 0, ..., K - 1."""
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
    """Return positions in [0, 1], of any shape."""
    array = as_numpy(name, positions)
    if array.dtype.kind not in "biuf" or not ((array >= 0.0) & (array <= 1.0)).all():
        raise ValueError(f"{name} must hold positions in [0, 1], got {positions!r}")
    return array.astype(np.float64)


def check_same_masses(name: str, masses: NDArray[np.float64], wanted: NDArray[np.float64]) -> None:
    """Check that blocks shared by two graphons have the same masses, within 1e-9."""
    if masses.shape != wanted.shape:
        raise ValueError(f"{name} must have {wanted.size} blocks, got {masses.size}")
    if (np.abs(masses - wanted) > 1e-9).any():
        raise ValueError(
            f"{name} must be the masses of the blocks it meets; they differ by up to {np.abs(masses - wanted).max():.3g}"
        )


def check_equal_masses(name: str, masses: NDArray[np.float64]) -> None:
    """Check that input columns, one per coordinate, have the same masses, within 1e-9."""
    if np.abs(masses - 1.0 / masses.size).max() > 1e-9:
        raise ValueError(
            f"{name} must have input columns of equal mass, one per coordinate; got col_mass from {masses.min():.6g} to {masses.max():.6g}"
        )


def grid_positions(count: int) -> NDArray[np.float64]:
    """Return the midpoints (2 i + 1) / (2 count) of `count` equal intervals."""
    return (2 * np.arange(count) + 1) / (2 * count)


def locate(positions: NDArray[np.float64], masses: NDArray[np.float64]) -> NDArray[np.intp]:
    """Return the block of every position, in its shape.

    Blocks are closed on the left and open on the right, the last one closed on both sides. A block
    of mass zero holds no position.
    """
    last = np.flatnonzero(masses)[-1]
    interior = block_edges(masses)[1:-1]
    return np.minimum(np.searchsorted(interior, positions, side="right"), last)


def averaging_matrix(
    source: NDArray[np.float64], target: NDArray[np.float64]
) -> NDArray[np.float64]:
    r"""Return the matrix (J, K) that turns a step function's values into means over other blocks.

    With S the K blocks between the edges `source`, on which the function is constant, and T the J
    blocks between `target`, entry (j, k) is :math:`|T_j \cap S_k| / |T_j|`.
    """
    lower = np.maximum(target[:-1, None], source[None, :-1])
    upper = np.minimum(target[1:, None], source[None, 1:])
    overlap = np.maximum(upper - lower, 0.0)
    return overlap / np.diff(target)[:, None]
