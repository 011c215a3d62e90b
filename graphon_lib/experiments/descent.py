"""Gradient descent of wide pruned networks against gradient flow in their kernels."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray

from graphon_lib._checks import check_choice
from graphon_lib.experiments.digits import Data, nested_batch
from graphon_lib.experiments.experiment import Case, Experiment, profiles
from graphon_lib.experiments.pruned import Trial, ntk_weights, start_network
from graphon_lib.experiments.training_run import full_batch_descent
from graphon_lib.graphons.network import GraphonNetwork
from graphon_lib.ntk.empirical import empirical_ntk
from graphon_lib.ntk.gradient_flow import gradient_flow
from graphon_lib.ntk.kernels import graphon_ntk
from graphon_lib.pruning.model import MaskedMLP

__all__ = ["CURVES", "DESCENT", "VARIANTS", "descent"]

VARIANTS = ("dense: as pruned", "random: as pruned", "random: rescaled", "synflow: as pruned")
"""Dense; pruned at random; the same with the weights of every layer over the root of the density,
which restores the signal's variance; pruned by SynFlow."""

CURVES = ("measured", "kernel at initialisation", "Graphon NTK")
"""Gradient descent, and gradient flow in the network's own kernel and in that of its graphons."""


def descent(
    *,
    seed: int,
    trial: int,
    variant: str,
    width: int,
    hidden_layers: int,
    density: float,
    digits: int,
    blocks: int,
    rate: float,
    steps: int,
    watched: Sequence[int],
    data: Data,
) -> dict[str, NDArray]:
    """Train one network by gradient descent, and predict how it trains.

    Returns ``loss`` (curve, step), the curves being those of :data:`CURVES`; ``kernel_change`` and
    ``weight_change`` (watched), norms of the differences over those at initialisation; ``cosine``
    (watched) of the angle between the kernels, which does not see a change of scale;
    ``learning_rate``; ``trace`` (kernel), of the measured kernel at initialisation, that of the
    graphons and the measured one in the end, means of the diagonals.

    Parameters
    ----------
    variant
        One of :data:`VARIANTS`.
    rate
        The learning rate times the largest eigenvalue of the kernel over the number of digits,
        below 2: small ones follow the flow.
    steps, watched
        Number of updates, and after how many of them the kernel and the weights are compared with
        those at initialisation.
    """
    check_choice("variant", variant, VARIANTS)
    images = data.load()
    x, labels = nested_batch(images, digits, seed)
    started = start_network((seed, trial), width=width, hidden_layers=hidden_layers, data=data)
    model = _network(started, variant, density)
    inputs, targets = torch.from_numpy(x), torch.eye(images.classes)[torch.from_numpy(labels)]
    first = ntk_weights(model)
    start = empirical_ntk(first, model.masks, x, precision="single")
    learning_rate = float(rate * digits / np.linalg.eigvalsh(start)[-1])
    kernels, moved = [], []

    def watch() -> None:
        weights = ntk_weights(model)
        kernels.append(empirical_ntk(weights, model.masks, x, precision="single"))
        moved.append(_distance(weights, first, model))

    with torch.no_grad():
        initial = model(inputs).double().numpy()
    graphons = GraphonNetwork.from_masks(model.masks, first, blocks=blocks)
    theory = graphon_ntk(x, GraphonNetwork(graphons.layers, graphons.second_moments))
    losses = full_batch_descent(
        model,
        inputs,
        targets,
        learning_rate=learning_rate,
        steps=steps,
        watched=watched,
        watch=watch,
    )
    times = learning_rate * np.arange(steps + 1)
    own, limit = (
        gradient_flow(kernel, targets.double().numpy(), times, initial=initial).train_loss
        for kernel in (start, theory)
    )
    norm = np.linalg.norm(start)
    arrays = {
        "loss": np.stack([losses, own, limit]),
        "kernel_change": np.array([np.linalg.norm(k - start) / norm for k in kernels]),
        "cosine": np.array([np.sum(k * start) / (norm * np.linalg.norm(k)) for k in kernels]),
        "weight_change": np.array(moved),
        "learning_rate": np.float64(learning_rate),
        "trace": np.array([np.trace(k) / digits for k in (start, theory, kernels[-1])]),
    }
    return {name: np.asarray(array, np.float32) for name, array in arrays.items()}


def _network(started: Trial, variant: str, density: float) -> MaskedMLP:
    """Return the network of a trial with its masks applied."""
    model = started.model
    if variant != "dense: as pruned":
        ((_, masks),) = started.masks(variant.partition(":")[0], [density])
        model.masks = masks
    if variant == "random: rescaled":
        with torch.no_grad():
            for weight in model.weights:
                weight /= density**0.5
    return model


def _distance(
    weights: Sequence[NDArray[np.float64]], first: Sequence[NDArray[np.float64]], model: MaskedMLP
) -> float:
    """Return how far kept weights have moved, over their norm at first."""
    masks = [mask.numpy() for mask in model.masks]
    apart = sum(
        np.sum((w - f)[mask] ** 2) for w, f, mask in zip(weights, first, masks, strict=True)
    )
    norm = sum(np.sum(f[mask] ** 2) for f, mask in zip(first, masks, strict=True))
    return float(np.sqrt(apart / norm))


PLACE = ("variant", "width", "trial")

DESCENT = Experiment(
    name="descent",
    cell=descent,
    variables={
        "loss": (*PLACE, "curve", "step"),
        **dict.fromkeys(("kernel_change", "cosine", "weight_change"), (*PLACE, "watched")),
        "learning_rate": PLACE,
        "trace": (*PLACE, "kernel"),
    },
    coords={
        "curve": CURVES,
        "step": lambda steps, **_: range(steps + 1),
        "watched": "watched",
        "kernel": ("measured, first", "Graphon NTK", "measured, last"),
    },
    **profiles(
        grid=(
            {"trial": 2, "width": [256, 1024], "variant": VARIANTS},
            {"trial": 1, "width": [48, 96], "variant": VARIANTS},
        ),
        hidden_layers=(4, 2),
        density=(0.2, 0.3),
        digits=(128, 16),
        blocks=(64, 16),
        rate=0.1,
        steps=(400, 40),
        watched=([10, 100, 400], [4, 40]),
        full=(True, False),
    ),
    case=Case(
        {"grid": {"trial": 1, "width": [256], "variant": VARIANTS}, "steps": 20, "watched": [10]},
        ["loss", "cosine"],
    ),
)
