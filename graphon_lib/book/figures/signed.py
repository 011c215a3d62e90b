"""Figures on kernels of kept weights: what is measured, and what each theory makes of it.

All are of datasets of :func:`graphon_lib.experiments.signed_kernels.signed_kernels`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, NullLocator
from numpy.typing import ArrayLike, NDArray

from graphon_lib.book.figures import draw
from graphon_lib.book.looks import SERIES
from graphon_lib.book.style import label_of, look_of, style_of

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
BLOCK_LOOKS = {
    "joint": ("joint degree", SERIES[0].marker),
    "coclustering": ("co-clustering", SERIES[3].marker),
    "both": ("clusters by degree", SERIES[6].marker),
}
FEW_BLOCKS = "16 blocks"
DRIFT_COLOURS = {"raw": SERIES[0].colour, "shrunk": SERIES[1].colour}
THEORIES = (("theory, joint", "density only"), ("theory, second moments", "+ second moments"))


def best_prediction(statistic: xr.DataArray) -> xr.DataArray:
    """Return the prediction from positions where there is one, else that with shrunk drifts.

    `statistic` has the dimension ``road``, which goes.
    """
    positions = statistic.sel(road="theory, positions", drop=True)
    return positions.fillna(statistic.sel(road="theory, shrunk drifts", drop=True))


def regimes(results: Mapping[str, xr.Dataset]) -> Figure:
    """Draw trace and energy of the measured kernels of three regimes, with their predictions.

    A row for each title and result, at one density and width; methods along the axis, and a black
    dash for each prediction.
    """
    figure, rows = draw.grid(1.3 + 2.1 * len(results), len(results), 2, sharex=True)
    for row, (title, result) in zip(rows, results.items(), strict=True):
        names = [label_of(method) for method in result.pruning.values]
        for panel, name in zip(row, ("trace", "energy"), strict=True):
            _regimes_panel(panel, result[name])
            draw.slanted_names(panel, names)
            panel.set_title(title)
        row[0].set(yscale="log", ylabel="trace of the kernel")
        row[1].set(ylabel="energy", ylim=(0.4, 1.03))
    rows[0, 0].plot([], [], "_", color="black", markersize=10, label="predicted")
    return draw.with_legend(figure, 2)


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

    Of all densities and widths, on logarithmic axes of equal range: one marker a network.
    """
    figure, (panels,) = draw.grid(3.0, 1, 3, sharex=True, sharey=True)
    trace = result.trace
    measured = trace.sel(road="kept")
    predictions = [(label, trace.sel(road=name)) for name, label in THEORIES]
    predictions.append(("+ drift", best_prediction(trace)))
    limits = [float(trace.sel(road="theory, joint").min()) / 3, float(measured.max()) * 3]
    for panel, (label, prediction) in zip(panels, predictions, strict=True):
        panel.plot(limits, limits, color="0.6", linewidth=0.9, zorder=0)
        for method in result.pruning.values:
            pair = (traces.sel(pruning=method).values.ravel() for traces in (measured, prediction))
            look = {"linestyle": "none", "markersize": 3.5, "alpha": 0.6}
            panel.plot(*pair, **look, **style_of(method))
        panel.set(title=label, xscale="log", yscale="log", aspect="equal")
        for axis in (panel.xaxis, panel.yaxis):
            axis.set_major_locator(LogLocator(10.0**4, numticks=6))
            axis.set_minor_locator(NullLocator())
    panels[1].set_xlabel("measured trace, kept weights")
    panels[0].set_ylabel("predicted trace")
    return draw.with_legend(figure)


def kernels_by_width(
    results: Mapping[str, xr.Dataset], kernels: Sequence[tuple[str, str]]
) -> Figure:
    """Draw predicted over measured traces, and gaps in energy, against the width.

    A row for each title and result, of one method and density: means over networks as lines, single
    networks as markers. `kernels` are pairs of a road and its label.
    """
    figure, rows = _ratio_and_gap(len(results))
    for panels, (title, result) in zip(rows, results.items(), strict=True):
        for (road, label), look in zip(kernels, SERIES, strict=False):
            ratio = result.trace.sel(road=road) / result.trace.sel(road="kept")
            gap = result.energy.sel(road=road) - result.energy.sel(road="kept")
            _means_and_networks(panels, result.width, (ratio, gap), label=label, **look.line)
        panels[0].set_yscale("log")
        draw.ticks(panels[0].yaxis, (0.1, 0.2, 0.5, 1.0, 2.0))
        for panel in panels:
            draw.width_axis(panel, result.width.values, 40)
            panel.set_title(title)
    for panel in rows[-1]:
        panel.set_xlabel("width $n$")
    return draw.with_legend(figure, 2)


def best_by_density(result: xr.Dataset) -> Figure:
    """Draw trace and energy of :func:`best_prediction` against the sparsity, a line for each method.

    At one width: means over networks as lines, single networks as markers.
    """
    figure, (panels,) = _ratio_and_gap()
    trace, energy = result.trace, result.energy
    ratio = best_prediction(trace) / trace.sel(road="kept", drop=True)
    gap = best_prediction(energy) - energy.sel(road="kept", drop=True)
    places = np.arange(result.sizes["density"])
    methods = result.pruning.values
    for number, method in enumerate(methods):
        beside = places + 0.1 * (number - (len(methods) - 1) / 2)
        pair = (ratio.sel(pruning=method), gap.sel(pruning=method))
        _means_and_networks(panels, beside, pair, **style_of(method))
    for panel in panels:
        draw.sparsity_axis(panel, places, result.density.values)
        panel.set_xlabel("sparsity (%)")
    return draw.with_legend(figure)


def _means_and_networks(
    panels: Sequence[Axes], places: ArrayLike, pair: Sequence[xr.DataArray], **look: str
) -> None:
    """Draw means over trials as a line and every network as a marker, with one entry in a legend."""
    panels[0].plot([], [], markersize=4, **look)
    look["label"] = None
    for panel, values in zip(panels, pair, strict=True):
        networks = values.transpose(..., "trial").values
        panel.plot(places, networks, linestyle="", alpha=0.8, markersize=4, **look)
        panel.plot(places, values.mean("trial"), color=look["color"], linewidth=1.0)


def _ratio_and_gap(rows: int = 1) -> tuple[Figure, NDArray]:
    """Return panels for ratios of traces and differences of energies, with the goals as bands."""
    figure, panels = draw.grid(1.3 + 2.2 * rows, rows, 2)
    for of_trace, of_energy in panels:
        of_trace.axhspan(0.9, 1.1, color="0.9", zorder=0)
        of_trace.set_ylabel("trace, theory / measured")
        of_energy.axhspan(-0.03, 0.03, color="0.9", zorder=0)
        of_energy.set_ylabel("energy, theory − measured")
    return figure, panels


def blocking_trade_off(result: xr.Dataset) -> Figure:
    """Draw how SNIP's kernel comes out for every way to find blocks: trace and energy at once.

    At one density: one marker a way, means over widths and networks, its form the blocks, its colour
    the drifts, filled for many blocks; a star for vector positions.
    """
    figure, ((panel,),) = draw.grid(3.9)
    snip = result.sel(pruning="snip")
    measured = snip.sel(road="kept")
    for name in result.blocking.values:
        order, count, shrinkage = str(name).split(", ")
        ratio = result.blocking_trace.sel(blocking=name) / measured.trace
        gap = result.blocking_energy.sel(blocking=name) - measured.energy
        colour, few = DRIFT_COLOURS[shrinkage], count == FEW_BLOCKS
        look = {"color": colour, "markerfacecolor": "none" if few else colour, "markersize": 6}
        panel.plot(float(ratio.mean()), float(gap.mean()), BLOCK_LOOKS[order][1], **look)
    tried = result.blocking_trace.notnull().any("blocking")
    ratio = (snip.trace.sel(road="theory, positions") / measured.trace).where(tried)
    gap = (snip.energy.sel(road="theory, positions") - measured.energy).where(tried)
    panel.plot(float(ratio.mean()), float(gap.mean()), "k*", markersize=11)
    panel.axvspan(0.9, 1.1, color="0.92", zorder=0)
    panel.axhspan(-0.03, 0.03, color="0.92", zorder=0)
    panel.set_xscale("log")
    draw.ticks(panel.xaxis, (0.2, 0.5, 1.0, 2.0))
    panel.set(xlabel="trace, predicted / measured", ylabel="energy, predicted − measured")
    for label, marker in BLOCK_LOOKS.values():
        panel.plot([], [], marker, color="0.45", label=label)
    panel.plot([], [], "o", color="0.45", markerfacecolor="none", label=FEW_BLOCKS)
    panel.plot([], [], "o", color="0.45", label="64 blocks")
    for label, colour in DRIFT_COLOURS.items():
        panel.plot([], [], linewidth=5, color=colour, label=f"{label} drifts")
    panel.plot([], [], "k*", markersize=9, label="vector positions")
    return draw.with_legend(figure)


def traces_by_width(result: xr.Dataset) -> Figure:
    """Draw the trace with kept weights over that with random signs, against the width."""
    figure, ((panel,),) = draw.grid(3.1)
    ratio = result.trace.sel(road="kept") / result.trace.sel(road="signs randomised")
    for method in result.pruning.values:
        panel.plot(result.width, ratio.sel(pruning=method).mean("trial"), **style_of(method))
    draw.width_axis(panel, result.width.values)
    panel.set(yscale="log", xlabel="width $n$", ylabel="trace, kept / random signs")
    return draw.with_legend(figure)
