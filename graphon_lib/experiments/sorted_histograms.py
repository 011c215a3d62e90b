"""Degree-sorted histograms of the masks of every method as the width grows."""

from __future__ import annotations

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from graphon_lib.experiments.digits import Data
from graphon_lib.experiments.experiment import Case, Experiment, profiles
from graphon_lib.experiments.pruned import start_network
from graphon_lib.graphons.sas import sas
from graphon_lib.pruning.methods import METHODS

__all__ = ["ESTIMATORS", "SORTED_HISTOGRAMS", "sorted_histograms"]

ESTIMATORS = ("plain", "cross-fitted")
"""How masks are sorted into histograms."""


def sorted_histograms(
    *,
    seed: int,
    width: int,
    trial: int,
    density: float,
    hidden_layers: int,
    blocks: int,
    data: Data,
) -> dict[str, NDArray]:
    """Estimate the graphon of the second mask, hidden to hidden, for every method.

    Returns ``histogram`` (pruning, estimator, row, column), the estimators being plain and
    cross-fitted degree sorting with so many `blocks` a side, and ``layer_density`` (pruning).
    """
    identity = (seed, width, trial)
    started = start_network(identity, width=width, hidden_layers=hidden_layers, data=data)
    rng = np.random.default_rng(identity)
    histograms, densities = [], []
    for method in METHODS:
        ((_, masks),) = started.masks(method, [density])
        mask = masks[1].numpy()
        densities.append(mask.mean())
        histograms.append(
            [sas(mask, blocks).values, sas(mask, blocks, cross_fit=True, rng=rng).values]
        )
    return {"histogram": np.array(histograms), "layer_density": np.array(densities)}


def mean_histograms(dataset: xr.Dataset, *, seed: int) -> xr.Dataset:
    """Average histograms over trials, with their standard errors."""
    trials = dataset.sizes["trial"]
    mean = dataset.histogram.sum("trial") / trials
    square = (dataset.histogram**2).sum("trial") / trials
    variance = np.maximum(square - mean**2, 0.0) * trials / max(trials - 1, 1)
    return dataset.assign(
        histogram=mean.astype(np.float32),
        standard_error=np.sqrt(variance / trials).astype(np.float32),
    )


SORTED_HISTOGRAMS = Experiment(
    name="sorted-histograms",
    cell=sorted_histograms,
    finish=mean_histograms,
    variables={
        "histogram": ("pruning", "estimator", "width", "trial", "row", "column"),
        "layer_density": ("pruning", "width", "trial"),
    },
    coords={"pruning": METHODS, "estimator": ESTIMATORS},
    **profiles(
        grid=({"width": [100, 500, 1000], "trial": 20}, {"width": [64, 100], "trial": 2}),
        hidden_layers=(4, 3),
        density=0.2,
        blocks=64,
        full=(True, False),
    ),
    case=Case({"grid": {"width": [100], "trial": 1}}, ["layer_density"], ["layer_density"]),
)
