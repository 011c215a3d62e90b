"""One channel, one position: whether masks of convolutions order channels alike on both their sides.

A channel is a target of one convolution and a source of the next. Described, of the masks of
:mod:`~graphon_lib.experiments.channel_masks`, layers' densities fixed, and not tested:

- the rank correlation of channels' in-degrees and out-degrees, over all offsets, by hidden layer;
- of three ways to put channels in blocks, :data:`READINGS`, how much structure a convolution's
  histogram then shows: sorted by the degrees in that convolution; by those in its neighbours alone,
  rows by their out-degrees in the next and columns by their in-degrees in the one before; or alike in
  both degrees;
- the path density of the channel graphons of such blocks, over that of the masks.
"""

from __future__ import annotations

from collections.abc import Mapping
from itertools import product

import numpy as np
from numpy.typing import NDArray

from graphon_lib.experiments.channel_masks import start_architecture
from graphon_lib.experiments.digits import Data
from graphon_lib.experiments.experiment import Case, Experiment, profiles
from graphon_lib.experiments.grid import trials_of
from graphon_lib.graphons.blocks import block_sums, rank_blocks
from graphon_lib.graphons.channels import channel_graphons
from graphon_lib.graphons.network import GraphonNetwork
from graphon_lib.graphons.neuron_blocks import joint_blocks
from graphon_lib.graphons.step_graphon import StepGraphon

__all__ = [
    "READINGS",
    "SHARED_CHANNELS",
    "SHARED_CHANNELS_TORCH",
    "carried_structure",
    "channel_path_density",
    "shared_channels",
]

READINGS = ("own", "neighbours", "joint")
"""How channels are put in blocks: see the module."""


def shared_channels(
    *, seed: int, width: int, trial: int, pruning: str, density: float, blocks: int, data: Data
) -> dict[str, NDArray]:
    """Prune a convolutional network and compare both sides of its channels.

    Returns ``correlation`` (hidden_layer), NaN where all degrees are equal; ``structure``
    (inner_convolution, reading), see :func:`carried_structure`; and ``path_density`` (order), of
    blocks of the orders of :func:`~graphon_lib.graphons.channel_graphons`, over that of the mask.
    """
    from scipy.stats import rankdata

    identity = (seed, width, trial)
    started = start_architecture(identity, architecture="convolutional", width=width, data=data)
    ((_, found),) = started.masks(pruning, [density], scope="layer")
    masks = [mask.numpy() for mask in found.values()]
    kept = [mask.reshape(*mask.shape[:2], -1).sum(axis=2) for mask in masks]
    entering, leaving = [of.sum(axis=1) for of in kept], [of.sum(axis=0) for of in kept]
    with np.errstate(invalid="ignore"):
        correlations = [
            np.corrcoef(rankdata(ins), rankdata(outs))[0, 1]
            for ins, outs in zip(entering[:-1], leaving[1:], strict=True)
        ]
    rng = np.random.default_rng(identity)
    structures = [
        carried_structure(kept[k], leaving[k + 1], entering[k - 1], blocks, rng)
        for k in range(1, len(kept) - 1)
    ]
    paths = [
        channel_path_density(masks, blocks=number, order=order)
        for number, order in ((width, "joint"), (blocks, "joint"), (blocks, "degree"))
    ]
    return {
        "correlation": np.float32(correlations),
        "structure": np.float32([list(of.values()) for of in structures]),
        "path_density": np.float32(paths[1:]) / (paths[0] or np.nan),
    }


def carried_structure(
    kept: NDArray[np.integer],
    of_rows: NDArray[np.integer],
    of_columns: NDArray[np.integer],
    blocks: int,
    rng: np.random.Generator,
) -> Mapping[str, float]:
    r"""Return the squared structure of one convolution's histogram, by the blocks of :data:`READINGS`.

    .. math:: \Bigl\langle \Bigl( \frac{\sum_\delta W(u, v; \delta)}{9 p} - 1 \Bigr)^2 \Bigr\rangle ,

    p being the mean. As in :func:`~graphon_lib.experiments.channel_masks.squared_structure` it is the
    product of two estimates without a common entry, which sort channels by no entry that they
    average: own degrees are those in the other half of the channels. Of what chance gives it is so
    freed; with degrees from half as many entries own ones are the noisier.

    Parameters
    ----------
    kept
        The numbers of kept offsets (n_out, n_in).
    of_rows, of_columns
        Out-degrees (n_out,) of the rows in the next layer, in-degrees (n_in,) of the columns in the
        one before.
    blocks
        Of either side.
    """
    rows, columns = (np.array_split(rng.permutation(size), 2) for size in kept.shape)
    found: dict[str, list[NDArray]] = {reading: [] for reading in READINGS}
    for a, b in product(range(2), repeat=2):
        up, down = rows[a], columns[b]
        sides = (
            (kept[np.ix_(up, columns[1 - b])].sum(axis=1), of_rows[up]),
            (kept[np.ix_(rows[1 - a], down)].sum(axis=0), of_columns[down]),
        )
        quarter = kept[np.ix_(up, down)]
        for reading in READINGS:
            labels = [_labels(reading, *degrees, blocks) for degrees in sides]
            sums = block_sums(quarter, *labels)
            means = sums / np.outer(*map(np.bincount, labels))
            found[reading].append(means / max(means.mean(), np.finfo(float).tiny) - 1.0)
    return {name: ((x[0] * x[3]).mean() + (x[1] * x[2]).mean()) / 2 for name, x in found.items()}


def channel_path_density(masks: list[NDArray], **blocks: int | str) -> float:
    """Return the path density of the channel graphons of masks, means over offsets."""
    layers, read_out = channel_graphons(masks, **blocks)
    flat = [StepGraphon(of.values.mean((2, 3)), of.row_mass, of.col_mass) for of in layers]
    return GraphonNetwork([*flat, read_out]).path_density()


def _labels(reading: str, own: NDArray, neighbour: NDArray, blocks: int) -> NDArray[np.intp]:
    if reading == "joint":
        return joint_blocks(own, neighbour, blocks)
    return rank_blocks(own if reading == "own" else neighbour, blocks)


PLACE = ("pruning", "width", "trial")

SHARED_CHANNELS = Experiment(
    name="shared-channels",
    cell=shared_channels,
    variables={
        "correlation": (*PLACE, "hidden_layer"),
        "structure": (*PLACE, "inner_convolution", "reading"),
        "path_density": (*PLACE, "order"),
    },
    coords={
        "hidden_layer": range(1, 6),
        "inner_convolution": range(2, 6),
        "reading": READINGS,
        "order": ("joint", "degree"),
    },
    **profiles(
        grid=(
            trials_of({64: 10, 128: 10, 256: 5}, pruning=["all"]),
            trials_of({16: 2}, pruning=["all"]),
        ),
        density=(0.1, 0.2),
        blocks=(16, 4),
        full=(True, False),
        dataset="fashion-mnist",
    ),
    case=Case(
        {"grid": {"width": [128], "trial": 1, "pruning": ["random", "snip"]}},
        ["correlation", "structure", "path_density"],
        ["correlation", "structure", "path_density"],
    ),
)

SHARED_CHANNELS_TORCH = SHARED_CHANNELS.under("torch", grid=trials_of({128: 10}, pruning=["all"]))
"""At the width of which the chapter speaks."""
