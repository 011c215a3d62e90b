"""Figures of the chapter on masks as graphons."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import xarray as xr
from matplotlib.figure import Figure

from graphon_lib.book.figures.panels import show_matrix
from graphon_lib.book.style import SEQUENTIAL, label_of, new_figure
from graphon_lib.graphons.sas import sorting_artefact

__all__ = ["bipartite_graph", "histograms_by_setting", "histograms_by_width", "sorting_gradient"]


def bipartite_graph(mask: np.ndarray) -> Figure:
    """Draw a small mask as a bipartite graph and, beside it, as a function on the unit square."""
    outputs, inputs = mask.shape
    figure = new_figure(2.5)
    left, right = figure.subplots(1, 2)
    v = (np.arange(inputs) + 0.5) / inputs
    u = (np.arange(outputs) + 0.5) / outputs
    for i, j in np.argwhere(mask):
        left.plot([v[j], u[i]], [0, 1], color="0.55", linewidth=0.9, zorder=1)
    left.scatter(v, np.zeros(inputs), s=90, color="white", edgecolor="black", zorder=2)
    left.scatter(u, np.ones(outputs), s=90, color="black", zorder=2)
    left.text(0.5, -0.22, "neurons $v$ of layer $l-1$", ha="center")
    left.text(0.5, 1.14, "neurons $u$ of layer $l$", ha="center")
    left.set_xlim(0, 1)
    left.set_ylim(-0.35, 1.3)
    left.set_axis_off()
    right.imshow(mask, cmap="Greys", vmin=0, vmax=1.6, extent=(0, 1, 1, 0), aspect="auto")
    right.set_xticks([0, 1])
    right.set_yticks([0, 1])
    right.set_xlabel("$v$")
    right.set_ylabel("$u$", rotation=0)
    return figure


def histograms_by_width(result: xr.Dataset, estimator: str) -> Figure:
    """Draw the mean histogram of every method (rows) at every width (columns).

    Parameters
    ----------
    result
        Dataset of :func:`graphon_lib.experiments.sorted_histograms.sorted_histograms`.
    estimator
        ``"plain"`` or ``"cross-fitted"``.

    Returns
    -------
    matplotlib.figure.Figure
        The figure; each row has a colour scale of its own that starts at 0.
    """
    histograms = result.histogram.sel(estimator=estimator)
    columns = {f"$n = {width}$": histograms.sel(width=width) for width in result.width.values}
    return _histogram_grid(columns)


def histograms_by_setting(
    result: xr.Dataset, settings: Sequence[tuple[int, int, float]], estimator: str
) -> Figure:
    """Draw the mean histogram of every method (rows) in several settings (columns).

    Parameters
    ----------
    result
        Dataset of :func:`graphon_lib.experiments.convergence.convergence` for one width.
    settings
        For every column the hidden layers, the mask between hidden layers counted from 1, and
        the density.
    estimator
        ``"plain"`` or ``"cross-fitted"``.

    Returns
    -------
    matplotlib.figure.Figure
        The figure; each row has a colour scale of its own that starts at 0.
    """
    histograms = result.histogram.sel(estimator=estimator)
    return _histogram_grid(
        {
            f"{layers} hidden\nmask {mask}\n{density:g}": histograms.sel(
                hidden_layers=layers, mask=mask, density=density
            )
            for layers, mask, density in settings
        }
    )


def _histogram_grid(columns: Mapping[str, xr.DataArray]) -> Figure:
    """Draw histograms (pruning, row, column), a column of panels for each title."""
    methods = next(iter(columns.values())).pruning.values
    figure = new_figure(min(1.42, 5.6 / len(columns) + 0.3) * len(methods))
    axes = figure.subplots(len(methods), len(columns), squeeze=False)
    for row, method in zip(axes, methods, strict=True):
        pictures = [histograms.sel(pruning=method) for histograms in columns.values()]
        highest = max(float(picture.max()) for picture in pictures)
        for panel, picture in zip(row, pictures, strict=True):
            image = show_matrix(panel, picture, cmap=SEQUENTIAL, vmin=0.0, vmax=highest)
            panel.set_aspect("equal")
        row[0].set_ylabel(label_of(method))
        figure.colorbar(image, ax=list(row), fraction=0.05, pad=0.02)
    for panel, title in zip(axes[0], columns, strict=True):
        panel.set_title(title)
    return figure


def sorting_gradient(result: xr.Dataset, density: float) -> Figure:
    """Draw the diagonal of random pruning's histogram, measured and expected, for every width.

    Parameters
    ----------
    result
        Dataset of :func:`graphon_lib.experiments.sorted_histograms.sorted_histograms`.
    density
        Density of the masks.

    Returns
    -------
    matplotlib.figure.Figure
        One panel a width: plain histogram, its expectation, cross-fitted histogram.
    """
    widths = result.width.values
    figure = new_figure(2.7)
    axes = figure.subplots(1, len(widths), sharey=True, squeeze=False)
    for panel, width in zip(axes[0], widths, strict=True):
        at_width = result.sel(pruning="random", width=width)
        blocks = at_width.sizes["row"]
        positions = (np.arange(blocks) + 0.5) / blocks
        for estimator, colour, marker in (
            ("plain", "#D55E00", "o"),
            ("cross-fitted", "#0072B2", "s"),
        ):
            diagonal = np.diagonal(at_width.histogram.sel(estimator=estimator))
            panel.plot(positions, diagonal, marker, color=colour, markersize=2.5, label=estimator)
        expected = np.diagonal(sorting_artefact(density, (int(width), int(width)), blocks))
        panel.plot(positions, expected, color="black", linewidth=1.0, label="expected")
        panel.axhline(density, color="0.6", linewidth=0.8, zorder=0)
        panel.set_title(f"$n = {width}$")
        panel.set_xlabel("$u = v$")
    axes[0, 0].set_ylabel("block mean")
    figure.legend(*axes[0, 0].get_legend_handles_labels(), loc="outside upper center", ncols=3)
    return figure
