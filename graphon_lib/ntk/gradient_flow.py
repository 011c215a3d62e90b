r"""Training as the kernel predicts it: gradient flow of a linearised network under squared loss."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from graphon_lib._checks import as_numpy, check_array
from graphon_lib.ntk.spectra import check_eigenvalues, check_kernel

__all__ = ["GradientFlow", "gradient_flow"]


@dataclass(frozen=True, eq=False)
class GradientFlow:
    """Predicted outputs and losses over time.

    Attributes
    ----------
    times : ndarray, shape (T,)
    train, test : ndarray, shapes (T, N, C) and (T, M, C)
        Outputs; `test` is None without test points.
    train_loss, test_loss : ndarray, shape (T,)
        Half the mean square error, summed over outputs; `test_loss` is None without test targets.
    """

    times: NDArray[np.float64]
    train: NDArray[np.float64]
    train_loss: NDArray[np.float64]
    test: NDArray[np.float64] | None
    test_loss: NDArray[np.float64] | None


def gradient_flow(
    kernel: ArrayLike,
    targets: ArrayLike,
    times: ArrayLike,
    *,
    initial: ArrayLike | None = None,
    test_kernel: ArrayLike | None = None,
    test_targets: ArrayLike | None = None,
    test_initial: ArrayLike | None = None,
    precision: str | None = None,
) -> GradientFlow:
    r"""Return the outputs and losses of a network trained by gradient flow in its tangent kernel.

    Parameters
    ----------
    kernel : array_like, shape (N, N)
        The tangent kernel K of the training points, the same for all outputs.
    targets : array_like, shape (N,) or (N, C)
        Their targets y.
    times : array_like, shape (T,)
        Non-negative. After s steps of gradient descent at learning rate :math:`\eta` on the loss
        below, :math:`t = \eta s`.
    initial : array_like, in the shape of `targets`, optional
        Outputs at time 0; None stands for 0, their mean over initialisations.
    test_kernel : array_like, shape (M, N), optional
        The kernel between test points and training points.
    test_targets, test_initial : array_like, shape (M,) or (M, C), optional
        As for the training points; only with `test_kernel`.
    precision : {"double", "single"}, optional
        In which the kernel was computed, as for `spectral_metrics`.

    Returns
    -------
    GradientFlow

    Raises
    ------
    ValueError
        If an argument is not finite or does not fit the others, or a time is negative.

    Notes
    -----
    For the loss :math:`L = \frac{1}{2N} \sum_i \lVert f(x_i) - y_i \rVert^2` and a kernel that
    stays as it is [1]_,

    .. math::

        f_t(X) = y + e^{-K t / N} (f_0(X) - y), \qquad
        f_t(x) = f_0(x) - K(x, X) \frac{1 - e^{-K t / N}}{K} (f_0(X) - y),

    in the eigenbasis of K, where the last factor is :math:`t / N` for an eigenvalue 0.

    References
    ----------
    .. [1] Lee, Xiao, Schoenholz, Bahri, Novak, Sohl-Dickstein and Pennington, *Wide Neural Networks
       of Any Depth Evolve as Linear Models Under Gradient Descent*, NeurIPS 2019, equations 8 to 11.
    """
    matrix, epsilon = check_kernel("kernel", kernel, precision)
    count = len(matrix)
    moments = check_array("times", times, 1, minimum=0.0)
    y = _check_outputs("targets", targets, count)
    start = _initial("initial", initial, y.shape)
    ascending, vectors = np.linalg.eigh(matrix)
    values = check_eigenvalues("kernel", ascending, epsilon)[::-1]
    exponents = -np.outer(moments, values) / count
    error = vectors.T @ (start - y)
    train = y + vectors @ (np.exp(exponents)[:, :, None] * error)
    train_loss = _loss(train, y)
    if test_kernel is None:
        for name, value in (("test_targets", test_targets), ("test_initial", test_initial)):
            if value is not None:
                raise ValueError(f"{name} must be None without test_kernel, got {type(value)}")
        return GradientFlow(moments, train, train_loss, None, None)
    cross = check_array("test_kernel", test_kernel, 2)
    if cross.shape[1] != count:
        raise ValueError(f"test_kernel must have {count} columns, got shape {cross.shape}")
    safe = np.where(values > 0, values, 1.0)
    travelled = np.where(values > 0, -np.expm1(exponents) / safe, moments[:, None] / count)
    test_start = _initial("test_initial", test_initial, (len(cross), y.shape[1]))
    test = test_start - (cross @ vectors) @ (travelled[:, :, None] * error)
    if test_targets is None:
        return GradientFlow(moments, train, train_loss, test, None)
    test_y = _check_outputs("test_targets", test_targets, len(cross))
    if test_y.shape[1] != y.shape[1]:
        raise ValueError(
            f"test_targets must have {y.shape[1]} outputs as targets has, got {test_y.shape[1]}"
        )
    return GradientFlow(moments, train, train_loss, test, _loss(test, test_y))


def _check_outputs(name: str, value: ArrayLike, rows: int) -> NDArray[np.float64]:
    value = as_numpy(name, value)
    array = check_array(name, value, 1 if value.ndim == 1 else 2)
    if len(array) != rows:
        raise ValueError(f"{name} must have {rows} rows, one a point; got {len(array)}")
    return array.reshape(rows, -1)


def _initial(name: str, value: ArrayLike | None, shape: tuple[int, int]) -> NDArray[np.float64]:
    if value is None:
        return np.zeros(shape)
    array = _check_outputs(name, value, shape[0])
    if array.shape != shape:
        raise ValueError(
            f"{name} must have {shape[1]} outputs as targets has, got {array.shape[1]}"
        )
    return array


def _loss(outputs: NDArray[np.float64], targets: NDArray[np.float64]) -> NDArray[np.float64]:
    return ((outputs - targets) ** 2).sum(axis=2).mean(axis=1) / 2
