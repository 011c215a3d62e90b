"""Training after interventions: what of a pruned network decides how fast it learns."""

from __future__ import annotations

from typing import Any

import numpy as np
import xarray as xr

from graphon_lib.experiments.experiment import Case, Experiment, profiles
from graphon_lib.experiments.training import RUN_LABELS, run_variables, training

__all__ = [
    "INTERVENTION_TRAINING",
    "INTERVENTION_TRAINING_TORCH",
    "LONG_TRAINING",
    "beside_pruned",
    "of_variant",
    "variant_name",
    "with_variants",
]


def variant_name(pruning: str, intervention: str) -> str:
    """Return the label of a variant, such as ``"snip: re-drawn"``."""
    return f"{pruning}: {intervention}"


def of_variant(call: dict[str, Any]) -> dict[str, Any]:
    """Give a cell the pruning and the intervention of its variant."""
    pruning, intervention = call["variant"].split(": ")
    rest = {name: value for name, value in call.items() if name != "variant"}
    return rest | {"pruning": pruning, "intervention": intervention}


def with_variants(dataset: xr.Dataset, *, seed: int) -> xr.Dataset:
    """Add the coordinates ``pruning`` and ``intervention`` along ``variant``."""
    prunings, interventions = zip(
        *(str(v).split(": ") for v in dataset.variant.values), strict=True
    )
    return dataset.assign_coords(
        pruning=("variant", list(prunings)), intervention=("variant", list(interventions))
    )


def beside_pruned(interventions: xr.Dataset, pruned: xr.Dataset) -> xr.Dataset:
    """Put the results of interventions beside those of the networks as pruned, along ``variant``.

    Those as pruned come first, at the densities, trials and evaluations that both share. Other
    seeds or images are a ``ValueError``: equal trials are the same networks and batches.
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
    variant_name(pruning, intervention)
    for pruning, interventions in (
        ("dense", ("scaled to random",)),
        ("random", ("rescaled",)),
        ("magnitude", ("rescaled",)),
        ("grasp", ("rescaled", "re-drawn", "re-drawn, rescaled")),
        ("snip", STRUCTURAL),
        ("synflow", (*STRUCTURAL, "scaled to random")),
    )
    for intervention in interventions
]

INTERVENTION_TRAINING = Experiment(
    name="interventions",
    cell=training,
    arguments=of_variant,
    finish=with_variants,
    variables=run_variables("variant", "density", "trial"),
    coords=RUN_LABELS,
    **profiles(
        grid=(
            {"trial": 3, "density": [0.5, 0.4, 0.3, 0.2, 0.1, 0.05], "variant": VARIANTS},
            {"trial": 2, "density": [0.1], "variant": VARIANTS},
        ),
        width=(1024, 64),
        hidden_layers=(4, 2),
        optimizer="adam",
        learning_rate=1e-3,
        steps=(100, 20),
        batch_size=(128, 64),
        evaluated=([100], [20]),
        full=(True, False),
    ),
    case=Case(
        {
            "grid": {"trial": 1, "density": [0.05], "variant": ["random: rescaled"]},
            "steps": 20,
            "evaluated": [20],
        },
        ["loss", "layer_density", "path_density"],
        ["layer_density", "path_density"],
    ),
)

INTERVENTION_TRAINING_TORCH = INTERVENTION_TRAINING.under(
    "torch", batch_size=64, grid={"trial": 5, "density": [0.05], "variant": VARIANTS}
)

ENDING = ["dense: as pruned", "all: as pruned", "random: rescaled"]

LONG_TRAINING = Experiment(
    name="long-training",
    cell=training,
    arguments=of_variant,
    finish=with_variants,
    variables=run_variables("variant", "density", "trial"),
    coords=RUN_LABELS,
    **profiles(
        grid=(
            {"trial": 3, "density": [0.05], "variant": ENDING},
            {"trial": 2, "density": [0.1], "variant": ENDING},
        ),
        width=(1024, 64),
        hidden_layers=(4, 2),
        optimizer="adam",
        learning_rate=1e-3,
        steps=(2000, 40),
        batch_size=(128, 64),
        evaluated=([25, 50, 100, 200, 500, 1000, 2000], [20, 40]),
        full=(True, False),
    ),
    case=Case(
        {
            "grid": {"trial": 1, "density": [0.05], "variant": ["synflow: as pruned"]},
            "steps": 20,
            "evaluated": [20],
        },
        ["loss", "layer_density", "path_density"],
        ["layer_density", "path_density"],
    ),
)
"""Training ten times as long as the paper does: to see where the pruned networks end."""
