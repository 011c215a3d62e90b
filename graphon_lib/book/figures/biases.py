"""Figures on biases: the kernel's convergence with them, and how much of the kernel they are."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import xarray as xr
from matplotlib.figure import Figure

from graphon_lib.book.figures.panels import width_axis
from graphon_lib.book.style import label_of, look_of, new_figure
from graphon_lib.experiments.fits import fit_slope

__all__ = ["bias_share", "bias_shares", "convergence_with_biases"]

SERIES = (("#000000", "o"), ("#D55E00", "s"), ("#0072B2", "^"))
MEASURED = (("kept", "o"), ("re-drawn", "^"))
THEORIES = {"kept": "theory, second moments", "re-drawn": "theory, joint"}


def convergence_with_biases(result: xr.Dataset) -> Figure:
    """Draw the error of the kernels of sampled networks with biases, a panel for every law.

    Parameters
    ----------
    result
        Dataset of :func:`graphon_lib.experiments.bias_convergence.bias_convergence`.

    Returns
    -------
    matplotlib.figure.Figure
        The figure, on logarithmic axes: means over draws with standard errors, and in dotted lines
        those of the theory without biases. Fitted exponents with 95% intervals in the legends.
    """
    figure = new_figure(3.9)
    panels = figure.subplots(1, result.sizes["law"], sharey=True)
    for panel, law in zip(panels, result.law.values, strict=True):
        for design, (colour, marker) in zip(result.design.values, SERIES, strict=False):
            of_design = result.sel(law=law, design=design)
            error = of_design.error
            slope = fit_slope(error.width.broadcast_like(error), error)
            panel.errorbar(
                error.width,
                error.mean("trial"),
                error.std("trial", ddof=1) / np.sqrt(error.sizes["trial"]),
                color=colour,
                marker=marker,
                label=f"{design}: {slope.value:.2f} ± {slope.half_width:.2f}",
            )
            panel.plot(
                error.width,
                of_design.error_without_biases.mean("trial"),
                color=colour,
                marker=marker,
                fillstyle="none",
                linestyle=":",
                linewidth=1.0,
            )
        widths = result.width.values
        start = 0.6 * float(result.error.sel(law=law).isel(width=0).mean())
        panel.plot(widths, start * (widths / widths[0]) ** -0.5, color="0.6", linewidth=0.9)
        width_axis(panel, widths, 60)
        panel.set_xlabel("width $n$")
        panel.set_title(str(law))
        panel.set_yscale("log")
        panel.legend(title="design: exponent", loc="lower left", fontsize="x-small")
    panels[0].set_ylabel("relative error of the kernel")
    return figure


def bias_share(result: xr.Dataset) -> xr.DataArray:
    """Return the part of the kernel's trace that is by biases.

    Parameters
    ----------
    result
        Dataset of :func:`graphon_lib.experiments.neuron_terms.neuron_terms`.

    Returns
    -------
    xarray.DataArray
        Without the dimensions of layers and parts.
    """
    of_parts = result.term.sum("weight_layer", skipna=False)
    return of_parts.sel(part="biases") / of_parts.sum("part", skipna=False)


def bias_shares(results: Mapping[str, xr.Dataset]) -> Figure:
    """Draw the biases' part of the trace by method, a row a result and a column a density.

    Parameters
    ----------
    results
        By title, datasets of :func:`graphon_lib.experiments.neuron_terms.neuron_terms` at one width.

    Returns
    -------
    matplotlib.figure.Figure
        The figure: means over networks with standard errors, mostly smaller than the markers, and a
        black dash for each theory.
    """
    densities = next(iter(results.values())).density.values
    figure = new_figure(1.0 + 1.9 * len(results))
    rows = figure.subplots(len(results), len(densities), sharex=True, sharey=True, squeeze=False)
    for row, (title, result) in zip(rows, results.items(), strict=True):
        share = bias_share(result)
        methods = result.pruning.values
        for panel, density in zip(row, densities, strict=True):
            for offset, (road, marker) in zip((-0.17, 0.17), MEASURED, strict=True):
                values = share.sel(density=density, road=road)
                places = np.arange(len(methods)) + offset
                error = values.std("trial", ddof=1) / np.sqrt(values.count("trial"))
                for m, method in enumerate(methods):
                    panel.errorbar(
                        places[m],
                        values.mean("trial").values[m],
                        error.values[m],
                        marker=marker,
                        color=look_of(method).colour,
                        markersize=5,
                    )
                theory = share.sel(density=density, road=THEORIES[road]).mean("trial")
                panel.hlines(theory, places - 0.14, places + 0.14, color="black", zorder=3)
                panel.plot([], [], marker, color="0.4", label=f"measured, {road}")
            panel.set_title(f"{title}, density {density:g}", fontsize="medium")
            panel.set_xticks(range(len(methods)), [label_of(m) for m in methods], rotation=40)
        row[0].set_ylabel("part of the trace")
    rows[0, 0].plot([], [], "_", color="black", markersize=10, label="theory")
    rows[0, 0].set_ylim(-0.03, 1.03)
    figure.legend(*rows[0, 0].get_legend_handles_labels(), loc="outside lower center", ncols=3)
    return figure
