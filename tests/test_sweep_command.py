"""The command that computes results again: which ones, where, and how it fails."""

from types import SimpleNamespace

import joblib
import pytest

from graphon_lib.experiments import __main__ as command


@pytest.fixture
def computed(monkeypatch):
    """Two experiments that note their names, and one that fails; the list of what was computed."""
    names = []

    def experiment(name):
        def run(*, recompute):
            assert recompute
            names.append(name)
            if name == "broken":
                raise ValueError("seed must be something else")

        return SimpleNamespace(run=run)

    experiments = {name: experiment(name) for name in ("first", "second", "broken")}
    monkeypatch.setattr(command, "EXPERIMENTS", experiments)
    return names


def test_named_results_are_computed_again(computed):
    assert command.main(["second"]) == 0
    assert computed == ["second"]


def test_without_names_all_are_computed_until_one_fails(computed, capsys):
    assert command.main([]) == 1
    assert computed == ["first", "second", "broken"]
    assert capsys.readouterr().err == "ValueError: seed must be something else\n"


def test_an_unknown_name_is_refused_before_anything_is_computed(computed, capsys):
    with pytest.raises(SystemExit) as exit_:
        command.main(["first", "third"])
    assert exit_.value.code == 2
    assert "NAME must be one of first, second, broken; got third" in capsys.readouterr().err
    assert computed == []


def test_a_scheduler_that_does_not_answer_is_an_error(computed, monkeypatch, capsys):
    distributed = pytest.importorskip("dask.distributed")

    def refuse(address):
        raise OSError(f"Timed out trying to connect to {address}")

    monkeypatch.setattr(distributed, "Client", refuse)
    assert command.main(["first", "--scheduler", "tcp://127.0.0.1:1"]) == 1
    assert "Timed out trying to connect to tcp://127.0.0.1:1" in capsys.readouterr().err
    assert computed == []


@pytest.mark.slow
def test_a_scheduler_becomes_the_backend(computed, tmp_path, monkeypatch):
    distributed = pytest.importorskip("distributed")
    backends = []

    def run(*, recompute):
        backends.append(type(joblib.Parallel()._backend).__name__)

    monkeypatch.setattr(command, "EXPERIMENTS", {"first": SimpleNamespace(run=run)})
    with distributed.LocalCluster(
        n_workers=1,
        threads_per_worker=1,
        dashboard_address=None,
        host="127.0.0.1",
        local_directory=str(tmp_path / "dask"),
    ) as cluster:
        assert command.main(["--scheduler", cluster.scheduler_address]) == 0
    assert command.main([]) == 0
    assert backends == ["DaskDistributedBackend", "LokyBackend"]
