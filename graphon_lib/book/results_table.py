"""The status of the stored results, as a table."""

from __future__ import annotations

import json
from html import escape

from IPython.display import HTML

from graphon_lib.book.html_table import html_table
from graphon_lib.experiments.experiment import Experiment
from graphon_lib.experiments.results import read_attributes
from graphon_lib.experiments.table import EXPERIMENTS

__all__ = ["results_table"]

COLUMNS = ("result", "seed", "seconds", "CPU hours", "processor", "code")


def results_table() -> HTML:
    """Return a table of all stored results: how each was made, and whether its code has changed.

    CPU hours are given for sweeps, whose cells are kept from run to run. The code is ``unchanged`` when
    it is, comments and docstrings aside, the code that made the result; where it has changed, the
    result is ``the same in part``, which tests compute again, or in one that the same code makes.
    """
    return html_table(COLUMNS, map(_row, EXPERIMENTS.values()))


def _row(experiment: Experiment) -> tuple[str, ...]:
    attributes = read_attributes(experiment.path)
    parameters = json.loads(attributes["parameters"])
    shown = ", ".join(f"{name} = {value}" for name, value in parameters.items())
    return (
        f"{experiment.name}<details><summary>parameters</summary>{escape(shown)}</details>",
        str(attributes["seed"]),
        f"{attributes['seconds']:.0f}",
        f"{attributes['cpu_hours']:.2f}" if "cpu_hours" in attributes else "–",
        escape(attributes["processor"]),
        "unchanged" if attributes["code_sha256"] == experiment.code_hash() else "the same in part",
    )
