"""What readers start from when they design graphons, and what is made of it for as many weights."""

import json

import numpy as np
import pytest

from graphon_lib.book.explorers.design_layers import SHAPES, designed_network, pixel_rings
from graphon_lib.book.explorers.jupyter import explore
from graphon_lib.book.explorers.live import answering
from graphon_lib.book.explorers.optimal_layers import OPTIMA, WIDTHS, optimal_layers, weights_kept
from graphon_lib.book.explorers.precompute import data_script
from graphon_lib.book.explorers.presets import design_explorer
from graphon_lib.book.explorers.view import encode
from graphon_lib.experiments.data import load_mnist
from graphon_lib.experiments.preset_graphons import PRESET_GRAPHONS
from graphon_lib.graphons import GraphonNetwork, StepGraphon, design, erk_densities

METHODS = {"Magnitude": "magnitude", "SNIP": "snip", "GraSP": "grasp", "SynFlow": "synflow"}
DENSITIES = (0.2, 0.05)
MEASURED = [(label, density) for label in METHODS for density in DENSITIES]


@pytest.fixture(scope="module")
def explorer():
    return design_explorer(load_mnist(), PRESET_GRAPHONS.run())


def layers_of(explorer, label, density):
    name = f"{label}, density {density:g}"
    (found,) = [preset.layers for preset in explorer.presets if preset.label == name]
    return found


def stored(label, density):
    result = PRESET_GRAPHONS.run().sel(pruning=METHODS[label], density=density)
    arrays = [result["first"].values, *result.hidden.values, result.read_out.values]
    return [array.astype(float) for array in arrays], result


def paths_and_weights(layers):
    network, _ = designed_network(layers)
    return network.path_density(), weights_kept(network)


@pytest.mark.parametrize(("label", "density"), MEASURED)
def test_a_methods_preset_is_what_was_measured(explorer, label, density):
    layers = layers_of(explorer, label, density)
    (first, *rest), result = stored(label, density)
    rings = pixel_rings()
    expected = np.array([first[:, rings == ring].mean(axis=1) for ring in range(16)]).T
    for layer, values, shape in zip(layers, (expected, *rest), SHAPES, strict=True):
        assert np.shape(layer["cells"]) == shape
        assert np.abs(np.array(layer["cells"]) - values).max() <= 5.01e-4
    paths, weights = paths_and_weights(layers)
    assert weights == pytest.approx(density, rel=2e-3)
    network = GraphonNetwork([StepGraphon(values) for values in (first, *rest)])
    assert paths == pytest.approx(network.path_density(), rel=5e-3)
    # Sixteen blocks are coarse for SynFlow at 0.05: of its paths 5 % are missed.
    assert paths == pytest.approx(float(result.path_density.mean()), rel=0.06)


@pytest.mark.parametrize("density", DENSITIES)
def test_the_other_presets_have_their_densities_and_paths(explorer, density):
    paths, weights = paths_and_weights(layers_of(explorer, "Random", density))
    assert (paths, weights) == pytest.approx((density**4, density))
    erk = erk_densities(WIDTHS, density)
    for label in ("ERK", "This book's"):
        paths, weights = paths_and_weights(layers_of(explorer, label, density))
        assert weights == pytest.approx(density, rel=2e-3)
        assert paths == pytest.approx(erk.prod(), rel=5e-3)  # all units are used


def test_networks_are_as_wide_as_those_measured():
    width = PRESET_GRAPHONS.paper["width"]
    assert (784, width, width, width, 10) == WIDTHS


@pytest.mark.parametrize("objective", OPTIMA)
@pytest.mark.parametrize("density", [1.0, 0.8, 0.05, 0.01])
def test_optimal_layers_are_the_librarys_design_on_blocks(explorer, objective, density):
    layers, whole = optimal_layers(density, explorer.x, objective)
    data = explorer.x if objective == "fan-in" else None
    target = design(WIDTHS, density, data, objective=objective)
    assert whole == target.path_density()
    network, _ = designed_network(layers)
    for layer, expected in zip(network.layers, target.layers, strict=True):
        assert layer.density == pytest.approx(expected.density, abs=5e-5)
    # A block that is used in part has fewer paths than one that is used or not.
    assert network.path_density() <= whole * 1.001


@pytest.mark.parametrize("density", DENSITIES)
def test_no_preset_has_more_paths_than_the_optimum_with_as_many_weights(explorer, density):
    _, most = optimal_layers(density, explorer.x, "paths")
    for preset in explorer.presets[1:]:
        paths, weights = paths_and_weights(preset.layers)
        if weights == pytest.approx(density, rel=2e-3):
            assert paths < most


def test_what_is_optimised_is_said_and_shown(explorer):
    layers = layers_of(explorer, "Random", 0.05)
    view = explorer.view(layers=layers, optimise="paths")
    wanted, whole = optimal_layers(0.05, explorer.x, "paths")
    for panel, layer in zip(view.panels, wanted, strict=False):
        assert np.array_equal(panel.values, np.array(layer["cells"], np.float32))
    after = paths_and_weights(wanted)[0]
    assert f"path density from 6.25e-06 to {after:.3g} ({whole:.3g} before" in view.summary
    again = explorer.view(layers=layers, optimise="fan-in").summary
    assert "weights kept from 0.05 to 0.05 of all" in again
    assert "before it is averaged" not in again


def test_the_browser_and_a_notebook_optimise_alike(explorer, monkeypatch):
    request = {"layers": layers_of(explorer, "SNIP", 0.05), "optimise": "paths"}
    tree, arrays = encode(explorer.view(**request))
    text, others = answering(explorer.describe()["pixels"])(json.dumps(request))
    assert json.loads(text) == json.loads(json.dumps(tree))
    assert all(np.array_equal(a, b) for a, b in zip(arrays, others, strict=True))
    widget = explore(explorer)
    sent = []
    monkeypatch.setattr(widget, "send", lambda *message: sent.append(message))
    widget._answer(None, {"id": 1, "parameters": request}, [])
    ((content, buffers),) = sent
    assert content == {"id": 1, "tree": tree}
    assert buffers == [array.tobytes() for array in arrays]


@pytest.mark.parametrize("objective", ["alignment", "most", 3, ["paths"], ""])
def test_other_objectives_are_refused(explorer, objective):
    with pytest.raises(ValueError, match="objective must be one of"):
        explorer.view(optimise=objective)


@pytest.mark.parametrize(("value", "reason"), [(0.0, "density must"), (1e-6, "density must leave")])
def test_what_has_too_few_weights_is_refused_with_the_least(explorer, value, reason):
    layer = {"family": "constant", "parameters": {"density": value}, "density": None}
    for objective in OPTIMA:
        with pytest.raises(ValueError, match=reason):
            explorer.view(layers=[layer] * 4, optimise=objective)


def test_the_page_can_bear_the_presets(explorer):
    assert len(data_script(explorer)) < 100_000
