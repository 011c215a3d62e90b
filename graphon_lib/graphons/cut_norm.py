r"""The cut norm of a weighted matrix, as an interval that anyone can check."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from graphon_lib._checks import check_array, check_instance, check_masses, check_rng
from graphon_lib.graphons.cut_norm_lower import can_enumerate, enumerate_rows, search_signs
from graphon_lib.graphons.cut_norm_upper import border, dual_bound, solve_relaxation
from graphon_lib.graphons.twins import Merged, merge_twins

__all__ = ["CutNorm", "DualCertificate", "check_certificate", "cut_norm"]

DEFAULT_SEED = 0


@dataclass(frozen=True, eq=False)
class DualCertificate:
    r"""Weights that prove an upper bound on a cut norm.

    Weights d, shape (n + 1,), on the rows and, last, on the bordering row, and e, shape (m + 1,), on
    the columns likewise, non-negative and of sum 1, prove :math:`\lVert B \rVert_\square \le \tfrac14 \lVert D^{-1/2} B' E^{-1/2} \rVert_2`;
    see `graphon_lib.graphons.cut_norm_upper.dual_bound`.
    """

    row_weights: NDArray[np.float64]
    col_weights: NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class CutNorm:
    r"""A cut norm between two bounds, with what proves them.

    Attributes
    ----------
    lower : float
        What the witness attains, :math:`|\sum_{i \in S, j \in T} p_i q_j A_{ij}|`.
    upper : float
        What the certificate proves; equal to `lower` when the value was found by enumeration.
    rows, cols : ndarray of bool, shapes (n,) and (m,)
        The witness's sets S and T.
    certificate : DualCertificate or None
        The weights behind `upper`; None when enumeration proves it.
    """

    lower: float
    upper: float
    rows: NDArray[np.bool_]
    cols: NDArray[np.bool_]
    certificate: DualCertificate | None


def cut_norm(
    values: ArrayLike,
    row_mass: ArrayLike | None = None,
    col_mass: ArrayLike | None = None,
    rng: np.random.Generator | None = None,
) -> CutNorm:
    r"""Bound the cut norm of a step function from below and from above.

    Parameters
    ----------
    values : array_like, shape (n, m)
        The matrix A, of any real numbers: usually the difference of two graphons on the same
        blocks, of masses p and q.
    rng : numpy.random.Generator, optional
        Starts the search. When omitted, a generator with a fixed seed: the same matrix gives the
        same interval.

    Returns
    -------
    CutNorm
        The interval, its witness and its certificate. `check_certificate` recomputes both bounds.

    Notes
    -----
    The cut norm of the step function with values A on blocks of masses p and q is

    .. math:: \lVert A \rVert_\square
        = \max_{S, T} \Bigl| \sum_{i \in S} \sum_{j \in T} p_i q_j A_{ij} \Bigr| ,

    the maximum over whole blocks being that over all measurable sets (Lovász, section 8.2.1). It is
    NP-hard to approximate beyond a constant (Alon and Naor). Rows with equal values are first
    merged, and rows of mass zero left out, likewise columns. If what remains has a small side,
    every one of its subsets is tried and lower = upper, exact but for the rounding of sums.
    Otherwise the lower bound is a local search from the rounded solution of the semidefinite
    relaxation of Alon and Naor and the upper bound its dual. What lies between is mostly the
    relaxation's own gap: 5 to 15 per cent on masks minus their block means, up to 23 on smooth
    differences such as :math:`\cos 2\pi(u - v)`, and 78 at most (Krivine's bound on Grothendieck's
    constant) if the search is perfect.

    Examples
    --------
    >>> result = cut_norm([[1.0, -1.0], [-1.0, 1.0]])
    >>> result.lower, result.upper
    (0.25, 0.25)
    """
    matrix, p, q, exponent = _check_matrix(values, row_mass, col_mass)
    generator = np.random.default_rng(DEFAULT_SEED) if rng is None else check_rng("rng", rng)
    by_row, by_col, weighted = _merge_both(matrix, p, q)
    weighted, mass_exponent = _scale(weighted)
    found = _bound(weighted, generator)
    rows, cols = by_row.expand_set(found.rows), by_col.expand_set(found.cols)
    lower = _attained(matrix, p, q, rows, cols)
    certificate = found.certificate
    if certificate is not None:
        d, e = certificate.row_weights, certificate.col_weights
        certificate = DualCertificate(
            np.append(by_row.expand_weights(d[:-1]), d[-1]),
            np.append(by_col.expand_weights(e[:-1]), e[-1]),
        )
    upper = lower if certificate is None else _unscale(found.upper, mass_exponent)
    return CutNorm(_unscale(lower, exponent), _unscale(upper, exponent), rows, cols, certificate)


def check_certificate(
    values: ArrayLike,
    result: CutNorm,
    row_mass: ArrayLike | None = None,
    col_mass: ArrayLike | None = None,
) -> tuple[float, float]:
    r"""Recompute both bounds of a cut norm from the witness and the certificate alone.

    Of what `cut_norm` returned, or anyone's claim about the same matrix, whose `lower` and `upper`
    are not read. The upper bound is valid whatever the certificate's weights, if not tight; the
    certificate may be None only where the matrix is small enough for enumeration.
    """
    matrix, p, q, exponent = _check_matrix(values, row_mass, col_mass)
    check_instance("result", result, CutNorm)
    for name, size in zip(("rows", "cols"), matrix.shape, strict=True):
        chosen = np.asarray(getattr(result, name))
        if chosen.shape != (size,) or chosen.dtype != np.bool_:
            raise ValueError(f"result.{name} must be {size} booleans, got {chosen!r}")
    lower = _attained(matrix, p, q, result.rows, result.cols)
    if result.certificate is None:
        upper = _exhaust(matrix, p, q)
    else:
        d, e = _check_weights(result.certificate, matrix.shape)
        upper = dual_bound(border(p[:, None] * q * matrix), d, e)
    return _unscale(lower, exponent), _unscale(upper, exponent)


def _bound(weighted: NDArray[np.float64], rng: np.random.Generator) -> CutNorm:
    """Bound the cut norm of a matrix whose entries carry their masses."""
    if weighted.shape[0] > weighted.shape[1]:
        return _transpose(_bound(weighted.T, rng))
    if can_enumerate(*weighted.shape):
        rows, cols = enumerate_rows(weighted)
        attained = _sum_over(weighted, rows, cols)
        return CutNorm(attained, attained, rows, cols, None)
    bordered = border(weighted)
    relaxation = solve_relaxation(bordered, rng)
    x, y = search_signs(bordered, relaxation.row_vectors, rng)
    rows, cols = x[:-1] != x[-1], y[:-1] != y[-1]
    certificate = DualCertificate(relaxation.row_weights, relaxation.col_weights)
    return CutNorm(_sum_over(weighted, rows, cols), relaxation.bound, rows, cols, certificate)


def _transpose(result: CutNorm) -> CutNorm:
    certificate = result.certificate
    if certificate is not None:
        certificate = DualCertificate(certificate.col_weights, certificate.row_weights)
    return CutNorm(result.lower, result.upper, result.cols, result.rows, certificate)


def _exhaust(matrix: NDArray[np.float64], p: NDArray[np.float64], q: NDArray[np.float64]) -> float:
    """Return the cut norm by enumeration, or say that the matrix is too large."""
    weighted = _merge_both(matrix, p, q)[2]
    if not can_enumerate(*sorted(weighted.shape)):
        raise ValueError(
            f"result.certificate must not be None for a matrix too large to enumerate, of shape {matrix.shape}"
        )
    if weighted.shape[0] > weighted.shape[1]:
        weighted = weighted.T
    return _sum_over(weighted, *enumerate_rows(weighted))


def _merge_both(
    matrix: NDArray[np.float64], p: NDArray[np.float64], q: NDArray[np.float64]
) -> tuple[Merged, Merged, NDArray[np.float64]]:
    """Merge twin rows, then twin columns, and return the matrix that is left times its masses."""
    rows = merge_twins(matrix, p)
    cols = merge_twins(rows.values.T, q)
    return rows, cols, rows.mass[:, None] * cols.mass * cols.values.T


def _check_matrix(
    values: ArrayLike, row_mass: ArrayLike | None, col_mass: ArrayLike | None
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64], int]:
    """Return the checked matrix scaled by a power of two, its masses, and the exponent."""
    matrix = check_array("values", values, 2)
    p = check_masses("row_mass", row_mass, matrix.shape[0])
    q = check_masses("col_mass", col_mass, matrix.shape[1])
    scaled, exponent = _scale(matrix)
    return scaled, p, q, exponent


def _check_weights(
    certificate: DualCertificate, shape: tuple[int, int]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    weights = []
    for name, size in zip(("row_weights", "col_weights"), shape, strict=True):
        array = check_array(f"certificate.{name}", getattr(certificate, name), 1, minimum=0.0)
        if array.size != size + 1 or not array.any():
            raise ValueError(
                f"certificate.{name} must hold {size + 1} weights, not all zero; got {array!r}"
            )
        weights.append(array)
    return weights[0], weights[1]


def _sum_over(
    weighted: NDArray[np.float64], rows: NDArray[np.bool_], cols: NDArray[np.bool_]
) -> float:
    return float(abs(weighted[rows][:, cols].sum()))


def _attained(
    matrix: NDArray[np.float64],
    p: NDArray[np.float64],
    q: NDArray[np.float64],
    rows: NDArray[np.bool_],
    cols: NDArray[np.bool_],
) -> float:
    return float(abs(p[rows] @ matrix[np.ix_(rows, cols)] @ q[cols]))


def _scale(matrix: NDArray[np.float64]) -> tuple[NDArray[np.float64], int]:
    """Bring the largest entry between 1/2 and 1 by a power of two, so that no square overflows."""
    exponent = int(np.frexp(np.abs(matrix).max())[1])
    return np.ldexp(matrix, -exponent), exponent


def _unscale(bound: float, exponent: int) -> float:
    return float(np.ldexp(bound, exponent))
