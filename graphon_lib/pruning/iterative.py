"""Iterative SNIP: score, prune a little, score what is left."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from graphon_lib.pruning.masks import SAMPLE_STRIDE, Cut, count_kept
from graphon_lib.pruning.scores import snip_scores

__all__ = ["snip_masks"]


def snip_masks(
    weights: Sequence[Tensor],
    x: Tensor,
    y: Tensor,
    density: float,
    scope: str = "global",
    rounds: int = 100,
) -> list[Tensor]:
    r"""Return the masks of SNIP in several rounds.

    Parameters
    ----------
    weights
        Matrices of shape :math:`(n_l, n_{l-1})`.
    x, y
        A batch: inputs of shape :math:`(N, n_0)` and integer labels of shape :math:`(N,)`; the same
        in every round.
    density
        Fraction to keep, in (0, 1].
    scope
        ``"global"`` or ``"layer"``, as in :func:`~graphon_lib.pruning.keep_largest`; with
        ``"layer"`` every layer is pruned to the round's density in every round.
    rounds
        Number of rounds :math:`K`; round :math:`k` prunes to :math:`\text{density}^{k/K}`.

    Returns
    -------
    list of torch.Tensor
        Boolean masks of the weights' shapes, exactly ``round(density * total)`` True.

    Raises
    ------
    ValueError
        If not even one weight (of some layer, for ``scope="layer"``) would be kept, or the
        gradients overflow.

    Notes
    -----
    In each round the connection sensitivities (:func:`~graphon_lib.pruning.scores.snip_scores`) of
    the network with its pruned weights set to 0 are computed, and the largest stay, the earlier of
    equal ones; pruned weights never return. This is Iter-SNIP of [1]_ with their exponential
    schedule. One round is SNIP. Rounds before the last keep a count rounded up, as SynFlow's do.

    References
    ----------
    .. [1] de Jorge, Sanyal, Behl, Torr, Rogez and Dokania, *Progressive Skeletonization: Trimming
       more fat from a network at initialization*, ICLR 2021, section 4.
    """
    remaining = [w.detach().clone() for w in weights]
    masks = [np.ones(w.shape, dtype=np.bool_) for w in remaining]
    layers = range(len(masks))
    groups = [list(layers)] if scope == "global" else [[layer] for layer in layers]
    names = ["the network"] if scope == "global" else [f"layer {layer + 1}" for layer in layers]
    sizes = [sum(masks[layer].size for layer in group) for group in groups]
    final = [count_kept(density, size, name) for size, name in zip(sizes, names, strict=True)]
    surviving = list(sizes)
    for k in range(1, rounds + 1):
        scores = [s.cpu().numpy() for s in snip_scores(remaining, x, y)]
        if not all(np.isfinite(s).all() for s in scores):
            raise ValueError(
                f"model.weights and x must be small enough for finite gradients; in round {k} of "
                "SNIP they overflowed"
            )
        for g, group in enumerate(groups):
            pruned = int((1.0 - density ** (k / rounds)) * sizes[g])
            count = final[g] if k == rounds else sizes[g] - pruned
            _prune_to([scores[i] for i in group], [masks[i] for i in group], count, surviving[g])
            surviving[g] = count
        for weight, mask in zip(remaining, masks, strict=True):
            weight.mul_(torch.from_numpy(mask).to(weight.device))
    return [torch.from_numpy(mask).to(w.device) for mask, w in zip(masks, weights, strict=True)]


def _prune_to(
    scores: Sequence[np.ndarray], masks: Sequence[np.ndarray], count: int, surviving: int
) -> None:
    """Keep in the masks, in place, the `count` largest scores out of those `surviving`."""
    sample = np.concatenate(
        [
            s.reshape(-1)[::SAMPLE_STRIDE][m.reshape(-1)[::SAMPLE_STRIDE]]
            for s, m in zip(scores, masks, strict=True)
        ]
    )
    cut = Cut.find(lambda: scores, sample, count, surviving)
    for s, mask in zip(scores, masks, strict=True):
        mask[...] = cut.keep(s, eligible=mask)
