"""Figures on cut norms, cut distances and motif densities."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from graphon_lib.book.figures.panels import show_matrix
from graphon_lib.book.looks import DENSE, SERIES
from graphon_lib.book.style import DIVERGING, SEQUENTIAL, label_of, new_figure, style_of
from graphon_lib.experiments.method_distances import mean_distances
from graphon_lib.graphons import MOTIFS, CutNorm

__all__ = ["cut_distances", "cut_norm_witness", "motif_ratios", "within_and_between"]


def cut_norm_witness(difference: np.ndarray, result: CutNorm) -> Figure:
    """Draw a difference twice: as it is, and with the witness's rows and columns put first."""
    figure = new_figure(2.7)
    left, right = figure.subplots(1, 2)
    limit = float(np.abs(difference).max())
    options = {"cmap": DIVERGING, "vmin": -limit, "vmax": limit}
    show_matrix(left, difference, **options)
    left.set_title("difference")
    rows = np.argsort(~result.rows, kind="stable")
    columns = np.argsort(~result.cols, kind="stable")
    image = show_matrix(right, difference[np.ix_(rows, columns)], **options)
    right.set_title("witness first")
    corner = Rectangle(
        (-0.5, -0.5), result.cols.sum(), result.rows.sum(), fill=False, linewidth=2.0
    )
    right.add_patch(corner)
    right.text(result.cols.sum() / 2, result.rows.sum() / 2, "$S \\times T$", ha="center")
    figure.colorbar(image, ax=[left, right], fraction=0.04)
    return figure


def cut_distances(lower: np.ndarray, upper: np.ndarray, methods: Sequence[str]) -> Figure:
    """Draw certified intervals of pairwise cut distances as a table of shaded cells.

    Parameters
    ----------
    lower, upper
        Bounds, shape (methods, methods).
    methods
        Names as :func:`graphon_lib.book.style.label_of` takes them.

    Returns
    -------
    matplotlib.figure.Figure
        Cells shaded by the upper bound, each with its interval written in it.
    """
    figure = new_figure(3.4)
    axes = figure.subplots()
    names = [label_of(method) for method in methods]
    image = axes.imshow(upper, cmap=SEQUENTIAL, vmin=0.0, aspect="auto")
    for (i, j), high in np.ndenumerate(upper):
        axes.text(
            j,
            i,
            f"{lower[i, j]:.3f}\n{high:.3f}" if i != j else "0",
            ha="center",
            va="center",
            fontsize=8,
            color="white" if high < 0.6 * upper.max() else "black",
        )
    axes.set_xticks(range(len(names)), names)
    axes.set_yticks(range(len(names)), names)
    figure.colorbar(image, ax=axes, label="upper bound")
    return figure


def motif_ratios(densities: Mapping[str, Mapping[str, float]]) -> Figure:
    """Draw motif densities over those of a constant graphon of the same edge density.

    Parameters
    ----------
    densities
        By method, what :func:`graphon_lib.graphons.motif_densities` returns.

    Returns
    -------
    matplotlib.figure.Figure
        One row a motif, one marker a method.
    """
    motifs = [motif for motif in MOTIFS if motif != "edge"]
    figure = new_figure(2.9)
    axes = figure.subplots()
    for method, of_method in densities.items():
        ratios = [of_method[motif] / of_method["edge"] ** len(MOTIFS[motif]) for motif in motifs]
        axes.plot(
            ratios,
            range(len(motifs)),
            linestyle="none",
            **style_of(method),
        )
    axes.axvline(1.0, color="0.6", linewidth=0.8, zorder=0)
    axes.set_xscale("log")
    axes.set_yticks(range(len(motifs)), [motif.replace("_", " ") for motif in motifs])
    axes.invert_yaxis()
    axes.set_xlabel("density of the motif / (edge density)$^{e(F)}$")
    figure.legend(*axes.get_legend_handles_labels(), loc="outside lower center", ncols=3)
    return figure


WITHIN = {"seed": "other seed", "density": "other density", "depth": "other depth"}


def within_and_between(results: Mapping[str, xr.Dataset]) -> Figure:
    """Draw distances of networks of one method, and of two, with intervals.

    Parameters
    ----------
    results
        By the title of a column, datasets of
        :func:`graphon_lib.experiments.method_distances.between_trials`.

    Returns
    -------
    matplotlib.figure.Figure
        A row of panels a measure. In each the methods, with three kinds of distances within, and then
        all pairs of them.
    """
    (first, *_) = results.values()
    methods, measures = list(first.pruning.values), first.measure.values
    pairs = [(a, b) for i, a in enumerate(methods) for b in methods[i + 1 :]]
    names = [label_of(m) for m in methods] + [f"{label_of(a)}, {label_of(b)}" for a, b in pairs]
    figure = new_figure(0.4 + len(measures) * (0.5 + 0.19 * len(names)))
    axes = figure.subplots(len(measures), len(results), squeeze=False, sharey=True, sharex="row")
    for panels, measure in zip(axes, measures, strict=True):
        for panel, (title, result) in zip(panels, results.items(), strict=True):
            means = mean_distances(result.distance.sel(measure=measure))
            for (kind, label), look, shift in zip(
                WITHIN.items(), SERIES, (-0.25, 0.0, 0.25), strict=False
            ):
                values = [means.sel(kind=kind, pruning=m, against=m) for m in methods]
                rows = np.arange(len(methods)) + shift
                _intervals(panel, values, rows, color=look.colour, marker=look.marker, label=label)
            values = [means.sel(kind="method", pruning=a, against=b) for a, b in pairs]
            rows = np.arange(len(pairs)) + len(methods)
            _intervals(
                panel, values, rows, color=DENSE.colour, marker=DENSE.marker, label="two methods"
            )
            panel.axhline(len(methods) - 0.5, color="0.6", linewidth=0.8)
            panel.set_xscale("log")
            panel.set_xlabel(f"distance, {measure}")
            if measure == measures[0]:
                panel.set_title(title)
        panels[0].set_yticks(range(len(names)), names, fontsize=8)
    # All panels share the axis.
    axes[0, 0].invert_yaxis()
    figure.legend(*axes[0, 0].get_legend_handles_labels(), loc="outside lower center", ncols=2)
    return figure


def _intervals(panel: Axes, means: Sequence[xr.DataArray], rows: np.ndarray, **style: str) -> None:
    """Draw means with their intervals at some heights."""
    value, lower, upper = np.array([mean.values for mean in means]).T
    panel.errorbar(value, rows, xerr=[value - lower, upper - value], linestyle="none", **style)
