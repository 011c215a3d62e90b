"""Explorers: views are checked, states are packed without loss beyond their 8 bits, models agree."""

import base64
import dataclasses
import json
import zlib

import numpy as np
import pytest

from graphon_lib.book.explorers.convergence import convergence_explorer
from graphon_lib.book.explorers.explorer import Control, Explorer, choice
from graphon_lib.book.explorers.precompute import data_script, pack
from graphon_lib.book.explorers.pruning import pruning_explorer
from graphon_lib.book.explorers.view import HeatMap, LineChart, Number, Series, View, encode
from graphon_lib.book.looks import SERIES
from graphon_lib.experiments.convergence import CONVERGENCE
from graphon_lib.experiments.mask_maps import MASK_MAPS


def heat_map(values=((0.0, 0.5), (0.25, 1.0)), low=0.0, high=1.0):
    return HeatMap("matrix", values, low, high, "rows", "columns", "a matrix")


def line_chart(y=(1.0, 2.0), **options):
    return LineChart(
        "chart", (1.0, 2.0), (Series("line", y, SERIES[0]),), "x", "y", "a line", **options
    )


def toy_model(kind, level):
    picture = heat_map(np.outer([level, 1.0], [0.5, 1.0 - level, 0.3 + level / 2]))
    chart = line_chart((level, 2.0 if kind == "two" else 1.0), marked=1.0)
    return View((picture, chart), f"{kind} at {level}", (Number("level", level),))


TOY = Explorer(
    "toy",
    "A toy",
    (
        Control("kind", "Kind", {"one": "One", "two": "Two"}, "one"),
        Control("level", "Level", {0.1: "low", 0.4: "high"}, 0.4, slider=True),
    ),
    toy_model,
)


@pytest.fixture(scope="module")
def convergence():
    return convergence_explorer(CONVERGENCE.run())


@pytest.fixture(scope="module")
def pruning():
    return pruning_explorer(MASK_MAPS.run())


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: heat_map(np.ones(3)), "values must"),
        (lambda: heat_map([[np.nan]]), "values must"),
        (lambda: heat_map(low=1.0), "low must be below high"),
        (lambda: heat_map(high=0.9), "values must"),
        (lambda: Series("line", (np.inf,), SERIES[0]), "y must"),
        (lambda: Series("line", (1.0,), "pink"), "style must be a Look, got str"),
        (
            lambda: Series("line", (1.0,), SERIES[0], low=(0.0,)),
            "low and high must be given together",
        ),
        (
            lambda: Series("line", (1.0,), SERIES[0], (0.0, 1.0), (2.0, 2.0)),
            "low must have 1 points",
        ),
        (lambda: line_chart((1.0, 2.0, 3.0)), "2 points"),
        (lambda: line_chart(y_scale="square"), "y_scale must be one of"),
        (lambda: Control("c", "C", {}, 1), "c must be one of"),
        (lambda: Control("c", "C", {1: "one"}, True), "c must be one of 1; got True"),
        (lambda: TOY.view(kind="three"), "kind must be one of 'one', 'two'; got 'three'"),
        (lambda: TOY.view(level=0.2), r"level must be one of 0.1, 0.4; got 0.2"),
        (lambda: TOY.view(size=1), "parameters must be among kind, level, got size"),
    ],
)
def test_bad_input_is_named(make, message):
    with pytest.raises(ValueError, match=message):
        make()


def test_controls_that_are_not_named_keep_their_start():
    assert TOY.view(kind="two").summary == "two at 0.4"


def test_a_missing_point_stays_missing():
    assert np.isnan(Series("line", (1.0, np.nan), SERIES[0]).y).tolist() == [False, True]


def test_encoding_keeps_everything():
    view = TOY.view()
    tree, arrays = encode(view)
    assert json.loads(json.dumps(tree)) == tree
    picture, chart = tree["panels"]
    assert (picture["kind"], chart["kind"]) == ("HeatMap", "LineChart")
    place = picture["values"]
    restored = arrays[place["$array"]].reshape(place["shape"])
    np.testing.assert_array_equal(restored, view.panels[0].values)
    np.testing.assert_array_equal(arrays[chart["series"][0]["y"]["$array"]], chart_line(view))
    assert chart["series"][0]["low"] is None
    assert tree["numbers"] == [{"label": "level", "value": 0.4, "digits": 3, "text": "0.4"}]


def chart_line(view):
    return view.panels[1].series[0].y


def unpack(script):
    """Read a data script the way frontend/hosts.js does; return views and arrays."""
    content = json.loads(script.split("(", 1)[1].rsplit(")", 1)[0].split(", ", 1)[1])
    states = json.loads(zlib.decompress(base64.b64decode(content["states"])))
    data = zlib.decompress(base64.b64decode(content["arrays"]))
    arrays = []
    for entry in states["arrays"]:
        start, length = entry["offset"], entry["length"]
        if "low" in entry:
            levels = np.cumsum(np.frombuffer(data, np.uint8, length, start), dtype=np.uint8)
            scale = (entry["high"] - entry["low"]) / 255
            arrays.append(entry["low"] + scale * levels)
        else:
            arrays.append(np.frombuffer(data, "<f4", length, start))
    return content["description"], states["views"], arrays


@pytest.mark.parametrize("name", ["toy", "convergence", "pruning"])
def test_packed_states_are_those_of_the_model(name, request):
    explorer = TOY if name == "toy" else request.getfixturevalue(name)
    description, views, arrays = unpack(data_script(explorer))
    assert description == json.loads(json.dumps(explorer.describe()))
    states = explorer.states()
    assert len(views) == len(states)
    for state, packed in list(zip(states, views, strict=True))[::7]:
        view = explorer.view(**state)
        assert packed["summary"] == view.summary
        assert [n["value"] for n in packed["numbers"]] == [n.value for n in view.numbers]
        for panel, tree in zip(view.panels, packed["panels"], strict=True):
            if isinstance(panel, HeatMap):
                step = (panel.high - panel.low) / 255
                got = arrays[tree["values"]["$array"]].reshape(tree["values"]["shape"])
                np.testing.assert_allclose(got, panel.values, atol=0.5001 * step, rtol=0)
            else:
                for series, line in zip(panel.series, tree["series"], strict=True):
                    np.testing.assert_array_equal(arrays[line["y"]["$array"]], series.y)


def test_equal_arrays_are_packed_once():
    _, entries, _ = pack(TOY)
    # Two pictures, one axis, and four different lines.
    assert len(entries) == 2 + 1 + 4


def test_distances_are_those_of_the_pictures(convergence):
    """Squared distance plus the noise of the means is what lies between the two pictures."""
    noise = (
        CONVERGENCE.run()
        .distance.isel(hidden_layers=0)
        .sel(mask=1, scale="histogram", statistic="noise", other_width=2000)
    )
    for method in ("random", "magnitude", "synflow"):
        chosen = {"method": method, "density": 0.1}
        reference = convergence.view(**chosen, width=2000).panels[0].values
        view = convergence.view(**chosen, width=500)
        between = float(((view.panels[0].values - reference) ** 2).sum())
        line = view.panels[2].series[0]
        at = list(view.panels[2].x).index(500)
        expected = line.y[at] ** 2 + float(
            noise.sel(pruning=method, density=0.1, width=500, estimator="plain")
        )
        # Means are stored in multiples of 2^-11, which moves a distance by at most this.
        rounding = 64 * 2.0**-12
        assert abs(between**0.5 - expected**0.5) < 2 * rounding
        assert line.low[at] <= line.y[at] <= line.high[at]


def test_the_density_slider_runs_as_the_axis_does(pruning):
    densities = list(pruning.controls[-1].options)
    np.testing.assert_array_equal(pruning.view().panels[3].x, np.float32(densities))


@pytest.mark.parametrize("name", ["convergence", "pruning"])
def test_colours_mean_the_same_in_all_states(name, request):
    explorer = request.getfixturevalue(name)
    panels = [panel for state in explorer.states()[::7] for panel in explorer.view(**state).panels]
    assert {(p.low, p.high) for p in panels if isinstance(p, HeatMap)} == {(0.0, 1.0)}


def test_states_without_a_view_are_left_out_and_their_places_kept():
    toy = dataclasses.replace(
        TOY, missing=lambda kind, level: "too low" if (kind, level) == ("one", 0.1) else ""
    )
    assert len(toy.states()) == 3
    assert toy.describe()["missing"] == {"0": "too low"}
    with pytest.raises(ValueError, match="too low: kind"):
        toy.view(level=0.1)


def test_a_further_control_chooses_among_explorers():
    level = dataclasses.replace(TOY.controls[1], options={0.4: "0.4"})
    fewer = dataclasses.replace(TOY, controls=(TOY.controls[0], level))
    both = choice("data", "Data", {"all": TOY, "few": fewer})
    assert both.view(data="all", level=0.1).summary == TOY.view(level=0.1).summary
    assert both.view(data="few", kind="two").summary == TOY.view(kind="two").summary
    assert len(both.states()) == len(TOY.states()) + len(fewer.states())
    assert [control.slider for control in both.controls] == [False, False, False]
    assert choice("data", "Data", {"all": TOY}).controls[2].slider
    with pytest.raises(ValueError, match="not computed: data='few'"):
        both.view(data="few", level=0.1)


def test_pruning_numbers_agree_with_each_other(pruning):
    for state in ({"method": "synflow"}, {"method": "snip", "scope": "layer"}, {"layer": 4}):
        view = pruning.view(**state, density=0.1)
        numbers = {number.label: number.value for number in view.numbers}
        pixels = view.panels[1].values
        assert pixels.mean() == pytest.approx(numbers["Density, input layer"], abs=1e-6)
        dead = view.panels[3]
        at = list(np.float32(dead.x)).index(np.float32(0.1))
        for i, series in enumerate(dead.series, 1):
            assert series.y[at] == pytest.approx(numbers[f"Dead in hidden layer {i}, %"], abs=1e-4)
        if state.get("scope") == "layer":
            densities = [value for label, value in numbers.items() if "Density" in label]
            np.testing.assert_allclose(densities, 0.1, atol=1e-4)
