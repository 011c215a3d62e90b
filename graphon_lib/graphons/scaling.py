r"""Bringing a step graphon to a density without changing its shape more than it must."""

from __future__ import annotations

import numpy as np

from graphon_lib._checks import check_array
from graphon_lib.graphons.step_graphon import StepGraphon

__all__ = ["scale_to_density"]


def scale_to_density(graphon: StepGraphon, density: float) -> StepGraphon:
    r"""Multiply a step graphon by one factor, cutting at 1 what would exceed it.

    Parameters
    ----------
    graphon : StepGraphon
        The shape.
    density : float
        The wanted density, in [0, 1].

    Returns
    -------
    StepGraphon
        :math:`\min(c W, 1)` with the wanted density. Where the blocks above zero are too few for it,
        they all become 1: the density is then their mass, the most that this shape allows.

    Raises
    ------
    ValueError
        If `graphon` is no StepGraphon or `density` is outside [0, 1].

    Notes
    -----
    The density of :math:`\min(c W, 1)` grows with c and is linear between the points where another
    block reaches 1, so that c is found by going through the blocks in descending order: with the
    first j of them at 1, :math:`c = (\rho - \sum_{i \le j} m_i) / \sum_{i > j} m_i W_i`, of which
    the right j is the least with :math:`c W_{j+1} \le 1`.
    """
    if not isinstance(graphon, StepGraphon):
        raise ValueError(f"graphon must be a StepGraphon, got {graphon!r}")
    wanted = float(check_array("density", density, 0, minimum=0.0, maximum=1.0))
    values = graphon.values.ravel()
    masses = np.outer(graphon.row_mass, graphon.col_mass).ravel()
    order = np.argsort(-values, kind="stable")
    descending, weights = values[order], masses[order]
    full = np.concatenate([[0.0], np.cumsum(weights)[:-1]])
    rest = np.cumsum((descending * weights)[::-1])[::-1]
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        factors = (wanted - full) / rest
        fits = (rest > 0) & (factors * descending <= 1.0)
    if fits.any():
        scaled = np.minimum(max(float(factors[np.argmax(fits)]), 0.0) * graphon.values, 1.0)
    else:
        scaled = (graphon.values > 0).astype(np.float64)
    return StepGraphon(scaled, graphon.row_mass, graphon.col_mass)
