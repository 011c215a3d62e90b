"""What moves are worth if every schedule has a learning rate of its own.

Registered before any of these networks was trained; those of
:data:`~graphon_lib.experiments.moving_masks.MOVING_TRAINING`, all at the rate 0.001, had been seen:

- *question*: does one of its four verdicts change if rates are tuned?
- *outcome*, *comparisons* and *equivalence* are those there: the error on the official test images
  after the last update, four ratios of geometric means over ten paired networks, one family, Holm,
  and a tenth. He's law, sparsity 95 %, as many updates and moves;
- *learning rate*: for static random masks, SET, RigL, and static networks with RigL's last masks and
  new weights, each the best of three by the training loss of its last updates, on a network that is
  not among the ten. The last masks are RigL's at its own rate;
- *width*: 256 in the place of 1024, for want of time. :data:`ONE_RATE_MOVES` is the same at the rate
  0.001, a family of its own, to tell what the width changes from what rates do.

The latter was registered with the rest, and cut for want of time before any result was looked at; it
was run after all when the tuned networks had been looked at, without SET, whose verdict was that at
one rate.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray
from torch import Tensor

from graphon_lib.experiments.digits import Data
from graphon_lib.experiments.experiment import Case, Experiment, profiles
from graphon_lib.experiments.moving_masks import COMPARISONS, MARGIN, MOVING_TRAINING
from graphon_lib.experiments.paired import Comparison, compare
from graphon_lib.experiments.pruned import start_network, torch_generator
from graphon_lib.experiments.training_run import TrainingRun, train
from graphon_lib.experiments.tuned_training import tuning_loss
from graphon_lib.graphons.layer_densities import erk_densities, uniform_masks
from graphon_lib.pruning.moving import MovingMasks
from graphon_lib.pruning.rescale import rescale_signal

__all__ = ["ONE_RATE_MOVES", "TUNED_MOVES", "compared_errors", "errors_by_variant", "tuned_moves"]

WEIGHTS = ("own", "fresh")


def tuned_moves(
    *,
    seed: int,
    schedule: str,
    width: int,
    hidden_layers: int,
    density: float,
    rates: Sequence[float],
    trials: int,
    steps: int,
    every: int,
    data: Data,
    **descent: Any,  # noqa: ANN401
) -> dict[str, NDArray]:
    """Choose the rate of a schedule on one network, and train others with it.

    From random masks of ERK's layer densities, and of RigL's last masks again, with new weights: rows
    "own" and "fresh", NaN where there is none. Returns ``tuning_loss`` (weights, learning_rate) and
    ``chosen_rate`` (weights), of network 0, and of the others ``first_loss`` (weights, trial), before
    the first update, and ``test_accuracy`` (weights, trial), after the last.

    Parameters
    ----------
    seed
        With the number of a network, it seeds all that is random: schedules start from the same, and
        networks and masks are those of :func:`~graphon_lib.experiments.moving_masks.moving_masks`.
    schedule
        A row of :data:`~graphon_lib.pruning.SCHEDULES`.
    rates
        Learning rates to choose from.
    trials
        Networks, numbered from 1.
    every
        Updates between two moves, in the first three quarters of the training.
    density, steps, **descent
        Kept fraction of all weights, and as of :func:`~graphon_lib.experiments.training_run.train`.
    """
    images = data.load()

    def trained(
        number: int, rate: float, given: Sequence[Tensor] | None = None
    ) -> tuple[TrainingRun, Sequence[Tensor]]:
        started = start_network((seed, number), width=width, hidden_layers=hidden_layers, data=data)
        model = started.model
        # The trial has taken the first three.
        batches, drawn, grown = np.random.SeedSequence((seed, number)).spawn(6)[3:]
        if given is None:
            layers = erk_densities(model.widths, density)
            model.masks = uniform_masks(model.widths, layers, np.random.default_rng(drawn))
        else:
            model.redraw(torch_generator(drawn))
            model.masks = given
        # A network that lets nothing through is refused, and trained as it is.
        with suppress(ValueError):
            rescale_signal(model, started.x)
        run = train(
            model,
            images,
            learning_rate=rate,
            steps=steps,
            evaluated=[steps],
            rng=np.random.default_rng(batches),
            moving=lambda optimizer: MovingMasks(
                model,
                model.masks,
                optimizer,
                schedule if given is None else "static",
                every=every,
                until=steps * 3 // 4,
                generator=torch_generator(grown),
            ),
            **descent,
        )
        return run, model.masks

    own = _tuned(trained, rates, [None] * (trials + 1))
    found = [own]
    if schedule == "rigl":
        masks = [trained(0, own["chosen_rate"])[1], *own["masks"]]
        found.append(_tuned(trained, rates, masks))
    empty = {name: np.full_like(own[name], np.nan) for name in own if name != "masks"}
    found += [empty] * (len(WEIGHTS) - len(found))
    return {name: np.stack([of[name] for of in found]) for name in empty}


def _tuned(
    trained: Callable[..., tuple[TrainingRun, Sequence[Tensor]]],
    rates: Sequence[float],
    given: Sequence[Sequence[Tensor] | None],
) -> dict[str, Any]:
    """Choose a rate on the first network, and train the others."""
    tried = np.array([tuning_loss(trained(0, rate, given[0])[0].loss) for rate in rates])
    chosen = rates[int(np.argmin(tried))]
    runs = [trained(number, chosen, masks) for number, masks in enumerate(given) if number]
    return {
        "tuning_loss": tried,
        "chosen_rate": np.float64(chosen),
        "first_loss": np.array([run.loss[0] for run, _ in runs]),
        "test_accuracy": np.array([run.test_accuracy[-1] for run, _ in runs]),
        "masks": [masks for _, masks in runs],
    }


def errors_by_variant(result: xr.Dataset) -> xr.DataArray:
    """Return test errors (variant, trial) of those compared, named as they are at one rate."""
    errors = 1.0 - result.test_accuracy.astype(np.float64)
    names = {
        **{f"{schedule}: erk": (schedule, "own") for schedule in errors.schedule.values},
        "rigl: erk, fresh": ("rigl", "fresh"),
    }
    of = [errors.sel(schedule=s, weights=w, drop=True) for s, w in names.values()]
    return xr.concat(of, xr.DataArray(list(names), dims="variant", name="variant"))


def compared_errors(result: xr.Dataset) -> dict[str, Comparison]:
    """Judge the comparisons of :data:`~graphon_lib.experiments.moving_masks.COMPARISONS`."""
    errors = errors_by_variant(result)
    there = {
        name: pair for name, pair in COMPARISONS.items() if set(pair) <= {*errors.variant.values}
    }
    return compare(errors, there, margin=MARGIN)


TUNED_MOVES = Experiment(
    name="tuned-moves",
    cell=tuned_moves,
    variables={
        "tuning_loss": ("schedule", "weights", "learning_rate"),
        "chosen_rate": ("schedule", "weights"),
        "first_loss": ("schedule", "weights", "trial"),
        "test_accuracy": ("schedule", "weights", "trial"),
    },
    coords={
        "weights": WEIGHTS,
        "learning_rate": "rates",
        "trial": lambda trials, **_: range(1, trials + 1),
    },
    **profiles(
        grid={"schedule": ["static", "set", "rigl"]},
        rates=([0.001, 0.003, 0.01], [0.003, 0.01]),
        trials=(10, 2),
        width=(256, 24),
        **{
            name: (MOVING_TRAINING.paper[name], MOVING_TRAINING.quick[name])
            for name in (
                *("hidden_layers", "density", "steps", "every"),
                *("optimizer", "batch_size", "full"),
            )
        },
    ),
    case=Case(
        {"grid": {"schedule": ["static"]}, "rates": [0.001], "trials": 1, "steps": 10, "every": 5},
        ["first_loss"],
    ),
)

ONE_RATE_MOVES = TUNED_MOVES.changed(
    "one-rate-moves",
    grid=({"schedule": ["static", "rigl"]}, TUNED_MOVES.quick["grid"]),
    rates=([0.001], [0.003]),
)
