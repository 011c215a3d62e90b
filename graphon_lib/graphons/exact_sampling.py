r"""Binary masks drawn from a step graphon with exact counts: every degree as the graphon asks for."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from graphon_lib.graphons.partition import grid_positions, locate
from graphon_lib.graphons.step_graphon import StepGraphon

__all__ = ["check_connected", "column_probabilities", "draw_exact_mask", "weights_needed"]

TRADES = 5
"""Trades a row: enough to forget the order in which rows were filled."""


def column_probabilities(
    layer: StepGraphon, shape: tuple[int, int]
) -> tuple[NDArray[np.intp], NDArray[np.float64]]:
    """Return the block of every row, and the graphon of every row block at every column."""
    rows, cols = (
        locate(grid_positions(count), mass)
        for count, mass in zip(shape, (layer.row_mass, layer.col_mass), strict=True)
    )
    return rows, layer.values[:, cols]


def draw_exact_mask(
    layer: StepGraphon, shape: tuple[int, int], rng: np.random.Generator
) -> NDArray[np.bool_]:
    r"""Draw a mask whose numbers of kept weights are those expected, rounded.

    In all; in every row block; in every row, whose block's are shared out evenly; and in every
    column, within 1. Such masks are filled by Ryser's construction and then mixed by trades between
    pairs of rows (Strona et al., *A fast and unbiased procedure to randomize ecological binary
    matrices with fixed row and column totals*, Nature Communications 5, 2014), which change no
    degree.
    """
    blocks, probabilities = column_probabilities(layer, shape)
    mask = np.zeros(shape, dtype=np.bool_)
    wanted, given = np.zeros(shape[1]), np.zeros(shape[1], dtype=np.int64)
    for block in np.unique(blocks):
        members = np.flatnonzero(blocks == block)
        possible = probabilities[block] > 0.0
        wanted += members.size * probabilities[block]
        quotas = _quotas(
            wanted - given, possible * members.size, round(wanted.sum()) - given.sum(), rng
        )
        mask[members] = _with_degrees(members.size, quotas, rng)
        given += quotas
    return mask


def weights_needed(
    layers: Sequence[StepGraphon], shapes: Sequence[tuple[int, int]]
) -> list[tuple[int, int]]:
    """Return for every layer how many weights it gets, and how many its neurons need at least.

    One for every row, and one for every hidden neuron among its columns, that the graphon connects.
    """
    found = []
    for number, (layer, shape) in enumerate(zip(layers, shapes, strict=True)):
        blocks, probabilities = column_probabilities(layer, shape)
        everywhere = probabilities[blocks]
        ends = [int((everywhere > 0.0).any(axis=axis).sum()) for axis in (0, 1)]
        # An input that no weight reads is no dead unit.
        found.append((round(everywhere.sum()), max(ends[1], ends[0] if number else 0)))
    return found


def check_connected(layers: Sequence[StepGraphon], shapes: Sequence[tuple[int, int]]) -> None:
    """Refuse graphons that leave a layer fewer weights than its neurons need."""
    for number, (count, needed) in enumerate(weights_needed(layers, shapes), start=1):
        if count < needed:
            raise ValueError(
                f"layers must have a weight for every neuron that they connect: layer {number} of "
                f"{len(layers)} has {count} in a network of these widths, and needs {needed} at least"
            )


def _quotas(
    wanted: NDArray[np.float64], most: NDArray[np.int64], count: int, rng: np.random.Generator
) -> NDArray[np.int64]:
    """Round to integers of the sum `count`, from 0 to `most`: the largest remainders are rounded up."""
    # A sum such as 2.9999999999999996 is a whole number.
    quotas = np.clip(np.floor(wanted + 1e-9), 0, most).astype(np.int64)
    while (missing := min(count, int(most.sum())) - int(quotas.sum())) > 0:
        room = np.flatnonzero(quotas < most)
        order = np.lexsort((rng.random(room.size), quotas[room] - wanted[room]))
        quotas[room[order[:missing]]] += 1
    return quotas


def _with_degrees(
    rows: int, quotas: NDArray[np.int64], rng: np.random.Generator
) -> NDArray[np.bool_]:
    """Return a mask with these column degrees, and row degrees as even as they can be."""
    share, more = divmod(int(quotas.sum()), rows)
    degrees = rng.permutation(share + (np.arange(rows) < more))
    mask, left = np.zeros((rows, quotas.size), dtype=np.bool_), quotas.copy()
    for row, degree in enumerate(degrees):
        # Columns that need most come first (Ryser, 1957): if any mask has these degrees, this one has.
        chosen = np.lexsort((rng.random(left.size), -left))[:degree]
        mask[row, chosen] = True
        left[chosen] -= 1
    if rows > 1:
        for _ in range(TRADES * rows):
            _trade(mask, *rng.choice(rows, 2, replace=False), rng)
    return mask


def _trade(mask: NDArray[np.bool_], one: int, other: int, rng: np.random.Generator) -> None:
    """Deal what only one of two rows has out anew between them, in the same numbers."""
    apart = np.flatnonzero(mask[one] != mask[other])
    mine = int(mask[one, apart].sum())
    dealt = np.zeros(apart.size, dtype=np.bool_)
    dealt[rng.permutation(apart.size)[:mine]] = True
    mask[one, apart], mask[other, apart] = dealt, ~dealt
