r"""The recursion of the kernels over the layers, for all blocks and the pairs of one tile."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from graphon_lib.ntk.activations import Activation
from graphon_lib.ntk.arrays import Array, array_namespace
from graphon_lib.ntk.layers import LayerMatrices, input_sums, scale_inputs

__all__ = ["Preactivations", "block_preactivations", "nngp_strip", "ntk_strip"]

# The product of two variances must neither overflow nor lose digits to underflow.
SMALLEST, LARGEST = 1e-140, 1e140


@dataclass(frozen=True)
class Preactivations:
    """The distribution of a layer's preactivations, input by input.

    Attributes
    ----------
    variance : array, shape (K, N)
    mean : array, shape (K, N), or None
        None where the layer has no drift, and so mean 0.
    """

    variance: Array
    mean: Array | None

    def __getitem__(self, part: slice) -> Preactivations:
        """Return those of some of the inputs."""
        return self._indexed((slice(None), part))

    def as_rows(self) -> Preactivations:
        """Return them in shape (K, N, 1)."""
        return self._indexed((slice(None), slice(None), None))

    def as_columns(self, part: slice) -> Preactivations:
        """Return those of N' of the inputs in shape (K, 1, N')."""
        return self._indexed((slice(None), None, part))

    def _indexed(self, index: tuple) -> Preactivations:
        return Preactivations(self.variance[index], None if self.mean is None else self.mean[index])


def block_preactivations(
    name: str, x: Array, matrices: Sequence[LayerMatrices], activation: Activation, chunk: int
) -> list[Preactivations]:
    r"""Return the distributions of the preactivations of every layer's blocks.

    Parameters
    ----------
    name
        The argument the inputs came in, for messages.
    x
        Inputs, shape (N, d).
    matrices
        Of all layers.
    activation
        The activation after every hidden layer.
    chunk
        How many inputs are worked on at a time.

    Returns
    -------
    list of Preactivations
        Of every layer, the read-out last.

    Raises
    ------
    ValueError
        If a variance or mean is so large or small that the kernel would be wrong.

    Notes
    -----
    .. math:: m^{l+1}(u; x) = \sqrt{s_w} \sum_v p_v D^{l+1}(u, v)\, E \sigma(z), \qquad m^1(u; x) =
        \frac{\sqrt{s_w}}{d} \sum_j D^1(u, j)\, x_j .
    """
    parts = [
        _of_chunk(name, x[start : start + chunk], matrices, activation)
        for start in range(0, x.shape[0], chunk)
    ]
    return [_joined(layer) for layer in zip(*parts, strict=True)]


def _joined(parts: Sequence[Preactivations]) -> Preactivations:
    xp = array_namespace(parts[0].variance)
    variance = xp.concatenate([part.variance for part in parts], 1)
    if parts[0].mean is None:
        return Preactivations(variance, None)
    return Preactivations(variance, xp.concatenate([part.mean for part in parts], 1))


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
                signal = None if layer.drift is None else _mean_activations(layers[-1], activation)
                squares = _pair_moments(layers[-1].variance, layers[-1], layers[-1], activation)[0]
            variance = layer.forward @ squares
            mean = None if layer.drift is None else layer.drift @ signal
        _check_range(name, number, variance)
        if mean is not None:
            _check_mean(name, number, mean)
        layers.append(Preactivations(variance, mean))
    return layers


def _mean_activations(layer: Preactivations, activation: Activation) -> Array:
    mean = layer.mean
    if mean is None:
        mean = array_namespace(layer.variance).zeros_like(layer.variance)
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


def _check_mean(name: str, number: int, mean: Array) -> None:
    xp = array_namespace(mean)
    # Written so that a NaN is refused too.
    if not (xp.abs(mean) <= LARGEST**0.5).all():
        raise ValueError(
            f"{name} must give the blocks of every layer a mean of at most {LARGEST**0.5:g} in absolute value; got up to {float(xp.abs(mean).max()):.3g} in layer {number + 1}"
        )


def _check_range(name: str, number: int, variance: Array) -> None:
    allowed = (variance == 0) | ((variance >= SMALLEST) & (variance <= LARGEST))
    if not allowed.all():
        raise ValueError(
            f"{name} must give the blocks of every layer a variance of 0 or in [{SMALLEST:g}, {LARGEST:g}]; got values from {float(variance.min()):.3g} to {float(variance.max()):.3g} in layer {number + 1}"
        )


def nngp_strip(
    x1: Array,
    hidden1: Sequence[Preactivations],
    x2: Array,
    hidden2: Sequence[Preactivations],
    matrices: Sequence[LayerMatrices],
    activation: Activation,
) -> Callable[[slice], Array]:
    r"""Return the function from a range of the columns x2 to the covariances of the outputs.

    Parameters
    ----------
    x1, x2
        Inputs, shapes (B, d) and (N2, d); all of x1 are paired with the columns asked for.
    hidden1, hidden2
        Their `block_preactivations` in the hidden layers.
    matrices
        Of all layers.
    activation
        The activation after every hidden layer.

    Returns
    -------
    callable
        A tile has shape (rows of the read-out's matrix, B, B').

    Notes
    -----
    .. math:: C^{l+1}(u) = s_w \sum_v p_v V^{l+1}(u, v)\, E \sigma \sigma [C^l(v)] .
    """
    scaled = scale_inputs(matrices[0].forward, x1)

    def tile(columns: slice) -> Array:
        covariance = input_sums(matrices[0].forward, scaled, x2[columns])
        for layer, rows, others in zip(matrices[1:], hidden1, hidden2, strict=True):
            second, _ = _pair_moments(
                covariance, rows.as_rows(), others.as_columns(columns), activation
            )
            covariance = _over_blocks(layer.forward, second)
        return covariance

    return tile


def ntk_strip(
    x1: Array,
    hidden1: Sequence[Preactivations],
    x2: Array,
    hidden2: Sequence[Preactivations],
    matrices: Sequence[LayerMatrices],
    activation: Activation,
) -> Callable[[slice], Array]:
    r"""Return the function from a range of the columns x2 to the tangent kernel's tile.

    Arguments and result are those of `nngp_strip`.

    Notes
    -----
    The sum over layers of forward times backward moments [1]_ is collected on the way forward,
    which stores no layer and keeps every output apart at no cost:

    .. math::

        \Theta^1 = T^1, \qquad
        \Theta^{l+1}(u) = T^{l+1}(u) + s_w \sum_v p_v V^{l+1}(u, v)\, E \dot\sigma\dot\sigma
        [C^l(v)]\, \Theta^l(v) .

    Unrolled, the factor of :math:`T^l` is the backward moment :math:`G^l` of its Theorem 1.

    References
    ----------
    .. [1] Pham, Ta, Jacobs, Burkholz and Tran-Thanh, *The Graphon Limit Hypothesis: Understanding
       Neural Network Pruning via Infinite Width Analysis*, NeurIPS 2025, Theorem 1.
    """
    first = matrices[0]
    scaled = scale_inputs(first.forward, x1)
    scaled_own = None if first.own is None else scale_inputs(first.own, x1)

    def tile(columns: slice) -> Array:
        covariance = input_sums(first.forward, scaled, x2[columns])
        tangent = covariance
        if scaled_own is not None:
            tangent = input_sums(first.own, scaled_own, x2[columns])
        for layer, rows, others in zip(matrices[1:], hidden1, hidden2, strict=True):
            second, passed = _pair_moments(
                covariance, rows.as_rows(), others.as_columns(columns), activation
            )
            passed *= tangent
            covariance = _over_blocks(layer.forward, second)
            own = covariance if layer.own is None else _over_blocks(layer.own, second)
            tangent = _over_blocks(layer.forward, passed)
            tangent += own
        return tangent

    return tile


def _over_blocks(matrix: Array, moments: Array) -> Array:
    blocks, rows, columns = moments.shape
    return (matrix @ moments.reshape(blocks, rows * columns)).reshape(-1, rows, columns)
