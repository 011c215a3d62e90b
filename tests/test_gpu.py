"""On a CUDA GPU: pruning, rescaling and training do what they do on the processor."""

import copy
import dataclasses

import numpy as np
import pytest
import torch
from torch import nn

from graphon_lib.experiments.data import load_mnist
from graphon_lib.experiments.training_run import train
from graphon_lib.pruning import METHODS, MaskedMLP, prune, rescale_signal, saliency

pytestmark = pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA GPU")


def perceptron():
    model = MaskedMLP((784, 60, 50, 10), torch.Generator().manual_seed(0))
    return model, torch.randn(32, 784, generator=torch.Generator().manual_seed(1))


def convolutions():
    torch.manual_seed(0)
    layers = [nn.Conv2d(3, 8, 3), nn.BatchNorm2d(8), nn.ReLU(), nn.Flatten(), nn.Linear(8 * 36, 10)]
    return nn.Sequential(*layers).eval(), torch.randn(32, 3, 8, 8)


def named(found):
    return found.values() if isinstance(found, dict) else found


@pytest.mark.parametrize("build", [perceptron, convolutions])
@pytest.mark.parametrize("method", METHODS)
def test_masks_are_those_of_the_processor(build, method):
    model, x = build()
    y = torch.arange(len(x)) % 10
    there = copy.deepcopy(model).cuda()
    options = {"generator": torch.Generator().manual_seed(0)} if method == "random" else {}
    here = list(named(prune(model, method, 0.1, x, y, **options)))
    options = {"generator": torch.Generator().manual_seed(0)} if method == "random" else {}
    found = list(named(prune(there, method, 0.1, x.cuda(), y.cuda(), **options)))
    assert all(mask.is_cuda and mask.dtype == torch.bool for mask in found)
    assert sum(int(m.sum()) for m in found) == sum(int(m.sum()) for m in here)
    # Scores are rounded otherwise there: next to the threshold a weight may take another's place.
    changed = sum(int((m.cpu() != other).sum()) for m, other in zip(found, here, strict=True))
    assert changed <= 2


@pytest.mark.parametrize("method", [name for name, row in METHODS.items() if row.needs_data])
def test_scores_are_those_of_the_processor(method):
    model, x = perceptron()
    y = torch.arange(len(x)) % 10
    here = saliency(model, method, x, y)
    there = saliency(copy.deepcopy(model).cuda(), method, x.cuda(), y.cuda())
    for found, expected in zip(there, here, strict=True):
        scale = expected.abs().max()
        torch.testing.assert_close(found.cpu() / scale, expected / scale, rtol=0, atol=1e-5)


def test_signals_are_restored_by_the_same_factors():
    model, x = perceptron()
    model.masks = prune(model, "synflow", 0.1)
    there = copy.deepcopy(model).cuda()
    expected, found = rescale_signal(model, x), rescale_signal(there, x.cuda())
    torch.testing.assert_close(found.cpu(), expected, rtol=1e-5, atol=0)


def test_training_takes_the_same_steps_and_brings_the_network_back(monkeypatch):
    mnist = load_mnist()
    data = dataclasses.replace(mnist, x_test=mnist.x_test[:200], y_test=mnist.y_test[:200])
    settings = {
        "optimizer": "adam",
        "learning_rate": 1e-3,
        "steps": 10,
        "batch_size": 50,
        "evaluated": (10,),
    }
    losses = []
    for here in (False, True):
        if here:
            monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
        model, _ = perceptron()
        model.masks = prune(model, "synflow", 0.2)
        run = train(model, data, **settings, rng=np.random.default_rng(0))
        assert not model.weights[0].is_cuda
        assert not model.masks[0].is_cuda
        losses.append(run.loss)
    np.testing.assert_allclose(*losses, rtol=1e-3)
