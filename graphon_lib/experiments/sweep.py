"""Sweeps: many independent cells, computed in parallel, each kept on disk once it is done.

A cell is a call of one function that returns a dictionary of arrays. Finished cells are kept by
:class:`joblib.Memory`, so that a sweep that was killed goes on where it was, and
:class:`joblib.Parallel` shares them out: over the cores of this machine, or over a Dask cluster
inside ``joblib.parallel_config(backend="dask")``.
"""

from __future__ import annotations

import hashlib
import json
import logging
import warnings
from collections.abc import Callable, Mapping, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from joblib import Memory, Parallel, delayed
from numpy.typing import NDArray
from tqdm import tqdm

from graphon_lib.experiments.cost import measured_cost, single_thread
from graphon_lib.experiments.sources import LIBRARY, definitions_hash

__all__ = [
    "CACHE",
    "Cell",
    "CellError",
    "CellFunction",
    "compute_cells",
    "fingerprint",
    "run_cells",
]

CACHE = LIBRARY.parent / ".cache" / "sweeps"
"""Where finished cells are kept."""

PACKAGES = ("numpy", "scipy", "torch")

NOT_WRITTEN = "Unable to cache to disk"
"""How joblib's warning begins where it cannot write, and goes on."""

logger = logging.getLogger(__name__)

CellFunction = Callable[..., dict[str, NDArray]]


class CellError(OSError):
    """A cell cannot be kept on disk."""


class Cell(NamedTuple):
    """A finished cell: what the function returned, and which code made it at what cost.

    Attributes
    ----------
    seconds, megabytes
        Processor time spent on it, and peak memory of the process meanwhile.
    code_sha256
        Hash of the code that stood behind it.
    """

    arrays: dict[str, NDArray]
    seconds: float
    megabytes: float
    code_sha256: str


def fingerprint(function: CellFunction, probes: Sequence[Mapping[str, Any]]) -> str:
    """Return a name for what the installed code computes, to keep cells of different codes apart.

    The SHA-256 of the results of `probes`, arguments of small cells that exercise all of the
    function, and of the versions of NumPy, SciPy and PyTorch. The probes are computed anew each
    time: a change of the library that changes a number in them changes the fingerprint, and so does
    another kind of processor that rounds differently; a change of names or words does not, and
    hours of finished cells stay valid.
    """
    with single_thread():
        digests = [_digest(function(**probe)) for probe in probes]
    versions = {name: version(name) for name in PACKAGES}
    return hashlib.sha256(json.dumps([digests, versions]).encode()).hexdigest()


def compute_cells(
    function: CellFunction, cells: Sequence[Mapping[str, Any]], *, description: str
) -> list[Cell]:
    """Compute cells one after the other in this process, and keep none; else as :func:`run_cells`."""
    code = definitions_hash([function])
    progress = tqdm(cells, desc=description, unit="cell")
    return [_cell(_computed(function, arguments, code)) for arguments in progress]


def run_cells(
    function: CellFunction,
    cells: Sequence[Mapping[str, Any]],
    *,
    key: str,
    folder: Path | None = None,
    description: str = "Cells",
) -> list[Cell]:
    """Return the cells in their order, computing those that are not on disk yet.

    The function, importable by name, is called with the arguments of each cell by keyword, on one
    thread. The `key` names the code and whatever else the cells depend on, see :func:`fingerprint`:
    cells kept under another are not read. The `folder` is ``.cache/sweeps`` of the checkout when
    omitted.

    Raises
    ------
    CellError
        If a finished cell cannot be written, for instance because the disk is full.

    Notes
    -----
    A cell on disk that cannot be read, or does not have the checksum it was kept with, is computed
    again, and a message to the module's logger names it. A cell is written under another name
    first, so that a process killed at any moment leaves no half of one. Every worker writes the
    cells it computes: workers on several machines need a `folder` that all of them see, and Dask
    workers one thread each.
    """
    code = definitions_hash([function])
    memory = Memory(CACHE if folder is None else folder, verbose=0, compress=1)
    # Who asks does not decide the result: the hash is kept with the cell, not part of its name.
    cached = memory.cache(_kept, ignore=["code"])
    parallel = Parallel(n_jobs=-1, return_as="generator", pre_dispatch="all", batch_size=1)
    tasks = (delayed(_fetch)(cached, function, dict(cell), key, code) for cell in cells)
    return list(tqdm(parallel(tasks), total=len(cells), desc=description, unit="cell"))


def _computed(function: CellFunction, arguments: Mapping[str, Any], code: str) -> dict[str, Any]:
    """Compute a cell and say what it cost."""
    with single_thread(), measured_cost() as cost:
        arrays = function(**arguments)
    return {
        "arrays": arrays,
        "seconds": cost.seconds,
        "megabytes": cost.megabytes,
        "code_sha256": code,
    }


# Memory drops everything kept by a function whose source has changed: leave this one as it is.
def _kept(function, arguments, key, code):  # noqa: ANN001, ANN202
    """Compute a cell and add its checksum."""
    computed = _computed(function, arguments, code)
    return {**computed, "digest": _digest(computed["arrays"])}


def _fetch(
    cached: Callable, function: CellFunction, arguments: dict[str, Any], key: str, code: str
) -> Cell:
    """Return a cell from disk, or compute and keep it."""
    call = (function, arguments, key, code)
    with warnings.catch_warnings():
        warnings.filterwarnings("error", NOT_WRITTEN)
        try:
            kept = cached(*call)
            if _digest(kept["arrays"]) != kept["digest"]:
                logger.warning("a kept cell was damaged and is computed again: %s", arguments)
                cached.call_and_shelve(*call).clear()
                kept = cached(*call)
        except Warning as warning:
            if not str(warning).startswith(NOT_WRITTEN):
                raise
            raise CellError(
                f"the cell {arguments} cannot be kept in {cached.store_backend.location} "
                f"({warning}); make room there and start again, finished cells are kept"
            ) from warning
    return _cell(kept)


def _cell(kept: Mapping[str, Any]) -> Cell:
    return Cell(*(kept[name] for name in Cell._fields))


def _digest(arrays: Mapping[str, NDArray]) -> str:
    digest = hashlib.sha256()
    for name in sorted(arrays):
        array = np.ascontiguousarray(arrays[name])
        digest.update(f"{name} {array.dtype} {array.shape}".encode())
        digest.update(array.tobytes())
    return digest.hexdigest()
