"""Figures of the chapter on pruning at initialisation."""

from __future__ import annotations

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from graphon_lib.book.figures import draw
from graphon_lib.book.style import SEQUENTIAL, initialisation_of, style_of
from graphon_lib.experiments.mask_statistics import pixel_images
from graphon_lib.pruning.expected import expected_magnitude_densities

__all__ = ["dead_neurons", "layer_densities", "mask_corners", "surviving_pixels"]


def mask_corners(result: xr.Dataset) -> Figure:
    """Draw the corner of one hidden layer's mask for every method, kept weights black."""
    figure, panels, spare = draw.method_panels(result.pruning.values)
    side = result.sizes["row"]
    for method, panel in panels.items():
        draw.matrix(panel, result.picture.sel(pruning=method), cmap="Greys", vmin=0, vmax=1)
    spare.text(
        0.0,
        0.5,
        f"rows: {side} neurons\nof hidden layer 2\n\ncolumns: {side} neurons\nof hidden layer 1\n\n"
        "black: kept",
        va="center",
        transform=spare.transAxes,
    )
    return figure


def layer_densities(density: float, *results: xr.Dataset) -> Figure:
    """Draw the density of every layer by method at one density of the network.

    A panel for each dataset of :func:`graphon_lib.experiments.mask_statistics.mask_statistics`, one
    an initialisation, with standard deviations; crosses: what is expected of magnitude pruning.
    """
    figure, panels = draw.grid(2.2 * len(results) + 0.9, len(results), sharex=True, sharey=True)
    for panel, result in zip(panels[:, 0], results, strict=True):
        _draw_layers(panel, result, density)
        panel.set_title(initialisation_of(result))
    shown = (0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0)
    draw.ticks(panels[0, 0].yaxis, [tick for tick in shown if tick >= density / 4])
    layers = results[0].weight_layer.values
    names = ["input", *(f"hidden {i}" for i in range(1, len(layers) - 1)), "read-out"]
    panel.set(xticks=layers, xticklabels=names, xlabel="layer of weights")
    figure.supylabel("density of the layer", fontsize=10)
    return draw.with_legend(figure, loc="outside upper center")


def _draw_layers(panel: Axes, result: xr.Dataset, density: float) -> None:
    layers = result.weight_layer.values
    hidden = [result.sizes["neuron"]] * (len(layers) - 1)
    widths = (result.sizes["pixel"], *hidden, result.attrs["classes"])
    offsets = np.linspace(-0.24, 0.24, result.sizes["pruning"])
    for offset, method in zip(offsets, result.pruning.values, strict=True):
        values = result.layer_density.sel(pruning=method, density=density)
        values = values.assign_coords(weight_layer=layers + offset)
        draw.means(panel, values, "weight_layer", linestyle="none", **style_of(method))
        if method == "magnitude":
            initialisation = result.attrs["initialisation"]
            expected = expected_magnitude_densities(widths, density, initialisation)
            look = {"markersize": 9, "zorder": 0, "label": "Magnitude, expected"}
            panel.plot(layers + offset, expected, "kx", **look)
    draw.level(panel, density)
    panel.set_yscale("log")


def surviving_pixels(result: xr.Dataset, density: float) -> Figure:
    """Draw for every method the kept fraction of each pixel's weights as an image."""
    densities = result.pixel_density.sel(density=density).transpose("pruning", "pixel").values
    images = pixel_images(densities, result.attrs["image_shape"])
    figure, panels, spare = draw.method_panels(result.pruning.values, height=1.9)
    for pixels, panel in zip(images, panels.values(), strict=True):
        image = draw.matrix(panel, pixels, cmap=SEQUENTIAL, vmin=0.0, vmax=images.max())
        panel.set_aspect("equal")
    figure.colorbar(image, cax=spare.inset_axes((0.1, 0.05, 0.12, 0.9)), label="kept fraction")
    return figure


def dead_neurons(result: xr.Dataset) -> Figure:
    """Draw the fraction of dead neurons against the density, a panel for each hidden layer."""
    layers = result.hidden_layer.values
    figure, (panels,) = draw.grid(3.2, 1, len(layers), sharex=True, sharey=True)
    for panel, layer in zip(panels, layers, strict=True):
        draw.method_lines(panel, result.dead_fraction.sel(hidden_layer=layer), "density")
        panel.set(title=f"hidden layer {layer}", ylim=(-0.02, None))
    panels[0].set_ylabel("dead neurons (fraction)")
    panels[len(layers) // 2].set_xlabel("density of the network")
    return draw.with_legend(figure)
