"""SynFlow's limit: special cases, symmetries, networks, bad input."""

import numpy as np
import pytest
import torch

from graphon_lib.pruning import INITIALISATIONS, MaskedMLP, prune
from graphon_lib.pruning.synflow_limit import synflow_limit

SIZE = {"inputs": 3, "outputs": 2, "positions": 64}


def solve(hidden_layers, density, seed=0, **options):
    return synflow_limit(
        hidden_layers, density, **{**SIZE, **options}, rng=np.random.default_rng(seed)
    )


def test_the_mean_density_is_the_one_asked_for():
    for layers, rounds in ((2, 1), (4, 1), (4, 7)):
        limit = solve(layers, 0.15, rounds=rounds)
        densities = [limit.probabilities(m).mean() for m in range(layers - 1)]
        assert np.mean(densities) == pytest.approx(0.15, abs=1e-9)


def test_one_input_and_one_output_in_closed_form():
    # The density at a threshold t is that of the product of three sizes of normal variables.
    limit = solve(2, 0.3, inputs=1, outputs=1, rounds=1, positions=1024)
    g = np.abs(np.random.default_rng(1).standard_normal((3, 10**6))).prod(axis=0)
    assert np.mean(g >= limit.levels[0]) == pytest.approx(0.3, abs=0.005)


def test_masks_in_the_middle_are_constants_and_the_ends_are_not():
    limit = solve(5, 0.2, rounds=4)
    shapes = [limit.probabilities(m).shape for m in range(4)]
    assert shapes == [(1, 64), (1, 1), (1, 1), (64, 1)]
    first, last = limit.probabilities(0), limit.probabilities(3)
    assert (np.diff(first[0]) > 0).all()
    assert (np.diff(last[:, 0]) > 0).all()


def test_a_single_hidden_mask_needs_no_more_than_one_round():
    one, many = solve(2, 0.2, rounds=1), solve(2, 0.2, rounds=30)
    np.testing.assert_allclose(one.levels, many.levels, rtol=1e-9)


def test_more_rounds_never_lower_a_threshold():
    limits = [solve(4, 0.2 ** (r / 5), rounds=r) for r in range(1, 6)]
    levels = np.array([limit.levels for limit in limits])
    assert (np.diff(levels, axis=0) >= -1e-9).all()


def test_a_network_turned_around_has_the_limit_turned_around():
    there = solve(4, 0.2, rounds=5, inputs=4, outputs=4, positions=256)
    back = solve(4, 0.2, 1, rounds=5, inputs=4, outputs=4, positions=256)
    densities = [np.array([s.probabilities(m).mean() for m in range(3)]) for s in (there, back)]
    np.testing.assert_allclose(densities[0], densities[1][::-1], atol=2e-3)


def test_everything_is_kept_at_density_one():
    limit = solve(3, 1.0)
    assert all((limit.probabilities(m) == 1.0).all() for m in range(2))


@pytest.mark.parametrize("initialisation", INITIALISATIONS)
def test_masks_of_wide_networks_are_those_of_the_limit(initialisation):
    law, differ = INITIALISATIONS[initialisation], []
    size = {"inputs": 4, "outputs": 5, "rounds": 2, "initialisation": initialisation}
    limit = synflow_limit(3, 0.2, **size, rng=np.random.default_rng(0))
    for width in (150, 600):
        generator = torch.Generator().manual_seed(0)
        sizes = (4, width, width, width, 5)
        model = MaskedMLP(sizes, generator, initialisation=initialisation)
        masks = prune(model, "synflow", 0.2, rounds=2)[1:-1]
        scale = np.sqrt(width / law.weight_variance)
        first, *hidden, last = (w.detach().double().abs().numpy() for w in model.weights)
        entering = first.sum(1) + sum(b.detach().double().abs().numpy() for b in model.biases[:1])
        entering *= np.sqrt(4 / law.weight_variance) / 4
        for m, (weight, mask) in enumerate(zip(hidden, masks, strict=True)):
            least = limit.least_weight(m, entering=entering, leaving=last.sum(0) * scale)
            differ.append(np.mean(mask.numpy() != (weight * scale >= least)))
    assert max(differ[2:]) < 0.05
    assert max(differ[2:]) < max(differ[:2])


def test_bounded_weights_can_leave_a_mask_empty():
    wide = {"inputs": 1, "outputs": 1, "initialisation": "torch"}
    with pytest.raises(ValueError, match="weights in every mask after each of 2 rounds"):
        solve(5, 1e-5, rounds=2, **wide)


@pytest.mark.parametrize(
    "wrong",
    [
        {"hidden_layers": 1},
        {"density": 0.0},
        {"inputs": 0},
        {"outputs": 0},
        {"rounds": 0},
        {"positions": 0},
        {"rng": 3},
        {"initialisation": "glorot"},
    ],
)
def test_bad_input(wrong):
    good = {**SIZE, "hidden_layers": 3, "density": 0.2, "rounds": 1}
    arguments = {**good, "rng": np.random.default_rng(0), **wrong}
    with pytest.raises(ValueError, match=next(iter(wrong))):
        synflow_limit(arguments.pop("hidden_layers"), arguments.pop("density"), **arguments)
