"""The signal of any module's layers, measured on the way through it, and restored."""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from functools import partial

import torch
from torch import Tensor, nn

from graphon_lib.pruning.chain import why_no_chain
from graphon_lib.pruning.networks import ModuleNetwork
from graphon_lib.pruning.tensors import overwrite, widest_dtype

__all__ = ["masked_network", "measured_moments", "restore_moments", "write_weights"]

# What a signal may be off once restored, as a share of its mean square: BatchNorm of few images and
# half precision enlarge rounding.
TOLERANCE = 0.25


def masked_network(model: nn.Module) -> ModuleNetwork:
    """Return a module as pruning sees it, which must have masks."""
    network = ModuleNetwork(model, masked=True)
    if not network.masks:
        raise ValueError(
            "model must have its masks applied by torch.nn.utils.prune, which keeps the dense "
            "weights; got one without any"
        )
    return network


def write_weights(network: ModuleNetwork, weights: Sequence[Tensor]) -> None:
    """Give a masked module other weights, with its masks applied to them."""
    for key, weight in zip(network.keys, weights, strict=True):
        overwrite(network.parameters[key], weight)
    for layer, key in network.layers.items():
        if key in network.masks:
            layer.weight = layer.weight_orig * layer.weight_mask


def measured_moments(network: ModuleNetwork, x: Tensor) -> dict[str, Tensor]:
    """Return the mean square of what leaves every layer, at its first call; NaN without one."""
    found: dict[str, float] = {}

    def see(key: str, sums: Tensor, bias: Tensor | None) -> None:
        found.setdefault(key, _moment(sums if bias is None else sums + bias))

    with _watched(network, see):
        network.outputs(network.weights, x)
    return _by_name(network, found, math.nan)


def restore_moments(network: ModuleNetwork, x: Tensor) -> dict[str, Tensor]:
    """Multiply the weights of every layer so that its sums are as large as with nothing masked.

    See :func:`~graphon_lib.pruning.rescale_signal`.
    """
    every_mask = [mask for masks in network.masks.values() for mask in masks]
    dense = _sums(
        network, network.weights, x, **{m: torch.ones_like(network.state[m]) for m in every_mask}
    )
    factors: dict[str, float] = {}
    silent = []

    def rescale(key: str, sums: Tensor, bias: Tensor | None) -> Tensor:
        if key not in factors:
            moment = _moment(sums)
            passes = moment > 0.0 and dense[key] > 0.0
            # A layer whose weights start at zero has nothing to be restored.
            if not passes and network.state[key].any():
                silent.append(key)
            factors[key] = (dense[key] / moment) ** 0.5 if passes else 1.0
        sums = sums * factors[key]
        return sums if bias is None else sums + bias

    with _watched(network, rescale):
        network.outputs(network.weights, x)
    called = list(factors)
    if silent and (silent[-1] == called[-1] or why_no_chain(network, x) is None):
        raise ValueError(
            f"model must let a signal through: layer {network.name_of(silent[0])} gives zero for "
            "every x"
        )
    rescaled = [network.parameters[key] * factors.get(key, 1.0) for key in network.keys]
    widened = [w.to(before.dtype) for w, before in zip(rescaled, network.weights, strict=True)]
    restored = _sums(network, widened, x)
    for key in called:
        if key not in silent and not abs(restored[key] - dense[key]) <= TOLERANCE * dense[key]:
            raise ValueError(
                f"model's layers must send products of inputs and weights, which are used nowhere "
                f"else: {network.name_of(key)} has {restored[key]:.3g} where its dense signal is "
                f"{dense[key]:.3g}, after multiplication by {factors[key]:.3g}"
            )
    _warn_of(network, silent, "send nothing, as nothing is kept or nothing reaches them")
    _warn_of(network, network.masks.keys() - factors.keys(), "are masked and not called")
    write_weights(network, rescaled)
    return _by_name(network, factors, 1.0)


def _sums(
    network: ModuleNetwork, weights: Sequence[Tensor], x: Tensor, **state: Tensor
) -> dict[str, float]:
    """Return the mean squares of the weighted sums of layers, each at its first call."""
    found: dict[str, float] = {}

    def see(key: str, sums: Tensor, _: Tensor | None) -> None:
        found.setdefault(key, _moment(sums))

    with _watched(network, see):
        network.outputs(weights, x, **state)
    return found


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
    moment = float(sums.to(widest_dtype(sums.device)).square().mean())
    if not math.isfinite(moment):
        raise ValueError("a layer sends what is not finite")
    return moment


def _warn_of(network: ModuleNetwork, keys: Collection[str], why: str) -> None:
    """Warn of layers whose weights are left as they are."""
    if keys:
        names = ", ".join(network.name_of(key) for key in network.keys if key in keys)
        warnings.warn(f"layers that {why} are left as they are: {names}", stacklevel=4)


def _by_name(network: ModuleNetwork, values: dict[str, float], default: float) -> dict[str, Tensor]:
    return network.with_every_name(
        [torch.tensor(values.get(key, default), dtype=torch.float64) for key in network.keys]
    )
