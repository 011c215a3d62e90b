"""Every layer of a pruned network at once: what a reader can look up in the explorer of masks."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import xarray as xr
from numpy.typing import ArrayLike, NDArray
from torch import Tensor

from graphon_lib.experiments.digits import Data
from graphon_lib.experiments.experiment import Case, Experiment, profiles
from graphon_lib.experiments.mask_statistics import dead_fractions
from graphon_lib.experiments.pruned import LAYERS, start_network
from graphon_lib.experiments.results import on_grid
from graphon_lib.graphons.partition import grid_positions
from graphon_lib.graphons.sas import sas
from graphon_lib.pruning.masks import SCOPES

__all__ = ["DEGREE_LEVELS", "MASK_MAPS", "mask_maps", "sorted_degrees"]

DEGREE_LEVELS = tuple(np.arange(33) / 32)
"""Shares of the neurons, counted from the largest degree, at which the degrees are kept."""


def sorted_degrees(mask: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Return how many weights rows and columns keep, as fractions in falling order, (2, levels).

    Kept weights into each neuron of the layer, then out of each neuron (or pixel) before it: the
    degree at each of :data:`DEGREE_LEVELS`, linear between neighbours.
    """
    levels = 1.0 - np.array(DEGREE_LEVELS)
    return np.array([np.quantile(mask.mean(axis=axis), levels) for axis in (1, 0)])


def mask_maps(
    *,
    seed: int,
    trial: int,
    pruning: str,
    densities: Sequence[float],
    width: int,
    hidden_layers: int,
    blocks: int,
    data: Data,
) -> dict[str, NDArray]:
    """Prune one network with both scopes to every density, and look at every layer.

    Returns, after the axes (scope, density), ``histogram`` (layer, row, column), the
    degree-sorted one with so many `blocks` a side, where a side with fewer neurons repeats them;
    ``degree`` (layer, side, level), see :func:`sorted_degrees`; ``pixel_density`` (pixel), the kept
    fraction of each pixel's weights; ``layer_density`` (layer) and ``dead_fraction`` (hidden
    layer).
    """
    started = start_network((seed, trial), width=width, hidden_layers=hidden_layers, data=data)
    positions = grid_positions(blocks)
    found = [
        _map(masks, positions)
        for scope in SCOPES
        for _, masks in started.masks(pruning, densities, scope=scope)
    ]
    shape = (len(SCOPES), len(densities))
    return {
        name: np.reshape([of[name] for of in found], (*shape, *np.shape(found[0][name])))
        for name in found[0]
    }


def _map(masks: Sequence[Tensor], positions: NDArray[np.float64]) -> dict[str, ArrayLike]:
    layers = [mask.numpy() for mask in masks]
    return {
        "histogram": [
            sas(mask, len(positions))(positions[:, None], positions[None, :]) for mask in layers
        ],
        "degree": [sorted_degrees(mask) for mask in layers],
        "pixel_density": masks[0].double().mean(dim=0).numpy(),
        "layer_density": [float(mask.double().mean()) for mask in masks],
        "dead_fraction": dead_fractions(masks),
    }


def mean_maps(dataset: xr.Dataset, *, seed: int) -> xr.Dataset:
    """Average all but densities and dead fractions of layers over trials."""
    averaged = dataset[["histogram", "degree", "pixel_density"]]
    means = (averaged / dataset.sizes["trial"]).sum("trial")
    for name in ("histogram", "degree"):
        means[name] = on_grid(means[name])
    return dataset.assign(means.astype(np.float32).data_vars)


LEAD = ("pruning", "scope", "density", "trial")

MASK_MAPS = Experiment(
    name="mask-maps",
    cell=mask_maps,
    finish=mean_maps,
    variables={
        "histogram": (*LEAD, "weight_layer", "row", "column"),
        "degree": (*LEAD, "weight_layer", "side", "level"),
        "pixel_density": (*LEAD, "pixel"),
        "layer_density": (*LEAD, "weight_layer"),
        "dead_fraction": (*LEAD, "hidden_layer"),
    },
    coords={
        "scope": SCOPES,
        "density": "densities",
        "weight_layer": LAYERS["weight_layer"],
        "hidden_layer": LAYERS["hidden_layer"],
        "side": ("in", "out"),
        "level": DEGREE_LEVELS,
    },
    **profiles(
        grid=({"trial": 3, "pruning": ["all"]}, {"trial": 1, "pruning": ["all"]}),
        densities=([0.5, 0.3, 0.2, 0.1, 0.05], [0.3, 0.2]),
        width=(1000, 100),
        hidden_layers=3,
        blocks=32,
        full=(True, False),
    ),
    case=Case(
        {"grid": {"trial": 1, "pruning": ["all"]}, "densities": [0.2]},
        ["layer_density", "dead_fraction"],
        ["layer_density", "dead_fraction"],
    ),
)
