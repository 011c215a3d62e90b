"""Experiments with masks that move: blind moves against their law, degrees, and the authors' setting."""

import numpy as np
import pytest
import torch
import xarray as xr

from graphon_lib.experiments import set_anchor
from graphon_lib.experiments.magnitude_flips import MAGNITUDE_FLIPS
from graphon_lib.experiments.moving_masks import (
    ITERATIVE_MASKS,
    MOVING_MASKS,
    contraction,
)
from graphon_lib.experiments.set_anchor import SET_ANCHOR, spread
from graphon_lib.graphons.layer_densities import uniform_masks
from graphon_lib.pruning import MaskedMLP, MovingMasks


@pytest.fixture(scope="module")
def quick():
    return MOVING_MASKS.compute(MOVING_MASKS.quick)


def test_static_masks_stay_and_others_move(quick):
    last = quick.isel(progress=-1)
    assert (last.retained.sel(variant="static: erk") == 1.0).all()
    assert (last.retained.sel(variant=["set: erk", "rigl: erk"]).isel(weight_layer=1) < 1.0).all()
    first = quick.isel(progress=0)
    assert (first.retained == 1.0).all()


def test_what_begins_dense_ends_at_the_density(quick):
    iterative = ITERATIVE_MASKS.compute(ITERATIVE_MASKS.quick)
    for of in (quick.sel(variant=["gradual: dense"]), iterative):
        density = of.layer_density
        np.testing.assert_array_equal(density.isel(progress=0), 1.0)
        np.testing.assert_allclose(density.isel(progress=-1), of.attrs["density"], atol=0.01)


def test_flips_stay_within_the_bound():
    result = MAGNITUDE_FLIPS.compute(MAGNITUDE_FLIPS.quick)
    assert (result.flips <= result.bound + 1e-6).all()


def test_blind_moves_follow_their_law():
    """SET on a mask with structure, all weights of one size: removal is blind, the decay geometric."""
    size, zeta, moves = 200, 0.3, 4
    mask = torch.zeros(size, size, dtype=torch.bool)
    mask[:100, :40] = True
    p = mask.double().mean().item()
    shrinks = (1 - zeta) * (1 - p) / (1 - p * (1 - zeta))
    layer, kept = torch.nn.Linear(size, size, bias=False), []
    rng = torch.Generator().manual_seed(0)
    moving = MovingMasks(
        layer,
        {"weight": mask},
        torch.optim.SGD(layer.parameters(), lr=1.0),
        "set",
        until=99,
        generator=rng,
    )
    for _ in range(moves):
        with torch.no_grad():
            noise = torch.randn(size, size, generator=rng)
            layer.weight.copy_(torch.where(moving.masks["weight"], noise, 0.0))
        layer.weight.grad = torch.zeros_like(layer.weight)
        moving.step()
        kept.append((moving.masks["weight"] & mask).sum().item() / mask.sum().item())
    expected = p + shrinks ** np.arange(1, moves + 1) * (1 - p)
    # Of 4,000 weights: four standard errors.
    np.testing.assert_allclose(kept, expected, atol=4 * 0.5 / 4000**0.5)


def test_contraction_is_that_of_a_mixture():
    coords = {
        "variant": ["set: snip"],
        "width": [8],
        "progress": [0.0, 1.0],
        "weight_layer": [1, 2, 3],
    }
    dims = ("variant", "width", "trial", "progress", "weight_layer")
    shape = (1, 1, 2, 2, 3)
    result = xr.Dataset(
        {
            "layer_density": (dims, np.full(shape, 0.2)),
            "retained": (dims, np.full(shape, 0.6)),
            "row_slope": ((*dims[:-1], "hidden_mask"), np.full((1, 1, 2, 2, 1), 0.4)),
        },
        coords | {"hidden_mask": [2]},
    )
    expected, slope = contraction(result, "set: snip", 8)
    np.testing.assert_allclose(expected, 0.5)
    assert expected.shape == slope.shape == (2, 1, 1)


def test_uniform_masks_have_their_counts():
    masks = uniform_masks((30, 20, 10), [0.1, 0.5], np.random.default_rng(0))
    assert [m.shape for m in masks] == [(20, 30), (10, 20)]
    assert [int(m.sum()) for m in masks] == [60, 100]


def test_the_anchor_trains_what_its_kinds_say():
    result = SET_ANCHOR.compute(SET_ANCHOR.quick)
    assert np.isfinite(result.test_accuracy).all()
    assert (result.spread.sel(kind="dense") == 0.0).all()


def test_the_anchors_gradients_are_those_of_its_rules(monkeypatch):
    """Without dropped units, against autograd through a surrogate whose error of outputs is the rule's."""
    model = MaskedMLP((6, 5, 4, 3), torch.Generator().manual_seed(0))
    weights, x = list(model.weights), torch.randn(7, 6, generator=torch.Generator().manual_seed(1))
    targets = torch.nn.functional.one_hot(torch.arange(7) % 3, 3).float()
    biases = [torch.zeros(len(w)) for w in weights]
    output = x
    for layer, weight in enumerate(weights):
        output = (output.relu() if layer else output) @ weight.T
    probability = output.sigmoid().detach()
    again = probability.sigmoid()
    error = (probability - targets) * again * (1 - again)
    expected = torch.autograd.grad((output * error).sum() / len(x), weights)
    monkeypatch.setattr(set_anchor, "DROPPED", 0.0)
    memory = [torch.zeros_like(b) for b in biases]
    set_anchor._gradients(weights, biases, memory, x, targets, torch.Generator())
    for weight, gradient in zip(weights, expected, strict=True):
        torch.testing.assert_close(weight.grad, gradient)
    torch.testing.assert_close(biases[-1], -set_anchor.RATE * error.mean(dim=0))


def test_spread_is_that_beyond_chance():
    generator = torch.Generator().manual_seed(0)
    chance = torch.rand(1000, 400, generator=generator) < 0.05
    assert spread(chance) < 0.06
    shares = 0.05 * (1 + 0.5 * torch.linspace(-1, 1, 400))
    assert spread(torch.rand(1000, 400, generator=generator) < shares) == pytest.approx(
        0.289, abs=0.03
    )
