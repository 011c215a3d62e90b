r"""Binary masks drawn from a graphon: edges are independent given the positions of the nodes."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import ArrayLike, NDArray

from graphon_lib._checks import (
    as_numpy,
    check_array,
    check_choice,
    check_integer,
    check_rng,
    check_shape,
)
from graphon_lib.graphons.partition import grid_positions

__all__ = ["draw_positions", "sample_mask", "sample_mask_at"]

# Rows are drawn this many entries at a time, which bounds the memory and not the result: the
# generator's stream runs through the mask row by row either way.
CHUNK_ENTRIES = 1 << 21

# Formulas leave [0, 1] by rounding; draws compare alike with what is left.
ROUNDING = 1e-12


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
        A `StepGraphon`, a family or a function: ``graphon(u, v)`` takes positions of shapes (n, 1)
        and (1, n_in) and returns probabilities that broadcast to (n, n_in).
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
        If a position or what `graphon` returns lies outside [0, 1], `graphon` is no function or
        returns another shape, or `rng` is no generator.
    """
    check_rng("rng", rng)
    rows = check_array("row_positions", row_positions, 1, minimum=0.0, maximum=1.0)
    cols = check_array("col_positions", col_positions, 1, minimum=0.0, maximum=1.0)
    mask = np.empty((rows.size, cols.size), dtype=np.bool_)
    step = max(1, CHUNK_ENTRIES // cols.size)
    for start in range(0, rows.size, step):
        part = mask[start : start + step]
        probabilities = _probabilities(graphon, rows[start : start + step, None], cols[None, :])
        # Every entry has a draw of its own, also where one probability stands for many.
        np.less(rng.random(part.shape), probabilities, out=part)
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
        A `StepGraphon`, a family or a function, as for `sample_mask_at`.
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
        If `shape` is not two positive integers, `rng` no generator, `positions` another word, or
        `graphon` no function or not of values in [0, 1].
    """
    n_out, n_in = check_shape("shape", shape)
    row_positions = draw_positions(n_out, rng, positions)
    col_positions = draw_positions(n_in, rng, positions)
    return sample_mask_at(graphon, row_positions, col_positions, rng)


def _probabilities(
    graphon: Callable[[NDArray[np.float64], NDArray[np.float64]], NDArray[np.float64]],
    u: NDArray[np.float64],
    v: NDArray[np.float64],
) -> NDArray:
    """Return the graphon at positions (n, 1) and (1, m), checked; its shape broadcasts to (n, m)."""
    if not callable(graphon):
        raise ValueError(f"graphon must be a function of (u, v), got {type(graphon).__name__}")
    values = as_numpy("graphon(u, v)", graphon(u, v))
    shape = (len(u), v.shape[1])
    try:
        fits = np.broadcast_shapes(values.shape, shape) == shape
    except ValueError:
        fits = False
    if not fits or values.dtype.kind not in "biuf":
        raise ValueError(
            f"graphon must return real numbers that broadcast to {shape}, got shape {values.shape} and dtype {values.dtype}"
        )
    low, high = values.min(), values.max()
    # Not the negation: comparisons with NaN are false.
    if not (low >= -ROUNDING and high <= 1.0 + ROUNDING):
        raise ValueError(
            f"graphon must return probabilities in [0, 1], got values from {low:g} to {high:g}"
        )
    return values
