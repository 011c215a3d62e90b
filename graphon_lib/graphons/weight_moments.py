r"""Moments of a layer's kept weights on blocks: estimated, freed of noise, and which are possible."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from graphon_lib._checks import as_numpy, check_array, check_sequence
from graphon_lib.graphons.blocks import block_sums

__all__ = [
    "WeightMoments",
    "check_possible_moments",
    "check_weights",
    "shrink_drift",
    "weight_moments",
]

# Block means of single-precision weights meet the Cauchy-Schwarz inequality with this much to spare.
ROUNDING = 1e-6


class WeightMoments(NamedTuple):
    """Moments of a layer's kept weights on pairs of blocks, each of shape (K_out, K_in)."""

    second_moment: NDArray[np.float64]
    drift: NDArray[np.float64]
    drift_error: NDArray[np.float64]


def weight_moments(
    weight: NDArray[np.floating],
    mask: NDArray[np.bool_],
    rows: NDArray[np.intp],
    cols: NDArray[np.intp],
) -> WeightMoments:
    r"""Return the second moment and the drift of a layer's kept weights on labelled blocks.

    With weights in NTK units, N(0, 1) before pruning, N entries in a pair of blocks and means over
    them,

    .. math::

        V = \overline{w^2 M}, \qquad D = \sqrt{n_{in}}\, \overline{w M}, \qquad
        \operatorname{se}(D)^2 = \frac{n_{in} V}{N} .

    The error of the drift is that without drift: if, given the mask and the magnitudes, the signs
    of the kept weights are independent and fair, :math:`D / \operatorname{se}(D)` has mean 0 and
    variance exactly 1 however few weights are kept, because it is a sum of random signs over its
    own standard deviation. Where nothing is kept, all three are 0.
    """
    counts = np.outer(np.bincount(rows), np.bincount(cols))
    kept = np.where(mask, weight, 0).astype(np.float64)
    drift = np.sqrt(mask.shape[1]) * block_sums(kept, rows, cols) / counts
    np.square(kept, out=kept)
    second = block_sums(kept, rows, cols) / counts
    return WeightMoments(second, drift, np.sqrt(mask.shape[1] * second / counts))


def shrink_drift(drift: ArrayLike, error: ArrayLike) -> NDArray[np.float64]:
    r"""Shrink the noisy drifts of a layer's blocks, to exactly zero where they are noise alone.

    Of estimated drifts and their standard errors, both of shape (K_out, K_in); a block of error 0
    must have drift 0.

    Notes
    -----
    A mean preactivation is a sum over blocks, :math:`m_a = \sqrt{s_w} \sum_b q_b D_{ab} \mu_b`.
    Noise adds the variance

    .. math:: s_w \sum_b q_b^2 \operatorname{se}(D_{ab})^2 \mu_b^2
              = \frac{s_w}{|A_a|} \sum_b q_b V_{ab} \mu_b^2

    to it, which is a share of about :math:`1 / |A_a|` of the true variance: with 8 neurons to a
    block the kernel of a network *without* drift comes out an eighth too large in every layer.

    A true drift is small in every block and adds up over them, but is of low rank, so that the
    matrix is shrunk as one. Divide drifts by their errors, :math:`Y = D / \operatorname{se}(D)`:
    without drift its entries are independent with variance 1, and its singular values end at
    :math:`\sqrt{K_{out}} + \sqrt{K_{in}}`. The empirical-Bayes estimator of a mean matrix (Efron
    and Morris, Biometrika 59, 1972) replaces the singular values :math:`y` of Y and keeps the
    vectors; the best such rule for squared error in large matrices (Gavish and Donoho, IEEE
    Transactions on Information Theory 63, 2017, equation 7) is, with the sizes :math:`k \le K` of
    the matrix,

    .. math::

        \eta(y) = \frac{1}{y} \sqrt{(y^2 - k - K)^2 - 4 k K}
        \quad\text{if } y > \sqrt k + \sqrt K, \qquad 0 \text{ otherwise.}

    Rows and columns without any kept weight do not count in k and K.
    """
    drift = check_array("drift", drift, 2)
    error = check_array("error", error, 2, minimum=0.0)
    if error.shape != drift.shape:
        raise ValueError(f"error must have the drift's shape {drift.shape}, got {error.shape}")
    known = error > 0.0
    if drift[~known].any():
        raise ValueError(
            f"drift must be 0 where its error is, got {np.count_nonzero(drift[~known])} other values"
        )
    with np.errstate(over="ignore"):
        whitened = np.divide(drift, error, out=np.zeros_like(drift), where=known)
    if not np.isfinite(whitened).all():
        raise ValueError("drift must be at most 1e308 of its errors, got a ratio above")
    left, values, right = np.linalg.svd(whitened, full_matrices=False)
    rows, cols = known.any(axis=1).sum(), known.any(axis=0).sum()
    above = values > np.sqrt(rows) + np.sqrt(cols)
    values = values[above]
    # In factors, of which none overflows or loses digits near the end of the noise.
    shrunk = values
    for sign in (1.0, -1.0):
        shrunk = shrunk * np.sqrt(1.0 - ((np.sqrt(rows) + sign * np.sqrt(cols)) / values) ** 2)
    return error * ((left[:, above] * shrunk) @ right[above])


def check_weights(
    weights: Sequence[ArrayLike], masks: Sequence[NDArray[np.bool_]]
) -> list[NDArray[np.floating]]:
    """Return weights, one array a mask, of the masks' shapes and finite where these keep them."""
    weights = check_sequence("weights", weights, "matrices, one a layer")
    if len(weights) != len(masks):
        raise ValueError(f"weights must be {len(masks)} arrays, one per mask; got {len(weights)}")
    arrays = []
    for i, (weight, mask) in enumerate(zip(weights, masks, strict=True)):
        array = as_numpy(f"weights[{i}]", weight)
        if array.shape != mask.shape or array.dtype.kind not in "iuf":
            raise ValueError(
                f"weights[{i}] must be real numbers of shape {mask.shape}, got shape {array.shape} and dtype {array.dtype}"
            )
        if not np.isfinite(array[mask]).all():
            raise ValueError(f"weights[{i}] must be finite where kept, got NaN or infinite entries")
        # Integers and half precision would overflow when squared.
        arrays.append(array.astype(np.result_type(array, np.float32), copy=False))
    return arrays


def check_possible_moments(
    number: int,
    density: NDArray[np.float64],
    second_moment: NDArray[np.float64],
    drift: NDArray[np.float64] | None = None,
    fan_in: int | None = None,
) -> None:
    r"""Check that some weights of layer `number`, from 0, have moments W, V and D.

    As :math:`M = M^2`, the Cauchy-Schwarz inequality is
    :math:`D^2 / n = (E[w M \cdot M])^2 \le V W` for n = `fan_in` inputs; weights of the same value
    wherever they are kept attain it. Where n is not known (None), as in the limit of wide layers,
    it leaves D free.
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
