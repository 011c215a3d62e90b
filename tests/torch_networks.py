"""Networks out of PyTorch's layers, and masks on them, for the tests of several modules."""

from itertools import pairwise

import pytest
import torch
from torch import nn
from torch.nn.utils.prune import custom_from_mask

from graphon_lib.pruning import MaskedMLP


class Block(nn.Module):
    """A residual block."""

    def __init__(self, width):
        super().__init__()
        self.conv, self.norm = (
            nn.Conv2d(width, width, 3, padding=1, bias=False),
            nn.BatchNorm2d(width),
        )

    def forward(self, x):
        return (x + self.norm(self.conv(x))).relu()


def vgg():
    return nn.Sequential(
        *(nn.Conv2d(3, 6, 3, padding=1), nn.BatchNorm2d(6), nn.ReLU(), nn.MaxPool2d(2)),
        *(nn.Conv2d(6, 8, 3, padding=1), nn.BatchNorm2d(8), nn.ReLU(), nn.AdaptiveAvgPool2d(2)),
        *(nn.Flatten(), nn.Dropout(), nn.Linear(32, 5)),
    )


def resnet():
    """One block stands at two places."""
    block = Block(6)
    pool = (nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(6, 5))
    return nn.Sequential(nn.Conv2d(3, 6, 3, padding=1), block, nn.MaxPool2d(2), block, *pool)


def signal():
    return nn.Sequential(
        nn.Conv1d(3, 6, 3),
        nn.ReLU(),
        nn.Conv1d(6, 4, 3, stride=2),
        nn.ReLU(),
        nn.Flatten(),
        nn.LazyLinear(5),
    )


def linear():
    layers = [nn.Sequential(nn.Linear(a, b), nn.ReLU()) for a, b in pairwise((12, 10, 8))]
    return nn.Sequential(*layers, nn.Linear(8, 5))


class Auxiliary(nn.Module):
    """Two layers, one of which is not called, as auxiliary heads in evaluation mode are not."""

    def __init__(self):
        super().__init__()
        self.used, self.unused = nn.Linear(12, 5), nn.Linear(12, 5)

    def forward(self, x):
        return self.used(x)


def auxiliary():
    return Auxiliary()


NETWORKS = {vgg: (3, 8, 8), resnet: (3, 8, 8), signal: (3, 12), linear: (12,)}
EVERY_NETWORK = pytest.mark.parametrize("build", NETWORKS, ids=lambda build: build.__name__)


def setting(build, seed=0, count=16):
    """A network whose parts have learnt something, and a batch."""
    with torch.random.fork_rng([]):
        torch.manual_seed(seed)
        model = build()
        x = torch.randn(count, *NETWORKS.get(build, (12,)))
        model(x)
        return model, x, torch.randint(0, 5, (count,))


def perceptron(widths, count, seed=0, **options):
    """A network of the library, and a batch."""
    generator = seeded(seed)
    model = MaskedMLP(widths, generator, **options)
    x = torch.randn(count, widths[0], generator=generator)
    return model, x, torch.randint(0, widths[-1], (count,), generator=generator)


def of_perceptron(model):
    """The same network out of PyTorch's layers."""
    biases = list(model.biases) or [None] * len(model.weights)
    layers = []
    for weight, bias in zip(model.weights, biases, strict=True):
        layers += [nn.Linear(*weight.shape[::-1], bias=bias is not None), nn.ReLU()]
        layers[-2].weight, layers[-2].bias = weight, bias
    return nn.Sequential(*layers[:-1])


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


def same(first, second):
    return list(first) == list(second) and all(torch.equal(first[k], second[k]) for k in first)


def apply(model, masks):
    for name, mask in masks.items():
        custom_from_mask(model.get_submodule(name.rpartition(".")[0]), "weight", mask)
    return model
