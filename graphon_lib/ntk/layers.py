r"""The matrices of the kernel recursion, one pair a layer, and the first layer's sums over inputs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from graphon_lib._checks import check_choice
from graphon_lib.graphons import GraphonNetwork
from graphon_lib.graphons.possible_moments import check_possible_moments
from graphon_lib.ntk.activations import Activation
from graphon_lib.ntk.arrays import Array, as_like

__all__ = [
    "OWN_LAYERS",
    "LayerMatrices",
    "check_drifts",
    "input_sums",
    "layer_matrices",
    "scale_inputs",
]

OWN_LAYERS = ("dense", "mask")


@dataclass(frozen=True)
class LayerMatrices:
    r"""What a layer does to the moments of the blocks before it.

    Attributes
    ----------
    forward : array, shape (K_out, K_in)
        :math:`s_w V_{uv} p_v`: from second moments of activations to covariances.
    own : array, shape (K_out, K_in) or (1, K_in), or None
        The same for the layer's own tangent term: :math:`s_w W_{uv} p_v`, or :math:`s_w p_v` where
        all weights are trained. None where it equals `forward`.
    drift : array, shape (K_out, K_in), or None
        :math:`\sqrt{s_w} D_{uv} p_v`: from means of activations to means. None without a drift.

    Notes
    -----
    The covariance that a layer adds is that of weights less their mean, :math:`V - D^2 / n` for n
    inputs. Hidden layers have infinitely many, the first has :math:`n = d`.
    """

    forward: Array
    own: Array | None
    drift: Array | None


def layer_matrices(
    network: GraphonNetwork,
    weight_variance: float,
    own_layer: str,
    per_output: bool,
    like: Array,
) -> list[LayerMatrices]:
    """Return the matrices of all layers.

    Parameters
    ----------
    network
        The graphons, with second moments and drifts or without.
    weight_variance
        The variance :math:`s_w` of the weights in NTK units.
    own_layer
        ``"mask"`` where kept weights are trained, ``"dense"`` where all are.
    per_output
        Whether the read-out's blocks are kept apart. Otherwise its matrices have one row, the mean
        over them by mass: the kernel is linear in them.
    like
        Inputs, shape (N, d), whose kind and device the matrices get.

    Raises
    ------
    ValueError
        If `own_layer` is another word, `per_output` not a bool, or the drift of the first layer is
        larger than weights of its second moment can have from d inputs.
    """
    check_choice("own_layer", own_layer, OWN_LAYERS)
    if not isinstance(per_output, bool | np.bool_):
        raise ValueError(f"per_output must be True or False, got {per_output!r}")
    matrices = []
    for number, graphon in enumerate(network.layers):
        kept = weight_variance * graphon.values * graphon.col_mass
        second = graphon.values
        if network.second_moments is not None:
            second = network.second_moments[number]
        drift = None
        if network.drifts is not None and network.drifts[number].any():
            drift = weight_variance**0.5 * network.drifts[number] * graphon.col_mass
            if number == 0:
                features = like.shape[1]
                check_possible_moments(0, graphon.values, second, network.drifts[0], features)
                second = np.maximum(second - network.drifts[0] ** 2 / features, 0.0)
        forward = weight_variance * second * graphon.col_mass
        own = weight_variance * graphon.col_mass[None] if own_layer == "dense" else kept
        if number == network.depth - 1 and not per_output:
            forward = (graphon.row_mass @ forward)[None]
            own = (graphon.row_mass @ own)[None] if own is kept else own
            drift = None if drift is None else (graphon.row_mass @ drift)[None]
        matrices.append(
            LayerMatrices(
                as_like(forward, like),
                None if np.array_equal(own, forward) else as_like(own, like),
                None if drift is None else as_like(drift, like),
            )
        )
    return matrices


def check_drifts(activation: Activation, matrices: Sequence[LayerMatrices]) -> bool:
    """Return whether a layer has a drift, which the activation must then have moments for.

    Raises
    ------
    ValueError
        If it has none.
    """
    drifting = any(layer.drift is not None for layer in matrices)
    if drifting and not hasattr(activation, "moments_with_mean"):
        raise ValueError(
            f"activation must have methods moments_with_mean and mean for a network with drifts; got {activation!r}"
        )
    return drifting


def scale_inputs(matrix: Array, x: Array) -> Array:
    r"""Return the inputs as the first layer's blocks weigh them, for `input_sums`.

    Parameters
    ----------
    matrix
        A matrix of the first layer, shape (K, d) or (K, 1).
    x
        Inputs, shape (B, d).

    Returns
    -------
    array, shape (K, B, d) or (1, B, d)
        :math:`F_{uj} x_j`; for a matrix of one column the inputs over d, with no block's factor,
        which all coordinates share.
    """
    if matrix.shape[1] == 1:
        return x[None] / x.shape[1]
    return matrix[:, None, :] * x


def input_sums(matrix: Array, scaled: Array, x: Array) -> Array:
    r"""Return :math:`\sum_j F_{uj} x_j x'_j` for every block and pair.

    Parameters
    ----------
    matrix
        A matrix F of the first layer, shape (K, d) or (K, 1).
    scaled
        `scale_inputs` of it and B inputs.
    x
        The inputs to pair them with, shape (B', d).

    Returns
    -------
    array, shape (K, B, B')
    """
    blocks, rows, features = scaled.shape
    # One product of tall matrices is several times faster than one product a block.
    sums = (scaled.reshape(blocks * rows, features) @ x.T).reshape(blocks, rows, x.shape[0])
    return matrix[:, :, None] * sums if matrix.shape[1] == 1 else sums
