"""Do kernels of real masks tend to those of their graphons? Widths from 64 to 4096."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from graphon_lib.experiments.data import load_mnist, sample_batch
from graphon_lib.experiments.results import Experiment
from graphon_lib.experiments.sweep import fingerprint, run_cells
from graphon_lib.experiments.trials import start_trial
from graphon_lib.graphons.network import GraphonNetwork
from graphon_lib.ntk.empirical import empirical_ntk
from graphon_lib.ntk.kernels import graphon_ntk
from graphon_lib.pruning.methods import METHODS

__all__ = ["MASK_CONVERGENCE", "WEIGHTS", "mask_convergence", "mask_convergence_cell"]

WEIGHTS = ("re-drawn", "kept")
"""Which weights the pruned network has. Kept ones are compared with second moments in the theory."""


def mask_convergence_cell(
    *,
    seed: int,
    pruning: str,
    width: int,
    trial: int,
    hidden_layers: int,
    density: float,
    digits: int,
    blocks: int,
    full: bool,
    data_sha256: str,
) -> dict[str, NDArray[np.float64]]:
    """Prune one network and compare its tangent kernel with that of its estimated graphons.

    Parameters
    ----------
    seed, width, trial
        Seed of everything random but the digits of the kernels, which all cells share.
    pruning
        A pruning method.
    hidden_layers, density, digits, blocks, full
        See :func:`mask_convergence`.
    data_sha256
        Checksum of the digits, by which cells of other data are told apart.

    Returns
    -------
    dict of ndarray
        ``error`` and ``ratio``, one number for each of :data:`WEIGHTS`.
    """
    del data_sha256
    data = load_mnist(full=full)
    x = sample_batch(data, digits, np.random.default_rng(seed)).x.astype(np.float64)
    started = start_trial(data, (784, *[width] * hidden_layers, 10), (seed, width, trial))
    ((_, tensors),) = started.masks(pruning, [density])
    masks = [mask.numpy() for mask in tensors]
    # From He's initialisation N(0, 2 / n_in) to NTK units N(0, 1).
    kept = [
        weight.detach().numpy() * float(np.sqrt(weight.shape[1] / 2.0))
        for weight in started.model.weights
    ]
    rng = np.random.default_rng((seed, list(METHODS).index(pruning), width, trial))
    redrawn = [rng.standard_normal(mask.shape, dtype=np.float32) for mask in masks]
    estimated = GraphonNetwork.from_masks(masks, kept, blocks=blocks)
    pairs = [
        (redrawn, GraphonNetwork(estimated.layers)),
        (kept, GraphonNetwork(estimated.layers, estimated.second_moments)),
    ]
    error, ratio = np.empty((2, len(pairs)))
    for number, (weights, network) in enumerate(pairs):
        measured, theory = empirical_ntk(weights, masks, x), graphon_ntk(x, network)
        error[number] = np.linalg.norm(measured - theory) / np.linalg.norm(measured)
        ratio[number] = np.trace(theory) / np.trace(measured)
    return {"error": error, "ratio": ratio}


def mask_convergence(
    *,
    seed: int,
    trials_of_width: Sequence[Sequence[int]],
    hidden_layers: int,
    density: float,
    digits: int,
    blocks: int,
    full: bool,
) -> xr.Dataset:
    r"""Compare the tangent kernels of pruned networks with those of their graphons as they grow.

    Parameters
    ----------
    seed
        Seed of everything random.
    trials_of_width
        Pairs of a hidden width and a number of networks of that width, of each method.
    hidden_layers
        Number of hidden layers; the networks are 784-n-...-n-10.
    density
        Target density, the kept fraction of all weights.
    digits
        Inputs of the kernels, drawn from the training images.
    blocks
        Blocks of every hidden layer's neurons, with one position a neuron.
    full
        Whether the complete data are used rather than the bundled subset.

    Returns
    -------
    xarray.Dataset
        ``error`` (pruning, weights, width, trial), the part of the measured kernel that theory
        misses, :math:`\lVert \hat\Theta - \Theta \rVert_F / \lVert \hat\Theta \rVert_F` for a
        single network, with weights drawn once anew (and the graphon alone in the theory) or kept
        (and second moments as well); ``ratio``, the trace of the theory's kernel over that of the
        measured one. NaN where a width has fewer trials.
    """
    data = load_mnist(full=full)
    settings = {
        "seed": seed,
        "hidden_layers": hidden_layers,
        "density": density,
        "digits": digits,
        "blocks": blocks,
        "full": full,
        "data_sha256": data.sha256,
    }
    arguments = [
        {"pruning": pruning, "width": width, "trial": trial, **settings}
        for width, trials in trials_of_width
        for trial in range(trials)
        for pruning in METHODS
    ]
    cells = run_cells(
        mask_convergence_cell, arguments, key=_fingerprint(settings), description="Kernels of masks"
    )
    widths = [width for width, _ in trials_of_width]
    most = max(trials for _, trials in trials_of_width)
    values = {
        name: np.full((len(METHODS), len(WEIGHTS), len(widths), most), np.nan)
        for name in ("error", "ratio")
    }
    for argument, cell in zip(arguments, cells, strict=True):
        method, width = list(METHODS).index(argument["pruning"]), widths.index(argument["width"])
        for name, array in values.items():
            array[method, :, width, argument["trial"]] = cell.arrays[name]
    dims = ("pruning", "weights", "width", "trial")
    return xr.Dataset(
        {name: (dims, array) for name, array in values.items()},
        coords={"pruning": list(METHODS), "weights": list(WEIGHTS), "width": widths},
        attrs={
            "data": data.name,
            "data_sha256": data.sha256,
            "cpu_hours": sum(cell.seconds for cell in cells) / 3600.0,
            "peak_megabytes": max(cell.megabytes for cell in cells),
        },
    )


def _fingerprint(settings: dict[str, Any]) -> str:
    """Name what the code computes by a small cell of the method with the most code behind it."""
    probe = settings | {"pruning": "grasp", "width": 40, "trial": 0, "digits": 4, "blocks": 9}
    return fingerprint(mask_convergence_cell, probe)


MASK_CONVERGENCE = Experiment(
    name="mask-convergence",
    compute=mask_convergence,
    profiles={
        "paper": {
            "trials_of_width": [[64, 10], [256, 6], [1024, 4], [4096, 1]],
            "hidden_layers": 4,
            "density": 0.2,
            "digits": 16,
            "blocks": 64,
            "full": True,
        },
        "quick": {
            "trials_of_width": [[32, 2], [48, 2], [64, 2]],
            "hidden_layers": 2,
            "density": 0.3,
            "digits": 8,
            "blocks": 16,
            "full": False,
        },
    },
)
