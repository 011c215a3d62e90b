r"""The tangent kernel of an infinitely wide convolutional network with given graphons of its channels."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from math import isqrt, prod

import numpy as np
from numpy.typing import ArrayLike, NDArray

from graphon_lib._checks import (
    as_numpy,
    check_array,
    check_choice,
    check_instance,
    check_integer,
    check_positive,
    check_sequence,
)
from graphon_lib.graphons import ChannelGraphon, StepGraphon
from graphon_lib.graphons.partition import check_equal_masses, check_same_masses
from graphon_lib.ntk.activations import LeakyReLU, Linear, activation_of, check_variances
from graphon_lib.ntk.tiles import fill_tiles

__all__ = ["graphon_cntk"]

Array = NDArray[np.float64]

# Moments are taken of this many entries at a time, which the processor's cache holds.
CHUNK_ENTRIES = 1 << 15

# A tile's arrays, of all blocks and pixels and both kernels, have at most about this many entries: 16 MB.
# Of smaller tiles each operation is so short that threads wait for one another's interpreter, a third of
# the time with a quarter of the entries.
TILE_ENTRIES = 1 << 21


@dataclass(frozen=True)
class _Convolution:
    r"""A layer.

    Attributes
    ----------
    matrices : list of ndarray, shape (K_out, k_2 K_in)
        :math:`s_w W_{uv\delta} q_v / (k_1 k_2)` for each row of the kernel; its columns come first.
    kernel : tuple of int
        (k_1, k_2).
    blocks : int
        K_in; 1 also where colours are treated alike.
    stride : int
    """

    matrices: list[Array]
    kernel: tuple[int, int]
    blocks: int
    stride: int


@dataclass(frozen=True)
class _Network:
    r"""A network.

    Attributes
    ----------
    convolutions : list of _Convolution
    read_out : ndarray, shape (K,)
        :math:`s_w R_v q_v`, the mean over outputs, over the number of pairs of pixels in a mean.
    displacements : list of tuple of int
        Those between pooled pixels that count.
    activation : LeakyReLU or Linear
    """

    convolutions: list[_Convolution]
    read_out: Array
    displacements: list[tuple[int, int]]
    activation: LeakyReLU | Linear


def graphon_cntk(
    x1: ArrayLike,
    layers: Sequence[ChannelGraphon],
    read_out: StepGraphon,
    x2: ArrayLike | None = None,
    *,
    strides: int | Sequence[int] = 1,
    pooling: str = "average",
    activation: str | LeakyReLU | Linear = "relu",
    weight_variance: float = 2.0,
) -> Array:
    r"""Return the tangent kernel of an infinitely wide convolutional network with given graphons.

    Parameters
    ----------
    x1 : array_like, shape (N1, rows, columns, colours)
        Images.
    layers : sequence of ChannelGraphon
        The convolutions. The first has one column for each colour, of equal mass, or a single one
        when it treats them alike; the blocks of each are the columns of the next.
    read_out : StepGraphon
        The linear layer behind the last convolution, from blocks of channels to blocks of outputs.
    x2 : array_like, shape (N2, rows, columns, colours), optional
        Images of the other side; None stands for x1.
    strides : int or sequence of int
        Of all convolutions or one a layer, at least 1.
    pooling : {"average", "flatten"}
        Whether the read-out sees every channel's mean over all pixels, or all pixels with weights of
        their own, pruned alike. The latter takes far less time.
    activation : {"relu", "leaky_relu", "linear"} or one of their objects
        Positively homogeneous; of others the rounding of equal patches of pixels would grow from
        layer to layer.
    weight_variance : float
        :math:`s_w`, positive.

    Returns
    -------
    ndarray, shape (N1, N2)
        The kernel of one output, its mean over the blocks of the read-out by mass. Exactly symmetric
        if `x2` is None.

    Notes
    -----
    In NTK units and with zeros around the image ("same" padding), layer l of stride s and kernel
    :math:`k_1 \times k_2` is

    .. math::

        z^l_{i,p} = \sqrt{\frac{s_w}{n_{l-1} k_1 k_2}} \sum_{j, \delta} M^l_{ij\delta} w^l_{ij\delta}
        h^{l-1}_{j, sp + \delta}, \qquad h^l = \sigma(z^l) ,

    with :math:`h^0 = x`. As the channels :math:`n_1, n_2, \dots` tend to infinity, preactivations at
    position u are Gaussian, and for two pixels p and p' of two images

    .. math::

        C^{l+1}_{pp'}(u) &= \frac{s_w}{k_1 k_2} \sum_\delta \sum_v q_v W^{l+1}(u, v; \delta)\,
        E \sigma \sigma [C^l(v)]_{sp + \delta,\, sp' + \delta} , \\
        \Theta^{l+1}_{pp'}(u) &= C^{l+1}_{pp'}(u) + \frac{s_w}{k_1 k_2} \sum_\delta \sum_v q_v
        W^{l+1}(u, v; \delta) \left( E \dot\sigma \dot\sigma [C^l(v)] \cdot \Theta^l(v) \right)_{sp
        + \delta,\, sp' + \delta} ,

    beginning with :math:`\Theta^1 = C^1`, in which products of colours stand for the first moment. A
    read-out R adds a layer without offsets, of the mean over all pairs of pixels (average) or over
    the pairs p = p' (flatten), since weights at different pixels are independent. Nothing pruned,
    it is the kernel of Arora et al. (*On exact computation with an infinitely wide neural net*,
    NeurIPS 2019, section 4), times :math:`s_w / n_0` with global average pooling.

    If :math:`W^l(u, v; \delta) = U^l(u, v)\, \omega^l(\delta)` in every layer, where :math:`U^1` does
    not depend on the colour, the kernel is P times that of the network with one block and the
    graphons :math:`\omega^l(\delta)`, P being the path density of :math:`U^1, U^2, \dots, R`
    (:meth:`~graphon_lib.graphons.GraphonNetwork.path_density`). For with :math:`a^0 = 1` and
    :math:`a^l(u) = \sum_v q_v U^l(u, v)\, a^{l-1}(v)`, both :math:`C^l(u)` and :math:`\Theta^l(u)` are
    :math:`a^l(u)` times those of that network: :math:`E \sigma \sigma` of an activation that is
    positively homogeneous is so itself, and :math:`E \dot\sigma \dot\sigma` does not change with
    :math:`a^l`. In the first layer, of few offsets and colours, values between 0 and 1 stand for a
    mixture of Gaussians, one for each mask, of which this is the mean covariance; blocks with the
    values 0 and 1 are exact. Where offsets are kept differently from block to block, the blocks have
    kernels of different shapes, and no number takes the place of P.
    """
    graphons, variance = _check_layers(layers), check_positive("weight_variance", weight_variance)
    check_instance("read_out", read_out, StepGraphon)
    check_same_masses("read_out.col_mass", read_out.col_mass, graphons[-1].row_mass)
    steps = _check_strides(strides, len(graphons))
    check_choice("pooling", pooling, ("average", "flatten"))
    sigma = activation_of(activation, LeakyReLU, Linear)
    rows = _check_images("x1", x1, graphons[0])
    columns = rows if x2 is None else _check_images("x2", x2, graphons[0])
    if columns.shape[:3] != rows.shape[:3]:
        raise ValueError(
            f"x2 must have images of the shape of x1's, {rows.shape[:3]}; got {columns.shape[:3]}"
        )
    sides = [-(-side // prod(steps)) for side in rows.shape[:2]]
    reach = sides if pooling == "average" else (1, 1)
    pairs = prod(sides) ** (2 if pooling == "average" else 1)
    network = _Network(
        [
            _convolution(graphon, stride, variance)
            for graphon, stride in zip(graphons, steps, strict=True)
        ],
        variance * read_out.column_degrees * read_out.col_mass / pairs,
        list(itertools.product(*(range(1 - side, side) for side in reach))),
        sigma,
    )
    blocks = max(max(graphon.values.shape[:2]) for graphon in graphons)
    tile_sides = _tile_shape(prod(rows.shape[:2]) * blocks)
    for name, images in {"x1": rows, "x2": columns}.items():
        _check_variances(name, images, network, tile_sides[1])
    result = np.empty((rows.shape[-1], columns.shape[-1]))

    def strip(part: slice) -> Callable[[slice], Array]:
        ours = rows[..., part], _variances(rows[..., part], network)

        def tile(other: slice) -> Array:
            theirs = columns[..., other], _variances(columns[..., other], network)
            return sum(_pooled(*ours, *theirs, by, network) for by in network.displacements)

        return tile

    fill_tiles(
        result,
        strip,
        tile_sides,
        symmetric=x2 is None,
        description="convolutional kernel",
        factors="images and weight_variance",
    )
    return result


def _pooled(
    images1: Array,
    variances1: list[Array],
    images2: Array,
    variances2: list[Array],
    displacement: tuple[int, int],
    network: _Network,
) -> Array:
    """Return what pairs of pooled pixels at one displacement add to a tile's sums, shape (B1, B2).

    A convolution of stride s takes pairs of pixels at a displacement from pairs at s times that, and
    from no others. Pixels of the first image are so a rectangle in every layer; pixels and blocks are
    the first axes of all arrays, (rows, columns, K, ...), pairs of images the last.
    """
    size = images1.shape[-1], images2.shape[-1]
    by = [side * prod(layer.stride for layer in network.convolutions) for side in displacement]
    here, there = _overlap(images1.shape, by)
    products = images1[here][..., :, None] * images2[there][..., None, :]
    products = products.reshape(*products.shape[:3], -1)
    before, *others = network.convolutions
    covariance = theta = _convolved(_colours_padded(products, before), before)
    for number, layer in enumerate(others):
        by = [side // before.stride for side in by]
        moments = _moments(covariance, theta, variances1[number], variances2[number], by, network)
        padded, inner = _padded((*covariance.shape[:3], 2, prod(size)), layer.kernel)
        for part, second, passed in moments:
            inner[part, :, :, 0], inner[part, :, :, 1] = second, passed
        both = _convolved(padded.reshape(*padded.shape[:3], -1), layer)
        both = both.reshape(*both.shape[:3], 2, -1)
        covariance, theta = both[..., 0, :], both[..., 1, :]
        theta += covariance
        before = layer
    moments = _moments(covariance, theta, variances1[-1], variances2[-1], displacement, network)
    sums = np.zeros(prod(size))
    for _, second, passed in moments:
        passed += second
        sums += np.einsum("hwkb,k->b", passed, network.read_out)
    return sums.reshape(size)


def _moments(
    covariance: Array,
    theta: Array,
    variances1: Array,
    variances2: Array,
    displacement: Sequence[int],
    network: _Network,
) -> Iterator[tuple[slice, Array, Array]]:
    """Yield rows of pixels, and of them the second moments and the derivatives' times theta."""
    here, there = _overlap(variances1.shape, displacement)
    variances1, variances2 = variances1[here][..., :, None], variances2[there][..., None, :]
    size = variances1.shape[-2], variances2.shape[-1]
    step = max(1, CHUNK_ENTRIES // prod(covariance.shape[1:]))
    for start in range(0, len(covariance), step):
        part = slice(start, start + step)
        of_part = covariance[part]
        second, passed = network.activation.moments(
            of_part.reshape(*of_part.shape[:-1], *size), variances1[part], variances2[part]
        )
        passed = passed.reshape(of_part.shape)
        passed *= theta[part]
        yield part, second.reshape(of_part.shape), passed


def _variances(images: Array, network: _Network) -> list[Array]:
    """Return the variances (rows, columns, K, B) of every layer's preactivations, of B images."""
    before, *others = network.convolutions
    variances = [_convolved(_colours_padded(images * images, before), before)]
    for layer in others:
        own = variances[-1]
        padded, inner = _padded(own.shape, layer.kernel)
        inner[:] = network.activation.moments(own, own, own)[0]
        variances.append(_convolved(padded, layer))
    return variances


def _convolved(padded: Array, layer: _Convolution) -> Array:
    """Return the sums over offsets and blocks, (rows, columns, K_out, B), of (..., K_in, B)."""
    sides = [
        (side - of_kernel) // layer.stride + 1
        for side, of_kernel in zip(padded.shape, layer.kernel, strict=False)
    ]
    of_row, of_pixel, *inside = padded.strides
    # Pixels of one row lie side by side, each with its blocks: those that a row of the kernel covers
    # are one matrix, of which the product is taken without a copy.
    shape = (*sides, layer.kernel[1] * padded.shape[2], padded.shape[3])
    strides = (layer.stride * of_row, layer.stride * of_pixel, *inside)
    windows = [
        np.ndarray(shape, padded.dtype, padded, row * of_row, strides)
        for row in range(layer.kernel[0])
    ]
    sums = np.empty((*sides, len(layer.matrices[0]), padded.shape[3]))
    product = np.empty(sums.shape[1:])
    # A row of pixels after the other, whose sums stay in the processor's cache.
    for row, of_pixels in enumerate(sums):
        np.matmul(layer.matrices[0], windows[0][row], out=of_pixels)
        for matrix, window in zip(layer.matrices[1:], windows[1:], strict=True):
            of_pixels += np.matmul(matrix, window[row], out=product)
    return sums


def _colours_padded(products: Array, first: _Convolution) -> Array:
    """Return products of pixels as the first layer takes them, their mean where colours are alike."""
    if first.blocks < products.shape[2]:
        products = products.mean(axis=2, keepdims=True)
    padded, inner = _padded(products.shape, first.kernel)
    inner[:] = products
    return padded


def _padded(shape: Sequence[int], kernel: Sequence[int]) -> tuple[Array, Array]:
    """Return zeros of a shape and around it, as far as a kernel reaches; and a view of that shape."""
    sides = [side + of_kernel - 1 for side, of_kernel in zip(shape, kernel, strict=False)]
    padded = np.zeros((*sides, *shape[2:]))
    rows, columns = (
        slice(of_kernel // 2, of_kernel // 2 + side)
        for side, of_kernel in zip(shape, kernel, strict=False)
    )
    return padded, padded[rows, columns]


def _overlap(
    shape: Sequence[int], displacement: Sequence[int]
) -> tuple[tuple[slice, ...], tuple[slice, ...]]:
    """Return the pixels from which the displacement leads to pixels, and those to which."""
    pairs = [
        (slice(max(0, -by), side - max(0, by)), slice(max(0, by), side - max(0, -by)))
        for side, by in zip(shape, displacement, strict=False)
    ]
    here, there = zip(*pairs, strict=True)
    return here, there


def _convolution(graphon: ChannelGraphon, stride: int, weight_variance: float) -> _Convolution:
    blocks, kernel = graphon.values.shape[1], graphon.kernel_size
    scaled = weight_variance / prod(kernel) * graphon.values * graphon.col_mass[:, None, None]
    by_rows = scaled.transpose(2, 0, 3, 1).reshape(kernel[0], -1, kernel[1] * blocks)
    return _Convolution(list(by_rows), kernel, blocks, stride)


def _tile_shape(entries: int) -> tuple[int, int]:
    """Return how many rows and columns make a tile, for so many blocks and pixels of an image."""
    pairs = max(1, TILE_ENTRIES // (2 * entries))
    # Longer than high, as moments are taken of rows of a tile; few rows waste little beside the
    # diagonal.
    rows = max(1, isqrt(pairs // 4))
    return rows, pairs // rows


def _check_layers(layers: Sequence[ChannelGraphon]) -> list[ChannelGraphon]:
    graphons = check_sequence("layers", layers, "ChannelGraphon")
    if not graphons or not all(isinstance(graphon, ChannelGraphon) for graphon in graphons):
        raise ValueError(f"layers must be one ChannelGraphon or more, got {layers!r}")
    check_equal_masses("layers[0]", graphons[0].col_mass)
    for number, (before, after) in enumerate(itertools.pairwise(graphons), start=1):
        check_same_masses(f"layers[{number}].col_mass", after.col_mass, before.row_mass)
    return graphons


def _check_strides(strides: int | Sequence[int], depth: int) -> list[int]:
    if as_numpy("strides", strides).ndim == 0:
        return [check_integer("strides", strides, 1)] * depth
    steps = check_sequence("strides", strides, "integers, one a layer")
    if len(steps) != depth:
        raise ValueError(f"strides must be one integer, or {depth}, one a layer; got {strides!r}")
    return [check_integer(f"strides[{i}]", step, 1) for i, step in enumerate(steps)]


def _check_images(name: str, value: ArrayLike, first: ChannelGraphon) -> Array:
    """Return images with the colours that the first layer takes, shape (rows, columns, colours, N)."""
    images = check_array(name, value, 4)
    colours = first.values.shape[1]
    if colours not in (1, images.shape[3]):
        raise ValueError(
            f"{name} must have {colours} colours, one for each column of layers[0]; got shape {images.shape}"
        )
    return np.ascontiguousarray(np.moveaxis(images, 0, -1))


def _check_variances(name: str, images: Array, network: _Network, chunk: int) -> None:
    """Refuse images of which products of variances would overflow or lose digits."""
    for start in range(0, images.shape[-1], chunk):
        with np.errstate(over="ignore", invalid="ignore"):
            layers = _variances(images[..., start : start + chunk], network)
        for number, variance in enumerate(layers, start=1):
            check_variances(f"{name} must give the pixels of layer {number}", variance)
