"""Pruning in rounds: score, prune a little, score what is left."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator, Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from graphon_lib.pruning.masks import (
    NOTHING_RANKED,
    SAMPLE_STRIDE,
    DisconnectedWarning,
    count_kept,
    largest,
    warn_of_empty_layers,
)

__all__ = ["Layer", "iterative_masks", "prune_in_rounds"]


class Layer:
    """What is left of a layer's weights, and their scores."""

    def __init__(self, weight: Tensor) -> None:
        self.device = weight.device
        self.weight = weight.detach().clone()
        self.mask = np.ones(weight.shape, dtype=np.bool_)
        self.score = np.empty(weight.shape)

    def blocks(self) -> Iterator[slice]:
        """Yield the blocks of rows in which the layer is pruned."""
        yield slice(None)

    def scores(self) -> Iterator[tuple[slice, NDArray]]:
        """Yield the scores by block; each may overwrite the one before."""
        yield slice(None), self.score

    def sample(self) -> NDArray:
        """Return the scores of every 61st weight, as far as they survive."""
        stride = slice(None, None, SAMPLE_STRIDE)
        return self.score.reshape(-1)[stride][self.mask.reshape(-1)[stride]]

    def prune(self, rows: slice, kept: NDArray[np.bool_]) -> None:
        """Make `kept` the mask of these rows, and set the other weights to 0."""
        self.mask[rows] = kept
        self.weight[rows] *= torch.from_numpy(kept).to(self.device)


def prune_in_rounds(
    layers: Sequence[Layer],
    rescore: Callable[[], None],
    density: float,
    scope: str,
    rounds: int,
    names: Sequence[str] | None = None,
) -> list[Tensor]:
    r"""Return masks: `rescore` the layers, keep their largest scores, and so on.

    The `names` of layers, None for their numbers, are for messages.

    Raises
    ------
    ValueError
        If not even one weight would be kept, or all scores of the first round are zero.

    Warns
    -----
    UserWarning
        If all scores are zero from a later round on, or a layer keeps nothing.

    Notes
    -----
    Round :math:`k` of :math:`K` prunes to :math:`\text{density}^{k/K}` of all weights, or with the
    scope ``"layer"`` of every layer, the earlier of equal scores being kept; pruned weights never
    return. The exponential schedule is that of [1]_. Rounds before the last keep a count rounded
    up, as the authors' code does: SynFlow is so sensitive that one weight more in an early round
    changes several per cent of the final mask.

    References
    ----------
    .. [1] Tanaka, Kunin, Yamins and Ganguli, *Pruning neural networks without any data by
       iteratively conserving synaptic flow*, NeurIPS 2020.
    """
    groups = [layers] if scope == "global" else [[layer] for layer in layers]
    names = names or range(1, len(layers) + 1)
    places = ["the network"] if scope == "global" else [f"layer {name}" for name in names]
    sizes = [sum(layer.mask.size for layer in group) for group in groups]
    final = [count_kept(density, size, place) for size, place in zip(sizes, places, strict=True)]
    surviving = list(sizes)
    unranked = None
    for k in range(1, rounds + 1):
        rescore()
        untouched = surviving == sizes
        for g, group in enumerate(groups):
            pruned = int((1.0 - density ** (k / rounds)) * sizes[g])
            count = final[g] if k == rounds else sizes[g] - pruned
            if unranked is None and count < surviving[g] and _all_zero(group):
                if untouched:
                    raise ValueError(f"scores of {places[g]} {NOTHING_RANKED}")
                unranked = k
            _prune_to(group, count, surviving[g])
            surviving[g] = count
    if unranked is not None:
        warnings.warn(
            f"all scores are zero from round {unranked} of {rounds} on, when no path of kept weights "
            "is left: of what then survives the earlier is kept; a higher density keeps some",
            DisconnectedWarning,
            stacklevel=4,
        )
    masks = [torch.from_numpy(layer.mask).to(layer.device) for layer in layers]
    warn_of_empty_layers(masks, names)
    return masks


def iterative_masks(
    score: Callable[..., list[Tensor]],
    weights: Sequence[Tensor],
    *inputs: object,
    density: float,
    scope: str,
    rounds: int,
    names: Sequence[str] | None = None,
) -> list[Tensor]:
    """Return the masks of a score in several rounds, exactly ``round(density * total)`` True.

    The score is called in every round with the weights, the pruned ones set to 0, and `inputs`, such
    as the losses of batches; scores that overflow are a ``ValueError``. Else as
    :func:`prune_in_rounds`. With SNIP's score this is Iter-SNIP (de Jorge, Sanyal, Behl, Torr, Rogez
    and Dokania, *Progressive Skeletonization: Trimming more fat from a network at initialization*,
    ICLR 2021, section 4).
    """
    layers = [Layer(w) for w in weights]

    def rescore() -> None:
        scores = score([layer.weight for layer in layers], *inputs)
        if not all(torch.isfinite(s).all() for s in scores):
            raise ValueError(
                "model's weights and x must be small enough for finite scores, which overflowed"
            )
        for layer, s in zip(layers, scores, strict=True):
            layer.score = s.cpu().numpy()

    return prune_in_rounds(layers, rescore, density, scope, rounds, names)


def _all_zero(group: Sequence[Layer]) -> bool:
    """Return whether no score of the layers is other than 0; mostly a few of them tell."""
    if any(layer.sample().any() for layer in group):
        return False
    return not any(block.any() for layer in group for _, block in layer.scores())


def _prune_to(group: Sequence[Layer], count: int, surviving: int) -> None:
    """Keep the `count` largest scores of the layers together, out of those `surviving`."""
    kept = largest(
        lambda: ((block, layer.mask[rows]) for layer in group for rows, block in layer.scores()),
        np.concatenate([layer.sample() for layer in group]),
        count,
        surviving,
    )
    for layer in group:
        for rows in layer.blocks():
            layer.prune(rows, next(kept))
