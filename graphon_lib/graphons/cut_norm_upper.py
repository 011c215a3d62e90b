r"""Upper bounds on the cut norm: a semidefinite relaxation and a dual bound that is proved in floating point."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

__all__ = ["Relaxation", "border", "dual_bound", "solve_relaxation"]

FIRST_CHECK = 32
LAST_CHECK = 256
RELATIVE_GAP = 1e-3
# Weights this far below the largest cost the bound nothing and keep their inverses finite.
WEIGHT_FLOOR = 1e-9


class Relaxation(NamedTuple):
    """An approximate solution of the semidefinite relaxation, with its dual.

    Attributes
    ----------
    row_vectors : ndarray, shape (n + 1, r)
        The unit vectors that stand for the signs of the rows.
    row_weights, col_weights : ndarray, shapes (n + 1,) and (m + 1,)
        The dual's weights, each of sum 1, of which `bound` is the `dual_bound`.
    """

    row_vectors: NDArray[np.float64]
    row_weights: NDArray[np.float64]
    col_weights: NDArray[np.float64]
    bound: float


def border(weighted: NDArray[np.float64]) -> NDArray[np.float64]:
    r"""Return a matrix B, with a last row and column more, B', that make all row and column sums zero.

    A set of rows and its complement then give opposite sums, so neither the border nor the
    restriction to signs changes anything:

    .. math::

        \max_{S, T} \Bigl| \sum_{S \times T} B \Bigr|
        = \max_{S, T} \Bigl| \sum_{S \times T} B' \Bigr|
        = \tfrac14 \max_{x, y \in \{\pm 1\}} x^\top B' y ,

    and signs x, y attain the sum over :math:`S = \{i : x_i \ne x_{n+1}\}`,
    :math:`T = \{j : y_j \ne y_{m+1}\}`, up to its sign (Alon and Naor, section 3).
    """
    row_sums = weighted.sum(axis=1)
    bottom = np.append(-weighted.sum(axis=0), row_sums.sum())
    return np.vstack([np.column_stack([weighted, -row_sums]), bottom])


def dual_bound(
    bordered: NDArray[np.float64],
    row_weights: NDArray[np.float64],
    col_weights: NDArray[np.float64],
) -> float:
    r"""Bound the cut norm by the spectral norm of the matrix scaled by given weights.

    Of the matrix B' that `border` returns, shape (n + 1, m + 1), by weights d and e, non-negative,
    not all zero. Whatever the weights it is at least the cut norm; infinite when a row or column
    that is not zero has weight zero.

    Notes
    -----
    With D, E the diagonal matrices of d, e and :math:`C = D^{-1/2} B' E^{-1/2}`, all signs x, y
    have

    .. math::

        x^\top B' y = (D^{1/2} x)^\top C (E^{1/2} y)
        \le \lVert C \rVert_2 \Bigl( \sum_i d_i \sum_j e_j \Bigr)^{1/2} ,

    and a quarter of the right-hand side bounds the cut norm (see `border`). The smallest such bound
    is the optimum of the dual of the semidefinite relaxation of Alon and Naor: by Schur's
    complement, :math:`\lVert C \rVert_2 \le 1` says that

    .. math:: \begin{pmatrix} D & -B' \\ -B'^\top & E \end{pmatrix} \succeq 0 ,

    whose quadratic form at (x, y) is :math:`\sum d + \sum e - 2 x^\top B' y \ge 0`. Multiplying
    both weights by :math:`\lVert C \rVert_2` shifts the smallest eigenvalue to zero in proportion
    to d and e, which is tighter than a shift by a multiple of the identity when the weights differ
    much, and :math:`\sqrt{ab} \le (a + b) / 2` takes the best scaling of d against e.

    The number is a bound in floating point too. With u the unit roundoff and N the smaller of n +
    1, m + 1, M the larger, :math:`t I - C C^\top` passes a Cholesky factorisation, which proves
    :math:`\lambda_{\max}(C C^\top) \le t + (N + 1) u \cdot N t` to first order, whatever the order
    of summation (N. J. Higham, *Accuracy and Stability of Numerical Algorithms*, 2002, theorem
    10.3; S. M. Rump, *Verification of positive definiteness*, BIT 46, 2006); forming C and the
    product adds at most :math:`(M + 8) u \lVert C \rVert_F^2`; the rounding of B' adds at most
    :math:`4 u (N + M) \sum_{ij} |B'_{ij}|`. The code allows twice these (machine epsilon is 2u),
    which covers the terms of second order.
    """
    if bordered.shape[0] > bordered.shape[1]:
        return dual_bound(bordered.T, col_weights, row_weights)
    if not bordered.any():
        return 0.0
    # Largest entry and sums of weights about 1: then what underflows is negligible.
    exponent = int(np.frexp(np.abs(bordered).max())[1])
    matrix = np.ldexp(bordered, -exponent)
    d, e = _distribute(row_weights), _distribute(col_weights)
    if matrix[d == 0.0].any() or matrix[:, e == 0.0].any():
        return np.inf
    with np.errstate(over="ignore", invalid="ignore"):
        scaled = matrix * _inverse_root(d)[:, None] * _inverse_root(e)
        gram = scaled @ scaled.T
    if not np.isfinite(gram).all():
        return np.inf
    epsilon = np.finfo(np.float64).eps
    n_rows, n_cols = matrix.shape
    squared_norm = _bound_top_eigenvalue(gram) + epsilon * (n_cols + 10) * np.trace(gram)
    product = np.sqrt(squared_norm * d.sum() * e.sum()) * (1 + 4 * epsilon)
    lost = 4 * epsilon * np.abs(matrix).sum() + matrix.size * np.finfo(np.float64).tiny
    return float(np.ldexp((product + (n_rows + n_cols) * lost) / 4, exponent))


def solve_relaxation(bordered: NDArray[np.float64], rng: np.random.Generator) -> Relaxation:
    r"""Solve the semidefinite relaxation of the cut norm in low rank, and read off its dual.

    Of the matrix B' that `border` returns; `rng` draws the first vectors. The smallest bound met is
    at most a thousandth from the relaxation's optimum, unless 256 rounds are not enough for that.

    Notes
    -----
    The relaxation replaces the signs by unit vectors,
    :math:`\max \sum_{ij} B'_{ij} \langle u_i, v_j \rangle` (Alon and Naor). Some solution has rank
    below :math:`\sqrt{2 (n + m + 2)}`, so vectors of that length lose nothing (Burer and Monteiro,
    Math. Program. 95, 2003). Given the columns, the best rows are
    :math:`u_i = g_i / \lVert g_i \rVert` with :math:`g = B' v`, and vice versa; the two steps
    alternate. At an optimum :math:`d_i = \lVert (B' v)_i \rVert` and
    :math:`e_j = \lVert (B'^\top u)_j \rVert` solve the dual; before it they still give a bound
    through `dual_bound`. The optimum is at most 1.783 times the cut norm (Krivine's bound on
    Grothendieck's constant).
    """
    rank = int(np.ceil(np.sqrt(2 * sum(bordered.shape))))
    cols, _ = _normalise(rng.standard_normal((bordered.shape[1], rank)))
    best: Relaxation | None = None
    check = FIRST_CHECK
    for round_ in range(1, LAST_CHECK + 1):
        rows, row_weights = _normalise(bordered @ cols)
        cols, col_weights = _normalise(bordered.T @ rows)
        if round_ < check:
            continue
        check *= 2
        attained = col_weights.sum() / 4
        row_weights, col_weights = (
            _distribute(np.maximum(weights, WEIGHT_FLOOR * weights.max()))
            for weights in (row_weights, col_weights)
        )
        bound = dual_bound(bordered, row_weights, col_weights)
        if best is None or bound < best.bound:
            best = Relaxation(rows, row_weights, col_weights, bound)
        if best.bound <= (1 + RELATIVE_GAP) * attained:
            break
    return best


def _normalise(vectors: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    norms = np.linalg.norm(vectors, axis=1)
    return vectors / np.where(norms > 0.0, norms, 1.0)[:, None], norms


def _distribute(weights: NDArray[np.float64]) -> NDArray[np.float64]:
    """Divide weights by their sum, which may be out of range."""
    shares = weights / weights.max()
    return shares / shares.sum()


def _inverse_root(weights: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.divide(1.0, np.sqrt(weights), out=np.zeros_like(weights), where=weights > 0.0)


def _bound_top_eigenvalue(gram: NDArray[np.float64]) -> float:
    """Return a proved upper bound on the largest eigenvalue of a Gram matrix."""
    size = len(gram)
    estimate = float(np.linalg.eigvalsh(gram)[-1])
    if not estimate > 0.0:
        return float(np.abs(gram).sum())
    margin = np.finfo(np.float64).eps * size * (size + 2)
    excess = margin
    while True:
        candidate = estimate * (1 + excess)
        try:
            np.linalg.cholesky(candidate * np.eye(size) - gram)
        except np.linalg.LinAlgError:
            excess *= 4
        else:
            return candidate * (1 + margin)
