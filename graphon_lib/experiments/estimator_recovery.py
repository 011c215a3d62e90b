"""How well estimators recover a graphon that is known, as the mask grows."""

from __future__ import annotations

from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from graphon_lib.experiments.experiment import Case, Experiment, profiles
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


def estimator_recovery(
    *, seed: int, graphon: str, size: int, trial: int, aspect: float, blocks: int, clusters: int
) -> dict[str, NDArray]:
    r"""Sample a mask with `size` rows from a known graphon and measure the ``error`` (estimator).

    That of the edge probabilities of the actual nodes,

    .. math:: \Bigl(\frac{1}{n m} \sum_{ij} \bigl(\hat W(\hat u_i, \hat v_j) - W(u_i, v_j)\bigr)^2
              \Bigr)^{1/2},

    with :math:`u_i, v_j` the positions that the mask was drawn from and :math:`\hat u_i, \hat v_j`
    those that the estimator gives the nodes: by rank of degree, or the cluster. No relabelling is
    needed, and a node put in the wrong place counts.
    """
    rng = np.random.default_rng((seed, list(GRAPHONS).index(graphon), size, trial))
    u, v = rng.random(size), rng.random(round(aspect * size))
    truth = GRAPHONS[graphon](u[:, None], v[None, :])
    mask = rng.random(truth.shape) < truth
    estimates = _estimates(mask, blocks, clusters, rng)
    return {"error": np.array([np.sqrt(np.mean((found - truth) ** 2)) for found in estimates])}


def _estimates(
    mask: NDArray[np.bool_], blocks: int, clusters: int, rng: np.random.Generator
) -> list[NDArray[np.float64]]:
    """Return each estimator's edge probabilities, one value an entry of the mask."""
    ranks = np.ix_(*(_degree_ranks(mask.sum(axis=axis)) for axis in (1, 0)))
    by_position = [sas(mask, blocks)(*ranks), sas(mask, blocks, cross_fit=True, rng=rng)(*ranks)]
    labels = cocluster_blocks(mask, clusters, rng)
    return [*by_position, block_means(mask, *labels).values[np.ix_(*labels)]]


def _degree_ranks(degrees: NDArray[np.intp]) -> NDArray[np.float64]:
    """Return positions in (0, 1): the middle of each node's interval in order of falling degree."""
    return (rank_blocks(degrees, len(degrees)) + 0.5) / len(degrees)


ESTIMATOR_RECOVERY = Experiment(
    name="estimator-recovery",
    cell=estimator_recovery,
    variables={"error": ("graphon", "estimator", "size", "trial")},
    coords={"estimator": ("SAS", "cross-fitted SAS", "co-clustering")},
    **profiles(
        grid=(
            {"graphon": list(GRAPHONS), "size": [100, 200, 400, 1000, 2000, 4000], "trial": 10},
            {"graphon": list(GRAPHONS), "size": [60, 90], "trial": 2},
        ),
        aspect=1.5,
        blocks=(64, 8),
        clusters=(16, 4),
    ),
    case=Case(
        {"grid": {"graphon": list(GRAPHONS), "size": [100, 200], "trial": 1}}, ["error"], ["error"]
    ),
)
