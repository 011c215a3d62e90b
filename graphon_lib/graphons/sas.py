r"""Sorting and smoothing: a mask's graphon from its nodes in order of degree, and what that invents."""

from __future__ import annotations

from statistics import NormalDist

import numpy as np
from numpy.typing import ArrayLike, NDArray

from graphon_lib._checks import (
    check_density,
    check_flag,
    check_integer,
    check_mask,
    check_rng,
    check_shape,
)
from graphon_lib.graphons.blocks import chunked_product, degree_labels, labelled_means
from graphon_lib.graphons.partition import averaging_matrix
from graphon_lib.graphons.step_graphon import StepGraphon

__all__ = ["sas", "sorting_artefact"]


def sas(
    mask: ArrayLike,
    blocks: int = 64,
    cross_fit: bool = False,
    rng: np.random.Generator | None = None,
) -> StepGraphon:
    r"""Estimate a mask's graphon by sorting its nodes by degree and averaging over blocks.

    Parameters
    ----------
    mask : array_like, shape (n_out, n_in)
        At least two rows and two columns for `cross_fit`.
    blocks : int
        Number of blocks K on either side.
    cross_fit : bool
        False: the estimator of the paper, which averages the entries it has sorted by. True: ours,
        which averages only entries that had no say in the order.
    rng : numpy.random.Generator, optional
        Splits the nodes in halves at random, for `cross_fit` only. When omitted, nodes are split by
        the parity of their index: fine unless parity means something, and the result is then a
        function of the mask alone.

    Returns
    -------
    StepGraphon
        In order of falling degree, with the mask's density exactly. Plain: :math:`\min(K, n)`
        blocks a side, their masses the shares of the nodes. Cross-fitted: K equal blocks, whatever
        n.

    Notes
    -----
    *Plain.* Rows and columns are sorted by degree, stably and the largest first; the node of rank i
    falls in block :math:`\lfloor i K / n \rfloor`; a block's value is its density (Chan and
    Airoldi, *A Consistent Histogram Estimator for Exchangeable Graph Models*, ICML 2014, without
    their total-variation smoothing, as in the paper). An entry counts towards the degree that
    decides where it is averaged, so that even a constant graphon shows a gradient, of the order of
    :math:`\sqrt{p (1 - p) / n}`; see `sorting_artefact`.

    *Cross-fitted.* Rows are split in halves :math:`R_0, R_1`, columns in :math:`C_0, C_1`. For
    each of the four pairs (a, b), the entries :math:`R_a \times C_b` are averaged with the
    rows in the order of their degrees in :math:`C_{1-b}` and the columns in that of their degrees
    in :math:`R_{1-a}`. Given these orders the averaged entries are as random as they were, so that
    on a constant graphon every block is unbiased. The node of rank i among n takes the interval
    :math:`[i/n, (i+1)/n]`, and a block averages over the intervals that it meets by their overlap,
    so that any K fits any n. The four are averaged by their numbers of entries.
    """
    mask = check_mask("mask", mask)
    blocks = check_integer("blocks", blocks, 1)
    if not check_flag("cross_fit", cross_fit):
        if rng is not None:
            raise ValueError(f"rng must be None unless cross_fit is True, got {rng!r}")
        return labelled_means(mask, *degree_labels(mask, blocks))
    if min(mask.shape) < 2:
        raise ValueError(f"mask must have two rows and two columns to split, got {mask.shape}")
    return _cross_fitted(mask, blocks, None if rng is None else check_rng("rng", rng))


def sorting_artefact(
    density: float, shape: tuple[int, int], blocks: int = 64
) -> NDArray[np.float64]:
    r"""Return the histogram that degree sorting is expected to show for a constant graphon.

    Block means, shape (K, K), largest first, for the constant p in (0, 1] and a mask of the shape
    :math:`(n, m)`, large against the number K of `blocks` and against :math:`1/p(1-p)`.

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


def _cross_fitted(
    mask: NDArray[np.bool_], blocks: int, rng: np.random.Generator | None
) -> StepGraphon:
    row_halves, col_halves = _halves(mask.shape[0], rng), _halves(mask.shape[1], rng)
    total = np.zeros((blocks, blocks))
    for a, rows in enumerate(row_halves):
        for b, cols in enumerate(col_halves):
            row_degrees = np.count_nonzero(mask[np.ix_(rows, col_halves[1 - b])], axis=1)
            col_degrees = np.count_nonzero(mask[np.ix_(row_halves[1 - a], cols)], axis=0)
            ordered_rows = rows[np.argsort(-row_degrees, kind="stable")]
            ordered_cols = cols[np.argsort(-col_degrees, kind="stable")]
            over_cols = chunked_product(
                mask[np.ix_(ordered_rows, ordered_cols)], _interval_weights(cols.size, blocks).T
            )
            means = _interval_weights(rows.size, blocks) @ over_cols
            total += rows.size * cols.size * means
    return StepGraphon(np.clip(total / mask.size, 0.0, 1.0))


def _halves(
    count: int, rng: np.random.Generator | None
) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    order = np.arange(count) if rng is None else rng.permutation(count)
    return np.sort(order[::2]), np.sort(order[1::2])


def _interval_weights(count: int, blocks: int) -> NDArray[np.float64]:
    """Return the (blocks, count) weights of `count` equal intervals in means over equal blocks."""
    return averaging_matrix(np.arange(count + 1) / count, np.arange(blocks + 1) / blocks)
