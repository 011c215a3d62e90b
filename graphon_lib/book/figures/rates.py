"""Figures on rates of convergence, and on what keeps masks from converging."""

from __future__ import annotations

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from graphon_lib.book.figures import draw
from graphon_lib.book.looks import SERIES, shades
from graphon_lib.book.style import initialisation_of, label_of, look_of
from graphon_lib.graphons.singular import noise_floor
from graphon_lib.graphons.step_graphon import StepGraphon

__all__ = ["BAD_FIT", "batch_components", "exponents", "output_scales", "residuals_by_width"]

BAD_FIT = 2.0
"""Exponents are drawn hollow where the power law misses by more standard errors than this."""


def exponents(result: xr.Dataset) -> Figure:
    """Draw the exponent of every method's approach to its limit, by quantity and mask.

    A panel a quantity with a row a method and a marker for every mask between hidden layers; 95%
    intervals; hollow where the fit is worse than :data:`BAD_FIT`. Of a dataset of
    :func:`graphon_lib.experiments.convergence.convergence` for one density.
    """
    quantities, methods = result["quantity"].values, list(result.pruning.values)
    masks = [
        (int(layers), int(mask))
        for layers in result.hidden_layers.values
        for mask in result["mask"].values
        if mask < layers
    ]
    height, rows = 1.9 * len(quantities) / 2 + 1.0, -(-len(quantities) // 2)
    figure, panels = draw.grid(height, rows, 2, len(quantities), sharex=True, sharey=True)
    for panel, quantity in zip(panels.ravel(), quantities, strict=False):
        for number, (layers, mask) in enumerate(masks):
            beside = 0.24 * (number - (len(masks) - 1) / 2)
            fits = result.approach.sel(quantity=quantity, hidden_layers=layers, mask=mask)
            for row, method in enumerate(methods):
                _draw_exponent(panel, fits.sel(pruning=method), row + beside, method, "osD"[number])
        panel.axvspan(-1.1, 0.0, color="0.92", zorder=0)
        for mark in (0.5, 1.0):
            panel.axvline(mark, color="0.75", linewidth=0.7, linestyle=":", zorder=0)
        panel.set(title=quantity, xlim=(-1.1, 3.1))
    first = panels[0, 0]
    first.set_yticks(range(len(methods)), [label_of(method) for method in methods])
    first.set_ylim(len(methods) - 0.5, -0.5)
    for number, (layers, mask) in enumerate(masks):
        name = f"{layers} hidden layers" + (f", mask {mask}" if layers > 2 else "")
        first.plot([], [], "osD"[number], color="0.4", markersize=4, label=name)
    figure.supxlabel("exponent of the approach", fontsize=10)
    return draw.with_legend(figure, loc="outside upper center", fontsize=8)


def _draw_exponent(panel: Axes, fit: xr.DataArray, row: float, method: str, marker: str) -> None:
    *ends, misfit = (
        float(fit.sel(rate_statistic=name))
        for name in ("exponent", "exponent_lower", "exponent_upper", "misfit")
    )
    colour = look_of(method).colour
    look = {"color": colour, "marker": marker, "markersize": 4, "capsize": 1.5, "linewidth": 1.0}
    look["markerfacecolor"] = "white" if misfit > BAD_FIT else colour
    draw.intervals(panel, [row], *([end] for end in ends), lying=True, **look)


def residuals_by_width(result: xr.Dataset) -> Figure:
    """Draw leading singular values of masks minus their degree-sorted histograms by width.

    The largest and the fifth as multiples of the noise floor of a mask with independent entries of
    the probabilities of the cross-fitted histogram. Of a dataset of
    :func:`graphon_lib.experiments.convergence.convergence` for one depth, mask and density.
    """
    figure, (panels,) = draw.grid(3.2, 1, 2, sharex=True, sharey=True)
    floor = xr.apply_ufunc(
        lambda histogram, width: noise_floor(StepGraphon(histogram), (int(width), int(width))),
        result.histogram.sel(estimator="cross-fitted").astype(float).clip(0.0, 1.0),
        result.width,
        input_core_dims=[["row", "column"], []],
        vectorize=True,
    )
    for panel, rank in zip(panels, (1, 5), strict=True):
        draw.method_lines(panel, result.singular_value.sel(rank=rank) / floor, "width")
        draw.level(panel)
        draw.width_axis(panel, result.width.values, 90)
        panel.set(title=f"singular value {rank}", xlabel="width $n$")
    panels[0].set(ylabel="singular value / noise floor", ylim=(0.0, None))
    return draw.with_legend(figure)


def batch_components(result: xr.Dataset) -> Figure:
    """Draw where the variance between independently pruned networks comes from.

    A panel an arm, all on one scale: chance, network and batch stacked, for every width. Of a dataset of
    :func:`graphon_lib.experiments.batch_dependence.batch_dependence`.
    """
    figure, panels, spare = draw.method_panels(
        list(result.pruning.values), height=2.1, sharex=True, sharey=True
    )
    places = np.arange(result.sizes["width"])
    for arm, panel in panels.items():
        of_arm = result.sel(pruning=arm)
        between, within = (of_arm.variance.sel(component=c).values for c in ("between", "within"))
        parts = (
            # Told apart by their lightness, too: browsers print hatches as large pictures.
            ("chance", of_arm.chance.values, "0.85"),
            ("network", within - of_arm.chance.values, SERIES[0].colour),
            ("batch", between, SERIES[1].colour),
        )
        base = np.zeros(len(places))
        for name, values, colour in parts:
            height = np.maximum(values, 0.0)
            panel.bar(places, height, bottom=base, label=name, color=colour)
            base = base + height
        panel.set_xticks(places, [str(width) for width in result.width.values])
    spare.legend(*panel.get_legend_handles_labels(), loc="center")
    figure.supylabel("variance of a block", fontsize=10)
    figure.supxlabel("width $n$", fontsize=10)
    return figure


def output_scales(*results: xr.Dataset) -> Figure:
    """Draw how much networks of one batch differ, against the batch's size and the outputs' scale.

    A panel a scale: the standard deviation of the 4-cycle ratio between networks that saw the same
    batch over its mean, a line a width, with standard errors over batches. Of datasets of
    :func:`graphon_lib.experiments.output_scale.output_scale`, one an initialisation.
    """
    shown = {
        f"{initialisation_of(result)},\noutputs of size {_output(result, scale):.2g}": result.sel(
            scale=scale
        )
        for result in results
        for scale in result.scale.values
    }
    rows = -(-len(shown) // 2)
    figure, panels = draw.grid(2.4 * rows + 0.4, rows, 2, len(shown), sharex=True, sharey=True)
    for panel, (title, result) in zip(panels.ravel(), shown.items(), strict=False):
        mean = result.cycle_ratio.mean(["batch", "trial"])
        variance = result.variance.sel(measure="4-cycle ratio")
        spread = np.sqrt(variance.sel(component="within"))
        # The error of a root is that of its square over twice the root.
        error = variance.sel(component="within_error") / (2.0 * spread)
        looks = shades(result.sizes["width"])
        for number, (width, look) in enumerate(zip(result.width.values, looks, strict=True)):
            panel.errorbar(
                result.images * 1.04 ** (number - 1),
                (spread / mean).sel(width=width),
                (error / mean).sel(width=width),
                capsize=2,
                label=f"$n = {width}$",
                **look.line,
            )
        panel.set(xscale="log", yscale="log", title=title)
        draw.ticks(panel.xaxis, result.images.values)
        draw.ticks(panel.yaxis, (0.02, 0.05, 0.1, 0.2))
    figure.supxlabel("digits in the batch", fontsize=10)
    figure.supylabel("relative deviation of the 4-cycle ratio", fontsize=10)
    return draw.with_legend(figure, loc="outside upper center")


def _output(result: xr.Dataset, scale: float) -> float:
    """Return the root mean square of the outputs."""
    return float(np.sqrt((result.output.sel(scale=scale) ** 2).mean()))
