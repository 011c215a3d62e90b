"""How the drift of kept weights scales with the width, and what takes it away."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import xarray as xr

from graphon_lib.experiments.data import load_mnist
from graphon_lib.experiments.drift_cell import TREATMENTS, drift_cell
from graphon_lib.experiments.results import Experiment
from graphon_lib.experiments.sweep import fingerprint, run_cells
from graphon_lib.pruning.methods import METHODS

__all__ = ["DRIFT_SCALING", "drift_scaling"]

PROBE = {"pruning": "snip", "width": 40, "trial": 0, "treatments": tuple(TREATMENTS)}


def drift_scaling(
    *,
    seed: int,
    trials_of_width: Sequence[Sequence[int]],
    largest_width: Mapping[str, int],
    treated_methods: Sequence[str],
    largest_treated: int,
    hidden_layers: int,
    density: float,
    digits: int,
    full: bool,
) -> xr.Dataset:
    """Measure drifts over widths, and kernels after each way to take the drift away.

    Parameters
    ----------
    seed
        Seed of everything random.
    trials_of_width
        Rows (width, trials).
    largest_width
        For methods that are not pruned at all widths, the largest.
    treated_methods, largest_treated
        Methods, and the largest width, of the kernels.
    hidden_layers
        Their number.
    density
        Kept fraction of the whole network.
    digits
        Inputs of the kernels.
    full
        Whether the complete data are used rather than the bundled subset.

    Returns
    -------
    xarray.Dataset
        The variables of :func:`~graphon_lib.experiments.drift_cell.drift_cell`: (pruning, width,
        trial, weight_layer) and (pruning, width, trial, treatment). NaN where nothing was measured.
    """
    data = load_mnist(full=full)
    settings = {
        "seed": seed,
        "hidden_layers": hidden_layers,
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
            "trial": trial,
            "treatments": tuple(TREATMENTS)
            if method in treated_methods and width <= largest_treated
            else (),
        }
        for width, trials in trials_of_width
        for trial in range(trials)
        for method in METHODS
        if width <= largest_width.get(method, width)
    ]
    key = fingerprint(drift_cell, {**settings, **PROBE})
    done = run_cells(drift_cell, cells, key=key, description="Measuring drifts")
    widths = [width for width, _ in trials_of_width]
    lead = (len(METHODS), len(widths), max(trials for _, trials in trials_of_width))
    by_layer = {
        name: np.full((*lead, hidden_layers + 1), np.nan)
        for name in ("drift", "row_drift", "second_moment")
    }
    by_treatment = {name: np.full((*lead, len(TREATMENTS)), np.nan) for name in ("trace", "energy")}
    for arguments, cell in zip(cells, done, strict=True):
        place = (
            list(METHODS).index(arguments["pruning"]),
            widths.index(arguments["width"]),
            arguments["trial"],
        )
        for name, values in by_layer.items():
            values[place] = cell.arrays[name]
        if arguments["treatments"]:
            for name, values in by_treatment.items():
                values[place] = cell.arrays[name]
    dims = ("pruning", "width", "trial")
    return xr.Dataset(
        {name: ((*dims, "weight_layer"), values) for name, values in by_layer.items()}
        | {name: ((*dims, "treatment"), values) for name, values in by_treatment.items()},
        coords={
            "pruning": list(METHODS),
            "width": widths,
            "weight_layer": np.arange(1, hidden_layers + 2),
            "treatment": list(TREATMENTS),
        },
        attrs=_attributes(data.name, data.sha256, done),
    )


def _attributes(name: str, sha256: str, cells: Sequence[Any]) -> dict[str, Any]:
    return {
        "data": name,
        "data_sha256": sha256,
        "cpu_hours": round(sum(cell.seconds for cell in cells) / 3600, 3),
        "peak_megabytes": round(max(cell.megabytes for cell in cells)),
    }


DRIFT_SCALING = Experiment(
    name="drift-scaling",
    compute=drift_scaling,
    profiles={
        "paper": {
            "trials_of_width": [[256, 5], [512, 5], [1024, 4], [2048, 3], [4096, 1]],
            "largest_width": {"synflow": 1024},
            "treated_methods": ["snip", "grasp"],
            "largest_treated": 1024,
            "hidden_layers": 4,
            "density": 0.2,
            "digits": 16,
            "full": True,
        },
        "quick": {
            "trials_of_width": [[48, 2], [96, 2]],
            "largest_width": {"synflow": 48},
            "treated_methods": ["snip", "grasp"],
            "largest_treated": 96,
            "hidden_layers": 2,
            "density": 0.3,
            "digits": 6,
            "full": False,
        },
    },
)
