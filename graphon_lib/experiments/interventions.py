"""Interventions: change one thing about a pruned network, and leave the rest as it is."""

from __future__ import annotations

import copy
from collections.abc import Sequence

import torch
from torch import Tensor

from graphon_lib._checks import check_choice, check_density
from graphon_lib.experiments.pruned import Trial
from graphon_lib.graphons.network import path_density
from graphon_lib.pruning.masks import shuffle_masks
from graphon_lib.pruning.model import MaskedMLP
from graphon_lib.pruning.rescale import rescale_signal

__all__ = ["INTERVENTIONS", "intervene", "scale_to_path_density"]

INTERVENTIONS = (
    "as pruned",
    "rescaled",
    "re-drawn",
    "re-drawn, rescaled",
    "shuffled",
    "input mask only",
    "scaled to random",
    "shuffled, rescaled",
)
r"""What :func:`intervene` can do to a pruned network.

``"as pruned"``: nothing; the weights that the method saw, under its masks. ``"rescaled"``: every
layer's weights times a number, so that the signal is that of a dense network, see
:func:`~graphon_lib.pruning.rescale_signal`. ``"re-drawn"``: new weights from the same law, so that
masks are independent of them. ``"shuffled"``: the entries of every mask permuted, so that layer
densities alone are left; ``"input mask only"``: those of every mask but the first. ``"scaled to
random"``: all weights times one number, :func:`scale_to_path_density`, such that the path density
times the change of variance is that of random pruning, :math:`\text{density}^D`.
"""


def intervene(
    name: str, trial: Trial, masks: Sequence[Tensor], density: float, generator: torch.Generator
) -> MaskedMLP:
    """Return the pruned network of a trial after one of :data:`INTERVENTIONS`, masks applied.

    The trial is left as it is; its batch measures signals. At `density` random pruning is compared
    with.

    Raises
    ------
    ValueError
        If `name` or `density` is not allowed, the masks do not fit the network, or a network that
        has no path from inputs to outputs is asked to be rescaled.
    """
    check_choice("name", name, INTERVENTIONS)
    check_density("density", density)
    model = copy.deepcopy(trial.model)
    if name.startswith("re-drawn"):
        model.redraw(generator)
    if name.startswith("shuffled"):
        masks = shuffle_masks(masks, generator)
    if name == "input mask only":
        masks = [masks[0], *shuffle_masks(masks[1:], generator)]
    model.masks = masks
    if name.endswith("rescaled"):
        rescale_signal(model, trial.x)
    if name == "scaled to random":
        scale_to_path_density(model, density ** len(masks))
    return model


@torch.no_grad()
def scale_to_path_density(model: MaskedMLP, target: float) -> float:
    r"""Scale all weights so that the signal is that of another path density, in (0, 1].

    Returns what every weight is multiplied by. If masks are independent of the weights, the
    variance of the outputs, and the tangent kernel, are the dense ones times the path density
    :math:`P`. With :math:`D` weight layers the factor :math:`(\text{target} / P)^{1 / 2D}` on every
    weight makes that :math:`\text{target}`, without touching any mask.

    Raises
    ------
    ValueError
        If `target` is out of its range, or no path from the inputs to the outputs is left.
    """
    check_density("target", target)
    paths = path_density(model.masks)
    if paths == 0.0:
        raise ValueError("model must have a path of kept weights from its inputs to its outputs")
    factor = (target / paths) ** (0.5 / len(model.masks))
    for weight in model.weights:
        weight.mul_(factor)
    return factor
