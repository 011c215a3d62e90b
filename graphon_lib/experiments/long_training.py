"""Training ten times as long as the paper does: to see where the pruned networks end."""

from __future__ import annotations

from graphon_lib.experiments.intervention_training import intervention_training
from graphon_lib.experiments.results import Experiment
from graphon_lib.experiments.training_cell import PRUNINGS

__all__ = ["LONG_TRAINING"]

VARIANTS = [
    *([pruning, "as pruned"] for pruning in PRUNINGS),
    ["random", "rescaled"],
]

LONG_TRAINING = Experiment(
    name="long-training",
    compute=intervention_training,
    profiles={
        "paper": {
            "widths": [784, 1024, 1024, 1024, 1024, 10],
            "variants": VARIANTS,
            "densities": [0.05],
            "trials": 3,
            "learning_rate": 1e-3,
            "steps": 2000,
            "batch_size": 128,
            "evaluated": [25, 50, 100, 200, 500, 1000, 2000],
            "full": True,
        },
        "quick": {
            "widths": [784, 64, 64, 10],
            "variants": VARIANTS,
            "densities": [0.1],
            "trials": 2,
            "learning_rate": 1e-3,
            "steps": 40,
            "batch_size": 64,
            "evaluated": [20, 40],
            "full": False,
        },
    },
)
