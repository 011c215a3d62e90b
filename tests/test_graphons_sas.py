"""Sorting and smoothing: the plain estimator to the letter, the cross-fitted one without bias."""

import itertools

import numpy as np
import pytest
from graphons_strategies import SEEDS, masks
from hypothesis import given
from hypothesis import strategies as st

from graphon_lib.graphons import block_means, blocks, sas, sorting_artefact


def sas_by_definition(mask, wanted):
    """Sort rows and columns, put rank i in block floor(i K / n), average; one entry at a time."""
    n, m = mask.shape
    rows = sorted(range(n), key=lambda i: -mask[i].sum())
    cols = sorted(range(m), key=lambda j: -mask[:, j].sum())
    k, h = min(wanted, n), min(wanted, m)
    ones, counts = np.zeros((k, h)), np.zeros((k, h))
    for i in range(n):
        for j in range(m):
            ones[i * k // n, j * h // m] += mask[rows[i], cols[j]]
            counts[i * k // n, j * h // m] += 1
    return ones / counts


@given(masks(12), st.integers(1, 15))
def test_plain_estimate_is_the_definition(mask, wanted):
    graphon = sas(mask, wanted)
    assert graphon.values == pytest.approx(sas_by_definition(mask, wanted), abs=1e-12)
    assert graphon.density == pytest.approx(mask.mean(), abs=1e-12)
    assert (np.diff(graphon.row_degrees) <= 1e-12).all()
    assert (np.diff(graphon.column_degrees) <= 1e-12).all()


@given(masks(12), st.integers(1, 15), SEEDS)
def test_permuting_nodes_changes_the_plain_estimate_only_through_ties(mask, wanted, seed):
    rng = np.random.default_rng(seed)
    rows, cols = (rng.permutation(side) for side in mask.shape)
    before, after = sas(mask, wanted), sas(mask[np.ix_(rows, cols)], wanted)
    # Block degrees are means of sorted degrees, in which ties are the same number.
    assert after.row_degrees == pytest.approx(before.row_degrees, abs=1e-12)
    assert after.column_degrees == pytest.approx(before.column_degrees, abs=1e-12)
    distinct = [len(set(mask.sum(axis=axis))) == mask.shape[1 - axis] for axis in (0, 1)]
    if all(distinct):
        assert after == before


@given(masks(12, min_side=2), st.integers(1, 15), st.none() | SEEDS)
def test_cross_fitted_estimate_has_equal_blocks_and_the_density(mask, wanted, seed):
    rng = None if seed is None else np.random.default_rng(seed)
    graphon = sas(mask, wanted, cross_fit=True, rng=rng)
    assert graphon.shape == (wanted, wanted)
    assert np.array_equal(graphon.row_mass, np.full(wanted, 1 / wanted))
    assert graphon.density == pytest.approx(mask.mean(), abs=1e-12)


def expectation(estimator, shape, density):
    """Return the exact mean of an estimate over all Bernoulli masks of a small shape."""
    size = shape[0] * shape[1]
    total = 0.0
    for bits in itertools.product((False, True), repeat=size):
        probability = density ** sum(bits) * (1 - density) ** (size - sum(bits))
        total = total + probability * estimator(np.reshape(bits, shape)).values
    return total


@pytest.mark.parametrize(("shape", "wanted"), [((3, 3), 2), ((2, 4), 3)])
def test_cross_fitted_estimate_of_a_constant_is_exactly_unbiased(shape, wanted):
    mean = expectation(lambda mask: sas(mask, wanted, cross_fit=True), shape, 0.3)
    assert mean == pytest.approx(np.full((wanted, wanted), 0.3), abs=1e-12)


def test_plain_estimate_of_a_constant_is_biased():
    # Two rows of one entry, sorted: P(first is 1) = 1 - .7^2, P(second is 1) = .3^2.
    mean = expectation(lambda mask: sas(mask, 2), (2, 1), 0.3)
    assert mean == pytest.approx(np.array([[0.51], [0.09]]))


def false_gradient(graphon):
    """Return by how much the first eighth of the row blocks is denser than the last."""
    count = graphon.shape[0] // 8
    return graphon.values[:count].mean() - graphon.values[-count:].mean()


def test_cross_fitting_removes_the_false_gradient():
    rng = np.random.default_rng(0)
    plain, fitted = [], []
    for _ in range(40):
        mask = rng.random((200, 200)) < 0.2
        plain.append(false_gradient(sas(mask, 16)))
        fitted.append(false_gradient(sas(mask, 16, cross_fit=True, rng=rng)))
    # Student's t with 39 degrees of freedom: |t| > 4 has probability 3e-4.
    scores = [np.mean(x) / (np.std(x, ddof=1) / np.sqrt(40)) for x in (plain, fitted)]
    assert scores[0] > 20
    assert abs(scores[1]) < 4


@pytest.mark.slow
def test_every_block_of_the_cross_fitted_estimate_is_unbiased_at_paper_scale():
    rng = np.random.default_rng(1)
    trials, n, p = 100, 500, 0.2
    plain, fitted = np.empty((2, trials, 64, 64))
    for t in range(trials):
        mask = rng.random((n, n)) < p
        plain[t] = sas(mask).values
        fitted[t] = sas(mask, cross_fit=True, rng=rng).values

    def scores(estimates):
        return (estimates.mean(axis=0) - p) / (estimates.std(axis=0, ddof=1) / np.sqrt(trials))

    # Under the null a score is Student's t with 99 degrees of freedom: |t| > 4 has probability
    # 1.2e-4, so that 0.5 of 4096 blocks are expected beyond 4 and more than 5 occur with
    # probability 1e-5. E t^2 = 99 / 97; with neighbouring blocks sharing a node's interval its mean
    # over the blocks has a standard error of about 0.03.
    assert (np.abs(scores(fitted)) > 4).sum() <= 5
    assert abs((scores(fitted) ** 2).mean() - 99 / 97) < 0.12
    # Plain sorting shifts block (a, b) by sqrt(p (1 - p) / n) (z_a + z_b), z being the block means of
    # a sorted normal sample, against a standard error of sqrt(p (1 - p) / trials) 64 / n: the score
    # exceeds 4 where a normal variable of variance 2 exceeds 1.14, in .42 of the blocks.
    assert (np.abs(scores(plain)) > 4).mean() == pytest.approx(0.42, abs=0.05)
    # A gradient would be spread over all blocks: the contrast of the outer ones finds it first.
    for estimates, limits in ((fitted, (0, 4)), (plain, (50, np.inf))):
        for axis in (1, 2):
            means = estimates.mean(axis=3 - axis)
            contrast = means[:, :8].mean(axis=1) - means[:, -8:].mean(axis=1)
            score = contrast.mean() / (contrast.std(ddof=1) / np.sqrt(trials))
            assert limits[0] <= abs(score) <= limits[1]


def test_cross_fitted_variance_is_that_of_independent_entries():
    # With K dividing the halves a block averages n m / K^2 entries that it did not order. The four
    # quarters order one another, which makes their errors covary: of the variance that is about
    # 2 / K^2, here .01; the standard error of the pooled estimate is .005.
    rng = np.random.default_rng(2)
    n, m, wanted, trials = 64, 96, 16, 300
    estimates = np.array(
        [sas(rng.random((n, m)) < 0.3, wanted, cross_fit=True).values for _ in range(trials)]
    )
    pooled = ((estimates - 0.3) ** 2).mean()
    assert pooled == pytest.approx(0.21 * wanted**2 / (n * m), rel=0.03)


@pytest.mark.parametrize("cross_fit", [False, True])
@pytest.mark.parametrize("shape", [(2, 2), (5, 130), (100, 100), (65, 64), (3, 1000)])
def test_constant_masks_give_constant_graphons(shape, cross_fit):
    for value in (0.0, 1.0):
        graphon = sas(np.full(shape, value), cross_fit=cross_fit)
        assert graphon.values == pytest.approx(np.full(graphon.shape, value), abs=1e-12)


@pytest.mark.parametrize("cross_fit", [False, True])
def test_empty_rows_and_columns_come_last(cross_fit):
    rng = np.random.default_rng(0)
    mask = rng.random((400, 300)) < 0.5
    mask[rng.random(400) < 0.5] = False
    mask[:, rng.random(300) < 0.4] = False
    graphon = sas(mask, 10, cross_fit=cross_fit)
    assert graphon.values[-4:].max() == 0.0
    assert graphon.values[:, -3:].max() == 0.0
    assert graphon.values[:4, :5].min() > 0.4


def test_parity_splits_without_a_generator_and_the_generator_decides_with_one():
    mask = np.random.default_rng(0).random((50, 40)) < 0.3
    assert sas(mask, 8, cross_fit=True) == sas(mask, 8, cross_fit=True)
    first = sas(mask, 8, cross_fit=True, rng=np.random.default_rng(1))
    assert first == sas(mask, 8, cross_fit=True, rng=np.random.default_rng(1))
    assert first != sas(mask, 8, cross_fit=True, rng=np.random.default_rng(2))


@given(masks(10), st.data())
def test_block_means_are_means_whatever_the_chunks(mask, data):
    labels = []
    for side in mask.shape:
        drawn = data.draw(st.lists(st.integers(0, 3), min_size=side, max_size=side))
        labels.append(np.unique(drawn, return_inverse=True)[1])
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(blocks, "CHUNK_ENTRIES", data.draw(st.integers(1, 50)))
        graphon = block_means(mask, *labels)
    for a, b in np.ndindex(graphon.shape):
        block = mask[np.ix_(labels[0] == a, labels[1] == b)]
        assert graphon.values[a, b] == pytest.approx(block.mean(), abs=1e-12)
        assert graphon.row_mass[a] == pytest.approx((labels[0] == a).mean())


def test_mean_of_the_artefact_is_the_density():
    expected = sorting_artefact(0.3, (200, 300), 16)
    assert expected.mean() == pytest.approx(0.3, abs=1e-12)
    assert (np.diff(expected, axis=0) < 0).all()
    assert (np.diff(expected, axis=1) < 0).all()


def test_the_artefact_vanishes_with_the_square_root_of_the_width():
    """At p = 1/2 the second order is zero and the scaling exact."""
    small, large = (sorting_artefact(0.5, (n, n)) - 0.5 for n in (100, 400))
    np.testing.assert_allclose(small, 2.0 * large, rtol=1e-12, atol=1e-15)


def test_one_block_has_no_artefact():
    assert sorting_artefact(0.4, (50, 70), 1) == pytest.approx(np.array([[0.4]]))


def test_the_artefact_agrees_with_sampled_masks():
    """Rectangular masks, 60 trials: within 5 standard errors and a finite-size bias of 0.5%."""
    rng = np.random.default_rng(1)
    shape, density, blocks = (400, 600), 0.2, 10
    samples = np.array([sas(rng.random(shape) < density, blocks).values for _ in range(60)])
    error = samples.std(axis=0, ddof=1) / np.sqrt(len(samples))
    gap = np.abs(samples.mean(axis=0) - sorting_artefact(density, shape, blocks))
    assert (gap < 5.0 * error + 0.005 * density).all()
    # The artefact itself is many times larger than the tolerance.
    assert np.ptp(sorting_artefact(density, shape, blocks)) > 0.05


def test_full_mask_has_no_artefact():
    np.testing.assert_array_equal(sorting_artefact(1.0, (50, 70), 8), np.ones((8, 8)))
