"""Kernels of real pruned networks against what graphons, second moments, drifts and positions predict."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from math import sqrt

import numpy as np
from numpy.typing import NDArray

from graphon_lib.experiments.digits import Data
from graphon_lib.experiments.experiment import Case, Experiment
from graphon_lib.experiments.pruned import ntk_weights, pruned_network
from graphon_lib.graphons.network import GraphonNetwork
from graphon_lib.ntk.empirical import empirical_ntk
from graphon_lib.ntk.kernels import graphon_ntk
from graphon_lib.ntk.positions import position_layers, position_ntk
from graphon_lib.pruning.redraw import redraw_given_signals
from graphon_lib.pruning.signals import LayerSignals, batch_signals

__all__ = ["BLOCKINGS", "KERNELS", "MEASURED", "SIGNED_KERNELS", "signed_kernels"]

MEASURED = ("kept", "signs randomised", "re-drawn", "re-drawn given signals")
"""Kernels of finite networks on one mask, the last on the mask that its own weights have."""

PREDICTED = (
    "density",
    "second moments",
    "block drifts",
    "shrunk drifts",
    "counted twice",
    "positions",
)
KERNELS = (*MEASURED, *PREDICTED)
"""Measured and predicted kernels; the last two from vector positions."""

BLOCKINGS = tuple(
    (order, blocks, shrinkage)
    for order in ("joint", "coclustering", "both")
    for blocks in (16, 64)
    for shrinkage in (False, True)
)
"""Ways to find blocks for SNIP: their order, their number, and whether drifts are shrunk."""

STATISTICS = ("trace", "top1", "energy", "cosine")


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

    Parameters
    ----------
    seed, width, trial
        These three numbers seed everything random in the cell but the inputs of the kernels, which
        `seed` alone decides.
    density, pruning, hidden_layers
        Of the network.
    blocking_density, blocking_width
        At this density and up to this width, all :data:`BLOCKINGS` are tried for SNIP.
    digits
        Inputs of the kernels: test images, none of them in a pruning batch.
    blocks
        Blocks of every hidden layer's neurons.
    particles
        Neurons that represent a layer in the kernels of vector positions, at most.
    data
        The digits.

    Returns
    -------
    dict
        By kernel of :data:`KERNELS`: ``trace`` (the mean of the diagonal), ``top1`` and ``energy``,
        the shares of the largest and of the five largest eigenvalues, and ``cosine``, the similarity
        to the measured kernel with kept weights, NaN where there is no such kernel. By blocking, if
        they are tried: ``blocking_trace`` and so on.
    """
    loaded = data.load()
    fresh = np.random.default_rng(seed).choice(len(loaded.x_test), digits, replace=False)
    x = loaded.x_test[fresh].astype(np.float64)
    identity = (seed, width, trial)
    network = pruned_network(
        pruning, density, identity=identity, width=width, hidden_layers=hidden_layers, data=data
    )
    started, masks = network.trial, network.masks
    weights = ntk_weights(started.model, np.float32)
    rng = np.random.default_rng(identity)
    reference = empirical_ntk(weights, masks, x)
    signals = None
    if pruning in ("snip", "grasp"):
        signals = batch_signals(started.model, pruning, started.x, started.y)
    found = _measured(weights, masks, x, signals, pruning, rng)
    found |= _predicted(weights, masks, x, blocks)
    if signals is not None:
        found |= _of_positions(weights, masks, x, signals, pruning, particles, rng)
    found["kept"] = reference
    missing = [np.nan] * len(STATISTICS)
    table = [_statistics(found[name], reference) if name in found else missing for name in KERNELS]
    arrays = dict(zip(STATISTICS, np.array(table).T, strict=True))
    if pruning == "snip" and density == blocking_density and width <= blocking_width:
        tried = [_statistics(kernel, reference) for kernel in _of_blockings(weights, masks, x, rng)]
        names = [f"blocking_{name}" for name in STATISTICS]
        arrays |= dict(zip(names, np.array(tried).T, strict=True))
    return arrays


def _measured(
    weights: Sequence[NDArray],
    masks: Sequence[NDArray[np.bool_]],
    x: NDArray[np.float64],
    signals: Sequence[LayerSignals] | None,
    method: str,
    rng: np.random.Generator,
) -> dict[str, NDArray[np.float64]]:
    signs = [w * rng.choice(np.array([-1, 1], np.float32), w.shape) for w in weights]
    found = {"signs randomised": empirical_ntk(signs, masks, x)}
    anew = [rng.standard_normal(mask.shape, np.float32) for mask in masks]
    found["re-drawn"] = empirical_ntk(anew, masks, x)
    if method == "snip":
        # The read-out is part of the positions of the last hidden layer.
        redrawn = redraw_given_signals(
            weights[:-1],
            [signal.inputs for signal in signals[:-1]],
            [signal.left for signal in signals[:-1]],
            rng,
        )
        anew = [*redrawn, weights[-1]]
        scores = [
            np.abs(w * (signal.left @ signal.right.T)) / sqrt(w.shape[1])
            for w, signal in zip(anew, signals, strict=True)
        ]
        count = sum(int(mask.sum()) for mask in masks)
        ranked = np.concatenate([score.ravel() for score in scores])
        threshold = np.partition(ranked, -count)[-count]
        found["re-drawn given signals"] = empirical_ntk(
            anew, [score >= threshold for score in scores], x
        )
    return found


def _predicted(
    weights: Sequence[NDArray], masks: Sequence[NDArray[np.bool_]], x: NDArray, blocks: int
) -> dict[str, NDArray[np.float64]]:
    raw = GraphonNetwork.from_masks(masks, weights, blocks=blocks, shrinkage=False)
    shrunk = GraphonNetwork.from_masks(masks, weights, blocks=blocks)
    return {
        "density": graphon_ntk(x, GraphonNetwork(raw.layers)),
        "second moments": graphon_ntk(x, GraphonNetwork(raw.layers, raw.second_moments)),
        "block drifts": graphon_ntk(x, raw),
        "shrunk drifts": graphon_ntk(x, shrunk),
    }


def _of_positions(
    weights: Sequence[NDArray],
    masks: Sequence[NDArray[np.bool_]],
    x: NDArray[np.float64],
    signals: Sequence[LayerSignals],
    method: str,
    particles: int,
    rng: np.random.Generator,
) -> dict[str, NDArray[np.float64]]:
    if method == "grasp" and not _all_positive(weights, masks, signals):
        return {}
    layers, chosen = position_layers(
        signals[:-1],
        sum(int(mask.sum()) for mask in masks[:-1]),
        signed=method == "grasp",
        particles=particles,
        rng=rng,
    )
    read_out = masks[-1][:, chosen], weights[-1][:, chosen]
    found = {"positions": position_ntk(x, layers, *read_out)}
    if method == "snip":
        found["counted twice"] = position_ntk(x, layers, *read_out, conditioned=False)
    return found


def _all_positive(
    weights: Sequence[NDArray],
    masks: Sequence[NDArray[np.bool_]],
    signals: Sequence[LayerSignals],
) -> bool:
    """Return whether all kept scores are positive; half of GraSP's are, and at high densities not."""
    return all(
        ((w * (signal.left @ signal.right.T))[mask] > 0).all()
        for w, mask, signal in zip(weights, masks, signals, strict=True)
    )


def _of_blockings(
    weights: Sequence[NDArray],
    masks: Sequence[NDArray[np.bool_]],
    x: NDArray[np.float64],
    rng: np.random.Generator,
) -> Iterator[NDArray[np.float64]]:
    for order, blocks, shrinkage in BLOCKINGS:
        network = GraphonNetwork.from_masks(
            masks,
            weights,
            blocks=blocks,
            order=order,
            rng=None if order == "joint" else rng,
            shrinkage=shrinkage,
        )
        yield graphon_ntk(x, network)


def _statistics(kernel: NDArray[np.float64], reference: NDArray[np.float64]) -> list[float]:
    values = np.linalg.eigvalsh(kernel)[::-1]
    cosine = np.vdot(kernel, reference) / np.linalg.norm(kernel) / np.linalg.norm(reference)
    return [
        values.sum() / len(values),
        values[0] / values.sum(),
        values[:5].sum() / values.sum(),
        cosine,
    ]


SIGNED_KERNELS = Experiment(
    name="signed-kernels",
    cell=signed_kernels,
    variables={
        **dict.fromkeys(STATISTICS, ("pruning", "density", "width", "trial", "kernel")),
        **{f"blocking_{name}": ("width", "trial", "blocking") for name in STATISTICS},
    },
    coords={
        "kernel": KERNELS,
        "blocking": [
            f"{order}, {count} blocks, {'shrunk' if shrinkage else 'raw'}"
            for order, count, shrinkage in BLOCKINGS
        ],
    },
    paper={
        "grid": {
            "width": [512, 1024, 2048, 4096],
            "density": [0.5, 0.2, 0.1, 0.05],
            "trial": 5,
            "pruning": ["all"],
        },
        "hidden_layers": 4,
        "blocking_density": 0.2,
        "blocking_width": 512,
        "digits": 32,
        "blocks": 64,
        "particles": 1024,
        "full": True,
    },
    quick={
        "grid": [
            {"width": [64], "density": [0.3], "trial": 2, "pruning": ["all"]},
            {"width": [96], "density": [0.3], "trial": 1, "pruning": ["all"]},
            {"width": [64], "density": [0.15], "trial": 1, "pruning": ["snip", "grasp"]},
        ],
        "hidden_layers": 2,
        "blocking_density": 0.3,
        "blocking_width": 64,
        "digits": 8,
        "blocks": 9,
        "particles": 96,
        "full": False,
    },
    case=Case(
        {
            "grid": {
                "width": [512],
                "density": [0.2],
                "trial": 1,
                "pruning": ["random", "magnitude", "snip"],
            }
        },
        ["top1", "energy", "cosine"],
    ),
)
