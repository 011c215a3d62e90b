"""NumPy arrays and PyTorch tensors through one namespace, and checks of what a kernel is given."""

from __future__ import annotations

import sys
from types import ModuleType
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from graphon_lib._checks import check_array, check_instance
from graphon_lib.graphons import GraphonNetwork

__all__ = [
    "PRECISIONS",
    "Array",
    "array_namespace",
    "as_like",
    "check_inputs",
    "check_network",
    "check_same_kind",
    "check_variance",
]

PRECISIONS = {"double": np.float64, "single": np.float32}
"""The precisions that kernels are computed in."""

Array = Any
"""A NumPy array or a PyTorch tensor, float64."""


def array_namespace(array: Array) -> ModuleType:
    """Return the module whose functions work on `array`: torch for a tensor, otherwise NumPy.

    PyTorch is looked up, not imported: who passes a tensor has imported it. The functions used by
    this room have the same names in both, those of the Python array API standard.
    """
    torch = sys.modules.get("torch")
    return torch if torch is not None and isinstance(array, torch.Tensor) else np


def as_like(array: NDArray[np.float64], like: Array) -> Array:
    """Return a NumPy array as `like` is: itself, or a tensor on the same device."""
    xp = array_namespace(like)
    return array if xp is np else xp.tensor(array, device=like.device)


def check_inputs(name: str, value: ArrayLike | Array, network: GraphonNetwork) -> Array:
    """Return a batch of inputs as a float64 array or tensor with the features the network takes.

    Parameters
    ----------
    name
        The argument's name, for the message.
    value
        One input a row; a tensor stays one, on its device.
    network
        Its first graphon has one column a feature, or a single one, which takes any number.

    Raises
    ------
    ValueError
        If there are no rows or features, an entry is not finite, or the number of features is wrong.
    """
    xp = array_namespace(value)
    if xp is np:
        inputs = check_array(name, value, 2)
    else:
        inputs = value.detach()
        if not inputs.is_complex():
            inputs = inputs.to(xp.float64)
        # What is checked is a copy on the host; what is returned stays where it was.
        check_array(name, inputs.cpu().numpy(), 2)
    columns = network.layers[0].shape[1]
    if columns not in (1, inputs.shape[1]):
        raise ValueError(
            f"{name} must have {columns} features, one for each input column of the network; got shape {tuple(inputs.shape)}"
        )
    return inputs


def check_network(network: object) -> GraphonNetwork:
    """Return `network` if it is a `GraphonNetwork`.

    Raises
    ------
    ValueError
        If it is something else.
    """
    return check_instance("network", network, GraphonNetwork)


def check_same_kind(x1: Array, x2: Array) -> None:
    """Check that two batches are both NumPy arrays, or both tensors on one device, of equal widths.

    Raises
    ------
    ValueError
        If they are not.
    """
    if x1.shape[1] != x2.shape[1]:
        raise ValueError(f"x2 must have the {x1.shape[1]} features of x1, got {x2.shape[1]}")
    kinds = [(type(x), getattr(x, "device", None)) for x in (x1, x2)]
    if kinds[0] != kinds[1]:
        raise ValueError(f"x2 must be of the kind of x1, {kinds[0]}; got {kinds[1]}")


def check_variance(name: str, value: object) -> float:
    """Return `value` as a variance, a positive finite number.

    Raises
    ------
    ValueError
        If it is not.
    """
    variance = float(check_array(name, value, 0))  # type: ignore[arg-type]
    if variance <= 0.0:
        raise ValueError(f"{name} must be positive, got {variance:g}")
    return variance
