"""Figures on the convergence of masks as the width grows."""

from __future__ import annotations

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from graphon_lib.book.figures.panels import method_lines, method_panels, width_axis
from graphon_lib.book.style import initialisation_of, new_figure, style_of

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


def _distance_lines(panel: Axes, result: xr.Dataset, reference: int) -> None:
    """Draw root squared distances to the reference width, with their intervals."""
    distance = result.distance.sel(other_width=reference)
    distance = distance.sel(width=distance.width < reference)
    for method in result.pruning.values:
        of_method = distance.sel(pruning=method)
        value, lower, upper = (
            np.sqrt(np.maximum(of_method.sel(statistic=name), 0.0))
            for name in ("squared", "lower", "upper")
        )
        panel.errorbar(
            value.width,
            value,
            (np.maximum(value - lower, 0.0), np.maximum(upper - value, 0.0)),
            capsize=2,
            **style_of(method),
        )
    width_axis(panel, value.width.values, 90)
    panel.set_ylim(0.0, None)


def distances_to_widest(result: xr.Dataset, reference: int) -> Figure:
    """Draw Euclidean distances of mean histograms to those of a reference width.

    Parameters
    ----------
    result
        Dataset of :func:`graphon_lib.experiments.convergence.convergence` for one depth, mask
        and density.
    reference
        The width that the others are compared with.

    Returns
    -------
    matplotlib.figure.Figure
        Plain and cross-fitted histograms in rows, as they are and divided by their density in
        columns; distances are freed of the noise of the means, with bootstrap intervals.
    """
    figure = new_figure(5.0)
    axes = figure.subplots(2, 2, sharex=True)
    for row, estimator in zip(axes, result.estimator.values, strict=True):
        for panel, scale in zip(row, result.scale.values, strict=True):
            _distance_lines(panel, result.sel(estimator=estimator, scale=scale), reference)
            panel.set_title(f"{estimator}, {scale}" if scale != "histogram" else estimator)
        row[0].set_ylabel(f"distance to $n = {reference}$")
    for panel in axes[1]:
        panel.set_xlabel("width $n$")
    figure.legend(*axes[0, 0].get_legend_handles_labels(), loc="outside lower center", ncols=3)
    return figure


def distances_by_setting(result: xr.Dataset, reference: int) -> Figure:
    """Draw distances of plain histograms to a reference width, by depth and density.

    Parameters
    ----------
    result
        Dataset of :func:`graphon_lib.experiments.convergence.convergence` for one mask,
        estimator and scale.
    reference
        The width that the others are compared with.

    Returns
    -------
    matplotlib.figure.Figure
        Depths in rows, densities in columns.
    """
    depths, densities = result.hidden_layers.values, result.density.values
    figure = new_figure(2.3 * len(depths) + 0.5)
    axes = figure.subplots(len(depths), len(densities), sharex=True, sharey=True, squeeze=False)
    for row, depth in zip(axes, depths, strict=True):
        for panel, density in zip(row, densities, strict=True):
            _distance_lines(panel, result.sel(hidden_layers=depth, density=density), reference)
            panel.set_title(f"{depth} hidden layers, {density:g}")
        row[0].set_ylabel(f"distance to $n = {reference}$")
    for panel in axes[-1]:
        panel.set_xlabel("width $n$")
    figure.legend(*axes[0, 0].get_legend_handles_labels(), loc="outside lower center", ncols=3)
    return figure


def scopes_by_width(target: float, *results: xr.Dataset) -> Figure:
    """Draw density and dead neurons of a hidden layer against the width, for both scopes.

    Parameters
    ----------
    target
        The density of the network.
    *results
        Datasets of :func:`graphon_lib.experiments.convergence.convergence` for one depth and
        density, one layer of weights and one hidden layer.

    Returns
    -------
    matplotlib.figure.Figure
        Results in columns; standard deviations over networks.
    """
    figure = new_figure(5.0)
    axes = figure.subplots(2, len(results), sharex=True, sharey="row")
    quantities = (("layer_density", "density of the layer"), ("dead_fraction", "dead neurons"))
    for row, (name, label) in zip(axes, quantities, strict=True):
        for panel, result in zip(row, results, strict=True):
            method_lines(panel, result[name], "width")
            width_axis(panel, result.width.values, 90)
        row[0].set_ylabel(label)
    for panel, result in zip(axes[0], results, strict=True):
        panel.axhline(target, color="0.6", linewidth=0.8, zorder=0)
        panel.set_title(_setting(result))
    for panel in axes[1]:
        panel.set_xlabel("width $n$")
    figure.legend(*axes[0, 0].get_legend_handles_labels(), loc="outside lower center", ncols=3)
    return figure


def shapes_by_scope(reference: int, *results: xr.Dataset) -> Figure:
    """Draw squared distances of shapes to those of a reference width, for both scopes.

    Parameters
    ----------
    reference
        The width that the others are compared with.
    *results
        Datasets of :func:`graphon_lib.experiments.convergence.convergence` for one depth, mask
        and density.

    Returns
    -------
    matplotlib.figure.Figure
        Results in columns: cross-fitted histograms divided by their density, free of the noise of
        the means, with bootstrap intervals; linear near zero, where noise makes some negative.
    """
    figure = new_figure(3.6)
    axes = figure.subplots(1, len(results), sharex=True, sharey=True)
    for panel, result in zip(axes, results, strict=True):
        distance = result.distance.sel(
            estimator="cross-fitted", scale="divided by density", other_width=reference
        )
        distance = distance.sel(width=distance.width < reference)
        for number, method in enumerate(result.pruning.values):
            value, lower, upper = (
                distance.sel(pruning=method, statistic=name).values
                for name in ("squared", "lower", "upper")
            )
            panel.errorbar(
                distance.width * 1.06 ** (number - 2),
                value,
                (np.maximum(value - lower, 0.0), np.maximum(upper - value, 0.0)),
                capsize=2,
                **style_of(method),
            )
        panel.axhline(0.0, color="0.6", linewidth=0.8, zorder=0)
        panel.set_yscale("symlog", linthresh=LINEAR_BELOW)
        width_axis(panel, distance.width.values, 90)
        panel.set_title(_setting(result))
        panel.set_xlabel("width $n$")
    axes[0].set_ylabel(f"squared distance to $n = {reference}$")
    figure.legend(*axes[0].get_legend_handles_labels(), loc="outside lower center", ncols=3)
    return figure


def _setting(result: xr.Dataset) -> str:
    """Return initialisation and scope of a result as a title."""
    return f"{initialisation_of(result)},\n{SCOPE_LABELS[result.attrs['scope']]}"


def cut_norms_by_width(result: xr.Dataset) -> Figure:
    """Draw certified cut norms of differences of histograms against the width, by method.

    Parameters
    ----------
    result
        Dataset of :func:`graphon_lib.experiments.convergence.convergence` for one depth and mask.

    Returns
    -------
    matplotlib.figure.Figure
        A panel a method; bars span from the least lower to the greatest upper bound over pairs.
    """
    figure, panels, spare = method_panels(result.pruning.values, height=2.2)
    limits = (0.7 * float(result.cut_norm.min()), 1.4 * float(result.cut_norm.max()))
    styles = (
        ("same width", "#0072B2", "s", 0.94),
        ("reference width", "#D55E00", "o", 1.0),
        ("sampled", "0.45", "_", 1.06),
    )
    for method, panel in panels.items():
        for comparison, colour, marker, shift in styles:
            bounds = result.cut_norm.sel(pruning=method, comparison=comparison)
            lower = bounds.sel(bound="lower").min("pair")
            upper = bounds.sel(bound="upper").max("pair")
            middle = (lower + upper) / 2
            panel.errorbar(
                result.width * shift,
                middle,
                (middle - lower, upper - middle),
                color=colour,
                marker=marker,
                markersize=4,
                linestyle="none",
                capsize=2,
                label=comparison,
            )
        panel.set_yscale("log")
        panel.set_ylim(*limits)
        width_axis(panel, result.width.values, 90)
    spare.legend(*panel.get_legend_handles_labels(), loc="center")
    figure.supylabel("cut norm of the difference", fontsize=10)
    figure.supxlabel("width $n$", fontsize=10)
    return figure


def motifs_by_width(motif: str, edges: int, *results: xr.Dataset) -> Figure:
    """Draw a motif's density over that of a constant graphon of equal density, by width.

    Parameters
    ----------
    motif
        One of :data:`graphon_lib.graphons.MOTIFS`.
    edges
        How many edges it has.
    *results
        Datasets of :func:`graphon_lib.experiments.convergence.convergence` for one depth, mask
        and density.

    Returns
    -------
    matplotlib.figure.Figure
        Results in columns, with standard deviations over networks.
    """
    figure = new_figure(3.6)
    axes = figure.subplots(1, len(results), sharex=True, sharey=True, squeeze=False)[0]
    for panel, result in zip(axes, results, strict=True):
        densities = result.motif_density
        method_lines(
            panel, densities.sel(motif=motif) / densities.sel(motif="edge") ** edges, "width"
        )
        panel.axhline(1.0, color="0.6", linewidth=0.8, zorder=0)
        width_axis(panel, result.width.values, 90)
        panel.set_title(_setting(result))
        panel.set_xlabel("width $n$")
    axes[0].set_ylim(0.0, None)
    axes[0].set_ylabel(f"{motif.replace('_', ' ')} / edge$^{edges}$")
    figure.legend(*axes[0].get_legend_handles_labels(), loc="outside lower center", ncols=3)
    return figure
