"""The loss of a network on a pruning batch, or on several, as a function of its weights."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial

import numpy as np
import torch
from numpy.typing import ArrayLike
from torch import Tensor
from torch.nn.functional import cross_entropy

from graphon_lib.pruning.networks import ModuleNetwork, Perceptron
from graphon_lib.pruning.tensors import as_tensor, to_device

__all__ = ["Batches", "Loss", "WeightLoss", "check_batch", "losses_of", "read_batches"]

Batches = Iterable[tuple[Tensor, Tensor]]
"""Several batches, as a :class:`torch.utils.data.DataLoader` gives them."""

Loss = Callable[[Tensor, Tensor], Tensor]
"""A loss of outputs and labels, one number."""

WeightLoss = Callable[..., Tensor]
"""A loss of weights on a batch; the keyword ``temperature`` is what logits are divided by."""


def losses_of(
    network: Perceptron | ModuleNetwork,
    method: str,
    x: Tensor | ArrayLike | Batches | None,
    y: Tensor | ArrayLike | None,
    loss: Loss | None,
) -> list[WeightLoss]:
    """Return the loss of every batch as a function of the network's weights.

    It is the mean cross-entropy, or a `loss`, to which a temperature says nothing.

    Raises
    ------
    ValueError
        If a batch does not fit the network, or the loss is not a number that depends on weights.
    """
    if loss is not None and not callable(loss):
        raise ValueError(
            f"loss must be a function of outputs and labels, or None, got {type(loss).__name__}"
        )
    return [
        partial(
            *(_loss, network, loss, names[1]),
            *check_batch(network, method, *batch, names=names, classes=loss is None),
        )
        for names, batch in read_batches(x, y, method)
    ]


def _loss(
    network: Perceptron | ModuleNetwork,
    loss: Loss | None,
    name: str,
    x: Tensor,
    y: Tensor,
    weights: Sequence[Tensor],
    *,
    temperature: float = 1.0,
) -> Tensor:
    outputs = network.outputs(weights, x)
    if loss is None:
        if isinstance(network, ModuleNetwork):
            # What labels fit is known now.
            if not isinstance(outputs, Tensor) or outputs.ndim < 2:
                got = (
                    tuple(outputs.shape) if isinstance(outputs, Tensor) else type(outputs).__name__
                )
                raise ValueError(
                    "what model returns must be a tensor of shape (N, classes, ...) for the "
                    f"cross-entropy, got {got}; loss= takes a function of outputs and labels"
                )
            _check_labels(name, y, (*outputs.shape[:1], *outputs.shape[2:]), outputs.shape[1])
        value = cross_entropy(outputs / temperature, y)
    else:
        try:
            value = loss(outputs, y)
        except Exception as error:
            raise ValueError(
                f"loss must take what model returns and {name} of shape {tuple(y.shape)} and dtype "
                f"{y.dtype}, on which it fails: {error}"
            ) from error
        if not isinstance(value, Tensor) or value.numel() != 1:
            got = (
                f"shape {tuple(value.shape)}" if isinstance(value, Tensor) else type(value).__name__
            )
            raise ValueError(f"loss must return a tensor of one number, got {got}")
    if not value.requires_grad:
        raise ValueError(
            "model's outputs, and the loss of them, must be differentiable by its weights, got a "
            "loss that does not depend on any"
        )
    return value


def read_batches(
    x: Tensor | ArrayLike | Batches | None, y: Tensor | ArrayLike | None, method: str
) -> Iterator[tuple[tuple[str, str], tuple[object, object]]]:
    """Yield the batches that x and y are, or x alone holds, each with the names of the two."""
    if x is None or y is not None or isinstance(x, Tensor | np.ndarray):
        yield ("x", "y"), (x, y)
        return
    if isinstance(x, str) or not isinstance(x, Iterable):
        raise ValueError(
            f"x must be a sequence of batches (x, y) for method {method!r} without y, got "
            f"{type(x).__name__}"
        )
    i = -1
    # Shuffling takes random numbers; how many were there before is there after.
    with torch.random.fork_rng([]):
        for i, batch in enumerate(x):
            if not isinstance(batch, tuple | list) or len(batch) != 2:
                raise ValueError(
                    f"x[{i}] must be a pair (inputs, labels), as y must be given for method "
                    f"{method!r} otherwise, got {type(batch).__name__}"
                )
            yield (f"x[{i}][0]", f"x[{i}][1]"), tuple(batch)
    if i < 0:
        raise ValueError("x must hold at least one batch (inputs, labels), got none")


def check_batch(
    network: Perceptron | ModuleNetwork,
    method: str,
    x: Tensor | ArrayLike | None,
    y: Tensor | ArrayLike | None,
    *,
    names: tuple[str, str] = ("x", "y"),
    classes: bool = True,
) -> tuple[Tensor, Tensor]:
    """Return a pruning batch as tensors: inputs of the dtype that is computed in, labels int64.

    Parameters
    ----------
    classes
        Whether labels are those of classes rather than whatever a loss takes.

    Raises
    ------
    ValueError
        If one is missing, which `method` is said to need, or does not fit the network.
    """
    for name, value in zip(names, (x, y), strict=True):
        if value is None:
            raise ValueError(f"{name} must be given for method {method!r}, got None")
    x, y = network.inputs(names[0], x), as_tensor(names[1], y)
    if classes:
        if y.is_floating_point() or y.dtype == torch.bool:
            raise ValueError(f"{names[1]} must be integer class labels, got dtype {y.dtype}")
        if isinstance(network, Perceptron):
            _check_labels(names[1], y, x.shape[:1], network.widths[-1])
        y = y.to(torch.int64)
    return x, to_device(y, x.device)


def _check_labels(name: str, y: Tensor, shape: Sequence[int], classes: int) -> None:
    """Refuse labels of another shape, or out of range."""
    if y.shape != torch.Size(shape):
        raise ValueError(
            f"{name} must have shape {tuple(shape)}, one label a row of x, got {tuple(y.shape)}"
        )
    y = y.to(torch.int64)
    if y.min() < 0 or y.max() >= classes:
        raise ValueError(
            f"{name} must lie in [0, {classes - 1}], got labels from {int(y.min())} to {int(y.max())}"
        )
