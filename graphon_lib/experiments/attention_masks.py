"""Masks of vision transformers: what is kept of queries, keys and all else, and of every head."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import torch
import xarray as xr
from numpy.typing import NDArray

from graphon_lib.experiments.architectures import Attention, VisionTransformer
from graphon_lib.experiments.channel_masks import start_architecture
from graphon_lib.experiments.digits import Data
from graphon_lib.experiments.experiment import Case, Experiment, profiles
from graphon_lib.experiments.grid import trials_of
from graphon_lib.pruning.methods import saliency

__all__ = [
    "ATTENTION_MASKS",
    "ATTENTION_MASKS_COLOUR",
    "ATTENTION_MASKS_TORCH",
    "KINDS",
    "LAYERS",
    "attention_masks",
    "kept_share",
]

KINDS = ("query", "key", "value", "output", "hidden", "back")
"""Layers of a block, those of attention first."""

LAYERS = (
    "embedding",
    *(f"{kind} {block}" for block in range(1, VisionTransformer.BLOCKS + 1) for kind in KINDS),
    "read-out",
)
"""Layers of a transformer, in the order of its masks."""


def attention_masks(
    *,
    seed: int,
    architecture: str,
    sharpness: float,
    width: int,
    trial: int,
    pruning: str,
    density: float,
    data: Data,
) -> dict[str, NDArray]:
    r"""Prune a transformer and describe the masks of its layers.

    Returns ``layer_density`` (layer); ``kept`` (layer), the layer's part of all kept weights;
    ``score`` (layer), the root mean square of the scores of a dense network's layer over that of all
    weights.

    Queries and keys are multiplied by :math:`\sqrt s` each, with their biases, so that the logits of
    attention are :math:`s` times, the `sharpness`, what they would be. The network is otherwise the
    same for every method and sharpness.
    """
    identity = (seed, width, trial)
    started = start_architecture(identity, architecture=architecture, width=width, data=data)
    model = started.model
    with torch.no_grad():
        for attention in model.modules():
            if not isinstance(attention, Attention):
                continue
            for layer in (attention.query, attention.key):
                for parameter in layer.parameters():
                    parameter *= sharpness**0.5
    scores = saliency(model, pruning, started.x, started.y, generator=started.generator)
    ((_, masks),) = started.masks(pruning, [density])
    arrays = [mask.numpy() for mask in masks.values()]
    kept = np.array([mask.sum() for mask in arrays], dtype=float)
    squares = [score.double().square() for score in scores.values()]
    mean = sum(float(s.sum()) for s in squares) / sum(s.numel() for s in squares)
    return {
        "layer_density": np.array([mask.mean() for mask in arrays]),
        "kept": kept / kept.sum(),
        "score": np.array([float(s.mean() / mean) ** 0.5 for s in squares]),
    }


def kept_share(result: xr.Dataset, kinds: Sequence[str]) -> xr.DataArray:
    """Return the part of all kept weights that layers of some :data:`KINDS` have, in all blocks."""
    layers = [layer for layer in LAYERS if layer.split()[0] in kinds]
    return result.kept.sel(layer=layers).sum("layer", skipna=False)


PLACE = ("architecture", "sharpness", "pruning", "width", "trial")
OF_ALL = {"architecture": ["transformer", "transformer-norm"], "pruning": ["all"]}

ATTENTION_MASKS = Experiment(
    name="attention-masks",
    cell=attention_masks,
    variables={
        "layer_density": (*PLACE, "layer"),
        "kept": (*PLACE, "layer"),
        "score": (*PLACE, "layer"),
    },
    coords={"layer": LAYERS},
    **profiles(
        grid=(
            [
                *trials_of({64: 10, 128: 10, 256: 5, 512: 5}, sharpness=[1.0], **OF_ALL),
                *trials_of({128: 10}, sharpness=[0.1, 10.0], **OF_ALL),
            ],
            [
                *trials_of({16: 2, 24: 2}, sharpness=[1.0], **OF_ALL),
                *trials_of({16: 2}, sharpness=[10.0], **OF_ALL),
            ],
        ),
        density=0.1,
        full=(True, False),
        dataset="fashion-mnist",
    ),
    case=Case(
        {"grid": trials_of({64: 2}, sharpness=[1.0], **OF_ALL)},
        ["layer_density", "kept"],
    ),
)

ATTENTION_MASKS_TORCH = ATTENTION_MASKS.under("torch")
ATTENTION_MASKS_COLOUR = replace(
    ATTENTION_MASKS.on(
        "cifar10-4k",
        full=False,
        grid=trials_of({64: 10, 128: 10, 256: 5}, sharpness=[1.0], **OF_ALL),
    ),
    name="attention-masks-colour",
)
