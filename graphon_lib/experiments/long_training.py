"""Training ten times as long as the paper does: to see where the pruned networks end."""

from __future__ import annotations

from graphon_lib.experiments.experiment import Case, Experiment
from graphon_lib.experiments.intervention_training import of_variant, with_variants
from graphon_lib.experiments.training import RUN_LABELS, run_variables, training

__all__ = ["LONG_TRAINING"]

VARIANTS = ["dense: as pruned", "all: as pruned", "random: rescaled"]

LONG_TRAINING = Experiment(
    name="long-training",
    cell=training,
    arguments=of_variant,
    finish=with_variants,
    variables=run_variables("variant", "density", "trial"),
    coords=RUN_LABELS,
    paper={
        "grid": {"trial": 3, "density": [0.05], "variant": VARIANTS},
        "width": 1024,
        "hidden_layers": 4,
        "optimizer": "adam",
        "learning_rate": 1e-3,
        "steps": 2000,
        "batch_size": 128,
        "evaluated": [25, 50, 100, 200, 500, 1000, 2000],
        "full": True,
    },
    quick={
        "grid": {"trial": 2, "density": [0.1], "variant": VARIANTS},
        "width": 64,
        "hidden_layers": 2,
        "steps": 40,
        "batch_size": 64,
        "evaluated": [20, 40],
    },
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
