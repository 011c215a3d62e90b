r"""What sorting by degree invents: the gradient that a structureless mask shows."""

from __future__ import annotations

from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

from graphon_lib._checks import check_density, check_integer, check_shape

__all__ = ["sorting_artefact"]


def sorting_artefact(
    density: float, shape: tuple[int, int], blocks: int = 64
) -> NDArray[np.float64]:
    r"""Return the histogram that degree sorting is expected to show for a constant graphon.

    Parameters
    ----------
    density
        The constant :math:`p` in (0, 1].
    shape
        Size :math:`(n, m)` of the mask, each at least 1.
    blocks
        Number of blocks :math:`K` on either side, at least 1.

    Returns
    -------
    numpy.ndarray
        Expected block means, shape (K, K), largest first, for :math:`n` and :math:`m` large
        against :math:`K` and against :math:`1/p(1-p)`.

    Raises
    ------
    ValueError
        If an argument is out of range.

    Notes
    -----
    A row's degree divided by :math:`m` is normal about :math:`p` with variance
    :math:`p(1-p)/m`, a column's with :math:`p(1-p)/n`. Sorting puts the largest :math:`n/K` of
    them in the first block, whose mean is that of a standard normal variable between its quantiles
    :math:`q_a = \Phi^{-1}(1 - a/K)`,

    .. math::

        z_a = K \bigl(\varphi(q_{a+1}) - \varphi(q_a)\bigr), \qquad
        \mathbb E\, \hat W_{ab} \approx p + \sqrt{p(1-p)}
        \left(\frac{z_a}{\sqrt m} + \frac{z_b}{\sqrt n}\right)
        + (1 - 2p) \frac{z_a z_b}{\sqrt{n m}}, \qquad a, b = 0, \dots, K-1.

    To leading order row and column effects add up, because a row's degree says almost nothing
    about a column's. Given all degrees it is the log-odds that are additive, which makes the last
    term: the second order of the logistic function about :math:`p`.
    """
    density = check_density("density", density)
    rows, columns = check_shape("shape", shape)
    blocks = check_integer("blocks", blocks, 1)
    if density == 1.0:  # nothing varies, so sorting invents nothing
        return np.ones((blocks, blocks))
    normal = NormalDist()
    inner = [normal.pdf(normal.inv_cdf(1.0 - a / blocks)) for a in range(1, blocks)]
    z = blocks * np.diff([0.0, *inner, 0.0])
    of_rows, of_columns = z[:, None] / np.sqrt(columns), z[None, :] / np.sqrt(rows)
    scale = np.sqrt(density * (1.0 - density))
    return density + scale * (of_rows + of_columns) + (1.0 - 2.0 * density) * of_rows * of_columns
