"""From which sparsity on it matters which mask it is: a fifth of the weights down to nearly none.

Registered before anything was run at these densities but 0.02 and 0.005, which
:mod:`~graphon_lib.experiments.rival_masks` has:

- *outcome*, *equivalence* and *learning rate*: as there, on MNIST, scales restored;
- *primary comparisons* (:data:`COMPARISONS`): the design with pixels against every other mask, at
  each of :data:`DENSITIES`. Ratios of geometric means over ten paired networks with the spread of
  their pair, Holm within a density, Bonferroni over the densities.

A dense network with as many weights needs a unit a layer, more than the least density has.

The same on Fashion-MNIST was registered after MNIST was seen and before anything was run there but
the densities 0.02 and 0.005 of :mod:`~graphon_lib.experiments.rival_masks`: the same outcome, margin,
rates and comparisons, Holm within a density, Bonferroni over :data:`OTHER_SETTINGS`: these six densities
and four on CIFAR-10 with five masks, which were registered with them. The least of the four was 0.002,
which the design refused, since 3,072 inputs ask for 0.0026; before a result of CIFAR-10 was looked at,
0.003 took its place.
"""

from __future__ import annotations

from dataclasses import replace
from types import MappingProxyType

from graphon_lib.experiments.designed_masks import (
    DESIGNED_MASKS,
    RATES,
    RIVALS,
    VARIANTS,
    first_updates,
)
from graphon_lib.experiments.experiment import Experiment
from graphon_lib.experiments.other_data import OTHER_DATA
from graphon_lib.pruning.methods import METHODS

__all__ = ["COMPARISONS", "DENSITIES", "LABELS", "MASKS_BY_DENSITY", "OTHER_SETTINGS"]

DENSITIES = (0.2, 0.1, 0.05, 0.02, 0.01, 0.005, 0.002)

OTHERS = ("dense", "random", "magnitude", "erk", "snip", "synflow", "ntk-sap")

LABELS = MappingProxyType(
    {
        name: {"magnitude": METHODS["magnitude"].label, **RIVALS, **VARIANTS}[name]
        for name in ("pixels", *OTHERS)
    }
)
"""What is trained, and how it is written."""

COMPARISONS = MappingProxyType({name: ("pixels", name) for name in OTHERS})
"""Errors that are compared, the first over the second."""

OTHER_SETTINGS = 10
"""Densities on other data that are judged together."""

CLOTHING = [0.002, 0.005, 0.02, 0.05, 0.2, 0.01]
"""Densities on Fashion-MNIST, in the order in which they were run."""

COLOUR = {
    "density": [0.2, 0.05, 0.01, 0.003],
    "variant": ["pixels", "random", "erk", "snip", "synflow"],
}
"""What is trained on CIFAR-10."""


def _by_density() -> list[Experiment]:
    digits = DESIGNED_MASKS.changed(
        "masks-by-density",
        first_updates(0.05, ["magnitude"]),
        grid=(
            [
                {
                    "density": list(DENSITIES),
                    "variant": [name for name in LABELS if name != "dense"],
                },
                {"density": list(DENSITIES[:-1]), "variant": ["dense"]},
            ],
            {"density": [0.1, 0.05], "variant": list(LABELS)},
        ),
        rates=(RATES, DESIGNED_MASKS.quick["rates"]),
    )
    clothing = digits.on(
        "fashion-mnist",
        **OTHER_DATA["fashion-mnist"],
        grid=[
            {
                "density": CLOTHING,
                "variant": [name for name in LABELS if name not in ("dense", "magnitude")],
            },
            {"density": CLOTHING, "variant": ["magnitude"]},
            {"density": CLOTHING[1:], "variant": ["dense"]},
        ],
    )
    colour = digits.on("cifar10-4k", **OTHER_DATA["cifar10-4k"], grid=COLOUR)
    return [digits, replace(clothing, case=None), replace(colour, case=None)]


MASKS_BY_DENSITY = _by_density()
"""These experiments, on MNIST first."""
