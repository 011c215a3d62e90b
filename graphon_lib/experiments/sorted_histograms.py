"""Degree-sorted histograms of the masks of every method as the width grows."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import xarray as xr
from tqdm import tqdm

from graphon_lib.experiments.data import load_mnist
from graphon_lib.experiments.results import Experiment
from graphon_lib.experiments.trials import start_trial
from graphon_lib.graphons.sas import sas
from graphon_lib.pruning.methods import METHODS

__all__ = ["SORTED_HISTOGRAMS", "sorted_histograms"]


def sorted_histograms(
    *,
    seed: int,
    widths: Sequence[int],
    hidden_layers: int,
    density: float,
    blocks: int,
    trials: int,
    full: bool,
) -> xr.Dataset:
    """Estimate the graphon of the second mask, hidden to hidden, for every method and width.

    Parameters
    ----------
    seed
        Seed of the networks, the batches, random pruning and cross-fitting.
    widths
        Hidden widths n; the networks are 784-n-...-n-10.
    hidden_layers
        Number of hidden layers, at least 2.
    density
        Target density of the whole network.
    blocks
        Blocks a side of the histograms, at most the smallest width.
    trials
        Networks for each width, each with its own batch of digits.
    full
        Whether the batches come from the complete training set rather than the bundled subset.

    Returns
    -------
    xarray.Dataset
        ``histogram`` (pruning, estimator, width, row, column; mean over trials), its
        ``standard_error`` and ``layer_density`` (pruning, width, trial).
    """
    data = load_mnist(full=full)
    estimators = ("plain", "cross-fitted")
    shape = (len(METHODS), len(estimators), len(widths))
    total = np.zeros((*shape, blocks, blocks))
    squares = np.zeros_like(total)
    layer_density = np.empty((len(METHODS), len(widths), trials))
    with tqdm(total=trials * len(widths) * len(METHODS), desc="Sorting masks") as progress:
        for w, width in enumerate(widths):
            for trial in range(trials):
                started = start_trial(
                    data, (784, *[width] * hidden_layers, 10), (seed, width, trial)
                )
                rng = np.random.default_rng((seed, width, trial))
                for m, method in enumerate(METHODS):
                    ((_, masks),) = started.masks(method, [density])
                    mask = masks[1].numpy()
                    layer_density[m, w, trial] = mask.mean()
                    for e, graphon in enumerate(
                        (sas(mask, blocks), sas(mask, blocks, cross_fit=True, rng=rng))
                    ):
                        total[m, e, w] += graphon.values
                        squares[m, e, w] += graphon.values**2
                    progress.update()
    mean = total / trials
    variance = np.maximum(squares / trials - mean**2, 0.0) * trials / max(trials - 1, 1)
    dims = ("pruning", "estimator", "width", "row", "column")
    return xr.Dataset(
        {
            "histogram": (dims, mean.astype(np.float32)),
            "standard_error": (dims, np.sqrt(variance / trials).astype(np.float32)),
            "layer_density": (("pruning", "width", "trial"), layer_density),
        },
        coords={"pruning": list(METHODS), "estimator": list(estimators), "width": list(widths)},
        attrs={"data": data.name, "data_sha256": data.sha256},
    )


SORTED_HISTOGRAMS = Experiment(
    name="sorted-histograms",
    compute=sorted_histograms,
    profiles={
        "paper": {
            "widths": [100, 500, 1000],
            "hidden_layers": 4,
            "density": 0.2,
            "blocks": 64,
            "trials": 20,
            "full": True,
        },
        "quick": {
            "widths": [64, 100],
            "hidden_layers": 3,
            "density": 0.2,
            "blocks": 64,
            "trials": 2,
            "full": False,
        },
    },
)
