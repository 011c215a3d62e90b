"""The hypothesis at the size of the paper: whether masks converge as the width grows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from graphon_lib.experiments.convergence_summary import (
    cut_norm_summary,
    histogram_summary,
    rate_summary,
)
from graphon_lib.experiments.digits import Data
from graphon_lib.experiments.experiment import Case, Experiment, profiles
from graphon_lib.experiments.grid import trials_of
from graphon_lib.experiments.mask_statistics import dead_fractions
from graphon_lib.experiments.pruned import start_network
from graphon_lib.experiments.sorted_histograms import ESTIMATORS
from graphon_lib.graphons.blocks import degree_blocks
from graphon_lib.graphons.motifs import MOTIFS, motif_densities
from graphon_lib.graphons.sas import sas
from graphon_lib.graphons.singular import residual_singular_values
from graphon_lib.pruning.masks import SCOPES
from graphon_lib.pruning.methods import METHODS

__all__ = [
    "CONVERGENCE",
    "CONVERGENCE_TORCH",
    "LAYER_CONVERGENCE",
    "LAYER_CONVERGENCE_TORCH",
    "convergence",
    "summarise",
]

SINGULAR_VALUES = 12


def convergence(
    *,
    seed: int,
    width: int,
    hidden_layers: int,
    trial: int,
    densities: Sequence[float],
    scope: str,
    detailed: Mapping[int, int],
    blocks: int,
    data: Data,
) -> dict[str, NDArray]:
    """Prune one network with every method, to every density, and measure its masks.

    Returns arrays with the leading axes (pruning, density), then, with one ``mask`` for every pair
    of neighbouring hidden layers, ``histogram`` (mask, estimator, row, column); ``layer_density``
    (weight layer); ``dead_fraction`` (hidden layer); ``motif_density`` (mask, motif);
    ``singular_value`` (mask, rank), of the mask minus its plain histogram, divided by the width.
    NaN where nothing was asked for.

    Parameters
    ----------
    seed, width, hidden_layers, trial
        These seed everything random in the cell. The paper's figures for L layers are those of L -
        2 hidden ones, L - 3 masks between them.
    scope
        Of :data:`~graphon_lib.pruning.masks.SCOPES`: under ``"layer"`` every layer is pruned alone,
        to the same density.
    detailed
        Of how many trials of each width the dear statistics, motif densities and singular values,
        are wanted.
    blocks
        A side of the histograms, at most `width`.
    """
    lead = (len(METHODS), len(densities))
    arrays = {
        "histogram": np.full((*lead, hidden_layers - 1, len(ESTIMATORS), blocks, blocks), np.nan),
        "layer_density": np.full((*lead, hidden_layers + 1), np.nan),
        "dead_fraction": np.full((*lead, hidden_layers), np.nan),
        "motif_density": np.full((*lead, hidden_layers - 1, len(MOTIFS)), np.nan),
        "singular_value": np.full((*lead, hidden_layers - 1, SINGULAR_VALUES), np.nan),
    }
    # The third number counts layers of neurons, inputs and outputs with them.
    identity = (seed, width, hidden_layers + 2, trial)
    started = start_network(identity, width=width, hidden_layers=hidden_layers, data=data)
    for m, method in enumerate(METHODS):
        for d, (_, masks) in enumerate(started.masks(method, densities, scope=scope)):
            arrays["layer_density"][m, d] = [float(mask.double().mean()) for mask in masks]
            arrays["dead_fraction"][m, d] = dead_fractions(masks)
            for h, tensor in enumerate(masks[1:-1]):
                mask = tensor.numpy()
                rng = np.random.default_rng((*identity, m, SCOPES.index(scope), d, h))
                at = (m, d, h)
                arrays["histogram"][at] = [
                    sas(mask, blocks).values,
                    sas(mask, blocks, cross_fit=True, rng=rng).values,
                ]
                if trial < detailed[width]:
                    arrays["motif_density"][at] = list(motif_densities(mask).values())
                    labels = degree_blocks(mask, blocks)
                    arrays["singular_value"][at] = residual_singular_values(
                        mask, *labels, SINGULAR_VALUES
                    )
    # Block means of some trials need no double precision; densities of masks are kept as they are.
    for name in ("histogram", "singular_value"):
        arrays[name] = arrays[name].astype(np.float32)
    return arrays


def summarise(
    dataset: xr.Dataset,
    *,
    seed: int,
    resamples: int,
    reference: int,
    cut_density: float,
    cut_pairs: int,
) -> xr.Dataset:
    """Compare what the methods make of networks of growing width.

    In the result are histograms and what compares them, by the summaries that are merged here; the
    rest for every trial, in single precision. Cut norms are those of histograms of each width to
    those of the `reference`, at `cut_density`, for `cut_pairs` pairs of networks.
    """
    compared = xr.merge(
        [
            histogram_summary(dataset, seed, resamples),
            rate_summary(dataset, seed, resamples),
            cut_norm_summary(
                dataset.sel(density=cut_density), reference=reference, pairs=cut_pairs, seed=seed
            ),
        ]
    )
    counts = dataset.layer_density.notnull().any([*LEAD, "weight_layer"]).sum("trial")
    of_width = zip(dataset.width.values.tolist(), counts.values.tolist(), strict=True)
    per_trial = dataset.drop_vars("histogram").astype(np.float32)
    return (
        per_trial.merge(compared)
        .assign_coords(
            {
                side: np.arange(1, dataset.sizes[side] + 1)
                for side in ("weight_layer", "hidden_layer")
            }
        )
        .assign_attrs(trials_of_width=str(list(map(list, of_width))), cut_density=cut_density)
    )


LEAD = ("hidden_layers", "pruning", "density")
TRIALS = MappingProxyType({100: 100, 500: 100, 1000: 100, 2000: 100, 4000: 4})

DEPTHS = [2, 3]

CONVERGENCE = Experiment(
    name="convergence",
    cell=convergence,
    finish=summarise,
    variables={
        "histogram": (*LEAD, "mask", "estimator", "width", "trial", "row", "column"),
        "layer_density": (*LEAD, "weight_layer", "width", "trial"),
        "dead_fraction": (*LEAD, "hidden_layer", "width", "trial"),
        "motif_density": (*LEAD, "mask", "width", "trial", "motif"),
        "singular_value": (*LEAD, "mask", "width", "trial", "rank"),
    },
    coords={
        "pruning": METHODS,
        "density": "densities",
        "estimator": ESTIMATORS,
        "motif": list(MOTIFS),
        "rank": range(1, SINGULAR_VALUES + 1),
    },
    **profiles(
        grid=(
            trials_of(TRIALS, hidden_layers=DEPTHS),
            {"width": [64, 96, 128], "trial": 2, "hidden_layers": [2, 3]},
        ),
        densities=([0.3, 0.2, 0.1], [0.3, 0.2]),
        scope="global",
        detailed=({100: 10, 500: 10, 1000: 10, 2000: 5, 4000: 1}, {64: 2, 96: 2, 128: 2}),
        blocks=(64, 16),
        full=(True, False),
        finish=(
            {"resamples": 500, "reference": 2000, "cut_density": 0.2, "cut_pairs": 3},
            {"resamples": 50, "reference": 96, "cut_density": 0.2, "cut_pairs": 1},
        ),
    ),
    case=Case(
        {
            "grid": {"width": [100], "trial": 2, "hidden_layers": [2]},
            "finish": {"resamples": 10, "reference": 100, "cut_density": 0.2, "cut_pairs": 1},
        },
        ["layer_density", "dead_fraction", "motif_density", "singular_value"],
        ["layer_density", "dead_fraction", "motif_density", "singular_value"],
    ),
)

CONVERGENCE_TORCH = CONVERGENCE.under(
    "torch",
    grid=trials_of(dict.fromkeys([100, 500, 1000, 2000], 50), hidden_layers=DEPTHS),
    densities=[0.2],
)

LAYER_TRIALS = MappingProxyType({100: 50, 500: 50, 1000: 50, 2000: 25})
# With the width that the sweep is to be extended to: cells that are done keep their arguments.
LAYER_DETAILED = {100: 50, 500: 50, 1000: 50, 2000: 50, 4000: 10}

LAYER_CONVERGENCE = CONVERGENCE.changed(
    "layer-convergence",
    CONVERGENCE.case,
    grid=(
        trials_of(LAYER_TRIALS, hidden_layers=DEPTHS),
        {"width": [64, 96, 128], "trial": 2, "hidden_layers": [2, 3]},
    ),
    densities=[0.2],
    scope="layer",
    detailed=(LAYER_DETAILED, CONVERGENCE.quick["detailed"]),
)
"""Every layer pruned alone to the density of the network: what is left where densities do not shift."""

LAYER_CONVERGENCE_TORCH = LAYER_CONVERGENCE.under(
    "torch", grid=trials_of({**LAYER_TRIALS, 2000: 50}, hidden_layers=DEPTHS)
)
