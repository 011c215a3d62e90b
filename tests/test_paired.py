"""Paired means: the textbook's analysis of variance, coverage, and runs that diverged."""

import numpy as np
import pytest
import xarray as xr
from scipy import stats

from graphon_lib.experiments.paired import (
    compare,
    count_networks,
    paired_means,
    paired_ratio,
    paired_share,
)


def table(values, dims=("variant", "trial")):
    return xr.DataArray(np.asarray(values, dtype=float), dims=dims)


def test_the_interval_of_a_difference_of_two_is_that_of_a_paired_t_test():
    rng = np.random.default_rng(0)
    logarithms = rng.normal(size=(2, 6))
    means = paired_means(table(np.exp(logarithms)))
    expected = stats.ttest_rel(*logarithms).confidence_interval(0.95)
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


def some_missing(values):
    """Return two densities, at the first of which only four of the trials were run on variant a."""
    both = xr.concat([values, values], xr.Variable("density", [0.5, 0.05]))
    return both.where((both.density < 0.5) | (both.variant != "a") | (both.trial < 4))


def test_a_missing_trial_is_left_out_of_all_variants():
    values = runs([0.0, 0.2, -0.1]).assign_coords(trial=range(6))
    missing = some_missing(values)
    together, pairs = paired_means(missing), {"b/a": ("b", "a")}
    for density, alone in ((0.5, values[:, :4]), (0.05, values)):
        at = missing.sel(density=density)
        for one, other in zip(together, paired_means(alone), strict=True):
            np.testing.assert_allclose(one.sel(density=density), other)
        assert compare(at, pairs, margin=1.1) == compare(alone, pairs, margin=1.1)
        assert paired_share(at, *"abc") == paired_share(alone, *"abc")
    assert count_networks(missing) == "4 to 6"
    assert count_networks(missing.sel(density=[0.05])) == "6"


def test_a_missing_trial_is_not_a_run_that_diverged():
    values = some_missing(runs([0.0, 0.2, -0.1]).assign_coords(trial=range(6)))
    diverged = values.where(values.variant != "c", np.inf)
    found = paired_means(diverged)
    assert np.isposinf(found.value.sel(variant="c")).all()
    assert np.isfinite(found.value.sel(variant=["a", "b"])).all()


@pytest.mark.parametrize(
    ("values", "dims", "message"),
    [
        ([[1.0, 2.0]], ("pruning", "trial"), "dimensions"),
        ([[1.0, 0.0], [1.0, 2.0]], ("variant", "trial"), "positive"),
        ([[1.0, -1.0], [1.0, 2.0]], ("variant", "trial"), "positive"),
        ([[1.0, np.nan], [1.0, 2.0]], ("variant", "trial"), "two trials"),
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


def runs(effects, trials=6, spread=0.1, seed=4):
    """Return values of variants a, b, ... with these effects on the logarithm."""
    rng = np.random.default_rng(seed)
    shape = (len(effects), trials)
    logs = np.array(effects)[:, None] + spread * rng.normal(size=shape) + rng.normal(size=trials)
    return table(np.exp(logs)).assign_coords(variant=list("abcdef"[: len(effects)]))


PAIRS = {"b/a": ("b", "a"), "c/a": ("c", "a"), "d/a": ("d", "a")}


def test_of_one_pair_nothing_is_corrected():
    values = runs([0.0, 0.1])
    found = compare(values, {"b/a": ("b", "a")}, margin=1.1)["b/a"]
    expected = stats.ttest_rel(*np.log(values.values[::-1]))
    assert found.p == pytest.approx(expected.pvalue)
    assert found[:3] == pytest.approx(paired_ratio(values, "b", "a"))


def test_holm_adjusts_as_by_hand():
    values = runs([0.0, 0.15, 0.05, 0.0])
    raw = {n: compare_alone(values, pair) for n, pair in PAIRS.items()}
    order = sorted(raw, key=raw.get)
    steps = np.maximum.accumulate(
        [min(1.0, k * raw[n]) for k, n in zip((3, 2, 1), order, strict=True)]
    )
    found = compare(values, PAIRS, margin=1.1)
    np.testing.assert_allclose([found[n].p for n in order], steps)


def compare_alone(values, pair):
    return compare(values, {"one": pair}, margin=1.1)["one"].p


def test_verdicts_are_those_of_intervals_and_margin():
    found = compare(runs([0.0, 1.0, -1.0, 0.0], spread=1e-3), PAIRS, margin=1.1)
    assert [found[name].verdict for name in PAIRS] == ["higher", "lower", "equal"]
    assert (
        compare(runs([0.0, 0.0], spread=1.0), {"b/a": ("b", "a")}, margin=1.1)["b/a"].verdict
        == "open"
    )


def test_wrong_differences_are_as_rare_as_stated():
    """Of 100 experiments in which nothing differs, 5 % at most say so, within 4 standard errors."""
    wrong = sum(
        any(
            c.verdict in ("lower", "higher")
            for c in compare(runs([0.0] * 4, seed=s), PAIRS, margin=1.1).values()
        )
        for s in range(100)
    )
    assert wrong / 100 <= 0.05 + 4 * (0.05 * 0.95 / 100) ** 0.5


def test_a_margin_that_nothing_fits_into():
    with pytest.raises(ValueError, match="margin must be above 1, got 1"):
        compare(runs([0.0, 0.1]), {"b/a": ("b", "a")}, margin=1)


def test_shares_are_those_that_the_contrast_does_not_reject():
    """At an end of the interval the way left to it is just as large as its error allows."""
    values = runs([0.0, -0.6, -1.0])
    share = paired_share(values, *"abc")
    logs, means = np.log(values), paired_means(values)
    half = float(np.log((means.upper / means.value)[0]))
    a, b, c = (float(logs.sel(variant=name).mean()) for name in "abc")
    assert share.value == pytest.approx((a - b) / (a - c))
    for end in share[1:]:
        left = abs((a - b) - end * (a - c))
        assert left == pytest.approx(half * (1 + end**2 + (1 - end) ** 2) ** 0.5)


def test_a_share_of_nothing_can_be_anything():
    assert paired_share(runs([0.0, 0.0, 0.0]), *"abc")[1:] == (-np.inf, np.inf)


def test_shares_are_covered_as_often_as_stated():
    shares = [paired_share(runs([0.0, -0.6, -1.0], seed=seed), *"abc") for seed in range(400)]
    covered = np.mean([share.lower <= 0.6 <= share.upper for share in shares])
    assert abs(covered - 0.95) < 4 * (0.95 * 0.05 / 400) ** 0.5


def test_with_a_spread_of_its_own_a_pair_has_students_test_and_holms_correction():
    rng = np.random.default_rng(3)
    means, spreads = np.array([[0.0], [0.1], [0.3], [0.2]]), np.array([[0.1], [0.1], [0.1], [0.8]])
    values = xr.DataArray(
        np.exp(means + spreads * rng.normal(size=(4, 10))),
        {"variant": list("abcd")},
        ("variant", "trial"),
    )
    pairs = {name: (name, "a") for name in "bcd"}
    found = compare(values, pairs, margin=1.1, pooled=False)
    logs = np.log(values)
    raw = {
        name: stats.ttest_rel(logs.sel(variant=name), logs.sel(variant="a")).pvalue
        for name in pairs
    }
    order = sorted(raw, key=raw.get)
    expected = np.maximum.accumulate([(3 - k) * raw[name] for k, name in enumerate(order)])
    np.testing.assert_allclose(
        [found[name].p for name in order], np.minimum(expected, 1.0), rtol=1e-9
    )
    assert found["c"].upper - found["c"].lower < found["d"].upper - found["d"].lower


def test_variants_that_are_the_same_in_every_trial_do_not_differ():
    rng = np.random.default_rng(3)
    same = np.exp(rng.normal(size=5))
    values = table([same, same, same * 2.0]).assign_coords(variant=["a", "b", "c"])
    found = compare(values, {"ab": ("a", "b"), "ac": ("a", "c")}, margin=1.1, pooled=False)
    assert (found["ab"].value, found["ab"].p, found["ab"].verdict) == (1.0, 1.0, "equal")
    assert (found["ac"].p, found["ac"].verdict) == (pytest.approx(0.0), "lower")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"confidence": -1.0}, "confidence must lie in"),
        ({"pairs": {}}, "pairs must be one or more"),
        ({"pairs": {"one": ("a", "nobody")}}, r"pairs\['one'\] must be two of the variants"),
    ],
)
def test_what_cannot_be_compared_is_named(changes, message):
    values = xr.DataArray(
        np.exp(np.eye(3)), dims=("variant", "trial"), coords={"variant": list("abc")}
    )
    with pytest.raises(ValueError, match=message):
        compare(values, **{"pairs": {"one": ("a", "b")}, "margin": 1.1, **changes})
