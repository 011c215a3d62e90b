r"""What the signals of a pruning batch become in infinitely wide dense ReLU networks.

On a batch of B inputs the pre-activations :math:`z \in \mathbb R^B` of a neuron of layer l are
Gaussian, :math:`\mathcal N(0, \Sigma^l)`, and so are, independent of these, its backward signals
before the gate, :math:`\mathcal N(0, \Pi^l)` in units of :math:`n^{-1/2}`, for given errors
:math:`\chi` at the outputs:

.. math::

    \Sigma^1 = \frac{s_w}{d} X^\top X + s_b, \qquad
    \Sigma^{l+1} = s_w\, \mathbb E\, \sigma(z) \sigma(z)^\top, \qquad
    \Pi^l = s_w^{D - l}\; \chi^\top \chi \odot \dot S^{l+1} \odot \dots \odot \dot S^{D-1}

with :math:`\dot S^l = \mathbb E\, \sigma'(z) \sigma'(z)^\top`. For normal weights this is so at every
number d of inputs; for others, such as PyTorch's uniform ones, :math:`\mathcal N(0, \Sigma^1)` leaves out
terms of the order 1 / d, and backward signals of the last hidden layer, sums over the outputs, are of
this covariance but not normal. Biases are of variance :math:`s_b = s_w / d` in the first layer, if
there are any, and of vanishing variance behind it.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from graphon_lib._checks import check_array, check_integer, check_rng
from graphon_lib.ntk.activations import ACTIVATIONS
from graphon_lib.pruning.initialisations import INITIALISATIONS, Initialisation

__all__ = ["SignalLaws", "draw_normal", "signal_laws"]

Array = NDArray[np.float64]


class SignalLaws(NamedTuple):
    r"""Covariances on a batch, by layer.

    Attributes
    ----------
    covariances : list of ndarray, shapes (B, B)
        :math:`\Sigma^1, \dots, \Sigma^D`; the last is that of each output.
    gates : list of ndarray, shapes (B, B)
        :math:`\dot S^1, \dots, \dot S^{D-1}`.
    weight_variance : float
        :math:`s_w`.
    """

    covariances: list[Array]
    gates: list[Array]
    weight_variance: float

    def backward(self, layer: int, errors: Array) -> Array:
        r"""Return :math:`\Pi^l` for errors :math:`\chi` of shape (outputs, B)."""
        found = self.weight_variance ** (len(self.covariances) - layer) * errors.T @ errors
        for gate in self.gates[layer:]:
            found = found * gate
        return found

    def tangent_kernel(self) -> Array:
        r"""Return :math:`\Theta^{\ge 2}`, the tangent kernel by all weights but the first layer's."""
        kernel, back = self.covariances[-1].copy(), np.full_like(self.covariances[0], 1.0)
        for covariance, gate in zip(self.covariances[-2:0:-1], self.gates[:0:-1], strict=True):
            back = self.weight_variance * gate * back
            kernel += back * covariance
        return kernel

    def draw_outputs(self, outputs: int, rng: np.random.Generator) -> Array:
        """Draw what a network's outputs on the batch are in the limit, shape (outputs, B)."""
        return draw_normal(self.covariances[-1], check_integer("outputs", outputs, 1), rng)


def signal_laws(
    x: ArrayLike, hidden_layers: int, initialisation: Initialisation = INITIALISATIONS["he"]
) -> SignalLaws:
    """Return the laws for inputs x, shape (B, d), none of them 0, and so many hidden layers.

    Raises
    ------
    ValueError
        If an argument is not allowed.
    """
    x = check_array("x", x, 2)
    if not x.any(axis=1).all():
        raise ValueError("x must have no input that is 0 everywhere, got one")
    check_integer("hidden_layers", hidden_layers, 1)
    variance = initialisation.weight_variance
    # A bias is a weight from one more input, which is 1, but for its variance.
    covariances = [(variance * x @ x.T + (initialisation.bias_variance or 0.0)) / x.shape[1]]
    gates = []
    for _ in range(hidden_layers):
        c = covariances[-1]
        own = np.broadcast_to(np.diag(c)[:, None], c.shape)
        activation, gate = ACTIVATIONS["relu"].moments(c, own, own.T)
        covariances.append(variance * activation)
        gates.append(gate)
    return SignalLaws(covariances, gates, variance)


def draw_normal(covariance: Array, count: int, rng: np.random.Generator) -> Array:
    """Draw so many vectors of mean 0 and a covariance, singular or not, shape (count, B)."""
    values, vectors = np.linalg.eigh(covariance)
    root = vectors * np.sqrt(np.maximum(values, 0.0))
    return check_rng("rng", rng).standard_normal((count, len(root))) @ root.T
