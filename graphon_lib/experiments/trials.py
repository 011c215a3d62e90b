"""One trial of a pruning experiment: a fresh network, a fresh batch, masks at several densities."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
import torch
from torch import Tensor

from graphon_lib.experiments.data import Images, sample_batch
from graphon_lib.pruning.masks import DisconnectedWarning, keep_largest
from graphon_lib.pruning.methods import METHODS, prune, saliency
from graphon_lib.pruning.model import MaskedMLP

__all__ = ["BATCH_SIZE", "Trial", "start_trial", "torch_generator"]

BATCH_SIZE = 100
"""Digits that data-dependent methods see, drawn at random from the training images."""


@dataclass(frozen=True)
class Trial:
    """A network at initialisation with the batch and the generator of its pruning."""

    model: MaskedMLP
    x: Tensor
    y: Tensor
    generator: torch.Generator

    def masks(
        self, method: str, densities: Sequence[float], *, scope: str = "global"
    ) -> Iterator[tuple[float, list[Tensor]]]:
        """Yield every density with its masks, as of :func:`graphon_lib.pruning.prune`.

        Scores that serve all densities are computed once.
        """
        inputs = {"x": self.x, "y": self.y, "generator": self.generator}
        if method in METHODS and METHODS[method].rounds > 1:
            cut = partial(prune, self.model, method, **inputs)
        else:
            cut = partial(keep_largest, saliency(self.model, method, **inputs))
        for density in densities:
            with warnings.catch_warnings():
                # Sweeps record layers without weights; they are nothing to be told of.
                warnings.simplefilter("ignore", DisconnectedWarning)
                masks = cut(density=density, scope=scope)
            yield density, masks


def start_trial(
    data: Images, widths: Sequence[int], seed: Sequence[int], *, initialisation: str = "he"
) -> Trial:
    """Draw the network, of widths (784, n, ..., 10), and the batch of a trial.

    Equal integers of the seed give equal trials, on any machine, with generators of their own.
    """
    network, pruning, batch = np.random.SeedSequence(seed).spawn(3)
    x, y = sample_batch(data, BATCH_SIZE, np.random.default_rng(batch))
    return Trial(
        model=MaskedMLP(widths, torch_generator(network), initialisation=initialisation),
        x=torch.as_tensor(x),
        y=torch.as_tensor(y),
        generator=torch_generator(pruning),
    )


def torch_generator(sequence: np.random.SeedSequence) -> torch.Generator:
    """Return a generator of PyTorch's with a seed from a sequence of NumPy's."""
    return torch.Generator().manual_seed(int(sequence.generate_state(1, np.uint64)[0] >> 1))
