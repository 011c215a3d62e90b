"""Explorer of the chapter on pruning: one layer of masks by method, density and scope."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from itertools import cycle

import numpy as np
import xarray as xr

from graphon_lib.book.explorers.explorer import Control, Explorer, choice
from graphon_lib.book.explorers.view import HeatMap, LineChart, Number, Series, View
from graphon_lib.book.looks import SERIES
from graphon_lib.book.style import label_of
from graphon_lib.experiments.mask_statistics import pixel_images

__all__ = ["pruning_by_data", "pruning_explorer"]

SCOPES = {"global": "layers together", "layer": "each layer alone"}


def pruning_explorer(result: xr.Dataset) -> Explorer:
    """Return the explorer of the masks of all layers, by method, layer, scope and density.

    Of a dataset of :func:`graphon_lib.experiments.mask_maps.mask_maps`, of any profile.
    """
    result = result.load()
    methods = [str(method) for method in result.pruning.values]
    densities = sorted(float(density) for density in result.density.values)
    shown = {density: f"{density:g}" for density in densities}
    names = dict(zip(result.weight_layer.values.tolist(), _layer_names(result), strict=True))
    return Explorer(
        name="pruning",
        title="Explore: what each method keeps",
        controls=(
            Control("method", "Method", {method: label_of(method) for method in methods}, "snip"),
            Control("layer", "Layer of weights", names, 2),
            Control("scope", "Pruned", SCOPES, "global"),
            Control("density", "Density of the network", shown, 0.2, slider=True),
        ),
        model=partial(_view, result),
    )


def pruning_by_data(results: Mapping[str, xr.Dataset]) -> Explorer:
    """Return the same with a further control, for several datasets by the names of their data."""
    return choice("data", "Data", {name: pruning_explorer(of) for name, of in results.items()})


def _view(result: xr.Dataset, *, method: str, layer: int, scope: str, density: float) -> View:
    """Show one layer of masks: sorted histogram, surviving pixels, degrees, dead neurons.

    Kept fractions have one colour scale in all states, from none to all.
    """
    setting = result.sel(pruning=method, scope=scope)
    chosen = setting.sel(density=density)
    names = _layer_names(result)
    name = names[int(np.flatnonzero(result.weight_layer.values == layer)[0])]
    histogram = _histogram(chosen.sel(weight_layer=layer), name)
    pixels = _pixels(chosen)
    kept = chosen.layer_density.mean("trial")
    dead = 100 * chosen.dead_fraction.mean("trial").values
    return View(
        panels=(
            histogram,
            pixels,
            _degrees(chosen.sel(weight_layer=layer), name),
            _dead_neurons(setting, density),
        ),
        summary=(
            f"{label_of(method)}, density {density:g}, {SCOPES[scope]}. {name.capitalize()}: "
            f"{float(kept.sel(weight_layer=layer)):.3g} of the weights kept, in blocks from "
            f"{histogram.values.min():.2f} to {histogram.values.max():.2f}. Pixels keep from "
            f"{pixels.values.min():.2f} to {pixels.values.max():.2f} of theirs. Dead neurons, by "
            f"hidden layer: {', '.join(f'{value:.1f} %' for value in dead)}."
        ),
        numbers=(
            *(
                Number(f"Density, {name}", value)
                for name, value in zip(names, kept.values, strict=True)
            ),
            *(Number(f"Dead in hidden layer {i}, %", value) for i, value in enumerate(dead, 1)),
        ),
    )


def _layer_names(result: xr.Dataset) -> list[str]:
    hidden = result.sizes["weight_layer"] - 2
    return ["input layer", *(f"hidden layer {i}" for i in range(1, hidden + 1)), "read-out"]


def _histogram(chosen: xr.Dataset, name: str) -> HeatMap:
    values = chosen.histogram.values
    return HeatMap(
        title=f"Sorted histogram, {name}",
        values=values,
        low=0.0,
        high=1.0,
        row_label="neurons after the layer",
        column_label="pixels" if name == "input layer" else "neurons before the layer",
        description=(
            "Kept fraction of each block, both sides sorted by falling degree: from "
            f"{values.min():.2f} to {values.max():.2f}."
        ),
    )


def _images(result: xr.Dataset) -> np.ndarray:
    return pixel_images(result.pixel_density.values, result.attrs["image_shape"])


def _pixels(chosen: xr.Dataset) -> HeatMap:
    image = _images(chosen)
    side = min(image.shape)
    middle = image[side // 4 : -side // 4, side // 4 : -side // 4]
    border = np.concatenate([image[0], image[-1], image[1:-1, 0], image[1:-1, -1]])
    return HeatMap(
        title="Surviving pixels",
        values=image,
        low=0.0,
        high=1.0,
        row_label="rows of the image",
        column_label="columns of the image",
        description=(
            "Kept fraction of the weights of each pixel: on average "
            f"{border.mean():.2f} on the border and {middle.mean():.2f} in the middle."
        ),
    )


def _degrees(chosen: xr.Dataset, name: str) -> LineChart:
    into, out = (chosen.degree.sel(side=side).values for side in ("in", "out"))
    return LineChart(
        title=f"Sorted degrees, {name}",
        x=chosen.level.values,
        series=(
            Series("in: rows of the mask", into, SERIES[0]),
            Series("out: columns of the mask", out, SERIES[1]),
        ),
        x_label="share of the neurons",
        y_label="kept fraction",
        description=(
            f"Kept fraction of the weights into a neuron, from {into[0]:.2f} for the first to "
            f"{into[-1]:.2f} for the last; out of a neuron or pixel, from {out[0]:.2f} to "
            f"{out[-1]:.2f}."
        ),
    )


def _dead_neurons(setting: xr.Dataset, density: float) -> LineChart:
    setting = setting.sortby("density")
    dead = 100 * setting.dead_fraction.mean("trial")
    lines = [dead.sel(hidden_layer=i).values for i in dead.hidden_layer.values]
    lowest = float(setting.density[0])
    return LineChart(
        title="Dead neurons",
        x=setting.density.values,
        series=tuple(
            Series(f"hidden layer {i}", line, style)
            for i, (line, style) in enumerate(zip(lines, cycle(SERIES), strict=False), 1)
        ),
        x_label="density of the network",
        y_label="dead neurons (%)",
        x_scale="log",
        marked=density,
        description=(
            f"At the lowest density, {lowest:g}, "
            f"{', '.join(f'{line[0]:.1f} %' for line in lines)} by hidden layer."
        ),
    )
