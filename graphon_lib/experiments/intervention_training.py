"""Training after interventions: what of a pruned network decides how fast it learns."""

from __future__ import annotations

from typing import Any

import numpy as np
import xarray as xr

from graphon_lib.experiments.experiment import Case, Experiment, profiles
from graphon_lib.experiments.paired import Comparison, compare
from graphon_lib.experiments.training import RUN_LABELS, RUN_SETTINGS, run_variables, training

__all__ = [
    "COMPARISONS",
    "INTERVENTION_TRAINING",
    "INTERVENTION_TRAINING_TORCH",
    "LONG_TRAINING",
    "MARGIN",
    "OF_GRASP",
    "beside_pruned",
    "compared",
    "of_variant",
    "variant_name",
    "with_variants",
]


COMPARISONS = {
    "rescaling": ("random: rescaled", "random: as pruned"),
    "against_snip": ("random: rescaled", "snip: as pruned"),
    "against_synflow": ("random: rescaled", "synflow: as pruned"),
    "volume": ("dense: scaled to random", "dense: as pruned"),
    "structure": ("synflow: re-drawn, rescaled", "random: rescaled"),
    "snip_structure": ("snip: re-drawn, rescaled", "random: rescaled"),
    "layers": ("synflow: shuffled, rescaled", "random: rescaled"),
    "within": ("synflow: re-drawn, rescaled", "synflow: shuffled, rescaled"),
    "snip_layers": ("snip: shuffled, rescaled", "random: rescaled"),
    "snip_within": ("snip: re-drawn, rescaled", "snip: shuffled, rescaled"),
    "snip_redrawn": ("snip: re-drawn", "snip: as pruned"),
    "synflow_redrawn": ("synflow: re-drawn", "synflow: as pruned"),
    "snip_rescaled": ("snip: rescaled", "snip: as pruned"),
    "concentration": ("snip: rescaled", "snip: re-drawn, rescaled"),
    "snip_lead": ("random: rescaled", "snip: rescaled"),
    "synflow_lead": ("random: rescaled", "synflow: rescaled"),
}
"""What is compared, the first over the second: named before the runs were made, but for the last two."""

OF_GRASP = {
    "grasp_redrawn": ("grasp: re-drawn", "grasp: as pruned"),
    "grasp_both": ("grasp: re-drawn, rescaled", "random: rescaled"),
    "grasp_weights": ("grasp: rescaled", "grasp: re-drawn, rescaled"),
}
"""Likewise, but for the last one; GraSP's networks have a spread of their own, so that every pair is judged by its own."""

MARGIN = 1.1
"""Losses that differ by less than a tenth count as equal."""


def compared(losses: xr.DataArray) -> dict[str, Comparison]:
    """Judge all comparisons of one outcome (variant, trial), those with GraSP as a family of its own.

    By the names of :data:`COMPARISONS` and, corrected as by Bonferroni, :data:`OF_GRASP`; the variants
    have ``pruning`` as coordinate.
    """
    without = losses[{"variant": losses.pruning != "grasp"}]
    found = compare(without, COMPARISONS, margin=MARGIN)
    count = len(OF_GRASP)
    for name, pair in OF_GRASP.items():
        two, level = losses.sel(variant=list(pair)), 1.0 - 0.05 / count
        one = compare(two, {name: pair}, margin=MARGIN, confidence=level)[name]
        found[name] = one._replace(p=min(1.0, count * one.p))
    return found


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

# Where the methods differ most: the comparisons that a chapter asks for are made here.
SPARSEST = {"trial": 10, "density": [0.05], "variant": VARIANTS}

FIRST_STEPS = Case(
    {
        "grid": {"trial": 1, "density": [0.05], "variant": ["random: rescaled"]},
        "steps": 20,
        "evaluated": [20],
    },
    ["loss", "layer_density", "path_density"],
    ["layer_density", "path_density"],
)

INTERVENTION_TRAINING = Experiment(
    name="interventions",
    cell=training,
    arguments=of_variant,
    finish=with_variants,
    variables=run_variables("variant", "density", "trial"),
    coords=RUN_LABELS,
    **profiles(
        grid=(
            [{"trial": 3, "density": [0.5, 0.4, 0.3, 0.2, 0.1], "variant": VARIANTS}, SPARSEST],
            {"trial": 2, "density": [0.1], "variant": VARIANTS},
        ),
        steps=(100, 20),
        evaluated=([100], [20]),
        **RUN_SETTINGS,
    ),
    case=FIRST_STEPS,
)

INTERVENTION_TRAINING_TORCH = INTERVENTION_TRAINING.under("torch", batch_size=64, grid=SPARSEST)

ENDING = ["dense: as pruned", "all: as pruned", "random: rescaled"]

LONG_TRAINING = INTERVENTION_TRAINING.changed(
    "long-training",
    FIRST_STEPS._replace(
        changes=FIRST_STEPS.changes
        | {"grid": {"trial": 1, "density": [0.05], "variant": ["synflow: as pruned"]}}
    ),
    grid=(
        {"trial": 3, "density": [0.05], "variant": ENDING},
        {"trial": 2, "density": [0.1], "variant": ENDING},
    ),
    steps=(2000, 40),
    evaluated=([25, 50, 100, 200, 500, 1000, 2000], [20, 40]),
)
"""Training ten times as long as the paper does: to see where the pruned networks end."""
