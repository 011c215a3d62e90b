"""The table of all experiments whose results are stored: whatever a module here describes."""

from __future__ import annotations

from graphon_lib.experiments.experiment import experiments_in
from graphon_lib.experiments.sources import described

__all__ = ["EXPERIMENTS"]

EXPERIMENTS = experiments_in(described())
"""All experiments, by the names of their results."""
