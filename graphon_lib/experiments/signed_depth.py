"""The signed Graphon NTK against the kernels of pruned networks of growing depth."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from graphon_lib.experiments.data import load_mnist
from graphon_lib.experiments.digits import checked_digits, nested_batch
from graphon_lib.experiments.results import Experiment
from graphon_lib.experiments.sweep import fingerprint, run_cells
from graphon_lib.experiments.trials import start_trial
from graphon_lib.graphons.network import GraphonNetwork
from graphon_lib.ntk.empirical import empirical_ntk
from graphon_lib.ntk.kernels import graphon_ntk
from graphon_lib.ntk.spectra import spectral_metrics

__all__ = ["DEPTH_KERNELS", "SIGNED_DEPTH", "signed_depth", "signed_depth_cell"]

DEPTH_KERNELS = ("measured", "density", "second moment", "drift")
"""The kernel measured, and those of the graphons with nothing else, with second moments, and with
drifts too."""

PROBE = {"pruning": "snip", "width": 40, "hidden_layers": 2, "trial": 0, "blocks": 4}


def signed_depth_cell(
    *,
    seed: int,
    pruning: str,
    width: int,
    hidden_layers: int,
    density: float,
    trial: int,
    blocks: int,
    digits: int,
    full: bool,
    data_sha256: str,
) -> dict[str, NDArray]:
    """Prune one network and compare its kernel with those of its graphons.

    Parameters
    ----------
    seed, width, hidden_layers, trial
        These numbers seed everything random in the cell, but for the digits of the kernel.
    pruning
        The method.
    density
        Kept fraction of the whole network.
    blocks
        Blocks of every hidden layer's neurons, by degree.
    digits
        Inputs of the kernels.
    full
        Whether the digits are the complete training set rather than the bundled subset.
    data_sha256
        The checksum that they must have.

    Returns
    -------
    dict
        By kernel of :data:`DEPTH_KERNELS`: ``trace``, the mean of the diagonal; ``energy``, the share
        of the five largest eigenvalues; and ``cosine`` with the measured kernel.
    """
    data = checked_digits(full, data_sha256)
    layers = (784, *[width] * hidden_layers, 10)
    started = start_trial(data, layers, (seed, width, hidden_layers, trial))
    ((_, tensors),) = started.masks(pruning, [density])
    masks = [mask.numpy() for mask in tensors]
    # From He's initialisation N(0, 2 / n_in) to NTK units N(0, 1).
    weights = [
        weight.detach().numpy() * np.sqrt(weight.shape[1] / 2) for weight in started.model.weights
    ]
    x = nested_batch(data, digits, seed).x.astype(np.float64)
    signed = GraphonNetwork.from_masks(masks, weights, blocks=blocks)
    kernels = [
        empirical_ntk(weights, masks, x),
        graphon_ntk(x, GraphonNetwork(signed.layers)),
        graphon_ntk(x, GraphonNetwork(signed.layers, signed.second_moments)),
        graphon_ntk(x, signed),
    ]
    measured = kernels[0] / np.linalg.norm(kernels[0])
    return {
        "trace": np.array([np.trace(kernel) / digits for kernel in kernels]),
        "energy": np.array([spectral_metrics(kernel).energy_concentration for kernel in kernels]),
        "cosine": np.array([np.sum(measured * k) / np.linalg.norm(k) for k in kernels]),
    }


def signed_depth(
    *,
    seed: int,
    methods: Sequence[str],
    hidden_layers: Sequence[int],
    width: int,
    density: float,
    trials: int,
    blocks: int,
    digits: int,
    full: bool,
) -> xr.Dataset:
    """Compare measured and predicted kernels of pruned networks of growing depth.

    Parameters
    ----------
    seed
        Seed of everything random.
    methods
        The pruning methods.
    hidden_layers
        Numbers of hidden layers.
    width, density, trials, blocks, digits
        Of every network; see :func:`signed_depth_cell`.
    full
        Whether the complete data are used rather than the bundled subset.

    Returns
    -------
    xarray.Dataset
        The variables of :func:`signed_depth_cell`, (pruning, hidden_layers, trial, kernel).
    """
    data = load_mnist(full=full)
    settings = {
        "seed": seed,
        "density": density,
        "digits": digits,
        "full": full,
        "data_sha256": data.sha256,
    }
    cells = [
        {
            **settings,
            "pruning": method,
            "width": width,
            "hidden_layers": depth,
            "trial": trial,
            "blocks": blocks,
        }
        for trial in range(trials)
        for depth in hidden_layers
        for method in methods
    ]
    key = fingerprint(signed_depth_cell, {**settings, **PROBE})
    done = run_cells(signed_depth_cell, cells, key=key, description="Kernels of deep networks")
    shape = (trials, len(hidden_layers), len(methods), len(DEPTH_KERNELS))
    dims = ("trial", "hidden_layers", "pruning", "kernel")
    return xr.Dataset(
        {
            name: (dims, np.reshape([cell.arrays[name] for cell in done], shape))
            for name in ("trace", "energy", "cosine")
        },
        coords={
            "hidden_layers": list(hidden_layers),
            "pruning": list(methods),
            "kernel": list(DEPTH_KERNELS),
        },
        attrs={
            "data": data.name,
            "data_sha256": data.sha256,
            "cpu_hours": round(sum(cell.seconds for cell in done) / 3600, 3),
            "peak_megabytes": round(max(cell.megabytes for cell in done)),
        },
    )


SIGNED_DEPTH = Experiment(
    name="signed-depth",
    compute=signed_depth,
    profiles={
        "paper": {
            "methods": ["magnitude", "snip"],
            "hidden_layers": [2, 3, 4, 5, 6, 8],
            "width": 1024,
            "density": 0.2,
            "trials": 3,
            "blocks": 64,
            "digits": 24,
            "full": True,
        },
        "quick": {
            "methods": ["magnitude", "snip"],
            "hidden_layers": [2, 3],
            "width": 64,
            "density": 0.3,
            "trials": 2,
            "blocks": 9,
            "digits": 8,
            "full": False,
        },
    },
)
