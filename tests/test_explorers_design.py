"""Designing a graphon: the layers are what was asked for, and the theory is the library's."""

import json
import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from graphon_lib.book.explorers.design import (
    INITIAL,
    DesignExplorer,
    example_pixels,
    layer_variances,
)
from graphon_lib.book.explorers.design_layers import (
    FAMILIES,
    LAYERS,
    SHAPES,
    designed_layer,
    designed_network,
    pixel_rings,
)
from graphon_lib.book.explorers.live import answering
from graphon_lib.book.explorers.precompute import data_script
from graphon_lib.book.explorers.view import HeatMap, encode
from graphon_lib.experiments.data import load_mnist
from graphon_lib.graphons import GraphonNetwork, StepGraphon
from graphon_lib.ntk import graphon_nngp, graphon_ntk, spectral_metrics

BLANK = np.zeros((16, 16)).tolist()


def family_layer(name, density=None, **changes):
    values = {p.name: p.initial for p in FAMILIES[name].parameters} | changes
    return {"family": name, "parameters": values, "density": density}


def replaced(number, layer):
    return [layer if i == number else dict(old) for i, old in enumerate(INITIAL)]


@st.composite
def layers(draw, shape=(16, 16)):
    density = draw(st.none() | st.floats(0, 1))
    if draw(st.booleans()):
        seed = draw(st.integers(0, 2**32 - 1))
        sparse = np.random.default_rng(seed).random(shape) * (draw(st.floats(0, 1)) > 0.1)
        return {"cells": sparse.round(2).tolist(), "density": density}
    name = draw(st.sampled_from(sorted(FAMILIES)))
    values = {
        p.name: draw(st.integers(0, round((p.high - p.low) / p.step))) * p.step + p.low
        for p in FAMILIES[name].parameters
    }
    values = {p.name: min(values[p.name], p.high) for p in FAMILIES[name].parameters}
    return {"family": name, "parameters": values, "density": density}


@pytest.fixture(scope="module")
def explorer():
    return DesignExplorer(example_pixels(load_mnist()))


def test_digits_are_training_digits_of_every_class_by_class():
    data = load_mnist()
    pixels = example_pixels(data)
    assert pixels.shape == (64, 784)
    standardised = (pixels / 255 - 0.1307) / 0.3081
    # Each is one of the first 3,000 for training, to the rounding of single precision.
    distances = np.abs(standardised[:, None, ::29] - data.x_train[None, :3000, ::29]).max(axis=2)
    places = distances.argmin(axis=1)
    assert np.abs(standardised - data.x_train[places]).max() < 1e-6
    labels = data.y_train[places]
    assert np.array_equal(labels, np.sort(labels))
    assert np.bincount(labels).tolist() == [7, 7, 7, 7, 6, 6, 6, 6, 6, 6]


def test_rings_have_equally_many_pixels_and_grow_from_the_centre():
    rings = pixel_rings()
    assert np.bincount(rings).tolist() == [49] * 16
    grid = rings.reshape(28, 28)
    assert grid[14, 14] == grid[13, 13] == 0
    assert grid[0, 0] == grid[27, 27] == 15
    offsets = np.arange(28) - 13.5
    distances = (offsets[:, None] ** 2 + offsets**2).ravel()
    for inner, outer in zip(range(15), range(1, 16), strict=True):
        assert distances[rings == inner].max() <= distances[rings == outer].min()


@given(st.lists(layers(), min_size=3, max_size=3), layers(shape=(10, 16)))
def test_every_design_has_a_view_that_json_can_hold(explorer, first, last):
    tree, arrays = encode(explorer.view(layers=[*first, last]))
    json.dumps(tree, allow_nan=False)
    assert all(np.isfinite(array).all() for array in arrays)


@given(layers())
def test_a_held_density_is_met_or_said_to_be_missed(explorer, layer):
    graphon = designed_layer(layer, (16, 16), "layer")
    summary = explorer.view(layers=replaced(1, layer)).summary
    missed = layer["density"] is not None and abs(graphon.density - layer["density"]) > 1e-6
    assert missed == ("cannot have the density" in summary)


@pytest.mark.parametrize("name", FAMILIES)
def test_sliders_stay_where_families_exist(name):
    parameters = FAMILIES[name].parameters
    for corner in np.ndindex(*[2] * len(parameters)):
        values = {p.name: (p.low, p.high)[i] for p, i in zip(parameters, corner, strict=True)}
        graphon = designed_layer(family_layer(name, **values), (16, 16), "layer")
        assert 0 <= graphon.values.min() <= graphon.values.max() <= 1
    for parameter in parameters:
        assert parameter.low <= parameter.initial <= parameter.high
        assert ((parameter.high - parameter.low) / parameter.step) % 1 == pytest.approx(0, abs=1e-9)


def test_the_evaluation_is_the_librarys(explorer):
    rng = np.random.default_rng(0)
    cells = [{"cells": rng.random(shape).tolist(), "density": None} for shape in SHAPES]
    found = explorer.evaluate(cells)
    first = np.array(cells[0]["cells"])[:, pixel_rings()]
    network = GraphonNetwork([StepGraphon(first), *(StepGraphon(c["cells"]) for c in cells[1:])])
    assert found.kernel == pytest.approx(graphon_ntk(explorer.x, network), rel=1e-12)
    assert found.path_density == pytest.approx(network.path_density(), rel=1e-12)
    metrics = spectral_metrics(found.kernel, 5)
    numbers = {number.label: number.value for number in explorer.view(layers=cells).numbers}
    assert numbers["Effective rank"] == pytest.approx(metrics.effective_rank, rel=1e-12)
    assert numbers["Energy"] == pytest.approx(metrics.energy, rel=1e-12)
    assert numbers["Decay exponent"] == pytest.approx(metrics.decay_exponent, rel=1e-12)
    assert numbers["Spectral gap"] == pytest.approx(metrics.spectral_gap, rel=1e-12)


def test_variances_by_position_are_those_of_the_covariance(explorer):
    network, _ = designed_network(INITIAL)
    # A layer's variances are the output variances of the network that ends with it.
    for depth, variances in enumerate(layer_variances(network, explorer.x), start=1):
        shorter = GraphonNetwork(network.layers[:depth])
        covariance = graphon_nngp(explorer.x, shorter, per_output=True)
        expected = np.diagonal(covariance, axis1=1, axis2=2).mean(axis=1)
        assert variances == pytest.approx(expected, rel=1e-10)


@given(st.floats(0.05, 1), layers(), layers(), layers(shape=(10, 16)))
def test_behind_blind_first_layers_the_kernel_is_dense_times_the_path_density(
    explorer, density, second, third, last
):
    design = [family_layer("constant", density), second, third, last]
    found = explorer.evaluate(design)
    assert found.deviation == 0.0
    expected = found.path_density * explorer.dense_kernel
    assert found.kernel == pytest.approx(expected, rel=1e-9)
    summary = explorer.view(layers=design).summary
    assert ("is zero" in summary) == (found.path_density == 0)


def test_rows_may_differ_behind_the_pixels_too(explorer):
    rows_only = family_layer("product", row_exponent=3.0, col_exponent=0.0)
    assert explorer.evaluate(replaced(0, rows_only)).deviation == 0.0
    assert "treats all pixels alike" in explorer.view(layers=replaced(0, rows_only)).summary


def test_structure_in_the_pixels_changes_the_shape(explorer):
    centre = family_layer("threshold", density=0.3, threshold=0.6, low=0.0)
    found = explorer.evaluate(replaced(0, centre))
    assert found.deviation > 0.05
    assert "does not apply" in explorer.view(layers=replaced(0, centre)).summary


def test_without_paths_there_is_no_spectrum_and_no_error(explorer):
    view = explorer.view(layers=replaced(1, {"cells": BLANK, "density": None}))
    assert "No path" in view.summary
    assert "Effective rank" not in {number.label for number in view.numbers}
    assert view.numbers[0].value == 0.0


def test_no_smaller_density_than_the_recursion_can_carry(explorer):
    steep = family_layer("synflow", decay=4.0, threshold=2.0)
    explorer.view(layers=[steep, steep, steep, steep])


def test_the_browser_gets_the_same_answers(explorer):
    answer = answering(explorer.describe()["pixels"])
    design = {"layers": replaced(0, family_layer("ramp", 0.2))}
    text, arrays = answer(json.dumps(design))
    tree, expected = encode(explorer.view(**design))
    assert json.loads(text) == json.loads(json.dumps(tree))
    assert all(np.array_equal(a, b) for a, b in zip(arrays, expected, strict=True))


def test_the_page_gets_the_first_state_and_the_digits(explorer):
    script = data_script(explorer)
    name, data = re.fullmatch(
        r"GraphonExplorers.precomputed\((\"\w+\"), (.*)\);\n", script
    ).groups()
    description = json.loads(data)["description"]
    assert json.loads(name) == "design"
    assert description["layers"] == list(LAYERS)
    assert np.array_equal(DesignExplorer.from_packed(description["pixels"]).x, explorer.x)
    assert len(script) < 100_000


def test_panels_are_the_layers_first(explorer):
    panels = explorer.view().panels
    for panel, name, shape in zip(panels, LAYERS, SHAPES, strict=False):
        assert isinstance(panel, HeatMap)
        assert (panel.title, panel.values.shape) == (name, shape)


@pytest.mark.parametrize(
    ("layer", "message"),
    [
        ({"family": "spiral", "parameters": {}}, "family"),
        ({"family": "ramp", "parameters": {"rows": 0.1}}, "must give rows, columns"),
        (
            {"family": "constant", "parameters": {"density": 2}},
            r"\['density'\] must lie in \[0, 1\]",
        ),
        ({"family": "constant", "parameters": {"density": "x"}}, "real numbers"),
        ({"family": "constant"}, "parameters"),
        ({"cells": BLANK, "family": "constant"}, "must have 'cells', or 'family'"),
        ({"density": 0.5}, "must have 'cells', or 'family'"),
        ({}, "got nothing"),
        ({"cells": BLANK, "colour": 1}, "colour"),
        ({"cells": [[0.5]]}, r"shape \(16, 16\), got \(1, 1\)"),
        ({"cells": np.full((16, 16), np.nan).tolist()}, "finite"),
        ({"cells": np.full((16, 16), 1.5).tolist()}, r"\[0, 1\]"),
        ({"cells": BLANK, "density": 1.5}, r"\['density'\]"),
        ("constant", "must be a mapping"),
    ],
)
def test_other_layers_are_refused(explorer, layer, message):
    with pytest.raises(ValueError, match=message):
        explorer.view(layers=replaced(1, layer))


@pytest.mark.parametrize("design", [[], list(INITIAL)[:3], "ramp", {"a": 1}, None])
def test_other_designs_are_refused(explorer, design):
    with pytest.raises(ValueError, match="layers must be"):
        explorer.view(layers=design)


@pytest.mark.parametrize(
    "pixels", [np.zeros((64, 783)), np.full((64, 784), 256), np.zeros((2, 784))]
)
def test_other_digits_are_refused(pixels):
    with pytest.raises(ValueError, match="pixels must"):
        DesignExplorer(pixels)
