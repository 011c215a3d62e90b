"""The designs of this book, and those with the most paths, on the blocks that readers design on.

Needs NumPy only, so that it runs in the reader's browser.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from graphon_lib._checks import check_choice
from graphon_lib.book.explorers.design_layers import BLOCKS, DATASET, SHAPES, pixel_rings
from graphon_lib.graphons import GraphonNetwork, StepGraphon, design
from graphon_lib.graphons.design import FAN_IN
from graphon_lib.graphons.layer_densities import layer_sizes

__all__ = [
    "NETWORK",
    "OPTIMA",
    "OPTIMISING",
    "WIDTHS",
    "by_rings",
    "optimal_layers",
    "weights_kept",
]

WIDTHS = (pixel_rings().size, 1024, 1024, 1024, DATASET.classes)
"""Of the network whose weights are counted: as many as in the networks whose masks are measured."""

NETWORK = "-".join(map(str, WIDTHS))
"""The same, in words."""

OPTIMA = MappingProxyType({"fan-in": "the book's recipe", "paths": "the most paths"})
"""Objectives of :func:`graphon_lib.graphons.design` that readers choose from."""

OPTIMISING = (
    f"Optimise spends as many weights anew, in a network {NETWORK}: by the book's recipe ({FAN_IN} "
    f"weights or more before a hidden unit, more on pixels that vary), which does not count paths, or "
    f"for the most paths."
)
"""What readers are told of it."""


def weights_kept(network: GraphonNetwork) -> float:
    """Return the fraction of all weights that a design keeps in a network of :data:`WIDTHS`."""
    sizes = layer_sizes(WIDTHS)
    return min(float([layer.density for layer in network.layers] @ sizes / sizes.sum()), 1.0)


def by_rings(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return means over rings of what has a column for every pixel.

    Those of :func:`graphon_lib.book.explorers.design_layers.pixel_rings`.
    """
    rings = np.eye(BLOCKS)[pixel_rings()]
    return np.minimum(values @ (rings / rings.sum(axis=0)), 1.0)  # of rounding


def optimal_layers(
    density: float, x: NDArray[np.float64], objective: str
) -> tuple[list[dict[str, Any]], float]:
    """Return the layers of a design that keeps a fraction `density` of all weights.

    They are those of :func:`graphon_lib.graphons.design` for one of :data:`OPTIMA`, averaged over
    the blocks; pixels count by their standard deviations in `x`, shape (N, pixels), in the book's
    recipe. Also returns the path density before it is averaged.
    """
    check_choice("objective", objective, tuple(OPTIMA))
    target = design(WIDTHS, density, x if objective == "fan-in" else None, objective=objective)
    first, *rest = target.layers
    if first.shape[1] > 1:
        first = StepGraphon(by_rings(first.values), first.row_mass)
    layers = [
        {
            "cells": StepGraphon.from_function(layer, *shape).values.round(4).tolist(),
            "density": None,
        }
        for layer, shape in zip((first, *rest), SHAPES, strict=True)
    ]
    return layers, target.path_density()
