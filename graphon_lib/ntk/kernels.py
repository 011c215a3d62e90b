r"""The two kernels of an infinitely wide network with given graphons."""

from __future__ import annotations

from collections.abc import Callable

from numpy.typing import ArrayLike

from graphon_lib.graphons import GraphonNetwork
from graphon_lib.ntk.activations import Activation, named_activation
from graphon_lib.ntk.arrays import (
    Array,
    check_inputs,
    check_network,
    check_same_kind,
    check_variance,
)
from graphon_lib.ntk.hermite import HermiteActivation
from graphon_lib.ntk.layers import layer_matrices
from graphon_lib.ntk.recursion import block_variances, nngp_strip, ntk_strip
from graphon_lib.ntk.tiles import check_workers, fill_tiles, output_array, tile_shape

__all__ = ["graphon_nngp", "graphon_ntk"]


def graphon_nngp(
    x1: ArrayLike,
    network: GraphonNetwork,
    x2: ArrayLike | None = None,
    *,
    activation: str | Activation | Callable[[Array], Array] = "relu",
    weight_variance: float = 2.0,
    per_output: bool = False,
    out: Array | None = None,
    workers: int | None = None,
) -> Array:
    r"""Return the covariance of the outputs of an infinitely wide network at initialisation.

    Parameters
    ----------
    x1 : array_like, shape (N1, d)
        Inputs, one a row. Tensors of PyTorch stay on their device, and the result is one too.
    network : GraphonNetwork
        The graphons, with second moments or without; drifts are not supported.
    x2 : array_like, shape (N2, d), optional
        Inputs of the other side; None stands for x1.
    activation : {"relu", "leaky_relu", "erf", "linear"}, Activation or callable
        A name; an object of `graphon_lib.ntk.activations`; or any smooth function of an array.
    weight_variance : float
        :math:`s_w`, positive; 2 keeps the signal of a dense ReLU network.
    per_output : bool
        Whether the blocks of the read-out are kept apart. Otherwise their mean is returned.
    out : ndarray or tensor, optional
        Where to write the result, for instance a :class:`numpy.memmap` for more inputs than fit in
        memory: float64, of the result's shape.
    workers : int, optional
        Number of threads; by default that of the processors. PyTorch uses its own.

    Returns
    -------
    array, shape (N1, N2), or (K, N1, N2) for `per_output`
        Float64. Exactly symmetric if `x2` is None. `out`, if it was given.

    Raises
    ------
    ValueError
        If an argument is not allowed, or an activation cannot be resolved.

    Notes
    -----
    A step graphon is exact: the blocks of a layer share their moments. In the limit of all hidden
    widths, layer by layer, preactivations at position u are Gaussian with covariance
    (Proposition 1 of [1]_)

    .. math::

        C^1(u; x, x') = \frac{s_w}{d} \sum_j V^1(u, j)\, x_j x'_j, \qquad
        C^{l+1}(u) = s_w \sum_v p_v V^{l+1}(u, v)\; E_{C^l(v)}\, \sigma(z) \sigma(z') ,

    V being the second moments :math:`E[w^2 M]`, or the graphon where none are given, and
    :math:`p_v` the blocks' masses. Different outputs are independent.

    References
    ----------
    .. [1] Pham, Ta, Jacobs, Burkholz and Tran-Thanh, *The Graphon Limit Hypothesis: Understanding
       Neural Network Pruning via Infinite Width Analysis*, NeurIPS 2025, arXiv:2510.17515.
    """
    return _kernel(
        nngp_strip,
        x1,
        network,
        x2,
        activation=activation,
        weight_variance=weight_variance,
        own_layer="mask",
        per_output=per_output,
        out=out,
        workers=workers,
    )


def graphon_ntk(
    x1: ArrayLike,
    network: GraphonNetwork,
    x2: ArrayLike | None = None,
    *,
    activation: str | Activation | Callable[[Array], Array] = "relu",
    weight_variance: float = 2.0,
    own_layer: str = "mask",
    per_output: bool = False,
    out: Array | None = None,
    workers: int | None = None,
) -> Array:
    r"""Return the Graphon NTK, the tangent kernel of an infinitely wide network with given graphons.

    Parameters
    ----------
    x1, network, x2, activation, weight_variance
        As for `graphon_nngp`.
    own_layer : {"mask", "dense"}
        Which weights are trained: ``"mask"``, the kept ones, as in a pruned network; ``"dense"``, all
        weights of a dense network whose variances are modulated by the graphons, as in [1]_.
    per_output, out, workers
        As for `graphon_nngp`.

    Returns
    -------
    array, shape (N1, N2), or (K, N1, N2) for `per_output`
        The kernel of one output, its mean over the blocks of the read-out by mass. Between different
        outputs the kernel is 0. Float64. Exactly symmetric if `x2` is None. `out`, if it was given.

    Raises
    ------
    ValueError
        If an argument is not allowed, or an activation cannot be resolved.

    Notes
    -----
    With :math:`C^l` as in `graphon_nngp`, :math:`S^l = E \sigma\sigma` and :math:`\dot S^l = E
    \dot\sigma\dot\sigma` under it, and gradients with respect to weights in NTK units (Theorem 1 of
    [1]_),

    .. math::

        \Theta = T^D + \sum_{l < D} \sum_u p_u\, \dot S^l(u)\, G^l(u)\, T^l(u), \qquad
        G^{l-1}(v) = s_w \sum_u p_u V^l(u, v)\, \dot S^l(u)\, G^l(u), \quad
        G^{D-1} = s_w V^D ,

    where the own-layer term :math:`T^l` is :math:`C^l` with the graphon :math:`W^l = P(M = 1)` in
    place of :math:`V^l`: only kept weights have a gradient. For ``"dense"`` it is 1 in that place.
    ``"mask"`` and ``"dense"`` differ by a factor a layer, not by a common one.

    If :math:`\sigma` is the ReLU or another positively homogeneous function, V = W, and the first
    graphon does not depend on the input coordinate, the kernel is
    :meth:`~graphon_lib.graphons.GraphonNetwork.path_density` times that of the dense network.

    References
    ----------
    .. [1] Pham, Ta, Jacobs, Burkholz and Tran-Thanh, *The Graphon Limit Hypothesis: Understanding
       Neural Network Pruning via Infinite Width Analysis*, NeurIPS 2025, arXiv:2510.17515.
    """
    return _kernel(
        ntk_strip,
        x1,
        network,
        x2,
        activation=activation,
        weight_variance=weight_variance,
        own_layer=own_layer,
        per_output=per_output,
        out=out,
        workers=workers,
    )


def _kernel(
    strip_of: Callable[..., Callable[[slice], Array]],
    x1: ArrayLike,
    network: GraphonNetwork,
    x2: ArrayLike | None,
    *,
    activation: str | Activation | Callable[[Array], Array],
    weight_variance: float,
    own_layer: str,
    per_output: bool,
    out: Array | None,
    workers: int | None,
) -> Array:
    network = check_network(network)
    chosen = named_activation(activation)
    rows = check_inputs("x1", x1, network)
    columns = rows if x2 is None else check_inputs("x2", x2, network)
    check_same_kind(rows, columns)
    matrices = layer_matrices(
        network, check_variance("weight_variance", weight_variance), own_layer, per_output, rows
    )
    shape = (rows.shape[0], columns.shape[0])
    stack = (matrices[-1].forward.shape[0], *shape) if per_output else shape
    result = output_array(out, stack, rows)
    blocks = max(layer.forward.shape[0] for layer in matrices)
    # An expansion is made for every row and column of a tile, and costs more than the pairs.
    tile = tile_shape(blocks, rows.shape[1], square=isinstance(chosen, HermiteActivation))
    variances1 = block_variances("x1", rows, matrices, chosen, tile[1])
    variances2 = variances1
    if x2 is not None:
        variances2 = block_variances("x2", columns, matrices, chosen, tile[1])

    def strip(part: slice) -> Callable[[slice], Array]:
        return strip_of(
            rows[part],
            [layer[:, part] for layer in variances1],
            columns,
            variances2,
            matrices,
            chosen,
        )

    fill_tiles(
        result if per_output else result[None],
        strip,
        tile,
        symmetric=x2 is None,
        workers=check_workers(workers),
        description="graphon kernel",
        factors="inputs, moments and weight_variance",
    )
    return result
