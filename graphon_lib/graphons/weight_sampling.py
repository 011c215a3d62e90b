r"""Finite networks drawn from graphons: masks, and weights with given second moments and drifts."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from graphon_lib._checks import check_instance
from graphon_lib.graphons.network import GraphonNetwork
from graphon_lib.graphons.partition import grid_positions, locate
from graphon_lib.graphons.possible_moments import check_possible_moments

__all__ = ["sample_weights"]


def sample_weights(
    network: GraphonNetwork, widths: Sequence[int], rng: np.random.Generator
) -> tuple[list[NDArray[np.float64]], list[NDArray[np.bool_]]]:
    r"""Draw the kept weights and the masks of a finite network of any width.

    Parameters
    ----------
    network : GraphonNetwork
        The graphons, with second moments and drifts or without.
    widths : sequence of int
        :math:`(n_0, n_1, \dots, n_D)` as for
        :meth:`~graphon_lib.graphons.GraphonNetwork.sample_masks`.
    rng : numpy.random.Generator
        The source of randomness.

    Returns
    -------
    weights : list of ndarray, shapes :math:`(n_l, n_{l-1})`
        In NTK units; 0 where pruned.
    masks : list of ndarray of bool, of the same shapes
        Those that `sample_masks` draws from the same generator.

    Raises
    ------
    ValueError
        If `network` is no graphon network, the widths or `rng` do not suit, or a layer of so few inputs has no weights of its moments,
        :math:`D^2 > n W V`.

    Notes
    -----
    Given the blocks of its two neurons, a kept weight is normal with

    .. math::

        E[w \mid M = 1] = \frac{D}{\sqrt n\, W}, \qquad
        \operatorname{Var}[w \mid M = 1] = \frac{V}{W} - \frac{D^2}{n W^2} ,

    independently of all others, which gives :math:`E[w M] = D / \sqrt n` and :math:`E[w^2 M] = V` with
    n the inputs of the layer drawn.
    """
    check_instance("network", network, GraphonNetwork)
    masks = network.sample_masks(widths, rng)
    weights = []
    for number, (layer, mask) in enumerate(zip(network.layers, masks, strict=True)):
        second = layer.values
        if network.second_moments is not None:
            second = network.second_moments[number]
        drift = np.zeros(layer.shape) if network.drifts is None else network.drifts[number]
        fan_in = mask.shape[1]
        check_possible_moments(number, layer.values, second, drift, fan_in)
        kept = layer.values + (layer.values == 0)
        mean = drift / (np.sqrt(fan_in) * kept)
        deviation = np.sqrt(np.maximum(second / kept - mean**2, 0.0))
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
