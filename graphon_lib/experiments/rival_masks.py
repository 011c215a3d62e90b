"""The design beside published methods, as published and at restored scale, on three data sets.

Registered before anything was run here, after :mod:`~graphon_lib.experiments.designed_masks`, whose
fan-in stays as it is and whose MNIST networks at restored scale are among these:

- *outcome*: the error (one minus the accuracy) on the test images after the last update;
- *primary comparisons* (:data:`COMPARISONS`): the design with pixels against ERK and against every
  published method, once as published and once at restored scale. Ratios of geometric means over ten
  paired networks, Holm within a data set and density, Bonferroni over these six;
- *equivalence*: errors that differ by less than a tenth are equal;
- *learning rate*: as there, from four in the place of three: 0.001 was added below. The largest,
  0.03, is still an end of the list that some masks choose.

After these were seen, the design and ERK were run without factors, too: what factors do to all eight
is described, and not tested. So is the analysis with the spread of each pair in the place of one for
all masks of a setting. PHEW was run anew with the rule that the authors' code has for where walks begin.
"""

from __future__ import annotations

from dataclasses import replace
from types import MappingProxyType

from graphon_lib.experiments.designed_masks import (
    AS_PUBLISHED,
    DESIGNED_MASKS,
    RATES,
    RIVALS,
    first_updates,
)
from graphon_lib.experiments.experiment import Experiment
from graphon_lib.experiments.other_data import OTHER_DATA

__all__ = ["COMPARISONS", "DENSITIES", "PUBLISHED", "RIVAL_MASKS", "SETTINGS", "VARIANTS"]

PUBLISHED = tuple(name for name in RIVALS if not name.startswith("npb"))
VARIANTS = (
    *("pixels", "erk", *PUBLISHED),
    *(name + AS_PUBLISHED for name in (*PUBLISHED, "pixels", "erk")),
)
"""What is trained."""

COMPARISONS = MappingProxyType({name: ("pixels", name) for name in VARIANTS[1:-2]})
"""Errors that are compared, the first over the second."""

DENSITIES = [0.02, 0.005]

SETTINGS = len(DENSITIES) * (1 + len(OTHER_DATA))
"""Densities on all data sets, which are judged together."""


def _rivals() -> list[Experiment]:
    digits = DESIGNED_MASKS.changed(
        "rival-masks",
        first_updates(0.02, ["phew", "ntk-sap", "iterative-snip"]),
        grid=(
            {"density": DENSITIES, "variant": list(VARIANTS)},
            {"density": [0.05], "variant": list(VARIANTS)},
        ),
        rates=(RATES, DESIGNED_MASKS.quick["rates"]),
    )
    others = (
        replace(digits.on(dataset, **settings), case=None)
        for dataset, settings in OTHER_DATA.items()
    )
    return [digits, *others]


RIVAL_MASKS = _rivals()
"""These experiments, on MNIST first."""
