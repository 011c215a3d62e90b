r"""The tangent kernel of a network whose positions are vectors, and whose drift is known in closed form.

Blocks of neurons average over what tells neurons apart. Here every neuron keeps its position, the
vectors it has on the pruning batch, and density, second moment and drift are functions of two
positions; nothing is estimated from kept weights.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import sqrt

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray

from graphon_lib._checks import (
    check_array,
    check_integer,
    check_mask,
    check_per_layer,
    check_positive,
    check_real,
    check_rng,
)
from graphon_lib.ntk.activations import LeakyReLU
from graphon_lib.pruning.expected import expected_threshold, kept_probability
from graphon_lib.pruning.initialisations import INITIALISATIONS, Law

__all__ = ["PositionLayer", "position_layers", "position_ntk"]

RELU = LeakyReLU(0.0)

# Digits of a batch nearly depend on one another; directions of less than this share are rounding.
LEAST_SHARE = 1e-8


@dataclass(frozen=True)
class PositionLayer:
    r"""A hidden weight layer as functions of the positions of the neurons on either side.

    Attributes
    ----------
    kept : ndarray, shape (n_out, n_in)
        :math:`W_{ij} = P(M_{ij} = 1)`.
    mean : ndarray, shape (n_out, n_in)
        :math:`B_{ij} = E[w_{ij} M_{ij}]` for weights of mean 0 and variance 1.
    second_moment : ndarray, shape (n_out, n_in)
        :math:`V_{ij} = E[w_{ij}^2 M_{ij}]`.
    inputs : ndarray, shape (n_in, N)
        Activations :math:`h_j` of the dense network on the pruning batch.
    fitted : ndarray, shape (n_out, N)
        Coefficients :math:`z_i^\top (H^\top H / n_{l-1})^{-1}` of the preactivations on the batch,
        less the neurons' biases.
    fan_in : int
        The number of inputs :math:`n_{l-1}` of the network, of which n_in are represented.
    inverse : ndarray, shape (N, N)
        :math:`(H^\top H / n_{l-1})^{-1}`, over all inputs of the network.
    fan_out : int
        The number of neurons :math:`n_l` of the network, of which n_out are represented.
    weight_variance : float
        :math:`s_w`.
    bias : ndarray, shape (n_out,), or 0
        What the neurons' biases add to their preactivations.
    bias_variance : float
        :math:`s_b`, what training them adds to the kernel.
    """

    kept: NDArray[np.float64]
    mean: NDArray[np.float64]
    second_moment: NDArray[np.float64]
    inputs: NDArray[np.float64]
    fitted: NDArray[np.float64]
    fan_in: int
    inverse: NDArray[np.float64]
    fan_out: int
    weight_variance: float = 2.0
    bias: NDArray[np.float64] | float = 0.0
    bias_variance: float = 0.0


def position_layers(
    signals: Sequence[tuple[NDArray[np.float64], ...]],
    count: float,
    *,
    signed: bool,
    particles: int,
    rng: np.random.Generator,
    law: Law = INITIALISATIONS["he"].law,
    weight_variance: float = 2.0,
    biases: Sequence[ArrayLike] | None = None,
    bias_variance: ArrayLike = 0.0,
) -> tuple[list[PositionLayer], NDArray[np.intp]]:
    r"""Return the hidden layers of a pruned network as functions of positions.

    Parameters
    ----------
    signals : sequence of tuples of four arrays
        For the first and every hidden weight layer, what
        :func:`~graphon_lib.pruning.signals.batch_signals` returns: activations before it
        (n_in, N), preactivations (n_out, N), left (n_out, R) and right (n_in, R) factors.
    count : float
        Number of weights kept in these layers, which some positive threshold must keep.
    signed : bool
        Whether weights of large :math:`w_{ij} q_{ij}` are kept (GraSP) rather than of large
        :math:`|w_{ij} q_{ij}|` (SNIP).
    particles : int
        Neurons drawn to represent a hidden layer, and returned for the last one; all of them if
        there are fewer. Input coordinates are all kept.
    law : Law
        Of the weights before pruning.
    weight_variance, biases, bias_variance
        As for `empirical_ntk`, of these layers. A bias is part of its neuron's position.

    Notes
    -----
    Let :math:`\tau_{ij} = t / |q_{ij}|` with q in the units of weights of variance 1 and t the least
    score kept. Then, for SNIP,

    .. math::

        W = P(|w| > \tau), \qquad V = E[w^2; |w| > \tau], \qquad B = 0,

    and for GraSP :math:`W` and :math:`V` are half of that and
    :math:`B = \operatorname{sign}(q)\, E[w; w > \tau]`. The threshold solves
    :math:`\sum_l \sum_{ij} W_{ij} =` `count`. That the weights of a neuron are Gaussian given N sums
    of them is exact for the normal law. For another it holds to leading order in N over the number of
    inputs, as long as no input dominates.
    """
    weight_variance = check_positive("weight_variance", weight_variance)
    variances = check_per_layer("bias_variance", bias_variance, len(signals))
    if biases is None:
        biases = [np.zeros(len(preactivations)) for _, preactivations, _, _ in signals]
    shifts = [
        sqrt(variance) * check_array(f"biases[{i}]", bias, 1)
        for i, (bias, variance) in enumerate(zip(biases, variances, strict=True))
    ]
    count = check_real("count", count, 0.0)
    check_integer("particles", particles, 1)
    check_rng("rng", rng)
    chosen = [np.arange(signals[0][0].shape[0])]
    for _, preactivations, _, _ in signals:
        width = len(preactivations)
        picked = rng.choice(width, min(particles, width), replace=False)
        chosen.append(np.sort(picked))
    # Weights of variance s_w / n_in of a network are of variance 1 in these units.
    factors = [
        sqrt(weight_variance / len(right)) * (left[rows] @ right[cols].T)
        for (_, _, left, right), rows, cols in zip(signals, chosen[1:], chosen[:-1], strict=True)
    ]
    sizes = [len(left) * len(right) for _, _, left, right in signals]
    try:
        threshold = expected_threshold(factors, count / sum(sizes), law, signed=signed, sizes=sizes)
    except ValueError as error:
        raise ValueError(
            f"count must be positive and fewer than the weights with scores above zero, got {count:g}"
        ) from error
    layers = []
    for (inputs, preactivations, _, _), factor, rows, cols, shift, variance in zip(
        signals, factors, chosen[1:], chosen[:-1], shifts, variances, strict=True
    ):
        inverse = _pseudo_inverse(inputs.T @ inputs / len(inputs))
        moments = _kept_moments(factor, threshold, signed, law)
        layers.append(
            PositionLayer(
                *moments,
                inputs[cols],
                (preactivations[rows] - shift[rows, None]) @ inverse,
                len(inputs),
                inverse,
                len(preactivations),
                weight_variance,
                shift[rows],
                float(variance),
            )
        )
    return layers, chosen[-1]


def position_ntk(
    x: ArrayLike,
    layers: Sequence[PositionLayer],
    read_out_mask: ArrayLike,
    read_out_weights: ArrayLike,
    *,
    read_out_bias_variance: float = 0.0,
    conditioned: bool = True,
    backward_means: bool = True,
    per_layer: bool = False,
) -> NDArray[np.float64]:
    r"""Return the tangent kernel of a ReLU network whose weights depend on vector positions.

    Parameters
    ----------
    x : array_like, shape (N, d)
        Inputs, one a row, that need not be those of the pruning batch.
    layers : sequence of PositionLayer
        The first and the hidden weight layers, see `position_layers`.
    read_out_mask, read_out_weights : array_like, shape (n_D, n)
        Of the neurons that represent the last hidden layer, in NTK units.
    read_out_bias_variance : float
        Of the outputs' biases, 0 without.
    conditioned : bool
        Whether the covariance is that of the weights given the batch signals. False leaves it
        unconditioned, as in blocks, and counts what the means explain twice.
    backward_means : bool
        Whether the mean weights :math:`B_{ij}` pass gradients on. False leaves that out, which is
        right for means of order :math:`n^{-1/2}` alone.
    per_layer : bool
        Whether the terms of the weight layers are kept apart. Otherwise their sum is returned.

    Returns
    -------
    ndarray, shape (N, N), or (n_layers, N, N) for `per_layer`
        The kernel, mean over outputs; its terms from the first layer to the read-out.

    Notes
    -----
    To leading order a kept weight is :math:`M w = B + V w + \text{noise}`, and given the
    preactivations :math:`z_i` on the batch a row of weights is Gaussian; the book's chapter on the
    signed Graphon NTK derives what follows. With :math:`\mu_j` and :math:`S_j` the mean and the
    second moment of the pruned network's activations for new inputs, H those on the batch,
    :math:`a_i(x) = \frac1n \sum_j V_{ij} \mu_j(x)\, h_j` and :math:`\Gamma = H^\top H / n`,
    preactivations have the means and covariances

    .. math::

        m_i(x) &= (z_i - b_i)^\top \Gamma^{-1} a_i(x)
        + \sqrt{\tfrac{s_w}{n}} \sum_j B_{ij} \mu_j(x) + b_i, \\
        C_i(x, x') &= \tfrac{s_w}{n} \sum_j (V_{ij} - B_{ij}^2) S_j(x, x')
        - s_w\, a_i(x)^\top \Gamma^{-1} a_i(x') ,

    the last term being what the mean explains and :math:`b_i` the neuron's bias. On the way back,
    with :math:`g_j` the derivative of an output by the activation :math:`h_j`, of mean
    :math:`\bar g_j`, and :math:`\dot S_i(x, x') = E\, \dot\sigma(z_i(x)) \dot\sigma(z_i(x'))`,

    .. math::

        \bar g_j(x) &= \sqrt{\tfrac{s_w}{n}} \sum_i B_{ij}\, E[\dot\sigma(z_i(x))]\, \bar g_i(x), \\
        E[g_j(x) g_j(x')] &= \tfrac{s_w}{n} \sum_i (V_{ij} - B_{ij}^2)\, \dot S_i(x, x')\,
        E[g_i(x) g_i(x')] + \bar g_j(x)\, \bar g_j(x'),

    from :math:`\bar g_j = g_j = \sqrt{s_w / n}\, M_{kj} w_{kj}` for output k. Left out is, for B of
    order 1, a relative 1/n, and the means of order :math:`n^{-1/2}` that the batch gives the
    weights beyond B.
    """
    x = check_array("x", x, 2)
    mask = check_mask("read_out_mask", read_out_mask)
    weights = check_array("read_out_weights", read_out_weights, 2)
    _check_chain(x, layers, mask, weights)
    first, second = np.triu_indices(len(x))
    means, moments = x.T, (x[first] * x[second]).T
    diagonal = np.flatnonzero(first == second)
    hidden = []
    for layer in layers:
        scale = layer.weight_variance / len(means)
        own = scale * (layer.kept @ moments) + layer.bias_variance
        spread = scale * ((layer.second_moment - layer.mean**2) @ moments)
        average, explained = _explained(layer, means)
        if conditioned:
            spread -= layer.weight_variance * explained[:, first, second]
        # The variance of a neuron whose preactivation the batch determines may round below 0.
        variances = np.maximum(spread[:, diagonal], 0.0)
        average += sqrt(layer.weight_variance * layer.fan_in) / len(means) * (layer.mean @ means)
        average += np.broadcast_to(layer.bias, len(average))[:, None]
        moments, passing = RELU.moments_with_mean(
            spread, variances[:, first], variances[:, second], average[:, first], average[:, second]
        )
        means = RELU.mean(average, variances)
        hidden.append((own, passing))
    variance = layers[-1].weight_variance
    terms = [variance / mask.shape[1] * (mask.mean(axis=0) @ moments) + read_out_bias_variance]
    # Gradients by activations, times the root of the layer's width: they are then of order 1.
    mean_heard = sqrt(variance) * (mask * weights).T[:, :, None]
    heard = variance * np.mean(mask * weights**2, axis=0)[:, None]
    for layer, (own, passing) in zip(reversed(layers), reversed(hidden), strict=True):
        reached = passing * heard
        terms.insert(0, np.mean(reached * own, axis=0))
        variance = layer.weight_variance
        if not backward_means:
            heard = variance / len(reached) * (layer.second_moment.T @ reached)
            continue
        heard = variance / len(reached) * ((layer.second_moment - layer.mean**2).T @ reached)
        # A rectifier's derivative is its own square.
        mean_reached = passing[:, diagonal][:, None, :] * mean_heard
        scale = sqrt(variance * layer.fan_out) / len(reached)
        mean_heard = scale * np.tensordot(layer.mean.T, mean_reached, axes=1)
        products = np.matmul(mean_heard.transpose(0, 2, 1), mean_heard) / len(mask)
        heard += products[:, first, second]
    kernel = np.empty((len(terms), len(x), len(x)))
    kernel[:, first, second] = kernel[:, second, first] = terms
    return kernel if per_layer else kernel.sum(axis=0)


def _explained(
    layer: PositionLayer, means: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    r"""Return :math:`z_i^\top \Gamma^{-1} a_i(x)` and :math:`a_i(x)^\top \Gamma^{-1} a_i(x')`."""
    inputs, samples = means.shape
    batch = layer.inputs.shape[1]
    products = layer.inputs[:, :, None] * means[:, None, :] / inputs
    sums = layer.second_moment @ products.reshape(inputs, batch * samples)
    sums = sums.reshape(-1, batch, samples)
    average = np.matmul(layer.fitted[:, None, :], sums)[:, 0]
    return average, np.matmul(sums.transpose(0, 2, 1), layer.inverse @ sums)


def _kept_moments(
    factor: NDArray[np.float64], threshold: float, signed: bool, law: Law
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Return probabilities, means and second moments of kept weights, see `position_layers`."""
    with np.errstate(divide="ignore"):
        tau = torch.from_numpy(threshold / np.abs(factor))
    kept = kept_probability(factor, threshold, law, signed=signed)
    first, second = law.first_moment(tau).numpy(), law.second_moment(tau).numpy()
    if signed:
        return kept, np.sign(factor) * first / 2, second / 2
    return kept, np.zeros_like(kept), second


def _pseudo_inverse(matrix: NDArray[np.float64]) -> NDArray[np.float64]:
    values, vectors = np.linalg.eigh(matrix)
    large = values > LEAST_SHARE * max(values[-1], 0.0)
    return (vectors[:, large] / values[large]) @ vectors[:, large].T


def _check_chain(
    x: NDArray[np.float64],
    layers: Sequence[PositionLayer],
    mask: NDArray[np.bool_],
    weights: NDArray[np.float64],
) -> None:
    sizes = [x.shape[1], *(layer.kept.shape[0] for layer in layers)]
    wanted = [*(layer.kept.shape[1] for layer in layers), mask.shape[1]]
    if sizes != wanted:
        raise ValueError(
            f"layers must fit the inputs, one another and read_out_mask; got {wanted} inputs of layers for {sizes} neurons before them"
        )
    if weights.shape != mask.shape:
        raise ValueError(
            f"read_out_weights must have the mask's shape {mask.shape}, got {weights.shape}"
        )
