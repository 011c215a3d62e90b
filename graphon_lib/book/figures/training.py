"""Figures on training: loss and accuracy by step, method and sparsity."""

from __future__ import annotations

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from graphon_lib.book.figures import draw
from graphon_lib.book.style import label_of, style_of

__all__ = [
    "accuracy_curves",
    "draw_loss",
    "evaluation_curves",
    "loss_axis",
    "loss_curves",
    "tuned_rates",
    "windowed",
]

LOSS_RANGE = (0.1, 6.0)


def windowed(loss: xr.DataArray) -> xr.DataArray:
    """Return the means of the logarithms of losses over five steps each."""
    return np.log(loss).coarsen(step=5, boundary="trim").mean()


def loss_axis(panel: Axes) -> None:
    """Give the vertical axis the logarithmic range that all training losses are drawn on."""
    panel.set(yscale="log", ylim=LOSS_RANGE)
    draw.ticks(panel.yaxis, (0.1, 0.3, 1.0, 3.0))


def draw_loss(panel: Axes, loss: xr.DataArray, **options: object) -> None:
    """Draw one loss (trial, step): geometric means over trials and five steps, and their range.

    The axis is :func:`loss_axis`. Where a trial has diverged losses are infinite: there the line
    ends in a cross at the top. `options` are colour, marker, label and so on.
    """
    logarithms = windowed(loss)
    steps = logarithms.step.values
    mean, low, high = (
        np.exp(summary("trial").values)
        for summary in (logarithms.mean, logarithms.min, logarithms.max)
    )
    finite = np.isfinite(mean)
    every = max(1, len(steps) // 4)
    panel.plot(steps[finite], mean[finite], markevery=(every // 2, every), **options)
    look = {"color": options["color"], "alpha": 0.2, "linewidth": 0}
    panel.fill_between(steps[finite], low[finite], high[finite], **look)
    if not finite.all():
        last = steps[finite][-1] if finite.any() else steps[0]
        panel.plot([last], [LOSS_RANGE[1]], "x", color=options["color"], clip_on=False)


def loss_curves(result: xr.Dataset) -> Figure:
    """Draw the training loss by step, a panel for each density and a line for each method.

    Of a dataset of :func:`graphon_lib.experiments.training.training`; see :func:`draw_loss`. Losses
    that leave the axis at the top, as GraSP's first do, are cut off.
    """
    figure, panels = _density_panels(result)
    for density, panel in panels.items():
        for method in result.pruning.values:
            loss = result.loss.sel(density=density, pruning=method)
            draw_loss(panel, loss, **style_of(method))
        loss_axis(panel)
    return _labelled(figure, "step", "training loss")


def accuracy_curves(result: xr.Dataset) -> Figure:
    """Draw the test accuracy by step, a panel for each density and a line for each method.

    Of a dataset of :func:`graphon_lib.experiments.training.training`. Means over trials, with bars
    from the least to the greatest. A run that has diverged counts as accuracy 0.
    """
    figure, panels = _density_panels(result)
    for density, panel in panels.items():
        for method in result.pruning.values:
            accuracy = result.test_accuracy.sel(density=density, pruning=method)
            _draw_range(panel, accuracy, accuracy.mean("trial"), **style_of(method))
        panel.set_ylim(0.0, 1.0)
    return _labelled(figure, "step", "test accuracy")


def tuned_rates(result: xr.Dataset) -> Figure:
    """Draw the loss that gradient descent reaches against its learning rate.

    Of a dataset of :func:`graphon_lib.experiments.tuned_training.tuned_training`: a panel for each
    density and in it a line for each variant through the rates that were tried; rates at which
    training diverged are crosses at the top. Dashed lines are networks after an intervention.
    """
    figure, (panels,) = draw.grid(3.4, 1, result.sizes["density"], sharex=True, sharey=True)
    top = 1.25 * float(result.tuning_loss.where(np.isfinite(result.tuning_loss)).max())
    for panel, density in zip(panels, result.density.values, strict=True):
        for variant in result.variant.values:
            of_variant = result.sel(variant=variant, density=density)
            losses = of_variant.tuning_loss.dropna("learning_rate")
            diverged = np.isinf(losses)
            look = _look(of_variant)
            panel.plot(losses.learning_rate[~diverged], losses[~diverged], **look)
            rates = losses.learning_rate[diverged]
            panel.plot(rates, np.full(rates.size, top), "x", color=look["color"])
        panel.set(title=draw.sparsity_title(density), xscale="log", yscale="log")
        draw.plain_decades(panel.yaxis)
    return _labelled(figure, "learning rate of gradient descent", "training loss at the end")


def evaluation_curves(result: xr.Dataset) -> Figure:
    """Draw test loss and test accuracy by the number of updates, a line for each variant.

    Of a dataset of :data:`graphon_lib.experiments.intervention_training.INTERVENTION_TRAINING` at
    one density. Geometric means of the loss and means of the accuracy over trials, with bars from
    the least to the greatest. Dashed lines are networks after an intervention.
    """
    figure, ((of_loss, of_accuracy),) = draw.grid(3.6, 1, 2)
    for variant in result.variant.values:
        of_variant = result.sel(variant=variant)
        loss, accuracy = of_variant.test_loss, of_variant.test_accuracy
        look = _look(of_variant)
        _draw_range(of_loss, loss, np.exp(np.log(loss).mean("trial")), **look)
        _draw_range(of_accuracy, accuracy, accuracy.mean("trial"), **look)
    for panel, label in ((of_loss, "test loss"), (of_accuracy, "test accuracy")):
        panel.set(title=label, xscale="log")
        draw.ticks(panel.xaxis, result.evaluation.values)
        panel.tick_params(axis="x", rotation=60)
    of_loss.set_yscale("log")
    draw.plain_decades(of_loss.yaxis)
    return _labelled(figure, "updates", "")


def _draw_range(panel: Axes, values: xr.DataArray, mean: xr.DataArray, **look: object) -> None:
    ends = values.min("trial"), values.max("trial")
    draw.intervals(panel, values.evaluation.values, mean, *ends, **look)


def _look(of_variant: xr.Dataset) -> dict[str, str | None]:
    """Return colour, marker and line of a variant: dashed and open after an intervention."""
    pruning, intervention = str(of_variant.pruning.values), str(of_variant.intervention.values)
    changed = intervention != "as pruned"
    return {
        **style_of(pruning),
        "linestyle": "--" if changed else "-",
        "markerfacecolor": "white" if changed else None,
        "label": label_of(f"{pruning}: {intervention}"),
    }


def _density_panels(result: xr.Dataset) -> tuple[Figure, dict[float, Axes]]:
    densities = [float(density) for density in result.density.values]
    count = len(densities)
    rows = -(-count // 3)
    share = {"sharex": True, "sharey": True}
    figure, panels = draw.grid(1.85 * rows + 0.7, rows, min(3, count), count, **share)
    for panel, density in zip(panels.ravel(), densities, strict=False):
        panel.set_title(draw.sparsity_title(density))
    return figure, dict(zip(densities, panels.ravel(), strict=False))


def _labelled(figure: Figure, horizontal: str, vertical: str) -> Figure:
    figure.supxlabel(horizontal, fontsize=10)
    figure.supylabel(vertical, fontsize=10)
    count = len(figure.axes[0].get_legend_handles_labels()[1])
    ncols = -(-count // -(-count // 6))
    look = {"columnspacing": 0.9, "fontsize": 8}
    return draw.with_legend(figure, ncols, loc="outside upper center", **look)
