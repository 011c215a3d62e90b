"""The results store: what is stored is what was computed, and never passes for something else."""

import json

import numpy as np
import pytest
import xarray as xr

from graphon_lib.experiments import results, sweep
from graphon_lib.experiments.experiment import Experiment
from graphon_lib.experiments.results import StaleResultError


def draw(*, seed, size):
    return {"draw": np.random.default_rng(seed).normal(size=size)}


def never(**_):
    pytest.fail("computed")


def described(cell=draw, size=50):
    return Experiment(
        name="draws",
        cell=cell,
        variables={"draw": ("index",)},
        paper={"grid": {}, "size": size},
        quick={"grid": {}, "size": 5},
    )


@pytest.fixture
def experiment(tmp_path, monkeypatch):
    monkeypatch.setattr(results, "RESULTS", tmp_path / "results")
    monkeypatch.setattr(sweep, "CACHE", tmp_path / "cells")
    return described()


def test_nothing_is_computed_unasked_where_nothing_is_stored(experiment):
    with pytest.raises(StaleResultError, match=r"nothing is stored as .*draws\.nc.*recompute=True"):
        described(never).run()


def test_paper_profile_is_stored_then_loaded(experiment):
    computed = experiment.run(recompute=True)
    assert experiment.path.exists()
    loaded = experiment.run()
    xr.testing.assert_identical(computed, loaded)
    np.testing.assert_array_equal(loaded.draw, np.random.default_rng(0).normal(size=50))


def test_loading_does_not_compute(experiment):
    experiment.run(recompute=True)
    described(never).run()


def test_recomputing_replaces_the_stored_result(experiment):
    experiment.run(seed=0, recompute=True)
    experiment.run(seed=1, recompute=True)
    np.testing.assert_array_equal(
        experiment.run(seed=1).draw, np.random.default_rng(1).normal(size=50)
    )


def test_quick_profile_is_computed_and_never_stored(experiment):
    assert experiment.run(profile="quick", seed=3).sizes["index"] == 5
    assert not experiment.path.exists()


def test_attributes_say_how_the_result_was_made(experiment):
    attributes = experiment.run(seed=2, recompute=True).attrs
    assert json.loads(attributes["parameters"]) == {"grid": {}, "size": 50}
    assert attributes["size"] == 50
    assert attributes["runs"] == 1
    assert attributes["seed"] == 2
    assert attributes["code_sha256"] == experiment.code_hash()
    assert json.loads(attributes["versions"])["numpy"] == np.__version__
    assert attributes["seconds"] >= 0
    assert attributes["processor"]


def test_another_seed_is_not_passed_off(experiment):
    experiment.run(seed=0, recompute=True)
    with pytest.raises(StaleResultError, match=r"seed must be 0 .* got 1; pass recompute=True"):
        experiment.run(seed=1)


def test_other_parameters_are_not_passed_off(experiment):
    experiment.run(recompute=True)
    with pytest.raises(StaleResultError, match="parameters must be"):
        described(size=60).run()


def test_corrupt_file_is_named(experiment):
    experiment.run(recompute=True)
    experiment.path.write_bytes(experiment.path.read_bytes()[:100])
    with pytest.raises(StaleResultError, match=r"draws\.nc.*recompute=True"):
        experiment.run()


def test_a_failed_write_leaves_the_stored_result(experiment, monkeypatch):
    experiment.run(seed=0, recompute=True)

    def no_space(self, path, **_):
        path.write_bytes(b"half")
        raise OSError("No space left on device")

    monkeypatch.setattr(xr.Dataset, "to_netcdf", no_space)
    with pytest.raises(OSError, match="No space"):
        experiment.run(seed=1, recompute=True)
    assert [path.name for path in results.RESULTS.iterdir()] == ["draws.nc"]
    experiment.run(seed=0)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"profile": "fast"}, "profile must be one of paper, quick; got 'fast'"),
        ({"seed": -1}, "seed must be an integer >= 0, got -1"),
        ({"seed": 0.5}, "seed must be an integer >= 0, got 0.5"),
    ],
)
def test_bad_arguments(experiment, arguments, message):
    with pytest.raises(ValueError, match=message):
        experiment.run(**arguments)
