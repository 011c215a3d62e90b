"""Training losses of one method at many sparsities in one panel."""

from __future__ import annotations

from collections.abc import Sequence

import matplotlib as mpl
import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from graphon_lib.book.claims import CLAIMS
from graphon_lib.book.estimates import faster_start
from graphon_lib.book.figures.training import LOSS_RANGE, WINDOW
from graphon_lib.book.style import (
    SEQUENTIAL,
    initialisation_of,
    label_of,
    look_of,
    new_figure,
    style_of,
)

__all__ = ["head_starts", "losses_by_method"]

MARKERS = "o^sDvX"
RATIO_TICKS = (0.8, 1, 1.5, 2, 3, 4, 5)


def losses_by_method(result: xr.Dataset, methods: Sequence[str]) -> Figure:
    """Draw the training loss by step, a panel for each method and a line for each sparsity.

    Parameters
    ----------
    result
        Of :func:`graphon_lib.experiments.training.training`, at most six densities, the dense
        network among the methods.
    methods
        Whose losses, at most three.

    Returns
    -------
    matplotlib.figure.Figure
        Geometric means over trials and five steps on a logarithmic axis; the dense network is dotted
        in every panel.
    """
    figure = new_figure(3.2)
    axes = figure.subplots(1, len(methods), sharex=True, sharey=True, squeeze=False)[0]
    densities = result.density.values
    colours = mpl.colormaps[SEQUENTIAL](np.linspace(0.0, 0.85, len(densities)))
    for panel, method in zip(axes, methods, strict=True):
        for density, colour, marker in zip(densities, colours, MARKERS, strict=False):
            _draw(
                panel,
                result.loss.sel(pruning=method, density=density),
                color=colour,
                marker=marker,
                label=f"{100 * (1 - density):.0f} %",
            )
        dense = result.loss.sel(pruning="dense").isel(density=0)
        _draw(panel, dense, color=look_of("dense").colour, linestyle=":", label=label_of("dense"))
        panel.set_yscale("log")
        panel.set_ylim(LOSS_RANGE)
        panel.set_yticks([0.1, 0.3, 1.0, 3.0], ["0.1", "0.3", "1", "3"])
        panel.minorticks_off()
        panel.set_title(label_of(method))
        panel.set_xlabel("step")
    axes[0].set_ylabel("training loss")
    handles, labels = axes[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=4, title="sparsity")
    return figure


def _draw(panel: Axes, loss: xr.DataArray, **options: object) -> None:
    mean = np.exp(np.log(loss).coarsen(step=WINDOW, boundary="trim").mean().mean("trial"))
    every = max(1, mean.sizes["step"] // 4)
    panel.plot(mean.step, mean, markevery=(every // 2, every), markersize=4, **options)


def head_starts(*results: xr.Dataset) -> Figure:
    """Draw Random's training loss over those of SNIP and SynFlow, by sparsity.

    Parameters
    ----------
    *results
        Of :func:`graphon_lib.experiments.training.training`, one an initialisation.

    Returns
    -------
    matplotlib.figure.Figure
        A panel a result: the ratios of ``faster_start`` with their
        simultaneous intervals; dotted, the least that counts.
    """
    figure = new_figure(3.0)
    axes = figure.subplots(1, len(results), sharey=True, squeeze=False)[0]
    for panel, result in zip(axes, results, strict=True):
        for number, method in enumerate(("snip", "synflow")):
            found = faster_start(result, method)
            values, lower, upper, _ = np.array(list(found.values())).T
            panel.errorbar(
                np.arange(len(found)) + 0.1 * (number - 0.5),
                values,
                [values - lower, upper - values],
                capsize=2,
                **style_of(method),
            )
        panel.axhline(1.0, color="0.6", linewidth=0.8, zorder=0)
        panel.axhline(
            CLAIMS["faster-snip"].low, color="0.4", linewidth=0.8, linestyle=":", zorder=0
        )
        panel.set_xticks(range(len(found)), [name.removesuffix(" %") for name in found])
        panel.set_yscale("log")
        panel.set_yticks(RATIO_TICKS, [f"{tick:g}" for tick in RATIO_TICKS])
        panel.minorticks_off()
        panel.set_title(initialisation_of(result))
        panel.set_xlabel("sparsity (%)")
    axes[0].set_ylabel("loss of Random over")
    figure.legend(*axes[0].get_legend_handles_labels(), loc="outside lower center", ncols=2)
    return figure
