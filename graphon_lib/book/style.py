"""One look for every figure: colours, markers, sizes.

A method has the same colour and the same marker in every figure, so that no information rests on
colour alone. The colours are those of Okabe and Ito, distinguishable with any colour vision.
Figures are at most :data:`WIDTH` inches wide, so that their text stays readable on a phone.
"""

from __future__ import annotations

from types import MappingProxyType

import matplotlib as mpl
from matplotlib.figure import Figure
from matplotlib_inline.backend_inline import set_matplotlib_formats

__all__ = [
    "COLOURS",
    "DIVERGING",
    "LABELS",
    "MARKERS",
    "SEQUENTIAL",
    "WIDTH",
    "new_figure",
    "use_style",
]

WIDTH = 5.2
"""Width of a full-width figure in inches."""

SEQUENTIAL = "viridis"
"""Colour map for densities and probabilities: perceptually uniform."""

DIVERGING = "PuOr"
"""Colour map for signed differences, centred on zero."""

LABELS = MappingProxyType(
    {
        "dense": "Dense",
        "random": "Random",
        "magnitude": "Magnitude",
        "snip": "SNIP",
        "snip, quiet outputs": "SNIP, quiet outputs",
        "grasp": "GraSP",
        "synflow": "SynFlow",
    }
)
"""How each method is written."""

COLOURS = MappingProxyType(
    {
        "dense": "#000000",
        "random": "#767676",
        "magnitude": "#CC79A7",
        "snip": "#0072B2",
        "grasp": "#D55E00",
        "synflow": "#009E73",
    }
)
"""One colour per method."""

MARKERS = MappingProxyType(
    {
        "dense": "P",
        "random": "o",
        "magnitude": "D",
        "snip": "s",
        "grasp": "^",
        "synflow": "v",
    }
)
"""One marker per method."""


def new_figure(height: float) -> Figure:
    """Return an empty figure of full width that only its cell shows, once, as its value.

    Parameters
    ----------
    height
        In inches.

    Returns
    -------
    matplotlib.figure.Figure
        A figure that pyplot does not know of.
    """
    return Figure(figsize=(WIDTH, height))


def use_style() -> None:
    """Set matplotlib's defaults to the style of the book, and show figures in notebooks as PNG."""
    set_matplotlib_formats("png")
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
