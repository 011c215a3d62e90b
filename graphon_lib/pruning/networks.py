"""Networks as pruning sees them: weights, and outputs as a function of the weights."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager

import torch
from numpy.typing import ArrayLike
from torch import Tensor, nn
from torch.autograd.graph import disable_saved_tensors_hooks
from torch.func import functional_call
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.nn.parameter import is_lazy

from graphon_lib._checks import check_instance
from graphon_lib.pruning.model import MaskedMLP, relu_network
from graphon_lib.pruning.tensors import as_tensor, computing_dtype, widest_dtype

__all__ = ["PRUNED_LAYERS", "ModuleNetwork", "Perceptron", "as_network", "check_inputs"]

PRUNED_LAYERS = (nn.Linear, nn.Conv1d, nn.Conv2d)
"""The layers whose weights are pruned, with their subclasses."""

NO_CHECKPOINTS = (
    "it must not hook the tensors that are saved for gradients, as activation checkpointing does: "
    "switch that off to prune"
)


class Perceptron:
    """A `MaskedMLP`; what it says of layers are lists.

    Attributes
    ----------
    weights, biases : list of torch.Tensor
        Detached, of single precision at least, finite.
    names : None
        Layers have numbers.
    """

    names = None

    def __init__(self, model: MaskedMLP) -> None:
        check_instance("model", model, MaskedMLP)
        self.widths = model.widths
        self.weights, self.biases = (
            [as_tensor("model", p).to(computing_dtype(p)) for p in kind]
            for kind in (model.weights, model.biases)
        )
        for name, parameters in (("weights", self.weights), ("biases", self.biases)):
            for i, parameter in enumerate(parameters):
                if not torch.isfinite(parameter).all():
                    raise ValueError(
                        f"model.{name}[{i}] must be finite, got NaN or infinite entries"
                    )

    def outputs(self, weights: Sequence[Tensor], x: Tensor) -> Tensor:
        """Return the logits with other weights and nothing pruned."""
        return relu_network(x, weights, self.biases)

    def inputs(self, name: str, x: Tensor | ArrayLike) -> Tensor:
        """Return inputs as a tensor of the dtype that is computed in."""
        first = self.weights[0]
        return check_inputs(name, x, self.widths[0], first.device, first.dtype)

    def named(self, tensors: Sequence[Tensor]) -> list[Tensor]:
        """Return one tensor a layer as callers get them."""
        return list(tensors)

    with_every_name = named


class ModuleNetwork:
    """Any module with layers of `PRUNED_LAYERS`, which stays as it is; what it says of them are dicts.

    Outputs are computed by :func:`torch.func.functional_call`, with copies of the buffers, eagerly,
    without autocast, and with random numbers from the present state, which is then put back. The
    module's own hooks run.

    Attributes
    ----------
    module : torch.nn.Module
        The model, out of what shares a batch out over devices.
    state : dict
        Its parameters and buffers, detached, of single precision at least, each by the first of its
        names, the key.
    layers : dict
        Those that are pruned, as registered, with the keys of their weights.
    keys, weights, names : list
        Of the weights, each once: where they are in `state`, what they are there, and their names
        in the model's `named_parameters`.
    parameters : dict
        The weights themselves by key.
    masks : dict
        Where :mod:`torch.nn.utils.prune` has masked a weight: its key, and the places of its masks,
        one a layer.

    Parameters
    ----------
    model
    masked
        Whether weights may be masked by :mod:`torch.nn.utils.prune`, rather than must not.
    """

    def __init__(self, model: nn.Module, *, masked: bool = False) -> None:
        prefix = ""
        while isinstance(model, nn.DataParallel | nn.parallel.DistributedDataParallel):
            model, prefix = model.module, f"{prefix}module."
        self.module = model
        # Every place of every tensor, and of a tensor the first: two layers may share one. What
        # functional_call does about that by itself leaves a layer that stands twice changed.
        places = {
            f"{path}.{name}".lstrip("."): tensor
            for path, part in model.named_modules()
            for kind in (part.named_parameters, part.named_buffers)
            for name, tensor in kind(recurse=False, remove_duplicate=False)
        }
        key_of: dict[int, str] = {}
        for place, tensor in places.items():
            key_of.setdefault(id(tensor), place)
            if is_lazy(tensor) or tensor.is_meta:
                raise ValueError(f"model's {prefix}{place} must have values, got none yet")
        self._places = {place: key_of[id(tensor)] for place, tensor in places.items()}
        self.layers: dict[nn.Module, str] = {}
        self.masks: dict[str, list[str]] = {}
        self._names: dict[str, list[str]] = {}
        for path, layer in model.named_modules():
            start = f"{path}." if path else ""
            _refuse_quantized(prefix + path, layer)
            if isinstance(layer, MaskedMLP):
                raise ValueError(
                    "model must be a MaskedMLP as it is, or have none in it, got one as "
                    f"{prefix + path!r} of {type(model).__name__}"
                )
            if not isinstance(layer, PRUNED_LAYERS):
                continue
            weight = layer._parameters.get("weight")
            if weight is None and masked and "weight_mask" in layer._buffers:
                weight = layer._parameters["weight_orig"]
                self.masks.setdefault(key_of[id(weight)], []).append(f"{start}weight_mask")
            _check_weight(f"{prefix}{start}weight", weight)
            key = self.layers[layer] = key_of[id(weight)]
            self._names.setdefault(key, []).append(f"{prefix}{start}weight")
        self.keys = list(self._names)
        if not self.keys:
            raise ValueError(
                f"model must have layers {', '.join(kind.__name__ for kind in PRUNED_LAYERS)}, "
                f"got {type(model).__name__} without any"
            )
        self.state = {key: _widened(places[key]) for key in key_of.values()}
        self._buffers = [key for key in self.state if not isinstance(places[key], nn.Parameter)]
        for key, tensor in self.state.items():
            if isinstance(places[key], nn.Parameter) and not torch.isfinite(tensor).all():
                raise ValueError(
                    f"model's {prefix}{key} must be finite, got NaN or infinite entries"
                )
        self.names = [self.name_of(key) for key in self.keys]
        self.weights = [self.state[key] for key in self.keys]
        self.parameters = {key: places[key] for key in self.keys}

    def outputs(self, weights: Sequence[Tensor], x: Tensor, **state: Tensor) -> object:
        """Return what the model makes of inputs in its present mode, with other weights and state."""
        return self._call(self.state | dict(zip(self.keys, weights, strict=True)) | state, x)

    def inputs(self, name: str, x: Tensor | ArrayLike) -> Tensor:
        """Return inputs as a tensor; those in floating point have the dtype that is computed in."""
        x, first = as_tensor(name, x), self.weights[0]
        x = x.to(first.device, first.dtype) if x.is_floating_point() else x.to(first.device)
        if x.ndim == 0 or x.shape[0] == 0:
            raise ValueError(f"{name} must have shape (N, ...) with N >= 1, got {tuple(x.shape)}")
        if not torch.isfinite(x).all():
            raise ValueError(f"{name} must be finite, got NaN or infinite entries")
        return x

    def flow(self, weights: Sequence[Tensor], x: Tensor) -> Tensor:
        """Return the sum of the outputs of ones, in evaluation mode, all that is saved made positive.

        Weights come positive, in the dtype of :func:`~graphon_lib.pruning.tensors.widest_dtype`.
        """
        dtype, saved = widest_dtype(x.device), self.module.state_dict().keys()
        state = {
            key: (t.abs() if key in saved else t).to(dtype) if t.is_floating_point() else t
            for key, t in self.state.items()
            if key not in self.keys
        }
        state |= dict(zip(self.keys, weights, strict=True))
        ones = torch.ones_like(x[:1], dtype=dtype if x.is_floating_point() else x.dtype)
        with _evaluating(self.module):
            outputs = self._call(state, ones)
        return check_instance("what model returns", outputs, Tensor).sum()

    def _call(self, state: dict[str, Tensor], x: Tensor) -> object:
        state = state | {key: state[key].clone() for key in self._buffers}
        everywhere = {place: state[key] for place, key in self._places.items()}
        with ExitStack() as stack:
            on = [x.device] if x.device.type == "cuda" else []
            stack.enter_context(torch.random.fork_rng(on))
            if x.device.type == "mps":  # which fork_rng does not know
                stack.callback(torch.mps.set_rng_state, torch.mps.get_rng_state())
            stack.enter_context(torch.autocast(x.device.type, enabled=False))
            # Neither compiled graphs nor fused attention have second derivatives.
            stack.enter_context(sdpa_kernel(SDPBackend.MATH))
            if "torch._dynamo" in sys.modules:
                stack.enter_context(torch.compiler.set_stance("force_eager"))
            try:
                if torch.is_grad_enabled():
                    # Checkpoints would compute again when these weights are no longer in place.
                    stack.enter_context(disable_saved_tensors_hooks(NO_CHECKPOINTS))
                # A copy, which may be changed in place.
                return functional_call(self.module, everywhere, (x.clone(),), tie_weights=False)
            except torch.OutOfMemoryError:
                raise
            except Exception as error:
                why = (str(error).splitlines() or [type(error).__name__])[0]
                raise ValueError(
                    f"x must be a batch that model takes, got shape {tuple(x.shape)} of {x.dtype}, "
                    f"on which it fails: {why}"
                ) from error

    def name_of(self, key: str) -> str:
        """Return the first name of a weight."""
        return self._names[key][0]

    def named(self, tensors: Sequence[Tensor]) -> dict[str, Tensor]:
        """Return one tensor a layer by name."""
        return dict(zip(self.names, tensors, strict=True))

    def with_every_name(self, tensors: Sequence[Tensor]) -> dict[str, Tensor]:
        """Return them so that those of a weight that layers share are there for each."""
        return {
            name: tensor
            for key, tensor in zip(self.keys, tensors, strict=True)
            for name in self._names[key]
        }


def check_inputs(
    name: str, x: Tensor | ArrayLike, width: int, device: torch.device, dtype: torch.dtype
) -> Tensor:
    """Return inputs of a perceptron, finite, of shape (N, width) with N of at least 1."""
    x = as_tensor(name, x).to(device=device, dtype=dtype)
    if x.ndim != 2 or x.shape[0] == 0 or x.shape[1] != width:
        raise ValueError(f"{name} must have shape (N, {width}) with N >= 1, got {tuple(x.shape)}")
    if not torch.isfinite(x).all():
        raise ValueError(f"{name} must be finite, got NaN or infinite entries")
    return x


def as_network(model: nn.Module) -> Perceptron | ModuleNetwork:
    """Return a model as pruning sees it."""
    if isinstance(model, MaskedMLP):
        return Perceptron(model)
    return ModuleNetwork(check_instance("model", model, nn.Module))


def _widened(tensor: Tensor) -> Tensor:
    """Return a tensor without its gradient, of single precision at least if of floating point."""
    tensor = tensor.clone() if tensor.is_inference() else tensor.detach()
    return tensor.to(computing_dtype(tensor)) if tensor.is_floating_point() else tensor


def _check_weight(name: str, weight: Tensor | None) -> None:
    """Refuse what is no plain matrix of real numbers, which a mask could be laid on."""
    if weight is None:
        raise ValueError(
            f"model's {name} must be a parameter of its own, got one that is computed from others; "
            "torch.nn.utils.prune.remove, or remove_parametrizations, makes it one"
        )
    plain = weight.layout == torch.strided and type(weight.data) is Tensor
    if not plain or not weight.is_floating_point() or weight.numel() == 0:
        kind = type(weight.data).__name__
        raise ValueError(
            f"model's {name} must be a dense tensor of floating-point numbers, got a {kind} of "
            f"{weight.dtype} and shape {tuple(weight.shape)}, {weight.layout}"
        )


def _refuse_quantized(path: str, module: nn.Module) -> None:
    if ".quantized." in f"{type(module).__module__}.":
        raise ValueError(
            f"model must not be quantized, got {type(module).__module__}.{type(module).__name__} "
            f"as {path!r}; prune before quantizing"
        )


@contextmanager
def _evaluating(model: nn.Module) -> Iterator[None]:
    """Put a model into evaluation mode, and every part of it back into its own."""
    modes = [(module, module.training) for module in model.modules()]
    model.eval()
    try:
        yield
    finally:
        for module, training in modes:
            module.training = training
