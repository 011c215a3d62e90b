"""Figures on the drift of weights: the kernel's convergence, scaling with the width, remedies, depth."""

from __future__ import annotations

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from graphon_lib.book.figures import draw
from graphon_lib.book.looks import SERIES, shades
from graphon_lib.book.style import label_of
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

REMEDIES = (
    *("kept", "centred by layer", "centred by input", "centred by neuron"),
    *("signs randomised", "re-drawn"),
)
PREDICTIONS = ("kept", "theory, joint", "theory, second moments", "theory, shrunk drifts")


def scaling_exponent(values: xr.DataArray) -> Slope:
    """Return the exponent of the width in some values, by least squares of logarithms.

    The values are positive, with a dimension ``width``; those that are NaN do not count.
    """
    width, values = xr.broadcast(values.width, values)
    there = values.notnull().values
    return fit_slope(width.values[there], values.values[there])


def hidden_drift(result: xr.Dataset) -> xr.DataArray:
    r"""Return the root mean square of the drifts :math:`\sqrt n |E[w M]|` of hidden-to-hidden layers.

    Of a dataset of :func:`graphon_lib.experiments.drift_scaling.drift_scaling`; dimensions (pruning,
    width, trial).
    """
    return np.sqrt((result.drift[..., 1:-1] ** 2).mean("weight_layer", skipna=False))


def signed_convergence(result: xr.Dataset) -> Figure:
    """Draw the error of the kernels of sampled networks against the width, by drift.

    Of a dataset of
    :func:`graphon_lib.experiments.signed_kernel_convergence.signed_kernel_convergence`: against the
    kernel with drifts, with standard errors and fitted exponents, and dotted against that without.
    """
    figure, ((panel,),) = draw.grid(4.2)
    for strength, look in zip(
        result.strength.values, shades(result.sizes["strength"]), strict=True
    ):
        error = result.error.sel(strength=strength)
        slope = scaling_exponent(error)
        label = f"drift × {strength:g}: {draw.with_error(slope.value, 2 * slope.standard_error)}"
        draw.means(panel, error, "width", draw.standard_error, label=label, **look.line)
        without = result.error_without_drift.sel(strength=strength).mean("trial")
        dotted = {"fillstyle": "none", "linestyle": ":", "linewidth": 1.0}
        panel.plot(result.width, without, **look.line, **dotted)
    _width_axis(panel, result)
    panel.set_ylabel("relative error of one network's kernel")
    title = "with drift (full): exponent, two standard errors; without (dotted)"
    return draw.with_legend(figure, 1, title=title)


def drift_by_width(result: xr.Dataset) -> Figure:
    """Draw the drift of the hidden layers against the width: a line a method, and a line a layer.

    Of a dataset of :func:`graphon_lib.experiments.drift_scaling.drift_scaling`, the layers being
    those of GraSP: with standard deviations, lines of slope 1/2, and in the legend exponents by
    layer with 95% intervals.
    """
    figure, ((by_method, by_layer),) = draw.grid(3.6, 1, 2, sharey=True)
    drift = hidden_drift(result)
    draw.method_lines(by_method, drift, "width")
    layers = abs(result.drift.sel(pruning="grasp")).isel(weight_layer=slice(1, -1))
    numbers = layers.weight_layer.values
    for layer, look in zip(numbers, shades(len(numbers)), strict=True):
        of_layer = layers.sel(weight_layer=layer)
        slope = scaling_exponent(of_layer)
        label = f"layer {layer}: {draw.with_error(slope.value, slope.half_width)}"
        draw.means(by_layer, of_layer, "width", label=label, **look.line)
    widths = result.width.values
    for panel, top in ((by_method, drift), (by_layer, layers)):
        start = 0.7 * float(top.isel(width=0).mean("trial").max())
        guide = draw.root_guide(panel, widths, start, 0.5)
        _width_axis(panel, result)
    by_method.text(widths[-2], 0.5 * guide[-2], "$n^{1/2}$", color="0.35")
    by_method.set_ylabel(r"drift $\sqrt{n}\,|E[wM]|$")
    by_method.set_title("all hidden layers")
    by_layer.set_title(f"{label_of('grasp')}, layer by layer")
    by_layer.legend(fontsize=8, loc="lower right", handlelength=1.2)
    return draw.with_legend(figure)


def drift_remedies(result: xr.Dataset) -> Figure:
    """Draw the trace of the measured kernel against the width after each remedy, by method treated.

    Of a dataset of :func:`graphon_lib.experiments.drift_scaling.drift_scaling`.
    """
    treated = result.trace.dropna("pruning", how="all").dropna("width", how="all")
    figure, (panels,) = draw.grid(3.9, 1, treated.sizes["pruning"])
    for panel, method in zip(panels, treated.pruning.values, strict=True):
        for road, look in zip(REMEDIES, SERIES, strict=False):
            trace = treated.sel(pruning=method, road=road)
            draw.means(panel, trace, "width", label=ROADS[road].label, **look.line)
        _width_axis(panel, treated)
        panel.set_title(label_of(method))
    panels[0].set_ylabel("trace of the measured kernel / digits")
    return draw.with_legend(figure)


def signed_by_depth(result: xr.Dataset) -> Figure:
    """Draw the trace of predicted kernels over the measured one, and their energy, by the depth.

    Of a dataset of :func:`graphon_lib.experiments.signed_depth.signed_depth`, a column a method.
    """
    figure, panels = draw.grid(5.0, 2, result.sizes["pruning"], sharex=True, sharey="row")
    for column, method in zip(panels.T, result.pruning.values, strict=True):
        of_method = result.sel(pruning=method)
        ratio = of_method.trace / of_method.trace.sel(road="kept")
        for panel, values in zip(column, (ratio, of_method.energy), strict=True):
            for road, look in zip(PREDICTIONS, SERIES, strict=False):
                label = {"label": ROADS[road].label}
                draw.means(panel, values.sel(road=road), "hidden_layers", **look.line, **label)
        column[0].set(yscale="log", title=label_of(method))
        column[1].set(xlabel="hidden layers", xticks=result.hidden_layers.values)
    panels[0, 0].set_ylabel("trace, predicted / measured")
    panels[1, 0].set_ylabel("energy")
    return draw.with_legend(figure, 2)


def _width_axis(panel: Axes, result: xr.Dataset | xr.DataArray) -> None:
    draw.width_axis(panel, result.width.values)
    panel.set(yscale="log", xlabel="width $n$")
