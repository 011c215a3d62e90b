"""Figures of the chapter on limits: theorems beside what was measured."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import pi, sqrt

import numpy as np
import xarray as xr
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from graphon_lib.book.figures import draw
from graphon_lib.book.looks import SERIES, shades
from graphon_lib.book.style import SEQUENTIAL, label_of
from graphon_lib.graphons.step_graphon import StepGraphon

__all__ = [
    "cut_norms_by_width",
    "cycles_over_limit",
    "flips_by_width",
    "formula_and_mask",
    "pixel_gaps",
    "rounds_by_width",
]

ROWS = ("formula", "mask")
FIRST_ORDER = {"snip": 4 / sqrt(pi), "grasp": 2 * sqrt(2 / pi)}
r"""The bound on the share of flips over :math:`\sqrt{B / n}`, as the width grows, of square layers."""


def formula_and_mask(pairs: Mapping[str, Sequence[StepGraphon]]) -> Figure:
    """Draw limits (above) over histograms of masks (below), a column a title, on one scale of colour."""
    figure, panels = draw.grid(1.4 + 2.4 * 4 / len(pairs), 2, len(pairs))
    for column, (title, pair) in zip(panels.T, pairs.items(), strict=True):
        top = max(float(graphon.values.max()) for graphon in pair)
        for panel, graphon, row in zip(column, pair, ROWS, strict=True):
            image = draw.matrix(panel, graphon.values, cmap=SEQUENTIAL, vmin=0.0, vmax=top)
            if panel is panels[0, 0] or panel is panels[1, 0]:
                panel.set_ylabel(row)
        column[0].set_title(title)
        bar = figure.colorbar(image, ax=list(column), location="bottom", pad=0.02, aspect=12)
        bar.set_label("probability kept", fontsize=9)
        bar.locator = MaxNLocator(3)
        bar.update_ticks()
    figure.supxlabel("neurons of the layer before, by degree", fontsize=10)
    figure.supylabel("neurons of the layer after, by degree", fontsize=10)
    return figure


def flips_by_width(result: xr.Dataset) -> Figure:
    r"""Draw the share of flips over :math:`\sqrt{B / n}` by width, a panel a method, a line a batch size.

    With standard errors over networks; what is predicted given the signals in open circles; the bound
    of the theorem to first order. Of a dataset of
    :func:`~graphon_lib.experiments.local_law.local_law` for one number of hidden layers.
    """
    figure, (panels,) = draw.grid(3.4, 1, 2, sharex=True, sharey=True)
    root, looks = np.sqrt(result.width / result.images), shades(result.sizes["images"])
    for panel, method in zip(panels, result.pruning.values, strict=True):
        of = result.sel(pruning=method)
        for images, look in zip(result.images.values, looks, strict=True):
            at = (of.flipped * root).sel(images=images)
            name = f"$B = {images}$"
            draw.means(panel, at, "width", draw.standard_error, label=name, **look.line)
            if method == "snip" and "predicted" in of:
                expected = (of.predicted * root).sel(images=images).mean("trial")
                hollow = {"linestyle": "", "markerfacecolor": "none", "markersize": 9}
                panel.plot(result.width, expected, **look.line | hollow)
        draw.level(panel, FIRST_ORDER[method])
        draw.width_axis(panel, result.width.values, 90)
        panel.set(title=label_of(method), xlabel="width $n$", yscale="log")
    draw.plain_decades(panels[0].yaxis)
    panels[0].set(ylabel="flips over $\\sqrt{B/n}$")
    return draw.with_legend(figure, ncols=4)


def cut_norms_by_width(result: xr.Dataset) -> Figure:
    r"""Draw certified lower bounds of masks less their formula, times :math:`\sqrt n`, by width.

    A panel a method, a line a batch size; open symbols are of independent draws. Of a dataset of
    :func:`~graphon_lib.experiments.local_law.local_law` for one number of hidden layers.
    """
    certified = result.cut_norm.sel(bound="lower").dropna("width", how="all")
    certified = certified.dropna("images", how="all")
    values = certified * np.sqrt(certified.width)
    figure, (panels,) = draw.grid(3.2, 1, 2, sharex=True, sharey=True)
    for panel, method in zip(panels, result.pruning.values, strict=True):
        for images, look in zip(values.images.values, shades(values.sizes["images"]), strict=True):
            at = values.sel(pruning=method, images=images)
            name = f"$B = {images}$"
            of_mask = at.sel(source="mask")
            draw.means(panel, of_mask, "width", draw.standard_error, label=name, **look.line)
            hollow = {"markerfacecolor": "white", "linestyle": ":", "linewidth": 0.9}
            chance = at.sel(source="independent draws")
            draw.means(panel, chance, "width", draw.standard_error, **look.line | hollow)
        draw.width_axis(panel, values.width.values)
        panel.set(title=label_of(method), xlabel="width $n$")
    panels[0].set(ylim=(0.0, 1.1 * float(values.max())), ylabel="cut norm $\\times \\sqrt{n}$")
    return draw.with_legend(figure, ncols=4)


def cycles_over_limit(result: xr.Dataset) -> Figure:
    """Draw 4-cycles of masks over those of their limits by width, a panel a method, a line a batch size.

    Of a dataset of :func:`~graphon_lib.experiments.limit_graphons.limit_graphons`.
    """
    over = result.cycle_ratio.sel(source="mask") / result.cycle_ratio.sel(source="limit")
    figure, (panels,) = draw.grid(3.2, 1, 2, sharex=True, sharey=True)
    for panel, method in zip(panels, result.pruning.values, strict=True):
        draw.level(panel)
        for images, look in zip(result.images.values, shades(result.sizes["images"]), strict=True):
            at = over.sel(pruning=method, images=images)
            name = f"$B = {images}$"
            draw.means(panel, at, "width", draw.standard_error, label=name, **look.line)
        draw.width_axis(panel, result.width.values)
        panel.set(title=label_of(method), xlabel="width $n$")
    panels[0].set(ylabel="4-cycles of the mask\nover those of its limit")
    return draw.with_legend(figure)


def rounds_by_width(result: xr.Dataset, masks: Mapping[str, int]) -> Figure:
    """Draw how far SynFlow's masks are from their limits by width, a line a number of rounds.

    A column a mask: above, the share of entries that differ; below, 4-cycles over those of the limit.
    Of a dataset of :func:`~graphon_lib.experiments.synflow_rounds.synflow_rounds`.
    """
    figure, panels = draw.grid(4.6, 2, len(masks), sharex=True, sharey="row")
    over = result.cycle_ratio / result.limit_cycle_ratio
    for column, (title, mask) in zip(panels.T, masks.items(), strict=True):
        for rounds, look in zip(result.rounds.values, shades(result.sizes["rounds"]), strict=True):
            of_rounds = look.line | {"label": f"$K = {rounds}$"}
            for panel, values in zip(column, (result.flipped, over), strict=True):
                at = values.sel(rounds=rounds, mask=mask)
                draw.means(panel, at, "width", draw.standard_error, **of_rounds)
        column[0].set(title=title, yscale="log")
        column[1].set(xlabel="width $n$", yscale="log")
        draw.level(column[1])
        draw.width_axis(column[1], result.width.values)
    draw.plain_decades(panels[0, 0].yaxis)
    draw.plain_decades(panels[1, 0].yaxis)
    panels[0, 0].set(ylabel="entries that differ")
    panels[1, 0].set(ylabel="4-cycles over the limit's")
    return draw.with_legend(figure, ncols=5)


def pixel_gaps(result: xr.Dataset) -> Figure:
    """Draw the difference of the two theories by the pixels, and errors of networks by their width.

    Of a dataset of :func:`~graphon_lib.experiments.pixel_mixture.pixel_mixture`.
    """
    figure, ((left, right),) = draw.grid(3.3, 1, 2)
    pixels = result.pixels.values.astype(float)
    mean = result.gap.mean("trial").values
    draw.root_guide(left, pixels, float(mean[-1] * pixels[-1] / pixels[0]), -1.0)
    draw.means(left, result.gap, "pixels", draw.standard_error, **SERIES[2].line)
    left.set(xscale="log", yscale="log", xlabel="pixels $d$", ylabel="difference of the theories")
    draw.ticks(left.xaxis, result.pixels.values)
    draw.plain_decades(left.yaxis)
    few = result.error.isel(pixels=0)
    for theory, look in zip(result.theory.values, SERIES, strict=False):
        at = few.sel(theory=theory)
        draw.means(right, at, "width", draw.standard_error, label=str(theory), **look.line)
    draw.level(right, float(mean[0]))
    right.set(yscale="log", xlabel="width $n$", ylabel=f"error at $d = {int(pixels[0])}$")
    draw.width_axis(right, result.width.values, 90)
    draw.plain_decades(right.yaxis)
    right.legend()
    return figure
