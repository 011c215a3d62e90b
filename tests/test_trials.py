"""Trials: equal seeds give equal networks, batches and masks, also in another process."""

import hashlib
import subprocess
import sys

import numpy as np
import pytest
import torch

from graphon_lib.experiments.data import load_mnist
from graphon_lib.experiments.mask_statistics import dead_fractions
from graphon_lib.experiments.pruned import BATCH_SIZE, start_trial
from graphon_lib.pruning import METHODS, prune

WIDTHS = (784, 40, 30, 10)

PROGRAM = """
import hashlib, os
from graphon_lib.experiments.data import load_mnist
from graphon_lib.experiments.pruned import start_trial
from graphon_lib.pruning import METHODS
trial = start_trial(load_mnist(cache=os.devnull), (784, 40, 30, 10), (7, 1))
digest = hashlib.sha256()
for method in METHODS:
    for _, masks in trial.masks(method, [0.3, 0.1]):
        for mask in masks:
            digest.update(mask.numpy().tobytes())
print(digest.hexdigest())
"""


@pytest.fixture(scope="module")
def data():
    return load_mnist()


def test_another_process_draws_the_same_masks(data):
    trial = start_trial(data, WIDTHS, (7, 1))
    digest = hashlib.sha256()
    for method in METHODS:
        for _, masks in trial.masks(method, [0.3, 0.1]):
            for mask in masks:
                digest.update(mask.numpy().tobytes())
    finished = subprocess.run(
        [sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=True
    )
    assert finished.stdout.strip() == digest.hexdigest()


def test_other_seeds_draw_other_trials(data):
    first, second = start_trial(data, WIDTHS, (7, 1)), start_trial(data, WIDTHS, (7, 2))
    assert not torch.equal(first.model.weights[0], second.model.weights[0])
    assert not torch.equal(first.x, second.x)
    assert len(first.x) == len(first.y) == BATCH_SIZE


@pytest.mark.parametrize("method", ["magnitude", "snip", "grasp", "synflow"])
def test_masks_at_several_densities_are_those_at_each(data, method):
    trial = start_trial(data, WIDTHS, (3,))
    for density, masks in trial.masks(method, [0.5, 0.1]):
        alone = prune(trial.model, method, density, trial.x, trial.y)
        assert all(torch.equal(a, b) for a, b in zip(masks, alone, strict=True))


def test_dead_neurons_of_a_small_network():
    """Hidden neuron 0 has no input, 1 no output, 2 only outputs to a dead one; 3 is alive."""
    masks = [
        torch.tensor([[0, 0], [1, 1], [1, 0], [0, 1]], dtype=torch.bool),
        torch.tensor([[0, 0, 1, 0], [1, 0, 0, 1]], dtype=torch.bool),
        torch.tensor([[0, 1]], dtype=torch.bool),
    ]
    np.testing.assert_allclose(dead_fractions(masks), [3 / 4, 1 / 2])


def test_no_neuron_is_dead_in_a_dense_network():
    masks = [torch.ones(4, 3, dtype=torch.bool), torch.ones(2, 4, dtype=torch.bool)]
    np.testing.assert_array_equal(dead_fractions(masks), [0.0])
