"""Explorers in Jupyter: the front-end of the pages, with the kernel behind it."""

from __future__ import annotations

import html
from collections.abc import Iterable
from typing import Any

import anywidget
import traitlets

from graphon_lib.book.explorers.explorer import Explorer
from graphon_lib.book.explorers.frontend import FOLDER, SHARED_SCRIPTS, STYLE_SHEETS
from graphon_lib.book.explorers.view import encode

__all__ = ["ExplorerWidget", "explore", "static_html"]


def _joined(names: Iterable[str]) -> str:
    return "\n".join((FOLDER / name).read_text(encoding="utf-8") for name in names)


class ExplorerWidget(anywidget.AnyWidget):
    """An explorer as a widget; on a page without a kernel its HTML takes over.

    Every move of a control asks the model in the kernel.
    """

    _esm = _joined((*SHARED_SCRIPTS, "widget.js"))
    _css = _joined(STYLE_SHEETS)
    description = traitlets.Dict(read_only=True).tag(sync=True)

    def __init__(self, explorer: Explorer) -> None:
        super().__init__()
        self.set_trait("description", explorer.describe())
        self.explorer = explorer
        self.on_msg(self._answer)

    def _answer(self, _: object, content: dict[str, Any], buffers: list[memoryview]) -> None:
        """Answer a request ``{"id", "parameters"}`` with the view, or with what is wrong with it."""
        try:
            tree, arrays = encode(self.explorer.view(**content["parameters"]))
        except Exception as error:  # whatever went wrong: without an answer the reader would wait
            kind = "" if isinstance(error, ValueError) else f"{type(error).__name__}: "
            self.send({"id": content["id"], "error": f"{kind}{error}"})
            return
        self.send({"id": content["id"], "tree": tree}, [array.tobytes() for array in arrays])

    def _repr_mimebundle_(self, **options: object) -> tuple[dict[str, Any], dict[str, Any]]:
        """Show the widget where there is a kernel, else the HTML that the page brings to life."""
        data, metadata = super()._repr_mimebundle_(**options)
        title = self.explorer.title
        data |= {"text/plain": title, "text/html": static_html(self.explorer)}
        return data, metadata


def explore(explorer: Explorer) -> ExplorerWidget:
    """Return the widget of an explorer, to be shown as the value of a cell.

    It is live in Jupyter; its HTML is live on the page of the book.
    """
    return ExplorerWidget(explorer)


def static_html(explorer: Explorer) -> str:
    """Return what stands on a page until its script runs: the first state, in words and numbers."""
    view = explorer.view()
    numbers = "".join(
        f"<div><dt>{html.escape(number.label)}</dt><dd>{number.text}</dd></div>"
        for number in view.numbers
    )
    return (
        f'<div class="graphon-explorer" data-explorer="{explorer.name}">'
        f'<p class="ge-title">{html.escape(explorer.title)}</p>'
        f'<p class="ge-summary">{html.escape(view.summary)}</p>'
        f'<dl class="ge-numbers">{numbers}</dl>'
        "<p>The controls need JavaScript, or a notebook with a running kernel.</p></div>"
    )
