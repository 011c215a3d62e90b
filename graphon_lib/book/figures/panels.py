"""Grids of panels, one for each pruning method."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from graphon_lib.book.style import label_of, new_figure, style_of

__all__ = ["method_lines", "method_panels", "show_matrix", "width_axis"]


def method_panels(
    methods: Sequence[str], *, height: float = 1.85
) -> tuple[Figure, dict[str, Axes], Axes]:
    """Return a figure with a titled panel for each method, three in a row, and room for a note.

    Parameters
    ----------
    methods
        Names as :func:`graphon_lib.book.style.label_of` takes them.
    height
        Height of a row in inches.

    Returns
    -------
    tuple
        The figure, the axes by method, and a panel left over, without axes.
    """
    rows = len(methods) // 3 + 1
    figure = new_figure(height * rows)
    flat = figure.subplots(rows, 3, squeeze=False).ravel()
    panels = dict(zip(methods, flat, strict=False))
    for method, panel in panels.items():
        panel.set_title(label_of(method))
    for panel in flat[len(methods) :]:
        panel.set_axis_off()
    return figure, panels, flat[len(methods)]


def show_matrix(panel: Axes, values: np.ndarray, **options: object) -> object:
    """Draw a matrix as an image without ticks, row 0 on top, and return the image."""
    image = panel.imshow(values, aspect="auto", **options)
    panel.set_xticks([])
    panel.set_yticks([])
    for spine in panel.spines.values():
        spine.set_visible(True)
        spine.set_linewidth(0.6)
    return image


def width_axis(panel: Axes, widths: Sequence[int], rotation: float = 0.0) -> None:
    """Make the horizontal axis logarithmic, with a tick at every width and no other."""
    panel.set_xscale("log", base=2)
    panel.set_xticks(widths, [str(width) for width in widths])
    panel.xaxis.set_tick_params(rotation=rotation)
    panel.minorticks_off()


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
            capsize=2,
            **style_of(method),
        )
