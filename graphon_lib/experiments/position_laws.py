"""Theorem T2: the vectors that are neurons' positions beside draws from their limiting laws."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray

from graphon_lib.experiments.digits import Data
from graphon_lib.experiments.experiment import Case, Experiment, profiles
from graphon_lib.experiments.pruned import network_on_batch
from graphon_lib.ntk.signal_laws import draw_normal, signal_laws
from graphon_lib.pruning.signals import batch_signals

__all__ = ["POSITION_LAWS", "permutation_test", "position_laws", "sliced_wasserstein"]


def sliced_wasserstein(
    first: NDArray[np.float64], second: NDArray[np.float64], directions: NDArray[np.float64]
) -> float:
    r"""Return the mean 1-Wasserstein distance of two samples of equal size along directions.

    Samples have the shape (n, d), directions (k, d); along one of them the distance is that of the
    sorted values, :math:`\frac1n \sum_i |u_{(i)} - v_{(i)}|`.
    """
    return _mean_distance(first @ directions.T, second @ directions.T)


def permutation_test(
    first: NDArray[np.float64],
    second: NDArray[np.float64],
    directions: NDArray[np.float64],
    permutations: int,
    rng: np.random.Generator,
) -> float:
    r"""Return the p-value of the :func:`sliced_wasserstein` distance of two samples.

    :math:`(1 + k) / (1 + N)` if k of N random divisions of all vectors into two samples of the
    same sizes are as far apart: exact, if the vectors are exchangeable.
    """
    pool, size = np.concatenate([first, second]) @ directions.T, len(first)
    found, far = _mean_distance(pool[:size], pool[size:]), 0
    for _ in range(permutations):
        mixed = rng.permutation(pool)
        far += _mean_distance(mixed[:size], mixed[size:]) >= found
    return (1 + far) / (1 + permutations)


def _mean_distance(first: NDArray[np.float64], second: NDArray[np.float64]) -> float:
    """Return the mean over columns of the 1-Wasserstein distances of their entries."""
    return float(np.abs(np.sort(first, axis=0) - np.sort(second, axis=0)).mean())


def position_laws(
    *,
    seed: int,
    images: int,
    width: int,
    trial: int,
    slices: int,
    permutations: int,
    data: Data,
) -> dict[str, NDArray]:
    r"""Compare the positions of the second hidden layer's neurons with their law, given the batch.

    Positions are :math:`(z_i, \sigma'(z_i) \odot g_i)`, every coordinate over its standard
    deviation in the limit, where :math:`z \sim N(0, \Sigma^2)` and :math:`g \sim N(0,
    \Pi^2(\chi))`, :math:`\chi` being the network's own errors on the batch. Returns ``distance``
    (source), sliced 1-Wasserstein along so many random directions, from as many draws of the law:
    of the neurons, and of other draws; ``p_value``, of the first by so many permutations.
    """
    identity = (seed, images, width, trial)
    model, x, y, outputs, rng = network_on_batch(identity, images=images, width=width, data=data)
    signal = batch_signals(model, "snip", torch.as_tensor(x), torch.as_tensor(y))[1]
    raised = np.exp(outputs - outputs.max(axis=0))
    errors = raised / raised.sum(axis=0) - np.eye(len(outputs))[:, y]
    laws = signal_laws(x, 2)
    forward, backward = laws.covariances[1], laws.backward(2, errors)

    def draws() -> NDArray[np.float64]:
        z = draw_normal(forward, width, rng)
        return np.hstack([z, (z > 0.0) * draw_normal(backward, width, rng)])

    # Backward signals are of the order of an inverse root of the width, and of the mean loss.
    neurons = np.hstack([signal.preactivations, np.sqrt(width) * images * signal.left])
    unit = np.sqrt(np.concatenate([np.diag(forward), np.diag(backward) / 2.0]))
    directions = rng.standard_normal((slices, len(unit)))
    directions /= np.linalg.norm(directions, axis=1, keepdims=True) * unit
    drawn = draws()
    return {
        "distance": np.array(
            [sliced_wasserstein(sample, drawn, directions) for sample in (neurons, draws())]
        ),
        "p_value": np.array(permutation_test(neurons, drawn, directions, permutations, rng)),
    }


POSITION_LAWS = Experiment(
    name="position-laws",
    cell=position_laws,
    variables={
        "distance": ("images", "width", "trial", "source"),
        "p_value": ("images", "width", "trial"),
    },
    coords={"source": ("neurons", "draws")},
    **profiles(
        grid=(
            {"images": [1, 10, 100], "width": [128, 512, 2048], "trial": 5},
            {"images": [1, 10], "width": [64, 128], "trial": 2},
        ),
        slices=(200, 50),
        permutations=(199, 19),
        full=(True, False),
    ),
    case=Case({"grid": {"images": [10], "width": [128], "trial": 2}}, ["distance"]),
)
