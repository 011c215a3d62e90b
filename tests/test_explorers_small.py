"""The small explorers in the chapters show what their paragraphs say."""

import functools

import numpy as np
import pytest

from graphon_lib.book.explorers.design import DesignExplorer, example_pixels
from graphon_lib.book.explorers.explorer import Control, Explorer
from graphon_lib.book.explorers.moving import moving_explorer
from graphon_lib.book.explorers.neuron import BESIDE, NEURONS, neuron_explorer
from graphon_lib.book.explorers.offsets import KINDS, offsets_explorer
from graphon_lib.book.explorers.paths import paths_explorer
from graphon_lib.book.explorers.rescaling import rescaling_explorer
from graphon_lib.book.explorers.sorting import BLOCKS, DENSITY, MASKS, sorting_explorer
from graphon_lib.book.explorers.view import HeatMap, LineChart, Number, Series, View
from graphon_lib.book.looks import SERIES
from graphon_lib.experiments.channel_maps import CHANNEL_MAPS, CHANNEL_MAPS_TORCH
from graphon_lib.experiments.channel_masks import CHANNEL_MASKS
from graphon_lib.experiments.data import load_mnist
from graphon_lib.experiments.moving_masks import MOVING_GRAPHONS


@functools.cache
def paths():
    return paths_explorer(DesignExplorer(example_pixels(load_mnist())))


def test_sorting_invents_what_the_formula_says_and_cross_fitting_nothing():
    corner = sorting_explorer().view(width=2048).panels[2]
    plain, fitted, formula = (series.y for series in corner.series)
    wide = corner.x >= 256  # blocks of 32 rows and more, so that the normal law holds
    np.testing.assert_allclose(plain[wide], formula[wide], rtol=0.03)
    assert (np.diff(plain) < 0).all()
    entries = MASKS * (corner.x / BLOCKS) ** 2
    assert (np.abs(fitted - DENSITY) < 4 * np.sqrt(DENSITY * (1 - DENSITY) / entries)).all()


def assert_shows_neuron(view, order):
    """Check that one row and one column are bright, at the positions and as high as is said."""
    into, out, chart = view.panels
    assert into.values.shape == out.values.shape[::-1] == (NEURONS, BESIDE)
    lit = np.flatnonzero((into.values >= 0.19).all(1)), np.flatnonzero((out.values >= 0.19).all(0))
    rows, columns, row, column = (series.y for series in chart.series)
    for places, panel, degrees, alone in zip(
        lit, (into.values, out.values.T), (rows, columns), (row, column), strict=True
    ):
        (place,) = places
        np.testing.assert_array_equal((panel > 0.3).sum(1), degrees)
        assert np.flatnonzero(~np.isnan(alone)).tolist() == [place]
        assert alone[place] == degrees[place] == (panel[place] == 1).sum()
    before, after, read, there = (number.value for number in view.numbers)
    assert [before, after] == pytest.approx([(place[0] + 0.5) / NEURONS for place in lit])
    assert read == rows @ columns
    if order == "apart":
        assert (np.diff(rows) <= 0).all()
        assert (np.diff(columns) <= 0).all()
        assert read > 1.05 * there
    else:
        assert before == after
        assert read == there
    return there


@pytest.mark.parametrize("order", ["numbered", "apart", "together"])
def test_a_neuron_has_one_position_unless_its_masks_are_sorted_apart(order):
    explorer = neuron_explorer()
    views = [explorer.view(neuron=number, order=order) for number in range(1, NEURONS + 1)]
    assert len({assert_shows_neuron(view, order) for view in views}) == 1
    before, after = np.transpose([[n.value for n in view.numbers[:2]] for view in views])
    for positions in (before, after):
        np.testing.assert_allclose(np.sort(positions), (np.arange(NEURONS) + 0.5) / NEURONS)
    if order == "numbered":
        assert (np.diff(before) > 0).all()
    assert (before != after).any() == (order == "apart")


def test_unequal_neighbours_make_paths_and_leave_the_shape():
    views = {
        (rows, columns): paths().view(rows=rows, columns=columns)
        for rows, columns in ((0.0, 0.0), (0.0, 4.0), (4.0, 4.0))
    }
    numbers = {
        at: {number.label: number.value for number in view.numbers} for at, view in views.items()
    }
    even, one_sided, both = (numbers[at]["Path density"] for at in views)
    assert even == pytest.approx(0.3**4)
    assert one_sided == pytest.approx(even)  # one side alone makes none
    assert both > 2 * even
    for at, view in views.items():
        np.testing.assert_allclose(view.panels[2].values, views[0.0, 0.0].panels[2].values, 1e-5)
        assert numbers[at]["Trace over dense"] == pytest.approx(numbers[at]["Path density"])
        assert view.panels[0].values.mean() == pytest.approx(0.3, abs=1e-6)


def test_rescaling_has_the_methods_that_were_rescaled_and_their_losses():
    chart = LineChart("loss", (1.0,), (Series("line", (1.0,), SERIES[0]),), "x", "y", "a line")
    training = Explorer(
        "training",
        "Training",
        (
            Control("method", "Method", {"dense": "Dense", "random": "Random"}, "dense"),
            Control("intervention", "I", {"as pruned": "0", "rescaled": "1"}, "as pruned"),
            Control("density", "Density", {0.1: "0.1", 0.5: "0.5"}, 0.1, slider=True),
        ),
        lambda method, intervention, density: View(
            (chart, chart), f"{method} {intervention}", (Number("Loss, a", density), Number("b", 1))
        ),
        lambda method, intervention, density: (
            "not trained" if method == "dense" and intervention == "rescaled" else ""
        ),
    )
    explorer = rescaling_explorer(training)
    assert list(explorer.controls[0].options) == ["random"]
    view = explorer.view(density=0.5)
    assert view.summary == "random rescaled"
    assert len(view.panels) == 1
    assert [(number.label, number.value) for number in view.numbers] == [("Loss, a", 0.5)]


def test_moving_masks_begin_as_they_were_and_static_ones_stay():
    graphons = MOVING_GRAPHONS.compute(MOVING_GRAPHONS.quick)
    explorer = moving_explorer(graphons)
    assert len(explorer.states()) == graphons.sizes["variant"] * graphons.sizes["progress"]
    first, last = (explorer.view(variant="static: erk", progress=at) for at in (0.0, 1.0))
    np.testing.assert_array_equal(first.panels[0].values, last.panels[0].values)
    dense = explorer.view(variant="gradual: dense", progress=0.0)
    assert (dense.panels[0].values == dense.panels[0].high).all()
    mean = 100 * float(graphons.test_accuracy.sel(variant="rigl: erk", progress=1.0).mean())
    view = explorer.view(variant="rigl: erk", progress=1.0)
    assert view.numbers[0].value == pytest.approx(mean)
    assert view.panels[2].marked == 100.0


@pytest.fixture(scope="module")
def maps():
    return {"He": CHANNEL_MAPS.run(), "PyTorch": CHANNEL_MAPS_TORCH.run()}


def test_offsets_by_kind_are_those_of_their_map(maps):
    assert sum(np.count_nonzero(kind) for kind in KINDS.values()) == 9
    explorer = offsets_explorer(maps)
    states = explorer.states()
    sizes = maps["He"].sizes
    count = sizes["pruning"] * sizes["inner_convolution"] * sizes["density"] * sizes["padding"]
    assert len(states) == 2 * count
    scales = set()
    for state in states[::7]:
        view = explorer.view(**state)
        offsets, channels, chart = view.panels
        scales.add(tuple((p.low, p.high) for p in view.panels if isinstance(p, HeatMap)))
        # Over their mean, and all of a layer are its blocks' mean.
        assert offsets.values.mean() == pytest.approx(1.0, abs=1e-5)
        assert channels.values.mean() == pytest.approx(state["density"], rel=1e-3)
        place = list(chart.x).index(state["layer"])
        assert chart.marked == state["layer"]
        centre, sides, corners = (series.y[place] for series in chart.series)
        assert centre == offsets.values[1, 1]
        assert sides == pytest.approx(offsets.values.flat[1::2].mean(), rel=1e-5)
        assert corners == pytest.approx(offsets.values[::2, ::2].mean(), rel=1e-5)
        numbers = {number.label: number.value for number in view.numbers}
        assert numbers["Centre over the layer"] == pytest.approx(centre, rel=1e-5)
        assert f"{centre:.2f} times the density of the layer" in view.summary
    assert len(scales) == 1


def test_offsets_are_those_of_the_first_networks_of_the_experiment_on_all_widths(maps):
    """At its density the same networks, pruned again."""
    of = CHANNEL_MASKS.run()
    same = of.sel(architecture="convolutional", width=maps["He"].attrs["width"], scope="layer")
    same = same.isel(trial=slice(maps["He"].sizes["trial"]))
    found = maps["He"].sel(density=of.attrs["density"])
    for name in ("offset_density", "cycles"):
        np.testing.assert_allclose(found[name], same[name].transpose(*found[name].dims), rtol=0.02)


def test_the_border_is_why_the_centre_is_kept(maps):
    explorer = offsets_explorer(maps)
    for method in ("snip", "grasp", "synflow"):
        zeros, circular = (
            explorer.view(method=method, border=border).numbers[0].value
            for border in ("zeros", "circular")
        )
        assert abs(circular - 1.0) < 0.5 * (zeros - 1.0)
