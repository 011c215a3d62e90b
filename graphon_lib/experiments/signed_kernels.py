"""Kernels of real pruned networks against what graphons, second moments, drifts and positions predict."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import xarray as xr

from graphon_lib.experiments.data import load_mnist
from graphon_lib.experiments.results import Experiment
from graphon_lib.experiments.signed_cell import BLOCKINGS, KERNELS, STATISTICS, signed_cell
from graphon_lib.experiments.sweep import fingerprint, run_cells
from graphon_lib.pruning.methods import METHODS

__all__ = ["SIGNED_KERNELS", "signed_kernels"]

# Wide enough for blocks of several neurons, and that SNIP and GraSP find their thresholds.
PROBE_WIDTH = 96


def signed_kernels(
    *,
    seed: int,
    trials_of_width: Sequence[Sequence[int]],
    hidden_layers: int,
    densities: Sequence[float],
    blocking_density: float,
    digits: int,
    blocks: int,
    particles: int,
    full: bool,
) -> xr.Dataset:
    """Measure and predict the tangent kernels of pruned networks with kept weights.

    Parameters
    ----------
    seed
        Seed of everything random.
    trials_of_width
        Pairs of a hidden width and a number of networks of that width.
    hidden_layers, densities, blocking_density, digits, blocks, particles, full
        As of :func:`graphon_lib.experiments.signed_cell.signed_cell`.

    Returns
    -------
    xarray.Dataset
        ``trace``, ``top1``, ``top5`` and ``cosine`` (pruning, density, width, trial, kernel), see
        :data:`graphon_lib.experiments.signed_cell.KERNELS`; ``blocking_trace`` and so on
        (width, trial, blocking) for SNIP at the one density. NaN where there is none.
    """
    data = load_mnist(full=full)
    settings = {
        "seed": seed,
        "hidden_layers": hidden_layers,
        "densities": list(densities),
        "blocking_density": blocking_density,
        "digits": digits,
        "blocks": blocks,
        "particles": particles,
        "full": full,
        "data_sha256": data.sha256,
    }
    key = _fingerprint(settings)
    arguments = [
        {"width": width, "trial": trial, "method": method, **settings}
        for width, trials in trials_of_width
        for trial in range(trials)
        for method in METHODS
    ]
    cells = run_cells(signed_cell, arguments, key=key, description="Signed kernels")
    widths = [width for width, _ in trials_of_width]
    trials = max(count for _, count in trials_of_width)
    values = np.full(
        (len(STATISTICS), len(METHODS), len(densities), len(widths), trials, len(KERNELS)), np.nan
    )
    blocking = np.full((len(STATISTICS), len(widths), trials, len(BLOCKINGS)), np.nan)
    for cell, at in zip(cells, arguments, strict=True):
        w, trial = widths.index(at["width"]), at["trial"]
        statistic = cell.arrays["statistic"].transpose(2, 0, 1)
        values[:, METHODS.index(at["method"]), :, w, trial] = statistic
        if at["method"] == "snip":
            blocking[:, w, trial] = cell.arrays["blocking"].T
    dims = ("pruning", "density", "width", "trial", "kernel")
    variables = {name: (dims, values[s]) for s, name in enumerate(STATISTICS)}
    variables |= {
        f"blocking_{name}": (("width", "trial", "blocking"), blocking[s])
        for s, name in enumerate(STATISTICS)
    }
    names = [
        f"{order}, {count} blocks, {'shrunk' if shrinkage else 'raw'}"
        for order, count, shrinkage in BLOCKINGS
    ]
    return xr.Dataset(
        variables,
        coords={
            "pruning": list(METHODS),
            "density": list(densities),
            "width": widths,
            "kernel": list(KERNELS),
            "blocking": names,
        },
        attrs={
            "data": data.name,
            "data_sha256": data.sha256,
            "trials_of_width": str([list(pair) for pair in trials_of_width]),
            "blocking_density": blocking_density,
            "digits": digits,
            "cells_fingerprint": key,
            "cpu_hours": round(sum(cell.seconds for cell in cells) / 3600, 3),
            "peak_megabytes": round(max(cell.megabytes for cell in cells)),
        },
    )


def _fingerprint(settings: Mapping[str, Any]) -> str:
    """Name the code by what it makes of small cells, one that uses positions and one that does not."""
    small = {**settings, "width": PROBE_WIDTH, "trial": 0, "digits": 6, "blocks": 9}
    return "-".join(
        fingerprint(signed_cell, {**small, "method": method})[:32] for method in ("snip", "synflow")
    )


SIGNED_KERNELS = Experiment(
    name="signed-kernels",
    compute=signed_kernels,
    profiles={
        "paper": {
            "trials_of_width": [[512, 5], [1024, 3], [2048, 2], [4096, 1]],
            "hidden_layers": 4,
            "densities": [0.5, 0.2, 0.1, 0.05],
            "blocking_density": 0.2,
            "digits": 32,
            "blocks": 64,
            "particles": 2048,
            "full": True,
        },
        "quick": {
            "trials_of_width": [[64, 2], [96, 1]],
            "hidden_layers": 2,
            "densities": [0.3, 0.15],
            "blocking_density": 0.3,
            "digits": 8,
            "blocks": 9,
            "particles": 96,
            "full": False,
        },
    },
)
