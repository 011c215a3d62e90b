r"""Paths of kept weights from the inputs to the outputs of a network."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike

from graphon_lib.graphons.weight_moments import check_fitting_masks

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
    checked = check_fitting_masks(masks)
    share = np.ones(checked[0].shape[1])
    for mask in checked:
        share = mask.astype(np.float64) @ share / mask.shape[1]
    return float(share.mean())
