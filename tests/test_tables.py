"""A row added to a table is there everywhere: a sixth method, another data set."""

import hashlib
from dataclasses import replace
from functools import cache

import numpy as np
import pytest
import torch
import xarray as xr
from matplotlib.text import Text

from graphon_lib.book.explorers.convergence import convergence_explorer
from graphon_lib.book.explorers.frontend import FOLDER
from graphon_lib.book.explorers.pruning import pruning_explorer
from graphon_lib.book.explorers.training import training_explorer
from graphon_lib.book.figures import (
    causes,
    convergence,
    distances,
    drifts,
    estimators,
    graphons,
    kernels,
    pruning,
    rates,
    signed,
    spectra,
    training,
)
from graphon_lib.book.figures.training_by_method import losses_by_method
from graphon_lib.book.looks import HUES, MARKERS, SERIES, numbered_look, shades
from graphon_lib.book.style import BESIDE, label_of, look_of, style_of
from graphon_lib.experiments.data import DATASETS, Dataset, load, sample_batch
from graphon_lib.experiments.digits import nested_batch
from graphon_lib.experiments.grid import grid
from graphon_lib.experiments.intervention_training import beside_pruned
from graphon_lib.experiments.mask_maps import MASK_MAPS
from graphon_lib.experiments.mask_statistics import MASK_STATISTICS
from graphon_lib.experiments.pruned import start_trial
from graphon_lib.experiments.table import EXPERIMENTS
from graphon_lib.graphons import MOTIFS
from graphon_lib.pruning import METHODS, MaskedMLP, Method, prune, saliency

FIVE = list(METHODS)


def largest_rows(weights):
    """Score a weight by its size and by how much enters its neuron."""
    return [w.abs() * w.abs().sum(1, keepdim=True) for w in weights]


@pytest.fixture
def sixth(monkeypatch):
    monkeypatch.setitem(METHODS, "sixth", Method("The sixth", largest_rows))


@cache
def stored(name):
    """A stored result in which a sixth method did what SNIP, or whatever came last, did."""
    result = EXPERIMENTS[name].run()
    if "variant" in result.dims:
        like = result.sel(variant=["snip: as pruned"])
        like = like.assign_coords(variant=["sixth: as pruned"], pruning=("variant", ["sixth"]))
        return xr.concat([result, like], "variant")
    like = "snip" if "snip" in result.pruning else str(result.pruning[-1].values)
    variables = [name for name, values in result.items() if "pruning" in values.dims]
    like = result[variables].sel(pruning=[like]).assign_coords(pruning=["sixth"])
    both = xr.concat([result[variables], like], "pruning")
    return both.assign({k: v for k, v in result.items() if k not in variables}).assign_attrs(
        result.attrs
    )


def test_the_sixth_is_pruned_and_scored(sixth):
    model = MaskedMLP((30, 24, 18, 10), torch.Generator().manual_seed(0))
    for scope, kept in (("global", [266]), ("layer", [144, 86, 36])):
        masks = prune(model, "sixth", 0.2, scope=scope)
        counts = [int(mask.sum()) for mask in masks]
        assert (counts if scope == "layer" else [sum(counts)]) == kept
    assert [s.shape for s in saliency(model, "sixth")] == [w.shape for w in model.weights]
    with pytest.raises(ValueError, match="rounds must be 1 for method 'sixth', got 2"):
        prune(model, "sixth", 0.2, rounds=2)


def test_a_method_that_is_not_there_is_named_among_six(sixth):
    with pytest.raises(ValueError, match=f"{', '.join(sorted(METHODS))}; got 'seventh'"):
        prune(MaskedMLP((3, 2)), "seventh", 0.5)


def test_the_sixth_has_a_look_of_its_own(sixth):
    assert label_of("sixth") == "The sixth"
    names = ["dense", *METHODS, "random: rescaled"]
    styles = [style_of(name) for name in names]
    assert len({style["label"] for style in styles}) == len(names)
    assert len({(style["color"], style["marker"]) for style in styles}) == len(names)
    assert [look_of(name) for name in FIVE] == [numbered_look(i) for i in range(len(FIVE))]
    assert label_of("snip: quiet outputs") == "SNIP, quiet outputs"


def test_no_two_of_many_lines_look_alike_and_pages_know_every_marker():
    looks = [numbered_look(number) for number in range(56)]
    for part in ("colour", "dark"):
        assert len({(getattr(look, part), look.marker) for look in looks}) == 56
    script = (FOLDER / "view.js").read_text(encoding="utf-8")
    letters = script.split("const MARKERS = {")[1].split("};")[0]
    for marker in (*MARKERS, *(look.marker for look in SERIES), look_of("dense").marker):
        assert f'\n    {marker}: "M' in letters or f'\n    "{marker}": "M' in letters


def luminance(colour):
    parts = (int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5))
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in parts]
    return sum(c * w for c, w in zip(linear, (0.2126, 0.7152, 0.0722), strict=True))


def contrast(one, other):
    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("looks", [SERIES, *(shades(len(SERIES), hue) for hue in HUES)])
def test_what_is_no_method_is_seen_and_has_no_look_of_a_method(looks):
    methods = [look_of(name) for name in ("dense", *FIVE)]
    for part, page in (("colour", "#ffffff"), ("dark", "#14181e")):
        assert min(contrast(getattr(look, part), page) for look in looks) >= 3.0
        of_methods = {getattr(look, part).lower() for look in methods}
        assert not of_methods & {getattr(look, part).lower() for look in looks}
        assert len({getattr(look, part) for look in looks}) == len(looks)
    assert not {look.marker for look in methods} & {look.marker for look in looks}
    assert len({look.marker for look in looks}) == len(looks)


@pytest.mark.parametrize("hue", HUES)
def test_shades_go_one_way(hue):
    looks = shades(5, hue)
    on_white, on_dark = (
        [luminance(getattr(look, p)) for look in looks] for p in ("colour", "dark")
    )
    assert on_white == sorted(on_white, reverse=True)
    assert on_dark == sorted(on_dark)
    assert shades(1, hue)[0].colour == HUES[hue][0][0].lower()


def test_masks_beside_methods_have_one_look_everywhere():
    assert [look_of(name) for name in BESIDE] == list(BESIDE.values())
    assert len(set(BESIDE.values())) == len(BESIDE)


@pytest.mark.parametrize("name", EXPERIMENTS)
def test_grids_of_all_methods_have_the_sixth(sixth, name):
    for profile in EXPERIMENTS[name].profiles.values():
        for values in grid(profile["grid"]).axes.values():
            names = {str(value).removesuffix(": as pruned") for value in values}
            assert "sixth" in names or not names >= set(FIVE)


@pytest.fixture(scope="module")
def swept():
    """The quick profile with five methods, and with six."""
    five = MASK_STATISTICS.run(profile="quick")
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(METHODS, "sixth", Method("The sixth", largest_rows))
        return five, MASK_STATISTICS.run(profile="quick")


def test_sweeps_have_a_sixth_row_and_the_five_have_their_numbers(swept):
    five, six = swept
    assert list(six.pruning.values) == [*FIVE, "sixth"]
    xr.testing.assert_equal(six.sel(pruning=FIVE), five)
    density = six.layer_density.sel(pruning="sixth")
    sizes = np.array([784 * 100, 100 * 100, 100 * 100, 100 * 10])
    np.testing.assert_allclose(
        (density * sizes).sum("weight_layer") / sizes.sum(), [[0.3] * 2, [0.2] * 2]
    )


DENSITY = {"density": 0.1}
CONVERGENCE = {"hidden_layers": 2, "mask": 1}
FIGURES = {
    "corners": lambda six: pruning.mask_corners(six),
    "layers": lambda six: pruning.layer_densities(0.2, six),
    "pixels": lambda six: pruning.surviving_pixels(six, 0.2),
    "dead": lambda six: pruning.dead_neurons(six),
    "degrees": lambda six: graphons.degrees_of_neurons(six),
    "paths": lambda _: graphons.path_densities(stored("shared-positions")),
    "by width": lambda _: graphons.histograms_by_width(stored("sorted-histograms"), "plain"),
    "by mask": lambda _: graphons.histograms_by_mask(
        stored("convergence").sel(hidden_layers=3, **DENSITY), [100], "plain"
    ),
    "by setting": lambda _: graphons.histograms_by_setting(
        stored("convergence").sel(width=500), [(2, 1, 0.1)], "plain"
    ),
    "residuals": lambda _: estimators.residual_spectra(stored("residual-spectra"), 1024),
    "norms": lambda _: estimators.residual_operator_norms({"He": stored("residual-spectra")}),
    "vectors": lambda _: estimators.vector_positions(
        stored("residual-spectra"), {"He normal": stored("vector-positions")}
    ),
    "widest": lambda _: convergence.distances_to_widest(
        stored("convergence").sel(CONVERGENCE | DENSITY), 2000
    ),
    "scopes": lambda _: convergence.scopes_by_width(
        0.1,
        *[stored("convergence").sel(hidden_layers=2, weight_layer=2, hidden_layer=2, **DENSITY)]
        * 2,
    ),
    "shapes": lambda _: convergence.shapes_by_scope(
        2000, *[stored("convergence").sel(CONVERGENCE | DENSITY)] * 2
    ),
    "cut norms": lambda _: convergence.cut_norms_by_width(
        stored("convergence").sel(hidden_layers=2, mask=1)
    ),
    "motifs": lambda _: convergence.motifs_by_width(
        "cycle_4", 4, *[stored("convergence").sel(CONVERGENCE | DENSITY)] * 2
    ),
    "exponents": lambda _: rates.exponents(stored("convergence").sel(DENSITY)),
    "floors": lambda _: rates.residuals_by_width(stored("convergence").sel(CONVERGENCE | DENSITY)),
    "batches": lambda _: rates.batch_components(stored("batch-dependence")),
    "masks": lambda _: kernels.convergence_of_masks(stored("mask-convergence")),
    "theory": lambda _: kernels.measured_over_theory(
        {"He": stored("kernels-of-masks").isel(density=0)},
        dict.fromkeys("ab", ("theory, joint", "re-drawn")),
    ),
    "biases": lambda _: kernels.bias_shares({"He": stored("neuron-terms").isel(width=0)}),
    "path law": lambda _: kernels.measured_over_path_law(stored("kernels-of-masks")),
    "drifts": lambda _: drifts.drift_by_width(stored("drift-scaling")),
    "remedies": lambda _: drifts.drift_remedies(stored("drift-scaling")),
    "depths": lambda _: drifts.signed_by_depth(stored("signed-depth")),
    "metrics": lambda _: spectra.metrics_by_sparsity(
        stored("spectra").isel(digits=-1), ["effective_rank"], {"kept": "kept"}
    ),
    "energies": lambda _: spectra.energy_by_road(
        stored("spectra").isel(digits=-1), {"kept": "kept"}
    ),
    "eigenvalues": lambda _: spectra.eigenvalues_by_rank(
        stored("spectra").isel(digits=-1), 0.1, {"kept": "kept"}, (5, 50), 1e-6
    ),
    "losses": lambda _: training.loss_curves(stored("training")),
    "accuracies": lambda _: training.accuracy_curves(stored("training")),
    "sparsities": lambda _: losses_by_method(stored("training"), ["random", "sixth"]),
    "regimes": lambda _: signed.regimes(
        {"He": stored("signed-kernels").sel(DENSITY).isel(width=0)}
    ),
    "predicted": lambda _: signed.predicted_against_measured(stored("signed-kernels")),
    "densities": lambda _: signed.best_by_density(stored("signed-kernels").isel(width=0)),
    "traces": lambda _: signed.traces_by_width(stored("signed-kernels").sel(DENSITY)),
    "rates": lambda _: training.tuned_rates(stored("tuned-training")),
    "evaluations": lambda _: training.evaluation_curves(stored("long-training").isel(density=0)),
    "interventions": lambda _: causes.intervention_curves(
        changed().isel(density=-1), ["random", "sixth"], ["rescaled"]
    ),
    "forest": lambda _: causes.forest(changed().test_loss),
    "scatter": lambda _: causes.loss_against(changed(), {"paths": changed().path_density}),
    "distances": lambda _: distances.cut_distances(np.eye(6), np.eye(6), list(METHODS)),
    "ratios": lambda _: distances.motif_ratios(
        {method: dict.fromkeys(MOTIFS, 0.5) for method in METHODS}
    ),
}


def changed():
    interventions = EXPERIMENTS["interventions"].run()
    return beside_pruned(interventions, stored("training")).isel(evaluation=0)


@pytest.mark.parametrize("name", FIGURES)
def test_every_figure_by_method_says_the_sixth(sixth, swept, name):
    figure = FIGURES[name](swept[1])
    figure.draw_without_rendering()
    shown = [text.get_text() for text in figure.findobj(Text) if text.get_visible()]
    assert "The sixth" in shown


@pytest.mark.parametrize("count", [1, 2, 3, 4, 6, 7])
def test_panels_by_method_leave_room_for_a_note_whatever_their_number(swept, count):
    methods = [*FIVE, "sixth", "seventh"][:count]
    six = swept[1]
    more = six.isel(pruning=np.arange(count) % 6).assign_coords(pruning=methods)
    figure = pruning.mask_corners(more)
    assert sum(panel.axison for panel in figure.axes) == count
    assert any("black: kept" in text.get_text() for text in figure.findobj(Text))


def explorers():
    energy = stored("spectra").energy.sel(road="kept").isel(digits=-1)
    return (
        pruning_explorer(stored("mask-maps")),
        convergence_explorer(stored("convergence")),
        training_explorer(stored("training"), EXPERIMENTS["interventions"].run(), energy),
    )


def test_every_explorer_with_methods_has_the_sixth(sixth):
    for explorer in explorers():
        control = explorer.controls[0]
        assert control.options["sixth"] == "The sixth"
        view = explorer.view(method="sixth")
        assert view.summary.startswith("The sixth")
        series = [line for panel in view.panels[:1] for line in getattr(panel, "series", ())]
        if series:
            assert (series[0].label, series[0].style) == ("The sixth", look_of("sixth"))


SMALL = (12, 12)
COLOURS = (12, 8, 3)


@pytest.fixture
def toy(tmp_path, monkeypatch):
    """Add a data set of small images in three classes, in files of another kind."""
    return add_toy(SMALL, tmp_path, monkeypatch)


@pytest.fixture
def coloured(tmp_path, monkeypatch):
    """Add one of images in colour."""
    return add_toy(COLOURS, tmp_path, monkeypatch)


def add_toy(shape, tmp_path, monkeypatch):
    rng = np.random.default_rng(0)
    arrays = {}
    for part, count in (("train", 200), ("test", 30)):
        arrays[f"{part}-images.npy"] = rng.integers(0, 256, (count, *shape), dtype=np.uint8)
        arrays[f"{part}-labels.npy"] = rng.integers(0, 3, count, dtype=np.uint8)
    for name, array in arrays.items():
        np.save(tmp_path / name, array)
    images, labels, *_ = arrays.values()
    np.savez(tmp_path / "subset.npz", images=images, labels=labels)
    sha256 = {
        path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in tmp_path.iterdir()
    }
    subset_sha256 = sha256["subset.npz"]
    record = Dataset(
        label="Toy",
        shape=shape,
        classes=3,
        files={name: sha256[name] for name in arrays},
        parse=lambda paths: [np.load(path) for path in paths],
        mean=0.5,
        deviation=0.25,
        mirrors=(),
        variable="TOY_DIR",
        subset=tmp_path / "subset.npz",
        subset_sha256=subset_sha256,
        held_out=10,
    )
    monkeypatch.setitem(DATASETS, "toy", record)
    return list(arrays.values())


def test_another_data_set_is_loaded(toy, tmp_path, monkeypatch):
    data = load("toy", tmp_path)
    assert (data.name, data.shape, data.classes) == ("complete Toy", SMALL, 3)
    assert data.x_train.shape == (200, 144)
    np.testing.assert_array_equal(data.y_test, toy[3])
    pixels = DATASETS["toy"].pixels(data.x_train).reshape(-1, *SMALL)
    np.testing.assert_array_equal(pixels, toy[0])
    monkeypatch.setenv("TOY_DIR", str(tmp_path))
    assert load("toy", full=True).sha256 == data.sha256
    monkeypatch.delenv("TOY_DIR")
    subset = load("toy", cache=tmp_path / "cache")
    assert subset.name == "200 Toy training images"
    assert np.bincount(subset.y_test).tolist() == [10, 10, 10]
    with pytest.raises(ValueError, match=r"dataset must be one of .*mnist.*, toy; got 'cifar'"):
        load("cifar")


def test_another_data_set_is_sampled_and_prunes(toy, tmp_path):
    data = load("toy", tmp_path)
    for batch in (sample_batch(data, 50, np.random.default_rng(0)), nested_batch(data, 50, 0)):
        assert batch.x.shape == (50, 144)
        assert set(batch.y) == {0, 1, 2}
    started = start_trial(data, (144, 20, 20, data.classes), (0, 0))
    for method in METHODS:
        ((_, masks),) = started.masks(method, [0.3])
        assert sum(int(mask.sum()) for mask in masks) == round(0.3 * (144 + 20 + 3) * 20)


@pytest.mark.parametrize(
    "name",
    [
        name
        for name, record in EXPERIMENTS.items()
        if "full" in record.quick
        and record.keep
        and not {"initialisation", "dataset"} & record.quick.keys()
    ],
)
def test_every_experiment_runs_on_other_data_from_another_initialisation(toy, name, monkeypatch):
    # SynFlow's hundred rounds are most of the work, and tested elsewhere.
    monkeypatch.setitem(METHODS, "synflow", replace(METHODS["synflow"], rounds=3))
    record = EXPERIMENTS[name]
    result = record.compute({**record.quick, "dataset": "toy", "initialisation": "torch"})
    assert result.attrs["data"] == "200 Toy training images"
    assert (list(result.attrs["image_shape"]), result.attrs["classes"]) == ([*SMALL], 3)
    assert result.attrs["initialisation"] == "torch"
    for variable in result.data_vars.values():
        assert variable.notnull().any()


def pictures():
    """Draw which pixels survive on the toy images, in a figure and in an explorer."""
    small = {"grid": {"trial": 1, "pruning": ["all"]}, "width": 20, "dataset": "toy"}
    statistics = MASK_STATISTICS.compute({**MASK_STATISTICS.quick, **small})
    figure = pruning.surviving_pixels(statistics, 0.2)
    images = [image.get_array() for panel in figure.axes[: len(METHODS)] for image in panel.images]
    maps = MASK_MAPS.compute({**MASK_MAPS.quick, **small, "blocks": 4})
    return statistics, images, pruning_explorer(maps).view().panels[1]


def test_figures_and_explorers_take_their_sides_from_the_data(toy):
    _, images, panel = pictures()
    assert {image.shape for image in images} == {SMALL}
    assert panel.values.shape == SMALL


def test_a_pixel_in_colour_is_shown_as_the_mean_of_its_colours(coloured):
    statistics, images, panel = pictures()
    assert panel.values.shape == COLOURS[:2]
    for method, image in zip(METHODS, images, strict=True):
        density = statistics.pixel_density.sel(density=0.2, pruning=method).values
        np.testing.assert_allclose(image[3, 5], density[3 * 24 + 15 : 3 * 24 + 18].mean())
        assert image.shape == COLOURS[:2]
