"""Figures of the chapter on other data than digits."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from graphon_lib.book.claims import CLAIMS
from graphon_lib.book.figures import draw
from graphon_lib.book.ledger import estimates
from graphon_lib.book.looks import SERIES
from graphon_lib.book.style import DIVERGING, label_of
from graphon_lib.book.verdicts import DATA, SETTINGS
from graphon_lib.experiments.mask_statistics import pixel_images

__all__ = ["claim_intervals", "input_spectra", "leads_by_inputs", "pixels_by_data"]

TWICE = 2.0
"""End of the colour scale of a pixel's density over its layer's."""


def input_spectra(results: Sequence[xr.Dataset]) -> Figure:
    """Draw the largest eigenvalues of the images' second moments over their trace, by data."""
    figure, ((panel,),) = draw.grid(3.0)
    for name, result, look in zip(DATA.values(), results, SERIES, strict=False):
        draw.means(panel, result.share, "rank", label=name, **look.line, markersize=4)
    panel.set(xscale="log", yscale="log", xlabel="rank", ylabel="share of the trace")
    draw.ticks(panel.xaxis, (1, 2, 5, 10, 20, 50))
    draw.ticks(panel.yaxis, (0.005, 0.02, 0.1, 0.3))
    panel.legend()
    return figure


def pixels_by_data(results: Sequence[xr.Dataset], density: float) -> Figure:
    """Draw the kept fraction of each pixel's weights over that of the first layer, by data and method.

    Logarithmic colours: white where a pixel keeps as much as the average one.
    """
    methods = results[0].pruning.values
    figure, panels = draw.grid(1.25 * len(results) + 0.5, len(results), len(methods))
    for row, result, name in zip(panels, results, DATA.values(), strict=False):
        kept = result.pixel_density.sel(density=density)
        ratio = (kept / kept.mean("pixel")).transpose("pruning", "pixel").values
        images = pixel_images(np.log2(np.maximum(ratio, 2.0**-TWICE)), result.attrs["image_shape"])
        for panel, image in zip(row, images, strict=True):
            drawn = draw.matrix(panel, image, cmap=DIVERGING, vmin=-TWICE, vmax=TWICE)
            panel.set_aspect("equal")
        row[0].set_ylabel(name.replace(" (", "\n("), fontsize=9)
    for panel, method in zip(panels[0], methods, strict=True):
        panel.set_title(label_of(method))
    bar = figure.colorbar(drawn, ax=panels, label="kept, times the layer's average", aspect=30)
    places = (-2, -1, 0, 1, 2)
    bar.set_ticks(places, labels=["≤ ¼", "½", "1", "2", "≥ 4"])
    return figure


def claim_intervals(titles: dict[str, str], *, log: Sequence[str] = ()) -> Figure:
    """Draw estimates of some claims with intervals and margins, by condition, data and initialisation.

    The titles are of the panels, by the names of the claims; some of them have logarithmic axes.
    """
    counts = [
        len({c for data in DATA for of in estimates(name, data).values() for c in of})
        for name in titles
    ]
    figure, panels = draw.grid(
        0.62 * sum(counts) + 0.75 * len(counts) + 0.5,
        len(titles),
        gridspec_kw={"height_ratios": [count + 0.8 for count in counts]},
    )
    for panel, (name, title) in zip(panels[:, 0], titles.items(), strict=True):
        _draw_intervals(panel, name)
        panel.set_title(title)
        if name in log:
            panel.set_xscale("log")
            draw.ticks(panel.xaxis, (0.8, 1.0, 1.25, 1.5, 2.0, 2.5))
    return draw.with_legend(figure, ncols=2)


def _draw_intervals(panel: Axes, name: str) -> None:
    claim = CLAIMS[name]
    conditions = list(
        dict.fromkeys(c for d in DATA for of in estimates(name, d).values() for c in of)
    )
    for number, ((data, words), look) in enumerate(zip(DATA.items(), SERIES, strict=False)):
        for setting, filled in zip(SETTINGS, (True, False), strict=True):
            if not (found := estimates(name, data).get(setting)):
                continue
            places = [conditions.index(c) + 0.26 * (number - 1) + 0.1 * (not filled) for c in found]
            ends = np.array([[e.value - e.lower, e.upper - e.value] for e in found.values()])
            panel.errorbar(
                [one.value for one in found.values()],
                places,
                xerr=np.maximum(ends, 0.0).T,
                linestyle="none",
                markersize=4.5,
                markerfacecolor=look.colour if filled else "white",
                label=f"{words}, {'He' if filled else 'PyTorch'}",
                **look.line,
            )
    for margin in (claim.low, claim.high):
        if np.isfinite(margin):
            panel.axvline(margin, color="black", linewidth=1.0, linestyle=(0, (4, 2)))
    panel.set(
        yticks=range(len(conditions)), yticklabels=conditions, ylim=(len(conditions) - 0.5, -0.5)
    )


def leads_by_inputs(by_data: Mapping[str, xr.DataArray]) -> Figure:
    """Draw leads at equal scale by what images were replaced by, a panel for each method.

    Of :func:`~graphon_lib.experiments.surrogate_training.leads` by data set: a small mark a network,
    geometric means as large ones.
    """
    some = next(iter(by_data.values()))
    figure, (panels,) = draw.grid(3.6, 1, some.sizes["pruning"], sharex=True, sharey=True)
    for panel, method in zip(panels, some.pruning.values, strict=True):
        for number, (look, (name, leads)) in enumerate(zip(SERIES, by_data.items(), strict=False)):
            panel.plot([], [], look.marker, color=look.colour, label=name)
            for row, values in enumerate(leads.sel(pruning=method).values):
                draw.networks_in_row(panel, row + 0.3 * number, values, look)
        panel.axvline(1.0, color="0.6", linewidth=0.8, zorder=0)
        panel.set(xscale="log", title=label_of(method), xlabel="lead over Random")
        draw.ticks(panel.xaxis, (1.0, 1.5, 2.0, 2.5))
    middle = 0.15 * (len(by_data) - 1)
    panels[0].set_yticks(middle + np.arange(some.sizes["inputs"]), some.inputs.values)
    panels[0].invert_yaxis()
    return draw.with_legend(figure)
