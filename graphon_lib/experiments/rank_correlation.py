"""Rank correlations of many samples at once, plain and with a third quantity held fixed."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

__all__ = ["partial_rank_correlation", "rank_correlation"]

# Ranks are multiples of 1/2: what rounding leaves of an exact zero is far below this.
ROUNDING = 1e-12


def rank_correlation(x: ArrayLike, y: ArrayLike) -> NDArray[np.float64]:
    """Return Spearman's rank correlation along the last axis; NaN where all of one are equal.

    Parameters
    ----------
    x, y
        Numbers without NaN, infinite ones allowed; shapes that broadcast to (..., n), n >= 2. Ties
        share their mean rank.

    Raises
    ------
    ValueError
        If a value is NaN or no number, the shapes do not fit, or n is less than 2.
    """
    return _correlation(*_ranks(x=x, y=y))


def partial_rank_correlation(x: ArrayLike, y: ArrayLike, given: ArrayLike) -> NDArray[np.float64]:
    r"""Return the rank correlation of two quantities with a third one held fixed.

    Of arrays as for :func:`rank_correlation`; NaN also where `given` has the same ranks as `x` or
    `y`, or the opposite ones, so that nothing is left to correlate. With rank correlations
    :math:`\rho`, that of what linear regressions of the ranks on those of z leave over:

    .. math::

        \rho_{xy \cdot z} = \frac{\rho_{xy} - \rho_{xz} \rho_{yz}}
            {\sqrt{(1 - \rho_{xz}^2)(1 - \rho_{yz}^2)}} .
    """
    x, y, given = _ranks(x=x, y=y, given=given)
    direct, of_x, of_y = _correlation(x, y), _correlation(x, given), _correlation(y, given)
    left = (1.0 - of_x**2) * (1.0 - of_y**2)
    with np.errstate(invalid="ignore"):
        known = left > ROUNDING
    partial = (direct - of_x * of_y) / np.sqrt(np.where(known, left, 1.0))
    return np.where(known, np.clip(partial, -1.0, 1.0), np.nan)


def _ranks(**quantities: ArrayLike) -> list[NDArray[np.float64]]:
    from scipy.stats import rankdata

    arrays = []
    for name, quantity in quantities.items():
        array = np.asarray(quantity)
        if array.dtype.kind not in "biuf" or array.ndim == 0:
            raise ValueError(
                f"{name} must be an array of real numbers, got {type(quantity).__name__}"
            )
        if np.isnan(array.astype(np.float64)).any():
            raise ValueError(f"{name} must hold no NaN, got {int(np.isnan(array).sum())}")
        arrays.append(array)
    shapes = {name: np.shape(array) for name, array in zip(quantities, arrays, strict=True)}
    counts = {shape[-1] for shape in shapes.values()}
    if len(counts) > 1 or counts.pop() < 2:
        raise ValueError(
            f"{' and '.join(quantities)} must hold equally many numbers, at least 2; got {shapes}"
        )
    return [rankdata(array, axis=-1) for array in arrays]


def _correlation(x: NDArray[np.float64], y: NDArray[np.float64]) -> NDArray[np.float64]:
    x = x - x.mean(axis=-1, keepdims=True)
    y = y - y.mean(axis=-1, keepdims=True)
    scale = np.sqrt((x**2).sum(axis=-1) * (y**2).sum(axis=-1))
    known = scale > ROUNDING
    product = (x * y).sum(axis=-1) / np.where(known, scale, 1.0)
    return np.where(known, np.clip(product, -1.0, 1.0), np.nan)
