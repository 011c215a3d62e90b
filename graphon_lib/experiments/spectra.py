"""Spectra of tangent kernels of pruned networks against the sparsity, by several routes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import xarray as xr

from graphon_lib.experiments.data import load_mnist
from graphon_lib.experiments.results import Experiment
from graphon_lib.experiments.spectra_cell import METRICS, RANKS, ROUTES, spectra_cell
from graphon_lib.experiments.sweep import fingerprint, run_cells
from graphon_lib.pruning.methods import METHODS

__all__ = ["SPECTRA", "spectra"]

NETWORKS = ("dense", *METHODS)

# Small, but of the sweep's depth and with every route.
PROBE = {"width": 40, "digits": 12, "blocks": 8, "densities": (0.5, 0.3), "trial": 0}


def spectra(
    *,
    seed: int,
    width: int,
    hidden_layers: int,
    densities: Sequence[float],
    samples: Sequence[Mapping[str, Any]],
    blocks: int,
    full: bool,
) -> xr.Dataset:
    """Measure the spectra of the kernels of pruned networks, and of those that stand for them.

    Parameters
    ----------
    seed
        Seed of everything random.
    width
        Of the hidden layers.
    hidden_layers
        Number of hidden layers, at least 1.
    densities
        Target densities, kept fractions of all weights.
    samples
        Which kernels are measured: a number of ``digits``, of ``trials`` (networks), and for some
        of the ``routes`` of :data:`~graphon_lib.experiments.spectra_cell.ROUTES` the densities.
    blocks
        Blocks of every hidden layer's neurons.
    full
        Whether the complete data are used rather than the bundled subset.

    Returns
    -------
    xarray.Dataset
        Dimensions (digits, pruning, density, trial, route), the dense network among the methods and
        alike at every density: the variables of
        :data:`~graphon_lib.experiments.spectra_cell.METRICS`, and ``eigenvalue`` (..., rank).
        ``path_density`` (pruning, density, trial) of the masks. NaN where nothing was asked for.

    Notes
    -----
    The power law is fitted over the default ranks of
    :func:`~graphon_lib.ntk.spectral_metrics`; the attribute ``fit_ranks`` names them. Cells are one
    network, method and number of digits each, see :func:`~graphon_lib.experiments.sweep.run_cells`.
    """
    data = load_mnist(full=full)
    settings = {
        "seed": seed,
        "hidden_layers": hidden_layers,
        "full": full,
        "data_sha256": data.sha256,
    }
    probe = {**settings, **PROBE, "pruning": "snip", "routes": ROUTES}
    cells = _cells(densities, samples, {**settings, "width": width, "blocks": blocks})
    done = run_cells(
        spectra_cell, cells, key=fingerprint(spectra_cell, [probe]), description="Measuring kernels"
    )
    counts = sorted({sample["digits"] for sample in samples})
    trials = max(sample["trials"] for sample in samples)
    lead = (len(counts), len(NETWORKS), len(densities), trials)
    metric = np.full((*lead, len(ROUTES), len(METRICS)), np.nan)
    eigenvalue = np.full((*lead, len(ROUTES), len(RANKS)), np.nan, dtype=np.float32)
    paths = np.full(lead[1:], np.nan)
    for arguments, cell in zip(cells, done, strict=True):
        n, p = counts.index(arguments["digits"]), NETWORKS.index(arguments["pruning"])
        for d, density in enumerate(arguments["densities"]):
            place = (p, list(densities).index(density), arguments["trial"])
            paths[place] = cell.arrays["path_density"][d]
            for r in (ROUTES.index(route) for route in arguments["routes"]):
                metric[n, *place, r] = cell.arrays["metric"][d, r]
                eigenvalue[n, *place, r] = cell.arrays["eigenvalue"][d, r]
    dims = ("digits", "pruning", "density", "trial", "route")
    variables = {name: (dims, metric[..., i]) for i, name in enumerate(METRICS)}
    return xr.Dataset(
        {
            **variables,
            "eigenvalue": ((*dims, "rank"), eigenvalue),
            "path_density": (dims[1:4], paths),
        },
        coords={
            "digits": counts,
            "pruning": list(NETWORKS),
            "density": list(densities),
            "route": list(ROUTES),
            "rank": list(RANKS),
        },
        attrs={
            "data": data.name,
            "data_sha256": data.sha256,
            "fit_ranks": ", ".join(f"{1 + n // 100} to {1 + n // 2} of {n}" for n in counts),
            "width": width,
            "cpu_hours": round(sum(cell.seconds for cell in done) / 3600, 3),
            "peak_megabytes": round(max(cell.megabytes for cell in done)),
        },
    )


def _cells(
    densities: Sequence[float],
    samples: Sequence[Mapping[str, Any]],
    settings: Mapping[str, Any],
) -> list[dict[str, Any]]:
    """List the cells: routes with the same densities together, few digits and first trials first."""
    cells = []
    for sample in samples:
        of_densities: dict[tuple[float, ...], list[str]] = {}
        for route, wanted in sample["routes"].items():
            of_densities.setdefault(tuple(wanted), []).append(route)
        for wanted, routes in of_densities.items():
            if not set(wanted) <= set(densities):
                raise ValueError(
                    f"samples must have densities among {tuple(densities)}, got {wanted}"
                )
            cells += [
                {
                    **settings,
                    "trial": trial,
                    "pruning": pruning,
                    "densities": wanted,
                    "digits": sample["digits"],
                    "routes": tuple(routes),
                }
                for trial in range(sample["trials"])
                for pruning in NETWORKS
            ]
    return sorted(cells, key=lambda cell: (cell["digits"], cell["trial"]))


CENTRAL = ("sampled", "theory, degree", "theory, joint", "kept")
CONTROLS = ("sampled, hidden only", "re-drawn", "shuffled")
DENSITIES = [0.5, 0.4, 0.3, 0.2, 0.1, 0.05]

SPECTRA = Experiment(
    name="spectra",
    compute=spectra,
    profiles={
        "paper": {
            "width": 1024,
            "hidden_layers": 4,
            "densities": DENSITIES,
            "samples": [
                {"digits": 128, "trials": 3, "routes": dict.fromkeys(ROUTES, DENSITIES)},
                {"digits": 1024, "trials": 3, "routes": dict.fromkeys(CENTRAL, DENSITIES)},
                {"digits": 1024, "trials": 3, "routes": dict.fromkeys(CONTROLS, DENSITIES)},
            ],
            "blocks": 64,
            "full": True,
        },
        "quick": {
            "width": 48,
            "hidden_layers": 2,
            "densities": [0.5, 0.1],
            "samples": [
                {"digits": 24, "trials": 2, "routes": dict.fromkeys(ROUTES, (0.5, 0.1))},
                {"digits": 48, "trials": 2, "routes": dict.fromkeys(ROUTES, (0.5, 0.1))},
            ],
            "blocks": 16,
            "full": False,
        },
    },
)
