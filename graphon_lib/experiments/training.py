"""Training at the paper's scale: loss and accuracy by method, sparsity and step."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import xarray as xr

from graphon_lib.experiments.data import load_mnist
from graphon_lib.experiments.results import Experiment
from graphon_lib.experiments.sweep import Cell
from graphon_lib.experiments.training_cell import PRUNINGS, run_training

__all__ = ["TRAINING", "run_variables", "training"]

DIMENSIONS = {
    "loss": ("step",),
    "test_loss": ("evaluation",),
    "test_accuracy": ("evaluation",),
    "gradient_norm": (),
    "path_density": (),
    "layer_density": ("weight_layer",),
    "dead_fraction": ("hidden_layer",),
    "signal": ("weight_layer",),
    "connected": (),
}
SINGLE_PRECISION = ("dead_fraction", "gradient_norm", "layer_density", "signal")


def training(
    *,
    seed: int,
    widths: Sequence[int],
    prunings: Sequence[str],
    densities: Sequence[float],
    trials: int,
    optimizer: str,
    learning_rate: float,
    steps: int,
    batch_size: int,
    evaluated: Sequence[int],
    full: bool,
) -> xr.Dataset:
    """Train networks pruned by every method to every density.

    Parameters
    ----------
    seed
        Seed of everything random.
    widths
        Layer widths (784, n, ..., 10).
    prunings
        Names of :data:`~graphon_lib.experiments.training_cell.PRUNINGS`, ``"dense"`` among them if
        wanted.
    densities
        Kept fractions of all weights.
    trials
        Networks, each with its own pruning batch and order of the training digits, which all
        methods and densities share.
    optimizer, learning_rate, steps, batch_size, evaluated
        As of :func:`~graphon_lib.experiments.training_run.train`.
    full
        Whether the complete data are used rather than the bundled subset.

    Returns
    -------
    xarray.Dataset
        With the dimensions (pruning, density, trial): ``loss`` (step), of the batch before update
        number ``step`` + 1; ``test_loss`` and ``test_accuracy`` (evaluation), after so many updates;
        and, known before training, ``path_density``, ``layer_density`` (weight_layer),
        ``dead_fraction`` (hidden_layer), ``signal`` (weight_layer), ``gradient_norm`` and
        ``connected``, see :func:`~graphon_lib.experiments.training_cell.training_cell`. The dense
        network is trained once a trial and stands at every density. A run that diverged has
        infinite losses from there on.

    Raises
    ------
    ValueError
        If an argument is not allowed.
    """
    data = load_mnist(full=full)
    shared = {
        "seed": seed,
        "widths": widths,
        "intervention": "as pruned",
        "optimizer": optimizer,
        "learning_rate": learning_rate,
        "steps": steps,
        "batch_size": batch_size,
        "evaluated": evaluated,
        "full": full,
        "data_sha256": data.sha256,
    }
    # Trials come first, so that a sweep that is cut short has all methods and densities.
    cells = [
        {
            **shared,
            "trial": trial,
            "pruning": pruning,
            "density": 1.0 if pruning == "dense" else density,
        }
        for trial in range(trials)
        for density in densities
        for pruning in prunings
    ]
    computed, attributes = run_training(cells, description="Training networks")
    variables = run_variables(
        computed,
        {"trial": trials, "density": len(densities), "pruning": len(prunings)},
        ("pruning", "density", "trial"),
    )
    return xr.Dataset(
        variables,
        coords={
            "pruning": list(prunings),
            "density": list(densities),
            **run_coordinates(widths, steps, evaluated),
        },
        attrs={"data": data.name, "data_sha256": data.sha256, **attributes},
    )


def run_variables(
    cells: Sequence[Cell], sizes: Mapping[str, int], order: Sequence[str]
) -> dict[str, xr.DataArray]:
    """Return what cells have recorded as named arrays.

    Parameters
    ----------
    cells
        Cells of :func:`~graphon_lib.experiments.training_cell.training_cell`.
    sizes
        The dimensions that the cells run through, the last the fastest, with their sizes.
    order
        These dimensions in the order wanted.

    Returns
    -------
    dict
        An array for each quantity; its own dimensions come last.
    """
    variables = {}
    for name, trailing in DIMENSIONS.items():
        values = np.stack([cell.arrays[name] for cell in cells])
        values = values.reshape(*sizes.values(), *values.shape[1:])
        if name in SINGLE_PRECISION:
            values = values.astype(np.float32)
        variables[name] = xr.DataArray(values, dims=(*sizes, *trailing)).transpose(
            *order, *trailing
        )
    return variables


def run_coordinates(widths: Sequence[int], steps: int, evaluated: Sequence[int]) -> dict[str, Any]:
    """Return the coordinates of a run's own dimensions."""
    return {
        "step": np.arange(steps),
        "evaluation": list(evaluated),
        "weight_layer": np.arange(1, len(widths)),
        "hidden_layer": np.arange(1, len(widths) - 1),
    }


TRAINING = Experiment(
    name="training",
    compute=training,
    profiles={
        "paper": {
            "widths": [784, 1024, 1024, 1024, 1024, 10],
            "prunings": list(PRUNINGS),
            "densities": [0.5, 0.4, 0.3, 0.2, 0.1, 0.05],
            "trials": 5,
            "optimizer": "adam",
            "learning_rate": 1e-3,
            "steps": 200,
            "batch_size": 128,
            "evaluated": [25, 50, 100, 200],
            "full": True,
        },
        "quick": {
            "widths": [784, 64, 64, 10],
            "prunings": list(PRUNINGS),
            "densities": [0.5, 0.1],
            "trials": 2,
            "optimizer": "adam",
            "learning_rate": 1e-3,
            "steps": 40,
            "batch_size": 64,
            "evaluated": [5, 10, 20, 40],
            "full": False,
        },
    },
)
