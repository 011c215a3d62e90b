r"""Paths of kept weights from the inputs to the outputs of a network."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike

from graphon_lib._checks import check_masks

__all__ = ["path_density"]


def path_density(masks: Sequence[ArrayLike]) -> float:
    r"""Return the fraction, in [0, 1], of all input-output paths that masks leave.

    Parameters
    ----------
    masks : sequence of array_like, shapes (n_l, n_{l-1})
        One a layer, the rows of each the columns of the next.

    Notes
    -----
    A path takes one neuron of every layer, and survives if all the weights it uses are kept:

    .. math:: P = \frac{\mathbf 1^\top M^D \cdots M^1 \mathbf 1}{n_D \cdots n_0},

    one matrix-vector product a layer. `GraphonNetwork.path_density` is the same of step graphons.
    """
    checked = check_masks(masks)
    share = np.ones(checked[0].shape[1])
    for mask in checked:
        share = mask.astype(np.float64) @ share / mask.shape[1]
    return float(share.mean())
