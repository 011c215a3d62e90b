"""PHEW: masks made of random walks from inputs to outputs that prefer large weights."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from graphon_lib._checks import check_density
from graphon_lib.pruning.masks import count_kept
from graphon_lib.pruning.model import MaskedMLP, random_generator
from graphon_lib.pruning.networks import Perceptron

__all__ = ["phew_masks"]

AT_ONCE = 64
"""Walks that are drawn together, half of them from either end."""

PATIENCE = 10_000
"""Walks in a row over nothing but kept weights after which no more are made."""


def phew_masks(
    model: MaskedMLP, density: float, generator: torch.Generator | None = None
) -> list[Tensor]:
    r"""Return masks that are unions of biased random walks: paths with higher edge weights [1]_.

    A walk crosses all layers; from unit j it goes on to i with probability
    :math:`|w_{ij}| / \sum_k |w_{kj}|`. Every second walk begins at an output and goes
    the other way; inputs take turns at beginning, in their order, and so do outputs. All weights walked
    over are kept, until as many are kept as the density asks for; the last walk is cut short.

    Parameters
    ----------
    model
        The network; its masks are not read.
    density
        Fraction to keep, in (0, 1].
    generator
        Source of the walks.

    Returns
    -------
    list of torch.Tensor
        Boolean masks with exactly ``round(density * total)`` True.

    Raises
    ------
    ValueError
        If `model` is no `MaskedMLP` or has weights that are not finite, the density is not allowed or
        keeps nothing, or walks hardly find so many weights, as where most of them are to be kept.

    References
    ----------
    .. [1] Patil and Dovrolis, *PHEW: Constructing Sparse Networks that Learn Fast and Generalize Well
       without Training Data*, ICML 2021; https://github.com/ShreyasMalakarjunPatil/PHEW,
       ``Prune/phew_utils.py``, where the last walk is not cut.
    """
    weights = [w.abs().double().cpu().numpy() for w in Perceptron(model).weights]
    count = count_kept(
        check_density("density", density), sum(w.size for w in weights), "the network"
    )
    seed = torch.randint(2**63 - 1, (), generator=random_generator(generator))
    rng = np.random.default_rng(int(seed))
    # From a unit in its row to the units that a walk goes on to.
    forward = [_cumulated(w.T) for w in weights]
    backward = [_cumulated(w) for w in reversed(weights)]
    masks = [np.zeros(w.shape, dtype=np.bool_) for w in weights]
    kept, idle, begun = 0, 0, 0
    while kept < count:
        turns = begun + np.arange(AT_ONCE // 2)
        down, up = (_walks(layers, turns, rng) for layers in (forward, backward))
        begun += len(turns)
        paths = np.stack([down, up[:, ::-1]], axis=1).reshape(AT_ONCE, -1)
        # All at once as long as there are too few by far, else walk by walk.
        together = AT_ONCE if kept + paths.size <= count else 1
        for walks in paths.reshape(-1, together, paths.shape[1]):
            new = _walk_over(masks, walks, count - kept)
            kept, idle = kept + new, 0 if new else idle + together
        if idle > PATIENCE:
            raise ValueError(
                f"density must be lower: of {count} weights, walks have found {kept} and hardly find more"
            )
    return [
        torch.from_numpy(mask).to(w.device) for mask, w in zip(masks, model.weights, strict=True)
    ]


def _walk_over(masks: Sequence[NDArray[np.bool_]], walks: NDArray[np.int64], most: int) -> int:
    """Keep what walks lead over, at most so many weights that were not kept; return how many."""
    new = 0
    for mask, start, end in zip(masks, walks.T[:-1], walks.T[1:], strict=True):
        if new < most:
            found = np.unique(np.stack([end, start]), axis=1)
            fresh = found[:, ~mask[tuple(found)]][:, : most - new]
            mask[tuple(fresh)] = True
            new += fresh.shape[1]
    return new


def _cumulated(steps: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return cumulated probabilities of the steps from every row, all alike where none is there."""
    total = steps.sum(axis=1, keepdims=True)
    shares = np.where(total > 0.0, steps / np.where(total > 0.0, total, 1.0), 1.0 / steps.shape[1])
    return np.cumsum(shares, axis=1)


def _walks(
    layers: Sequence[NDArray[np.float64]], turns: NDArray[np.int64], rng: np.random.Generator
) -> NDArray[np.int64]:
    """Return the units of walks through layers of cumulated probabilities, shape (walk, unit).

    First units take turns.
    """
    units = [turns % len(layers[0])]
    for cumulated in layers:
        at = cumulated[units[-1]]
        drawn = rng.random((len(at), 1)) * at[:, -1:]
        units.append((at <= drawn).sum(axis=1))
    return np.stack(units, axis=1)
