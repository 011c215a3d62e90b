"""Grids: every place once, in order, and every array where its place is."""

import numpy as np
import pytest
import xarray as xr

from graphon_lib.experiments.grid import grid, put_together
from graphon_lib.pruning import METHODS


def test_the_last_axis_is_the_fastest_and_numbers_count():
    of = grid({"trial": 2, "density": [0.5, 0.1]})
    assert of.places == [
        {"trial": 0, "density": 0.5},
        {"trial": 0, "density": 0.1},
        {"trial": 1, "density": 0.5},
        {"trial": 1, "density": 0.1},
    ]
    assert of.axes == {"trial": [0, 1], "density": [0.5, 0.1]}
    assert of.counted == {"trial"}


def test_blocks_follow_one_another():
    of = grid([{"width": [width], "trial": trials} for width, trials in ((8, 2), (64, 1))])
    assert [tuple(place.values()) for place in of.places] == [(8, 0), (8, 1), (64, 0)]
    assert of.axes == {"width": [8, 64], "trial": [0, 1]}


def test_all_stands_for_the_rows_of_the_table():
    assert grid({"pruning": ["dense", "all"]}).axes == {"pruning": ["dense", *METHODS]}
    of = grid({"variant": ["dense: as pruned", "all: as pruned", "random: rescaled"]})
    as_pruned = [f"{pruning}: as pruned" for pruning in ("dense", *METHODS)]
    assert of.axes == {"variant": [*as_pruned, "random: rescaled"]}


def test_no_axis_is_one_place():
    assert grid({}).places == [{}]


def test_no_place_at_all_is_an_error():
    with pytest.raises(ValueError, match="blocks must have a place at least"):
        grid({"trial": 0, "pruning": ["all"]})


def together(of, cells, **variables):
    return put_together(of, cells, variables, {}, {})


def test_arrays_lie_where_their_places_are_in_the_order_of_dimensions_asked_for():
    of = grid({"trial": 2, "width": [8, 64], "pruning": ["snip", "grasp"]})
    cells = [{"a": np.array([n, -n], np.float32)} for n in range(8)]
    result = together(of, cells, a=("pruning", "sign", "width", "trial"))
    assert result.a.dims == ("pruning", "sign", "width", "trial")
    assert result.a.dtype == np.float32
    assert "trial" not in result.coords
    for n, place in enumerate(of.places):
        found = result.a.isel(trial=place["trial"]).sel(
            width=place["width"], pruning=place["pruning"]
        )
        np.testing.assert_array_equal(found, [n, -n])


def test_places_and_parts_that_nothing_was_asked_for_are_not_a_number():
    of = grid([{"width": [8], "trial": 2}, {"width": [64], "trial": 1}])
    cells = [
        {"a": np.ones(2), "b": np.True_, "c": np.int64(1)},
        {"a": np.ones(3), "b": np.True_},
        {"a": np.ones(1), "b": np.True_, "c": np.int64(3)},
    ]
    dims = ("width", "trial")
    result = together(of, cells, a=(*dims, "layer"), b=dims, c=dims, unasked=dims)
    assert "unasked" not in result
    missing = np.nan
    np.testing.assert_array_equal(
        result.a, [[[1, 1, missing], [1, 1, 1]], [[1, missing, missing], [missing] * 3]]
    )
    np.testing.assert_array_equal(result.b, [[1, 1], [1, missing]])
    np.testing.assert_array_equal(result.c, [[1, missing], [3, missing]])


def test_arrays_of_every_place_keep_their_kind():
    of = grid({"trial": 2})
    cells = [{"b": np.bool_(n), "i": np.arange(3, dtype=np.uint8)} for n in range(2)]
    result = together(of, cells, b=("trial",), i=("trial", "k"))
    assert (result.b.dtype, result.i.dtype) == (bool, np.uint8)


def test_an_axis_that_a_variable_leaves_out_does_not_matter_to_it():
    of = grid({"width": [8, 64], "digits": [4, 6]})
    cells = [{"a": np.float64(place["width"]), "all": np.float64(np.nan)} for place in of.places]
    del cells[0]["a"]
    result = together(of, cells, a=("width",), all=())
    np.testing.assert_array_equal(result.a, [8, 64])
    assert result["all"].dims == ()
    cells[1]["a"] = np.float64(9)
    cells[0]["a"] = np.float64(8)
    with pytest.raises(ValueError, match="the same a for every digits"):
        together(of, cells, a=("width",))


def test_labels_may_follow_from_the_settings():
    coords = {"layer": lambda depth, **_: range(1, depth + 1), "side": ("in", "out")}
    cells = [{"a": np.zeros((3, 2))}]
    settings = {"depth": 3, "other": 1}
    result = put_together(grid({}), cells, {"a": ("layer", "side")}, coords, settings)
    expected = xr.Dataset(
        {"a": (("layer", "side"), np.zeros((3, 2)))},
        coords={"layer": [1, 2, 3], "side": ["in", "out"]},
    )
    xr.testing.assert_identical(result, expected)
