"""Stored results: heavy computations kept as netCDF with everything needed to make them again.

An :class:`Experiment` is a function that computes an xarray dataset, with one set of parameters for
each profile. The result of the profile ``"paper"`` is stored in ``data/results`` and loaded from
there; the profile ``"quick"`` is small and computed on the spot.
"""

from __future__ import annotations

import json
import platform
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from graphon_lib._checks import check_choice, check_integer
from graphon_lib.experiments.sources import LIBRARY, code_hash

if TYPE_CHECKING:
    import xarray as xr

__all__ = ["RESULTS", "Experiment", "StaleResultError", "load", "provenance", "store"]

RESULTS = LIBRARY.parent / "data" / "results"
PACKAGES = ("numpy", "scipy", "torch", "scikit-learn", "POT", "xarray")


class StaleResultError(ValueError):
    """A stored result is missing, unreadable, or of other parameters than those asked for."""


@dataclass(frozen=True)
class Experiment:
    """A computation whose result is stored.

    Parameters
    ----------
    name
        File name of the stored result, without its ending.
    compute
        Function of the seed and of the parameters, all by keyword, that returns the dataset.
    profiles
        The parameters of each profile; ``"paper"`` and ``"quick"`` must be among them.
    """

    name: str
    compute: Callable[..., xr.Dataset]
    profiles: Mapping[str, Mapping[str, Any]]

    @property
    def path(self) -> Path:
        """Where the result of the profile ``"paper"`` is stored."""
        return RESULTS / f"{self.name}.nc"

    def run(self, *, profile: str = "paper", recompute: bool = False, seed: int = 0) -> xr.Dataset:
        """Load the stored result, or compute one.

        Parameters
        ----------
        profile
            ``"paper"`` (the sizes of the paper) or ``"quick"`` (a small instance, never stored).
        recompute
            Whether to compute the result of the profile ``"paper"``, which may take hours, and store
            it in the place of the one that is stored. Without, it is only loaded.
        seed
            Seed of everything random in the experiment.

        Returns
        -------
        xarray.Dataset
            The result; its attributes say how it was made.

        Raises
        ------
        ValueError
            If the profile does not exist or `seed` is not a non-negative integer.
        StaleResultError
            If nothing is stored, or with another seed or other parameters than those asked for.
        """
        check_choice("profile", profile, self.profiles)
        check_integer("seed", seed, 0)
        parameters = self.profiles[profile]
        if profile == "paper" and not recompute:
            return load(self.path, parameters, seed)
        dataset = self._compute(parameters, seed)
        if profile == "paper":
            store(dataset, self.path)
        return dataset

    def code_hash(self) -> str:
        """Return the SHA-256 of the code behind the computation, as it is now."""
        return code_hash([self.compute.__module__])

    def _compute(self, parameters: Mapping[str, Any], seed: int) -> xr.Dataset:
        started, code = time.perf_counter(), self.code_hash()
        dataset = self.compute(seed=seed, **parameters)
        dataset.attrs |= provenance(parameters, seed)
        dataset.attrs |= {
            "code_sha256": code,
            "seconds": round(time.perf_counter() - started, 1),
        }
        return dataset


def load(path: Path, parameters: Mapping[str, Any], seed: int) -> xr.Dataset:
    """Load a stored result.

    Parameters
    ----------
    path
        The file.
    parameters, seed
        What it must have been computed with.

    Raises
    ------
    StaleResultError
        If the file is missing, cannot be read, or has another seed or other parameters.
    """
    import xarray as xr

    if not path.exists():
        raise StaleResultError(
            f"nothing is stored as {path}: stored results come with a checkout of the "
            "repository; pass recompute=True to compute the result, which may take hours"
        )
    try:
        dataset = xr.load_dataset(path, engine="h5netcdf")
    except (OSError, ValueError, KeyError) as error:
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


def store(dataset: xr.Dataset, path: Path) -> None:
    """Write a result to its place; what is there stays if that fails."""
    compressed = {name: {"zlib": True, "complevel": 9} for name in dataset.data_vars}
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_suffix(".partial")
    try:
        dataset.to_netcdf(temporary, engine="h5netcdf", encoding=compressed)
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
    """Return the model of the CPU, which may decide the last bits of a result."""
    information = Path("/proc/cpuinfo")
    if information.exists():
        for line in information.read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()
