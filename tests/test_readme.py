"""The README's example runs and computes what its comments say."""

import math
import re
from pathlib import Path

import pytest
import torch
from torch import nn

from graphon_lib.graphons import check_certificate

README = Path(__file__).resolve().parents[1] / "README.md"


def names_after(number):
    """The names that a Python block leaves, run on its own, as a reader may copy one alone."""
    blocks = re.findall(
        r"^```python\n(.*?)^```", README.read_text("utf-8"), re.DOTALL | re.MULTILINE
    )
    assert len(blocks) == 2
    torch.manual_seed(0)
    names = {}
    exec(blocks[number], names)
    return names


@pytest.fixture(scope="module")
def example():
    return names_after(0)


def test_the_cut_norm_is_that_of_the_graphon_with_its_own_masses(example):
    graphon, flat = example["graphon"], example["flat"]
    assert graphon.row_mass.max() > graphon.row_mass.min()  # 500 neurons in 64 blocks
    difference = graphon.values - graphon.density
    lower, upper = check_certificate(difference, flat, graphon.row_mass, graphon.col_mass)
    assert lower == pytest.approx(flat.lower, rel=1e-12)
    assert upper == pytest.approx(flat.upper, rel=1e-9)


def test_the_kernel_is_that_of_the_inputs(example):
    assert example["x"].shape == (100, 784)
    assert 0 < example["network"].path_density() < 1


@pytest.mark.usefixtures("torchvision")
def test_the_network_is_pruned_rescaled_and_trains():
    example = names_after(1)
    net, pruned = example["net"], example["pruned"]
    layers = [m for m in net.modules() if isinstance(m, nn.Linear | nn.Conv2d)]
    assert len(pruned) == len(layers) == 21
    kept, total = (
        sum(int(m.sum()) for m in pruned.values()),
        sum(m.numel() for m in pruned.values()),
    )
    assert kept == round(0.05 * total)
    assert all(0 < float(factor) < math.inf for factor in example["factors"].values())
    for name, mask in pruned.items():
        layer = net.get_submodule(name.removesuffix(".weight"))
        gradient = layer.weight_orig.grad
        assert torch.isfinite(gradient).all()
        assert gradient.any()
        assert not gradient[~mask].any()
