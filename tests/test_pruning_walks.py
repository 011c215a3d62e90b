"""PHEW: masks as unions of random walks."""

from itertools import pairwise

import numpy as np
import pytest
import torch
from scipy import stats
from torch_networks import seeded

from graphon_lib.pruning import MaskedMLP
from graphon_lib.pruning.walks import phew_masks


@pytest.mark.parametrize("initialisation", ["he", "torch"])
@pytest.mark.parametrize("density", [0.003, 0.05, 0.4])
def test_exactly_so_many_weights_are_kept_and_all_but_a_walk_lead_through(initialisation, density):
    model = MaskedMLP((50, 30, 20, 10), seeded(), initialisation=initialisation)
    masks = phew_masks(model, density, seeded(1))
    assert sum(int(m.sum()) for m in masks) == round(density * 2300)
    for before, after in pairwise(masks):
        entered, left = before.any(dim=1), after.any(dim=0)
        # The walk that was cut short ends, or begins, at one unit.
        assert int((entered != left).sum()) <= 1


def test_the_first_step_has_the_probabilities_of_the_weights():
    model = MaskedMLP((3, 4), seeded(2))
    weight = model.weights[0].detach().abs().double().numpy()
    draws = seeded(3)
    counts = sum(phew_masks(model, 1 / 12, draws)[0].numpy().astype(int) for _ in range(2000))
    # The first input has the first turn.
    assert not counts[:, 1:].any()
    expected = weight[:, 0] / weight[:, 0].sum()
    assert stats.chisquare(counts[:, 0], 2000 * expected).pvalue > 1e-3


def test_inputs_and_outputs_take_turns():
    """Two walks through 100 wide layers: from the first input, and back from the first output."""
    model = MaskedMLP((100, 100, 100), seeded())
    first, second = phew_masks(model, 4 / 20_000, seeded())
    assert first[:, 0].sum() == 1
    assert second[0].sum() == 1
    many, _ = phew_masks(model, 0.01, seeded())
    assert many[:, :40].any(dim=0).all()


def test_walks_pass_over_no_weight_that_is_zero():
    model = MaskedMLP((20, 16, 12), seeded())
    with torch.no_grad():
        for weight in model.weights:
            weight[:, ::2] = 0.0
            weight[0] = 1.0
    for weight, mask in zip(model.weights, phew_masks(model, 0.4, seeded()), strict=True):
        assert not mask[weight == 0.0].any()
    with pytest.raises(ValueError, match="density must be lower: of 461 weights, walks have found"):
        phew_masks(model, 0.9, seeded())


def test_equal_generators_give_equal_masks():
    model = MaskedMLP((20, 10, 5), seeded())
    one, same, other = (phew_masks(model, 0.2, seeded(seed)) for seed in (1, 1, 2))
    assert all(torch.equal(a, b) for a, b in zip(one, same, strict=True))
    assert not all(torch.equal(a, b) for a, b in zip(one, other, strict=True))


@pytest.mark.parametrize(
    ("model", "density", "message"),
    [
        (torch.nn.Linear(3, 2), 0.5, "model must be a MaskedMLP"),
        (MaskedMLP((3, 2)), 0.0, "density must"),
        (MaskedMLP((3, 2)), 0.01, "density must keep at least one of the 6 weights"),
    ],
)
def test_bad_input_is_refused(model, density, message):
    with pytest.raises(ValueError, match=message):
        phew_masks(model, density)


def test_the_masks_of_a_network_may_be_walked_to_the_last_weight():
    model = MaskedMLP((4, 3, 2), seeded())
    assert all(bool(np.all(m.numpy())) for m in phew_masks(model, 1.0, seeded()))


@pytest.mark.parametrize("value", [torch.nan, torch.inf])
def test_weights_that_are_not_finite_are_refused(value):
    model = MaskedMLP((4, 3, 2), seeded())
    with torch.no_grad():
        model.weights[1][0, 0] = value
    with pytest.raises(ValueError, match="weight"):
        phew_masks(model, 0.5, seeded())
