"""Give a pruned network the signal of a dense one: one number a layer."""

from __future__ import annotations

import torch
from numpy.typing import ArrayLike
from torch import Tensor
from torch.nn.functional import linear

from graphon_lib._checks import check_instance
from graphon_lib.pruning.model import MaskedMLP
from graphon_lib.pruning.tensors import as_tensor

__all__ = ["rescale_signal", "signal_moments"]


@torch.no_grad()
def signal_moments(model: MaskedMLP, x: Tensor | ArrayLike) -> Tensor:
    r"""Return the mean square of every layer's pre-activations.

    Parameters
    ----------
    model
        The network, its masks applied.
    x
        The inputs.

    Returns
    -------
    torch.Tensor
        Float64, one number a weight layer: the mean of :math:`(z^l_i)^2` over neurons and inputs.
    """
    h = _check_inputs(model, x)
    moments = []
    for layer, (weight, mask) in enumerate(zip(model.weights, model.masks, strict=True)):
        h = linear(h.relu() if layer else h, torch.where(mask, weight, 0.0).double())
        moments.append(h.square().mean())
    return torch.stack(moments)


@torch.no_grad()
def rescale_signal(model: MaskedMLP, x: Tensor | ArrayLike) -> Tensor:
    r"""Multiply every layer's weights by a number that restores the signal of a dense network.

    Parameters
    ----------
    model
        A pruned network, its masks applied. Its weights are changed in place.
    x
        Some inputs, not all zero; no labels are needed. A hundred digits are plenty.

    Returns
    -------
    torch.Tensor
        Float64, the factor of every layer.

    Raises
    ------
    ValueError
        If no signal passes some layer; then no weight is changed.

    Notes
    -----
    In a dense network with weights :math:`\mathcal N(0, 2/n_{l-1})` and ReLUs the mean square of
    the pre-activations is, in expectation, the same at every layer,

    .. math:: q = \frac{2}{n_0} \cdot \frac1N \sum_{a=1}^N \lVert x_a \rVert^2,

    since :math:`\mathbb E (z^{l+1})^2 = 2\, \mathbb E (h^l)^2 = \mathbb E (z^l)^2`. Pruning
    multiplies it, layer after layer. Here the layers are passed from the first to the last, and
    each is multiplied by :math:`\sqrt{q / q_l}`, where :math:`q_l` is its measured mean square with
    the layers before it already rescaled. This is the rule of Mishkin and Matas (*All
    you need is a good init*, ICLR 2016, algorithm 1) without its orthogonal matrices,
    with dense variance in the place of one, and one pass: a product scales exactly.

    For a mask that is independent of the weights, :math:`\mathbb E q_l` is the layer's density
    times :math:`q` if in-degrees are even; the factor is then :math:`\text{density}_l^{-1/2}`,
    without any data. Measuring it also counts neurons that died, pixels that are blank, and weights
    that are large because small ones were pruned.

    Examples
    --------
    >>> import torch
    >>> from graphon_lib.pruning import prune
    >>> generator = torch.Generator().manual_seed(0)
    >>> model = MaskedMLP((784, 1000, 1000, 10), generator=generator)
    >>> model.masks = prune(model, "random", density=0.25, generator=generator)
    >>> rescale_signal(model, torch.randn(100, 784, generator=generator))[:2].round(decimals=1)
    tensor([2., 2.], dtype=torch.float64)
    """
    h = _check_inputs(model, x)
    dense = 2.0 * h.square().mean()
    if dense == 0.0:
        raise ValueError("x must not be all zero: no signal enters the network")
    factors = []
    for layer, (weight, mask) in enumerate(zip(model.weights, model.masks, strict=True)):
        h = linear(h.relu() if layer else h, torch.where(mask, weight, 0.0).double())
        moment = h.square().mean()
        if moment == 0.0:
            raise ValueError(
                f"model must let a signal through: layer {layer + 1} of its {len(model.weights)} "
                "weight layers gives zero for every x"
            )
        factors.append((dense / moment).sqrt())
        h *= factors[-1]
    for weight, factor in zip(model.weights, factors, strict=True):
        weight.mul_(factor)
    return torch.stack(factors)


def _check_inputs(model: MaskedMLP, x: Tensor | ArrayLike) -> Tensor:
    check_instance("model", model, MaskedMLP)
    x = as_tensor("x", x).to(device=model.weights[0].device, dtype=torch.float64)
    if x.ndim != 2 or x.shape[0] == 0 or x.shape[1] != model.widths[0]:
        raise ValueError(
            f"x must have shape (N, {model.widths[0]}) with N >= 1, got {tuple(x.shape)}"
        )
    if not torch.isfinite(x).all():
        raise ValueError("x must be finite, got NaN or infinite entries")
    return x
