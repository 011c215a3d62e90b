r"""Paths of kept weights from the inputs to the outputs of a network."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike

from graphon_lib._checks import check_mask

__all__ = ["path_density"]


def path_density(masks: Sequence[ArrayLike]) -> float:
    r"""Return the fraction of all input-output paths that masks leave.

    Parameters
    ----------
    masks : sequence of array_like, shapes (n_l, n_{l-1})
        Binary, NumPy or PyTorch, one a layer.

    Returns
    -------
    float
        In [0, 1].

    Raises
    ------
    ValueError
        If there is no mask, one is not binary, or one has not as many columns as the one before
        has rows.

    Notes
    -----
    A path takes one neuron of every layer, and survives if all the weights it uses are kept:

    .. math:: P = \frac{\mathbf 1^\top M^D \cdots M^1 \mathbf 1}{n_D \cdots n_0},

    one matrix-vector product a layer. `GraphonNetwork.path_density` is the same of step graphons.
    """
    if len(masks) == 0:
        raise ValueError("masks must hold at least one mask, got none")
    checked = [check_mask(f"masks[{i}]", mask) for i, mask in enumerate(masks)]
    share = np.ones(checked[0].shape[1])
    for i, mask in enumerate(checked):
        if mask.shape[1] != share.size:
            raise ValueError(
                f"masks[{i}] must have {share.size} columns, as many as masks[{i - 1}] has rows, "
                f"got {mask.shape[1]}"
            )
        share = mask.astype(np.float64) @ share / mask.shape[1]
    return float(share.mean())
