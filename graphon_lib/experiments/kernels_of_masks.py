"""Kernels of pruned networks, measured, against kernels of their graphons."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from graphon_lib.experiments.data import sample_batch
from graphon_lib.experiments.digits import Data
from graphon_lib.experiments.experiment import Case, Experiment
from graphon_lib.experiments.pruned import ntk_weights, start_network
from graphon_lib.experiments.trials import Trial
from graphon_lib.graphons.network import GraphonNetwork
from graphon_lib.graphons.paths import path_density
from graphon_lib.graphons.step_graphon import StepGraphon
from graphon_lib.ntk.empirical import empirical_ntk
from graphon_lib.ntk.kernels import graphon_ntk
from graphon_lib.ntk.spectra import spectral_metrics
from graphon_lib.pruning.methods import METHODS

__all__ = ["KERNELS", "KERNELS_OF_MASKS", "kernels_of_masks"]

KERNELS = (
    "measured, re-drawn",
    "measured, kept",
    "degree",
    "joint",
    "joint, second moments",
)
"""Measured with weights drawn anew or kept, and computed from graphons in three ways."""


def kernels_of_masks(
    *,
    seed: int,
    width: int,
    trial: int,
    densities: Sequence[float],
    hidden_layers: int,
    digits: int,
    blocks: int,
    draws: int,
    data: Data,
) -> dict[str, NDArray]:
    """Compare the tangent kernels of pruned networks with those of their estimated graphons.

    Returns
    -------
    dict
        ``trace``, the mean of the diagonal, and ``energy``, the share of the five largest
        eigenvalues, (pruning, density, kernel of :data:`KERNELS`); the first of them is the mean
        kernel of so many `draws` of the weights. ``path_density`` (pruning, density) of the masks.
        ``dense_trace`` and ``dense_energy`` of the dense network's kernel.
    """
    x = sample_batch(data.load(), digits, np.random.default_rng(seed)).x.astype(np.float64)
    identity = (seed, width, trial)
    started = start_network(identity, width=width, hidden_layers=hidden_layers, data=data)
    rng = np.random.default_rng(identity)
    shape = (len(METHODS), len(densities))
    trace, energy = np.empty((2, *shape, len(KERNELS)))
    paths = np.empty(shape)
    for m, method in enumerate(METHODS):
        for d, (_, tensors) in enumerate(started.masks(method, densities)):
            masks = [mask.numpy() for mask in tensors]
            paths[m, d] = path_density(masks)
            for k, kernel in enumerate(_kernels(started, masks, x, blocks, draws, rng)):
                trace[m, d, k], energy[m, d, k] = _statistics(kernel)
    # A dense network is one block a layer.
    dense = graphon_ntk(x, GraphonNetwork([StepGraphon([[1.0]])] * (hidden_layers + 1)))
    dense_trace, dense_energy = map(np.float64, _statistics(dense))
    return {
        "trace": trace,
        "energy": energy,
        "path_density": paths,
        "dense_trace": dense_trace,
        "dense_energy": dense_energy,
    }


def _statistics(kernel: NDArray[np.float64]) -> tuple[float, float]:
    return np.trace(kernel) / len(kernel), spectral_metrics(kernel).energy


def _kernels(
    started: Trial,
    masks: Sequence[NDArray[np.bool_]],
    x: NDArray[np.float64],
    blocks: int,
    draws: int,
    rng: np.random.Generator,
) -> list[NDArray[np.float64]]:
    """Return the kernels of one pruned network, in the order of `KERNELS`."""
    kept = ntk_weights(started.model)
    estimated = GraphonNetwork.from_masks(masks, kept, blocks=blocks)
    redrawn = sum(
        empirical_ntk([rng.standard_normal(mask.shape) for mask in masks], masks, x)
        for _ in range(draws)
    )
    return [
        redrawn / draws,
        empirical_ntk(kept, masks, x),
        graphon_ntk(x, GraphonNetwork.from_masks(masks, blocks=blocks, order="degree")),
        graphon_ntk(x, GraphonNetwork.from_masks(masks, blocks=blocks)),
        graphon_ntk(x, GraphonNetwork(estimated.layers, estimated.second_moments)),
    ]


PLACE = ("pruning", "density", "width", "trial")

KERNELS_OF_MASKS = Experiment(
    name="kernels-of-masks",
    cell=kernels_of_masks,
    variables={
        "trace": (*PLACE, "kernel"),
        "energy": (*PLACE, "kernel"),
        "path_density": PLACE,
        "dense_trace": (),
        "dense_energy": (),
    },
    coords={
        "pruning": METHODS,
        "density": lambda densities, **_: densities,
        "kernel": KERNELS,
    },
    paper={
        "grid": {"width": [256, 512, 1024], "trial": 3},
        "densities": [0.2, 0.05],
        "hidden_layers": 4,
        "digits": 64,
        "blocks": 64,
        "draws": 4,
        "full": True,
    },
    quick={
        "grid": {"width": [64], "trial": 1},
        "densities": [0.3],
        "hidden_layers": 2,
        "digits": 16,
        "blocks": 16,
        "draws": 2,
        "full": False,
    },
    case=Case({"grid": {"width": [256], "trial": 1}}, ["path_density", "energy"], ["path_density"]),
)
