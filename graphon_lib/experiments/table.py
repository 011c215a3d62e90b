"""The table of all experiments whose results are stored: whatever a module here describes."""

from __future__ import annotations

import pkgutil
from collections.abc import Iterable
from importlib import import_module

import graphon_lib.experiments
from graphon_lib.experiments.experiment import Experiment

__all__ = ["EXPERIMENTS", "experiments_in"]


def experiments_in(modules: Iterable[str]) -> dict[str, Experiment]:
    """Return the experiments that modules describe, by the names of their results."""
    return {
        value.name: value
        for module in sorted(modules)
        for value in vars(import_module(module)).values()
        if isinstance(value, Experiment)
    }


EXPERIMENTS = experiments_in(
    f"graphon_lib.experiments.{module.name}"
    for module in pkgutil.iter_modules(graphon_lib.experiments.__path__)
    if module.name not in ("__main__", "catalogue", "table")
)
"""All experiments, by the names of their results."""
