r"""How far the scale of sparse networks of finite width varies from draw to draw."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike

from graphon_lib._checks import check_array, check_widths

__all__ = ["scale_variance"]


def scale_variance(
    widths: Sequence[int], fan_in: ArrayLike, spread: float, *, even: bool = False
) -> float:
    r"""Return the relative variance of the mean squared activation of the last hidden layer.

    Over masks and weights, at one input; ReLU, no biases, weights normal with variance
    :math:`2 / k_l`, so that its mean is that of the squared inputs. With :math:`C_l` the mean product
    of two squared activations of a layer and :math:`C_l + D_l` their mean square, over the squared
    mean,

    .. math::

        C_{l+1} = C_l + s_l D_l, \qquad D_{l+1} = 5 C_l + (6 / k_{l+1} - s_l) D_l ,

    and :math:`C_L + D_L / m_L - 1` is returned.

    Parameters
    ----------
    widths
        :math:`(n_0, m_1, \dots, m_L)`: inputs, and units used of every hidden layer.
    fan_in : array_like, shape (L,)
        :math:`k_l`, how many units of the layer before a unit reads, which are uniformly random.
    spread
        Of the input, :math:`\sum_j x_j^4 / n_0` over :math:`(\sum_j x_j^2 / n_0)^2`, from 1 to n_0.
    even
        Whether units are read equally often as far as they can be, or by every unit independently:
        :math:`s_l`, the chance that what two units read is one unit, is :math:`1 / m_l` then.

    Raises
    ------
    ValueError
        If an argument is not allowed, or a unit is to read less than one unit or more than there are.
    """
    widths = check_widths(widths)
    fan_in = check_array("fan_in", fan_in, ndim=1)
    before = np.array(widths[:-1])
    if fan_in.shape != before.shape or not ((fan_in >= 1.0) & (fan_in <= before)).all():
        raise ValueError(
            f"fan_in must have {before.size} numbers, each from 1 to the units of the layer before, "
            f"{before.tolist()}, got {fan_in.tolist()}"
        )
    if not 1.0 <= spread <= widths[0]:
        raise ValueError(f"spread must be from 1 to the number of inputs, got {spread!r}")
    # Two different inputs: their products are what the square of the sum has beside squares.
    product = (widths[0] - spread) / max(widths[0] - 1, 1)
    more = spread - product
    for read, units, count in zip(before, widths[1:], fan_in, strict=True):
        same = _shared(read, units, count) if even else 1.0 / read
        product, more = product + same * more, 5.0 * product + (6.0 / count - same) * more
    return float(product + more / widths[-1] - 1.0)


def _shared(read: int, units: int, count: float) -> float:
    """Return the chance that what two units read is one unit, each of which is read equally often."""
    often, rest = divmod(units * count, read)
    pairs = (read - rest) * often * (often - 1.0) + rest * (often + 1.0) * often
    return pairs / max(units * (units - 1) * count**2, 1.0)
