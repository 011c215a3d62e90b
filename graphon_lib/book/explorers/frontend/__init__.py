"""Scripts and style sheets of the explorers: plain JavaScript, loaded in the order given here."""

from __future__ import annotations

from pathlib import Path

__all__ = ["FOLDER", "PAGE_SCRIPTS", "SHARED_SCRIPTS", "STYLE_SHEETS", "WORKER"]

FOLDER = Path(__file__).parent

SHARED_SCRIPTS = (
    "view.js",
    "controls.js",
    "hosts.js",
    "designs.js",
    "painter.js",
    "launcher.js",
    "design.js",
)
"""What Jupyter and the pages have in common."""

PAGE_SCRIPTS = (*SHARED_SCRIPTS, "live.js", "page.js")
"""Scripts of a page that has explorers."""

WORKER = "worker.js"
"""Starts Python in the browser, once a reader asks for it."""

STYLE_SHEETS = ("explorers.css", "design.css")
