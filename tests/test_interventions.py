"""Interventions change the one thing that they say, and nothing else."""

import numpy as np
import pytest
import torch

from graphon_lib.experiments.data import load_mnist
from graphon_lib.experiments.interventions import INTERVENTIONS, intervene, scale_to_path_density
from graphon_lib.experiments.pruned import start_trial
from graphon_lib.graphons.network import path_density
from graphon_lib.pruning import MaskedMLP, signal_moments

WIDTHS = (784, 60, 50, 10)
DENSITY = 0.2


@pytest.fixture(scope="module")
def trial():
    return start_trial(load_mnist(), WIDTHS, (0, 0))


@pytest.fixture(scope="module")
def masks(trial):
    ((_, masks),) = trial.masks("snip", [DENSITY])
    return masks


@pytest.fixture
def after(trial, masks):
    def run(name, seed=0):
        return intervene(name, trial, masks, DENSITY, torch.Generator().manual_seed(seed))

    return run


def equal(first, second):
    return [torch.equal(a, b) for a, b in zip(first, second, strict=True)]


@pytest.mark.parametrize("name", INTERVENTIONS)
def test_the_trial_is_left_alone_and_layer_densities_stay(name, trial, masks, after):
    before = [weight.detach().clone() for weight in trial.model.weights]
    model = after(name)
    assert all(equal(before, trial.model.weights))
    assert all(mask.all() for mask in trial.model.masks)
    assert [int(a.sum()) for a in model.masks] == [int(b.sum()) for b in masks]


def test_as_pruned_changes_nothing(trial, masks, after):
    model = after("as pruned")
    assert all(equal(model.weights, trial.model.weights))
    assert all(equal(model.masks, masks))


def test_redrawn_weights_are_new_and_of_the_same_law(trial, masks, after):
    model = after("re-drawn")
    assert all(equal(model.masks, masks))
    assert not any(equal(model.weights, trial.model.weights))
    for weight in model.weights:
        deviation = float(weight.detach().std()) / (2.0 / weight.shape[1]) ** 0.5 - 1.0
        assert abs(deviation) < 5 / (2 * weight.numel()) ** 0.5


@pytest.mark.parametrize("name", ["rescaled", "re-drawn, rescaled"])
def test_rescaled_networks_have_the_dense_signal(name, trial, masks, after):
    model = after(name)
    assert all(equal(model.masks, masks))
    expected = 2.0 * float(trial.x.double().square().mean())
    np.testing.assert_allclose(signal_moments(model, trial.x), expected, rtol=1e-5)


@pytest.mark.parametrize(
    ("name", "kept"), [("shuffled", [False] * 3), ("input mask only", [True, False, False])]
)
def test_shuffles_move_what_they_say(name, kept, trial, masks, after):
    model = after(name)
    assert equal(model.masks, masks) == kept
    assert all(equal(model.weights, trial.model.weights))


def test_shuffled_and_rescaled_is_the_shuffled_network_at_the_dense_signal(trial, after):
    shuffled, model = after("shuffled"), after("shuffled, rescaled")
    assert all(equal(model.masks, shuffled.masks))
    expected = 2.0 * float(trial.x.double().square().mean())
    np.testing.assert_allclose(signal_moments(model, trial.x), expected, rtol=1e-5)
    for new, old in zip(model.weights, trial.model.weights, strict=True):
        torch.testing.assert_close(new / new[0, 0], old / old[0, 0])


def test_scaled_to_random_has_one_factor_for_all_layers(trial, masks, after):
    model = after("scaled to random")
    assert all(equal(model.masks, masks))
    expected = (DENSITY**3 / path_density(masks)) ** (1 / 6)
    for new, old in zip(model.weights, trial.model.weights, strict=True):
        torch.testing.assert_close(new, old * expected)


def test_scaling_multiplies_the_output_variance_by_the_ratio_of_path_densities():
    model = MaskedMLP((20, 30, 10), torch.Generator().manual_seed(0))
    x = torch.randn(7, 20, generator=torch.Generator().manual_seed(1))
    before = signal_moments(model, x)[-1]
    scale_to_path_density(model, 0.01)
    assert float(signal_moments(model, x)[-1] / before) == pytest.approx(0.01, rel=1e-5)


def test_new_weights_and_shuffles_come_from_the_generator_alone(after):
    for name in ("re-drawn", "shuffled"):
        first, again, other = after(name), after(name), after(name, seed=1)
        assert all(equal(first.weights, again.weights))
        assert all(equal(first.masks, again.masks))
        assert not (
            all(equal(first.weights, other.weights)) and all(equal(first.masks, other.masks))
        )


def test_bad_arguments(trial, masks):
    generator = torch.Generator()
    with pytest.raises(ValueError, match="name must be one of"):
        intervene("removed", trial, masks, DENSITY, generator)
    with pytest.raises(ValueError, match="density must"):
        intervene("rescaled", trial, masks, 0.0, generator)
    nothing = [torch.zeros_like(mask) for mask in masks]
    for name in ("rescaled", "scaled to random"):
        with pytest.raises(ValueError, match="model must"):
            intervene(name, trial, nothing, DENSITY, generator)
