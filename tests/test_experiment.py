"""Descriptions of experiments: cells, kept and not, and the table of all of them."""

import sys
from dataclasses import replace
from types import ModuleType

import numpy as np
import pytest

from graphon_lib.experiments import sweep
from graphon_lib.experiments.experiment import Experiment, experiments_in, profiles
from graphon_lib.experiments.table import EXPERIMENTS

CALLS = []


def draw(*, seed, trial, kind, size, data):
    CALLS.append((seed, trial, kind))
    rng = np.random.default_rng((seed, trial, len(kind)))
    return {"draw": rng.normal(size=size), "bright": data.load().x_train.mean()}


def alike(call):
    return {**call, "trial": 0} if call["kind"] == "once" else call


def mean(dataset, *, seed, scale):
    return dataset.assign(mean=scale * dataset.draw.mean("trial")).assign_attrs(seed_seen=seed)


DESCRIBED = Experiment(
    name="drawn",
    cell=draw,
    variables={"draw": ("kind", "trial", "index"), "bright": ()},
    coords={"index": lambda size, **_: range(size)},
    arguments=alike,
    finish=mean,
    paper={
        "grid": {"trial": 3, "kind": ["once", "each"]},
        "size": 4,
        "full": False,
        "finish": {"scale": 2.0},
    },
    quick={
        "grid": {"trial": 2, "kind": ["once", "each"]},
        "size": 2,
        "full": False,
        "finish": {"scale": 2.0},
    },
)


@pytest.fixture(autouse=True)
def own_cache(tmp_path, monkeypatch):
    monkeypatch.setattr(sweep, "CACHE", tmp_path)
    CALLS.clear()


def test_cells_alike_are_computed_once_and_stand_everywhere():
    result = DESCRIBED.compute(DESCRIBED.paper, 7)
    assert sorted(CALLS) == [(7, 0, "each"), (7, 0, "once"), (7, 1, "each"), (7, 2, "each")]
    assert result.attrs["runs"] == 4
    once = result.draw.sel(kind="once")
    np.testing.assert_array_equal(once, np.broadcast_to(once[0], once.shape))
    np.testing.assert_array_equal(result.index, range(4))


def test_what_is_made_of_many_cells_is_made_in_the_end():
    result = DESCRIBED.compute(DESCRIBED.paper, 7)
    np.testing.assert_array_equal(result["mean"], 2.0 * result.draw.mean("trial"))
    assert result.attrs["seed_seen"] == 7


def test_kept_cells_are_not_computed_again_and_more_trials_leave_the_first_as_they_are():
    first = DESCRIBED.compute(DESCRIBED.paper, keep=True)
    CALLS.clear()
    more = {**DESCRIBED.paper, "grid": {"trial": 4, "kind": ["once", "each"]}}
    again = DESCRIBED.compute(more, keep=True)
    assert CALLS == [(0, 3, "each")]
    np.testing.assert_array_equal(again.draw.isel(trial=slice(3)), first.draw)
    assert DESCRIBED.compute(DESCRIBED.paper, keep=True).identical(first)
    unkept = DESCRIBED.compute(DESCRIBED.paper)
    np.testing.assert_array_equal(unkept.draw, first.draw)


def test_the_code_is_named_by_a_small_cell_of_every_label():
    fresh = replace(DESCRIBED, name="fresh")
    assert fresh._fingerprint == fresh._fingerprint
    assert CALLS == [(0, 0, "once"), (0, 0, "each")]


def test_a_description_in_a_module_is_in_the_table(monkeypatch):
    module = ModuleType("described_elsewhere")
    module.DRAWN = DESCRIBED
    module.ALIKE = [other := replace(DESCRIBED, name="alike")]
    monkeypatch.setitem(sys.modules, module.__name__, module)
    assert experiments_in([module.__name__]) == {"alike": other, "drawn": DESCRIBED}


def test_profiles_are_pairs_of_settings_or_what_both_have():
    both = profiles(
        grid=({"trial": 5}, {"trial": 1}), density=0.2, watched=[1, 2], full=(True, False)
    )
    assert both["paper"] == {"grid": {"trial": 5}, "density": 0.2, "watched": [1, 2], "full": True}
    assert both["quick"] == {"grid": {"trial": 1}, "density": 0.2, "watched": [1, 2], "full": False}


@pytest.mark.parametrize("name", EXPERIMENTS)
def test_profiles_have_equal_settings(name):
    experiment = EXPERIMENTS[name]
    assert experiment.paper.keys() == experiment.quick.keys()
    assert experiment.paper.get("finish", {}).keys() == experiment.quick.get("finish", {}).keys()
    if experiment.case:
        assert set(experiment.case.changes) <= set(experiment.paper)
        assert set(experiment.case.variables) <= set(experiment.run().data_vars)


def test_settings_that_are_changed_are_pairs_or_in_both_profiles():
    profile = {"grid": {"trial": 2}, "full": False, "size": 4}
    first = replace(DESCRIBED, paper=profile, quick=profile)
    other = first.changed("other", size=(8, 2), full=True)
    assert (other.name, other.case, other.cell) == ("other", None, first.cell)
    assert other.paper == {**profile, "size": 8, "full": True}
    assert other.quick == {**profile, "size": 2, "full": True}


def test_the_same_under_another_initialisation_is_an_experiment_of_its_own():
    profile = {"grid": {"trial": 2}, "full": False, "batch_size": 128}
    first = replace(DESCRIBED, paper=profile, quick=profile)
    other = first.under("torch", batch_size=64)
    assert other.name == f"{first.name}-torch"
    assert other.paper == {**profile, "initialisation": "torch", "batch_size": 64}
    assert other.quick == {**profile, "initialisation": "torch"}
    assert first.paper == profile
