"""Rates of schedules' own: the networks of the comparison at one rate, and the rate of least loss."""

import numpy as np
import pytest
import xarray as xr

from graphon_lib.experiments.moving_masks import COMPARISONS, MOVING_TRAINING
from graphon_lib.experiments.tuned_moves import ONE_RATE_MOVES, TUNED_MOVES, compared_errors


@pytest.fixture(scope="module")
def quick():
    return TUNED_MOVES.compute(TUNED_MOVES.quick)


def test_the_rate_is_that_of_the_least_loss(quick):
    best = quick.tuning_loss.fillna(np.inf).idxmin("learning_rate")
    there = quick.chosen_rate.notnull()
    xr.testing.assert_equal(quick.chosen_rate.where(there), best.where(there))
    assert there.sel(weights="own").all()
    np.testing.assert_array_equal(there.sel(weights="fresh"), quick.schedule == "rigl")


def test_at_one_rate_networks_are_those_that_were_compared_first():
    ours = ONE_RATE_MOVES.compute(ONE_RATE_MOVES.quick).test_accuracy
    grid = {
        "width": [24],
        "trial": 3,
        "variant": list(dict.fromkeys(sum(COMPARISONS.values(), ()))),
    }
    changes = {"grid": grid, "learning_rate": 0.003, "progress": [0.0, 1.0]}
    first = MOVING_TRAINING.compute({**MOVING_TRAINING.quick, **changes}).test_accuracy
    for variant in grid["variant"]:
        schedule, _, start = variant.partition(": ")
        weights = "fresh" if start.endswith("fresh") else "own"
        np.testing.assert_array_equal(
            ours.sel(schedule=schedule, weights=weights),
            first.sel(variant=variant).isel(width=0, progress=-1, trial=slice(1, None)),
        )


def test_comparisons_are_of_the_networks_that_they_name():
    errors = xr.DataArray(
        [[0.04, np.nan], [0.08, np.nan], [0.02, 0.05]],
        {"schedule": ["static", "set", "rigl"], "weights": ["own", "fresh"]},
    )
    spread = xr.DataArray([0.99, 1.0, 1.01], dims="trial")
    judged = compared_errors(xr.Dataset({"test_accuracy": 1.0 - errors * spread}))
    expected = {"rigl": 0.5, "set": 2.0, "masks": 1.25, "moves": 0.4}
    assert {name: one.value for name, one in judged.items()} == pytest.approx(expected)
