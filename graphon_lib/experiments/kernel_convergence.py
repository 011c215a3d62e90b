"""Does a sampled network have the kernel of its graphons? Monte Carlo against theory."""

from __future__ import annotations

from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from graphon_lib.experiments.data import sample_batch
from graphon_lib.experiments.digits import Data
from graphon_lib.experiments.experiment import Case, Experiment, profiles
from graphon_lib.experiments.pruned import pruned_network
from graphon_lib.graphons.families import Assortative, Constant, PowerLaw, Ramp, Threshold
from graphon_lib.graphons.network import GraphonNetwork
from graphon_lib.graphons.step_graphon import StepGraphon
from graphon_lib.ntk.empirical import empirical_ntk
from graphon_lib.ntk.kernels import graphon_ntk

__all__ = [
    "DESIGNS",
    "ESTIMATED",
    "ESTIMATED_CONVERGENCE",
    "KERNEL_CONVERGENCE",
    "design_network",
    "estimated_convergence",
    "estimated_network",
    "kernel_convergence",
]

DESIGNS = MappingProxyType(
    {
        "constant": (Constant(0.3), Constant(0.3), Constant(0.3)),
        "ramp": (Ramp(0.6, -0.3, -0.2), Ramp(0.6, -0.3, -0.2), Ramp(0.5, 0.0, -0.4)),
        "product": (PowerLaw(0.8, 1.0, 0.0), PowerLaw(0.9, 0.5, 1.0), PowerLaw(0.8, 0.0, 1.0)),
        "blocks": (
            Assortative(0.6, 0.1),
            Assortative(0.1, 0.6, 0.3, 0.5),
            Assortative(0.5, 0.2, 0.5, 0.3),
        ),
        "threshold": (Constant(0.5), Threshold(1.0), Ramp(0.2, 0.0, 0.6)),
    }
)
"""Networks of two hidden layers: the graphons of the input layer, hidden layer and read-out."""

ESTIMATED = MappingProxyType({"SNIP, joint": "joint", "SNIP, degree": "degree"})
"""Networks of two hidden layers estimated from SNIP's masks, and the order of their blocks."""

OUTPUTS = 10
SNIP_DENSITY = 0.2


def design_network(design: str, inputs: int, blocks: int) -> GraphonNetwork:
    """Return one of :data:`DESIGNS` by exact block means, with a column for each input."""
    sizes = (inputs, blocks, blocks, OUTPUTS)
    return GraphonNetwork(
        [
            StepGraphon.from_function(family, rows, columns)
            for family, rows, columns in zip(DESIGNS[design], sizes[1:], sizes[:-1], strict=True)
        ]
    )


def estimated_network(
    design: str, *, seed: int, width: int, blocks: int, data: Data
) -> GraphonNetwork:
    """Return one of :data:`ESTIMATED`, of a network of this `width`."""
    identity, size = (seed, width), {"width": width, "hidden_layers": 2}
    masks = pruned_network("snip", SNIP_DENSITY, identity=identity, data=data, **size).masks
    return GraphonNetwork.from_masks(masks, blocks=blocks, order=ESTIMATED[design])


def kernel_convergence(
    *, seed: int, design: str, width: int, trial: int, digits: int, blocks: int, data: Data
) -> dict[str, NDArray]:
    r"""Sample a network from graphons and compare its tangent kernel with the Graphon NTK.

    Returns ``error``, :math:`\lVert \hat\Theta - \Theta \rVert_F / \lVert \Theta \rVert_F`.
    """
    x = _digits(data, digits, seed)
    network = design_network(design, x.shape[1], blocks)
    rng = np.random.default_rng((seed, list(DESIGNS).index(design), width, trial))
    return {"error": _error(network, width, x, rng)}


def estimated_convergence(
    *,
    seed: int,
    design: str,
    width: int,
    trial: int,
    pruned_width: int,
    digits: int,
    blocks: int,
    data: Data,
) -> dict[str, NDArray]:
    """Do what :func:`kernel_convergence` does with one of :data:`ESTIMATED`."""
    network = estimated_network(design, seed=seed, width=pruned_width, blocks=blocks, data=data)
    rng = np.random.default_rng((seed, list(ESTIMATED).index(design), width, trial))
    return {"error": _error(network, width, _digits(data, digits, seed), rng)}


def _digits(data: Data, count: int, seed: int) -> NDArray[np.float64]:
    return sample_batch(data.load(), count, np.random.default_rng(seed)).x.astype(np.float64)


def _error(
    network: GraphonNetwork, width: int, x: NDArray[np.float64], rng: np.random.Generator
) -> NDArray[np.float64]:
    theory = graphon_ntk(x, network)
    outputs = network.layers[-1].shape[0]
    masks = network.sample_masks((x.shape[1], width, width, outputs), rng)
    gap = empirical_ntk([rng.standard_normal(mask.shape) for mask in masks], masks, x) - theory
    return np.linalg.norm(gap) / np.linalg.norm(theory)


WIDTHS = [64, 128, 256, 512, 1024, 2048, 4096]

KERNEL_CONVERGENCE = Experiment(
    name="kernel-convergence",
    cell=kernel_convergence,
    variables={"error": ("design", "width", "trial")},
    **profiles(
        grid=(
            {"design": list(DESIGNS), "width": WIDTHS, "trial": 10},
            {"design": list(DESIGNS), "width": [32, 64], "trial": 2},
        ),
        digits=(16, 6),
        blocks=(32, 8),
        full=(True, False),
    ),
    case=Case({"grid": {"design": list(DESIGNS), "width": [64, 128], "trial": 1}}, ["error"]),
)

ESTIMATED_CONVERGENCE = Experiment(
    name="estimated-convergence",
    cell=estimated_convergence,
    variables={"error": ("design", "width", "trial")},
    **profiles(
        grid=(
            {"design": list(ESTIMATED), "width": WIDTHS, "trial": 5},
            {"design": list(ESTIMATED), "width": [32, 64], "trial": 2},
        ),
        pruned_width=(512, 64),
        digits=(16, 6),
        blocks=(32, 8),
        full=(True, False),
    ),
    case=Case({"grid": {"design": list(ESTIMATED), "width": [64, 128], "trial": 1}}, ["error"]),
)
