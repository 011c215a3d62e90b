"""Does a sampled network with biases have the kernel of its graphons? Monte Carlo against theory."""

from __future__ import annotations

from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from graphon_lib.experiments.digits import Data, nested_batch
from graphon_lib.experiments.experiment import Case, Experiment, profiles
from graphon_lib.experiments.kernel_convergence import design_network
from graphon_lib.ntk.empirical import empirical_ntk
from graphon_lib.ntk.kernels import graphon_ntk
from graphon_lib.pruning.initialisations import INITIALISATIONS, Initialisation, Normal

__all__ = ["BIAS_CONVERGENCE", "LAWS", "bias_convergence"]

LAWS = MappingProxyType(
    {
        "fixed biases": (Initialisation("normal", Normal(), 2.0), 0.5),
        "PyTorch's default": (INITIALISATIONS["torch"], None),
    }
)
"""Laws of the weights, and the variance of biases where it is the same in every layer, whatever its
width; None where it is the initialisation's over the layer's inputs."""


def bias_convergence(
    *,
    seed: int,
    law: str,
    design: str,
    width: int,
    trial: int,
    digits: int,
    blocks: int,
    data: Data,
) -> dict[str, NDArray]:
    r"""Sample a network with biases from graphons and compare its kernel with the Graphon NTK.

    The read-out has none: its biases would add one known number to all entries of both kernels,
    next to which PyTorch's would leave little to be seen.

    Returns ``error``, :math:`\lVert \hat\Theta - \Theta \rVert_F / \lVert \Theta \rVert_F`, and
    ``error_without_biases``, the same with the theory of networks that have none; and
    ``bias_factor``, the norm of the first theory over that of the second.
    """
    x = nested_batch(data.load(), digits, seed).x.astype(np.float64)
    network = design_network(design, x.shape[1], blocks)
    widths = (x.shape[1], width, width, network.layers[-1].shape[0])
    initialisation, fixed = LAWS[law]
    variances = np.full(network.depth, fixed)
    if fixed is None:
        variances = initialisation.bias_variance / np.array(widths[:-1])
    variances[-1] = 0.0
    rng = np.random.default_rng((seed, list(LAWS).index(law), width, trial))
    masks = network.sample_masks(widths, rng)
    draw = initialisation.law.sample
    weights = [draw(rng, mask.shape, np.float64) for mask in masks]
    biases = [draw(rng, mask.shape[:1], np.float64) for mask in masks]
    spread = {"weight_variance": initialisation.weight_variance}
    kernel = empirical_ntk(weights, masks, x, biases=biases, bias_variance=variances, **spread)
    theory = graphon_ntk(x, network, bias_variance=variances, **spread)
    without = graphon_ntk(x, network, **spread)
    return {
        "error": np.linalg.norm(kernel - theory) / np.linalg.norm(theory),
        "error_without_biases": np.linalg.norm(kernel - without) / np.linalg.norm(without),
        "bias_factor": np.linalg.norm(theory) / np.linalg.norm(without),
    }


BIAS_CONVERGENCE = Experiment(
    name="bias-convergence",
    cell=bias_convergence,
    variables=dict.fromkeys(
        ("error", "error_without_biases", "bias_factor"), ("law", "design", "width", "trial")
    ),
    **profiles(
        grid=(
            {
                "law": list(LAWS),
                "design": ["constant", "threshold", "blocks"],
                "width": [64, 128, 256, 512, 1024, 2048],
                "trial": 10,
            },
            {"law": list(LAWS), "design": ["threshold"], "width": [32, 64], "trial": 2},
        ),
        digits=(16, 6),
        blocks=(32, 8),
        full=(True, False),
    ),
    case=Case(
        {
            "grid": {
                "law": list(LAWS),
                "design": ["constant", "threshold", "blocks"],
                "width": [64, 128],
                "trial": 1,
            }
        },
        ["error", "error_without_biases"],
    ),
)
