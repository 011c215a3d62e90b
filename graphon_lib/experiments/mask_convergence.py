"""Do kernels of real masks tend to those of their graphons? Widths from 64 to 4096."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from graphon_lib.experiments.data import sample_batch
from graphon_lib.experiments.digits import Data
from graphon_lib.experiments.experiment import Case, Experiment, profiles
from graphon_lib.experiments.grid import trials_of
from graphon_lib.experiments.pruned import ntk_weights, pruned_network
from graphon_lib.graphons.network import GraphonNetwork
from graphon_lib.ntk.empirical import empirical_ntk
from graphon_lib.ntk.kernels import graphon_ntk
from graphon_lib.pruning.methods import METHODS

__all__ = ["MASK_CONVERGENCE", "WEIGHTS", "mask_convergence"]

WEIGHTS = ("re-drawn", "kept")
"""Which weights the pruned network has. Kept ones are compared with second moments in the theory."""


def mask_convergence(
    *,
    seed: int,
    width: int,
    trial: int,
    pruning: str,
    density: float,
    hidden_layers: int,
    blocks: int,
    digits: int,
    data: Data,
) -> dict[str, NDArray]:
    r"""Compare the tangent kernel of a pruned network with that of its graphons.

    Returns by the :data:`WEIGHTS` of the network, drawn once anew (and the graphon alone in the
    theory) or kept (and second moments as well): ``error``, the part of the measured kernel that
    theory misses, :math:`\lVert \hat\Theta - \Theta \rVert_F / \lVert \hat\Theta \rVert_F`; and
    ``ratio``, the trace of the theory's kernel over that of the measured one.
    """
    x = sample_batch(data.load(), digits, np.random.default_rng(seed)).x
    x = x.astype(np.float64)
    size = {"width": width, "hidden_layers": hidden_layers, "data": data}
    network = pruned_network(pruning, density, identity=(seed, width, trial), **size)
    masks, kept = network.masks, ntk_weights(network.trial.model, np.float32)
    rng = np.random.default_rng((seed, list(METHODS).index(pruning), width, trial))
    redrawn = [rng.standard_normal(mask.shape, dtype=np.float32) for mask in masks]
    estimated = GraphonNetwork.from_masks(masks, kept, blocks=blocks)
    pairs = [
        (redrawn, GraphonNetwork(estimated.layers)),
        (kept, GraphonNetwork(estimated.layers, estimated.second_moments)),
    ]
    error, ratio = np.empty((2, len(WEIGHTS)))
    for i, (weights, of_graphons) in enumerate(pairs):
        measured, theory = empirical_ntk(weights, masks, x), graphon_ntk(x, of_graphons)
        error[i] = np.linalg.norm(measured - theory) / np.linalg.norm(measured)
        ratio[i] = np.trace(theory) / np.trace(measured)
    return {"error": error, "ratio": ratio}


MASK_CONVERGENCE = Experiment(
    name="mask-convergence",
    cell=mask_convergence,
    variables=dict.fromkeys(("error", "ratio"), ("pruning", "weights", "width", "trial")),
    coords={"weights": WEIGHTS},
    **profiles(
        grid=(
            trials_of({64: 10, 256: 6, 1024: 4, 4096: 1}, pruning=["all"]),
            {"width": [32, 48, 64], "trial": 2, "pruning": ["all"]},
        ),
        hidden_layers=(4, 2),
        density=(0.2, 0.3),
        digits=(16, 8),
        blocks=(64, 16),
        full=(True, False),
    ),
    case=Case({"grid": {"width": [64, 256], "trial": 1, "pruning": ["all"]}}, ["error", "ratio"]),
)
