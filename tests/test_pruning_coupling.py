"""The local law: constants in closed form, marginals of the coupling, thresholds, bad input."""

import math

import numpy as np
import pytest
import torch

from graphon_lib.pruning import INITIALISATIONS, MaskedMLP, keep_largest
from graphon_lib.pruning.coupling import (
    couple_weights,
    expected_flips,
    flip_bound,
    local_law_bound,
)
from graphon_lib.pruning.expected import (
    expected_threshold,
    keep_probabilities,
    kept_probability,
)
from graphon_lib.pruning.signals import batch_signals

NORMAL = INITIALISATIONS["he"].law
UNIFORM = INITIALISATIONS["torch"].law


def layer(images, width=120, method="snip", seed=0, hidden=2):
    """Return the weights of the first hidden mask in NTK units, and the signals of a batch."""
    generator = torch.Generator().manual_seed(seed)
    model = MaskedMLP((20, *[width] * hidden, 10), generator)
    x = torch.randn(images, 20, generator=generator)
    y = torch.randint(10, (images,), generator=generator)
    weight = model.weights[1].detach().double().numpy() * math.sqrt(width / 2)
    return weight, batch_signals(model, method, x, y)[1]


@pytest.mark.parametrize(
    ("method", "images", "rank"), [("snip", 1, 1), ("snip", 3, 3), ("grasp", 2, 4)]
)
def test_the_copy_moves_by_the_rank_of_what_is_seen(method, images, rank):
    weight, signal = layer(images, 80, method)
    n = len(weight)
    rng = np.random.default_rng(0)
    moved, squares = [], []
    for _ in range(100):
        # A new pair of weights for given signals: the identity is about their ranks.
        first, fresh = rng.standard_normal((2, n, n))
        coupled = couple_weights(first, fresh, signal.left, signal.right)
        moved.append(np.mean((coupled.copy - first) ** 2))
        squares.append(np.mean(coupled.copy**2))
    expected = 2 * (2 * rank / n - rank**2 / n**2)
    assert np.mean(moved) == pytest.approx(expected, rel=0.04)
    if method == "snip" and images == 1:
        assert expected == pytest.approx(2 * (2 * n - 1) / n**2)
    assert np.mean(squares) == pytest.approx(1.0, abs=0.01)
    assert coupled.row_leverage.sum() == pytest.approx(rank)
    assert coupled.column_leverage.sum() == pytest.approx(rank)


def test_the_copy_knows_nothing_of_the_signals_and_all_of_the_rest():
    rng = np.random.default_rng(1)
    correlations = []
    for seed in range(40):
        weight, signal = layer(2, 60, seed=seed)
        coupled = couple_weights(
            weight, rng.standard_normal(weight.shape), signal.left, signal.right
        )
        seen = weight @ signal.right
        correlations.append(np.sum((coupled.copy @ signal.right) * seen) / np.sum(seen**2))
        unseen = weight - coupled.seen
        assert np.abs(unseen @ signal.right).max() < 1e-9 * np.abs(signal.right).max() * 60
        # What is not seen is the same in both.
        again = couple_weights(coupled.copy, weight, signal.left, signal.right)
        np.testing.assert_allclose(coupled.copy - again.seen, unseen, atol=1e-9)
    assert abs(np.mean(correlations)) < 4 * np.std(correlations) / math.sqrt(40)


def test_entries_of_the_copy_are_independent_given_the_signals():
    # Weights that share their signals with given ones, and their copies.
    weight, signal = layer(2, 12, hidden=3)
    rng = np.random.default_rng(2)
    copies = []
    for _ in range(1500):
        first, fresh = rng.standard_normal((2, *weight.shape))
        free = first - couple_weights(first, fresh, signal.left, signal.right).seen
        seen = couple_weights(weight, fresh, signal.left, signal.right).seen
        copies.append(couple_weights(seen + free, fresh, signal.left, signal.right).copy.ravel())
    covariance = np.cov(np.array(copies).T)
    assert np.abs(np.mean(copies, axis=0)).max() < 5 / math.sqrt(1500)
    assert np.abs(covariance - np.eye(len(covariance))).max() < 7 / math.sqrt(1500)


@pytest.mark.parametrize("law", [NORMAL, UNIFORM])
@pytest.mark.parametrize("signed", [False, True])
def test_the_threshold_gives_the_density(law, signed):
    factors = np.random.default_rng(3).standard_normal((50, 40))
    factors[:10] = 0.0
    for density in (0.02, 0.3):
        s = expected_threshold([factors], density, law, signed=signed)
        assert kept_probability(factors, s, law, signed=signed).mean() == pytest.approx(
            density, abs=1e-9
        )
        # Scales of factors and threshold go together.
        assert expected_threshold([7 * factors], density, law, signed=signed) == pytest.approx(
            7 * s
        )
    assert (kept_probability(factors, s, law, signed=signed)[:10] == 0.0).all()


def test_the_formula_is_that_of_the_pruned_network():
    generator = torch.Generator().manual_seed(4)
    model = MaskedMLP((20, 150, 150, 10), generator)
    x, y = torch.randn(5, 20, generator=generator), torch.tensor([0, 1, 2, 3, 4])
    expected = keep_probabilities(model, "snip", 0.2, x, y)[1].numpy()
    signal = batch_signals(model, "snip", x, y)[1]
    factors = np.abs(signal.left @ signal.right.T)
    # Tails fall together: the ratio of thresholds is one number.
    inverse = np.array([-torch.special.ndtri(torch.from_numpy(expected / 2)).numpy()])[0]
    inside = (expected > 1e-6) & (expected < 1 - 1e-6)
    thresholds = inverse[inside] * factors[inside]
    assert np.ptp(thresholds) < 1e-3 * thresholds.mean()
    again = kept_probability(factors, float(np.median(thresholds)), NORMAL, signed=False)
    np.testing.assert_allclose(again, expected, atol=1e-4)


@pytest.mark.parametrize("images", [1, 10])
def test_flips_are_those_predicted_and_below_the_bound(images):
    rng = np.random.default_rng(5)
    measured, predicted = [], []
    for seed in range(6):
        weight, signal = layer(images, 300, seed=seed)
        factors = signal.left @ signal.right.T
        coupled = couple_weights(
            weight, rng.standard_normal(weight.shape), signal.left, signal.right
        )
        s = expected_threshold([factors], 0.15, NORMAL, signed=False)
        kept = [np.abs(w * factors) >= s for w in (weight, coupled.copy)]
        measured.append(np.mean(kept[0] != kept[1]))
        predicted.append(expected_flips(coupled, factors, s))
        mask = keep_largest([torch.from_numpy(np.abs(weight * factors))], 0.15)[0].numpy()
        # The actual threshold is close to the expected one.
        assert np.mean(mask != kept[0]) < 0.02
    assert np.mean(measured) == pytest.approx(np.mean(predicted), rel=0.12)
    assert max(measured) < flip_bound(300, 300, images, signed=False)


def test_nothing_flips_where_nothing_is_seen():
    weight, signal = layer(2, 30)
    coupled = couple_weights(weight, weight, 0 * signal.left, 0 * signal.right)
    np.testing.assert_array_equal(coupled.copy, weight)
    assert expected_flips(coupled, signal.left @ signal.right.T, 0.1) == pytest.approx(0, abs=1e-12)


def test_bounds_in_closed_form():
    assert flip_bound(100, 100, 2, signed=False) == pytest.approx(
        4 / math.sqrt(math.pi) * math.sqrt(0.02) + 0.08
    )
    assert flip_bound(100, 100, 4, signed=True) == pytest.approx(
        2 * math.sqrt(2 / math.pi) * math.sqrt(0.02) + 0.16
    )
    assert local_law_bound(10**6, 10**6, 1, signed=False) == pytest.approx(
        2 * (4 / math.sqrt(math.pi) + math.sqrt(math.log(2))) / 1000, rel=1e-2
    )


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda q: expected_threshold([q], 0.9, NORMAL, signed=False), "density must be below 0.5"),
        (lambda q: expected_threshold([q], 0.3, NORMAL, signed=True), "density must be below 0.25"),
        (lambda q: expected_threshold([q], 0.0, NORMAL, signed=False), "density"),
        (lambda q: kept_probability(q, 0.0, NORMAL, signed=False), "threshold"),
        (lambda q: flip_bound(0, 5, 1, signed=False), "n_out"),
        (lambda q: flip_bound(5, 5, 0, signed=False), "directions"),
        (lambda q: local_law_bound(5, 0, 1, signed=True), "n_in"),
    ],
)
def test_bad_input(call, words):
    with pytest.raises(ValueError, match=words):
        call(np.array([[1.0, 0.0], [0.0, -2.0]]))
