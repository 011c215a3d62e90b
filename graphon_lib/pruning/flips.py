r"""How far training can move a mask of the largest weights."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike

from graphon_lib._checks import check_array, check_integer

__all__ = ["most_flips"]


def most_flips(weights: ArrayLike, kept: int, change: float) -> int:
    r"""Return the most entries in which masks of the largest weights can differ, before and after a change.

    Parameters
    ----------
    weights : array_like
        Before, of any shape, finite.
    kept
        How many of them either mask keeps, from 1 to all.
    change
        The Frobenius norm of what is added to them, at least 0.

    Returns
    -------
    int
        Even, since as many come as go. For every change of that norm or a smaller one it is an upper
        bound, whatever the direction.

    Notes
    -----
    With :math:`a_1 \ge a_2 \ge \dots` the sizes of the weights and k of them kept, m weights can come
    and m go only if

    .. math:: \tfrac12 \sum_{r = 1}^{m} (a_{k + 1 - r} - a_{k + r})^2 \le \text{change}^2 :

    pair every weight that goes with one that comes; the second has to become the larger one. Of
    weights of one size at the cut either may be kept, so that they count as flips at no cost. Its
    limit for large matrices is the theorem of the book's chapter on masks that move.

    Examples
    --------
    >>> most_flips([3.0, 2.0, 1.0, 0.0], kept=2, change=0.8)
    2
    """
    sizes = np.abs(check_array("weights", np.ravel(np.asarray(weights)), 1))
    if check_integer("kept", kept, 1) > sizes.size:
        raise ValueError(f"kept must be at most {sizes.size}, the number of weights, got {kept}")
    if not (isinstance(change, int | float | np.floating) and 0.0 <= change < math.inf):
        raise ValueError(f"change must be finite and at least 0, got {change!r}")
    sizes = -np.sort(-sizes)
    pairs = min(kept, sizes.size - kept)
    gaps = sizes[kept - pairs : kept][::-1] - sizes[kept : kept + pairs]
    return 2 * int(np.searchsorted(np.cumsum(gaps**2) / 2.0, change**2, side="right"))
