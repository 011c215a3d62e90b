"""Every published method at six densities, shuffled masks, too, on three data sets.

:mod:`~graphon_lib.experiments.rival_masks` and :mod:`~graphon_lib.experiments.npb_masks` have all
methods at two densities, :mod:`~graphon_lib.experiments.masks_by_density` few methods at more. What was
left at the densities of all three data sets was registered after these had been seen, and before a
network of this module was trained:

- *question*: is there a density and a data set at which a published method ends with smaller errors than
  the design with pixels? And are the numbers of weights that a method gives each layer its masks' worth?
- *outcome*, *equivalence* and *learning rate*: as there;
- *primary comparisons* (:data:`COMPARISONS`): the design at restored scale, whose networks these are
  paired with, against every method, at restored scale and as published, and against masks whose
  entries are shuffled within layers, at restored scale. Ratios of geometric means over ten networks
  with the spread of their pair, Holm within a data set and density, Bonferroni over :data:`SETTINGS`.

Natural pictures cost most, and shuffled masks were to come last there. When MNIST had been seen the
lowest density was put before the highest, and this and the shuffled masks were then left out for want of
time, before a result on natural pictures was looked at. Holm's correction there is over what was trained.
"""

from __future__ import annotations

from dataclasses import replace
from types import MappingProxyType

from graphon_lib.experiments.designed_masks import (
    AS_PUBLISHED,
    DESIGNED_MASKS,
    RATES,
    RIVALS,
    SHUFFLED,
    first_updates,
)
from graphon_lib.experiments.experiment import Experiment
from graphon_lib.experiments.masks_by_density import COLOUR
from graphon_lib.experiments.masks_by_density import LABELS as RESTORED_BEFORE
from graphon_lib.experiments.other_data import OTHER_DATA
from graphon_lib.experiments.rival_masks import DENSITIES as PUBLISHED_BEFORE

__all__ = ["COMPARISONS", "LAYERS_OF", "RIVALS_BY_DENSITY", "SETTINGS"]

LAYERS_OF = ("snip", "iterative-snip", "grasp", "synflow", "ntk-sap")
"""Methods whose masks are shuffled: those that choose layer densities by scores.

NPB is given ERK's, and PHEW's walks have one weight in each layer.
"""

COMPARISONS = MappingProxyType(
    {
        name: ("pixels", name)
        for name in (
            *(*RIVALS, "dense", "magnitude"),
            *(name + AS_PUBLISHED for name in RIVALS),
            *(name + SHUFFLED for name in LAYERS_OF),
        )
    }
)
"""Errors that are compared, the first over the second."""

NEW = [0.05, 0.01, 0.2, 0.002]
"""Densities at which few methods were trained before; CIFAR-10, with more inputs, has 0.003 for the last."""


def _cells(densities: list[float], trained: set[str]) -> list[dict[str, list]]:
    """Return what is left to train: whole masks at these densities, shuffled ones at all."""
    left = [name for name in COMPARISONS if name not in trained]
    shuffled = [name for name in left if name.endswith(SHUFFLED)]
    whole = [name for name in left if name not in (*shuffled, "dense")]
    cells = [{"density": densities, "variant": whole}]
    if "dense" in left:
        # The least density has less than a unit a layer.
        cells.append({"density": sorted(densities)[1:], "variant": ["dense"]})
    return [*cells, {"density": [*densities, *PUBLISHED_BEFORE], "variant": shuffled}]


def _on_three_data_sets() -> list[Experiment]:
    quick = {"density": [0.05], "variant": ["snip" + SHUFFLED, "phew" + AS_PUBLISHED]}
    digits = DESIGNED_MASKS.changed(
        "rivals-by-density",
        first_updates(0.05, ["phew", "grasp" + SHUFFLED]),
        grid=(_cells(NEW, {*RESTORED_BEFORE}), quick),
        rates=(RATES, DESIGNED_MASKS.quick["rates"]),
    )
    clothing = digits.on("fashion-mnist", **OTHER_DATA["fashion-mnist"])
    # Without shuffled masks, the last cells.
    colour = digits.on(
        "cifar10-4k",
        **OTHER_DATA["cifar10-4k"],
        grid=_cells([0.05, 0.01, 0.003], {*COLOUR["variant"]})[:-1],
    )
    return [digits, *(replace(other, case=None) for other in (clothing, colour))]


RIVALS_BY_DENSITY = _on_three_data_sets()
"""These experiments, on MNIST first."""

SETTINGS = len(RIVALS_BY_DENSITY) * (len(NEW) + len(PUBLISHED_BEFORE))
"""Densities on all data sets as registered, which are judged together."""
