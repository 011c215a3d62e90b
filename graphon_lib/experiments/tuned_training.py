"""Plain gradient descent with a learning rate of its own for every pruned network."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import ArrayLike

from graphon_lib._checks import check_integer
from graphon_lib.experiments.data import load_mnist
from graphon_lib.experiments.intervention_training import variant_name
from graphon_lib.experiments.results import Experiment
from graphon_lib.experiments.sweep import Cell
from graphon_lib.experiments.training import run_coordinates, run_variables
from graphon_lib.experiments.training_cell import PRUNINGS, run_training

__all__ = ["TUNED_TRAINING", "next_exponent", "tuned_training", "tuning_loss"]

FINAL_STEPS = 20


def tuned_training(
    *,
    seed: int,
    widths: Sequence[int],
    variants: Sequence[Sequence[str]],
    densities: Sequence[float],
    half_decades: Sequence[int],
    start: int,
    trials: int,
    steps: int,
    batch_size: int,
    full: bool,
) -> xr.Dataset:
    r"""Tune the rate of stochastic gradient descent on one network, and train others with it.

    Parameters
    ----------
    seed, widths, steps, batch_size, full
        As of :func:`~graphon_lib.experiments.training.training`.
    variants
        Pairs of a pruning and an intervention, as of
        :func:`~graphon_lib.experiments.intervention_training.intervention_training`.
    densities
        Kept fractions of all weights.
    half_decades
        The least and the greatest rate allowed, :math:`10^{k/2}` for these two integers k.
    start
        The k of the first rate tried.
    trials
        Networks that are trained with the rate chosen, numbered from 1. Number 0 is the one that
        the rate is chosen on; it is not among the results.

    Returns
    -------
    xarray.Dataset
        With the dimensions (variant, density): ``tuning_loss`` (learning_rate), NaN for rates that
        were not tried and infinite for those that diverged; ``chosen_rate``; ``at_edge``, whether
        that is the least or the greatest allowed. With (variant, density, trial), the variables of
        :func:`~graphon_lib.experiments.training.training` at the rate chosen, evaluated once, at
        the end.

    Raises
    ------
    ValueError
        If an argument is not allowed.

    Notes
    -----
    A rate is judged by the mean training loss over the last steps (:func:`tuning_loss`). From
    `start` the search goes to the neighbours of the best rate so far until both have been tried
    (:func:`next_exponent`), which finds the best rate if the loss falls and then rises with the
    rate.
    """
    low, high = _check_exponents(half_decades, start)
    data = load_mnist(full=full)
    shared = {
        "seed": seed,
        "widths": widths,
        "optimizer": "sgd",
        "steps": steps,
        "batch_size": batch_size,
        "evaluated": (steps,),
        "full": full,
        "data_sha256": data.sha256,
    }
    cases = [(*variant, density) for variant in variants for density in densities]
    tried: list[dict[int, float]] = [{} for _ in cases]
    seconds = 0.0
    while True:
        chosen = [next_exponent(losses, low, high, start) for losses in tried]
        waiting = [i for i, exponent in enumerate(chosen) if exponent is not None]
        if not waiting:
            break
        cells = [_cell(shared, cases[i], 0, chosen[i]) for i in waiting]
        computed, _ = run_training(cells, description="Tuning learning rates")
        for i, cell in zip(waiting, computed, strict=True):
            tried[i][chosen[i]] = tuning_loss(cell.arrays["loss"])
            seconds += cell.seconds
    best = [_best(losses) for losses in tried]
    cells = [
        _cell(shared, case, trial, exponent)
        for trial in range(1, trials + 1)
        for case, exponent in zip(cases, best, strict=True)
    ]
    computed, attributes = run_training(cells, description="Training with tuned rates")
    lead = ("variant", "density")
    sizes = {"trial": trials, "variant": len(variants), "density": len(densities)}
    variables = run_variables(computed, sizes, (*lead, "trial"))
    exponents = range(low, high + 1)
    shape = (len(variants), len(densities))
    table = [[losses.get(exponent, math.nan) for exponent in exponents] for losses in tried]
    return xr.Dataset(
        {
            **variables,
            "tuning_loss": ((*lead, "learning_rate"), np.reshape(table, (*shape, -1))),
            "chosen_rate": (lead, np.reshape([_rate(k) for k in best], shape)),
            "at_edge": (lead, np.reshape([k in (low, high) for k in best], shape)),
        },
        coords={
            "variant": [variant_name(*variant) for variant in variants],
            "pruning": ("variant", [pruning for pruning, _ in variants]),
            "intervention": ("variant", [intervention for _, intervention in variants]),
            "density": list(densities),
            "learning_rate": [_rate(exponent) for exponent in exponents],
            "trial": np.arange(1, trials + 1),
            **run_coordinates(widths, steps, (steps,)),
        },
        attrs={
            "data": data.name,
            "data_sha256": data.sha256,
            **attributes,
            "runs": attributes["runs"] + sum(map(len, tried)),
            "cpu_hours": round(sum(_distinct_seconds(computed)) / 3600 + seconds / 3600, 3),
        },
    )


def next_exponent(losses: Mapping[int, float], low: int, high: int, start: int) -> int | None:
    """Return which rate to try next, or None when the best one has been found.

    Parameters
    ----------
    losses
        The loss of every exponent tried so far.
    low, high
        The least and the greatest exponent allowed.
    start
        The first to try.

    Returns
    -------
    int or None
        A neighbour of the best exponent so far, the lower first if that diverged, else the higher.
    """
    if not losses:
        return start
    best = _best(losses)
    step = -1 if math.isinf(losses[best]) else 1
    for exponent in (best + step, best - step):
        if low <= exponent <= high and exponent not in losses:
            return exponent
    return None


def tuning_loss(loss: ArrayLike) -> float:
    """Return the mean training loss over the last 20 steps, infinite after a divergence.

    Parameters
    ----------
    loss
        Of every step, shape (steps,).
    """
    return float(np.mean(np.asarray(loss, dtype=np.float64)[-FINAL_STEPS:]))


def _best(losses: Mapping[int, float]) -> int:
    """Return the exponent of least loss, the lowest of equal ones: below all that diverged."""
    return min(losses, key=lambda exponent: (losses[exponent], exponent))


def _cell(
    shared: Mapping[str, Any], case: tuple[str, str, float], trial: int, exponent: int
) -> dict[str, Any]:
    pruning, intervention, density = case
    unpruned = pruning == "dense" and intervention == "as pruned"
    return {
        **shared,
        "trial": trial,
        "pruning": pruning,
        "intervention": intervention,
        "density": 1.0 if unpruned else density,
        "learning_rate": _rate(exponent),
    }


def _rate(exponent: int) -> float:
    return float(f"{10 ** (exponent / 2):.3g}")


def _distinct_seconds(cells: Sequence[Cell]) -> list[float]:
    return [cell.seconds for cell in {id(cell): cell for cell in cells}.values()]


def _check_exponents(half_decades: Sequence[int], start: int) -> tuple[int, int]:
    low, high = (check_integer("half_decades", k, -40) for k in half_decades)
    if not low <= check_integer("start", start, -40) <= high:
        raise ValueError(f"start must lie in half_decades, from {low} to {high}, got {start}")
    return low, high


VARIANTS = [
    *([pruning, "as pruned"] for pruning in PRUNINGS),
    ["random", "rescaled"],
]

TUNED_TRAINING = Experiment(
    name="tuned-training",
    compute=tuned_training,
    profiles={
        "paper": {
            "widths": [784, 1024, 1024, 1024, 1024, 10],
            "variants": VARIANTS,
            "densities": [0.2, 0.05],
            "half_decades": [-8, 4],
            "start": -2,
            "trials": 5,
            "steps": 200,
            "batch_size": 128,
            "full": True,
        },
        "quick": {
            "widths": [784, 64, 64, 10],
            "variants": VARIANTS,
            "densities": [0.1],
            "half_decades": [-4, 2],
            "start": -2,
            "trials": 2,
            "steps": 40,
            "batch_size": 64,
            "full": False,
        },
    },
)
