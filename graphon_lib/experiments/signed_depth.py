"""The signed Graphon NTK against the kernels of pruned networks of growing depth."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from graphon_lib.experiments.digits import Data, nested_batch
from graphon_lib.experiments.experiment import Case, Experiment, profiles
from graphon_lib.experiments.pruned import pruned_network
from graphon_lib.experiments.roads import road_kernel
from graphon_lib.ntk.spectra import spectral_metrics

__all__ = ["OF_DEPTHS", "SIGNED_DEPTH", "signed_depth"]

OF_DEPTHS = ("kept", "theory, joint", "theory, second moments", "theory, shrunk drifts")
"""The roads of :data:`~graphon_lib.experiments.roads.ROADS` that are compared."""


def signed_depth(
    *,
    seed: int,
    trial: int,
    pruning: str,
    density: float,
    width: int,
    hidden_layers: int,
    blocks: int,
    digits: int,
    data: Data,
) -> dict[str, NDArray]:
    """Compare the kernel of a pruned network with those of its graphons.

    Returns ``trace``, the mean of the diagonal; ``energy``, the share of the five largest
    eigenvalues; and ``cosine`` with the measured kernel, by road of :data:`OF_DEPTHS`.
    """
    size = {"width": width, "hidden_layers": hidden_layers, "blocks": blocks, "data": data}
    network = pruned_network(pruning, density, identity=(seed, width, hidden_layers, trial), **size)
    x = nested_batch(data.load(), digits, seed).x.astype(np.float64)
    kernels = [road_kernel(road, network, x) for road in OF_DEPTHS]
    measured = kernels[0] / np.linalg.norm(kernels[0])
    return {
        "trace": np.array([np.trace(kernel) / digits for kernel in kernels]),
        "energy": np.array([spectral_metrics(kernel).energy for kernel in kernels]),
        "cosine": np.array([np.sum(measured * k) / np.linalg.norm(k) for k in kernels]),
    }


SIGNED_DEPTH = Experiment(
    name="signed-depth",
    cell=signed_depth,
    variables=dict.fromkeys(
        ("trace", "energy", "cosine"), ("trial", "hidden_layers", "pruning", "road")
    ),
    coords={"road": OF_DEPTHS},
    **profiles(
        grid=(
            {"trial": 3, "hidden_layers": [2, 3, 4, 5, 6, 8], "pruning": ["magnitude", "snip"]},
            {"trial": 2, "hidden_layers": [2, 3], "pruning": ["magnitude", "snip"]},
        ),
        width=(1024, 64),
        density=(0.2, 0.3),
        blocks=(64, 9),
        digits=(24, 8),
        full=(True, False),
    ),
    case=Case(
        {"grid": {"trial": 1, "hidden_layers": [2], "pruning": ["magnitude", "snip"]}},
        ["energy", "cosine"],
    ),
)
