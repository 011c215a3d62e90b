"""Variance between and within groups, and the experiment on batches."""

import numpy as np
import pytest

from graphon_lib.experiments.batch_dependence import BATCH_DEPENDENCE, variance_share


def grouped(rng, between, within, groups=2000, members=3, dimension=4):
    means = between**0.5 * rng.normal(size=(groups, 1, dimension))
    return means + within**0.5 * rng.normal(size=(groups, members, dimension))


def test_components_are_unbiased():
    """Standard errors of the components: about 0.03 of the total of 4 (2.0 + 1.0)."""
    split = variance_share(grouped(np.random.default_rng(0), 2.0, 1.0))
    assert split.between == pytest.approx(8.0, abs=5 * 0.15)
    assert split.within == pytest.approx(4.0, abs=5 * 0.05)
    assert split.share == pytest.approx(2 / 3, abs=5 * split.share_error)


def test_the_error_covers_the_share():
    """60 repetitions with 12 groups: estimates lie within three errors of the truth."""
    rng = np.random.default_rng(1)
    scores = []
    for _ in range(60):
        split = variance_share(grouped(rng, 1.0, 1.0, groups=12, members=4, dimension=30))
        scores.append((split.share - 0.5) / split.share_error)
    assert np.mean(np.abs(scores) < 3.0) > 0.9


def test_equal_members_are_all_between():
    means = np.random.default_rng(2).normal(size=(6, 1, 5))
    split = variance_share(np.repeat(means, 3, axis=1))
    assert split.within == pytest.approx(0.0, abs=1e-12)
    assert split.share == pytest.approx(1.0)


@pytest.mark.parametrize(
    "samples", [np.ones((2, 3, 4)), np.ones((3, 1, 4)), np.ones((3, 3, 4)), np.ones((3, 4))]
)
def test_bad_samples_are_named(samples):
    with pytest.raises(ValueError, match="samples"):
        variance_share(samples)


def test_methods_without_data_do_not_see_the_batch():
    of_one_width = {"grid": {"width": [64], "batch": 8, "trial": 3}}
    result = BATCH_DEPENDENCE.compute({**BATCH_DEPENDENCE.quick, **of_one_width})
    assert np.isfinite(result.variance).all()
    blind = result.variance.sel(pruning=["random", "magnitude"], width=64)
    share, error = (blind.sel(component=name) for name in ("share", "share_error"))
    assert (np.abs(share) < 4.0 * error).all()
