"""Figures of the chapter on masks as graphons: pictures of them, and positions of their neurons."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import xarray as xr
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from graphon_lib.book.figures import draw
from graphon_lib.book.looks import SERIES
from graphon_lib.book.style import SEQUENTIAL, label_of, look_of
from graphon_lib.graphons.sas import sorting_artefact

__all__ = [
    "bipartite_graph",
    "degrees_of_neurons",
    "histograms_by_mask",
    "histograms_by_setting",
    "histograms_by_width",
    "path_densities",
    "sorting_gradient",
]


def bipartite_graph(mask: np.ndarray) -> Figure:
    """Draw a small mask as a bipartite graph and, beside it, as a function on the unit square."""
    outputs, inputs = mask.shape
    figure, ((left, right),) = draw.grid(2.5, 1, 2)
    v = (np.arange(inputs) + 0.5) / inputs
    u = (np.arange(outputs) + 0.5) / outputs
    for i, j in np.argwhere(mask):
        left.plot([v[j], u[i]], [0, 1], color="0.55", linewidth=0.9, zorder=1)
    left.scatter(v, np.zeros(inputs), s=90, color="white", edgecolor="black", zorder=2)
    left.scatter(u, np.ones(outputs), s=90, color="black", zorder=2)
    left.text(0.5, -0.22, "neurons $v$ of layer $l-1$", ha="center")
    left.text(0.5, 1.14, "neurons $u$ of layer $l$", ha="center")
    left.set(xlim=(0, 1), ylim=(-0.35, 1.3))
    left.set_axis_off()
    right.imshow(mask, cmap="Greys", vmin=0, vmax=1.6, extent=(0, 1, 1, 0), aspect="auto")
    right.set(xticks=[0, 1], yticks=[0, 1], xlabel="$v$")
    right.set_ylabel("$u$", rotation=0)
    return figure


def histograms_by_width(result: xr.Dataset, estimator: str) -> Figure:
    """Draw the mean histogram, plain or cross-fitted, of every method (rows) at every width.

    Of a dataset of :func:`graphon_lib.experiments.sorted_histograms.sorted_histograms`, say; each
    row has a colour scale of its own that starts at 0.
    """
    histograms = result.histogram.sel(estimator=estimator)
    columns = {f"$n = {width}$": histograms.sel(width=width) for width in result.width.values}
    return _histogram_grid(columns)


def histograms_by_mask(result: xr.Dataset, widths: Sequence[int], estimator: str) -> Figure:
    """Draw the mean histogram, plain or cross-fitted, of every method (rows) in every mask by width.

    Of a dataset of :func:`graphon_lib.experiments.convergence.convergence` for one depth and density;
    masks between hidden layers are counted from 1.
    """
    histograms = result.histogram.sel(estimator=estimator)
    return _histogram_grid(
        {
            f"mask {mask},\n$n = {width}$": histograms.sel(mask=mask, width=width)
            for mask in result["mask"].values
            for width in widths
        }
    )


def histograms_by_setting(
    result: xr.Dataset, settings: Sequence[tuple[int, int, float]], estimator: str
) -> Figure:
    """Draw the mean histogram, plain or cross-fitted, of every method (rows) in some settings (columns).

    Of a dataset of :func:`graphon_lib.experiments.convergence.convergence` for one width; a setting is
    the hidden layers, the mask between hidden layers counted from 1, and the density.
    """
    histograms = result.histogram.sel(estimator=estimator)
    return _histogram_grid(
        {
            f"{layers} hidden,\nmask {mask},\n$p = {density:g}$": histograms.sel(
                hidden_layers=layers, mask=mask, density=density
            )
            for layers, mask, density in settings
        }
    )


def _histogram_grid(columns: Mapping[str, xr.DataArray]) -> Figure:
    """Draw histograms (pruning, row, column), a column of panels for each title."""
    methods = next(iter(columns.values())).pruning.values
    # A row is as high as its panels are wide.
    height = 4.1 / len(columns) + 0.12
    figure, panels = draw.grid(height * len(methods) + 0.6, len(methods), len(columns))
    for row, method in zip(panels, methods, strict=True):
        pictures = [histograms.sel(pruning=method) for histograms in columns.values()]
        highest = max(float(picture.max()) for picture in pictures)
        for panel, picture in zip(row, pictures, strict=True):
            image = draw.matrix(panel, picture, cmap=SEQUENTIAL, vmin=0.0, vmax=highest)
            panel.set_aspect("equal")
        row[0].set_ylabel(label_of(method))
        bar = figure.colorbar(image, ax=list(row), fraction=0.05, pad=0.02)
        bar.locator = MaxNLocator(3)
        bar.update_ticks()
    for panel, title in zip(panels[0], columns, strict=True):
        panel.set_title(title, fontsize=9 if "\n" in title else 10)
    figure.supxlabel("neurons of the layer before, by degree", fontsize=10)
    figure.supylabel("neurons of the layer after, by degree", fontsize=10)
    return figure


def sorting_gradient(result: xr.Dataset, density: float) -> Figure:
    """Draw the diagonal of random pruning's histogram, measured and expected, a panel a width.

    Of a dataset of :func:`graphon_lib.experiments.sorted_histograms.sorted_histograms`, whose masks
    have this density.
    """
    widths = result.width.values
    figure, (panels,) = draw.grid(2.7, 1, len(widths), sharey=True)
    for panel, width in zip(panels, widths, strict=True):
        at_width = result.sel(pruning="random", width=width)
        blocks = at_width.sizes["row"]
        positions = (np.arange(blocks) + 0.5) / blocks
        for estimator, look in zip(("plain", "cross-fitted"), SERIES, strict=False):
            diagonal = np.diagonal(at_width.histogram.sel(estimator=estimator))
            small = {"linestyle": "none", "markersize": 2.5, "label": estimator}
            panel.plot(positions, diagonal, **look.line, **small)
        expected = np.diagonal(sorting_artefact(density, (int(width), int(width)), blocks))
        panel.plot(positions, expected, color="black", linewidth=1.0, label="expected")
        draw.level(panel, density)
        panel.set(title=f"$n = {width}$", xlabel="$u = v$")
    panels[0].set_ylabel("block mean")
    return draw.with_legend(figure, loc="outside upper center")


def degrees_of_neurons(result: xr.Dataset) -> Figure:
    """Draw in-degree against out-degree of the same neurons, a panel a method, all on one scale."""
    figure, panels, spare = draw.method_panels(
        result.pruning.values, height=2.0, sharex=True, sharey=True
    )
    for method, panel in panels.items():
        of_method = result.sel(pruning=method)
        look = {"color": look_of(method).colour, "markersize": 2.0, "markeredgewidth": 0.0}
        panel.plot(of_method.in_degree, of_method.out_degree, "o", alpha=0.5, **look)
        panel.set_aspect("equal")
    # All panels share the axes.
    panel.set(xlim=(0.0, None), ylim=(0.0, None))
    spare.text(0.1, 0.5, "one dot\na neuron", va="center")
    figure.supxlabel("in-degree (fraction of weights kept)", fontsize=10)
    figure.supylabel("out-degree (fraction kept)", fontsize=10)
    return figure


def path_densities(result: xr.Dataset) -> Figure:
    """Draw the path density of two readings over that of the mask, against the density.

    Of a dataset of :func:`graphon_lib.experiments.shared_positions.shared_positions`; a panel for
    each reading.
    """
    figure, (panels,) = draw.grid(3.0, 1, 2, sharey=True)
    exact = result.path_density.sel(reading="mask")
    titles = {"degree": "sorted apart", "joint": "one position per neuron"}
    for panel, (reading, title) in zip(panels, titles.items(), strict=True):
        draw.method_lines(panel, result.path_density.sel(reading=reading) / exact, "density")
        draw.level(panel)
        draw.ticks(panel.xaxis, result.density.values)
        panel.margins(x=0.12)
        panel.set(xlabel="density of the network", title=title)
    panels[0].set_ylabel("path density / the mask's")
    return draw.with_legend(figure)
