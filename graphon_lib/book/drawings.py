"""How a figure is shown in a chapter: as a drawing or, where it has pixels, as a picture, with its numbers.

A drawing (SVG) is sharp at any size; a figure with images or thousands of markers is smaller as a picture
(PNG). Beside it goes what is drawn, as CSV, which the site offers under the figure.
"""

from __future__ import annotations

import base64
import io
import re
from typing import Any

from IPython.core.getipython import get_ipython
from matplotlib import rc_context
from matplotlib.backend_bases import RendererBase
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine

from graphon_lib.book.drawn_numbers import as_csv

__all__ = ["bundle", "show_figures"]

DOTS = 270
"""Of a picture, per inch: two for a pixel of the page, where a figure is at most 44 rem wide."""

MOST_MARKERS = 3000
"""Figures with more markers than this are pictures."""


def show_figures() -> None:
    """Let notebooks show every figure as :func:`bundle` says; elsewhere nothing happens."""
    if shell := get_ipython():
        shell.display_formatter.mimebundle_formatter.for_type(Figure, bundle)


def bundle(figure: Figure, **_: object) -> dict[str, Any]:
    """Return a figure in the forms that a notebook stores, by their media types.

    Either ``image/svg+xml`` or, in base64, ``image/png``; and ``text/csv``.
    """
    if _has_pixels(figure):
        png = base64.b64encode(_saved(figure, "png", dpi=DOTS)).decode()
        drawn = {"image/png": png}
    else:
        drawn = {"image/svg+xml": _rounded(_saved(figure, "svg", metadata={"Date": None}).decode())}
    return drawn | {"text/csv": as_csv(figure)}


def _saved(figure: Figure, kind: str, **options: object) -> bytes:
    file = io.BytesIO()
    draw = figure.draw

    def draw_once(renderer: RendererBase) -> None:
        # Matplotlib draws everything twice, the first time to lay it out.
        if isinstance(engine := figure.get_layout_engine(), ConstrainedLayoutEngine):
            engine.execute(figure)
        else:
            draw(renderer)

    figure.draw = draw_once
    with rc_context({"svg.hashsalt": "book"}):
        figure.savefig(file, format=kind, **options)
    del figure.draw
    return file.getvalue()


def _has_pixels(figure: Figure) -> bool:
    lines = sum(len(line.get_xdata()) for panel in figure.axes for line in panel.lines)
    scattered = sum(len(c.get_offsets()) for panel in figure.axes for c in panel.collections)
    return any(panel.images for panel in figure.axes) or lines + scattered > MOST_MARKERS


def _rounded(svg: str) -> str:
    """Round coordinates to hundredths of a point, which no eye sees, and small factors less."""

    def short(number: re.Match[str]) -> str:
        value = float(number[0])
        return f"{value:.2f}".rstrip("0").rstrip(".") if abs(value) >= 1.0 else f"{value:.4g}"

    return re.sub(r"(?<![\w#.])-?\d+\.\d{3,}(?![\w.])", short, svg)
