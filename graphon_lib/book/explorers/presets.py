"""What readers of "Design a graphon" can start from: the graphons of all methods, and of the book."""

from __future__ import annotations

from collections.abc import Iterator

import xarray as xr

from graphon_lib.book.explorers.design import DesignExplorer, Preset, example_pixels
from graphon_lib.book.explorers.design_layers import LAYERS
from graphon_lib.book.explorers.optimal_layers import NETWORK, WIDTHS, by_rings, optimal_layers
from graphon_lib.book.style import label_of
from graphon_lib.experiments.data import Images
from graphon_lib.graphons import erk_densities
from graphon_lib.graphons.design import units_used

__all__ = ["design_explorer"]


def design_explorer(data: Images, measured: xr.Dataset) -> DesignExplorer:
    """Return the explorer that shows digits of `data`, with presets at all densities of `measured`.

    The latter is of :func:`graphon_lib.experiments.preset_graphons.preset_graphons`.
    """
    explorer = DesignExplorer(example_pixels(data))
    measured = measured.load()
    presets = [
        preset
        for density in measured.density.values.tolist()
        for preset in _presets(explorer, measured.sel(density=density), density)
    ]
    return DesignExplorer(explorer.pixels, presets)


def _presets(explorer: DesignExplorer, measured: xr.Dataset, density: float) -> Iterator[Preset]:
    yield Preset(
        f"Random, density {density:g}",
        f"Random pruning at density {density:g} keeps every weight alike: its graphons are constant.",
        [_constant(density)] * len(LAYERS),
    )
    for method in measured.pruning.values:
        of = measured.sel(pruning=method)
        label = label_of(str(method))
        values = [by_rings(of["first"].values), *of.hidden.values, of.read_out.values]
        yield Preset(
            f"{label}, density {density:g}",
            f"What {label} keeps at density {density:g}, over all layers, of networks {NETWORK} on "
            f"{measured.attrs['data']}: means over {of.sizes['trial']} networks, in blocks of neurons "
            f"that are alike in in-degree and in out-degree; the masks' own path density is "
            f"{float(of.path_density.mean()):.3g}.",
            [{"cells": of.astype(float).round(3).tolist(), "density": None} for of in values],
        )
    yield Preset(
        f"ERK, density {density:g}",
        f"Random masks with the layer densities of ERK, which keep {density:g} of a network {NETWORK}.",
        [_constant(float(of)) for of in erk_densities(WIDTHS, density).round(4)],
    )
    yield Preset(
        f"This book's, density {density:g}",
        f"The book's recipe at density {density:g} of a network {NETWORK} uses "
        f"{units_used(WIDTHS, density)[1]} units of a hidden layer with the densities of ERK, and keeps "
        "of each pixel's weights a share in proportion to its standard deviation in the digits shown.",
        optimal_layers(density, explorer.x, "fan-in")[0],
    )


def _constant(density: float) -> dict:
    return {"family": "constant", "parameters": {"density": density}, "density": density}
