"""One number a neuron or one a layer: which initialisation a sparse network should have.

Registered before a network was trained with a number a neuron. Those with one a layer were there, in
:mod:`~graphon_lib.experiments.masks_by_density`, and had been seen; so were most of those without any,
in :mod:`~graphon_lib.experiments.rival_masks`. Networks, batches and settings are the same:

- *question*: does it help that every neuron, and not only every layer, has the scale of a dense one,
  by :func:`~graphon_lib.pruning.rescale_neurons`?
- *outcome* and *equivalence*: the error on the test images after the last update, on MNIST; errors
  that differ by less than a tenth are equal;
- *learning rate*: for every mask, density and initialisation the best of four, as there;
- *primary comparisons* (:data:`COMPARISONS`): of each of :data:`MASKS` one number a neuron against one
  a layer, at each of :data:`DENSITIES`. Ratios of geometric means over ten paired networks with the
  spread of their pair, Holm within a density, Bonferroni over the densities.

Networks without factors, of :mod:`~graphon_lib.experiments.rival_masks`, are described, and not tested.
Seven more of these were registered, and cut for want of time: after the fifteen settings here had been
looked at, before any of the seven was.
"""

from __future__ import annotations

from types import MappingProxyType

from graphon_lib.experiments.designed_masks import (
    DESIGNED_MASKS,
    PER_NEURON,
    RATES,
    first_updates,
)

__all__ = ["COMPARISONS", "DENSITIES", "MASKS", "NEURON_SCALE"]

DENSITIES = (0.05, 0.02, 0.005)

MASKS = ("random", "erk", "snip", "synflow", "pixels")

COMPARISONS = MappingProxyType({name: (name + PER_NEURON, name) for name in MASKS})
"""Errors that are compared, the first over the second."""

NEURON_SCALE = DESIGNED_MASKS.changed(
    "neuron-scale",
    first_updates(0.05, ["erk" + PER_NEURON]),
    grid=(
        {"density": list(DENSITIES), "variant": [name + PER_NEURON for name in MASKS]},
        {"density": [0.05], "variant": [name + PER_NEURON for name in MASKS]},
    ),
    rates=(RATES, DESIGNED_MASKS.quick["rates"]),
)
"""Five masks with a number a neuron."""
