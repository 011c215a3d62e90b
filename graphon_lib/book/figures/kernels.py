"""Figures on the Graphon NTK and on the path-density law."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from graphon_lib.book.figures.panels import method_lines, width_axis
from graphon_lib.book.looks import SERIES as LOOKS
from graphon_lib.book.style import new_figure, style_of
from graphon_lib.experiments.fits import fit_slope
from graphon_lib.experiments.residual_modes import MARGIN, geometric_mean, speeds
from graphon_lib.graphons import StepGraphon

__all__ = [
    "convergence_of_kernels",
    "convergence_of_masks",
    "measured_over_path_law",
    "measured_over_theory",
    "modes_of_the_error",
    "variance_by_position",
]

SERIES = (
    ("#000000", "o"),
    ("#D55E00", "s"),
    ("#0072B2", "^"),
    ("#009E73", "v"),
    ("#CC79A7", "D"),
    ("#E69F00", "P"),
    ("#56B4E9", "X"),
)


def variance_by_position(
    graphons: Sequence[StepGraphon], variances: Sequence[np.ndarray]
) -> Figure:
    """Draw the variance of pre-activations over the positions of neurons, a line a layer.

    Parameters
    ----------
    graphons
        The graphons of the layers, for the masses of their rows.
    variances
        For each of them, the variance in every block.

    Returns
    -------
    matplotlib.figure.Figure
        The figure.
    """
    figure = new_figure(2.9)
    axes = figure.subplots()
    for layer, (graphon, variance) in enumerate(zip(graphons, variances, strict=True), start=1):
        colour, _ = SERIES[layer - 1]
        axes.stairs(
            variance,
            graphon.row_edges,
            baseline=None,
            color=colour,
            linestyle=("-", "--", ":", "-.")[layer - 1],
            linewidth=1.6,
            label=f"layer {layer}",
        )
    axes.set_xlabel("position $u$ of the neuron")
    axes.set_ylabel("variance of the pre-activation")
    axes.set_ylim(0.0, None)
    axes.set_xlim(0.0, 1.0)
    axes.legend()
    return figure


def convergence_of_kernels(results: Sequence[xr.Dataset]) -> Figure:
    """Draw the error of the kernels of sampled networks against the width, by design.

    Parameters
    ----------
    results
        Datasets of :func:`graphon_lib.experiments.kernel_convergence.kernel_convergence`, of equal
        widths.

    Returns
    -------
    matplotlib.figure.Figure
        The figure, on logarithmic axes, with fitted exponents and their 95% intervals in the legend.
    """
    figure = new_figure(3.9)
    axes = figure.subplots()
    designs = [result.error.sel(design=name) for result in results for name in result.design.values]
    for error, (colour, marker) in zip(designs, SERIES, strict=True):
        slope = fit_slope(error.width.broadcast_like(error), error)
        axes.errorbar(
            error.width,
            error.mean("trial"),
            error.std("trial") / np.sqrt(error.sizes["trial"]),
            color=colour,
            marker=marker,
            label=f"{error.design.item()}: {slope.value:.2f} ± {slope.half_width:.2f}",
        )
    _root_guide(axes, results[0].width.values, 0.6 * float(results[0].error.isel(width=0).mean()))
    width_axis(axes, results[0].width.values)
    axes.set_xlabel("width $n$")
    axes.set_yscale("log")
    axes.set_ylabel("relative error of the kernel")
    figure.legend(title="design: fitted exponent", loc="outside lower center", ncols=2)
    return figure


def convergence_of_masks(result: xr.Dataset) -> Figure:
    """Draw what theory misses of the kernels of pruned networks against the width.

    Parameters
    ----------
    result
        Dataset of :func:`graphon_lib.experiments.mask_convergence.mask_convergence`.

    Returns
    -------
    matplotlib.figure.Figure
        A panel for weights drawn anew and one for kept weights, on logarithmic axes, with standard
        deviations over networks.
    """
    figure = new_figure(3.5)
    panels = figure.subplots(1, result.sizes["weights"], sharey=True)
    for panel, weights in zip(panels, result.weights.values, strict=True):
        error = result.error.sel(weights=weights)
        method_lines(panel, error, "width")
        _root_guide(
            panel, result.width.values, 0.6 * float(error.isel(width=0).min("pruning").mean())
        )
        width_axis(panel, result.width.values)
        panel.set_xlabel("width $n$")
        panel.set_title(f"weights {weights}")
    panels[0].set_yscale("log")
    panels[0].set_ylabel("part of the kernel that theory misses")
    figure.legend(*panels[0].get_legend_handles_labels(), loc="outside lower center", ncols=3)
    return figure


def _root_guide(axes: Axes, widths: np.ndarray, start: float) -> None:
    """Draw a line of slope minus one half, and say so."""
    axes.plot(widths, start * (widths / widths[0]) ** -0.5, color="0.6", linewidth=0.9, zorder=0)
    middle = len(widths) // 2
    axes.annotate(
        "$n^{-1/2}$",
        (widths[middle], start * (widths[middle] / widths[0]) ** -0.5),
        (-3, -3),
        textcoords="offset points",
        ha="right",
        va="top",
    )


def measured_over_theory(
    results: Mapping[str, xr.Dataset], panels: Mapping[str, tuple[str, str]]
) -> Figure:
    """Draw the trace of theoretical kernels over that of measured ones, against the width.

    Parameters
    ----------
    results
        By title, a row each, datasets of
        :func:`graphon_lib.experiments.kernels_of_masks.kernels_of_masks` at one density.
    panels
        For every column's title, the theoretical and the measured kernel.

    Returns
    -------
    matplotlib.figure.Figure
        The figure, with standard deviations over networks; a panel's ratios have a logarithmic
        axis where they span more than a decade.
    """
    figure = new_figure(1.2 + 2.1 * len(results))
    rows = figure.subplots(len(results), len(panels), squeeze=False)
    for row, (name, result) in zip(rows, results.items(), strict=True):
        for panel, (theory, measured) in zip(row, panels.values(), strict=True):
            ratio = result.trace.sel(road=theory) / result.trace.sel(road=measured)
            method_lines(panel, ratio, "width")
            panel.axhline(1.0, color="0.6", linewidth=0.8, zorder=0)
            if float(ratio.max() / ratio.min()) > 10.0:
                panel.set_yscale("log")
            else:
                panel.set_ylim(0.0, 1.1 * max(1.0, float(ratio.max())))
            width_axis(panel, result.width.values, 90)
        row[0].set_ylabel(f"{name}:\ntheory / measured")
    for title, first, last in zip(panels, rows[0], rows[-1], strict=True):
        first.set_title(title)
        last.set_xlabel("width $n$")
    figure.legend(*rows[0, 0].get_legend_handles_labels(), loc="outside lower center", ncols=3)
    return figure


def measured_over_path_law(result: xr.Dataset) -> Figure:
    """Draw measured traces over the dense one against path densities, re-drawn weights.

    Parameters
    ----------
    result
        Dataset of :func:`graphon_lib.experiments.kernels_of_masks.kernels_of_masks`.

    Returns
    -------
    matplotlib.figure.Figure
        The figure, on logarithmic axes: one marker a network, and the law as a line.
    """
    figure = new_figure(3.6)
    axes = figure.subplots()
    measured = result.trace.sel(road="re-drawn") / result.dense_trace
    for method in result.pruning.values:
        axes.plot(
            result.path_density.sel(pruning=method).values.ravel(),
            measured.sel(pruning=method).values.ravel(),
            linestyle="none",
            **style_of(method),
        )
    limits = [float(result.path_density.min()) / 2, float(result.path_density.max()) * 2]
    axes.plot(limits, limits, color="0.6", linewidth=0.9, zorder=0)
    axes.set_xscale("log")
    axes.set_yscale("log")
    axes.set_xlabel("path density of the masks")
    axes.set_ylabel("trace of the kernel / dense")
    axes.legend()
    return figure


def modes_of_the_error(result: xr.Dataset, density: float) -> Figure:
    """Draw how modes of the error decay in randomly pruned networks, measured and expected.

    Parameters
    ----------
    result
        Dataset of :func:`graphon_lib.experiments.residual_modes.residual_modes` at one width.
    density
        Whose decay is drawn step by step.

    Returns
    -------
    matplotlib.figure.Figure
        A column for each kind of targets: above, what is left of every mode, geometric means over
        networks as markers and lines as expected; below, the speed of every mode over the expected
        one with 95% intervals, and the margin in grey.
    """
    figure = new_figure(5.2)
    axes = figure.subplots(2, result.sizes["targets"], sharey="row", sharex="row")
    speed = geometric_mean(speeds(result))
    for (above, below), targets in zip(axes.T, result.targets.values, strict=True):
        for mode, (colour, marker) in zip(result.mode.values, SERIES, strict=False):
            at = result.sel(targets=targets, density=density, mode=mode)
            above.plot(at.step, at.expected.isel(trial=0), color=colour)
            left = np.exp(np.log(at.left).mean("trial"))
            above.plot(at.step, left, marker, color=colour, label=str(mode))
        above.set_xscale("log", base=2)
        above.set_yscale("log")
        above.set_ylim(0.02, 1.4)
        above.set_title(f"{targets} targets")
        above.set_xlabel("updates")
        for kept, look, shift in zip(result.density.values, LOOKS, (-0.2, 0.0, 0.2), strict=False):
            of = speed.sel(targets=targets, density=kept)
            value, lower, upper = (of.sel(statistic=s) for s in of.statistic.values)
            below.errorbar(
                np.arange(of.sizes["mode"]) + shift,
                value,
                [value - lower, upper - value],
                linestyle="none",
                color=look.colour,
                marker=look.marker,
                label=f"density {kept:g}",
            )
        below.axhspan(1.0 / MARGIN, MARGIN, color="0.9", zorder=0)
        below.axhline(1.0, color="0.6", linewidth=0.8, zorder=0)
        below.set_yscale("log")
        below.set_xticks(range(result.sizes["mode"]), result.mode.values)
        below.set_xlabel("mode $k$")
        below.set_yticks([0.7, 1.0, 1.5, 2.0, 3.0, 4.0], ["0.7", "1", "1.5", "2", "3", "4"])
        below.minorticks_off()
    axes[0, 0].set_ylabel(f"error left, density {density:g}")
    axes[1, 0].set_ylabel("speed / expected speed")
    axes[1, -1].legend(loc="upper left")
    lines = axes[0, 0].get_legend_handles_labels()
    figure.legend(*lines, title="mode $k$, above", loc="outside lower center", ncols=5)
    return figure
