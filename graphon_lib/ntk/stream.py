r"""What the kernels of networks with skips share.

Their blocks add branches to one stream of channels, :math:`z \mapsto z + \alpha B(z)`. A skip joins
a channel with itself, so that a channel has one position from the entry to the read-out.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import ArrayLike, NDArray

from graphon_lib._checks import check_array, check_instance
from graphon_lib.graphons.partition import check_equal_masses, check_same_masses
from graphon_lib.graphons.step_graphon import StepGraphon
from graphon_lib.ntk.activations import Activation

__all__ = [
    "MUST_GIVE",
    "check_branch",
    "check_ends",
    "check_inputs",
    "entry_matrix",
    "layer_matrix",
    "through_activation",
    "through_weights",
]

Array = NDArray[np.float64]

MUST_GIVE = "inputs, weight_variance and branch_scale must give every layer"
"""Begins the message where they do not give variances that kernels allow."""


def check_ends(entry: StepGraphon, read_out: StepGraphon) -> None:
    """Check that columns of the entry are alike, and those of the read-out the stream's blocks."""
    check_equal_masses("entry", check_instance("entry", entry, StepGraphon).col_mass)
    check_instance("read_out", read_out, StepGraphon)
    check_same_masses("read_out.col_mass", read_out.col_mass, entry.row_mass)


def check_branch(layers: Mapping[str, StepGraphon], stream: Array) -> None:
    """Check the layers, by name, of a branch that begins and ends at blocks of masses `stream`."""
    before = stream
    for name, layer in layers.items():
        check_instance(name, layer, StepGraphon)
        check_same_masses(f"{name}.col_mass", layer.col_mass, before)
        before = layer.row_mass
    check_same_masses(f"{name}.row_mass", before, stream)


def check_inputs(
    x1: ArrayLike, x2: ArrayLike | None, ndim: int, entry: StepGraphon
) -> tuple[Array, Array]:
    """Return the inputs of both sides, with as many features, the last axis, as the entry takes."""
    rows = check_array("x1", x1, ndim)
    columns = rows if x2 is None else check_array("x2", x2, ndim)
    taken = entry.shape[1] if entry.shape[1] > 1 else rows.shape[-1]
    for name, inputs in (("x1", rows), ("x2", columns)):
        if inputs.shape[-1] != taken:
            raise ValueError(f"{name} must have {taken} features, got shape {inputs.shape}")
    return rows, columns


def entry_matrix(entry: StepGraphon, weight_variance: float, features: int) -> Array:
    r"""Return :math:`s_w W(u, j) / d`, shape (K, d), from products of inputs to covariances."""
    repeats = features // entry.shape[1]
    return np.repeat(weight_variance / features * entry.values, repeats, axis=1)


def layer_matrix(graphon: StepGraphon, weight_variance: float) -> Array:
    r"""Return :math:`s_w W(u, v) p_v`, shape (K_out, K_in), from second moments to covariances."""
    return weight_variance * graphon.values * graphon.col_mass


def through_weights(matrix: Array, second: Array, tangent: Array) -> tuple[Array, Array]:
    r"""Return the covariance and the tangent kernel of a layer's sums, shapes (K_out, ...).

    .. math::

        C(u) = s_w \sum_v p_v W(u, v)\, S(v), \qquad
        \Theta(u) = s_w \sum_v p_v W(u, v)\, \bigl( S(v) + R(v) \bigr)

    for incoming signals of second moments S and tangent kernel R, shapes (K_in, ...): the layer's
    own kept weights have S, all before it R.
    """
    return np.tensordot(matrix, second, 1), np.tensordot(matrix, second + tangent, 1)


def through_activation(
    covariance: Array, tangent: Array, variances: tuple[Array, Array], activation: Activation
) -> tuple[Array, Array]:
    r"""Return :math:`E \sigma \sigma` and :math:`\Theta\, E \dot\sigma \dot\sigma` by block."""
    second, passed = activation.moments(covariance, *variances)
    passed *= tangent
    return second, passed
