"""The masks of the comparison on the paper's network: four hidden layers of 1,024 units.

Registered before a network of this shape was trained with a design:

- *question*: is what :mod:`~graphon_lib.experiments.designed_masks` finds for two narrow hidden layers
  true for the four wide ones of the paper, where a hidden layer has a quarter of all weights?
- *outcome*, *equivalence* and *learning rate*: as there, on MNIST, scales restored;
- *primary comparisons* (:data:`COMPARISONS`): the design with pixels against every other mask, at
  each of :data:`DENSITIES`. Ratios of geometric means over five paired networks (ten take too long)
  with the spread of their pair, Holm within a density, Bonferroni over the densities.
"""

from __future__ import annotations

from types import MappingProxyType

from graphon_lib.experiments.designed_masks import DESIGNED_MASKS, first_updates

__all__ = ["COMPARISONS", "DEEP_MASKS", "DENSITIES", "MASKS"]

DENSITIES = (0.02, 0.005)

MASKS = ("pixels", "random", "erk", "snip", "synflow")

COMPARISONS = MappingProxyType({name: ("pixels", name) for name in MASKS[1:]})
"""Errors that are compared, the first over the second."""

DEEP_MASKS = DESIGNED_MASKS.changed(
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
"""Five masks of four wide hidden layers."""
