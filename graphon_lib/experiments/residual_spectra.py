"""What an estimated graphon leaves over: singular values and cut norms of mask minus estimate."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import numpy as np
from numpy.typing import NDArray

from graphon_lib.experiments.digits import Data
from graphon_lib.experiments.experiment import Case, Experiment, profiles
from graphon_lib.experiments.grid import trials_of
from graphon_lib.experiments.pruned import start_network
from graphon_lib.graphons.blocks import block_means, degree_blocks
from graphon_lib.graphons.coclustering import cocluster_blocks
from graphon_lib.graphons.cut_norm import cut_norm
from graphon_lib.graphons.singular import residual_singular_values
from graphon_lib.pruning.methods import METHODS

__all__ = ["RESIDUAL_SPECTRA", "RESIDUAL_SPECTRA_TORCH", "residual_spectra"]

ESTIMATORS = ("degree", "clusters", "clusters by degree")
"""Blocks by rank of degree; co-clustered blocks; fewer clusters, each cut into parts by degree."""

DEGREE_PARTS = 8

SOURCES = ("mask", "sampled")


def residual_spectra(
    *,
    seed: int,
    width: int,
    trial: int,
    density: float,
    hidden_layers: int,
    blocks: int,
    split_blocks: int,
    singular_values: int,
    cut_norm_widths: Sequence[int],
    data: Data,
) -> dict[str, NDArray]:
    """Subtract from second masks, hidden to hidden, what three estimators say, and measure what is left.

    Returns ``singular_value`` (pruning, estimator, source, rank), so many of them, divided by the
    width; ``cut_norm`` (pruning, estimator, source, bound), of the first trial of `cut_norm_widths`
    alone. The estimators have so many `blocks` by degree, as many clusters, or `split_blocks`. The
    source ``"sampled"`` is a mask with independent entries of the estimated probabilities,
    estimated anew, which shows what chance alone leaves over.
    """
    identity = (seed, width, trial)
    started = start_network(identity, width=width, hidden_layers=hidden_layers, data=data)
    rng = np.random.default_rng(identity)
    estimators = (
        partial(degree_blocks, blocks=blocks),
        partial(cocluster_blocks, blocks=blocks, rng=rng),
        partial(cocluster_blocks, blocks=split_blocks, rng=rng, degree_parts=DEGREE_PARTS),
    )
    shape = (len(METHODS), len(ESTIMATORS), len(SOURCES))
    values, cuts = np.empty((*shape, singular_values)), np.empty((*shape, 2))
    bounded = trial == 0 and width in cut_norm_widths
    for m, method in enumerate(METHODS):
        ((_, masks),) = started.masks(method, [density])
        mask = masks[1].numpy()
        for e, find_blocks in enumerate(estimators):
            probabilities = _expand(mask, *find_blocks(mask))
            sampled = rng.random(mask.shape) < probabilities
            for s, source in enumerate((mask, sampled)):
                labels = find_blocks(source)
                values[m, e, s] = residual_singular_values(source, *labels, singular_values)
                if bounded:
                    interval = cut_norm(source - _expand(source, *labels))
                    cuts[m, e, s] = interval.lower, interval.upper
    return {"singular_value": values, **({"cut_norm": cuts} if bounded else {})}


def _expand(
    mask: NDArray[np.bool_], row_labels: NDArray[np.intp], col_labels: NDArray[np.intp]
) -> NDArray[np.float32]:
    """Return the block means of a mask, one value an entry of the mask."""
    means = block_means(mask, row_labels, col_labels).values.astype(np.float32)
    return means[np.ix_(row_labels, col_labels)]


LEAD = ("pruning", "estimator", "source", "width")

RESIDUAL_SPECTRA = Experiment(
    name="residual-spectra",
    cell=residual_spectra,
    variables={"singular_value": (*LEAD, "trial", "rank"), "cut_norm": (*LEAD, "bound")},
    coords={
        "pruning": METHODS,
        "estimator": ESTIMATORS,
        "source": SOURCES,
        "rank": lambda singular_values, **_: range(1, singular_values + 1),
        "bound": ("lower", "upper"),
    },
    **profiles(
        grid=(trials_of({512: 5, 1024: 5, 2048: 3, 4096: 1}), trials_of({64: 2, 96: 1})),
        cut_norm_widths=([512, 1024, 2048], [64]),
        hidden_layers=(4, 3),
        density=0.2,
        blocks=(64, 8),
        split_blocks=(128, 16),
        singular_values=(16, 6),
        full=(True, False),
    ),
    case=Case(
        {"grid": {"width": [512], "trial": 1}, "cut_norm_widths": []},
        ["singular_value"],
        ["singular_value"],
    ),
)

RESIDUAL_SPECTRA_TORCH = RESIDUAL_SPECTRA.under("torch")
