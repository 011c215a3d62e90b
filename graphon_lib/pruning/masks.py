"""From scores to masks: keep exactly the largest ones; and masks of which only the densities are kept."""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import reduce

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from graphon_lib._checks import check_choice, check_density, check_mask, check_sequence
from graphon_lib.pruning.model import random_generator
from graphon_lib.pruning.tensors import as_tensor

__all__ = [
    "NOTHING_RANKED",
    "SCOPES",
    "DisconnectedWarning",
    "count_kept",
    "keep_largest",
    "largest",
    "shuffle_masks",
    "warn_of_empty_layers",
]

SCOPES = ("global", "layer")
"""All layers ranked together, or each alone."""

NOTHING_RANKED = (
    "must not all be zero where some weights are to be pruned, got nothing that ranks them; scores "
    "vanish on a blank batch, with a single class, where every softmax is saturated at its label, where "
    "the last layer starts at zero, and without a path of weights from the inputs to the outputs"
)
"""What is wrong with scores that are zero."""


class DisconnectedWarning(UserWarning):
    """Masks leave a layer without weights, or no path of weights from the inputs to the outputs."""


# Every 61st value is sampled to bracket a threshold. A prime shares no factor with usual widths, so
# the sample walks through all rows and columns.
SAMPLE_STRIDE = 61


def keep_largest(
    scores: Sequence[Tensor] | Mapping[str, Tensor], density: float, scope: str = "global"
) -> list[Tensor] | dict[str, Tensor]:
    """Return the masks that keep the largest scores, exactly as many as the density asks for.

    Parameters
    ----------
    scores
        One floating-point tensor a layer, non-empty and finite, of any shape; with names, which
        masks then have, or without.
    density
    scope
        ``"global"`` ranks the scores of all layers together and keeps ``round(density * total)``;
        ``"layer"`` ranks each layer alone and keeps ``round(density * size)`` of it. A count of 0
        is refused.

    Raises
    ------
    ValueError
        If an argument is not allowed, or all scores are zero, of a layer for ``"layer"``, and not
        all are kept: any mask would be as good.

    Warns
    -----
    UserWarning
        If a layer keeps nothing, so that nothing passes it.

    Notes
    -----
    Of equal scores the earlier is kept: lower layer first, then lower row-major index. ``round`` is
    Python's, a half to the even neighbour.

    Examples
    --------
    >>> import torch
    >>> keep_largest([torch.tensor([[0.1, 0.4], [0.4, 0.4]])], density=0.5)
    [tensor([[False,  True],
            [ True, False]])]
    """
    names = list(scores) if isinstance(scores, Mapping) else None
    scores = _check_scores(scores if names is None else scores.values(), names)
    density = check_density("density", density)
    if check_choice("scope", scope, SCOPES) == "global":
        count = count_kept(density, sum(s.numel() for s in scores), "the network")
        masks = _keep("scores", scores, count)
        warn_of_empty_layers(masks, names)
    else:
        counts = [
            count_kept(density, s.numel(), f"layer {name}")
            for name, s in zip(names or range(1, len(scores) + 1), scores, strict=True)
        ]
        masks = [
            _keep(_item(i, names), [s], count)[0]
            for i, (s, count) in enumerate(zip(scores, counts, strict=True))
        ]
    return masks if names is None else dict(zip(names, masks, strict=True))


def shuffle_masks(
    masks: Sequence[object], generator: torch.Generator | None = None
) -> list[Tensor]:
    """Return masks with the entries of every layer in random order, each layer apart.

    The ablation of Frankle et al. (*Pruning Neural Networks at Initialization: Why Are We Missing
    the Mark?*, ICLR 2021, section 5): where a shuffled network does as well as the pruned one, all
    that mattered was how many weights each layer kept. In the limit every graphon of a shuffled
    network is constant.

    Examples
    --------
    >>> import torch
    >>> mask = torch.tensor([[True, True, False], [False, False, False]])
    >>> shuffle_masks([mask], torch.Generator().manual_seed(0))[0].sum()
    tensor(2)
    """
    masks = check_sequence("masks", masks, "matrices, one a layer")
    arrays = [check_mask(f"masks[{i}]", mask) for i, mask in enumerate(masks)]
    if not arrays:
        raise ValueError("masks must hold at least one matrix, got none")
    generator = random_generator(generator)
    shuffled = []
    for array in arrays:
        order = torch.randperm(array.size, generator=generator)
        entries = as_tensor("masks", array.reshape(-1))
        shuffled.append(entries[order].reshape(array.shape))
    return shuffled


def warn_of_empty_layers(masks: Sequence[Tensor], names: Sequence[str] | None = None) -> None:
    """Warn of layers of which nothing is kept, by their names or numbers."""
    names = names or range(1, len(masks) + 1)
    empty = [str(name) for name, mask in zip(names, masks, strict=True) if not mask.any()]
    if empty:
        layers = f"layer{'s' * (len(empty) > 1)} {', '.join(empty)} of {len(masks)}"
        warnings.warn(
            f"{layers} kept no weight, and nothing passes through the network unless there is a "
            "way around; a higher density, scope='layer' or another method keeps some",
            DisconnectedWarning,
            stacklevel=4,
        )


def count_kept(density: float, size: int, where: str) -> int:
    """Return ``round(density * size)``, the number to keep of the weights of `where`, or refuse 0."""
    count = round(density * size)
    if count == 0:
        raise ValueError(
            f"density must keep at least one of the {size} weights of {where}, got {density!r}"
        )
    return count


def largest(
    pieces: Callable[[], Iterable[tuple[NDArray, NDArray[np.bool_] | None]]],
    sample: NDArray,
    count: int,
    total: int,
) -> Iterator[NDArray[np.bool_]]:
    """Yield, piece by piece, which entries are among the `count` largest, earlier ones on ties.

    `pieces` is called for an iterator over scores, which may reuse a piece's memory, and over which of
    them may be kept, None for all: `total` of them in the end, and `sample` is the scores of some.

    Two quantiles of the sample bracket the threshold, so that only the scores between them are
    sorted (Floyd and Rivest, CACM 18, 1975). Should the bracket miss, which 8 standard deviations
    make rare, all are.
    """
    for low, high in _brackets(sample, 1 - count / total):
        # Of a piece only bits are kept, and the few scores that are not yet decided.
        bits, sizes, places, values = [], [], [], []
        above = 0
        for scores, eligible in pieces():
            chosen = scores >= low
            if eligible is not None:
                chosen &= eligible
            place = np.flatnonzero(chosen & (scores <= high))
            above += int(np.count_nonzero(chosen)) - place.size
            bits.append(np.packbits(chosen))
            sizes.append(scores.shape)
            places.append(place)
            values.append(scores.reshape(-1)[place])
        undecided = np.concatenate(values)
        if above < count <= above + undecided.size:
            break
    kept = _largest_of(undecided, count - above)
    ends = np.cumsum([place.size for place in places])[:-1]
    for shape, packed, place, keep in zip(sizes, bits, places, np.split(kept, ends), strict=True):
        chosen = np.unpackbits(packed, count=math.prod(shape)).view(np.bool_)
        chosen[place[~keep]] = False
        yield chosen.reshape(shape)


def _brackets(sample: NDArray, share: float) -> Iterator[tuple[float, float]]:
    """Yield bounds of the quantile below which a share of the scores lies: narrow ones, then any."""
    if sample.size:
        sample = np.sort(sample)
        rank = sample.size * share
        margin = 8 * math.sqrt(rank * (1 - rank / sample.size)) + 8
        yield sample[max(int(rank - margin), 0)], sample[min(int(rank + margin), sample.size - 1)]
    yield -math.inf, math.inf


def _largest_of(values: NDArray, count: int) -> NDArray[np.bool_]:
    # Sorted, not partitioned: NumPy's partition is slow where many values are equal.
    threshold = np.sort(values)[values.size - count]
    kept = values > threshold
    kept[np.flatnonzero(values == threshold)[: count - np.count_nonzero(kept)]] = True
    return kept


def _keep(name: str, scores: Sequence[Tensor], count: int) -> list[Tensor]:
    total = sum(s.numel() for s in scores)
    if count < total and not any(s.any() for s in scores):
        raise ValueError(f"{name} {NOTHING_RANKED}")
    values = [s.cpu().numpy().reshape(s.shape or 1) for s in scores]  # 0 axes become 1
    sample = np.concatenate([v.reshape(-1)[::SAMPLE_STRIDE] for v in values])
    masks = largest(lambda: ((v, None) for v in values), sample, count, total)
    return [
        torch.from_numpy(m).reshape(s.shape).to(s.device)
        for s, m in zip(scores, masks, strict=True)
    ]


def _item(i: int, names: Sequence[str] | None) -> str:
    return f"scores[{i if names is None else names[i]!r}]"


def _check_scores(scores: Iterable[Tensor], names: Sequence[str] | None) -> list[Tensor]:
    if isinstance(scores, Tensor):
        raise ValueError("scores must be a sequence of tensors, one a layer, got a single tensor")
    scores = check_sequence("scores", scores, "tensors, one a layer")
    if not scores:
        raise ValueError("scores must hold at least one tensor, got none")
    for i, s in enumerate(scores):
        if not isinstance(s, Tensor) or not s.is_floating_point() or s.numel() == 0:
            got = (
                f"{s.dtype} of shape {tuple(s.shape)}"
                if isinstance(s, Tensor)
                else type(s).__name__
            )
            raise ValueError(
                f"{_item(i, names)} must be a non-empty floating-point tensor, got {got}"
            )
        if not torch.isfinite(s).all():
            raise ValueError(f"{_item(i, names)} must be finite, got NaN or infinite entries")
    # One dtype for all, so that scores are compared as they are and not after rounding.
    dtype = reduce(torch.promote_types, (s.dtype for s in scores), torch.float32)
    return [s.detach().to(dtype) for s in scores]
