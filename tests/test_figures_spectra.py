"""Figures on spectra: panels for what they are given, and nothing lost."""

import numpy as np
import pytest
import xarray as xr

from graphon_lib.book.figures import spectra as figures
from graphon_lib.experiments.prediction import COMPARISONS, QUANTITIES, STATISTICS

METHODS = ["dense", "random", "snip", "synflow"]
DENSITIES = [0.5, 0.2, 0.05]


@pytest.fixture
def rng():
    return np.random.default_rng(0)


def measured(rng):
    dims = ("pruning", "density", "trial", "road")
    names = ("decay_exponent", "effective_rank", "energy")
    values = {name: (dims, 0.1 + rng.random((4, 3, 2, 2))) for name in names}
    coords = {"pruning": METHODS, "density": DENSITIES, "road": ["kept", "shuffled"]}
    result = xr.Dataset(values, coords)
    result.energy[..., 1, 1] = np.nan  # a road with fewer trials
    return result


def test_metrics_have_a_row_each_and_routes_a_column(rng):
    roads = {"one": "kept", "two": "shuffled"}
    figure = figures.metrics_by_sparsity(measured(rng), ["decay_exponent", "effective_rank"], roads)
    assert [panel.get_title() for panel in figure.axes] == ["one", "two", "", ""]
    assert figure.axes[2].get_ylabel() == "effective rank"
    assert figure.axes[2].get_yscale() == "log"
    # Three methods as lines with bars, the dense network as a level.
    assert len(figure.axes[0].containers) == 3
    assert figure.axes[0].get_legend_handles_labels()[1][0] == "Dense"


def test_energies_survive_a_missing_trial_and_keep_their_order(rng):
    result = measured(rng)
    figure = figures.energy_by_road(result, {"kept": "kept", "shuffled": "shuffled"})
    drawn = figure.axes[1].containers[0].lines[0].get_xydata()
    np.testing.assert_allclose(drawn[:, 0], [50.0, 80.0, 95.0])
    expected = result.energy.sel(pruning="random", road="shuffled").isel(trial=0)
    np.testing.assert_allclose(drawn[:, 1], expected)
    assert not figure.axes[2].axison


def test_bars_are_unbiased_and_missing_for_a_single_network(rng):
    result = measured(rng)
    figure = figures.energy_by_road(result, {"kept": "kept", "shuffled": "shuffled"})
    for panel, road in zip(figure.axes, ("kept", "shuffled"), strict=False):
        _, _, (bars,) = panel.containers[0].lines
        lengths = [end[1] - start[1] for start, end in bars.get_segments()]
        values = result.energy.sel(pruning="random", road=road)
        expected = values.std("trial", ddof=1) if road == "kept" else np.zeros(3)
        np.testing.assert_allclose(lengths, 2 * expected, atol=1e-12)


def test_spectra_are_shares_of_the_trace(rng):
    dims = ("pruning", "density", "trial", "road")
    eigenvalue = np.sort(0.1 + rng.random((4, 3, 2, 2, 3)))[..., ::-1].copy()
    eigenvalue[3, 2, 1, 0, 2] = 0.0  # zero to rounding in one of two networks
    result = xr.Dataset(
        {"eigenvalue": ((*dims, "rank"), eigenvalue), "trace": (dims, eigenvalue.sum(-1) / 3)},
        coords={
            "pruning": METHODS,
            "density": DENSITIES,
            "road": ["kept", "shuffled"],
            "rank": [1, 2, 3],
            "digits": 3,
        },
    )
    figure = figures.eigenvalues_by_rank(result, 0.05, {"one": "kept"}, (2, 3), 1e-6)
    lines = {line.get_label(): line.get_ydata() for line in figure.axes[0].lines}
    share = eigenvalue / eigenvalue.sum(-1, keepdims=True)
    np.testing.assert_allclose(lines["SNIP"], np.sqrt(share[2, 2, 0, 0] * share[2, 2, 1, 0]))
    assert lines["SynFlow"][2] == pytest.approx(share[3, 2, 0, 0, 2])


def test_predictions_are_drawn_for_every_quantity_and_comparison(rng):
    shape = (len(QUANTITIES), len(COMPARISONS), len(STATISTICS))
    found = xr.DataArray(
        np.sort(rng.uniform(-1, 1, shape), axis=-1),
        dims=("quantity", "comparison", "statistic"),
        coords={
            "quantity": list(QUANTITIES),
            "comparison": list(COMPARISONS),
            "statistic": list(STATISTICS),
        },
    )
    figure = figures.predictions_by_quantity({"a": found, "b": -found})
    assert [panel.get_title() for panel in figure.axes] == list(COMPARISONS)
    points = figure.axes[1].lines[1].get_xdata()
    np.testing.assert_allclose(points, -found[:, 1, 0])
