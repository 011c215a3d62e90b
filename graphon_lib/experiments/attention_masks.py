"""Masks of vision transformers: what is kept of queries, keys and all else, and of every head."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import torch
import xarray as xr
from numpy.typing import NDArray
from torch import Tensor

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
    "FATES",
    "KINDS",
    "LAYERS",
    "attention_logits",
    "attention_masks",
    "head_fates",
    "head_spread",
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

FATES = ("uniform", "silent")
"""Heads whose attention is uniform, and whose output is nothing: see :func:`head_fates`."""


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
    weights; ``positive`` (layer), the fraction of scores above 0; ``head_spread`` (block, kind), see
    :func:`head_spread`, ``heads`` (block, fate), see :func:`head_fates`; and ``logits`` (block), see
    :func:`attention_logits`.

    Queries and keys are multiplied by :math:`\sqrt s` each, with their biases, so that the logits of
    attention are :math:`s` times, the `sharpness`, what they would be. The network is otherwise the
    same for every method and sharpness.
    """
    identity = (seed, width, trial)
    started = start_architecture(identity, architecture=architecture, width=width, data=data)
    model = started.model
    attentions = [layer for layer in model.modules() if isinstance(layer, Attention)]
    with torch.no_grad():
        for attention in attentions:
            for layer in (attention.query, attention.key):
                for parameter in layer.parameters():
                    parameter *= sharpness**0.5
    scores = saliency(model, pruning, started.x, started.y, generator=started.generator)
    ((_, masks),) = started.masks(pruning, [density])
    arrays = [mask.numpy() for mask in masks.values()]
    kept = np.array([mask.sum() for mask in arrays], dtype=float)
    squares = [score.double().square() for score in scores.values()]
    mean = sum(float(s.sum()) for s in squares) / sum(s.numel() for s in squares)
    heads, blocks = VisionTransformer.HEADS, range(VisionTransformer.BLOCKS)
    of_block = [arrays[1 + len(KINDS) * block :][:4] for block in blocks]
    return {
        "layer_density": np.array([mask.mean() for mask in arrays]),
        "kept": kept / kept.sum(),
        "score": np.array([float(s.mean() / mean) ** 0.5 for s in squares]),
        "positive": np.array([float((s > 0).double().mean()) for s in scores.values()]),
        "head_spread": np.array([[head_spread(m, heads) for m in _rows(of)] for of in of_block]),
        "heads": np.array([head_fates(of, heads) for of in of_block]),
        "logits": np.array(attention_logits(model, attentions, started.x)),
    }


def _rows(masks: Sequence[NDArray[np.bool_]]) -> list[NDArray[np.bool_]]:
    """Return the masks of queries, keys, values and outputs with the coordinates of heads as rows."""
    query, key, value, output = masks
    return [query, key, value, output.T]


def head_spread(mask: NDArray[np.bool_], heads: int) -> float:
    r"""Return how much heads differ in what they keep, beyond chance.

    Of a mask whose rows are the coordinates of so many heads, in their order: the variance of the
    densities of heads, less :math:`p (1 - p) (N - m) / (m (N - 1))`, that of m among N random entries,
    over the squared density p. NaN of an empty mask.
    """
    shares, p = mask.reshape(heads, -1).mean(axis=1), mask.mean()
    chance = p * (1.0 - p) * (heads - 1) / (mask.size - 1)
    return float((shares.var() - chance) / p**2) if p else np.nan


def head_fates(masks: Sequence[NDArray[np.bool_]], heads: int) -> list[float]:
    """Return the share of heads of each of :data:`FATES`.

    Of the masks of query, key, value and output. A head attends to all tokens alike if there is no
    coordinate that both its queries and its keys have a weight for, and its output is nothing if
    there is none that its values and the output layer both have one for.
    """
    query, key, value, output = (m.any(axis=1).reshape(heads, -1) for m in _rows(masks))
    return [1.0 - float((a & b).any(axis=1).mean()) for a, b in ((query, key), (value, output))]


@torch.no_grad()
def attention_logits(
    model: VisionTransformer, attentions: Sequence[Attention], x: Tensor
) -> list[float]:
    r"""Return how far the attention of every block is from uniform.

    The root of the mean, over images, heads and tokens, of the variance of the logits :math:`q
    \cdot k / \sqrt d` over what is attended to; 0 where attention is uniform.
    """
    seen: list[Tensor] = []
    handles = [
        layer.register_forward_hook(lambda _, __, output: seen.append(output))
        for attention in attentions
        for layer in (attention.query, attention.key)
    ]
    model(x)
    for handle in handles:
        handle.remove()
    found = []
    for attention, queries, keys in zip(attentions, seen[::2], seen[1::2], strict=True):
        q, k = (t.unflatten(2, (attention.heads, -1)).transpose(1, 2) for t in (queries, keys))
        logits = q @ k.transpose(2, 3) / q.shape[3] ** 0.5
        found.append(float(logits.var(dim=3, correction=0).mean()) ** 0.5)
    return found


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
        "positive": (*PLACE, "layer"),
        "head_spread": (*PLACE, "block", "kind"),
        "heads": (*PLACE, "block", "fate"),
        "logits": ("architecture", "sharpness", "width", "trial", "block"),
    },
    coords={
        "layer": LAYERS,
        "block": range(1, VisionTransformer.BLOCKS + 1),
        "kind": KINDS[:4],
        "fate": FATES,
    },
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
        ["layer_density", "kept", "heads"],
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
