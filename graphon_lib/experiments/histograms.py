"""What experiments on histograms of masks share: how they sort, and to what means are rounded."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

__all__ = ["ESTIMATORS", "GRID", "on_grid"]

ESTIMATORS = ("plain", "cross-fitted")
"""How masks are sorted into histograms."""

GRID = 2.0**-11
"""Mean histograms are rounded to multiples of this, well below their errors, to compress."""


def on_grid(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return values rounded to multiples of :data:`GRID`."""
    return np.round(values / GRID) * GRID
