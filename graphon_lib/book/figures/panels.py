"""Grids of panels, one for each pruning method."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from graphon_lib.book.style import COLOURS, LABELS, MARKERS, new_figure

__all__ = ["method_lines", "method_panels", "show_matrix"]


def method_panels(
    methods: Sequence[str], *, height: float = 1.85, spare: bool = True
) -> tuple[Figure, dict[str, Axes], Axes | None]:
    """Return a figure with a titled panel for each method, three in a row.

    Parameters
    ----------
    methods
        Names as in :data:`graphon_lib.book.style.LABELS`.
    height
        Height of a row in inches.
    spare
        Whether a panel left over at the end is wanted; it is switched off otherwise.

    Returns
    -------
    tuple
        The figure, the axes by method, and the first panel left over or None.
    """
    rows = -(-len(methods) // 3)
    figure = new_figure(height * rows)
    axes = figure.subplots(rows, 3, squeeze=False)
    flat = axes.ravel()
    panels = dict(zip(methods, flat, strict=False))
    for method, panel in panels.items():
        panel.set_title(LABELS[method])
    left = list(flat[len(methods) :])
    for panel in left[1:] if spare else left:
        panel.set_axis_off()
    return figure, panels, left[0] if left and spare else None


def show_matrix(panel: Axes, values: np.ndarray, **options: object) -> object:
    """Draw a matrix as an image without ticks, row 0 on top, and return the image."""
    image = panel.imshow(values, aspect="auto", **options)
    panel.set_xticks([])
    panel.set_yticks([])
    for spine in panel.spines.values():
        spine.set_visible(True)
        spine.set_linewidth(0.6)
    return image


def method_lines(panel: Axes, values: xr.DataArray, over: str) -> None:
    """Draw a line for each method: means over trials, with unbiased standard deviations as bars.

    Parameters
    ----------
    panel
        Where to draw.
    values
        Dimensions (pruning, trial) and `over`, in any order.
    over
        The dimension along the horizontal axis.
    """
    for method in values.pruning.values:
        of_method = values.sel(pruning=method)
        trials = of_method.count("trial")
        panel.errorbar(
            values[over],
            of_method.mean("trial"),
            # Of a single trial nothing is known: no bar.
            of_method.std("trial") * np.sqrt(trials / np.maximum(trials - 1, 1)),
            color=COLOURS[method],
            marker=MARKERS[method],
            capsize=2,
            label=LABELS[method],
        )
