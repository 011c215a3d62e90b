r"""Graphons of convolutions: between blocks of channels, one value for every offset of the kernel."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from graphon_lib._checks import (
    as_numpy,
    check_array,
    check_chain,
    check_choice,
    check_instance,
    check_integer,
    check_mask,
    check_masses,
    check_rng,
    check_shape,
    named_masks,
    near_one,
)
from graphon_lib.graphons.blocks import block_sums, labelled_means
from graphon_lib.graphons.neuron_blocks import hidden_blocks
from graphon_lib.graphons.partition import check_labels, grid_positions, locate
from graphon_lib.graphons.step_graphon import StepGraphon

__all__ = [
    "ChannelGraphon",
    "SeparablePart",
    "channel_graphon",
    "channel_graphons",
    "sample_channel_mask",
    "separable_part",
]

Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class ChannelGraphon:
    r"""A graphon :math:`W(u, v; \delta)` of the masks of a convolution, constant on blocks of channels.

    It is the probability that the weight from an input channel at position v to an output channel at
    position u is kept at the offset :math:`\delta` of the kernel. The arrays do not change once made.

    Parameters
    ----------
    values : array_like, shape (K_out, K_in, k_1, k_2)
        The graphon on each pair of blocks and at each offset, in [0, 1]. Both sides of the kernel,
        k_1 and k_2, are odd, so that it has a centre.
    row_mass : array_like, shape (K_out,), optional
        Masses of the blocks of output channels, as in :class:`~graphon_lib.graphons.StepGraphon`.
    col_mass : array_like, shape (K_in,), optional
        Masses of the blocks of input channels.

    Examples
    --------
    >>> graphon = ChannelGraphon([[[[0.2, 0.8, 0.2]], [[0.0, 0.6, 0.0]]]])
    >>> round(graphon.density, 6)
    0.3
    """

    values: Array
    row_mass: Array | None = None
    col_mass: Array | None = None

    def __post_init__(self) -> None:
        values = check_array("values", self.values, 4, minimum=0.0, maximum=1.0)
        rows, cols, *_ = _check_kernel("values", values.shape)
        row_mass = check_masses("row_mass", self.row_mass, rows)
        col_mass = check_masses("col_mass", self.col_mass, cols)
        for name, array in (("values", values), ("row_mass", row_mass), ("col_mass", col_mass)):
            array.flags.writeable = False
            object.__setattr__(self, name, array)

    @property
    def kernel_size(self) -> tuple[int, int]:
        """The sides of the kernel, (k_1, k_2)."""
        return self.values.shape[2:]

    @property
    def density(self) -> float:
        r"""The kept fraction, :math:`\sum_{ab} p_a q_b` times the mean of :math:`W_{ab}` over offsets."""
        return float(self.row_mass @ self.values.mean(axis=(2, 3)) @ self.col_mass)

    def __reduce__(self) -> tuple[type, tuple[Array, ...]]:
        # Through the constructor, so that the arrays of a copy or a pickle are read-only too.
        return ChannelGraphon, (self.values, self.row_mass, self.col_mass)

    def __repr__(self) -> str:
        rows, cols, *kernel = self.values.shape
        return f"ChannelGraphon({rows} x {cols} blocks, kernel {kernel[0]} x {kernel[1]}, density {self.density:.4g})"


def channel_graphon(
    mask: ArrayLike, row_labels: ArrayLike, col_labels: ArrayLike
) -> ChannelGraphon:
    r"""Return the graphon of a convolution's mask, its densities on blocks of channels, offset by offset.

    .. math:: W_{ab}(\delta) = \frac{1}{|A_a| |B_b|} \sum_{i \in A_a, j \in B_b} M_{ij\delta} .

    Parameters
    ----------
    mask : array_like, shape (n_out, n_in, k_1, k_2)
        Binary; 1 is a kept weight. The sides of the kernel are odd.
    row_labels : array_like, shape (n_out,)
        The block 0, ..., K - 1 of every output channel, integers, every block used.
    col_labels : array_like, shape (n_in,)
        Those of the input channels. Colours of an image are blocks of their own.
    """
    array = as_numpy("mask", mask)
    if array.ndim != 4 or array.size == 0:
        raise ValueError(
            f"mask must be a non-empty array (n_out, n_in, k_1, k_2), got shape {array.shape}"
        )
    n_out, n_in, *kernel = _check_kernel("mask", array.shape)
    flat = check_mask("mask", array.reshape(n_out, -1)).reshape(n_out, n_in, -1)
    rows = check_labels("row_labels", row_labels, n_out)
    cols = check_labels("col_labels", col_labels, n_in)
    row_counts, col_counts = np.bincount(rows), np.bincount(cols)
    sums = [block_sums(flat[:, :, offset], rows, cols) for offset in range(flat.shape[2])]
    values = np.stack(sums, axis=-1) / np.outer(row_counts, col_counts)[:, :, None]
    return ChannelGraphon(
        values.reshape(*values.shape[:2], *kernel), row_counts / n_out, col_counts / n_in
    )


def channel_graphons(
    masks: Sequence[ArrayLike] | Mapping[str, ArrayLike], *, blocks: int = 64, order: str = "joint"
) -> tuple[list[ChannelGraphon], StepGraphon]:
    r"""Estimate the graphons of a chain of convolutions and a read-out, on shared blocks of channels.

    The channels of a layer are rows of one mask and columns of the next, and have one block in both;
    :func:`~graphon_lib.ntk.graphon_cntk` takes what is returned.

    Parameters
    ----------
    masks : sequence or dict of array_like
        Those of the convolutions, shapes (n_out, n_in, k_1, k_2), from the first to the last, and of
        the read-out, shape (n_out, n_in); the rows of each are the columns of the next.
    blocks : int
        Number of blocks K of every layer of channels, at least 1; at most as many as channels.
    order : {"joint", "degree"}
        ``"joint"``: channels alike in in-degree and in out-degree, over all offsets, in about
        :math:`\sqrt K \times \sqrt K` bins. ``"degree"``: rows by in-degree and columns of the next
        mask by out-degree, as though the two ranks of a channel were equal.

    Returns
    -------
    layers : list of ChannelGraphon
    read_out : StepGraphon
        Colours and outputs are not merged.
    """
    names, values = named_masks(masks, "binary arrays, one a layer")
    checked = list(map(as_numpy, names, values))
    axes = [mask.ndim for mask in checked]
    if len(axes) < 2 or axes != [*[4] * (len(axes) - 1), 2]:
        raise ValueError(f"masks must have 4 axes, one or more, and the last 2, got {axes} axes")
    for name, mask in zip(names, checked, strict=True):
        if mask.size == 0:
            raise ValueError(f"{name} must not be empty, got shape {mask.shape}")
        _check_kernel(name, mask.shape)
    check_chain(names, checked)
    check_integer("blocks", blocks, 1)
    check_choice("order", order, ("degree", "joint"))
    # Degrees are over all offsets: a row for each pair of a channel and an offset.
    entering = [
        check_mask(name, mask.reshape(len(mask), -1))
        for name, mask in zip(names, checked, strict=True)
    ]
    left = [np.moveaxis(mask, 1, -1).reshape(-1, mask.shape[1]) for mask in checked]
    pairs = [
        hidden_blocks(incoming, outgoing, blocks, order, None)
        for incoming, outgoing in zip(entering[:-1], left[1:], strict=True)
    ]
    rows = [*(as_rows for as_rows, _ in pairs), np.arange(len(checked[-1]))]
    columns = [np.arange(checked[0].shape[1]), *(as_columns for _, as_columns in pairs)]
    layers = list(map(channel_graphon, checked[:-1], rows, columns))
    return layers, labelled_means(entering[-1], rows[-1], columns[-1])


def sample_channel_mask(
    graphon: ChannelGraphon, shape: tuple[int, int], rng: np.random.Generator
) -> NDArray[np.bool_]:
    """Draw a mask (n_out, n_in, k_1, k_2) from a channel graphon, each entry independently.

    `shape` is (n_out, n_in). Channel i of n sits at (2 i + 1) / (2 n), as neurons do in
    :func:`~graphon_lib.graphons.sample_mask`.
    """
    check_instance("graphon", graphon, ChannelGraphon)
    counts, masses = check_shape("shape", shape), (graphon.row_mass, graphon.col_mass)
    check_rng("rng", rng)
    rows, cols = (
        locate(grid_positions(count), mass) for count, mass in zip(counts, masses, strict=True)
    )
    probabilities = graphon.values[np.ix_(rows, cols)]
    return rng.random(probabilities.shape) < probabilities


class SeparablePart(NamedTuple):
    r"""The product of a function of channels and a function of offsets nearest to a channel graphon.

    Attributes
    ----------
    channels : ndarray, shape (K_out, K_in)
        U, non-negative. It can exceed 1.
    offsets : ndarray, shape (k_1, k_2)
        :math:`\omega`, non-negative, of mean 1.
    share : float
        The share of the graphon's squared norm that is the product's, in [0, 1]; 1 if the graphon is
        a product.
    """

    channels: Array
    offsets: Array
    share: float


def separable_part(graphon: ChannelGraphon) -> SeparablePart:
    r"""Return the best approximation of a channel graphon by a product :math:`U(u, v)\, \omega(\delta)`.

    Best in :math:`\lVert W \rVert^2 = \sum_{u, v} p_u q_v \sum_\delta W(u, v; \delta)^2`.

    Notes
    -----
    As a matrix with a row for every pair (u, v), times :math:`\sqrt{p_u q_v}`, and a column for every
    :math:`\delta`, the graphon has the leading singular vectors U and :math:`\omega` (Eckart and Young,
    Psychometrika 1, 1936), which for a non-negative matrix are non-negative; the share is that of the
    largest singular value's square. U is then the projection on :math:`\omega`, also where a block has
    no mass.
    """
    check_instance("graphon", graphon, ChannelGraphon)
    values, exponent = near_one(graphon.values.reshape(*graphon.values.shape[:2], -1))
    roots = np.sqrt(np.outer(graphon.row_mass, graphon.col_mass))
    weighted = (roots[:, :, None] * values).reshape(-1, values.shape[2])
    _, singular, right = np.linalg.svd(weighted, full_matrices=False)
    if singular[0] == 0:
        offsets, share = np.ones(values.shape[2]), 1.0
    else:
        offsets, share = np.abs(right[0]), 1.0 / np.square(singular / singular[0]).sum()
    offsets /= offsets.mean()
    channels = np.ldexp(values @ offsets / (offsets @ offsets), exponent)
    return SeparablePart(channels, offsets.reshape(graphon.kernel_size), float(min(share, 1.0)))


def _check_kernel(name: str, shape: tuple[int, ...]) -> tuple[int, ...]:
    if not all(side % 2 for side in shape[2:]):
        raise ValueError(
            f"{name} must have a kernel of odd sides in its last two axes, got shape {shape}"
        )
    return shape
