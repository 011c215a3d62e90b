"""The hypothesis at the size of the paper: whether masks converge as the width grows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from graphon_lib._checks import check_integer
from graphon_lib.experiments.convergence_cell import (
    DEGREE_LEVELS,
    ESTIMATORS,
    SCOPES,
    SINGULAR_VALUES,
    convergence_cell,
)
from graphon_lib.experiments.convergence_cuts import COMPARISONS, cut_norm_summary
from graphon_lib.experiments.convergence_rates import QUANTITIES, RATE_STATISTICS, rate_summary
from graphon_lib.experiments.convergence_summary import SCALES, STATISTICS, histogram_summary
from graphon_lib.experiments.convergence_table import CellTable
from graphon_lib.experiments.data import load_mnist
from graphon_lib.experiments.results import Experiment
from graphon_lib.experiments.sweep import fingerprint, run_cells
from graphon_lib.graphons.motifs import MOTIFS
from graphon_lib.pruning.methods import METHODS

__all__ = ["CONVERGENCE", "convergence", "convergence_cells"]

# Wide enough that the cell that probes the code leaves the short cuts for small matrices.
PROBE_WIDTH = 160


def convergence_cells(
    *,
    seed: int,
    trials_of_width: Sequence[Sequence[int]],
    neuron_layers: Sequence[int],
    densities: Sequence[float],
    layer_scope: Sequence[float],
    blocks: int,
    full: bool,
    data_sha256: str,
) -> list[dict[str, Any]]:
    """List the arguments of all cells, see :func:`convergence`, in the order of computation.

    Returns
    -------
    list of dict
        Every width and depth gets the same share of its trials before any gets the next, so that
        a sweep that is cut short has some of each.
    """
    order = sorted(
        ((trial + 0.5) / trials, width, layers, trial, trial < detailed)
        for width, trials, detailed in trials_of_width
        for layers in neuron_layers
        for trial in range(trials)
    )
    return [
        {
            "seed": seed,
            "width": width,
            "neuron_layers": layers,
            "trial": trial,
            "densities": tuple(densities),
            "layer_scope": tuple(layer_scope) if detailed else (),
            "detailed": detailed,
            "blocks": blocks,
            "full": full,
            "data_sha256": data_sha256,
        }
        for _, width, layers, trial, detailed in order
    ]


def convergence(
    *,
    seed: int,
    trials_of_width: Sequence[Sequence[int]],
    neuron_layers: Sequence[int],
    densities: Sequence[float],
    layer_scope: Sequence[float],
    blocks: int,
    resamples: int,
    reference: int,
    cut_density: float,
    cut_pairs: int,
    full: bool,
) -> xr.Dataset:
    """Prune many networks of growing width, and compare what the methods make of them.

    Parameters
    ----------
    seed
        Seed of everything random.
    trials_of_width
        For every hidden width, growing: the width, the number of networks of each depth, and how
        many of those get the dear statistics and the scope ``"layer"`` too, at least 2.
    neuron_layers
        Numbers of layers of neurons, input and output counted: 4 is 784-n-n-10. The paper's
        figures for L layers show L - 3 masks between hidden layers.
    densities
        Target densities of the whole network.
    layer_scope
        Those at which every layer is pruned alone as well.
    blocks
        Blocks a side of the histograms, at most the smallest width.
    resamples
        Bootstrap samples for the distances.
    reference
        The width whose histograms those of the others are compared with in the cut norm.
    cut_density, cut_pairs
        Density at which the cut norms are bounded, and for how many pairs of networks.
    full
        Whether the batches come from the complete training set rather than the bundled subset.

    Returns
    -------
    xarray.Dataset
        The leading dimensions are (neuron_layers, mask, pruning, scope, density), mask numbering
        the pairs of neighbouring hidden layers. ``histogram`` (..., estimator, width, row, column),
        mean over trials rounded to multiples of 2^-11, and its ``standard_error``;
        ``distance`` (..., estimator, scale, width, other_width, statistic), squared Euclidean
        distances of mean histograms, see
        :func:`~graphon_lib.experiments.distance_of_means.distance_of_means`, for a width with
        itself between its even and its odd trials; ``approach``, fitted rates, see
        :func:`~graphon_lib.experiments.convergence_rates.rate_summary`; ``cut_norm``, see
        :func:`~graphon_lib.experiments.convergence_cuts.cut_norm_summary`; ``degree_quantile``
        (..., width, side, level), mean over trials, and its ``degree_quantile_error``; and for
        every trial ``layer_density``, ``dead_fraction``, ``motif_density``, ``singular_value``,
        ``cell_seconds`` and ``cell_megabytes``. NaN where there is no such layer or trial.

    Raises
    ------
    ValueError
        If widths do not grow, depths or numbers of trials are too small, `blocks` exceeds a width,
        or `reference`, `cut_density` or `layer_scope` are not among the widths or densities.

    Notes
    -----
    The cells, one for every depth, width and trial, are kept on disk and shared out by
    :func:`~graphon_lib.experiments.sweep.run_cells`. They do not depend on the numbers of trials:
    with more of those only the new cells are computed.
    """
    _check_grid(trials_of_width, neuron_layers, blocks)
    _check_among("reference", [reference], "widths", [width for width, *_ in trials_of_width])
    _check_among("cut_density", [cut_density], "densities", densities)
    _check_among("layer_scope", layer_scope, "densities", densities)
    data = load_mnist(full=full)
    settings = {
        "seed": seed,
        "neuron_layers": neuron_layers,
        "densities": densities,
        "layer_scope": layer_scope,
        "blocks": blocks,
        "full": full,
        "data_sha256": data.sha256,
    }
    key = _fingerprint(settings)
    arguments = convergence_cells(trials_of_width=trials_of_width, **settings)
    cells = run_cells(convergence_cell, arguments, key=key, description="Pruning networks")
    table = CellTable(arguments, cells)
    lead = (max(neuron_layers) - 3, len(METHODS), len(SCOPES), len(densities))
    variables = histogram_summary(table, lead, blocks, seed, resamples)
    variables |= rate_summary(table, lead, seed, resamples)
    variables |= cut_norm_summary(
        table,
        lead[:2],
        density=list(densities).index(cut_density),
        reference=reference,
        pairs=cut_pairs,
        seed=seed,
    )
    variables |= _trial_statistics(table)
    return xr.Dataset(
        variables,
        coords={
            "neuron_layers": list(neuron_layers),
            "mask": np.arange(1, lead[0] + 1),
            "pruning": list(METHODS),
            "scope": list(SCOPES),
            "density": list(densities),
            "estimator": list(ESTIMATORS),
            "scale": list(SCALES),
            "width": table.widths,
            "other_width": table.widths,
            "statistic": list(STATISTICS),
            "quantity": list(QUANTITIES),
            "rate_statistic": list(RATE_STATISTICS),
            "comparison": list(COMPARISONS),
            "bound": ["lower", "upper"],
            "weight_layer": np.arange(1, max(neuron_layers)),
            "hidden_layer": np.arange(1, max(neuron_layers) - 1),
            "side": ["row", "column"],
            "level": list(DEGREE_LEVELS),
            "motif": list(MOTIFS),
            "rank": np.arange(1, SINGULAR_VALUES + 1),
        },
        attrs={
            "data": data.name,
            "data_sha256": data.sha256,
            "trials_of_width": str([list(row[:2]) for row in trials_of_width]),
            "cut_density": cut_density,
            "cells_fingerprint": key,
            "cells_code_sha256": ", ".join(sorted({cell.code_sha256 for cell in cells})),
            "cpu_hours": round(sum(cell.seconds for cell in cells) / 3600, 3),
            "peak_megabytes": round(max(cell.megabytes for cell in cells)),
        },
    )


def _fingerprint(settings: Mapping[str, Any]) -> str:
    """Name the code by what it makes of a small cell."""
    width = max(PROBE_WIDTH, settings["blocks"])
    (probe, *_) = convergence_cells(
        trials_of_width=[[width, 1, 1]],
        **{**settings, "neuron_layers": [max(settings["neuron_layers"])]},
    )
    return fingerprint(convergence_cell, [probe])


def _check_grid(
    trials_of_width: Sequence[Sequence[int]], neuron_layers: Sequence[int], blocks: int
) -> None:
    previous = check_integer("blocks", blocks, 1) - 1
    for i, (width, trials, detailed) in enumerate(trials_of_width):
        previous = check_integer(f"trials_of_width[{i}][0]", width, previous + 1)
        check_integer(f"trials_of_width[{i}][1]", trials, 1)
        check_integer(f"trials_of_width[{i}][2]", detailed, 0)
    for i, layers in enumerate(neuron_layers):
        check_integer(f"neuron_layers[{i}]", layers, 4)


def _check_among(
    name: str, values: Sequence[float], allowed_name: str, allowed: Sequence[float]
) -> None:
    for value in values:
        if value not in allowed:
            raise ValueError(f"{name} must be among the {allowed_name} {allowed}, got {value!r}")


def _trial_statistics(
    table: CellTable,
) -> dict[str, tuple[tuple[str, ...], NDArray[np.float32]]]:
    lead = ("neuron_layers", "pruning", "scope", "density")
    trailing = {
        "layer_density": ("weight_layer", "width", "trial"),
        "dead_fraction": ("hidden_layer", "width", "trial"),
        "motif_density": ("mask", "width", "trial", "motif"),
        "singular_value": ("mask", "width", "trial", "rank"),
    }
    variables = {name: ((*lead, *dims), table.every_trial(name)) for name, dims in trailing.items()}
    quantiles = table.every_trial("degree_quantile")
    count = np.isfinite(quantiles).sum(axis=6)
    known = np.maximum(count, 1)
    mean = np.nansum(quantiles, axis=6) / known
    squares = np.nansum((quantiles - np.expand_dims(mean, 6)) ** 2, axis=6)
    error = np.sqrt(squares / np.maximum(count - 1, 1) / known)
    dims = (*lead, "mask", "width", "side", "level")
    variables["degree_quantile"] = dims, np.where(count > 0, mean, np.nan).astype(np.float32)
    variables["degree_quantile_error"] = (
        dims,
        np.where(count > 1, error, np.nan).astype(np.float32),
    )
    seconds, megabytes = table.costs()
    for name, values in (("cell_seconds", seconds), ("cell_megabytes", megabytes)):
        variables[name] = ("neuron_layers", "width", "trial"), values
    return variables


CONVERGENCE = Experiment(
    name="convergence",
    compute=convergence,
    profiles={
        "paper": {
            "trials_of_width": [
                [100, 100, 10],
                [500, 100, 10],
                [1000, 100, 10],
                [2000, 100, 5],
                [4000, 4, 1],
            ],
            "neuron_layers": [4, 5],
            "densities": [0.3, 0.2, 0.1],
            "layer_scope": [0.2],
            "blocks": 64,
            "resamples": 500,
            "reference": 2000,
            "cut_density": 0.2,
            "cut_pairs": 3,
            "full": True,
        },
        "quick": {
            "trials_of_width": [[64, 5, 2], [96, 5, 2], [128, 5, 2]],
            "neuron_layers": [4, 5],
            "densities": [0.3, 0.2],
            "layer_scope": [0.2],
            "blocks": 16,
            "resamples": 50,
            "reference": 96,
            "cut_density": 0.2,
            "cut_pairs": 1,
            "full": False,
        },
    },
)
