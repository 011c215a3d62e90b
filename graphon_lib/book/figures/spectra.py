"""Figures on the spectra of pruned networks' kernels and on what they predict."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from graphon_lib.book.figures.panels import method_lines
from graphon_lib.book.figures.training import plain_decades
from graphon_lib.book.style import label_of, new_figure, style_of

__all__ = [
    "descent_and_flow",
    "eigenvalues_by_rank",
    "energy_by_road",
    "kernel_change_by_step",
    "metrics_by_sparsity",
    "predictions_by_quantity",
]

NAMES = MappingProxyType(
    {
        "decay_exponent": "decay exponent",
        "effective_rank": "effective rank",
        "spectral_gap": "spectral gap",
        "energy": "top-5 energy",
        "trace": "trace",
        "alignment": "target alignment",
        "centred_alignment": "alignment",
        "path_density": "path density",
    }
)

LOGARITHMIC = ("effective_rank", "spectral_gap", "trace")


def _over_sparsity(panel: Axes, values: xr.DataArray) -> None:
    """Draw a line a method against the sparsity in percent; the dense network as a level line."""
    percent = 100.0 * (1.0 - values.density)
    values = values.assign_coords(density=percent).rename(density="sparsity")
    values = values.dropna("trial", how="all")
    if "dense" in values.pruning.values:
        level = float(values.sel(pruning="dense").mean())
        look = style_of("dense") | {"marker": None}
        panel.axhline(level, linewidth=0.9, linestyle=":", **look)
    pruned = values.sel(pruning=values.pruning != "dense")
    method_lines(panel, pruned, "sparsity")
    panel.set_xticks(percent.values, [f"{value:.0f}" for value in percent.values])
    panel.xaxis.set_tick_params(rotation=90)


def _plain_if_short(panel: Axes) -> None:
    """Label a logarithmic axis of few decades in plain numbers."""
    low, high = panel.get_ylim()
    if high < 300.0 * low:
        plain_decades(panel.yaxis)


def metrics_by_sparsity(
    result: xr.Dataset, metrics: Sequence[str], roads: Mapping[str, str]
) -> Figure:
    """Draw spectral metrics against the sparsity, a row a metric and a column a road.

    Parameters
    ----------
    result
        Result of :func:`graphon_lib.experiments.spectra.spectra` for one number of digits.
    metrics
        Names of its variables.
    roads
        For each column's title, the road.

    Returns
    -------
    matplotlib.figure.Figure
        The figure, with means and standard deviations over networks; axes are shared in a row.
    """
    figure = new_figure(1.55 * len(metrics) + 1.1)
    axes = figure.subplots(len(metrics), len(roads), sharex=True, sharey="row", squeeze=False)
    for row, metric in zip(axes, metrics, strict=True):
        for panel, road in zip(row, roads.values(), strict=True):
            _over_sparsity(panel, result[metric].sel(road=road))
        if metric in LOGARITHMIC:
            row[0].set_yscale("log")
            _plain_if_short(row[0])
        row[0].set_ylabel(NAMES[metric])
    for panel, title in zip(axes[0], roads, strict=True):
        panel.set_title(title)
    for panel in axes[-1]:
        panel.set_xlabel("sparsity (%)")
    figure.legend(*axes[0, 0].get_legend_handles_labels(), loc="outside lower center", ncols=3)
    return figure


def energy_by_road(result: xr.Dataset, roads: Mapping[str, str]) -> Figure:
    """Draw the energy of the five largest eigenvalues against the sparsity, a panel a road.

    Parameters
    ----------
    result
        Result of :func:`graphon_lib.experiments.spectra.spectra` for one number of digits.
    roads
        For each panel's title, the road; at most six.

    Returns
    -------
    matplotlib.figure.Figure
        The figure, with means and standard deviations over networks, all on one scale.
    """
    rows = -(-len(roads) // 3)
    figure = new_figure(2.0 * rows + 0.9)
    axes = figure.subplots(rows, 3, sharex=True, sharey=True, squeeze=False)
    for panel, (title, road) in zip(axes.ravel(), roads.items(), strict=False):
        _over_sparsity(panel, result.energy.sel(road=road))
        panel.set_title(title)
    for panel in axes.ravel()[len(roads) :]:
        panel.set_axis_off()
    for panel in axes[-1]:
        panel.set_xlabel("sparsity (%)")
    for row in axes:
        row[0].set_ylabel("top-5 energy")
    figure.legend(*axes[0, 0].get_legend_handles_labels(), loc="outside lower center", ncols=3)
    return figure


def eigenvalues_by_rank(
    result: xr.Dataset,
    density: float,
    roads: Mapping[str, str],
    fitted: tuple[int, int],
    floor: float,
) -> Figure:
    """Draw spectra at one density, a panel a road: each eigenvalue's share of the trace.

    Parameters
    ----------
    result
        Result of :func:`graphon_lib.experiments.spectra.spectra` for one number of digits.
    density
        One of its densities.
    roads
        For each panel's title, the road.
    fitted
        First and last rank of the fit of the power law, shaded.
    floor
        Least share on the axis.

    Returns
    -------
    matplotlib.figure.Figure
        The figure, on logarithmic axes, with geometric means over networks; dense network dotted.
    """
    chosen = result.sel(density=density)
    share = chosen.eigenvalue / (int(result.digits) * chosen.trace)
    # An eigenvalue that is zero to rounding has no logarithm.
    shares = np.exp(np.log(share.where(share > 0.0)).mean("trial"))
    figure = new_figure(3.3)
    axes = figure.subplots(1, len(roads), sharex=True, sharey=True, squeeze=False)[0]
    for panel, (title, road) in zip(axes, roads.items(), strict=True):
        panel.axvspan(*fitted, color="0.93", zorder=0)
        for method in result.pruning.values:
            line = shares.sel(pruning=method, road=road).dropna("rank")
            if not line.size:
                continue
            dense = method == "dense"
            panel.plot(
                line["rank"],
                line,
                ":" if dense else "-",
                markersize=3.5,
                zorder=3 if dense else 2,
                **style_of(method) | ({"marker": None} if dense else {}),
            )
        panel.set_xscale("log")
        panel.set_yscale("log")
        panel.set_title(title)
        panel.set_xlabel("rank")
    axes[0].set_ylim(bottom=floor)
    axes[0].set_ylabel("share of the trace")
    figure.legend(*axes[-1].get_legend_handles_labels(), loc="outside lower center", ncols=3)
    return figure


def predictions_by_quantity(predictions: Mapping[str, xr.DataArray]) -> Figure:
    """Draw how well quantities known before training rank networks by their loss.

    Parameters
    ----------
    predictions
        For each source of the quantities, at most three, the result of
        :func:`graphon_lib.experiments.prediction.predictions` at one step.

    Returns
    -------
    matplotlib.figure.Figure
        A panel a comparison and a row a quantity: the correlation with its bootstrap interval
        (thick) and its range when one method is left out (thin).
    """
    (first, *_) = predictions.values()
    quantities = list(first.quantity.values)
    comparisons = list(first.comparison.values)
    figure = new_figure(0.42 * len(quantities) + 1.3)
    axes = figure.subplots(1, len(comparisons), sharey=True)
    series = zip(("#0072B2", "#D55E00", "#000000"), ("o", "s", "^"), strict=True)
    shifts = (np.arange(len(predictions)) - (len(predictions) - 1) / 2) * 0.28
    for (source, found), (colour, marker), shift in zip(
        predictions.items(), series, shifts, strict=False
    ):
        for panel, comparison in zip(axes, comparisons, strict=True):
            of_panel = found.sel(comparison=comparison)
            value, lower, upper, least, most = (
                of_panel.sel(statistic=name).values for name in found.statistic.values
            )
            rows = np.arange(len(quantities)) + shift
            panel.hlines(rows, least, most, color=colour, linewidth=0.8)
            panel.hlines(rows, lower, upper, color=colour, linewidth=2.8)
            panel.plot(value, rows, marker, color=colour, markersize=4.5, label=source)
    for panel, comparison in zip(axes, comparisons, strict=True):
        panel.axvline(0.0, color="0.6", linewidth=0.8, zorder=0)
        panel.set_xlim(-1.08, 1.08)
        panel.set_xticks((-1, 0, 1))
        panel.set_title(comparison)
        panel.set_ylim(len(quantities) - 0.5, -0.5)
    axes[0].set_yticks(range(len(quantities)), [NAMES[name] for name in quantities])
    axes[len(comparisons) // 2].set_xlabel("rank correlation with fast training")
    handles, labels = axes[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=3, columnspacing=1.2)
    return figure


def descent_and_flow(result: xr.Dataset) -> Figure:
    """Draw losses of gradient descent beside those that two kernels predict.

    Parameters
    ----------
    result
        Result of :func:`graphon_lib.experiments.descent.descent`.

    Returns
    -------
    matplotlib.figure.Figure
        A row a network and a column a width, on logarithmic axes; thin lines are other trials.
    """
    looks = (("#000000", "-", 2.2), ("#0072B2", "--", 1.6), ("#D55E00", ":", 1.8))
    figure = new_figure(1.5 * result.sizes["variant"] + 0.9)
    axes = figure.subplots(
        result.sizes["variant"], result.sizes["width"], sharex=True, sharey="row", squeeze=False
    )
    steps = result.step.values + 1
    for row, variant in zip(axes, result.variant.values, strict=True):
        for panel, width in zip(row, result.width.values, strict=True):
            of_panel = result.loss.sel(variant=variant, width=width)
            for curve, (colour, line, thickness) in zip(result.curve.values, looks, strict=True):
                for trial, losses in enumerate(of_panel.sel(curve=curve).values):
                    panel.plot(
                        steps,
                        losses,
                        line,
                        color=colour,
                        linewidth=thickness if trial == 0 else 0.5 * thickness,
                        label=curve if trial == 0 else None,
                    )
            panel.set_xscale("log")
            panel.set_yscale("log")
            _plain_if_short(panel)
            panel.set_title(f"{label_of(variant)}, $n = {width}$")
        row[0].set_ylabel("loss")
    for panel in axes[-1]:
        panel.set_xlabel("step + 1")
    figure.legend(*axes[0, 0].get_legend_handles_labels(), loc="outside lower center", ncols=3)
    return figure


def kernel_change_by_step(result: xr.Dataset) -> Figure:
    """Draw how far kernels and weights move from where they were at initialisation.

    Parameters
    ----------
    result
        Result of :func:`graphon_lib.experiments.descent.descent`.

    Returns
    -------
    matplotlib.figure.Figure
        Relative changes after a number of steps: widest networks filled, narrowest ones open.
    """
    figure = new_figure(3.2)
    axes = figure.subplots(1, 2)
    widths = (int(result.width.min()), int(result.width.max()))
    for panel, (name, title) in zip(
        axes, (("kernel_change", "kernel"), ("weight_change", "kept weights")), strict=True
    ):
        for variant in result.variant.values:
            for width in widths:
                change = result[name].sel(variant=variant, width=width).mean("trial")
                wide = width == widths[-1]
                panel.plot(
                    result.watched,
                    change,
                    "-" if wide else "--",
                    markerfacecolor=None if wide else "white",
                    **style_of(variant) | ({} if wide else {"label": None}),
                )
        panel.set_xscale("log")
        panel.set_yscale("log")
        _plain_if_short(panel)
        panel.set_xticks(result.watched.values, [str(step) for step in result.watched.values])
        panel.minorticks_off()
        panel.set_xlabel("step")
        panel.set_title(title)
    axes[0].set_ylabel("relative change")
    figure.legend(*axes[0].get_legend_handles_labels(), loc="outside lower center", ncols=4)
    return figure
