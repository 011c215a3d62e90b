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

STRUCTURES = {
    "constant": ("#000000", "o", "graphon: constant"),
    "threshold": ("#767676", "s", "graphon: threshold"),
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


def gaussianity_by_width(results: Mapping[str, xr.Dataset]) -> Figure:
    """Draw excess kurtosis and distance from a normal law against the width, a row a result.

    Parameters
    ----------
    results
        By title, datasets of :func:`graphon_lib.experiments.gaussianity.gaussianity`.

    Returns
    -------
    matplotlib.figure.Figure
        The figure: means over trials with standard errors. In the two columns on the left the
        excess of the second and third layer times the width, on the right the distance in the third.
    """
    figure = new_figure(1.1 + 2.1 * len(results))
    rows = figure.subplots(len(results), 3, sharex=True, squeeze=False)
    for (excess2, excess3, distance), (title, result) in zip(rows, results.items(), strict=True):
        for panel, layer in ((excess2, 2), (excess3, 3)):
            _lines(panel, result.width * result.excess.sel(layer=layer))
            panel.axhline(0.0, color="0.7", linewidth=0.8, zorder=0)
            panel.set_title(f"{title}, layer {layer}", fontsize="medium")
        _lines(distance, result.distance.sel(layer=3))
        distance.set_yscale("log")
        distance.set_title(f"{title}, layer 3", fontsize="medium")
        excess2.set_ylabel("$n$ × excess kurtosis")
        distance.set_ylabel("distance from normal")
        for panel in (excess2, excess3, distance):
            width_axis(panel, result.width.values, 60)
    for panel in rows[-1]:
        panel.set_xlabel("width $n$")
    figure.legend(*rows[0, 0].get_legend_handles_labels(), loc="outside lower center", ncols=3)
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
