"""The picture of the front page: two panels as SVG, whose colours are those of the reader's theme."""

from __future__ import annotations

import io
import re
from html import escape

import numpy as np
import xarray as xr
from IPython.display import HTML
from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from graphon_lib.book.figures import draw
from graphon_lib.book.figures.training import loss_axis, windowed
from graphon_lib.book.looks import Look
from graphon_lib.book.style import label_of, look_of

__all__ = ["front_picture"]

INK = "#010203"
"""A colour that nothing else has: the page puts that of its text in its place."""

SIZE = (3.45, 1.8)
"""Of a panel, in inches: on a phone it is as wide as the page, and its letters are of twelve pixels."""

FILLINGS = {"full": "filled", "none": "open"}
"""Of markers by density, and how they are called."""

SETTINGS = {
    "text.color": INK,
    "axes.edgecolor": INK,
    "axes.labelcolor": INK,
    "xtick.color": INK,
    "ytick.color": INK,
    "font.size": 9.0,
    "axes.labelsize": 9.0,
    "xtick.labelsize": 9.0,
    "ytick.labelsize": 9.0,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "figure.constrained_layout.use": True,
    "svg.fonttype": "none",
    "svg.hashsalt": "front",
}


def front_picture(kernels: xr.Dataset, trained: xr.Dataset, caption: str, alt: str) -> HTML:
    """Return kernels against paths, and the start of training with the scale restored, as a picture.

    Parameters
    ----------
    kernels
        Of :func:`graphon_lib.experiments.kernels_of_masks.kernels_of_masks`.
    trained
        Of :func:`graphon_lib.experiments.intervention_training.beside_pruned`, at one density.
    caption
        What the page says below it, as HTML.
    alt
        What is seen, for those who do not see it.

    Returns
    -------
    HTML
        A ``figure`` element with two drawings.
    """
    with rc_context(SETTINGS):
        drawings = [_kernels_by_paths(kernels), _first_losses(trained)]
        drawn = "".join(f"<div>{_svg(drawing)}</div>" for drawing in drawings)
    looks = {look.colour: look for look in map(look_of, kernels.pruning.values)}
    for name, look in enumerate(looks.values()):
        drawn = re.sub(re.escape(look.colour), f"var(--front-{name})", drawn, flags=re.IGNORECASE)
    return HTML(
        f"<figure class='front'><style>{_colours(list(looks.values()))}</style>"
        f"<div class='front-panels' role='img' aria-label='{escape(alt)}'>{drawn}</div>"
        f"<figcaption>{caption}</figcaption></figure>"
    )


def _kernels_by_paths(result: xr.Dataset) -> Figure:
    figure = Figure(figsize=SIZE)
    panel = figure.subplots()
    measured = result.trace.sel(road="re-drawn") / result.dense_trace
    # Random's few points lie among Magnitude's.
    for zorder, method in enumerate(result.pruning.values[::-1]):
        options = {"linestyle": "none", "markersize": 4.5, "zorder": 2 + zorder / 10}
        for density, filling in zip(result.density.values, FILLINGS, strict=False):
            at = {"pruning": method, "density": density}
            pair = (of.sel(at).values.ravel() for of in (result.path_density, measured))
            options["label"] = label_of(method) if filling == "full" else None
            panel.plot(*pair, fillstyle=filling, **options, **look_of(method).line)
    said = (
        f"{word}: {draw.sparsity_title(density)}"
        for density, word in zip(result.density.values, FILLINGS.values(), strict=False)
    )
    panel.text(0.03, 0.98, "\n".join(said), va="top", fontsize=8.5, transform=panel.transAxes)
    ends = [float(result.path_density.min()) / 2, float(result.path_density.max()) * 2]
    panel.plot(ends, ends, color=INK, linewidth=0.8, zorder=0)
    panel.set(xscale="log", yscale="log")
    draw.ticks(panel.xaxis, (1e-6, 1e-4, 1e-2))
    draw.ticks(panel.yaxis, (1e-6, 1e-4, 1e-2))
    panel.xaxis.set_major_formatter(_power)
    panel.yaxis.set_major_formatter(_power)
    panel.set(xlabel="fraction of paths that survive", ylabel="kernel trace / dense")
    panel.legend(
        loc="lower right",
        frameon=False,
        fontsize=8.5,
        handletextpad=0.1,
        labelspacing=0.25,
        reverse=True,
    )
    return figure


def _power(value: float, _: int) -> str:
    digits = str(round(np.log10(value))).translate(str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹"))
    return f"10{digits}"


def _first_losses(result: xr.Dataset) -> Figure:
    figure = Figure(figsize=SIZE)
    panel = figure.subplots()
    shown = {
        "random: as pruned": ("Random", "-", (62, 1.5)),
        "snip: as pruned": ("SNIP", "-", (30, 1.0)),
        "random: rescaled": ("dashed: Random, its scale restored", (0, (4, 1.5)), (19, 0.14)),
        "dense: as pruned": ("dense", "-", (8, 0.3)),
    }
    for variant, (text, line, place) in shown.items():
        method = variant.split(":")[0]
        colour = INK if method == "dense" else look_of(method).colour
        _draw_mean(panel, result.loss.sel(variant=variant), color=colour, linestyle=line)
        panel.annotate(text, place, color=colour)
    loss_axis(panel)
    panel.set(xlabel="updates", ylabel="training loss", xlim=(0, 100), ylim=(0.115, 5.0))
    return figure


def _draw_mean(panel: Axes, loss: xr.DataArray, **options: object) -> None:
    means = windowed(loss).mean("trial")
    panel.plot(means.step, np.exp(means), linewidth=2.0, **options)


def _svg(figure: Figure) -> str:
    """Return a figure as an element of a page: scaled with it, in its font and its colour."""
    file = io.StringIO()
    figure.savefig(file, format="svg", transparent=True, metadata={"Date": None, "Creator": None})
    text = file.getvalue()
    text = text[text.index("<svg") :]
    text = re.sub(r"<metadata>.*?</metadata>", "", text, flags=re.DOTALL)
    # The names of groups are the same in every drawing; what is referred to has names of its own.
    referred = set(re.findall(r"#([\w-]+)", text))
    text = re.sub(r' id="([\w-]+)"', lambda m: m[0] if m[1] in referred else "", text)
    text = re.sub(
        r"(<svg[^>]*?) width=\"[^\"]*\"", r"\1", re.sub(r' height="[\d.]+pt"', "", text, count=1)
    )
    text = re.sub(r"font: ([\d.]+)px [^;\"]*", r"font-size: \1px", text)
    text = re.sub(r'font-family: [^;"]*;?', "", text)
    return text.replace(INK, "currentColor").replace("<svg", "<svg aria-hidden='true'", 1)


def _colours(looks: list[Look]) -> str:
    themes = {".front": "colour", "html[data-theme=dark] .front": "dark"}
    rules = []
    for selector, attribute in themes.items():
        values = (f"--front-{name}:{getattr(look, attribute)}" for name, look in enumerate(looks))
        rules.append(f"{selector}{{{';'.join(values)}}}")
    return "".join(rules)
