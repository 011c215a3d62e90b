"""Figures on one neuron having one position in both of its layers."""

from __future__ import annotations

import xarray as xr
from matplotlib.figure import Figure

from graphon_lib.book.figures.panels import method_lines, method_panels
from graphon_lib.book.style import look_of, new_figure

__all__ = ["degrees_of_neurons", "path_densities"]


def degrees_of_neurons(result: xr.Dataset) -> Figure:
    """Draw in-degree against out-degree of the same neurons, a panel for each method."""
    figure, panels, spare = method_panels(result.pruning.values, height=1.9)
    for method, panel in panels.items():
        panel.plot(
            result.in_degree.sel(pruning=method),
            result.out_degree.sel(pruning=method),
            ".",
            color=look_of(method).colour,
            markersize=1.5,
        )
        panel.set_xlim(0.0, None)
        panel.set_ylim(0.0, None)
    spare.text(0.1, 0.5, "one dot\na neuron", va="center")
    figure.supxlabel("in-degree (fraction of weights kept)", fontsize=10)
    figure.supylabel("out-degree", fontsize=10)
    return figure


def path_densities(result: xr.Dataset) -> Figure:
    """Draw the path density of two readings over that of the mask, against the density.

    Parameters
    ----------
    result
        Dataset of :func:`graphon_lib.experiments.shared_positions.shared_positions`.

    Returns
    -------
    matplotlib.figure.Figure
        A panel for each reading, with standard deviations over networks.
    """
    figure = new_figure(3.0)
    axes = figure.subplots(1, 2, sharey=True)
    exact = result.path_density.sel(reading="mask")
    for panel, reading in zip(axes, ("degree", "joint"), strict=True):
        ratio = result.path_density.sel(reading=reading) / exact
        method_lines(panel, ratio, "density")
        panel.axhline(1.0, color="0.6", linewidth=0.8, zorder=0)
        panel.set_xlabel("density of the network")
        panel.set_title({"degree": "sorted apart", "joint": "one position a neuron"}[reading])
    axes[0].set_ylabel("path density / that of the mask")
    figure.legend(*axes[0].get_legend_handles_labels(), loc="outside lower center", ncols=3)
    return figure
