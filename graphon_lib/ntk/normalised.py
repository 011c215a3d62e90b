r"""The tangent kernel of infinitely wide networks with LayerNorm or RMSNorm in every hidden layer."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from graphon_lib._checks import check_choice, check_flag, check_instance, check_positive
from graphon_lib.graphons.network import GraphonNetwork
from graphon_lib.ntk.activations import (
    ACTIVATIONS,
    LARGEST,
    PARALLEL,
    SMALLEST,
    Activation,
    check_variances,
)
from graphon_lib.ntk.stream import (
    check_inputs,
    entry_matrix,
    layer_matrix,
    through_activation,
    through_weights,
)
from graphon_lib.ntk.tiles import fill_tiles, tile_shape

__all__ = ["PLACES", "normalised_ntk"]

Array = NDArray[np.float64]

PLACES = ("before", "after")
"""Where a hidden layer is normalised: its sums, or what the activation returns."""


@dataclass(frozen=True)
class _Hidden:
    """What normalises a hidden layer, of N inputs: scales (N,), variances (K, N) between them, means."""

    before: Array
    variance: Array
    mean: Array
    centre: Array
    after: Array

    def __getitem__(self, inputs: slice) -> _Hidden:
        return _Hidden(*(of[..., inputs] for of in vars(self).values()))


@dataclass(frozen=True)
class _Network:
    matrices: list[Array]
    masses: list[Array]
    activation: Activation
    place: str
    centred: bool


def normalised_ntk(
    x1: ArrayLike,
    network: GraphonNetwork,
    x2: ArrayLike | None = None,
    *,
    place: str = "before",
    centred: bool = True,
    activation: str = "relu",
    weight_variance: float = 2.0,
) -> Array:
    r"""Return the tangent kernel of an infinitely wide network that normalises every hidden layer.

    Parameters
    ----------
    x1, x2
        As for :func:`~graphon_lib.ntk.graphon_ntk`; no input may be 0.
    network : GraphonNetwork
        The graphons, with a hidden layer or more, without second moments and drifts.
    place : {"before", "after"}
        Whether a layer's sums are normalised, before the activation, or what it returns.
    centred : bool
        Whether the mean over the layer's units is taken away (LayerNorm) or not (RMSNorm). Before
        the activation it is 0 in the limit, and both are the same.
    activation : {"relu", "leaky_relu", "erf", "linear"}
    weight_variance : float
        :math:`s_w`, positive.

    Returns
    -------
    ndarray, shape (N1, N2)
        The kernel of one output, its mean over the blocks of the read-out by mass, of kept weights
        and no others. Exactly symmetric if `x2` is None.

    Raises
    ------
    ValueError
        If an argument is not allowed, or a layer has nothing to normalise: an input of 0, or masks
        without paths.

    Notes
    -----
    The network is that of :func:`~graphon_lib.ntk.graphon_ntk` with :math:`h = \sigma(z / r)`,
    :math:`r^2 = \frac1n \sum_i z_i^2` (before), or :math:`h = (\sigma(z) - m) / r` with the mean m
    and the standard deviation r of :math:`\sigma(z)` over units (after; m = 0 for RMSNorm).
    In the limit these are numbers, :math:`r^2(x) = \int C(u; x, x)\, du` in the first case, so that

    .. math::

        \hat C^l = \frac{C^l}{r\, r'}, \quad \hat\Theta^l = \frac{\Theta^l}{r\, r'}, \qquad
        C^{l+1}(u) = s_w \sum_v p_v W^{l+1}(u, v)\, E_{\hat C^l(v)}\, \sigma \sigma', \quad
        \Theta^{l+1}(u) = C^{l+1}(u) + s_w \sum_v p_v W^{l+1}(u, v)\,
        E_{\hat C^l(v)}\, \dot\sigma \dot\sigma'\; \hat\Theta^l(v) .

    That r depends on the weights makes no difference: its derivative is of one direction among n,
    and adds :math:`O(1 / n)`. Before the activation, or behind positively homogeneous ones, factors
    of all graphons but the read-out's drop out. Behind such, unless a mean is taken away, and where
    the first graphon does not depend on the input coordinate, the kernel is :math:`P_D / P_{D-1}`
    times that of the dense network, the path densities of the network and of its layers but the
    read-out (a proposition in the book's chapter on architectures).

    LayerNorm behind a ReLU multiplies the squares of small angles by :math:`1 / (1 - 1 / \pi) = 1.47`
    a layer. Inputs parallel up to rounding stay so, and the diagonal is right to rounding at any
    depth; between others entries, which vanish beside it, have relative errors of some 1e-8 at 40
    layers, and of some tenths at 100.
    """
    layers = check_instance("network", network, GraphonNetwork).layers
    if network.depth < 2 or network.second_moments is not None or network.drifts is not None:
        raise ValueError(
            f"network must have a hidden layer, and neither second moments nor drifts; got {network!r}"
        )
    check_choice("place", place, PLACES)
    sigma = ACTIVATIONS[check_choice("activation", activation, ACTIVATIONS)]
    variance = check_positive("weight_variance", weight_variance)
    rows, columns = check_inputs(x1, x2, 2, layers[0])
    entry = entry_matrix(layers[0], variance, rows.shape[1])
    inner = [layer_matrix(layer, variance) for layer in layers[1:]]
    inner[-1] = (layers[-1].row_mass @ inner[-1])[None]
    masses = [layer.row_mass for layer in layers[:-1]]
    parts = _Network(inner, masses, sigma, place, check_flag("centred", centred))
    # What overflows is refused by its value.
    with np.errstate(over="ignore", invalid="ignore"):
        hidden1 = hidden2 = _hidden("x1", parts, entry @ (rows * rows).T)
        if x2 is not None:
            hidden2 = _hidden("x2", parts, entry @ (columns * columns).T)

    def strip(part: slice) -> Callable[[slice], Array]:
        scaled, ours = entry[:, None] * rows[part], [layer[part] for layer in hidden1]

        def tile(other: slice) -> Array:
            products = np.tensordot(scaled, columns[other], (2, 1))
            theirs = [layer[other] for layer in hidden2]
            return _tangent(parts, products, ours, theirs)

        return tile

    result = np.empty((len(rows), len(columns)))
    fill_tiles(
        result[None],
        strip,
        tile_shape(max(mass.size for mass in masses), rows.shape[1], False),
        symmetric=x2 is None,
        description="normalised kernel",
        factors="inputs and weight_variance",
    )
    return result


def _hidden(name: str, network: _Network, variance: Array) -> list[_Hidden]:
    """Return what normalises every hidden layer, from the variances (K, N) of the first."""
    found = []
    for number, (matrix, mass) in enumerate(zip(network.matrices, network.masses, strict=True)):
        before = after = np.ones(variance.shape[1])
        mean, centre = np.zeros_like(variance), np.zeros_like(after)
        if network.place == "before":
            before = _root(name, number, mass @ variance)
            variance = variance / before**2
        check_variances(f"{name} must give the blocks of layer {number + 1}", variance)
        second = network.activation.moments(variance, variance, variance)[0]
        if network.place == "after":
            if network.centred:
                mean = network.activation.mean(mean, variance)
                centre = mass @ mean
            after = _root(name, number, mass @ second - centre**2)
        found.append(_Hidden(before, variance, mean, centre, after))
        variance = matrix @ ((second - 2.0 * centre * mean + centre**2) / after**2)
    return found


def _tangent(
    network: _Network, covariance: Array, rows: Sequence[_Hidden], columns: Sequence[_Hidden]
) -> Array:
    """Return the tangent kernel (1, B, B'), from the first layer's covariances (K, B, B')."""
    tangent = covariance
    for matrix, ours, theirs in zip(network.matrices, rows, columns, strict=True):
        scale = np.outer(ours.before, theirs.before)
        variances = ours.variance[:, :, None], theirs.variance[:, None]
        covariance = _parallel_exactly(covariance / scale, *variances)
        second, passed = through_activation(
            covariance, tangent / scale, variances, network.activation
        )
        second += np.outer(ours.centre, theirs.centre)
        second -= (
            ours.mean[:, :, None] * theirs.centre + ours.centre[:, None] * theirs.mean[:, None]
        )
        scale = np.outer(ours.after, theirs.after)
        covariance, tangent = through_weights(matrix, second / scale, passed / scale)
    return tangent


def _parallel_exactly(covariance: Array, variance1: Array, variance2: Array) -> Array:
    """Return covariances, without the rounding of pairs that are parallel but for it.

    Layers can enlarge small angles, in the end to any size.
    """
    product = variance1 * variance2
    parallel = product - covariance * covariance <= PARALLEL * product
    # Of a square not below the product, lest large variances leave an angle again.
    largest = np.sqrt(product) * (1 + np.finfo(np.float64).eps)
    return np.where(parallel, np.copysign(largest, covariance), covariance)


def _root(name: str, number: int, squares: Array) -> Array:
    """Return the roots of mean squares, which must not be 0."""
    if not ((squares >= SMALLEST) & (squares <= LARGEST)).all():
        raise ValueError(
            f"{name} must give layer {number + 1} a mean square in [{SMALLEST:g}, {LARGEST:g}] to normalise; got from {squares.min():.3g} to {squares.max():.3g}"
        )
    return np.sqrt(squares)
