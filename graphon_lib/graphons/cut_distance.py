r"""The cut distance of step graphons: the cut norm of their difference, relabelled at best."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from graphon_lib._checks import check_instance
from graphon_lib.graphons.alignment import Alignment, alignments, overlay
from graphon_lib.graphons.cut_distance_lower import (
    degree_bound,
    motif_bound,
    rectangle_bound,
    singular_value_bound,
)
from graphon_lib.graphons.cut_norm import cut_norm
from graphon_lib.graphons.step_graphon import StepGraphon

__all__ = ["CutDistance", "cut_distance"]


@dataclass(frozen=True, eq=False)
class CutDistance:
    """A cut distance between two bounds.

    Attributes
    ----------
    lower : float
        The largest of `lower_bounds`: no relabelling brings the graphons nearer.
    upper : float
        The smallest of `upper_bounds`, what `alignment` attains.
    alignment : Alignment
        The couplings of row blocks, shape (K_out, L_out), and column blocks, shape (K_in, L_in).
    lower_bounds : dict of str to float
        By ``"degree"``, ``"motif"``, ``"rectangle"`` and ``"singular value"``.
    upper_bounds : dict of str to float
        By the names of `graphon_lib.graphons.alignment.alignments`.
    """

    lower: float
    upper: float
    alignment: Alignment
    lower_bounds: dict[str, float]
    upper_bounds: dict[str, float]


def cut_distance(first: StepGraphon, second: StepGraphon) -> CutDistance:
    r"""Bound the cut distance of two step graphons from below and from above.

    They may have any shapes and masses.

    Notes
    -----
    Rows and columns are neurons of different layers and are relabelled apart:

    .. math:: \delta_\square(U, W)
        = \inf_{\varphi, \psi} \sup_{S, T} \Bigl| \int_S \int_T
        \bigl( U(u, v) - W(\varphi(u), \psi(v)) \bigr) \,dv \,du \Bigr|

    over invertible measure-preserving maps of [0, 1]; for symmetric graphons and
    :math:`\varphi = \psi` see Lovász, section 8.2. Such a pair acts on step graphons through the
    masses :math:`\mu_{ik}` that row blocks i and k come to share and :math:`\nu_{jm}` likewise, and
    every pair of couplings arises so, from intervals cut and exchanged. The infimum is thus one
    over couplings, of the cut norm of the difference on the product blocks.

    The upper bound is the certified upper bound of `cut_norm` under the best of five alignments.
    The lower bound is the largest of the four of `graphon_lib.graphons.cut_distance_lower`, each of
    which holds for every relabelling; it is capped at the upper bound, which it can exceed by
    rounding alone. Blocks of mass zero play no part.

    Examples
    --------
    >>> first = StepGraphon([[0.9, 0.1], [0.3, 0.5]])
    >>> second = StepGraphon([[0.5, 0.3], [0.1, 0.9]])
    >>> cut_distance(first, second).upper < 1e-15
    True
    """
    check_instance("first", first, StepGraphon)
    check_instance("second", second, StepGraphon)
    one, two = _positive_part(first), _positive_part(second)
    lower_bounds = {
        "degree": degree_bound(one, two),
        "motif": motif_bound(one, two),
        "rectangle": rectangle_bound(one, two),
        "singular value": singular_value_bound(one, two),
    }
    candidates = alignments(one, two)
    upper_bounds: dict[str, float] = {}
    for name, candidate in candidates.items():
        twin = next((n for n in upper_bounds if _same(candidates[n], candidate)), None)
        if twin is not None:
            upper_bounds[name] = upper_bounds[twin]
            continue
        laid = overlay(one, two, candidate)
        norm = cut_norm(laid.difference, laid.row_mass, laid.col_mass)
        upper_bounds[name] = norm.upper + laid.slack
    best = min(upper_bounds, key=upper_bounds.__getitem__)
    upper = upper_bounds[best]
    alignment = Alignment(
        _restore(candidates[best].rows, first.row_mass, second.row_mass),
        _restore(candidates[best].cols, first.col_mass, second.col_mass),
    )
    lower = min(max(lower_bounds.values()), upper)
    return CutDistance(lower, upper, alignment, lower_bounds, upper_bounds)


def _positive_part(graphon: StepGraphon) -> StepGraphon:
    """Drop the blocks of mass zero and make the masses sum to 1 as nearly as floats can."""
    rows, cols = graphon.row_mass > 0.0, graphon.col_mass > 0.0
    row_mass, col_mass = graphon.row_mass[rows], graphon.col_mass[cols]
    return StepGraphon(
        graphon.values[np.ix_(rows, cols)], row_mass / row_mass.sum(), col_mass / col_mass.sum()
    )


def _same(one: Alignment, two: Alignment) -> bool:
    return np.array_equal(one.rows, two.rows) and np.array_equal(one.cols, two.cols)


def _restore(
    coupling: NDArray[np.float64], first_mass: NDArray[np.float64], second_mass: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Put back the blocks of mass zero."""
    restored = np.zeros((first_mass.size, second_mass.size))
    restored[np.ix_(first_mass > 0.0, second_mass > 0.0)] = coupling
    return restored
