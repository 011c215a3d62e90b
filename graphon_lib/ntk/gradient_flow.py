r"""Training as the kernel predicts it: gradient flow of a linearised network under squared loss."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from graphon_lib._checks import check_array, check_kernel, near_one
from graphon_lib.ntk.spectra import check_eigenvalues, check_outputs

__all__ = ["GradientFlow", "gradient_flow"]


class GradientFlow(NamedTuple):
    """Predicted outputs and losses over time.

    Attributes
    ----------
    train : ndarray, shape (T, N, C)
        Outputs.
    train_loss : ndarray, shape (T,)
        Half the mean square error, summed over outputs.
    """

    train: NDArray[np.float64]
    train_loss: NDArray[np.float64]


def gradient_flow(
    kernel: ArrayLike, targets: ArrayLike, times: ArrayLike, *, initial: ArrayLike | None = None
) -> GradientFlow:
    r"""Return the outputs and losses of a network trained by gradient flow in its tangent kernel.

    Parameters
    ----------
    kernel : array_like, shape (N, N)
        The tangent kernel K of the training points, the same for all outputs.
    targets, initial : array_like, shape (N,) or (N, C)
        Their targets y, and outputs at time 0; None stands for 0, their mean over initialisations.
    times : array_like, shape (T,)
        Non-negative. After s steps of gradient descent at learning rate :math:`\eta`,
        :math:`t = \eta s`.

    Notes
    -----
    For the loss :math:`L = \frac{1}{2N} \sum_i \lVert f(x_i) - y_i \rVert^2` and a kernel that
    stays as it is (Lee et al., *Wide Neural Networks of Any Depth Evolve as Linear Models Under
    Gradient Descent*, NeurIPS 2019, equation 8), in the eigenbasis of K,

    .. math:: f_t(X) = y + e^{-K t / N} (f_0(X) - y) .
    """
    matrix, epsilon = check_kernel("kernel", kernel)
    moments = check_array("times", times, 1, minimum=0.0)
    y = check_outputs("targets", targets, len(matrix))
    start = np.zeros(y.shape)
    if initial is not None:
        start = check_outputs("initial", initial, len(matrix))
        if start.shape != y.shape:
            raise ValueError(
                f"initial must have {y.shape[1]} outputs as targets has, got {start.shape[1]}"
            )
    matrix, exponent = near_one(matrix)
    ascending, vectors = np.linalg.eigh(matrix)
    values = check_eigenvalues("kernel", ascending, epsilon)[::-1]
    with np.errstate(over="ignore", invalid="ignore"):
        exponents = np.ldexp(-np.outer(moments, values) / len(matrix), exponent)
        error = vectors.T @ (start - y)
        train = y + vectors @ (np.exp(exponents)[:, :, None] * error)
        loss = ((train - y) ** 2).sum(axis=2).mean(axis=1) / 2
    if not np.isfinite(loss).all():
        raise ValueError(
            f"targets and initial must give losses in the range of double precision, got values up to {max(np.abs(y).max(), np.abs(start).max()):.3g}"
        )
    return GradientFlow(train, loss)
