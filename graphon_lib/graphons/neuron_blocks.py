r"""Blocks for the neurons of a network's hidden layers, from the masks on either side of them."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from graphon_lib._checks import check_choice, check_rng
from graphon_lib.graphons.blocks import rank_blocks, split_blocks
from graphon_lib.graphons.coclustering import cluster_nodes

__all__ = ["ORDERS", "check_order", "hidden_blocks", "joint_blocks"]

ORDERS = ("both", "coclustering", "degree", "joint")
CLUSTERING_ORDERS = ("both", "coclustering")


def check_order(order: str, rng: np.random.Generator | None) -> None:
    """Check that `order` is one of `ORDERS` and that `rng` is given exactly where it is used."""
    check_choice("order", order, ORDERS)
    if order in CLUSTERING_ORDERS:
        if rng is None:
            raise ValueError(f"rng must be a numpy.random.Generator for order {order!r}, got None")
        check_rng("rng", rng)
    elif rng is not None:
        raise ValueError(f"rng must be None for order {order!r}, got {type(rng).__name__}")


def hidden_blocks(
    incoming: NDArray[np.bool_],
    outgoing: NDArray[np.bool_],
    blocks: int,
    order: str,
    rng: np.random.Generator | None,
) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    r"""Return the blocks of n neurons as rows of `incoming` and as columns of `outgoing`.

    At most K = `blocks` of them. The two labels, shape (n,), are equal except for the order
    ``"degree"``, which puts neurons in blocks by in-degree as rows and by out-degree as columns.
    ``"joint"`` has `joint_blocks`, ``"coclustering"`` neurons with alike inputs and outputs, and
    ``"both"`` about :math:`\sqrt K` such clusters, each cut in about as many joint blocks.
    """
    if order == "coclustering":
        labels = cluster_nodes(np.hstack([incoming, outgoing.T]), blocks, rng)
        return labels, labels
    in_degrees = np.count_nonzero(incoming, axis=1)
    out_degrees = np.count_nonzero(outgoing, axis=0)
    if order == "degree":
        return rank_blocks(in_degrees, blocks), rank_blocks(out_degrees, blocks)
    if order == "both":
        clusters = cluster_nodes(np.hstack([incoming, outgoing.T]), round(np.sqrt(blocks)), rng)
        parts = max(1, blocks // (clusters.max() + 1))
        labels = np.empty(clusters.size, dtype=np.intp)
        first = 0
        for cluster in range(clusters.max() + 1):
            members = np.flatnonzero(clusters == cluster)
            labels[members] = first + joint_blocks(in_degrees[members], out_degrees[members], parts)
            first = labels[members].max() + 1
        return labels, labels
    labels = joint_blocks(in_degrees, out_degrees, blocks)
    return labels, labels


def joint_blocks(
    in_degrees: NDArray[np.intp], out_degrees: NDArray[np.intp], blocks: int
) -> NDArray[np.intp]:
    r"""Return blocks of n neurons alike in in-degree and in out-degree; K >= n is one for each.

    Neurons are ranked by in-degree and cut in about :math:`\sqrt K` bins; each bin is ranked by
    out-degree and cut in about :math:`\sqrt K` blocks. Cutting within bins, rather than where the
    quantiles of the whole layer lie, leaves no block empty and adapts to dependence: where the two
    degrees go together, as SynFlow's do, the second cut sharpens the first.
    """
    blocks = min(blocks, in_degrees.size)
    bins = rank_blocks(in_degrees, round(np.sqrt(blocks)))
    # The blocks are shared out among the bins as the neurons were, by rank.
    blocks_in_bin = np.bincount(np.arange(blocks) * (bins.max() + 1) // blocks)
    return split_blocks(bins, out_degrees, blocks_in_bin)
