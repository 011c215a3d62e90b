"""Two more ways to begin: rates over densities, and weights fitted along eigenfunctions.

Registered before a network but the tuning one, number 0, was trained or moved so. Networks with one
number a layer and one rate for all layers, of :mod:`~graphon_lib.experiments.masks_by_density`, had been
seen. Networks, batches and settings are the same, on MNIST:

- *questions*: with a layer's rate over its density, by :func:`~graphon_lib.pruning.density_rates`, does the
  best dense rate stay where it is over densities (described), and is the error lower? Is it with initial
  weights that fit the labels along the first ten eigenfunctions of the mask's Graphon NTK on a thousand
  training images, by :func:`~graphon_lib.pruning.fit_eigenfunctions`?
- *outcome* and *equivalence*: the error on the test images after the last update; errors that differ by
  less than a tenth are equal;
- *learning rate*: for every mask, density and way the best of four. Rates over densities are of
  :data:`DENSE_RATES`, around Adam's 0.001 for dense networks: theory says that these serve at every
  density, and nothing was tried;
- *step*: on network 0 the whole step, which fits in the limit, left 0.07 to 20 times the squared residual
  along the eigenfunctions: at density 1 least, at 0.005 most. So halves of halves of it are tried, and the
  one that fits those images best is taken; the share that each leaves is stored, and described;
- *primary comparisons* (:data:`COMPARISONS`): of each of :data:`MASKS` either way against one number a
  layer, at each of :data:`DENSITIES`. Random masks have one density in all layers, and so one rate: with
  rates over densities they are trained and not compared. Ratios of geometric means over ten paired
  networks with the spread of their pair, Holm within a density, Bonferroni over the densities.

Losses after 50 and 200 updates are described.
"""

from __future__ import annotations

from dataclasses import replace
from types import MappingProxyType

from graphon_lib.experiments.designed_masks import (
    DESIGNED_MASKS,
    FITTED,
    FRACTIONS,
    OVER_DENSITY,
    PLACE,
    RATES,
    first_updates,
)
from graphon_lib.experiments.experiment import Experiment

__all__ = ["COMPARISONS", "DENSE_RATES", "DENSITIES", "MASKS", "RATES_AND_EIGENFUNCTIONS"]

DENSITIES = (0.05, 0.005)

MASKS = ("pixels", "erk", "snip", "random")

DENSE_RATES = (0.0001, 0.0003, 0.001, 0.003)
"""Learning rates to choose from, before they are divided by densities."""

COMPARISONS = MappingProxyType(
    {
        name + ending: (name + ending, name)
        for ending in (OVER_DENSITY, FITTED)
        for name in MASKS
        if name + ending != "random" + OVER_DENSITY
    }
)
"""Errors that are compared, the first over the second."""


def _two() -> list[Experiment]:
    def of(name: str, ending: str, *more: dict, rates: tuple) -> Experiment:
        variants = [mask + ending for mask in MASKS]
        return DESIGNED_MASKS.changed(
            name,
            first_updates(0.05, ["erk" + ending]),
            grid=(
                [{"density": list(DENSITIES), "variant": variants}, *more],
                [{"density": [0.05], "variant": variants}, *more],
            ),
            rates=rates,
        )

    dense = {"density": [1.0], "variant": ["random" + OVER_DENSITY]}
    rates = of("rates-over-densities", OVER_DENSITY, dense, rates=(DENSE_RATES, DENSE_RATES[2:]))
    fitted = of("eigenfunctions-fitted", FITTED, rates=(RATES, DESIGNED_MASKS.quick["rates"]))
    shares = {"left": (*PLACE, "trial", "fraction")}
    return [
        rates,
        replace(
            fitted,
            variables=fitted.variables | shares,
            coords=fitted.coords | {"fraction": FRACTIONS},
            case=fitted.case._replace(variables=["left", "kept"]),
        ),
    ]


RATES_AND_EIGENFUNCTIONS = _two()
"""These experiments: rates over densities, and a number a layer with eigenfunctions fitted."""
