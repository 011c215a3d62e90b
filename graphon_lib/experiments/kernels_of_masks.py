"""Kernels of pruned networks, measured, against kernels of their graphons."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import xarray as xr
from numpy.typing import NDArray
from tqdm import tqdm

from graphon_lib.experiments.data import load_mnist, sample_batch
from graphon_lib.experiments.results import Experiment
from graphon_lib.experiments.trials import Trial, start_trial
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
    widths: Sequence[int],
    hidden_layers: int,
    densities: Sequence[float],
    digits: int,
    blocks: int,
    draws: int,
    trials: int,
    full: bool,
) -> xr.Dataset:
    """Compare the tangent kernels of pruned networks with those of their estimated graphons.

    Parameters
    ----------
    seed
        Seed of everything random.
    widths
        Hidden widths n; the networks are 784-n-...-n-10.
    hidden_layers
        Number of hidden layers, at least 1.
    densities
        Target densities, kept fractions of all weights.
    digits
        Inputs of the kernels, drawn from the test images.
    blocks
        Blocks of every hidden layer's neurons.
    draws
        How many times weights are drawn anew for the same masks; the kernel is their mean.
    trials
        Networks for every width.
    full
        Whether the complete data are used rather than the bundled subset.

    Returns
    -------
    xarray.Dataset
        For every method, density, width, trial and kernel of :data:`KERNELS`: ``trace`` (mean of
        the diagonal) and ``energy`` (share of the five largest eigenvalues). ``path_density`` of
        the masks. ``dense_trace`` and ``dense_energy`` of the dense network's kernel.
    """
    data = load_mnist(full=full)
    shape = (len(METHODS), len(densities), len(widths), trials)
    trace, energy = np.empty((2, *shape, len(KERNELS)))
    paths = np.empty(shape)
    x = sample_batch(data, digits, np.random.default_rng(seed)).x.astype(np.float64)
    # A dense network is one block a layer.
    dense = graphon_ntk(x, GraphonNetwork([StepGraphon([[1.0]])] * (hidden_layers + 1)))
    with tqdm(total=len(widths) * trials * len(METHODS), desc="Kernels of masks") as progress:
        for w, width in enumerate(widths):
            for trial in range(trials):
                layers = (784, *[width] * hidden_layers, 10)
                started = start_trial(data, layers, (seed, width, trial))
                rng = np.random.default_rng((seed, width, trial))
                for m, method in enumerate(METHODS):
                    for d, (_, masks) in enumerate(started.masks(method, densities)):
                        arrays = [mask.numpy() for mask in masks]
                        paths[m, d, w, trial] = path_density(arrays)
                        for k, kernel in enumerate(
                            _kernels(started, arrays, x, blocks, draws, rng)
                        ):
                            trace[m, d, w, trial, k] = np.trace(kernel) / digits
                            energy[m, d, w, trial, k] = spectral_metrics(
                                kernel
                            ).energy_concentration
                    progress.update()
    dims = ("pruning", "density", "width", "trial")
    return xr.Dataset(
        {
            "trace": ((*dims, "kernel"), trace),
            "energy": ((*dims, "kernel"), energy),
            "path_density": (dims, paths),
            "dense_trace": ((), np.trace(dense) / digits),
            "dense_energy": ((), spectral_metrics(dense).energy_concentration),
        },
        coords={
            "pruning": list(METHODS),
            "density": list(densities),
            "width": list(widths),
            "kernel": list(KERNELS),
        },
        attrs={"data": data.name, "data_sha256": data.sha256},
    )


def _kernels(
    started: Trial,
    masks: Sequence[NDArray[np.bool_]],
    x: NDArray[np.float64],
    blocks: int,
    draws: int,
    rng: np.random.Generator,
) -> list[NDArray[np.float64]]:
    """Return the kernels of one pruned network, in the order of `KERNELS`."""
    # From He's initialisation N(0, 2 / n_in) to NTK units N(0, 1).
    kept = [
        weight.detach().numpy() * np.sqrt(weight.shape[1] / 2.0) for weight in started.model.weights
    ]
    redrawn = sum(
        empirical_ntk([rng.standard_normal(mask.shape) for mask in masks], masks, x)
        for _ in range(draws)
    )
    return [
        redrawn / draws,
        empirical_ntk(kept, masks, x),
        graphon_ntk(x, GraphonNetwork.from_masks(masks, blocks=blocks, order="degree")),
        graphon_ntk(x, GraphonNetwork.from_masks(masks, blocks=blocks)),
        graphon_ntk(x, _without_drift(GraphonNetwork.from_masks(masks, kept, blocks=blocks))),
    ]


def _without_drift(network: GraphonNetwork) -> GraphonNetwork:
    return GraphonNetwork(network.layers, network.second_moments)


KERNELS_OF_MASKS = Experiment(
    name="kernels-of-masks",
    compute=kernels_of_masks,
    profiles={
        "paper": {
            "widths": [256, 512, 1024],
            "hidden_layers": 4,
            "densities": [0.2, 0.05],
            "digits": 64,
            "blocks": 64,
            "draws": 4,
            "trials": 3,
            "full": True,
        },
        "quick": {
            "widths": [64],
            "hidden_layers": 2,
            "densities": [0.3],
            "digits": 16,
            "blocks": 16,
            "draws": 2,
            "trials": 1,
            "full": False,
        },
    },
)
