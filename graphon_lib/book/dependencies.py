"""What a chapter depends on, so that only what changed is executed again.

A chapter depends on its own source, on the library modules that it imports (directly or through
others), on the stored results that those modules describe, on the bundled data and on the pinned versions.
The fingerprint of a chapter is one SHA-256 over all of them.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from pathlib import Path

import nbformat
from IPython.core.inputtransformer2 import TransformerManager

from graphon_lib.book.paths import ROOT
from graphon_lib.experiments.sources import code_hash, imported_names, modules_behind

__all__ = ["chapter_data", "chapter_fingerprint", "chapter_imports", "notebook_source"]


def notebook_source(notebook: nbformat.NotebookNode) -> str:
    """Return what an author writes in a notebook: cell sources and metadata, without outputs."""
    cells = [[cell.cell_type, cell.source, cell.metadata] for cell in notebook.cells]
    return json.dumps(cells, sort_keys=True)


def chapter_data(modules: Iterable[str]) -> list[Path]:
    """List the files, besides code, on which the outputs of a chapter depend.

    Stored results, bundled data and the version pins, sorted. A stored result belongs to a chapter when
    its experiment is described in one of the modules that the chapter imports.
    """
    # With it comes PyTorch, which processes that only execute chapters do not need.
    from graphon_lib.experiments.experiment import experiments_in

    described = filter(lambda name: name.startswith("graphon_lib.experiments."), modules)
    paths = (experiment.path for experiment in experiments_in(described).values())
    results = [path for path in paths if path.exists()]
    bundled = [file for file in (ROOT / "data" / "mnist").iterdir() if file.suffix != ".md"]
    return sorted([*results, *bundled, ROOT / "constraints.txt"])


def chapter_imports(notebook: nbformat.NotebookNode) -> set[str]:
    """Return the dotted names that the code cells of a notebook import."""
    python = TransformerManager()  # turns notebook magics into plain Python
    cells = [cell.source for cell in notebook.cells if cell.cell_type == "code"]
    return imported_names("\n".join(python.transform_cell(source) for source in cells))


def chapter_fingerprint(path: Path) -> str:
    """Return the SHA-256 of everything that the outputs of the notebook at `path` depend on."""
    notebook = nbformat.read(path, as_version=4)
    names = chapter_imports(notebook)
    digest = hashlib.sha256(notebook_source(notebook).encode())
    digest.update(code_hash(names).encode())
    for file in chapter_data(modules_behind(names)):
        digest.update(file.name.encode())
        digest.update(hashlib.sha256(file.read_bytes()).digest())
    return digest.hexdigest()
