"""Compare masks of the networks of Tanaka et al. (2020) with those of their code.

Run with `python tests/benchmarks/reference_masks.py CHECKOUT`, CHECKOUT being a folder that holds
https://github.com/ganguli-lab/Synaptic-Flow. Its VGG-11, with BatchNorm and without, and its
ResNet-20 at random weights are pruned by both, on the same random batch, in evaluation mode as it
does, in double precision, where its ties are exact, and in single precision as it is published.
Random masks are drawn by either's own generator and are compared by their number alone. The number
kept is rounded here and rounded up there, so that one entry may differ.
"""

import argparse
import sys

import torch
from reference import computing_in, jaccard, reference_masks

from graphon_lib.experiments.cost import single_thread
from graphon_lib.pruning import METHODS, prune

NETWORKS = {
    "VGG-11": ("lottery_vgg", "vgg11"),
    "VGG-11 with BatchNorm": ("lottery_vgg", "vgg11_bn"),
    "ResNet-20": ("lottery_resnet", "resnet20"),
}
NAMES = {
    "random": "Rand",
    "magnitude": "Mag",
    "snip": "SNIP",
    "grasp": "GraSP",
    "synflow": "SynFlow",
}


def network(checkout, name, dtype):
    """Return a network of the checkout at random weights, biases and statistics of BatchNorm."""
    sys.path.insert(0, checkout)
    import Models

    module, function = NETWORKS[name]
    __import__(f"Models.{module}")
    torch.manual_seed(0)
    with computing_in(torch.float32):
        model = getattr(getattr(Models, module), function)((3, 32, 32), 10)
        for key, tensor in model.state_dict().items():
            if key.endswith("bias"):
                tensor.normal_(0, 0.1)
            if key.endswith("running_mean"):
                tensor.normal_(0, 0.1)
            if key.endswith("running_var"):
                tensor.uniform_(0.5, 2)
    return model.to(dtype).eval()


def compare(checkout, name, dtype, options):
    """Print, method by method, how many entries of the masks differ."""
    model = network(checkout, name, dtype)
    x = torch.randn(options.batch, 3, 32, 32).to(dtype)
    batch = (x, torch.arange(options.batch) % 10)
    for method, theirs in NAMES.items():
        rounds = options.rounds if METHODS[method].rounds > 1 else 1
        ours = list(prune(model, method, options.density, *batch, rounds=rounds).values())
        masks, _ = reference_masks(checkout, model, theirs, batch, options.density, rounds=rounds)
        kept = [sum(int(mask.sum()) for mask in each) for each in (ours, masks)]
        differing = sum(int((a ^ b).sum()) for a, b in zip(ours, masks, strict=True))
        print(
            f"{name}, {dtype}, {method}: {kept[0]} kept, theirs {kept[1]}, of "
            f"{sum(mask.numel() for mask in ours)}; {differing} differ, Jaccard index "
            f"{jaccard(ours, masks):.6f}",
            flush=True,
        )


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("checkout", help="folder of the reference repository")
    parser.add_argument("--network", choices=NETWORKS, action="append")
    parser.add_argument("--density", type=float, default=0.05)
    parser.add_argument("--rounds", type=int, default=100, help="of SynFlow")
    parser.add_argument("--batch", type=int, default=64)
    options = parser.parse_args()
    with single_thread():
        for name in options.network or NETWORKS:
            for dtype in (torch.float64, torch.float32):
                compare(options.checkout, name, dtype, options)


if __name__ == "__main__":
    main()
