"""Figures of the chapter on designs: masks side by side, paths against units, errors by kind of mask."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import cycle

import numpy as np
import xarray as xr
from matplotlib.figure import Figure
from numpy.typing import ArrayLike

from graphon_lib.book.figures import draw
from graphon_lib.book.looks import SERIES, shades
from graphon_lib.book.style import DIVERGING, SEQUENTIAL, look_of
from graphon_lib.experiments.designed_masks import AS_PUBLISHED, MARGIN, RIVALS, VARIANTS
from graphon_lib.experiments.paired import Comparison

__all__ = [
    "SIGN_OF",
    "errors_by_density",
    "errors_by_fan_in",
    "errors_by_initialisation",
    "errors_by_mask",
    "errors_by_rival",
    "errors_over_rivals",
    "masks_side_by_side",
    "paths_by_units",
]

DESIGNS = ("paths", "fan-in", "pixels", "aligned")

SIGN_OF = {"lower": "<", "higher": ">", "equal": "=", "open": ""}
"""How a verdict on a ratio is written."""

LARGEST_LOG = float(np.log(2.0))
"""Of ratios that have a colour of their own."""

NOT_TRAINED = "0.8"
"""Grey of cells without a ratio."""


def masks_side_by_side(masks: Mapping[str, Sequence[ArrayLike]], shape: tuple[int, int]) -> Figure:
    """Draw the second mask (above) and how many weights each pixel has in the first, a column a title.

    Pixels, in an image of the shape, have one scale of colour, which ends at twice the largest mean.
    """
    figure, panels = draw.grid(4.0, 2, len(masks), height_ratios=(1.0, 1.0))
    read = {title: np.asarray(of[0]).sum(axis=0) for title, of in masks.items()}
    top = 2.0 * max(float(counts.mean()) for counts in read.values())
    for column, (title, of) in zip(panels.T, masks.items(), strict=True):
        mask = np.asarray(of[1])
        rows, cols = mask.nonzero()
        column[0].plot(cols, rows, "s", color="black", markersize=1.2, markeredgewidth=0.0)
        edge = 0.03 * mask.shape[1]
        column[0].set(xticks=[], yticks=[], xlim=(-edge, mask.shape[1] + edge))
        column[0].set_ylim(1.03 * mask.shape[0], -0.03 * mask.shape[0])
        column[0].spines[:].set_visible(True)
        pixels = read[title].reshape(shape)
        image = draw.matrix(column[1], pixels, cmap=SEQUENTIAL, vmin=0.0, vmax=top)
        column[1].set_aspect("equal")
        column[0].set_title(title)
        column[0].set_xlabel("units below", fontsize=9)
        column[1].set_xlabel("columns", fontsize=9)
    panels[0, 0].set_ylabel("second mask\nunits above")
    panels[1, 0].set_ylabel("first mask, pixels\nrows")
    look = {"location": "bottom", "fraction": 0.06, "aspect": 40, "extend": "max"}
    figure.colorbar(image, ax=list(panels[1]), label="weights per pixel", **look)
    return figure


def paths_by_units(
    narrowed: Mapping[str, tuple[ArrayLike, ArrayLike]],
    most: Mapping[str, tuple[float, float]],
    chosen: Mapping[str, tuple[float, float]],
) -> Figure:
    """Draw path densities by the number of hidden units used, a shade a title.

    Lines are pairs of units and path densities; `most` and `chosen` are points of the same titles.
    """
    figure, ((panel,),) = draw.grid(3.2)
    points = {"most paths": (most, "*", 11), "this chapter's design": (chosen, "o", 8)}
    styles = zip(shades(len(narrowed)), cycle(("-", "--")), narrowed.items(), strict=False)
    for look, line, (title, (units, paths)) in styles:
        panel.plot(units, paths, color=look.colour, linestyle=line, label=title)
        for at, marker, size in points.values():
            style = {"color": look.colour, "markerfacecolor": "white", "markersize": size}
            panel.plot(*at[title], marker, **style)
    for name, (_, marker, size) in points.items():
        style = {"color": "0.4", "markerfacecolor": "white", "markersize": size, "label": name}
        panel.plot([], [], marker, **style)
    panel.set(xscale="log", yscale="log", xlabel="hidden units used", ylabel="path density")
    draw.plain_decades(panel.xaxis)
    return draw.with_legend(figure, 2)


def errors_by_fan_in(of: Mapping[str, tuple[Sequence[float], ArrayLike, ArrayLike]]) -> Figure:
    """Draw variances of scales above test errors in percent, by fan-in, a column a title.

    Of each title fan-ins, variances, and errors of networks (fan-in, trial): geometric means, bars
    from the smallest to the largest.
    """
    figure, panels = draw.grid(4.6, 2, len(of), sharex=True, sharey="row")
    for (above, below), (title, (counts, variances, errors)) in zip(
        panels.T, of.items(), strict=True
    ):
        errors = np.asarray(errors)
        ends = (errors.min(axis=1), errors.max(axis=1))
        above.plot(counts, variances, **SERIES[1].line)
        draw.intervals(below, counts, np.exp(np.log(errors).mean(axis=1)), *ends, **SERIES[0].line)
        above.set(title=title, xscale="log", yscale="log")
        below.set(xlabel="weights per unit", yscale="log")
        draw.ticks(below.xaxis, counts)
        for panel in (above, below):
            draw.plain_decades(panel.yaxis)
    panels[0, 0].set_ylabel("relative variance\nof scales")
    panels[1, 0].set_ylabel("test error (%)")
    return figure


def errors_by_mask(result: xr.Dataset) -> Figure:
    """Draw test errors in percent: a row a kind of mask, a panel a density, the highest first.

    A small mark is a network, a large one the geometric mean. Of a dataset of
    :func:`~graphon_lib.experiments.designed_masks.designed_masks`.
    """
    densities = np.sort(result.density.values)[::-1]
    figure, (panels,) = draw.grid(3.0, 1, len(densities), sharey=True)
    names = [name for name in VARIANTS if name in result.variant.values]
    errors = 100.0 * (1.0 - result.test_accuracy.astype(np.float64))
    for panel, density in zip(panels, densities, strict=True):
        for place, name in enumerate(names):
            of = errors.sel(variant=name, density=density).values
            draw.networks_in_row(panel, place, of, SERIES[name not in DESIGNS])
        title = f"sparsity {100 * (1 - density):g} %"
        panel.set(title=title, xscale="log", xlabel="test error (%)")
        draw.plain_decades(panel.xaxis)
    panels[0].set_yticks(range(len(names)), [VARIANTS[name] for name in names])
    panels[0].invert_yaxis()
    return figure


def errors_by_density(results: Mapping[str, xr.Dataset], labels: Mapping[str, str]) -> Figure:
    """Draw test errors in percent against the density, a line a kind of mask, a panel a title.

    Geometric means over networks, bars from the smallest error to the largest.
    """
    figure, (panels,) = draw.grid(4.4, 1, len(results))
    for panel, (title, result) in zip(panels, results.items(), strict=True):
        errors = 100.0 * (1.0 - result.test_accuracy.astype(np.float64))
        for number, (name, label) in enumerate(labels.items()):
            of = errors.reindex(variant=[name])[0].dropna("density", how="all").sortby("density")
            mean = np.exp(np.log(of).mean("trial"))
            ends = (of.min("trial"), of.max("trial"))
            places = of.density.values * 1.02 ** (number - len(labels) // 2)
            draw.intervals(panel, places, mean, *ends, label=label, **look_of(name).line)
        panel.set(title=title, xscale="log", yscale="log", xlabel="sparsity (%)")
        draw.ticks(panel.xaxis, result.density.values)
        panel.set_xticklabels([f"{100 * (1 - density):g}" for density in result.density.values])
        draw.plain_decades(panel.yaxis)
        panel.invert_xaxis()
    panels[0].set_ylabel("test error (%)")
    return draw.with_legend(figure, ncols=4, columnspacing=1.5)


def errors_by_initialisation(
    ratios: Mapping[str, Mapping[str, Mapping[str, tuple[float, float, float]]]],
) -> Figure:
    """Draw ratios of errors with their intervals, a panel a density, a row a kind of mask."""
    figure = draw.ratios_in_rows(ratios, VARIANTS, MARGIN, "test errors")
    for panel in figure.axes:
        draw.ticks(panel.xaxis, (0.8, 1.0, 1.25, 1.5))
    return figure


def errors_by_rival(results: Mapping[str, xr.Dataset]) -> Figure:
    """Draw test errors in percent: a row a kind of mask, a column of panels a title, densities below.

    A small mark is a network, a large one the geometric mean; every kind has two, with one factor a
    layer and without. Of datasets of
    :func:`~graphon_lib.experiments.designed_masks.designed_masks`.
    """
    densities = np.sort(next(iter(results.values())).density.values)[::-1]
    figure, rows = draw.grid(6.0, len(densities), len(results), sharey=True)
    labels = {"pixels": "This design", "erk": VARIANTS["erk"]} | RIVALS
    looks = dict(zip(("", AS_PUBLISHED), SERIES, strict=False))
    for panels, density in zip(rows, densities, strict=True):
        for panel, result in zip(panels, results.values(), strict=True):
            errors = 100.0 * (1.0 - result.test_accuracy.sel(density=density).astype(np.float64))
            for ending, look in looks.items():
                for place, name in enumerate(labels):
                    if name + ending in errors.variant.values:
                        shift = 0.18 * ((ending != "") - (ending == ""))
                        of = errors.sel(variant=name + ending).values
                        draw.networks_in_row(panel, place + shift, of, look)
        panels[0].set_yticks(range(len(labels)), labels.values())
        panels[0].set_ylabel(f"sparsity {100 * (1 - density):g} %")
    rows[0, 0].invert_yaxis()
    for title, top, bottom in zip(results, rows[0], rows[-1], strict=True):
        top.set_title(title)
        bottom.set_xlabel("test error (%)")
    for ending, look in looks.items():
        name = "without factors" if ending else "one factor per layer"
        rows[0, 0].plot([], [], look.marker, color=look.colour, label=name)
    return draw.with_legend(figure, 2)


def errors_over_rivals(
    judged: Mapping[str, Mapping[float, Mapping[str, Comparison]]],
    groups: Mapping[str, Mapping[str, str]],
) -> Figure:
    """Draw ratios of errors as tables of shaded cells: a column of panels a title, a row a group.

    Comparisons by title, density and name; a row of a panel is a name of the group, as it is written,
    a column a density. Cells have a sign where the ratio is decided, and are blank where there is none.
    """
    heights = [len(labels) for labels in groups.values()]
    height = 1.2 + 0.19 * sum(heights)
    figure, panels = draw.grid(height, len(groups), len(judged), height_ratios=heights)
    for row, (group, labels) in zip(panels, groups.items(), strict=True):
        for panel, by_density in zip(row, judged.values(), strict=True):
            densities = sorted(by_density, reverse=True)
            logs = np.full((len(labels), len(densities)), np.nan)
            for place, name in enumerate(labels):
                for column, one in enumerate(by_density[kept].get(name) for kept in densities):
                    if one is None:
                        continue
                    logs[place, column] = np.log(one.value)
                    colour = "white" if abs(logs[place, column]) > 0.7 * LARGEST_LOG else "black"
                    look = {"ha": "center", "va": "center", "fontsize": 8, "color": colour}
                    panel.text(column, place, SIGN_OF[one.verdict], **look)
            panel.set_facecolor(NOT_TRAINED)
            image = draw.matrix(panel, logs, cmap=DIVERGING, vmin=-LARGEST_LOG, vmax=LARGEST_LOG)
        row[0].set_yticks(range(len(labels)), labels.values())
        row[0].set_ylabel(group)
    for title, top, bottom in zip(judged, panels[0], panels[-1], strict=True):
        top.set_title(title)
        densities = sorted(judged[title], reverse=True)
        bottom.set_xticks(range(len(densities)), [f"{100 * (1 - d):g}" for d in densities])
        bottom.tick_params(axis="x", rotation=90)
        bottom.set_xlabel("sparsity (%)")
    bar = figure.colorbar(
        image,
        ax=panels.ravel().tolist(),
        location="bottom",
        fraction=0.02,
        aspect=60,
        extend="both",
    )
    bar.set_ticks(np.log([0.5, 0.7, 1.0, 1.4, 2.0]), labels=["0.5", "0.7", "1", "1.4", "2"])
    bar.set_label("design's error over that of the mask")
    return figure
