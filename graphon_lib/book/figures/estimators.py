"""Figures on estimators of a mask's graphon: recovery and residuals."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import xarray as xr
from matplotlib.figure import Figure

from graphon_lib.book.figures import draw
from graphon_lib.book.looks import SERIES
from graphon_lib.book.style import SEQUENTIAL, label_of
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


def matrices(pictures: Mapping[str, np.ndarray], *, columns: int) -> Figure:
    """Draw titled matrices of probabilities on one colour scale that starts at 0."""
    rows = -(-len(pictures) // columns)
    figure, axes = draw.grid(1.75 * rows, rows, columns)
    limit = max(float(np.max(values)) for values in pictures.values())
    for panel, (title, values) in zip(axes.ravel(), pictures.items(), strict=True):
        image = draw.matrix(panel, np.asarray(values), cmap=SEQUENTIAL, vmin=0.0, vmax=limit)
        panel.set_title(title)
    figure.colorbar(image, ax=axes, fraction=0.04)
    return figure


def recovery_errors(result: xr.Dataset) -> Figure:
    """Draw the error of every estimator against the size, a panel for each known graphon.

    Of a dataset of :func:`graphon_lib.experiments.estimator_recovery.estimator_recovery`: with
    standard errors over trials, and the fitted slope of every estimator with its standard error.
    """
    graphons = result.graphon.values
    figure, panels = draw.grid(6.4, 3, 2, len(graphons), sharex=True, sharey=True)
    flat = panels.ravel()
    for panel, graphon in zip(flat, graphons, strict=False):
        for estimator, look in zip(result.estimator.values, SERIES, strict=False):
            error = result.error.sel(graphon=graphon, estimator=estimator)
            draw.means(panel, error, "size", draw.standard_error, label=estimator, **look.line)
            slope = fit_slope(error["size"].broadcast_like(error), error)
            text = draw.with_error(slope.value, slope.standard_error)
            at = (0.04, 0.24 - 0.09 * len(panel.texts))
            panel.text(*at, text, color=look.colour, transform=panel.transAxes, fontsize=8)
        panel.set(title=graphon, xscale="log", yscale="log")
    for panel in flat[len(graphons) :]:
        panel.legend(*flat[0].get_legend_handles_labels(), loc="center")
    for panel in panels[:, 0]:
        panel.set_ylabel("error of probabilities")
    for panel in (panels[-1, 0], panels[-2, 1]):
        panel.set_xlabel("rows $n$")
        panel.xaxis.set_tick_params(labelbottom=True)
    return figure


def residual_spectra(result: xr.Dataset, width: int) -> Figure:
    """Draw the leading singular values of mask minus estimate at one width, by method.

    The three kinds of blocks, and for blocks by degree a mask with independent entries of the
    estimated probabilities. Of a dataset of
    :func:`graphon_lib.experiments.residual_spectra.residual_spectra`.
    """
    values = result.singular_value.sel(width=width).mean("trial")
    figure, panels, spare = draw.method_panels(
        result.pruning.values, height=2.1, sharex=True, sharey=True
    )
    series = [
        (name, "mask", look.line, name)
        for name, look in zip(result.estimator.values, SERIES, strict=False)
    ]
    series.append(("degree", "sampled", {"color": "0.5", "marker": "_"}, "chance alone"))
    top = 1.08 * float(values.max())
    for method, panel in panels.items():
        for estimator, source, look, label in series:
            line = values.sel(pruning=method, estimator=estimator, source=source)
            panel.plot(line["rank"], line, linestyle="none", markersize=4, label=label, **look)
        panel.set(ylim=(0.0, top))
    spare.legend(*panel.get_legend_handles_labels(), loc="center")
    figure.supxlabel("rank", fontsize=10)
    figure.supylabel("singular value / $n$", fontsize=10)
    return figure


def _largest_over_chance(result: xr.Dataset) -> xr.DataArray:
    """Return the largest residual singular value over that of a mask with independent entries."""
    largest = result.singular_value.isel(rank=0)
    return largest.sel(source="mask") / largest.sel(source="sampled")


def residual_operator_norms(results: Mapping[str, xr.Dataset]) -> Figure:
    """Draw how far the largest residual singular value exceeds chance, against the width.

    `results` are by initialisation datasets of
    :func:`graphon_lib.experiments.residual_spectra.residual_spectra`; a row each, a column an
    estimator. Chance is that of a mask with independent entries.
    """
    (first, *_) = results.values()
    height = 0.9 + 2.2 * len(results)
    figure, rows = draw.grid(
        height, len(results), first.sizes["estimator"], sharex=True, sharey=True
    )
    for row, (name, result) in zip(rows, results.items(), strict=True):
        ratio = _largest_over_chance(result)
        for panel, estimator in zip(row, result.estimator.values, strict=True):
            draw.method_lines(panel, ratio.sel(estimator=estimator), "width")
            draw.level(panel)
            draw.width_axis(panel, result.width.values, 90)
        row[0].set_ylabel(f"{name}\nlargest value / chance")
    for panel, estimator in zip(rows[0], first.estimator.values, strict=True):
        panel.set_title(estimator)
    for panel in rows[-1]:
        panel.set_xlabel("width $n$")
    return draw.with_legend(figure)


def vector_positions(by_blocks: xr.Dataset, by_vectors: Mapping[str, xr.Dataset]) -> Figure:
    """Draw largest residual singular values over chance: numbers against vectors as positions.

    A panel a method, with 95% intervals over networks: of a dataset of
    :func:`graphon_lib.experiments.residual_spectra.residual_spectra` and, by the initialisation, of
    datasets of :func:`graphon_lib.experiments.vector_positions.vector_positions`.
    """
    (first, *_) = by_vectors.values()
    figure, (panels,) = draw.grid(3.1, 1, first.sizes["pruning"], sharey=True)
    blocks = _largest_over_chance(by_blocks)
    series = {
        "blocks by degree": blocks.sel(estimator="degree"),
        "clusters": blocks.sel(estimator="clusters"),
        **{f"vectors, {name}": _largest_over_chance(of) for name, of in by_vectors.items()},
    }
    for panel, method in zip(panels, first.pruning.values, strict=True):
        for (label, ratio), look in zip(series.items(), SERIES, strict=False):
            of_method = ratio.sel(pruning=method)
            draw.means(panel, of_method, "width", _half_width, label=label, **look.line)
        draw.level(panel)
        draw.width_axis(panel, first.width.values)
        panel.set(xlabel="width $n$", title=label_of(method))
    panels[0].set_ylabel("largest singular value / chance")
    return draw.with_legend(figure, 2)


def structure_left(results: Mapping[str, xr.Dataset]) -> Figure:
    """Draw what blocks by degree leave over of SNIP and GraSP, without what noise adds to it.

    Largest singular values of the structure, :func:`debiased`, with 95% intervals over networks, a
    panel a method; in grey what chance alone reaches, and a half of it, below which a structure is not
    seen. `results` are by a name datasets of
    :func:`graphon_lib.experiments.residual_spectra.residual_spectra`.
    """
    figure, (panels,) = draw.grid(3.0, 1, 2, sharey=True)
    for panel, method in zip(panels, ("snip", "grasp"), strict=True):
        for (name, result), look in zip(results.items(), SERIES, strict=False):
            structure = debiased(result).sel(pruning=method)
            draw.means(panel, structure, "width", _half_width, label=name, **look.line)
            edge = result.singular_value.sel(pruning=method, estimator="degree", source="sampled")
            edge = edge.isel(rank=0).mean("trial")
            for share, line in ((1.0, ":"), (0.5, "-.")):
                panel.plot(edge.width, share * edge, line, color="0.6", linewidth=0.9, zorder=0)
        draw.width_axis(panel, result.width.values)
        panel.set(xlabel="width $n$", ylim=(0.0, None), title=label_of(method))
    panels[0].set_ylabel("singular value of the structure")
    return draw.with_legend(figure)


def debiased(result: xr.Dataset) -> xr.DataArray:
    """Return the largest singular value that blocks by degree leave, without what noise adds.

    Dimensions (pruning, width, trial); the noise is that of each network's sampled mask.
    """
    largest = result.singular_value.sel(estimator="degree").isel(rank=0)
    mask, sampled = (largest.sel(source=s, drop=True) for s in ("mask", "sampled"))
    return mask.copy(data=debiased_singular_value(mask, sampled))


def _half_width(values: xr.DataArray) -> xr.DataArray:
    """Return half the width of 95% intervals of means over networks by Student's t; 0 for one."""
    from scipy.stats import t

    count = values.count("trial")
    return t.ppf(0.975, np.maximum(count - 1, 1)) * draw.standard_error(values)
