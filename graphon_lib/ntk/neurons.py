r"""The trace of a tangent kernel, neuron by neuron: what each one's weights and bias add to it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from graphon_lib._checks import (
    check_array,
    check_instance,
    check_per_layer,
    check_positive,
)
from graphon_lib.graphons import GraphonNetwork
from graphon_lib.graphons.network import second_moments_of
from graphon_lib.ntk.activations import ACTIVATIONS
from graphon_lib.ntk.empirical import masked_network, signals
from graphon_lib.ntk.recursion import layer_matrices

__all__ = ["NeuronTerms", "empirical_neuron_terms", "graphon_neuron_terms"]


class NeuronTerms(NamedTuple):
    """What the neurons of a layer add to the mean of a kernel's diagonal, times their number.

    Attributes
    ----------
    weights : ndarray, shape (n_out,)
        By their kept incoming weights. The mean over neurons is the layer's term in the trace.
    biases : ndarray, shape (n_out,)
        By their biases.
    """

    weights: NDArray[np.float64]
    biases: NDArray[np.float64]


def graphon_neuron_terms(
    x: ArrayLike,
    network: GraphonNetwork,
    *,
    weight_variance: float = 2.0,
    bias_variance: ArrayLike = 0.0,
) -> list[NeuronTerms]:
    r"""Return the terms of the blocks of an infinitely wide ReLU network.

    Parameters
    ----------
    x, network, weight_variance, bias_variance
        As for `graphon_ntk`, the network without drifts.

    Returns
    -------
    list of NeuronTerms
        From the first layer to the read-out; weighted by the blocks' masses and summed they are the
        mean of the diagonal of `graphon_ntk`.

    Notes
    -----
    They are the integrand of Theorem 1 of the paper: a block at position u of layer l has

    .. math:: \dot S^l(u)\, G^l(u)\, T^l(u) \quad\text{and}\quad \dot S^l(u)\, G^l(u)\, s_b^l ,

    at one input, where for the ReLU :math:`S = C / 2` and :math:`\dot S = 1/2`, or 0 where C is 0.
    """
    x = check_array("x", x, 2)
    check_instance("network", network, GraphonNetwork)
    if network.drifts is not None and any(drift.any() for drift in network.drifts):
        raise ValueError("network must be without drifts, see GraphonNetwork.without_drifts")
    variance = check_positive("weight_variance", weight_variance)
    biases = check_per_layer("bias_variance", bias_variance, network.depth)
    matrices = layer_matrices(network, variance, "mask", True, x.shape[1], biases)
    one_column = network.layers[0].shape[1] == 1
    squares = (x * x).mean(axis=1)[None] if one_column else (x * x).T
    own, alive = [], []
    for layer in matrices:
        passed = layer.forward @ squares
        own.append(passed if layer.own is None else layer.own @ squares)
        alive.append((passed + layer.bias > 0) / 2)
        squares = (passed + layer.bias) / 2
    alive[-1] = np.ones_like(alive[-1])
    terms: list[NeuronTerms] = []
    heard, seconds = np.ones_like(alive[-1]), second_moments_of(network)
    for number in reversed(range(network.depth)):
        reached = alive[number] * heard
        of_weights = (reached * own[number]).mean(axis=1)
        terms.insert(0, NeuronTerms(of_weights, matrices[number].bias * reached.mean(axis=1)))
        weighted = network.layers[number].row_mass[:, None] * reached
        heard = variance * seconds[number].T @ weighted
    return terms


def empirical_neuron_terms(
    weights: Sequence[ArrayLike],
    masks: Sequence[ArrayLike],
    x: ArrayLike,
    *,
    biases: Sequence[ArrayLike] | None = None,
    weight_variance: float = 2.0,
    bias_variance: ArrayLike = 0.0,
) -> list[NeuronTerms]:
    r"""Return the terms of the neurons of one finite masked ReLU network.

    Parameters
    ----------
    weights, masks, x, biases, weight_variance, bias_variance
        As for `empirical_ntk`; but without `biases` a `bias_variance` above 0 stands for biases
        that are 0 and trained.

    Returns
    -------
    list of NeuronTerms
        From the first layer to the read-out; the sum of their means is the mean of the diagonal of
        `empirical_ntk`.

    Notes
    -----
    With :math:`\delta^l_i` as there, neuron i of :math:`n_l` has, on average over inputs and outputs,

    .. math::

        n_l\, (\delta^l_i)^2\, \frac{s_w}{n_{l-1}} \sum_{j : M_{ij} = 1} (h^{l-1}_j)^2
        \quad\text{and}\quad n_l\, (\delta^l_i)^2\, s_b^l .
    """
    network = masked_network(
        weights, masks, biases, weight_variance, bias_variance, biases_of_zero=True
    )
    terms = []
    for mask, scale, variance, layer in zip(
        network.masks,
        network.scales,
        network.variances,
        signals(network, "x", x, ACTIVATIONS["relu"]),
        strict=True,
    ):
        with np.errstate(over="ignore", invalid="ignore"):
            reached = len(mask) * np.mean(layer.gradients**2, axis=1)
            own = scale**2 * (mask.astype(np.float64) @ layer.inputs**2)
            found = NeuronTerms((reached * own).mean(axis=1), variance * reached.mean(axis=1))
        if not np.isfinite(found).all():
            raise ValueError(
                "weights, biases and x must be small enough for finite terms, got an overflow"
            )
        terms.append(found)
    return terms
