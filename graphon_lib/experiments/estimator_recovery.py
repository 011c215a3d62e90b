"""How well estimators recover a graphon that is known, as the mask grows."""

from __future__ import annotations

from collections.abc import Sequence
from types import MappingProxyType

import numpy as np
import xarray as xr
from numpy.typing import NDArray
from tqdm import tqdm

from graphon_lib.experiments.results import Experiment
from graphon_lib.graphons.blocks import block_means, rank_blocks
from graphon_lib.graphons.coclustering import cocluster_blocks
from graphon_lib.graphons.families import Assortative, Constant, PowerLaw, Ramp
from graphon_lib.graphons.sas import sas

__all__ = ["ESTIMATOR_RECOVERY", "GRAPHONS", "estimator_recovery"]

GRAPHONS = MappingProxyType(
    {
        "constant": Constant(0.2),
        "ramp": Ramp(0.5, -0.35, -0.1),
        "product": PowerLaw(0.9, 1.0, 0.5),
        "blocks": Assortative(0.45, 0.05, 0.3, 0.6),
        "equal degrees": Assortative(0.35, 0.05, 0.5, 0.5),
    }
)
"""The graphons to recover. The last has two groups a side that no degree can tell apart."""

ESTIMATORS = ("SAS", "cross-fitted SAS", "co-clustering")


def estimator_recovery(
    *,
    seed: int,
    sizes: Sequence[int],
    aspect: float,
    blocks: int,
    clusters: int,
    trials: int,
) -> xr.Dataset:
    r"""Sample masks from known graphons and measure the error of each estimator.

    Parameters
    ----------
    seed
        Seed of the masks, the splits and the clustering.
    sizes
        Numbers of rows n.
    aspect
        Columns for each row; masks have ``round(aspect * n)`` columns.
    blocks
        Blocks a side of both sorting estimators.
    clusters
        Blocks a side of co-clustering, at most.
    trials
        Masks for each graphon and size.

    Returns
    -------
    xarray.Dataset
        ``error`` (graphon, estimator, size, trial).

    Notes
    -----
    The error is that of the edge probabilities of the actual nodes,

    .. math:: \Bigl(\frac{1}{n m} \sum_{ij} \bigl(\hat W(\hat u_i, \hat v_j) - W(u_i, v_j)\bigr)^2
              \Bigr)^{1/2},

    with :math:`u_i, v_j` the positions that the mask was drawn from and :math:`\hat u_i, \hat v_j`
    those that the estimator gives the nodes: by rank of degree, or the cluster. No relabelling is
    needed, and a node put in the wrong place counts.
    """
    error = np.empty((len(GRAPHONS), len(ESTIMATORS), len(sizes), trials))
    with tqdm(total=len(GRAPHONS) * len(sizes) * trials, desc="Recovering graphons") as progress:
        for g, graphon in enumerate(GRAPHONS.values()):
            for s, size in enumerate(sizes):
                for trial in range(trials):
                    rng = np.random.default_rng((seed, g, size, trial))
                    u, v = rng.random(size), rng.random(round(aspect * size))
                    truth = graphon(u[:, None], v[None, :])
                    mask = rng.random(truth.shape) < truth
                    for e, estimate in enumerate(_estimates(mask, blocks, clusters, rng)):
                        error[g, e, s, trial] = np.sqrt(np.mean((estimate - truth) ** 2))
                    progress.update()
    return xr.Dataset(
        {"error": (("graphon", "estimator", "size", "trial"), error)},
        coords={"graphon": list(GRAPHONS), "estimator": list(ESTIMATORS), "size": list(sizes)},
    )


def _estimates(
    mask: NDArray[np.bool_], blocks: int, clusters: int, rng: np.random.Generator
) -> list[NDArray[np.float64]]:
    """Return each estimator's edge probabilities, one value an entry of the mask."""
    ranks = np.ix_(*(_degree_ranks(mask.sum(axis=axis)) for axis in (1, 0)))
    by_position = [
        sas(mask, blocks)(*ranks),
        sas(mask, blocks, cross_fit=True, rng=rng)(*ranks),
    ]
    labels = cocluster_blocks(mask, clusters, rng)
    return [*by_position, block_means(mask, *labels).values[np.ix_(*labels)]]


def _degree_ranks(degrees: NDArray[np.intp]) -> NDArray[np.float64]:
    """Return positions in (0, 1): the middle of each node's interval in order of falling degree."""
    return (rank_blocks(degrees, len(degrees)) + 0.5) / len(degrees)


ESTIMATOR_RECOVERY = Experiment(
    name="estimator-recovery",
    compute=estimator_recovery,
    profiles={
        "paper": {
            "sizes": [100, 200, 400, 1000, 2000, 4000],
            "aspect": 1.5,
            "blocks": 64,
            "clusters": 16,
            "trials": 10,
        },
        "quick": {"sizes": [60, 90], "aspect": 1.5, "blocks": 8, "clusters": 4, "trials": 2},
    },
)
