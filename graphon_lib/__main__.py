"""Command line of the library: ``python -m graphon_lib prune``."""

from __future__ import annotations

import argparse
import importlib
import sys
import warnings
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

import numpy as np

from graphon_lib._checks import needs_extra
from graphon_lib.graphons import GraphonNetwork, StepGraphon

if TYPE_CHECKING:
    from torch import Tensor, nn

# Between these the signal of a layer, over that of the dense network, is left as it is.
QUIET, LOUD = 0.5, 2.0

DESCRIPTION = """Prune a PyTorch network: save the masks, and say what they leave of it.

The masks go into torch.nn.utils.prune.custom_from_mask as they are. Weights and masks are tensors
alone, never code: they are loaded by torch.load with weights_only=True."""


class Parser(argparse.ArgumentParser):
    """A parser whose errors are one line."""

    def error(self, message: str) -> NoReturn:
        """Print what is wrong and leave."""
        self.exit(2, f"{self.prog}: {message}; see --help\n")


def main(arguments: list[str] | None = None) -> int:
    """Run one command and return the process's exit code: 0, or 2 if an argument is not allowed."""
    with needs_extra("pruning"):
        from graphon_lib.pruning import METHODS

    parser = Parser(prog="python -m graphon_lib", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    command = commands.add_parser(
        "prune",
        help="prune a PyTorch network and report on it",
        description=DESCRIPTION,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    command.add_argument("model", help="package.module:callable, called without arguments")
    command.add_argument(
        "--state", required=True, type=Path, help="weights, torch.save of a state_dict"
    )
    command.add_argument(
        "--data", required=True, type=Path, help="a batch: .npz with inputs x and labels y"
    )
    command.add_argument("--method", required=True, choices=list(METHODS))
    command.add_argument("--density", required=True, type=float, help="fraction to keep, in (0, 1]")
    command.add_argument("--scope", default="global", choices=["global", "layer"])
    command.add_argument("--rounds", type=int, help="how many times to score and prune")
    command.add_argument("--seed", type=int, default=0, help="of the method random")
    command.add_argument(
        "--train",
        action="store_true",
        help="score in training mode, with BatchNorm on the batch and dropout, not in evaluation",
    )
    command.add_argument("-o", "--output", required=True, type=Path, help="where masks are saved")
    options = parser.parse_args(arguments)
    try:
        _prune(options)
    except (ValueError, TypeError, OSError) as error:
        message = " ".join(str(error).split())
        print(f"python -m graphon_lib prune: {message}", file=sys.stderr)
        return 2
    return 0


def _prune(options: argparse.Namespace) -> None:
    import torch
    from torch.nn.utils.prune import custom_from_mask

    from graphon_lib.pruning import prune, signal_moments
    from graphon_lib.pruning.chain import why_no_chain
    from graphon_lib.pruning.masks import DisconnectedWarning
    from graphon_lib.pruning.networks import ModuleNetwork

    if options.output.is_dir() or not options.output.parent.is_dir():
        raise ValueError(f"--output must be a file in a folder that is there, got {options.output}")
    model = _model(options.model).train(options.train)
    _load(model, options.state)
    x, y = _batch(options.data)
    generator = torch.Generator().manual_seed(options.seed)
    with warnings.catch_warnings():
        # The report says it.
        warnings.filterwarnings("ignore", "layers? .* kept no weight", DisconnectedWarning)
        masks = prune(
            model,
            options.method,
            options.density,
            x,
            y,
            scope=options.scope,
            rounds=options.rounds,
            generator=generator,
        )
    network = ModuleNetwork(model)
    broken = why_no_chain(network, network.inputs("x", x))
    dense = signal_moments(model, x)
    for name, mask in masks.items():
        custom_from_mask(model.get_submodule(name.rpartition(".")[0]), "weight", mask)
    pruned = signal_moments(model, x)
    torch.save(masks, options.output)
    signal = {name: float(pruned[name] / dense[name]) for name in masks}
    print("\n".join([*_table(masks, signal), _paths(masks, broken), *_advice(masks, signal)]))
    print(f"Masks are in {options.output}")


def _model(place: str) -> nn.Module:
    from torch import nn

    module, _, name = place.partition(":")
    try:
        model = getattr(importlib.import_module(module), name)()
    except Exception as error:
        raise ValueError(
            f"model must be package.module:callable, which is called without arguments, got {place!r}: "
            f"{type(error).__name__}: {error}"
        ) from error
    if not isinstance(model, nn.Module):
        raise ValueError(
            f"model must be a callable that returns a torch.nn.Module, got {type(model).__name__} "
            f"from {place!r}"
        )
    return model


def _load(model: nn.Module, path: Path) -> None:
    import torch

    try:
        model.load_state_dict(torch.load(path, map_location="cpu", weights_only=True))
    except OSError:
        raise
    except Exception as error:
        why = str(error).splitlines()[:2]
        raise ValueError(
            f"--state must be torch.save of a state_dict of the model, of tensors alone, got {path}: "
            f"{' '.join(why)}"
        ) from error


def _batch(path: Path) -> tuple[np.ndarray, np.ndarray | None]:
    try:
        with np.load(path, allow_pickle=False) as arrays:
            return arrays["x"], arrays.get("y")
    except (ValueError, KeyError, TypeError, AttributeError, EOFError, zipfile.BadZipFile) as error:
        raise ValueError(
            f"--data must be an .npz file with an array x and, for methods that need them, labels y, "
            f"got {path}: {error}"
        ) from error


def _table(masks: Mapping[str, Tensor], signal: Mapping[str, float]) -> list[str]:
    """Return lines: what every layer keeps, and its signal over that of the dense network."""
    width = max(map(len, [*masks, "all layers"]))
    lines = [f"{'layer':<{width}} {'shape':>18} {'density':>9} {'dead units':>12} {'signal':>9}"]
    for name, mask in masks.items():
        shape = "x".join(map(str, mask.shape))
        dead = f"{_dead(mask)} of {len(mask)}"
        density = float(mask.double().mean())
        left = "-" if np.isnan(signal[name]) else f"{signal[name]:.3g}"
        lines.append(f"{name:<{width}} {shape:>18} {density:9.4f} {dead:>12} {left:>9}")
    kept, total = sum(int(m.sum()) for m in masks.values()), sum(m.numel() for m in masks.values())
    lines.append(f"{'all layers':<{width}} {total:>18} {kept / total:9.4f}")
    lines += ["", "signal: mean square of what a layer sends, over that of the dense network"]
    if any(np.isnan(s) for s in signal.values()):
        lines.append("-: not called on this batch, or sends nothing when dense")
    return lines


def _dead(mask: Tensor) -> int:
    """Return how many units keep no weight."""
    return int((~mask.flatten(1).any(1)).sum())


def _paths(masks: Mapping[str, Tensor], broken: str | None) -> str:
    """Return a line on the paths from inputs to outputs, through channels and places of kernels."""
    if broken is not None:
        return f"Path density: not defined, the layers are no chain: {broken}"
    layers: list[StepGraphon] = []
    for name, mask in masks.items():
        means = mask.double().flatten(2).mean(2) if mask.ndim > 2 else mask.double()
        if layers:
            # A channel that is flattened is as many inputs as it has places.
            channels = layers[-1].shape[0]
            if means.shape[1] % channels:
                return f"Path density: not computed, {name} has groups or takes other inputs"
            means = means.reshape(len(means), channels, -1).mean(2)
        layers.append(StepGraphon(means.numpy()))
    return f"Path density: {GraphonNetwork(layers).path_density():.3g}"


def _advice(masks: Mapping[str, Tensor], signal: Mapping[str, float]) -> list[str]:
    """Return lines on what to do about the masks."""
    lines = []
    dead = {name: _dead(mask) / len(mask) for name, mask in masks.items()}
    empty = [name for name, share in dead.items() if share == 1.0]
    if empty:
        lines.append(
            f"Empty, so that nothing passes through the network unless there is a way around: "
            f"{', '.join(empty)}. Take a higher --density, --scope layer or another --method"
        )
    wide = [name for name, share in dead.items() if 0.5 < share < 1.0]
    if wide:
        lines.append(f"Most units are dead, and narrower layers would do: {', '.join(wide)}")
    scaled = [name for name, s in signal.items() if 0.0 < s < QUIET or s > LOUD]
    if scaled:
        worst = max(scaled, key=lambda name: abs(np.log(signal[name])))
        lines.append(
            f"The signal is not that of the dense network, at {worst} {signal[worst]:.3g} times it: "
            "apply the masks and restore it with graphon_lib.pruning.rescale_signal(model, x) before training"
        )
    return lines or [
        "Nothing is amiss: no layer is empty, and the signal is that of the dense network"
    ]


if __name__ == "__main__":
    sys.exit(main())
