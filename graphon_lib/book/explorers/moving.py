"""Explorer of the chapter on masks that move: a schedule's graphon on the way."""

from __future__ import annotations

from functools import partial

import xarray as xr

from graphon_lib.book.explorers.explorer import Control, Explorer
from graphon_lib.book.explorers.view import HeatMap, LineChart, Number, Series, View
from graphon_lib.book.figures.moving import START_LABELS
from graphon_lib.book.looks import DENSE, SERIES
from graphon_lib.pruning.moving import SCHEDULES

__all__ = ["moving_explorer"]

BRIGHTEST = 0.5
"""End of the colour scale; blocks that keep more are drawn as this."""

BESIDE = "static: erk"
"""The networks whose masks stay, of equal layer densities, that accuracies are compared with."""


def moving_explorer(result: xr.Dataset) -> Explorer:
    """Return the explorer of :data:`~graphon_lib.experiments.moving_masks.MOVING_GRAPHONS`."""
    result = result.isel(width=0).load()
    variants = {str(name): _label(str(name)) for name in result.variant.values}
    progress = {float(value): f"{100 * value:g} %" for value in result.progress.values}
    return Explorer(
        name="moving",
        title="Masks that move, on the way",
        controls=(
            Control("variant", "Schedule and first masks", variants, "rigl: random"),
            Control("progress", "Progress of the training", progress, 0.0, slider=True),
        ),
        model=partial(_view, result),
    )


def _label(variant: str) -> str:
    schedule, start = variant.split(": ")
    written = SCHEDULES[schedule].label
    return written if start == "dense" else f"{written}, from {START_LABELS[start]}"


def _view(result: xr.Dataset, *, variant: str, progress: float) -> View:
    """Show the histogram, the degrees and the accuracy of a moment, means over networks."""
    mean, of = result.mean("trial"), result.sel(variant=variant).mean("trial")
    now = of.sel(progress=progress)
    values = now.histogram.values
    degrees = {name: of.degree.sel(progress=at) for name, at in (("start", 0.0), ("now", progress))}
    accuracy = {
        _label(name): 100.0 * mean.test_accuracy.sel(variant=name)
        for name in dict.fromkeys((variant, BESIDE))
    }
    width, networks = int(result.width), result.sizes["trial"]
    reached = float(100.0 * now.test_accuracy)
    widest = float(degrees["now"].max())
    return View(
        panels=(
            HeatMap(
                title="The mask in the middle",
                values=values.clip(max=BRIGHTEST),
                low=0.0,
                high=BRIGHTEST,
                row_label="rows, sorted by degree",
                column_label="columns, sorted by degree",
                description=(
                    f"Blocks keep {values.min():.3f} to {values.max():.3f}; those above "
                    f"{BRIGHTEST:g} are drawn there."
                ),
            ),
            LineChart(
                title="Degrees of its rows",
                x=100.0 * result.level.values,
                series=tuple(
                    Series(name, line.values, look)
                    for (name, line), look in zip(degrees.items(), (DENSE, SERIES[0]), strict=True)
                ),
                x_label="share of the rows (%)",
                y_label="degree over the mean",
                description=f"The largest degree is {widest:.2f} times the mean.",
            ),
            LineChart(
                title="Test accuracy",
                x=100.0 * result.progress.values,
                series=tuple(
                    Series(name, line.values, look)
                    for (name, line), look in zip(
                        accuracy.items(), (SERIES[0], DENSE), strict=False
                    )
                ),
                x_label="progress (%)",
                y_label="accuracy (%)",
                marked=100.0 * progress,
                description=f"At {100 * progress:g} % of the training it is {reached:.1f} %.",
            ),
        ),
        summary=(
            f"{_label(variant)}, after {100 * progress:g} % of the training: of the middle mask of "
            f"networks of width {width}, blocks keep {values.min():.3f} to {values.max():.3f} of their "
            f"weights; the test accuracy is {reached:.1f} %. Means of {networks} networks; masks move "
            "in the first three quarters."
        ),
        numbers=(
            Number("Test accuracy, %", reached),
            Number("Brightest block", values.max()),
            Number("Largest degree over the mean", widest),
        ),
    )
