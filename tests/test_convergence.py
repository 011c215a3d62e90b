"""The convergence sweep: cells measure the masks they say, and the result is their summary."""

import inspect
from dataclasses import replace

import numpy as np
import pytest

from graphon_lib.experiments import sweep
from graphon_lib.experiments.convergence import (
    CONVERGENCE,
    convergence,
    convergence_cells,
    finished_trials,
)
from graphon_lib.experiments.convergence_cell import (
    DEGREE_LEVELS,
    ESTIMATORS,
    SCOPES,
    SINGULAR_VALUES,
    convergence_cell,
)
from graphon_lib.experiments.convergence_summary import GRID
from graphon_lib.experiments.convergence_table import CellTable
from graphon_lib.experiments.data import DataError, load_mnist
from graphon_lib.experiments.mask_statistics import dead_fractions
from graphon_lib.experiments.sweep import Cell, finished, run_cells
from graphon_lib.experiments.trials import start_trial
from graphon_lib.graphons import (
    MOTIFS,
    cut_norm,
    degree_blocks,
    motif_densities,
    residual_singular_values,
    sas,
)
from graphon_lib.pruning import METHODS

DENSITIES = (0.3, 0.1)
SMALL = {
    "trials_of_width": [[24, 4, 2], [40, 5, 2]],
    "neuron_layers": [4, 5],
    "densities": list(DENSITIES),
    "layer_scope": [0.1],
    "blocks": 8,
    "resamples": 20,
    "reference": 40,
    "cut_density": 0.1,
    "cut_pairs": 2,
    "full": False,
}
CELL_SETTINGS = inspect.signature(convergence_cells).parameters


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
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("cells")


@pytest.fixture(scope="module")
def dataset(data, folder):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sweep, "CACHE", folder)
        patch.setattr("graphon_lib.experiments.convergence.PROBE_WIDTH", 24)
        yield convergence(seed=3, **SMALL)


def cell_arguments(data, **changes):
    return {
        "seed": 3,
        "width": 40,
        "neuron_layers": 5,
        "trial": 1,
        "densities": DENSITIES,
        "layer_scope": (0.1,),
        "detailed": True,
        "blocks": 8,
        "full": False,
        "data_sha256": data.sha256,
        **changes,
    }


@pytest.fixture(scope="module")
def cell(data):
    return convergence_cell(**cell_arguments(data))


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("scope", SCOPES)
def test_a_cell_describes_the_masks_of_its_trial(data, cell, method, scope):
    started = start_trial(data, (784, 40, 40, 40, 10), (3, 40, 5, 1))
    m, s = list(METHODS).index(method), SCOPES.index(scope)
    # Random scores are drawn anew for each scope: the first scope's come first.
    for earlier in SCOPES[: s + 1]:
        wanted = DENSITIES if earlier == "global" else (0.1,)
        masks = list(started.masks(method, wanted, scope=earlier))[-1][1]
    place = (m, s, DENSITIES.index(0.1))
    densities = [float(mask.double().mean()) for mask in masks]
    np.testing.assert_array_equal(cell["layer_density"][place], densities)
    np.testing.assert_array_equal(cell["dead_fraction"][place], dead_fractions(masks))
    for h, mask in enumerate(masks[1:-1]):
        at = (*place, h)
        np.testing.assert_allclose(cell["histogram"][at][0], sas(mask, 8).values, atol=1e-7)
        rng = np.random.default_rng((3, 40, 5, 1, *at))
        cross_fitted = sas(mask, 8, cross_fit=True, rng=rng).values
        np.testing.assert_allclose(cell["histogram"][at][1], cross_fitted, atol=1e-7)
        np.testing.assert_array_equal(
            cell["motif_density"][at], list(motif_densities(mask).values())
        )
        spectrum = residual_singular_values(mask, *degree_blocks(mask, 8), SINGULAR_VALUES)
        np.testing.assert_allclose(cell["singular_value"][at], spectrum, atol=1e-6)
        for side, degrees in enumerate((mask.sum(dim=1), mask.sum(dim=0))):
            quantiles = cell["degree_quantile"][at][side]
            assert quantiles[0] == pytest.approx(int(degrees.min()) / 40)
            assert quantiles[10] == pytest.approx(float(np.median(degrees.numpy())) / 40)
            assert quantiles[20] == pytest.approx(int(degrees.max()) / 40)


def test_what_was_not_asked_for_is_not_a_number(cell):
    unasked = (slice(None), SCOPES.index("layer"), DENSITIES.index(0.3))
    assert all(np.isnan(array[unasked]).all() for array in cell.values())
    cell = {name: array.copy() for name, array in cell.items()}
    for array in cell.values():
        array[unasked] = 0.0
    assert all(np.isfinite(array).all() for array in cell.values())


def test_dear_statistics_do_not_change_the_others(data, cell):
    cheap = convergence_cell(**cell_arguments(data, detailed=False, layer_scope=()))
    everywhere = (slice(None), SCOPES.index("global"))
    for name in ("histogram", "layer_density", "dead_fraction", "degree_quantile"):
        np.testing.assert_array_equal(cheap[name][everywhere], cell[name][everywhere])
    for name in ("motif_density", "singular_value"):
        assert np.isnan(cheap[name]).all()


def test_other_digits_are_refused(data):
    with pytest.raises(DataError, match=r"SHA-256 abc, got .*; set MNIST_DIR to the same data"):
        convergence_cell(**cell_arguments(data, data_sha256="abc"))


def listed(**changes):
    parameters = {
        "seed": 0,
        "trials_of_width": [[10, 4, 1], [20, 2, 1]],
        "neuron_layers": [4, 5],
        "densities": [0.2],
        "layer_scope": [0.2],
        "blocks": 8,
        "full": True,
        "data_sha256": "x",
    }
    return convergence_cells(**{**parameters, **changes})


def test_every_width_and_depth_has_its_share_of_trials_at_any_time():
    cells = listed(trials_of_width=[[10, 40, 1], [20, 20, 1], [30, 4, 1]])
    for length in range(len(cells)):
        done = [
            sum(c["width"] == width and c["neuron_layers"] == layers for c in cells[:length])
            for width in (10, 20, 30)
            for layers in (4, 5)
        ]
        shares = np.array(done) / [40, 40, 20, 20, 4, 4]
        assert np.ptp(shares) <= 1 / 4


def test_every_cell_is_listed_once_and_more_trials_only_add_cells():
    few = listed()
    more = listed(trials_of_width=[[10, 6, 1], [20, 2, 1]])
    assert len(few) == 2 * (4 + 2)
    assert len(more) == len(few) + 2 * 2
    assert all(cell in more for cell in few)
    assert sum(c["detailed"] for c in few) == 4
    assert all((c["layer_scope"] == (0.2,)) == c["detailed"] for c in few)


@pytest.fixture(scope="module")
def kept(data, folder, dataset):
    """The cells that the dataset was made of, from disk, with their arguments."""
    settings = {name: SMALL[name] for name in SMALL if name in CELL_SETTINGS}
    arguments = convergence_cells(seed=3, data_sha256=data.sha256, **settings)
    key = dataset.attrs["cells_fingerprint"]
    assert all(finished(convergence_cell, arguments, key=key, folder=folder))
    return arguments, run_cells(convergence_cell, arguments, key=key, folder=folder)


def test_the_result_is_the_mean_of_the_cells(kept, dataset):
    arguments, cells = kept
    chosen = [
        cell.arrays["histogram"][list(METHODS).index("snip"), 0, 1, 1, 1]
        for a, cell in zip(arguments, cells, strict=True)
        if (a["neuron_layers"], a["width"]) == (5, 40)
    ]
    assert len(chosen) == 5
    labels = {
        "neuron_layers": 5,
        "mask": 2,
        "pruning": "snip",
        "scope": "global",
        "density": 0.1,
        "estimator": "cross-fitted",
        "width": 40,
    }
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
    asked = dataset.sel(scope="global")
    deep = asked.sel(neuron_layers=5)
    for name in ("histogram", "standard_error", "distance", "degree_quantile"):
        assert np.isfinite(deep[name]).all()
        assert np.isfinite(asked[name].sel(neuron_layers=4, mask=1)).all()
        assert np.isnan(asked[name].sel(neuron_layers=4, mask=2)).all()
        assert np.isnan(dataset[name].sel(scope="layer", density=0.3)).all()
    assert np.isfinite(deep.layer_density.sel(width=40)).all()
    assert np.isnan(deep.layer_density.sel(width=24, trial=4)).all()
    assert np.isnan(asked.layer_density.sel(neuron_layers=4, weight_layer=4)).all()
    assert np.isfinite(deep.motif_density.sel(trial=slice(0, 1))).all()
    assert np.isnan(deep.motif_density.sel(trial=slice(2, None))).all()
    assert int(np.isfinite(dataset.cell_seconds).sum()) == 2 * (4 + 5)


def test_sorted_means_have_the_density_of_their_layer(dataset):
    """Blocks divide these widths, so that a histogram's mean is the density of its mask."""
    layers = dataset.layer_density.mean("trial").sel(scope="global", neuron_layers=5)
    means = dataset.histogram.mean(["row", "column"]).sel(scope="global", neuron_layers=5)
    for mask in (1, 2):
        np.testing.assert_allclose(
            means.sel(mask=mask).transpose("estimator", "pruning", "density", "width"),
            np.broadcast_to(
                layers.sel(weight_layer=mask + 1).transpose("pruning", "density", "width"),
                (2, len(METHODS), 2, 2),
            ),
            atol=GRID,
        )


def test_layer_scope_gives_every_layer_the_same_density(dataset):
    layers = dataset.layer_density.sel(scope="layer", density=0.1, trial=0, neuron_layers=5)
    rounding = [0.5 / size for size in (784 * 24, 24 * 24, 24 * 24, 240)]
    difference = np.abs(layers.sel(width=24).transpose("pruning", "weight_layer") - 0.1)
    assert (difference.values <= np.array(rounding) + 1e-7).all()


def test_cut_norms_are_those_of_the_histograms(kept, dataset):
    table = CellTable(*kept)
    place = (list(METHODS).index("synflow"), 0, 1, 0, 0)
    small, large = (table.samples("histogram", 4, width, place) for width in (24, 40))
    bounds = dataset.cut_norm.sel(neuron_layers=4, mask=1, pruning="synflow", width=24)
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
        .sel(neuron_layers=5)
        .all()
    )


def test_a_second_run_has_the_same_bits_and_computes_no_cell(data, folder, dataset, monkeypatch):
    monkeypatch.setattr(sweep, "CACHE", folder)
    monkeypatch.setattr("graphon_lib.experiments.convergence.PROBE_WIDTH", 24)
    before = sorted(path.stat().st_mtime_ns for path in folder.rglob("output.pkl"))
    again = convergence(seed=3, **SMALL)
    assert sorted(path.stat().st_mtime_ns for path in folder.rglob("output.pkl")) == before
    assert again.identical(dataset)


def test_costs_and_origins_are_recorded(dataset):
    assert dataset.attrs["peak_megabytes"] >= 0.99 * float(dataset.cell_megabytes.max())
    assert len(dataset.attrs["cells_code_sha256"]) == 64
    assert dataset.attrs["trials_of_width"] == "[[24, 4], [40, 5]]"


def test_the_table_pads_shallow_networks_and_missing_trials():
    arguments = [
        {"neuron_layers": 4, "width": 10, "trial": 0},
        {"neuron_layers": 5, "width": 10, "trial": 0},
        {"neuron_layers": 5, "width": 20, "trial": 1},
    ]
    cells = [
        Cell({"layer_density": np.full((1, 1, 1, a["neuron_layers"] - 1), i)}, i, 10 * i, "")
        for i, a in enumerate(arguments)
    ]
    table = CellTable(arguments, cells)
    values = table.every_trial("layer_density")
    assert values.shape == (2, 1, 1, 1, 4, 2, 2)
    assert values[0, 0, 0, 0, :3, 0, 0].tolist() == [0.0, 0.0, 0.0]
    assert np.isnan(values[0, 0, 0, 0, 3]).all()
    assert values[1, 0, 0, 0, :, 1, 1].tolist() == [2.0] * 4
    assert np.isfinite(values).sum() == 3 + 4 + 4
    assert table.costs()[:, 1, 1, 1].tolist() == [2.0, 20.0]


def test_both_profiles_have_the_parameters_of_the_function():
    for parameters in CONVERGENCE.profiles.values():
        assert parameters.keys() == SMALL.keys()
        widths = [width for width, _, _ in parameters["trials_of_width"]]
        assert widths == sorted(widths)
        assert parameters["reference"] in widths
        assert parameters["blocks"] <= min(widths)
        assert len(DEGREE_LEVELS) == 21
        assert len(ESTIMATORS) == 2
        assert len(MOTIFS) == 7


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"reference": 30}, r"reference must be among the widths \[24, 40\], got 30"),
        ({"cut_density": 0.2}, r"cut_density must be among the densities \[0.3, 0.1\], got 0.2"),
        ({"layer_scope": [0.2]}, r"layer_scope must be among the densities .* got 0.2"),
        ({"neuron_layers": [3]}, r"neuron_layers\[0\] must be an integer >= 4, got 3"),
        ({"blocks": 25}, r"trials_of_width\[0\]\[0\] must be an integer >= 25, got 24"),
        (
            {"trials_of_width": [[40, 4, 2], [40, 4, 2]]},
            r"trials_of_width\[1\]\[0\] must be an integer >= 41, got 40",
        ),
        (
            {"trials_of_width": [[24, 0, 0], [40, 4, 2]]},
            r"trials_of_width\[0\]\[1\] must be an integer >= 1, got 0",
        ),
    ],
)
def test_bad_parameters(changes, message):
    with pytest.raises(ValueError, match=message):
        convergence(seed=0, **{**SMALL, **changes})


def test_finished_trials_are_counted_up_to_the_first_gap(data, folder, kept, monkeypatch, tmp_path):
    monkeypatch.setattr("graphon_lib.experiments.convergence.PROBE_WIDTH", 24)
    wished = {**SMALL, "trials_of_width": [[24, 100, 2], [40, 100, 2], [50, 100, 2]]}
    assert finished_trials(seed=3, parameters=wished, folder=folder) == [
        [24, 4, 2],
        [40, 5, 2],
        [50, 0, 0],
    ]
    assert finished_trials(seed=3, parameters=SMALL, folder=tmp_path) == [[24, 0, 0], [40, 0, 0]]
