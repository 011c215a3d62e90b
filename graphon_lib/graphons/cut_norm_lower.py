r"""Lower bounds on the cut norm with their witness: enumeration of small sides, local search of large."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

__all__ = ["can_enumerate", "enumerate_rows", "search_signs"]

# Subsets of rows times columns: a tenth of a second, which 12 rows by 8192 or 20 by 32 just fit.
ENUMERATION_WORK = 1 << 25
ROUNDED_STARTS = 96
RANDOM_STARTS = 32
REFINED_STARTS = 8
MAX_ALTERNATIONS = 200
# An improvement below this is rounding, and taking it could go round in circles.
RELATIVE_GAIN = 1e-12


def can_enumerate(n_rows: int, n_cols: int) -> bool:
    """Say whether `enumerate_rows` takes no more than about a tenth of a second."""
    return n_rows < ENUMERATION_WORK.bit_length() and n_cols << n_rows <= ENUMERATION_WORK


def enumerate_rows(weighted: NDArray[np.float64]) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    r"""Return the sets S, shape (n,), and T, shape (m,), that attain the cut norm of a matrix B (n, m).

    Every subset of the rows is tried. Given S, with column sums
    :math:`s_j = \sum_{i \in S} B_{ij}`, the best T holds all columns of one sign, and gives

    .. math::

        \max_T \Bigl| \sum_{S \times T} B \Bigr|
        = \tfrac12 \Bigl( \sum_j |s_j| + \Bigl| \sum_j s_j \Bigr| \Bigr) .

    The sums of all subsets of the first half of the rows are tabulated once and added to those of
    each subset of the second half: :math:`2^n m` additions, :math:`2^{n/2} m` numbers in memory.
    """
    half = len(weighted) // 2
    first, second = _subset_sums(weighted[:half]), _subset_sums(weighted[half:])
    best, best_pair = -1.0, (0, 0)
    for index, sums in enumerate(second):
        col_sums = first + sums
        cuts = np.abs(col_sums).sum(axis=1) + np.abs(col_sums.sum(axis=1))
        winner = int(cuts.argmax())
        if cuts[winner] > best:
            best, best_pair = cuts[winner], (winner, index)
    subset = best_pair[0] | best_pair[1] << half
    rows = (subset >> np.arange(len(weighted)) & 1).astype(np.bool_)
    col_sums = weighted[rows].sum(axis=0)
    return rows, col_sums > 0.0 if col_sums.sum() > 0.0 else col_sums < 0.0


def search_signs(
    bordered: NDArray[np.float64], row_vectors: NDArray[np.float64], rng: np.random.Generator
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    r"""Search signs of the rows and columns of a bordered matrix for a large :math:`x^\top B' y`.

    The matrix B', shape (n + 1, m + 1), is what `graphon_lib.graphons.cut_norm_upper.border`
    returns. Of the starts, 96 are the signs of the relaxation's `row_vectors`, shape (n + 1, r),
    along random directions (Alon and Naor, section 4), and 32 are random. All starts at once
    alternate :math:`y = \mathrm{sign}(B'^\top x)` and :math:`x = \mathrm{sign}(B' y)`, which never
    lowers :math:`x^\top B' y`, until nothing changes. The best eight then flip single signs of one
    side, the other side answering each time, as long as that gains, first the rows, then the
    columns.
    """
    directions = rng.standard_normal((row_vectors.shape[1], ROUNDED_STARTS))
    random = rng.standard_normal((len(bordered), RANDOM_STARTS))
    starts = _alternate(bordered, _sign(np.hstack([row_vectors @ directions, random])))
    values = np.abs(bordered.T @ starts).sum(axis=0)
    best, best_signs = -1.0, None
    for start in np.argsort(-values, kind="stable")[:REFINED_STARTS]:
        value, row_signs, col_signs = _refine(bordered, starts[:, start])
        if value > best:
            best, best_signs = value, (row_signs, col_signs)
    return best_signs


def _subset_sums(rows: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the sums of all subsets of the rows, subset k holding row i when bit i of k is set."""
    sums = np.zeros((1, rows.shape[1]))
    for row in rows:
        sums = np.vstack([sums, sums + row])
    return sums


def _sign(array: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.where(array >= 0.0, 1.0, -1.0)


def _alternate(
    bordered: NDArray[np.float64], row_signs: NDArray[np.float64]
) -> NDArray[np.float64]:
    row_signs = row_signs.copy()
    moving = np.arange(row_signs.shape[1])
    for _ in range(MAX_ALTERNATIONS):
        before = row_signs[:, moving]
        after = _sign(bordered @ _sign(bordered.T @ before))
        row_signs[:, moving] = after
        moving = moving[(after != before).any(axis=0)]
        if moving.size == 0:
            break
    return row_signs


def _refine(
    bordered: NDArray[np.float64], row_signs: NDArray[np.float64]
) -> tuple[float, NDArray[np.float64], NDArray[np.float64]]:
    value = 0.0
    while True:
        row_signs = _flip(bordered, row_signs)
        col_signs = _flip(bordered.T, _sign(bordered.T @ row_signs))
        row_signs = _sign(bordered @ col_signs)
        improved = float(np.abs(bordered @ col_signs).sum())
        if improved <= value * (1 + RELATIVE_GAIN):
            return improved, row_signs, col_signs
        value = improved


def _flip(bordered: NDArray[np.float64], signs: NDArray[np.float64]) -> NDArray[np.float64]:
    """Flip single row signs as long as the best answer of the columns gains by it."""
    signs = signs.copy()
    rows = np.ascontiguousarray(bordered)
    sums = rows.T @ signs
    value = np.abs(sums).sum()
    since_last = 0
    while since_last < len(signs):
        for i, row in enumerate(rows):
            flipped = sums - 2.0 * signs[i] * row
            candidate = np.abs(flipped).sum()
            if candidate > value * (1 + RELATIVE_GAIN):
                sums, value = flipped, candidate
                signs[i] = -signs[i]
                since_last = 0
            else:
                since_last += 1
    return signs
