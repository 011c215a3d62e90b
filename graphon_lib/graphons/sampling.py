"""Binary masks drawn from a graphon, each edge independently of the others."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from graphon_lib._checks import check_rng, check_shape
from graphon_lib.graphons.families import GraphonFamily
from graphon_lib.graphons.partition import grid_positions
from graphon_lib.graphons.step_graphon import StepGraphon

__all__ = ["draw_mask", "sample_mask"]

# Rows are drawn this many entries at a time, which bounds the memory and not the result: the
# generator's stream runs through the mask row by row either way.
CHUNK_ENTRIES = 1 << 21


def sample_mask(
    graphon: StepGraphon | GraphonFamily, shape: tuple[int, int], rng: np.random.Generator
) -> NDArray[np.bool_]:
    """Draw a mask of any shape (n_out, n_in) from a graphon.

    Node i of n sits at (2 i + 1) / (2 n), so that every block holds its share of the nodes.
    """
    if not isinstance(graphon, StepGraphon | GraphonFamily):
        raise ValueError(f"graphon must be a StepGraphon or GraphonFamily, got {graphon!r}")
    return draw_mask(graphon, check_shape("shape", shape), check_rng("rng", rng))


def draw_mask(
    graphon: StepGraphon | GraphonFamily, shape: tuple[int, int], rng: np.random.Generator
) -> NDArray[np.bool_]:
    """Draw a mask as `sample_mask` does, from checked arguments."""
    rows, cols = map(grid_positions, shape)
    mask = np.empty(shape, dtype=np.bool_)
    step = max(1, CHUNK_ENTRIES // cols.size)
    for start in range(0, rows.size, step):
        part = mask[start : start + step]
        probabilities = graphon(rows[start : start + step, None], cols[None, :])
        np.less(rng.random(part.shape), probabilities, out=part)
    return mask
