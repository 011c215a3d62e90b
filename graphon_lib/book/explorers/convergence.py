"""Explorer of the chapter on convergence: sorted histograms by method, density and width."""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import partial

import numpy as np
import xarray as xr

from graphon_lib.book.explorers.explorer import Control, Explorer
from graphon_lib.book.explorers.view import HeatMap, LineChart, Number, Series, View
from graphon_lib.book.looks import SERIES
from graphon_lib.book.style import label_of

__all__ = ["convergence_explorer"]

STYLES = {"plain": SERIES[0], "cross-fitted": SERIES[1]}


def convergence_explorer(result: xr.Dataset) -> Explorer:
    """Return the explorer of a result of the convergence sweep, by method, density and width.

    Of :func:`graphon_lib.experiments.convergence.convergence`, of any profile. The masks are those
    between the first two hidden layers of the shallowest networks, all layers pruned together.
    """
    result = result.isel(hidden_layers=0).sel(mask=1)
    result = result[["histogram", "distance", "layer_density"]].load()
    densities = [float(density) for density in result.density.values]
    widths = [int(width) for width in result.width.values]
    methods = [str(method) for method in result.pruning.values]
    return Explorer(
        name="convergence",
        title="Explore: sorted histograms as the network grows",
        controls=(
            Control("method", "Method", {method: label_of(method) for method in methods}, "snip"),
            Control("density", "Density of the network", {c: f"{c:g}" for c in densities}, 0.2),
            Control("width", "Width", {n: f"n = {n}" for n in widths}, widths[0], slider=True),
        ),
        model=partial(_view, result),
    )


def _view(result: xr.Dataset, *, method: str, density: float, width: int) -> View:
    """Show the mean histograms of one method, density and width, and their distances by width.

    The colour scale is that of all states, from none of the weights to all. Euclidean
    distances to the reference width are freed of noise: of the histograms as they are, and divided by
    their density. That of the reference width to itself is between its trials of even and of odd
    number.
    """
    setting = result.sel(pruning=method, density=density)
    histograms = setting.histogram
    reference = json.loads(result.attrs["parameters"])["finish"]["reference"]
    distance = setting.distance.sel(other_width=reference)
    raw, shape = (
        {
            estimator: _distances(distance.sel(estimator=estimator, scale=scale))
            for estimator in STYLES
        }
        for scale in ("histogram", "divided by density")
    )
    place = list(result.width.values).index(width)
    pictures = {
        estimator: histograms.sel(estimator=estimator, width=width).values for estimator in STYLES
    }
    ranges = {name: (float(p.min()), float(p.max())) for name, p in pictures.items()}
    charts = (
        _distance_chart(f"Distance to n = {reference}", result.width.values, raw, width),
        _distance_chart("Distance, each divided by its density", result.width.values, shape, width),
    )
    layer = setting.layer_density.sel(weight_layer=2, width=width)
    return View(
        panels=(
            *(
                HeatMap(
                    title=f"{estimator.capitalize()} histogram",
                    values=picture,
                    low=0.0,
                    high=1.0,
                    row_label="neurons of layer 2",
                    column_label="neurons of layer 1",
                    description=(
                        "Kept fraction of each block, neurons sorted by falling degree: from "
                        f"{ranges[estimator][0]:.2f} to {ranges[estimator][1]:.2f}."
                    ),
                )
                for estimator, picture in pictures.items()
            ),
            *charts,
        ),
        summary=(
            f"{label_of(method)}, density {density:g}, width {width}: blocks of the plain histogram "
            f"range from {ranges['plain'][0]:.2f} to {ranges['plain'][1]:.2f}, of the cross-fitted "
            f"one from {ranges['cross-fitted'][0]:.2f} to {ranges['cross-fitted'][1]:.2f}. "
            f"To the width {reference} the distance is {raw['plain'][0][place]:.2f} plain and "
            f"{raw['cross-fitted'][0][place]:.2f} cross-fitted; of the shapes, histograms divided "
            f"by their density, {shape['plain'][0][place]:.2f} and "
            f"{shape['cross-fitted'][0][place]:.2f}."
        ),
        numbers=(
            Number("Density of this layer", layer.mean()),
            Number("Networks", int(layer.notnull().sum())),
            Number("Distance, plain", raw["plain"][0][place]),
            Number("Distance, cross-fitted", raw["cross-fitted"][0][place]),
            Number("Of shapes, plain", shape["plain"][0][place]),
            Number("Of shapes, cross-fitted", shape["cross-fitted"][0][place]),
        ),
    )


def _distance_chart(
    title: str, widths: np.ndarray, lines: Mapping[str, tuple[np.ndarray, ...]], width: int
) -> LineChart:
    listed = "; ".join(
        f"{estimator} {', '.join(f'{value:.2f}' for value in values)}"
        for estimator, (values, *_) in lines.items()
    )
    return LineChart(
        title=title,
        x=widths,
        series=tuple(
            Series(estimator, value, STYLES[estimator], low, high)
            for estimator, (value, low, high) in lines.items()
        ),
        x_label="width n",
        y_label="Euclidean distance",
        x_scale="log",
        marked=float(width),
        description=f"Growing width: {listed}. Bars are 95 % bootstrap intervals.",
    )


def _distances(distance: xr.DataArray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return distances of the expectations by width, and the ends of their intervals."""
    value, low, high = (
        np.sqrt(np.maximum(distance.sel(statistic=name).values, 0.0))
        for name in ("squared", "lower", "upper")
    )
    return value, np.minimum(low, value), np.maximum(high, value)
