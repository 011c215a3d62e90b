"""Explorer of one intervention: the loss of pruned networks before and after their scale is restored."""

from __future__ import annotations

from functools import partial

from graphon_lib.book.explorers.explorer import Control, Explorer, Value
from graphon_lib.book.explorers.view import View

__all__ = ["rescaling_explorer"]


def rescaling_explorer(training: Explorer) -> Explorer:
    """Return the explorer of networks as pruned and rescaled, by method and density.

    Of that of all interventions, :func:`graphon_lib.book.explorers.training.training_explorer`.
    """
    methods, _, densities = training.controls
    rescaled = partial(training.missing, intervention="rescaled")
    options = {
        method: label
        for method, label in methods.options.items()
        if not all(rescaled(method=method, density=density) for density in densities.options)
    }
    return Explorer(
        name="rescaling",
        title="The same masks at another volume",
        controls=(Control("method", methods.label, options, "random"), densities),
        model=partial(_view, training),
        missing=rescaled,
    )


def _view(training: Explorer, **chosen: Value) -> View:
    """Show the losses, and their ends."""
    view = training.view(intervention="rescaled", **chosen)
    losses = tuple(number for number in view.numbers if number.label.startswith("Loss"))
    return View(view.panels[:1], view.summary, losses)
