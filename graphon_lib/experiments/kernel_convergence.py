"""Does a sampled network have the kernel of its graphons? Monte Carlo against theory."""

from __future__ import annotations

from collections.abc import Sequence
from types import MappingProxyType

import numpy as np
import xarray as xr
from tqdm import tqdm

from graphon_lib.experiments.data import Mnist, load_mnist, sample_batch
from graphon_lib.experiments.results import Experiment
from graphon_lib.experiments.trials import start_trial
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
    """Return one of :data:`DESIGNS` as a network of step graphons.

    Parameters
    ----------
    design
        A key of :data:`DESIGNS`.
    inputs
        Number of input coordinates, each a column of the first graphon.
    blocks
        Blocks of either hidden layer.

    Returns
    -------
    GraphonNetwork
        Graphons with the exact block means of the design's functions.
    """
    sizes = (inputs, blocks, blocks, OUTPUTS)
    return GraphonNetwork(
        [
            StepGraphon.from_function(family, rows, columns)
            for family, rows, columns in zip(DESIGNS[design], sizes[1:], sizes[:-1], strict=True)
        ]
    )


def estimated_network(
    design: str, *, data: Mnist, seed: int, width: int, blocks: int
) -> GraphonNetwork:
    """Return one of :data:`ESTIMATED`: the graphons of a network that SNIP has pruned.

    Parameters
    ----------
    design
        A key of :data:`ESTIMATED`.
    data
        The digits that SNIP sees.
    seed
        Seed of the network and of the batch.
    width
        Width of the two hidden layers of the pruned network.
    blocks
        Blocks of either hidden layer.

    Returns
    -------
    GraphonNetwork
        Step graphons of density 0.2 with a column for every pixel.
    """
    trial = start_trial(data, (data.x_train.shape[1], width, width, OUTPUTS), (seed, width))
    ((_, masks),) = trial.masks("snip", [SNIP_DENSITY])
    return GraphonNetwork.from_masks(masks, blocks=blocks, order=ESTIMATED[design])


def kernel_convergence(
    *,
    seed: int,
    widths: Sequence[int],
    digits: int,
    blocks: int,
    draws: int,
    full: bool,
    designs: Sequence[str] = tuple(DESIGNS),
    pruned_width: int = 512,
) -> xr.Dataset:
    r"""Sample networks from graphons and compare their tangent kernels with the Graphon NTK.

    Parameters
    ----------
    seed
        Seed of masks, weights and digits.
    widths
        Hidden widths n.
    digits
        Inputs of the kernels, drawn from the training images.
    blocks
        Blocks of the hidden layers.
    draws
        Networks for each design and width.
    full
        Whether the complete data are used rather than the bundled subset.
    designs
        Which networks, keys of :data:`DESIGNS` or :data:`ESTIMATED`.
    pruned_width
        Hidden width of the pruned network behind the latter.

    Returns
    -------
    xarray.Dataset
        ``error`` (design, width, draw),
        :math:`\lVert \hat\Theta - \Theta \rVert_F / \lVert \Theta \rVert_F` of a single network.
    """
    data = load_mnist(full=full)
    x = sample_batch(data, digits, np.random.default_rng(seed)).x.astype(np.float64)
    error = np.empty((len(designs), len(widths), draws))
    with tqdm(total=error.size, desc="Kernels of sampled networks", unit="network") as progress:
        for i, design in enumerate(designs):
            if design in ESTIMATED:
                network = estimated_network(
                    design, data=data, seed=seed, width=pruned_width, blocks=blocks
                )
            else:
                network = design_network(design, x.shape[1], blocks)
            theory = graphon_ntk(x, network)
            for w, width in enumerate(widths):
                for draw in range(draws):
                    rng = np.random.default_rng((seed, i, width, draw))
                    masks = network.sample_masks((x.shape[1], width, width, OUTPUTS), rng)
                    weights = [rng.standard_normal(mask.shape) for mask in masks]
                    gap = empirical_ntk(weights, masks, x) - theory
                    error[i, w, draw] = np.linalg.norm(gap) / np.linalg.norm(theory)
                    progress.update()
    return xr.Dataset(
        {"error": (("design", "width", "draw"), error)},
        coords={"design": list(designs), "width": list(widths)},
        attrs={"data": data.name, "data_sha256": data.sha256},
    )


KERNEL_CONVERGENCE = Experiment(
    name="kernel-convergence",
    compute=kernel_convergence,
    profiles={
        "paper": {
            "widths": [64, 128, 256, 512, 1024, 2048, 4096],
            "digits": 16,
            "blocks": 32,
            "draws": 10,
            "full": True,
        },
        "quick": {"widths": [32, 64], "digits": 6, "blocks": 8, "draws": 2, "full": False},
    },
)

ESTIMATED_CONVERGENCE = Experiment(
    name="estimated-convergence",
    compute=kernel_convergence,
    profiles={
        "paper": {
            **KERNEL_CONVERGENCE.profiles["paper"],
            "designs": list(ESTIMATED),
            "pruned_width": 512,
            "draws": 5,
        },
        "quick": {
            **KERNEL_CONVERGENCE.profiles["quick"],
            "designs": list(ESTIMATED),
            "pruned_width": 64,
        },
    },
)
