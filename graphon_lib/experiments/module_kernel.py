r"""The tangent kernel of any PyTorch module, exact, from the gradients of its kept parameters."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator, Mapping
from functools import partial

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from torch import Tensor, nn
from torch.func import functional_call, grad, vmap
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.nn.utils.prune import BasePruningMethod

from graphon_lib._checks import as_numpy, check_instance, check_positive
from graphon_lib.pruning.tensors import as_tensor

__all__ = ["module_ntk"]

# Gradients are held of so many inputs at a time that they have about this many entries.
CHUNK_ENTRIES = 1 << 25

Gradients = dict[str, Tensor]


def module_ntk(
    model: nn.Module,
    x1: Tensor | ArrayLike,
    x2: Tensor | ArrayLike | None = None,
    *,
    masks: Mapping[str, Tensor | ArrayLike] | None = None,
    weight_variance: float | None = None,
) -> NDArray[np.float64]:
    r"""Return the tangent kernel of a module with respect to its kept weights and other parameters.

    Parameters
    ----------
    model : torch.nn.Module
        From a batch to outputs, one row an input. Parameters that require no gradient are not
        trained. It is copied to the processor, in double precision and in evaluation mode, where
        outputs do not depend on other inputs.
    x1 : torch.Tensor or array_like, shape (N1, ...)
        Inputs.
    x2 : torch.Tensor or array_like, shape (N2, ...), optional
        Inputs of the other side; None stands for x1.
    masks : dict, optional
        Binary masks by the names of parameters, as :func:`~graphon_lib.pruning.prune` returns them.
        Those that :mod:`torch.nn.utils.prune` has applied are in the model already.
    weight_variance : float, optional
        :math:`s_w`: where it is given, weights are counted in NTK units, as of
        :func:`~graphon_lib.ntk.empirical_ntk`. A weight of n inputs is then :math:`\sqrt{s_w / n}`
        times a parameter of its own, and its terms are :math:`s_w / n` times as large; n is the
        product of all axes of a parameter but the first. Parameters with one axis, such as biases,
        stay as they are.

    Returns
    -------
    ndarray, shape (N1, N2)
        Mean over outputs of :math:`\Theta_o(x, x') = \langle \nabla f_o(x), \nabla f_o(x') \rangle`.
        Exactly symmetric if `x2` is None.

    Notes
    -----
    The gradients of an output at a range of inputs are computed at once (:func:`torch.func.vmap` of
    :func:`torch.func.grad`). The kernel is filled range by range, in bounded memory unless a single
    gradient is too large; those of the columns are computed anew for every range of rows.
    """
    check_instance("model", model, nn.Module)
    scale = None if weight_variance is None else check_positive("weight_variance", weight_variance)
    model = _copied(model)
    parameters = {name: p.detach() for name, p in model.named_parameters() if p.requires_grad}
    if not parameters:
        raise ValueError("model must have parameters that require a gradient, got none")
    kept = _check_masks(masks or {}, parameters)
    parameters |= {name: parameters[name].where(mask > 0, 0.0) for name, mask in kept.items()}
    rows = _check_inputs("x1", x1)
    columns = rows if x2 is None else _check_inputs("x2", x2)
    outputs = _outputs("x1", rows[:1], model).numel()
    _outputs("x2", columns[:1], model)

    def of_one(parameters: Gradients, output: Tensor, x: Tensor) -> Tensor:
        return functional_call(model, parameters, (x[None],)).flatten() @ output

    of_many = vmap(grad(of_one), (None, None, 0))

    def gradients(output: Tensor, x: Tensor) -> Gradients:
        with sdpa_kernel(SDPBackend.MATH):
            found = of_many(parameters, output, x)
        for name, gradient in found.items():
            if name in kept:
                gradient *= kept[name]
            if scale is not None and parameters[name].ndim > 1:
                gradient *= (scale / parameters[name][0].numel()) ** 0.5
        return found

    chunk = max(1, CHUNK_ENTRIES // sum(p.numel() for p in parameters.values()))
    each = torch.eye(outputs, dtype=torch.float64)
    kernel = sum(_filled(rows, columns, partial(gradients, output), chunk) for output in each)
    if not kernel.isfinite().all():
        raise ValueError("model and inputs must give a finite kernel, got NaN or infinite entries")
    if x2 is None:
        kernel = kernel.triu() + kernel.triu(1).T
    return kernel.numpy() / outputs


def _filled(
    rows: Tensor, columns: Tensor, gradients: Callable[[Tensor], Gradients], chunk: int
) -> Tensor:
    """Return the kernel of one output; of a symmetric one only tiles from the diagonal on."""
    kernel = torch.zeros(len(rows), len(columns), dtype=torch.float64)
    for part in _ranges(rows, chunk):
        ours = gradients(rows[part])
        for other in _ranges(columns, chunk):
            if rows is columns and other.start < part.start:
                continue
            theirs = ours if rows is columns and other == part else gradients(columns[other])
            for name, gradient in ours.items():
                kernel[part, other] += gradient.flatten(1) @ theirs[name].flatten(1).T
    return kernel


def _ranges(x: Tensor, chunk: int) -> Iterator[slice]:
    return (slice(start, start + chunk) for start in range(0, len(x), chunk))


def _copied(model: nn.Module) -> nn.Module:
    with torch.no_grad():
        for module in model.modules():
            for hook in module._forward_pre_hooks.values():
                if isinstance(hook, BasePruningMethod):
                    # Masked anew, as before every call: with a gradient it could not be copied.
                    hook(module, ())
    return copy.deepcopy(model).to("cpu", torch.float64).eval()


def _check_inputs(name: str, value: Tensor | ArrayLike) -> Tensor:
    x = as_tensor(name, value).cpu()
    x = x.double() if x.is_floating_point() else x
    if x.ndim == 0 or len(x) == 0 or not x.isfinite().all():
        raise ValueError(
            f"{name} must be finite, of shape (N, ...) with N >= 1; got shape {tuple(x.shape)} with {int((~x.isfinite()).sum())} NaN or infinite entries"
        )
    return x


def _outputs(name: str, x: Tensor, model: nn.Module) -> Tensor:
    try:
        with torch.no_grad():
            outputs = model(x)
    except (RuntimeError, TypeError, ValueError) as error:
        raise ValueError(
            f"{name} must be a batch that model takes, got shape (N, {', '.join(map(str, x.shape[1:]))}) of {x.dtype}, on which it fails: {str(error).splitlines()[0]}"
        ) from error
    return check_instance("what model returns", outputs, Tensor)


def _check_masks(
    masks: Mapping[str, Tensor | ArrayLike], parameters: Mapping[str, Tensor]
) -> dict[str, Tensor]:
    kept = {}
    for name, mask in check_instance("masks", masks, Mapping).items():
        array = as_numpy(f"masks[{name!r}]", mask)
        shape = tuple(parameters[name].shape) if name in parameters else None
        if array.shape != shape or not np.isin(array, (0, 1)).all():
            of = "no parameter of model has this name" if shape is None else f"shape {shape}"
            raise ValueError(
                f"masks[{name!r}] must be binary, in the shape of a parameter of model, {of}; got shape {array.shape}"
            )
        kept[name] = torch.from_numpy(array.astype(np.float64))
    return kept
