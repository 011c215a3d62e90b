"""Masks of convolutions as channels grow: densities, offsets, degrees, cycles, histograms."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import astuple, replace
from itertools import product

import numpy as np
import torch
import xarray as xr
from numpy.typing import NDArray
from torch import nn

from graphon_lib.experiments.architectures import build_network
from graphon_lib.experiments.convergence_summary import STATISTICS
from graphon_lib.experiments.data import sample_batch
from graphon_lib.experiments.digits import Data
from graphon_lib.experiments.distance_of_means import distance_of_means
from graphon_lib.experiments.experiment import Case, Experiment, profiles
from graphon_lib.experiments.grid import trials_of
from graphon_lib.experiments.pruned import BATCH_SIZE, Trial, torch_generator
from graphon_lib.graphons.motifs import distinct_cycle_ratio
from graphon_lib.graphons.partition import averaging_matrix
from graphon_lib.pruning.masks import SCOPES
from graphon_lib.pruning.methods import saliency

__all__ = [
    "CHANNEL_MASKS",
    "CHANNEL_MASKS_COLOUR",
    "CHANNEL_MASKS_TORCH",
    "PADDINGS",
    "STRUCTURES",
    "channel_masks",
    "counted_flow",
    "idle_channels",
    "sorted_quarters",
    "squared_structure",
    "start_architecture",
]

PADDINGS = ("zeros", "circular")
"""What convolutions see beyond the image: nothing, or its other side."""

STRUCTURES = ("total", "channels", "offsets", "rest")
"""What is there of squared structure, and in parts: see :func:`squared_structure`."""

CONVOLUTIONS = 5


def start_architecture(
    identity: Sequence[int], *, architecture: str, width: int, data: Data, images: int = BATCH_SIZE
) -> Trial:
    """Draw a network of :data:`~graphon_lib.experiments.architectures.ARCHITECTURES` and its batch.

    The integers of `identity` seed everything, as of
    :func:`~graphon_lib.experiments.pruned.start_trial`; masks of the trial are dicts by name.
    """
    network, pruning, batch = np.random.SeedSequence(identity).spawn(3)
    found = data.load()
    x, y = sample_batch(found, images, np.random.default_rng(batch))
    model = build_network(
        architecture,
        width,
        found.shape,
        found.classes,
        torch_generator(network),
        initialisation=data.initialisation,
    )
    return Trial(model, torch.as_tensor(x), torch.as_tensor(y), torch_generator(pruning))


def channel_masks(
    *,
    seed: int,
    architecture: str,
    padding: str,
    width: int,
    trial: int,
    pruning: str,
    density: float,
    blocks: int,
    data: Data,
) -> dict[str, NDArray]:
    """Prune a convolutional network at either scope and describe its masks.

    Returns, with the leading axis scope, ``layer_density`` (weight layer); ``offset_density``
    (convolution, row, column), over that of the layer; ``idle``
    (convolution), see :func:`idle_channels`; and of all convolutions but the first, ``cycles``, the mean over offsets of
    :func:`~graphon_lib.graphons.motifs.distinct_cycle_ratio`;
    ``structure`` (part), see :func:`squared_structure`; ``histogram`` (row_block, column_block), kept
    fractions over offsets on so many `blocks` a side.

    The padding is one of :data:`PADDINGS`. The network is the same for every method and padding.
    """
    identity = (seed, width, trial)
    started = start_architecture(identity, architecture=architecture, width=width, data=data)
    for layer in started.model.modules():
        if isinstance(layer, nn.Conv2d):
            layer.padding_mode = padding
    described = []
    for scope in SCOPES:
        ((_, masks),) = started.masks(pruning, [density], scope=scope)
        rng = np.random.default_rng(identity)
        described.append(_described([mask.numpy() for mask in masks.values()], blocks, rng))
    return {name: np.stack([one[name] for one in described]) for name in described[0]}


def _described(
    masks: Sequence[NDArray[np.bool_]], blocks: int, rng: np.random.Generator
) -> dict[str, NDArray]:
    """Describe the masks of all convolutions and of the read-out, the last."""
    convolutions = [mask.reshape(*mask.shape[:2], -1) for mask in masks[:-1]]
    quarters = [sorted_quarters(mask, blocks, rng) for mask in convolutions[1:]]
    return {
        "layer_density": np.array([mask.mean() for mask in masks]),
        "offset_density": np.float32([_relative(mask.mean(axis=(0, 1))) for mask in masks[:-1]]),
        "idle": np.float32(idle_channels(masks)),
        "cycles": np.float32([_cycles(mask) for mask in convolutions[1:]]),
        "structure": np.float32([squared_structure(quarter) for quarter in quarters]),
        "histogram": np.float32([quarter.mean(axis=(0, 3)) for quarter in quarters]),
    }


def idle_channels(masks: Sequence[NDArray[np.bool_]]) -> list[float]:
    """Return the share of outgoing channels of every layer but the last that are idle.

    That no kept weight of the layer enters, or that the next layer keeps no weight from.
    """
    entered = [mask.reshape(len(mask), -1).any(axis=1) for mask in masks]
    left = [mask.swapaxes(0, 1).reshape(mask.shape[1], -1).any(axis=1) for mask in masks]
    return [1.0 - float((a & b).mean()) for a, b in zip(entered, left[1:], strict=False)]


def sorted_quarters(
    mask: NDArray[np.bool_], blocks: int, rng: np.random.Generator
) -> NDArray[np.float64]:
    """Return four estimates of a channel graphon, shape (4, blocks, blocks, offsets).

    As of cross-fitted :func:`~graphon_lib.graphons.sas`: channels of either side are split in halves,
    and those of a quarter sorted by their degrees, over all offsets, in the other half, so that given
    the order the averaged entries are as random as they were. First and last quarter, and the two
    others, have no entry in common. The mask is (n_out, n_in, offsets).
    """
    degrees = mask.sum(axis=2)
    rows, columns = (np.array_split(rng.permutation(size), 2) for size in degrees.shape)
    found = []
    for a, b in product(range(2), repeat=2):
        of_rows = degrees[np.ix_(rows[a], columns[1 - b])].sum(axis=1)
        of_columns = degrees[np.ix_(rows[1 - a], columns[b])].sum(axis=0)
        up = rows[a][np.argsort(-of_rows, kind="stable")]
        down = columns[b][np.argsort(-of_columns, kind="stable")]
        left, right = (
            averaging_matrix(np.arange(size + 1) / size, np.arange(blocks + 1) / blocks)
            for size in (up.size, down.size)
        )
        found.append(
            np.einsum("au,uvd,bv->abd", left, mask[np.ix_(up, down)], right, optimize=True)
        )
    return np.array(found)


def squared_structure(quarters: NDArray[np.float64]) -> NDArray[np.float64]:
    r"""Return the squared structure of a channel graphon and its parts, :data:`STRUCTURES`.

    With :math:`p` the mean of the graphon, :math:`U(u, v) = \sum_\delta W / 9p` and
    :math:`\omega(\delta) = \int W / p`,

    .. math:: \Bigl\langle \Bigl(\frac Wp - 1\Bigr)^2 \Bigr\rangle, \qquad \langle (U - 1)^2 \rangle,
              \qquad \langle (\omega - 1)^2 \rangle, \qquad
              \Bigl\langle \Bigl(\frac Wp - U \omega\Bigr)^2 \Bigr\rangle ,

    the last of what is not separable. A square is the product of two estimates without a common
    entry, of :func:`sorted_quarters`, hence free of noise but for terms of higher order.
    """
    # Over its own mean each: those of halves of few channels differ, and sum up to the mask's.
    means = quarters.mean(axis=(1, 2, 3), keepdims=True)
    relative = quarters / np.maximum(means, np.finfo(float).tiny)
    channels = relative.mean(axis=3, keepdims=True)
    offsets = relative.mean(axis=(1, 2), keepdims=True)
    parts = (relative - 1.0, channels - 1.0, offsets - 1.0, relative - channels * offsets)
    return np.array([((x[0] * x[3]).mean() + (x[1] * x[2]).mean()) / 2.0 for x in parts])


def counted_flow(architecture: str, shape: Sequence[int]) -> list[NDArray[np.float64]]:
    """Return SynFlow's scores of the offsets of all convolutions by counting alone, over their mean.

    Those of a network of one channel whose weights are all 1, shape (3, 3): what borders do to the
    flow, which in a wide network is that of every channel.
    """
    model = build_network(architecture, 1, shape[:2], 1, torch.Generator())
    with torch.no_grad():
        for weight in model.parameters():
            weight.fill_(1.0)
    scores = saliency(model, "synflow", torch.ones(1, int(np.prod(shape[:2]))))
    return [_relative(s.numpy()[0, 0]) for s in scores.values() if s.ndim == 4]


def compared_widths(dataset: xr.Dataset, *, seed: int, resamples: int) -> xr.Dataset:
    """Average histograms, and compare their shapes, those divided by their means.

    Returns ``histogram``, the mean over networks; ``between_networks``, the mean squared difference
    a block of the shapes of two networks of a width; ``distance`` (other_width, statistic), of the
    mean shapes of two widths, see
    :func:`~graphon_lib.experiments.distance_of_means.distance_of_means`, squared and a block.
    """
    histogram = dataset.histogram.transpose(*LEAD, "width", "trial", "row_block", "column_block")
    entries = dataset.sizes["row_block"] * dataset.sizes["column_block"]
    lead, widths = histogram.shape[: len(LEAD)], dataset.sizes["width"]
    between = np.full((*lead, widths), np.nan, np.float32)
    distance = np.full((*lead, widths, widths, len(STATISTICS)), np.nan, np.float32)
    for place in np.ndindex(*lead):
        shapes = [_shapes(histogram.values[(*place, w)]) for w in range(widths)]
        for w, v in product(range(widths), repeat=2):
            if v <= w and min(len(shapes[w]), len(shapes[v])) > 1:
                if v == w:
                    between[(*place, w)] = 2.0 * shapes[w].var(axis=0, ddof=1).mean()
                    continue
                rng = np.random.default_rng((seed, *place, w, v))
                found = astuple(distance_of_means(shapes[w], shapes[v], rng, resamples))
                distance[(*place, w, v)] = distance[(*place, v, w)] = np.array(found) / entries
    return dataset.assign(
        histogram=histogram.mean("trial").astype(np.float32),
        between_networks=((*LEAD, "width"), between),
        distance=((*LEAD, "width", "other_width", "statistic"), distance),
    ).assign_coords(other_width=dataset.width.values, statistic=list(STATISTICS))


def _shapes(histograms: NDArray) -> NDArray[np.float64]:
    """Return the histograms (networks, ...) that are there, flat and over their means."""
    rows = histograms.reshape(len(histograms), -1).astype(np.float64)
    rows = rows[np.isfinite(rows).all(axis=1) & (rows > 0.0).any(axis=1)]
    return rows / rows.mean(axis=1, keepdims=True)


def _relative(values: NDArray) -> NDArray[np.float64]:
    """Return values over their mean, NaN if that is 0."""
    mean = values.mean()
    return values / mean if mean else np.full(values.shape, np.nan)


def _cycles(mask: NDArray[np.bool_]) -> float:
    """Return the mean ratio of cycles over the offsets that have two entries or more."""
    offsets = [mask[..., k] for k in range(mask.shape[2]) if mask[..., k].sum() > 1]
    return float(np.mean([distinct_cycle_ratio(of) for of in offsets])) if offsets else np.nan


PLACE = ("architecture", "padding", "pruning", "scope", "width", "trial")
LEAD = ("architecture", "padding", "pruning", "scope", "inner_convolution")
WIDTHS = {16: 10, 32: 10, 64: 10, 128: 10, 256: 5}
"""Networks of every width."""

OF_ALL = {"padding": ["zeros"], "pruning": ["all"]}
CIRCULAR = {"architecture": ["convolutional"], "padding": ["circular"], "pruning": ["all"]}
NORMALISED = {"architecture": ["convolutional-norm", "residual-norm"], **OF_ALL}

CHANNEL_MASKS = Experiment(
    name="channel-masks",
    cell=channel_masks,
    finish=compared_widths,
    variables={
        "layer_density": (*PLACE, "weight_layer"),
        "offset_density": (*PLACE, "convolution", "row", "column"),
        "idle": (*PLACE, "convolution"),
        "cycles": (*PLACE, "inner_convolution"),
        "structure": (*PLACE, "inner_convolution", "part"),
        "histogram": (*PLACE, "inner_convolution", "row_block", "column_block"),
    },
    coords={
        "scope": SCOPES,
        "weight_layer": range(1, CONVOLUTIONS + 2),
        "convolution": range(1, CONVOLUTIONS + 1),
        "inner_convolution": range(2, CONVOLUTIONS + 1),
        "row": (-1, 0, 1),
        "column": (-1, 0, 1),
        "part": STRUCTURES,
    },
    **profiles(
        grid=(
            [
                *trials_of({**WIDTHS, 512: 5}, architecture=["convolutional"], **OF_ALL),
                *trials_of(WIDTHS, architecture=["residual"], **OF_ALL),
                *trials_of({128: 5}, **NORMALISED),
                *trials_of({128: 10}, **CIRCULAR),
            ],
            [
                *trials_of({8: 2, 12: 2}, architecture=["convolutional", "residual"], **OF_ALL),
                *trials_of({8: 2}, **NORMALISED),
                *trials_of({8: 2}, **CIRCULAR),
            ],
        ),
        density=(0.1, 0.2),
        blocks=(8, 4),
        full=(True, False),
        dataset="fashion-mnist",
        finish=({"resamples": 500}, {"resamples": 20}),
    ),
    case=Case(
        {"grid": {"width": [16], "trial": 2, "architecture": ["convolutional"], **OF_ALL}},
        ["layer_density", "offset_density", "idle", "cycles"],
    ),
)

# As far as the chapter compares initialisations.
CHANNEL_MASKS_TORCH = CHANNEL_MASKS.under(
    "torch",
    grid=[
        *trials_of(WIDTHS, architecture=["convolutional"], **OF_ALL),
        *trials_of({128: 10}, **CIRCULAR),
    ],
)

CHANNEL_MASKS_COLOUR = replace(
    CHANNEL_MASKS.on(
        "cifar10-4k",
        full=False,
        grid=trials_of(WIDTHS, architecture=["convolutional", "residual"], **OF_ALL),
    ),
    name="channel-masks-colour",
)
"""Networks that see three colours."""
