"""Offsets and channel graphons of convolutions by density, as the explorer of them shows."""

from __future__ import annotations

import numpy as np
import xarray as xr

from graphon_lib.experiments.channel_masks import CHANNEL_MASKS, PADDINGS, channel_masks
from graphon_lib.experiments.experiment import Case, Experiment, profiles

__all__ = ["CHANNEL_MAPS", "CHANNEL_MAPS_TORCH", "of_layers_alone"]


def of_layers_alone(dataset: xr.Dataset, *, seed: int) -> xr.Dataset:
    """Keep masks of layers that are pruned one by one, and of their histograms the mean over networks."""
    del seed
    alone = dataset.sel(scope="layer", drop=True)
    return alone.assign(histogram=alone.histogram.mean("trial").astype(np.float32))


PLACE = ("padding", "pruning", "density", "trial", "scope")

CHANNEL_MAPS = Experiment(
    name="channel-maps",
    cell=channel_masks,
    finish=of_layers_alone,
    variables={
        "offset_density": (*PLACE, "convolution", "row", "column"),
        "cycles": (*PLACE, "inner_convolution"),
        "histogram": (*PLACE, "inner_convolution", "row_block", "column_block"),
    },
    coords={
        name: CHANNEL_MASKS.coords[name]
        for name in ("scope", "convolution", "inner_convolution", "row", "column")
    },
    **profiles(
        grid=(
            {
                "padding": PADDINGS,
                "pruning": ["all"],
                "density": [0.02, 0.05, 0.1, 0.2, 0.5],
                "trial": 3,
            },
            {"padding": PADDINGS, "pruning": ["all"], "density": [0.1, 0.5], "trial": 2},
        ),
        architecture="convolutional",
        width=(128, 8),
        blocks=(8, 4),
        full=(True, False),
        dataset="fashion-mnist",
    ),
    case=Case(
        {"grid": {"padding": PADDINGS, "pruning": ["snip"], "density": [0.1], "trial": 1}},
        ["offset_density", "cycles"],
    ),
)

CHANNEL_MAPS_TORCH = CHANNEL_MAPS.under("torch")
