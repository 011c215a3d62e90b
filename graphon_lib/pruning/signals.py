r"""What a pruning batch sees of a network: the vectors that decide which weights are kept."""

from __future__ import annotations

from itertools import zip_longest
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from torch import Tensor

from graphon_lib.pruning.methods import check_batch, factor_of, finite_parameters
from graphon_lib.pruning.model import MaskedMLP

__all__ = ["LayerSignals", "batch_signals"]


class LayerSignals(NamedTuple):
    r"""Signals of one weight layer on a batch of N inputs, in double precision.

    Attributes
    ----------
    inputs : ndarray, shape (n_in, N)
        Activations :math:`h_j` that enter the layer.
    preactivations : ndarray, shape (n_out, N)
        What leaves it, :math:`z_i`, biases included.
    left : ndarray, shape (n_out, R)
    right : ndarray, shape (n_in, R)
        Vectors whose products :math:`q_{ij} = \langle l_i, r_j \rangle` are the factors of the
        scores :math:`w_{ij} q_{ij}`.
    """

    inputs: NDArray[np.float64]
    preactivations: NDArray[np.float64]
    left: NDArray[np.float64]
    right: NDArray[np.float64]


def batch_signals(
    model: MaskedMLP, method: str, x: Tensor | ArrayLike, y: Tensor | ArrayLike
) -> list[LayerSignals]:
    r"""Return the signals of a dense network on its pruning batch, layer by layer.

    Parameters
    ----------
    model
        The network at its initialisation; its masks are not read.
    method
        One that has a :class:`~graphon_lib.pruning.methods.Factor`, which `left` and `right` make.
    x, y
        The pruning batch.

    Returns
    -------
    list of LayerSignals
        From the first layer to the read-out.

    Notes
    -----
    With :math:`\delta_i` the derivatives of the summed loss by :math:`z_i`, SNIP's factor is
    :math:`\partial L / \partial w_{ij} = \langle \delta_i, h_j \rangle / N`. GraSP's is :math:`(H
    g)_{ij} = (\langle \dot\delta_i, h_j \rangle + \langle \delta_i, \dot h_j \rangle) / N`, the dot
    being the derivative along the gradient g by the weights, which leaves biases as they are, and
    the loss that of logits over a temperature of 200.
    """
    factor = factor_of(method)
    weights, biases = ([p.to(torch.float64) for p in kind] for kind in finite_parameters(model))
    x, y = check_batch(model, method, x, y)
    x, count = x.to(torch.float64), len(x)

    inputs, sums = [x.T], []
    for weight, bias in zip_longest(weights, biases):
        sums.append(weight @ inputs[-1])
        if bias is not None:
            sums[-1] += bias[:, None]
        inputs.append(sums[-1].relu())
    probabilities = torch.softmax(sums[-1] / factor.temperature, dim=0)
    labels = torch.nn.functional.one_hot(y, len(probabilities)).T
    backward = [(probabilities - labels) / factor.temperature]
    for weight, before in zip(reversed(weights[1:]), reversed(sums[:-1]), strict=True):
        backward.insert(0, (weight.T @ backward[0]) * (before > 0))
    left, right = backward, inputs[:-1]
    if factor.curvature:
        moved = _derivatives_along_gradient(
            weights, inputs, sums, backward, probabilities, factor.temperature
        )
        left = [torch.hstack(pair) for pair in zip(moved[1], backward, strict=True)]
        right = [torch.hstack(pair) for pair in zip(inputs[:-1], moved[0], strict=True)]
    return [
        LayerSignals(h.numpy(), z.numpy(), (d / count).numpy(), r.numpy())
        for h, z, d, r in zip(inputs[:-1], sums, left, right, strict=True)
    ]


def _derivatives_along_gradient(
    weights: list[Tensor],
    inputs: list[Tensor],
    sums: list[Tensor],
    backward: list[Tensor],
    probabilities: Tensor,
    temperature: float,
) -> tuple[list[Tensor], list[Tensor]]:
    """Differentiate the activations and the backward signals along the gradient of the loss.

    A rectifier passes a derivative where it passes the signal, forward and backward.
    """
    count = inputs[0].shape[1]
    gradients = [d @ h.T / count for d, h in zip(backward, inputs[:-1], strict=True)]
    moved_inputs = [torch.zeros_like(inputs[0])]
    for weight, gradient, entering, leaving in zip(
        weights, gradients, inputs[:-1], sums, strict=True
    ):
        moved_sum = gradient @ entering + weight @ moved_inputs[-1]
        moved_inputs.append(moved_sum * (leaving > 0))
    moved_logits = moved_sum / temperature
    centred = moved_logits - (probabilities * moved_logits).sum(dim=0)
    moved_backward = [probabilities * centred / temperature]
    for layer in range(len(weights) - 1, 0, -1):
        through = weights[layer].T @ moved_backward[0] + gradients[layer].T @ backward[layer]
        moved_backward.insert(0, through * (sums[layer - 1] > 0))
    return moved_inputs[:-1], moved_backward
