"""Theorem T3: SynFlow's masks against their limit, by the number of rounds and the width."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from graphon_lib.experiments.experiment import Case, Experiment, profiles
from graphon_lib.experiments.pruned import ntk_weights, torch_generator
from graphon_lib.graphons.cut_norm import cut_norm
from graphon_lib.graphons.motifs import cycle_ratio
from graphon_lib.graphons.step_graphon import StepGraphon
from graphon_lib.pruning.initialisations import INITIALISATIONS
from graphon_lib.pruning.methods import prune
from graphon_lib.pruning.model import MaskedMLP
from graphon_lib.pruning.synflow_limit import SynFlowLimit, synflow_limit

__all__ = ["SYNFLOW_ROUNDS", "SYNFLOW_ROUNDS_TORCH", "synflow_rounds"]


def synflow_rounds(
    *,
    seed: int,
    rounds: int,
    width: int,
    trial: int,
    hidden_layers: int,
    inputs: int,
    outputs: int,
    density: float,
    counted: int,
    certified: int,
    positions: int,
    initialisation: str,
) -> dict[str, NDArray]:
    r"""Prune a network by SynFlow, and compare its masks with those of the limit.

    Returns by ``mask`` between hidden layers: ``flipped``, the share of entries in which it differs
    from :math:`1\{|w_{ij}| \ge \tau\}` with the limit's :math:`\tau` at the neurons' own positions;
    ``layer_density`` and ``limit_density``; for widths of at most `counted` ``cycle_ratio``, the
    4-cycles over those of a constant of equal density; ``limit_cycle_ratio``; for widths of at most
    `certified` ``cut_norm`` (mask, bound), of the mask less the limit's probabilities at these
    positions. The network is the same for every number of rounds.
    """
    identity = (seed, width, trial)
    generator = torch_generator(np.random.SeedSequence(identity))
    sizes = (inputs, *[width] * hidden_layers, outputs)
    model = MaskedMLP(sizes, generator, initialisation=initialisation)
    masks = [mask.numpy() for mask in prune(model, "synflow", density, rounds=rounds)[1:-1]]
    size = {"inputs": inputs, "outputs": outputs, "rounds": rounds, "positions": positions}
    limit = _limit(seed, hidden_layers, density, **size, initialisation=initialisation)
    first, *hidden, last = map(np.abs, ntk_weights(model, "float32"))
    entering, leaving = first.sum(axis=1), last.sum(axis=0)
    if model.biases:
        law = INITIALISATIONS[initialisation]
        entering += np.abs(model.biases[0].numpy(force=True)) * (inputs / law.bias_variance) ** 0.5
    entering /= inputs
    rng = np.random.default_rng(identity)
    found: dict[str, list[Any]] = {
        name: []
        for name in (
            "flipped",
            "layer_density",
            "limit_density",
            "cycle_ratio",
            "limit_cycle_ratio",
            "cut_norm",
        )
    }
    for number, (weight, mask) in enumerate(zip(hidden, masks, strict=True)):
        least = limit.least_weight(number, entering=entering, leaving=leaving)
        found["flipped"].append(float(np.mean(mask != (weight >= least))))
        found["layer_density"].append(float(mask.mean()))
        probabilities = limit.probabilities(number)
        found["limit_density"].append(float(probabilities.mean()))
        found["limit_cycle_ratio"].append(cycle_ratio(StepGraphon(probabilities)))
        found["cycle_ratio"].append(cycle_ratio(mask) if width <= counted else np.nan)
        bounds = [np.nan, np.nan]
        if width <= certified:
            # A column of thresholds, or a row, stands for all.
            least = torch.from_numpy(least.astype(np.float64))
            norm = cut_norm(mask - limit.law.tail(least).numpy(), rng=rng)
            bounds = [norm.lower, norm.upper]
        found["cut_norm"].append(bounds)
    return {name: np.array(values) for name, values in found.items()}


@cache
def _limit(seed: int, hidden_layers: int, density: float, **size: int | str) -> SynFlowLimit:
    """Solve for the limit once for all widths and trials."""
    return synflow_limit(hidden_layers, density, **size, rng=np.random.default_rng(seed))


PLACE = ("rounds", "width", "trial", "mask")
ROUNDS = [1, 2, 4, 10, 100]

SYNFLOW_ROUNDS = Experiment(
    name="synflow-rounds",
    cell=synflow_rounds,
    variables={
        **dict.fromkeys(("flipped", "layer_density", "cycle_ratio"), PLACE),
        **dict.fromkeys(("limit_density", "limit_cycle_ratio"), ("rounds", "mask")),
        "cut_norm": (*PLACE, "bound"),
    },
    coords={
        "mask": lambda hidden_layers, **_: range(2, hidden_layers + 1),
        "bound": ("lower", "upper"),
    },
    **profiles(
        grid=(
            [
                {"rounds": ROUNDS, "width": [256, 512, 1024], "trial": 3},
                {"rounds": ROUNDS[:-1], "width": [2048], "trial": 3},
                {"rounds": ROUNDS[:-1], "width": [4096], "trial": 1},
                {"rounds": ROUNDS[-1:], "width": [2048, 4096], "trial": 1},
            ],
            {"rounds": [1, 4], "width": [64, 128], "trial": 2},
        ),
        hidden_layers=5,
        inputs=16,
        outputs=10,
        density=0.2,
        counted=(2048, 128),
        certified=(512, 128),
        positions=256,
        initialisation="he",
    ),
    case=Case(
        {"grid": {"rounds": [1, 4], "width": [256], "trial": 1}},
        ["flipped", "layer_density", "limit_density"],
        ["flipped", "layer_density", "limit_density"],
    ),
)

SYNFLOW_ROUNDS_TORCH = replace(
    SYNFLOW_ROUNDS.under(
        "torch",
        grid={"rounds": [ROUNDS[0], ROUNDS[-1]], "width": [256, 512, 1024], "trial": 3},
    ),
    case=Case(
        {"grid": {"rounds": ROUNDS[:1], "width": [256], "trial": 1}},
        ["flipped", "layer_density", "cut_norm"],
        ["flipped", "layer_density", "cut_norm"],
    ),
)
