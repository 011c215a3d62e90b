"""Initial weights from the eigenfunctions of a kernel: what it learns first, learnt in one step."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from torch import Tensor

from graphon_lib._checks import check_array, check_instance, check_integer, check_kernel
from graphon_lib.pruning.model import MaskedMLP, relu_network
from graphon_lib.pruning.networks import check_inputs
from graphon_lib.pruning.tensors import as_tensor, computing_dtype, overwrite

__all__ = ["fit_eigenfunctions"]


@torch.inference_mode(False)
@torch.no_grad()
def fit_eigenfunctions(
    model: MaskedMLP,
    kernel: ArrayLike,
    x: Tensor | ArrayLike,
    targets: ArrayLike,
    *,
    count: int,
    fractions: ArrayLike = (1.0,),
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
    fractions : array_like, shape (number of fractions,)
        Of the step, which are tried; the one that fits best is taken. 0 is to stay.

    Returns
    -------
    ndarray, shape (number of fractions,)
        The squared residual along these eigenfunctions that each leaves, over that before; infinite
        where weights or outputs overflow.

    Raises
    ------
    ValueError
        If an argument is not as described, fewer than k eigenvalues are positive beyond rounding, or
        the step, or every fraction of it, overflows; then no weight is changed.

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
    parameters, depth = [*model.weights, *model.biases], len(model.weights)
    device, dtype = parameters[0].device, computing_dtype(parameters[0])
    kept = [as_tensor("model", mask) for mask in model.masks]
    kept += [torch.ones_like(bias, dtype=torch.bool) for bias in model.biases]
    # Pruned weights are 0 here, and may be anything in the model.
    start = [
        torch.where(mask, as_tensor("model", parameter), 0.0).to(dtype)
        for mask, parameter in zip(kept, parameters, strict=True)
    ]
    if not _finite(start):
        raise ValueError("model must have finite kept weights and biases, got NaN or infinite ones")
    inputs = check_inputs("x", x, model.widths[0], device, dtype)
    images = len(inputs)
    wanted = check_array("targets", targets, 2)
    if wanted.shape != (images, model.widths[-1]):
        raise ValueError(
            f"targets must have shape {(images, model.widths[-1])}, got {wanted.shape}"
        )
    matrix, epsilon = check_kernel("kernel", kernel)
    if len(matrix) != images:
        raise ValueError(f"kernel must have shape {(images, images)}, got {matrix.shape}")
    if check_integer("count", count, 1) > images:
        raise ValueError(f"count must be at most {images}, the inputs, got {count}")
    tried = check_array("fractions", fractions, 1, minimum=0.0)
    values, vectors = np.linalg.eigh(matrix)
    values, vectors = values[-count:], vectors[:, -count:]
    if not values[0] > images * epsilon * values[-1]:
        raise ValueError(f"kernel must have {count} positive eigenvalues, got {values}")
    law, fans_in = model.initialisation, model.widths[:-1]
    units = [law.weight_variance / fan_in for fan_in in fans_in]
    units += [law.bias_variance / fan_in for fan_in in fans_in if len(model.biases)]

    def outputs(at: Sequence[Tensor]) -> Tensor:
        return relu_network(inputs, at[:depth], at[depth:])

    def along(at: Sequence[Tensor]) -> NDArray[np.float64]:
        """Return the residual's coefficients (k, n_D)."""
        return vectors.T @ (wanted - outputs(at).cpu().numpy().astype(np.float64))

    def moved(fraction: float) -> list[Tensor]:
        """Return kept weights and biases, as the model can hold them."""
        return [
            (origin + fraction * move).to(parameter.dtype).to(dtype)
            for origin, move, parameter in zip(start, moves, parameters, strict=True)
        ]

    with torch.autocast(device.type, enabled=False), np.errstate(over="ignore", invalid="ignore"):
        before = along(start)
        cotangent = torch.from_numpy(vectors @ (before / values[:, None])).to(inputs)
        with torch.enable_grad():
            leaves = [origin.detach().requires_grad_() for origin in start]
            moves = torch.autograd.grad(outputs(leaves), leaves, cotangent)
        moves = [
            unit * torch.where(mask, move, 0.0)
            for unit, mask, move in zip(units, kept, moves, strict=True)
        ]
        if not (np.isfinite(before).all() and _finite([cotangent, *moves])):
            raise ValueError(
                f"kernel, x and targets must give a step that is finite in {dtype}, got one with NaN or infinite entries"
            )
        # In parts of the largest coefficient, whose square may not be a number that there is.
        size = np.abs(before).max() or 1.0
        whole = np.square(before / size).sum() or 1.0
        left = np.full(len(tried), np.inf)
        for i, fraction in enumerate(tried.tolist()):
            if _finite(end := moved(fraction)):
                left[i] = np.square(along(end) / size).sum() / whole
    left = np.nan_to_num(left, nan=np.inf, posinf=np.inf)
    best = int(left.argmin())
    if left[best] == np.inf:
        raise ValueError(
            f"fractions must hold one that leaves weights and outputs finite, got {tried}"
        )
    for parameter, mask, value in zip(parameters, kept, moved(float(tried[best])), strict=True):
        overwrite(parameter, torch.where(mask, value, parameter))
    return left


def _finite(tensors: Iterable[Tensor]) -> bool:
    return all(bool(torch.isfinite(tensor).all()) for tensor in tensors)
