"""Graphons of pruned networks on few blocks: what readers start from when they design their own."""

from __future__ import annotations

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from graphon_lib.experiments.experiment import Case, Experiment, profiles
from graphon_lib.experiments.pruned import pruned_network
from graphon_lib.experiments.results import on_grid
from graphon_lib.graphons.network import path_density

__all__ = ["PRESET_GRAPHONS", "preset_graphons"]


def preset_graphons(
    *, seed: int, trial: int, pruning: str, density: float, **network: int | bool | str
) -> dict[str, NDArray]:
    """Prune a network of three hidden layers, and estimate its graphons with one position a neuron.

    Returns ``first`` (block, pixel), ``hidden`` (weight layer, block, block), ``read_out`` (output,
    block), and ``path_density`` of the masks.
    """
    pruned = pruned_network(pruning, density, identity=(seed, trial), hidden_layers=3, **network)
    first, *hidden, read_out = pruned.graphons("joint").layers
    return {
        "first": first.values,
        "hidden": np.array([layer.values for layer in hidden]),
        "read_out": read_out.values,
        "path_density": np.float64(path_density(pruned.masks)),
    }


def mean_graphons(dataset: xr.Dataset, *, seed: int) -> xr.Dataset:
    """Average the graphons over trials."""
    names = ["first", "hidden", "read_out"]
    means = on_grid((dataset[names] / dataset.sizes["trial"]).sum("trial"))
    return dataset.assign(means.astype(np.float32).data_vars)


LEAD = ("pruning", "density", "trial")

PRESET_GRAPHONS = Experiment(
    name="preset-graphons",
    cell=preset_graphons,
    finish=mean_graphons,
    variables={
        "first": (*LEAD, "row", "pixel"),
        "hidden": (*LEAD, "weight_layer", "row", "column"),
        "read_out": (*LEAD, "output", "column"),
        "path_density": LEAD,
    },
    coords={"weight_layer": (2, 3)},
    **profiles(
        grid=(
            {
                "trial": 3,
                "pruning": ["magnitude", "snip", "grasp", "synflow"],
                "density": [0.2, 0.05],
            },
            {"trial": 1, "pruning": ["snip", "synflow"], "density": [0.2]},
        ),
        width=(1024, 64),
        blocks=16,
        full=(True, False),
    ),
    case=Case(
        {"grid": {"trial": 1, "pruning": ["magnitude", "snip"], "density": [0.2]}},
        ["path_density"],
        ["path_density"],
    ),
)
