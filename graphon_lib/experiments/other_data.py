"""What carries a claim, on other data than digits: the headline experiments with smaller grids."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from types import MappingProxyType
from typing import Any

from graphon_lib.experiments.batch_dependence import BATCH_DEPENDENCE
from graphon_lib.experiments.convergence import CONVERGENCE, LAYER_CONVERGENCE
from graphon_lib.experiments.experiment import Experiment
from graphon_lib.experiments.grid import trials_of
from graphon_lib.experiments.input_statistics import INPUT_STATISTICS
from graphon_lib.experiments.intervention_training import INTERVENTION_TRAINING, SPARSEST
from graphon_lib.experiments.kernels_of_masks import KERNELS_OF_MASKS
from graphon_lib.experiments.local_law import LOCAL_LAW, SHALLOW
from graphon_lib.experiments.mask_maps import MASK_MAPS
from graphon_lib.experiments.mask_statistics import MASK_STATISTICS
from graphon_lib.experiments.method_distances import METHOD_DISTANCES
from graphon_lib.experiments.neuron_terms import NEURON_TERMS
from graphon_lib.experiments.residual_spectra import RESIDUAL_SPECTRA
from graphon_lib.experiments.shared_positions import SHARED_POSITIONS
from graphon_lib.experiments.signed_kernels import SIGNED_KERNELS
from graphon_lib.experiments.spectra import SPECTRA
from graphon_lib.experiments.training import TRAINING

__all__ = [
    "DISTANCES_BY_DATA",
    "INPUTS_BY_DATA",
    "MAPS_BY_DATA",
    "MASKS_BY_DATA",
    "ON_OTHER_DATA",
    "OTHER_DATA",
    "TRAINED_BY_DATA",
]

OTHER_DATA: Mapping[str, Mapping[str, Any]] = MappingProxyType(
    {"fashion-mnist": {}, "cifar10-4k": {"full": False}}
)
"""Data sets besides MNIST, with the settings that they change: of CIFAR-10 a part, never all of it."""

WIDTHS = trials_of({100: 30, 500: 30, 1000: 30, 2000: 30}, hidden_layers=[2])
DENSITIES = [0.5, 0.2, 0.05]
AS_PRUNED = {"trial": 10, "density": SPARSEST["density"], "pruning": ["dense", "all"]}

# An experiment, what is smaller than with digits, and what PyTorch's defaults change, where it is
# run under them.
HEADLINES: tuple[tuple[Experiment, dict[str, Any], dict[str, Any] | None], ...] = (
    (INPUT_STATISTICS, {}, None),
    (MASK_STATISTICS, {}, {}),
    (MASK_MAPS, {"densities": [0.2, 0.05]}, None),
    (BATCH_DEPENDENCE, {}, {}),
    (METHOD_DISTANCES, {}, {}),
    (SHARED_POSITIONS, {}, None),
    (NEURON_TERMS, {}, {}),
    (KERNELS_OF_MASKS, {"grid": {"width": [1024], "trial": 5}}, {}),
    (CONVERGENCE, {"grid": WIDTHS, "densities": [0.2]}, {}),
    (LAYER_CONVERGENCE, {"grid": WIDTHS}, {}),
    (
        LOCAL_LAW,
        {
            "grid": [
                {**SHALLOW, "images": [10, 100], "width": [64, 256, 512, 1024], "trial": 4},
                {**SHALLOW, "images": [10, 100], "width": [2048], "trial": 2},
            ]
        },
        {},
    ),
    (
        TRAINING,
        {
            "grid": [
                {"trial": 3, "density": DENSITIES, "pruning": ["dense", "all"]},
                AS_PRUNED,
            ]
        },
        {"batch_size": 64, "grid": AS_PRUNED},
    ),
    (INTERVENTION_TRAINING, {"grid": SPARSEST}, {"batch_size": 64}),
    (
        SPECTRA,
        {
            "grid": {
                "digits": [128],
                "trial": 3,
                "density": DENSITIES,
                "pruning": ["dense", "all"],
            }
        },
        {},
    ),
    (
        SIGNED_KERNELS,
        {
            "grid": {
                "width": [512, 1024, 2048],
                "density": [0.2],
                "trial": 3,
                "pruning": ["all"],
            }
        },
        {},
    ),
    (
        RESIDUAL_SPECTRA,
        {"grid": trials_of({512: 5, 1024: 5, 2048: 3}), "cut_norm_widths": []},
        {},
    ),
)


def _on_other_data() -> list[Experiment]:
    """Return all headlines on all data; of this code, which is that for digits, one case will do."""
    found = []
    for dataset, settings in OTHER_DATA.items():
        for headline, smaller, defaults in HEADLINES:
            one = headline.on(dataset, **settings, **smaller)
            found.append(one if headline is MASK_STATISTICS else replace(one, case=None))
            if defaults is not None:
                found.append(replace(one.under("torch", **defaults), case=None))
    return found


def _by_data(headline: Experiment) -> list[Experiment]:
    names = [f"{headline.name}-{dataset}" for dataset in OTHER_DATA]
    return [headline, *(one for one in ON_OTHER_DATA if one.name in names)]


ON_OTHER_DATA = _on_other_data()
"""These experiments; their names end in that of the data, and of the initialisation if it is not He's."""

INPUTS_BY_DATA = _by_data(INPUT_STATISTICS)
MASKS_BY_DATA = _by_data(MASK_STATISTICS)
DISTANCES_BY_DATA = _by_data(METHOD_DISTANCES)
MAPS_BY_DATA = _by_data(MASK_MAPS)
"""What a chapter draws side by side, MNIST first."""

TRAINED_BY_DATA = list(zip(*map(_by_data, (TRAINING, INTERVENTION_TRAINING, SPECTRA)), strict=True))
"""Of each data set training, interventions and spectra, MNIST first."""
