"""Compare masks that move with those of public code: RigL, SET and lottery tickets.

Run with `python tests/benchmarks/reference_schedules.py --rigl FOLDER --set FOLDER --lottery
FOLDER`, each being a checkout: https://github.com/nollied/rigl-torch, a port of RigL that its authors
checked against the published results, of
https://github.com/dcmocanu/sparse-evolutionary-artificial-neural-networks, and of
https://github.com/facebookresearch/open_lth. RigL trains one network twice, from the same weights and
masks on the same batches; of the two others the function that moves masks is taken out, and one move
is compared, of trained weights: what SET removes, and what a round of iterative pruning keeps.
"""

import argparse
import ast
import itertools
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import torch
from torch import nn

from graphon_lib.experiments.data import load_mnist
from graphon_lib.pruning import MovingMasks

WIDTHS = (784, 300, 100, 10)
UPDATES, EVERY, UNTIL, FRACTION, DENSITY = 1000, 50, 800, 0.3, 0.1


def network():
    """Return one network, the same at each call."""
    torch.manual_seed(0)
    layers = [nn.Linear(*sizes) for sizes in itertools.pairwise(WIDTHS)]
    return nn.Sequential(layers[0], nn.ReLU(), layers[1], nn.ReLU(), layers[2])


def train(model, optimizer, step):
    """Train on random batches, the same at each call, and call `step` after each gradient."""
    data = load_mnist()
    x, y = torch.from_numpy(data.x_train), torch.from_numpy(data.y_train)
    generator = torch.Generator().manual_seed(1)
    for _ in range(UPDATES):
        chosen = torch.randint(len(x), (64,), generator=generator)
        optimizer.zero_grad()
        nn.functional.cross_entropy(model(x[chosen]), y[chosen]).backward()
        step()


def descent(model):
    """Return the optimiser of both roads."""
    return torch.optim.SGD(model.parameters(), lr=0.05, momentum=0.9)


def compare_rigl(checkout):
    """Train by RigL here and there; its first layer stays dense, as it is there."""
    sys.path.insert(0, checkout)
    # It asks for blocks of torchvision's, of which this network has none.
    blocks = SimpleNamespace(Bottleneck=(), BasicBlock=())
    sys.modules["torchvision"] = SimpleNamespace(models=SimpleNamespace(resnet=blocks))
    from rigl_torch.RigL import RigLScheduler

    theirs = network()
    optimizer = descent(theirs)
    scheduler = RigLScheduler(
        theirs,
        optimizer,
        dense_allocation=DENSITY,
        T_end=UNTIL,
        delta=EVERY,
        alpha=FRACTION,
        ignore_linear_layers=False,
    )
    first = {
        f"{name}.weight": mask.clone()
        for name, mask in zip("024", scheduler.backward_masks, strict=True)
        if mask is not None
    }
    train(theirs, optimizer, lambda: optimizer.step() if scheduler() else None)

    ours = network()
    optimizer = descent(ours)
    moving = MovingMasks(
        ours, first, optimizer, "rigl", every=EVERY, until=UNTIL, fraction=FRACTION
    )
    train(ours, optimizer, moving.step)
    last = [mask for mask in scheduler.backward_masks if mask is not None]
    for (name, mask), other in zip(moving.masks.items(), last, strict=True):
        print(
            f"RigL, {name}, {UPDATES} updates: {int(mask.sum())} kept of {mask.numel()}, "
            f"{int((mask ^ first[name]).sum())} differ from the first mask, "
            f"{int((mask ^ other).sum())} from theirs"
        )


def one_move(schedule, **options):
    """Return a layer's mask and trained weights before a move of a schedule, and its mask after."""
    model = network()
    generator = torch.Generator().manual_seed(2)
    shape = model[2].weight.shape
    mask = torch.randperm(shape.numel(), generator=generator).reshape(shape) < shape.numel() / 2
    optimizer = descent(model)
    moving = MovingMasks(
        model,
        {"2.weight": mask},
        optimizer,
        schedule,
        every=UPDATES,
        until=UPDATES,
        generator=generator,
        **options,
    )
    static = MovingMasks(twin := network(), {"2.weight": mask}, another := descent(twin), "static")
    train(twin, another, static.step)
    train(model, optimizer, moving.step)
    return mask, twin[2].weight.detach(), moving.masks["2.weight"], model[2].weight.detach()


def functions_of(path, *names):
    """Return functions of a program by name, without running the rest of it."""
    found = [
        node
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.FunctionDef) and node.name in names
    ]
    for function in found:
        function.decorator_list, function.returns = [], None
        for argument in function.args.args:
            argument.annotation = None
    known = {"np": np, "Mask": dict}
    exec(compile(ast.Module(found, []), str(path), "exec"), known)
    return known


def compare_set(checkout):
    """Compare what SET leaves of a layer before it adds weights at random."""
    path = Path(checkout) / "SET-MLP-Keras-Weights-Mask" / "set_mlp_keras_cifar10.py"
    theirs = functions_of(path, "find_first_pos", "find_last_pos", "rewireMask")
    before, weight, after, moved = one_move("set", fraction=FRACTION)
    _, core = theirs["rewireMask"](
        SimpleNamespace(zeta=FRACTION), weight.numpy().copy(), int(before.sum())
    )
    core = torch.from_numpy(core).bool()
    ours = after & (moved == weight) & before
    print(
        f"SET: of {int(before.sum())} weights {int(ours.sum())} stay, {int(core.sum())} there; "
        f"{int((ours ^ core).sum())} differ"
    )


def compare_lottery(checkout):
    """Compare what a round of iterative pruning keeps of a layer."""
    theirs = functions_of(Path(checkout) / "pruning" / "sparse_global.py", "prune")
    before, weight, after, _ = one_move("iterative", density=0.8 * 0.5)
    model = SimpleNamespace(prunable_layer_names=["layer"], state_dict=lambda: {"layer": weight})
    settings = SimpleNamespace(pruning_fraction=0.2, pruning_layers_to_ignore=None)
    mask = SimpleNamespace(numpy=lambda: {"layer": before.int().numpy()})
    kept = torch.from_numpy(theirs["prune"](settings, model, mask)["layer"]).bool()
    print(
        f"Lottery tickets: of {int(before.sum())} weights {int(after.sum())} stay, "
        f"{int(kept.sum())} there; {int((after ^ kept).sum())} differ"
    )


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    compared = {"rigl": compare_rigl, "set": compare_set, "lottery": compare_lottery}
    for name in compared:
        parser.add_argument(f"--{name}", help="folder of its public code")
    for name, checkout in vars(parser.parse_args()).items():
        if checkout:
            compared[name](checkout)


if __name__ == "__main__":
    main()
