"""Trials: equal seeds give equal networks, batches and masks, also in another process."""

import hashlib
import os
import subprocess
import sys
from itertools import product
from pathlib import Path

import numpy as np
import pytest
import torch

from graphon_lib.experiments.data import load_mnist
from graphon_lib.experiments.mask_statistics import dead_fractions
from graphon_lib.experiments.pruned import BATCH_SIZE, start_trial
from graphon_lib.pruning import METHODS, prune
from graphon_lib.pruning.masks import SCOPES

WIDTHS = (784, 40, 30, 10)


@pytest.fixture(scope="module")
def data():
    return load_mnist()


def digest():
    """Return a hash of the masks of every method, in both scopes."""
    trial, sha = start_trial(load_mnist(cache=os.devnull), WIDTHS, (7, 1)), hashlib.sha256()
    for method, scope in product(METHODS, SCOPES):
        for _, masks in trial.masks(method, [0.3, 0.1], scope=scope):
            for mask in masks:
                sha.update(mask.numpy().tobytes())
    return sha.hexdigest()


def test_another_process_draws_the_same_masks():
    code = "from test_trials import digest; print(digest())"
    options = {"cwd": Path(__file__).parent, "capture_output": True, "text": True, "check": True}
    finished = subprocess.run([sys.executable, "-c", code], **options)
    assert digest() == finished.stdout.strip() == digest()


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
