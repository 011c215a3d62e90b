r"""Binary masks drawn from a graphon: edges are independent given the positions of the nodes."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import ArrayLike, NDArray

from graphon_lib._checks import check_array, check_choice, check_integer, check_rng
from graphon_lib.graphons.partition import grid_positions

__all__ = ["draw_positions", "sample_mask", "sample_mask_at"]

# Rows are drawn this many entries at a time, which bounds the memory and not the result: the
# generator's stream runs through the mask row by row either way.
CHUNK_ENTRIES = 1 << 21


def draw_positions(
    count: int, rng: np.random.Generator, positions: str = "grid"
) -> NDArray[np.float64]:
    r"""Return positions in [0, 1] for `count` nodes.

    Parameters
    ----------
    count : int
        Number of nodes, at least 1.
    rng : numpy.random.Generator
        Used by ``"uniform"`` only.
    positions : {"grid", "uniform"}
        ``"grid"``: the midpoints :math:`(2i + 1) / (2n)` in order, so that every block holds its
        share of the nodes. ``"uniform"``: independent uniform draws, not sorted: a
        :math:`W`-random graph [1]_.

    Returns
    -------
    ndarray, shape (count,)

    Raises
    ------
    ValueError
        If `count` is not a positive integer, `rng` no generator or `positions` another word.

    References
    ----------
    .. [1] L. Lovász, *Large Networks and Graph Limits*, AMS 2012, section 10.1.
    """
    check_integer("count", count, 1)
    check_rng("rng", rng)
    if check_choice("positions", positions, ("grid", "uniform")) == "grid":
        return grid_positions(count)
    return rng.random(count)


def sample_mask_at(
    graphon: Callable[[NDArray[np.float64], NDArray[np.float64]], NDArray[np.float64]],
    row_positions: ArrayLike,
    col_positions: ArrayLike,
    rng: np.random.Generator,
) -> NDArray[np.bool_]:
    r"""Draw a mask whose nodes sit at given positions.

    Parameters
    ----------
    graphon : callable
        A `StepGraphon` or a family: ``graphon(u, v)`` broadcasts and returns probabilities.
    row_positions : array_like, shape (n_out,)
        In [0, 1].
    col_positions : array_like, shape (n_in,)
        In [0, 1].
    rng : numpy.random.Generator
        The source of randomness.

    Returns
    -------
    ndarray of bool, shape (n_out, n_in)
        Entry (i, j) is 1 with probability :math:`W(u_i, v_j)`, independently of all others.

    Raises
    ------
    ValueError
        If a position lies outside [0, 1] or `rng` is no generator.
    """
    check_rng("rng", rng)
    rows = check_array("row_positions", row_positions, 1, minimum=0.0, maximum=1.0)
    cols = check_array("col_positions", col_positions, 1, minimum=0.0, maximum=1.0)
    mask = np.empty((rows.size, cols.size), dtype=np.bool_)
    step = max(1, CHUNK_ENTRIES // cols.size)
    for start in range(0, rows.size, step):
        probabilities = graphon(rows[start : start + step, None], cols[None, :])
        np.less(rng.random(probabilities.shape), probabilities, out=mask[start : start + step])
    return mask


def sample_mask(
    graphon: Callable[[NDArray[np.float64], NDArray[np.float64]], NDArray[np.float64]],
    shape: tuple[int, int],
    rng: np.random.Generator,
    positions: str = "grid",
) -> NDArray[np.bool_]:
    """Draw a mask of any size from a graphon.

    Parameters
    ----------
    graphon : callable
        A `StepGraphon` or a family: ``graphon(u, v)`` broadcasts and returns probabilities.
    shape : tuple of two ints
        (n_out, n_in), each at least 1.
    rng : numpy.random.Generator
        The source of randomness.
    positions : {"grid", "uniform"}
        Where the nodes sit; see `draw_positions`.

    Returns
    -------
    ndarray of bool, shape (n_out, n_in)

    Raises
    ------
    ValueError
        If `shape` is not two positive integers, `rng` no generator or `positions` another word.
    """
    if not isinstance(shape, tuple | list) or len(shape) != 2:
        raise ValueError(f"shape must be two positive integers (n_out, n_in), got {shape!r}")
    n_out = check_integer("shape[0]", shape[0], 1)
    n_in = check_integer("shape[1]", shape[1], 1)
    row_positions = draw_positions(n_out, rng, positions)
    col_positions = draw_positions(n_in, rng, positions)
    return sample_mask_at(graphon, row_positions, col_positions, rng)
