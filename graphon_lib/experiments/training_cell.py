"""One cell of the training sweeps: prune a network, perhaps intervene, train it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from graphon_lib._checks import check_choice
from graphon_lib.experiments.digits import checked_digits
from graphon_lib.experiments.interventions import INTERVENTIONS, intervene
from graphon_lib.experiments.mask_statistics import dead_fractions
from graphon_lib.experiments.sweep import Cell, fingerprint, run_cells
from graphon_lib.experiments.training_run import train
from graphon_lib.experiments.trials import start_trial
from graphon_lib.graphons.paths import path_density
from graphon_lib.pruning.methods import METHODS
from graphon_lib.pruning.rescale import signal_moments

__all__ = ["PRUNINGS", "run_training", "training_cell", "training_probe"]

PRUNINGS = ("dense", *METHODS)
"""No pruning at all, and the five methods."""

PROBE = {"widths": (784, 24, 24, 10), "steps": 12, "batch_size": 32, "evaluated": (6, 12)}


def training_cell(
    *,
    seed: int,
    trial: int,
    widths: Sequence[int],
    pruning: str,
    density: float,
    intervention: str,
    optimizer: str,
    learning_rate: float,
    steps: int,
    batch_size: int,
    evaluated: Sequence[int],
    full: bool,
    data_sha256: str,
) -> dict[str, NDArray]:
    """Prune one network at initialisation, intervene, describe what is left, and train it.

    Parameters
    ----------
    seed, trial
        These numbers alone seed the network, its pruning batch and its training batches: within a
        trial all methods, densities and interventions start from the same weights and see the same
        digits in the same order.
    widths
        Layer widths (784, n, ..., 10).
    pruning
        A name of :data:`PRUNINGS`.
    density
        Kept fraction of all weights. For ``"dense"`` nothing is pruned; the density is then that of
        the random network whose scale the intervention ``"scaled to random"`` imitates.
    intervention
        A name of :data:`~graphon_lib.experiments.interventions.INTERVENTIONS`.
    optimizer, learning_rate, steps, batch_size, evaluated
        As of :func:`~graphon_lib.experiments.training_run.train`.
    full
        Whether the digits are the complete MNIST rather than the bundled subset.
    data_sha256
        The checksum that they must have.

    Returns
    -------
    dict
        ``loss`` (step), ``test_loss`` and ``test_accuracy`` (evaluation), ``gradient_norm``, all of
        the :class:`~graphon_lib.experiments.training_run.TrainingRun`. Known before training:
        ``path_density``; ``layer_density`` (weight layer); ``dead_fraction`` (hidden layer);
        ``signal`` (weight layer), the mean square of the pre-activations of the pruning batch;
        ``connected``, whether a path is left from the inputs to the outputs. A network without one
        is trained as it is, with a flat curve, whatever the intervention.

    Raises
    ------
    DataError
        If the digits found here are others than those of `data_sha256`.
    ValueError
        If an argument is not allowed.
    """
    check_choice("pruning", pruning, PRUNINGS)
    check_choice("intervention", intervention, INTERVENTIONS)
    data = checked_digits(full, data_sha256)
    started = start_trial(data, widths, (seed, trial))
    # The trial has taken the first three.
    batches, drawn = np.random.SeedSequence((seed, trial)).spawn(5)[3:]
    if pruning == "dense":
        masks = [torch.ones_like(mask) for mask in started.model.masks]
    else:
        ((_, masks),) = started.masks(pruning, [density])
    paths = path_density(masks)
    generator = torch.Generator().manual_seed(int(drawn.generate_state(1, np.uint64)[0] >> 1))
    model = intervene(
        intervention if paths > 0.0 else "as pruned", started, masks, density, generator
    )
    before = {
        "path_density": np.float64(path_density(model.masks)),
        "layer_density": np.array([float(mask.double().mean()) for mask in model.masks]),
        "dead_fraction": dead_fractions(model.masks),
        "signal": signal_moments(model, started.x).numpy(),
        "connected": np.bool_(paths > 0.0),
    }
    run = train(
        model,
        data,
        optimizer=optimizer,
        learning_rate=learning_rate,
        steps=steps,
        batch_size=batch_size,
        evaluated=evaluated,
        rng=np.random.default_rng(batches),
    )
    return before | {
        "loss": run.loss,
        "test_loss": run.test_loss,
        "test_accuracy": run.test_accuracy,
        "gradient_norm": np.float64(run.gradient_norm),
    }


def training_probe(
    *, seed: int, optimizers: Sequence[str], full: bool, data_sha256: str
) -> dict[str, NDArray]:
    """Run every kind of cell at a small size, as the probe of a fingerprint.

    Parameters
    ----------
    seed, full, data_sha256
        As of :func:`training_cell`.
    optimizers
        Names of optimisers.

    Returns
    -------
    dict
        The arrays of every method as pruned and of SNIP after every intervention.
    """
    kinds = [(pruning, "as pruned") for pruning in PRUNINGS]
    kinds += [("snip", intervention) for intervention in INTERVENTIONS[1:]]
    arrays = {}
    for optimizer in optimizers:
        for pruning, intervention in kinds:
            cell = training_cell(
                seed=seed,
                trial=0,
                pruning=pruning,
                density=0.3,
                intervention=intervention,
                optimizer=optimizer,
                learning_rate=1e-3,
                full=full,
                data_sha256=data_sha256,
                **PROBE,
            )
            arrays |= {f"{optimizer}, {pruning}, {intervention}, {k}": v for k, v in cell.items()}
    return arrays


def run_training(
    cells: Sequence[Mapping[str, Any]], *, description: str
) -> tuple[list[Cell], dict[str, Any]]:
    """Compute cells, equal ones once, and say what they cost.

    Parameters
    ----------
    cells
        Arguments of :func:`training_cell`, all of one seed and with the same digits; lists among
        them are allowed.
    description
        What the progress bar says.

    Returns
    -------
    tuple
        The cells, in the order given, and attributes for the result: the key they are kept under,
        the hash of their code, and their cost.
    """
    frozen = [tuple(sorted((k, _frozen(v)) for k, v in cell.items())) for cell in cells]
    unique = list(dict.fromkeys(frozen))
    first = cells[0]
    optimizers = tuple(sorted({cell["optimizer"] for cell in cells}))
    key = _key(first["seed"], optimizers, first["full"], first["data_sha256"])
    computed = run_cells(
        training_cell, [dict(cell) for cell in unique], key=key, description=description
    )
    found = dict(zip(unique, computed, strict=True))
    return [found[cell] for cell in frozen], {
        "cells_fingerprint": key,
        "cells_code_sha256": ", ".join(sorted({cell.code_sha256 for cell in computed})),
        "runs": len(unique),
        "cpu_hours": round(sum(cell.seconds for cell in computed) / 3600, 3),
        "peak_megabytes": round(max(cell.megabytes for cell in computed)),
    }


@cache
def _key(seed: int, optimizers: tuple[str, ...], full: bool, data_sha256: str) -> str:
    """Name the code by what it makes of small cells; it cannot change while a process runs."""
    probe = {"seed": seed, "optimizers": optimizers, "full": full, "data_sha256": data_sha256}
    return fingerprint(training_probe, [probe])


def _frozen(value: object) -> object:
    return tuple(value) if isinstance(value, list) else value
