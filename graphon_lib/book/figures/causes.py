"""Figures on what decides how fast a pruned network learns."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import chain

import numpy as np
import xarray as xr
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from graphon_lib.book.figures import draw
from graphon_lib.book.figures.training import draw_loss, loss_axis
from graphon_lib.book.looks import SERIES
from graphon_lib.book.style import INTERVENTION_LABELS, label_of, look_of
from graphon_lib.experiments.paired import paired_means, paired_ratio
from graphon_lib.pruning.methods import METHODS

__all__ = ["forest", "intervention_curves", "loss_against", "ratios_by_sparsity"]

INTERVENTION_LOOKS = {
    "rescaled": SERIES[0].line | {"linestyle": "-"},
    "re-drawn": SERIES[1].line | {"linestyle": (0, (5, 1))},
    "shuffled": SERIES[2].line | {"linestyle": (0, (2, 1))},
    "scaled to random": SERIES[3].line | {"linestyle": (0, (5, 1, 1, 1))},
}

GAP = 0.6

# Network whose look it has, line and filling of each ratio.
RATIO_LOOKS = (
    ("random", "-", "full"),
    ("snip", (0, (5, 1)), "full"),
    ("synflow", (0, (1, 1)), "full"),
    ("dense", (0, (3, 1, 1, 1)), "full"),
    ("snip", "none", "full"),
    ("synflow", "none", "full"),
    ("snip", "none", "none"),
    ("synflow", "none", "none"),
)


def intervention_curves(
    result: xr.Dataset, prunings: Sequence[str], interventions: Sequence[str]
) -> Figure:
    """Draw loss curves as pruned and after interventions, a panel for each method.

    Of a dataset of :func:`graphon_lib.experiments.intervention_training.beside_pruned` at one
    density: as pruned in a thick line of the method's colour, interventions where they were done, the
    dense network dotted in every panel, and all as :func:`~graphon_lib.book.figures.training.draw_loss` does.
    """
    figure, (panels,) = draw.grid(3.4, 1, len(prunings), sharey=True)
    for panel, pruning in zip(panels, prunings, strict=True):
        dense = result.loss.sel(variant="dense: as pruned")
        look = {"color": look_of("dense").colour, "linestyle": ":", "linewidth": 1.2}
        draw_loss(panel, dense, label="dense", **look)
        plain = {"color": look_of(pruning).colour, "linewidth": 3.2, "alpha": 0.75}
        draw_loss(panel, result.loss.sel(variant=f"{pruning}: as pruned"), **plain)
        for intervention in interventions:
            name = f"{pruning}: {intervention}"
            if name in result.variant.values:
                look = INTERVENTION_LOOKS[intervention] | {"markersize": 4.5, "linewidth": 1.2}
                look["label"] = INTERVENTION_LABELS.get(intervention, intervention)
                draw_loss(panel, result.loss.sel(variant=name), **look)
        loss_axis(panel)
        panel.set(title=label_of(pruning), xlabel="step")
    panels[0].set_ylabel("training loss")
    found = {}
    for panel in panels:
        for handle, label in zip(*panel.get_legend_handles_labels(), strict=True):
            found.setdefault(label, handle)
    found["as pruned"] = Line2D([], [], color="0.5", linewidth=3.2)
    figure.legend(found.values(), found, loc="outside lower center", ncols=3)
    return figure


def forest(losses: xr.DataArray) -> Figure:
    """Draw the loss of every variant as a point with its interval, a panel for each density.

    Of losses (variant, density, trial), the variants with coordinates ``pruning`` and ``intervention``:
    geometric means with the intervals of :func:`~graphon_lib.experiments.paired.paired_means`, filled
    as pruned and open after an intervention. A variant that diverged is a cross at the right edge.
    """
    losses = _grouped(losses)
    means = paired_means(losses)
    prunings = [str(name) for name in losses.pruning.values]
    interventions = [str(name) for name in losses.intervention.values]
    new_group = [i > 0 and prunings[i] != prunings[i - 1] for i in range(len(prunings))]
    rows = np.arange(len(prunings)) + GAP * np.cumsum(new_group)
    height = 0.21 * (rows[-1] + 1.0) + 0.8
    figure, (panels,) = draw.grid(height, 1, losses.sizes["density"], sharex=True, sharey=True)
    for panel, density in zip(panels, losses.density.values, strict=True):
        at_density = [part.sel(density=density).values for part in means]
        for row, pruning, intervention, *ends in zip(
            rows, prunings, interventions, *at_density, strict=True
        ):
            look = look_of(pruning)
            if not np.isfinite(ends[0]):
                at_edge = panel.get_yaxis_transform()
                panel.plot([1.0], [row], "x", transform=at_edge, color=look.colour)
                continue
            face = {} if intervention == "as pruned" else {"markerfacecolor": "white"}
            draw.intervals(panel, [row], *([end] for end in ends), lying=True, **look.line, **face)
        for name, style in (("dense: as pruned", ":"), ("random: as pruned", "--")):
            if name in losses.variant.values:
                loss = float(means.value.sel(variant=name, density=density))
                panel.axvline(loss, color="#999999", linestyle=style, linewidth=0.9, zorder=0)
        panel.set(xscale="log", title=draw.sparsity_title(density))
        draw.plain_decades(panel.xaxis)
        panel.grid(axis="y", color="#eeeeee", linewidth=0.6)
    names = [
        INTERVENTION_LABELS.get(intervention, intervention) or label_of(pruning)
        for pruning, intervention in zip(prunings, interventions, strict=True)
    ]
    panels[0].set_yticks(rows, names, fontsize=8)
    for label, intervention in zip(panels[0].get_yticklabels(), interventions, strict=True):
        label.set_fontweight("bold" if intervention == "as pruned" else "normal")
    panels[0].invert_yaxis()
    figure.supxlabel(f"test loss after {int(losses.evaluation)} steps", fontsize=10)
    return figure


def _grouped(losses: xr.DataArray) -> xr.DataArray:
    """Sort variants by method, those as pruned before their interventions."""
    methods = ["dense", *METHODS]
    keys = [
        (methods.index(pruning), intervention != "as pruned")
        for pruning, intervention in zip(
            losses.pruning.values, losses.intervention.values, strict=True
        )
    ]
    return losses.isel(variant=sorted(range(len(keys)), key=keys.__getitem__))


def ratios_by_sparsity(
    losses: xr.DataArray, comparisons: dict[str, dict[str, tuple[str, str]]]
) -> Figure:
    """Draw ratios of losses against the sparsity.

    Of losses (variant, density, trial): ratios of geometric means with the intervals of
    :func:`~graphon_lib.experiments.paired.paired_ratio`. `comparisons` are by title of a panel and label
    of a line the two variants, first over second; eight lines at most.
    """
    figure, (panels,) = draw.grid(4.2, 1, len(comparisons), sharey=True)
    places = np.arange(losses.sizes["density"])
    looks = iter(RATIO_LOOKS)
    for panel, (title, pairs) in zip(panels, comparisons.items(), strict=True):
        panel.axhline(1.0, color="#999999", linewidth=0.9, zorder=0)
        for number, (label, pair) in enumerate(pairs.items()):
            ratios = [paired_ratio(losses.sel(density=d), *pair) for d in losses.density.values]
            value, lower, upper = np.array(ratios).T[:3]
            name, line, filling = next(looks)
            look = look_of(name).line | {"linestyle": line, "fillstyle": filling, "label": label}
            look |= {"markersize": 5, "linewidth": 1.2}
            beside = places + 0.18 * (number - (len(pairs) - 1) / 2)
            draw.intervals(panel, beside, value, lower, upper, **look)
        panel.set(yscale="log", title=title, xlabel="sparsity (%)")
        draw.ticks(panel.yaxis, (0.6, 0.7, 0.8, 0.9, 1.0, 1.2, 1.4, 1.6, 2.0))
        draw.sparsity_axis(panel, places, losses.density.values)
    panels[0].set_ylabel(f"ratio of test losses, step {int(losses.evaluation)}")
    entries = zip(*(panel.get_legend_handles_labels() for panel in panels), strict=True)
    handles, labels = ([*chain(*part)] for part in entries)
    figure.legend(handles, labels, loc="outside lower center", ncols=2, fontsize=8)
    return figure


def loss_against(result: xr.Dataset, predictors: dict[str, xr.DataArray]) -> Figure:
    """Draw the test loss against quantities known before training, a panel for each.

    Of :func:`graphon_lib.experiments.intervention_training.beside_pruned` at one evaluation: a marker
    for each variant and density at the geometric means over networks, filled as pruned and open after
    an intervention; the larger, the denser. `predictors` are by label positive numbers with the
    dimensions (variant, density, trial).
    """
    figure, (panels,) = draw.grid(3.4, 1, len(predictors), sharey=True)
    densities = result.density.values
    sizes = np.linspace(14, 60, densities.size)[np.argsort(np.argsort(densities))]
    loss = np.exp(np.log(result.test_loss).mean("trial"))
    for panel, (label, predictor) in zip(panels, predictors.items(), strict=True):
        known = np.exp(np.log(predictor).mean("trial"))
        for variant in result.variant.values:
            of_variant = result.sel(variant=variant)
            pruning = str(of_variant.pruning.values)
            plain = of_variant.intervention.values == "as pruned"
            look = look_of(pruning)
            panel.scatter(
                known.sel(variant=variant, density=densities),
                loss.sel(variant=variant, density=densities),
                s=sizes,
                marker=look.marker,
                edgecolors=look.colour,
                facecolors=look.colour if plain else "none",
                linewidths=0.9,
                alpha=0.75,
                label=label_of(pruning) if plain else None,
            )
        panel.set(xscale="log", yscale="log", xlabel=label)
        draw.plain_decades(panel.yaxis)
    panels[0].set_ylabel(f"test loss after {int(result.evaluation)} steps")
    return draw.with_legend(figure, 3, handletextpad=0.2)
