"""What pruning methods keep: layer densities, pixels, dead neurons, ties."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import xarray as xr
from numpy.typing import NDArray
from torch import Tensor

from graphon_lib.experiments.digits import Data
from graphon_lib.experiments.experiment import Case, Experiment, profiles
from graphon_lib.experiments.pruned import LAYERS, start_network
from graphon_lib.pruning.methods import saliency

__all__ = [
    "MASK_STATISTICS",
    "MASK_STATISTICS_TORCH",
    "dead_fractions",
    "mask_statistics",
    "pixel_images",
]

PICTURED = 96
"""Side of the corner of a mask that is kept as a picture."""


def dead_fractions(masks: Sequence[Tensor]) -> np.ndarray:
    """Return the fraction of neurons of each hidden layer that no input-output path goes through.

    A neuron is dead when it cannot be reached from any input, or reaches no output: its kept
    weights, if it has any, are without effect. A neuron whose own rows and columns are not empty
    can be dead because its neighbours are.
    """
    arrays = [mask.numpy() for mask in masks]
    reached = [np.ones(arrays[0].shape[1], dtype=bool)]
    for mask in arrays:
        reached.append(mask[:, reached[-1]].any(axis=1))
    reaching = [np.ones(arrays[-1].shape[0], dtype=bool)]
    for mask in reversed(arrays):
        reaching.append(mask[reaching[-1]].any(axis=0))
    pairs = list(zip(reached, reversed(reaching), strict=True))[1:-1]
    return np.array([1.0 - (forward & backward).mean() for forward, backward in pairs])


def pixel_images(density: NDArray, shape: Sequence[int]) -> NDArray:
    """Return densities (..., inputs) as images (..., rows, columns); of colours, their mean."""
    return density.reshape(*density.shape[:-1], *shape[:2], -1).mean(axis=-1)


def mask_statistics(
    *,
    seed: int,
    trial: int,
    pruning: str,
    densities: Sequence[float],
    width: int,
    hidden_layers: int,
    data: Data,
) -> dict[str, NDArray]:
    """Prune one network to every density and describe the masks.

    Returns ``layer_density`` (density, layer), ``pixel_density`` (density, pixel; the kept fraction
    of a pixel's weights), ``dead_fraction`` (density, hidden layer), ``zero_scores`` (the fraction
    of scores that are exactly 0). Of the first trial at the second density only: ``picture`` (row,
    column; a corner of the second layer's mask), ``in_degree`` and ``out_degree`` (neuron; the kept
    fractions of the weights into and out of each neuron of the first hidden layer).
    """
    started = start_network((seed, trial), width=width, hidden_layers=hidden_layers, data=data)
    scores = saliency(started.model, pruning, started.x, started.y, generator=started.generator)
    masks = [found for _, found in started.masks(pruning, densities)]
    arrays = {
        "layer_density": np.array([[float(m.double().mean()) for m in found] for found in masks]),
        "dead_fraction": np.array([dead_fractions(found) for found in masks]),
        "pixel_density": np.array([first.double().mean(dim=0).numpy() for first, *_ in masks]),
        "zero_scores": np.float64(
            sum(int((s == 0).sum()) for s in scores) / sum(s.numel() for s in scores)
        ),
    }
    if trial == 0:
        first, second, *_ = masks[min(1, len(densities) - 1)]
        arrays |= {
            "picture": second[:PICTURED, :PICTURED].numpy().astype(np.uint8),
            "in_degree": first.double().mean(dim=1).numpy().astype(np.float32),
            "out_degree": second.double().mean(dim=0).numpy().astype(np.float32),
        }
    return arrays


def mean_pixels(dataset: xr.Dataset, *, seed: int) -> xr.Dataset:
    """Average the densities of pixels over trials."""
    mean = (dataset.pixel_density / dataset.sizes["trial"]).sum("trial")
    return dataset.assign(pixel_density=mean)


MASK_STATISTICS = Experiment(
    name="mask-statistics",
    cell=mask_statistics,
    finish=mean_pixels,
    variables={
        "layer_density": ("pruning", "density", "trial", "weight_layer"),
        "dead_fraction": ("pruning", "density", "trial", "hidden_layer"),
        "pixel_density": ("pruning", "density", "trial", "pixel"),
        "zero_scores": ("pruning", "trial"),
        "picture": ("pruning", "row", "column"),
        "in_degree": ("pruning", "neuron"),
        "out_degree": ("pruning", "neuron"),
    },
    coords={
        "density": "densities",
        "weight_layer": LAYERS["weight_layer"],
        "hidden_layer": LAYERS["hidden_layer"],
    },
    **profiles(
        grid=({"trial": 10, "pruning": ["all"]}, {"trial": 2, "pruning": ["all"]}),
        densities=([0.3, 0.2, 0.1, 0.05], [0.3, 0.2]),
        width=(1000, 100),
        hidden_layers=3,
        full=(True, False),
    ),
    case=Case(
        {"grid": {"trial": 1, "pruning": ["all"]}, "densities": [0.2]},
        ["layer_density", "dead_fraction", "zero_scores", "in_degree"],
        ["layer_density", "dead_fraction", "zero_scores", "in_degree"],
    ),
)

MASK_STATISTICS_TORCH = MASK_STATISTICS.under("torch")
