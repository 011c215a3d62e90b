"""Give a pruned network the signal of a dense one: one number a layer."""

from __future__ import annotations

import torch
from numpy.typing import ArrayLike
from torch import Tensor, nn
from torch.nn.functional import linear

from graphon_lib._checks import check_instance
from graphon_lib.pruning.model import MaskedMLP
from graphon_lib.pruning.module_signal import measured_moments, restore_moments
from graphon_lib.pruning.networks import ModuleNetwork, check_inputs

__all__ = ["rescale_signal", "signal_moments"]


@torch.inference_mode(False)
@torch.no_grad()
def signal_moments(model: nn.Module, x: Tensor | ArrayLike) -> Tensor | dict[str, Tensor]:
    """Return the mean square of every layer's pre-activations at inputs x, float64, one a weight layer.

    That of :math:`(z^l_i)^2` over neurons and inputs, biases included and masks applied. Of another
    module than a `MaskedMLP`, in its present mode, by the names of its weights; over places of
    convolutions, too, and of a layer that is called several times at its first call.
    """
    if not isinstance(model, MaskedMLP):
        return measured_moments(*_module_and_inputs(model, x))
    h = _inputs(model, x)
    moments = []
    for layer in range(len(model.weights)):
        h = _add_bias(_weighted_sums(model, layer, h), model, layer)
        moments.append(h.square().mean())
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
        Float64, the factor of every layer, of a module by the names of its weights.

    Raises
    ------
    ValueError
        If no signal passes some layer, or a module has no masks; then no weight is changed.

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

    Other modules are passed twice in the mode that they are in, without masks and with them. A
    layer that is called several times has the factor of its first call; one that sends nothing when
    dense, or is not called, has 1. What BatchNorm learns is forgotten. Do it once, before training:
    the weights under the masks are multiplied, too, and are another dense network then.

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
        return restore_moments(*_module_and_inputs(model, x))
    h = _inputs(model, x)
    law = model.initialisation
    dense = law.weight_variance * h.square().mean()
    if dense == 0.0:
        raise ValueError("x must not be all zero: no signal enters the network")
    factors = []
    for layer, weight in enumerate(model.weights):
        h = _weighted_sums(model, layer, h)
        moment = h.square().mean()
        if moment == 0.0:
            raise ValueError(
                f"model must let a signal through: layer {layer + 1} of its {len(model.weights)} "
                "weight layers gives zero for every x"
            )
        factors.append((dense / moment).sqrt())
        h = _add_bias(h.mul_(factors[-1]), model, layer).relu()
        dense = law.weight_variance / 2.0 * (dense + (law.bias_variance or 0.0) / weight.shape[1])
    for weight, factor in zip(model.weights, factors, strict=True):
        weight.mul_(factor)
    return torch.stack(factors)


def _inputs(model: MaskedMLP, x: Tensor | ArrayLike) -> Tensor:
    return check_inputs("x", x, model.widths[0], model.weights[0].device, torch.float64)


def _weighted_sums(model: MaskedMLP, layer: int, h: Tensor) -> Tensor:
    return linear(h, torch.where(model.masks[layer], model.weights[layer], 0.0).double())


def _add_bias(sums: Tensor, model: MaskedMLP, layer: int) -> Tensor:
    return sums.add_(model.biases[layer]) if len(model.biases) else sums


def _module_and_inputs(model: nn.Module, x: Tensor | ArrayLike) -> tuple[ModuleNetwork, Tensor]:
    network = ModuleNetwork(check_instance("model", model, nn.Module), masked=True)
    return network, network.inputs("x", x)
