"""Figures on estimators of a mask's graphon: recovery and residuals."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from graphon_lib.book.figures.panels import method_lines, method_panels, show_matrix, width_axis
from graphon_lib.book.looks import SERIES
from graphon_lib.book.style import SEQUENTIAL, label_of, new_figure
from graphon_lib.experiments.fits import fit_slope
from graphon_lib.graphons.singular import debiased_singular_value

__all__ = [
    "debiased",
    "matrices",
    "recovery_errors",
    "residual_operator_norms",
    "residual_spectra",
    "structure_left",
    "vector_positions",
]

ESTIMATOR_STYLES = (("#D55E00", "o", "-"), ("#0072B2", "s", "--"), ("#009E73", "^", ":"))


def matrices(panels: Mapping[str, np.ndarray], *, columns: int) -> Figure:
    """Draw titled matrices of probabilities on one colour scale that starts at 0."""
    rows = -(-len(panels) // columns)
    figure = new_figure(1.75 * rows)
    axes = figure.subplots(rows, columns, squeeze=False)
    limit = max(float(np.max(values)) for values in panels.values())
    for panel, (title, values) in zip(axes.ravel(), panels.items(), strict=True):
        image = show_matrix(panel, np.asarray(values), cmap=SEQUENTIAL, vmin=0.0, vmax=limit)
        panel.set_title(title)
    figure.colorbar(image, ax=axes, fraction=0.04)
    return figure


def recovery_errors(result: xr.Dataset) -> Figure:
    """Draw the error of every estimator against the size, a panel for each known graphon.

    Parameters
    ----------
    result
        Dataset of :func:`graphon_lib.experiments.estimator_recovery.estimator_recovery`.

    Returns
    -------
    matplotlib.figure.Figure
        The figure, on logarithmic axes, with standard errors over trials, and the fitted slope of
        every estimator with its standard error.
    """
    graphons = result.graphon.values
    figure = new_figure(6.4)
    axes = figure.subplots(3, 2, sharex=True, sharey=True)
    flat = axes.ravel()
    for panel, graphon in zip(flat, graphons, strict=False):
        for estimator, (colour, marker, line) in zip(
            result.estimator.values, ESTIMATOR_STYLES, strict=True
        ):
            error = result.error.sel(graphon=graphon, estimator=estimator)
            panel.errorbar(
                result["size"],
                error.mean("trial"),
                error.std("trial") / np.sqrt(error.sizes["trial"]),
                color=colour,
                marker=marker,
                linestyle=line,
                label=estimator,
            )
            slope = fit_slope(error["size"].broadcast_like(error), error)
            panel.text(
                0.04,
                0.24 - 0.09 * len(panel.texts),
                f"{slope.value:+.2f} ± {slope.standard_error:.2f}",
                color=colour,
                transform=panel.transAxes,
                fontsize=8,
            )
        panel.set_title(graphon)
        panel.set_xscale("log")
        panel.set_yscale("log")
    for panel in flat[len(graphons) :]:
        panel.set_axis_off()
        panel.legend(*flat[0].get_legend_handles_labels(), loc="center")
    for panel in axes[:, 0]:
        panel.set_ylabel("error of probabilities")
    for panel in (axes[-1, 0], axes[-2, 1]):
        panel.set_xlabel("rows $n$")
        panel.xaxis.set_tick_params(labelbottom=True)
    return figure


def residual_spectra(result: xr.Dataset, width: int) -> Figure:
    """Draw the leading singular values of mask minus estimate at one width, by method.

    Parameters
    ----------
    result
        Dataset of :func:`graphon_lib.experiments.residual_spectra.residual_spectra`.
    width
        The width to show.

    Returns
    -------
    matplotlib.figure.Figure
        A panel a method: the three kinds of blocks, and for blocks by degree a mask with
        independent entries of the estimated probabilities.
    """
    values = result.singular_value.sel(width=width).mean("trial")
    figure, panels, spare = method_panels(result.pruning.values, height=2.1)
    series = [
        (estimator, "mask", colour, marker, estimator)
        for estimator, (colour, marker, _) in zip(
            result.estimator.values, ESTIMATOR_STYLES, strict=True
        )
    ]
    series.append(("degree", "sampled", "0.5", "_", "chance alone"))
    top = 1.08 * float(values.max())
    for method, panel in panels.items():
        for estimator, source, colour, marker, label in series:
            panel.plot(
                result["rank"],
                values.sel(pruning=method, estimator=estimator, source=source),
                marker,
                color=colour,
                markersize=4,
                label=label,
            )
        panel.set_ylim(0.0, top)
        panel.set_xlabel("rank")
    spare.legend(*panel.get_legend_handles_labels(), loc="center")
    for panel in list(panels.values())[::3]:
        panel.set_ylabel("singular value / $n$")
    return figure


def residual_operator_norms(results: Mapping[str, xr.Dataset]) -> Figure:
    """Draw how far the largest residual singular value exceeds chance, against the width.

    Parameters
    ----------
    results
        By the initialisation, datasets of
        :func:`graphon_lib.experiments.residual_spectra.residual_spectra`.

    Returns
    -------
    matplotlib.figure.Figure
        The ratio of the mask's value to that of a mask with independent entries; a row an
        initialisation and a column an estimator.
    """
    (first, *_) = results.values()
    figure = new_figure(0.9 + 2.2 * len(results))
    axes = figure.subplots(
        len(results), first.sizes["estimator"], sharex=True, sharey=True, squeeze=False
    )
    for row, (name, result) in zip(axes, results.items(), strict=True):
        largest = result.singular_value.isel(rank=0)
        ratio = largest.sel(source="mask") / largest.sel(source="sampled")
        for panel, estimator in zip(row, result.estimator.values, strict=True):
            method_lines(panel, ratio.sel(estimator=estimator), "width")
            panel.axhline(1.0, color="0.6", linewidth=0.8, zorder=0)
            width_axis(panel, result.width.values, 90)
        row[0].set_ylabel(f"{name}\nlargest value / chance")
    for panel, estimator in zip(axes[0], first.estimator.values, strict=True):
        panel.set_title(estimator)
    for panel in axes[-1]:
        panel.set_xlabel("width $n$")
    figure.legend(*axes[0, 0].get_legend_handles_labels(), loc="outside lower center", ncols=3)
    return figure


def vector_positions(by_blocks: xr.Dataset, by_vectors: Mapping[str, xr.Dataset]) -> Figure:
    """Draw largest residual singular values over chance: numbers against vectors as positions.

    Parameters
    ----------
    by_blocks
        Dataset of :func:`graphon_lib.experiments.residual_spectra.residual_spectra`.
    by_vectors
        By the initialisation, datasets of
        :func:`graphon_lib.experiments.vector_positions.vector_positions`.

    Returns
    -------
    matplotlib.figure.Figure
        A panel a method, with 95% intervals over networks.
    """
    (first, *_) = by_vectors.values()
    figure = new_figure(3.1)
    axes = figure.subplots(1, first.sizes["pruning"], sharey=True)
    styles = (*ESTIMATOR_STYLES, ("#000000", "x", "-."))
    series = {
        "blocks by degree": by_blocks.sel(estimator="degree"),
        "clusters": by_blocks.sel(estimator="clusters"),
        **{f"vectors, {name}": result for name, result in by_vectors.items()},
    }
    for panel, method in zip(axes, first.pruning.values, strict=True):
        for (label, dataset), (colour, marker, line) in zip(series.items(), styles, strict=False):
            largest = dataset.singular_value.sel(pruning=method).isel(rank=0)
            ratio = largest.sel(source="mask") / largest.sel(source="sampled")
            _means(panel, ratio, color=colour, marker=marker, linestyle=line, label=label)
        panel.axhline(1.0, color="0.6", linewidth=0.8, zorder=0)
        width_axis(panel, first.width.values)
        panel.set_xlabel("width $n$")
        panel.set_title(label_of(method))
    axes[0].set_ylabel("largest singular value / chance")
    figure.legend(*axes[0].get_legend_handles_labels(), loc="outside lower center", ncols=2)
    return figure


def structure_left(results: Mapping[str, xr.Dataset]) -> Figure:
    """Draw what blocks by degree leave over of SNIP and GraSP, without what noise adds to it.

    Parameters
    ----------
    results
        By a name, datasets of
        :func:`graphon_lib.experiments.residual_spectra.residual_spectra`.

    Returns
    -------
    matplotlib.figure.Figure
        Largest singular values of the structure, :func:`debiased`, with 95% intervals over networks,
        a panel a method; in grey what chance alone reaches, and a half of it, below which a structure
        is not seen.
    """
    figure = new_figure(3.0)
    axes = figure.subplots(1, 2, sharey=True)
    for panel, method in zip(axes, ("snip", "grasp"), strict=True):
        for (name, result), look in zip(results.items(), SERIES, strict=False):
            _means(
                panel,
                debiased(result).sel(pruning=method),
                color=look.colour,
                marker=look.marker,
                label=name,
            )
            edge = result.singular_value.sel(pruning=method, estimator="degree", source="sampled")
            edge = edge.isel(rank=0).mean("trial")
            for share, line in ((1.0, ":"), (0.5, "-.")):
                panel.plot(edge.width, share * edge, line, color="0.6", linewidth=0.9, zorder=0)
        width_axis(panel, result.width.values)
        panel.set_xlabel("width $n$")
        panel.set_ylim(0.0, None)
        panel.set_title(label_of(method))
    axes[0].set_ylabel("singular value of the structure")
    figure.legend(*axes[0].get_legend_handles_labels(), loc="outside lower center", ncols=3)
    return figure


def debiased(result: xr.Dataset) -> xr.DataArray:
    """Return the largest singular value that blocks by degree leave, without what noise adds.

    Dimensions (pruning, width, trial); the noise is that of each network's sampled mask.
    """
    largest = result.singular_value.sel(estimator="degree").isel(rank=0)
    mask, sampled = (largest.sel(source=s, drop=True) for s in ("mask", "sampled"))
    return mask.copy(data=debiased_singular_value(mask, sampled))


def _means(panel: Axes, values: xr.DataArray, **style: str) -> None:
    """Draw means over networks with 95% intervals by Student's t; of one network, without."""
    from scipy.stats import t

    count = values.count("trial")
    quantile = t.ppf(0.975, np.maximum(count - 1, 1))
    half = quantile * values.std("trial", ddof=1) / np.sqrt(count)
    panel.errorbar(values.width, values.mean("trial"), half, capsize=2, **style)
