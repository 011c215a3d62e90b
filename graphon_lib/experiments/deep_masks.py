"""The masks of the comparison on the paper's network: four hidden layers of 1,024 units.

Registered before a network of this shape was trained with a design:

- *question*: is what :mod:`~graphon_lib.experiments.designed_masks` finds for two narrow hidden layers
  true for the four wide ones of the paper, where a hidden layer has a quarter of all weights?
- *outcome*, *equivalence* and *learning rate*: as there, on MNIST, scales restored;
- *primary comparisons* (:data:`COMPARISONS`): the design with pixels against every other mask, at
  each of :data:`DENSITIES`. Ratios of geometric means over five paired networks (ten take too long)
  with the spread of their pair, Holm within a density, Bonferroni over the densities.

The same on Fashion-MNIST and on part of CIFAR-10 was registered when MNIST had been seen, and before a
network of this shape was trained on either: a family of its own, Holm within a data set and density,
Bonferroni over :data:`OTHER_SETTINGS`.
"""

from __future__ import annotations

from dataclasses import replace
from types import MappingProxyType

from graphon_lib.experiments.designed_masks import DESIGNED_MASKS, first_updates
from graphon_lib.experiments.experiment import Experiment
from graphon_lib.experiments.other_data import OTHER_DATA

__all__ = ["COMPARISONS", "DEEP_MASKS", "DENSITIES", "MASKS", "OTHER_SETTINGS"]

DENSITIES = (0.02, 0.005)

MASKS = ("pixels", "random", "erk", "snip", "synflow")

COMPARISONS = MappingProxyType({name: ("pixels", name) for name in MASKS[1:]})
"""Errors that are compared, the first over the second."""

OTHER_SETTINGS = len(DENSITIES) * len(OTHER_DATA)
"""Densities on other data that are judged together."""


def _on_three_data_sets() -> list[Experiment]:
    digits = DESIGNED_MASKS.changed(
        "deep-masks",
        first_updates(0.02, ["erk"]),
        grid=(
            {"density": list(DENSITIES), "variant": list(MASKS)},
            {"density": [0.1], "variant": list(MASKS)},
        ),
        hidden=([1024] * 4, [32] * 4),
        rates=([0.001, 0.003, 0.01], [0.01]),
        trials=(5, 2),
    )
    others = (
        replace(digits.on(dataset, **settings), case=None)
        for dataset, settings in OTHER_DATA.items()
    )
    return [digits, *others]


DEEP_MASKS = _on_three_data_sets()
"""Five masks of four wide hidden layers, on MNIST first."""
