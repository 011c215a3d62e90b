"""Training: pruned weights stay zero, divergence is recorded, flat networks stay flat."""

import copy
import dataclasses
import math

import numpy as np
import pytest
import torch
from torch.nn.functional import cross_entropy

from graphon_lib.experiments.data import load_mnist
from graphon_lib.experiments.training_run import OPTIMIZERS, draw_batches, train
from graphon_lib.pruning import MaskedMLP, prune

WIDTHS = (784, 40, 30, 10)
SETTINGS = {
    "optimizer": "adam",
    "learning_rate": 1e-3,
    "steps": 8,
    "batch_size": 50,
    "evaluated": (0, 4, 8),
}


@pytest.fixture(scope="module")
def data():
    mnist = load_mnist()
    return dataclasses.replace(
        mnist,
        x_train=mnist.x_train[:500],
        y_train=mnist.y_train[:500],
        x_test=mnist.x_test[::5],
        y_test=mnist.y_test[::5],
    )


def pruned(density=0.2, seed=0):
    generator = torch.Generator().manual_seed(seed)
    model = MaskedMLP(WIDTHS, generator)
    model.masks = prune(model, "random", density, generator=generator)
    return model


def run(model, data, seed=0, **changes):
    return train(model, data, **{**SETTINGS, **changes}, rng=np.random.default_rng(seed))


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_only_kept_weights_are_trained(data, optimizer):
    model = pruned()
    before = [weight.detach().clone() for weight in model.weights]
    run(model, data, optimizer=optimizer)
    for old, new, mask in zip(before, model.weights, model.masks, strict=True):
        assert (new[~mask] == 0.0).all()
        assert (new[mask] != old[mask]).float().mean() > 0.5


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_agrees_with_training_the_masked_model_itself(data, optimizer):
    """The oracle: the model's own forward pass, autograd through the masks, and no fused update."""
    model, oracle = pruned(), pruned()
    record = run(model, data, optimizer=optimizer)
    descent = OPTIMIZERS[optimizer](oracle.parameters(), lr=SETTINGS["learning_rate"])
    x, y = torch.from_numpy(data.x_train), torch.from_numpy(data.y_train)
    losses = []
    for batch in draw_batches(500, 50, 8, np.random.default_rng(0)):
        loss = cross_entropy(oracle(x[batch]), y[batch])
        descent.zero_grad()
        loss.backward()
        descent.step()
        losses.append(loss.item())
    np.testing.assert_allclose(record.loss, losses, rtol=1e-4)
    logits = oracle(torch.from_numpy(data.x_test)).detach()
    labels = torch.from_numpy(data.y_test)
    assert record.test_loss[-1] == pytest.approx(float(cross_entropy(logits, labels)), rel=1e-4)
    accuracy = float((logits.argmax(dim=1) == labels).double().mean())
    assert record.test_accuracy[-1] == pytest.approx(accuracy, abs=1.5 / len(labels))


def test_equal_seeds_give_equal_runs_and_others_do_not(data):
    first, again, other = (run(pruned(), data, seed=seed) for seed in (0, 0, 1))
    np.testing.assert_array_equal(first.loss, again.loss)
    np.testing.assert_array_equal(first.test_accuracy, again.test_accuracy)
    assert not np.array_equal(first.loss, other.loss)


def test_a_network_without_a_path_has_a_flat_curve(data):
    model = pruned()
    masks = [mask.clone() for mask in model.masks]
    masks[1][:] = False
    model.masks = masks
    record = run(model, data)
    np.testing.assert_allclose(record.loss, np.log(10.0), rtol=1e-6)
    np.testing.assert_allclose(record.test_loss, np.log(10.0), rtol=1e-6)
    assert np.isfinite(record.loss).all()


def test_a_diverging_run_is_recorded_as_infinite(data):
    record = run(pruned(0.5), data, optimizer="sgd", learning_rate=1e8)
    first = int(np.argmax(np.isinf(record.loss)))
    assert 0 < first < 8
    assert np.isfinite(record.loss[:first]).all()
    assert np.isinf(record.loss[first:]).all()
    assert not np.isnan(record.test_loss).any()
    assert record.test_loss[-1] == np.inf
    assert record.test_accuracy[-1] == 0.0
    assert np.isfinite(record.test_loss[0])


def test_a_divergence_in_the_last_step_is_seen_by_the_test(data):
    record = run(pruned(0.5), data, optimizer="sgd", learning_rate=1e38, steps=1, evaluated=(1,))
    assert np.isfinite(record.loss).all()
    assert np.isinf(record.test_loss).all()


def test_batches_pass_through_every_digit_once_an_epoch():
    batches = torch.stack(list(draw_batches(23, 5, 8, np.random.default_rng(0))))
    assert batches.shape == (8, 5)
    for epoch in (batches[:4], batches[4:]):
        assert len(set(epoch.flatten().tolist())) == 20
    assert set(batches.flatten().tolist()) <= set(range(23))
    assert not torch.equal(batches[:4], batches[4:])


@pytest.mark.parametrize(
    ("changes", "name"),
    [
        ({"optimizer": "momentum"}, "optimizer"),
        ({"learning_rate": 0.0}, "learning_rate"),
        ({"learning_rate": math.nan}, "learning_rate"),
        ({"learning_rate": "fast"}, "learning_rate"),
        ({"learning_rate": 10**400}, "learning_rate"),
        ({"steps": 0}, "steps"),
        ({"batch_size": 501}, "batch_size"),
        ({"batch_size": 0}, "batch_size"),
        ({"batch_size": True}, "batch_size"),
        ({"evaluated": (9,)}, "evaluated"),
        ({"evaluated": (-1,)}, "evaluated"),
        ({"watched": None}, "watched"),
        ({"watched": "ab"}, "watched"),
        ({"watched": (9,)}, "watched"),
        ({"rates": [0.1, 0.1]}, "rates"),
        ({"rates": [0.1, 0.0, 0.1]}, "rates"),
    ],
)
def test_bad_arguments_are_named_and_leave_the_network_as_it_was(data, changes, name):
    model = pruned()
    before = copy.deepcopy(model.state_dict())
    with pytest.raises(ValueError, match=rf"^{name} must"):
        run(model, data, **changes)
    assert all(torch.equal(value, before[key]) for key, value in model.state_dict().items())


@pytest.mark.parametrize("mode", [torch.no_grad, torch.inference_mode])
def test_training_inside_a_mode_without_gradients_is_as_outside(data, mode):
    inside, outside = pruned(), pruned()
    with mode():
        record = run(inside, data)
    np.testing.assert_array_equal(record.loss, run(outside, data).loss)
    for ours, theirs in zip(
        inside.state_dict().values(), outside.state_dict().values(), strict=True
    ):
        assert torch.equal(ours, theirs)


def test_a_network_made_in_inference_mode_is_refused(data):
    with torch.inference_mode():
        model = pruned()
    with pytest.raises(ValueError, match=r"^model must not be made in inference mode"):
        run(model, data)
