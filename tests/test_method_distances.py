"""Distances of networks within a method and between methods, and what their intervals decide."""

import itertools

import numpy as np
import pytest
import xarray as xr

from graphon_lib.experiments.method_distances import (
    METHOD_DISTANCES,
    VERDICTS,
    between_trials,
    distinct_cycles_over_edges,
    mean_distances,
    separation,
    surplus,
    verdicts,
)


def on_a_line(places, rng, trials=8, spread=0.1):
    """Distances of networks that are points on a line, two methods at two places."""
    points = places[:, None] + spread * rng.normal(size=(len(places), trials))
    apart = np.abs(points[:, None, :, None] - points[None, :, None, :])
    apart[..., np.arange(trials), np.arange(trials)] = np.nan
    both = np.broadcast_to(apart, (4, *apart.shape)).copy()
    names = [f"m{i}" for i in range(len(places))]
    return xr.DataArray(
        both,
        dims=("kind", "pruning", "against", "trial", "other"),
        coords={"kind": ["seed", "density", "depth", "method"], "pruning": names, "against": names},
    )


def test_points_far_apart_are_separated_and_mixed_ones_are_not():
    distance = on_a_line(np.array([0.0, 1.0, 1.0]), np.random.default_rng(0))
    found = verdicts(separation(distance, "seed"))
    assert found[0, 1] == found[1, 0] == found[0, 2] == VERDICTS[0]
    assert found[1, 2] == VERDICTS[1]


def test_a_method_wider_than_the_gap_is_named():
    rng = np.random.default_rng(1)
    distance = on_a_line(np.array([0.0, 0.5]), rng)
    distance.loc[{"kind": "density", "pruning": "m0", "against": "m0"}] *= 100.0
    assert verdicts(separation(distance, "density"))[0, 1] == VERDICTS[2]


def test_what_is_left_of_a_gap_beyond_the_spread_of_either_method():
    distance = on_a_line(np.array([0.0, 1.0]), np.random.default_rng(2))
    distance.loc[{"kind": "seed", "pruning": "m1", "against": "m1"}] *= 4.0
    between, wide = (
        float(distance.sel(kind=kind, pruning="m1", against=other).mean())
        for kind, other in (("method", "m0"), ("seed", "m1"))
    )
    found = surplus(distance).sel(pruning="m0", against="m1")
    assert float(found[0]) == pytest.approx(between - wide)
    assert float(found[1]) < float(found[0]) < float(found[2])
    np.testing.assert_allclose(found, surplus(distance).sel(pruning="m1", against="m0"))


def test_intervals_cover_the_distance_of_two_points_of_one_law():
    """The mean distance of two normal points is 2 / sqrt(pi) standard deviations."""
    covered = []
    for seed in range(200):
        distance = on_a_line(np.zeros(1), np.random.default_rng(seed), spread=1.0)
        mean = mean_distances(distance).sel(kind="seed").squeeze()
        low, high = (float(mean.sel(statistic=s)) for s in ("lower", "upper"))
        covered.append(low <= 2.0 / np.sqrt(np.pi) <= high)
    # Two standard errors of a share of .95, and what eight points cost a jackknife.
    assert 0.88 < np.mean(covered) <= 1.0


def test_two_trials_are_too_few():
    distance = on_a_line(np.zeros(2), np.random.default_rng(0), trials=2)
    with pytest.raises(ValueError, match="distance must have at least three trials, got 2"):
        mean_distances(distance)


@pytest.fixture(scope="module")
def small():
    return METHOD_DISTANCES.run(profile="quick")


def test_distances_are_symmetric_and_of_different_networks(small):
    distance = small.distance
    swapped = distance.transpose("measure", "kind", "against", "pruning", "other", "trial").values
    np.testing.assert_array_equal(distance.values, swapped)
    assert distance.isel(trial=0, other=0).isnull().all()
    for method in small.pruning.values:
        assert distance.sel(kind="method", pruning=method, against=method).isnull().all()
    assert (distance.where(distance.notnull(), 1.0) > 0.0).all()


def test_the_distance_of_4_cycles_is_that_of_logarithms(small):
    logs = np.log(small.cycle_ratio)
    for other in (1, 2):
        gaps = abs(
            logs.sel(pruning="snip").isel(trial=0) - logs.sel(pruning="random").isel(trial=other)
        )
        at = {"measure": "4-cycles", "kind": "method", "pruning": "snip", "against": "random"}
        found = small.distance.sel(at).isel(trial=0, other=other)
        assert float(found) == pytest.approx(float(gaps.mean()), rel=1e-6)


def test_equal_graphons_are_at_no_distance():
    shape = np.arange(1.0, 17.0).reshape(4, 4)
    dims = ("pruning", "trial", "density", "hidden_layers")
    dataset = xr.Dataset(
        {
            # Other densities, one shape.
            "histogram": (
                (*dims, "row", "column"),
                np.multiply.outer(np.ones((2, 3, 2, 2)), shape)
                * np.array([0.01, 0.03])[:, None, None, None],
            ),
            "cycle_ratio": (dims, np.full((2, 3, 2, 2), 1.7)),
        },
        coords={"pruning": ["a", "b"]},
    )
    distance = between_trials(dataset, seed=0).distance
    assert float(distance.max()) == pytest.approx(0.0, abs=1e-6)


def test_cycles_on_distinct_neurons_are_counted():
    mask = np.random.default_rng(0).random((7, 5)) < 0.6
    n, m = mask.shape
    quadruples = itertools.product(
        itertools.permutations(range(n), 2), itertools.permutations(range(m), 2)
    )
    found = [mask[u, v] & mask[u, w] & mask[z, v] & mask[z, w] for (u, z), (v, w) in quadruples]
    assert distinct_cycles_over_edges(mask) == pytest.approx(np.mean(found) / mask.mean() ** 4)


def test_a_constant_has_as_many_cycles_as_it_should_at_every_density():
    rng = np.random.default_rng(1)
    for density in (0.1, 0.3):
        ratios = [distinct_cycles_over_edges(rng.random((300, 300)) < density) for _ in range(20)]
        assert np.mean(ratios) == pytest.approx(1.0, abs=4 * np.std(ratios) / np.sqrt(20))


def test_distinct_cycles_of_random_entries_are_about_one():
    rng = np.random.default_rng(0)
    found = [distinct_cycles_over_edges(rng.random((60, 80)) < 0.2) for _ in range(50)]
    assert np.mean(found) == pytest.approx(1.0, abs=0.05)
    assert distinct_cycles_over_edges(np.ones((4, 5), bool)) == 1.0
    with pytest.raises(ValueError, match="mask must have two rows, columns and entries"):
        distinct_cycles_over_edges(np.zeros((3, 3), bool))
