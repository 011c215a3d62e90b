"""Training after interventions: what of a pruned network decides how fast it learns."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import xarray as xr

from graphon_lib.experiments.data import load_mnist
from graphon_lib.experiments.results import Experiment
from graphon_lib.experiments.training import run_coordinates, run_variables
from graphon_lib.experiments.training_cell import run_training

__all__ = ["INTERVENTION_TRAINING", "beside_pruned", "intervention_training", "variant_name"]


def intervention_training(
    *,
    seed: int,
    widths: Sequence[int],
    variants: Sequence[Sequence[str]],
    densities: Sequence[float],
    trials: int,
    learning_rate: float,
    steps: int,
    batch_size: int,
    evaluated: Sequence[int],
    full: bool,
) -> xr.Dataset:
    """Train pruned networks after interventions, with Adam.

    Parameters
    ----------
    seed, widths, learning_rate, steps, batch_size, evaluated, full
        As of :func:`~graphon_lib.experiments.training.training`: with equal ones, equal trials
        start from the same weights and see the same digits.
    variants
        Pairs: a name of :data:`~graphon_lib.experiments.training_cell.PRUNINGS`, and one of
        :data:`~graphon_lib.experiments.interventions.INTERVENTIONS`.
    densities
        Kept fractions of all weights.
    trials
        Networks for each variant and density.

    Returns
    -------
    xarray.Dataset
        The variables of :func:`~graphon_lib.experiments.training.training` with the dimensions
        (variant, density, trial), and the coordinates ``pruning`` and ``intervention`` along
        ``variant``.

    Raises
    ------
    ValueError
        If an argument is not allowed.
    """
    data = load_mnist(full=full)
    cells = [
        {
            "seed": seed,
            "trial": trial,
            "widths": widths,
            "pruning": pruning,
            "density": density,
            "intervention": intervention,
            "optimizer": "adam",
            "learning_rate": learning_rate,
            "steps": steps,
            "batch_size": batch_size,
            "evaluated": evaluated,
            "full": full,
            "data_sha256": data.sha256,
        }
        for trial in range(trials)
        for density in densities
        for pruning, intervention in variants
    ]
    computed, attributes = run_training(cells, description="Training after interventions")
    variables = run_variables(
        computed,
        {"trial": trials, "density": len(densities), "variant": len(variants)},
        ("variant", "density", "trial"),
    )
    return xr.Dataset(
        variables,
        coords={
            "variant": [variant_name(*variant) for variant in variants],
            "pruning": ("variant", [pruning for pruning, _ in variants]),
            "intervention": ("variant", [intervention for _, intervention in variants]),
            "density": list(densities),
            **run_coordinates(widths, steps, evaluated),
        },
        attrs={"data": data.name, "data_sha256": data.sha256, **attributes},
    )


def variant_name(pruning: str, intervention: str) -> str:
    """Return the label of a variant, such as ``"snip: re-drawn"``."""
    return f"{pruning}: {intervention}"


def beside_pruned(interventions: xr.Dataset, pruned: xr.Dataset) -> xr.Dataset:
    """Put the results of interventions beside those of the networks as pruned.

    Parameters
    ----------
    interventions
        A result of :func:`intervention_training`.
    pruned
        A result of :func:`~graphon_lib.experiments.training.training` with the same seed, so that
        equal trials are the same networks and batches.

    Returns
    -------
    xarray.Dataset
        Both along ``variant``, those as pruned first, at the densities, trials and evaluations
        that they share.

    Raises
    ------
    ValueError
        If they have different seeds or digits.
    """
    for name in ("seed", "data_sha256"):
        if interventions.attrs[name] != pruned.attrs[name]:
            raise ValueError(
                f"interventions and pruned must have the same {name}, got "
                f"{interventions.attrs[name]} and {pruned.attrs[name]}"
            )
    trials = slice(min(interventions.sizes["trial"], pruned.sizes["trial"]))
    names = pruned.pruning.values
    as_pruned = pruned.rename(pruning="variant").assign_coords(
        variant=[variant_name(name, "as pruned") for name in names],
        pruning=("variant", names),
        intervention=("variant", np.full(len(names), "as pruned")),
    )
    return xr.concat(
        [as_pruned.isel(trial=trials), interventions.isel(trial=trials)],
        dim="variant",
        join="inner",
        combine_attrs="drop_conflicts",
    )


STRUCTURAL = (
    "rescaled",
    "re-drawn",
    "re-drawn, rescaled",
    "shuffled",
    "shuffled, rescaled",
    "input mask only",
)
VARIANTS = [
    ["dense", "scaled to random"],
    ["random", "rescaled"],
    ["magnitude", "rescaled"],
    *(["grasp", intervention] for intervention in ("rescaled", "re-drawn", "re-drawn, rescaled")),
    *(["snip", intervention] for intervention in STRUCTURAL),
    *(["synflow", intervention] for intervention in STRUCTURAL),
    ["synflow", "scaled to random"],
]

INTERVENTION_TRAINING = Experiment(
    name="interventions",
    compute=intervention_training,
    profiles={
        "paper": {
            "widths": [784, 1024, 1024, 1024, 1024, 10],
            "variants": VARIANTS,
            "densities": [0.5, 0.4, 0.3, 0.2, 0.1, 0.05],
            "trials": 3,
            "learning_rate": 1e-3,
            "steps": 100,
            "batch_size": 128,
            "evaluated": [100],
            "full": True,
        },
        "quick": {
            "widths": [784, 64, 64, 10],
            "variants": VARIANTS,
            "densities": [0.1],
            "trials": 2,
            "learning_rate": 1e-3,
            "steps": 20,
            "batch_size": 64,
            "evaluated": [20],
            "full": False,
        },
    },
)
