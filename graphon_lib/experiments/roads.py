"""Roads from a pruned network to a kernel: the network itself, what is drawn from it, theory."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import sqrt

import numpy as np
import torch
from numpy.typing import NDArray

from graphon_lib.experiments.pruned import Pruned
from graphon_lib.graphons.network import GraphonNetwork
from graphon_lib.graphons.step_graphon import StepGraphon
from graphon_lib.ntk.empirical import empirical_ntk
from graphon_lib.ntk.kernels import graphon_ntk
from graphon_lib.ntk.positions import position_ntk
from graphon_lib.pruning.masks import shuffle_masks
from graphon_lib.pruning.methods import Factor
from graphon_lib.pruning.redraw import redraw_given_signals

__all__ = [
    "ROADS",
    "SINGLE_PRECISION_INPUTS",
    "SINGLE_PRECISION_SPAN",
    "Road",
    "centred",
    "hidden_structure",
    "measured_kernel",
    "road_kernel",
]

Kernel = NDArray[np.float64]
Maker = Callable[[Pruned, NDArray[np.float64], np.random.Generator], Kernel | None]

SINGLE_PRECISION_INPUTS = 100
"""With fewer inputs a kernel takes no time, and is computed in double precision."""

SINGLE_PRECISION_SPAN = 1e-5
"""Single precision has absolute errors of some 1e-7 of the largest eigenvalue."""


@dataclass(frozen=True)
class Road:
    """A way from a pruned network to a kernel.

    Parameters
    ----------
    label
        How it is written.
    kernel
        From a network, inputs (N, n_0) and a generator, None for roads that draw nothing, to (N,
        N); or None where there is no such road from a network.
    of_dense
        Whether it says something of a network of which nothing is pruned.
    """

    label: str
    kernel: Maker
    of_dense: bool = False


def road_kernel(
    road: str, network: Pruned, x: NDArray[np.float64], rng: np.random.Generator | None = None
) -> Kernel | None:
    """Return the kernel of a pruned network on inputs by one of :data:`ROADS`."""
    return ROADS[road].kernel(network, x, rng)


def measured_kernel(
    weights: Sequence[NDArray[np.floating]],
    masks: Sequence[NDArray[np.bool_]],
    x: NDArray[np.float64],
    **law: object,
) -> Kernel:
    """Return an empirical kernel, of many inputs in single precision where that is precise enough.

    Arguments, the law of weights and biases with them, are those of
    :func:`~graphon_lib.ntk.empirical_ntk`. It is computed in double precision if N is below
    :data:`SINGLE_PRECISION_INPUTS` or the least eigenvalue below :data:`SINGLE_PRECISION_SPAN`
    times the largest. Otherwise eigenvalues have relative errors of 1 % at most, those among the
    upper half far smaller ones.
    """
    if len(x) >= SINGLE_PRECISION_INPUTS:
        kernel = empirical_ntk(weights, masks, x, precision="single", **law)
        values = np.linalg.eigvalsh(kernel)
        if values[0] > SINGLE_PRECISION_SPAN * values[-1]:
            return kernel
    return empirical_ntk(weights, masks, x, **law)


def hidden_structure(network: GraphonNetwork) -> GraphonNetwork:
    """Return the network with constants of equal density for its first graphon and its read-out.

    Its first graphon has one column, so that all input coordinates are alike. Second moments and
    drifts are left out.
    """
    first, *hidden, last = network.layers
    rows, columns = first.row_mass, last.col_mass
    # A weighted mean of ones can be above 1 by rounding.
    before, after = min(first.density, 1.0), min(last.density, 1.0)
    return GraphonNetwork(
        [
            StepGraphon(np.full((rows.size, 1), before), rows),
            *hidden,
            StepGraphon(np.full((last.shape[0], columns.size), after), None, columns),
        ]
    )


def _with_biases(
    network: Pruned, x: NDArray, weights: Sequence[NDArray], masks: Sequence[NDArray]
) -> Kernel:
    """Return the kernel of these weights and masks, with the biases of a network."""
    return measured_kernel(weights, masks, x, biases=network.biases, **network.variances)


def _kept(network: Pruned, x: NDArray, rng: np.random.Generator) -> Kernel:
    return _with_biases(network, x, network.weights, network.masks)


def _anew(
    masks: Sequence[NDArray], network: Pruned, x: NDArray, rng: np.random.Generator
) -> Kernel:
    """Return a kernel with new weights and biases, as precise as the network's own."""
    law, dtype = network.trial.model.initialisation.law, network.weights[0].dtype
    weights = [law.sample(rng, mask.shape, dtype) for mask in masks]
    biases = network.biases and [law.sample(rng, bias.shape, bias.dtype) for bias in network.biases]
    return measured_kernel(weights, masks, x, biases=biases, **network.variances)


def _redrawn(network: Pruned, x: NDArray, rng: np.random.Generator) -> Kernel:
    return _anew(network.masks, network, x, rng)


def _sampled(structure: Callable[[GraphonNetwork], GraphonNetwork]) -> Maker:
    def kernel(network: Pruned, x: NDArray, rng: np.random.Generator) -> Kernel:
        graphons = structure(network.graphons("degree"))
        return _anew(graphons.sample_masks(network.widths, rng), network, x, rng)

    return kernel


def _shuffled(network: Pruned, x: NDArray, rng: np.random.Generator) -> Kernel:
    generator = torch.Generator().manual_seed(int(rng.integers(2**63)))
    masks = [mask.numpy() for mask in shuffle_masks(network.masks, generator)]
    return _with_biases(network, x, network.weights, masks)


def _signs_randomised(network: Pruned, x: NDArray, rng: np.random.Generator) -> Kernel:
    signs = np.array([-1, 1], network.weights[0].dtype)
    weights = [weight * rng.choice(signs, weight.shape) for weight in network.weights]
    return _with_biases(network, x, weights, network.masks)


def centred(weight: NDArray, mask: NDArray[np.bool_], axis: int | None) -> NDArray:
    """Return a layer's weights less the means of the kept ones over an axis, or over all."""
    count = np.maximum(mask.sum(axis, keepdims=True), 1)
    return weight - (weight * mask).sum(axis, keepdims=True) / count


def _centred(axis: int | None) -> Maker:
    def kernel(network: Pruned, x: NDArray, rng: np.random.Generator) -> Kernel:
        layers = zip(network.weights, network.masks, strict=True)
        weights = [centred(weight, mask, axis) for weight, mask in layers]
        return _with_biases(network, x, weights, network.masks)

    return kernel


def _redrawn_given_signals(network: Pruned, x: NDArray, rng: np.random.Generator) -> Kernel | None:
    if network.factor != Factor() or not network.normal:
        return None
    signals, weights = network.signals, network.weights
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
    count = sum(int(mask.sum()) for mask in network.masks)
    threshold = np.partition(np.concatenate([score.ravel() for score in scores]), -count)[-count]
    return measured_kernel(anew, [score >= threshold for score in scores], x)


def _theory(
    order: str, *, second_moments: bool = False, drifts: bool = False, shrinkage: bool = True
) -> Maker:
    def kernel(network: Pruned, x: NDArray, rng: np.random.Generator) -> Kernel:
        if not second_moments:
            return graphon_ntk(x, network.graphons(order), **network.variances)
        signed = network.signed_graphons(order, shrinkage)
        graphons = signed if drifts else signed.without_drifts()
        return graphon_ntk(x, graphons, **network.variances)

    return kernel


def _positions(conditioned: bool) -> Maker:
    def kernel(network: Pruned, x: NDArray, rng: np.random.Generator) -> Kernel | None:
        found = network.positions(rng)
        if found is None or (network.factor.signed and not conditioned):
            return None
        layers, read_out = found
        of_outputs = network.variances.get("bias_variance", [0.0])[-1]
        return position_ntk(
            x, layers, *read_out, read_out_bias_variance=of_outputs, conditioned=conditioned
        )

    return kernel


ROADS = {
    "sampled": Road("sampled from the graphons", _sampled(lambda graphons: graphons)),
    "sampled, hidden only": Road("sampled, hidden layers only", _sampled(hidden_structure)),
    "theory, degree": Road("theory, sorted apart", _theory("degree"), of_dense=True),
    "theory, joint": Road("theory, one position", _theory("joint"), of_dense=True),
    "theory, second moments": Road("+ second moments", _theory("joint", second_moments=True)),
    "theory, drifts": Road(
        "+ drifts of blocks", _theory("joint", second_moments=True, drifts=True, shrinkage=False)
    ),
    "theory, shrunk drifts": Road(
        "+ shrunk drifts", _theory("joint", second_moments=True, drifts=True)
    ),
    "theory, positions": Road("vector positions", _positions(conditioned=True)),
    "theory, counted twice": Road("vector positions, counted twice", _positions(conditioned=False)),
    "kept": Road("kept weights", _kept, of_dense=True),
    "re-drawn": Road("re-drawn", _redrawn),
    "re-drawn given signals": Road("re-drawn given signals", _redrawn_given_signals),
    "signs randomised": Road("signs randomised", _signs_randomised),
    "centred by layer": Road("centred by layer", _centred(None)),
    "centred by input": Road("centred by input", _centred(0)),
    "centred by neuron": Road("centred by neuron", _centred(1)),
    "shuffled": Road("shuffled", _shuffled),
}
"""Roads by name.

``"sampled"``: masks drawn from the degree-sorted graphons, new weights, as in the paper;
``"sampled, hidden only"``: the same with constants for the input layer and the read-out. ``"theory,
..."``: the Graphon NTK of the masks' graphons, sorted apart (``"degree"``) or with one position a
neuron (``"joint"``); of the latter also with second moments, then with drifts of blocks too, as
they are or shrunk; and the kernel of vector positions, conditioned on the signals or counting them
twice. ``"kept"``: the pruned network itself. ``"re-drawn"``: its masks with new weights;
``"re-drawn given signals"``: weights drawn given all that SNIP sees, and pruned by it. ``"signs
randomised"``, ``"centred by ..."``: its weights with random signs, or less the mean of their layer,
of all that leave one neuron (input) or enter one (neuron). ``"shuffled"``: its weights with the
masks shuffled within every layer.
"""
