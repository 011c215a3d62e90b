"""Figures on rates of convergence, and on what keeps masks from converging."""

from __future__ import annotations

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from graphon_lib.book.figures.panels import method_lines, method_panels, width_axis
from graphon_lib.book.looks import numbered_look
from graphon_lib.book.style import initialisation_of, label_of, look_of, new_figure
from graphon_lib.graphons.singular import noise_floor
from graphon_lib.graphons.step_graphon import StepGraphon

__all__ = ["BAD_FIT", "batch_components", "exponents", "output_scales", "residuals_by_width"]

BAD_FIT = 2.0
"""Exponents are drawn hollow where the power law misses by more standard errors than this."""


def exponents(result: xr.Dataset) -> Figure:
    """Draw the exponent of every method's approach to its limit, by quantity and mask.

    Parameters
    ----------
    result
        Dataset of :func:`graphon_lib.experiments.convergence.convergence` for one density.

    Returns
    -------
    matplotlib.figure.Figure
        A panel a quantity with a row a method and a marker for every mask between hidden layers; 95%
        intervals; hollow where the fit is worse than :data:`BAD_FIT`.
    """
    quantities, methods = result["quantity"].values, list(result.pruning.values)
    masks = [
        (int(layers), int(mask))
        for layers in result.hidden_layers.values
        for mask in result["mask"].values
        if mask < layers
    ]
    figure = new_figure(1.9 * len(quantities) / 2 + 1.0)
    axes = figure.subplots(-(-len(quantities) // 2), 2, sharex=True, sharey=True)
    for panel, quantity in zip(axes.ravel(), quantities, strict=True):
        for number, (layers, mask) in enumerate(masks):
            beside = 0.24 * (number - (len(masks) - 1) / 2)
            fits = result.approach.sel(quantity=quantity, hidden_layers=layers, mask=mask)
            for row, method in enumerate(methods):
                _draw_exponent(panel, fits.sel(pruning=method), row + beside, method, "osD"[number])
        panel.axvspan(-1.1, 0.0, color="0.92", zorder=0)
        for mark in (0.5, 1.0):
            panel.axvline(mark, color="0.75", linewidth=0.7, linestyle=":", zorder=0)
        panel.set_title(quantity)
        panel.set_xlim(-1.1, 3.1)
    for panel in axes.ravel()[len(quantities) :]:
        panel.set_axis_off()
    axes[0, 0].set_yticks(range(len(methods)), [label_of(method) for method in methods])
    axes[0, 0].set_ylim(len(methods) - 0.5, -0.5)
    for number, (layers, mask) in enumerate(masks):
        name = f"{layers} hidden layers" + (f", mask {mask}" if layers > 2 else "")
        axes[0, 0].plot([], [], "osD"[number], color="0.4", markersize=4, label=name)
    figure.legend(
        *axes[0, 0].get_legend_handles_labels(), loc="outside upper center", ncols=3, fontsize=8
    )
    figure.supxlabel("exponent of the approach", fontsize=10)
    return figure


def _draw_exponent(panel: Axes, fit: xr.DataArray, row: float, method: str, marker: str) -> None:
    value, lower, upper, misfit = (
        float(fit.sel(rate_statistic=name))
        for name in ("exponent", "exponent_lower", "exponent_upper", "misfit")
    )
    panel.errorbar(
        [value],
        [row],
        xerr=[[max(value - lower, 0.0)], [max(upper - value, 0.0)]],
        color=look_of(method).colour,
        marker=marker,
        markersize=4,
        markerfacecolor="white" if misfit > BAD_FIT else look_of(method).colour,
        capsize=1.5,
        linewidth=1.0,
    )


def residuals_by_width(result: xr.Dataset) -> Figure:
    """Draw leading singular values of masks minus their degree-sorted histograms by width.

    Parameters
    ----------
    result
        Dataset of :func:`graphon_lib.experiments.convergence.convergence` for one depth, mask
        and density.

    Returns
    -------
    matplotlib.figure.Figure
        The largest and the fifth as multiples of the noise floor of a mask with independent
        entries of the probabilities of the cross-fitted histogram.
    """
    figure = new_figure(3.2)
    axes = figure.subplots(1, 2, sharex=True, sharey=True)
    floor = xr.apply_ufunc(
        lambda histogram, width: noise_floor(StepGraphon(histogram), (int(width), int(width))),
        result.histogram.sel(estimator="cross-fitted").astype(float).clip(0.0, 1.0),
        result.width,
        input_core_dims=[["row", "column"], []],
        vectorize=True,
    )
    for panel, rank in zip(axes, (1, 5), strict=True):
        method_lines(panel, result.singular_value.sel(rank=rank) / floor, "width")
        panel.axhline(1.0, color="0.6", linewidth=0.8, zorder=0)
        panel.set_title(f"singular value {rank}")
        panel.set_xlabel("width $n$")
        width_axis(panel, result.width.values, 90)
    axes[0].set_ylabel("over the noise floor")
    axes[0].set_ylim(0.0, None)
    figure.legend(*axes[0].get_legend_handles_labels(), loc="outside lower center", ncols=3)
    return figure


def batch_components(result: xr.Dataset) -> Figure:
    """Draw where the variance between independently pruned networks comes from.

    Parameters
    ----------
    result
        Dataset of :func:`graphon_lib.experiments.batch_dependence.batch_dependence`.

    Returns
    -------
    matplotlib.figure.Figure
        A panel an arm: chance, network and batch stacked, for every width.
    """
    arms = list(result.pruning.values)
    figure, panels, spare = method_panels(arms, height=2.1)
    places = np.arange(result.sizes["width"])
    for arm, panel in panels.items():
        of_arm = result.sel(pruning=arm)
        between, within = (
            of_arm.variance.sel(component=name).values for name in ("between", "within")
        )
        parts = (
            ("chance", of_arm.chance.values, "0.7", ""),
            ("network", within - of_arm.chance.values, "#0072B2", "///"),
            ("batch", between, "#D55E00", "..."),
        )
        base = np.zeros(len(places))
        for name, values, colour, hatch in parts:
            height = np.maximum(values, 0.0)
            panel.bar(
                places,
                height,
                bottom=base,
                color=colour,
                hatch=hatch,
                edgecolor="white",
                linewidth=0.5,
                label=name,
            )
            base = base + height
        panel.set_xticks(places, [str(width) for width in result.width.values])
    spare.legend(*panel.get_legend_handles_labels(), loc="center")
    figure.supylabel("variance of a block", fontsize=10)
    figure.supxlabel("width $n$", fontsize=10)
    return figure


def output_scales(*results: xr.Dataset) -> Figure:
    """Draw how much networks of one batch differ, against the batch's size and the outputs' scale.

    Parameters
    ----------
    *results
        Datasets of :func:`graphon_lib.experiments.output_scale.output_scale`, one an initialisation.

    Returns
    -------
    matplotlib.figure.Figure
        A panel a scale: the standard deviation of the 4-cycle ratio between networks that saw the
        same batch over its mean, a line a width, with standard errors over batches.
    """
    shown = [
        (
            f"{initialisation_of(result)}, outputs {_output(result, scale):.2g}",
            result.sel(scale=scale),
        )
        for result in results
        for scale in result.scale.values
    ]
    ticks = (0.02, 0.05, 0.1, 0.2)
    figure = new_figure(2.2 * -(-len(shown) // 2) + 0.4)
    axes = figure.subplots(-(-len(shown) // 2), 2, sharex=True, sharey=True).ravel()
    for panel, (title, result) in zip(axes, shown, strict=False):
        mean = result.cycle_ratio.mean(["batch", "trial"])
        variance = result.variance.sel(measure="4-cycle ratio")
        spread = np.sqrt(variance.sel(component="within"))
        # The error of a root is that of its square over twice the root.
        error = variance.sel(component="within_error") / (2.0 * spread)
        for number, width in enumerate(result.width.values):
            panel.errorbar(
                result.images * 1.04 ** (number - 1),
                (spread / mean).sel(width=width),
                (error / mean).sel(width=width),
                color=numbered_look(number).colour,
                marker=numbered_look(number).marker,
                capsize=2,
                label=f"$n = {width}$",
            )
        panel.set_xscale("log")
        panel.set_yscale("log")
        panel.set_yticks(ticks, list(map(str, ticks)))
        panel.set_xticks(result.images.values, [str(count) for count in result.images.values])
        panel.minorticks_off()
        panel.set_title(title)
    for panel in axes[len(shown) :]:
        panel.set_axis_off()
    figure.legend(*axes[0].get_legend_handles_labels(), loc="outside upper center", ncols=3)
    figure.supxlabel("digits in the batch", fontsize=10)
    figure.supylabel("relative deviation of the 4-cycle ratio", fontsize=10)
    return figure


def _output(result: xr.Dataset, scale: float) -> float:
    """Return the root mean square of the outputs."""
    return float(np.sqrt((result.output.sel(scale=scale) ** 2).mean()))
