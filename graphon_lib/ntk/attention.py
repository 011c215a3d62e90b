r"""Kernels of infinitely wide networks with given graphons and attention, which is uniform."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from graphon_lib._checks import check_instance, check_per_layer, check_positive, check_sequence
from graphon_lib.graphons.step_graphon import StepGraphon
from graphon_lib.ntk.activations import Activation, check_variances, named_activation
from graphon_lib.ntk.stream import (
    MUST_GIVE,
    check_branch,
    check_ends,
    check_inputs,
    entry_matrix,
    layer_matrix,
    through_activation,
    through_weights,
)
from graphon_lib.ntk.tiles import fill_tiles, tile_shape

__all__ = ["AttentionBlock", "AttentionGraphons", "attention_nngp", "attention_ntk"]

Array = NDArray[np.float64]
Variances = Callable[[int, Array], tuple[Array, Array]]

# Inputs whose covariances between their own tokens are made at a time.
CHUNK = 64


@dataclass(frozen=True)
class AttentionBlock:
    """The graphons of a block: of attention, and of a hidden layer and the way back to the stream.

    Those of queries and keys are not among them, as the limit does not depend on them.
    """

    value: StepGraphon
    output: StepGraphon
    hidden: StepGraphon
    back: StepGraphon


@dataclass(frozen=True)
class AttentionGraphons:
    """The graphons of a network with attention, with the same blocks all along the stream.

    Parameters
    ----------
    entry : StepGraphon
        Of the embedding, with a column for each of the d coordinates of a token, or a single one.
    blocks : sequence of AttentionBlock
    read_out : StepGraphon

    Raises
    ------
    ValueError
        If blocks that meet do not have the same masses.
    """

    entry: StepGraphon
    blocks: Sequence[AttentionBlock]
    read_out: StepGraphon

    def __post_init__(self) -> None:
        check_ends(self.entry, self.read_out)
        blocks = tuple(check_sequence("blocks", self.blocks, "AttentionBlock"))
        for number, block in enumerate(blocks):
            name = f"blocks[{number}]"
            check_instance(name, block, AttentionBlock)
            for branch in (("value", "output"), ("hidden", "back")):
                layers = {f"{name}.{layer}": getattr(block, layer) for layer in branch}
                check_branch(layers, self.entry.row_mass)
        object.__setattr__(self, "blocks", blocks)


def attention_nngp(
    network: AttentionGraphons,
    x1: ArrayLike,
    x2: ArrayLike | None = None,
    *,
    branch_scale: ArrayLike = 1.0,
    activation: str | Activation | Callable[[Array], Array] = "relu",
    weight_variance: float = 2.0,
) -> Array:
    """Return the covariance of the outputs of an infinitely wide network with attention.

    Parameters, result and recursion are those of :func:`~graphon_lib.ntk.attention_ntk`.
    """
    return _kernels(network, x1, x2, branch_scale, activation, weight_variance)[0]


def attention_ntk(
    network: AttentionGraphons,
    x1: ArrayLike,
    x2: ArrayLike | None = None,
    *,
    branch_scale: ArrayLike = 1.0,
    activation: str | Activation | Callable[[Array], Array] = "relu",
    weight_variance: float = 2.0,
) -> Array:
    r"""Return the tangent kernel of an infinitely wide network with attention and given graphons.

    Parameters
    ----------
    network : AttentionGraphons
    x1 : array_like, shape (N1, T1, d)
        Inputs, each of so many tokens.
    x2 : array_like, shape (N2, T2, d), optional
        Inputs of the other side; None stands for x1.
    branch_scale : float or sequence of floats
        :math:`\alpha`, non-negative, of all branches or one a branch, two a block.
    activation, weight_variance
        As for :func:`~graphon_lib.ntk.graphon_ntk`; the activation is that of hidden layers.

    Returns
    -------
    ndarray, shape (N1, N2)
        The mean over outputs of the inner products of gradients with respect to kept weights.
        Exactly symmetric if `x2` is None.

    Raises
    ------
    ValueError
        If an argument is not allowed, or the kernel would overflow.

    Notes
    -----
    Tokens :math:`x_t` become :math:`z_t = W^{in} x_t`. A block is :math:`z_t \mapsto z_t + \alpha
    W^O \sum_{t'} A_{tt'} W^V z_{t'}` in every head, then :math:`z_t \mapsto z_t + \alpha W^b
    \sigma(W^h z_t)`; the output is :math:`W^{out}` of the mean over tokens. Attention A is the
    softmax over t' of the scores :math:`\langle q_t, k_{t'} \rangle / d_k`, with d_k the size of a
    head (Yang et al., *Tensor Programs V*, 2022, definition 4.1), and not :math:`\sqrt{d_k}`.

    *Attention is uniform.* Queries and keys are independent, of mean 0 and bounded variances, so
    that a score has mean 0 and a variance of the order :math:`1 / d_k`: as :math:`d_k \to \infty`,
    :math:`A_{tt'} \to 1 / T`, whatever the number of heads and the masks of queries and keys, whose
    own terms in the tangent kernel are of that order, too. With scores over :math:`\sqrt{d_k}` both
    stay, and the limit of many heads is an expectation over a softmax of normal scores (Hron et
    al., *Infinite attention*, ICML 2020), which has no known closed form and is not this kernel.

    The attention branch then is linear. With the stream's covariances :math:`C_{tt'}(u; x, x')`,
    their mean over pairs of tokens :math:`\bar C`, and :math:`\Theta` alike,

    .. math::

        C_{tt'} \leftarrow C_{tt'} + \alpha^2 \mathcal O \mathcal V \bar C, \qquad
        \Theta_{tt'} \leftarrow \Theta_{tt'} + \alpha^2 \mathcal O \mathcal V
        (\bar\Theta + 2 \bar C), \qquad
        (\mathcal V f)(u) = s_w \sum_v p_v W^V(u, v) f(v) ,

    and the hidden layer's branch is that of :func:`~graphon_lib.ntk.residual_ntk`, without an
    activation before its first layer, for every pair of tokens.

    For constant graphons of densities :math:`d_V` and :math:`d_O` an attention branch alone
    multiplies :math:`\bar C` by :math:`1 + \alpha^2 s_w^2 d_V d_O`.
    """
    return _kernels(network, x1, x2, branch_scale, activation, weight_variance)[1]


@dataclass(frozen=True)
class _Matrices:
    """What a block's layers do to second moments, scales of branches in their last layers."""

    value: Array
    output: Array
    hidden: Array
    back: Array


def _kernels(
    network: AttentionGraphons,
    x1: ArrayLike,
    x2: ArrayLike | None,
    branch_scale: ArrayLike,
    activation: str | Activation | Callable[[Array], Array],
    weight_variance: float,
) -> Array:
    """Return the covariance of the outputs and the tangent kernel, shape (2, N1, N2)."""
    check_instance("network", network, AttentionGraphons)
    scales = check_per_layer("branch_scale", branch_scale, 2 * len(network.blocks))
    chosen = named_activation(activation)
    variance = check_positive("weight_variance", weight_variance)
    rows, columns = check_inputs(x1, x2, 3, network.entry)
    entry = entry_matrix(network.entry, variance, rows.shape[2])
    with np.errstate(over="ignore", invalid="ignore"):
        blocks = [
            _Matrices(
                layer_matrix(block.value, variance),
                first**2 * layer_matrix(block.output, variance),
                layer_matrix(block.hidden, variance),
                second**2 * layer_matrix(block.back, variance),
            )
            for block, first, second in zip(network.blocks, scales[::2], scales[1::2], strict=True)
        ]
    read_out = (network.read_out.row_mass @ layer_matrix(network.read_out, variance))[None]

    def variances(x: Array) -> list[Array]:
        """Return the variances of hidden layers, shapes (K, N, T), from all pairs of own tokens."""
        found = []

        def record(number: int, covariance: Array) -> tuple[Array, Array]:
            del number
            found.append(np.diagonal(covariance, axis1=-2, axis2=-1))
            check_variances(MUST_GIVE, found[-1])
            return found[-1][..., :, None], found[-1][..., None, :]

        products = (entry[:, None, None] * x) @ x.swapaxes(1, 2)
        _through_blocks(blocks, products, record, chosen)
        return found

    def in_chunks(x: Array) -> list[Array]:
        parts = [variances(x[start : start + CHUNK]) for start in range(0, len(x), CHUNK)]
        return [np.concatenate(layer, axis=1) for layer in zip(*parts, strict=True)]

    with np.errstate(over="ignore", invalid="ignore"):
        hidden1 = hidden2 = in_chunks(rows)
        if x2 is not None:
            hidden2 = in_chunks(columns)

    def strip(part: slice) -> Callable[[slice], Array]:
        scaled = entry[:, None, None] * rows[part]

        def tile(other: slice) -> Array:
            def known(number: int, covariance: Array) -> tuple[Array, Array]:
                del covariance
                ours, theirs = hidden1[number][:, part], hidden2[number][:, other]
                return ours[:, :, None, :, None], theirs[:, None, :, None, :]

            products = np.tensordot(scaled, columns[other], (3, 2)).swapaxes(2, 3)
            pooled = _through_blocks(blocks, products, known, chosen)
            return np.concatenate(through_weights(read_out, *pooled))

        return tile

    result = np.empty((2, len(rows), len(columns)))
    widest = max(len(layer) for layer in (entry, *(block.hidden for block in blocks)))
    tokens = rows.shape[1] * columns.shape[1]
    fill_tiles(
        result,
        strip,
        tile_shape(widest * tokens, rows.shape[2], False),
        symmetric=x2 is None,
        description="attention kernel",
        factors="inputs, weight_variance and branch_scale",
    )
    return result


def _through_blocks(
    blocks: Sequence[_Matrices], covariance: Array, variances: Variances, activation: Activation
) -> tuple[Array, Array]:
    """Return the stream's pooled covariances and tangent kernels, from the entry's covariances.

    Pairs of tokens are the last two axes of (K, ..., T, T'), over which the mean is taken.
    `variances` are asked for in every hidden layer, with the block's number and the covariances.
    """
    tangent = covariance
    for number, block in enumerate(blocks):
        mixed = through_weights(block.value, _over_tokens(covariance), _over_tokens(tangent))
        mixed = through_weights(block.output, *mixed)
        covariance, tangent = covariance + mixed[0], tangent + mixed[1]
        hidden = through_weights(block.hidden, covariance, tangent)
        known = variances(number, hidden[0])
        back = through_weights(block.back, *through_activation(*hidden, known, activation))
        covariance, tangent = covariance + back[0], tangent + back[1]
    return covariance.mean(axis=(-2, -1)), tangent.mean(axis=(-2, -1))


def _over_tokens(pairs: Array) -> Array:
    return pairs.mean(axis=(-2, -1), keepdims=True)
