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

DENSITIES = (0.5, 0.2, 0.1, 0.05)


def signed_kernels(
    *,
    seed: int,
    networks: Sequence[tuple[int, float, int, Sequence[str]]],
    hidden_layers: int,
    blocking_density: float,
    blocking_width: int,
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
    networks
        Rows of a hidden width, a density, a number of networks and the methods they are pruned
        with, none standing for all. Computed in this order.
    hidden_layers, digits, blocks, particles, full
        As of :func:`graphon_lib.experiments.signed_cell.signed_cell`.
    blocking_density, blocking_width
        At this density and up to this width, all blockings are tried for SNIP.

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
        "digits": digits,
        "blocks": blocks,
        "particles": particles,
        "full": full,
        "data_sha256": data.sha256,
    }
    key = _fingerprint(settings)
    arguments = [
        {
            "width": width,
            "trial": trial,
            "method": method,
            "density": density,
            "blockings": method == "snip"
            and density == blocking_density
            and width <= blocking_width,
            **settings,
        }
        for width, density, trials, methods in networks
        for trial in range(trials)
        for method in methods or METHODS
    ]
    cells = run_cells(signed_cell, arguments, key=key, description="Signed kernels")
    widths = sorted({width for width, *_ in networks})
    densities = sorted({density for _, density, *_ in networks}, reverse=True)
    trials = max(count for _, _, count, _ in networks)
    used = [method for method in METHODS if any(at["method"] == method for at in arguments)]
    shape = (len(used), len(densities), len(widths), trials)
    values = np.full((len(STATISTICS), *shape, len(KERNELS)), np.nan)
    blocking = np.full((len(STATISTICS), len(widths), trials, len(BLOCKINGS)), np.nan)
    for cell, at in zip(cells, arguments, strict=True):
        w, d, trial = widths.index(at["width"]), densities.index(at["density"]), at["trial"]
        values[:, used.index(at["method"]), d, w, trial] = cell.arrays["statistic"].T
        if at["blockings"]:
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
            "pruning": used,
            "density": densities,
            "width": widths,
            "kernel": list(KERNELS),
            "blocking": names,
        },
        attrs={
            "data": data.name,
            "data_sha256": data.sha256,
            "blocking_density": blocking_density,
            "digits": digits,
            "cells_fingerprint": key,
            "cpu_hours": round(sum(cell.seconds for cell in cells) / 3600, 3),
            "peak_megabytes": round(max(cell.megabytes for cell in cells)),
        },
    )


def _fingerprint(settings: Mapping[str, Any]) -> str:
    """Name the code by what it makes of small cells: of positions, with and without means, and of blocks."""
    small = {**settings, "width": PROBE_WIDTH, "trial": 0, "digits": 6, "blocks": 9, "density": 0.2}
    return "-".join(
        fingerprint(signed_cell, [{**small, "method": method, "blockings": method == "snip"}])[:32]
        for method in ("snip", "grasp", "synflow")
    )


SIGNED_KERNELS = Experiment(
    name="signed-kernels",
    compute=signed_kernels,
    profiles={
        "paper": {
            "networks": [
                [width, density, 5, []]
                for width in (512, 1024, 2048, 4096)
                for density in DENSITIES
            ],
            "hidden_layers": 4,
            "blocking_density": 0.2,
            "blocking_width": 512,
            "digits": 32,
            "blocks": 64,
            "particles": 1024,
            "full": True,
        },
        "quick": {
            "networks": [[64, 0.3, 2, []], [96, 0.3, 1, []], [64, 0.15, 1, ["snip", "grasp"]]],
            "hidden_layers": 2,
            "blocking_density": 0.3,
            "blocking_width": 64,
            "digits": 8,
            "blocks": 9,
            "particles": 96,
            "full": False,
        },
    },
)
