"""Every layer of a pruned network at once: what a reader can look up in the explorer of masks."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import xarray as xr
from numpy.typing import NDArray
from tqdm import tqdm

from graphon_lib._checks import check_integer
from graphon_lib.experiments.data import load_mnist
from graphon_lib.experiments.mask_statistics import dead_fractions
from graphon_lib.experiments.results import Experiment
from graphon_lib.experiments.trials import start_trial
from graphon_lib.graphons.partition import grid_positions
from graphon_lib.graphons.sas import sas
from graphon_lib.pruning.methods import METHODS

__all__ = ["DEGREE_LEVELS", "MASK_MAPS", "SCOPES", "mask_maps", "sorted_degrees"]

SCOPES = ("global", "layer")

DEGREE_LEVELS = tuple(np.arange(33) / 32)
"""Shares of the neurons, counted from the largest degree, at which the degrees are kept."""

GRID = 2.0**-11
"""Histograms are rounded to multiples of this, below their error, to compress."""


def sorted_degrees(mask: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Return how many weights rows and columns keep, as fractions in falling order.

    Parameters
    ----------
    mask : ndarray of bool, shape (n_out, n_in)
        One layer.

    Returns
    -------
    ndarray, shape (2, len(DEGREE_LEVELS))
        Kept weights into each neuron of the layer, then out of each neuron (or pixel) before it:
        the degree at each of :data:`DEGREE_LEVELS`, linear between neighbours.
    """
    levels = 1.0 - np.array(DEGREE_LEVELS)
    return np.array([np.quantile(mask.mean(axis=axis), levels) for axis in (1, 0)])


def mask_maps(
    *,
    seed: int,
    widths: Sequence[int],
    densities: Sequence[float],
    blocks: int,
    trials: int,
    full: bool,
) -> xr.Dataset:
    """Prune fresh networks with every method and both scopes, and look at every layer.

    Parameters
    ----------
    seed
        Seed of the networks, the batches and random pruning.
    widths
        Layer widths (784, n, ..., 10).
    densities
        Target densities, kept fractions.
    blocks
        Blocks a side of the histograms.
    trials
        Number of networks, each with its own batch of digits, at least 1.
    full
        Whether the batches come from the complete training set rather than the bundled subset.

    Returns
    -------
    xarray.Dataset
        Leading dimensions (pruning, scope, density), then ``histogram`` (layer, row, column), the
        degree-sorted one, where a side with fewer neurons than blocks repeats them; ``degree``
        (layer, side, level), see :func:`sorted_degrees`; ``pixel_density`` (pixel), the kept
        fraction of each pixel's weights: means over trials. For every trial ``layer_density``
        (trial, layer) and ``dead_fraction`` (trial, hidden layer).
    """
    check_integer("trials", trials, 1)
    data = load_mnist(full=full)
    layers = len(widths) - 1
    lead = (len(METHODS), len(SCOPES), len(densities))
    histogram = np.zeros((*lead, layers, blocks, blocks))
    degree = np.zeros((*lead, layers, 2, len(DEGREE_LEVELS)))
    pixel_density = np.zeros((*lead, widths[0]))
    layer_density = np.empty((*lead, trials, layers))
    dead_fraction = np.empty((*lead, trials, layers - 1))
    positions = grid_positions(blocks)
    places = [(trial, m) for trial in range(trials) for m in range(len(METHODS))]
    for trial, m in tqdm(places, desc="Pruning networks", unit="network"):
        if m == 0:
            started = start_trial(data, widths, (seed, trial))
        for s, scope in enumerate(SCOPES):
            for d, (_, masks) in enumerate(started.masks(list(METHODS)[m], densities, scope=scope)):
                place = (m, s, d)
                layer_density[place][trial] = [float(mask.double().mean()) for mask in masks]
                dead_fraction[place][trial] = dead_fractions(masks)
                pixel_density[place] += masks[0].double().mean(dim=0).numpy() / trials
                for layer, mask in enumerate(mask.numpy() for mask in masks):
                    values = sas(mask, blocks)(positions[:, None], positions[None, :])
                    histogram[place][layer] += values / trials
                    degree[place][layer] += sorted_degrees(mask) / trials
    lead_dims = ("pruning", "scope", "density")
    return xr.Dataset(
        {
            "histogram": (
                (*lead_dims, "layer", "row", "column"),
                (np.round(histogram / GRID) * GRID).astype(np.float32),
            ),
            "degree": (
                (*lead_dims, "layer", "side", "level"),
                (np.round(degree / GRID) * GRID).astype(np.float32),
            ),
            "pixel_density": ((*lead_dims, "pixel"), pixel_density.astype(np.float32)),
            "layer_density": ((*lead_dims, "trial", "layer"), layer_density),
            "dead_fraction": ((*lead_dims, "trial", "hidden_layer"), dead_fraction),
        },
        coords={
            "pruning": list(METHODS),
            "scope": list(SCOPES),
            "density": list(densities),
            "layer": np.arange(1, layers + 1),
            "hidden_layer": np.arange(1, layers),
            "side": ["in", "out"],
            "level": list(DEGREE_LEVELS),
        },
        attrs={"data": data.name, "data_sha256": data.sha256},
    )


MASK_MAPS = Experiment(
    name="mask-maps",
    compute=mask_maps,
    profiles={
        "paper": {
            "widths": [784, 1000, 1000, 1000, 10],
            "densities": [0.5, 0.3, 0.2, 0.1, 0.05],
            "blocks": 32,
            "trials": 3,
            "full": True,
        },
        "quick": {
            "widths": [784, 100, 100, 100, 10],
            "densities": [0.3, 0.2],
            "blocks": 32,
            "trials": 1,
            "full": False,
        },
    },
)
