r"""What a target asks of a finite network: the probability of every weight to be kept."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from graphon_lib._checks import check_instance, check_widths
from graphon_lib.graphons.exact_sampling import column_probabilities
from graphon_lib.graphons.network import GraphonNetwork

__all__ = ["expected_masks"]


def expected_masks(network: GraphonNetwork, widths: Sequence[int]) -> list[NDArray[np.float64]]:
    r"""Return the graphons at the neurons' positions, one matrix :math:`(n_l, n_{l-1})` a layer.

    The mean of the masks that
    :meth:`~graphon_lib.graphons.GraphonNetwork.sample_masks` draws, in [0, 1]. Widths that do not
    fit the network are a ``ValueError``.

    Examples
    --------
    >>> from graphon_lib.graphons import narrowed_network
    >>> expected_masks(narrowed_network([0.5], [0.2, 1.0]), (3, 2, 1))[0]
    array([[0.2, 0.2, 0.2],
           [0. , 0. , 0. ]])
    """
    layers = check_instance("network", network, GraphonNetwork).layers
    widths, columns = check_widths(widths), layers[0].shape[1]
    if len(widths) != len(layers) + 1 or columns not in (1, widths[0]):
        raise ValueError(
            f"widths must hold {len(layers) + 1} layer widths, inputs first"
            f"{f', of which there are {columns}' if columns > 1 else ''}; got {widths}"
        )
    found = []
    for layer, (n_in, n_out) in zip(layers, itertools.pairwise(widths), strict=True):
        rows, probabilities = column_probabilities(layer, (n_out, n_in))
        found.append(probabilities[rows])
    return found
