"""Does a network of drifting weights have the signed Graphon NTK? Monte Carlo against theory."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from graphon_lib.experiments.data import load_mnist
from graphon_lib.experiments.digits import checked_digits, nested_batch
from graphon_lib.experiments.results import Experiment
from graphon_lib.experiments.sweep import fingerprint, run_cells
from graphon_lib.graphons.network import GraphonNetwork, sample_weights
from graphon_lib.graphons.partition import grid_positions
from graphon_lib.graphons.step_graphon import StepGraphon
from graphon_lib.ntk.empirical import empirical_ntk
from graphon_lib.ntk.kernels import graphon_ntk

__all__ = [
    "SIGNED_KERNEL_CONVERGENCE",
    "signed_design",
    "signed_error",
    "signed_kernel_convergence",
]

OUTPUTS = 10
PROBE = {"width": 200, "draw": 0}
SECOND_MOMENT_OVER_DENSITY = 1.5


def signed_design(strength: float, inputs: int, blocks: int) -> GraphonNetwork:
    r"""Return a network of two hidden layers whose densities and drifts differ from block to block.

    Parameters
    ----------
    strength
        The factor s of the drifts.
    inputs
        Number of input coordinates, each a column of the first graphon.
    blocks
        Blocks of either hidden layer.

    Returns
    -------
    GraphonNetwork

    Notes
    -----
    At the midpoints u and v of the blocks, :math:`W = \frac15 + \frac3{10} u v`, :math:`V = \frac32 W`
    and :math:`D = s \left(\frac12 + \cos 2 \pi (u - v)\right)`, which has both signs.
    """
    sizes = [grid_positions(count) for count in (inputs, blocks, blocks, OUTPUTS)]
    layers, drifts = [], []
    for rows, columns in zip(sizes[1:], sizes[:-1], strict=True):
        layers.append(StepGraphon(0.2 + 0.3 * np.outer(rows, columns)))
        drifts.append(strength * (0.5 + np.cos(2 * np.pi * np.subtract.outer(rows, columns))))
    second = [SECOND_MOMENT_OVER_DENSITY * layer.values for layer in layers]
    return GraphonNetwork(layers, second, drifts)


def signed_error(
    *,
    seed: int,
    strength: float,
    width: int,
    draw: int,
    digits: int,
    blocks: int,
    full: bool,
    data_sha256: str,
) -> dict[str, NDArray]:
    """Sample one network of a design and compare its tangent kernel with theory.

    Parameters
    ----------
    seed, width, draw
        These three numbers seed the network; the digits depend on `seed` alone.
    strength, blocks
        As of :func:`signed_design`.
    digits
        Inputs of the kernels.
    full
        Whether the digits are the complete training set rather than the bundled subset.
    data_sha256
        The checksum that they must have.

    Returns
    -------
    dict
        ``error`` and ``error_without_drift``, see :func:`signed_kernel_convergence`.
    """
    x = nested_batch(checked_digits(full, data_sha256), digits, seed).x.astype(np.float64)
    network = signed_design(strength, x.shape[1], blocks)
    rng = np.random.default_rng((seed, width, draw))
    widths = (x.shape[1], width, width, OUTPUTS)
    kernel = empirical_ntk(*sample_weights(network, widths, rng), x)
    theories = {
        "error": network,
        "error_without_drift": GraphonNetwork(network.layers, network.second_moments),
    }
    errors = {}
    for name, of_network in theories.items():
        theory = graphon_ntk(x, of_network)
        errors[name] = np.array(np.linalg.norm(kernel - theory) / np.linalg.norm(theory))
    return errors


def signed_kernel_convergence(
    *,
    seed: int,
    strengths: Sequence[float],
    draws_of_width: Sequence[Sequence[int]],
    digits: int,
    blocks: int,
    full: bool,
) -> xr.Dataset:
    r"""Sample networks of given block moments and compare their tangent kernels with theory.

    Parameters
    ----------
    seed
        Seed of masks, weights and digits.
    strengths
        Factors of the drifts, see :func:`signed_design`.
    draws_of_width
        Rows (n, draws): the hidden widths and the networks for each strength.
    digits
        Inputs of the kernels, drawn from the training images.
    blocks
        Blocks of the hidden layers.
    full
        Whether the complete data are used rather than the bundled subset.

    Returns
    -------
    xarray.Dataset
        ``error`` (strength, width, draw), :math:`\lVert \hat\Theta - \Theta \rVert_F / \lVert \Theta
        \rVert_F` of a single network; ``error_without_drift``, the same for the kernel of the same
        densities and second moments and no drift. NaN beyond a width's draws.
    """
    data = load_mnist(full=full)
    settings = {
        "seed": seed,
        "digits": digits,
        "blocks": blocks,
        "full": full,
        "data_sha256": data.sha256,
    }
    cells = [
        {**settings, "strength": strength, "width": width, "draw": draw}
        for width, draws in draws_of_width
        for strength in strengths
        for draw in range(draws)
    ]
    key = fingerprint(signed_error, {**settings, "strength": strengths[0], **PROBE})
    done = run_cells(signed_error, cells, key=key, description="Kernels of drifting networks")
    widths = [width for width, _ in draws_of_width]
    most = max(draws for _, draws in draws_of_width)
    names = ("error", "error_without_drift")
    errors = np.full((len(names), len(strengths), len(widths), most), np.nan)
    for cell, finished in zip(cells, done, strict=True):
        place = strengths.index(cell["strength"]), widths.index(cell["width"]), cell["draw"]
        for name, error in zip(names, errors, strict=True):
            error[place] = finished.arrays[name]
    return xr.Dataset(
        {
            name: (("strength", "width", "draw"), error)
            for name, error in zip(names, errors, strict=True)
        },
        coords={"strength": list(strengths), "width": widths},
        attrs={
            "data": data.name,
            "data_sha256": data.sha256,
            "cpu_hours": round(sum(cell.seconds for cell in done) / 3600, 3),
            "peak_megabytes": round(max(cell.megabytes for cell in done)),
        },
    )


SIGNED_KERNEL_CONVERGENCE = Experiment(
    name="signed-kernel-convergence",
    compute=signed_kernel_convergence,
    profiles={
        "paper": {
            "strengths": [0.25, 0.7, 2.0],
            "draws_of_width": [[256, 16], [512, 16], [1024, 12], [2048, 8], [4096, 8], [8192, 6]],
            "digits": 8,
            "blocks": 8,
            "full": True,
        },
        "quick": {
            "strengths": [0.7],
            "draws_of_width": [[64, 3], [128, 2]],
            "digits": 4,
            "blocks": 4,
            "full": False,
        },
    },
)
