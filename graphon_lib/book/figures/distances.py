"""Figures on cut norms, cut distances and motif densities."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from graphon_lib.book.figures import draw
from graphon_lib.book.looks import DENSE, SERIES
from graphon_lib.book.style import DIVERGING, MOTIF_LABELS, SEQUENTIAL, label_of, style_of
from graphon_lib.experiments.method_distances import mean_distances
from graphon_lib.graphons import MOTIFS, CutNorm

__all__ = ["cut_distances", "cut_norm_witness", "motif_ratios", "within_and_between"]


def cut_norm_witness(difference: np.ndarray, result: CutNorm) -> Figure:
    """Draw a difference twice: as it is, and with the witness's rows and columns put first."""
    figure, ((left, right),) = draw.grid(2.7, 1, 2)
    limit = float(np.abs(difference).max())
    options = {"cmap": DIVERGING, "vmin": -limit, "vmax": limit}
    draw.matrix(left, difference, **options)
    left.set_title("difference")
    rows = np.argsort(~result.rows, kind="stable")
    columns = np.argsort(~result.cols, kind="stable")
    image = draw.matrix(right, difference[np.ix_(rows, columns)], **options)
    right.set_title("witness first")
    width, height = result.cols.sum(), result.rows.sum()
    right.add_patch(Rectangle((-0.5, -0.5), width, height, fill=False, linewidth=2.0))
    right.text(width / 2, height / 2, "$S \\times T$", ha="center")
    left.set(xlabel="columns, by degree", ylabel="rows, by degree")
    right.set(xlabel="columns, $T$ first", ylabel="rows, $S$ first")
    figure.colorbar(image, ax=[left, right], fraction=0.04, label="probability − density")
    return figure


def cut_distances(lower: np.ndarray, upper: np.ndarray, methods: Sequence[str]) -> Figure:
    """Draw certified intervals of pairwise cut distances as a table of shaded cells.

    The bounds have the shape (methods, methods). Cells are shaded by the upper one, and the interval
    is written in each.
    """
    figure, ((panel,),) = draw.grid(3.4)
    names = [label_of(method) for method in methods]
    image = panel.imshow(upper, cmap=SEQUENTIAL, vmin=0.0, aspect="auto")
    for (i, j), high in np.ndenumerate(upper):
        text = f"{lower[i, j]:.3f}\n{high:.3f}" if i != j else "0"
        colour = "white" if high < 0.6 * upper.max() else "black"
        panel.text(j, i, text, ha="center", va="center", fontsize=8, color=colour)
    panel.set_xticks(range(len(names)), names)
    panel.set_yticks(range(len(names)), names)
    figure.colorbar(image, ax=panel, label="upper bound")
    return figure


def motif_ratios(densities: Mapping[str, Mapping[str, float]]) -> Figure:
    """Draw motif densities over those of a constant graphon of the same edge density.

    `densities` are by method what :func:`graphon_lib.graphons.motif_densities` returns; one row a
    motif, which is drawn beside it, one marker a method.
    """
    motifs = list(MOTIF_LABELS)
    figure, ((drawn, panel),) = draw.grid(4.2, 1, 2, sharey=True, width_ratios=(1, 5))
    for row, motif in enumerate(motifs):
        _draw_motif(drawn, motif, row)
    drawn.set(xlim=(-0.1, 1.1), yticks=range(len(motifs)), xticks=[])
    drawn.set_yticklabels([MOTIF_LABELS[motif] for motif in motifs])
    drawn.tick_params(left=False)
    drawn.spines[:].set_visible(False)
    for method, of_method in densities.items():
        ratios = [of_method[motif] / of_method["edge"] ** len(MOTIFS[motif]) for motif in motifs]
        panel.plot(ratios, range(len(motifs)), linestyle="none", **style_of(method))
    panel.tick_params(left=False, labelleft=False)
    panel.axvline(1.0, color="0.6", linewidth=0.8, zorder=0)
    panel.grid(axis="y", color="#eeeeee", linewidth=0.6)
    panel.set(xscale="log", xlabel="density / that of a constant", ylim=(len(motifs) - 0.5, -0.5))
    draw.plain_decades(panel.xaxis)
    figure.legend(*panel.get_legend_handles_labels(), ncols=3, loc="outside lower center")
    return figure


def _draw_motif(panel: Axes, motif: str, row: int) -> None:
    """Draw a motif as in the picture of a mask: rows are black, above, and columns are white, below."""
    sides = [sorted(set(nodes)) for nodes in zip(*MOTIFS[motif], strict=True)]
    above, below = ({n: (n + 0.5) / len(nodes) for n in nodes} for nodes in sides)
    for i, j in MOTIFS[motif]:
        panel.plot([above[i], below[j]], [row - 0.22, row + 0.22], color="0.4", linewidth=1.0)
    look = {"s": 22, "edgecolor": "black", "zorder": 3}
    panel.scatter(list(above.values()), [row - 0.22] * len(above), color="black", **look)
    panel.scatter(list(below.values()), [row + 0.22] * len(below), color="white", **look)


WITHIN = {"seed": "other seed", "density": "other density", "depth": "other depth"}


def within_and_between(results: Mapping[str, xr.Dataset]) -> Figure:
    """Draw distances of networks of one method, and of two, with intervals.

    `results` are by the title of a column datasets of
    :func:`graphon_lib.experiments.method_distances.between_trials`. A row of panels a measure; in
    each the methods, with three kinds of distances within, and then all pairs of them.
    """
    (first, *_) = results.values()
    methods, measures = list(first.pruning.values), first.measure.values
    pairs = [(a, b) for i, a in enumerate(methods) for b in methods[i + 1 :]]
    names = [label_of(m) for m in methods] + [f"{label_of(a)}, {label_of(b)}" for a, b in pairs]
    height = 0.4 + len(measures) * (0.5 + 0.19 * len(names))
    figure, grid_of = draw.grid(height, len(measures), len(results), sharey=True, sharex="row")
    same = [(method, method) for method in methods]
    kinds = [
        *zip(WITHIN.items(), [same] * 3, SERIES[:3], (-0.25, 0.0, 0.25), strict=True),
        (("method", "two methods"), pairs, DENSE, len(methods)),
    ]
    for panels, measure in zip(grid_of, measures, strict=True):
        for panel, (title, result) in zip(panels, results.items(), strict=True):
            means = mean_distances(result.distance.sel(measure=measure))
            for (kind, label), of_kind, look, first_row in kinds:
                values = [means.sel(kind=kind, pruning=a, against=b).values for a, b in of_kind]
                style = {"linestyle": "none", "capsize": 0, "label": label, **look.line}
                rows = np.arange(len(of_kind)) + first_row
                draw.intervals(panel, rows, *np.array(values).T, lying=True, **style)
            panel.axhline(len(methods) - 0.5, color="0.6", linewidth=0.8)
            panel.set(xscale="log", xlabel=f"distance, {measure}")
            if measure == measures[0]:
                panel.set_title(title)
        panels[0].set_yticks(range(len(names)), names, fontsize=8)
    # All panels share the axis.
    grid_of[0, 0].invert_yaxis()
    return draw.with_legend(figure, 2)
