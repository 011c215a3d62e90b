"""Training at the paper's scale: loss and accuracy by method, sparsity and step."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from graphon_lib._checks import check_choice
from graphon_lib.experiments.digits import Data
from graphon_lib.experiments.experiment import Case, Experiment, profiles
from graphon_lib.experiments.interventions import INTERVENTIONS, intervene
from graphon_lib.experiments.mask_statistics import dead_fractions
from graphon_lib.experiments.pruned import LAYERS, dense_once, start_network, torch_generator
from graphon_lib.experiments.training_run import train
from graphon_lib.graphons.network import path_density
from graphon_lib.pruning.methods import METHODS
from graphon_lib.pruning.rescale import signal_moments

__all__ = ["RUN_LABELS", "TRAINING", "TRAINING_TORCH", "run_variables", "training"]

RUN_LABELS = MappingProxyType(
    {"step": lambda steps, **_: range(steps), "evaluation": "evaluated", **LAYERS}
)
"""Labels of the dimensions of a run, as functions of the settings."""


def training(
    *,
    seed: int,
    trial: int,
    width: int,
    hidden_layers: int,
    pruning: str,
    density: float,
    intervention: str,
    data: Data,
    **descent: Any,  # noqa: ANN401
) -> dict[str, NDArray]:
    """Prune one network at initialisation, intervene, describe what is left, and train it.

    Returns ``loss`` (step), of the batch before update number ``step`` + 1, ``test_loss`` and
    ``test_accuracy`` (evaluation), as of
    :class:`~graphon_lib.experiments.training_run.TrainingRun`. Known before training:
    ``path_density``; ``layer_density`` (weight layer); ``dead_fraction`` (hidden layer); ``signal``
    (weight layer), the mean square of the pre-activations of the pruning batch; ``connected``,
    whether a path is left from the inputs to the outputs. A network without one is trained as it
    is, with a flat curve, whatever the intervention.

    Parameters
    ----------
    seed, trial
        These alone seed the network, its pruning batch and its training batches: within a trial all
        methods, densities and interventions start from the same weights and see the same images in
        the same order.
    density
        Kept fraction of all weights. For ``"dense"`` nothing is pruned; the density is then that of
        the random network whose scale the intervention ``"scaled to random"`` imitates.
    intervention
        A name of :data:`~graphon_lib.experiments.interventions.INTERVENTIONS`.
    **descent
        As of :func:`~graphon_lib.experiments.training_run.train`.
    """
    check_choice("pruning", pruning, ("dense", *METHODS))
    check_choice("intervention", intervention, INTERVENTIONS)
    started = start_network((seed, trial), width=width, hidden_layers=hidden_layers, data=data)
    # The trial has taken the first three.
    batches, drawn = np.random.SeedSequence((seed, trial)).spawn(5)[3:]
    if pruning == "dense":
        masks = [torch.ones_like(mask) for mask in started.model.masks]
    else:
        ((_, masks),) = started.masks(pruning, [density])
    paths = path_density(masks)
    name = intervention if paths > 0.0 else "as pruned"
    model = intervene(name, started, masks, density, torch_generator(drawn))
    before = {
        "path_density": np.float64(path_density(model.masks)),
        "layer_density": np.float32([float(mask.double().mean()) for mask in model.masks]),
        "dead_fraction": dead_fractions(model.masks).astype(np.float32),
        "signal": signal_moments(model, started.x).numpy().astype(np.float32),
        "connected": np.bool_(paths > 0.0),
    }
    run = train(model, data.load(), rng=np.random.default_rng(batches), **descent)
    return before | run._asdict()


def run_variables(*place: str) -> dict[str, tuple[str, ...]]:
    """Return the dimensions of all that is recorded of runs, those of their places first."""
    own = {
        "loss": ("step",),
        "test_loss": ("evaluation",),
        "test_accuracy": ("evaluation",),
        "path_density": (),
        "layer_density": ("weight_layer",),
        "dead_fraction": ("hidden_layer",),
        "signal": ("weight_layer",),
        "connected": (),
    }
    return {name: (*place, *dims) for name, dims in own.items()}


RUN_SETTINGS: Mapping[str, Any] = MappingProxyType(
    {
        "width": (1024, 64),
        "hidden_layers": (4, 2),
        "optimizer": "adam",
        "learning_rate": 1e-3,
        "batch_size": (128, 64),
        "full": (True, False),
    }
)
"""What experiments with training runs share: at the paper's sizes and in the quick profile."""

TRAINING = Experiment(
    name="training",
    cell=training,
    arguments=dense_once,
    variables=run_variables("pruning", "density", "trial"),
    coords=RUN_LABELS,
    **profiles(
        # Trials come first, so that a sweep that is cut short has all methods and densities.
        grid=(
            {
                "trial": 10,
                "density": [0.5, 0.4, 0.3, 0.2, 0.1, 0.05],
                "pruning": ["dense", "all"],
            },
            {"trial": 2, "density": [0.5, 0.1], "pruning": ["dense", "all"]},
        ),
        intervention="as pruned",
        steps=(200, 40),
        evaluated=([25, 50, 100, 200], [5, 10, 20, 40]),
        **RUN_SETTINGS,
    ),
    # The first steps of a run do not depend on how many follow.
    case=Case(
        {
            "grid": {"trial": 1, "density": [0.05], "pruning": ["random", "snip"]},
            "steps": 20,
            "evaluated": [20],
        },
        ["loss", "layer_density", "path_density"],
        ["layer_density", "path_density"],
    ),
)

TRAINING_TORCH = TRAINING.under("torch", batch_size=64)
