"""Initial weights from the eigenfunctions of a kernel: what it learns first, learnt in one step."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from torch import Tensor

from graphon_lib._checks import check_array, check_instance, check_integer
from graphon_lib.pruning.model import MaskedMLP
from graphon_lib.pruning.networks import check_inputs
from graphon_lib.pruning.tensors import overwrite

__all__ = ["fit_eigenfunctions"]


@torch.inference_mode(False)
def fit_eigenfunctions(
    model: MaskedMLP,
    kernel: ArrayLike,
    x: Tensor | ArrayLike,
    targets: ArrayLike,
    *,
    count: int,
    fractions: Sequence[float] = (1.0,),
) -> NDArray[np.float64]:
    r"""Move initial weights so that outputs fit their targets along a kernel's first eigenfunctions.

    Parameters
    ----------
    model
        A pruned network, with or without its scale restored. Its weights are changed in place,
        pruned ones excepted.
    kernel : array_like, shape (N, N)
        The tangent kernel of one output on the inputs, for gradients in NTK units, such as
        :func:`~graphon_lib.ntk.graphon_ntk` returns.
    x : array_like, shape (N, n_0)
    targets : array_like, shape (N, n_D)
    count
        Number k of eigenfunctions, those of the largest eigenvalues.
    fractions
        Of the step, which are tried; the one that fits best is taken. 0 is to stay.

    Returns
    -------
    ndarray, shape (number of fractions,)
        The squared residual along these eigenfunctions that each leaves, over that before.

    Raises
    ------
    ValueError
        If an argument is not as described, or fewer than k eigenvalues are positive.

    Notes
    -----
    With the kernel's eigenvectors :math:`v_i` and eigenvalues :math:`\lambda_i`, outputs :math:`f_0`
    and their Jacobian J, weights in NTK units take the step

    .. math::

        \Delta w = J^\top \gamma, \qquad
        \gamma = \sum_{i \le k} \lambda_i^{-1}\, v_i\, v_i^\top (y - f_0) ,

    a single backward pass. In the linearised network, and if the kernel is its own,
    :math:`J J^\top`, the outputs then equal the targets along :math:`v_1, \dots, v_k` and are along
    all others what they were: where gradient flow on these eigenfunctions alone ends. No smaller
    step does so. With another kernel in its place the residual is off by the difference of the two
    times :math:`\gamma`. Each output is fitted so, as though the kernel between outputs were 0, which it
    is in the limit. A weight of the model moves by :math:`s_w / n_{l-1}` times its own gradient,
    a bias by :math:`s_b / n_{l-1}`.
    """
    check_instance("model", model, MaskedMLP)
    weight = model.weights[0]
    inputs = check_inputs("x", x, model.widths[0], weight.device, weight.dtype)
    wanted, matrix = check_array("targets", targets, 2), check_array("kernel", kernel, 2)
    images = len(inputs)
    if wanted.shape != (images, model.widths[-1]):
        raise ValueError(
            f"targets must have shape {(images, model.widths[-1])}, got {wanted.shape}"
        )
    if matrix.shape != (images, images) or not np.allclose(matrix, matrix.T):
        raise ValueError(
            f"kernel must be symmetric, of shape {(images, images)}, got shape {matrix.shape}"
        )
    if check_integer("count", count, 1) > images:
        raise ValueError(f"count must be at most {images}, the inputs, got {count}")
    tried = check_array("fractions", fractions, 1, minimum=0.0)
    values, vectors = np.linalg.eigh(matrix)
    values, vectors = values[-count:], vectors[:, -count:]
    if not values[0] > images * np.finfo(float).eps * values[-1]:
        raise ValueError(f"kernel must have {count} positive eigenvalues, got {values}")

    def along() -> NDArray[np.float64]:
        """Return the residual's coefficients (k, n_D)."""
        return vectors.T @ (wanted - model(inputs).detach().cpu().numpy().astype(np.float64))

    before = along()
    cotangent = torch.from_numpy(vectors @ (before / values[:, None])).to(inputs)
    law = model.initialisation
    parameters = [*model.weights, *model.biases]
    with torch.enable_grad():
        moves = torch.autograd.grad(model(inputs), parameters, cotangent)
    units = [law.weight_variance / fan_in for fan_in in model.widths[:-1]]
    units += [law.bias_variance / fan_in for fan_in in model.widths[:-1] if len(model.biases)]
    moves = [unit * move for unit, move in zip(units, moves, strict=True)]
    start = [parameter.detach().clone() for parameter in parameters]

    def go(fraction: float) -> None:
        for parameter, origin, move in zip(parameters, start, moves, strict=True):
            overwrite(parameter, origin + fraction * move)

    left, whole = [], float(np.square(before).sum()) or 1.0
    for fraction in tried:
        go(float(fraction))
        left.append(float(np.square(along()).sum()) / whole)
    left = np.nan_to_num(left, nan=np.inf)
    go(float(tried[left.argmin()]))
    return left
