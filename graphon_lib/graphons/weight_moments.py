r"""Block means of a pruned network's weights, and checks that masks and weights fit."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from graphon_lib._checks import check_mask
from graphon_lib.graphons.blocks import block_sums

__all__ = ["check_fitting_masks", "check_weights", "weight_moments"]


def check_fitting_masks(masks: Sequence[ArrayLike]) -> list[NDArray[np.bool_]]:
    """Return the masks of a network as boolean arrays, the rows of each the columns of the next.

    Raises
    ------
    ValueError
        If there is none, one is not binary, or neighbours do not fit.
    """
    checked = [check_mask(f"masks[{i}]", mask) for i, mask in enumerate(masks)]
    if not checked:
        raise ValueError("masks must be one mask or more, got none")
    for i, (before, after) in enumerate(itertools.pairwise(checked), start=1):
        if after.shape[1] != before.shape[0]:
            raise ValueError(
                f"masks[{i}] must have {before.shape[0]} columns, the rows of the mask before; got shape {after.shape}"
            )
    return checked


def check_weights(
    weights: Sequence[ArrayLike], masks: Sequence[NDArray[np.bool_]]
) -> list[NDArray[np.floating]]:
    """Return weights, NumPy or PyTorch, as finite arrays of the masks' shapes.

    Raises
    ------
    ValueError
        If their number or a shape differs, or an entry is not a finite real number.
    """
    if len(weights) != len(masks):
        raise ValueError(f"weights must be {len(masks)} arrays, one per mask; got {len(weights)}")
    arrays = []
    for i, (weight, mask) in enumerate(zip(weights, masks, strict=True)):
        if hasattr(weight, "detach"):  # a torch tensor, recognised without importing torch
            weight = weight.detach().cpu().numpy()
        array = np.asarray(weight)
        if array.shape != mask.shape or array.dtype.kind not in "iuf":
            raise ValueError(
                f"weights[{i}] must be real numbers of shape {mask.shape}, got shape {array.shape} and dtype {array.dtype}"
            )
        if not np.isfinite(array).all():
            raise ValueError(f"weights[{i}] must be finite, got NaN or infinite entries")
        # Integers and half precision would overflow when squared.
        arrays.append(array.astype(np.result_type(array, np.float32), copy=False))
    return arrays


def weight_moments(
    weight: NDArray[np.floating],
    mask: NDArray[np.bool_],
    row_labels: NDArray[np.intp],
    col_labels: NDArray[np.intp],
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    r"""Return the second moment and the drift of a layer's kept weights.

    Parameters
    ----------
    weight : ndarray, shape (n_out, n_in)
        In NTK units.
    mask : ndarray of bool, shape (n_out, n_in)
    row_labels : ndarray of int, shape (n_out,)
        The block 0, ..., K_out - 1 of every row, every block used.
    col_labels : ndarray of int, shape (n_in,)
        The block of every column.

    Returns
    -------
    second_moment, drift : ndarray, shape (K_out, K_in)

    Notes
    -----
    :math:`V = E[w^2 M]` and :math:`D = \sqrt{n_{in}} E[w M]`, the expectations being means over a
    pair of blocks.
    """
    counts = np.outer(np.bincount(row_labels), np.bincount(col_labels))
    kept = np.where(mask, weight, 0)
    drift = np.sqrt(mask.shape[1]) * block_sums(kept, row_labels, col_labels) / counts
    np.square(kept, out=kept)
    return block_sums(kept, row_labels, col_labels) / counts, drift
