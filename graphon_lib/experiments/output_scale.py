"""How random is SNIP's graphon? Networks of one batch against the scale of their outputs."""

from __future__ import annotations

from collections.abc import Sequence
from copy import deepcopy
from dataclasses import replace

import numpy as np
import torch
import xarray as xr
from numpy.typing import NDArray

from graphon_lib.experiments.batch_dependence import QUIET, VarianceShare, shapes, variance_share
from graphon_lib.experiments.digits import Data
from graphon_lib.experiments.experiment import Case, Experiment, profiles
from graphon_lib.experiments.pruned import Trial, start_network
from graphon_lib.graphons.motifs import cycle_ratio
from graphon_lib.graphons.sas import sas

__all__ = ["MEASURES", "OUTPUT_SCALE", "OUTPUT_SCALE_TORCH", "output_scale"]

MEASURES = ("4-cycle ratio", "shape")
"""The 4-cycles over those of a constant of equal density, which need no order of the neurons; and
the cross-fitted histogram over its mean."""


def output_scale(
    *,
    seed: int,
    width: int,
    images: int,
    batch: int,
    trial: int,
    scales: Sequence[float],
    density: float,
    hidden_layers: int,
    blocks: int,
    data: Data,
) -> dict[str, NDArray]:
    """Prune one of the networks of a batch by SNIP, its outputs multiplied by several numbers.

    Returns by scale: ``cycle_ratio`` and ``histogram`` (scale, row, column) of the first mask
    between hidden layers; ``output``, the root mean square of the outputs on the batch.

    Parameters
    ----------
    seed, width, images, batch, trial
        These seed the network; the first four and the trial 0 the batch.
    images
        In the batch, the first of the hundred that a trial has.
    scales
        What the read-out's weights are multiplied by.
    density
        Of every layer, each pruned alone: the density is then no part of what varies.
    """
    size = {"width": width, "hidden_layers": hidden_layers, "data": data}
    first = start_network((seed, width, images, batch, 0), **size)
    identity = (seed, width, images, batch, trial)
    started = start_network(identity, **size)
    started = replace(started, x=first.x[:images], y=first.y[:images])
    cycles, histograms, outputs = [], [], []
    for s, scale in enumerate(scales):
        scaled = _scaled(started, scale)
        ((_, masks),) = scaled.masks("snip", [density], scope="layer")
        mask = masks[1].numpy()
        cycles.append(cycle_ratio(mask))
        rng = np.random.default_rng((*identity, s))
        histograms.append(sas(mask, blocks, cross_fit=True, rng=rng).values)
        with torch.no_grad():
            outputs.append(float(scaled.model(scaled.x).double().square().mean().sqrt()))
    return {
        "cycle_ratio": np.array(cycles),
        "histogram": np.array(histograms),
        "output": np.array(outputs),
    }


def _scaled(trial: Trial, scale: float) -> Trial:
    """Return the trial with its outputs multiplied; SNIP's scores all have this factor, too."""
    model = deepcopy(trial.model)
    with torch.no_grad():
        for parameter in (model.weights[-1], *model.biases[-1:]):
            parameter *= scale
    return replace(trial, model=model)


def split_measures(dataset: xr.Dataset, *, seed: int) -> xr.Dataset:
    """Split the variances of the measures into those between and those within batches.

    Returns ``variance`` (measure, width, images, scale, component), see
    :func:`~graphon_lib.experiments.batch_dependence.variance_share`, that of shapes divided by the
    number of entries; ``cycle_ratio`` and ``output`` for every network.
    """
    lead = ("width", "images", "scale")
    order = (*lead, "batch", "trial")
    ratios = dataset.cycle_ratio.transpose(*order).values[..., None]
    pictures = shapes(dataset.histogram.transpose(*order, "row", "column").values)
    pictures /= np.sqrt(pictures.shape[-1])
    sides = [dataset.sizes[axis] for axis in lead]
    variances = [
        [variance_share(samples[place]) for place in np.ndindex(*sides)]
        for samples in (ratios, pictures)
    ]
    components = VarianceShare._fields
    return dataset.drop_vars("histogram").assign(
        variance=(
            ("measure", *lead, "component"),
            np.reshape(variances, (len(MEASURES), *sides, len(components))),
        ),
        component=list(components),
        measure=list(MEASURES),
    )


PLACE = ("width", "images", "batch", "trial")

OUTPUT_SCALE = Experiment(
    name="output-scale",
    cell=output_scale,
    finish=split_measures,
    variables={
        "cycle_ratio": (*PLACE, "scale"),
        "output": (*PLACE, "scale"),
        "histogram": (*PLACE, "scale", "row", "column"),
    },
    coords={"scale": "scales"},
    **profiles(
        grid=(
            {"width": [500, 1000, 2000], "images": [1, 2, 10, 100], "batch": 24, "trial": 6},
            {"width": [64, 96], "images": [2, 100], "batch": 3, "trial": 2},
        ),
        scales=([1 / QUIET, 0.1, 1.0], [1 / QUIET, 1.0]),
        hidden_layers=2,
        density=0.2,
        blocks=16,
        full=(True, False),
    ),
    # The shares of batches need three of them.
    case=Case(
        {"grid": {"width": [500], "images": [1, 100], "batch": 3, "trial": 2}},
        ["cycle_ratio", "output"],
    ),
)

OUTPUT_SCALE_TORCH = OUTPUT_SCALE.under("torch", scales=[1.0])
