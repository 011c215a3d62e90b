"""Training: paired trials, nothing dropped."""

import numpy as np
import pytest

from graphon_lib.experiments.data import load_mnist
from graphon_lib.experiments.digits import Data
from graphon_lib.experiments.grid import grid
from graphon_lib.experiments.intervention_training import INTERVENTION_TRAINING, beside_pruned
from graphon_lib.experiments.training import TRAINING, training
from graphon_lib.experiments.tuned_training import TUNED_TRAINING, next_exponent, tuning_loss
from graphon_lib.pruning import METHODS

CELL = {
    "seed": 0,
    "trial": 0,
    "width": 20,
    "hidden_layers": 2,
    "pruning": "snip",
    "density": 0.2,
    "intervention": "as pruned",
    "optimizer": "adam",
    "learning_rate": 1e-3,
    "steps": 6,
    "batch_size": 32,
    "evaluated": (3, 6),
}
SMALL = {"width": 20, "steps": 6, "batch_size": 32, "evaluated": [3, 6]}
SWEEP = {
    **TRAINING.quick,
    **SMALL,
    "grid": {"trial": 2, "density": [0.5, 0.2], "pruning": ["dense", "random", "snip"]},
}


@pytest.fixture(scope="module")
def data():
    return Data(full=False, sha256=load_mnist().sha256)


def test_methods_of_a_trial_share_their_batches_and_weights(data):
    """Nearly nothing pruned: all are the dense network, so all must see the dense losses."""
    cells = [
        training(**{**CELL, "pruning": pruning, "density": 1.0}, data=data)
        for pruning in ("dense", *METHODS)
    ]
    for cell in cells[1:]:
        np.testing.assert_array_equal(cell["loss"], cells[0]["loss"])
    other = training(**{**CELL, "trial": 1}, data=data)
    assert not np.array_equal(other["loss"], cells[0]["loss"])


def test_a_disconnected_network_is_flat_and_says_so(data):
    """Four of 16,000 weights cannot make a path through three layers but by a rare chance."""
    for intervention in ("as pruned", "rescaled", "scaled to random"):
        changes = {"pruning": "random", "density": 2.5e-4, "intervention": intervention}
        cell = training(**{**CELL, **changes}, data=data)
        assert not cell["connected"]
        assert cell["path_density"] == 0.0
        np.testing.assert_allclose(cell["loss"], np.log(10.0), rtol=1e-6)
        assert all(np.isfinite(value).all() for value in cell.values())


@pytest.mark.parametrize("name", ["pruning", "intervention"])
def test_unknown_names_are_refused(data, name):
    with pytest.raises(ValueError, match=f"{name} must be one of"):
        training(**{**CELL, name: "unknown"}, data=data)


def test_the_dense_network_is_trained_once_and_stands_everywhere():
    result = TRAINING.compute(SWEEP)
    assert result.attrs["runs"] == 2 * (1 + 2 * 2)
    dense = result.sel(pruning="dense")
    np.testing.assert_array_equal(dense.loss.isel(density=0), dense.loss.isel(density=1))
    assert result.loss.dims == ("pruning", "density", "trial", "step")
    assert not any(result[name].isnull().any() for name in result.data_vars)
    np.testing.assert_array_equal(dense.path_density, 1.0)


def test_interventions_are_paired_with_the_runs_as_pruned():
    variants = ["snip: as pruned", "random: rescaled", "dense: scaled to random"]
    grid = {"trial": 2, "density": [0.5, 0.2], "variant": variants}
    profile = {**INTERVENTION_TRAINING.quick, **SMALL, "evaluated": [6], "grid": grid}
    result, pruned = INTERVENTION_TRAINING.compute(profile), TRAINING.compute(SWEEP)
    for dataset in (result, pruned):
        dataset.attrs["seed"] = 0
    same = result.sel(variant="snip: as pruned").loss
    np.testing.assert_array_equal(same, pruned.loss.sel(pruning="snip"))
    together = beside_pruned(result.isel(variant=slice(1, None)), pruned)
    assert list(together.variant.values) == [
        "dense: as pruned",
        "random: as pruned",
        "snip: as pruned",
        "random: rescaled",
        "dense: scaled to random",
    ]
    np.testing.assert_array_equal(together.evaluation, [6])
    np.testing.assert_array_equal(together.loss.sel(variant="snip: as pruned"), same)
    assert not together.test_loss.isnull().any()
    other = pruned.assign_attrs(seed=1)
    with pytest.raises(ValueError, match="same seed"):
        beside_pruned(result, other)


def test_scaling_the_dense_network_down_gives_it_randoms_signal(data):
    changes = {"pruning": "dense", "intervention": "scaled to random", "density": 0.1}
    scaled = training(**{**CELL, **changes}, data=data)
    dense = training(**{**CELL, "pruning": "dense"}, data=data)
    np.testing.assert_allclose(
        scaled["signal"], dense["signal"] * 0.1 ** np.arange(1, 4), rtol=1e-4
    )


@pytest.mark.parametrize(
    ("losses", "expected"),
    [
        ({}, -2),
        ({-2: 1.0}, -1),
        ({-2: 1.0, -1: 2.0}, -3),
        ({-2: 1.0, -1: 2.0, -3: 2.0}, None),
        ({-2: 1.0, -1: 0.5}, 0),
        ({-2: 1.0, -1: 0.5, 0: 0.1}, None),
        ({-2: np.inf}, -3),
        ({-2: np.inf, -3: np.inf}, -4),
        ({-2: np.inf, -3: 1.0}, -4),
        ({-4: np.inf, -3: np.inf, -2: np.inf}, None),
    ],
)
def test_the_search_for_a_rate(losses, expected):
    assert next_exponent(losses, -4, 0, -2) == expected


def test_the_search_finds_the_best_of_a_valley():
    def valley(k):
        return abs(k - 3.2) if k < 6 else np.inf

    for start in range(-8, 9):
        tried = {}
        while (k := next_exponent(tried, -8, 8, start)) is not None:
            tried[k] = valley(k)
        assert min(tried, key=tried.get) == 3


def test_tuning_loss_is_the_mean_of_the_last_steps():
    assert tuning_loss(np.arange(100)) == 89.5
    assert tuning_loss([1.0, np.inf]) == np.inf


TUNED = {
    **TUNED_TRAINING.quick,
    "grid": {"density": [0.3], "variant": ["dense: as pruned", "random: as pruned"]},
    "width": 20,
    "half_decades": [-3, 1],
    "start": -1,
    "trials": 1,
    "steps": 30,
    "batch_size": 32,
}


def test_a_rate_is_chosen_on_one_network_and_used_on_others():
    result = TUNED_TRAINING.compute(TUNED)
    for variant in result.variant.values:
        losses = result.tuning_loss.sel(variant=variant).isel(density=0)
        best = losses.idxmin()
        assert float(result.chosen_rate.sel(variant=variant)[0]) == float(best)
        assert bool(result.at_edge.sel(variant=variant)[0]) == (
            float(best) in (result.learning_rate[0], result.learning_rate[-1])
        )
    assert list(result.trial.values) == [1]
    assert not result.loss.isnull().any()
    assert result.attrs["runs"] == int(result.tuning_loss.notnull().sum()) + 2


@pytest.mark.parametrize("changes", [{"start": 5}, {"half_decades": [2, 1]}])
def test_bad_ranges_of_rates(changes):
    with pytest.raises(ValueError, match="start must"):
        TUNED_TRAINING.compute({**TUNED, **changes})


def test_profiles_agree_where_results_are_compared():
    """Pairing interventions with runs as pruned needs the same networks, batches and rates."""
    pruned, changed = TRAINING.paper, INTERVENTION_TRAINING.paper
    for name in ("width", "hidden_layers", "optimizer", "learning_rate", "batch_size", "full"):
        assert pruned[name] == changed[name]
    axes, changed_axes = (grid(profile["grid"]).axes for profile in (pruned, changed))
    for axis in ("density", "trial"):
        assert set(changed_axes[axis]) <= set(axes[axis])
    assert set(changed["evaluated"]) <= set(pruned["evaluated"])
