"""What figures have in common: grids of panels, lines of means, intervals, ticks and the legend."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, NullFormatter, StrMethodFormatter
from numpy.typing import ArrayLike, NDArray

from graphon_lib.book.looks import SERIES, Look
from graphon_lib.book.style import WIDTH, label_of, style_of

__all__ = [
    "deviation",
    "grid",
    "intervals",
    "level",
    "matrix",
    "means",
    "method_lines",
    "method_panels",
    "networks_in_row",
    "plain_decades",
    "ratios_in_rows",
    "root_guide",
    "slanted_names",
    "sparsity_axis",
    "sparsity_title",
    "standard_error",
    "ticks",
    "width_axis",
    "with_error",
    "with_legend",
]


def grid(
    height: float, rows: int = 1, columns: int = 1, count: int | None = None, **options: object
) -> tuple[Figure, NDArray]:
    """Return a figure of a height in inches and its panels, those after the first `count` blank.

    The options are those of :meth:`matplotlib.figure.Figure.subplots`.

    Pyplot does not know of it, so that only its cell shows it, once, as its value.
    """
    figure = Figure(figsize=(WIDTH, height))
    panels = figure.subplots(rows, columns, squeeze=False, **options)
    for spare in [] if count is None else panels.ravel()[count:]:
        spare.set_axis_off()
    return figure, panels


def method_panels(
    methods: Sequence[str], *, height: float = 1.85, **share: bool
) -> tuple[Figure, dict[str, Axes], Axes]:
    """Return a figure, its titled panels by method, three in a row, and a blank one for a note.

    The methods are named as :func:`graphon_lib.book.style.label_of` takes them; the height is that of
    a row in inches. With `sharex` the axis has its labels under the last panel of every column.
    """
    rows = len(methods) // 3 + 1
    figure, panels = grid(height * rows, rows, 3, len(methods), **share)
    for number, (method, panel) in enumerate(zip(methods, panels.ravel(), strict=False)):
        panel.set_title(label_of(method))
        panel.tick_params(labelbottom=number + 3 >= len(methods) or not share.get("sharex"))
    return figure, dict(zip(methods, panels.ravel(), strict=False)), panels.ravel()[len(methods)]


def with_legend(figure: Figure, ncols: int = 3, **options: object) -> Figure:
    """Return the figure with the legend of its first panel, below the panels unless `loc` differs."""
    entries = figure.axes[0].get_legend_handles_labels()
    figure.legend(*entries, ncols=ncols, **{"loc": "outside lower center"} | options)
    return figure


def matrix(panel: Axes, values: np.ndarray, **options: object) -> object:
    """Draw a matrix as an image without ticks, row 0 on top, and return the image."""
    image = panel.imshow(values, aspect="auto", **options)
    panel.set(xticks=[], yticks=[])
    for spine in panel.spines.values():
        spine.set(visible=True, linewidth=0.6)
    return image


def ticks(axis: Axis, values: Sequence[float]) -> None:
    """Put ticks at some values, written plainly, and no others."""
    axis.set_ticks(values, [f"{value:g}" for value in values])
    axis.axes.minorticks_off()


def plain_decades(axis: Axis) -> None:
    """Label a logarithmic axis of few decades by 0.1, 0.2, 0.3, 0.5, 1 and so on."""
    axis.set_major_locator(LogLocator(subs=(1.0, 2.0, 3.0, 5.0)))
    axis.set_major_formatter(StrMethodFormatter("{x:g}"))
    axis.set_minor_formatter(NullFormatter())


def width_axis(panel: Axes, widths: Sequence[int], rotation: float = 0.0) -> None:
    """Make the horizontal axis logarithmic, with a tick at every width and no other."""
    panel.set_xscale("log", base=2)
    ticks(panel.xaxis, widths)
    panel.xaxis.set_tick_params(rotation=rotation)


def sparsity_axis(panel: Axes, places: ArrayLike, densities: ArrayLike) -> None:
    """Label places on the horizontal axis with the sparsities in percent."""
    panel.set_xticks(places, [f"{100 * (1 - density):.0f}" for density in densities])


def sparsity_title(density: float) -> str:
    """Return a panel's title, such as ``"sparsity 95 %"`` for the density 0.05."""
    return f"sparsity {1.0 - density:.0%}".replace("%", " %")


def slanted_names(panel: Axes, names: Sequence[str]) -> None:
    """Put names under the places 0, 1, 2 and so on, so that each ends at its tick."""
    panel.set_xticks(range(len(names)), names, rotation=40, ha="right", rotation_mode="anchor")


def level(panel: Axes, height: float = 1.0) -> None:
    """Draw a level line, thin and grey, to compare with."""
    panel.axhline(height, color="0.6", linewidth=0.8, zorder=0)


def root_guide(panel: Axes, widths: NDArray, start: float, power: float = -0.5) -> NDArray:
    """Draw the line that rises with this power of the width, and return its heights."""
    guide = start * (widths / widths[0]) ** power
    panel.plot(widths, guide, color="0.6", linewidth=0.9, zorder=0)
    return guide


def networks_in_row(panel: Axes, place: float, values: ArrayLike, look: Look) -> None:
    """Draw positive values of networks as small marks in a row, and their geometric mean as a large one."""
    values = np.asarray(values)
    panel.plot(values, np.full(values.size, place), "|", color=look.colour, markersize=7)
    mean = float(np.exp(np.log(values).mean()))
    panel.plot([mean], [place], look.marker, color=look.colour, markersize=6)


def deviation(values: xr.DataArray) -> xr.DataArray:
    """Return unbiased standard deviations over trials; 0 for one, of which nothing is known."""
    trials = values.count("trial")
    return values.std("trial") * np.sqrt(trials / np.maximum(trials - 1, 1))


def standard_error(values: xr.DataArray) -> xr.DataArray:
    """Return the standard errors of means over trials."""
    return deviation(values) / np.sqrt(values.count("trial"))


def with_error(value: float, error: float) -> str:
    """Return a number and its error as a legend has them, such as ``"−0.52 ± 0.06"``."""
    # Matplotlib has minus signs for its own ticks alone.
    return f"{value:.2f} ± {error:.2f}".replace("-", "−")


def means(
    panel: Axes,
    values: xr.DataArray,
    over: str,
    error: Callable[[xr.DataArray], xr.DataArray] = deviation,
    **style: object,
) -> None:
    """Draw means over trials along the dimension `over`, with bars as long as `error` says."""
    panel.errorbar(values[over], values.mean("trial"), error(values), **{"capsize": 2} | style)


def method_lines(panel: Axes, values: xr.DataArray, over: str) -> None:
    """Draw a line for each method along the dimension `over`: means and standard deviations."""
    for method in values.pruning.values:
        means(panel, values.sel(pruning=method), over, **style_of(method))


def intervals(
    panel: Axes,
    places: ArrayLike,
    value: ArrayLike,
    lower: ArrayLike,
    upper: ArrayLike,
    *,
    lying: bool = False,
    **style: object,
) -> None:
    """Draw values with intervals around them: standing over places, or lying in rows."""
    value = np.asarray(value)
    # The end of an interval of length 0 can be off by rounding.
    bars = np.maximum([value - lower, upper - value], 0.0)
    where = (
        {"x": value, "y": places, "xerr": bars}
        if lying
        else {"x": places, "y": value, "yerr": bars}
    )
    panel.errorbar(**where, **{"capsize": 2} | style)


def ratios_in_rows(
    ratios: Mapping[str, Mapping[str, Mapping[str, tuple[float, float, float]]]],
    names: Mapping[str, str],
    margin: float,
    of: str,
) -> Figure:
    """Draw ratios with their intervals, a panel a title, a look a label, a row a key of `names`.

    Those that are equal within the margin lie in the band; the axis says what they are ratios of.
    """
    figure, (panels,) = grid(3.2, 1, len(ratios), sharey=True)
    for panel, (title, labelled) in zip(panels, ratios.items(), strict=True):
        for number, ((label, rows), look) in enumerate(zip(labelled.items(), SERIES, strict=False)):
            places = np.arange(len(rows)) + 0.24 * (number - 0.5)
            style = {**look.line, "linestyle": "none", "label": label}
            intervals(panel, places, *np.array(list(rows.values())).T, lying=True, **style)
        panel.axvspan(1 / margin, margin, color="0.5", alpha=0.2, linewidth=0)
        panel.axvline(1.0, color="0.6", linewidth=0.8, zorder=0)
        panel.set(title=title, xscale="log", xlabel=f"ratio of {of}")
        plain_decades(panel.xaxis)
    panels[0].set_yticks(range(len(rows)), [names[name] for name in rows])
    panels[0].invert_yaxis()
    return with_legend(figure, 2)
