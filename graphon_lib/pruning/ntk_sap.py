"""NTK-SAP: masks that keep the tangent kernel's trace over random weights and inputs."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from graphon_lib._checks import check_density, check_instance, check_integer
from graphon_lib.pruning.iterative import iterative_masks
from graphon_lib.pruning.model import MaskedMLP, random_generator, relu_network

__all__ = ["ntk_sap_masks", "ntk_sap_scores"]

STEP = 0.01
"""Standard deviation of the change of a weight, that of the authors' code."""


def ntk_sap_masks(
    model: MaskedMLP,
    density: float,
    generator: torch.Generator | None = None,
    *,
    rounds: int = 100,
    inputs: int = 100,
) -> list[Tensor]:
    r"""Return masks of the least influence on the tangent kernel's spectrum [1]_.

    In every round new weights are drawn, and the mask loses the entries of the least scores: neither
    the network's weights nor data are looked at.

    Parameters
    ----------
    model
        The network: its widths, its initialisation, and its biases.
    density
        Fraction to keep, in (0, 1].
    generator
        Source of weights, inputs and changes.
    rounds
        As of :func:`~graphon_lib.pruning.iterative.prune_in_rounds`.
    inputs
        Standard normal inputs of a round.

    Returns
    -------
    list of torch.Tensor
        Boolean masks with exactly ``round(density * total)`` True.

    Raises
    ------
    ValueError
        If `model` is no `MaskedMLP`, or an argument is not allowed.

    Warns
    -----
    UserWarning
        As of :func:`~graphon_lib.pruning.iterative.prune_in_rounds`.

    References
    ----------
    .. [1] Wang, Li and Sun, *NTK-SAP: Improving Neural Network Pruning by Aligning Training
       Dynamics*, ICLR 2023; https://github.com/YiteWang/NTK-SAP, ``NTKSAP`` in ``Pruners/pruners.py``.
    """
    check_instance("model", model, MaskedMLP)
    density = check_density("density", density)
    rounds, inputs = check_integer("rounds", rounds, 1), check_integer("inputs", inputs, 1)
    generator = random_generator(generator)

    def score(masks: list[Tensor]) -> list[Tensor]:
        x = torch.randn(inputs, model.widths[0], generator=generator)
        weights = [model.initialisation.draw_weight(*m.shape, generator) for m in masks]
        changes = [torch.randn(m.shape, generator=generator) for m in masks]
        biases = [bias.detach().cpu() for bias in model.biases]
        return ntk_sap_scores(masks, weights, changes, biases, x)

    whole = [torch.ones(w.shape) for w in model.weights]
    masks = iterative_masks(score, whole, density=density, scope="global", rounds=rounds)
    return [mask.to(w.device) for mask, w in zip(masks, model.weights, strict=True)]


@torch.enable_grad()
def ntk_sap_scores(
    masks: Sequence[Tensor],
    weights: Sequence[Tensor],
    changes: Sequence[Tensor],
    biases: Sequence[Tensor],
    x: Tensor,
) -> list[Tensor]:
    r"""Return how much each entry of the masks decides what small changes of all weights change.

    With standard normal `changes` :math:`\xi` and a small :math:`\varepsilon`,

    .. math:: M \odot \Bigl| \frac{\partial}{\partial M} \sum_x \bigl\lVert f(x; M \odot w)
              - f(x; M \odot (w + \varepsilon \xi)) \bigr\rVert^2 \Bigr| ,

    a sum that is :math:`\varepsilon^2` times the trace of the tangent kernel of the masked network, on
    average and to leading order.
    """
    leaves = [mask.clone().requires_grad_() for mask in masks]
    kept, changed = (
        relu_network(x, [m * w for m, w in zip(leaves, of, strict=True)], biases)
        for of in (weights, [w + STEP * d for w, d in zip(weights, changes, strict=True)])
    )
    found = torch.autograd.grad((kept - changed).square().sum(), leaves)
    return [(m * g).abs() for m, g in zip(masks, found, strict=True)]
