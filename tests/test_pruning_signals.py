"""Signals of the pruning batch: they make the scores, and can be kept while weights are drawn anew."""

import copy
import itertools

import numpy as np
import pytest
import torch
from torch_networks import perceptron

from graphon_lib.pruning import INITIALISATIONS, saliency
from graphon_lib.pruning.redraw import redraw_given_signals
from graphon_lib.pruning.signals import batch_signals


@pytest.fixture(scope="module", params=INITIALISATIONS)
def network(request):
    return perceptron((20, 50, 40, 5), 12, initialisation=request.param)


@pytest.mark.parametrize("method", ["snip", "grasp"])
def test_factors_make_the_scores(network, method):
    model, x, y = network
    signals = batch_signals(model, method, x, y)
    for signal, weight, score in zip(
        signals, model.weights, saliency(model, method, x, y), strict=True
    ):
        made = weight.detach().numpy() * (signal.left @ signal.right.T)
        wanted = score.double().numpy()
        if method == "snip":
            made = np.abs(made)
        # The scores are computed in single precision.
        assert made == pytest.approx(wanted, rel=1e-3, abs=1e-4 * np.abs(wanted).max())


def test_signals_are_those_of_the_dense_network(network):
    model, x, y = network
    signals = batch_signals(model, "snip", x, y)
    outputs = model(x).detach().numpy()
    assert np.abs(signals[-1].preactivations.T - outputs).max() < 1e-5
    assert np.array_equal(signals[0].inputs, x.T.double().numpy())
    for before, after in itertools.pairwise(signals):
        assert np.array_equal(np.maximum(before.preactivations, 0), after.inputs)


def test_redrawn_weights_leave_the_signals_as_they_are(network):
    model, x, y = network
    signals = batch_signals(model, "snip", x, y)
    weights = [w.detach().double().numpy() for w in model.weights]
    arguments = [signal.inputs for signal in signals], [signal.left for signal in signals]
    redrawn = redraw_given_signals(weights, *arguments, np.random.default_rng(0))
    twin = copy.deepcopy(model).double()
    for target, source in zip(twin.weights, redrawn, strict=True):
        target.data.copy_(torch.as_tensor(source))
    for old, new in zip(signals, batch_signals(twin, "snip", x, y), strict=True):
        for before, after in zip(old, new, strict=True):
            assert after == pytest.approx(before, abs=1e-9)
    assert np.abs(redrawn[1] - weights[1]).max() > 0.1


def test_redrawn_weights_have_the_law_of_the_rest():
    # Off the span of the signals the weights are standard normal; in it they are those given.
    rng = np.random.default_rng(2)
    weight, inputs, backward = (rng.standard_normal(s) for s in ((30, 25), (25, 4), (30, 3)))
    draws = [redraw_given_signals([weight], [inputs], [backward], rng)[0] for _ in range(200)]
    p = inputs @ np.linalg.pinv(inputs)
    q = backward @ np.linalg.pinv(backward)
    free = [(np.eye(30) - q) @ draw @ (np.eye(25) - p) for draw in draws]
    dimensions = 27 * 21
    squares = [np.sum(f**2) for f in free]
    assert np.mean(squares) == pytest.approx(dimensions, abs=4 * np.sqrt(2 * dimensions / 200))
