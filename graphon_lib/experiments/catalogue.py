"""All experiments whose results are stored."""

from __future__ import annotations

from graphon_lib.experiments.mask_statistics import MASK_STATISTICS
from graphon_lib.experiments.sorted_histograms import SORTED_HISTOGRAMS

__all__ = ["STORED_EXPERIMENTS"]

STORED_EXPERIMENTS = (MASK_STATISTICS, SORTED_HISTOGRAMS)
