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
    row_mass, col_mass : ndarray, shapes (M,) and (N,)
        The positive entries of the couplings.
    slack : float
        How far the cut norm of the difference can be from that under exact couplings, because of
        rounding in the couplings' margins.
    """

    difference: NDArray[np.float64]
    row_mass: NDArray[np.float64]
    col_mass: NDArray[np.float64]
    slack: float


def alignments(first: StepGraphon, second: StepGraphon) -> dict[str, Alignment]:
    r"""Return alignments of two step graphons, all masses positive, worth trying.

    They are ``"position"``, no relabelling; ``"degree"``, both sides sorted by degree; and
    ``"transport from position"``, ``"transport from degree"`` and ``"transport from product"``,
    CO-optimal transport from these two and from the product coupling. CO-optimal transport (Redko
    et al., NeurIPS 2020) lowers :math:`\sum_{ijkm} (U_{ij} - W_{km})^2 \mu_{ik} \nu_{jm}`, the
    squared :math:`L^2` distance under the row coupling :math:`\mu` and the column coupling
    :math:`\nu`, by solving for one with the other fixed, in turn. Each solution is a vertex, with
    at most K + L - 1 positive entries. The problem is not convex: where it ends depends on where it
    starts.
    """
    masses = ((first.row_mass, second.row_mass), (first.col_mass, second.col_mass))
    degrees = (
        (first.row_degrees, second.row_degrees),
        (first.column_degrees, second.column_degrees),
    )
    places = [tuple(np.arange(mass.size) for mass in pair) for pair in masses]
    starts = {
        "position": Alignment(*map(monotone_coupling, places, masses)),
        "degree": Alignment(*map(monotone_coupling, degrees, masses)),
        "product": Alignment(*(np.outer(*pair) for pair in masses)),
    }
    found = {name: starts[name] for name in ("position", "degree")}
    for name, start in starts.items():
        found[f"transport from {name}"] = _transport(first, second, start)
    return found


def monotone_coupling(
    keys: tuple[NDArray, NDArray], masses: tuple[NDArray[np.float64], NDArray[np.float64]]
) -> NDArray[np.float64]:
    """Couple two distributions on the line quantile by quantile, shape (K, L).

    Their positive `masses` of sum 1 lie at `keys`; equal places keep their order. At most K + L - 1
    entries are positive.
    """
    with needs_extra("graphons"):
        from ot import emd_1d

    orders = [np.argsort(key, kind="stable") for key in keys]
    in_order = [mass[order] for mass, order in zip(masses, orders, strict=True)]
    # Ranks in the place of keys, among which the solver would break ties as it likes.
    coupling = emd_1d(*(np.arange(float(order.size)) for order in orders), *in_order)
    return coupling[np.ix_(*map(np.argsort, orders))]


def overlay(first: StepGraphon, second: StepGraphon, alignment: Alignment) -> Overlay:
    r"""Return the difference of two step graphons under an alignment.

    It has the value :math:`U_{ij} - W_{km}` on row block (i, k) and column block (j, m), for the
    pairs of positive mass only. Non-negative matrices whose margins miss the masses by a total of
    :math:`\eta` lie within :math:`2 \eta` of a coupling, in the sum of absolute differences
    (Altschuler, Weed and Rigollet, NeurIPS 2017, lemma 7). The slack is that times
    :math:`\max |U - W|`.
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
