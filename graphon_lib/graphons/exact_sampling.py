r"""Binary masks drawn from a step graphon with exact counts: every degree as the graphon asks for."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from graphon_lib._checks import needs_extra
from graphon_lib.graphons.partition import grid_positions, locate
from graphon_lib.graphons.step_graphon import StepGraphon

__all__ = ["column_probabilities", "draw_exact_masks", "weights_needed"]

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


def draw_exact_masks(
    layers: Sequence[StepGraphon], shapes: Sequence[tuple[int, int]], rng: np.random.Generator
) -> list[NDArray[np.bool_]]:
    r"""Draw masks whose numbers of kept weights are those expected, rounded.

    In all; in every row block; in every row, whose block's are shared out evenly; and in every
    column. Rows and hidden neurons that the graphon connects have one at least, or it is a
    ``ValueError``. Such masks are filled by Ryser's construction and then mixed by trades between
    pairs of rows (Strona et al., *A fast and unbiased procedure to randomize ecological binary
    matrices with fixed row and column totals*, Nature Communications 5, 2014), which change no
    degree.
    """
    for number, (count, needed) in enumerate(weights_needed(layers, shapes), start=1):
        if count < needed:
            raise ValueError(
                f"layers must have a weight for every neuron that they connect: layer {number} of "
                f"{len(layers)} has {count} in a network of these widths, and needs {needed} at least"
            )
    masks = []
    for number, (layer, shape) in enumerate(zip(layers, shapes, strict=True), start=1):
        blocks, probabilities = column_probabilities(layer, shape)
        present, sizes = np.unique(blocks, return_counts=True)
        quotas = _quotas(sizes[:, None] * probabilities[present], sizes, number > 1, rng)
        if quotas is None:
            raise ValueError(
                f"layers must have counts that can be rounded so that no neuron that they connect "
                f"loses its last weight: those of layer {number} of {len(layers)} in a network of "
                "these widths cannot"
            )
        mask = np.zeros(shape, dtype=np.bool_)
        for block, size, degrees in zip(present, sizes, quotas, strict=True):
            mask[blocks == block] = _with_degrees(int(size), degrees, rng)
        masks.append(mask)
    return masks


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


def _quotas(
    wanted: NDArray[np.float64],
    sizes: NDArray[np.int64],
    hidden: bool,
    rng: np.random.Generator,
) -> NDArray[np.int64] | None:
    """Round counts (row blocks, columns) so that they, their sums and their total stay near.

    Blocks that have any get one for each of their rows, and columns, if `hidden`, get one at least;
    None where that is impossible.
    """
    carried = _carried(wanted, sizes, rng)
    sums = np.concatenate([wanted.sum(axis=1), wanted.sum(axis=0)])
    total = round(wanted.sum(axis=0).sum())
    needed = np.concatenate([sizes, np.full(wanted.shape[1], int(hidden))]) * (sums > 0.0)
    # A sum such as 2.9999999999999996 is a whole number.
    least, most = np.maximum(np.floor(sums + 1e-9), needed), np.ceil(sums - 1e-9)
    found = np.concatenate([carried.sum(axis=1), carried.sum(axis=0)])
    if carried.sum() == total and ((least <= found) & (found <= most)).all():
        return carried
    # Else whole numbers next to those that are wanted, as many of them as can be those above.
    with needs_extra("graphons"):
        from scipy.optimize import Bounds, LinearConstraint, milp
        from scipy.sparse import csr_array
    quotas = np.floor(wanted + 1e-9).astype(np.int64)
    free = np.nonzero((wanted > 0.0) & (quotas < sizes[:, None]))
    count = free[0].size
    member = csr_array(
        (
            np.ones(2 * count),
            (np.append(free[0], free[1] + sizes.size), np.tile(np.arange(count), 2)),
        ),
        shape=(sums.size, count),
    )
    taken = np.concatenate([quotas.sum(axis=1), quotas.sum(axis=0)])
    # A flow: where any fractions fit, whole numbers do.
    solved = milp(
        rng.random(count) - 2.0 * (carried > quotas)[free],
        integrality=1,
        bounds=Bounds(0, 1),
        constraints=[
            LinearConstraint(member, least - taken, most - taken),
            LinearConstraint(np.ones((1, count)), *[total - int(quotas.sum())] * 2),
        ],
    )
    if solved.x is None:
        return None
    quotas[free] += np.round(solved.x).astype(np.int64)
    return quotas


def _carried(
    wanted: NDArray[np.float64], sizes: NDArray[np.int64], rng: np.random.Generator
) -> NDArray[np.int64]:
    """Round counts block by block, the largest remainders up; what a column lacks, the next block gets.

    So that small counts are not rounded down in every block.
    """
    quotas = np.zeros(wanted.shape, dtype=np.int64)
    lacking, total = np.zeros(wanted.shape[1]), 0.0
    for block, (of_block, size) in enumerate(zip(wanted, sizes, strict=True)):
        lacking += of_block
        total += of_block.sum()
        most = np.where(of_block > 0.0, size, 0)
        rounded = np.clip(np.floor(lacking + 1e-9), 0, most).astype(np.int64)
        count = min(round(total) - int(quotas.sum()), int(most.sum()))
        while (missing := count - int(rounded.sum())) > 0:
            room = np.flatnonzero(rounded < most)
            order = np.lexsort((rng.random(room.size), rounded[room] - lacking[room]))
            rounded[room[order[:missing]]] += 1
        quotas[block] = rounded
        lacking -= rounded
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
