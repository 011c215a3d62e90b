"""Figures of the chapter on pruning at initialisation."""

from __future__ import annotations

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from graphon_lib.book.figures.panels import method_lines, method_panels, show_matrix
from graphon_lib.book.style import SEQUENTIAL, initialisation_of, new_figure, style_of
from graphon_lib.experiments.mask_statistics import pixel_images
from graphon_lib.pruning.expected import expected_magnitude_densities

__all__ = ["dead_neurons", "layer_densities", "mask_corners", "surviving_pixels"]


def mask_corners(result: xr.Dataset) -> Figure:
    """Draw the corner of one hidden layer's mask for every method, kept weights black."""
    figure, panels, spare = method_panels(result.pruning.values)
    side = result.sizes["row"]
    for method, panel in panels.items():
        show_matrix(panel, result.picture.sel(pruning=method), cmap="Greys", vmin=0, vmax=1)
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
    """Draw the density of every layer by method, with the spread over trials.

    Parameters
    ----------
    density
        The target density to show.
    *results
        Datasets of :func:`graphon_lib.experiments.mask_statistics.mask_statistics`, one an
        initialisation.

    Returns
    -------
    matplotlib.figure.Figure
        A panel a result; crosses: what is expected of magnitude pruning.
    """
    figure = new_figure(2.2 * len(results) + 0.9)
    axes = figure.subplots(len(results), 1, sharex=True, sharey=True, squeeze=False)[:, 0]
    for panel, result in zip(axes, results, strict=True):
        _draw_layers(panel, result, density)
        panel.set_title(initialisation_of(result))
    ticks = [tick for tick in (0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0) if tick >= density / 4]
    axes[0].set_yticks(ticks, [f"{tick:g}" for tick in ticks])
    axes[0].minorticks_off()
    layers = results[0].weight_layer.values
    names = ["input", *(f"hidden {i}" for i in range(1, len(layers) - 1)), "read-out"]
    axes[-1].set_xticks(layers, names)
    axes[-1].set_xlabel("layer of weights")
    figure.supylabel("density of the layer", fontsize=10)
    figure.legend(*axes[0].get_legend_handles_labels(), loc="outside upper center", ncols=3)
    return figure


def _draw_layers(panel: Axes, result: xr.Dataset, density: float) -> None:
    layers = result.weight_layer.values
    hidden = [result.sizes["neuron"]] * (len(layers) - 1)
    widths = (result.sizes["pixel"], *hidden, result.attrs["classes"])
    offsets = np.linspace(-0.24, 0.24, result.sizes["pruning"])
    for offset, method in zip(offsets, result.pruning.values, strict=True):
        values = result.layer_density.sel(pruning=method, density=density)
        panel.errorbar(
            layers + offset,
            values.mean("trial"),
            values.std("trial"),
            linestyle="none",
            capsize=2,
            **style_of(method),
        )
        if method == "magnitude":
            initialisation = result.attrs["initialisation"]
            expected = expected_magnitude_densities(widths, density, initialisation)
            panel.plot(
                layers + offset, expected, "kx", markersize=9, zorder=0, label="Magnitude, expected"
            )
    panel.axhline(density, color="0.6", linewidth=0.8, zorder=0)
    panel.set_yscale("log")


def surviving_pixels(result: xr.Dataset, density: float) -> Figure:
    """Draw for every method the kept fraction of each pixel's weights as an image."""
    densities = result.pixel_density.sel(density=density).transpose("pruning", "pixel").values
    images = pixel_images(densities, result.attrs["image_shape"])
    figure, panels, spare = method_panels(result.pruning.values, height=1.9)
    for pixels, panel in zip(images, panels.values(), strict=True):
        image = show_matrix(panel, pixels, cmap=SEQUENTIAL, vmin=0.0, vmax=images.max())
        panel.set_aspect("equal")
    figure.colorbar(image, cax=spare.inset_axes((0.1, 0.05, 0.12, 0.9)), label="kept fraction")
    return figure


def dead_neurons(result: xr.Dataset) -> Figure:
    """Draw the fraction of dead neurons against the density, a panel for each hidden layer."""
    layers = result.hidden_layer.values
    figure = new_figure(3.2)
    axes = figure.subplots(1, len(layers), sharex=True, sharey=True, squeeze=False)
    for panel, layer in zip(axes[0], layers, strict=True):
        method_lines(panel, result.dead_fraction.sel(hidden_layer=layer), "density")
        panel.set_title(f"hidden layer {layer}")
        panel.set_ylim(-0.02, None)
    axes[0, 0].set_ylabel("dead neurons (fraction)")
    axes[0, len(layers) // 2].set_xlabel("density of the network")
    figure.legend(*panel.get_legend_handles_labels(), loc="outside lower center", ncols=3)
    return figure
