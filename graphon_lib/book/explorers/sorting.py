"""Explorer of the chapter on graphons: what sorting finds in masks without any structure."""

from __future__ import annotations

from functools import cache

import numpy as np
from numpy.typing import NDArray

from graphon_lib.book.explorers.explorer import Control, Explorer
from graphon_lib.book.explorers.view import HeatMap, LineChart, Number, Series, View
from graphon_lib.book.looks import DENSE, SERIES
from graphon_lib.graphons import sas, sorting_artefact

__all__ = ["sorting_explorer"]

BLOCKS = 8
DENSITY = 0.2
MASKS = 4
WIDTHS = (64, 128, 256, 512, 1024, 2048)
BRIGHTEST = 0.5
"""End of the colour scale, above every block at the smallest width."""


def sorting_explorer() -> Explorer:
    """Return the explorer of degree-sorted random masks by width: nothing is there but the density."""
    widths = {width: f"n = {width}" for width in WIDTHS}
    return Explorer(
        name="sorting",
        title="Sorting a mask without structure",
        controls=(Control("width", "Width", widths, WIDTHS[0], slider=True),),
        model=_view,
    )


@cache
def _histograms(width: int) -> dict[str, NDArray[np.float64]]:
    """Return the means of plain and cross-fitted histograms of random masks, seeded by their width."""
    rng = np.random.default_rng(width)
    masks = [rng.random((width, width), np.float32) < DENSITY for _ in range(MASKS)]
    return {
        name: np.mean([sas(mask, BLOCKS, cross_fit=fit).values for mask in masks], axis=0)
        for name, fit in (("plain", False), ("cross-fitted", True))
    }


def _view(*, width: int) -> View:
    """Show the two histograms of a width, and the corner block of all widths beside the formula."""
    corners = {
        name: np.array([_histograms(n)[name][0, 0] for n in WIDTHS])
        for name in ("plain", "cross-fitted")
    }
    expected = np.array([sorting_artefact(DENSITY, (n, n), BLOCKS)[0, 0] for n in WIDTHS])
    place = WIDTHS.index(width)
    corner = {name: values[place] for name, values in corners.items()}
    return View(
        panels=(
            *(
                HeatMap(
                    title=f"{name.capitalize()} histogram",
                    values=values,
                    low=0.0,
                    high=BRIGHTEST,
                    row_label="rows, sorted by degree",
                    column_label="columns, sorted by degree",
                    description=f"Blocks from {values.min():.3f} to {values.max():.3f}.",
                )
                for name, values in _histograms(width).items()
            ),
            LineChart(
                title="The brightest corner",
                x=np.array(WIDTHS),
                series=(
                    Series("plain", corners["plain"], SERIES[0]),
                    Series("cross-fitted", corners["cross-fitted"], SERIES[1]),
                    Series("formula", expected, DENSE),
                ),
                x_label="width n",
                y_label="value of the corner block",
                x_scale="log",
                marked=float(width),
                description=f"The formula falls from {expected[0]:.3f} to {expected[-1]:.3f}.",
            ),
        ),
        summary=(
            f"Random masks of density {DENSITY:g} and width {width}, mean of {MASKS}: sorted, their "
            f"corner block is {corner['plain']:.3f}, where the formula expects {expected[place]:.3f}; "
            f"cross-fitted, {corner['cross-fitted']:.3f}."
        ),
        numbers=(
            Number("Corner, plain", corner["plain"]),
            Number("Corner, by the formula", expected[place]),
            Number("Corner, cross-fitted", corner["cross-fitted"]),
        ),
    )
