r"""Weights drawn anew that leave a pruning batch's signals as they are."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from graphon_lib._checks import check_rng

__all__ = ["off_signals", "redraw_given_signals", "signal_basis"]

# Directions of a batch below this share of the largest are rounding.
LEAST_SHARE = 1e-9


def redraw_given_signals(
    weights: Sequence[NDArray[np.floating]],
    inputs: Sequence[NDArray[np.float64]],
    backward: Sequence[NDArray[np.float64]],
    rng: np.random.Generator,
) -> list[NDArray[np.float64]]:
    r"""Draw weights from their law given all signals of a batch, forward and backward.

    Parameters
    ----------
    weights : sequence of ndarray, shapes (n_out, n_in)
        In NTK units: N(0, 1) at the start. Of another law, such as the uniform one, what is drawn
        has the same signals but not the law of the weights given them.
    inputs : sequence of ndarray, shapes (n_in, N)
        Activations H that enter each layer on the batch.
    backward : sequence of ndarray, shapes (n_out, N)
        Derivatives :math:`\Delta` of the losses by what leaves it.
    rng : numpy.random.Generator

    Returns
    -------
    list of ndarray
        Weights for which :math:`w H` and :math:`w^\top \Delta` are those of the weights given.

    Notes
    -----
    The signals are linear in one layer's weights if those of its neighbours are given. A Gaussian
    matrix conditioned on :math:`w H` and :math:`w^\top \Delta` is (G. Yang, *Tensor Programs III*,
    arXiv:2009.10685, the Gaussian conditioning trick), with the orthogonal projections P on the
    columns of H and Q on those of :math:`\Delta`,

    .. math:: w - (I - Q)\, w\, (I - P) + (I - Q)\, \tilde w\, (I - P) ,

    where :math:`\tilde w` is an independent copy. Biases are held as they are, so that
    preactivations stay if :math:`w H` does.
    """
    check_rng("rng", rng)
    if not len(weights) == len(inputs) == len(backward):
        raise ValueError(
            f"inputs and backward must hold {len(weights)} matrices, one a layer; got {len(inputs)} and {len(backward)}"
        )
    redrawn = []
    for weight, entering, leaving in zip(weights, inputs, backward, strict=True):
        change = rng.standard_normal(weight.shape) - weight
        redrawn.append(weight + off_signals(change, signal_basis(leaving), signal_basis(entering)))
    return redrawn


def off_signals(
    matrix: NDArray[np.float64], rows: NDArray[np.float64], columns: NDArray[np.float64]
) -> NDArray[np.float64]:
    r"""Return the part of a layer's weights that its signals do not see, :math:`(I - Q)\, w\, (I - P)`.

    Q projects on the :func:`signal_basis` of the signals that leave, `rows`, shape (n_out, R), and
    P on that of those that enter, `columns`, shape (n_in, R).
    """
    free = matrix - rows @ (rows.T @ matrix)
    return free - (free @ columns) @ columns.T


def signal_basis(signals: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return orthonormal columns that span those of a matrix of signals."""
    left, values, _ = np.linalg.svd(signals, full_matrices=False)
    return left[:, values > LEAST_SHARE * max(values[0], np.finfo(float).tiny)]
