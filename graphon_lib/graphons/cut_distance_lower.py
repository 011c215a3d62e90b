r"""Lower bounds on the cut distance, from what relabelling leaves alone."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from graphon_lib._checks import needs_extra
from graphon_lib.graphons.cut_norm import cut_norm
from graphon_lib.graphons.motifs import MOTIFS, motif_densities
from graphon_lib.graphons.step_graphon import StepGraphon

__all__ = ["degree_bound", "motif_bound", "rectangle_bound", "singular_value_bound"]


def degree_bound(first: StepGraphon, second: StepGraphon) -> float:
    r"""Bound the cut distance from below by the distributions of degrees.

    Let f be the difference of the row degrees under some relabelling. Taking all columns for T,

    .. math:: \lVert U - W \rVert_\square \ge \max_S \Bigl| \int_S f \Bigr|
        = \tfrac12 \Bigl( \int |f| + \Bigl| \int f \Bigr| \Bigr)
        \ge \tfrac12 \bigl( W_1 + |\rho_U - \rho_W| \bigr)

    with :math:`\rho` the densities and :math:`W_1` the Wasserstein distance of the degrees, the
    least :math:`\int |f|` over all relabellings. Columns likewise; the larger is returned. As
    :math:`W_1 \ge |\rho_U - \rho_W|` this is never less than the difference of densities, and it is
    never less than what the counting lemma makes of a cherry:
    :math:`\int d_U^2 - d_W^2 = \int f (d_U + d_W)` is at most :math:`2 \max_S | \int_S f |`.
    """
    with needs_extra("graphons"):
        from ot import emd2_1d

    of_rows = (first.row_degrees, second.row_degrees, first.row_mass, second.row_mass)
    of_cols = (first.column_degrees, second.column_degrees, first.col_mass, second.col_mass)
    distance = max(emd2_1d(*sides, metric="cityblock") for sides in (of_rows, of_cols))
    return float(distance + abs(first.density - second.density)) / 2


def motif_bound(first: StepGraphon, second: StepGraphon) -> float:
    r"""Bound the cut distance from below by homomorphism densities.

    The counting lemma: for graphons in [0, 1] and a simple graph F with e edges,
    :math:`|t(F, U) - t(F, W)| \le e \, \delta_\square(U, W)` (Lovász, lemma 10.23). For bipartite F
    and rows and columns relabelled apart the proof is the same: exchange U for W one edge at a
    time; with all other nodes fixed, each step is an integral
    :math:`\int \int (U - W)(u, v) f(u) g(v)` with f, g in [0, 1], at most the cut norm. No smaller
    constant will do: U = 1 against :math:`W = 1 - \varepsilon` attains it as
    :math:`\varepsilon \to 0`.

    The distance scales with the graphons and :math:`t(F, \cdot)` with their e-th power, so the
    lemma, applied to U / c and W / c with c the largest value of both, gives

    .. math:: \delta_\square(U, W) \ge \max_F \frac{|t(F, U) - t(F, W)|}{e \, c^{e - 1}} ,

    which is stronger for sparse graphons.
    """
    scale = max(first.values.max(), second.values.max())
    if scale == 0.0:
        return 0.0
    one, two = (
        motif_densities(StepGraphon(graphon.values / scale, graphon.row_mass, graphon.col_mass))
        for graphon in (first, second)
    )
    return float(scale * max(abs(one[name] - two[name]) / len(MOTIFS[name]) for name in MOTIFS))


def rectangle_bound(first: StepGraphon, second: StepGraphon) -> float:
    r"""Bound the cut distance from below by a rectangle that is too dense or too sparse.

    For a rectangle :math:`S \times T` of sides s, t and every relabelling of W,

    .. math:: \lVert U - W \rVert_\square \ge \int_S \int_T U - \int_S \int_T W
        \ge \int_S \int_T U - \max_{|S'| = s, |T'| = t} \int_{S'} \int_{T'} W ,

    and the last maximum is at most the integral over the s largest of what the rows of W hold in
    their t largest entries, likewise with rows and columns exchanged; the smaller of the two is
    taken. With U and W exchanged or both negated there are four bounds. The rectangles tried are
    those that a witness of :math:`\lVert U - \rho_W \rVert_\square` cuts out: with W constant the
    relabelling changes nothing, and the bound is the lower bound of that cut norm.
    """
    bounds = [0.0]
    for one, two in ((first, second), (second, first)):
        found = cut_norm(one.values - two.density, one.row_mass, one.col_mass)
        for rows in (found.rows, ~found.rows):
            for cols in (found.cols, ~found.cols):
                row_mass, col_mass = one.row_mass * rows, one.col_mass * cols
                inside = row_mass @ one.values @ col_mass
                sides = (row_mass.sum(), col_mass.sum())
                bounds.append(inside - _most_in_rectangle(two, two.values, *sides))
                bounds.append(-inside - _most_in_rectangle(two, -two.values, *sides))
    return float(max(bounds))


def singular_value_bound(first: StepGraphon, second: StepGraphon) -> float:
    r"""Bound the cut distance from below by singular values.

    As an operator, a relabelled graphon has the same singular values :math:`\sigma_k`, and they
    differ by no more than the norm of :math:`A = U - W` (Weyl; Horn and Johnson, *Matrix Analysis*,
    2013, corollary 7.3.5). With :math:`c \ge \max |A|`,

    .. math:: \lVert A \rVert_2^2 = \lVert A^\top A \rVert_2
        \le \lVert A^\top A \rVert_{\infty \to \infty}
        \le \lVert A^\top \rVert_{1 \to \infty} \lVert A \rVert_{\infty \to 1}
        \le c \cdot 4 \lVert A \rVert_\square ,

    the first inequality because a norm of a symmetric operator bounds its eigenvalues. Hence

    .. math:: \delta_\square(U, W) \ge \max_k \frac{(\sigma_k(U) - \sigma_k(W))^2}{4 c} .

    It is attained by a constant against two assortative classes, whose degrees are the same.
    """
    largest = max(
        first.values.max() - second.values.min(), second.values.max() - first.values.min()
    )
    if largest == 0.0:
        return 0.0
    spectra = [
        np.linalg.svd(
            np.sqrt(graphon.row_mass)[:, None] * graphon.values * np.sqrt(graphon.col_mass),
            compute_uv=False,
        )
        for graphon in (first, second)
    ]
    length = max(len(spectrum) for spectrum in spectra)
    one, two = (np.pad(spectrum, (0, length - len(spectrum))) for spectrum in spectra)
    return float(np.abs(one - two).max() ** 2 / (4 * largest))


def _most_in_rectangle(
    graphon: StepGraphon, values: NDArray[np.float64], height: float, width: float
) -> float:
    """Bound the integral of values on a graphon's blocks over any rectangle of given sides."""
    by_row = _most_in_set(values, graphon.col_mass, width)
    by_col = _most_in_set(values.T, graphon.row_mass, height)
    return min(
        float(_most_in_set(by_row[None], graphon.row_mass, height)[0]),
        float(_most_in_set(by_col[None], graphon.col_mass, width)[0]),
    )


def _most_in_set(
    values: NDArray[np.float64], mass: NDArray[np.float64], amount: float
) -> NDArray[np.float64]:
    """Return each row's integral over the set of given mass where it is largest."""
    order = np.argsort(-values, axis=1)
    sorted_mass = mass[order]
    before = np.cumsum(sorted_mass, axis=1) - sorted_mass
    taken = np.clip(amount - before, 0.0, sorted_mass)
    return (np.take_along_axis(values, order, axis=1) * taken).sum(axis=1)
