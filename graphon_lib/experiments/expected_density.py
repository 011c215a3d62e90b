"""Layer densities that can be computed instead of measured."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray

from graphon_lib._checks import check_choice, check_density, check_integer
from graphon_lib.pruning.initialisations import INITIALISATIONS

__all__ = ["expected_magnitude_densities"]


def expected_magnitude_densities(
    widths: Sequence[int], density: float, initialisation: str = "he"
) -> NDArray[np.float64]:
    r"""Return the layer densities (D,) of global magnitude pruning at initialisation.

    One threshold t serves all layers, so that with widths :math:`n_0, \dots, n_D`, :math:`N_l = n_l
    n_{l-1}` and weights w of layer l

    .. math::

        c_l = \mathbb P(|w| > t), \qquad \sum_l N_l\, c_l = c \sum_l N_l .

    For He's normal weights :math:`c_l = \operatorname{erfc}(t \sqrt{n_{l-1}} / 2)`, for PyTorch's
    uniform ones :math:`c_l = \max(0, 1 - t \sqrt{n_{l-1}})`. The left side falls in t until it is
    0, so the root is unique.

    Raises
    ------
    ValueError
        If `widths` has fewer than two entries or one below 1, `density` is not in (0, 1], or there
        is no such initialisation.
    """
    from scipy.optimize import brentq

    sizes = np.array([check_integer(f"widths[{i}]", n, 1) for i, n in enumerate(widths)], float)
    if len(sizes) < 2:
        raise ValueError(f"widths must have at least two entries, got {tuple(widths)}")
    density = check_density("density", density)
    law = INITIALISATIONS[check_choice("initialisation", initialisation, INITIALISATIONS)]
    weights = sizes[1:] * sizes[:-1]
    if density == 1.0:
        return np.ones(len(weights))

    def densities(threshold: float) -> NDArray[np.float64]:
        return law.tail(torch.tensor(threshold, dtype=torch.float64), sizes[:-1]).numpy()

    def excess(threshold: float) -> float:
        return float(weights @ densities(threshold) / weights.sum()) - density

    # Beyond forty standard deviations of the widest law nothing is left of any.
    farthest = 40.0 * (law.weight_variance / sizes[:-1].min()) ** 0.5
    return densities(brentq(excess, 0.0, farthest, xtol=1e-15))
