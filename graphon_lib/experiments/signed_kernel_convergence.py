"""Does a network of drifting weights have the signed Graphon NTK? Monte Carlo against theory."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from graphon_lib.experiments.digits import Data, nested_batch
from graphon_lib.experiments.experiment import Case, Experiment, profiles
from graphon_lib.graphons.network import GraphonNetwork, sample_weights
from graphon_lib.graphons.partition import grid_positions
from graphon_lib.graphons.step_graphon import StepGraphon
from graphon_lib.ntk.empirical import empirical_ntk
from graphon_lib.ntk.kernels import graphon_ntk

__all__ = ["SIGNED_KERNEL_CONVERGENCE", "signed_design", "signed_kernel_convergence"]

OUTPUTS = 10
SECOND_MOMENT_OVER_DENSITY = 1.5


def signed_design(strength: float, inputs: int, blocks: int) -> GraphonNetwork:
    r"""Return a network of two hidden layers whose densities and drifts differ from block to block.

    Its first graphon has a column for every input. At the midpoints u and v of the blocks,
    :math:`W = \frac15 + \frac3{10} u v`, :math:`V = \frac32 W` and, for the `strength` s,
    :math:`D = s \left(\frac12 + \cos 2 \pi (u - v)\right)`, which has both signs.
    """
    sizes = [grid_positions(count) for count in (inputs, blocks, blocks, OUTPUTS)]
    layers, drifts = [], []
    for rows, columns in zip(sizes[1:], sizes[:-1], strict=True):
        layers.append(StepGraphon(0.2 + 0.3 * np.outer(rows, columns)))
        drifts.append(strength * (0.5 + np.cos(2 * np.pi * np.subtract.outer(rows, columns))))
    second = [SECOND_MOMENT_OVER_DENSITY * layer.values for layer in layers]
    return GraphonNetwork(layers, second, drifts)


def signed_kernel_convergence(
    *, seed: int, strength: float, width: int, trial: int, digits: int, blocks: int, data: Data
) -> dict[str, NDArray]:
    r"""Sample a network of a :func:`signed_design` and compare its tangent kernel with theory.

    Returns ``error``, :math:`\lVert \hat\Theta - \Theta \rVert_F / \lVert \Theta \rVert_F`;
    ``error_without_drift``, the same for the theory of the same densities and second moments and no
    drift.
    """
    x = nested_batch(data.load(), digits, seed).x.astype(np.float64)
    network = signed_design(strength, x.shape[1], blocks)
    rng = np.random.default_rng((seed, width, trial))
    kernel = empirical_ntk(*sample_weights(network, (x.shape[1], width, width, OUTPUTS), rng), x)
    theories = {
        "error": graphon_ntk(x, network),
        "error_without_drift": graphon_ntk(
            x, GraphonNetwork(network.layers, network.second_moments)
        ),
    }
    return {
        name: np.linalg.norm(kernel - theory) / np.linalg.norm(theory)
        for name, theory in theories.items()
    }


SIGNED_KERNEL_CONVERGENCE = Experiment(
    name="signed-kernel-convergence",
    cell=signed_kernel_convergence,
    variables=dict.fromkeys(("error", "error_without_drift"), ("strength", "width", "trial")),
    **profiles(
        grid=(
            [
                {"width": [width], "strength": [0.25, 0.7, 2.0], "trial": trials}
                for width, trials in (
                    (256, 16),
                    (512, 16),
                    (1024, 12),
                    (2048, 8),
                    (4096, 8),
                    (8192, 6),
                )
            ],
            [
                {"width": [width], "strength": [0.7], "trial": trials}
                for width, trials in ((64, 3), (128, 2))
            ],
        ),
        digits=(8, 4),
        blocks=(8, 4),
        full=(True, False),
    ),
    case=Case(
        {"grid": {"width": [256, 512], "strength": [0.25, 0.7, 2.0], "trial": 1}},
        ["error", "error_without_drift"],
    ),
)
