"""Executing the chapters with papermill."""

from __future__ import annotations

import os
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import nbformat
import papermill
from joblib import Parallel, cpu_count, delayed
from tqdm import tqdm

from graphon_lib.book.dependencies import chapter_fingerprint
from graphon_lib.book.paths import CHAPTERS, EXECUTED

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
    """Execute one chapter with papermill and write it, cleaned, to `destination`.

    Parameters
    ----------
    source
        The notebook to execute; it runs in the folder of the chapters.
    destination
        Where the executed notebook goes. Nothing is written when a cell fails.
    parameters
        Values for names of the notebook's ``parameters`` cell.
    progress_bar
        Whether to show progress bars, over the cells and inside them. Without, what a cell outputs
        does not depend on how busy the machine is.

    Returns
    -------
    nbformat.NotebookNode
        The executed notebook.

    Raises
    ------
    ValueError
        If a parameter is not one of the notebook's: papermill alone would only warn.
    papermill.exceptions.PapermillExecutionError
        If a cell raises; the message holds the cell's number and traceback.
    """
    parameters = dict(parameters or {})
    known = papermill.inspect_notebook(source)
    unknown = sorted(set(parameters) - set(known))
    if unknown:
        raise ValueError(
            f"parameters must be among {', '.join(known) or 'none'} in {source.name}, "
            f"got {', '.join(unknown)}"
        )
    with warnings.catch_warnings(), _progress_bars_in_kernels(progress_bar):
        # Papermill still calls two functions that newer versions of its dependencies deprecate.
        warnings.simplefilter("ignore", DeprecationWarning)
        notebook = papermill.execute_notebook(
            source,
            None,
            parameters=parameters,
            kernel_name="python3",
            cwd=CHAPTERS,
            progress_bar=progress_bar,
            # How a cell's text is cut into messages depends on how busy the machine is.
            coalesce_streams=True,
            # The kernel's own remarks on its transport; failures of cells are reported anyhow.
            extra_arguments=["--log-level=50"],
        )
    clean(notebook)
    destination.parent.mkdir(parents=True, exist_ok=True)
    temporary = destination.with_suffix(".tmp")
    nbformat.write(notebook, temporary)
    temporary.replace(destination)
    return notebook


@contextmanager
def _progress_bars_in_kernels(shown: bool) -> Iterator[None]:
    """Let processes started inside show progress bars or not: tqdm reads its setting on import."""
    before = os.environ.get("TQDM_DISABLE")
    os.environ["TQDM_DISABLE"] = "" if shown else "1"
    try:
        yield
    finally:
        if before is None:
            del os.environ["TQDM_DISABLE"]
        else:
            os.environ["TQDM_DISABLE"] = before


def clean(notebook: nbformat.NotebookNode) -> None:
    """Remove from an executed notebook what differs between two equal runs: times and injections.

    Cell identifiers are numbered in order; papermill's records, injected cells and the names of
    widgets, which no kernel knows any more, go.
    """
    notebook.cells = [
        cell
        for cell in notebook.cells
        if "injected-parameters" not in cell.metadata.get("tags", [])
    ]
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

    Returns
    -------
    list of Path
        The chapters that were executed, maybe none.
    """
    fingerprints = {path: chapter_fingerprint(path) for path in list_chapters()}
    stale = [path for path, value in fingerprints.items() if _stored_fingerprint(path) != value]
    # Processes, since papermill and its settings belong to one; joblib shares the threads out.
    parallel = Parallel(
        n_jobs=min(MOST_AT_ONCE, cpu_count(), max(len(stale), 1)),
        return_as="generator_unordered",
        pre_dispatch="all",
        batch_size=1,
    )
    done = parallel(
        delayed(_execute_and_record)(path, EXECUTED, fingerprints[path]) for path in stale
    )
    for _ in tqdm(
        done, total=len(stale), desc="Executing chapters", unit="chapter", disable=not stale
    ):
        pass
    return stale


def _execute_and_record(path: Path, folder: Path, fingerprint: str) -> None:
    """Execute a chapter; one that is done stays done if another one fails meanwhile."""
    execute_chapter(path, folder / path.name)
    (folder / f"{path.stem}.sha256").write_text(fingerprint, encoding="ascii")


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
