"""Stored results: heavy computations kept as netCDF with everything needed to make them again.

Results lie in ``data/results``, with the parameters that they were computed with among their
attributes: they are loaded for these and for no others.
"""

from __future__ import annotations

import json
import platform
from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from graphon_lib.experiments.sources import LIBRARY

if TYPE_CHECKING:
    import xarray as xr

__all__ = [
    "GRID",
    "RESULTS",
    "StaleResultError",
    "load",
    "on_grid",
    "provenance",
    "read_attributes",
    "store",
]

RESULTS = LIBRARY.parent / "data" / "results"
PACKAGES = ("numpy", "scipy", "torch", "scikit-learn", "POT", "xarray")

GRID = 2.0**-11
"""Mean histograms are rounded to multiples of this, well below their errors, to compress."""


class StaleResultError(ValueError):
    """A stored result is missing, unreadable, or of other parameters than those asked for."""


def load(path: Path, parameters: Mapping[str, Any], seed: int) -> xr.Dataset:
    """Load a result that is stored with these parameters and this seed, or it is stale."""
    import xarray as xr

    if not path.exists():
        raise StaleResultError(
            f"nothing is stored as {path}: stored results come with a checkout of the "
            "repository; pass recompute=True to compute the result, which may take hours"
        )
    try:
        dataset = xr.load_dataset(path, engine="netcdf4")
    except (OSError, RuntimeError, ValueError, KeyError) as error:
        raise StaleResultError(
            f"the stored {path.name} cannot be read ({error}); restore the file, or pass "
            "recompute=True to compute the result anew"
        ) from error
    for key, asked in {"parameters": _json(parameters), "seed": seed}.items():
        stored = dataset.attrs.get(key)
        if stored != asked:
            raise StaleResultError(
                f"{key} must be {stored} as in the stored {path.name}, got {asked}; "
                "pass recompute=True to compute the result anew"
            )
    return dataset


def read_attributes(path: Path) -> dict[str, Any]:
    """Return what a stored result says of how it was made, without its arrays."""
    import netCDF4

    with netCDF4.Dataset(path) as result:
        return vars(result).copy()


def store(dataset: xr.Dataset, path: Path) -> None:
    """Write a result to its place; what is there stays if that fails."""
    compressed = {name: {"zlib": True, "complevel": 9} for name in dataset.data_vars}
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_suffix(".partial")
    try:
        dataset.to_netcdf(temporary, engine="netcdf4", encoding=compressed)
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def provenance(parameters: Mapping[str, Any], seed: int) -> dict[str, Any]:
    """Return the attributes that say what a result is computed with, and on what."""
    return {
        "parameters": _json(parameters),
        "seed": seed,
        "versions": json.dumps({name: version(name) for name in PACKAGES}),
        "python": platform.python_version(),
        "processor": _processor(),
    }


def _json(parameters: Mapping[str, Any]) -> str:
    return json.dumps(parameters, sort_keys=True)


def _processor() -> str:
    """Return the models of the CPU and of the GPU, if any, which may decide the last bits of a result."""
    import torch

    found, information = platform.processor() or platform.machine(), Path("/proc/cpuinfo")
    if information.exists():
        for line in information.read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                found = line.partition(":")[2].strip()
                break
    return f"{found}, {torch.cuda.get_device_name()}" if torch.cuda.is_available() else found


def on_grid(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return values rounded to multiples of :data:`GRID`."""
    return np.round(values / GRID) * GRID
