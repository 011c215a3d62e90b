"""How the drift of kept weights scales with the width, and what takes it away."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from graphon_lib.experiments.digits import Data, nested_batch
from graphon_lib.experiments.experiment import Case, Experiment, profiles
from graphon_lib.experiments.grid import trials_of
from graphon_lib.experiments.pruned import LAYERS, pruned_network
from graphon_lib.experiments.roads import road_kernel
from graphon_lib.ntk.spectra import spectral_metrics

__all__ = ["DRIFT_SCALING", "REMEDIES", "drift_scaling"]

REMEDIES = (
    "kept",
    "centred by layer",
    "centred by input",
    "centred by neuron",
    "signs randomised",
    "re-drawn",
)
"""The roads of :data:`~graphon_lib.experiments.roads.ROADS` that change the weights and no mask."""


def drift_scaling(
    *,
    seed: int,
    width: int,
    trial: int,
    pruning: str,
    density: float,
    hidden_layers: int,
    remedied: Sequence[str],
    largest_remedied: int,
    digits: int,
    data: Data,
) -> dict[str, NDArray]:
    r"""Measure the drifts of a pruned network, and its kernel after each remedy.

    Returns by weight layer ``drift``, :math:`\sqrt n E[w M]` over all entries; by road of
    :data:`REMEDIES`, of some methods up to some width, ``trace``, the mean of the kernel's diagonal,
    and ``energy``, the share of its five largest eigenvalues.
    """
    identity = (seed, width, trial)
    network = pruned_network(
        pruning, density, identity=identity, width=width, hidden_layers=hidden_layers, data=data
    )
    kept = [weight * mask for weight, mask in zip(network.weights, network.masks, strict=True)]
    arrays = {"drift": np.array([np.sqrt(layer.shape[1]) * layer.mean() for layer in kept])}
    if pruning not in remedied or width > largest_remedied:
        return arrays
    x = nested_batch(data.load(), digits, seed).x.astype(np.float64)
    kernels = [road_kernel(road, network, x, np.random.default_rng(identity)) for road in REMEDIES]
    return arrays | {
        "trace": np.array([np.trace(kernel) / digits for kernel in kernels]),
        "energy": np.array([spectral_metrics(kernel).energy for kernel in kernels]),
    }


WITHOUT_SYNFLOW = ["random", "magnitude", "snip", "grasp"]
PLACE = ("pruning", "width", "trial")

DRIFT_SCALING = Experiment(
    name="drift-scaling",
    cell=drift_scaling,
    variables={
        "drift": (*PLACE, "weight_layer"),
        **dict.fromkeys(("trace", "energy"), (*PLACE, "road")),
    },
    coords={"weight_layer": LAYERS["weight_layer"], "road": REMEDIES},
    **profiles(
        grid=(
            [
                *trials_of({256: 5, 512: 5, 1024: 4}, pruning=["all"]),
                # Rounds of SynFlow take too long.
                *trials_of({2048: 3, 4096: 1}, pruning=WITHOUT_SYNFLOW),
            ],
            [
                {"width": [48], "trial": 2, "pruning": ["all"]},
                {"width": [96], "trial": 2, "pruning": WITHOUT_SYNFLOW},
            ],
        ),
        remedied=["snip", "grasp"],
        largest_remedied=(1024, 96),
        hidden_layers=(4, 2),
        density=(0.2, 0.3),
        digits=(16, 6),
        full=(True, False),
    ),
    case=Case(
        {"grid": {"width": [256], "trial": 1, "pruning": ["all"]}},
        ["drift"],
        ["drift"],
    ),
)
