"""The signal of any module's layers, measured on the way through it, and restored."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial

import torch
from torch import Tensor, nn

from graphon_lib.pruning.networks import ModuleNetwork
from graphon_lib.pruning.tensors import widest_dtype

__all__ = ["measured_moments", "restore_moments"]


def measured_moments(network: ModuleNetwork, x: Tensor) -> dict[str, Tensor]:
    """Return the mean square of what leaves every layer, at its first call; NaN without one."""
    found: dict[str, float] = {}

    def see(key: str, sums: Tensor, bias: Tensor | None) -> None:
        found.setdefault(key, _moment(sums if bias is None else sums + bias))

    with _watched(network, see):
        network.outputs(network.weights, x)
    return _by_name(network, found, float("nan"))


def restore_moments(network: ModuleNetwork, x: Tensor) -> dict[str, Tensor]:
    """Multiply the weights of every layer so that its sums are as large as with nothing masked.

    See :func:`~graphon_lib.pruning.rescale_signal`.
    """
    if not network.masks:
        raise ValueError(
            "model must have its masks applied by torch.nn.utils.prune, which keeps the dense "
            "weights that its signal is compared with; got one without any"
        )
    dense: dict[str, float] = {}
    factors: dict[str, float] = {}
    silent = []

    def measure(key: str, sums: Tensor, _: Tensor | None) -> None:
        dense.setdefault(key, _moment(sums))

    def rescale(key: str, sums: Tensor, bias: Tensor | None) -> Tensor:
        if key not in factors:
            moment = _moment(sums)
            if moment == 0.0 < dense[key]:
                silent.append(key)
            # What was silent when dense has nothing to be restored.
            factors[key] = (dense[key] / moment) ** 0.5 if moment and dense[key] else 1.0
        sums = sums * factors[key]
        return sums if bias is None else sums + bias

    nothing_masked = {mask: torch.ones_like(network.state[mask]) for mask in network.masks.values()}
    with _watched(network, measure):
        network.outputs(network.weights, x, **nothing_masked)
    with _watched(network, rescale):
        network.outputs(network.weights, x)
    if silent:
        raise ValueError(
            f"model must let a signal through: layer {network.name_of(silent[0])} gives zero for "
            "every x"
        )
    for key, factor in factors.items():
        network.parameters[key].mul_(factor)
    for layer, key in network.layers.items():
        if key in network.masks:
            layer.weight = layer.weight_orig * layer.weight_mask
    return _by_name(network, factors, 1.0)


@contextmanager
def _watched(
    network: ModuleNetwork, see: Callable[[str, Tensor, Tensor | None], Tensor | None]
) -> Iterator[None]:
    """Show a function the weighted sums and the bias of every layer; what it returns goes on."""

    def hook(key: str, layer: nn.Module, _: tuple, output: Tensor) -> Tensor | None:
        if layer.bias is None:
            return see(key, output, None)
        bias = layer.bias.reshape(-1, *[1] * (layer.weight.ndim - 2))
        return see(key, output - bias, bias)

    # Computing sets the weight of a masked layer, which is no parameter.
    held = {layer: layer.weight for layer, key in network.layers.items() if key in network.masks}
    handles = [
        layer.register_forward_hook(partial(hook, key)) for layer, key in network.layers.items()
    ]
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()
        for layer, weight in held.items():
            layer.weight = weight


def _moment(sums: Tensor) -> float:
    return float(sums.to(widest_dtype(sums.device)).square().mean())


def _by_name(network: ModuleNetwork, values: dict[str, float], default: float) -> dict[str, Tensor]:
    return network.with_every_name(
        [torch.tensor(values.get(key, default), dtype=torch.float64) for key in network.keys]
    )
