r"""RigL's flow of block densities, integrated from the start, beside the masks of networks.

Registered before any of the networks was trained:

- *outcome*: of the mean square change of block densities from the first mask to the last, all masks
  between hidden layers together, the share that a flow explains, :func:`explained`: one less the
  mean square of what it leaves over that of the change. Nothing is fitted; that masks stay explains
  0. Blocks are set at the start, by the norms of signals then, on a batch of its own;
- *primary*: the flow ``"driven"``, which is given the signals at each move, at the largest width,
  from random masks and from SNIP's. It *holds* if the interval lies above :data:`HOLDS`, *fails* if
  below 0.5; intervals of the mean over networks, joint over the two starts;
- *beside it*, described: ``"frozen"``, which is given the signals at the start alone; flows without
  signals; and the mean of the flows ``"driven"`` of the other networks, :func:`explained_by_others`.

What was known: a trial run of two networks of width 128 with another seed. SNIP's masks under He's
law and both starts under PyTorch's default were left out at width 1024 for a while, for want of time,
and then run as registered, after smaller widths had been looked at.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any

import numpy as np
import torch
import xarray as xr
from numpy.typing import NDArray

from graphon_lib.experiments.data import sample_batch
from graphon_lib.experiments.digits import Data
from graphon_lib.experiments.experiment import Case, Experiment, profiles
from graphon_lib.experiments.pruned import start_network
from graphon_lib.experiments.training_run import train
from graphon_lib.graphons.blocks import rank_blocks
from graphon_lib.graphons.layer_densities import uniform_masks
from graphon_lib.pruning.model import MaskedMLP
from graphon_lib.pruning.moving import SCHEDULES, MovingMasks
from graphon_lib.pruning.rescale import rescale_signal
from graphon_lib.pruning.signals import LayerSignals, batch_signals

__all__ = [
    "FLOWS",
    "HOLDS",
    "LAWS",
    "RIGL_FLOW",
    "RIGL_FLOW_TORCH",
    "at_largest_width",
    "block_flow",
    "explained",
    "explained_by_others",
    "grown_densities",
    "rigl_flow",
]

FLOWS: Mapping[str, tuple[bool, str]] = MappingProxyType(
    {
        "blind": (False, "none"),
        "ages": (True, "none"),
        "frozen": (True, "start"),
        "driven": (True, "move"),
        "driven, blind": (False, "move"),
    }
)
"""Whether the youngest weights are removed first, or any; and whose signals growth sees."""

LAWS = ("threshold", "anywhere", "youngest", "any")
"""Of one move, given the mask before it: where weights grow, and which are removed."""

HOLDS = 0.8
"""The share of the change above which a flow is said to hold."""

FRACTION = 0.3


def grown_densities(
    left: NDArray[np.float64], places: NDArray[np.intp], count: int, ranked: NDArray | None
) -> NDArray[np.float64]:
    r"""Return the densities that growth adds to blocks: a threshold, independent of the mask in a block.

    :math:`g_{ab} = (1 - p_{ab})\, \mathbb P (\lvert \langle \delta_u, h_v \rangle \rvert > \tau)` over
    the pairs of block (a, b), with :math:`\tau` such that `count` weights grow.

    Parameters
    ----------
    left, places
        Densities :math:`p_{ab}` that a removal has left, and numbers of pairs, by block; flat.
    ranked
        Blocks of all pairs, the largest :math:`\lvert \langle \delta_u, h_v \rangle \rvert` first; None
        where weights grow anywhere.
    """
    empty = 1.0 - left
    if ranked is None:
        return empty * count / (places @ empty)
    grown = np.cumsum(empty[ranked])
    last = min(int(np.searchsorted(grown, count)), ranked.size - 1)
    found = np.bincount(ranked[:last], minlength=left.size).astype(np.float64) * empty
    # The last place is taken in part, so that the count is exact.
    found[ranked[last]] += count - found.sum()
    return found / places


def block_flow(
    first: NDArray[np.float64],
    places: NDArray[np.intp],
    counts: Sequence[int],
    ranked: Sequence[NDArray | None],
    *,
    youngest: bool,
) -> NDArray[np.float64]:
    r"""Integrate the densities of blocks over moves: shape (number of moves + 1, blocks).

    .. math::

        p_{ab} \leftarrow p_{ab} - q_{ab} + g_{ab}, \qquad
        q_{ab} = \frac{R}{R'}\, g'_{ab} \quad \text{or} \quad q_{ab} = \frac{R}{K}\, p_{ab} ,

    with R of all K weights removed and as many grown, :func:`grown_densities`; the first law of
    removal, of the youngest, takes them evenly of the :math:`R' \ge R` that the last move has grown,
    with densities :math:`g'_{ab}`; the second, of any, takes them evenly of all, as the first move does
    under either.

    Parameters
    ----------
    first, places
        Densities at the start and numbers of pairs, by block; flat.
    counts, ranked
        Of each move, how many weights are removed, not rising, and what growth is given, see
        :func:`grown_densities`.
    youngest
        Whether removal is of the youngest.
    """
    flow, young = [first], first
    for count, order in zip(counts, ranked, strict=True):
        of = young if youngest else flow[-1]
        left = flow[-1] - of * count / (places @ of)
        young = grown_densities(left, places, count, order)
        flow.append(left + young)
    return np.stack(flow)


def rigl_flow(
    *,
    seed: int,
    trial: int,
    width: int,
    hidden_layers: int,
    start: str,
    density: float,
    moves: int,
    every: int,
    blocks: int,
    batch_size: int,
    data: Data,
    **descent: Any,  # noqa: ANN401
) -> dict[str, NDArray]:
    """Train one network by RigL, and integrate :data:`FLOWS` beside it.

    Of every mask between hidden layers, after each move: ``change`` (move, hidden_mask), the mean
    square change of block densities since the start; ``error`` (flow, move, hidden_mask), that of what
    a flow leaves of it; of the move alone, given the mask before it, ``step_error`` (law, move,
    hidden_mask), the mean square by which :data:`LAWS` miss the block densities of what is grown or
    removed; ``young``, the share of the removed that the last move has grown (of the first move 1);
    ``again``, the share of the removed that grow again at once. In the end ``measured`` and
    ``predicted`` (flow), the changes of block densities (hidden_mask, row, column).

    Parameters
    ----------
    seed, trial
        These alone seed the network, its batches and that of the signals at the start.
    start
        ``"random"``, or a method of pruning.
    density
        Kept fraction of all weights.
    moves, every
        Moves, the last of which removes nothing and is left out, and updates between two.
    blocks
        A side.
    batch_size
        Of training, and of the signals at the start.
    **descent
        As of :func:`~graphon_lib.experiments.training_run.train`.
    """
    images = data.load()
    started = start_network((seed, trial), width=width, hidden_layers=hidden_layers, data=data)
    # The trial has taken the first three.
    batches, drawn, apart = np.random.SeedSequence((seed, trial)).spawn(6)[3:]
    model = started.model
    if start == "random":
        layers = [density] * (hidden_layers + 1)
        model.masks = uniform_masks(model.widths, layers, np.random.default_rng(drawn))
    else:
        ((_, model.masks),) = started.masks(start, [density])
    rescale_signal(model, started.x)
    batch = sample_batch(images, batch_size, np.random.default_rng(apart))
    followed = [
        _Followed(model.masks[layer].numpy().copy(), signal, blocks)
        for layer, signal in enumerate(_signals(model, *batch))
        if 0 < layer < hidden_layers
    ]

    def watch(step: int) -> None:
        progress = step / (moves * every)
        for layer, one in enumerate(followed, start=1):
            weight, mask = model.weights[layer].detach(), model.masks[layer].numpy().copy()
            if step % every:
                one.before(weight.cpu().numpy(), mask)
            else:
                one.after(model.weights[layer].grad.cpu().numpy(), mask, progress)

    times = [every * move for move in range(1, moves)]
    train(
        model,
        images,
        steps=times[-1],
        batch_size=batch_size,
        evaluated=[],
        rng=np.random.default_rng(batches),
        moving=lambda descent: MovingMasks(
            model,
            model.masks,
            descent,
            "rigl",
            every=every,
            until=moves * every,
            fraction=FRACTION,
        ),
        # The update before a move, and the move, which is in the place of one.
        watched=[step - back for step in times for back in (1, 0)],
        watch=watch,
        **descent,
    )
    described = [one.described() for one in followed]
    return {
        name: np.float32(np.stack([one[name] for one in described], axis=axis))
        for name, axis in AXES.items()
    }


def explained(result: xr.Dataset) -> xr.DataArray:
    """Return the shares of the change that flows explain, of all masks of a network, after each move."""
    return 1.0 - result.error.sum("hidden_mask") / result.change.sum("hidden_mask", min_count=1)


def explained_by_others(result: xr.Dataset) -> xr.DataArray:
    """Return the shares of the change in the end that other networks' flows ``"driven"`` explain.

    Of each network by the mean of what the flows of all others say, block by block: nothing of the
    network itself but its change goes in.
    """
    flows, changes = result.predicted.sel(flow="driven"), result.measured
    others = (flows.sum("trial") - flows) / (flows.notnull().sum("trial") - 1)
    over = ("hidden_mask", "row", "column")
    return 1.0 - ((changes - others) ** 2).sum(over) / (changes**2).sum(over, min_count=1)


def at_largest_width(values: xr.DataArray, start: str) -> xr.DataArray:
    """Return what there is of the networks from one start at their largest width."""
    return values.sel(start=start).dropna("width", how="all").isel(width=-1)


class _Followed:
    """A mask in motion, seen through blocks that signals at the start have set."""

    def __init__(self, mask: NDArray[np.bool_], signal: LayerSignals, blocks: int) -> None:
        self.labels = [
            rank_blocks(np.linalg.norm(vectors, axis=1), blocks)
            for vectors in (signal.left, signal.right)
        ]
        rows, columns = self.labels
        self.pairs = np.uint16(rows[:, None] * (columns.max() + 1) + columns).ravel()
        self.places = np.bincount(self.pairs)
        self.kept, self.grown = int(mask.sum()), mask
        self.flow, self.counts, self.ranked = [self.means(mask)], [], []
        self.start = self.rank(signal.left @ signal.right.T)
        self.steps: list[tuple[float, ...]] = []

    def means(self, entries: NDArray[np.bool_]) -> NDArray[np.float64]:
        """Return densities by block."""
        return np.bincount(self.pairs[entries.ravel()], minlength=self.places.size) / self.places

    def rank(self, gradient: NDArray) -> NDArray[np.uint16]:
        """Return the blocks of all pairs, the largest gradients first."""
        return self.pairs[np.argsort(-np.abs(gradient), axis=None, kind="stable")]

    def before(self, weight: NDArray, mask: NDArray[np.bool_]) -> None:
        """See the weights that a move will judge."""
        self.sizes, self.mask = np.where(mask, np.abs(weight), np.inf), mask

    def after(self, gradient: NDArray, mask: NDArray[np.bool_], progress: float) -> None:
        """See what a move has made of them."""
        count = int(SCHEDULES["rigl"].share(FRACTION, progress) * self.kept)
        removed = np.zeros_like(mask)
        removed.flat[np.argpartition(self.sizes, count - 1, axis=None)[:count]] = True
        left = self.mask & ~removed
        grown, order, old = mask & ~left, self.rank(gradient), self.means(left)
        laws = (
            (grown, grown_densities(old, self.places, count, order)),
            (grown, grown_densities(old, self.places, count, None)),
            (removed, self.means(self.grown) * count / self.grown.sum()),
            (removed, self.means(self.mask) * count / self.kept),
        )
        errors = [_mean_square(self.means(found) - law) for found, law in laws]
        shares = [(removed & others).sum() / count for others in (self.grown, grown)]
        self.steps.append((*errors, *shares))
        self.flow.append(self.means(mask))
        self.counts.append(count)
        self.ranked.append(order)
        self.grown = grown

    def described(self) -> dict[str, NDArray[np.float64]]:
        """Return what a cell does, of one mask."""
        sides = [int(labels.max()) + 1 for labels in self.labels]
        flow, steps = np.stack(self.flow), np.array(self.steps).T
        seen = {
            "none": [None] * len(self.counts),
            "start": [self.start] * len(self.counts),
            "move": self.ranked,
        }
        flows = np.stack(
            [
                block_flow(flow[0], self.places, self.counts, seen[of], youngest=youngest)
                for youngest, of in FLOWS.values()
            ]
        )
        return {
            "change": _mean_square(flow[1:] - flow[0]),
            "error": _mean_square(flows[:, 1:] - flow[1:]),
            "step_error": steps[: len(LAWS)],
            "young": steps[-2],
            "again": steps[-1],
            "measured": (flow[-1] - flow[0]).reshape(sides),
            "predicted": (flows[:, -1] - flow[0]).reshape(-1, *sides),
        }


def _mean_square(of: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.square(of).mean(axis=-1)


def _signals(model: MaskedMLP, x: NDArray, y: NDArray) -> list[LayerSignals]:
    """Return the signals of a network as its masks leave it: their products are the gradients."""
    pruned = copy.deepcopy(model)
    with torch.no_grad():
        for weight, mask in zip(pruned.weights, pruned.masks, strict=True):
            weight.masked_fill_(~mask, 0.0)
    return batch_signals(pruned, "snip", x, y)


PLACE = ("start", "width", "trial")
OF_MASKS = (*PLACE, "move", "hidden_mask")
AXES = {
    **dict.fromkeys(("change", "error", "step_error", "young", "again"), -1),
    "measured": 0,
    "predicted": 1,
}

RIGL_FLOW = Experiment(
    name="rigl-flow",
    cell=rigl_flow,
    variables={
        "change": OF_MASKS,
        "error": (*PLACE, "flow", "move", "hidden_mask"),
        "step_error": (*PLACE, "law", "move", "hidden_mask"),
        "young": OF_MASKS,
        "again": OF_MASKS,
        "measured": (*PLACE, "hidden_mask", "row", "column"),
        "predicted": (*PLACE, "flow", "hidden_mask", "row", "column"),
    },
    coords={
        "flow": list(FLOWS),
        "law": LAWS,
        "move": lambda moves, **_: range(1, moves),
        "hidden_mask": lambda hidden_layers, **_: range(2, hidden_layers + 1),
    },
    **profiles(
        grid=(
            {"start": ["random", "snip"], "width": [256, 512, 1024], "trial": 5},
            {"start": ["random", "snip"], "width": [24], "trial": 2},
        ),
        hidden_layers=(4, 2),
        density=(0.1, 0.2),
        moves=(15, 4),
        every=(40, 3),
        blocks=(8, 4),
        optimizer="adam",
        learning_rate=1e-3,
        batch_size=(128, 32),
        full=(True, False),
    ),
    case=Case(
        {"grid": {"start": ["random"], "width": [256], "trial": 1}}, ["measured", "predicted"]
    ),
)

RIGL_FLOW_TORCH = RIGL_FLOW.under("torch", batch_size=64)
