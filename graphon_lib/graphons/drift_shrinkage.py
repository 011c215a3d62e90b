r"""Drifts estimated from few weights, freed of the mean that chance alone gives them."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from graphon_lib._checks import check_array

__all__ = ["shrink_drift"]


def shrink_drift(drift: ArrayLike, error: ArrayLike) -> NDArray[np.float64]:
    r"""Shrink the noisy drifts of a layer's blocks, to exactly zero where they are noise alone.

    Parameters
    ----------
    drift : array_like, shape (K_out, K_in)
        Estimated drifts.
    error : array_like, shape (K_out, K_in)
        Their standard errors, at least 0; a block of error 0 must have drift 0.

    Returns
    -------
    ndarray, shape (K_out, K_in)

    Raises
    ------
    ValueError
        If the arrays are not finite, their shapes differ, an error is negative or a drift without
        error is not zero.

    Notes
    -----
    A mean preactivation is a sum over blocks, :math:`m_a = \sqrt{s_w} \sum_b q_b D_{ab} \mu_b`. Noise
    adds the variance

    .. math:: s_w \sum_b q_b^2 \operatorname{se}(D_{ab})^2 \mu_b^2
              = \frac{s_w}{|A_a|} \sum_b q_b V_{ab} \mu_b^2

    to it, which is a share of about :math:`1 / |A_a|` of the true variance: with 8 neurons to a block
    the kernel of a network *without* drift comes out an eighth too large in every layer.

    Shrinking every entry on its own, as James and Stein do, would also take away what is wanted: a true
    drift is small in every block and adds up over them. It is, however, of low rank. So the matrix
    is shrunk as one. Divide drifts by their errors, :math:`Y = D / \operatorname{se}(D)`: without
    drift its entries are independent with variance 1, and its singular values end at
    :math:`\sqrt{K_{out}} + \sqrt{K_{in}}`. The empirical-Bayes estimator of a mean matrix [1]_ replaces the
    singular values :math:`y` of Y and keeps the vectors; the best such rule for squared error
    in large matrices is [2]_, with the sizes :math:`k \le K` of the matrix,

    .. math::

        \eta(y) = \frac{1}{y} \sqrt{(y^2 - k - K)^2 - 4 k K}
        \quad\text{if } y > \sqrt k + \sqrt K, \qquad 0 \text{ otherwise.}

    Rows and columns without any kept weight do not count in k and K.

    References
    ----------
    .. [1] Efron and Morris, *Empirical Bayes on vector observations: an extension of Stein's method*,
       Biometrika 59 (1972).
    .. [2] Gavish and Donoho, *Optimal shrinkage of singular values*, IEEE Transactions on Information
       Theory 63 (2017), equation 7.
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
    whitened = np.divide(drift, error, out=np.zeros_like(drift), where=known)
    left, values, right = np.linalg.svd(whitened, full_matrices=False)
    rows, cols = known.any(axis=1).sum(), known.any(axis=0).sum()
    above = values > np.sqrt(rows) + np.sqrt(cols)
    values = values[above]
    shrunk = np.sqrt((values**2 - rows - cols) ** 2 - 4.0 * rows * cols) / values
    return error * ((left[:, above] * shrunk) @ right[above])
