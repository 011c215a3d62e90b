"""Which property of the data a lead at equal scale hangs on: training on surrogates of data sets.

SNIP's and SynFlow's networks, their scale restored, lead over Random's on digits by far more than on
clothing and on natural pictures. Registered before anything was run here:

- *networks*: those of that claim under PyTorch's default, weight for weight and batch for batch, at
  95 % sparsity; images or labels are replaced before pruning, by each of
  :data:`~graphon_lib.experiments.surrogates.SURROGATES`;
- *outcome*: the lead, Random's training loss over the method's, means over the ten batches before
  update 50;
- *comparisons*: the lead on digits over that on another data set, both replaced alike: four
  surrogates, two methods, two data sets, sixteen ratios, with intervals of level 1 - 0.05 / 16 from
  the spread of ten paired networks;
- *reading*: the disagreement is gone if its interval lies within a tenth of 1 either way, stays if
  it lies above 1.1, and is open otherwise. A disagreement that is gone because no lead is left on
  digits says that the lead needs what was taken away.

It was expected that rotated digits, which have no blank border, give SNIP less of a lead. CIFAR-10
came last, when what the other two had given was known.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from itertools import product
from typing import Any

import numpy as np
import xarray as xr

from graphon_lib.experiments.experiment import Case, Experiment, profiles
from graphon_lib.experiments.intervention_training import (
    INTERVENTION_TRAINING_TORCH,
    MARGIN,
    of_variant,
    variant_name,
)
from graphon_lib.experiments.other_data import ON_OTHER_DATA, OTHER_DATA
from graphon_lib.experiments.paired import Comparison, compare
from graphon_lib.experiments.prediction import loss_at
from graphon_lib.experiments.surrogates import SURROGATES, Surrogate
from graphon_lib.experiments.training import RUN_LABELS, RUN_SETTINGS, training

__all__ = [
    "AS_THEY_ARE",
    "METHODS_AHEAD",
    "ORIGINALS",
    "SURROGATE_TRAINING",
    "disagreements",
    "leads",
    "on_surrogates",
    "reading",
]

METHODS_AHEAD = ("snip", "synflow")
"""Methods that lead over Random at equal scale."""

AS_THEY_ARE = "as they are"

STEPS = 50

VARIANTS = [variant_name(name, "rescaled") for name in ("random", *METHODS_AHEAD)]


def on_surrogates(call: dict[str, Any]) -> dict[str, Any]:
    """Give a cell its data, and the pruning and the intervention of its variant."""
    rest = {name: value for name, value in call.items() if name != "inputs"}
    data = Surrogate(call["data"], call["inputs"], call["seed"])
    return of_variant(rest | {"data": data})


def leads(original: xr.Dataset, replaced: xr.Dataset) -> xr.DataArray:
    """Return the leads at equal scale on one data set, as it is and replaced.

    Of the results of one of :data:`ORIGINALS` and :data:`SURROGATE_TRAINING`, to dimensions (inputs,
    pruning, trial): :data:`AS_THEY_ARE`, then the surrogates.
    """
    first = _leads(original.sel(density=replaced.attrs["density"], drop=True))
    parts = [first.expand_dims(inputs=[AS_THEY_ARE]), _leads(replaced)]
    return xr.concat(parts, "inputs", join="exact").transpose("inputs", "pruning", "trial")


def _leads(result: xr.Dataset) -> xr.DataArray:
    step = min(STEPS, result.sizes["step"])
    loss = loss_at(result, [step]).isel(at=0, drop=True).astype(np.float64).reset_coords(drop=True)
    start, *ahead = VARIANTS
    others = loss.sel(variant=ahead).assign_coords(variant=list(METHODS_AHEAD))
    return loss.sel(variant=start, drop=True) / others.rename(variant="pruning")


def disagreements(by_data: Mapping[str, xr.DataArray]) -> dict[tuple[str, str, str], Comparison]:
    """Compare the leads on the first of some data sets with those on the others, replaced alike.

    Of :func:`leads` by data set. Returns the ratios by surrogate, method and the other data set;
    they are judged together, images as they are not among them.
    """
    first, *others = by_data
    of = xr.concat(list(by_data.values()), xr.Variable("variant", list(by_data)), join="exact")
    families = list(product(SURROGATES, METHODS_AHEAD))
    pairs = {other: (first, other) for other in others}
    # Pairs of one family are compared jointly.
    level = {"margin": MARGIN, "confidence": 1.0 - 0.05 / len(families), "pooled": False}
    return {
        (inputs, method, other): one
        for inputs, method in families
        for other, one in compare(of.sel(inputs=inputs, pruning=method), pairs, **level).items()
    }


def reading(one: Comparison) -> str:
    """Say whether a disagreement is gone, stays or is open, by its interval and the margin."""
    if one.lower >= 1.0 / MARGIN and one.upper <= MARGIN:
        return "gone"
    return "stays" if one.lower > MARGIN else "open"


INPUTS = list(SURROGATES)

DIGITS = Experiment(
    name="surrogate-training",
    cell=training,
    arguments=on_surrogates,
    variables={
        "loss": ("inputs", "variant", "trial", "step"),
        "layer_density": ("inputs", "variant", "trial", "weight_layer"),
    },
    coords={name: RUN_LABELS[name] for name in ("step", "weight_layer")},
    **profiles(
        grid=(
            {"trial": 10, "inputs": INPUTS, "variant": VARIANTS},
            {"trial": 2, "inputs": INPUTS, "variant": VARIANTS},
        ),
        density=(0.05, 0.1),
        steps=(STEPS, 20),
        evaluated=[],
        **{**RUN_SETTINGS, "batch_size": 64, "initialisation": "torch"},
    ),
    case=Case(
        {"grid": {"trial": 1, "inputs": ["rotated"], "variant": VARIANTS[1:2]}, "steps": 20},
        ["loss", "layer_density"],
    ),
)

SURROGATE_TRAINING = [
    DIGITS,
    *(replace(DIGITS.on(name, **settings), case=None) for name, settings in OTHER_DATA.items()),
]
"""These experiments, on MNIST first."""

ORIGINALS = [
    INTERVENTION_TRAINING_TORCH,
    *(
        one
        for name in OTHER_DATA
        for one in ON_OTHER_DATA
        if one.name == f"interventions-{name}-torch"
    ),
]
"""Those with the same networks on the images as they are, in the same order."""
