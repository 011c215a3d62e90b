r"""Do the modes of the error decay as theory says? Random pruning, squared loss, gradient descent."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
import xarray as xr
from numpy.typing import NDArray

from graphon_lib.experiments.digits import Data, nested_batch
from graphon_lib.experiments.experiment import Case, Experiment, profiles
from graphon_lib.experiments.pruned import pruned_network
from graphon_lib.experiments.training_run import full_batch_descent
from graphon_lib.graphons.network import GraphonNetwork
from graphon_lib.ntk.kernels import graphon_ntk

__all__ = ["RESIDUAL_MODES", "TARGETS", "residual_modes", "speeds"]

TARGETS = ("one-hot", "small")
"""One-hot classes; the same times the root of the path density, as small as the outputs are."""


def residual_modes(
    *,
    seed: int,
    trial: int,
    width: int,
    density: float,
    targets: str,
    hidden_layers: int,
    digits: int,
    rate: float,
    watched: Sequence[int],
    modes: Sequence[int],
    data: Data,
) -> dict[str, NDArray]:
    r"""Train a randomly pruned network, and follow its error along eigenvectors of the dense kernel.

    Returns ``left`` (mode, step), the norm over outputs of the error along each eigenvector of the
    dense Graphon NTK, over that at first; ``expected`` (mode, step), what gradient descent leaves
    of it in a kernel of :math:`c^D` times the dense eigenvalues, :math:`(1 - \eta c^D \lambda_k /
    N)^t \approx e^{-\eta c^D \lambda_k t / N}`.

    Parameters
    ----------
    density
        Kept fraction c of all :math:`D` layers; 1 for the dense network.
    targets
        One of :data:`TARGETS`, of N `digits`.
    rate
        :math:`\eta c^D \lambda_1 / N`, the learning rate times the largest eigenvalue expected.
    watched
        Numbers of updates after which the error is looked at.
    modes
        Ranks k of the eigenvectors, from 1.

    Notes
    -----
    For He's initialisation: with biases the kernel of a randomly pruned network is no
    multiple of the dense one.
    """
    images = data.load()
    x, labels = nested_batch(images, digits, seed)
    method = "dense" if density == 1.0 else "random"
    network = pruned_network(
        method, density, identity=(seed, trial), width=width, hidden_layers=hidden_layers, data=data
    )
    model = network.trial.model
    model.masks = [torch.from_numpy(mask) for mask in network.masks]
    depth = hidden_layers + 1
    values, vectors = np.linalg.eigh(graphon_ntk(x.astype(float), GraphonNetwork.dense(depth)))
    chosen = [-k for k in modes]
    share = values[chosen] / values[-1]
    inputs, wanted = torch.from_numpy(x), torch.eye(images.classes)[torch.from_numpy(labels)]
    if targets == "small":
        wanted *= density ** (depth / 2)
    found = []

    def watch() -> None:
        with torch.no_grad():
            error = (model(inputs) - wanted).double().numpy()
        found.append(np.linalg.norm(vectors[:, chosen].T @ error, axis=1))

    full_batch_descent(
        model,
        inputs,
        wanted,
        learning_rate=float(rate * digits / (density**depth * values[-1])),
        steps=max(watched),
        watched=(0, *watched),
        watch=watch,
    )
    errors = np.array(found).T
    expected = (1.0 - rate * share[:, None]) ** np.array(watched)
    return {"left": errors[:, 1:] / errors[:, :1], "expected": expected}


def dense_alike(call: dict[str, Any]) -> dict[str, Any]:
    """Train the dense network once: its small targets are the one-hot ones."""
    return call | {"targets": TARGETS[0]} if call["density"] == 1.0 else call


def speeds(result: xr.Dataset) -> xr.DataArray:
    """Return how fast modes decay against what is expected: the ratio of two logarithms.

    Of ``left`` and ``expected`` in a result, at the last step watched at which 1/e of the error or
    more is expected.
    """
    early = result.expected >= np.exp(-1.0)
    at = result.step.where(early).max("step")
    ratio = np.log(result.left) / np.log(result.expected)
    return ratio.where(result.step == at).sum("step")


PLACE = ("width", "density", "targets", "trial")

RESIDUAL_MODES = Experiment(
    name="residual-modes",
    cell=residual_modes,
    arguments=dense_alike,
    variables=dict.fromkeys(("left", "expected"), (*PLACE, "mode", "step")),
    coords={"mode": "modes", "step": "watched"},
    **profiles(
        grid=(
            {"trial": 6, "targets": TARGETS, "density": [1.0, 0.5, 0.2], "width": [256, 1024]},
            {"trial": 2, "targets": TARGETS, "density": [1.0, 0.5], "width": [64, 128]},
        ),
        hidden_layers=(4, 2),
        digits=(64, 24),
        rate=(0.4, 0.2),
        watched=([2**k for k in range(8)], [1, 2, 4, 8, 16]),
        modes=([1, 2, 5, 10, 20], [1, 2, 5]),
        full=(True, False),
    ),
    case=Case(
        {
            "grid": {"trial": 1, "targets": TARGETS, "density": [0.2], "width": [256]},
            "watched": [1, 2, 4, 8],
        },
        ["left", "expected"],
    ),
)
