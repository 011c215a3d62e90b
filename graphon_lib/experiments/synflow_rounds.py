"""Theorem T3: SynFlow's masks against their limit, by the number of rounds and the width."""

from __future__ import annotations

from functools import cache

import numpy as np
from numpy.typing import NDArray

from graphon_lib.experiments.experiment import Case, Experiment, profiles
from graphon_lib.experiments.pruned import ntk_weights, torch_generator
from graphon_lib.graphons.motifs import cycle_ratio
from graphon_lib.graphons.step_graphon import StepGraphon
from graphon_lib.pruning.methods import prune
from graphon_lib.pruning.model import MaskedMLP
from graphon_lib.pruning.synflow_limit import SynFlowLimit, synflow_limit

__all__ = ["SYNFLOW_ROUNDS", "synflow_rounds"]


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
    positions: int,
) -> dict[str, NDArray]:
    r"""Prune a network by SynFlow, and compare its masks with those of the limit.

    Returns by ``mask`` between hidden layers: ``flipped``, the share of entries in which it differs
    from :math:`1\{|w_{ij}| \ge \tau\}` with the limit's :math:`\tau` at the neurons' own positions;
    ``layer_density`` and ``limit_density``; for widths of at most `counted` ``cycle_ratio``, the
    4-cycles over those of a constant of equal density; ``limit_cycle_ratio``. The network is the
    same for every number of rounds.
    """
    identity = (seed, width, trial)
    generator = torch_generator(np.random.SeedSequence(identity))
    model = MaskedMLP((inputs, *[width] * hidden_layers, outputs), generator)
    masks = [mask.numpy() for mask in prune(model, "synflow", density, rounds=rounds)[1:-1]]
    size = {"inputs": inputs, "outputs": outputs, "rounds": rounds, "positions": positions}
    limit = _limit(seed, hidden_layers, density, **size)
    first, *hidden, last = map(np.abs, ntk_weights(model, "float32"))
    entering, leaving = first.sum(axis=1) / inputs, last.sum(axis=0)
    found: dict[str, list[float]] = {
        name: []
        for name in (
            "flipped",
            "layer_density",
            "limit_density",
            "cycle_ratio",
            "limit_cycle_ratio",
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
    return {name: np.array(values) for name, values in found.items()}


@cache
def _limit(seed: int, hidden_layers: int, density: float, **size: int) -> SynFlowLimit:
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
    },
    coords={"mask": lambda hidden_layers, **_: range(2, hidden_layers + 1)},
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
        positions=256,
    ),
    case=Case(
        {"grid": {"rounds": [1, 4], "width": [256], "trial": 1}},
        ["flipped", "layer_density", "limit_density"],
        ["flipped", "layer_density", "limit_density"],
    ),
)
