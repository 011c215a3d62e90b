"""Sweeps: killed, resumed, damaged or on a cluster, the result has the same bits or is refused."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import joblib
import numpy as np
import pytest
import torch
from sweep_cells import counted_walk, fatal_walk, held_walk, wait_for, walk

from graphon_lib.experiments import cost, sweep
from graphon_lib.experiments.cost import measured_cost, single_thread
from graphon_lib.experiments.sweep import CellError, compute_cells, fingerprint, run_cells

CELLS = [{"seed": seed, "steps": 50} for seed in range(6)]

RESUMABLE = """
import sys
from pathlib import Path
sys.path.insert(0, sys.argv[1])
import joblib
from sweep_cells import held_walk
from graphon_lib.experiments.sweep import run_cells
shared = {"steps": 50, "held": 5, "log": sys.argv[3], "gate": sys.argv[4]}
print(joblib.cpu_count(), flush=True)
run_cells(held_walk, [{"seed": s, **shared} for s in range(12)], key="k", folder=Path(sys.argv[2]))
"""


def expected(cells):
    return [walk(seed=cell["seed"], steps=cell["steps"]) for cell in cells]


def assert_same_bits(cells, arrays):
    assert len(cells) == len(arrays)
    for cell, wanted in zip(cells, arrays, strict=True):
        assert cell.arrays.keys() == wanted.keys()
        for name, array in wanted.items():
            assert cell.arrays[name].dtype == array.dtype
            np.testing.assert_array_equal(cell.arrays[name], array)


def logged(log):
    return [int(line) for line in log.read_text().split()] if log.exists() else []


def outputs(folder):
    return sorted(folder.rglob("output.pkl"))


def test_cells_come_in_order_and_say_what_they_cost(tmp_path):
    cells = run_cells(walk, CELLS, key="k", folder=tmp_path)
    with single_thread():
        assert_same_bits(cells, expected(CELLS))
    assert all(cell.seconds >= 0 and cell.megabytes > 10 for cell in cells)
    assert len({cell.code_sha256 for cell in cells}) == 1


def test_cells_that_are_not_kept_are_the_same(tmp_path, monkeypatch):
    monkeypatch.setattr(sweep, "CACHE", tmp_path)
    cells = compute_cells(walk, CELLS, description="walks")
    with single_thread():
        assert_same_bits(cells, expected(CELLS))
    assert all(cell.seconds >= 0 and cell.megabytes > 10 for cell in cells)
    assert not outputs(tmp_path)


def test_a_finished_cell_is_not_computed_again(tmp_path):
    log = tmp_path / "log"
    cells = [{"seed": s, "steps": 9, "log": str(log)} for s in range(4)]
    first = run_cells(counted_walk, cells[:2], key="k", folder=tmp_path / "cells")
    more = run_cells(counted_walk, cells, key="k", folder=tmp_path / "cells")
    assert logged(log) == [0, 1, 2, 3]
    assert_same_bits(more[:2], [cell.arrays for cell in first])
    assert [cell.seconds for cell in more[:2]] == [cell.seconds for cell in first]


def test_cells_of_other_parameters_or_other_code_are_not_mixed_in(tmp_path):
    log = tmp_path / "log"
    cells = [{"seed": 1, "steps": 9, "log": str(log)}]
    run_cells(counted_walk, cells, key="k", folder=tmp_path / "cells")
    for other, key in (({**cells[0], "steps": 10}, "k"), (cells[0], "other code")):
        (cell,) = run_cells(counted_walk, [other], key=key, folder=tmp_path / "cells")
        assert len(cell.arrays["walk"]) == other["steps"]
    assert logged(log) == [1, 1, 1]


def test_the_fingerprint_follows_the_numbers(monkeypatch):
    probe = [{"seed": 0, "steps": 5}]
    before = fingerprint(walk, probe)
    assert fingerprint(walk, probe) == before

    def renamed(*, seed, steps):
        return walk(seed=seed, steps=steps)

    def changed(*, seed, steps):
        arrays = walk(seed=seed, steps=steps)
        return {**arrays, "walk": np.nextafter(arrays["walk"], np.inf)}

    assert fingerprint(renamed, probe) == before
    assert fingerprint(changed, probe) != before
    monkeypatch.setattr(sweep, "version", lambda name: f"another {name}")
    assert fingerprint(walk, probe) != before


@pytest.mark.parametrize("damage", ["truncated", "flipped", "emptied"])
def test_a_damaged_cell_is_named_and_computed_again(tmp_path, caplog, damage):
    log = tmp_path / "log"
    cells = [{"seed": s, "steps": 500, "log": str(log)} for s in range(2)]
    folder = tmp_path / "cells"
    whole = run_cells(counted_walk, cells, key="k", folder=folder)
    file = outputs(folder)[0]
    content = bytearray(file.read_bytes())
    if damage == "flipped":
        content[len(content) // 2] ^= 0xFF
    file.write_bytes({"truncated": content[:200], "flipped": content, "emptied": b""}[damage])
    again = run_cells(counted_walk, cells, key="k", folder=folder)
    assert_same_bits(again, [cell.arrays for cell in whole])
    assert len(logged(log)) == 3
    assert "steps" in caplog.text
    caplog.clear()
    run_cells(counted_walk, cells, key="k", folder=folder)
    assert len(logged(log)) == 3
    assert not caplog.text


def test_a_cell_whose_numbers_were_altered_is_named_and_computed_again(tmp_path, caplog):
    """Readable, but not what was kept: only the checksum tells."""
    run_cells(walk, CELLS[:1], key="k", folder=tmp_path)
    (file,) = outputs(tmp_path)
    kept = joblib.load(file)
    kept["arrays"]["walk"][7] += 1e-9
    joblib.dump(kept, file, compress=1)
    again = run_cells(walk, CELLS[:1], key="k", folder=tmp_path)
    with single_thread():
        assert_same_bits(again, expected(CELLS[:1]))
    assert "a kept cell was damaged and is computed again: {'seed': 0, 'steps': 50}" in caplog.text
    caplog.clear()
    run_cells(walk, CELLS[:1], key="k", folder=tmp_path)
    assert not caplog.text


def test_a_full_disk_is_named_and_keeps_what_was_finished(tmp_path, monkeypatch):
    run_cells(walk, CELLS[:2], key="k", folder=tmp_path)

    def no_space(*_, **__):
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr("joblib.numpy_pickle.dump", no_space)
        with pytest.raises(CellError, match=r"'seed': 2.*cannot be kept in .*No space left.*room"):
            run_cells(walk, CELLS, key="k", folder=tmp_path)
    assert len(outputs(tmp_path)) == 2
    with single_thread():
        assert_same_bits(run_cells(walk, CELLS, key="k", folder=tmp_path), expected(CELLS))


def test_killed_in_the_middle_it_goes_on_and_ends_with_the_same_bits(tmp_path):
    log, folder, gate = (tmp_path / name for name in ("log", "cells", "gate"))
    paths = [str(path) for path in (Path(__file__).parent, folder, log, gate)]
    command = [sys.executable, "-c", RESUMABLE, *paths]
    options = {
        "env": {**os.environ, "LOKY_MAX_CPU_COUNT": "2"},
        "stdout": subprocess.PIPE,
        "stderr": subprocess.DEVNULL,
    }
    process = subprocess.Popen(command, start_new_session=True, **options)
    # Five cells are finished, and all workers, one on a single core, held up in the middle of another.
    held = range(5, 5 + int(process.stdout.readline()))
    wait_for(lambda: len(outputs(folder)) == 5 and len(logged(log)) == 5 + len(held))
    os.killpg(process.pid, signal.SIGKILL)
    process.communicate()
    gate.touch()
    subprocess.run(command, check=True, **options)
    # Only what was being computed when the kill came is computed twice.
    assert sorted(logged(log)) == sorted([*range(12), *held])
    shared = {"steps": 50, "held": 5, "log": str(log), "gate": str(gate)}
    cells = [{"seed": s, **shared} for s in range(12)]
    resumed = run_cells(held_walk, cells, key="k", folder=folder)
    assert len(logged(log)) == 12 + len(held)
    with single_thread():
        assert_same_bits(resumed, expected(cells))


@pytest.mark.slow
def test_a_cluster_that_loses_a_worker_has_the_same_bits(tmp_path):
    distributed = pytest.importorskip("distributed")
    marker = tmp_path / "killed"
    cells = [{**cell, "victim": 3, "marker": str(marker)} for cell in CELLS]
    with (
        distributed.LocalCluster(
            n_workers=2,
            threads_per_worker=1,
            dashboard_address=None,
            host="127.0.0.1",
            local_directory=str(tmp_path / "dask"),
            env={"PYTHONPATH": str(Path(__file__).parent)},
        ) as cluster,
        distributed.Client(cluster),
        joblib.parallel_config(backend="dask"),
    ):
        shared = run_cells(fatal_walk, cells, key="k", folder=tmp_path / "cells")
    assert marker.exists()
    with single_thread():
        assert_same_bits(shared, expected(cells))


def test_cost_counts_processor_time_and_no_waiting():
    """What was spent inside is at most what was spent in all: the rest of the time is no one's."""
    spent = []
    for work in (lambda: np.ones(30_000_000).sum(), lambda: time.sleep(0.1)):
        before = time.process_time()
        with measured_cost() as inside:
            work()
        spent.append(inside.seconds)
        assert inside.seconds <= time.process_time() - before
    assert spent[0] > 0.0


FRESH = """
import sys
from pathlib import Path
import numpy as np
from graphon_lib.experiments import cost
cost.CLEAR_REFS = Path(sys.argv[1])
with cost.measured_cost() as small:
    np.ones(10)
with cost.measured_cost() as large:
    np.ones(30_000_000).sum()
print(small.megabytes < 240 <= large.megabytes)
"""


@pytest.mark.parametrize("control", [cost.CLEAR_REFS, "/proc/self/not-there"])
def test_cost_counts_memory_of_what_runs_inside(control):
    """In a process of its own: not everywhere can a peak that it had before be set back."""
    command = [sys.executable, "-c", FRESH, str(control)]
    run = subprocess.run(command, check=True, capture_output=True, text=True)
    assert run.stdout == "True\n"


def test_costs_can_be_imported_where_there_is_no_module_resource():
    code = "import sys; sys.modules['resource'] = None; import graphon_lib.experiments.cost"
    subprocess.run([sys.executable, "-c", code], check=True)


def test_single_thread_is_undone_even_after_an_error():
    def fail():
        with single_thread():
            raise RuntimeError(f"on {torch.get_num_threads()} thread")

    before = torch.get_num_threads()
    with pytest.raises(RuntimeError, match="on 1 thread"):
        fail()
    assert torch.get_num_threads() == before
