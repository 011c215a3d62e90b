r"""The recursion of the kernels over the layers, for all blocks and the pairs of one tile."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from graphon_lib.graphons import GraphonNetwork
from graphon_lib.graphons.network import second_moments_of
from graphon_lib.graphons.weight_moments import check_possible_moments
from graphon_lib.ntk.activations import LARGEST, Activation, check_variances
from graphon_lib.ntk.ties import Ties

__all__ = [
    "LayerMatrices",
    "Preactivations",
    "kernel_strip",
    "layer_matrices",
    "opposite_signs",
    "preactivations",
]

Array = NDArray[np.float64]

# What the moments of an odd or even function of opposite Gaussians differ by is rounding.
ROUNDING = 1e-13


@dataclass(frozen=True)
class LayerMatrices:
    r"""What a layer does to the moments of the blocks before it.

    Attributes
    ----------
    forward : ndarray, shape (K_out, K_in)
        :math:`s_w V_{uv} p_v`: from second moments of activations to covariances.
    own : ndarray, shape (K_out, K_in) or (1, K_in), or None
        The same for the layer's own tangent term: :math:`s_w W_{uv} p_v`, or :math:`s_w p_v` where
        all weights are trained. None where it equals `forward`.
    drift : ndarray, shape (K_out, K_in), or None
        :math:`\sqrt{s_w} D_{uv} p_v`: from means of activations to means. None without a drift.
    bias : float
        :math:`s_b`, which biases add to covariances and to the layer's own tangent term.

    Notes
    -----
    The covariance that a layer adds is that of weights less their mean, :math:`V - D^2 / n` for n
    inputs. Hidden layers have infinitely many, the first has :math:`n = d`.
    """

    forward: Array
    own: Array | None
    drift: Array | None
    bias: float


@dataclass(frozen=True)
class Preactivations:
    """The variances and means of a layer's preactivations, shape (K, N); no mean stands for 0."""

    variance: Array
    mean: Array | None

    def __getitem__(self, index: slice | tuple) -> Preactivations:
        """Return the variances and means at an index."""
        return Preactivations(self.variance[index], None if self.mean is None else self.mean[index])


def layer_matrices(
    network: GraphonNetwork,
    weight_variance: float,
    own_layer: str,
    per_output: bool,
    features: int,
    bias_variance: ArrayLike = 0.0,
) -> list[LayerMatrices]:
    """Return the matrices of all layers, for inputs of so many features.

    Unless `per_output`, the read-out's matrices have one row, the mean over its blocks by mass: the
    kernel is linear in them.
    """
    matrices, seconds = [], second_moments_of(network)
    biases = np.broadcast_to(bias_variance, network.depth).tolist()
    for number, graphon in enumerate(network.layers):
        kept = weight_variance * graphon.values * graphon.col_mass
        second = seconds[number]
        drift = None
        if network.drifts is not None and network.drifts[number].any():
            drift = weight_variance**0.5 * network.drifts[number] * graphon.col_mass
            if number == 0:
                check_possible_moments(0, graphon.values, second, network.drifts[0], features)
                second = np.maximum(second - network.drifts[0] ** 2 / features, 0.0)
        forward = weight_variance * second * graphon.col_mass
        own = weight_variance * graphon.col_mass[None] if own_layer == "dense" else kept
        if number == network.depth - 1 and not per_output:
            forward = (graphon.row_mass @ forward)[None]
            own = (graphon.row_mass @ own)[None] if own is kept else own
            drift = None if drift is None else (graphon.row_mass @ drift)[None]
        matrices.append(
            LayerMatrices(
                forward, None if np.array_equal(own, forward) else own, drift, biases[number]
            )
        )
    return matrices


def preactivations(
    name: str, x: Array, matrices: Sequence[LayerMatrices], activation: Activation, chunk: int
) -> list[Preactivations]:
    r"""Return the preactivations of the layers' blocks for all inputs x, shape (N, d), chunk by chunk.

    .. math:: m^{l+1}(u; x) = \sqrt{s_w} \sum_v p_v D^{l+1}(u, v)\, E \sigma(z), \qquad m^1(u; x) =
        \frac{\sqrt{s_w}}{d} \sum_j D^1(u, j)\, x_j .

    Variances and means so large or small that the kernel would be wrong are refused, with the
    `name` of the argument that the inputs came in.
    """
    parts = [
        _of_chunk(name, x[start : start + chunk], matrices, activation)
        for start in range(0, x.shape[0], chunk)
    ]
    return [_joined(layer) for layer in zip(*parts, strict=True)]


def kernel_strip(
    rows: slice,
    x1: Array,
    hidden1: Sequence[Preactivations],
    x2: Array,
    hidden2: Sequence[Preactivations],
    matrices: Sequence[LayerMatrices],
    activation: Activation,
    ties: Ties | None,
    *,
    tangent: bool,
) -> Callable[[slice], Array]:
    r"""Return the function from a range of columns to the kernel's tile (K, B, B') at B rows.

    Covariances that the `ties` know are taken from them.

    K is 1, or the read-out's blocks if they are kept apart. The covariances are

    .. math:: C^{l+1}(u) = s_w \sum_v p_v V^{l+1}(u, v)\, E \sigma \sigma [C^l(v)] + s_b^{l+1} ,

    and the tangent kernel's sum over layers of forward times backward moments is collected on the
    way forward, which stores no layer and keeps every output apart at no cost:

    .. math::

        \Theta^1 = T^1, \qquad
        \Theta^{l+1}(u) = T^{l+1}(u) + s_w \sum_v p_v V^{l+1}(u, v)\, E \dot\sigma\dot\sigma
        [C^l(v)]\, \Theta^l(v) .

    Unrolled, the factor of :math:`T^l` is the backward moment :math:`G^l` of Theorem 1 of the
    paper.
    """
    first = matrices[0]
    scaled = _scale_inputs(first.forward, x1[rows])
    scaled_own = None
    if tangent and first.own is not None:
        scaled_own = _scale_inputs(first.own, x1[rows])
    of_rows = [layer[:, rows, None] for layer in hidden1]

    def tile(columns: slice) -> Array:
        covariance = theta = _with_bias(first, _input_sums(first.forward, scaled, x2[columns]))
        if scaled_own is not None:
            theta = _with_bias(first, _input_sums(first.own, scaled_own, x2[columns]))
        tied = None if ties is None else ties.of_tile(rows, columns)
        for number, (layer, ours, theirs) in enumerate(
            zip(matrices[1:], of_rows, hidden2, strict=True)
        ):
            if tied is not None:
                ties.impose(tied, number, covariance, ours.variance[..., 0])
            second, passed = _pair_moments(covariance, ours, theirs[:, None, columns], activation)
            covariance = _with_bias(layer, _over_blocks(layer.forward, second))
            if tangent:
                passed *= theta
                theta = _over_blocks(layer.forward, passed)
                if layer.own is None:
                    theta += covariance
                else:
                    theta += _with_bias(layer, _over_blocks(layer.own, second))
        return theta if tangent else covariance

    return tile


def opposite_signs(
    layers: Sequence[Preactivations], matrices: Sequence[LayerMatrices], activation: Activation
) -> list[int]:
    """Return the signs of :class:`~graphon_lib.ntk.ties.Ties`, from the hidden layers of one input."""
    sign, signs = -1, []
    for layer, of_layer in zip(layers, matrices, strict=False):
        if of_layer.bias and sign < 0:
            sign = 0
        signs.append(sign)
        if sign < 0:
            sign = _parity(layer, activation)
    return signs


def _parity(layer: Preactivations, activation: Activation) -> int:
    """Return 1 for an even and -1 for an odd activation, 0 for one that is neither."""
    turned = Preactivations(layer.variance, None if layer.mean is None else -layer.mean)
    same = _pair_moments(layer.variance, layer, layer, activation)[0]
    opposite = _pair_moments(-layer.variance, layer, turned, activation)[0]
    for sign in (-1, 1):
        if np.allclose(opposite, sign * same, rtol=ROUNDING, atol=0.0):
            return sign
    return 0


def _joined(parts: Sequence[Preactivations]) -> Preactivations:
    variance = np.concatenate([part.variance for part in parts], axis=1)
    if parts[0].mean is None:
        return Preactivations(variance, None)
    return Preactivations(variance, np.concatenate([part.mean for part in parts], axis=1))


def _of_chunk(
    name: str, x: Array, matrices: Sequence[LayerMatrices], activation: Activation
) -> list[Preactivations]:
    layers: list[Preactivations] = []
    for number, layer in enumerate(matrices):
        with np.errstate(over="ignore", invalid="ignore"):
            if number == 0:
                one_column = layer.forward.shape[1] == 1
                signal = x.mean(-1)[None] if one_column else x.T
                squares = (x * x).mean(-1)[None] if one_column else (x * x).T
            else:
                before = layers[-1]
                signal = None if layer.drift is None else _mean_activations(before, activation)
                squares = _pair_moments(before.variance, before, before, activation)[0]
            variance = _with_bias(layer, layer.forward @ squares)
            mean = None if layer.drift is None else layer.drift @ signal
        _check_range(name, number, variance, mean)
        layers.append(Preactivations(variance, mean))
    return layers


def _mean_activations(layer: Preactivations, activation: Activation) -> Array:
    mean = np.zeros_like(layer.variance) if layer.mean is None else layer.mean
    return activation.mean(mean, layer.variance)


def _pair_moments(
    covariance: Array, rows: Preactivations, columns: Preactivations, activation: Activation
) -> tuple[Array, Array]:
    """Return both moments of an activation; variances and means broadcast to the covariance."""
    if rows.mean is None:
        return activation.moments(covariance, rows.variance, columns.variance)
    return activation.moments_with_mean(
        covariance, rows.variance, columns.variance, rows.mean, columns.mean
    )


def _check_range(name: str, number: int, variance: Array, mean: Array | None) -> None:
    check_variances(f"{name} must give the blocks of layer {number + 1}", variance)
    if mean is not None and not (np.abs(mean) <= LARGEST**0.5).all():
        raise ValueError(
            f"{name} must give the blocks of layer {number + 1} a mean of at most {LARGEST**0.5:g} in absolute value; got up to {np.abs(mean).max():.3g}"
        )


def _scale_inputs(matrix: Array, x: Array) -> Array:
    r"""Return B inputs as the first layer's blocks weigh them, :math:`F_{uj} x_j`, shape (K, B, d).

    For a matrix of one column, which all coordinates share, the inputs over d, shape (1, B, d),
    with no block's factor.
    """
    return x[None] / x.shape[1] if matrix.shape[1] == 1 else matrix[:, None, :] * x


def _input_sums(matrix: Array, scaled: Array, x: Array) -> Array:
    r"""Return :math:`\sum_j F_{uj} x_j x'_j` for every block and pair, shape (K, B, B')."""
    blocks, rows, features = scaled.shape
    # One product of tall matrices is several times faster than one product a block.
    sums = (scaled.reshape(blocks * rows, features) @ x.T).reshape(blocks, rows, x.shape[0])
    return matrix[:, :, None] * sums if matrix.shape[1] == 1 else sums


def _with_bias(layer: LayerMatrices, moments: Array) -> Array:
    if layer.bias:
        moments += layer.bias
    return moments


def _over_blocks(matrix: Array, moments: Array) -> Array:
    blocks, rows, columns = moments.shape
    return (matrix @ moments.reshape(blocks, rows * columns)).reshape(-1, rows, columns)
