"""Figures on the Graphon NTK, on biases in it, and on the path-density law."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from graphon_lib.book.claims import CLAIMS
from graphon_lib.book.figures import draw
from graphon_lib.book.looks import SERIES, shades
from graphon_lib.book.style import label_of, look_of, style_of
from graphon_lib.experiments.fits import fit_slope, mean_interval
from graphon_lib.experiments.residual_modes import speeds
from graphon_lib.graphons import StepGraphon

__all__ = [
    "bias_share",
    "bias_shares",
    "convergence_of_kernels",
    "convergence_of_masks",
    "convergence_with_biases",
    "measured_over_path_law",
    "measured_over_theory",
    "modes_of_the_error",
    "variance_by_position",
]


def variance_by_position(
    graphons: Sequence[StepGraphon], variances: Sequence[np.ndarray]
) -> Figure:
    """Draw the variance of pre-activations over the positions of neurons, a line a layer.

    `variances` are those in every block; the graphons of the layers have the masses of these blocks.
    """
    figure, ((panel,),) = draw.grid(2.9)
    looks = zip(shades(len(graphons)), ("-", "--", ":", "-."), strict=False)
    layers = zip(graphons, variances, looks, strict=False)
    for layer, (graphon, variance, (look, line)) in enumerate(layers, start=1):
        options = {"baseline": None, "linewidth": 1.6, "label": f"layer {layer}"}
        panel.stairs(variance, graphon.row_edges, color=look.colour, linestyle=line, **options)
    panel.set(xlabel="position $u$ of the neuron", ylabel="variance of the pre-activation")
    panel.set(ylim=(0.0, None), xlim=(0.0, 1.0))
    panel.legend()
    return figure


def convergence_of_kernels(results: Sequence[xr.Dataset]) -> Figure:
    """Draw the error of the kernels of sampled networks against the width, by design.

    Of datasets of :func:`graphon_lib.experiments.kernel_convergence.kernel_convergence`, of equal
    widths; with standard errors, and fitted exponents and their 95% intervals in the legend.
    """
    figure, ((panel,),) = draw.grid(3.9)
    designs = [result.error.sel(design=name) for result in results for name in result.design.values]
    for error, look in zip(designs, SERIES, strict=True):
        _draw_error(panel, error, error.design.item(), look.line)
    first = results[0]
    _named_guide(panel, first.width.values, 0.6 * float(first.error.isel(width=0).mean()))
    draw.width_axis(panel, first.width.values)
    panel.set(xlabel="width $n$", yscale="log", ylabel="relative error of the kernel")
    return draw.with_legend(figure, 2, title="design: fitted exponent")


def _draw_error(panel: Axes, error: xr.DataArray, name: str, look: dict[str, str]) -> None:
    """Draw errors by width with standard errors, and the fitted exponent in the legend."""
    slope = fit_slope(error.width.broadcast_like(error), error)
    label = f"{name}: {draw.with_error(slope.value, slope.half_width)}"
    draw.means(panel, error, "width", draw.standard_error, label=label, **look)


def convergence_with_biases(result: xr.Dataset) -> Figure:
    """Draw the error of the kernels of sampled networks with biases, a panel for every law.

    Of a dataset of :func:`graphon_lib.experiments.bias_convergence.bias_convergence`: with standard
    errors, and dotted those of the theory without biases. Fitted exponents with 95% intervals in the
    legends.
    """
    figure, (panels,) = draw.grid(4.6, 1, result.sizes["law"], sharey=True)
    widths = result.width.values
    for panel, law, side in zip(panels, result.law.values, ("left", "right"), strict=True):
        for design, look in zip(result.design.values, SERIES, strict=False):
            of_design = result.sel(law=law, design=design)
            _draw_error(panel, of_design.error, design, look.line)
            without = of_design.error_without_biases.mean("trial")
            dotted = {"fillstyle": "none", "linestyle": ":", "linewidth": 1.0}
            panel.plot(widths, without, **look.line, **dotted)
        draw.root_guide(panel, widths, 0.6 * float(result.error.sel(law=law).isel(width=0).mean()))
        draw.width_axis(panel, widths, 60)
        panel.set(xlabel="width $n$", title=str(law), yscale="log")
        entries = panel.get_legend_handles_labels()
        figure.legend(*entries, title="exponent", loc=f"outside lower {side}")
    panels[0].set_ylabel("relative error of the kernel")
    return figure


def convergence_of_masks(result: xr.Dataset) -> Figure:
    """Draw what theory misses of the kernels of pruned networks against the width.

    Of a dataset of :func:`graphon_lib.experiments.mask_convergence.mask_convergence`: a panel for
    weights drawn anew and one for kept weights.
    """
    figure, (panels,) = draw.grid(3.5, 1, result.sizes["weights"], sharey=True)
    widths = result.width.values
    for panel, weights in zip(panels, result.weights.values, strict=True):
        error = result.error.sel(weights=weights)
        draw.method_lines(panel, error, "width")
        _named_guide(panel, widths, 0.6 * float(error.isel(width=0).min("pruning").mean()))
        draw.width_axis(panel, widths)
        panel.set(xlabel="width $n$", title=f"weights {weights}")
    panels[0].set(yscale="log", ylabel="part of the kernel that theory misses")
    return draw.with_legend(figure)


def _named_guide(panel: Axes, widths: np.ndarray, start: float) -> None:
    """Draw a line of slope minus one half, and say so."""
    middle = len(widths) // 2
    at = (widths[middle], draw.root_guide(panel, widths, start)[middle])
    place = {"textcoords": "offset points", "ha": "right", "va": "top"}
    panel.annotate("$n^{-1/2}$", at, (-3, -3), **place)


def measured_over_theory(
    results: Mapping[str, xr.Dataset], panels: Mapping[str, tuple[str, str]]
) -> Figure:
    """Draw the trace of theoretical kernels over that of measured ones, against the width.

    A row for each title and dataset of
    :func:`graphon_lib.experiments.kernels_of_masks.kernels_of_masks` at one density, and a column for
    each title and pair of a theoretical and a measured kernel. All columns have one axis, but those where
    ratios span more than a decade a logarithmic one.
    """
    figure, rows = draw.grid(1.2 + 2.1 * len(results), len(results), len(panels), sharey="col")
    linear = []
    for column, (theory, measured) in zip(rows.T, panels.values(), strict=True):
        ratios = [
            of.trace.sel(road=theory) / of.trace.sel(road=measured) for of in results.values()
        ]
        for panel, ratio in zip(column, ratios, strict=True):
            draw.method_lines(panel, ratio, "width")
            draw.level(panel)
            draw.width_axis(panel, ratio.width.values, 90)
        if any(float(ratio.max() / ratio.min()) > 10.0 for ratio in ratios):
            column[0].set_yscale("log")
        else:
            linear.append((column[0], max(1.0, *(float(ratio.max()) for ratio in ratios))))
    for panel, _ in linear:
        panel.set_ylim(0.0, 1.1 * max(top for _, top in linear))
    for name, row in zip(results, rows, strict=True):
        row[0].set_ylabel(f"{name}:\ntheory / measured")
    for title, first, last in zip(panels, rows[0], rows[-1], strict=True):
        first.set_title(title)
        last.set_xlabel("width $n$")
    return draw.with_legend(figure)


def measured_over_path_law(result: xr.Dataset) -> Figure:
    """Draw measured traces over the dense one against path densities, re-drawn weights.

    Of a dataset of :func:`graphon_lib.experiments.kernels_of_masks.kernels_of_masks`: one marker a
    network, and the law as a line.
    """
    figure, ((panel,),) = draw.grid(3.6)
    measured = result.trace.sel(road="re-drawn") / result.dense_trace
    for method in result.pruning.values:
        pair = (of.sel(pruning=method).values.ravel() for of in (result.path_density, measured))
        panel.plot(*pair, linestyle="none", **style_of(method))
    limits = [float(result.path_density.min()) / 2, float(result.path_density.max()) * 2]
    panel.plot(limits, limits, color="0.6", linewidth=0.9, zorder=0)
    panel.set(xscale="log", yscale="log")
    panel.set(xlabel="path density of the masks", ylabel="trace of the kernel / dense")
    panel.legend()
    return figure


def modes_of_the_error(result: xr.Dataset, density: float) -> Figure:
    """Draw how modes of the error decay in randomly pruned networks, measured and expected.

    A column for each kind of targets: above, what is left of every mode at one density, geometric
    means over networks as markers and lines as expected; below, the speed of every mode over the
    expected one with 95% intervals, and the margin in grey. Of a dataset of
    :func:`graphon_lib.experiments.residual_modes.residual_modes` at one width.
    """
    figure, panels = draw.grid(5.2, 2, result.sizes["targets"], sharey="row", sharex="row")
    speed = np.exp(mean_interval(np.log(speeds(result))))
    places = np.arange(result.sizes["mode"])
    of_density = shades(result.sizes["density"], "ochre")
    for (above, below), targets in zip(panels.T, result.targets.values, strict=True):
        for mode, look in zip(result.mode.values, shades(places.size), strict=True):
            at = result.sel(targets=targets, density=density, mode=mode)
            above.plot(at.step, at.expected.isel(trial=0), color=look.colour)
            left = np.exp(np.log(at.left).mean("trial"))
            above.plot(at.step, left, linestyle="none", label=str(mode), **look.line)
        above.set_xscale("log", base=2)
        above.set(yscale="log", ylim=(0.02, 1.4), title=f"{targets} targets", xlabel="updates")
        for kept, look, shift in zip(
            result.density.values, of_density, (-0.2, 0.0, 0.2), strict=False
        ):
            interval = speed.sel(targets=targets, density=kept).transpose("statistic", "mode")
            options = {"linestyle": "none", "capsize": 0, "label": f"density {kept:g}"}
            draw.intervals(below, places + shift, *interval.values, **look.line, **options)
        below.axhspan(CLAIMS["modes"].low, CLAIMS["modes"].high, color="0.9", zorder=0)
        draw.level(below)
        below.set_xticks(places, result.mode.values)
        below.set(yscale="log", xlabel="mode $k$")
        draw.ticks(below.yaxis, (0.7, 1.0, 1.5, 2.0, 3.0, 4.0))
    panels[0, 0].set_ylabel(f"error left, density {density:g}")
    panels[1, 0].set_ylabel("speed / expected speed")
    panels[1, -1].legend(loc="upper left")
    return draw.with_legend(figure, 5, title="mode $k$, above")


def bias_share(result: xr.Dataset) -> xr.DataArray:
    """Return the part of the kernel's trace that is by biases.

    Of a dataset of :func:`graphon_lib.experiments.neuron_terms.neuron_terms`, without the dimensions
    of layers and parts.
    """
    of_parts = result.term.sum("weight_layer", skipna=False)
    return of_parts.sel(part="biases") / of_parts.sum("part", skipna=False)


def bias_shares(results: Mapping[str, xr.Dataset]) -> Figure:
    """Draw the biases' part of the trace by method, a row a result and a column a density.

    `results` are by title datasets of :func:`graphon_lib.experiments.neuron_terms.neuron_terms` at
    one width: with standard errors, mostly smaller than the markers, and a black dash for each theory.
    """
    densities = next(iter(results.values())).density.values
    height = 1.0 + 1.9 * len(results)
    figure, rows = draw.grid(height, len(results), len(densities), sharex=True, sharey=True)
    kinds = (("kept", "o", "theory, second moments"), ("re-drawn", "^", "theory, joint"))
    for row, (title, result) in zip(rows, results.items(), strict=True):
        methods = result.pruning.values
        for panel, density in zip(row, densities, strict=True):
            share = bias_share(result).sel(density=density)
            for offset, (road, marker, theory) in zip((-0.17, 0.17), kinds, strict=True):
                places = np.arange(len(methods)) + offset
                measured = share.sel(road=road).assign_coords(pruning=places)
                for m, method in enumerate(methods):
                    look = {"color": look_of(method).colour, "marker": marker, "capsize": 0}
                    draw.means(
                        panel, measured.isel(pruning=[m]), "pruning", draw.standard_error, **look
                    )
                expected = share.sel(road=theory).mean("trial")
                panel.hlines(expected, places - 0.14, places + 0.14, color="black", zorder=3)
                panel.plot([], [], marker, color="0.4", label=f"measured, {road}")
            panel.set_title(f"{title}, density {density:g}", fontsize="medium")
            draw.slanted_names(panel, [label_of(m) for m in methods])
        row[0].set_ylabel("part of the trace")
    rows[0, 0].plot([], [], "_", color="black", markersize=10, label="theory")
    rows[0, 0].set_ylim(-0.03, 1.03)
    return draw.with_legend(figure)
