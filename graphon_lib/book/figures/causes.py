"""Figures on what decides how fast a pruned network learns."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import chain

import numpy as np
import xarray as xr
from matplotlib.figure import Figure

from graphon_lib.book.figures.training import (
    LOSS_RANGE,
    draw_loss,
    plain_decades,
    sparsity_title,
)
from graphon_lib.book.style import label_of, look_of, new_figure
from graphon_lib.experiments.paired import paired_means, paired_ratio
from graphon_lib.pruning.methods import METHODS

__all__ = [
    "INTERVENTION_LINES",
    "forest",
    "intervention_curves",
    "loss_against",
    "ratios_by_sparsity",
]

INTERVENTION_LINES = {
    "as pruned": "-",
    "rescaled": (0, (5, 1)),
    "re-drawn": (0, (1, 1)),
    "re-drawn, rescaled": (0, (3, 1, 1, 1)),
    "shuffled": (0, (4, 2, 1, 2, 1, 2)),
    "input mask only": (0, (8, 2)),
    "scaled to random": (0, (2, 2)),
    "shuffled, rescaled": (0, (6, 1, 1, 1)),
}
"""A line style for each intervention."""

GAP = 0.6

# Colour, marker and line of each ratio; the first four are told apart by colour, of the others the
# first two and the last two by the line.
RATIO_LOOKS = (
    ("#767676", "o", "-"),
    ("#0072B2", "s", (0, (5, 1))),
    ("#009E73", "v", (0, (1, 1))),
    ("#000000", "D", (0, (3, 1, 1, 1))),
    ("#0072B2", "s", "-"),
    ("#009E73", "v", "-"),
    ("#0072B2", "s", (0, (2, 2))),
    ("#009E73", "v", (0, (2, 2))),
)
RATIO_TICKS = (0.6, 0.7, 0.8, 0.9, 1.0, 1.2, 1.4, 1.6, 2.0)


def intervention_curves(
    result: xr.Dataset, prunings: Sequence[str], interventions: Sequence[str]
) -> Figure:
    """Draw loss curves as pruned and after interventions, a panel for each method.

    Parameters
    ----------
    result
        Of :func:`graphon_lib.experiments.intervention_training.beside_pruned`, one density.
    prunings
        The methods, one a panel.
    interventions
        Which are drawn, where they were done.

    Returns
    -------
    matplotlib.figure.Figure
        Geometric means over trials and five steps, bands from the least to the greatest trial, the
        dense network dotted in grey in every panel.
    """
    figure = new_figure(3.1)
    panels = figure.subplots(1, len(prunings), sharey=True, squeeze=False)[0]
    for panel, pruning in zip(panels, prunings, strict=True):
        for intervention in interventions:
            name = f"{pruning}: {intervention}"
            if name in result.variant.values:
                plain = intervention == "as pruned"
                draw_loss(
                    panel,
                    result.loss.sel(variant=name),
                    color=look_of(pruning).colour if plain else "#333333",
                    linestyle=INTERVENTION_LINES[intervention],
                    linewidth=2.2 if plain else 1.2,
                    label=intervention,
                )
        dense = result.loss.sel(variant="dense: as pruned")
        draw_loss(panel, dense, color="#b0b0b0", linewidth=1.2, label="dense")
        panel.set_title(label_of(pruning))
        panel.set_yscale("log")
        panel.set_ylim(LOSS_RANGE)
        panel.set_yticks([0.1, 0.3, 1.0, 3.0], ["0.1", "0.3", "1", "3"])
        panel.minorticks_off()
        panel.set_xlabel("step")
    panels[0].set_ylabel("training loss")
    found = {}
    for panel in panels:
        for handle, label in zip(*panel.get_legend_handles_labels(), strict=True):
            if label != "as pruned":
                found.setdefault(label, handle)
    figure.legend(found.values(), found, loc="outside upper center", ncols=3, fontsize=8)
    return figure


def forest(losses: xr.DataArray) -> Figure:
    """Draw the loss of every variant as a point with its interval, a panel for each density.

    Parameters
    ----------
    losses
        Dimensions variant (with coordinates ``pruning`` and ``intervention``), density and trial.

    Returns
    -------
    matplotlib.figure.Figure
        Geometric means with the intervals of
        :func:`~graphon_lib.experiments.paired.paired_means`; filled markers as pruned, open ones
        after an intervention. A variant that diverged is a cross at the right edge.
    """
    losses = _grouped(losses)
    means = paired_means(losses)
    prunings = [str(name) for name in losses.pruning.values]
    interventions = [str(name) for name in losses.intervention.values]
    new_group = [i > 0 and prunings[i] != prunings[i - 1] for i in range(len(prunings))]
    rows = np.arange(len(prunings)) + GAP * np.cumsum(new_group)
    figure = new_figure(0.21 * (rows[-1] + 1.0) + 0.8)
    axes = figure.subplots(1, losses.sizes["density"], sharex=True, sharey=True, squeeze=False)[0]
    for panel, density in zip(axes, losses.density.values, strict=True):
        middle, low, high = (part.sel(density=density).values for part in means)
        for i, row in enumerate(rows):
            look = {"color": look_of(prunings[i]).colour}
            if not np.isfinite(middle[i]):
                panel.plot([1.0], [row], "x", transform=panel.get_yaxis_transform(), **look)
                continue
            if interventions[i] != "as pruned":
                look["markerfacecolor"] = "white"
            ends = [[middle[i] - low[i]], [high[i] - middle[i]]]
            marker = look_of(prunings[i]).marker
            panel.errorbar([middle[i]], [row], xerr=ends, marker=marker, capsize=2, **look)
        for name, style in (("dense: as pruned", ":"), ("random: as pruned", "--")):
            if name in losses.variant.values:
                level = float(means.value.sel(variant=name, density=density))
                panel.axvline(level, color="#999999", linestyle=style, linewidth=0.9, zorder=0)
        panel.set_xscale("log")
        plain_decades(panel.xaxis)
        panel.set_title(sparsity_title(density))
        panel.grid(axis="y", color="#eeeeee", linewidth=0.6)
    names = [
        label_of(pruning) if intervention == "as pruned" else intervention
        for pruning, intervention in zip(prunings, interventions, strict=True)
    ]
    axes[0].set_yticks(rows, names, fontsize=8)
    for label, intervention in zip(axes[0].get_yticklabels(), interventions, strict=True):
        label.set_fontweight("bold" if intervention == "as pruned" else "normal")
    axes[0].invert_yaxis()
    figure.supxlabel(f"test loss after {int(losses.evaluation)} steps", fontsize=10)
    return figure


def _grouped(losses: xr.DataArray) -> xr.DataArray:
    """Sort variants by method, those as pruned before their interventions."""
    methods = ["dense", *METHODS]
    return losses.isel(
        variant=sorted(
            range(losses.sizes["variant"]),
            key=lambda i: (
                methods.index(losses.pruning.values[i]),
                losses.intervention.values[i] != "as pruned",
            ),
        )
    )


def ratios_by_sparsity(
    losses: xr.DataArray, comparisons: dict[str, dict[str, tuple[str, str]]]
) -> Figure:
    """Draw ratios of losses against the sparsity.

    Parameters
    ----------
    losses
        Dimensions variant, density and trial.
    comparisons
        By title of a panel and label of a line: the two variants, first over second. Eight lines at
        most.

    Returns
    -------
    matplotlib.figure.Figure
        Ratios of geometric means with the intervals of
        :func:`~graphon_lib.experiments.paired.paired_ratio`, on a logarithmic axis.
    """
    figure = new_figure(4.2)
    axes = figure.subplots(1, len(comparisons), sharey=True, squeeze=False)[0]
    positions = np.arange(losses.sizes["density"])
    looks = iter(RATIO_LOOKS)
    for panel, (title, pairs) in zip(axes, comparisons.items(), strict=True):
        panel.axhline(1.0, color="#999999", linewidth=0.9, zorder=0)
        for number, (label, pair) in enumerate(pairs.items()):
            ratios = np.array(
                [paired_ratio(losses.sel(density=d), *pair) for d in losses.density.values]
            ).T
            colour, marker, line = next(looks)
            panel.errorbar(
                positions + 0.09 * (number - (len(pairs) - 1) / 2),
                ratios[0],
                [ratios[0] - ratios[1], ratios[2] - ratios[0]],
                color=colour,
                marker=marker,
                markersize=4,
                linestyle=line,
                linewidth=1.2,
                capsize=2,
                label=label,
            )
        panel.set_yscale("log")
        panel.set_yticks(RATIO_TICKS, [f"{tick:g}" for tick in RATIO_TICKS])
        panel.minorticks_off()
        panel.set_xticks(positions, [f"{100 * (1 - d):.0f}" for d in losses.density.values])
        panel.set_xlabel("sparsity (%)")
        panel.set_title(title)
    axes[0].set_ylabel(f"ratio of test losses, step {int(losses.evaluation)}")
    handles, labels = zip(*(panel.get_legend_handles_labels() for panel in axes), strict=True)
    figure.legend(
        [*chain(*handles)],
        [*chain(*labels)],
        loc="outside lower center",
        ncols=2,
        fontsize=8,
    )
    return figure


def loss_against(result: xr.Dataset, predictors: dict[str, xr.DataArray]) -> Figure:
    """Draw the test loss against quantities known before training, a panel for each.

    Parameters
    ----------
    result
        Of :func:`graphon_lib.experiments.intervention_training.beside_pruned`, one evaluation.
    predictors
        By label, positive numbers with the dimensions (variant, density, trial).

    Returns
    -------
    matplotlib.figure.Figure
        A marker for each network, filled as pruned and open after an intervention, on logarithmic
        axes; the larger, the denser.
    """
    figure = new_figure(2.9)
    axes = figure.subplots(1, len(predictors), sharey=True, squeeze=False)[0]
    sizes = np.linspace(14, 42, result.sizes["density"])[
        np.argsort(np.argsort(result.density.values))
    ]
    for panel, (label, predictor) in zip(axes, predictors.items(), strict=True):
        for variant in result.variant.values:
            of_variant = result.sel(variant=variant)
            pruning, plain = (
                str(of_variant.pruning.values),
                of_variant.intervention.values == "as pruned",
            )
            for size, density in zip(sizes, result.density.values, strict=True):
                panel.scatter(
                    predictor.sel(variant=variant, density=density),
                    of_variant.test_loss.sel(density=density),
                    s=size,
                    marker=look_of(pruning).marker,
                    edgecolors=look_of(pruning).colour,
                    facecolors=look_of(pruning).colour if plain else "none",
                    linewidths=0.9,
                    alpha=0.85,
                    label=label_of(pruning)
                    if plain and density == result.density.values[-1]
                    else None,
                )
        panel.set_xscale("log")
        panel.set_yscale("log")
        plain_decades(panel.yaxis)
        panel.set_xlabel(label)
    axes[0].set_ylabel(f"test loss after {int(result.evaluation)} steps")
    figure.legend(
        *axes[0].get_legend_handles_labels(),
        loc="outside upper center",
        ncols=6,
        columnspacing=0.9,
        handletextpad=0.2,
        fontsize=8,
    )
    return figure
