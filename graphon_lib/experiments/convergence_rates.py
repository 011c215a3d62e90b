"""Rates of the convergence sweep: how fast each quantity approaches a limit, if there is one."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from graphon_lib.experiments.approach import Approach, fit_approach
from graphon_lib.experiments.convergence_cell import ESTIMATORS
from graphon_lib.experiments.convergence_table import CellTable
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


def rate_summary(
    table: CellTable, lead: Sequence[int], seed: int, resamples: int
) -> dict[str, tuple[tuple[str, ...], NDArray[np.float32]]]:
    """Fit a power law of the approach to every quantity.

    Parameters
    ----------
    table
        The cells.
    lead
        Numbers of masks, methods, scopes and densities.
    seed, resamples
        Of the bootstrap.

    Returns
    -------
    dict
        The variable ``approach`` (neuron_layers, mask, pruning, scope, density, quantity,
        rate_statistic) with its dimensions; the statistics are those of
        :class:`~graphon_lib.experiments.approach.Approach` and the number of widths that had
        enough trials, NaN where fewer than three did. Quantities: histograms as they are and
        divided by their own density; the density of the layer; the density of the 4-cycle over the
        fourth power of that of the edge.
    """
    shape = (len(table.depths), *lead, len(QUANTITIES), len(RATE_STATISTICS))
    fits = np.full(shape, np.nan, dtype=np.float32)
    for place in tqdm(list(np.ndindex(shape[:-2])), desc="Fitting rates", unit="mask"):
        d, h, m, s, c = place
        if h >= table.depths[d] - 3:
            continue
        samples = [
            _quantities(table, table.depths[d], width, (m, s, c), h) for width in table.widths
        ]
        for q, quantity in enumerate(QUANTITIES):
            enough = [
                (width, of_width[quantity])
                for width, of_width in zip(table.widths, samples, strict=True)
                if len(of_width[quantity]) >= MINIMUM_TRIALS
            ]
            fits[*place, q, -1] = len(enough)
            if len(enough) >= 3:
                widths, trials = zip(*enough, strict=True)
                rng = np.random.default_rng((seed, *place, q))
                fits[*place, q, :-1] = fit_approach(trials, widths, rng, resamples)
    dims = ("neuron_layers", "mask", "pruning", "scope", "density", "quantity", "rate_statistic")
    return {"approach": (dims, fits)}


def _quantities(
    table: CellTable, depth: int, width: int, place: tuple[int, int, int], mask: int
) -> dict[str, NDArray[np.float64]]:
    """Return the trials of every quantity, one a row; an empty mask has no shape and is left out."""
    trials = {}
    for e, estimator in enumerate(ESTIMATORS):
        rows = _rows(table.samples("histogram", depth, width, (*place, mask, e)))
        density = rows.mean(axis=1, keepdims=True)
        kept = density[:, 0] > 0.0
        trials[estimator] = rows
        trials[f"{estimator}, divided by density"] = rows[kept] / density[kept]
    # The first mask between hidden layers is the second layer of weights.
    trials["layer density"] = _rows(
        table.samples("layer_density", depth, width, (*place, mask + 1))
    )
    motifs = table.samples("motif_density", depth, width, (*place, mask)).reshape(-1, len(MOTIFS))
    edge, cycle = (motifs[:, [list(MOTIFS).index(name)]] for name in ("edge", "cycle_4"))
    kept = edge[:, 0] > 0.0
    trials["4-cycle ratio"] = cycle[kept] / edge[kept] ** 4
    return trials


def _rows(samples: NDArray[np.float64]) -> NDArray[np.float64]:
    return samples.reshape(len(samples), math.prod(samples.shape[1:]))
