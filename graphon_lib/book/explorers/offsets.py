"""Explorer of the chapter on architectures: offsets and the channel graphon of a convolution."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial

import numpy as np
import xarray as xr

from graphon_lib.book.explorers.explorer import Control, Explorer
from graphon_lib.book.explorers.view import HeatMap, LineChart, Number, Series, View
from graphon_lib.book.looks import SERIES
from graphon_lib.book.style import label_of

__all__ = ["KINDS", "offsets_explorer"]

BORDERS = {"zeros": "zeros", "circular": "the other side"}
"""What is beyond the picture, by the names of paddings."""

KINDS = {
    "centre": np.array([[0, 0, 0], [0, 1, 0], [0, 0, 0]]),
    "sides": np.array([[0, 1, 0], [1, 0, 1], [0, 1, 0]]) / 4,
    "corners": np.array([[1, 0, 1], [0, 0, 0], [1, 0, 1]]) / 4,
}
"""Offsets that are alike but for a turn of the picture, as weights of their mean."""


def offsets_explorer(results: Mapping[str, xr.Dataset]) -> Explorer:
    """Return the explorer of :data:`~graphon_lib.experiments.channel_maps.CHANNEL_MAPS`.

    Of its results by the names of their initialisations.
    """
    result = xr.concat(list(results.values()), "initialisation").load()
    result = result.assign_coords(initialisation=list(results))
    offsets = result.offset_density.mean("trial")
    shown = offsets.sel(convolution=result.inner_convolution.values)
    ends = float(shown.min()), float(shown.max())
    methods = [str(method) for method in result.pruning.values]
    layers = {int(layer): str(layer) for layer in result.inner_convolution.values}
    densities = sorted(float(density) for density in result.density.values)
    return Explorer(
        name="offsets",
        title="Offsets and channels of a convolution",
        controls=(
            Control("method", "Method", {method: label_of(method) for method in methods}, "snip"),
            Control("layer", "Convolution", layers, max(layers), slider=True),
            Control("density", "Density", {d: f"{d:g}" for d in densities}, 0.1, slider=True),
            Control("border", "Beyond the border", BORDERS, "zeros"),
            Control(
                "initialisation", "Initialisation", {n: n for n in results}, next(iter(results))
            ),
        ),
        model=partial(_view, result, offsets, ends),
    )


def _view(
    result: xr.Dataset,
    offsets: xr.DataArray,
    ends: tuple[float, float],
    *,
    method: str,
    layer: int,
    density: float,
    border: str,
    initialisation: str,
) -> View:
    """Show offsets, the channel graphon, and kinds of offsets by layer, means over networks.

    Either picture has one scale of colour in all states.
    """
    place = {"pruning": method, "density": density, "padding": border}
    place["initialisation"] = initialisation
    of_layers, at = offsets.sel(place), result.sel(place).sel(inner_convolution=layer)
    values = of_layers.sel(convolution=layer).values
    kinds = {name: (of_layers.values * kind).sum(axis=(1, 2)) for name, kind in KINDS.items()}
    here = {name: float((values * kind).sum()) for name, kind in KINDS.items()}
    blocks = at.histogram.values
    cycles = float(at.cycles.mean("trial"))
    rows = "; ".join(", ".join(f"{value:.2f}" for value in row) for row in values)
    return View(
        panels=(
            HeatMap(
                title="Density of each offset",
                values=values,
                low=ends[0],
                high=ends[1],
                row_label="above to below",
                column_label="left to right",
                description=f"Over the density of the layer, row by row: {rows}.",
                written=True,
            ),
            HeatMap(
                title="Channel graphon",
                values=blocks,
                low=0.0,
                high=1.0,
                row_label="channels after the layer",
                column_label="channels before the layer",
                description=(
                    "Kept fraction of each block over all offsets, channels sorted by degree: from "
                    f"{blocks.min():.2f} to {blocks.max():.2f}."
                ),
            ),
            LineChart(
                title="Offsets by convolution",
                x=of_layers.convolution.values,
                series=tuple(
                    Series(name, line, look)
                    for (name, line), look in zip(kinds.items(), SERIES, strict=False)
                ),
                x_label="convolution",
                y_label="density over the layer's",
                marked=float(layer),
                description=(
                    f"The centre goes from {kinds['centre'][0]:.2f} in the first convolution to "
                    f"{kinds['centre'][-1]:.2f} in the last."
                ),
            ),
        ),
        summary=(
            f"{label_of(method)}, {initialisation}, density {density:g}, beyond the border "
            f"{BORDERS[border]}: in convolution {layer} the centre keeps {here['centre']:.2f} times the "
            f"density of the layer, sides {here['sides']:.2f}, corners {here['corners']:.2f} times. Blocks "
            f"of channels keep {blocks.min():.2f} to {blocks.max():.2f} of their weights, and the "
            f"channel graphs have {cycles:.1f} times the 4-cycles of random ones. Means of "
            f"{result.sizes['trial']} networks of {result.attrs['width']} channels."
        ),
        numbers=(
            Number("Centre over the layer", here["centre"]),
            Number("Corners over the layer", here["corners"]),
            Number("4-cycles over random", cycles),
        ),
    )
