"""Executing the chapters with papermill."""

from __future__ import annotations

import multiprocessing
import os
import time
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import nbformat
import papermill
from joblib import Parallel, cpu_count, delayed
from jupyter_client.provisioning import KernelProvisionerFactory
from papermill.exceptions import PapermillExecutionError
from traitlets.config import Config

from graphon_lib.book.dependencies import chapter_fingerprint
from graphon_lib.book.paths import BUILD, CHAPTERS, EXECUTED
from graphon_lib.book.progress import say, step, warnings_to

__all__ = [
    "clean",
    "execute_chapter",
    "execute_stale_chapters",
    "list_chapters",
    "up_to_date",
    "write_outputs",
]

WIDGET = "application/vnd.jupyter.widget-view+json"

# Chapters executed side by side. Each takes up to a gigabyte, so that cores alone do not decide.
MOST_AT_ONCE = 4

PATIENCE = 600
"""Seconds after which a kernel that does not answer is taken to be dead."""


def list_chapters() -> list[Path]:
    """Return the notebooks of the book in reading order."""
    return sorted(CHAPTERS.glob("*.ipynb"), key=lambda path: (path.stem != "index", path.stem))


def execute_chapter(
    source: Path,
    destination: Path,
    parameters: Mapping[str, Any] | None = None,
    *,
    progress_bar: bool = False,
) -> nbformat.NotebookNode:
    """Execute one chapter with papermill, in the folder of the chapters, and write it, cleaned.

    Nothing is written when a cell fails, which is a ``RuntimeError``. `parameters` are for names of the
    notebook's ``parameters`` cell, and shown below it; another one is a ``ValueError``: papermill alone
    would only warn. With a progress bar, over the cells and inside them, what a cell outputs depends on
    how busy the machine is.
    """
    parameters = dict(parameters or {})
    known = papermill.inspect_notebook(source)
    unknown = sorted(set(parameters) - set(known))
    if unknown:
        raise ValueError(
            f"parameters must be among {', '.join(known) or 'none'} in {source.name}, "
            f"got {', '.join(unknown)}"
        )
    with (
        warnings.catch_warnings(),
        _environment_of_kernels(progress_bar),
        _sockets() as config,
    ):
        # Papermill still calls two functions that newer versions of its dependencies deprecate.
        warnings.simplefilter("ignore", DeprecationWarning)
        try:
            notebook = papermill.execute_notebook(
                source,
                None,
                parameters=parameters,
                kernel_name="python3",
                cwd=CHAPTERS,
                progress_bar=progress_bar,
                config=config,
                # A machine with other work may take long to start Python, or to hand an output over.
                start_timeout=PATIENCE,
                iopub_timeout=PATIENCE,
                # How a cell's text is cut into messages depends on how busy the machine is.
                coalesce_streams=True,
                # The kernel's own remarks on its transport; failures of cells are reported anyhow.
                extra_arguments=["--log-level=50"],
            )
        except PapermillExecutionError as error:
            raise RuntimeError(f"{source.name} failed{error}") from None
    clean(notebook)
    destination.parent.mkdir(parents=True, exist_ok=True)
    temporary = destination.with_suffix(".tmp")
    nbformat.write(notebook, temporary)
    temporary.replace(destination)
    return notebook


@contextmanager
def _sockets() -> Iterator[Config]:
    """Yield settings with which a kernel talks through files of its own, where there can be such.

    Between the choice of a free TCP port and its use by the kernel, another process may take it.
    """
    if os.name == "nt":
        yield Config()
        return
    with TemporaryDirectory() as folder:
        yield Config(KernelManager={"transport": "ipc", "ip": f"{folder}/kernel"})


@contextmanager
def _environment_of_kernels(progress_bar: bool) -> Iterator[None]:
    """Set what processes started inside read when they start or import."""
    before = dict(os.environ)
    # Another installation's list of fonts, which it may take away with it, is no list of this one's.
    os.environ["MPLCONFIGDIR"] = str(BUILD / "matplotlib")
    os.environ["TQDM_DISABLE"] = "" if progress_bar else "1"
    # Whoever compiles a package first is told of its style; the reader of a chapter is not.
    os.environ["PYTHONWARNINGS"] = "ignore::SyntaxWarning"
    # What reads this when it is imported is imported once for all warm kernels: without bars.
    warm = "forkserver" in multiprocessing.get_all_start_methods() and not progress_bar
    kernels = KernelProvisionerFactory.instance()
    kernels.default_provisioner_name = "warm" if warm else "local-provisioner"
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)


def clean(notebook: nbformat.NotebookNode) -> None:
    """Remove from an executed notebook what differs between two equal runs.

    Cell identifiers are numbered in order; papermill's records and the names of widgets, which no
    kernel knows any more, go. The cell of parameters that were given stays: the outputs below it are
    theirs and not those of the defaults.
    """
    notebook.metadata = nbformat.from_dict(
        {"kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"}}
    )
    for number, cell in enumerate(notebook.cells):
        cell.id = f"cell-{number:02d}"
        for key in ("papermill", "execution"):
            cell.metadata.pop(key, None)
        for output in cell.get("outputs", ()):
            output.get("data", {}).pop(WIDGET, None)
        if not cell.metadata.get("tags", True):
            del cell.metadata["tags"]


def up_to_date(path: Path) -> bool:
    """Return whether a chapter was executed and nothing that it depends on has changed since."""
    return _stored_fingerprint(path) == chapter_fingerprint(path)


def execute_stale_chapters() -> list[Path]:
    """Execute the chapters whose fingerprint changed since they were last executed, side by side.

    They are returned. If a cell raises, a ``RuntimeError`` holds the chapter, the cell's number and the
    traceback.
    """
    with step("Comparing the chapters with what they were executed from"):
        fingerprints = {path: chapter_fingerprint(path) for path in list_chapters()}
    stale = [path for path, value in fingerprints.items() if _stored_fingerprint(path) != value]
    if not stale:
        return []
    at_once = min(MOST_AT_ONCE, cpu_count(), len(stale))
    say(f"Executing {len(stale)} of {len(fingerprints)} chapters, {at_once} at a time")
    # Processes, since papermill and its settings belong to one; joblib shares the threads out.
    parallel = Parallel(
        n_jobs=at_once, return_as="generator_unordered", pre_dispatch="all", batch_size=1
    )
    with warnings_to(BUILD / "chapters.log"):
        done = parallel(
            delayed(_execute_and_record)(path, EXECUTED, fingerprints[path]) for path in stale
        )
        for number, (name, seconds) in enumerate(done, start=1):
            say(f"Executing chapters {number}/{len(stale)}: {name}, {seconds:.0f} s")
    return stale


def _execute_and_record(path: Path, folder: Path, fingerprint: str) -> tuple[str, float]:
    """Execute a chapter; one that is done stays done if another one fails meanwhile."""
    start = time.perf_counter()
    execute_chapter(path, folder / path.name)
    (folder / f"{path.stem}.sha256").write_text(fingerprint, encoding="ascii")
    return path.stem, time.perf_counter() - start


def write_outputs() -> list[Path]:
    """Copy freshly executed outputs over the chapters; return those that changed."""
    execute_stale_chapters()
    changed = []
    for path in list_chapters():
        executed = (EXECUTED / path.name).read_bytes()
        if path.read_bytes() != executed:
            path.write_bytes(executed)
            changed.append(path)
    return changed


def _stored_fingerprint(path: Path) -> str | None:
    record = EXECUTED / f"{path.stem}.sha256"
    present = record.exists() and (EXECUTED / path.name).exists()
    return record.read_text(encoding="ascii") if present else None
