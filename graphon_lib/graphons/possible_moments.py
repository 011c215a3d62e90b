r"""Which densities, second moments and drifts of a layer's kept weights can occur together."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

__all__ = ["check_possible_moments"]

# Block means of single-precision weights meet the inequality with this much to spare.
ROUNDING = 1e-6


def check_possible_moments(
    number: int,
    density: NDArray[np.float64],
    second_moment: NDArray[np.float64],
    drift: NDArray[np.float64] | None = None,
    fan_in: int | None = None,
) -> None:
    r"""Check that some weights have these moments.

    Parameters
    ----------
    number
        Of the layer, from 0, for messages.
    density, second_moment, drift
        W, V and D of the layer, of one shape; None stands for no drift.
    fan_in
        The number of inputs n of its neurons; None where it is not known, as in the limit of wide
        layers.

    Raises
    ------
    ValueError
        If V differs from 0 where W is 0, D where V is, or :math:`D^2 > n W V`.

    Notes
    -----
    :math:`W = P(M = 1)`, :math:`V = E[w^2 M]` and :math:`D = \sqrt n E[w M]`. As :math:`M = M^2`, the
    Cauchy-Schwarz inequality is :math:`D^2 / n = (E[w M \cdot M])^2 \le V W`; weights of the same
    value wherever they are kept attain it. For :math:`n \to \infty` it leaves D free.
    """
    _refuse(
        f"second_moments[{number}] must be 0 where no weight is kept",
        second_moment,
        (density == 0) & (second_moment != 0),
    )
    if drift is None:
        return
    _refuse(
        f"drifts[{number}] must be 0 where the second moment of the kept weights is 0",
        drift,
        (second_moment == 0) & (drift != 0),
    )
    if fan_in is not None:
        largest = np.sqrt(fan_in * density) * np.sqrt(second_moment)
        _refuse(
            f"drifts[{number}] must be at most sqrt(n W V), the root of {fan_in} inputs times density times second moment, in absolute value",
            drift,
            np.abs(drift) > (1 + ROUNDING) * largest,
        )


def _refuse(rule: str, values: NDArray[np.float64], wrong: NDArray[np.bool_]) -> None:
    if wrong.any():
        row, column = np.argwhere(wrong)[0].tolist()
        raise ValueError(f"{rule}; got {values[row, column]:.6g} at ({row}, {column})")
