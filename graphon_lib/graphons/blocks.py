r"""Blocks of a mask's rows and columns: labels by degree, and means over labelled blocks."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from graphon_lib._checks import as_numpy, check_integer, check_mask
from graphon_lib.graphons.partition import check_labels
from graphon_lib.graphons.step_graphon import StepGraphon

__all__ = [
    "block_means",
    "block_sums",
    "chunked_product",
    "degree_blocks",
    "rank_blocks",
    "split_blocks",
]

# Matrices are read this many entries at a time, so that no float copy of a whole mask is made.
CHUNK_ENTRIES = 1 << 21


def rank_blocks(scores: ArrayLike, blocks: int) -> NDArray[np.intp]:
    r"""Return the block of every node when nodes are ranked by score, the largest first.

    Parameters
    ----------
    scores : array_like, shape (n,)
        For instance degrees: real numbers of any kind, none of them NaN.
    blocks : int
        Number of blocks K, at least 1; :math:`\min(K, n)` are used, so that none is empty.

    Returns
    -------
    ndarray of int, shape (n,)
        :math:`\lfloor i K / n \rfloor` for the node of rank i; equal scores keep their order.

    Raises
    ------
    ValueError
        If `blocks` is not a positive integer, or `scores` are not real numbers along one axis.
    """
    scores = _check_scores(scores)
    count = scores.size
    blocks = min(check_integer("blocks", blocks, 1), count)
    labels = np.empty(count, dtype=np.intp)
    # From the end, so that ties keep their order; -scores wraps around for some integers.
    order = count - 1 - np.argsort(scores[::-1], kind="stable")[::-1]
    labels[order] = np.arange(count) * blocks // count
    return labels


def split_blocks(labels: ArrayLike, scores: ArrayLike, parts: ArrayLike | int) -> NDArray[np.intp]:
    """Cut every block into parts of about equal size, by rank of score within the block.

    Parameters
    ----------
    labels : array_like of int, shape (n,)
        The block 0, ..., K - 1 of every node, every block used.
    scores : array_like, shape (n,)
        As for `rank_blocks`.
    parts : int or array_like of int, shape (K,)
        Into how many parts each block is cut, at least 1; fewer where a block has fewer nodes.

    Returns
    -------
    ndarray of int, shape (n,)
        Labels 0, 1, ..., all used: the parts of block 0, largest scores first, then those of
        block 1 and so on.

    Raises
    ------
    ValueError
        If labels are not one integer per score that use every block, scores are not real numbers
        along one axis, or there is not one positive integer of parts for all blocks or for each.
    """
    scores = _check_scores(scores)
    labels = check_labels("labels", labels, scores.size)
    split = np.empty(labels.size, dtype=np.intp)
    first = 0
    for block, wanted in enumerate(_check_parts(parts, labels.max() + 1)):
        members = np.flatnonzero(labels == block)
        within = rank_blocks(scores[members], wanted)
        split[members] = first + within
        first += within.max() + 1
    return split


def degree_blocks(mask: ArrayLike, blocks: int) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    r"""Return the blocks of rows and columns ranked by degree, the largest first.

    Parameters
    ----------
    mask : array_like, shape (n_out, n_in)
        Binary, NumPy or PyTorch.
    blocks : int
        Number of blocks on either side; at most as many as nodes are used.

    Returns
    -------
    row_labels : ndarray of int, shape (n_out,)
    col_labels : ndarray of int, shape (n_in,)

    Raises
    ------
    ValueError
        If `mask` is not binary or `blocks` not a positive integer.
    """
    mask = check_mask("mask", mask)
    return rank_blocks(np.count_nonzero(mask, axis=1), blocks), rank_blocks(
        np.count_nonzero(mask, axis=0), blocks
    )


def block_means(mask: ArrayLike, row_labels: ArrayLike, col_labels: ArrayLike) -> StepGraphon:
    r"""Return the step graphon of a mask's densities on labelled blocks.

    Parameters
    ----------
    mask : array_like, shape (n_out, n_in)
        Binary, NumPy or PyTorch.
    row_labels : array_like of int, shape (n_out,)
        The block 0, ..., K_out - 1 of every row, every block used.
    col_labels : array_like of int, shape (n_in,)
        The block of every column.

    Returns
    -------
    StepGraphon
        A block's mass is its share of the nodes, so that the density is exactly the mask's.

    Raises
    ------
    ValueError
        If `mask` is not binary, or labels are not one integer per node that use every block.

    Notes
    -----
    :math:`W_{ab} = \frac{1}{|A_a| |B_b|} \sum_{i \in A_a, j \in B_b} M_{ij}`.
    """
    mask = check_mask("mask", mask)
    rows = check_labels("row_labels", row_labels, mask.shape[0])
    cols = check_labels("col_labels", col_labels, mask.shape[1])
    row_counts, col_counts = np.bincount(rows), np.bincount(cols)
    values = block_sums(mask, rows, cols) / np.outer(row_counts, col_counts)
    return StepGraphon(values, row_counts / rows.size, col_counts / cols.size)


def block_sums(
    matrix: NDArray, row_labels: NDArray[np.intp], col_labels: NDArray[np.intp]
) -> NDArray[np.float64]:
    """Return the sums of a matrix over labelled blocks.

    Parameters
    ----------
    matrix : ndarray, shape (n_out, n_in)
        Boolean or real.
    row_labels : ndarray of int, shape (n_out,)
        The block 0, ..., K_out - 1 of every row, every block used.
    col_labels : ndarray of int, shape (n_in,)
        The block of every column.

    Returns
    -------
    ndarray, shape (K_out, K_in)
    """
    indicator = (col_labels[:, None] == np.arange(col_labels.max() + 1)).astype(np.float64)
    over_cols = chunked_product(matrix, indicator)
    order = np.argsort(row_labels, kind="stable")
    starts = np.flatnonzero(np.diff(row_labels[order], prepend=-1))
    return np.add.reduceat(over_cols[order], starts, axis=0)


def chunked_product(matrix: NDArray, right: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return ``matrix @ right`` in double precision without a double-precision copy of `matrix`.

    Parameters
    ----------
    matrix : ndarray, shape (n_out, n_in)
        Boolean or real.
    right : ndarray, shape (n_in,) or (n_in, K)

    Returns
    -------
    ndarray, shape (n_out,) or (n_out, K)
    """
    n_out, n_in = matrix.shape
    product = np.empty((n_out, *right.shape[1:]))
    step = max(1, CHUNK_ENTRIES // n_in)
    for start in range(0, n_out, step):
        rows = slice(start, start + step)
        product[rows] = matrix[rows].astype(np.float64) @ right
    return product


def _check_scores(scores: ArrayLike) -> NDArray:
    array = as_numpy("scores", scores)
    if array.ndim != 1 or array.size == 0 or array.dtype.kind not in "biuf":
        raise ValueError(
            f"scores must be real numbers along one axis, at least one; got shape {array.shape} and dtype {array.dtype}"
        )
    if np.isnan(array).any():
        raise ValueError(f"scores must not be NaN, got {np.count_nonzero(np.isnan(array))} of them")
    return array


def _check_parts(parts: ArrayLike | int, blocks: int) -> NDArray[np.integer]:
    array = as_numpy("parts", parts)
    if array.shape not in ((), (blocks,)) or array.dtype.kind not in "iu" or array.min() < 1:
        raise ValueError(
            f"parts must be an integer >= 1, or {blocks} of them, one a block; got {parts!r}"
        )
    return np.broadcast_to(array, blocks)
