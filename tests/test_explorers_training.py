"""The explorer of training: curves are those of the runs, and what was not run is said."""

import numpy as np
import pytest
import xarray as xr

from graphon_lib.book.explorers.training import (
    CEILING,
    training_by_data,
    training_explorer,
)

PRUNINGS = ["dense", "random", "snip"]
DENSITIES = [0.5, 0.1]


@pytest.fixture(scope="module")
def results():
    rng = np.random.default_rng(0)
    training = xr.Dataset(
        {
            "loss": (("pruning", "density", "trial", "step"), rng.uniform(0.1, 2.3, (3, 2, 3, 20))),
            "path_density": (("pruning", "density", "trial"), rng.uniform(1e-7, 1e-3, (3, 2, 3))),
        },
        coords={"pruning": PRUNINGS, "density": DENSITIES},
    )
    interventions = xr.Dataset(
        {"loss": (("variant", "density", "trial", "step"), rng.uniform(0.1, 2.3, (2, 1, 2, 10)))},
        coords={
            "variant": ["snip: rescaled", "random: re-drawn"],
            "intervention": ("variant", ["rescaled", "re-drawn"]),
            "density": [0.1],
        },
    )
    energy = xr.DataArray(
        rng.uniform(size=(2, 2, 2)),
        dims=("pruning", "density", "trial"),
        coords={"pruning": PRUNINGS[1:], "density": DENSITIES},
    )
    return training, interventions, energy


def test_curves_are_means_and_ranges_of_four_updates(results):
    training, interventions, _ = results
    view = training_explorer(*results).view(method="snip", intervention="rescaled", density=0.1)
    own, random, changed = view.panels[0].series
    assert [own.label, random.label, changed.label] == ["SNIP", "Random", "SNIP, rescaled"]
    # The intervention has 10 updates: two whole windows, for all curves.
    np.testing.assert_array_equal(view.panels[0].x, [1.5, 5.5])
    for series, loss in (
        (own, training.loss.sel(pruning="snip", density=0.1)),
        (changed, interventions.loss.sel(variant="snip: rescaled", density=0.1)),
    ):
        # Two trials have both.
        of_trials = np.array([[run[:4].mean(), run[4:8].mean()] for run in loss.values[:2]])
        np.testing.assert_allclose(series.y, of_trials.mean(0), rtol=1e-6)
        np.testing.assert_allclose(series.low, of_trials.min(0), rtol=1e-6)
        np.testing.assert_allclose(series.high, of_trials.max(0), rtol=1e-6)
    numbers = {number.label: number.value for number in view.numbers}
    assert numbers["Loss, SNIP"] == pytest.approx(own.y[-1])
    assert numbers["Networks"] == 2
    assert view.panels[1].marked == 0.1
    np.testing.assert_allclose(
        view.panels[1].series[0].y,
        training.path_density.sel(pruning="snip").mean("trial")[::-1],
        rtol=1e-6,
    )


@pytest.mark.parametrize(
    ("state", "made"),
    [
        ({"method": "snip", "intervention": "rescaled", "density": 0.1}, True),
        ({"method": "random", "intervention": "re-drawn", "density": 0.1}, True),
        ({"method": "snip", "intervention": "rescaled", "density": 0.5}, False),
        ({"method": "snip", "intervention": "re-drawn", "density": 0.1}, False),
        ({"method": "dense", "intervention": "rescaled", "density": 0.1}, False),
        ({"method": "random", "intervention": "rescaled", "density": 0.1}, False),
        ({"method": "random", "intervention": "as pruned", "density": 0.1}, True),
    ],
)
def test_what_was_not_run_has_no_view_and_a_reason(results, state, made):
    explorer = training_explorer(*results)
    assert (state in explorer.states()) == made
    if made:
        assert explorer.view(**state).summary
    else:
        with pytest.raises(ValueError, match="not trained: method="):
            explorer.view(**state)


def test_the_intervention_changes_neither_updates_nor_networks(results):
    explorer = training_explorer(*results)
    views = [explorer.view(**state) for state in explorer.states() if state["density"] == 0.1]
    assert {len(view.panels[0].x) for view in views} == {2}
    counts = [
        number.value for view in views for number in view.numbers if number.label == "Networks"
    ]
    assert counts == [2] * len(views)


def test_the_slider_runs_as_the_axis_does(results):
    explorer = training_explorer(*results)
    densities = list(explorer.controls[-1].options)
    assert densities == sorted(densities) == list(np.sort(results[0].density))
    axis = explorer.view().panels[1].x
    np.testing.assert_array_equal(axis, np.float32(densities))


def test_the_dense_network_has_no_entry_where_it_was_not_measured(results):
    view = training_explorer(*results).view(method="dense")
    assert [series.label for series in view.panels[2].series] == ["Random"]


def test_diverged_runs_end_at_the_ceiling(results):
    training, *others = results
    diverged = training.copy(deep=True)
    diverged.loss[2, 1, 0, 4:] = np.inf
    view = training_explorer(diverged, *others).view(method="snip", density=0.1)
    assert view.panels[0].series[0].high[-1] == np.float32(CEILING)
    assert "drawn there" in view.panels[0].description


@pytest.mark.parametrize(
    ("density", "intervention", "reason"),
    [
        (0.1, "rescaled", ""),
        (0.5, "as pruned", ""),
        (0.5, "rescaled", "not trained"),
        (0.2, "as pruned", "not computed"),
    ],
)
def test_other_data_have_some_of_the_densities(results, density, intervention, reason):
    training, interventions, energy = results
    spectra = xr.Dataset({"energy": energy.expand_dims(road=["kept"], digits=[8])})
    more = training.reindex(density=[0.5, 0.2, 0.1], method="nearest")
    explorer = training_by_data(
        {"digits": (more, interventions, spectra), "clothes": (training, interventions, spectra)}
    )
    assert explorer.controls[0].name == "data"
    # It could stop where other data have no network.
    assert not explorer.controls[-1].slider
    state = {"method": "snip", "intervention": intervention, "density": density}
    assert explorer.missing(data="clothes", **state) == reason
    if not reason:
        shown = explorer.view(data="clothes", **state)
        assert shown.summary == training_explorer(*results).view(**state).summary
