r"""From scores to masks of a given target: of every block keep the largest, as many as it asks for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from torch import Tensor

from graphon_lib._checks import check_array, check_sequence

__all__ = ["keep_target"]


def keep_target(
    scores: Sequence[Tensor] | Mapping[str, Tensor], target: Sequence[ArrayLike]
) -> list[Tensor] | dict[str, Tensor]:
    r"""Return the masks of a target graphon that keep the largest scores in each of its blocks.

    Where :meth:`~graphon_lib.graphons.GraphonNetwork.sample_masks` draws which weights of a block
    are kept, here their scores decide: ``keep_target(saliency(model, "magnitude"), target)``.

    Parameters
    ----------
    scores
        One matrix a layer, with names or without, as
        :func:`~graphon_lib.pruning.saliency` returns them.
    target : sequence of array_like
        The probabilities of weights to be kept, of the same shapes, as
        :func:`~graphon_lib.graphons.expected_masks` returns them.

    Returns
    -------
    list or dict of torch.Tensor
        Boolean, of each layer as many True as the target's sum, rounded. Weights with alike rows and
        alike columns of the target are a block; blocks keep what is expected of them within 1.

    Raises
    ------
    ValueError
        If an argument is not as described, or the shapes do not fit.

    Notes
    -----
    Of equal scores the earlier is kept. A unit whose scores are low may so lose all its weights.

    Examples
    --------
    >>> import torch
    >>> keep_target([torch.tensor([[0.1, 0.9, 0.5], [0.3, 0.2, 0.4]])], [[[1, 0.5, 0.5], [0, 0, 0]]])
    [tensor([[ True,  True, False],
            [False, False, False]])]
    """
    names = list(scores) if isinstance(scores, Mapping) else None
    scores = check_sequence(
        "scores", scores if names is None else scores.values(), "matrices, one a layer"
    )
    target = check_sequence("target", target, "matrices, one a layer")
    if len(target) != len(scores):
        raise ValueError(f"target must be {len(scores)} matrices, one a layer, got {len(target)}")
    masks = []
    for number, (score, wanted) in enumerate(zip(scores, target, strict=True)):
        probabilities = check_array(f"target[{number}]", wanted, 2, minimum=0.0, maximum=1.0)
        values = check_array(f"scores[{number}]", score, 2)
        if values.shape != probabilities.shape:
            raise ValueError(
                f"target[{number}] must have shape {values.shape}, got {probabilities.shape}"
            )
        masks.append(torch.from_numpy(_largest_of_blocks(values, probabilities)).to(score.device))
    return masks if names is None else dict(zip(names, masks, strict=True))


def _largest_of_blocks(
    scores: NDArray[np.float64], probabilities: NDArray[np.float64]
) -> NDArray[np.bool_]:
    rows, cols = (
        np.unique(probabilities, axis=axis, return_inverse=True)[1].reshape(-1) for axis in (0, 1)
    )
    block = (rows[:, None] * (cols.max() + 1) + cols).reshape(-1)
    sizes, expected = (
        np.bincount(block, weights=of) for of in (np.ones(block.size), probabilities.reshape(-1))
    )
    counts = np.floor(expected + 1e-9).astype(np.int64)
    missing = round(expected.sum()) - int(counts.sum())
    # The largest remainders are rounded up, the earlier of equal ones.
    counts[np.argsort(counts - expected, kind="stable")[:missing]] += 1
    order = np.lexsort((-scores.reshape(-1), block))
    starts = np.concatenate([[0], np.cumsum(sizes)[:-1]]).astype(np.int64)
    rank = np.empty(block.size, dtype=np.int64)
    rank[order] = np.arange(block.size) - starts[block[order]]
    return (rank < counts[block]).reshape(scores.shape)
