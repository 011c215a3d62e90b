"""Explorer of one neuron: its row in one mask, its column in the next, and its one position in both."""

from __future__ import annotations

from functools import cache

import numpy as np
from numpy.typing import NDArray

from graphon_lib.book.explorers.explorer import Control, Explorer
from graphon_lib.book.explorers.view import HeatMap, LineChart, Number, Series, View
from graphon_lib.book.looks import SERIES
from graphon_lib.graphons import GraphonNetwork, StepGraphon

__all__ = ["neuron_explorer"]

NEURONS = 24
BESIDE = 16
"""How many neurons the layers before and after have."""

ORDERS = {
    "numbered": "as numbered",
    "apart": "sorted apart",
    "together": "sorted together",
}

BEFORE, LAYER, AFTER = "neurons before it", "neurons of the layer", "neurons after it"

# How bright an entry is: those of other neurons, dropped and kept, and those of the neuron chosen.
OTHERS = np.array([0.0, 0.45])
CHOSEN = np.array([0.2, 1.0])


def neuron_explorer() -> Explorer:
    """Return the explorer of a small hidden layer, by neuron and by how its neurons are ordered."""
    neurons = {number: f"{number} of {NEURONS}" for number in range(1, NEURONS + 1)}
    return Explorer(
        name="neuron",
        title="One neuron in two masks",
        controls=(
            Control("neuron", "Neuron", neurons, 1, slider=True),
            Control("order", "Layer", ORDERS, "numbered"),
        ),
        model=_view,
    )


@cache
def _masks() -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Draw the masks into a layer and out of it, its neurons numbered at random.

    The expected degrees of a neuron fall with its position from 0 to 1, by the same factor in both masks.
    """
    rng = np.random.default_rng(0)
    layer, beside = (1.0 - 0.8 * np.linspace(0.0, 1.0, n) for n in (NEURONS, BESIDE))
    out = StepGraphon(0.9 * np.outer(beside, layer))
    into = StepGraphon(0.9 * np.outer(layer, beside))
    first, second = GraphonNetwork([into, out]).sample_masks([BESIDE, NEURONS, BESIDE], rng)
    numbers = rng.permutation(NEURONS)
    return first[numbers], second[:, numbers]


def _largest_first(degrees: NDArray[np.intp]) -> NDArray[np.intp]:
    return np.argsort(-degrees, kind="stable")


def _orders(order: str) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Return which neuron has which place, in the mask into the layer and in the one out of it."""
    into, out = _masks()
    rows, columns = into.sum(1), out.sum(0)
    if order == "apart":
        return _largest_first(rows), _largest_first(columns)
    places = _largest_first(rows + columns) if order == "together" else np.arange(NEURONS)
    return places, places


def _view(*, neuron: int, order: str) -> View:
    """Show both masks with one neuron lit up, and the degrees of all neurons by position."""
    masks = _masks()
    degrees = masks[0].sum(1), masks[1].sum(0)
    places = _orders(order)
    into, out = OTHERS[masks[0].astype(int)][places[0]], OTHERS[masks[1].astype(int)][:, places[1]]
    row, column = (int(np.flatnonzero(place == neuron - 1)[0]) for place in places)
    into[row] = CHOSEN[masks[0][neuron - 1].astype(int)]
    out[:, column] = CHOSEN[masks[1][:, neuron - 1].astype(int)]
    positions = (np.arange(NEURONS) + 0.5) / NEURONS
    ones = [int(degree[neuron - 1]) for degree in degrees]
    read, there = degrees[0][places[0]] @ degrees[1][places[1]], degrees[0] @ degrees[1]
    at = [f"{positions[place]:.2f}" for place in (row, column)]
    if row == column:
        where = f"It stands at {at[0]} in both masks"
    else:
        where = f"It stands at {at[0]} in one mask and at {at[1]} in the other"
    if read == there:
        paths = f"The layer has {there} paths."
    else:
        paths = f"Read as one position, the two would make {read} paths where there are {there}."
    return View(
        panels=(
            _mask("Mask before: its row", into, LAYER, BEFORE, f"Row {row + 1}", ones[0]),
            _mask("Mask after: its column", out, AFTER, LAYER, f"Column {column + 1}", ones[1]),
            LineChart(
                title="Ones of every neuron",
                x=positions,
                series=(
                    Series("rows", degrees[0][places[0]], SERIES[0]),
                    Series("columns", degrees[1][places[1]], SERIES[1]),
                    Series("its row", _only(row, ones[0]), SERIES[2]),
                    Series("its column", _only(column, ones[1]), SERIES[3]),
                ),
                x_label="position",
                y_label="number of ones",
                description=f"Of neuron {neuron}: {where.lower()}.",
            ),
        ),
        summary=(
            f"Neuron {neuron}, the layer {ORDERS[order]}: {_count(ones[0])} in its row, {ones[1]} in "
            f"its column. {where}. {paths}"
        ),
        numbers=(
            Number("Position in the mask before", positions[row], 2),
            Number("Position in the mask after", positions[column], 2),
            Number("Paths by these positions", read, 4),
            Number("Paths there are", there, 4),
        ),
    )


def _mask(
    title: str, values: NDArray[np.float64], rows: str, columns: str, bright: str, ones: int
) -> HeatMap:
    description = f"{bright} is bright, with {_count(ones)}."
    return HeatMap(title, values, 0.0, 1.0, rows, columns, description)


def _count(ones: int) -> str:
    return f"{ones} one" if ones == 1 else f"{ones} ones"


def _only(place: int, height: float) -> NDArray[np.float64]:
    """Return heights of which one is there."""
    heights = np.full(NEURONS, np.nan)
    heights[place] = height
    return heights
