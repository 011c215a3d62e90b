"""Plain gradient descent with a learning rate of its own for every pruned network."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import ArrayLike, NDArray

from graphon_lib._checks import check_integer
from graphon_lib.experiments.experiment import Case, Experiment, profiles
from graphon_lib.experiments.intervention_training import of_variant, with_variants
from graphon_lib.experiments.pruned import dense_once
from graphon_lib.experiments.training import RUN_LABELS, run_variables, training

__all__ = ["TUNED_TRAINING", "next_exponent", "tuned_training", "tuning_loss"]

FINAL_STEPS = 20


def tuned_training(
    *,
    seed: int,
    pruning: str,
    intervention: str,
    density: float,
    half_decades: Sequence[int],
    start: int,
    trials: int,
    steps: int,
    **settings: Any,  # noqa: ANN401
) -> dict[str, NDArray]:
    """Tune the rate of stochastic gradient descent on one network, and train others with it.

    Returns ``tuning_loss`` (learning_rate), NaN for rates that were not tried and infinite for
    those that diverged; ``chosen_rate``; ``at_edge``, whether that is the least or the greatest
    allowed; and (trial, ...) what is recorded of runs at the rate chosen, evaluated in the end.

    Parameters
    ----------
    half_decades, start
        The least and the greatest rate allowed, and the first one tried, are :math:`10^{k/2}` for
        these integers k. From `start` the search goes to the neighbours of the best rate so far
        until both have been tried (:func:`next_exponent`), which finds the best if the loss falls
        and then rises.
    trials
        Networks that are trained with the rate chosen, numbered from 1. Number 0 is the one that
        the rate is chosen on, by its :func:`tuning_loss`; it is not among the results.
    **settings
        With the others, as of :func:`~graphon_lib.experiments.training.training`.
    """
    low, high = _check_exponents(half_decades, start)

    def trained(trial: int, exponent: int) -> dict[str, NDArray]:
        return training(
            seed=seed,
            trial=trial,
            pruning=pruning,
            intervention=intervention,
            density=density,
            optimizer="sgd",
            learning_rate=_rate(exponent),
            steps=steps,
            evaluated=(steps,),
            **settings,
        )

    tried: dict[int, float] = {}
    while (exponent := next_exponent(tried, low, high, start)) is not None:
        tried[exponent] = tuning_loss(trained(0, exponent)["loss"])
    best = _best(tried)
    runs = [trained(trial, best) for trial in range(1, trials + 1)]
    return {name: np.stack([run[name] for run in runs]) for name in runs[0]} | {
        "tuning_loss": np.array([tried.get(k, math.nan) for k in _exponents(half_decades)]),
        "chosen_rate": np.float64(_rate(best)),
        "at_edge": np.bool_(best in (low, high)),
    }


def of_tuned_variant(call: dict[str, Any]) -> dict[str, Any]:
    """Give a cell what its variant says; the dense network stands at every density."""
    return dense_once(of_variant(call))


def with_runs(dataset: xr.Dataset, *, seed: int) -> xr.Dataset:
    """Add the coordinates of variants, and count the networks that were trained."""
    runs = dataset.attrs["runs"] * dataset.sizes["trial"] + dataset.tuning_loss.notnull().sum()
    return with_variants(dataset, seed=seed).assign_attrs(runs=int(runs))


def next_exponent(losses: Mapping[int, float], low: int, high: int, start: int) -> int | None:
    """Return which rate to try next, from `low` to `high`, or None when the best one has been found.

    A neighbour of the best exponent in `losses`, those tried so far: the lower first if that
    diverged, else the higher.
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
    """Return the mean training loss over the last 20 steps, infinite after a divergence."""
    return float(np.mean(np.asarray(loss, dtype=np.float64)[-FINAL_STEPS:]))


def _best(losses: Mapping[int, float]) -> int:
    """Return the exponent of least loss, the lowest of equal ones: below all that diverged."""
    return min(losses, key=lambda exponent: (losses[exponent], exponent))


def _rate(exponent: int) -> float:
    return float(f"{10 ** (exponent / 2):.3g}")


def _check_exponents(half_decades: Sequence[int], start: int) -> tuple[int, int]:
    low, high = (check_integer("half_decades", k, -40) for k in half_decades)
    if not low <= check_integer("start", start, -40) <= high:
        raise ValueError(f"start must lie in half_decades, from {low} to {high}, got {start}")
    return low, high


def _exponents(half_decades: Sequence[int]) -> range:
    low, high = half_decades
    return range(low, high + 1)


VARIANTS = ["dense: as pruned", "all: as pruned", "random: rescaled"]

PLACE = ("variant", "density")

TUNED_TRAINING = Experiment(
    name="tuned-training",
    cell=tuned_training,
    arguments=of_tuned_variant,
    finish=with_runs,
    variables={
        **run_variables(*PLACE, "trial"),
        "tuning_loss": (*PLACE, "learning_rate"),
        "chosen_rate": PLACE,
        "at_edge": PLACE,
    },
    coords={
        **RUN_LABELS,
        "evaluation": lambda steps, **_: [steps],
        "trial": lambda trials, **_: range(1, trials + 1),
        "learning_rate": lambda half_decades, **_: map(_rate, _exponents(half_decades)),
    },
    **profiles(
        grid=(
            {"density": [0.2, 0.05], "variant": VARIANTS},
            {"density": [0.1], "variant": VARIANTS},
        ),
        width=(1024, 64),
        hidden_layers=(4, 2),
        half_decades=([-8, 4], [-4, 2]),
        start=-2,
        trials=(5, 2),
        steps=(200, 40),
        batch_size=(128, 64),
        full=(True, False),
    ),
    # The first steps at the rate that was chosen.
    case=Case(
        {
            "grid": {"density": [0.05], "variant": ["snip: as pruned"]},
            "half_decades": [0, 0],
            "start": 0,
            "trials": 1,
            "steps": 10,
        },
        ["loss", "layer_density", "path_density"],
    ),
)
