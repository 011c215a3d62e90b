"""Rank correlations and what predicts training, on synthetic data whose answer is known."""

import numpy as np
import pytest
import xarray as xr
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.stats import spearmanr, t

from graphon_lib.experiments.prediction import (
    QUANTITIES,
    known_before,
    loss_at,
    partial_rank_correlation,
    predictions,
    rank_correlation,
)
from graphon_lib.experiments.spectra import METRICS

METHODS = ["random", "magnitude", "snip", "grasp", "synflow"]
DENSITIES = [0.5, 0.4, 0.3, 0.2, 0.1, 0.05]


@given(arrays(np.float64, (2, 3, 9), elements=st.integers(0, 5).map(float)))
def test_rank_correlation_is_that_of_scipy_ties_included(values):
    found = rank_correlation(values[0], values[1])
    for one, x, y in zip(found, *values, strict=True):
        if np.ptp(x) == 0 or np.ptp(y) == 0:
            assert np.isnan(one)
        else:
            assert one == pytest.approx(spearmanr(x, y).statistic, abs=1e-12)


def test_rank_correlation_knows_infinity_and_only_the_order_counts():
    x = np.array([1.0, 2.0, 3.0, np.inf])
    assert rank_correlation(x, x) == 1.0
    assert rank_correlation(x, np.exp(-np.array([1.0, 2.0, 3.0, 4.0]))) == -1.0


def test_partial_correlation_is_that_of_the_residuals_of_ranks():
    rng = np.random.default_rng(0)
    z = rng.normal(size=40)
    x, y = (z + rng.normal(size=40) for _ in range(2))
    ranks = [np.argsort(np.argsort(values)).astype(float) for values in (x, y, z)]
    design = np.stack([ranks[2], np.ones(40)], axis=1)
    left = [values - design @ np.linalg.lstsq(design, values)[0] for values in ranks[:2]]
    expected = np.corrcoef(*left)[0, 1]
    assert partial_rank_correlation(x, y, z) == pytest.approx(expected, abs=1e-10)


def test_nothing_is_left_when_the_third_quantity_has_the_same_ranks():
    x, y = np.random.default_rng(0).normal(size=(2, 20))
    assert np.isnan(partial_rank_correlation(x, y, np.exp(x)))
    assert np.isnan(partial_rank_correlation(x, y, -y))


@pytest.mark.parametrize(
    ("x", "y", "message"),
    [
        ([1.0, np.nan], [1.0, 2.0], "x must hold no NaN"),
        ([1.0, 2.0], [1.0, 2.0, 3.0], "equally many"),
        ([1.0], [1.0], "at least 2"),
        (["a", "b"], [1.0, 2.0], "x must be an array of real numbers"),
        (1.0, 2.0, "x must be an array of real numbers"),
    ],
)
def test_bad_values_are_refused(x, y, message):
    with pytest.raises(ValueError, match=message):
        rank_correlation(x, y)


def synthetic(rng, trials=(3, 5), noise=0.0):
    """Return a scale, a shape that goes with it, chance, and a loss that only the scale decides."""
    shape = (len(METHODS), len(DENSITIES))
    scale = rng.permuted(np.linspace(-1.0, 1.0, 30)).reshape(shape)
    follower = scale + 0.4 * rng.normal(size=shape)
    cells = np.stack([scale, follower, rng.normal(size=shape)])
    coords = {"pruning": METHODS, "density": DENSITIES}
    known = xr.DataArray(
        cells[..., None] + noise * rng.normal(size=(*cells.shape, trials[0])),
        dims=("quantity", "pruning", "density", "trial"),
        coords={"quantity": ["trace", "follower", "chance"], **coords},
    )
    loss = xr.DataArray(
        np.exp(-scale)[..., None, None] + noise * rng.normal(size=(*shape, trials[1], 2)),
        dims=("pruning", "density", "trial", "at"),
        coords={**coords, "at": [25, 100]},
    )
    return known, loss


def test_the_quantity_that_decides_the_loss_is_found_and_its_follower_unmasked():
    found = predictions(*synthetic(np.random.default_rng(0))).isel(at=0)
    value = found.sel(statistic="value")
    assert float(value.sel(quantity="trace", comparison="across sparsities")) == pytest.approx(1)
    assert float(value.sel(quantity="trace", comparison="within sparsities")) == pytest.approx(1)
    assert value.sel(quantity="follower", comparison="across sparsities") > 0.7
    follower = value.sel(quantity="follower", comparison="given the scale")
    # The speed has the ranks of the scale: nothing is left to explain.
    assert np.isnan(follower)
    assert np.isnan(value.sel(quantity="trace", comparison="given the scale"))


def test_with_noise_intervals_hold_the_value_and_the_follower_explains_nothing_more():
    rng = np.random.default_rng(2)
    known, loss = synthetic(rng, noise=0.3)
    found = predictions(known, loss).isel(at=1)
    plain = found.sel(quantity="follower", comparison="across sparsities")
    partial = found.sel(quantity="follower", comparison="given the scale")
    assert float(plain.sel(statistic="value")) > 0.5
    assert abs(float(partial.sel(statistic="value"))) < 3 / np.sqrt(30 - 3)
    across = found.sel(comparison="across sparsities")
    assert (across.sel(statistic="lower") <= across.sel(statistic="upper")).all()
    assert (across.sel(statistic="upper") - across.sel(statistic="lower") > 0.0).all()
    assert (abs(across.sel(statistic=["lower", "upper"])) <= 1.0).all()


def test_intervals_hold_the_correlation_of_means_as_often_as_they_say():
    """Of three kernels and five losses a cell, in 200 sweeps that differ in their noise alone."""
    held, seeds = 0, 200
    for seed in range(seeds):
        rng = np.random.default_rng(0)  # the same cells
        exact, exact_loss = synthetic(rng)
        noise = np.random.default_rng(seed + 1)
        known = exact + 0.1 * noise.normal(size=exact.shape)
        loss = exact_loss + 0.05 * noise.normal(size=exact_loss.shape)
        at = {"quantity": "chance", "comparison": "across sparsities", "at": 25}
        truth = float(predictions(exact, exact_loss).sel(**at, statistic="value"))
        lower, upper = predictions(known, loss).sel(**at, statistic=["lower", "upper"]).values
        held += lower <= truth <= upper
    # Four standard errors below 95 %: noise also biases ranks, a little.
    assert held / seeds > 0.95 - 4 * np.sqrt(0.95 * 0.05 / seeds)


def test_the_jackknife_of_one_set_of_trials_is_the_formula():
    known, loss = synthetic(np.random.default_rng(3), trials=(4, 1), noise=0.3)
    found = predictions(known, loss).sel(quantity="follower", comparison="across sparsities", at=25)
    of = {"quantity": "follower"}
    speed = -loss.sel(at=25).mean("trial").values.ravel()
    left = [
        rank_correlation(known.sel(of).drop_isel(trial=k).mean("trial").values.ravel(), speed)
        for k in range(4)
    ]
    half = t.ppf(0.975, 3) * np.sqrt(3 / 4 * np.sum((left - np.mean(left)) ** 2))
    value = float(found.sel(statistic="value"))
    assert float(found.sel(statistic="lower")) == pytest.approx(max(value - half, -1.0))
    assert float(found.sel(statistic="upper")) == pytest.approx(min(value + half, 1.0))


def test_within_sparsities_a_quantity_of_the_sparsity_alone_does_not_count():
    known, loss = synthetic(np.random.default_rng(0))
    known.loc[{"quantity": "chance"}] = np.array(DENSITIES)[None, :, None]
    found = predictions(known, loss).sel(quantity="chance", statistic="value")
    assert np.isnan(found.sel(comparison="within sparsities")).all()
    assert np.isfinite(found.sel(comparison="across sparsities")).all()


def test_one_trial_has_no_spread_and_one_outlying_method_is_shown():
    known, loss = synthetic(np.random.default_rng(0), trials=(1, 1))
    known.loc[{"quantity": "chance"}] = -np.exp(-known.sel(quantity="trace"))
    known.loc[{"quantity": "chance", "pruning": "grasp"}] *= -1.0
    across = predictions(known, loss).sel(comparison="across sparsities", at=25)
    assert (across.sel(statistic="lower") == across.sel(statistic="upper")).all()
    chance = across.sel(quantity="chance")
    assert float(chance.sel(statistic="most without a method")) == pytest.approx(1.0)
    assert float(chance.sel(statistic="value")) < 0.999


def test_a_diverged_run_is_the_slowest_and_nan_is_refused():
    known, loss = synthetic(np.random.default_rng(0))
    slowest = {"pruning": 0, "density": int(np.argmin(known.sel(quantity="trace").values[0, :, 0]))}
    loss[slowest] = np.inf
    value = predictions(known, loss).sel(statistic="value")
    assert np.isfinite(value.sel(comparison="across sparsities")).all()
    loss[slowest] = np.nan
    with pytest.raises(ValueError, match="must hold no NaN"):
        predictions(known, loss)


def test_arrays_that_do_not_fit_are_refused():
    known, loss = synthetic(np.random.default_rng(0))
    with pytest.raises(ValueError, match="the same pruning"):
        predictions(known.isel(pruning=slice(4)), loss)
    with pytest.raises(ValueError, match="at least 3 methods"):
        predictions(known.isel(pruning=slice(2)), loss.isel(pruning=slice(2)))


def test_the_loss_at_a_step_is_a_mean_over_the_batches_before():
    training = xr.Dataset({"loss": (("pruning", "step"), np.arange(40.0).reshape(2, 20))})
    found = loss_at(training, [5, 20], window=5)
    np.testing.assert_array_equal(found, [[2.0, 17.0], [22.0, 37.0]])
    assert list(found["at"]) == [5, 20]
    for steps in ([4], [21]):
        with pytest.raises(ValueError, match="steps must be"):
            loss_at(training, steps, window=5)


def test_known_before_is_one_route_without_the_dense_network():
    rng = np.random.default_rng(0)
    dims = ("pruning", "density", "trial", "road")
    spectra = xr.Dataset(
        {
            **{name: (dims, rng.random((3, 2, 2, 2))) for name in METRICS},
            "path_density": (dims[:3], rng.random((3, 2, 2))),
        },
        coords={"pruning": ["dense", "random", "snip"], "road": ["kept", "shuffled"]},
    )
    known = known_before(spectra, "shuffled")
    assert known.sizes == {"quantity": len(QUANTITIES), "pruning": 2, "density": 2, "trial": 2}
    for name in QUANTITIES[:-1]:
        expected = spectra[name].sel(road="shuffled")[1:]
        np.testing.assert_array_equal(known.sel(quantity=name), expected)
    with pytest.raises(ValueError, match="road must be one of"):
        known_before(spectra, "guessed")
