r"""Two step graphons on common blocks, and their mean square distance."""

from __future__ import annotations

import numpy as np

from graphon_lib._checks import check_instance
from graphon_lib.graphons.partition import merge_edges
from graphon_lib.graphons.step_graphon import StepGraphon

__all__ = ["common_refinement", "l2_distance"]


def common_refinement(first: StepGraphon, second: StepGraphon) -> tuple[StepGraphon, StepGraphon]:
    """Return two step graphons unchanged as functions, on the same blocks.

    Parameters
    ----------
    first, second : StepGraphon
        With any blocks.

    Returns
    -------
    tuple of two StepGraphon
        With equal shapes and masses; blocks of mass zero are gone.

    Raises
    ------
    ValueError
        If one is not a step graphon.
    """
    check_instance("first", first, StepGraphon)
    check_instance("second", second, StepGraphon)
    rows = merge_edges(first.row_edges, second.row_edges)
    cols = merge_edges(first.col_edges, second.col_edges)
    return first.refine(rows, cols), second.refine(rows, cols)


def l2_distance(first: StepGraphon, second: StepGraphon) -> float:
    r"""Return the :math:`L^2` distance of two step graphons, position by position.

    Parameters
    ----------
    first, second : StepGraphon
        With any blocks.

    Returns
    -------
    float
        In [0, 1].

    Raises
    ------
    ValueError
        If one is not a step graphon.

    Notes
    -----
    :math:`\lVert W - U \rVert_2 = \bigl(\int_0^1 \int_0^1 (W - U)^2 \bigr)^{1/2}`, exact, on the
    common refinement. No relabelling is tried. For graphons on the same K equal blocks it is the
    Euclidean distance of the histograms over K.
    """
    first, second = common_refinement(first, second)
    squares = (first.values - second.values) ** 2
    return float(np.sqrt(first.row_mass @ squares @ first.col_mass))
