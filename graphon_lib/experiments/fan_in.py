"""How many weights a unit should read: errors by fan-in beside the variance of scales.

Registered before anything was run:

- *question*: is the best fan-in the one at which scales vary least from draw to draw, by
  :func:`~graphon_lib.graphons.scale_variance.scale_variance`? It is :data:`PREDICTED`, of those tried;
- *outcome*: test errors as in :mod:`~graphon_lib.experiments.designed_masks`, of the design without
  pixels, learning rates tuned as there, from four;
- *comparisons*: that fan-in against every other one; ratios of geometric means over ten paired
  networks, each pair with its own spread, Holm within a depth, Bonferroni over the two. The answer is
  no if another one ends lower by more than chance.
"""

from __future__ import annotations

from types import MappingProxyType

from graphon_lib.experiments.designed_masks import DESIGNED_MASKS, RATES, first_updates
from graphon_lib.experiments.experiment import Experiment

__all__ = ["FAN_INS", "FAN_IN_ERRORS", "PREDICTED"]

FAN_INS = (4, 6, 8, 12, 20, 40, 80)

PREDICTED = MappingProxyType({"fan-in-two": 4, "fan-in-six": 8})
"""The fan-in of least variance, by experiment."""


def _of_depth(name: str, hidden: list[int], small: list[int], density: float) -> Experiment:
    variants = [f"fan-in {count}" for count in FAN_INS]
    return DESIGNED_MASKS.changed(
        name,
        first_updates(density, variants[2:3]),
        grid=(
            {"density": [density], "variant": variants},
            {"density": [0.05], "variant": variants},
        ),
        hidden=(hidden, small),
        rates=(RATES, DESIGNED_MASKS.quick["rates"]),
    )


FAN_IN_ERRORS = [
    _of_depth("fan-in-two", [300, 100], [40, 20], 0.005),
    _of_depth("fan-in-six", [256] * 6, [30] * 6, 0.01),
]
"""Two hidden layers, and six."""
