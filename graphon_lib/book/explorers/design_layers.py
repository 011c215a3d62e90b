"""The layers that a reader designs: a family with its parameters or painted cells, and a density.

Needs NumPy only, so that it runs in the reader's browser.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from graphon_lib._checks import check_array, check_choice
from graphon_lib.experiments.data import DATASETS
from graphon_lib.graphons import (
    Assortative,
    Constant,
    GraphonFamily,
    GraphonNetwork,
    PowerLaw,
    Ramp,
    StepGraphon,
    Threshold,
)
from graphon_lib.graphons.flow_threshold import FlowThreshold
from graphon_lib.graphons.scaling import scale_to_density

__all__ = [
    "BLOCKS",
    "DATASET",
    "FAMILIES",
    "LAYERS",
    "DesignFamily",
    "Parameter",
    "designed_layer",
    "designed_network",
    "pixel_rings",
]

BLOCKS = 16
"""Blocks of every hidden layer, and rings of pixels."""

DATASET = DATASETS["mnist"]
"""Whose images the designed networks see."""

NEGLIGIBLE = 1e-12
"""A smaller value of a graphon is taken as zero: the kernel's recursion refuses what underflows."""

LAYERS = ("Pixels to layer 1", "Layer 1 to layer 2", "Layer 2 to layer 3", "Layer 3 to outputs")
"""The weight layers, from the inputs on."""

SHAPES = ((BLOCKS, BLOCKS), (BLOCKS, BLOCKS), (BLOCKS, BLOCKS), (DATASET.classes, BLOCKS))


@dataclass(frozen=True)
class Parameter:
    """A parameter of a family: argument of its `make`, label, range and step of its slider, start."""

    name: str
    label: str
    low: float
    high: float
    step: float
    initial: float


@dataclass(frozen=True)
class DesignFamily:
    """A family as readers know it; `make` returns the graphon for values of the parameters."""

    label: str
    parameters: tuple[Parameter, ...]
    make: Callable[..., GraphonFamily]


def _ramp(rows: float, columns: float) -> Ramp:
    return Ramp(0.5 + (rows + columns) / 2, -rows, -columns)


FAMILIES = MappingProxyType(
    {
        "constant": DesignFamily(
            "Constant: random pruning",
            (Parameter("density", "Value", 0.0, 1.0, 0.05, 0.5),),
            Constant,
        ),
        "ramp": DesignFamily(
            "Ramp",
            (
                Parameter("rows", "Fall over the rows", -0.5, 0.5, 0.05, 0.3),
                Parameter("columns", "Fall over the columns", -0.5, 0.5, 0.05, 0.2),
            ),
            _ramp,
        ),
        "product": DesignFamily(
            "Product",
            (
                Parameter("row_exponent", "Exponent of the rows", 0.0, 4.0, 0.25, 1.0),
                Parameter("col_exponent", "Exponent of the columns", 0.0, 4.0, 0.25, 1.0),
            ),
            lambda row_exponent, col_exponent: PowerLaw(1.0, row_exponent, col_exponent),
        ),
        "block": DesignFamily(
            "Blocks",
            (
                Parameter("within", "Within matching halves", 0.0, 1.0, 0.05, 0.8),
                Parameter("between", "Between the halves", 0.0, 1.0, 0.05, 0.1),
            ),
            Assortative,
        ),
        "threshold": DesignFamily(
            "Threshold",
            (
                Parameter("threshold", "Kept where u + v is below", 0.0, 2.0, 0.05, 0.8),
                Parameter("low", "Value elsewhere", 0.0, 1.0, 0.05, 0.05),
            ),
            lambda threshold, low: Threshold(threshold, 1.0, low),
        ),
        "synflow": DesignFamily(
            "SynFlow-like",
            (
                Parameter("decay", "Fall of the flow", 0.0, 4.0, 0.25, 1.5),
                Parameter("threshold", "Threshold of the score", 0.0, 2.0, 0.05, 0.4),
            ),
            lambda decay, threshold: FlowThreshold(threshold, decay, decay),
        ),
    }
)
"""The families, by the names that designs use."""


def pixel_rings() -> NDArray[np.intp]:
    """Return for every pixel, row by row, the ring that it belongs to.

    From 0, the sixteenth of the pixels nearest to the centre of the image, to 15, the farthest ones. Of
    pixels equally far the first in order comes first.
    """
    down, across = (np.arange(side) - (side - 1) / 2 for side in DATASET.shape)
    distances = (down[:, None] ** 2 + across**2).ravel()
    rings = np.empty(distances.size, dtype=np.intp)
    rings[np.argsort(distances, kind="stable")] = np.arange(rings.size) * BLOCKS // rings.size
    return rings


def designed_layer(layer: Mapping[str, Any], shape: tuple[int, int], name: str) -> StepGraphon:
    """Return the graphon of one layer of a design, on blocks of equal mass.

    The layer has either ``"cells"``, the values as rows of numbers in [0, 1], or ``"family"``, one of
    :data:`FAMILIES`, with ``"parameters"``, a number for every name; and ``"density"``, in [0, 1], to
    which it is scaled as nearly as its shape allows, or None to leave it. What is missing, unknown or
    out of its range is a ``ValueError`` that calls the layer by `name`.
    """
    if not isinstance(layer, Mapping):
        raise ValueError(f"{name} must be a mapping, got {layer!r}")
    unknown = sorted(set(layer) - {"cells", "density", "family", "parameters"})
    if unknown or ("cells" in layer) == ("family" in layer):
        raise ValueError(
            f"{name} must have 'cells', or 'family' and 'parameters', and 'density'; "
            f"got {', '.join(map(repr, layer)) or 'nothing'}"
        )
    if "cells" in layer:
        values = check_array(f"{name}['cells']", layer["cells"], 2, minimum=0.0, maximum=1.0)
        if values.shape != shape:
            raise ValueError(f"{name}['cells'] must have shape {shape}, got {values.shape}")
        graphon = StepGraphon(values)
    else:
        graphon = StepGraphon.from_function(_family_member(layer, name), *shape)
    if layer.get("density") is not None:
        wanted = check_array(f"{name}['density']", layer["density"], 0, minimum=0.0, maximum=1.0)
        graphon = scale_to_density(graphon, float(wanted))
    return StepGraphon(np.where(graphon.values < NEGLIGIBLE, 0.0, graphon.values))


def _family_member(layer: Mapping[str, Any], name: str) -> GraphonFamily:
    check_choice(f"{name}['family']", layer["family"], tuple(FAMILIES))
    family = FAMILIES[layer["family"]]
    values = layer.get("parameters")
    wanted = [parameter.name for parameter in family.parameters]
    if not isinstance(values, Mapping) or sorted(values) != sorted(wanted):
        raise ValueError(f"{name}['parameters'] must give {', '.join(wanted)}; got {values!r}")
    for parameter in family.parameters:
        check_array(
            f"{name}['parameters'][{parameter.name!r}]",
            values[parameter.name],
            0,
            minimum=parameter.low,
            maximum=parameter.high,
        )
    return family.make(**values)


def designed_network(layers: Sequence[Mapping[str, Any]]) -> tuple[GraphonNetwork, StepGraphon]:
    """Return the network of a design, with a column for every pixel, and its first layer by rings.

    `layers` are one mapping for each of :data:`LAYERS`, see :func:`designed_layer`.
    """
    if isinstance(layers, str | Mapping) or not isinstance(layers, Sequence):
        raise ValueError(f"layers must be a list of mappings, got {layers!r}")
    if len(layers) != len(LAYERS):
        raise ValueError(f"layers must be {len(LAYERS)} mappings, got {len(layers)}")
    graphons = [
        designed_layer(layer, shape, f"layers[{i}]")
        for i, (layer, shape) in enumerate(zip(layers, SHAPES, strict=True))
    ]
    pixels = StepGraphon(graphons[0].values[:, pixel_rings()])
    return GraphonNetwork([pixels, *graphons[1:]]), graphons[0]
