"""Give a pruned network the signal of a dense one: one number a layer."""

from __future__ import annotations

import torch
from numpy.typing import ArrayLike
from torch import Tensor, nn
from torch.nn.functional import linear

from graphon_lib._checks import check_instance
from graphon_lib.pruning.model import MaskedMLP
from graphon_lib.pruning.module_signal import masked_network, measured_moments, restore_moments
from graphon_lib.pruning.networks import ModuleNetwork, check_inputs
from graphon_lib.pruning.tensors import overwrite, widest_dtype

__all__ = ["rescale_signal", "signal_moments"]

BLANK = "x must not be all zero: no signal enters the network"


@torch.inference_mode(False)
@torch.no_grad()
def signal_moments(model: nn.Module, x: Tensor | ArrayLike) -> Tensor | dict[str, Tensor]:
    """Return the mean square of every layer's pre-activations at inputs x, one a weight layer.

    That of :math:`(z^l_i)^2` over neurons and inputs, biases included and masks applied. Of another
    module than a `MaskedMLP`, in its present mode, by the names of its weights; over places of
    convolutions, too, of a layer that is called several times at its first call, and NaN of one that
    is not called. They are float64, or float32 on a device that has no other.
    """
    if not isinstance(model, MaskedMLP):
        network = ModuleNetwork(check_instance("model", model, nn.Module), masked=True)
        return measured_moments(network, network.inputs("x", x))
    h = _inputs(model, x)
    moments = []
    for layer in range(len(model.weights)):
        h = _add_bias(_weighted_sums(model, layer, h), model, layer)
        moments.append(_mean_square(h))
        h = h.relu()
    return torch.stack(moments)


@torch.inference_mode(False)
@torch.no_grad()
def rescale_signal(model: nn.Module, x: Tensor | ArrayLike) -> Tensor | dict[str, Tensor]:
    r"""Multiply every layer's weights by a number that restores the signal of a dense network.

    Parameters
    ----------
    model
        A pruned network: a `MaskedMLP`, which gets the signal expected of dense networks with its
        own initialisation, or a module whose weights are masked by :mod:`torch.nn.utils.prune`,
        which gets its own without the masks. Its weights are changed in place.
    x
        Some inputs, not all zero: a hundred digits are plenty.

    Returns
    -------
    torch.Tensor or dict
        The factor of every layer, of a module by the names of its weights; float64, or float32 on
        a device that has no other.

    Raises
    ------
    ValueError
        If no signal passes some layer, unless other layers lead around it, no factor restores one,
        x is blank or overflows, or a module has no masks; then no weight is changed.

    Warns
    -----
    UserWarning
        Of a module's layers that send nothing beside others that do, as where nothing of them is
        kept, and of masked ones that are not called, such as the last of
        :class:`~torch.nn.MultiheadAttention`, which reads its weights: their factor is 1.

    Notes
    -----
    With weights and biases of variances :math:`s_w / n_{l-1}` and :math:`s_b / n_{l-1}` and of
    symmetric laws, half of a pre-activation's mean square passes a ReLU, and in a dense network
    pre-activations :math:`z^l = u^l + b^l`, weighted sums and biases, have the expected mean squares

    .. math::

        \mathbb E (u^1)^2 = \frac{s_w}{n_0} \cdot \frac1N \sum_{a=1}^N \lVert x_a \rVert^2,
        \qquad \mathbb E (u^{l+1})^2 = \frac{s_w}{2}\, \mathbb E (z^l)^2, \qquad
        \mathbb E (z^l)^2 = \mathbb E (u^l)^2 + \frac{s_b}{n_{l-1}} .

    From the first layer to the last, weights are multiplied by the root of :math:`\mathbb E
    (u^l)^2` over the measured mean square of :math:`u^l`, the layers before being rescaled: the rule
    of Mishkin and Matas (*All you need is a good init*, ICLR 2016, algorithm 1) without its
    orthogonal matrices, with dense variance in the place of one, and one pass. Biases stay, and the
    signal restored is that of the weights: biases drawn may alone exceed the expected whole. For a
    mask independent of the weights, with even in-degrees, the factor is
    :math:`\text{density}_l^{-1/2}`.

    Other modules are passed in the mode that they are in, without masks, with them, and again to see
    that signals are within a quarter of what they were. A layer that is called several times has
    the factor of its first call; one whose weights are all zero when dense has 1. What BatchNorm
    learns is forgotten. Do it once, before training: the weights under the masks are multiplied, too,
    and are another dense network then.

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
    if not isinstance(model, MaskedMLP):
        network = masked_network(check_instance("model", model, nn.Module))
        x = network.inputs("x", x)
        if x.is_floating_point() and not x.any():
            raise ValueError(BLANK)
        return restore_moments(network, x)
    h = _inputs(model, x)
    law = model.initialisation
    dense = law.weight_variance * _mean_square(h)
    if dense == 0.0:
        raise ValueError(BLANK)
    factors = []
    for layer, weight in enumerate(model.weights):
        h = _weighted_sums(model, layer, h)
        moment = _mean_square(h)
        if moment == 0.0:
            raise ValueError(
                f"model must let a signal through: layer {layer + 1} of its {len(model.weights)} "
                "weight layers gives zero for every x"
            )
        factors.append((dense / moment).sqrt())
        h = _add_bias(h.mul_(factors[-1]), model, layer).relu()
        dense = law.weight_variance / 2.0 * (dense + (law.bias_variance or 0.0) / weight.shape[1])
    for weight, factor in zip(model.weights, factors, strict=True):
        overwrite(weight, weight * factor)
    return torch.stack(factors)


def _inputs(model: MaskedMLP, x: Tensor | ArrayLike) -> Tensor:
    device = model.weights[0].device
    return check_inputs("x", x, model.widths[0], device, widest_dtype(device))


def _weighted_sums(model: MaskedMLP, layer: int, h: Tensor) -> Tensor:
    return linear(h, torch.where(model.masks[layer], model.weights[layer], 0.0).to(h.dtype))


def _mean_square(h: Tensor) -> Tensor:
    moment = h.square().mean()
    if not torch.isfinite(moment):
        raise ValueError(f"x must be small enough for finite signals, which are {float(moment)}")
    return moment


def _add_bias(sums: Tensor, model: MaskedMLP, layer: int) -> Tensor:
    return sums.add_(model.biases[layer]) if len(model.biases) else sums
