r"""The two kernels of an infinitely wide network with given graphons."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import ArrayLike, NDArray

from graphon_lib._checks import (
    check_array,
    check_choice,
    check_flag,
    check_instance,
    check_per_layer,
    check_positive,
)
from graphon_lib.graphons import GraphonNetwork
from graphon_lib.ntk.activations import Activation, LeakyReLU, Linear, named_activation
from graphon_lib.ntk.hermite import HermiteActivation
from graphon_lib.ntk.recursion import (
    LayerMatrices,
    Preactivations,
    kernel_strip,
    layer_matrices,
    opposite_signs,
    preactivations,
)
from graphon_lib.ntk.ties import Ties, find_ties
from graphon_lib.ntk.tiles import fill_tiles, output_array, tile_shape

__all__ = ["graphon_nngp", "graphon_ntk"]

Array = NDArray[np.float64]


def graphon_nngp(
    x1: ArrayLike,
    network: GraphonNetwork,
    x2: ArrayLike | None = None,
    *,
    activation: str | Activation | Callable[[Array], Array] = "relu",
    weight_variance: float = 2.0,
    bias_variance: ArrayLike = 0.0,
    per_output: bool = False,
) -> Array:
    r"""Return the covariance of the outputs of an infinitely wide network at initialisation.

    Parameters
    ----------
    x1 : array_like, shape (N1, d)
        Inputs, one a row.
    network : GraphonNetwork
        The graphons, with second moments and drifts or without.
    x2 : array_like, shape (N2, d), optional
        Inputs of the other side; None stands for x1.
    activation : {"relu", "leaky_relu", "erf", "linear"}, Activation or callable
        A name; an object of `graphon_lib.ntk.activations`; or any smooth function of an array.
    weight_variance : float
        :math:`s_w`, positive; 2 keeps the signal of a dense ReLU network.
    bias_variance : float or sequence of floats
        :math:`s_b`, non-negative: the variance of biases, of all layers or one a layer. 0 stands for
        no biases.
    per_output : bool
        Whether the blocks of the read-out are kept apart. Otherwise their mean is returned.

    Returns
    -------
    ndarray, shape (N1, N2), or (K, N1, N2) for `per_output`
        Exactly symmetric if `x2` is None.

    Notes
    -----
    A step graphon is exact: the blocks of a layer share their moments. In the limit of all hidden
    widths, layer by layer, preactivations at position u are Gaussian with covariance
    (Proposition 1 of the paper)

    .. math::

        C^1(u; x, x') = \frac{s_w}{d} \sum_j V^1(u, j)\, x_j x'_j, \qquad
        C^{l+1}(u) = s_w \sum_v p_v V^{l+1}(u, v)\; E_{C^l(v)}\, \sigma(z) \sigma(z') ,

    V being the second moments :math:`E[w^2 M]`, or the graphon where none are given, and
    :math:`p_v` the blocks' masses. Different outputs are independent.

    With drifts :math:`D = \sqrt{n} E[w M]` the weights are :math:`D / \sqrt n` and centred noise of
    variance :math:`V - D^2 / n`. Of the mean part, a layer's preactivations see the blocks' average
    activations, by the law of large numbers, and so have the means

    .. math::

        m^1(u; x) = \frac{\sqrt{s_w}}{d} \sum_j D^1(u, j)\, x_j, \qquad
        m^{l+1}(u; x) = \sqrt{s_w} \sum_v p_v D^{l+1}(u, v)\; E\, \sigma(z), \quad
        z \sim N(m^l(v; x), C^l(v; x, x)) ;

    the expectations above are of :math:`(z, z') \sim N(m^l(v), C^l(v))`. For the n of hidden
    layers, which tends to infinity, :math:`V - D^2 / n` is V. The first layer keeps its d inputs:
    :math:`C^1` has :math:`V^1 - (D^1)^2 / d` in place of :math:`V^1`. The kernel returned is the
    covariance, without the outputs' means.

    Biases :math:`\sqrt{s_b^l}\, \beta^l_i`, with independent :math:`\beta` of mean 0 and variance 1,
    add :math:`s_b^l` to every :math:`C^l`; PyTorch's layers have :math:`s_w = 1/3` and
    :math:`s_b^l = s_w / n_{l-1}`. Behind wide layers weights may have any law; in the first layer,
    and for biases, the normal law is exact and another one an approximation.
    """
    return _kernel(
        x1,
        network,
        x2,
        activation,
        weight_variance,
        bias_variance,
        "mask",
        per_output,
        tangent=False,
    )


def graphon_ntk(
    x1: ArrayLike,
    network: GraphonNetwork,
    x2: ArrayLike | None = None,
    *,
    activation: str | Activation | Callable[[Array], Array] = "relu",
    weight_variance: float = 2.0,
    bias_variance: ArrayLike = 0.0,
    own_layer: str = "mask",
    per_output: bool = False,
    out: Array | None = None,
) -> Array:
    r"""Return the Graphon NTK, the tangent kernel of an infinitely wide network with given graphons.

    Parameters
    ----------
    x1, network, x2, activation, weight_variance, bias_variance, per_output
        As for `graphon_nngp`.
    own_layer : {"mask", "dense"}
        Which weights are trained: ``"mask"``, the kept ones, as in a pruned network; ``"dense"``,
        all weights of a dense network whose variances are modulated by the graphons, as in the
        paper.
    out : ndarray, optional
        Where to write the result, for instance a :class:`numpy.memmap` for more inputs than fit in
        memory: float64, of the result's shape.

    Returns
    -------
    ndarray, shape (N1, N2), or (K, N1, N2) for `per_output`
        The kernel of one output, its mean over the blocks of the read-out by mass. Between
        different outputs the kernel is 0. Exactly symmetric if `x2` is None. `out`, if it was
        given.

    Notes
    -----
    With :math:`C^l` as in `graphon_nngp`, :math:`S^l = E \sigma\sigma` and :math:`\dot S^l = E
    \dot\sigma\dot\sigma` under it, and gradients with respect to weights in NTK units (Theorem 1 of
    the paper),

    .. math::

        \Theta = T^D + \sum_{l < D} \sum_u p_u\, \dot S^l(u)\, G^l(u)\, T^l(u), \qquad
        G^{l-1}(v) = s_w \sum_u p_u V^l(u, v)\, \dot S^l(u)\, G^l(u), \quad
        G^{D-1} = s_w V^D ,

    where the own-layer term :math:`T^l` is :math:`C^l` with the graphon :math:`W^l = P(M = 1)` in
    place of :math:`V^l`: only kept weights have a gradient. For ``"dense"`` it is 1 in that place.
    ``"mask"`` and ``"dense"`` differ by a factor a layer, not by a common one.

    Biases are trained, too, in units of :math:`\beta`, which puts :math:`T^l + s_b^l` in the place
    of :math:`T^l`.

    If :math:`\sigma` is the ReLU or another positively homogeneous function, V = W, without biases,
    and if the first graphon does not depend on the input coordinate, the kernel is
    :meth:`~graphon_lib.graphons.GraphonNetwork.path_density` times that of the dense network.

    With drifts, S and :math:`\dot S` are of Gaussians with means, as in `graphon_nngp`; to the
    signals on the way back, and to the kernel, drifts add terms of order :math:`1 / n` alone.
    """
    return _kernel(
        x1,
        network,
        x2,
        activation,
        weight_variance,
        bias_variance,
        own_layer,
        per_output,
        out,
        tangent=True,
    )


def _kernel(
    x1: ArrayLike,
    network: GraphonNetwork,
    x2: ArrayLike | None,
    activation: str | Activation | Callable[[Array], Array],
    weight_variance: float,
    bias_variance: ArrayLike,
    own_layer: str,
    per_output: bool,
    out: Array | None = None,
    *,
    tangent: bool,
) -> Array:
    check_instance("network", network, GraphonNetwork)
    chosen = named_activation(activation)
    variance = check_positive("weight_variance", weight_variance)
    biases = check_per_layer("bias_variance", bias_variance, network.depth)
    check_choice("own_layer", own_layer, ("dense", "mask"))
    check_flag("per_output", per_output)
    rows = _check_inputs("x1", x1, network)
    columns = rows if x2 is None else _check_inputs("x2", x2, network)
    if columns.shape[1] != rows.shape[1]:
        raise ValueError(f"x2 must have the {rows.shape[1]} features of x1, got {columns.shape[1]}")
    matrices = layer_matrices(network, variance, own_layer, per_output, rows.shape[1], biases)
    drifting = any(layer.drift is not None for layer in matrices)
    if drifting and not hasattr(chosen, "moments_with_mean"):
        raise ValueError(
            f"activation must have methods moments_with_mean and mean for a network with drifts; got {chosen!r}"
        )
    stack = (matrices[-1].forward.shape[0],) if per_output else ()
    result = output_array(out, (*stack, rows.shape[0], columns.shape[0]))
    blocks = max(layer.forward.shape[0] for layer in matrices)
    # An expansion is made for every row and column of a tile, and costs more than the pairs.
    expanded = isinstance(chosen, HermiteActivation)
    tile = tile_shape(blocks, rows.shape[1], expanded)
    hidden1 = hidden2 = preactivations("x1", rows, matrices[:-1], chosen, tile[1])
    if x2 is not None:
        hidden2 = preactivations("x2", columns, matrices[:-1], chosen, tile[1])
    ties = _ties(rows, columns, hidden1, matrices, chosen)

    def strip(part: slice) -> Callable[[slice], Array]:
        return kernel_strip(
            part, rows, hidden1, columns, hidden2, matrices, chosen, ties, tangent=tangent
        )

    fill_tiles(
        result if per_output else result[None],
        strip,
        tile,
        symmetric=x2 is None,
        description="graphon kernel",
        factors="inputs, moments, weight_variance and bias_variance",
    )
    return result


def _ties(
    x1: Array,
    x2: Array,
    hidden: list[Preactivations],
    matrices: list[LayerMatrices],
    activation: Activation,
) -> Ties | None:
    """Return equal and opposite inputs where rounding would pull them apart.

    Homogeneous activations do not: what rounding adds to a small angle does not grow.
    """
    if isinstance(activation, LeakyReLU | Linear):
        return None
    first = matrices[0]
    if first.forward.shape[1] > 1:
        seen = first.forward.any(axis=0)
        if first.drift is not None:
            seen |= first.drift.any(axis=0)
        x1, x2 = x1[:, seen], x2[:, seen]

    def signs(row: int) -> list[int]:
        return opposite_signs([layer[:, [row]] for layer in hidden], matrices, activation)

    return find_ties(x1, x2, signs, len(hidden))


def _check_inputs(name: str, value: ArrayLike, network: GraphonNetwork) -> Array:
    """Return a batch of inputs with the features the network takes, any number for one column."""
    inputs = check_array(name, value, 2)
    columns = network.layers[0].shape[1]
    if columns not in (1, inputs.shape[1]):
        raise ValueError(
            f"{name} must have {columns} features, one for each input column of the network; got shape {inputs.shape}"
        )
    return inputs
