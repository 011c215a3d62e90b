r"""Which inputs to look at: the first layer's graphon that aligns its kernel with the classes."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from graphon_lib._checks import as_numpy, check_array, check_density, near_one, needs_extra

__all__ = ["aligned_inputs", "alignment", "deviation_inputs", "with_mean"]


def deviation_inputs(x: ArrayLike, density: float) -> NDArray[np.float64]:
    """Return densities of the inputs in proportion to their standard deviations, at most 1.

    Of inputs x, shape (N, d); the mean of what is returned, shape (d,), is `density`. More is asked
    of inputs that vary, and nothing of those that never do.
    """
    return with_mean(near_one(_inputs(x))[0].std(axis=0), check_density("density", density))


def alignment(x: ArrayLike, y: ArrayLike, pixels: ArrayLike) -> float:
    r"""Return how well the kernel of a first layer is aligned with the classes, in [-1, 1].

    With :math:`K = \sum_j w_j x_j x_j^\top`, :math:`Y_{ac} = 1` where image a is of class c, and H
    the projection off the constants,

    .. math:: A(w) = \frac{\langle H K H, H Y Y^\top H \rangle_F}
        {\lVert H K H \rVert_F\, \lVert H Y Y^\top H \rVert_F} ,

    the centred alignment (Cortes, Mohri and Rostamizadeh, *Algorithms for Learning Kernels Based on
    Centered Alignment*, JMLR 13, 2012). Where a kernel is zero, as that of a single class, it is 0.
    """
    linear, quadratic, norm = _programme(x, y)
    w = check_array("pixels", pixels, 1, minimum=0.0)
    if w.size != linear.size:
        raise ValueError(f"pixels must be {linear.size}, the inputs of x, got {w.size}")
    w, _ = near_one(w)
    size = float(np.sqrt(w @ quadratic @ w)) * norm
    return float(linear @ w) / size if size > 0.0 else 0.0


def aligned_inputs(x: ArrayLike, y: ArrayLike, density: float) -> NDArray[np.float64]:
    r"""Return densities of the inputs, in [0, 1], for which the alignment with the classes is greatest.

    Parameters
    ----------
    x, y : array_like, shapes (N, d) and (N,)
        Inputs and their classes.
    density
        The mean of what is returned, shape (d,): of the most aligned weighting, where it asks for no
        density above 1. Otherwise these are 1 and the rest shares what is left.

    Notes
    -----
    With :math:`a_j = \lVert Y^\top H x_j \rVert^2` and :math:`Q_{ij} = (x_i^\top H x_j)^2` the
    alignment is :math:`a^\top w / \sqrt{w^\top Q w}` up to a constant. It does not change with the
    length of w, so that the greatest over :math:`w \ge 0` is found where :math:`\tfrac12 w^\top Q w -
    a^\top w` is least: a problem of non-negative least squares, convex, with the certificate
    :math:`Q w \ge a`, and equality where :math:`w > 0`. If inputs are uncorrelated Q is diagonal, and
    :math:`w_j \propto a_j / (x_j^\top H x_j)^2`.
    """
    linear, quadratic, _ = _programme(x, y)
    with needs_extra("graphons"):
        from scipy.optimize import nnls
    scale = np.sqrt(np.diag(quadratic))
    used = scale > 0.0
    if not linear[used].any():
        raise ValueError("x must vary between the classes y, got the same mean in each")
    # In units of each input's own variance, with a little of the identity for a root.
    unit = quadratic[np.ix_(used, used)] / np.outer(scale[used], scale[used])
    root = np.linalg.cholesky(unit + 1e-9 * np.eye(int(used.sum())))
    target = np.linalg.solve(root, linear[used] / scale[used])
    weights = np.zeros(used.size)
    weights[used] = nnls(root.T, target, maxiter=100 * used.size)[0] / scale[used]
    return with_mean(weights, check_density("density", density))


def with_mean(weights: NDArray[np.float64], mean: float) -> NDArray[np.float64]:
    """Return min(1, t * weights) with the number t that makes the mean right, of non-negative weights.

    Where too few of them are positive, all of these are 1.
    """
    if not weights.any():
        raise ValueError("x must vary, got the same input everywhere")
    wanted = min(mean * weights.size, float((weights > 0.0).sum()))
    full = np.zeros(weights.size, dtype=bool)
    while True:
        rest = weights[~full].sum()
        scale = (wanted - full.sum()) / rest if rest > 0.0 else 0.0
        over = ~full & (scale * weights > 1.0)
        if not over.any():
            return np.where(full, 1.0, np.clip(scale * weights, 0.0, 1.0))
        full |= over


def _inputs(x: ArrayLike) -> NDArray[np.float64]:
    array = check_array("x", x, 2)
    if len(array) < 2:
        raise ValueError(f"x must hold two inputs at least, got {len(array)}")
    return array


def _programme(
    x: ArrayLike, y: ArrayLike
) -> tuple[NDArray[np.float64], NDArray[np.float64], float]:
    """Return a, Q and the norm of the classes' kernel."""
    inputs = _inputs(x)
    labels = as_numpy("y", y)
    if labels.shape != (len(inputs),):
        raise ValueError(
            f"y must have shape ({len(inputs)},), one class an input, got {labels.shape}"
        )
    inputs, _ = near_one(inputs)
    centred, _ = near_one(inputs - inputs.mean(axis=0))
    one_hot = (labels[:, None] == np.unique(labels)).astype(np.float64)
    classes = one_hot - one_hot.mean(axis=0)
    return (
        np.square(classes.T @ centred).sum(axis=0),
        np.square(centred.T @ centred),
        float(np.linalg.norm(classes.T @ classes)),
    )
