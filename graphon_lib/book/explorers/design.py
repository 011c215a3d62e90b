"""Explorer of one's own graphons: from a design to its path density, kernel and spectrum.

The same function runs in Jupyter and, in the reader's browser, on the published page. It needs
NumPy only.
"""

from __future__ import annotations

import base64
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from graphon_lib._checks import check_array
from graphon_lib.book.explorers.design_layers import (
    BLOCKS,
    DATASET,
    FAMILIES,
    LAYERS,
    designed_network,
    pixel_rings,
)
from graphon_lib.book.explorers.optimal_layers import (
    OPTIMA,
    OPTIMISING,
    optimal_layers,
    weights_kept,
)
from graphon_lib.book.explorers.view import HeatMap, LineChart, Number, Series, View
from graphon_lib.book.looks import DENSE, SERIES, numbered_look
from graphon_lib.experiments.data import Images
from graphon_lib.graphons import GraphonNetwork, StepGraphon
from graphon_lib.ntk import SpectralMetrics, graphon_ntk, spectral_metrics

__all__ = ["DesignExplorer", "Evaluation", "Preset", "example_pixels", "layer_variances"]

Array = NDArray[np.float64]

DIGITS = 64
TOP = 5
SHOWN_DEVIATION = 1e-12  # relative; what is less is rounding
SHOWN_LOSS = 0.01  # relative; what is less is the rounding of cells

METRICS = {
    "decay_exponent": "Decay exponent",
    "effective_rank": "Effective rank",
    "spectral_gap": "Spectral gap",
    "energy": "Energy",
}

INITIAL: tuple[dict[str, Any], ...] = (
    {"family": "constant", "parameters": {"density": 0.5}, "density": 0.3},
    {"family": "synflow", "parameters": {"decay": 1.5, "threshold": 0.4}, "density": 0.3},
    {"family": "product", "parameters": {"row_exponent": 1.0, "col_exponent": 2.0}, "density": 0.3},
    {"family": "ramp", "parameters": {"rows": 0.0, "columns": 0.5}, "density": 0.3},
)
"""The design at the start: structure in the hidden layers, none in the pixels."""


@dataclass(frozen=True)
class Preset:
    """A design to start from: its name, a sentence that says what it is, and its layers."""

    label: str
    text: str
    layers: Sequence[Mapping[str, Any]]


def example_pixels(data: Images) -> NDArray[np.uint8]:
    """Return the grey values of the digits on which the explorer shows kernels, shape (64, pixels).

    The first six of each class, seven for 0 to 3, sorted by class. Those among the first 3,000 for
    training are the same in the complete data and in the subset.
    """
    labels = data.y_train[:3000]
    shares = np.array_split(np.arange(DIGITS), data.classes)
    chosen = np.concatenate(
        [np.flatnonzero(labels == digit)[: share.size] for digit, share in enumerate(shares)]
    )
    return DATASET.pixels(data.x_train[chosen])


@dataclass(frozen=True, eq=False)
class Evaluation:
    """What the theory says about a design.

    The graphons, the first with a column for every pixel, and by rings of pixels; the Graphon NTK of the
    digits with its metrics, which are None where it is zero because no path survives; the path density
    P; for every hidden layer the :func:`layer_variances` over those of the dense network; and the largest
    entry of the kernel less P times the dense one, over that of the latter, 0 where it is rounding.
    """

    network: GraphonNetwork
    first_layer: StepGraphon
    kernel: Array
    metrics: SpectralMetrics | None
    path_density: float
    variances: tuple[Array, ...]
    deviation: float

    @property
    def graphons(self) -> tuple[StepGraphon, ...]:
        """The graphons of all layers, the first by rings."""
        return (self.first_layer, *self.network.layers[1:])


def layer_variances(network: GraphonNetwork, x: Array) -> list[Array]:
    r"""Return for every hidden layer the variances of preactivations by position, mean over inputs.

    As a ReLU halves the second moment of a centred Gaussian, Proposition 1 of the paper (Pham et al.,
    arXiv:2510.17515) is linear in them when the weight variance is 2:

    .. math:: q^1(u) = \frac{2}{N d} \sum_x \sum_j W^1(u, j)\, x_j^2, \qquad
        q^{l+1}(u) = \sum_v p_v W^{l+1}(u, v)\, q^l(v) .
    """
    first = network.layers[0]
    squares = (x**2).mean(axis=0)
    if first.shape[1] == 1:
        squares = squares.mean(keepdims=True)
    variances = [2.0 * first.values @ (first.col_mass * squares)]
    for layer in network.layers[1:-1]:
        variances.append(layer.values @ (layer.col_mass * variances[-1]))
    return variances


class DesignExplorer:
    """The explorer in which readers design the graphons.

    Parameters
    ----------
    pixels : array_like of integers, shape (N, pixels)
        Grey values of the digits, 0 to 255, of two digits or more; see :func:`example_pixels`.
    presets : sequence of Preset
        What else readers can start from.
    """

    name = "design"
    title = "Design a graphon"

    def __init__(self, pixels: ArrayLike, presets: Sequence[Preset] = ()) -> None:
        values = check_array("pixels", pixels, 2, minimum=0, maximum=255)
        if values.shape[0] < TOP or values.shape[1] != pixel_rings().size:
            raise ValueError(
                f"pixels must have shape (N, {pixel_rings().size}) with N >= {TOP}, got {values.shape}"
            )
        text = "Structure in the hidden layers, none in the pixels."
        self.presets = (Preset("The first example", text, INITIAL), *presets)
        dense = GraphonNetwork.dense(len(LAYERS))
        self.pixels = np.asarray(pixels, np.uint8)
        self.x = DATASET.standardise(values)
        self.dense_kernel = graphon_ntk(self.x, dense)
        self.dense_metrics = spectral_metrics(self.dense_kernel, TOP)
        self.dense_variances = layer_variances(dense, self.x)

    @classmethod
    def from_packed(cls, packed: str) -> DesignExplorer:
        """Return the explorer of digits that :meth:`describe` has packed."""
        pixels = np.frombuffer(zlib.decompress(base64.b64decode(packed)), np.uint8)
        return cls(pixels.reshape(-1, pixel_rings().size))

    def evaluate(self, layers: Sequence[Mapping[str, Any]]) -> Evaluation:
        """Compute what the theory says about a design.

        It is one mapping for every layer of weights, see
        :func:`graphon_lib.book.explorers.design_layers.designed_layer`.
        """
        network, first_layer = designed_network(layers)
        density = network.path_density()
        kernel = graphon_ntk(self.x, network)
        expected = density * self.dense_kernel
        variances = zip(layer_variances(network, self.x), self.dense_variances, strict=True)
        deviation = 0.0
        if density > 0:
            deviation = float(np.abs(kernel - expected).max() / np.abs(expected).max())
        return Evaluation(
            network=network,
            first_layer=first_layer,
            kernel=kernel,
            metrics=spectral_metrics(kernel, TOP) if density > 0 else None,
            path_density=density,
            variances=tuple(own / dense for own, dense in variances),
            deviation=deviation if deviation > SHOWN_DEVIATION else 0.0,
        )

    def view(
        self, *, layers: Sequence[Mapping[str, Any]] = INITIAL, optimise: str | None = None
    ) -> View:
        """Show a design: its graphons, which pixels it sees, its kernel, spectrum and variances.

        Or, if `optimise` is one of :data:`graphon_lib.book.explorers.optimal_layers.OPTIMA`, the
        design for this objective that keeps as many weights.
        """
        news = ""
        if optimise is not None:
            layers, news = self._optimised(layers, optimise)
        found = self.evaluate(layers)
        random_density = float(np.prod([layer.density for layer in found.network.layers]))
        return View(
            panels=(
                *_graphon_panels(found),
                _pixel_panel(found.network),
                _kernel_panel(found.kernel),
                self._spectrum_panel(found, random_density),
                _variance_panel(found.variances),
            ),
            summary=f"{news}{_missed_densities(layers, found)}{_law(found)}",
            numbers=self._numbers(found, random_density),
        )

    def states(self) -> list[dict[str, Any]]:
        """Return the states that are computed when the site is built: the one at the start."""
        return [{}]

    def describe(self) -> dict[str, Any]:
        """Return what the front-end needs, as JSON can hold it: controls, and the digits, packed."""
        return {
            "name": self.name,
            "title": self.title,
            "controls": [],
            "pixels": base64.b64encode(zlib.compress(self.pixels.tobytes(), 9)).decode("ascii"),
            "layers": list(LAYERS),
            "presets": [vars(preset) for preset in self.presets],
            "optima": dict(OPTIMA),
            "optimising": OPTIMISING,
            "families": [
                {
                    "name": name,
                    "label": family.label,
                    "parameters": [vars(parameter) for parameter in family.parameters],
                }
                for name, family in FAMILIES.items()
            ],
        }

    def _optimised(
        self, layers: Sequence[Mapping[str, Any]], objective: str
    ) -> tuple[list[dict[str, Any]], str]:
        """Return the optimal design with as many weights, and what it changes."""
        before, _ = designed_network(layers)
        density = weights_kept(before)
        layers, whole = optimal_layers(density, self.x, objective)
        after, _ = designed_network(layers)
        averaged = ""
        if abs(after.path_density() / whole - 1.0) > SHOWN_LOSS:
            averaged = f" ({whole:.3g} before it is averaged over blocks)"
        return layers, (
            f"Optimised for {OPTIMA[objective]}: weights kept from {density:.3g} to "
            f"{weights_kept(after):.3g} of all, path density from {before.path_density():.3g} to "
            f"{after.path_density():.3g}{averaged}. "
        )

    def _spectrum_panel(self, found: Evaluation, random_density: float) -> LineChart:
        dense = self.dense_metrics.eigenvalues
        own = np.zeros_like(dense) if found.metrics is None else found.metrics.eigenvalues
        return LineChart(
            title="Eigenvalues of the kernel",
            x=np.arange(1, dense.size + 1),
            series=(
                Series("dense", dense, DENSE),
                Series("random, same densities", random_density * dense, numbered_look(0)),
                Series("your design", own, SERIES[0]),
            ),
            x_label="rank",
            y_label="eigenvalue",
            x_scale="log",
            y_scale="log",
            description=(
                f"The largest eigenvalue is {own[0]:.3g}, of dense {dense[0]:.3g}, of random "
                f"{random_density * dense[0]:.3g}."
            ),
        )

    def _numbers(self, found: Evaluation, random_density: float) -> tuple[Number, ...]:
        numbers = [
            Number("Path density", found.path_density),
            Number("Path density, random", random_density),
            Number("Trace over dense", np.trace(found.kernel) / np.trace(self.dense_kernel)),
            Number("Deviation from the law", found.deviation),
        ]
        for attribute, label in METRICS.items():
            if found.metrics is not None:
                numbers.append(Number(label, getattr(found.metrics, attribute)))
            dense = getattr(self.dense_metrics, attribute)
            numbers.append(Number(f"{label}, dense and random", dense))
        numbers.append(Number("Weights kept", weights_kept(found.network)))
        return tuple(numbers)


def _graphon_panels(found: Evaluation) -> list[HeatMap]:
    rows = ("layer 1", "layer 2", "layer 3", "outputs")
    columns = ("pixels, from centre to border", "layer 1", "layer 2", "layer 3")
    return [
        HeatMap(
            title=name,
            values=graphon.values,
            low=0.0,
            high=1.0,
            row_label=row,
            column_label=column,
            description=(
                f"Density {graphon.density:.3f}; values from {graphon.values.min():.3f} to "
                f"{graphon.values.max():.3f}."
            ),
        )
        for name, graphon, row, column in zip(LAYERS, found.graphons, rows, columns, strict=True)
    ]


def _pixel_panel(network: GraphonNetwork) -> HeatMap:
    kept = network.layers[0].column_degrees
    rows, columns = DATASET.shape
    return HeatMap(
        title="What the first layer sees",
        values=kept.reshape(rows, columns),
        low=0.0,
        high=1.0,
        row_label=f"{rows} rows of the image",
        column_label=f"{columns} columns of the image",
        description=f"Kept fraction of weights, by pixel: from {kept.min():.3f} to {kept.max():.3f}.",
    )


def _kernel_panel(kernel: Array) -> HeatMap:
    largest = kernel.max()
    shown = kernel / largest if largest > 0 else kernel
    return HeatMap(
        title="Kernel over its largest entry",
        values=shown,
        low=min(0.0, float(shown.min())),
        high=1.0,
        row_label="digits, sorted by class",
        column_label="digits, sorted by class",
        description=f"Largest entry {largest:.3g}; median {np.median(shown):.3f} of the largest.",
    )


def _variance_panel(variances: Sequence[Array]) -> LineChart:
    return LineChart(
        title="Signal by position",
        x=(np.arange(BLOCKS) + 0.5) / BLOCKS,
        series=tuple(
            Series(f"layer {i}", variance, style)
            for i, (variance, style) in enumerate(zip(variances, SERIES, strict=False), start=1)
        ),
        x_label="position of the neuron",
        y_label="variance over dense",
        y_scale="log",
        description="; ".join(
            f"layer {i}: from {variance.min():.2g} to {variance.max():.2g}"
            for i, variance in enumerate(variances, start=1)
        )
        + ".",
    )


def _missed_densities(layers: Sequence[Mapping[str, Any]], found: Evaluation) -> str:
    return "".join(
        f"{name} cannot have the density {layer['density']:g}: too few of its cells are above zero, "
        f"which gives {graphon.density:.3g}. "
        for name, layer, graphon in zip(LAYERS, layers, found.graphons, strict=True)
        if layer.get("density") is not None and abs(graphon.density - layer["density"]) > 1e-6
    )


def _law(found: Evaluation) -> str:
    if found.path_density == 0:
        return "No path from a pixel to an output survives: the kernel is zero."
    if (np.ptp(found.first_layer.values, axis=1) == 0).all():
        return (
            f"Every neuron treats all pixels alike, so the kernel is the dense one times the path "
            f"density, {found.path_density:.3g}: its picture, its four spectral metrics and the "
            f"slope of its spectrum are those of the dense network, whatever the hidden layers are."
        )
    return (
        f"The first layer prefers some pixels, so the law does not apply: the kernel deviates by "
        f"{found.deviation:.2g} of the largest entry from the dense one times the path density, "
        f"{found.path_density:.3g}."
    )
