"""Arrays of any kind as PyTorch tensors."""

from __future__ import annotations

import torch
from numpy.typing import ArrayLike
from torch import Tensor

from graphon_lib._checks import as_numpy

__all__ = ["as_tensor", "computing_dtype", "overwrite", "to_device", "widest_dtype"]


def as_tensor(name: str, value: Tensor | ArrayLike) -> Tensor:
    """Return real numbers of any shape, in a tensor or an array, as a tensor without a gradient.

    A tensor keeps its dtype and device; one of inference mode, which can have no gradient, is
    copied. An array is copied: it may be read-only, or a view with negative strides, of which
    PyTorch takes neither.
    """
    if isinstance(value, Tensor):
        if value.is_complex():
            raise ValueError(f"{name} must be an array of real numbers, got dtype {value.dtype}")
        # A nested one has no shape to be asked for.
        if value.layout != torch.strided or value.is_meta or value.is_nested or value.is_quantized:
            kind = "nested" if value.is_nested else f"{value.dtype} {value.layout}"
            raise ValueError(
                f"{name} must be a dense tensor that holds values, got one on {value.device}, {kind}"
            )
        return value.clone() if value.is_inference() else value.detach()
    array = as_numpy(name, value)
    if array.dtype.kind not in "biuf":
        raise ValueError(f"{name} must be an array of real numbers, got dtype {array.dtype}")
    # PyTorch knows neither another byte order nor long doubles.
    dtype = array.dtype.newbyteorder("=") if array.dtype.itemsize <= 8 else float
    return torch.from_numpy(array.astype(dtype, order="C"))


def computing_dtype(parameter: Tensor) -> torch.dtype:
    """Return the dtype to compute in for a network with such a parameter: single precision at least.

    In half precision gradients and their products fall below the smallest number or onto few others,
    and ties decide what is kept.
    """
    return parameter.dtype if parameter.dtype.itemsize >= 4 else torch.float32


def overwrite(parameter: Tensor, values: Tensor) -> None:
    """Give a parameter other values in place, born in inference mode or not."""
    with torch.inference_mode(parameter.is_inference()), torch.no_grad():
        parameter.copy_(values)


def widest_dtype(device: torch.device) -> torch.dtype:
    """Return double precision, or single on Apple's graphics processors, which have no other."""
    return torch.float32 if device.type == "mps" else torch.float64


def to_device(tensor: Tensor, device: torch.device) -> Tensor:
    """Return a tensor on a device, in double precision only where that has it."""
    dtype = widest_dtype(device) if tensor.dtype == torch.float64 else tensor.dtype
    return tensor.to(device, dtype)
