"""The masked network: initialisation, what a mask does, and what is refused."""

import copy

import numpy as np
import pytest
import torch
from torch_networks import seeded

from graphon_lib.pruning import MaskedMLP


def make(widths=(6, 5, 4, 3), seed=0):
    return MaskedMLP(widths, seeded(seed))


def random_masks(model, seed=1):
    rng = np.random.default_rng(seed)
    return [rng.random(tuple(w.shape)) < 0.5 for w in model.weights]


def test_starts_dense_with_torch_orientation_and_no_biases():
    model = make()
    assert model.widths == (6, 5, 4, 3)
    assert [tuple(w.shape) for w in model.weights] == [(5, 6), (4, 5), (3, 4)]
    assert all(w.dtype == torch.float32 and w.requires_grad for w in model.weights)
    assert all(m.dtype == torch.bool and m.all() for m in model.masks)
    assert len(list(model.parameters())) == 3


def test_same_seed_same_weights_and_global_generator_untouched():
    state = torch.random.get_rng_state()
    first, second, other = make(seed=3), make(seed=3), make(seed=4)
    fresh, fresher = MaskedMLP((6, 5)), MaskedMLP((6, 5))
    assert torch.equal(torch.random.get_rng_state(), state)
    for a, b, c in zip(first.weights, second.weights, other.weights, strict=True):
        assert torch.equal(a, b)
        assert not torch.equal(a, c)
    assert not torch.equal(fresh.weights[0], fresher.weights[0])


@pytest.mark.parametrize("value", [3.0, float("inf"), float("nan")])
def test_pruned_weights_have_exactly_no_effect_and_no_gradient(value):
    model = make()
    masks = random_masks(model)
    model.masks = masks
    x = torch.randn(7, 6, generator=seeded(0))
    before = model(x)
    with torch.no_grad():
        for w, m in zip(model.weights, masks, strict=True):
            w[torch.from_numpy(~m)] = value
    after = model(x)
    assert torch.equal(before, after)
    after.square().sum().backward()
    for w, m in zip(model.weights, masks, strict=True):
        assert (w.grad.numpy()[~m] == 0).all()
        assert np.isfinite(w.grad.numpy()).all()


@pytest.mark.parametrize("convert", [np.asarray, torch.from_numpy, lambda m: m.astype(float)])
def test_masks_are_copied_from_numpy_or_torch(convert):
    model = make()
    masks = random_masks(model)
    given = [convert(m.copy()) for m in masks]
    model.masks = given
    given[0][...] = 0
    for held, m in zip(model.masks, masks, strict=True):
        np.testing.assert_array_equal(held.numpy(), m)


def test_masks_travel_with_the_state_and_the_copy():
    model = make()
    model.masks = masks = random_masks(model)
    loaded = make(seed=9)
    loaded.load_state_dict(model.state_dict())
    for other in (loaded, copy.deepcopy(model)):
        for held, m in zip(other.masks, masks, strict=True):
            np.testing.assert_array_equal(held.numpy(), m)


@pytest.mark.parametrize(
    ("change", "match"),
    [
        (lambda m: m[:-1], "masks must be 3"),
        (lambda m: [*m, m[0]], "masks must be 3"),
        (lambda m: [m[0].T, *m[1:]], r"masks\[0\] must have shape \(5, 6\)"),
        (lambda m: [*m[:2], m[2] * 0.5], r"masks\[2\] must be binary"),
        (lambda m: [*m[:2], m[2] * np.nan], r"masks\[2\] must be binary"),
        (lambda m: [m[0], m[1] * 2, m[2]], r"masks\[1\] must be binary"),
        (lambda m: 1, "masks must be a sequence"),
    ],
)
def test_wrong_masks_are_refused_and_change_nothing(change, match):
    model = make()
    with pytest.raises(ValueError, match=match):
        model.masks = change(random_masks(model))
    assert all(m.all() for m in model.masks)


def test_repr_shows_widths_and_density():
    model = make((4, 2))
    model.masks = [np.array([[1, 0, 0, 0], [1, 0, 0, 0]])]
    assert "widths=(4, 2), density=0.25" in repr(model)
