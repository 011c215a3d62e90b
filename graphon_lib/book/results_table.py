"""The status of the stored results, as a table."""

from __future__ import annotations

import json
from html import escape

import xarray as xr
from IPython.display import HTML

from graphon_lib.experiments.table import EXPERIMENTS

__all__ = ["results_table"]

COLUMNS = ("result", "parameters", "seed", "seconds", "CPU hours", "processor", "code")


def results_table() -> HTML:
    """Return a table of all stored results: how each was made, and whether its code has changed.

    CPU hours are given for sweeps, whose cells are kept from run to run. The code is ``unchanged`` when
    it is, comments and docstrings aside, the code that made the result.
    """
    head = "".join(f"<th scope='col'>{column}</th>" for column in COLUMNS)
    body = ""
    for experiment in EXPERIMENTS.values():
        with xr.open_dataset(experiment.path, engine="netcdf4") as dataset:
            attributes = dataset.attrs
        unchanged = attributes["code_sha256"] == experiment.code_hash()
        parameters = json.loads(attributes["parameters"])
        cells = (
            experiment.name,
            ", ".join(f"{name} = {value}" for name, value in parameters.items()),
            attributes["seed"],
            f"{attributes['seconds']:.0f}",
            f"{attributes['cpu_hours']:.2f}" if "cpu_hours" in attributes else "",
            attributes["processor"],
            "unchanged" if unchanged else "changed since",
        )
        body += "<tr>" + "".join(f"<td>{escape(str(cell))}</td>" for cell in cells) + "</tr>"
    return HTML(
        f"<table class='results'><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"
    )
