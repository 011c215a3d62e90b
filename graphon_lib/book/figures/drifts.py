"""Figures on drifting weights: the kernel's convergence, scaling with the width, remedies, depth."""

from __future__ import annotations

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from graphon_lib.book.figures.panels import method_lines, width_axis
from graphon_lib.book.style import label_of, new_figure
from graphon_lib.experiments.fits import Slope, fit_slope
from graphon_lib.experiments.roads import ROADS

__all__ = [
    "drift_by_width",
    "drift_remedies",
    "hidden_drift",
    "scaling_exponent",
    "signed_by_depth",
    "signed_convergence",
]

SERIES = (("#000000", "o"), ("#0072B2", "s"), ("#D55E00", "^"))
REMEDY_STYLES = {
    "kept": ("#000000", "o", "-"),
    "centred by layer": ("#D55E00", "s", "-"),
    "centred by input": ("#E69F00", "D", "--"),
    "centred by neuron": ("#0072B2", "^", "-"),
    "signs randomised": ("#009E73", "v", "--"),
    "re-drawn": ("#767676", "P", ":"),
}
ROAD_STYLES = {
    "theory, joint": ("#767676", "P", ":"),
    "theory, second moments": ("#E69F00", "s", "--"),
    "theory, shrunk drifts": ("#0072B2", "o", "-"),
}


def scaling_exponent(values: xr.DataArray) -> Slope:
    """Return the exponent of the width in some values, by least squares of logarithms.

    Parameters
    ----------
    values
        Positive, with a dimension ``width``; those that are NaN do not count.

    Returns
    -------
    Slope
    """
    width, values = xr.broadcast(values.width, values)
    there = values.notnull().values
    return fit_slope(width.values[there], values.values[there])


def hidden_drift(result: xr.Dataset) -> xr.DataArray:
    r"""Return the root mean square of the drifts of the hidden-to-hidden layers.

    Parameters
    ----------
    result
        Dataset of :func:`graphon_lib.experiments.drift_scaling.drift_scaling`.

    Returns
    -------
    xarray.DataArray
        Of :math:`\sqrt n |E[w M]|`, dimensions (pruning, width, trial).
    """
    return np.sqrt((result.drift[..., 1:-1] ** 2).mean("weight_layer", skipna=False))


def signed_convergence(result: xr.Dataset) -> Figure:
    """Draw the error of the kernels of sampled networks against the width, by drift.

    Parameters
    ----------
    result
        Dataset of
        :func:`graphon_lib.experiments.signed_kernel_convergence.signed_kernel_convergence`.

    Returns
    -------
    matplotlib.figure.Figure
        The figure, on logarithmic axes: against the kernel with drifts, with fitted exponents, and
        in lighter lines against that without.
    """
    figure = new_figure(4.2)
    axes = figure.subplots()
    for strength, (colour, marker) in zip(result.strength.values, SERIES, strict=False):
        error = result.error.sel(strength=strength)
        slope = scaling_exponent(error)
        axes.errorbar(
            result.width,
            error.mean("trial"),
            error.std("trial") / np.sqrt(error.count("trial")),
            color=colour,
            marker=marker,
            capsize=2,
            label=f"drift × {strength:g}: {slope.value:.2f} ± {2 * slope.standard_error:.2f}",
        )
        axes.plot(
            result.width,
            result.error_without_drift.sel(strength=strength).mean("trial"),
            color=colour,
            marker=marker,
            fillstyle="none",
            linestyle=":",
            linewidth=1.0,
        )
    _width_axis(axes, result)
    axes.set_ylabel("relative error of one network's kernel")
    figure.legend(
        *axes.get_legend_handles_labels(),
        title="with drift (full): exponent, two standard errors; without (dotted)",
        loc="outside lower center",
    )
    return figure


def drift_by_width(result: xr.Dataset, method: str = "grasp") -> Figure:
    """Draw the drift of the hidden layers against the width: a line a method, and a line a layer.

    Parameters
    ----------
    result
        Dataset of :func:`graphon_lib.experiments.drift_scaling.drift_scaling`.
    method
        Whose layers are drawn in the right panel.

    Returns
    -------
    matplotlib.figure.Figure
        The figure, on logarithmic axes: means over networks with standard deviations, and lines of
        slope 1/2; exponents by layer with 95% intervals.
    """
    figure = new_figure(3.6)
    by_method, by_layer = figure.subplots(1, 2, sharey=True)
    drift = hidden_drift(result)
    method_lines(by_method, drift, "width")
    layers = abs(result.drift.sel(pruning=method)).isel(weight_layer=slice(1, -1))
    for layer, (colour, marker) in zip(layers.weight_layer.values, SERIES, strict=False):
        of_layer = layers.sel(weight_layer=layer)
        slope = scaling_exponent(of_layer)
        label = f"layer {layer}: {slope.value:.2f} ± {slope.half_width:.2f}"
        error = of_layer.std("trial")
        by_layer.errorbar(
            of_layer.width, of_layer.mean("trial"), error, color=colour, marker=marker, label=label
        )
    widths = result.width.values
    for panel, top in ((by_method, drift), (by_layer, layers)):
        start = 0.7 * float(top.isel(width=0).mean("trial").max())
        guide = start * (widths / widths[0]) ** 0.5
        panel.plot(widths, guide, color="0.6", linewidth=0.9, zorder=0)
        _width_axis(panel, result)
    by_method.text(widths[-2], 0.5 * guide[-2], "$n^{1/2}$", color="0.35")
    by_method.set_ylabel(r"drift $\sqrt{n}\,|E[wM]|$, hidden layers")
    by_layer.set_title(label_of(method))
    by_layer.legend(fontsize="x-small", loc="lower right")
    figure.legend(*by_method.get_legend_handles_labels(), loc="outside lower center", ncols=3)
    return figure


def drift_remedies(result: xr.Dataset) -> Figure:
    """Draw the trace of the measured kernel against the width after each remedy.

    Parameters
    ----------
    result
        Dataset of :func:`graphon_lib.experiments.drift_scaling.drift_scaling`.

    Returns
    -------
    matplotlib.figure.Figure
        The figure, a panel for each method treated, with standard deviations over networks.
    """
    treated = result.trace.dropna("pruning", how="all").dropna("width", how="all")
    figure = new_figure(3.9)
    panels = figure.subplots(1, treated.sizes["pruning"], squeeze=False)[0]
    for panel, method in zip(panels, treated.pruning.values, strict=True):
        for road, (colour, marker, line) in REMEDY_STYLES.items():
            trace = treated.sel(pruning=method, road=road)
            panel.errorbar(
                trace.width,
                trace.mean("trial"),
                trace.std("trial"),
                color=colour,
                marker=marker,
                linestyle=line,
                capsize=2,
                label=ROADS[road].label,
            )
        _width_axis(panel, treated)
        panel.set_title(label_of(method))
    panels[0].set_ylabel("trace of the measured kernel / digits")
    figure.legend(*panels[0].get_legend_handles_labels(), loc="outside lower center", ncols=3)
    return figure


def signed_by_depth(result: xr.Dataset) -> Figure:
    """Draw the trace of predicted kernels over the measured one, and their energy, against the depth.

    Parameters
    ----------
    result
        Dataset of :func:`graphon_lib.experiments.signed_depth.signed_depth`.

    Returns
    -------
    matplotlib.figure.Figure
        The figure: traces above, shares of the five largest eigenvalues below, a column a method;
        means over networks with standard deviations.
    """
    figure = new_figure(5.0)
    panels = figure.subplots(2, result.sizes["pruning"], sharex=True, sharey="row", squeeze=False)
    for column, method in zip(panels.T, result.pruning.values, strict=True):
        of_method = result.sel(pruning=method)
        ratio = of_method.trace / of_method.trace.sel(road="kept")
        for road, (colour, marker, line) in ROAD_STYLES.items():
            for panel, values in zip(column, (ratio, of_method.energy), strict=True):
                panel.errorbar(
                    result.hidden_layers,
                    values.sel(road=road).mean("trial"),
                    values.sel(road=road).std("trial"),
                    color=colour,
                    marker=marker,
                    linestyle=line,
                    capsize=2,
                    label=ROADS[road].label,
                )
        measured = of_method.energy.sel(road="kept")
        column[0].axhline(1.0, color="0.6", linewidth=0.8, zorder=0)
        column[1].errorbar(
            result.hidden_layers,
            measured.mean("trial"),
            measured.std("trial"),
            color="#000000",
            marker="D",
            capsize=2,
            label=ROADS["kept"].label,
        )
        column[0].set_yscale("log")
        column[0].set_title(label_of(method))
        column[1].set_xlabel("hidden layers")
        column[1].set_xticks(result.hidden_layers.values)
    panels[0, 0].set_ylabel("trace, predicted / measured")
    panels[1, 0].set_ylabel("top-5 energy")
    figure.legend(*panels[1, 0].get_legend_handles_labels(), loc="outside lower center", ncols=2)
    return figure


def _width_axis(axes: Axes, result: xr.Dataset | xr.DataArray) -> None:
    axes.set_yscale("log")
    width_axis(axes, result.width.values)
    axes.set_xlabel("width $n$")
