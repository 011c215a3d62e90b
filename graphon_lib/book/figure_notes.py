"""Sphinx extension: below every figure its data, the results that it is of, and a way to enlarge it."""

from __future__ import annotations

import hashlib
from functools import cache
from html import escape
from pathlib import Path
from typing import Any

import nbformat
from docutils import nodes
from sphinx.application import Sphinx
from sphinx.transforms.post_transforms import SphinxPostTransform

from graphon_lib.book.paths import RESULTS
from graphon_lib.book.provenance import figure_of, results_behind

__all__ = ["NoteSources", "setup"]

DIGITS = 12
"""Of a file's SHA-256, on the page; the whole of it is in its tooltip."""


class NoteSources(SphinxPostTransform):
    """Put each figure into a box that scrolls, and a line of links below it."""

    # After outputs have been chosen.
    default_priority = 197
    formats = ("html",)

    def run(self, **kwargs: Any) -> None:  # noqa: ANN401
        """Apply the transform to one page."""
        source = Path(self.env.doc2path(self.env.docname))
        if source.suffix != ".ipynb":
            return
        notebook = nbformat.read(source, as_version=4)
        data, results = _data(notebook), results_behind(notebook)
        for figure in list(self.document.findall(nodes.figure)):
            label = next((name for name in figure["ids"] if name in results), None)
            if label is None:
                continue
            for image in list(figure.findall(nodes.image)):
                image.replace_self(nodes.container("", image.deepcopy(), classes=["drawing"]))
            up = "../" * self.env.docname.count("/")
            links = [_result(name, up) for name in results[label]]
            if label in data:
                _write(Path(self.app.outdir) / "figures" / f"{label}.csv", data[label])
                links.insert(0, f'<a href="{up}figures/{label}.csv" download>data (CSV)</a>')
            note = f'<p class="figure-note" data-figure="{label}">{" · ".join(links)}</p>'
            figure.parent.insert(
                figure.parent.index(figure) + 1, nodes.raw("", note, format="html")
            )


def _data(notebook: nbformat.NotebookNode) -> dict[str, str]:
    """Return what figures draw, as CSV, by their labels."""
    return {
        label: output["data"]["text/csv"]
        for cell in notebook.cells
        if (label := figure_of(cell))
        for output in cell.outputs
        if "text/csv" in output.get("data", {})
    }


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(exist_ok=True)
    path.write_text(text, encoding="utf-8")


def _result(name: str, up: str) -> str:
    digest = _digest(RESULTS / name)
    shown = f'<span title="SHA-256 {digest}">sha256 {digest[:DIGITS]}</span>'
    return f'<a href="{up}results/{escape(name)}" download>{escape(name)}</a> ({shown})'


@cache
def _digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def setup(app: Sphinx) -> dict[str, Any]:
    """Register the extension with Sphinx."""
    app.add_post_transform(NoteSources)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
