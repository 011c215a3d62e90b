"""Figures of the chapter on masks that move: structure on the way and by width, flips, what moves are worth."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import xarray as xr
from matplotlib.figure import Figure
from numpy.typing import ArrayLike

from graphon_lib.book.figures import draw
from graphon_lib.book.looks import SERIES
from graphon_lib.book.style import look_of
from graphon_lib.experiments.magnitude_flips import RATES
from graphon_lib.experiments.rigl_flow import at_largest_width, explained, explained_by_others
from graphon_lib.experiments.set_anchor import STORED_ACCURACY, STORED_SPREAD
from graphon_lib.pruning.moving import SCHEDULES

__all__ = [
    "START_LABELS",
    "anchor",
    "contraction",
    "errors_by_schedule",
    "flips_by_width",
    "on_the_way",
    "rigl_flow",
    "structure_by_width",
]

START_LABELS = {
    "random": "Random",
    "erk": "ERK",
    "snip": "SNIP",
    "synflow": "SynFlow",
    "dense": "dense",
}
"""Masks that training starts with, and how they are written."""

OF_DENSE = {
    "iterative": SERIES[3].line | {"linewidth": 6.0, "marker": None, "alpha": 0.5},
    "gradual": SERIES[2].line | {"linewidth": 1.2, "zorder": 3},
}
"""How schedules are drawn that start with a dense network: a narrow line on top of a wide one."""

KIND_LABELS = {"dense": "dense", "static": "static", "set": "SET"}

RATE_LABELS = {
    "descent": "descent, rate over width",
    "adam, scaled": "Adam, rate over width",
    "adam": "Adam, one rate",
}


def on_the_way(result: xr.Dataset, width: int, iterative: xr.Dataset) -> Figure:
    """Draw 4-cycles over those of random masks while masks move: a panel a schedule, a line a start.

    Iterative pruning at its own largest width.
    """
    parts = (result.cycles.sel(width=width, drop=True), iterative.cycles.isel(width=-1, drop=True))
    cycles = xr.concat(
        [np.exp(np.log(one).mean(("trial", "hidden_mask"))) for one in parts], dim="variant"
    )
    panels_of = {"SET": "set", "RigL": "rigl", "from a dense network": None}
    figure, (panels,) = draw.grid(2.7, 1, 3, sharey=True)
    for panel, (title, schedule) in zip(panels, panels_of.items(), strict=True):
        draw.level(panel)
        for variant in cycles.variant.values:
            name, start = str(variant).split(": ")
            of_dense = start == "dense"
            if name != schedule and not (schedule is None and of_dense):
                continue
            look = OF_DENSE[name] if of_dense else look_of(start).line
            label = SCHEDULES[name].label if of_dense else START_LABELS[start]
            line = cycles.sel(variant=variant)
            # A mask that keeps everything has no 4-cycles more than another.
            panel.plot(100 * line.progress, line, label=label, **look)
        panel.set(title=title, xlabel="progress (%)", yscale="log")
        draw.plain_decades(panel.yaxis)
    panels[0].set_ylabel("4-cycles over random")
    panels[2].legend(fontsize="small")
    return draw.with_legend(figure, 4)


def structure_by_width(result: xr.Dataset) -> Figure:
    """Draw 4-cycles beyond those of random masks, in the end and before, by width, a panel a schedule."""
    beyond = result.cycles.mean("hidden_mask") - 1.0
    figure, (panels,) = draw.grid(2.9, 1, 2, sharey=True)
    for panel, schedule in zip(panels, ("set", "rigl"), strict=True):
        for start in ("random", "snip", "synflow"):
            of, look = beyond.sel(variant=f"{schedule}: {start}"), look_of(start)
            style = {**look.line, "linestyle": "-", "label": START_LABELS[start]}
            draw.means(panel, of.isel(progress=-1), "width", **style)
            if start != "random":
                first = of.isel(progress=0).mean("trial")
                panel.plot(of.width, first, ":", color=look.colour, linewidth=1.0)
        draw.width_axis(panel, result.width.values)
        panel.set(title=SCHEDULES[schedule].label, xlabel="width")
        panel.set_yscale("symlog", linthresh=0.01)
    panels[0].set_ylabel("4-cycles over random, less 1")
    return draw.with_legend(figure, 3)


def contraction(expected: Mapping[str, ArrayLike], found: Mapping[str, ArrayLike]) -> Figure:
    """Draw slopes of degrees on the first ones against those of a mixture with a constant, by start."""
    figure, ((panel,),) = draw.grid(2.9)
    for start in expected:
        look = look_of(start)
        style = {"markersize": 4, "label": START_LABELS[start]}
        panel.plot(
            np.ravel(expected[start]),
            np.ravel(found[start]),
            look.marker,
            color=look.colour,
            **style,
        )
    ends = [0.9 * min(float(np.min(of)) for of in expected.values()), 1.0]
    panel.plot(ends, ends, color="0.6", linewidth=0.8, zorder=0)
    panel.set(xlabel="what the mixture says", ylabel="slope of degrees")
    panel.set(xscale="log", yscale="log")
    draw.plain_decades(panel.xaxis)
    draw.plain_decades(panel.yaxis)
    return draw.with_legend(figure, 4)


def rigl_flow(result: xr.Dataset) -> Figure:
    """Draw changes of block densities against the flow's, and the shares that it explains, by width.

    The former of a network of the largest width by start; the latter also of other networks' flows.
    """
    figure, (panels,) = draw.grid(2.9, 1, 2)
    both = {
        "-": explained(result).sel(flow="driven").isel(move=-1),
        ":": explained_by_others(result),
    }
    for start in result.start.values:
        look, label = look_of(start), START_LABELS[start]
        pair = (result.predicted.sel(flow="driven"), result.measured)
        of = [np.ravel(at_largest_width(values, start).isel(trial=0)) for values in pair]
        panels[0].plot(*of, look.marker, color=look.colour, markersize=2.5, label=label)
        for style, shares in both.items():
            line = {**look.line, "linestyle": style}
            there = shares.sel(start=start).dropna("width", how="all")
            draw.means(panels[1], there, "width", **line)
    ends = panels[0].dataLim.intervalx
    panels[0].plot(ends, ends, color="0.6", linewidth=0.8, zorder=0)
    panels[0].set(xlabel="change, by the flow", ylabel="change of block densities")
    for height in (0.0, 1.0):
        draw.level(panels[1], height)
    draw.width_axis(panels[1], result.width.values)
    panels[1].set(xlabel="width", ylabel="share of the change explained")
    return draw.with_legend(figure, 2)


def flips_by_width(result: xr.Dataset, density: float) -> Figure:
    """Draw how far dense training moves hidden weights and the masks of the largest, by width."""
    figure, (panels,) = draw.grid(3.3, 1, 2)
    of = result.sel(density=density).mean("hidden_mask")
    for rate, look in zip(RATES, SERIES, strict=False):
        one = of.sel(rate=rate)
        draw.means(panels[0], one.change, "width", label=RATE_LABELS[rate], **look.line)
        draw.means(panels[1], one.flips, "width", **look.line)
        panels[1].plot(one.width, one.bound.mean("trial"), ":", color=look.colour)
        panels[1].plot(
            one.width, one.shuffled.mean("trial"), "-", color="0.6", linewidth=3, zorder=0
        )
    for panel, label in zip(
        panels, ("change over norm of weights", "share of entries that flip"), strict=True
    ):
        panel.set(xlabel="width", ylabel=label, yscale="log")
        draw.width_axis(panel, result.width.values)
    return draw.with_legend(figure, 2)


def anchor(result: xr.Dataset) -> Figure:
    """Draw accuracies at the end and the spread of inputs' degrees on the way, beside those stored."""
    figure, (panels,) = draw.grid(2.7, 1, 2)
    rows, (of_here, of_stored) = [], SERIES[:2]
    for kind, stored in STORED_ACCURACY.items():
        here = result.test_accuracy.sel(kind=kind).isel(epoch=-1)
        for words, of, look in (("here", here, of_here), ("stored", stored, of_stored)):
            draw.networks_in_row(panels[0], len(rows), 100.0 * np.asarray(of), look)
            rows.append(f"{KIND_LABELS[kind]}, {words}")
    panels[0].set_yticks(range(len(rows)), rows)
    panels[0].invert_yaxis()
    panels[0].set_xlabel("test accuracy (%)")
    style = {"label": "here", **of_here.line}
    draw.means(panels[1], result.spread.sel(kind="set"), "look", **style)
    style = {"label": "stored", "linestyle": "--", **of_stored.line}
    panels[1].plot(*zip(*STORED_SPREAD.items(), strict=True), **style)
    panels[1].set(xlabel="epoch", ylabel="spread of inputs' degrees")
    panels[1].legend(loc="lower right")
    return figure


def errors_by_schedule(errors: Mapping[str, ArrayLike], moving: Sequence[str]) -> Figure:
    """Draw test errors in percent, a row a variant by its words: small marks networks, large ones means.

    Those in `moving` in another colour and with another marker.
    """
    figure, ((panel,),) = draw.grid(4.0)
    for place, (words, of) in enumerate(errors.items()):
        draw.networks_in_row(panel, place, of, SERIES[2 if words in moving else 3])
    panel.set_yticks(range(len(errors)), list(errors))
    panel.invert_yaxis()
    panel.set(xscale="log", xlabel="test error (%)")
    draw.plain_decades(panel.xaxis)
    return figure
