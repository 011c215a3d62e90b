r"""Alignments of two step graphons: couplings of their rows and of their columns."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from graphon_lib._checks import needs_extra
from graphon_lib.graphons.step_graphon import StepGraphon

__all__ = ["Alignment", "Overlay", "alignments", "monotone_coupling", "overlay"]

# Masses below this are what rounding leaves of a block; `overlay` accounts for what it drops.
SLIVER = 1e-14
# Ample for the exact transport solver, whose default stops short at some hundred blocks.
TRANSPORT_ITERATIONS = 10_000_000


class Alignment(NamedTuple):
    """A coupling of the row blocks and a coupling of the column blocks of two step graphons.

    Attributes
    ----------
    rows : ndarray, shape (K_out, L_out)
        The mass that row block i of the first and row block k of the second have in common.
    cols : ndarray, shape (K_in, L_in)
        Likewise for the columns.
    """

    rows: NDArray[np.float64]
    cols: NDArray[np.float64]


class Overlay(NamedTuple):
    """The difference of two aligned step graphons, a step function on their common blocks.

    Attributes
    ----------
    difference : ndarray, shape (M, N)
        The first graphon minus the second.
    row_mass : ndarray, shape (M,)
        The positive entries of the row coupling.
    col_mass : ndarray, shape (N,)
        The positive entries of the column coupling.
    slack : float
        How far the cut norm of the difference can be from that under exact couplings, because of
        rounding in the couplings' margins.
    """

    difference: NDArray[np.float64]
    row_mass: NDArray[np.float64]
    col_mass: NDArray[np.float64]
    slack: float


def monotone_coupling(
    first_keys: NDArray[np.float64],
    first_mass: NDArray[np.float64],
    second_keys: NDArray[np.float64],
    second_mass: NDArray[np.float64],
) -> NDArray[np.float64]:
    r"""Couple two distributions on the line quantile by quantile.

    Parameters
    ----------
    first_keys : ndarray, shape (K,)
        The places of the first distribution's masses; equal places keep their order.
    first_mass : ndarray, shape (K,)
        Its masses, positive, summing to 1.
    second_keys : ndarray, shape (L,)
        The places of the second distribution's masses.
    second_mass : ndarray, shape (L,)
        Its masses.

    Returns
    -------
    ndarray, shape (K, L)
        At most K + L - 1 positive entries; rows sum to `first_mass`, columns to `second_mass`.

    Notes
    -----
    It is optimal for every convex cost of the difference ([1]_, theorem 2.9): with it,
    :math:`\sum_{ik} \mu_{ik} |a_i - b_k|` is the Wasserstein distance :math:`W_1`.

    References
    ----------
    .. [1] F. Santambrogio, *Optimal Transport for Applied Mathematicians*, Birkhäuser 2015.
    """
    first_order = np.argsort(first_keys, kind="stable")
    second_order = np.argsort(second_keys, kind="stable")
    coupling = np.zeros((first_mass.size, second_mass.size))
    i = k = 0
    first_left, second_left = first_mass[first_order[0]], second_mass[second_order[0]]
    while True:
        shared = min(first_left, second_left)
        coupling[first_order[i], second_order[k]] = shared
        first_left, second_left = first_left - shared, second_left - shared
        # Edges that differ by rounding are one edge: both sides move on.
        first_done, second_done = first_left <= SLIVER, second_left <= SLIVER
        if first_done:
            i += 1
            if i == first_mass.size:
                return coupling
            first_left = first_mass[first_order[i]]
        if second_done:
            k += 1
            if k == second_mass.size:
                return coupling
            second_left = second_mass[second_order[k]]


def alignments(first: StepGraphon, second: StepGraphon) -> dict[str, Alignment]:
    r"""Return alignments of two step graphons worth trying.

    Parameters
    ----------
    first : StepGraphon
        Shape (K_out, K_in), all masses positive.
    second : StepGraphon
        Shape (L_out, L_in), all masses positive.

    Returns
    -------
    dict of str to Alignment
        ``"position"``, no relabelling; ``"degree"``, both sides sorted by degree; ``"transport from
        position"``, ``"transport from degree"`` and ``"transport from product"``, CO-optimal
        transport from these two and from the product coupling.

    Notes
    -----
    CO-optimal transport [1]_ lowers
    :math:`\sum_{ijkm} (U_{ij} - W_{km})^2 \mu_{ik} \nu_{jm}`, the squared :math:`L^2` distance under the
    row coupling :math:`\mu` and the column coupling :math:`\nu`, by solving for one with the other
    fixed, in turn. Each solution is a vertex, with at most K + L - 1 positive entries. The
    problem is not convex: where it ends depends on where it starts.

    References
    ----------
    .. [1] I. Redko, T. Vayer, R. Flamary and N. Courty, *CO-Optimal Transport*, NeurIPS 2020.
    """
    by_position = Alignment(
        monotone_coupling(
            np.arange(first.shape[0]), first.row_mass, np.arange(second.shape[0]), second.row_mass
        ),
        monotone_coupling(
            np.arange(first.shape[1]), first.col_mass, np.arange(second.shape[1]), second.col_mass
        ),
    )
    by_degree = Alignment(
        monotone_coupling(first.row_degrees, first.row_mass, second.row_degrees, second.row_mass),
        monotone_coupling(
            first.column_degrees, first.col_mass, second.column_degrees, second.col_mass
        ),
    )
    product = Alignment(
        np.outer(first.row_mass, second.row_mass), np.outer(first.col_mass, second.col_mass)
    )
    return {
        "position": by_position,
        "degree": by_degree,
        "transport from position": _transport(first, second, by_position),
        "transport from degree": _transport(first, second, by_degree),
        "transport from product": _transport(first, second, product),
    }


def overlay(first: StepGraphon, second: StepGraphon, alignment: Alignment) -> Overlay:
    r"""Return the difference of two step graphons under an alignment.

    Parameters
    ----------
    first : StepGraphon
        Shape (K_out, K_in).
    second : StepGraphon
        Shape (L_out, L_in).
    alignment : Alignment
        Couplings of their blocks.

    Returns
    -------
    Overlay
        Value :math:`U_{ij} - W_{km}` on row block (i, k) and column block (j, m), for the pairs of
        positive mass only.

    Notes
    -----
    Non-negative matrices whose margins miss the masses by a total of :math:`\eta` lie within
    :math:`2 \eta` of a coupling, in the sum of absolute differences ([1]_, lemma 7). The slack is
    that times :math:`\max |U - W|`.

    References
    ----------
    .. [1] J. Altschuler, J. Weed and P. Rigollet, *Near-linear time approximation algorithms for
       optimal transport via Sinkhorn iteration*, NeurIPS 2017.
    """
    i, k = np.nonzero(alignment.rows > SLIVER)
    j, m = np.nonzero(alignment.cols > SLIVER)
    row_mass, col_mass = alignment.rows[i, k], alignment.cols[j, m]
    difference = first.values[np.ix_(i, j)] - second.values[np.ix_(k, m)]
    margins = (
        (i, row_mass, first.row_mass),
        (k, row_mass, second.row_mass),
        (j, col_mass, first.col_mass),
        (m, col_mass, second.col_mass),
    )
    missed = sum(
        np.abs(np.bincount(blocks, weights=mass, minlength=wanted.size) - wanted).sum()
        for blocks, mass, wanted in margins
    )
    largest = max(
        first.values.max() - second.values.min(), second.values.max() - first.values.min()
    )
    return Overlay(difference, row_mass, col_mass, float(2 * missed * largest))


def _transport(first: StepGraphon, second: StepGraphon, start: Alignment) -> Alignment:
    """Run CO-optimal transport from given couplings."""
    with needs_extra("graphons"):
        from ot.coot import co_optimal_transport

    # The solver stops at an absolute change of its cost, so sparse graphons are brought up to 1.
    scale = max(first.values.max(), second.values.max()) or 1.0
    rows, cols = co_optimal_transport(
        first.values / scale,
        second.values / scale,
        first.row_mass,
        first.col_mass,
        second.row_mass,
        second.col_mass,
        warmstart={
            "pi_sample": start.rows,
            "pi_feature": start.cols,
            "duals_sample": None,
            "duals_feature": None,
        },
        nits_ot=TRANSPORT_ITERATIONS,
    )
    return Alignment(rows, cols)
