"""The layer-wise shuffle: what is left of a method when only its layer densities are kept."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from graphon_lib._checks import check_mask, check_sequence
from graphon_lib.pruning.model import random_generator
from graphon_lib.pruning.tensors import as_tensor

__all__ = ["shuffle_masks"]


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
