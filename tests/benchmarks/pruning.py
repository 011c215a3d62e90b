"""Prune one network with this library and with that of Tanaka et al. (2020), side by side.

Run with `python tests/benchmarks/pruning.py CHECKOUT`, CHECKOUT being a folder that holds
https://github.com/ganguli-lab/Synaptic-Flow. Both get the same weights, without biases, the same
batch and one thread; times are processor times. The reference runs in double precision, where its
ties are exact, and once more in single precision as it is published. Without CHECKOUT only this
library's times and peak memory are shown; on a machine with a CUDA GPU also its wall times there
beside those of one thread of the processor.
"""

import argparse
import copy
import sys
import time
from dataclasses import dataclass

import torch
from clocks import machine
from reference import computing_in, jaccard, reference_masks
from torch import nn

from graphon_lib.experiments.cost import measured_cost, single_thread
from graphon_lib.pruning import METHODS, MaskedMLP, prune, saliency

BATCH = 100


@dataclass
class Problem:
    """A network and a batch of random inputs, a tenth of them blank as pixels at the border are."""

    model: MaskedMLP
    x: torch.Tensor
    y: torch.Tensor

    @classmethod
    def draw(cls, width, hidden):
        generator = torch.Generator().manual_seed(0)
        model = MaskedMLP((784, *[width] * hidden, 10), generator)
        x = torch.randn(BATCH, 784, generator=generator)
        x[:, ::10] = 0.0
        return cls(model, x, torch.randint(0, 10, (BATCH,), generator=generator))


def reference_model(checkout, problem, dtype):
    """Return the same weights in the reference's own layers."""
    sys.path.insert(0, checkout)
    from Layers import layers

    with computing_in(dtype):
        modules = []
        for weight in problem.model.weights:
            layer = layers.Linear(weight.shape[1], weight.shape[0], bias=False)
            with torch.no_grad():
                layer.weight.copy_(weight)
            modules += [layer, nn.ReLU()]
        return nn.Sequential(*modules[:-1]).to(dtype)


def masks_of_reference(checkout, problem, dtype, name, density, rounds):
    """Return a function that prunes them; making it is not timed."""
    model, batch = reference_model(checkout, problem, dtype), (problem.x.to(dtype), problem.y)
    return lambda: reference_masks(checkout, model, name, batch, density, rounds=rounds)


def timed(function):
    started = time.process_time()
    result = function()
    return result, time.process_time() - started


def compare_synflow(checkout, problem, density):
    prune(problem.model, "synflow", density, rounds=2)
    ours, seconds = timed(lambda: prune(problem.model, "synflow", density))
    print(f"SynFlow, density {density:g}, 100 rounds: ours {seconds:.1f} s", flush=True)
    for dtype in (torch.float64, torch.float32):
        reference = masks_of_reference(checkout, problem, dtype, "SynFlow", density, 100)
        (theirs, _), their_seconds = timed(reference)
        print(
            f"  reference in {dtype}: {their_seconds:.1f} s, {their_seconds / seconds:.1f} times "
            f"ours; Jaccard index of the masks {jaccard(ours, theirs):.6f}",
            flush=True,
        )


def compare_scores(checkout, problem, density):
    for method, name in (("snip", "SNIP"), ("grasp", "GraSP")):
        ours, seconds = timed(lambda m=method: saliency(problem.model, m, problem.x, problem.y))
        masks = prune(problem.model, method, density, problem.x, problem.y)
        largest = max(float(s.abs().max()) for s in ours)
        for dtype in (torch.float64, torch.float32):
            reference = masks_of_reference(checkout, problem, dtype, name, density, 1)
            (their_masks, scores), their_seconds = timed(reference)
            scale = max(float(s.abs().max()) for s in scores)
            error = max(
                float((a.double() / largest - b.double() / scale).abs().max())
                for a, b in zip(ours, scores, strict=True)
            )
            print(
                f"{name}: largest difference of scores over the largest score {error:.1e}, Jaccard "
                f"{jaccard(masks, their_masks):.6f} against {dtype}; scoring {seconds:.2f} s, "
                f"theirs with masks {their_seconds:.2f} s",
                flush=True,
            )


def show_memory(width, hidden, density):
    problem = Problem.draw(width, hidden)
    weights = sum(w.numel() for w in problem.model.weights) / 1e6
    print(
        f"width {width}, {hidden} hidden layers, {weights:.0f} million weights, density {density}"
    )
    for method in METHODS:
        with measured_cost() as cost:
            prune(problem.model, method, density, problem.x, problem.y)
        print(f"  {method}: {cost.seconds:.1f} s, peak {cost.megabytes / 1e3:.2f} GB", flush=True)


def show_gpu(width, hidden, density):
    print(f"On {torch.cuda.get_device_name()}, wall times:")
    problem = Problem.draw(width, hidden)
    here = (problem.model, problem.x, problem.y)
    there = tuple(part.cuda() for part in (copy.deepcopy(problem.model), problem.x, problem.y))
    for method in METHODS:
        prune(there[0], method, density, *there[1:])
        seconds = []
        for model, x, y in (here, there):
            torch.cuda.synchronize()
            started = time.perf_counter()
            prune(model, method, density, x, y)
            torch.cuda.synchronize()
            seconds.append(time.perf_counter() - started)
        print(
            f"  {method}: {seconds[1]:.2f} s, {seconds[0] / seconds[1]:.1f} times as fast as one "
            "thread",
            flush=True,
        )


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("checkout", nargs="?", help="folder of the reference repository")
    parser.add_argument("--width", type=int, default=2000)
    parser.add_argument("--memory-width", type=int, default=4000)
    parser.add_argument("--hidden", type=int, default=4)
    parser.add_argument("--density", type=float, default=0.2)
    options = parser.parse_args()
    print(machine())
    with single_thread():
        if options.checkout is not None:
            problem = Problem.draw(options.width, options.hidden)
            compare_scores(options.checkout, problem, options.density)
            compare_synflow(options.checkout, problem, options.density)
        show_memory(options.memory_width, options.hidden, options.density)
        if torch.cuda.is_available():
            show_gpu(options.width, options.hidden, options.density)


if __name__ == "__main__":
    main()
