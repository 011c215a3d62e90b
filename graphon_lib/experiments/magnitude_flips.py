"""How far training moves the masks of the largest weights: against width, by three rates of learning."""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from graphon_lib._checks import check_choice
from graphon_lib.experiments.digits import Data
from graphon_lib.experiments.experiment import Case, Experiment, profiles
from graphon_lib.experiments.pruned import start_network
from graphon_lib.experiments.training_run import train
from graphon_lib.graphons.motifs import distinct_cycle_ratio
from graphon_lib.pruning.flips import most_flips
from graphon_lib.pruning.masks import count_kept

__all__ = ["MAGNITUDE_FLIPS", "RATES", "magnitude_flips"]

RATES: Mapping[str, tuple[str, float, int]] = MappingProxyType(
    {
        "descent": ("sgd", 0.05, 1),
        "adam, scaled": ("adam", 1e-3, 1),
        "adam": ("adam", 1e-3, 0),
    }
)
"""Optimiser, learning rate at width 256, and the power of width that divides it; the second is Adam
with rates over the width, as maximal-update parametrisation has them in hidden layers."""


def magnitude_flips(
    *,
    seed: int,
    trial: int,
    width: int,
    hidden_layers: int,
    rate: str,
    densities: Sequence[float],
    steps: int,
    data: Data,
    **descent: Any,  # noqa: ANN401
) -> dict[str, NDArray]:
    """Train a dense network, and compare the masks of its largest weights before and after.

    Of the weights between hidden layers, for each density, each layer cut by itself: ``flips``
    (density, hidden_mask), the share of entries in which the two masks differ; ``shuffled``, the same
    if what training added stood elsewhere, its entries permuted; ``bound``, the most that a change of
    that norm can flip, :func:`~graphon_lib.pruning.flips.most_flips`; and ``cycles``, the 4-cycles of
    the mask afterwards over those of a random one. ``change`` (hidden_mask): the norm of what was added
    over that of the weights. ``test_accuracy``.

    Parameters
    ----------
    seed, trial
        These alone seed the network and its training batches.
    rate
        One of :data:`RATES`.
    densities
        Kept fractions of every layer.
    steps, **descent
        As of :func:`~graphon_lib.experiments.training_run.train`.
    """
    optimizer, first, power = RATES[check_choice("rate", rate, RATES)]
    images = data.load()
    model = start_network((seed, trial), width=width, hidden_layers=hidden_layers, data=data).model
    batches, drawn = np.random.SeedSequence((seed, trial)).spawn(5)[3:]
    rng = np.random.default_rng(drawn)
    before = copy.deepcopy(model)
    run = train(
        model,
        images,
        optimizer=optimizer,
        learning_rate=first * (256 / width) ** power,
        steps=steps,
        evaluated=[steps],
        rng=np.random.default_rng(batches),
        **descent,
    )
    shape = (len(densities), hidden_layers - 1)
    flips, shuffled, bound, cycles = (np.empty(shape, np.float32) for _ in range(4))
    change = np.empty(hidden_layers - 1, np.float32)
    for place, layer in enumerate(range(1, hidden_layers)):
        old, new = (net.weights[layer].detach().double().numpy() for net in (before, model))
        added = new - old
        change[place] = np.linalg.norm(added) / np.linalg.norm(old)
        moved = old + rng.permutation(added.ravel()).reshape(added.shape)
        for k, density in enumerate(densities):
            kept = count_kept(density, old.size, "a layer")
            masks = [_largest(weights, kept) for weights in (old, new, moved)]
            flips[k, place], shuffled[k, place] = ((masks[0] ^ other).mean() for other in masks[1:])
            bound[k, place] = most_flips(old, kept, float(np.linalg.norm(added))) / old.size
            cycles[k, place] = distinct_cycle_ratio(masks[1])
    return {
        "flips": flips,
        "shuffled": shuffled,
        "bound": bound,
        "cycles": cycles,
        "change": change,
        "test_accuracy": run.test_accuracy[0],
    }


def _largest(weights: NDArray[np.float64], kept: int) -> NDArray[np.bool_]:
    sizes = np.abs(weights).ravel()
    mask = np.zeros(sizes.size, dtype=np.bool_)
    mask[np.argpartition(-sizes, kept - 1)[:kept]] = True
    return mask.reshape(weights.shape)


PLACE = ("rate", "width", "trial")
OF_MASKS = (*PLACE, "density", "hidden_mask")

MAGNITUDE_FLIPS = Experiment(
    name="magnitude-flips",
    cell=magnitude_flips,
    variables={
        "flips": OF_MASKS,
        "shuffled": OF_MASKS,
        "bound": OF_MASKS,
        "cycles": OF_MASKS,
        "change": (*PLACE, "hidden_mask"),
        "test_accuracy": PLACE,
    },
    coords={
        "density": "densities",
        "hidden_mask": lambda hidden_layers, **_: range(2, hidden_layers + 1),
    },
    **profiles(
        grid=(
            [
                {"rate": list(RATES), "width": [256, 512, 1024, 2048], "trial": 5},
                {"rate": list(RATES), "width": [4096], "trial": 3},
            ],
            {"rate": list(RATES), "width": [24, 48], "trial": 2},
        ),
        hidden_layers=(4, 2),
        densities=([0.1, 0.5], [0.2]),
        steps=(500, 20),
        batch_size=(128, 32),
        full=(True, False),
    ),
    case=Case(
        {
            "grid": {"rate": ["descent"], "width": [256], "trial": 1},
            "densities": [0.1],
            "steps": 500,
        },
        ["flips", "change"],
    ),
)
