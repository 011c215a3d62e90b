"""Paired means: the textbook's analysis of variance, coverage, and runs that diverged."""

import numpy as np
import pytest
import xarray as xr

from graphon_lib.experiments.paired import paired_means, paired_ratio


def table(values, dims=("variant", "trial")):
    return xr.DataArray(np.asarray(values, dtype=float), dims=dims)


def test_the_interval_of_a_difference_of_two_is_that_of_a_paired_t_test():
    from scipy.stats import ttest_rel

    rng = np.random.default_rng(0)
    logarithms = rng.normal(size=(2, 6))
    means = paired_means(table(np.exp(logarithms)))
    expected = ttest_rel(*logarithms).confidence_interval(0.95)
    np.testing.assert_allclose(means.value, np.exp(logarithms.mean(axis=1)))
    labelled = table(np.exp(logarithms)).assign_coords(variant=["a", "b"])
    ratio = np.log(paired_ratio(labelled, "a", "b"))
    np.testing.assert_allclose(ratio[1:], (expected.low, expected.high), rtol=1e-10)
    assert ratio[0] == pytest.approx(logarithms[0].mean() - logarithms[1].mean())


def test_what_trials_have_in_common_does_not_widen_the_intervals():
    rng = np.random.default_rng(1)
    logarithms = rng.normal(size=(4, 3))
    narrow = paired_means(table(np.exp(logarithms)))
    shifted = paired_means(table(np.exp(logarithms + 10 * rng.normal(size=3))))
    for a, b in zip(narrow[1:], shifted[1:], strict=True):
        np.testing.assert_allclose(np.diff(np.log(a.values)), np.diff(np.log(b.values)), rtol=1e-8)
    np.testing.assert_allclose(
        narrow.upper / narrow.lower, shifted.upper / shifted.lower, rtol=1e-8
    )


def test_differences_are_covered_as_often_as_stated():
    """2000 experiments; 95 % coverage is met within 5 standard errors."""
    rng = np.random.default_rng(2)
    logarithms = rng.normal(size=(3, 2, 2000)) + rng.normal(size=(2, 2000))
    means = paired_means(table(np.exp(logarithms), ("variant", "trial", "density")))
    half = np.log(means.upper / means.value)
    difference = np.log(means.value).diff("variant").isel(variant=0)
    covered = float((abs(difference) < np.sqrt(2) * half.isel(variant=0)).mean())
    assert abs(covered - 0.95) < 5 * (0.95 * 0.05 / 2000) ** 0.5


def test_diverged_variants_are_infinite_and_leave_the_others_alone():
    rng = np.random.default_rng(3)
    values = np.exp(rng.normal(size=(4, 3)))
    alone = paired_means(table(values[:3]))
    values[3, 1] = np.inf
    together = paired_means(table(values))
    for a, b in zip(alone, together, strict=True):
        np.testing.assert_allclose(a, b[:3])
        assert np.isposinf(b[3])


@pytest.mark.parametrize(
    ("values", "dims", "message"),
    [
        ([[1.0, 2.0]], ("pruning", "trial"), "dimensions"),
        ([[1.0, 0.0], [1.0, 2.0]], ("variant", "trial"), "positive"),
        ([[1.0, np.nan], [1.0, 2.0]], ("variant", "trial"), "positive"),
        ([[1.0], [2.0]], ("variant", "trial"), "two trials"),
        ([[1.0, np.inf], [1.0, 2.0]], ("variant", "trial"), "two finite"),
    ],
)
def test_bad_values(values, dims, message):
    with pytest.raises(ValueError, match=message):
        paired_means(table(values, dims))


@pytest.mark.parametrize("confidence", [0.0, 1.0, 95.0])
def test_bad_confidence(confidence):
    with pytest.raises(ValueError, match="confidence"):
        paired_means(table(np.ones((2, 2))), confidence)


def test_a_ratio_needs_two_finite_variants():
    values = table([[1.0, 2.0], [2.0, 3.0], [1.0, np.inf]]).assign_coords(variant=list("abc"))
    for first, second, name in (("c", "a", "first"), ("a", "c", "second"), ("a", "d", "second")):
        with pytest.raises(ValueError, match=f"{name} must be a variant"):
            paired_ratio(values, first, second)
