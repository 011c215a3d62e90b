"""The convergence sweep: cells measure the masks they say, and the result is their summary."""

from dataclasses import replace

import numpy as np
import pytest

from graphon_lib.experiments.convergence import (
    CONVERGENCE,
    LAYER_CONVERGENCE,
    SINGULAR_VALUES,
    convergence,
    summarise,
)
from graphon_lib.experiments.convergence_summary import samples
from graphon_lib.experiments.data import DataError, load_mnist
from graphon_lib.experiments.digits import Data
from graphon_lib.experiments.mask_statistics import dead_fractions
from graphon_lib.experiments.pruned import start_trial
from graphon_lib.experiments.results import GRID
from graphon_lib.graphons import (
    cut_norm,
    degree_blocks,
    motif_densities,
    residual_singular_values,
    sas,
)
from graphon_lib.pruning import METHODS
from graphon_lib.pruning.masks import SCOPES

DENSITIES = (0.3, 0.1)
SMALL = {
    "grid": [
        {"width": [width], "trial": trials, "hidden_layers": [2, 3]}
        for width, trials in ((24, 4), (40, 5))
    ],
    "densities": list(DENSITIES),
    "scope": "global",
    "detailed": {24: 2, 40: 2},
    "blocks": 8,
    "full": False,
}
FINISH = {"resamples": 20, "reference": 40, "cut_density": 0.1, "cut_pairs": 2}


@pytest.fixture(scope="module", autouse=True)
def few_rounds():
    """SynFlow is tested elsewhere; here it only has to be fast."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(METHODS, "synflow", replace(METHODS["synflow"], rounds=5))
        yield


@pytest.fixture(scope="module")
def data():
    return load_mnist()


@pytest.fixture(scope="module")
def cells(data):
    """All cells, and nothing made of them yet."""
    return replace(CONVERGENCE, finish=None).compute(SMALL, 3)


@pytest.fixture(scope="module")
def dataset(cells):
    return summarise(cells, seed=3, **FINISH)


def cell_arguments(data, **changes):
    return {
        "seed": 3,
        "width": 40,
        "hidden_layers": 3,
        "trial": 1,
        "densities": DENSITIES,
        "scope": "global",
        "detailed": {40: 2},
        "blocks": 8,
        "data": Data(full=False, sha256=data.sha256),
        **changes,
    }


@pytest.fixture(scope="module")
def cells_by_scope(data):
    return {scope: convergence(**cell_arguments(data, scope=scope)) for scope in SCOPES}


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("scope", SCOPES)
def test_a_cell_describes_the_masks_of_its_trial(data, cells_by_scope, method, scope):
    started, cell = start_trial(data, (784, 40, 40, 40, 10), (3, 40, 5, 1)), cells_by_scope[scope]
    m, d = list(METHODS).index(method), DENSITIES.index(0.1)
    masks = dict(started.masks(method, DENSITIES, scope=scope))[0.1]
    place = (m, d)
    densities = [float(mask.double().mean()) for mask in masks]
    np.testing.assert_array_equal(cell["layer_density"][place], densities)
    np.testing.assert_array_equal(cell["dead_fraction"][place], dead_fractions(masks))
    for h, mask in enumerate(masks[1:-1]):
        at = (*place, h)
        np.testing.assert_allclose(cell["histogram"][at][0], sas(mask, 8).values, atol=1e-7)
        rng = np.random.default_rng((3, 40, 5, 1, m, SCOPES.index(scope), d, h))
        cross_fitted = sas(mask, 8, cross_fit=True, rng=rng).values
        np.testing.assert_allclose(cell["histogram"][at][1], cross_fitted, atol=1e-7)
        np.testing.assert_array_equal(
            cell["motif_density"][at], list(motif_densities(mask).values())
        )
        spectrum = residual_singular_values(mask, *degree_blocks(mask, 8), SINGULAR_VALUES)
        np.testing.assert_allclose(cell["singular_value"][at], spectrum, atol=1e-6)


def test_dear_statistics_do_not_change_the_others(data, cells_by_scope):
    cheap = convergence(**cell_arguments(data, detailed={40: 1}))
    for name in ("histogram", "layer_density", "dead_fraction"):
        np.testing.assert_array_equal(cheap[name], cells_by_scope["global"][name])
    for name in ("motif_density", "singular_value"):
        assert np.isnan(cheap[name]).all()


def test_other_digits_are_refused(data):
    with pytest.raises(DataError, match=r"SHA-256 abc, got .*; set MNIST_DIR to the same data"):
        convergence(**{**cell_arguments(data), "data": Data(full=False, sha256="abc")})


def test_a_result_holds_its_cells(cells, cells_by_scope):
    of_cell = cells.sel(hidden_layers=3, width=40).isel(trial=1)
    for name, array in cells_by_scope["global"].items():
        np.testing.assert_array_equal(of_cell[name], array)


def test_the_result_is_the_mean_of_the_cells(cells, dataset):
    labels = {
        "hidden_layers": 3,
        "pruning": "snip",
        "density": 0.1,
        "estimator": "cross-fitted",
        "width": 40,
    }
    chosen = cells.histogram.sel(labels).isel(mask=1)
    assert len(chosen) == 5
    labels["mask"] = 2
    np.testing.assert_allclose(
        dataset.histogram.sel(labels), np.mean(chosen, axis=0), atol=0.5001 * GRID
    )
    np.testing.assert_allclose(
        dataset.standard_error.sel(labels),
        np.std(chosen, axis=0, ddof=1) / 5**0.5,
        rtol=2.0**-4,
        atol=1e-7,
    )
    # The rounding of the mean is the only difference, but for a width with itself.
    del labels["width"]
    squared = dataset.distance.sel(labels).sel(
        scale="histogram", width=24, other_width=40, statistic="measured"
    )
    means = dataset.histogram.sel(labels)
    direct = np.sum((means.sel(width=24) - means.sel(width=40)) ** 2)
    assert float(squared) == pytest.approx(float(direct), rel=0.02)
    np.testing.assert_array_equal(
        dataset.distance, dataset.distance.transpose(*_swapped(dataset.distance.dims))
    )


def _swapped(dims):
    exchanged = {"width": "other_width", "other_width": "width"}
    return [exchanged.get(name, name) for name in dims]


def test_nothing_is_missing_and_nothing_is_there_that_was_not_computed(dataset):
    deep = dataset.sel(hidden_layers=3)
    for name in ("histogram", "standard_error", "distance"):
        assert np.isfinite(deep[name]).all()
        assert np.isfinite(dataset[name].sel(hidden_layers=2, mask=1)).all()
        assert np.isnan(dataset[name].sel(hidden_layers=2, mask=2)).all()
    assert np.isfinite(deep.layer_density.sel(width=40)).all()
    assert np.isnan(deep.layer_density.sel(width=24, trial=4)).all()
    assert np.isnan(dataset.layer_density.sel(hidden_layers=2, weight_layer=4)).all()
    assert np.isfinite(deep.motif_density.sel(trial=slice(0, 1))).all()
    assert np.isnan(deep.motif_density.sel(trial=slice(2, None))).all()


def test_sorted_means_have_the_density_of_their_layer(dataset):
    """Blocks divide these widths, so that a histogram's mean is the density of its mask."""
    layers = dataset.layer_density.mean("trial").sel(hidden_layers=3)
    means = dataset.histogram.mean(["row", "column"]).sel(hidden_layers=3)
    for mask in (1, 2):
        np.testing.assert_allclose(
            means.sel(mask=mask).transpose("estimator", "pruning", "density", "width"),
            np.broadcast_to(
                layers.sel(weight_layer=mask + 1).transpose("pruning", "density", "width"),
                (2, len(METHODS), 2, 2),
            ),
            atol=GRID,
        )


def test_layer_scope_gives_every_layer_the_same_density(cells_by_scope):
    layers = cells_by_scope["layer"]["layer_density"][:, DENSITIES.index(0.1)]
    rounding = [0.5 / size for size in (784 * 40, 40 * 40, 40 * 40, 400)]
    assert (np.abs(layers - 0.1) <= np.array(rounding) + 1e-7).all()


def test_cut_norms_are_those_of_the_histograms(cells, dataset):
    labels = {"pruning": "synflow", "density": 0.1, "estimator": "plain"}
    plain = cells.histogram.sel({**labels, "hidden_layers": 2}).isel(mask=0)
    small, large = (samples(plain, width=w) for w in range(2))
    bounds = dataset.cut_norm.sel(hidden_layers=2, mask=1, pruning="synflow", width=24)
    for pair in range(2):
        differences = {
            "same width": small[2 * pair] - small[2 * pair + 1],
            "reference width": small[2 * pair] - large[2 * pair + 1],
        }
        for name, difference in differences.items():
            interval = cut_norm(difference)
            np.testing.assert_allclose(
                bounds.sel(comparison=name, pair=pair), [interval.lower, interval.upper], rtol=1e-5
            )
    assert (
        (dataset.cut_norm.sel(bound="lower") <= dataset.cut_norm.sel(bound="upper"))
        .sel(hidden_layers=3)
        .all()
    )


def test_samples_are_the_trials_that_have_an_entry(cells):
    motifs = cells.motif_density
    assert len(samples(motifs, hidden_layers=1, mask=1, pruning=0, density=0, width=1)) == 2
    assert len(samples(motifs, hidden_layers=0, mask=1, pruning=0, density=0, width=1)) == 0
    layers = cells.layer_density.isel(pruning=0, density=0, weight_layer=0)
    assert [samples(layers, hidden_layers=0, width=w).shape for w in range(2)] == [(4,), (5,)]


def test_the_trials_of_each_width_are_recorded(dataset):
    assert dataset.attrs["trials_of_width"] == "[[24, 4], [40, 5]]"


def test_profiles_agree_with_themselves():
    for profile in (*CONVERGENCE.profiles.values(), *LAYER_CONVERGENCE.profiles.values()):
        blocks = profile["grid"] if isinstance(profile["grid"], list) else [profile["grid"]]
        widths = [width for block in blocks for width in block["width"]]
        assert widths == sorted(widths)
        assert {*widths} <= {*profile["detailed"]}
        assert profile["finish"]["reference"] in widths
        assert profile["blocks"] <= min(widths)
        assert profile["finish"]["cut_density"] in profile["densities"]
