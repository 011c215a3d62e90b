"""One neuron, one position: path densities of real masks and of two ways to read them as graphons."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import xarray as xr
from tqdm import tqdm

from graphon_lib.experiments.data import load_mnist
from graphon_lib.experiments.results import Experiment
from graphon_lib.experiments.trials import start_trial
from graphon_lib.graphons.network import GraphonNetwork
from graphon_lib.graphons.paths import path_density
from graphon_lib.pruning.methods import METHODS

__all__ = ["SHARED_POSITIONS", "shared_positions"]

READINGS = ("mask", "joint", "degree")


def shared_positions(
    *,
    seed: int,
    widths: Sequence[int],
    densities: Sequence[float],
    blocks: int,
    trials: int,
    full: bool,
) -> xr.Dataset:
    """Compare the path density of pruned networks with that of their estimated graphons.

    Parameters
    ----------
    seed
        Seed of the networks, the batches and random pruning.
    widths
        Layer widths (784, n, ..., 10).
    densities
        Target densities, kept fractions of all weights.
    blocks
        Blocks of every hidden layer's neurons.
    trials
        Number of networks, each with its own batch of digits.
    full
        Whether the batches come from the complete training set rather than the bundled subset.

    Returns
    -------
    xarray.Dataset
        ``path_density`` (pruning, density, reading, trial): of the masks themselves, of graphons
        with one position a neuron (``"joint"``), and of graphons whose rows and columns are
        sorted apart (``"degree"``).
    """
    data = load_mnist(full=full)
    values = np.empty((len(METHODS), len(densities), len(READINGS), trials))
    with tqdm(total=trials * len(METHODS), desc="Counting paths", unit="network") as progress:
        for trial in range(trials):
            started = start_trial(data, widths, (seed, trial))
            for m, method in enumerate(METHODS):
                for d, (_, masks) in enumerate(started.masks(method, densities)):
                    values[m, d, 0, trial] = path_density(masks)
                    for r, order in enumerate(READINGS[1:], start=1):
                        network = GraphonNetwork.from_masks(masks, blocks=blocks, order=order)
                        values[m, d, r, trial] = network.path_density()
                progress.update()
    return xr.Dataset(
        {"path_density": (("pruning", "density", "reading", "trial"), values)},
        coords={
            "pruning": list(METHODS),
            "density": list(densities),
            "reading": list(READINGS),
        },
        attrs={"data": data.name, "data_sha256": data.sha256},
    )


SHARED_POSITIONS = Experiment(
    name="shared-positions",
    compute=shared_positions,
    profiles={
        "paper": {
            "widths": [784, 1024, 1024, 1024, 1024, 10],
            "densities": [0.2, 0.1, 0.05],
            "blocks": 64,
            "trials": 5,
            "full": True,
        },
        "quick": {
            "widths": [784, 80, 80, 80, 10],
            "densities": [0.2],
            "blocks": 16,
            "trials": 2,
            "full": False,
        },
    },
)
