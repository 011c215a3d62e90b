"""Layer densities that can be computed instead of measured."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from graphon_lib._checks import check_density, check_integer

__all__ = ["expected_magnitude_densities"]


def expected_magnitude_densities(widths: Sequence[int], density: float) -> NDArray[np.float64]:
    r"""Return the layer densities of global magnitude pruning at a He initialisation.

    Parameters
    ----------
    widths
        Layer widths :math:`(n_0, \dots, n_D)`, each at least 1.
    density
        Kept fraction of all weights, in (0, 1].

    Returns
    -------
    numpy.ndarray
        One density a layer, shape (D,).

    Raises
    ------
    ValueError
        If `widths` has fewer than two entries or one below 1, or `density` is not in (0, 1].

    Notes
    -----
    Weights of layer l have standard deviation :math:`\sigma_l = \sqrt{2 / n_{l-1}}`. One threshold
    t serves all layers, so that with :math:`N_l = n_l n_{l-1}`

    .. math::

        c_l = \mathbb P(|w| > t) = \operatorname{erfc}\frac{t}{\sigma_l \sqrt 2},
        \qquad \sum_l N_l\, c_l = c \sum_l N_l .

    The left side falls in t, so the root is unique.
    """
    from scipy.optimize import brentq
    from scipy.special import erfc

    sizes = np.array([check_integer(f"widths[{i}]", n, 1) for i, n in enumerate(widths)], float)
    if len(sizes) < 2:
        raise ValueError(f"widths must have at least two entries, got {tuple(widths)}")
    density = check_density("density", density)
    weights = sizes[1:] * sizes[:-1]
    inverse_scale = np.sqrt(sizes[:-1]) / 2.0  # 1 / (sigma_l sqrt 2)
    if density == 1.0:
        return np.ones(len(weights))

    def excess(threshold: float) -> float:
        return float(weights @ erfc(threshold * inverse_scale) / weights.sum()) - density

    return erfc(brentq(excess, 0.0, 40.0 / inverse_scale.min(), xtol=1e-15) * inverse_scale)
