r"""Block means of a pruned network's weights, and checks that masks and weights fit."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from graphon_lib._checks import as_numpy, check_mask, check_sequence
from graphon_lib.graphons.blocks import block_sums
from graphon_lib.graphons.partition import check_labels

__all__ = ["WeightMoments", "check_fitting_masks", "check_weights", "weight_moments"]


class WeightMoments(NamedTuple):
    """Moments of a layer's kept weights on pairs of blocks, and their standard errors.

    Attributes
    ----------
    second_moment, drift : ndarray, shape (K_out, K_in)
    second_moment_error, drift_error : ndarray, shape (K_out, K_in)
        Standard errors, see :func:`weight_moments`.
    """

    second_moment: NDArray[np.float64]
    drift: NDArray[np.float64]
    second_moment_error: NDArray[np.float64]
    drift_error: NDArray[np.float64]


def check_fitting_masks(masks: Sequence[ArrayLike]) -> list[NDArray[np.bool_]]:
    """Return the masks of a network as boolean arrays, the rows of each the columns of the next.

    Raises
    ------
    ValueError
        If there is none, one is not binary, or neighbours do not fit.
    """
    masks = check_sequence("masks", masks, "binary matrices, one a layer")
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
    weights = check_sequence("weights", weights, "matrices, one a layer")
    if len(weights) != len(masks):
        raise ValueError(f"weights must be {len(masks)} arrays, one per mask; got {len(weights)}")
    arrays = []
    for i, (weight, mask) in enumerate(zip(weights, masks, strict=True)):
        array = as_numpy(f"weights[{i}]", weight)
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
    weight: ArrayLike, mask: ArrayLike, row_labels: ArrayLike, col_labels: ArrayLike
) -> WeightMoments:
    r"""Return the second moment and the drift of a layer's kept weights, with standard errors.

    Parameters
    ----------
    weight : array_like, shape (n_out, n_in)
        In NTK units, N(0, 1) before pruning.
    mask : array_like, shape (n_out, n_in)
        Binary.
    row_labels : array_like of int, shape (n_out,)
        The block 0, ..., K_out - 1 of every row, every block used.
    col_labels : array_like of int, shape (n_in,)
        The block of every column.

    Returns
    -------
    WeightMoments

    Raises
    ------
    ValueError
        If the mask is not binary, weights do not fit it or are not finite, or labels do not fit.

    Notes
    -----
    With N entries in a pair of blocks and means over them,

    .. math::

        V = \overline{w^2 M}, \qquad D = \sqrt{n_{in}}\, \overline{w M}, \qquad
        \operatorname{se}(V)^2 = \frac{\overline{w^4 M} - V^2}{N}, \qquad
        \operatorname{se}(D)^2 = \frac{n_{in} V}{N} .

    The error of the drift is that without drift: if, given the mask and the magnitudes, the signs of
    the kept weights are independent and fair, :math:`D / \operatorname{se}(D)` has mean 0 and
    variance exactly 1 however few weights are kept, because it is a sum of random signs over its own
    standard deviation. Where nothing is kept, all four are 0.
    """
    mask = check_mask("mask", mask)
    (weight,) = check_weights([weight], [mask])
    rows = check_labels("row_labels", row_labels, mask.shape[0])
    cols = check_labels("col_labels", col_labels, mask.shape[1])
    counts = np.outer(np.bincount(rows), np.bincount(cols))
    # Single precision would overflow in fourth powers.
    kept = np.where(mask, weight, 0).astype(np.float64)
    drift = np.sqrt(mask.shape[1]) * block_sums(kept, rows, cols) / counts
    np.square(kept, out=kept)
    second = block_sums(kept, rows, cols) / counts
    np.square(kept, out=kept)
    fourth = block_sums(kept, rows, cols) / counts
    return WeightMoments(
        second,
        drift,
        np.sqrt(np.maximum(fourth - second**2, 0.0) / counts),
        np.sqrt(mask.shape[1] * second / counts),
    )
