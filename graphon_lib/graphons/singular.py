"""The largest singular values of a mask, and how many of them random entries alone explain."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from graphon_lib._checks import check_instance, check_integer, check_mask, check_shape, needs_extra
from graphon_lib.graphons.blocks import labelled_means
from graphon_lib.graphons.partition import check_labels
from graphon_lib.graphons.step_graphon import StepGraphon

__all__ = [
    "debiased_singular_value",
    "leading_singular_vectors",
    "noise_floor",
    "residual_singular_values",
]

# Below this size, or when most of the spectrum is asked for, a full decomposition is as fast.
FULL_DECOMPOSITION_SIZE = 128


def leading_singular_vectors(
    matrix: NDArray[np.float32], count: int
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Return left vectors (n, count), falling singular values and right vectors (m, count).

    ARPACK from a fixed starting vector, so that equal matrices have equal results. The vector is
    not constant: matrices whose rows sum to zero, as residuals do, annihilate a constant one. A matrix
    of lower rank than `count` leaves ARPACK vectors that it draws at random, and sometimes none: it is
    then decomposed in full.
    """
    size = min(matrix.shape)
    if size <= max(FULL_DECOMPOSITION_SIZE, 3 * count) or not matrix.any():
        return _decomposed_in_full(matrix, count)
    with needs_extra("graphons"):
        from scipy.sparse.linalg import ArpackError, svds

    start = np.sin(np.arange(1.0, size + 1)).astype(np.float32)
    try:
        left, values, right = svds(matrix, count, v0=start)
    except ArpackError:
        return _decomposed_in_full(matrix, count)
    order = np.argsort(-values)
    return (
        left[:, order].astype(np.float64),
        values[order].astype(np.float64),
        right[order].T.astype(np.float64),
    )


def _decomposed_in_full(
    matrix: NDArray[np.float32], count: int
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    left, values, right = np.linalg.svd(matrix.astype(np.float64), full_matrices=False)
    return left[:, :count], values[:count], right[:count].T


def residual_singular_values(
    mask: ArrayLike, row_labels: ArrayLike, col_labels: ArrayLike, count: int = 16
) -> NDArray[np.float64]:
    r"""Return at most `count` of the largest singular values of a mask minus its block means, falling.

    They are divided by :math:`\sqrt{n_{out} n_{in}}`: the largest is an upper bound on the cut norm
    of the difference between the mask and its block means. Values above `noise_floor` are structure
    that the blocks, labels of rows and of columns, miss.
    """
    mask = check_mask("mask", mask)
    rows = check_labels("row_labels", row_labels, mask.shape[0])
    cols = check_labels("col_labels", col_labels, mask.shape[1])
    count = min(check_integer("count", count, 1), *mask.shape)
    means = labelled_means(mask, rows, cols).values.astype(np.float32)
    residual = mask.astype(np.float32)
    for block, row_of_means in enumerate(means):
        residual[rows == block] -= row_of_means[cols]
    return leading_singular_vectors(residual, count)[1] / np.sqrt(mask.size)


def debiased_singular_value(value: ArrayLike, edge: ArrayLike) -> NDArray[np.float64]:
    r"""Return the singular value of a structure that noise has enlarged.

    Of singular values of structure plus noise, none negative, and the largest of the noise alone,
    the edge; 0 where a value is not above it: a structure of less than half of it is not seen. NaN
    stays NaN. A square matrix of independent entries of variance :math:`s^2 / n` has singular
    values up to :math:`2 s`. A structure of rank one and singular value :math:`\theta > s` added to
    it shows at

    .. math:: \lambda = \theta + \frac{s^2}{\theta}, \qquad \text{so that} \qquad
              \theta = \frac{\lambda + \sqrt{\lambda^2 - 4 s^2}}{2}

    (F. Benaych-Georges and R. R. Nadakuditi, Journal of Multivariate Analysis 111, 2012; the
    transition is that of J. Baik, G. Ben Arous and S. Péché, Annals of Probability 33, 2005).
    """
    found, most = np.asarray(value, dtype=np.float64), np.asarray(edge, dtype=np.float64)
    if (found < 0.0).any() or (most < 0.0).any():
        raise ValueError(f"value and edge must not be negative, got {value!r} and {edge!r}")
    seen = ~(found <= most)
    root = np.sqrt(np.where(seen, found**2 - most**2, 0.0))
    return np.where(seen, (found + root) / 2.0, 0.0)


def noise_floor(graphon: StepGraphon, shape: tuple[int, int]) -> float:
    r"""Return the singular value that random entries alone reach in a mask of a size (n_out, n_in).

    For a mask with independent entries of means :math:`W(u_i, v_j)`, ``StepGraphon([[p]])`` for a
    constant p, the operator norm of mask minus means, divided by :math:`\sqrt{n_{out} n_{in}}`, is
    in the limit at most

    .. math:: \sqrt{\max_u \textstyle\int W (1 - W) \,dv \,/\, n_{out}}
              + \sqrt{\max_v \textstyle\int W (1 - W) \,du \,/\, n_{in}}

    (Bandeira and van Handel, Annals of Probability 44, 2016, theorem 3.1). It is attained when W is
    constant, :math:`2 \sqrt{p (1 - p) / n}` for a square mask, and is cautious when degrees differ
    much.
    """
    check_instance("graphon", graphon, StepGraphon)
    n_out, n_in = check_shape("shape", shape)
    variances = graphon.values * (1.0 - graphon.values)
    over_rows = (variances @ graphon.col_mass)[graphon.row_mass > 0].max()
    over_cols = (graphon.row_mass @ variances)[graphon.col_mass > 0].max()
    return float(np.sqrt(over_rows / n_out) + np.sqrt(over_cols / n_in))
