"""One pruned network in the units of the theory: what most cells begin with."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import DTypeLike, NDArray

from graphon_lib.experiments.digits import Data
from graphon_lib.experiments.trials import Trial, start_trial
from graphon_lib.pruning.model import MaskedMLP

__all__ = ["Pruned", "ntk_weights", "pruned_network"]


@dataclass(frozen=True)
class Pruned:
    """A trial with its masks, one a layer."""

    trial: Trial
    masks: list[NDArray[np.bool_]]

    @cached_property
    def weights(self) -> list[NDArray[np.float64]]:
        """Weights in NTK units, kept and pruned ones, see :func:`ntk_weights`."""
        return ntk_weights(self.trial.model)


def pruned_network(
    pruning: str,
    density: float,
    *,
    identity: Sequence[int],
    width: int,
    hidden_layers: int,
    data: Data,
) -> Pruned:
    """Draw the network 784-n-...-n-10 of a trial, and prune it.

    Parameters
    ----------
    pruning
        One of :data:`graphon_lib.pruning.METHODS`.
    density
        Kept fraction of all weights.
    identity
        Integers that seed the trial, see :func:`~graphon_lib.experiments.trials.start_trial`.
    width, hidden_layers
        Of the network.
    data
        Of the pruning batch.
    """
    trial = start_trial(data.load(), (784, *[width] * hidden_layers, 10), identity)
    ((_, masks),) = trial.masks(pruning, [density])
    return Pruned(trial, [mask.numpy() for mask in masks])


def ntk_weights(model: MaskedMLP, dtype: DTypeLike = np.float64) -> list[NDArray]:
    """Return a network's weights in NTK units: N(0, 1) at He's initialisation N(0, 2 / n_in)."""
    return [
        weight.detach().numpy().astype(dtype) * np.dtype(dtype).type(math.sqrt(weight.shape[1] / 2))
        for weight in model.weights
    ]
