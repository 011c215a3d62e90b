"""Known graphons are recovered from their masks: the error of each estimator falls with n."""

import numpy as np
import pytest

from graphon_lib.graphons import (
    Assortative,
    Constant,
    PowerLaw,
    Ramp,
    StepGraphon,
    block_means,
    cocluster_blocks,
    degree_blocks,
    sample_mask,
    sas,
)

SIZES = (128, 256, 512, 1024)
BLOCKS = 16
TRIALS = 6
MONOTONE = [Ramp(0.6, -0.3, -0.2), PowerLaw(0.8, 1.0, 0.5)]


def shuffled_mask(family, shape, rng):
    """Return a mask with its nodes in random order, and the true probability of every entry."""
    mask = sample_mask(family, shape, rng)
    rows, cols = (rng.permutation(side) for side in shape)
    u, v = (2 * rows + 1) / (2 * shape[0]), (2 * cols + 1) / (2 * shape[1])
    return mask[np.ix_(rows, cols)], family(u[:, None], v)


def distance(first, second):
    """Return the mean square distance of two graphons on the same equal blocks, or a constant's."""
    return np.sqrt(np.mean((first.values - second.values) ** 2))


def entrywise_error(mask, truth, labels):
    """Return the root mean square error of the probabilities of entries."""
    fitted = block_means(mask, *labels).values[np.ix_(*labels)]
    return np.sqrt(np.mean((fitted - truth) ** 2))


def slope(errors_at):
    """Fit the exponent of n in the root mean square over trials of an error; masks are n x 1.5 n."""
    rng = np.random.default_rng(0)
    means = [
        np.sqrt(np.mean([errors_at((n, 3 * n // 2), rng) ** 2 for _ in range(TRIALS)]))
        for n in SIZES
    ]
    return np.polyfit(np.log(SIZES), np.log(means), 1)[0]


@pytest.mark.slow
@pytest.mark.parametrize("family", MONOTONE, ids=repr)
@pytest.mark.parametrize("cross_fit", [False, True])
def test_monotone_graphons_are_recovered_by_degree(family, cross_fit):
    truth = StepGraphon.from_function(family, BLOCKS, BLOCKS)

    def error(shape, rng):
        mask, _ = shuffled_mask(family, shape, rng)
        return distance(sas(mask, BLOCKS, cross_fit=cross_fit), truth)

    # Misplaced nodes cost n^(-1/2), the noise of a block's mean n^(-1): the exponent is in between.
    assert -1.1 < slope(error) < -0.45


@pytest.mark.slow
def test_a_constant_costs_the_plain_estimate_its_false_gradient_and_the_other_only_noise():
    def error(cross_fit):
        truth = StepGraphon([[0.2]])
        return lambda shape, rng: distance(
            sas(rng.random(shape) < 0.2, BLOCKS, cross_fit=cross_fit), truth
        )

    assert slope(error(False)) == pytest.approx(-0.5, abs=0.15)
    assert slope(error(True)) == pytest.approx(-1.0, abs=0.05)


@pytest.mark.slow
@pytest.mark.parametrize(
    "family",
    [*MONOTONE, Constant(0.2), Assortative(0.35, 0.1, 0.4, 0.6), Assortative(0.3, 0.1)],
    ids=repr,
)
def test_every_family_is_recovered_by_co_clustering(family):
    def error(shape, rng):
        mask, truth = shuffled_mask(family, shape, rng)
        return entrywise_error(mask, truth, cocluster_blocks(mask, BLOCKS, rng))

    # Misplaced nodes cost n^(-1/2) and the noise of block means n^(-1); the width of the blocks, a
    # part of the error entry by entry that does not fall, makes the fitted slope flatter.
    assert -0.75 < slope(error) < -0.4


@pytest.mark.slow
def test_equal_degrees_defeat_sorting_at_any_size():
    def error(shape, rng):
        mask, truth = shuffled_mask(Assortative(0.3, 0.1), shape, rng)
        return entrywise_error(mask, truth, degree_blocks(mask, BLOCKS))

    # What remains is the standard deviation of the graphon itself, .1.
    assert abs(slope(error)) < 0.1
    assert error((1024, 1024), np.random.default_rng(1)) > 0.1


@pytest.mark.parametrize("family", MONOTONE, ids=repr)
def test_a_large_mask_gives_back_its_graphon(family):
    mask, _ = shuffled_mask(family, (1024, 1536), np.random.default_rng(2))
    truth = StepGraphon.from_function(family, BLOCKS, BLOCKS)
    # Degrees have standard errors of at most .5 / sqrt(n).
    assert distance(sas(mask, BLOCKS), truth) < 0.5 / np.sqrt(1024)
    assert distance(sas(mask, BLOCKS, cross_fit=True), truth) < 0.5 / np.sqrt(1024)
