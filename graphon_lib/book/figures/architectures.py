"""Figures of the chapter on architectures: offsets, channels, kernels with skips, attention, training."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import xarray as xr
from matplotlib.figure import Figure
from numpy.typing import ArrayLike

from graphon_lib.book.figures import draw
from graphon_lib.book.looks import DENSE, SERIES, shades
from graphon_lib.book.style import SEQUENTIAL, label_of, style_of
from graphon_lib.experiments.architectures import ARCHITECTURES
from graphon_lib.experiments.attention_masks import KINDS

__all__ = [
    "channels_by_width",
    "kept_by_kind",
    "kernel_errors",
    "law_by_width",
    "losses_by_architecture",
    "offset_maps",
    "queries_by_width",
    "shapes_by_density",
]

LEAST = 1e-4
"""Where layers of which nothing is kept are drawn, on logarithmic axes."""

KERNEL_PANELS = {
    "convolution": ("convolution",),
    "skips": ("residual",),
    "attention": ("attention",),
    "normalisation": ("LayerNorm", "RMSNorm"),
}
"""How the titles begin, by panel, of networks whose kernels were drawn."""


def kept_by_kind(results: Mapping[str, xr.Dataset], width: int) -> Figure:
    """Draw densities of a transformer's layers by their kind, means over blocks, a panel a title."""
    figure, (panels,) = draw.grid(3.2, 1, len(results), sharey=True)
    for panel, (title, result) in zip(panels, results.items(), strict=True):
        of = result.layer_density.sel(
            architecture="transformer-norm", sharpness=1.0, width=width
        ).mean("trial")
        for method in of.pruning.values:
            means = [
                float(of.sel(pruning=method, layer=[f"{kind} 1", f"{kind} 2"]).mean())
                for kind in KINDS
            ]
            panel.plot(range(len(KINDS)), np.maximum(means, LEAST), **style_of(str(method)))
        draw.slanted_names(panel, KINDS)
        panel.set(title=title, yscale="log", ylim=(LEAST / 1.6, 1.0))
        draw.level(panel, result.attrs["density"])
    panels[0].set_ylabel("density of the layer")
    return draw.with_legend(figure, 5)


def queries_by_width(results: Mapping[str, xr.DataArray]) -> Figure:
    """Draw the part of all kept weights that queries and keys have, by width, a panel a title."""
    figure, (panels,) = draw.grid(2.9, 1, len(results), sharey=True)
    for panel, (title, share) in zip(panels, results.items(), strict=True):
        for method in share.pruning.values:
            of = share.sel(pruning=method).transpose("trial", "width").clip(min=LEAST)
            draw.means(panel, of, "width", **style_of(str(method)))
        draw.width_axis(panel, share.width.values)
        panel.set(title=title, xlabel="width", yscale="log", ylim=(LEAST / 1.6, 1.0))
    panels[0].set_ylabel("part of all kept weights")
    return draw.with_legend(figure, 5)


def offset_maps(densities: xr.DataArray, counted: Sequence[ArrayLike] = ()) -> Figure:
    """Draw offsets' densities over that of the layer (pruning, convolution, row, column).

    A row of maps a method, and one that is `counted`, a map for each convolution, all on one scale of
    colour.
    """
    rows = {label_of(str(m)): densities.sel(pruning=m).values for m in densities.pruning.values}
    if len(counted):
        rows["counted"] = np.asarray(counted)
    figure, panels = draw.grid(1.05 * len(rows), len(rows), densities.sizes["convolution"])
    high = max(float(np.max(values)) for values in rows.values())
    low = min(float(np.min(values)) for values in rows.values())
    for row, (label, values) in zip(panels, rows.items(), strict=True):
        for number, (panel, of) in enumerate(zip(row, values, strict=True), start=1):
            image = draw.matrix(panel, of, cmap=SEQUENTIAL, vmin=low, vmax=high)
            panel.set_aspect("equal")
            if row is panels[0]:
                panel.set_title(f"layer {number}")
        row[0].set_ylabel(label, rotation=0, ha="right", va="center")
    figure.colorbar(image, ax=panels, shrink=0.7, label="density over the layer's")
    return figure


def channels_by_width(result: xr.Dataset, layer: int) -> Figure:
    """Draw, by width, cycles of channel graphs over random ones, and how far networks' shapes are apart."""
    figure, (panels,) = draw.grid(3.0, 1, 2)
    at = result.sel(inner_convolution=layer)
    for method in result.pruning.values:
        of, style = at.sel(pruning=method), style_of(str(method))
        draw.means(panels[0], of.cycles.transpose("trial", "width"), "width", **style)
        panels[1].plot(of.width, np.sqrt(of.between_networks.clip(min=0.0)), **style)
    labels = ("4-cycles over random", "difference of two networks")
    for panel, label in zip(panels, labels, strict=True):
        draw.width_axis(panel, result.width.values)
        panel.set(xlabel="channels", ylabel=label, yscale="log")
    draw.level(panels[0])
    draw.plain_decades(panels[0].yaxis)
    return draw.with_legend(figure, 5)


def law_by_width(ratios: xr.DataArray) -> Figure:
    """Draw norms of masks less a formula over those of independent draws (pruning, less, width, trial)."""
    figure, (panels,) = draw.grid(2.9, 1, ratios.sizes["pruning"], sharey=True)
    names = {"formula": "less the closed formula", "offsets": "less the offsets' densities"}
    for panel, method in zip(panels, ratios.pruning.values, strict=True):
        for (less, label), look in zip(names.items(), SERIES, strict=False):
            of = ratios.sel(pruning=method, less=less).transpose("trial", "width")
            draw.means(panel, of, "width", label=label, **look.line)
        draw.level(panel)
        draw.width_axis(panel, ratios.width.values)
        panel.set(title=label_of(str(method)), xlabel="channels", yscale="log")
        draw.plain_decades(panel.yaxis)
    panels[0].set_ylabel("largest singular value\nover that of draws")
    return draw.with_legend(figure, 2)


def kernel_errors(errors: Mapping[str, xr.DataArray]) -> Figure:
    """Draw relative errors of drawn networks' kernels (width, trial) by width, a line a title.

    A panel for each kind of network of `KERNEL_PANELS`, all on one scale.
    """
    figure, panels = draw.grid(5.4, 2, 2, sharex=True, sharey=True)
    widths = np.unique(np.concatenate([of.width.values for of in errors.values()]))
    start = 1.4 * max(float(of.mean("trial").max()) for of in errors.values())
    for panel, (name, beginnings) in zip(panels.flat, KERNEL_PANELS.items(), strict=True):
        shown = {title: of for title, of in errors.items() if title.startswith(beginnings)}
        for look, (title, of) in zip(SERIES, shown.items(), strict=False):
            of = of.dropna("width", how="all").transpose("trial", "width")
            label = title if len(beginnings) > 1 else title.partition(", ")[2]
            draw.means(panel, of, "width", draw.standard_error, label=label, **look.line)
        guide = draw.root_guide(panel, widths, start)
        middle = len(widths) // 2
        at = (widths[middle], guide[middle])
        panel.annotate("slope −1/2", at, (8, 2), textcoords="offset points", color="0.35")
        draw.width_axis(panel, widths)
        panel.set(title=name, yscale="log")
        panel.legend(loc="lower left", fontsize=8)
    draw.plain_decades(panels[0, 0].yaxis)
    for panel in panels[1]:
        panel.set_xlabel("width, or channels")
    figure.supylabel("relative error of the kernel", fontsize=10)
    return figure


def shapes_by_density(
    angles: ArrayLike, skips: Mapping[str, ArrayLike], chain: ArrayLike, traces: Mapping[str, tuple]
) -> Figure:
    """Draw kernels over their value at equal inputs by the angle, and kernels' size by density.

    Lines of networks with skips, a title each, and of one without, whose shape no density changes;
    `traces` are pairs of densities and traces over the unpruned ones.
    """
    figure, panels = draw.grid(3.4, 1, 2, width_ratios=(3, 2))
    left, right = panels[0]
    degrees = np.degrees(np.asarray(angles))
    # The first is the densest.
    for look, (title, values) in zip(shades(len(skips))[::-1], skips.items(), strict=True):
        left.plot(degrees, values, color=look.colour, label=title)
    left.plot(degrees, chain, color=DENSE.colour, linestyle="--", label="without skips")
    left.set(xlabel="angle between two inputs (degrees)", ylabel="kernel over that at 0")
    left.set_xticks([0, 45, 90, 135, 180])
    for (title, (densities, of)), style in zip(traces.items(), ("-", "--"), strict=True):
        right.plot(densities, of, color=DENSE.colour, linestyle=style, label=title)
    right.set(xlabel="density", ylabel="trace over the unpruned", xscale="log", yscale="log")
    right.legend(fontsize="small")
    return draw.with_legend(figure)


def losses_by_architecture(
    ratios: Mapping[str, Mapping[str, Mapping[str, tuple[float, float, float]]]], margin: float
) -> Figure:
    """Draw ratios of losses with their intervals, a panel a title, a look a label, a row an architecture."""
    names = {name: architecture.label for name, architecture in ARCHITECTURES.items()}
    return draw.ratios_in_rows(ratios, names, margin, "test losses")
