"""Kernels of real pruned networks against what graphons, second moments, drifts and positions predict."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from graphon_lib.experiments.digits import Data
from graphon_lib.experiments.experiment import Case, Experiment, profiles
from graphon_lib.experiments.pruned import Pruned, pruned_network
from graphon_lib.experiments.roads import road_kernel
from graphon_lib.graphons.network import GraphonNetwork
from graphon_lib.ntk.kernels import graphon_ntk

__all__ = ["BLOCKINGS", "OF_SIGNED", "SIGNED_KERNELS", "SIGNED_KERNELS_TORCH", "signed_kernels"]

OF_SIGNED = (
    "signs randomised",
    "re-drawn",
    "re-drawn given signals",
    "theory, joint",
    "theory, second moments",
    "theory, drifts",
    "theory, shrunk drifts",
    "theory, positions",
    "theory, counted twice",
)
"""The roads of :data:`~graphon_lib.experiments.roads.ROADS` that are compared with ``"kept"``; they
draw from one stream, in this order."""

BLOCKINGS = tuple(
    (order, blocks, shrinkage)
    for order in ("joint", "coclustering", "both")
    for blocks in (16, 64)
    for shrinkage in (False, True)
)
"""Ways to find blocks for SNIP: their order, their number, and whether drifts are shrunk."""

STATISTICS = ("trace", "energy", "cosine")


def signed_kernels(
    *,
    seed: int,
    width: int,
    density: float,
    trial: int,
    pruning: str,
    hidden_layers: int,
    blocking_density: float,
    blocking_width: int,
    digits: int,
    blocks: int,
    particles: int,
    data: Data,
) -> dict[str, NDArray]:
    """Compare measured with predicted kernels of a pruned network on test images.

    Returns by road, ``"kept"`` and those of :data:`OF_SIGNED`: ``trace`` (the mean of the
    diagonal), ``energy``, the share of the five largest eigenvalues, and ``cosine``, the similarity
    to the kernel of kept weights, NaN where there is no such road. By blocking, if they are tried:
    ``blocking_trace`` and so on: all :data:`BLOCKINGS`, for SNIP at the `blocking_density` and up to
    the `blocking_width`. The inputs of the kernels, which `seed` alone decides, are test images,
    none of them in a pruning batch.
    """
    loaded = data.load()
    fresh = np.random.default_rng(seed).choice(len(loaded.x_test), digits, replace=False)
    x = loaded.x_test[fresh].astype(np.float64)
    identity = (seed, width, trial)
    size = {"width": width, "hidden_layers": hidden_layers, "data": data, "dtype": "float32"}
    network = pruned_network(
        pruning, density, identity=identity, blocks=blocks, particles=particles, **size
    )
    rng = np.random.default_rng(identity)
    reference = road_kernel("kept", network, x)
    kernels = [reference, *(road_kernel(road, network, x, rng) for road in OF_SIGNED)]
    table = [_statistics(kernel, reference) for kernel in kernels]
    arrays = dict(zip(STATISTICS, np.array(table).T, strict=True))
    if pruning == "snip" and density == blocking_density and width <= blocking_width:
        tried = [_statistics(kernel, reference) for kernel in _of_blockings(network, x, rng)]
        names = [f"blocking_{name}" for name in STATISTICS]
        arrays |= dict(zip(names, np.array(tried).T, strict=True))
    return arrays


def _of_blockings(
    pruned: Pruned, x: NDArray[np.float64], rng: np.random.Generator
) -> Iterator[NDArray[np.float64]]:
    for order, blocks, shrinkage in BLOCKINGS:
        network = GraphonNetwork.from_masks(
            pruned.masks,
            pruned.weights,
            blocks=blocks,
            order=order,
            rng=None if order == "joint" else rng,
            shrinkage=shrinkage,
        )
        yield graphon_ntk(x, network, **pruned.variances)


def _statistics(kernel: NDArray[np.float64] | None, reference: NDArray[np.float64]) -> list[float]:
    """Return the numbers of :data:`STATISTICS`, NaN where there is no kernel."""
    if kernel is None:
        return [np.nan] * len(STATISTICS)
    values = np.linalg.eigvalsh(kernel)[::-1]
    cosine = np.vdot(kernel, reference) / np.linalg.norm(kernel) / np.linalg.norm(reference)
    return [values.sum() / len(values), values[:5].sum() / values.sum(), cosine]


SIGNED_KERNELS = Experiment(
    name="signed-kernels",
    cell=signed_kernels,
    variables={
        **dict.fromkeys(STATISTICS, ("pruning", "density", "width", "trial", "road")),
        **{f"blocking_{name}": ("width", "trial", "blocking") for name in STATISTICS},
    },
    coords={
        "road": ("kept", *OF_SIGNED),
        "blocking": [
            f"{order}, {count} blocks, {'shrunk' if shrinkage else 'raw'}"
            for order, count, shrinkage in BLOCKINGS
        ],
    },
    **profiles(
        grid=(
            {
                "width": [512, 1024, 2048, 4096],
                "density": [0.5, 0.2, 0.1, 0.05],
                "trial": 5,
                "pruning": ["all"],
            },
            [
                {"width": [64], "density": [0.3], "trial": 2, "pruning": ["all"]},
                {"width": [96], "density": [0.3], "trial": 1, "pruning": ["all"]},
                {"width": [64], "density": [0.15], "trial": 1, "pruning": ["snip", "grasp"]},
            ],
        ),
        hidden_layers=(4, 2),
        blocking_density=(0.2, 0.3),
        blocking_width=(512, 64),
        digits=(32, 8),
        blocks=(64, 9),
        particles=(1024, 96),
        full=(True, False),
    ),
    case=Case(
        {
            "grid": {
                "width": [512],
                "density": [0.2],
                "trial": 1,
                "pruning": ["random", "magnitude", "snip"],
            }
        },
        ["energy", "cosine"],
    ),
)

SIGNED_KERNELS_TORCH = SIGNED_KERNELS.under(
    "torch", grid={"width": [512, 1024], "density": [0.2], "trial": 3, "pruning": ["all"]}
)
