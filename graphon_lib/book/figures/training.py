"""Figures on training: loss and accuracy by step, method and sparsity."""

from __future__ import annotations

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, NullFormatter, StrMethodFormatter

from graphon_lib.book.style import label_of, new_figure, style_of

__all__ = [
    "accuracy_curves",
    "draw_loss",
    "evaluation_curves",
    "loss_curves",
    "plain_decades",
    "sparsity_title",
    "tuned_rates",
]

WINDOW = 5
LOSS_RANGE = (0.1, 6.0)


def loss_curves(result: xr.Dataset) -> Figure:
    """Draw the training loss by step, a panel for each density and a line for each method.

    Parameters
    ----------
    result
        Of :func:`graphon_lib.experiments.training.training`.

    Returns
    -------
    matplotlib.figure.Figure
        Geometric means over trials and five steps, on a logarithmic axis; the bands go from the
        least to the greatest trial. Losses that leave the axis at the top, as GraSP's first do, are
        cut off; a run that diverged ends there in a cross.
    """
    figure, panels = _density_panels(result)
    for density, panel in panels.items():
        for method in result.pruning.values:
            draw_loss(
                panel,
                result.loss.sel(density=density, pruning=method),
                **style_of(method),
            )
        panel.set_yscale("log")
        panel.set_ylim(LOSS_RANGE)
        panel.set_yticks([0.1, 0.3, 1.0, 3.0], ["0.1", "0.3", "1", "3"])
        panel.minorticks_off()
    _label_outer(figure, "step", "training loss")
    return figure


def draw_loss(panel: Axes, loss: xr.DataArray, **options: object) -> None:
    """Draw one loss curve: geometric mean over trials and five steps, and the range of the trials.

    Parameters
    ----------
    panel
        Where to draw, with ``LOSS_RANGE`` as the range of its losses.
    loss
        Dimensions trial and step. Infinite from where a trial has diverged: there the line ends in
        a cross at the top.
    **options
        Colour, marker, label and so on of the line.
    """
    logarithms = np.log(loss).coarsen(step=WINDOW, boundary="trim").mean()
    steps = logarithms.step.values
    mean, low, high = (
        np.exp(summary("trial").values)
        for summary in (logarithms.mean, logarithms.min, logarithms.max)
    )
    finite = np.isfinite(mean)
    every = max(1, len(steps) // 4)
    panel.plot(steps[finite], mean[finite], markevery=(every // 2, every), **options)
    panel.fill_between(
        steps[finite], low[finite], high[finite], color=options["color"], alpha=0.2, linewidth=0
    )
    if not finite.all():
        last = steps[finite][-1] if finite.any() else steps[0]
        panel.plot([last], [LOSS_RANGE[1]], "x", color=options["color"], clip_on=False)


def accuracy_curves(result: xr.Dataset) -> Figure:
    """Draw the test accuracy by step, a panel for each density and a line for each method.

    Parameters
    ----------
    result
        Of :func:`graphon_lib.experiments.training.training`.

    Returns
    -------
    matplotlib.figure.Figure
        Means over trials, with bars from the least to the greatest. A run that has diverged counts
        as accuracy 0.
    """
    figure, panels = _density_panels(result)
    for density, panel in panels.items():
        for method in result.pruning.values:
            accuracy = result.test_accuracy.sel(density=density, pruning=method)
            mean = accuracy.mean("trial")
            panel.errorbar(
                result.evaluation.values,
                mean.values,
                [(mean - accuracy.min("trial")).values, (accuracy.max("trial") - mean).values],
                capsize=2,
                **style_of(method),
            )
        panel.set_ylim(0.0, 1.0)
    _label_outer(figure, "step", "test accuracy")
    return figure


def tuned_rates(result: xr.Dataset) -> Figure:
    """Draw the loss that gradient descent reaches against its learning rate.

    Parameters
    ----------
    result
        Of :func:`graphon_lib.experiments.tuned_training.tuned_training`.

    Returns
    -------
    matplotlib.figure.Figure
        A panel for each density and in it a line for each variant through the rates that were tried;
        rates at which training diverged are crosses at the top. Dashed lines are networks after an
        intervention.
    """
    figure = new_figure(3.4)
    axes = figure.subplots(1, result.sizes["density"], sharey=True, squeeze=False)[0]
    top = 1.25 * float(result.tuning_loss.where(np.isfinite(result.tuning_loss)).max())
    for panel, density in zip(axes, result.density.values, strict=True):
        for variant in result.variant.values:
            of_variant = result.sel(variant=variant, density=density)
            losses = of_variant.tuning_loss.dropna("learning_rate")
            diverged = np.isinf(losses)
            look = _look(of_variant)
            panel.plot(losses.learning_rate[~diverged], losses[~diverged], **look)
            rates = losses.learning_rate[diverged]
            panel.plot(rates, np.full(rates.size, top), "x", color=look["color"])
        panel.set_title(sparsity_title(density))
        panel.set_xscale("log")
        panel.set_yscale("log")
        plain_decades(panel.yaxis)
    _label_outer(figure, "learning rate of gradient descent", "training loss at the end")
    return figure


def evaluation_curves(result: xr.Dataset) -> Figure:
    """Draw test loss and test accuracy by the number of updates, a line for each variant.

    Parameters
    ----------
    result
        Of :func:`graphon_lib.experiments.intervention_training.intervention_training`, one density.

    Returns
    -------
    matplotlib.figure.Figure
        Geometric means of the loss and means of the accuracy over trials, with bars from the least to
        the greatest. Dashed lines are networks after an intervention.
    """
    figure = new_figure(3.6)
    of_loss, of_accuracy = figure.subplots(1, 2)
    for variant in result.variant.values:
        of_variant = result.sel(variant=variant)
        look = _look(of_variant) | {"capsize": 2}
        for panel, values, mean in (
            (of_loss, of_variant.test_loss, np.exp(np.log(of_variant.test_loss).mean("trial"))),
            (of_accuracy, of_variant.test_accuracy, of_variant.test_accuracy.mean("trial")),
        ):
            # A mean of equal numbers can be off by rounding.
            ends = np.maximum([mean - values.min("trial"), values.max("trial") - mean], 0.0)
            panel.errorbar(result.evaluation.values, mean.values, ends, **look)
    for panel, label in ((of_loss, "test loss"), (of_accuracy, "test accuracy")):
        panel.set_title(label)
        panel.set_xscale("log")
        panel.set_xticks(result.evaluation.values, [f"{step:g}" for step in result.evaluation])
        panel.tick_params(axis="x", labelsize=8)
        panel.minorticks_off()
    of_loss.set_yscale("log")
    plain_decades(of_loss.yaxis)
    _label_outer(figure, "updates", "")
    return figure


def _look(of_variant: xr.Dataset) -> dict[str, str | None]:
    """Return colour, marker and line of a variant: dashed and open after an intervention."""
    pruning, intervention = str(of_variant.pruning.values), str(of_variant.intervention.values)
    changed = intervention != "as pruned"
    return {
        **style_of(pruning),
        "linestyle": "--" if changed else "-",
        "markerfacecolor": "white" if changed else None,
        "label": label_of(pruning) + (f", {intervention}" if changed else ""),
    }


def plain_decades(axis: Axis) -> None:
    """Label a logarithmic axis of few decades by 0.1, 0.2, 0.3, 0.5, 1 and so on."""
    axis.set_major_locator(LogLocator(subs=(1.0, 2.0, 3.0, 5.0)))
    axis.set_major_formatter(StrMethodFormatter("{x:g}"))
    axis.set_minor_formatter(NullFormatter())


def _density_panels(result: xr.Dataset) -> tuple[Figure, dict[float, Axes]]:
    densities = [float(density) for density in result.density.values]
    rows = -(-len(densities) // 3)
    figure = new_figure(1.85 * rows + 0.7)
    axes = figure.subplots(rows, min(3, len(densities)), squeeze=False, sharex=True, sharey=True)
    for spare in axes.ravel()[len(densities) :]:
        spare.set_axis_off()
    panels = dict(zip(densities, axes.ravel(), strict=False))
    for density, panel in panels.items():
        panel.set_title(sparsity_title(density))
    return figure, panels


def sparsity_title(density: float) -> str:
    """Return a panel's title, such as ``"sparsity 95 %"`` for the density 0.05."""
    return f"sparsity {1.0 - density:.0%}".replace("%", " %")


def _label_outer(figure: Figure, horizontal: str, vertical: str) -> None:
    figure.supxlabel(horizontal, fontsize=10)
    figure.supylabel(vertical, fontsize=10)
    handles, labels = figure.axes[0].get_legend_handles_labels()
    lines = -(-len(labels) // 6)
    figure.legend(
        handles,
        labels,
        loc="outside upper center",
        ncols=-(-len(labels) // lines),
        columnspacing=0.9,
        fontsize=8,
    )
