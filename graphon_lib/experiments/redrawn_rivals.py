"""Masks of six published methods with weights drawn anew, beside those with the weights that they keep.

Registered before a network of this module was trained, when
:mod:`~graphon_lib.experiments.rivals_by_density` had been seen on MNIST:

- *outcome*, *equivalence* and *learning rate*: as in :mod:`~graphon_lib.experiments.rival_masks`, at its
  densities, on digits and on clothing, scales restored;
- *question*: do the weights that a mask was made of serve it better than others? NPB is not among them;
- *primary comparisons* (:data:`COMPARISONS`): a method's masks with new weights against the same masks with
  the weights that they were made of. Ratios of geometric means over ten paired networks with the spread of
  their pair, Holm within a data set and density, Bonferroni over :data:`SETTINGS`.
"""

from __future__ import annotations

from dataclasses import replace
from types import MappingProxyType

from graphon_lib.experiments.designed_masks import RE_DRAWN, first_updates
from graphon_lib.experiments.rival_masks import DENSITIES, PUBLISHED, RIVAL_MASKS

__all__ = ["COMPARISONS", "REDRAWN_RIVALS", "SETTINGS"]

COMPARISONS = MappingProxyType({name: (name + RE_DRAWN, name) for name in PUBLISHED})
"""Errors that are compared, the first over the second."""

VARIANTS = [redrawn for redrawn, _ in COMPARISONS.values()]

_DIGITS = RIVAL_MASKS[0].changed(
    "redrawn-rivals",
    first_updates(0.02, [VARIANTS[0]]),
    grid=(
        {"density": DENSITIES, "variant": VARIANTS},
        {"density": [0.05], "variant": VARIANTS[:1]},
    ),
)

REDRAWN_RIVALS = [_DIGITS, replace(_DIGITS.on("fashion-mnist"), case=None)]
"""These experiments, on MNIST first."""

SETTINGS = len(REDRAWN_RIVALS) * len(DENSITIES)
"""Densities on both data sets, which are judged together."""
