"""Figures on estimators of a mask's graphon: recovery, residuals, cut norms."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import xarray as xr
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from graphon_lib.book.figures.panels import method_panels, show_matrix
from graphon_lib.book.style import COLOURS, DIVERGING, LABELS, MARKERS, SEQUENTIAL, new_figure
from graphon_lib.graphons import CutNorm

__all__ = [
    "cut_norm_witness",
    "degrees_of_neurons",
    "matrices",
    "recovery_errors",
    "residual_operator_norms",
    "residual_spectra",
]

ESTIMATOR_STYLES = (("#D55E00", "o", "-"), ("#0072B2", "s", "--"), ("#009E73", "^", ":"))


def cut_norm_witness(difference: np.ndarray, result: CutNorm) -> Figure:
    """Draw a difference twice: as it is, and with the witness's rows and columns put first."""
    figure = new_figure(2.7)
    left, right = figure.subplots(1, 2)
    limit = float(np.abs(difference).max())
    options = {"cmap": DIVERGING, "vmin": -limit, "vmax": limit}
    show_matrix(left, difference, **options)
    left.set_title("difference")
    rows = np.argsort(~result.rows, kind="stable")
    columns = np.argsort(~result.cols, kind="stable")
    image = show_matrix(right, difference[np.ix_(rows, columns)], **options)
    right.set_title("witness first")
    corner = Rectangle(
        (-0.5, -0.5), result.cols.sum(), result.rows.sum(), fill=False, linewidth=2.0
    )
    right.add_patch(corner)
    right.text(result.cols.sum() / 2, result.rows.sum() / 2, "$S \\times T$", ha="center")
    figure.colorbar(image, ax=[left, right], fraction=0.04)
    return figure


def matrices(panels: Mapping[str, np.ndarray], *, columns: int) -> Figure:
    """Draw titled matrices of probabilities on one colour scale that starts at 0."""
    rows = -(-len(panels) // columns)
    figure = new_figure(1.75 * rows)
    axes = figure.subplots(rows, columns, squeeze=False)
    limit = max(float(np.max(values)) for values in panels.values())
    for panel, (title, values) in zip(axes.ravel(), panels.items(), strict=True):
        image = show_matrix(panel, np.asarray(values), cmap=SEQUENTIAL, vmin=0.0, vmax=limit)
        panel.set_title(title)
    figure.colorbar(image, ax=axes, fraction=0.04)
    return figure


def recovery_errors(result: xr.Dataset) -> Figure:
    """Draw the error of every estimator against the size, a panel for each known graphon.

    Parameters
    ----------
    result
        Dataset of :func:`graphon_lib.experiments.estimator_recovery.estimator_recovery`.

    Returns
    -------
    matplotlib.figure.Figure
        The figure, on logarithmic axes, with standard errors over trials.
    """
    graphons = result.graphon.values
    figure = new_figure(6.4)
    axes = figure.subplots(3, 2, sharex=True, sharey=True)
    flat = axes.ravel()
    for panel, graphon in zip(flat, graphons, strict=False):
        for estimator, (colour, marker, line) in zip(
            result.estimator.values, ESTIMATOR_STYLES, strict=True
        ):
            error = result.error.sel(graphon=graphon, estimator=estimator)
            panel.errorbar(
                result["size"],
                error.mean("trial"),
                error.std("trial") / np.sqrt(error.sizes["trial"]),
                color=colour,
                marker=marker,
                linestyle=line,
                label=estimator,
            )
        sizes = result["size"].values
        panel.plot(sizes, 0.02 * np.sqrt(sizes[-1] / sizes), color="0.7", linewidth=0.9, zorder=0)
        panel.set_title(graphon)
        panel.set_xscale("log")
        panel.set_yscale("log")
    for panel in flat[len(graphons) :]:
        panel.set_axis_off()
        panel.legend(*flat[0].get_legend_handles_labels(), loc="center")
    for panel in axes[:, 0]:
        panel.set_ylabel("error of probabilities")
    for panel in (axes[-1, 0], axes[-2, 1]):
        panel.set_xlabel("rows $n$")
        panel.xaxis.set_tick_params(labelbottom=True)
    return figure


def residual_spectra(result: xr.Dataset, width: int) -> Figure:
    """Draw the leading singular values of mask minus estimate at one width, by method.

    Parameters
    ----------
    result
        Dataset of :func:`graphon_lib.experiments.residual_spectra.residual_spectra`.
    width
        The width to show.

    Returns
    -------
    matplotlib.figure.Figure
        A panel a method: degree blocks, co-clustered blocks, and for the former a mask with
        independent entries of the same probabilities.
    """
    values = result.singular_value.sel(width=width).mean("trial")
    figure, panels, spare = method_panels(result.pruning.values, height=2.1)
    series = (
        ("degree", "mask", *ESTIMATOR_STYLES[0][:2], "degree blocks"),
        ("co-clustering", "mask", *ESTIMATOR_STYLES[2][:2], "co-clustered"),
        ("degree", "sampled", "0.5", "_", "chance alone"),
    )
    top = 1.08 * float(values.max())
    for method, panel in panels.items():
        for estimator, source, colour, marker, label in series:
            panel.plot(
                result["rank"],
                values.sel(pruning=method, estimator=estimator, source=source),
                marker,
                color=colour,
                markersize=4,
                label=label,
            )
        panel.set_ylim(0.0, top)
        panel.set_xlabel("rank")
    spare.set_axis_off()
    spare.legend(*panel.get_legend_handles_labels(), loc="center")
    for panel in list(panels.values())[::3]:
        panel.set_ylabel("singular value / $n$")
    return figure


def residual_operator_norms(result: xr.Dataset) -> Figure:
    """Draw how far the largest residual singular value exceeds chance, against the width.

    Parameters
    ----------
    result
        Dataset of :func:`graphon_lib.experiments.residual_spectra.residual_spectra`.

    Returns
    -------
    matplotlib.figure.Figure
        The ratio of the mask's value to that of a mask with independent entries; one panel an
        estimator.
    """
    largest = result.singular_value.isel(rank=0)
    ratio = largest.sel(source="mask") / largest.sel(source="sampled")
    figure = new_figure(2.9)
    axes = figure.subplots(1, 2, sharey=True)
    for panel, estimator in zip(axes, result.estimator.values, strict=True):
        for method in result.pruning.values:
            values = ratio.sel(pruning=method, estimator=estimator)
            panel.errorbar(
                result.width,
                values.mean("trial"),
                values.std("trial"),
                color=COLOURS[method],
                marker=MARKERS[method],
                capsize=2,
                label=LABELS[method],
            )
        panel.axhline(1.0, color="0.6", linewidth=0.8, zorder=0)
        panel.set_xscale("log", base=2)
        panel.set_xticks(result.width.values, [str(width) for width in result.width.values])
        panel.minorticks_off()
        panel.set_xlabel("width $n$")
        panel.set_title(f"{estimator} blocks" if estimator == "degree" else estimator)
    axes[0].set_ylabel("largest singular value / chance")
    figure.legend(*axes[0].get_legend_handles_labels(), loc="outside lower center", ncols=3)
    return figure


def degrees_of_neurons(result: xr.Dataset) -> Figure:
    """Draw in-degree against out-degree of the same neurons, a panel for each method."""
    figure, panels, spare = method_panels(result.pruning.values, height=1.9)
    for method, panel in panels.items():
        panel.plot(
            result.in_degree.sel(pruning=method),
            result.out_degree.sel(pruning=method),
            ".",
            color=COLOURS[method],
            markersize=1.5,
        )
        panel.set_xlim(0.0, None)
        panel.set_ylim(0.0, None)
    spare.set_axis_off()
    spare.text(0.1, 0.5, "one dot\na neuron", va="center")
    figure.supxlabel("in-degree (fraction of weights kept)", fontsize=10)
    figure.supylabel("out-degree", fontsize=10)
    return figure
