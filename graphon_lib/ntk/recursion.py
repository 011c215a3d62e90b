r"""The recursion of the kernels over the layers, for all blocks and the pairs of one tile."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from graphon_lib.ntk.activations import Activation
from graphon_lib.ntk.arrays import Array, array_namespace
from graphon_lib.ntk.layers import LayerMatrices, input_sums, scale_inputs

__all__ = ["block_variances", "nngp_strip", "ntk_strip"]

# The product of two variances must neither overflow nor lose digits to underflow.
SMALLEST, LARGEST = 1e-140, 1e140


def block_variances(
    name: str, x: Array, matrices: Sequence[LayerMatrices], activation: Activation, chunk: int
) -> list[Array]:
    r"""Return the variances of the preactivations of every hidden layer's blocks.

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
    list of arrays, shapes (K_l, N)
        :math:`q^l(u; x)`, one array a hidden layer.

    Raises
    ------
    ValueError
        If a variance is so large or small that the kernel would be wrong.
    """
    xp = array_namespace(x)
    parts = [
        _chunk_variances(name, x[start : start + chunk], matrices, activation)
        for start in range(0, x.shape[0], chunk)
    ]
    return [xp.concatenate(layer, 1) for layer in zip(*parts, strict=True)]


def _chunk_variances(
    name: str, x: Array, matrices: Sequence[LayerMatrices], activation: Activation
) -> list[Array]:
    variances: list[Array] = []
    for number, layer in enumerate(matrices):
        with np.errstate(over="ignore", invalid="ignore"):
            if number == 0:
                squares = x * x
                if layer.forward.shape[1] == 1:
                    squares = squares.mean(-1)[:, None]
                variance = layer.forward @ squares.T
            else:
                variance = layer.forward @ activation.moments(variance, variance, variance)[0]
        _check_range(name, number, variance)
        variances.append(variance)
    return variances[:-1]


def _check_range(name: str, number: int, variance: Array) -> None:
    allowed = (variance == 0) | ((variance >= SMALLEST) & (variance <= LARGEST))
    if not allowed.all():
        raise ValueError(
            f"{name} must give the blocks of every layer a variance of 0 or in [{SMALLEST:g}, {LARGEST:g}]; got values from {float(variance.min()):.3g} to {float(variance.max()):.3g} in layer {number + 1}"
        )


def nngp_strip(
    x1: Array,
    variances1: Sequence[Array],
    x2: Array,
    variances2: Sequence[Array],
    matrices: Sequence[LayerMatrices],
    activation: Activation,
) -> Callable[[slice], Array]:
    r"""Return the function from a range of the columns x2 to the covariances of the outputs.

    Parameters
    ----------
    x1, x2
        Inputs, shapes (B, d) and (N2, d); all of x1 are paired with the columns asked for.
    variances1, variances2
        Their `block_variances`.
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
        for layer, rows1, rows2 in zip(matrices[1:], variances1, variances2, strict=True):
            second, _ = activation.moments(covariance, rows1[:, :, None], rows2[:, None, columns])
            covariance = _over_blocks(layer.forward, second)
        return covariance

    return tile


def ntk_strip(
    x1: Array,
    variances1: Sequence[Array],
    x2: Array,
    variances2: Sequence[Array],
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
        for layer, rows1, rows2 in zip(matrices[1:], variances1, variances2, strict=True):
            second, passed = activation.moments(
                covariance, rows1[:, :, None], rows2[:, None, columns]
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
