"""One look for every figure: colours, markers, sizes.

A method has the same colour and the same marker in every figure: those of its place in the table; what
is no method has another. Where methods stand along an axis, markers can tell other things apart.
Figures are at most :data:`WIDTH` inches wide, so that their text stays readable on a phone.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING

import matplotlib as mpl

from graphon_lib.book.drawings import show_figures
from graphon_lib.book.looks import DENSE, SERIES, Look, numbered_look
from graphon_lib.pruning.initialisations import INITIALISATIONS
from graphon_lib.pruning.methods import METHODS

if TYPE_CHECKING:
    import xarray as xr

__all__ = [
    "BESIDE",
    "DIVERGING",
    "INTERVENTION_LABELS",
    "MOTIF_LABELS",
    "SEQUENTIAL",
    "WIDTH",
    "initialisation_of",
    "label_of",
    "look_of",
    "style_of",
    "use_style",
]

WIDTH = 5.2
"""Width of a full-width figure in inches."""

SEQUENTIAL = "viridis"
"""Colour map for densities and probabilities: perceptually uniform."""

DIVERGING = "PuOr"
"""Colour map for signed differences, centred on zero."""

MOTIF_LABELS = MappingProxyType(
    {
        "row_cherry": "cherry of a row",
        "column_cherry": "cherry of a column",
        "path_3": "path of 3 edges",
        "cycle_4": "4-cycle",
        "k_23": "$K_{2,3}$",
        "k_32": "$K_{3,2}$",
    }
)
"""How the motifs of :data:`graphon_lib.graphons.MOTIFS` are written, but for the edge."""


BESIDE = MappingProxyType({"pixels": SERIES[0], "erk": SERIES[1], "ntk-sap": SERIES[2]})
"""Looks of masks that are drawn beside methods and have no row in their table."""

INTERVENTION_LABELS = MappingProxyType({"as pruned": "", "scaled to random": "at Random's scale"})
"""How interventions are written whose names are not for readers."""


def label_of(name: str) -> str:
    """Return how a network is written: of a method, dense, or a variant as ``"snip: rescaled"``."""
    method, _, intervention = name.partition(": ")
    written = METHODS[method].label if method in METHODS else method.capitalize()
    intervention = INTERVENTION_LABELS.get(intervention, intervention)
    return f"{written}, {intervention}" if intervention else written


def initialisation_of(result: xr.Dataset) -> str:
    """Return how the initialisation is written that a result's networks have."""
    return INITIALISATIONS[result.attrs["initialisation"]].label


def look_of(name: str) -> Look:
    """Return the look of a network: of a method by its place, of a changed one the next after all.

    Masks of :data:`BESIDE` have theirs.
    """
    name = name.removesuffix(": as pruned")
    if name == "dense":
        return DENSE
    if name in BESIDE:
        return BESIDE[name]
    methods = list(METHODS)
    return numbered_look(methods.index(name) if name in METHODS else len(methods))


def style_of(name: str) -> dict[str, str]:
    """Return colour, marker and label of a network's line, as matplotlib takes them."""
    return look_of(name).line | {"label": label_of(name)}


def use_style() -> None:
    """Set matplotlib's defaults to the style of the book, and show figures as drawings or pictures."""
    show_figures()
    mpl.rcParams.update(
        {
            "figure.dpi": 170,
            "figure.facecolor": "white",
            "figure.constrained_layout.use": True,
            "font.size": 10,
            "axes.titlesize": 10,
            "axes.labelsize": 10,
            "xtick.labelsize": 9,
            "ytick.labelsize": 9,
            "legend.fontsize": 9,
            "legend.frameon": False,
            "axes.spines.top": False,
            "axes.spines.right": False,
            "axes.grid": False,
            "lines.linewidth": 1.6,
            "lines.markersize": 5,
            "image.cmap": SEQUENTIAL,
            "image.interpolation": "nearest",
        }
    )
