r"""The graphons of a network, layer by layer, on shared blocks of neurons."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from graphon_lib._checks import (
    check_array,
    check_flag,
    check_instance,
    check_integer,
    check_masks,
    check_rng,
    check_sequence,
)
from graphon_lib.graphons.blocks import labelled_means
from graphon_lib.graphons.exact_sampling import draw_exact_masks
from graphon_lib.graphons.neuron_blocks import check_order, hidden_blocks
from graphon_lib.graphons.partition import (
    check_equal_masses,
    check_same_masses,
    grid_positions,
    locate,
)
from graphon_lib.graphons.sampling import draw_mask
from graphon_lib.graphons.step_graphon import StepGraphon
from graphon_lib.graphons.weight_moments import (
    check_possible_moments,
    check_weights,
    shrink_drift,
    weight_moments,
)

__all__ = ["GraphonNetwork", "path_density", "sample_weights", "second_moments_of"]


class GraphonNetwork:
    r"""Step graphons of the layers of a network, with the same blocks on both sides of a neuron layer.

    The neurons of a hidden layer are rows of one mask and columns of the next, so that the column
    masses of each graphon must be the row masses of the one before. Besides the probability
    :math:`W = P(M = 1)` that a weight is kept, a layer can have the second moment
    :math:`V = E[w^2 M]` and the drift :math:`D = \sqrt{n_{in}} E[w M]` of its kept weights, which
    are in NTK units, N(0, 1) before pruning. The object and its arrays do not change once made.

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

    Notes
    -----
    By the Cauchy-Schwarz inequality, :math:`D^2 \le n_{in} W V`. It is checked in the first layer,
    if that has a column for each of d > 1 coordinates, whose number of inputs is so known. The
    others may have any, up to infinitely many.
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
        seconds = second_moments_of(self)
        for number, layer in enumerate(self._layers):
            check_possible_moments(
                number,
                layer.values,
                seconds[number],
                None if drifts is None else self._drifts[number],
                columns if number == 0 and columns > 1 else None,
            )

    @classmethod
    def dense(cls, depth: int) -> GraphonNetwork:
        """Return the network of `depth` weight layers from which nothing is pruned."""
        return cls([StepGraphon([[1.0]])] * check_integer("depth", depth, 1))

    @classmethod
    def from_masks(
        cls,
        masks: Sequence[ArrayLike] | Mapping[str, ArrayLike],
        weights: Sequence[ArrayLike] | Mapping[str, ArrayLike] | None = None,
        *,
        blocks: int = 64,
        order: str = "joint",
        rng: np.random.Generator | None = None,
        shrinkage: bool = True,
    ) -> GraphonNetwork:
        r"""Estimate the graphons of a pruned network.

        Parameters
        ----------
        masks : sequence or dict of array_like, shapes (n_out, n_in)
            From the first layer to the read-out; the rows of each are the columns of the next. The
            dict that :func:`~graphon_lib.pruning.prune` returns for a chain of linear layers does.
        weights : sequence or dict of array_like, optional
            The weights in the masks' shapes, or a dict that has them by the masks' names, such as a
            `state_dict`. When given, second moments and drifts are filled; what they are off the
            mask does not matter.
        blocks : int
            Number of blocks K of every hidden layer, at least 1; at most as many as neurons.
        order : {"joint", "degree", "coclustering", "both"}
            How hidden neurons are put in blocks, from the masks alone. ``"joint"``: neurons alike
            in in-degree *and* out-degree, about :math:`\sqrt K \times \sqrt K` bins. ``"degree"``,
            as in the paper: rows by in-degree, columns of the next mask by out-degree, as though
            the two ranks of a neuron were equal. ``"coclustering"``: neurons with alike inputs and
            outputs. ``"both"``: about :math:`\sqrt K` such clusters, each cut in joint blocks.
        rng : numpy.random.Generator, optional
            For ``"coclustering"`` and ``"both"`` only.
        shrinkage : bool
            Whether drifts are freed of what chance gives them, see
            :func:`~graphon_lib.graphons.shrink_drift`; otherwise they are block means.

        Returns
        -------
        GraphonNetwork
            Input columns and read-out rows are not merged: every input coordinate is a column and
            every output a row, in the given order, with every `order`, since a coordinate's
            position ties the graphon to the data.

        Notes
        -----
        With blocks A of the rows and B of the columns,

        .. math::

            W_{AB} = \frac{1}{|A||B|} \sum_{i \in A, j \in B} M_{ij}, \quad
            V_{AB} = \frac{1}{|A||B|} \sum_{i \in A, j \in B} M_{ij} w_{ij}^2, \quad
            D_{AB} = \frac{\sqrt{n_{in}}}{|A||B|} \sum_{i \in A, j \in B} M_{ij} w_{ij} ,

        the last before shrinkage.
        """
        checked = check_masks(masks)
        check_integer("blocks", blocks, 1)
        check_order(order, rng)
        pairs = [
            hidden_blocks(incoming, outgoing, blocks, order, rng)
            for incoming, outgoing in itertools.pairwise(checked)
        ]
        inputs, outputs = np.arange(checked[0].shape[1]), np.arange(checked[-1].shape[0])
        row_labels = [*(as_rows for as_rows, _ in pairs), outputs]
        col_labels = [inputs, *(as_columns for _, as_columns in pairs)]
        layers = list(map(labelled_means, checked, row_labels, col_labels))
        if weights is None:
            return cls(layers)
        if isinstance(masks, Mapping) and isinstance(weights, Mapping):
            missing = [name for name in masks if name not in weights]
            if missing:
                raise ValueError(f"weights must hold the masks' names, got none of {missing[0]!r}")
            weights = [weights[name] for name in masks]
        fitting = check_weights(weights, checked)
        moments = list(map(weight_moments, fitting, checked, row_labels, col_labels))
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
        """V of every layer, read-only, or None where V = W."""
        return self._second_moments

    @property
    def drifts(self) -> tuple[NDArray[np.float64], ...] | None:
        """D of every layer, read-only, or None where D = 0."""
        return self._drifts

    @property
    def depth(self) -> int:
        """Number of weight layers, the read-out included."""
        return len(self._layers)

    def without_drifts(self) -> GraphonNetwork:
        """Return the network of the same densities and second moments, with drifts 0."""
        return GraphonNetwork(self._layers, self._second_moments)

    def path_density(self) -> float:
        r"""Return the fraction, in [0, 1], of the paths from inputs to outputs that survive.

        .. math:: P = \sum_{u_0, \dots, u_D} \prod_{l=1}^D W^l(u_l, u_{l-1}) \prod_{l=0}^D p^l_{u_l}.

        Where every neuron is a block of its own, this is the mask's surviving input-output paths
        over all :math:`\prod_l n_l`. In general it is the mean of that fraction when, in every
        block of every hidden layer, the neurons' outgoing connections are dealt out anew at random:
        blocks know how many of each there are, not which go with which. With one hidden layer the
        difference is the mass-weighted covariance, within blocks, of the in-degrees and the
        out-degrees over their numbers of nodes.
        """
        surviving = self._layers[0].row_degrees
        for layer in self._layers[1:]:
            surviving = layer.values @ (layer.col_mass * surviving)
        return float(min(self._layers[-1].row_mass @ surviving, 1.0))

    def sample_masks(
        self, widths: Sequence[int], rng: np.random.Generator, *, exact: bool = False
    ) -> list[NDArray[np.bool_]]:
        r"""Draw the masks, shapes :math:`(n_l, n_{l-1})`, of a finite network of any width.

        Of `widths` :math:`(n_0, n_1, \dots, n_D)`, each at least 1, the first must be the number of
        input columns, unless that is 1. Neuron i of a layer of n sits at :math:`(2i + 1) / (2n)` in
        the mask before it and in the mask after it, so every block has its share of neurons.

        Entries are drawn independently; or, if `exact`, with the numbers of kept weights that are
        expected, up or down to a whole number: of every layer, to the nearest; of every block of
        rows, shared out evenly over its rows; and of every column. Every row and every hidden
        neuron that the graphons connect on a side then is, or it is a ``ValueError``.
        """
        shapes = self._shapes(widths, rng)
        if not check_flag("exact", exact):
            return [draw_mask(*of, rng) for of in zip(self._layers, shapes, strict=True)]
        return draw_exact_masks(self._layers, shapes, rng)

    def _shapes(self, widths: Sequence[int], rng: np.random.Generator) -> list[tuple[int, int]]:
        """Return the masks' shapes in a network of these widths."""
        check_rng("rng", rng)
        widths = check_sequence("widths", widths, "layer widths, inputs first")
        if len(widths) != self.depth + 1:
            raise ValueError(
                f"widths must hold {self.depth + 1} layer widths, inputs first; got {widths!r}"
            )
        columns = self._layers[0].shape[1]
        if columns not in (1, widths[0]):
            raise ValueError(f"widths[0] must be the {columns} input columns, got {widths[0]!r}")
        widths = [check_integer(f"widths[{i}]", width, 1) for i, width in enumerate(widths)]
        return list(zip(widths[1:], widths[:-1], strict=True))

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


def path_density(masks: Sequence[ArrayLike]) -> float:
    r"""Return the fraction, in [0, 1], of all input-output paths that masks leave.

    A path takes one neuron of every layer, and survives if all the weights it uses are kept:

    .. math:: P = \frac{\mathbf 1^\top M^D \cdots M^1 \mathbf 1}{n_D \cdots n_0},

    one matrix-vector product a layer. `GraphonNetwork.path_density` is the same of step graphons.
    """
    checked = check_masks(masks)
    share = np.ones(checked[0].shape[1])
    for mask in checked:
        share = mask.astype(np.float64) @ share / mask.shape[1]
    return float(share.mean())


def sample_weights(
    network: GraphonNetwork, widths: Sequence[int], rng: np.random.Generator
) -> tuple[list[NDArray[np.float64]], list[NDArray[np.bool_]]]:
    r"""Draw the kept weights and the masks of a finite network of any width.

    Weights are in NTK units, 0 where pruned; masks those that
    :meth:`~graphon_lib.graphons.GraphonNetwork.sample_masks` draws from the same generator. Every
    layer drawn must have enough inputs n for weights of its moments, :math:`D^2 \le n W V`.

    Notes
    -----
    Given the blocks of its two neurons, a kept weight is normal with

    .. math::

        E[w \mid M = 1] = \frac{D}{\sqrt n\, W}, \qquad
        \operatorname{Var}[w \mid M = 1] = \frac{V}{W} - \frac{D^2}{n W^2} ,

    independently of all others, which gives :math:`E[w M] = D / \sqrt n` and :math:`E[w^2 M] = V`
    with n the inputs of the layer drawn.
    """
    check_instance("network", network, GraphonNetwork)
    masks = network.sample_masks(widths, rng)
    weights = []
    seconds = second_moments_of(network)
    for number, (layer, second, mask) in enumerate(
        zip(network.layers, seconds, masks, strict=True)
    ):
        drift = np.zeros(layer.shape) if network.drifts is None else network.drifts[number]
        fan_in = mask.shape[1]
        check_possible_moments(number, layer.values, second, drift, fan_in)
        kept = layer.values + (layer.values == 0)
        with np.errstate(over="ignore", invalid="ignore"):
            mean = drift / (np.sqrt(fan_in) * kept)
            deviation = np.sqrt(np.maximum(second / kept - mean**2, 0.0))
        if not np.isfinite(deviation).all():
            raise ValueError(
                f"second_moments[{number}] over densities must be in the range of double precision, got up to {second.max():.3g} of densities from {kept.min():.3g}"
            )
        rows, cols = (
            locate(grid_positions(count), mass)
            for mass, count in zip((layer.row_mass, layer.col_mass), mask.shape, strict=True)
        )
        blocks = np.ix_(rows, cols)
        weight = rng.normal(size=mask.shape)
        weight *= deviation[blocks]
        weight += mean[blocks]
        weight *= mask
        weights.append(weight)
    return weights, masks


def second_moments_of(network: GraphonNetwork) -> tuple[NDArray[np.float64], ...]:
    """Return V of every layer, which is W where nothing else is said."""
    given = network.second_moments
    return tuple(layer.values for layer in network.layers) if given is None else given


def _check_layers(layers: Sequence[StepGraphon]) -> tuple[StepGraphon, ...]:
    layers = tuple(check_sequence("layers", layers, "StepGraphon"))
    if not layers or not all(isinstance(layer, StepGraphon) for layer in layers):
        raise ValueError(f"layers must be one StepGraphon or more, got {layers!r}")
    check_equal_masses("layers[0]", layers[0].col_mass)
    for number, (before, after) in enumerate(itertools.pairwise(layers), start=1):
        check_same_masses(f"layers[{number}].col_mass", after.col_mass, before.row_mass)
    return layers


def _check_moments(
    name: str, moments: Sequence[ArrayLike] | None, layers: tuple[StepGraphon, ...], minimum: float
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
