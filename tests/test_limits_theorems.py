"""Constants of the theorems on limits: by enumeration, on grids, and inequalities of every network."""

import itertools
import math

import numpy as np
import pytest
import torch
from scipy.stats import hypergeom, norm

from graphon_lib.graphons import cut_norm
from graphon_lib.pruning import INITIALISATIONS
from graphon_lib.pruning.coupling import flip_bound, local_law_bound
from graphon_lib.pruning.expected import expected_magnitude_densities, kept_probability
from graphon_lib.pruning.masks import keep_largest

NORMAL = INITIALISATIONS["he"].law


@pytest.mark.parametrize("side", [2, 3, 5])
def test_numbers_in_rectangles_obey_hoeffding(side):
    total = side * side
    for kept, inside in itertools.product(range(total + 1), repeat=2):
        counts = np.arange(inside + 1)
        chances = hypergeom(total, kept, inside).pmf(counts)
        off = np.abs(counts - inside * kept / total) / total
        for x in off:
            assert chances[off >= x].sum() <= 2 * math.exp(-2 * x**2 * total) + 1e-12


def test_the_mean_cut_norm_of_all_masks_of_a_size_is_below_its_bound():
    eta = local_law_bound(3, 3, 1, signed=False) / 2 - flip_bound(3, 3, 1, signed=False)
    assert eta == pytest.approx(math.sqrt((7 * math.log(2) + 1) / 18))
    norms = []
    for places in itertools.combinations(range(9), 4):
        mask = np.zeros(9)
        mask[list(places)] = 1.0
        norms.append(cut_norm(mask.reshape(3, 3) - 4 / 9).upper)
    assert len(norms) == math.comb(9, 4)
    assert np.mean(np.square(norms)) < eta**2
    assert np.mean(norms) < eta


def test_the_drift_of_magnitude_has_its_bound_and_its_limit():
    d, outputs, density = 784, 10, 0.2
    for width in (100, 1000, 10**4, 10**6):
        densities = expected_magnitude_densities((d, width, width, width, outputs), density, "he")
        drift = densities[1] - density
        assert abs(drift) <= (d + outputs + 1) / (2 * width)
    assert width * drift == pytest.approx(-d * (1 - density) / 2, rel=0.05)


def test_flips_of_one_entry_are_those_of_the_two_inequalities():
    rng = np.random.default_rng(0)
    v = rng.uniform(0.5, 1.0, 20000)
    tau = rng.exponential(1.0, v.size)
    a, b = rng.standard_normal((2, v.size)) * rng.choice([0.01, 0.1, 1.0], v.size)
    ends = [np.stack([-tau - shift, tau - shift]) for shift in (a, b)]
    inside = [np.diff(norm.cdf(end / np.sqrt(v)), axis=0)[0] for end in ends]
    low, high = np.maximum(ends[0][0], ends[1][0]), np.minimum(ends[0][1], ends[1][1])
    both = norm.cdf(np.maximum(high, low) / np.sqrt(v)) - norm.cdf(low / np.sqrt(v))
    flips = inside[0] + inside[1] - 2 * both
    apart = np.abs(a - b)
    assert (flips <= 2 * apart / np.sqrt(np.pi) + 1e-12).all()
    first = 2 * norm.pdf(tau) * np.minimum(apart, 2 * tau)
    rest = 2 * apart * (0.49 * (np.abs(a) + np.abs(b)) + 0.57 * (1 - v))
    assert (np.abs(flips - first) <= rest + 1e-12).all()


@pytest.mark.parametrize("signed", [False, True])
@pytest.mark.parametrize("others", [30, 300])
def test_masks_at_two_thresholds_are_nested(signed, others):
    # What a threshold of expected numbers changes is a difference of densities, in every network.
    rng = np.random.default_rng(1)
    for _ in range(20):
        weight, q = rng.standard_normal((2, 25, 30))
        q[rng.random(q.shape) < 0.2] = 0.0
        scores = weight * q if signed else np.abs(weight * q)
        elsewhere = rng.exponential(1.0, others)
        kept = keep_largest(
            [torch.from_numpy(s) for s in (scores, elsewhere)], 0.15, scope="global"
        )
        mask, count = kept[0].numpy(), sum(int(k.sum()) for k in kept)

        def expected(s, q=q, elsewhere=elsewhere):
            return (elsewhere >= s).sum() + kept_probability(q, s, NORMAL, signed=signed).sum()

        low, high = 1e-9, 1e3
        for _ in range(100):
            middle = math.sqrt(low * high)
            low, high = (middle, high) if expected(middle) >= count else (low, middle)
        at = scores >= low
        missed = abs(at.sum() - kept_probability(q, low, NORMAL, signed=signed).sum())
        assert (mask <= at).all() or (mask >= at).all()
        assert (mask != at).sum() <= missed + 1 + 1e-6


def test_a_function_of_correlated_normal_variables_spreads_no_more_than_their_matrix():
    rng = np.random.default_rng(2)
    for _ in range(5):
        root = rng.standard_normal((4, 6))
        root /= np.linalg.norm(root, axis=1, keepdims=True)
        most = np.linalg.eigvalsh(root @ root.T)[-1]
        x = rng.standard_normal((200000, 6)) @ root.T
        levels = rng.uniform(0.2, 1.5, 4)
        indicators = np.abs(x) >= levels
        tails = 2 * norm.sf(levels)
        assert indicators.sum(axis=1).var() < 1.02 * most * (tails * (1 - tails)).sum()
