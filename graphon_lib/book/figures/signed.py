"""Figures on kernels of kept weights: what is measured, and what each theory makes of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from graphon_lib.book.figures.panels import width_axis
from graphon_lib.book.style import label_of, look_of, new_figure, style_of

__all__ = [
    "best_by_density",
    "best_prediction",
    "blocking_trade_off",
    "kernels_by_width",
    "predicted_against_measured",
    "regimes",
    "traces_by_width",
]

REGIMES = (("kept", "o"), ("signs randomised", "s"), ("re-drawn", "^"))
THEORIES = (("theory, joint", "density only"), ("theory, second moments", "+ second moments"))


def best_prediction(statistic: xr.DataArray) -> xr.DataArray:
    """Return the prediction from positions where there is one, else that with shrunk drifts.

    Parameters
    ----------
    statistic
        With the dimension ``road`` of :func:`graphon_lib.experiments.signed_kernels.signed_kernels`.

    Returns
    -------
    xarray.DataArray
        Without that dimension.
    """
    positions = statistic.sel(road="theory, positions", drop=True)
    return positions.fillna(statistic.sel(road="theory, shrunk drifts", drop=True))


def regimes(results: Mapping[str, xr.Dataset]) -> Figure:
    """Draw trace and energy of the measured kernels of three regimes, with their predictions.

    Parameters
    ----------
    results
        By title, a row each, datasets of
        :func:`graphon_lib.experiments.signed_kernels.signed_kernels` at one density and width.

    Returns
    -------
    matplotlib.figure.Figure
        The figure; methods along the axis, a black dash for each prediction.
    """
    figure = new_figure(1.3 + 2.1 * len(results))
    rows = figure.subplots(len(results), 2, sharex=True, squeeze=False)
    for row, (title, result) in zip(rows, results.items(), strict=True):
        methods = list(result.pruning.values)
        for panel, name in zip(row, ("trace", "energy"), strict=True):
            _regimes_panel(panel, result[name])
            panel.set_xticks(range(len(methods)), [label_of(m) for m in methods], rotation=40)
            panel.set_title(title)
        row[0].set_yscale("log")
        row[0].set_ylabel("trace of the kernel")
        row[1].set_ylabel("top-5 energy")
        row[1].set_ylim(0.4, 1.03)
    rows[0, 0].plot([], [], "_", color="black", markersize=10, label="predicted")
    figure.legend(*rows[0, 0].get_legend_handles_labels(), loc="outside lower center", ncols=2)
    return figure


def _regimes_panel(panel: Axes, statistic: xr.DataArray) -> None:
    predictions = (
        best_prediction(statistic),
        statistic.sel(road="theory, second moments"),
        statistic.sel(road="theory, joint"),
    )
    for (regime, marker), prediction, offset in zip(
        REGIMES, predictions, (-0.25, 0.0, 0.25), strict=True
    ):
        at = np.arange(statistic.sizes["pruning"]) + offset
        for m, method in enumerate(statistic.pruning.values):
            values = statistic.sel(road=regime, pruning=method).values.ravel()
            colour = look_of(method).colour
            panel.plot(np.full(values.size, at[m]), values, marker, color=colour, markersize=5)
        means = prediction.mean("trial").values
        panel.hlines(means, at - 0.14, at + 0.14, color="black", linewidth=1.4, zorder=3)
        panel.plot([], [], marker, color="0.4", label=f"measured, {regime}")


def predicted_against_measured(result: xr.Dataset) -> Figure:
    """Draw the traces of three predictions against the measured ones, kept weights.

    Parameters
    ----------
    result
        Dataset of :func:`graphon_lib.experiments.signed_kernels.signed_kernels`, all densities and widths.

    Returns
    -------
    matplotlib.figure.Figure
        The figure, on logarithmic axes of equal range: one marker a network.
    """
    figure = new_figure(2.9)
    panels = figure.subplots(1, 3, sharex=True, sharey=True)
    trace = result.trace
    measured = trace.sel(road="kept")
    predictions = [(label, trace.sel(road=name)) for name, label in THEORIES]
    predictions.append(("+ drift", best_prediction(trace)))
    limits = [float(trace.sel(road="theory, joint").min()) / 3, float(measured.max()) * 3]
    for panel, (label, prediction) in zip(panels, predictions, strict=True):
        panel.plot(limits, limits, color="0.6", linewidth=0.9, zorder=0)
        for method in result.pruning.values:
            panel.plot(
                measured.sel(pruning=method).values.ravel(),
                prediction.sel(pruning=method).values.ravel(),
                linestyle="none",
                markersize=4,
                alpha=0.8,
                **style_of(method),
            )
        panel.set_title(label)
        panel.set_xscale("log")
        panel.set_yscale("log")
        panel.set_aspect("equal")
    panels[1].set_xlabel("measured trace, kept weights")
    panels[0].set_ylabel("predicted trace")
    figure.legend(*panels[0].get_legend_handles_labels(), loc="outside lower center", ncols=3)
    return figure


def kernels_by_width(
    results: Mapping[str, xr.Dataset], kernels: Sequence[tuple[str, str]]
) -> Figure:
    """Draw predicted over measured traces, and gaps in energy, against the width.

    Parameters
    ----------
    results
        By title, a row each, datasets of
        :func:`graphon_lib.experiments.signed_kernels.signed_kernels` for one method and density.
    kernels
        Pairs of a road and its label; roads that a result has not are left out of its row.

    Returns
    -------
    matplotlib.figure.Figure
        The figure; means over networks as lines, single networks as markers.
    """
    figure, rows = _ratio_and_gap(len(results))
    colours = ("#000000", "#0072B2", "#D55E00", "#009E73", "#CC79A7", "#767676")
    markers = "osv^DP"
    for panels, (title, result) in zip(rows, results.items(), strict=True):
        for (road, label), colour, marker in zip(kernels, colours, markers, strict=False):
            ratio = result.trace.sel(road=road) / result.trace.sel(road="kept")
            gap = result.energy.sel(road=road) - result.energy.sel(road="kept")
            for panel, values in zip(panels, (ratio, gap), strict=True):
                panel.plot(result.width, values.mean("trial"), color=colour, linewidth=1.1)
                at = values.width.broadcast_like(values).values.ravel()
                panel.plot(at, values.values.ravel(), marker, color=colour, markersize=4)
            panels[0].plot([], [], marker=marker, color=colour, label=label)
        panels[0].set_yscale("log")
        panels[0].set_yticks([0.1, 0.2, 0.5, 1.0, 2.0], ["0.1", "0.2", "0.5", "1", "2"])
        panels[0].minorticks_off()
        for panel in panels:
            width_axis(panel, result.width.values, 40)
            panel.set_title(title)
    for panel in rows[-1]:
        panel.set_xlabel("width $n$")
    figure.legend(*rows[0, 0].get_legend_handles_labels(), loc="outside lower center", ncols=2)
    return figure


def best_by_density(result: xr.Dataset) -> Figure:
    """Draw trace and energy of the best prediction against the sparsity, a line for each method.

    Parameters
    ----------
    result
        Dataset of :func:`graphon_lib.experiments.signed_kernels.signed_kernels` at one width.

    Returns
    -------
    matplotlib.figure.Figure
        Means over networks as lines, single networks as markers, of :func:`best_prediction`.
    """
    figure, (panels,) = _ratio_and_gap()
    trace, energy = result.trace, result.energy
    ratio = best_prediction(trace) / trace.sel(road="kept", drop=True)
    gap = best_prediction(energy) - energy.sel(road="kept", drop=True)
    places = np.arange(result.sizes["density"])
    methods = result.pruning.values
    for number, method in enumerate(methods):
        beside = places + 0.1 * (number - (len(methods) - 1) / 2)
        for panel, values in zip(panels, (ratio, gap), strict=True):
            of_method = values.sel(pruning=method).transpose("density", "trial")
            look = style_of(method) | {"markersize": 4, "label": None}
            panel.plot(beside, of_method.values, linestyle="", alpha=0.8, **look)
            panel.plot(beside, of_method.mean("trial"), color=look["color"], linewidth=1.0)
        panels[0].plot([], [], markersize=4, **style_of(method))
    for panel in panels:
        panel.set_xticks(places, [f"{100 * (1 - d):.0f}" for d in result.density.values])
        panel.set_xlabel("sparsity (%)")
    figure.legend(*panels[0].get_legend_handles_labels(), loc="outside lower center", ncols=3)
    return figure


def _ratio_and_gap(rows: int = 1) -> tuple[Figure, NDArray]:
    """Return panels for ratios of traces and differences of energies, with the goals as bands."""
    figure = new_figure(1.3 + 2.2 * rows)
    panels = figure.subplots(rows, 2, squeeze=False)
    for of_trace, of_energy in panels:
        of_trace.axhspan(0.9, 1.1, color="0.9", zorder=0)
        of_trace.set_ylabel("trace, ratio")
        of_energy.axhspan(-0.03, 0.03, color="0.9", zorder=0)
        of_energy.set_ylabel("energy, difference")
    return figure, panels


def blocking_trade_off(result: xr.Dataset) -> Figure:
    """Draw how SNIP's kernel comes out for every way to find blocks: trace and energy at once.

    Parameters
    ----------
    result
        Dataset of :func:`graphon_lib.experiments.signed_kernels.signed_kernels` at one density.

    Returns
    -------
    matplotlib.figure.Figure
        The figure: one marker a way, means over widths and networks; a star for vector positions.
    """
    figure = new_figure(3.3)
    axes = figure.subplots()
    snip = result.sel(pruning="snip")
    measured = snip.sel(road="kept")
    markers = {"joint": "o", "coclustering": "s", "both": "^"}
    for name in result.blocking.values:
        order, count, shrinkage = str(name).split(", ")
        ratio = result.blocking_trace.sel(blocking=name) / measured.trace
        gap = result.blocking_energy.sel(blocking=name) - measured.energy
        raw = shrinkage == "raw"
        axes.plot(
            float(ratio.mean()),
            float(gap.mean()),
            markers[order],
            color="#0072B2" if raw else "#D55E00",
            markerfacecolor=("#0072B2" if raw else "#D55E00") if "64" in count else "none",
            label=name,
        )
    tried = result.blocking_trace.notnull().any("blocking")
    ratio = (snip.trace.sel(road="theory, positions") / measured.trace).where(tried)
    gap = (snip.energy.sel(road="theory, positions") - measured.energy).where(tried)
    axes.plot(float(ratio.mean()), float(gap.mean()), "k*", markersize=11, label="vector positions")
    axes.axvspan(0.9, 1.1, color="0.92", zorder=0)
    axes.axhspan(-0.03, 0.03, color="0.92", zorder=0)
    axes.set_xscale("log")
    axes.set_xticks([0.2, 0.5, 1.0, 2.0], ["0.2", "0.5", "1", "2"])
    axes.minorticks_off()
    axes.set_xlabel("trace, predicted / measured")
    axes.set_ylabel("energy, difference")
    figure.legend(
        *axes.get_legend_handles_labels(), loc="outside lower center", ncols=2, fontsize="x-small"
    )
    return figure


def traces_by_width(result: xr.Dataset) -> Figure:
    """Draw the trace with kept weights over that with random signs, against the width.

    Parameters
    ----------
    result
        Dataset of :func:`graphon_lib.experiments.signed_kernels.signed_kernels` at one density.

    Returns
    -------
    matplotlib.figure.Figure
        The figure, on logarithmic axes.
    """
    figure = new_figure(3.1)
    axes = figure.subplots()
    ratio = result.trace.sel(road="kept") / result.trace.sel(road="signs randomised")
    for method in result.pruning.values:
        axes.plot(
            result.width,
            ratio.sel(pruning=method).mean("trial"),
            **style_of(method),
        )
    axes.set_xscale("log", base=2)
    axes.set_yscale("log")
    axes.set_xticks(result.width.values, [str(width) for width in result.width.values])
    axes.set_xlabel("width $n$")
    axes.set_ylabel("trace, kept / random signs")
    figure.legend(*axes.get_legend_handles_labels(), loc="outside lower center", ncols=3)
    return figure
