"""Whether the layers of a module are a chain: each computed from what the one before sends, alone."""

from __future__ import annotations

from functools import partial

import torch
from torch import Tensor, nn

from graphon_lib.pruning.networks import ModuleNetwork

__all__ = ["why_no_chain"]


@torch.inference_mode(False)
@torch.enable_grad()
def why_no_chain(network: ModuleNetwork, x: Tensor) -> str | None:
    """Return None if the layers are a chain in the order of their names, or else where they are not.

    What a layer sends is replaced on its way by a tensor of the same values that depends on nothing
    else; derivatives then tell which of these the next layer takes in.
    """
    sent: dict[int, str] = {}
    breaks = []
    called = []

    def hook(key: str, _: nn.Module, inputs: tuple, named: dict, output: Tensor) -> Tensor:
        before = {called[-1]} if called else set()
        if key in called:
            breaks.append(f"{network.name_of(key)} is called several times")
        elif _sources(inputs[0] if inputs else named["input"], sent) != before:
            breaks.append(f"{network.name_of(key)} takes in more than the layer before sends")
        called.append(key)
        leaf = output.detach().requires_grad_()
        kept.append(leaf)
        sent[id(leaf)] = key
        return leaf.clone()  # which may be changed in place

    kept: list[Tensor] = []
    handles = [
        layer.register_forward_hook(partial(hook, key), with_kwargs=True)
        for layer, key in network.layers.items()
    ]
    try:
        outputs = network.outputs(network.weights, x)
    finally:
        for handle in handles:
            handle.remove()
    if not breaks and called != network.keys:
        breaks.append("layers are called in another order, or not all of them")
    if not breaks and not (
        isinstance(outputs, Tensor) and _sources(outputs, sent) == {network.keys[-1]}
    ):
        breaks.append("outputs depend on more than the last layer")
    return breaks[0] if breaks else None


def _sources(tensor: Tensor, sent: dict[int, str]) -> set[str]:
    """Return the layers whose leaves a tensor is computed from."""
    found, seen, nodes = set(), set(), [tensor.grad_fn]
    if id(tensor) in sent:
        found.add(sent[id(tensor)])
    while nodes:
        node = nodes.pop()
        if node is None or node in seen:
            continue
        seen.add(node)
        variable = getattr(node, "variable", None)
        if variable is not None and id(variable) in sent:
            found.add(sent[id(variable)])
        nodes += [following for following, _ in node.next_functions]
    return found
