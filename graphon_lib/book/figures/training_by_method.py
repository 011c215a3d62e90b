"""Training losses of one method at many sparsities in one panel."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from graphon_lib.book.claims import CLAIMS
from graphon_lib.book.estimates import faster_start
from graphon_lib.book.figures import draw
from graphon_lib.book.figures.training import loss_axis, windowed
from graphon_lib.book.looks import shades
from graphon_lib.book.style import initialisation_of, label_of, look_of, style_of

__all__ = ["head_starts", "losses_by_method"]


def losses_by_method(result: xr.Dataset, methods: Sequence[str]) -> Figure:
    """Draw the training loss by step, a panel for each method and a line for each sparsity.

    Of a dataset of :func:`graphon_lib.experiments.training.training` with at most seven densities.
    Geometric means over trials and five steps; the dense network is dotted in every panel.
    """
    figure, (panels,) = draw.grid(3.2, 1, len(methods), sharex=True, sharey=True)
    densities = result.density.values
    for panel, method in zip(panels, methods, strict=True):
        for density, look in zip(densities, shades(len(densities)), strict=True):
            of_density = look.line | {"label": f"{100 * (1 - density):.0f} %"}
            _draw(panel, result.loss.sel(pruning=method, density=density), **of_density)
        dense = result.loss.sel(pruning="dense").isel(density=0)
        _draw(panel, dense, color=look_of("dense").colour, linestyle=":", label=label_of("dense"))
        loss_axis(panel)
        panel.set(title=label_of(method), xlabel="step")
    panels[0].set_ylabel("training loss")
    return draw.with_legend(figure, 4, title="sparsity")


def _draw(panel: Axes, loss: xr.DataArray, **options: object) -> None:
    mean = np.exp(windowed(loss).mean("trial"))
    every = max(1, mean.sizes["step"] // 4)
    panel.plot(mean.step, mean, markevery=(every // 2, every), markersize=4, **options)


def head_starts(*results: xr.Dataset) -> Figure:
    """Draw Random's training loss over those of SNIP and SynFlow, by sparsity.

    A panel for each dataset of :func:`graphon_lib.experiments.training.training`, one an
    initialisation: the ratios of ``faster_start`` with their simultaneous intervals; dotted, the
    least that counts.
    """
    figure, (panels,) = draw.grid(3.0, 1, len(results), sharey=True)
    for panel, result in zip(panels, results, strict=True):
        for number, method in enumerate(("snip", "synflow")):
            found = faster_start(result, method)
            value, lower, upper, _ = np.array(list(found.values())).T
            places = np.arange(len(found)) + 0.1 * (number - 0.5)
            draw.intervals(panel, places, value, lower, upper, **style_of(method))
        draw.level(panel)
        least = CLAIMS["faster-snip"].low
        panel.axhline(least, color="0.4", linewidth=0.8, linestyle=":", zorder=0)
        panel.set_xticks(range(len(found)), [name.removesuffix(" %") for name in found])
        panel.set(yscale="log", title=initialisation_of(result), xlabel="sparsity (%)")
        draw.ticks(panel.yaxis, (0.8, 1, 1.5, 2, 3, 4, 5))
    panels[0].set_ylabel("Random's loss / method's loss")
    return draw.with_legend(figure, 2)
