"""Give every neuron of a pruned network the scale of a dense one: one number a neuron, from its mask."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from graphon_lib._checks import check_instance
from graphon_lib.pruning.model import MaskedMLP
from graphon_lib.pruning.module_signal import masked_network, write_weights
from graphon_lib.pruning.tensors import overwrite, widest_dtype

__all__ = ["rescale_neurons"]


@torch.inference_mode(False)
@torch.no_grad()
def rescale_neurons(model: nn.Module) -> list[Tensor] | dict[str, Tensor]:
    r"""Multiply every neuron's weights by the root of its inputs over those that its mask keeps.

    Parameters
    ----------
    model
        A pruned network: a `MaskedMLP`, or a module whose weights are masked by
        :mod:`torch.nn.utils.prune`. Its weights are changed in place.

    Returns
    -------
    list or dict of torch.Tensor
        The factors of every layer's neurons, shape (n_out,), of a module by the names of its
        weights; float64, or float32 on a device that has no other. Of neurons that read nothing, and
        in layers without a mask, they are 1.

    Raises
    ------
    ValueError
        If a module has no masks.

    Notes
    -----
    Of the :math:`n_{l-1}` weights of neuron i let :math:`k_i` be kept, and :math:`s_w / n_{l-1}` their
    variance. For a mask independent of the weights

    .. math::

        w^l_{ij} \leftarrow \sqrt{n_{l-1} / k_i}\; w^l_{ij} \qquad \text{gives} \qquad
        \mathbb E \bigl[(z^l_i)^2 \mid h\bigr] = \frac{s_w}{k_i} \sum_j M^l_{ij} h_j^2 ,

    that of a dense network whose neurons are those that i reads, where
    :func:`~graphon_lib.pruning.rescale_signal` restores the mean over neurons alone. It is the
    initialisation of Evci, Ioannou, Keskin and Dauphin (*Gradient flow in sparse neural networks and
    how lottery tickets win*, AAAI 2022), normal with variance :math:`s_w / k_i`, of the weights that
    are there rather than of others drawn anew: what a mask has chosen by their size stays. A neuron
    of a convolution is a channel, and its inputs are all of its weights. Biases stay. Do it once.

    Examples
    --------
    >>> import torch
    >>> model = MaskedMLP((4, 2), torch.Generator().manual_seed(0))
    >>> model.masks = [torch.tensor([[1, 0, 0, 0], [1, 1, 1, 1]])]
    >>> rescale_neurons(model)
    [tensor([2., 1.], dtype=torch.float64)]
    """
    if isinstance(model, MaskedMLP):
        factors = [_factors(mask) for mask in model.masks]
        for weight, factor in zip(model.weights, factors, strict=True):
            overwrite(weight, weight * factor[:, None])
        return factors
    network = masked_network(check_instance("model", model, nn.Module))
    masks = [
        network.state[network.masks[key][0]] if key in network.masks else torch.ones_like(weight)
        for key, weight in zip(network.keys, network.weights, strict=True)
    ]
    factors = [_factors(mask) for mask in masks]
    write_weights(
        network,
        [
            network.parameters[key] * factor.reshape(-1, *[1] * (mask.ndim - 1))
            for key, factor, mask in zip(network.keys, factors, masks, strict=True)
        ],
    )
    return network.with_every_name(factors)


def _factors(mask: Tensor) -> Tensor:
    reads = mask.flatten(1).to(widest_dtype(mask.device))
    kept = reads.sum(dim=1)
    return torch.where(kept > 0, reads.shape[1] / kept, 1.0).sqrt()
