"""The numbers that a figure draws, as CSV: read off its lines, bars, markers, bands and images."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator

import numpy as np
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.collections import LineCollection, PathCollection, PolyCollection
from matplotlib.colors import to_hex
from matplotlib.container import BarContainer, ErrorbarContainer
from matplotlib.figure import Figure
from matplotlib.patches import StepPatch
from matplotlib.ticker import FixedLocator

__all__ = ["COLUMNS", "as_csv"]

COLUMNS = (
    "panel",
    "kind",
    "series",
    "colour",
    "x",
    "y",
    "x_low",
    "x_high",
    "y_low",
    "y_high",
    "value",
)

MOST_PIXELS = 20_000
"""Images of a figure that have more values together are left to the result that they are of."""

Row = tuple[object, ...]


def as_csv(figure: Figure) -> str:
    """Return what a figure draws as CSV with the columns :data:`COLUMNS`.

    Lines that begin with # say, for each panel, its title, and what its axes are. An image has a row for
    every pixel, and only there is a value. Guides that span a panel are left out.
    """
    panels = [panel for panel in figure.axes if panel.axison and panel.get_label() != "<colorbar>"]
    pixels = sum(np.size(image.get_array()) for panel in panels for image in panel.images)
    file = io.StringIO()
    for number, panel in enumerate(panels, start=1):
        title = " ".join(panel.get_title().split())
        file.write(f"# panel {number}: {title}; x: {_axis(panel.xaxis)}; y: {_axis(panel.yaxis)}\n")
    if pixels > MOST_PIXELS:
        file.write(f"# {pixels} values of images are left out: the result has them\n")
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow(COLUMNS)
    for number, panel in enumerate(panels, start=1):
        for row in _rows(panel, with_images=pixels <= MOST_PIXELS):
            writer.writerow((number, *map(_written, row)))
    return file.getvalue()


def _axis(axis: Axis) -> str:
    """Return the label of an axis, and which names its ticks have."""
    label = " ".join(axis.get_label_text().split())
    if isinstance(axis.get_major_locator(), FixedLocator):
        places = axis.get_majorticklocs()
        ticks = zip(places, axis.get_major_formatter().format_ticks(places), strict=True)
        named = [f"{place:g} = {name}" for place, name in ticks if name != f"{place:g}"]
        label = f"{label} ({', '.join(named)})" if named else label
    return label


def _written(value: object) -> object:
    return f"{value:.6g}" if isinstance(value, float) else value


def _rows(panel: Axes, *, with_images: bool) -> Iterator[Row]:
    """Yield the rows of a panel without its number."""
    of_containers: set[Artist] = set()
    for container in panel.containers:
        if isinstance(container, ErrorbarContainer):
            of_containers |= set(container.get_children())
            yield from _intervals(container)
        elif isinstance(container, BarContainer):
            for bar in container:
                start, height = bar.get_y(), bar.get_height()
                place = bar.get_x() + bar.get_width() / 2
                ends = ("", "", float(start), float(start + height))
                yield "bar", *_series(container, bar), float(place), float(height), *ends
    for line in panel.lines:
        if line not in of_containers and line.get_transform() == panel.transData:
            name = _series(line, line)
            for x, y in np.transpose(line.get_data()):
                yield "line", *name, float(x), float(y), "", "", "", ""
    for collection in panel.collections:
        if collection not in of_containers:
            yield from _of_collection(collection)
    for patch in panel.patches:
        if isinstance(patch, StepPatch):
            heights, edges, _ = patch.get_data()
            for height, low, high in zip(heights, edges[:-1], edges[1:], strict=True):
                middle = float(low + high) / 2
                ends = (float(low), float(high), "", "")
                yield "step", *_series(patch, patch), middle, float(height), *ends
    for image in panel.images if with_images else ():
        for (row, column), value in np.ndenumerate(np.ma.filled(image.get_array(), np.nan)):
            yield "pixel", "", "", column, row, "", "", "", "", float(value)


def _series(named: Artist, coloured: Artist) -> tuple[str, str]:
    """Return what the legend calls an artist, and its colour, by which unnamed ones are told apart."""
    label = str(named.get_label())
    colour = coloured.get_color() if hasattr(coloured, "get_color") else coloured.get_facecolor()
    return "" if label.startswith("_") else " ".join(label.split()), to_hex(colour)


def _intervals(container: ErrorbarContainer) -> Iterator[Row]:
    line, _, bars = container
    x, y = (np.asarray(values, dtype=float) for values in line.get_data())
    ends = {"x": None, "y": None}
    present = [
        name for name, there in (("x", container.has_xerr), ("y", container.has_yerr)) if there
    ]
    for name, segments in zip(present, bars, strict=True):
        column = "xy".index(name)
        ends[name] = [path.vertices[:, column] for path in segments.get_paths()]
    for i, place in enumerate(zip(x, y, strict=True)):
        bounds: list[object] = []
        for name in ("x", "y"):
            found = ends[name]
            bounds += ["", ""] if found is None else [float(end) for end in found[i]]
        yield "interval", *_series(container, line), *map(float, place), *bounds


def _of_collection(collection: Artist) -> Iterator[Row]:
    if isinstance(collection, PathCollection):
        colours = [*collection.get_edgecolors(), *collection.get_facecolors()]
        name = (_series_name(collection), to_hex(colours[0]) if colours else "")
        for x, y in np.ma.filled(collection.get_offsets(), np.nan):
            yield "marker", *name, float(x), float(y), "", "", "", ""
    elif isinstance(collection, LineCollection):
        name = (_series_name(collection), to_hex(collection.get_colors()[0]))
        for path in collection.get_paths():
            (x_low, y_low), (x_high, y_high) = path.vertices.min(axis=0), path.vertices.max(axis=0)
            ends = (float(x_low), float(x_high), float(y_low), float(y_high))
            yield "dash", *name, float(x_low + x_high) / 2, float(y_low + y_high) / 2, *ends
    elif isinstance(collection, PolyCollection):
        name = (_series_name(collection), to_hex(collection.get_facecolors()[0]))
        for path in collection.get_paths():
            for x in np.unique(path.vertices[:, 0]):
                there = path.vertices[path.vertices[:, 0] == x, 1]
                ends = (float(there.min()), float(there.max()))
                yield "band", *name, float(x), float(np.mean(ends)), "", "", *ends


def _series_name(named: Artist) -> str:
    label = str(named.get_label())
    return "" if label.startswith("_") else " ".join(label.split())
