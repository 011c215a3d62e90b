"""Figures on single neurons: how fast each position learns, and how normal its pre-activation is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from graphon_lib.book.figures import draw
from graphon_lib.book.looks import SERIES
from graphon_lib.book.style import label_of, look_of

__all__ = ["gaussianity_by_width", "rates_by_position"]

UNIFORM_EXCESS = -1.2
"""The excess kurtosis of a uniform law."""

STRUCTURES = {"constant": SERIES[0], "threshold": SERIES[1]}


def rates_by_position(
    results: Mapping[str, xr.Dataset], methods: Sequence[str], layer: int
) -> Figure:
    """Draw what neurons add to the kernel against their rank, a row a result, a column a method.

    Theory as a line, measured means over networks as markers, with standard errors; of one hidden
    layer. `results` are by title datasets of
    :func:`graphon_lib.experiments.neuron_terms.neuron_terms` at one density and width.
    """
    height = 1.2 + 2.0 * len(results)
    figure, rows = draw.grid(height, len(results), len(methods), sharex=True, sharey=True)
    for row, (title, result) in zip(rows, results.items(), strict=True):
        rate = result.rate.sel(hidden_layer=layer)
        rate = rate.assign_coords(group=(rate.group - 0.5) / rate.sizes["group"])
        for panel, method in zip(row, methods, strict=True):
            of_method = rate.sel(pruning=method)
            theory = of_method.sel(road="theory, joint").mean("trial")
            look = {"color": "black", "linewidth": 1.2, "label": "theory, mask alone"}
            panel.plot(theory.group, theory, **look)
            for road, marker, fill in (("re-drawn", "o", "full"), ("kept", "s", "none")):
                look = {"color": look_of(method).colour, "marker": marker, "fillstyle": fill}
                look |= {"linestyle": "none", "markersize": 4, "label": f"measured, {road}"}
                values = of_method.sel(road=road)
                draw.means(panel, values, "group", draw.standard_error, capsize=0, **look)
            panel.axhline(1.0, color="0.7", linewidth=0.8, zorder=0)
            panel.set_title(f"{label_of(method)},\n{title}")
        row[0].set_ylabel("share over the mean")
    for panel in rows[-1]:
        panel.set_xlabel("rank by theory")
    return draw.with_legend(figure)


def gaussianity_by_width(normal: xr.Dataset, uniform: xr.Dataset) -> Figure:
    """Draw excess kurtosis and distance from a normal law against the width, with standard errors.

    Upper row, normal weights: the excess times the width in the third layer, of all neurons and of the
    better connected half, and the distance. Lower row, uniform ones: the excess in the second and the
    third layer, with a line at that of a uniform law, and the distance.
    Of datasets of :func:`graphon_lib.experiments.gaussianity.gaussianity`, of normal weights without
    biases and of uniform weights and biases.
    """
    figure, rows = draw.grid(5.6, 2, 3)
    third = normal.sel(layer=3)
    _lines(rows[0, 0], normal.width * third.excess)
    _lines(rows[0, 1], normal.width * third.excess_upper)
    rows[0, 0].set_ylabel("$n$ × excess")
    for panel, title in zip(
        rows[0], ("He normal:\nall", "He normal:\nbetter half", "He normal"), strict=True
    ):
        panel.set_title(title)
    for panel, layer in zip(rows[1], (2, 3), strict=False):
        _lines(panel, uniform.excess.sel(layer=layer))
        panel.axhline(UNIFORM_EXCESS, color="0.5", linestyle="--", linewidth=0.9)
        panel.set(ylim=(UNIFORM_EXCESS - 0.1, None), title=f"PyTorch's default:\nlayer {layer}")
    rows[1, 0].set_ylabel("excess")
    for panel, result in zip(rows[:, 2], (normal, uniform), strict=True):
        _lines(panel, result.distance.sel(layer=3))
        panel.set(yscale="log", ylabel="largest CDF difference\nfrom normal, layer 3")
        draw.ticks(panel.yaxis, (0.005, 0.01, 0.02, 0.05, 0.1))
    rows[1, 2].set_title("PyTorch's default")
    for panel in rows.flat:
        draw.width_axis(panel, normal.width.values, 60)
        panel.axhline(0.0, color="0.7", linewidth=0.8, zorder=0)
    for panel in rows[1]:
        panel.set_xlabel("width $n$")
    return draw.with_legend(figure, 2)


def _lines(panel: Axes, values: xr.DataArray) -> None:
    for structure in values.structure.values:
        look = {"markersize": 4, "linewidth": 1.0}
        if structure in STRUCTURES:
            look["label"] = f"graphon: {structure}"
            look |= STRUCTURES[structure].line
        else:
            look |= look_of(structure).line | {"label": f"masks: {label_of(structure)}"}
        draw.means(panel, values.sel(structure=structure), "width", draw.standard_error, **look)
