"""One cell of the sweep over signed kernels: one network, one pruning method, one density."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from math import sqrt

import numpy as np
from numpy.typing import NDArray

from graphon_lib.experiments.data import DataError, load_mnist
from graphon_lib.experiments.trials import start_trial
from graphon_lib.graphons.network import GraphonNetwork
from graphon_lib.ntk.empirical import empirical_ntk
from graphon_lib.ntk.kernels import graphon_ntk
from graphon_lib.ntk.positions import position_layers, position_ntk
from graphon_lib.pruning.redraw import redraw_given_signals
from graphon_lib.pruning.signals import LayerSignals, batch_signals

__all__ = ["BLOCKINGS", "KERNELS", "MEASURED", "signed_cell"]

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

STATISTICS = ("trace", "top1", "top5", "cosine")


def signed_cell(
    *,
    seed: int,
    width: int,
    trial: int,
    method: str,
    hidden_layers: int,
    density: float,
    blockings: bool,
    digits: int,
    blocks: int,
    particles: int,
    full: bool,
    data_sha256: str,
) -> dict[str, NDArray]:
    """Prune a network and compare measured with predicted kernels.

    Parameters
    ----------
    seed, width, trial
        These three numbers seed everything random in the cell but the inputs of the kernels, which
        `seed` alone decides.
    method
        One of :data:`graphon_lib.pruning.METHODS`.
    hidden_layers
        Number of hidden layers, at least 1.
    density
        Kept fraction of the whole network.
    blockings
        Whether all :data:`BLOCKINGS` are tried.
    digits
        Inputs of the kernels: test images, none of them in a pruning batch.
    blocks
        Blocks of every hidden layer's neurons.
    particles
        Neurons that represent a layer in the kernels of vector positions, at most.
    full
        Whether the digits are the complete MNIST rather than the bundled subset.
    data_sha256
        The checksum that they must have.

    Returns
    -------
    dict
        ``statistic`` (kernel, statistic) with the trace (mean of the diagonal), the shares of the
        largest and of the five largest eigenvalues, and the cosine similarity to the measured
        kernel with kept weights; ``blocking`` (blocking, statistic). NaN where there is none.

    Raises
    ------
    DataError
        If the digits found here are others than those of `data_sha256`.
    """
    data = load_mnist(full=full)
    if data.sha256 != data_sha256:
        raise DataError(f"the digits must have SHA-256 {data_sha256}, got {data.sha256}")
    fresh = np.random.default_rng(seed).choice(len(data.x_test), digits, replace=False)
    x = data.x_test[fresh].astype(np.float64)
    identity = (seed, width, trial)
    started = start_trial(data, (784, *[width] * hidden_layers, 10), identity)
    weights = [w.detach().numpy() * np.float32(sqrt(w.shape[1] / 2)) for w in started.model.weights]
    signals = None
    if method in ("snip", "grasp"):
        signals = batch_signals(started.model, method, started.x, started.y)
    ((_, tensors),) = started.masks(method, [density])
    masks = [mask.numpy() for mask in tensors]
    rng = np.random.default_rng(identity)
    reference = empirical_ntk(weights, masks, x)
    found = _measured(weights, masks, x, signals, method, rng)
    found |= _predicted(weights, masks, x, blocks)
    if signals is not None:
        found |= _of_positions(weights, masks, x, signals, method, particles, rng)
    statistic = np.full((len(KERNELS), len(STATISTICS)), np.nan)
    for name, kernel in {"kept": reference, **found}.items():
        statistic[KERNELS.index(name)] = _statistics(kernel, reference)
    blocking = np.full((len(BLOCKINGS), len(STATISTICS)), np.nan)
    if blockings:
        for b, kernel in enumerate(_of_blockings(weights, masks, x, rng)):
            blocking[b] = _statistics(kernel, reference)
    return {"statistic": statistic, "blocking": blocking}


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
