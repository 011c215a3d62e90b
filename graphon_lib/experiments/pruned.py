"""One pruned network in the units of the theory: what most cells begin with."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from graphon_lib.experiments.digits import Data
from graphon_lib.experiments.trials import Trial, start_trial
from graphon_lib.pruning.model import MaskedMLP

__all__ = ["LAYERS", "Pruned", "dense_once", "ntk_weights", "pruned_network", "start_network"]

LAYERS = MappingProxyType(
    {
        "weight_layer": lambda hidden_layers, **_: range(1, hidden_layers + 2),
        "hidden_layer": lambda hidden_layers, **_: range(1, hidden_layers + 1),
    }
)
"""Labels of the layers of such a network, as functions of the settings."""


@dataclass(frozen=True)
class Pruned:
    """A trial with its masks, one a layer."""

    trial: Trial
    masks: list[NDArray[np.bool_]]

    @cached_property
    def weights(self) -> list[NDArray[np.float64]]:
        """Weights in NTK units, kept and pruned ones, see :func:`ntk_weights`."""
        return ntk_weights(self.trial.model)


def start_network(identity: Sequence[int], *, width: int, hidden_layers: int, data: Data) -> Trial:
    """Start a trial with the network 784-n-...-n-10; arguments as of :func:`pruned_network`."""
    images = data.load()
    widths = (images.x_train.shape[1], *[width] * hidden_layers, images.classes)
    return start_trial(images, widths, identity)


def pruned_network(
    pruning: str,
    density: float,
    *,
    identity: Sequence[int],
    width: int,
    hidden_layers: int,
    data: Data,
) -> Pruned:
    """Start a trial with the network 784-n-...-n-10, and prune it.

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
        Of the pruning batch. Of other images than MNIST, inputs and outputs are as many as pixels
        and classes.
    """
    trial = start_network(identity, width=width, hidden_layers=hidden_layers, data=data)
    ((_, masks),) = trial.masks(pruning, [density])
    return Pruned(trial, [mask.numpy() for mask in masks])


def dense_once(call: dict[str, Any]) -> dict[str, Any]:
    """Give the dense network one density: it is computed once and stands at every one."""
    return call | {"density": 1.0} if call["pruning"] == "dense" else call


def ntk_weights(model: MaskedMLP, dtype: DTypeLike = np.float64) -> list[NDArray]:
    """Return a network's weights in NTK units: N(0, 1) at He's initialisation N(0, 2 / n_in)."""
    return [
        weight.detach().numpy().astype(dtype) * np.dtype(dtype).type(math.sqrt(weight.shape[1] / 2))
        for weight in model.weights
    ]
