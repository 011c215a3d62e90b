"""Grids of cells: the places of an experiment, and what its cells return put together."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from math import prod
from types import MappingProxyType
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from graphon_lib.pruning.methods import METHODS

__all__ = ["Grid", "grid", "put_together", "trials_of"]

TABLES: Mapping[str, Collection[str]] = MappingProxyType({"pruning": METHODS, "variant": METHODS})
"""What ``"all"`` stands for on an axis, alone or before a colon."""


@dataclass(frozen=True)
class Grid:
    """Places of cells.

    Attributes
    ----------
    places
        A value on every axis for each cell, in the order of computation.
    axes
        The values that occur on each axis, in the order in which they occur.
    counted
        Axes that only count, from 0: they have no labels.
    """

    places: list[dict[str, Any]]
    axes: dict[str, list[Any]]
    counted: frozenset[str]

    def index(self, place: Mapping[str, Any], axes: Collection[str]) -> tuple[int, ...]:
        """Return where a place is on some of the axes."""
        return tuple(self.axes[axis].index(place[axis]) for axis in axes)


def grid(blocks: Mapping[str, Any] | Sequence[Mapping[str, Any]]) -> Grid:
    """Return the grid of some blocks.

    Parameters
    ----------
    blocks
        A block, or several that have the same axes and follow one another. A block has every
        combination of the values of its axes, the last axis the fastest. An axis has a list of
        values, where ``"all"`` stands for all rows of the axis' table, and ``"all: as pruned"`` for
        all with these words; or a number n, for 0 to n - 1 without labels.

    Raises
    ------
    ValueError
        If there is no place at all.
    """
    blocks = [blocks] if isinstance(blocks, Mapping) else blocks
    places = [
        dict(zip(block, values, strict=True))
        for block in blocks
        for values in product(*(_values(axis, wanted) for axis, wanted in block.items()))
    ]
    if not places:
        raise ValueError(f"blocks must have a place at least, got {blocks}")
    axes = {axis: list(dict.fromkeys(place[axis] for place in places)) for axis in blocks[0]}
    counted = {axis for block in blocks for axis, wanted in block.items() if type(wanted) is int}
    return Grid(places, axes, frozenset(counted))


def trials_of(widths: Mapping[int, int], **axes: Sequence[Any]) -> list[dict[str, Any]]:
    """Return blocks with a number of trials for each width, and what other axes all of them have."""
    return [{"width": [width], "trial": trials, **axes} for width, trials in widths.items()]


def _values(axis: str, wanted: int | Sequence[Any]) -> list[Any]:
    if isinstance(wanted, int):
        return list(range(wanted))
    values: list[Any] = []
    for value in wanted:
        first, colon, words = str(value).partition(":")
        values += [row + colon + words for row in TABLES[axis]] if first == "all" else [value]
    return values


def put_together(
    of: Grid,
    cells: Sequence[Mapping[str, NDArray]],
    variables: Mapping[str, Sequence[str]],
    coords: Mapping[str, str | Sequence[Any] | Callable[..., Sequence[Any]]],
    settings: Mapping[str, Any],
) -> xr.Dataset:
    """Put the arrays of cells together.

    Parameters
    ----------
    of, cells
        The places, and in their order the arrays of each cell by name. A cell may leave out some,
        or return shorter ones: the rest is NaN, which makes integers and booleans floating-point.
    variables
        The dimensions of each variable. Those that are axes of the grid say where a cell's array
        goes, the others are its own, in their order. An axis that is left out does not matter to a
        variable: cells that differ in it alone must return the same, or it is a ``ValueError``.
    coords, settings
        Labels of the cells' own dimensions, or the setting that has them, or a function of all.
    """
    labels = {axis: values for axis, values in of.axes.items() if axis not in of.counted}
    own = {
        name: settings[f] if isinstance(f, str) else f(**settings) if callable(f) else f
        for name, f in coords.items()
    }
    return xr.Dataset(
        {
            name: _variable(of, cells, name, dims)
            for name, dims in variables.items()
            if any(name in arrays for arrays in cells)
        },
        coords={name: list(values) for name, values in {**labels, **own}.items()},
    )


def _variable(
    of: Grid, cells: Sequence[Mapping[str, NDArray]], name: str, dims: Sequence[str]
) -> xr.Variable:
    lead = [dim for dim in dims if dim in of.axes]
    found: dict[tuple[int, ...], NDArray] = {}
    for place, arrays in zip(of.places, cells, strict=True):
        if name not in arrays:
            continue
        array, index = np.asarray(arrays[name]), of.index(place, lead)
        if not np.array_equal(
            found.setdefault(index, array), array, equal_nan=array.dtype.kind == "f"
        ):
            left_out = ", ".join(axis for axis in of.axes if axis not in lead)
            raise ValueError(f"cells must return the same {name} for every {left_out}, got others")
    sides = [len(of.axes[axis]) for axis in lead]
    shapes = {array.shape for array in found.values()}
    dtype = np.result_type(*found.values())
    if dtype.kind != "f" and (len(found) < prod(sides) or len(shapes) > 1):
        dtype = np.dtype(float)
    shape = (*sides, *map(max, zip(*shapes, strict=True)))
    values = np.full(shape, np.nan if dtype.kind == "f" else 0, dtype)
    for index, array in found.items():
        values[(*index, *map(slice, array.shape))] = array
    own = [dim for dim in dims if dim not in of.axes]
    return xr.Variable((*lead, *own), values).transpose(*dims)
