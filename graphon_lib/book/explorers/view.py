"""What an explorer shows: pictures, numbers and sentences, as plain data.

A :class:`View` says what is to be seen, not how it is drawn: the same view is drawn by the same
script in Jupyter, on the static page, and beside a Python that runs in the browser. Needs NumPy only.
Descriptions are for those who do not see a picture. Arrays become float32; what cannot be drawn is a
``ValueError``.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any

import numpy as np
from numpy.typing import NDArray

from graphon_lib._checks import check_array, check_choice, check_instance
from graphon_lib.book.looks import Look

__all__ = ["HeatMap", "LineChart", "Number", "Series", "View", "encode"]

SCALES = ("linear", "log")

Array = NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class HeatMap:
    """A matrix as a picture, row 0 on top, with labels of its rows and columns.

    The values lie between `low` and `high`, the ends of the colour scale. Those of a small matrix are
    `written` into it, to two places.
    """

    title: str
    values: Array
    low: float
    high: float
    row_label: str
    column_label: str
    description: str
    written: bool = False

    def __post_init__(self) -> None:
        if not -np.inf < self.low < self.high < np.inf:
            raise ValueError(f"low must be below high, got low={self.low}, high={self.high}")
        values = check_array("values", self.values, 2, minimum=self.low, maximum=self.high)
        object.__setattr__(self, "values", values.astype(np.float32))
        object.__setattr__(self, "low", float(self.low))
        object.__setattr__(self, "high", float(self.high))


@dataclass(frozen=True, eq=False)
class Series:
    """One line of a chart: heights, NaN where there is none, and both ends of bars around them or none."""

    label: str
    y: Array
    style: Look
    low: Array | None = None
    high: Array | None = None

    def __post_init__(self) -> None:
        check_instance("style", self.style, Look)
        if (self.low is None) != (self.high is None):
            raise ValueError("low and high must be given together, got only one of them")
        for name in ("y", "low", "high") if self.low is not None else ("y",):
            heights = np.asarray(getattr(self, name), dtype=np.float32)
            check_array(name, np.where(np.isnan(heights), 0.0, heights), 1)
            object.__setattr__(self, name, heights)
            if len(heights) != len(self.y):
                raise ValueError(f"{name} must have {len(self.y)} points, as y has")


@dataclass(frozen=True, eq=False)
class LineChart:
    """Lines over a common axis.

    Scales are ``"linear"`` or ``"log"``; a logarithmic axis leaves out what is not positive. `marked` is
    where a vertical line shows the point that the controls have chosen.
    """

    title: str
    x: Array
    series: tuple[Series, ...]
    x_label: str
    y_label: str
    description: str
    x_scale: str = "linear"
    y_scale: str = "linear"
    marked: float | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "x", check_array("x", self.x, 1).astype(np.float32))
        for series in self.series:
            if len(series.y) != len(self.x):
                raise ValueError(
                    f"series must have {len(self.x)} points each, as x has, got {len(series.y)}"
                )
        check_choice("x_scale", self.x_scale, SCALES)
        check_choice("y_scale", self.y_scale, SCALES)


@dataclass(frozen=True)
class Number:
    """A number worth reading off: what it is, its value, and how many significant digits to show."""

    label: str
    value: float
    digits: int = 3

    def __post_init__(self) -> None:
        object.__setattr__(self, "value", float(self.value))

    @property
    def text(self) -> str:
        """The number as it is shown."""
        return f"{self.value:.{self.digits}g}"


@dataclass(frozen=True, eq=False)
class View:
    """All that an explorer shows for one choice of its controls, its panels in the order of reading.

    The summary, one or two sentences that say what is to be seen, is read aloud when it changes.
    """

    panels: tuple[HeatMap | LineChart, ...]
    summary: str
    numbers: tuple[Number, ...] = ()


def encode(view: View) -> tuple[dict[str, Any], list[Array]]:
    """Split a view into a tree that JSON can hold and the arrays that it cannot.

    In the tree ``{"$array": i, "shape": [...]}`` stands for array i, float32 and C-contiguous. A
    panel has its class name as ``"kind"``, and a number its ``"text"``.
    """
    arrays: list[Array] = []
    return _encode(view, arrays), arrays


def _encode(value: object, arrays: list[Array]) -> Any:  # noqa: ANN401
    if isinstance(value, np.ndarray):
        arrays.append(np.ascontiguousarray(value, dtype=np.float32))
        return {"$array": len(arrays) - 1, "shape": list(value.shape)}
    if isinstance(value, tuple):
        return [_encode(item, arrays) for item in value]
    if isinstance(value, View | HeatMap | LineChart | Series | Number | Look):
        tree = {field.name: _encode(getattr(value, field.name), arrays) for field in fields(value)}
        if isinstance(value, HeatMap | LineChart):
            tree["kind"] = type(value).__name__
        if isinstance(value, Number):
            tree["text"] = value.text
        return tree
    return value
