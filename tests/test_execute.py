"""Executing chapters: parameters are checked, failures leave nothing behind, outputs are clean."""

import os
from pathlib import Path

import nbformat
import pytest
from quick_results import run_cells, share

from graphon_lib.book import execute
from graphon_lib.book.__main__ import main
from graphon_lib.book.dependencies import chapter_data, chapter_fingerprint, chapter_imports
from graphon_lib.book.execute import execute_chapter, list_chapters
from graphon_lib.book.paths import CHAPTERS
from graphon_lib.experiments.sources import modules_behind


def write_notebook(path, *sources):
    cells = [nbformat.v4.new_code_cell(source) for source in sources]
    cells[0].metadata.tags = ["parameters"]
    kernel = {"display_name": "Python 3", "language": "python", "name": "python3"}
    notebook = nbformat.v4.new_notebook(cells=cells, metadata={"kernelspec": kernel})
    nbformat.write(notebook, path)
    return path


def test_an_executed_notebook_shows_the_parameters_of_its_outputs(tmp_path):
    """Run once more as it stands, it gives the same outputs; without parameters, none are added."""
    source = write_notebook(tmp_path / "source.ipynb", "seed = 0", "print(seed + 1)")
    destination = tmp_path / "executed.ipynb"
    for parameters, shown in (({"seed": 41}, "seed = 41"), ({}, None), ({"seed": 1}, "seed = 1")):
        executed = execute_chapter(source, destination, parameters)
        assert len(executed.cells) == 2 + bool(parameters)
        assert executed.cells[0].source == "seed = 0"
        assert shown is None or shown in executed.cells[1].source
        names = {}
        exec("\n".join(c.source for c in executed.cells[:-1]), names)
        assert executed.cells[-1].outputs[0].text == f"{names['seed'] + 1}\n"


def test_two_runs_write_the_same_bytes(tmp_path):
    source = write_notebook(tmp_path / "source.ipynb", "seed = 0", "print(seed)")
    written = []
    for name in ("first.ipynb", "second.ipynb"):
        execute_chapter(source, tmp_path / name)
        written.append((tmp_path / name).read_bytes())
    assert written[0] == written[1]


@pytest.mark.skipif(os.name == "nt", reason="no sockets of files")
def test_no_other_process_can_take_the_kernel_s_ports(tmp_path):
    show = "import json, ipykernel\nprint(json.load(open(ipykernel.get_connection_file()))['ip'])"
    source = write_notebook(tmp_path / "source.ipynb", "seed = 0", show)
    places = {
        execute_chapter(source, tmp_path / "executed.ipynb").cells[1].outputs[0].text
        for _ in range(2)
    }
    assert len(places) == 2
    assert not any(Path(place).parent.exists() for place in places)


@pytest.mark.skipif(os.name == "nt", reason="no forks")
def test_a_kernel_has_what_chapters_import_and_nothing_of_those_before(tmp_path):
    look = "import sys, os\nprint('graphon_lib.book.ledger' in sys.modules, os.environ.get('LEFT'))"
    leave = f"{look}\nos.environ['LEFT'] = 'behind'\ndel sys.modules['graphon_lib.book.ledger']"
    source = write_notebook(tmp_path / "source.ipynb", "seed = 0", leave)
    for _ in range(2):
        executed = execute_chapter(source, tmp_path / "executed.ipynb")
        assert executed.cells[1].outputs[0].text == "True None\n"


def test_text_is_one_output_however_it_came(tmp_path):
    source = write_notebook(
        tmp_path / "source.ipynb", "seed = 0", "for i in range(3): print(i, flush=True)"
    )
    executed = execute_chapter(source, tmp_path / "executed.ipynb")
    (output,) = executed.cells[1].outputs
    assert output.text == "0\n1\n2\n"


@pytest.mark.parametrize("shown", [False, True])
def test_progress_bars_reach_the_outputs_only_when_asked_for(tmp_path, shown):
    source = write_notebook(
        tmp_path / "source.ipynb", "seed = 0", "from tqdm import tqdm\nfor _ in tqdm([1]): pass"
    )
    executed = execute_chapter(source, tmp_path / "executed.ipynb", progress_bar=shown)
    assert bool(executed.cells[1].outputs) == shown


def test_warnings_of_compiling_a_package_stay_out_of_the_outputs(tmp_path):
    (tmp_path / "some_package.py").write_text("same = 1 is 1\n")  # a SyntaxWarning
    use = f"import sys\nsys.path.append({str(tmp_path)!r})\nimport some_package"
    source = write_notebook(tmp_path / "source.ipynb", "seed = 0", use)
    assert execute_chapter(source, tmp_path / "executed.ipynb").cells[1].outputs == []
    assert "PYTHONWARNINGS" not in os.environ


def test_unknown_parameter_fails(tmp_path):
    source = write_notebook(tmp_path / "source.ipynb", "seed = 0")
    with pytest.raises(ValueError, match=r"parameters must be among seed in source.ipynb, got sed"):
        execute_chapter(source, tmp_path / "executed.ipynb", {"sed": 1})
    assert not (tmp_path / "executed.ipynb").exists()


def test_failing_cell_leaves_the_former_output(tmp_path):
    destination = tmp_path / "executed.ipynb"
    destination.write_text("former")
    source = write_notebook(tmp_path / "source.ipynb", "seed = 0", "1 / seed")
    with pytest.raises(RuntimeError, match="ZeroDivisionError"):
        execute_chapter(source, destination)
    assert destination.read_text() == "former"


def test_only_stale_chapters_are_executed_and_a_failure_keeps_the_others(
    tmp_path, monkeypatch, capfd
):
    paths = [
        write_notebook(tmp_path / f"{name}.ipynb", f"name = '{name}'", "print(name)")
        for name in ("a", "b", "c")
    ]
    monkeypatch.setattr(execute, "list_chapters", lambda: paths)
    monkeypatch.setattr(execute, "EXECUTED", tmp_path / "executed")
    monkeypatch.setattr(execute, "BUILD", tmp_path)
    monkeypatch.setenv("LOKY_MAX_CPU_COUNT", "2")
    assert execute.execute_stale_chapters() == paths
    lines = capfd.readouterr().out.splitlines()
    assert lines[0].startswith("Comparing the chapters")
    assert lines[1].startswith("Executing 3 of 3 chapters")
    assert [line.split(":")[0] for line in lines[2:]] == [
        f"Executing chapters {done}/3" for done in (1, 2, 3)
    ]
    assert execute.execute_stale_chapters() == []
    out, err = capfd.readouterr()
    assert [line.split(" ... ")[0] for line in out.splitlines()] == lines[0].split(" ... ")[:1]
    assert err == ""
    write_notebook(paths[0], "name = 'a'", "1 / 0")
    write_notebook(paths[2], "name = 'other'", "print(name)")
    with pytest.raises(RuntimeError, match=r"(?s)a\.ipynb failed.*In \[2\].*ZeroDivisionError"):
        execute.execute_stale_chapters()
    # The one that failed is still to be done, and whatever of the others was not finished.
    write_notebook(paths[0], "name = 'mended'", "print(name)")
    assert paths[0] in execute.execute_stale_chapters()
    for path, name in zip(paths, ("mended", "b", "other"), strict=True):
        executed = nbformat.read(tmp_path / "executed" / path.name, as_version=4)
        assert executed.cells[1].outputs[0].text == f"{name}\n"


def test_fingerprint_ignores_outputs_and_sees_code(tmp_path):
    path = write_notebook(tmp_path / "chapter.ipynb", "seed = 0", "print(seed)")
    before = chapter_fingerprint(path)
    execute_chapter(path, tmp_path / "executed.ipynb")
    notebook = nbformat.read(path, as_version=4)
    notebook.cells[1].outputs = (
        nbformat.read(tmp_path / "executed.ipynb", as_version=4).cells[1].outputs
    )
    nbformat.write(notebook, path)
    assert chapter_fingerprint(path) == before
    notebook.cells[1].source = "print(seed + 1)"
    nbformat.write(notebook, path)
    assert chapter_fingerprint(path) != before


def test_a_chapter_depends_on_what_it_uses_and_on_nothing_else():
    notebook = nbformat.read(CHAPTERS / "01-pruning.ipynb", as_version=4)
    modules = modules_behind(chapter_imports(notebook))
    assert {"graphon_lib.pruning.synflow", "graphon_lib.book.figures.pruning"} <= set(modules)
    assert not {"graphon_lib.graphons.cut_norm", "graphon_lib.book.figures.graphons"} & set(modules)
    data = {file.name for file in chapter_data(modules)}
    assert {"mask-statistics.nc", "mnist-5k.npz", "constraints.txt"} <= data
    assert "sorted-histograms.nc" not in data


def test_magics_are_no_obstacle(tmp_path):
    path = write_notebook(tmp_path / "chapter.ipynb", "seed = 0", "%timeit seed\n!ls")
    assert len(chapter_fingerprint(path)) == 64


def test_command_line_reports_an_unknown_chapter(capsys):
    assert main(["execute", "99-nowhere"]) == 1
    assert "99-nowhere" in capsys.readouterr().err


@pytest.mark.reproduction
@pytest.mark.parametrize("path", list_chapters(), ids=lambda path: path.stem)
def test_every_chapter_runs_at_the_quick_profile(path, tmp_path_factory, monkeypatch):
    """The code behind every stored result runs at a small size."""
    cells = nbformat.read(path, as_version=4).cells
    assert sum("parameters" in cell.metadata.get("tags", []) for cell in cells) == 1
    share(monkeypatch, tmp_path_factory)
    monkeypatch.chdir(CHAPTERS)
    run_cells(path, {"profile": "quick", "recompute": True})
