r"""Bringing a step graphon to a density without changing its shape more than it must."""

from __future__ import annotations

import numpy as np

from graphon_lib._checks import check_instance, check_real
from graphon_lib.graphons.step_graphon import StepGraphon

__all__ = ["scale_to_density"]


def scale_to_density(graphon: StepGraphon, density: float) -> StepGraphon:
    r"""Return :math:`\min(c W, 1)` with a wanted density in [0, 1], W being a step graphon.

    Where the blocks above zero are too few for it, they all become 1: the density is then their
    mass, the most that this shape allows. The density of :math:`\min(c W, 1)` grows with c and is
    linear between the points where another block reaches 1, so that c is found by going through the
    blocks in descending order. With those before block j at 1, the others share what is left in
    proportion to their values:

    .. math:: c W_j = \frac{\rho - \sum_{i < j} m_i}{r_j},
              \qquad r_j = \sum_{i \ge j} m_i \frac{W_i}{W_j} = m_j + r_{j+1} \frac{W_{j+1}}{W_j},

    and the right j is the first with :math:`c W_j \le 1`. Only ratios of values appear, so that
    values near the smallest number a float can hold are scaled as exactly as others.
    """
    check_instance("graphon", graphon, StepGraphon)
    wanted = check_real("density", density, 0.0, 1.0)
    values = graphon.values.ravel()
    masses = np.outer(graphon.row_mass, graphon.col_mass).ravel()
    order = np.argsort(-values, kind="stable")
    order = order[values[order] > 0]
    descending, weights = values[order], masses[order]
    full = np.concatenate([[0.0], np.cumsum(weights)])[:-1]
    shares = weights.copy()
    for j in range(len(order) - 2, -1, -1):
        shares[j] += shares[j + 1] * (descending[j + 1] / descending[j])
    fits = wanted - full <= shares
    if fits.any():
        first = int(np.argmax(fits))
        value = max(wanted - full[first], 0.0) / shares[first]
        ratios = np.minimum(graphon.values, descending[first]) / descending[first]
        scaled = np.where(graphon.values > descending[first], 1.0, np.minimum(value * ratios, 1.0))
    else:
        scaled = (graphon.values > 0).astype(np.float64)
    return StepGraphon(scaled, graphon.row_mass, graphon.col_mass)
