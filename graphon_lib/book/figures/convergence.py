"""Figures on the convergence of masks as the width grows.

All are of datasets of :func:`graphon_lib.experiments.convergence.convergence`, in one setting of the
dimensions that a figure does not show.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from graphon_lib.book.figures import draw
from graphon_lib.book.looks import SERIES
from graphon_lib.book.style import MOTIF_LABELS, initialisation_of, style_of

__all__ = [
    "cut_norms_by_width",
    "distances_by_setting",
    "distances_to_widest",
    "motifs_by_width",
    "scopes_by_width",
    "shapes_by_scope",
]

SCOPE_LABELS = {"global": "one threshold", "layer": "each layer alone"}

LINEAR_BELOW = 10.0
"""Squared distances of shapes below this are drawn on a linear axis."""


def _squared(result: xr.Dataset, reference: int) -> xr.DataArray:
    """Return squared distances to a reference width and their ends (pruning, statistic, width)."""
    distance = result.distance.sel(other_width=reference, statistic=["squared", "lower", "upper"])
    return distance.sel(width=distance.width < reference).transpose("pruning", "statistic", "width")


def _distance_lines(panel: Axes, result: xr.Dataset, reference: int) -> None:
    """Draw root squared distances to the reference width, with their intervals."""
    distance = _squared(result, reference)
    for method, squares in zip(result.pruning.values, distance, strict=True):
        roots = np.sqrt(np.maximum(squares.values, 0.0))
        draw.intervals(panel, distance.width, *roots, **style_of(method))
    draw.width_axis(panel, distance.width.values, 90)


def distances_to_widest(result: xr.Dataset, reference: int) -> Figure:
    """Draw Euclidean distances of mean histograms to those of a reference width.

    Plain and cross-fitted histograms in rows, as they are and divided by their density in columns;
    distances are freed of the noise of the means, with bootstrap intervals.
    """
    figure, panels = draw.grid(5.4, 2, 2, sharex=True, sharey="col")
    for row, estimator in zip(panels, result.estimator.values, strict=True):
        for panel, scale in zip(row, result.scale.values, strict=True):
            _distance_lines(panel, result.sel(estimator=estimator, scale=scale), reference)
            panel.set_title(
                f"{estimator} histograms" + (f",\n{scale}" if scale != "histogram" else "")
            )
        row[0].set_ylabel(f"distance to $n = {reference}$")
    # Each column has one axis.
    for panel in panels[1]:
        panel.set(xlabel="width $n$", ylim=(0.0, None))
    return draw.with_legend(figure)


def distances_by_setting(result: xr.Dataset, reference: int) -> Figure:
    """Draw distances of histograms to a reference width, depths in rows and densities in columns."""
    depths, densities = result.hidden_layers.values, result.density.values
    height = 2.5 * len(depths) + 0.5
    figure, panels = draw.grid(height, len(depths), len(densities), sharex=True, sharey=True)
    for row, depth in zip(panels, depths, strict=True):
        for panel, density in zip(row, densities, strict=True):
            _distance_lines(panel, result.sel(hidden_layers=depth, density=density), reference)
            panel.set_title(f"{depth} hidden layers,\ndensity {density:g}")
        row[0].set_ylabel(f"distance to $n = {reference}$")
    for panel in panels[-1]:
        panel.set_xlabel("width $n$")
    # All panels share the axis.
    panel.set_ylim(0.0, None)
    return draw.with_legend(figure)


def scopes_by_width(target: float, *results: xr.Dataset) -> Figure:
    """Draw density and dead neurons of a hidden layer against the width, a column a scope.

    `target` is the density of the network.
    """
    figure, panels = draw.grid(5.0, 2, len(results), sharex=True, sharey="row")
    quantities = {"layer_density": "density of the layer", "dead_fraction": "dead neurons"}
    for row, (name, label) in zip(panels, quantities.items(), strict=True):
        for panel, result in zip(row, results, strict=True):
            draw.method_lines(panel, result[name], "width")
            draw.width_axis(panel, result.width.values, 90)
        row[0].set_ylabel(label)
    for above, below, result in zip(*panels, results, strict=True):
        draw.level(above, target)
        above.set_title(_setting(result))
        below.set_xlabel("width $n$")
    return draw.with_legend(figure)


def shapes_by_scope(reference: int, *results: xr.Dataset) -> Figure:
    """Draw squared distances of shapes to those of a reference width, a panel a scope.

    Of cross-fitted histograms divided by their density, free of the noise of the means, with
    bootstrap intervals; linear near zero, where noise makes some negative.
    """
    figure, panels = _panels_by_scope(results)
    shape = {"estimator": "cross-fitted", "scale": "divided by density"}
    methods = results[0].pruning.values
    for panel, result in zip(panels.flat, results, strict=True):
        distance = _squared(result.sel(shape), reference)
        for number, (method, squares) in enumerate(zip(methods, distance.values, strict=True)):
            places = distance.width.values * 1.06 ** (number - 2)
            draw.intervals(panel, places, *squares, **style_of(method))
        draw.level(panel, 0.0)
        panel.set_yscale("symlog", linthresh=LINEAR_BELOW)
        draw.width_axis(panel, distance.width.values, 90)
    figure.supylabel(f"squared distance to $n = {reference}$", fontsize=10)
    return draw.with_legend(figure)


def _panels_by_scope(results: Sequence[xr.Dataset]) -> tuple[Figure, NDArray]:
    """Return a figure with a titled panel for each result, two in a row."""
    rows = -(-len(results) // 2)
    figure, panels = draw.grid(1.2 + 2.2 * rows, rows, 2, sharex=True, sharey=True)
    for panel, result in zip(panels.flat, results, strict=True):
        panel.set_title(_setting(result))
    for panel in panels[-1]:
        panel.set_xlabel("width $n$")
    return figure, panels


def _setting(result: xr.Dataset) -> str:
    """Return initialisation and scope of a result as a title."""
    return f"{initialisation_of(result)},\n{SCOPE_LABELS[result.attrs['scope']]}"


def cut_norms_by_width(result: xr.Dataset) -> Figure:
    """Draw certified cut norms of differences of histograms against the width, a panel a method.

    Bars span from the least lower to the greatest upper bound over pairs.
    """
    figure, panels, spare = draw.method_panels(
        result.pruning.values, height=2.2, sharex=True, sharey=True
    )
    limits = (0.7 * float(result.cut_norm.min()), 1.4 * float(result.cut_norm.max()))
    styles = (
        ("same width", "this width\ntwice", SERIES[0].line, 0.94),
        ("reference width", "this and the\nreference", SERIES[1].line, 1.0),
        ("sampled", "two samples of\none graphon", {"color": "0.45", "marker": "_"}, 1.06),
    )
    for method, panel in panels.items():
        for comparison, name, look, shift in styles:
            bounds = result.cut_norm.sel(pruning=method, comparison=comparison)
            lower = bounds.sel(bound="lower").min("pair").values
            upper = bounds.sel(bound="upper").max("pair").values
            look |= {"markersize": 4, "linestyle": "none"}
            ends = ((lower + upper) / 2, lower, upper)
            draw.intervals(panel, result.width.values * shift, *ends, label=name, **look)
        panel.set(yscale="log", ylim=limits)
        draw.width_axis(panel, result.width.values, 90)
    spare.legend(*panel.get_legend_handles_labels(), loc="center")
    figure.supylabel("cut norm of the difference", fontsize=10)
    figure.supxlabel("width $n$", fontsize=10)
    return figure


def motifs_by_width(motif: str, edges: int, *results: xr.Dataset) -> Figure:
    """Draw a motif's density over that of a constant graphon of equal density, a panel a scope.

    The motif, one of :data:`graphon_lib.graphons.MOTIFS`, has so many edges.
    """
    figure, panels = _panels_by_scope(results)
    for panel, result in zip(panels.flat, results, strict=True):
        of_motif, of_edge = (result.motif_density.sel(motif=name) for name in (motif, "edge"))
        draw.method_lines(panel, of_motif / of_edge**edges, "width")
        draw.level(panel)
        draw.width_axis(panel, result.width.values, 90)
    panels[0, 0].set_ylim(0.0, None)
    figure.supylabel(f"{MOTIF_LABELS[motif]} / density$^{edges}$", fontsize=10)
    return draw.with_legend(figure)
