"""Rates of the convergence sweep: how fast each quantity approaches a limit, if there is one."""

from __future__ import annotations

import math

import numpy as np
import xarray as xr
from numpy.typing import NDArray
from tqdm import tqdm

from graphon_lib.experiments.convergence_summary import ESTIMATORS, samples
from graphon_lib.experiments.distance_of_means import Approach, fit_approach
from graphon_lib.graphons.motifs import MOTIFS

__all__ = ["QUANTITIES", "RATE_STATISTICS", "rate_summary"]

QUANTITIES = (
    *ESTIMATORS,
    *(f"{estimator}, divided by density" for estimator in ESTIMATORS),
    "layer density",
    "4-cycle ratio",
)
RATE_STATISTICS = (*Approach._fields, "widths")

MINIMUM_TRIALS = 5
"""Widths with fewer trials say too little about their own noise to be fitted."""


def rate_summary(dataset: xr.Dataset, seed: int, resamples: int) -> xr.Dataset:
    """Fit a power law of the approach to every quantity of the convergence sweep.

    Returns ``approach`` (hidden_layers, mask, pruning, density, quantity, rate_statistic); the
    statistics are those of :class:`~graphon_lib.experiments.distance_of_means.Approach` and the
    number of widths that had enough trials, NaN where fewer than three did. Quantities: histograms
    as they are and divided by their own density; the density of the layer; the density of the
    4-cycle over the fourth power of that of the edge.
    """
    dims = ("hidden_layers", "mask", "pruning", "density")
    shape = tuple(dataset.sizes[dim] for dim in dims)
    fits = np.full((*shape, len(QUANTITIES), len(RATE_STATISTICS)), np.nan, dtype=np.float32)
    widths = dataset.width.values.tolist()
    for place in tqdm(list(np.ndindex(shape)), desc="Fitting rates", unit="mask"):
        if place[1] >= dataset.hidden_layers[place[0]] - 1:
            continue
        at = dict(zip(dims, place, strict=True))
        of_widths = [_quantities(dataset, width=w, **at) for w in range(len(widths))]
        for q, quantity in enumerate(QUANTITIES):
            enough = [
                (width, of_width[quantity])
                for width, of_width in zip(widths, of_widths, strict=True)
                if len(of_width[quantity]) >= MINIMUM_TRIALS
            ]
            fits[*place, q, -1] = len(enough)
            if len(enough) >= 3:
                fitted, trials = zip(*enough, strict=True)
                rng = np.random.default_rng((seed, *place, q))
                fits[*place, q, :-1] = fit_approach(trials, fitted, rng, resamples)
    return xr.Dataset(
        {"approach": ((*dims, "quantity", "rate_statistic"), fits)},
        coords={"quantity": list(QUANTITIES), "rate_statistic": list(RATE_STATISTICS)},
    )


def _quantities(dataset: xr.Dataset, *, mask: int, **place: int) -> dict[str, NDArray[np.float64]]:
    """Return the trials of every quantity, one a row; an empty mask has no shape and is left out."""
    trials = {}
    for e, estimator in enumerate(ESTIMATORS):
        rows = _rows(samples(dataset.histogram, mask=mask, estimator=e, **place))
        density = rows.mean(axis=1, keepdims=True)
        kept = density[:, 0] > 0.0
        trials[estimator] = rows
        trials[f"{estimator}, divided by density"] = rows[kept] / density[kept]
    # The first mask between hidden layers is the second layer of weights.
    trials["layer density"] = _rows(samples(dataset.layer_density, weight_layer=mask + 1, **place))
    motifs = _rows(samples(dataset.motif_density, mask=mask, **place))
    edge, cycle = (motifs[:, [list(MOTIFS).index(name)]] for name in ("edge", "cycle_4"))
    kept = edge[:, 0] > 0.0
    trials["4-cycle ratio"] = cycle[kept] / edge[kept] ** 4
    return trials


def _rows(values: NDArray[np.float64]) -> NDArray[np.float64]:
    return values.reshape(len(values), math.prod(values.shape[1:]))
