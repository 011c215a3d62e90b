"""Theorem T2: masks of SNIP and GraSP beside their limits, which are computed without any network."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from graphon_lib.experiments.digits import Data
from graphon_lib.experiments.experiment import Case, Experiment, profiles
from graphon_lib.experiments.pruned import network_on_batch
from graphon_lib.graphons.cut_norm import cut_norm
from graphon_lib.graphons.motifs import cycle_ratio
from graphon_lib.graphons.sas import sas
from graphon_lib.ntk.limit_graphon import in_order_of_degree, limit_graphon
from graphon_lib.pruning.methods import prune

__all__ = ["LIMIT_GRAPHONS", "LIMIT_GRAPHONS_TORCH", "limit_graphons"]


def limit_graphons(
    *,
    seed: int,
    pruning: str,
    images: int,
    width: int,
    trial: int,
    density: float,
    positions: int,
    blocks: int,
    data: Data,
) -> dict[str, NDArray]:
    """Prune a network, and sample the limit that its batch and its outputs on the batch give it.

    Returns of the mask between the two hidden layers and of the limit: ``cycle_ratio`` (source), the
    4-cycles over those of a constant of equal density; ``histogram`` (source, row, column) in order
    of degree, cross-fitted for the mask; and ``cut_norm`` (bound), that of the difference of the
    histograms. The layer is pruned alone; network and batch are the same for either method; so many
    `positions` are drawn on either side of the limit.
    """
    identity = (seed, images, width, trial)
    model, x, y, outputs, rng = network_on_batch(identity, images=images, width=width, data=data)
    mask = prune(model, pruning, density, x, y, scope="layer")[1].numpy()
    limit = limit_graphon(
        pruning,
        density,
        rng,
        blocks=positions,
        x=x,
        y=y,
        outputs=outputs,
        initialisation=data.initialisation,
    )
    pictures = [sas(mask, blocks, cross_fit=True, rng=rng), in_order_of_degree(limit, blocks)]
    norm = cut_norm(pictures[0].values - pictures[1].values, rng=rng)
    return {
        "cycle_ratio": np.array([cycle_ratio(mask), cycle_ratio(limit)]),
        "histogram": np.array([picture.values for picture in pictures]),
        "cut_norm": np.array([norm.lower, norm.upper]),
    }


PLACE = ("pruning", "images", "width", "trial")
WIDTHS = {"width": [128, 512, 2048, 4096], "trial": 3}

LIMIT_GRAPHONS = Experiment(
    name="limit-graphons",
    cell=limit_graphons,
    variables={
        "cycle_ratio": (*PLACE, "source"),
        "histogram": (*PLACE, "source", "row", "column"),
        "cut_norm": (*PLACE, "bound"),
    },
    coords={"source": ("mask", "limit"), "bound": ("lower", "upper")},
    **profiles(
        grid=(
            [
                {"pruning": ["snip"], "images": [1, 10, 100], **WIDTHS},
                {"pruning": ["grasp"], "images": [100], **WIDTHS},
            ],
            {"pruning": ["snip", "grasp"], "images": [1, 10], "width": [64, 128], "trial": 2},
        ),
        density=0.1,
        positions=(1024, 256),
        blocks=16,
        full=(True, False),
    ),
    case=Case(
        {"grid": {"pruning": ["snip"], "images": [1, 100], "width": [128], "trial": 1}},
        ["cut_norm"],
    ),
)

LIMIT_GRAPHONS_TORCH = LIMIT_GRAPHONS.under("torch")
