"""Chapters at the quick profile, in this process: what experiments share is computed once for all.

About ten experiments stand in more than one chapter. What is kept belongs to one session of pytest,
and so to the code as it is.
"""

import os
from dataclasses import replace
from types import ModuleType

import joblib
import nbformat
from filelock import FileLock
from IPython.core.interactiveshell import InteractiveShell
from IPython.utils.capture import capture_output
from traitlets.config import Config

from graphon_lib.experiments.experiment import Experiment
from graphon_lib.pruning import METHODS


def share(monkeypatch, tmp_path_factory):
    """Let `Experiment.run` take quick results from a folder of the session, if they are there."""
    base = tmp_path_factory.getbasetemp()
    # Each process of pytest-xdist has a folder of its own in that of the session.
    folder = (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / "quick-results"
    folder.mkdir(exist_ok=True)
    run = Experiment.run

    def shared(self, *, profile="paper", recompute=False, seed=0):
        if profile != "quick":
            return run(self, profile=profile, recompute=recompute, seed=seed)
        file = folder / f"{self.name}-{seed}.pickle"
        with FileLock(f"{file}.lock"):
            if not file.exists():
                unfinished = file.with_suffix(".unfinished")
                joblib.dump(run(self, profile=profile, recompute=recompute, seed=seed), unfinished)
                unfinished.rename(file)
            return joblib.load(file)

    monkeypatch.setattr(Experiment, "run", shared)
    # SynFlow's hundred rounds are most of the work, and tested elsewhere.
    monkeypatch.setitem(METHODS, "synflow", replace(METHODS["synflow"], rounds=3))


def run_cells(path, parameters):
    """Run a chapter's cells as a kernel would, with all that they show drawn, and forget it all."""
    settings = Config(HistoryManager={"enabled": False})
    shell = InteractiveShell.instance(config=settings, user_module=ModuleType("chapter"))
    # As for a reader of a notebook, not of a terminal.
    shell.display_formatter.active_types = shell.display_formatter.format_types
    try:
        for cell in nbformat.read(path, as_version=4).cells:
            if cell.cell_type == "code":
                with capture_output():
                    result = shell.run_cell(cell.source)
                result.raise_error()
            if "parameters" in cell.metadata.get("tags", []):
                shell.push(parameters)
    finally:
        shell.reset()
        InteractiveShell.clear_instance()
