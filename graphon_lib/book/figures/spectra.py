"""Figures on the spectra of pruned networks' kernels and on what they predict."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from graphon_lib.book.figures import draw
from graphon_lib.book.looks import DENSE, SERIES
from graphon_lib.book.style import label_of, look_of, style_of

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
        "energy": "energy",
        "trace": "trace",
        "alignment": "alignment",
        "centred_alignment": "centred alignment",
        "path_density": "path density",
    }
)

OFF_SCALE = "grasp"
"""The method that would set the scale of every metric: where it leaves the axis, its range is written."""

LOGARITHMIC = ("effective_rank", "spectral_gap", "trace")


def _over_sparsity(panel: Axes, values: xr.DataArray) -> None:
    """Draw a line a method against the sparsity in percent; the dense network as a level line."""
    densities = values.density.values
    percent = 100.0 * (1.0 - densities)
    values = values.assign_coords(density=percent).dropna("trial", how="all")
    if "dense" in values.pruning.values:
        height = float(values.sel(pruning="dense").mean())
        look = style_of("dense") | {"marker": None}
        panel.axhline(height, linewidth=0.9, linestyle=":", **look)
    draw.method_lines(panel, values.sel(pruning=values.pruning != "dense"), "density")
    draw.sparsity_axis(panel, percent, densities)
    panel.xaxis.set_tick_params(rotation=90)


def _logarithmic(panel: Axes) -> None:
    """Make the vertical axis logarithmic, labelled in plain numbers where there are few decades."""
    panel.set_yscale("log")
    low, high = panel.get_ylim()
    if high < 300.0 * low:
        draw.plain_decades(panel.yaxis)


def metrics_by_sparsity(
    result: xr.Dataset, metrics: Sequence[str], roads: Mapping[str, str]
) -> Figure:
    """Draw spectral metrics against the sparsity, a row a metric and a column a road.

    Of a dataset of :func:`graphon_lib.experiments.spectra.spectra` for one number of digits; `metrics`
    are names of its variables, and `roads` are by the titles of the columns. Rows have the scale of all
    methods but GraSP.
    """
    height = 1.55 * len(metrics) + 1.1
    figure, panels = draw.grid(height, len(metrics), len(roads), sharex=True, sharey="row")
    for row, metric in zip(panels, metrics, strict=True):
        for panel, road in zip(row, roads.values(), strict=True):
            _over_sparsity(panel, result[metric].sel(road=road))
        means = result[metric].sel(road=list(roads.values())).mean("trial")
        logarithmic = metric in LOGARITHMIC
        low, high = _scale(means.sel(pruning=means.pruning != OFF_SCALE), logarithmic)
        row[0].set_ylim(low, high)
        if logarithmic:
            _logarithmic(row[0])
        for panel, road in zip(row, roads.values(), strict=True):
            _note_off_scale(panel, means.sel(road=road), low, high)
        row[0].set_ylabel(NAMES[metric])
    for first, last, title in zip(panels[0], panels[-1], roads, strict=True):
        first.set_title(title)
        last.set_xlabel("sparsity (%)")
    return draw.with_legend(figure)


def _scale(values: xr.DataArray, logarithmic: bool) -> tuple[float, float]:
    """Return the ends of an axis that has room for the values, and for a note above or below them."""
    values = np.log(values) if logarithmic else values
    low, high = float(values.min()), float(values.max())
    room = 0.3 * (high - low)
    ends = np.array([low - room, high + room])
    return tuple(np.exp(ends) if logarithmic else ends)


def _note_off_scale(panel: Axes, means: xr.DataArray, low: float, high: float) -> None:
    """Write where the means of :data:`OFF_SCALE` lie, if not one of them is between the ends."""
    if OFF_SCALE not in means.pruning.values:
        return
    values = means.sel(pruning=OFF_SCALE)
    least, most = float(values.min()), float(values.max())
    above = least > high
    if above or most < low:
        numbers = dict.fromkeys(f"{float(f'{end:.2g}'):,.5g}" for end in (least, most))
        text = f"{label_of(OFF_SCALE)} {'↑' if above else '↓'} {' to '.join(numbers)}"
        look = {
            "color": look_of(OFF_SCALE).colour,
            "fontsize": 8,
            "va": "top" if above else "bottom",
        }
        panel.text(0.03, 0.98 if above else 0.02, text, transform=panel.transAxes, **look)


def energy_by_road(result: xr.Dataset, roads: Mapping[str, str]) -> Figure:
    """Draw the energy against the sparsity, a panel a road.

    Of a dataset of :func:`graphon_lib.experiments.spectra.spectra` for one number of digits; `roads`
    are by the titles of the panels, at most six.
    """
    rows = -(-len(roads) // 3)
    figure, panels = draw.grid(2.0 * rows + 0.9, rows, 3, len(roads), sharex=True, sharey=True)
    for panel, (title, road) in zip(panels.ravel(), roads.items(), strict=False):
        _over_sparsity(panel, result.energy.sel(road=road))
        panel.set_title(title)
    for panel in panels[-1]:
        panel.set_xlabel("sparsity (%)")
    for panel in panels[:, 0]:
        panel.set_ylabel("energy")
    return draw.with_legend(figure)


def eigenvalues_by_rank(
    result: xr.Dataset,
    density: float,
    roads: Mapping[str, str],
    fitted: tuple[int, int],
    floor: float,
) -> Figure:
    """Draw spectra at one density, a panel a road: each eigenvalue's share of the trace.

    Of a dataset of :func:`graphon_lib.experiments.spectra.spectra` for one number of digits: geometric
    means over networks, the dense network dotted. `roads` are by the titles of the panels, `fitted` are
    first and last rank of the fit of the power law, shaded, and `floor` is the least share on the axis.
    """
    chosen = result.sel(density=density)
    share = chosen.eigenvalue / (int(result.digits) * chosen.trace)
    # An eigenvalue that is zero to rounding has no logarithm.
    shares = np.exp(np.log(share.where(share > 0.0)).mean("trial"))
    figure, (panels,) = draw.grid(3.3, 1, len(roads), sharex=True, sharey=True)
    for panel, (title, road) in zip(panels, roads.items(), strict=True):
        panel.axvspan(*fitted, color="0.93", zorder=0)
        for method in result.pruning.values:
            line = shares.sel(pruning=method, road=road).dropna("rank")
            if line.size:
                look = style_of(method) | {"markersize": 3.5}
                if method == "dense":
                    look |= {"marker": None, "linestyle": ":", "zorder": 3}
                panel.plot(line["rank"], line, **look)
        panel.set(xscale="log", yscale="log", title=title, xlabel="rank")
    panels[0].set_ylim(bottom=floor)
    panels[0].set_ylabel("share of the trace")
    return draw.with_legend(figure)


def predictions_by_quantity(predictions: Mapping[str, xr.DataArray]) -> Figure:
    """Draw how well quantities known before training rank networks by their loss.

    A panel a comparison and a row a quantity: the correlation with its bootstrap interval (full)
    and its range when one method is left out (dotted). `predictions` are, for each source of the
    quantities, of :func:`graphon_lib.experiments.prediction.predictions` at one step.
    """
    (first, *_) = predictions.values()
    quantities, comparisons = first.quantity.values, first.comparison.values
    figure, (panels,) = draw.grid(0.55 * len(quantities) + 1.3, 1, len(comparisons), sharey=True)
    shifts = (np.arange(len(predictions)) - (len(predictions) - 1) / 2) * 0.26
    for (source, found), look, shift in zip(predictions.items(), SERIES, shifts, strict=False):
        rows = np.arange(len(quantities)) + shift
        for panel, comparison in zip(panels, comparisons, strict=True):
            of_panel = found.sel(comparison=comparison)
            value, lower, upper, least, most = (
                of_panel.sel(statistic=name).values for name in found.statistic.values
            )
            panel.hlines(rows, least, most, color=look.colour, linewidth=0.7, linestyle=(0, (1, 1)))
            panel.hlines(rows, lower, upper, color=look.colour, linewidth=1.4)
            options = {"linestyle": "none", "markersize": 5, "label": source}
            panel.plot(value, rows, **look.line, **options)
    for panel, comparison in zip(panels, comparisons, strict=True):
        panel.axvline(0.0, color="0.6", linewidth=0.8, zorder=0)
        for row in range(0, len(quantities), 2):
            panel.axhspan(row - 0.5, row + 0.5, color="0.95", zorder=-1)
        ends = {"xlim": (-1.08, 1.08), "ylim": (len(quantities) - 0.5, -0.5)}
        panel.set(**ends, xticks=(-1, 0, 1), title=comparison)
    panels[0].set_yticks(range(len(quantities)), [NAMES[name] for name in quantities])
    panels[len(comparisons) // 2].set_xlabel("rank correlation with fast training")
    return draw.with_legend(figure, columnspacing=1.2)


def descent_and_flow(result: xr.Dataset) -> Figure:
    """Draw losses of gradient descent beside those that two kernels predict.

    Of a dataset of :func:`graphon_lib.experiments.descent.descent`: a row a network and a column a
    width; thin lines are other trials.
    """
    one, other = (look.colour for look in SERIES[:2])
    looks = ((DENSE.colour, "-", 2.2), (one, "--", 1.6), (other, ":", 1.8))
    variants, widths = result.variant.values, result.width.values
    height = 1.5 * len(variants) + 0.9
    figure, panels = draw.grid(height, len(variants), len(widths), sharex=True, sharey="row")
    steps = result.step.values + 1
    for row, variant in zip(panels, variants, strict=True):
        for panel, width in zip(row, widths, strict=True):
            of_panel = result.loss.sel(variant=variant, width=width)
            for curve, (colour, line, thickness) in zip(result.curve.values, looks, strict=True):
                first, *others = of_panel.sel(curve=curve).values
                look = {"color": colour, "linestyle": line}
                panel.plot(steps, first, linewidth=thickness, label=curve, **look)
                for losses in others:
                    panel.plot(steps, losses, linewidth=0.5 * thickness, **look)
            panel.set_xscale("log")
            _logarithmic(panel)
            panel.set_title(f"{label_of(variant)}, $n = {width}$")
        row[0].set_ylabel("loss")
    for panel in panels[-1]:
        panel.set_xlabel("step + 1")
    return draw.with_legend(figure)


def kernel_change_by_step(result: xr.Dataset) -> Figure:
    """Draw how far kernels and weights move from where they were at initialisation.

    Of a dataset of :func:`graphon_lib.experiments.descent.descent`: relative changes after a number
    of steps, of the widest networks with filled markers and of the narrowest with open ones.
    """
    figure, (panels,) = draw.grid(3.4, 1, 2, sharey=True)
    looks = {
        int(result.width.min()): {"linestyle": "--", "markerfacecolor": "white", "label": None},
        int(result.width.max()): {},
    }
    titles = {"kernel_change": "kernel", "weight_change": "kept weights"}
    for panel, (name, title) in zip(panels, titles.items(), strict=True):
        for variant in result.variant.values:
            for width, look in looks.items():
                change = result[name].sel(variant=variant, width=width).mean("trial")
                panel.plot(result.watched, change, **style_of(variant) | look)
        panel.set_xscale("log")
        _logarithmic(panel)
        draw.ticks(panel.xaxis, result.watched.values)
        panel.set(xlabel="step", title=title)
    panels[0].set_ylabel("relative change")
    for width, look in looks.items():
        entry = {"color": "0.4", "marker": "o", "label": f"$n = {width}$"}
        panels[0].plot([], [], **look | entry)
    return draw.with_legend(figure)
