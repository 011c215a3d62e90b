"""Where things are in a checkout of the book."""

from __future__ import annotations

from graphon_lib.experiments.results import RESULTS
from graphon_lib.experiments.sources import LIBRARY

__all__ = [
    "BUILD",
    "CHAPTERS",
    "DOCTREES",
    "EXECUTED",
    "LIBRARY",
    "RESULTS",
    "ROOT",
    "SITE",
    "STAGE",
]

ROOT = LIBRARY.parent
CHAPTERS = ROOT / "chapters"
BUILD = ROOT / "_build"
EXECUTED = BUILD / "executed"
"""Freshly executed notebooks, each beside the fingerprint of what it was made from."""
STAGE = BUILD / "stage"
"""The source tree that Sphinx reads: chapters with fresh outputs, configuration, assets."""
DOCTREES = BUILD / ".doctrees"
SITE = BUILD / "html"
