"""Kernels of pruned networks, measured, against kernels of their graphons."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from graphon_lib.experiments.data import sample_batch
from graphon_lib.experiments.digits import Data
from graphon_lib.experiments.experiment import Case, Experiment, profiles
from graphon_lib.experiments.pruned import Pruned, start_network
from graphon_lib.experiments.roads import road_kernel
from graphon_lib.graphons.network import GraphonNetwork, path_density
from graphon_lib.graphons.step_graphon import StepGraphon
from graphon_lib.ntk.kernels import graphon_ntk
from graphon_lib.ntk.spectra import spectral_metrics
from graphon_lib.pruning.methods import METHODS

__all__ = ["KERNELS_OF_MASKS", "KERNELS_OF_MASKS_TORCH", "OF_MASKS", "kernels_of_masks"]

OF_MASKS = ("re-drawn", "kept", "theory, degree", "theory, joint", "theory, second moments")
"""The roads of :data:`~graphon_lib.experiments.roads.ROADS` that are compared."""


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

    Returns ``trace``, the mean of the diagonal, and ``energy``, the share of the five largest
    eigenvalues, (pruning, density, road of :data:`OF_MASKS`); ``"re-drawn"`` is the mean kernel of
    so many `draws` of the weights. ``path_density`` (pruning, density) of the masks.
    ``dense_trace`` of the dense network's kernel.
    """
    x = sample_batch(data.load(), digits, np.random.default_rng(seed)).x.astype(np.float64)
    identity = (seed, width, trial)
    started = start_network(identity, width=width, hidden_layers=hidden_layers, data=data)
    rng = np.random.default_rng(identity)
    shape = (len(METHODS), len(densities))
    trace, energy = np.empty((2, *shape, len(OF_MASKS)))
    paths = np.empty(shape)
    for m, method in enumerate(METHODS):
        for d, (_, tensors) in enumerate(started.masks(method, densities)):
            network = Pruned(started, [mask.numpy() for mask in tensors], method, blocks)
            paths[m, d] = path_density(network.masks)
            for r, road in enumerate(OF_MASKS):
                times = draws if road == "re-drawn" else 1
                kernel = sum(road_kernel(road, network, x, rng) for _ in range(times)) / times
                trace[m, d, r], energy[m, d, r] = _statistics(kernel)
    # A dense network is one block a layer.
    dense = graphon_ntk(x, GraphonNetwork([StepGraphon([[1.0]])] * (hidden_layers + 1)))
    dense_trace, _ = _statistics(dense)
    return {
        "trace": trace,
        "energy": energy,
        "path_density": paths,
        "dense_trace": np.float64(dense_trace),
    }


def _statistics(kernel: NDArray[np.float64]) -> tuple[float, float]:
    return np.trace(kernel) / len(kernel), spectral_metrics(kernel).energy


PLACE = ("pruning", "density", "width", "trial")

KERNELS_OF_MASKS = Experiment(
    name="kernels-of-masks",
    cell=kernels_of_masks,
    variables={
        "trace": (*PLACE, "road"),
        "energy": (*PLACE, "road"),
        "path_density": PLACE,
        "dense_trace": (),
    },
    coords={"pruning": METHODS, "density": "densities", "road": OF_MASKS},
    **profiles(
        grid=({"width": [256, 512, 1024], "trial": 3}, {"width": [64], "trial": 1}),
        densities=([0.2, 0.05], [0.3]),
        hidden_layers=(4, 2),
        digits=(64, 16),
        blocks=(64, 16),
        draws=(4, 2),
        full=(True, False),
    ),
    case=Case({"grid": {"width": [256], "trial": 1}}, ["path_density", "energy"], ["path_density"]),
)

KERNELS_OF_MASKS_TORCH = KERNELS_OF_MASKS.under("torch")
