r"""Co-clustering: blocks of nodes with alike neighbours, whatever their degrees."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from graphon_lib._checks import check_integer, check_mask, check_rng, needs_extra
from graphon_lib.graphons.blocks import split_blocks
from graphon_lib.graphons.singular import leading_singular_vectors, noise_floor
from graphon_lib.graphons.step_graphon import StepGraphon

__all__ = ["cluster_nodes", "cocluster_blocks"]

# A mask pruned by class keeps about as many singular values as there are classes; of those of noise
# this many can do no harm.
MAX_RANK = 16


def cocluster_blocks(
    mask: ArrayLike, blocks: int, rng: np.random.Generator, *, degree_parts: int = 1
) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    r"""Return blocks of rows and of columns found from the mask's leading singular vectors.

    At most `blocks` on either side, fewer when fewer nodes differ; block 0 has the largest mean
    degree. Each cluster is cut by degree into `degree_parts` of about equal size, which follow one
    another; there are then at most ``blocks // degree_parts`` clusters.

    Notes
    -----
    With the singular value decomposition :math:`M = \sum_k s_k a_k b_k^\top`, row i is represented
    by :math:`(s_k a_{ki})_{k \le r}`, column j by :math:`(s_k b_{kj})_{k \le r}`, and k-means
    groups them: the distance of two rows is then that of their rows in the best rank-r
    approximation of the mask. Where a side has at most as many kinds of nodes as blocks, each kind
    is a block. The rank r is the number of singular values above `noise_floor` for the mask's
    density, at least 1 and at most 16. Masks are neither normalised nor centred, so that empty rows
    and columns are nodes like others, and degrees count as a part of likeness. Compare Dhillon,
    *Co-clustering documents and words using bipartite spectral graph partitioning*, KDD 2001, which
    divides by degrees first and has one number of clusters for both sides.
    """
    mask = check_mask("mask", mask)
    degree_parts = check_integer("degree_parts", degree_parts, 1)
    clusters = check_integer("blocks", blocks, 1) // degree_parts
    if clusters == 0:
        raise ValueError(f"degree_parts must be at most blocks, {blocks}, got {degree_parts}")
    check_rng("rng", rng)
    left, values, right = _signal(mask)
    labels = [
        _group(mask, left * values, clusters, rng),
        _group(mask.T, right * values, clusters, rng),
    ]
    for side, axis in enumerate((1, 0)):
        parts = np.full(labels[side].max() + 1, degree_parts)
        labels[side] = split_blocks(labels[side], np.count_nonzero(mask, axis=axis), parts)
    return labels[0], labels[1]


def cluster_nodes(
    mask: NDArray[np.bool_], blocks: int, rng: np.random.Generator
) -> NDArray[np.intp]:
    """Return the blocks of the rows of a mask, as `cocluster_blocks` does, of checked arguments."""
    left, values, _ = _signal(mask)
    return _group(mask, left * values, blocks, rng)


def _signal(
    mask: NDArray[np.bool_],
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Return the singular triplets of a mask that stand out of the noise, one at the least."""
    count = min(MAX_RANK, *mask.shape)
    left, values, right = leading_singular_vectors(mask.astype(np.float32), count)
    floor = noise_floor(StepGraphon([[mask.mean()]]), mask.shape) * np.sqrt(mask.size)
    rank = max(1, np.count_nonzero(values > floor))
    return left[:, :rank], values[:rank], right[:, :rank]


def _group(
    mask: NDArray[np.bool_], points: NDArray[np.float64], blocks: int, rng: np.random.Generator
) -> NDArray[np.intp]:
    """Group the rows of a mask by their points, shape (n, r), and number groups by mean degree."""
    kinds, labels = np.unique(np.packbits(mask, axis=1), axis=0, return_inverse=True)
    if len(kinds) > blocks:
        labels = _k_means(points, blocks, rng)
    labels = labels.ravel()  # NumPy 2.0 returns a column
    mean_degrees = np.bincount(labels, weights=np.count_nonzero(mask, axis=1)) / np.bincount(labels)
    rank = np.empty(mean_degrees.size, dtype=np.intp)
    rank[np.argsort(-mean_degrees, kind="stable")] = np.arange(mean_degrees.size)
    return rank[labels]


def _k_means(
    points: NDArray[np.float64], blocks: int, rng: np.random.Generator
) -> NDArray[np.intp]:
    with needs_extra("graphons"):
        from sklearn.cluster import KMeans

    # Nodes with equal points differ by rounding, which k-means would take for structure.
    resolution = 1e-4 * max(np.abs(points).max(), 1.0)
    points = np.round(points / resolution) * resolution
    distinct = len(np.unique(points, axis=0))
    seed = int(rng.integers(2**31))
    model = KMeans(min(blocks, distinct), n_init=2, random_state=seed)
    return np.unique(model.fit_predict(points), return_inverse=True)[1]
