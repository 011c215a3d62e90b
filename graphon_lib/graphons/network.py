r"""The graphons of a network, layer by layer, on shared blocks of neurons."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from graphon_lib._checks import check_array, check_integer, check_rng, check_sequence
from graphon_lib.graphons.blocks import block_means
from graphon_lib.graphons.drift_shrinkage import shrink_drift
from graphon_lib.graphons.neuron_blocks import check_order, hidden_blocks
from graphon_lib.graphons.partition import check_same_masses, grid_positions
from graphon_lib.graphons.possible_moments import check_possible_moments
from graphon_lib.graphons.sampling import sample_mask_at
from graphon_lib.graphons.step_graphon import StepGraphon
from graphon_lib.graphons.weight_moments import (
    check_fitting_masks,
    check_weights,
    weight_moments,
)

__all__ = ["GraphonNetwork"]


class GraphonNetwork:
    r"""Step graphons of the layers of a network, with the same blocks on both sides of a neuron layer.

    The neurons of a hidden layer are rows of one mask and columns of the next, so that the column
    masses of each graphon must be the row masses of the one before. Besides the probability
    :math:`W = P(M = 1)` that a weight is kept, a layer can have the second moment
    :math:`V = E[w^2 M]` and the drift :math:`D = \sqrt{n_{in}} E[w M]` of its kept weights. The
    object and its arrays do not change once made.

    Parameters
    ----------
    layers : sequence of StepGraphon
        From the first weight layer to the read-out. The first has one column for each of the d
        input coordinates, of mass 1/d, or a single column when it treats them all alike.
    second_moments : sequence of array_like, optional
        V of every layer, in its graphon's shape, non-negative, and 0 where W is. None stands for
        V = W: weights independent of the mask.
    drifts : sequence of array_like, optional
        D of every layer, in its graphon's shape, and 0 where V is. None stands for D = 0.

    Attributes
    ----------
    layers : tuple of StepGraphon
    second_moments : tuple of ndarray or None
        Read-only.
    drifts : tuple of ndarray or None
        Read-only.

    Raises
    ------
    ValueError
        If there are no layers, blocks of neighbouring layers do not fit, the input columns do not
        have equal masses, moments are not one finite array of its graphon's shape per layer, or no
        weights have them, such as a second moment where none is kept.

    Notes
    -----
    Weights are in NTK units, N(0, 1) before pruning. [1]_ reads the sorted mask of every layer as a
    function of positions and so identifies a neuron's rank by in-degree with its rank by out-degree;
    see the argument `order` of `from_masks`.

    By the Cauchy-Schwarz inequality, :math:`D^2 \le n_{in} W V`. It is checked in the first layer, if
    that has a column for each of d > 1 coordinates, whose number of inputs is so known. The others may
    have any, up to infinitely many.

    References
    ----------
    .. [1] Pham, Ta, Jacobs, Burkholz and Tran-Thanh, *The Graphon Limit Hypothesis: Understanding
       Neural Network Pruning via Infinite Width Analysis*, NeurIPS 2025, arXiv:2510.17515.
    """

    __slots__ = ("_drifts", "_layers", "_second_moments")

    def __init__(
        self,
        layers: Sequence[StepGraphon],
        second_moments: Sequence[ArrayLike] | None = None,
        drifts: Sequence[ArrayLike] | None = None,
    ) -> None:
        self._layers = _check_layers(layers)
        self._second_moments = _check_moments("second_moments", second_moments, self._layers, 0.0)
        self._drifts = _check_moments("drifts", drifts, self._layers, -np.inf)
        columns = self._layers[0].shape[1]
        for number, layer in enumerate(self._layers):
            check_possible_moments(
                number,
                layer.values,
                layer.values if second_moments is None else self._second_moments[number],
                None if drifts is None else self._drifts[number],
                columns if number == 0 and columns > 1 else None,
            )

    @classmethod
    def from_masks(
        cls,
        masks: Sequence[ArrayLike],
        weights: Sequence[ArrayLike] | None = None,
        *,
        blocks: int = 64,
        order: str = "joint",
        rng: np.random.Generator | None = None,
        shrinkage: bool = True,
    ) -> GraphonNetwork:
        r"""Estimate the graphons of a pruned network.

        Parameters
        ----------
        masks : sequence of array_like, shapes (n_out, n_in)
            The binary masks from the first layer to the read-out, NumPy or PyTorch; the rows of each
            are the columns of the next.
        weights : sequence of array_like, optional
            The weights in the masks' shapes, in NTK units: N(0, 1) before pruning. When given,
            second moments and drifts are filled; what they are off the mask does not matter.
        blocks : int
            Number of blocks K of every hidden layer, at least 1; at most as many as neurons.
        order : {"joint", "degree", "coclustering", "both"}
            How hidden neurons are put in blocks. ``"joint"``: one block for neurons alike in
            in-degree *and* out-degree, about :math:`\sqrt K \times \sqrt K` bins. ``"degree"``, as
            in [1]_: the rows of a mask in K blocks by in-degree, the columns of the next by
            out-degree, and blocks matched by rank, as though in-rank and out-rank of a neuron were
            equal. ``"coclustering"``: neurons with alike inputs and outputs, K blocks from the
            leading singular vectors of the two masks side by side. ``"both"``: about :math:`\sqrt K`
            such clusters, each cut in joint blocks. Blocks are found from the masks alone, so that the
            weights are left for their moments.
        rng : numpy.random.Generator, optional
            For ``"coclustering"`` and ``"both"`` only.
        shrinkage : bool
            Whether drifts are freed of what chance gives them, see
            :func:`~graphon_lib.graphons.shrink_drift`; otherwise they are block means.

        Returns
        -------
        GraphonNetwork
            Input columns and read-out rows are not merged: every input coordinate is a column and
            every output a row, in the given order, with every `order`, since a coordinate's position
            ties the graphon to the data.

        Raises
        ------
        ValueError
            If a mask is not binary, masks do not fit one another, weights do not fit the masks or
            are not finite, `blocks` is not a positive integer, `order` another word, or `rng` does
            not go with it.

        Notes
        -----
        With blocks A of the rows and B of the columns,

        .. math::

            W_{AB} = \frac{1}{|A||B|} \sum_{i \in A, j \in B} M_{ij}, \quad
            V_{AB} = \frac{1}{|A||B|} \sum_{i \in A, j \in B} M_{ij} w_{ij}^2, \quad
            D_{AB} = \frac{\sqrt{n_{in}}}{|A||B|} \sum_{i \in A, j \in B} M_{ij} w_{ij} ,

        the last before shrinkage. For standard errors see
        :func:`~graphon_lib.graphons.weight_moments`.

        References
        ----------
        .. [1] Pham, Ta, Jacobs, Burkholz and Tran-Thanh, *The Graphon Limit Hypothesis:
           Understanding Neural Network Pruning via Infinite Width Analysis*, NeurIPS 2025,
           arXiv:2510.17515.
        """
        checked = check_fitting_masks(masks)
        check_integer("blocks", blocks, 1)
        check_order(order, rng)
        pairs = [
            hidden_blocks(incoming, outgoing, blocks, order, rng)
            for incoming, outgoing in itertools.pairwise(checked)
        ]
        inputs, outputs = np.arange(checked[0].shape[1]), np.arange(checked[-1].shape[0])
        row_labels = [*(as_rows for as_rows, _ in pairs), outputs]
        col_labels = [inputs, *(as_columns for _, as_columns in pairs)]
        return cls.from_labels(checked, row_labels, col_labels, weights, shrinkage=shrinkage)

    @classmethod
    def from_labels(
        cls,
        masks: Sequence[ArrayLike],
        row_labels: Sequence[ArrayLike],
        col_labels: Sequence[ArrayLike],
        weights: Sequence[ArrayLike] | None = None,
        *,
        shrinkage: bool = True,
    ) -> GraphonNetwork:
        """Estimate the graphons of a pruned network on blocks of one's own.

        Parameters
        ----------
        masks : sequence of array_like, shapes (n_out, n_in)
            As for `from_masks`.
        row_labels : sequence of array_like of int, shapes (n_out,)
            For every mask, the block 0, ..., K - 1 of each of its rows, every block used.
        col_labels : sequence of array_like of int, shapes (n_in,)
            For every mask, the block of each of its columns. The blocks of a mask's columns must
            have the sizes of those of the rows of the mask before.
        weights : sequence of array_like, optional
            As for `from_masks`.
        shrinkage : bool
            As for `from_masks`.

        Returns
        -------
        GraphonNetwork

        Raises
        ------
        ValueError
            If a mask is not binary, masks do not fit one another, or labels or weights do not fit
            the masks.
        """
        checked = check_fitting_masks(masks)
        row_labels = check_sequence("row_labels", row_labels, "labels, one array a mask")
        col_labels = check_sequence("col_labels", col_labels, "labels, one array a mask")
        for name, labels in (("row_labels", row_labels), ("col_labels", col_labels)):
            if len(labels) != len(checked):
                raise ValueError(
                    f"{name} must be {len(checked)} arrays, one per mask; got {len(labels)}"
                )
        layers = [
            block_means(mask, rows, cols)
            for mask, rows, cols in zip(checked, row_labels, col_labels, strict=True)
        ]
        if weights is None:
            return cls(layers)
        moments = [
            weight_moments(weight, mask, rows, cols)
            for weight, mask, rows, cols in zip(
                check_weights(weights, checked), checked, row_labels, col_labels, strict=True
            )
        ]
        drifts = [moment.drift for moment in moments]
        if shrinkage:
            # Block means obey (E w M)^2 <= E M E w^2 M; shrunk ones must be held to it.
            limits = [
                np.sqrt(mask.shape[1] * layer.values * moment.second_moment)
                for mask, layer, moment in zip(checked, layers, moments, strict=True)
            ]
            drifts = [
                np.clip(shrink_drift(moment.drift, moment.drift_error), -limit, limit)
                for moment, limit in zip(moments, limits, strict=True)
            ]
        return cls(layers, [moment.second_moment for moment in moments], drifts)

    @property
    def layers(self) -> tuple[StepGraphon, ...]:
        """The graphons, from the first weight layer to the read-out."""
        return self._layers

    @property
    def second_moments(self) -> tuple[NDArray[np.float64], ...] | None:
        """V of every layer, or None where V = W."""
        return self._second_moments

    @property
    def drifts(self) -> tuple[NDArray[np.float64], ...] | None:
        """D of every layer, or None where D = 0."""
        return self._drifts

    @property
    def depth(self) -> int:
        """Number of weight layers, the read-out included."""
        return len(self._layers)

    def path_density(self) -> float:
        r"""Return the fraction of the paths from inputs to outputs that survive.

        Returns
        -------
        float
            In [0, 1].

        Notes
        -----
        .. math:: P = \sum_{u_0, \dots, u_D} \prod_{l=1}^D W^l(u_l, u_{l-1}) \prod_{l=0}^D p^l_{u_l} .

        Where every neuron is a block of its own, this is the mask's surviving input-output paths over
        all :math:`\prod_l n_l`. In general it is the mean of that fraction when, in every block of
        every hidden layer, the neurons' outgoing connections are dealt out anew at random: blocks
        know how many of each there are, not which go with which. With one hidden layer the
        difference is the mass-weighted covariance, within blocks, of the in-degrees and the
        out-degrees over their numbers of nodes.
        """
        surviving = self._layers[0].row_degrees
        for layer in self._layers[1:]:
            surviving = layer.values @ (layer.col_mass * surviving)
        return float(min(self._layers[-1].row_mass @ surviving, 1.0))

    def sample_masks(
        self, widths: Sequence[int], rng: np.random.Generator
    ) -> list[NDArray[np.bool_]]:
        r"""Draw the masks of a finite network of any width.

        Parameters
        ----------
        widths : sequence of int
            :math:`(n_0, n_1, \dots, n_D)`, each at least 1. The first must be the number of input
            columns, unless that is 1.
        rng : numpy.random.Generator
            The source of randomness.

        Returns
        -------
        list of ndarray of bool
            The D masks, shapes :math:`(n_l, n_{l-1})`. Neuron i of a layer of n sits at
            :math:`(2i + 1) / (2n)` in the mask before it and in the mask after it, so every block
            has its share of neurons.

        Raises
        ------
        ValueError
            If there are not D + 1 positive integers, the first does not fit the input columns, or
            `rng` is no generator.
        """
        check_rng("rng", rng)
        widths = check_sequence("widths", widths, "layer widths, inputs first")
        if len(widths) != self.depth + 1:
            raise ValueError(
                f"widths must hold {self.depth + 1} layer widths, inputs first; got {widths!r}"
            )
        columns = self._layers[0].shape[1]
        if columns not in (1, widths[0]):
            raise ValueError(f"widths[0] must be the {columns} input columns, got {widths[0]!r}")
        positions = [
            grid_positions(check_integer(f"widths[{i}]", width, 1))
            for i, width in enumerate(widths)
        ]
        return [
            sample_mask_at(layer, rows, cols, rng)
            for layer, rows, cols in zip(self._layers, positions[1:], positions[:-1], strict=True)
        ]

    def __reduce__(self) -> tuple:
        # Through the constructor, so that the arrays of a copy or a pickle are read-only too.
        return GraphonNetwork, (self._layers, self._second_moments, self._drifts)

    def __repr__(self) -> str:
        blocks = " -> ".join(
            str(count) for count in (self._layers[0].shape[1], *(g.shape[0] for g in self._layers))
        )
        known = [
            name.replace("_", " ")
            for name in ("second_moments", "drifts")
            if getattr(self, name) is not None
        ]
        extra = f", with {' and '.join(known)}" if known else ""
        return f"GraphonNetwork(blocks {blocks}, path density {self.path_density():.3g}{extra})"

    def _repr_html_(self) -> str:
        return "".join(layer._repr_html_() for layer in self._layers)


def _check_layers(layers: Sequence[StepGraphon]) -> tuple[StepGraphon, ...]:
    layers = tuple(check_sequence("layers", layers, "StepGraphon"))
    if not layers or not all(isinstance(layer, StepGraphon) for layer in layers):
        raise ValueError(f"layers must be one StepGraphon or more, got {layers!r}")
    columns = layers[0].col_mass
    if np.abs(columns - 1.0 / columns.size).max() > 1e-9:
        raise ValueError(
            f"layers[0] must have input columns of equal mass, one per coordinate; got col_mass from {columns.min():.6g} to {columns.max():.6g}"
        )
    for number, (before, after) in enumerate(itertools.pairwise(layers), start=1):
        check_same_masses(f"layers[{number}].col_mass", after.col_mass, before.row_mass)
    return layers


def _check_moments(
    name: str,
    moments: Sequence[ArrayLike] | None,
    layers: tuple[StepGraphon, ...],
    minimum: float,
) -> tuple[NDArray[np.float64], ...] | None:
    if moments is None:
        return None
    moments = check_sequence(name, moments, "arrays, one a layer")
    if len(moments) != len(layers):
        raise ValueError(f"{name} must be {len(layers)} arrays, one per layer; got {len(moments)}")
    arrays = tuple(
        check_array(f"{name}[{i}]", moment, 2, minimum=minimum) for i, moment in enumerate(moments)
    )
    for i, (array, layer) in enumerate(zip(arrays, layers, strict=True)):
        if array.shape != layer.shape:
            raise ValueError(f"{name}[{i}] must have shape {layer.shape}, got {array.shape}")
        array.flags.writeable = False
    return arrays
