"""Figures on single neurons: how fast each position learns, and how normal its pre-activation is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from graphon_lib.book.figures.panels import width_axis
from graphon_lib.book.style import label_of, look_of, new_figure

__all__ = ["gaussianity_by_width", "rates_by_position"]

UNIFORM_EXCESS = -1.2
"""The excess kurtosis of a uniform law."""

STRUCTURES = {
    "constant": ("#000000", "o", "graphon: constant"),
    "threshold": ("#E69F00", "s", "graphon: threshold"),
}


def rates_by_position(
    results: Mapping[str, xr.Dataset], methods: Sequence[str], layer: int
) -> Figure:
    """Draw what neurons add to the kernel against their rank, a row a result, a column a method.

    Parameters
    ----------
    results
        By title, datasets of :func:`graphon_lib.experiments.neuron_terms.neuron_terms` at one
        density and width.
    methods
        Those drawn.
    layer
        The hidden layer.

    Returns
    -------
    matplotlib.figure.Figure
        The figure: theory as a line, measured means over networks as markers, with standard errors.
    """
    figure = new_figure(1.2 + 1.8 * len(results))
    rows = figure.subplots(len(results), len(methods), sharex=True, sharey=True, squeeze=False)
    for row, (title, result) in zip(rows, results.items(), strict=True):
        rate = result.rate.sel(hidden_layer=layer)
        position = (rate.group.values - 0.5) / rate.sizes["group"]
        for panel, method in zip(row, methods, strict=True):
            colour = look_of(method).colour
            theory = rate.sel(pruning=method, road="theory, joint").mean("trial")
            panel.plot(position, theory, color="black", linewidth=1.2, label="theory, mask alone")
            for road, marker, fill in (("re-drawn", "o", "full"), ("kept", "s", "none")):
                values = rate.sel(pruning=method, road=road)
                panel.errorbar(
                    position,
                    values.mean("trial"),
                    values.std("trial", ddof=1) / np.sqrt(values.count("trial")),
                    linestyle="none",
                    marker=marker,
                    fillstyle=fill,
                    color=colour,
                    markersize=4,
                    label=f"measured, {road}",
                )
            panel.axhline(1.0, color="0.7", linewidth=0.8, zorder=0)
            panel.set_title(f"{label_of(method)}, {title}", fontsize="medium")
        row[0].set_ylabel("share over the mean")
    for panel in rows[-1]:
        panel.set_xlabel("rank by theory")
    handles, labels = rows[0, 0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=3)
    return figure


def gaussianity_by_width(normal: xr.Dataset, uniform: xr.Dataset) -> Figure:
    """Draw excess kurtosis and distance from a normal law against the width.

    Parameters
    ----------
    normal, uniform
        Datasets of :func:`graphon_lib.experiments.gaussianity.gaussianity`, of normal weights without
        biases and of uniform weights and biases.

    Returns
    -------
    matplotlib.figure.Figure
        The figure: means over trials with standard errors. Upper row, normal weights: the excess times
        the width in the third layer, of all neurons and of the better connected half, and the
        distance. Lower row, uniform ones: the excess in the second and the third layer, with a line
        at that of a uniform law, and the distance.
    """
    figure = new_figure(5.3)
    rows = figure.subplots(2, 3)
    third = normal.sel(layer=3)
    _lines(rows[0, 0], normal.width * third.excess)
    _lines(rows[0, 1], normal.width * third.excess_upper)
    rows[0, 0].set_ylabel("$n$ × excess")
    for panel, title in zip(rows[0], ("He: all", "He: better half", "He"), strict=True):
        panel.set_title(title)
    for panel, layer in zip(rows[1], (2, 3), strict=False):
        _lines(panel, uniform.excess.sel(layer=layer))
        panel.axhline(UNIFORM_EXCESS, color="0.5", linestyle="--", linewidth=0.9)
        panel.set_ylim(UNIFORM_EXCESS - 0.1, None)
        panel.set_title(f"PyTorch: layer {layer}")
    rows[1, 0].set_ylabel("excess")
    for panel, result in zip(rows[:, 2], (normal, uniform), strict=True):
        _lines(panel, result.distance.sel(layer=3))
        panel.set_yscale("log")
        panel.set_ylabel("distance")
    rows[1, 2].set_title("PyTorch")
    for panel in rows.flat:
        width_axis(panel, normal.width.values, 60)
        panel.axhline(0.0, color="0.7", linewidth=0.8, zorder=0)
    for panel in rows[1]:
        panel.set_xlabel("width $n$")
    figure.legend(*rows[0, 0].get_legend_handles_labels(), loc="outside lower center", ncols=2)
    return figure


def _lines(panel: Axes, values: xr.DataArray) -> None:
    for structure in values.structure.values:
        look = look_of(structure) if structure not in STRUCTURES else None
        colour, marker, label = (
            STRUCTURES[structure]
            if look is None
            else (look.colour, look.marker, f"masks: {label_of(structure)}")
        )
        of_one = values.sel(structure=structure)
        panel.errorbar(
            values.width,
            of_one.mean("trial"),
            of_one.std("trial", ddof=1) / np.sqrt(of_one.count("trial")),
            color=colour,
            marker=marker,
            markersize=4,
            linewidth=1.0,
            capsize=2,
            label=label,
        )
