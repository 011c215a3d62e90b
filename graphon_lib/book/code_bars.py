"""Sphinx extension: bars over hidden code say what the code makes, and a page has one set-up cell.

What a bar says follows from what its cell shows, so that no chapter names it by hand; it stands below
that. Hidden cells that show nothing, such as imports and numbers for sentences, are gathered at the end of
the introduction.
"""

from __future__ import annotations

from typing import Any

from docutils import nodes
from myst_nb.sphinx_ import HideCodeCellNode
from sphinx.application import Sphinx
from sphinx.transforms.post_transforms import SphinxPostTransform

__all__ = ["BARS", "SET_UP", "LowerCodeBars", "NameCodeBars", "setup"]

SET_UP = "Set-up, and the code behind the numbers in the text"

BARS = {
    "figure": "How this figure is made",
    "picture": "How this picture is made",
    "explorer": "How this explorer is made",
    "table": "How this table is made",
    "text": "How this is computed",
}
"""What a bar says over the code of a cell, by the kind of what the cell shows."""


class NameCodeBars(SphinxPostTransform):
    """Name the bars of a page, and gather its hidden cells without output."""

    # After outputs have been chosen, before MyST-NB turns hidden code into bars.
    default_priority = 198
    formats = ("html",)

    def run(self, **kwargs: Any) -> None:  # noqa: ANN401
        """Apply the transform to one page."""
        silent = []
        for cell in list(self.document.findall(_is_hidden)):
            output = next(cell.findall(_is_output), None)
            kind = _kind(output) if output is not None else None
            if kind is None:
                silent.append(cell)
            else:
                cell["prompt_show"] = cell["prompt_hide"] = BARS[kind]
        if silent:
            _gather(silent)


class LowerCodeBars(SphinxPostTransform):
    """Put the bars of cells below what the cells show."""

    default_priority = NameCodeBars.default_priority + 2
    formats = ("html",)

    def run(self, **kwargs: Any) -> None:  # noqa: ANN401
        """Apply the transform to one page."""
        for bar in list(self.document.findall(HideCodeCellNode)):
            cell = bar.parent
            cell.remove(bar)
            cell.append(bar)


def _is_hidden(node: nodes.Node) -> bool:
    return isinstance(node, nodes.container) and node.get("hide_mode") == "input"


def _is_output(node: nodes.Node) -> bool:
    return isinstance(node, nodes.container) and node.get("nb_element") == "cell_code_output"


def _kind(output: nodes.Element) -> str | None:
    """Return what kind of thing an output shows, None if nothing is seen of it."""
    if next(output.findall(nodes.figure), None):
        return "figure"
    shown = "".join(raw.astext() for raw in output.findall(nodes.raw))
    for mark, kind in (
        ("graphon-explorer", "explorer"),
        ("<figure", "picture"),
        ("<table", "table"),
        ("verdicts", "table"),
    ):
        if mark in shown:
            return kind
    return "text" if shown or output.astext().strip() else None


def _gather(cells: list[nodes.Element]) -> None:
    """Put the code of all cells into the first, before the first section that its own one holds."""
    first, *others = cells
    first["prompt_show"] = first["prompt_hide"] = SET_UP
    code = first.children[0]
    for cell in others:
        code.extend(cell.children[0].children)
        cell.parent.remove(cell)
    page = first.parent
    sections = [child for child in page.children if isinstance(child, nodes.section)]
    if sections:
        page.remove(first)
        page.insert(page.index(sections[0]), first)


def setup(app: Sphinx) -> dict[str, Any]:
    """Register the extension with Sphinx."""
    app.add_post_transform(NameCodeBars)
    app.add_post_transform(LowerCodeBars)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
