r"""Blocks of a mask's rows and columns: labels by degree, and means over labelled blocks."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from graphon_lib._checks import check_integer, check_mask
from graphon_lib.graphons.partition import check_labels
from graphon_lib.graphons.step_graphon import StepGraphon

__all__ = [
    "block_means",
    "block_sums",
    "chunked_product",
    "degree_blocks",
    "degree_labels",
    "labelled_means",
    "rank_blocks",
    "split_blocks",
]

# Matrices are read this many entries at a time, so that no float copy of a whole mask is made.
CHUNK_ENTRIES = 1 << 21


def degree_blocks(mask: ArrayLike, blocks: int) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    r"""Return labels of rows and columns in at most so many blocks by degree, the largest first.

    :math:`\lfloor i K / n \rfloor` for the node of rank i among n, K being at most n; equal degrees
    keep their order.
    """
    return degree_labels(check_mask("mask", mask), check_integer("blocks", blocks, 1))


def block_means(mask: ArrayLike, row_labels: ArrayLike, col_labels: ArrayLike) -> StepGraphon:
    r"""Return the step graphon of a mask's densities on blocks, given by labels of rows and of columns.

    :math:`W_{ab} = \frac{1}{|A_a| |B_b|} \sum_{i \in A_a, j \in B_b} M_{ij}`; a block's mass is its
    share of the nodes, so that the density is exactly the mask's.
    """
    mask = check_mask("mask", mask)
    rows = check_labels("row_labels", row_labels, mask.shape[0])
    return labelled_means(mask, rows, check_labels("col_labels", col_labels, mask.shape[1]))


def degree_labels(
    mask: NDArray[np.bool_], blocks: int
) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Return the labels of `degree_blocks`, of checked arguments."""
    row_degrees, col_degrees = np.count_nonzero(mask, axis=1), np.count_nonzero(mask, axis=0)
    return rank_blocks(row_degrees, blocks), rank_blocks(col_degrees, blocks)


def labelled_means(
    mask: NDArray[np.bool_], rows: NDArray[np.intp], cols: NDArray[np.intp]
) -> StepGraphon:
    """Return the graphon of `block_means`, of checked arguments."""
    row_counts, col_counts = np.bincount(rows), np.bincount(cols)
    values = block_sums(mask, rows, cols) / np.outer(row_counts, col_counts)
    return StepGraphon(values, row_counts / rows.size, col_counts / cols.size)


def rank_blocks(scores: NDArray, blocks: int) -> NDArray[np.intp]:
    r"""Cut nodes, ranked by score with the largest first, in :math:`\min(K, n)` blocks about equal."""
    labels = np.empty(scores.size, dtype=np.intp)
    order = np.argsort(-scores, kind="stable")
    labels[order] = np.arange(scores.size) * min(blocks, scores.size) // scores.size
    return labels


def split_blocks(
    labels: NDArray[np.intp], scores: NDArray, parts: NDArray[np.integer]
) -> NDArray[np.intp]:
    """Cut every block into its number of parts, shape (K,), by rank of score within the block.

    A block of fewer nodes has fewer parts. Those of block 0 come first, largest scores first.
    """
    split = np.empty(labels.size, dtype=np.intp)
    first = 0
    for block, wanted in enumerate(parts):
        members = np.flatnonzero(labels == block)
        within = rank_blocks(scores[members], wanted)
        split[members] = first + within
        first += within.max() + 1
    return split


def block_sums(
    matrix: NDArray, row_labels: NDArray[np.intp], col_labels: NDArray[np.intp]
) -> NDArray[np.float64]:
    """Return the sums (K_out, K_in) of a boolean or real matrix over labelled blocks."""
    (row_order, row_starts), (col_order, col_starts) = map(_grouped, (row_labels, col_labels))
    n_out, n_in = matrix.shape
    over_cols = np.empty((n_out, col_starts.size))
    step = max(1, CHUNK_ENTRIES // n_in)
    for start in range(0, n_out, step):
        rows = slice(start, start + step)
        part = matrix[rows].take(col_order, axis=1).astype(np.float64)
        np.add.reduceat(part, col_starts, axis=1, out=over_cols[rows])
    return np.add.reduceat(over_cols[row_order], row_starts, axis=0)


def _grouped(labels: NDArray[np.intp]) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Return an order of nodes in which those of a label follow one another, and where labels begin."""
    order = np.argsort(labels, kind="stable")
    return order, np.flatnonzero(np.diff(labels[order], prepend=-1))


def chunked_product(matrix: NDArray, right: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return ``matrix @ right`` in double precision without a double-precision copy of `matrix`."""
    n_out, n_in = matrix.shape
    product = np.empty((n_out, *right.shape[1:]))
    step = max(1, CHUNK_ENTRIES // n_in)
    for start in range(0, n_out, step):
        rows = slice(start, start + step)
        product[rows] = matrix[rows].astype(np.float64) @ right
    return product
