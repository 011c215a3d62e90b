r"""Kernels of infinitely wide residual networks with given graphons."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from graphon_lib._checks import (
    check_array,
    check_instance,
    check_integer,
    check_per_layer,
    check_positive,
    check_sequence,
)
from graphon_lib.graphons.network import GraphonNetwork
from graphon_lib.graphons.step_graphon import StepGraphon
from graphon_lib.ntk.activations import (
    Activation,
    LeakyReLU,
    Linear,
    check_variances,
    named_activation,
)
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
from graphon_lib.ntk.ties import find_ties
from graphon_lib.ntk.tiles import fill_tiles, tile_shape

__all__ = ["ResidualGraphons", "residual_nngp", "residual_ntk", "residual_shape"]

Array = NDArray[np.float64]
Variances = Callable[[int, Array], tuple[Array, Array]]


@dataclass(frozen=True)
class ResidualGraphons:
    r"""The graphons of a residual network, with the same blocks wherever a layer meets the stream.

    Parameters
    ----------
    entry : StepGraphon
        Of the layer that makes the stream, with a column for each of the d input coordinates, or a
        single one.
    branches : sequence of sequences of StepGraphon
        The weight layers of every branch, in the order in which signals pass them. The first has
        the stream's blocks as columns, the last as rows; layers between them have their own. No
        branch is a network of one hidden layer.
    read_out : StepGraphon

    Raises
    ------
    ValueError
        If blocks that meet do not have the same masses.
    """

    entry: StepGraphon
    branches: Sequence[Sequence[StepGraphon]]
    read_out: StepGraphon

    def __post_init__(self) -> None:
        check_ends(self.entry, self.read_out)
        branches = []
        for name, branch in _numbered(self.branches):
            layers = tuple(check_sequence(name, branch, "StepGraphon"))
            if not layers:
                raise ValueError(f"{name} must be one StepGraphon or more, got none")
            names = (f"{name}[{place}]" for place in range(len(layers)))
            check_branch(dict(zip(names, layers, strict=True)), self.entry.row_mass)
            branches.append(layers)
        object.__setattr__(self, "branches", tuple(branches))

    @classmethod
    def constant(
        cls, entry: float, branches: Sequence[Sequence[float]], read_out: float
    ) -> ResidualGraphons:
        """Return constant graphons of these densities in [0, 1], the limit of random pruning."""
        layers = [
            [StepGraphon([[density]]) for density in check_sequence(name, branch, "densities")]
            for name, branch in _numbered(branches)
        ]
        return cls(StepGraphon([[entry]]), layers, StepGraphon([[read_out]]))

    def chain(self, branches: Collection[int]) -> GraphonNetwork:
        r"""Return the network without skips of the entry, some branches, and the read-out.

        Its :meth:`~graphon_lib.graphons.GraphonNetwork.path_density` is :math:`P_S` for S the
        numbers of these branches, from 0, which are taken in order.
        """
        count = len(self.branches)
        numbers = check_sequence("branches", branches, "numbers")
        chosen = {check_integer("branches", number, 0) for number in numbers}
        if chosen and max(chosen) >= count:
            raise ValueError(f"branches must hold numbers below {count}, got {max(chosen)}")
        layers = [layer for number in sorted(chosen) for layer in self.branches[number]]
        return GraphonNetwork([self.entry, *layers, self.read_out])


def residual_nngp(
    network: ResidualGraphons,
    x1: ArrayLike,
    x2: ArrayLike | None = None,
    *,
    branch_scale: ArrayLike = 1.0,
    activation: str | Activation | Callable[[Array], Array] = "relu",
    weight_variance: float = 2.0,
) -> Array:
    r"""Return the covariance of the outputs of an infinitely wide residual network.

    Parameters, result and recursion are those of :func:`~graphon_lib.ntk.residual_ntk`.

    Notes
    -----
    If :math:`\sigma` is the ReLU, :math:`s_w = 2`, and the entry treats all coordinates alike, this
    kernel is at most

    .. math:: \sum_S \alpha^{2 |S|} P_S\, K_{n(S)}(x, x') ,

    the sum over subsets S of the branches, with :math:`P_S` the path density of
    :meth:`~graphon_lib.ntk.ResidualGraphons.chain`, n(S) its number of layers, and :math:`K_n` the
    kernel of the dense network of n layers without skips, as the normalised arc-cosine kernel of
    order 1 is convex and increasing. Unless all branches are empty, the bound is met only where one
    input is a positive multiple of the other. For linear networks the sum is the kernel.
    """
    return _kernels(network, x1, x2, branch_scale, activation, weight_variance)[0]


def residual_ntk(
    network: ResidualGraphons,
    x1: ArrayLike,
    x2: ArrayLike | None = None,
    *,
    branch_scale: ArrayLike = 1.0,
    activation: str | Activation | Callable[[Array], Array] = "relu",
    weight_variance: float = 2.0,
) -> Array:
    r"""Return the tangent kernel of an infinitely wide residual network with given graphons.

    Parameters
    ----------
    network : ResidualGraphons
    x1 : array_like, shape (N1, d)
        Inputs, one a row.
    x2 : array_like, shape (N2, d), optional
        Inputs of the other side; None stands for x1.
    branch_scale : float or sequence of floats
        :math:`\alpha`, non-negative, of all branches or one a branch.
    activation, weight_variance
        As for :func:`~graphon_lib.ntk.graphon_ntk`.

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
    The network (He et al., *Identity Mappings in Deep Residual Networks*, ECCV 2016, figure 4(e),
    without normalisation) is :math:`z^0 = W^{in} x`, :math:`z \mapsto z + \alpha B(z)` with
    :math:`B(z) = W^k \sigma( \cdots \sigma(W^1 \sigma(z)))`, and :math:`f = W^{out} \sigma(z)`, in
    NTK units. Given z, the sums of a branch are Gaussian, of mean 0, with the covariance
    :math:`C_B(u)` of a chain of layers that starts from the stream's covariance C. So

    .. math:: C(u) \leftarrow C(u) + \alpha^2 C_B(u), \qquad
        \Theta(u) \leftarrow \Theta(u) + \alpha^2 \Theta_B(u)

    with :math:`\Theta_B` the chain's tangent kernel, which starts from :math:`\Theta`; cross terms
    of branch and skip have mean 0 by the sign of the branch's last weights, and are of order
    :math:`n^{-1/2}`. A step graphon is exact. For the ReLU, :math:`s_w = 2`, and an entry that
    treats all coordinates alike, the diagonal is a sum over subsets S of the branches,

    .. math:: \Theta(x, x) = \frac{2 |x|^2}{d} \sum_S \alpha^{2 |S|} P_S\, n(S) ,

    with :math:`P_S` and n(S) as in :func:`~graphon_lib.ntk.residual_nngp`. What densities do to
    scale and shape is a theorem in the book's chapter on architectures.
    """
    return _kernels(network, x1, x2, branch_scale, activation, weight_variance)[1]


def residual_shape(
    angles: ArrayLike, density: float, *, branches: int, layers: int = 2
) -> NDArray[np.float64]:
    r"""Return the tangent kernel of a randomly pruned ReLU network over its value at equal inputs.

    Parameters
    ----------
    angles : array_like, shape (N,)
        Between two inputs of equal norm, in radians.
    density : float
        Of the masks of all branches, in [0, 1].
    branches, layers : int
        How many branches the network has, and weight layers each, at least 1. Their scale is 1.

    Returns
    -------
    ndarray, shape (N,)

    Examples
    --------
    >>> residual_shape([0.0, np.pi / 2], 0.1, branches=4).round(3)
    array([1.   , 0.164])
    """
    angles = check_array("angles", angles, 1)
    count, depth = check_integer("branches", branches, 1), check_integer("layers", layers, 1)
    network = ResidualGraphons.constant(1.0, [[density] * depth] * count, 1.0)
    x2 = np.column_stack([np.cos(angles), np.sin(angles)])
    equal = residual_ntk(network, [[1.0, 0.0]])
    return (residual_ntk(network, [[1.0, 0.0]], x2) / equal)[0]


def _numbered(branches: object) -> list[tuple[str, Any]]:
    """Return branches, and what messages call them."""
    items = enumerate(check_sequence("branches", branches, "branches"))
    return [(f"branches[{number}]", item) for number, item in items]


@dataclass(frozen=True)
class _Matrices:
    """What the layers do to second moments, scales of branches in their last layers."""

    branches: list[list[Array]]
    read_out: Array


def _kernels(
    network: ResidualGraphons,
    x1: ArrayLike,
    x2: ArrayLike | None,
    branch_scale: ArrayLike,
    activation: str | Activation | Callable[[Array], Array],
    weight_variance: float,
) -> Array:
    """Return the covariance of the outputs and the tangent kernel, shape (2, N1, N2)."""
    check_instance("network", network, ResidualGraphons)
    scales = check_per_layer("branch_scale", branch_scale, len(network.branches))
    chosen = named_activation(activation)
    variance = check_positive("weight_variance", weight_variance)
    rows, columns = check_inputs(x1, x2, 2, network.entry)
    entry = entry_matrix(network.entry, variance, rows.shape[1])
    branches = [[layer_matrix(layer, variance) for layer in branch] for branch in network.branches]
    with np.errstate(over="ignore", invalid="ignore"):
        for branch, scale in zip(branches, scales, strict=True):
            branch[-1] *= scale**2
    read_out = network.read_out.row_mass @ layer_matrix(network.read_out, variance)
    matrices = _Matrices(branches, read_out[None])

    def variances(x: Array) -> list[Array]:
        found = []

        def record(number: int, variance: Array) -> tuple[Array, Array]:
            del number
            check_variances(MUST_GIVE, variance)
            found.append(variance)
            return variance, variance

        _through_network(matrices, entry @ (x * x).T, record, chosen)
        return found

    with np.errstate(over="ignore", invalid="ignore"):
        hidden1 = hidden2 = variances(rows)
        if x2 is not None:
            hidden2 = variances(columns)

    # Rounding does not grow behind homogeneous activations.
    homogeneous = isinstance(chosen, LeakyReLU | Linear)
    ties = None if homogeneous else find_ties(rows, columns, lambda _: [0], 1)

    def strip(part: slice) -> Callable[[slice], Array]:
        scaled = entry[:, None] * rows[part]

        def tile(other: slice) -> Array:
            equal = None if ties is None else ties.of_tile(part, other)

            def known(number: int, covariance: Array) -> tuple[Array, Array]:
                if ties is not None:
                    ties.impose(equal, 0, covariance, hidden1[number][:, part])
                return hidden1[number][:, part, None], hidden2[number][:, None, other]

            products = np.tensordot(scaled, columns[other], (2, 1))
            return _through_network(matrices, products, known, chosen)

        return tile

    result = np.empty((2, len(rows), len(columns)))
    blocks = max(len(layer) for layer in hidden1)
    fill_tiles(
        result,
        strip,
        tile_shape(blocks, rows.shape[1], False),
        symmetric=x2 is None,
        description="residual kernel",
        factors="inputs, weight_variance and branch_scale",
    )
    return result


def _through_network(
    matrices: _Matrices, covariance: Array, variances: Variances, activation: Activation
) -> Array:
    """Return both kernels, shape (2, ...), from the entry's covariances (K, ...).

    `variances` are asked for before every activation, with its number and the covariances.
    """
    number, tangent = 0, covariance
    for branch in matrices.branches:
        of_branch = covariance, tangent
        for matrix in branch:
            known = variances(number, of_branch[0])
            of_branch = through_weights(matrix, *through_activation(*of_branch, known, activation))
            number += 1
        covariance, tangent = covariance + of_branch[0], tangent + of_branch[1]
    known = variances(number, covariance)
    both = through_weights(
        matrices.read_out, *through_activation(covariance, tangent, known, activation)
    )
    return np.concatenate(both)
