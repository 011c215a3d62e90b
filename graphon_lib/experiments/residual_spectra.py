"""What an estimated graphon leaves over: singular values and cut norms of mask minus estimate."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import numpy as np
import xarray as xr
from numpy.typing import NDArray
from tqdm import tqdm

from graphon_lib.experiments.data import load_mnist
from graphon_lib.experiments.results import Experiment
from graphon_lib.experiments.trials import start_trial
from graphon_lib.graphons.blocks import block_means, degree_blocks
from graphon_lib.graphons.coclustering import cocluster_blocks
from graphon_lib.graphons.cut_norm import cut_norm
from graphon_lib.graphons.singular import residual_singular_values
from graphon_lib.pruning.methods import METHODS

__all__ = ["RESIDUAL_SPECTRA", "residual_spectra"]

ESTIMATORS = ("degree", "clusters", "clusters by degree")
"""Blocks by rank of degree; co-clustered blocks; fewer clusters, each cut into parts by degree."""

DEGREE_PARTS = 8


def residual_spectra(
    *,
    seed: int,
    trials_of_width: Sequence[tuple[int, int]],
    cut_norm_widths: Sequence[int],
    hidden_layers: int,
    density: float,
    blocks: int,
    split_blocks: int,
    singular_values: int,
    full: bool,
) -> xr.Dataset:
    """Subtract from hidden masks what three estimators say of them, and measure what is left.

    Parameters
    ----------
    seed
        Seed of everything random.
    trials_of_width
        Pairs of a hidden width and a number of networks of that width.
    cut_norm_widths
        Widths at which the cut norm of the first network's residual is bounded as well.
    hidden_layers
        Number of hidden layers, at least 2; the second mask is examined.
    density
        Target density of the whole network.
    blocks
        Blocks a side by degree, and clusters.
    split_blocks
        Blocks a side for clusters that are cut into 8 parts by degree.
    singular_values
        How many to keep.
    full
        Whether the batches come from the complete training set rather than the bundled subset.

    Returns
    -------
    xarray.Dataset
        ``singular_value`` (pruning, estimator, width, trial, rank), divided by the width;
        ``cut_norm`` (pruning, estimator, width, bound). Both come for two ``source`` s: ``"mask"``,
        the pruned mask, and ``"sampled"``, a mask with independent entries of the estimated
        probabilities, estimated anew, which shows what chance alone leaves over.
    """
    data = load_mnist(full=full)
    widths = [width for width, _ in trials_of_width]
    dims = (len(METHODS), len(ESTIMATORS), 2, len(widths))
    most = max(trials for _, trials in trials_of_width)
    values = np.full((*dims, most, singular_values), np.nan)
    cuts = np.full((*dims, 2), np.nan)
    total = sum(trials for _, trials in trials_of_width) * len(METHODS)
    with tqdm(total=total, desc="Masks minus estimates", unit="mask") as progress:
        for w, (width, trials) in enumerate(trials_of_width):
            for trial in range(trials):
                started = start_trial(
                    data, (784, *[width] * hidden_layers, 10), (seed, width, trial)
                )
                rng = np.random.default_rng((seed, width, trial))
                estimators = (
                    partial(degree_blocks, blocks=blocks),
                    partial(cocluster_blocks, blocks=blocks, rng=rng),
                    partial(
                        cocluster_blocks, blocks=split_blocks, rng=rng, degree_parts=DEGREE_PARTS
                    ),
                )
                for m, method in enumerate(METHODS):
                    ((_, masks),) = started.masks(method, [density])
                    mask = masks[1].numpy()
                    for e, find_blocks in enumerate(estimators):
                        probabilities = _expand(mask, *find_blocks(mask))
                        sampled = rng.random(mask.shape) < probabilities
                        for s, source in enumerate((mask, sampled)):
                            labels = find_blocks(source)
                            values[m, e, s, w, trial] = residual_singular_values(
                                source, *labels, singular_values
                            )
                            if trial == 0 and width in cut_norm_widths:
                                interval = cut_norm(source - _expand(source, *labels))
                                cuts[m, e, s, w] = interval.lower, interval.upper
                    progress.update()
    leading = ("pruning", "estimator", "source", "width")
    return xr.Dataset(
        {
            "singular_value": ((*leading, "trial", "rank"), values),
            "cut_norm": ((*leading, "bound"), cuts),
        },
        coords={
            "pruning": list(METHODS),
            "estimator": list(ESTIMATORS),
            "source": ["mask", "sampled"],
            "width": widths,
            "rank": np.arange(1, singular_values + 1),
            "bound": ["lower", "upper"],
        },
        attrs={"data": data.name, "data_sha256": data.sha256},
    )


def _expand(
    mask: NDArray[np.bool_], row_labels: NDArray[np.intp], col_labels: NDArray[np.intp]
) -> NDArray[np.float32]:
    """Return the block means of a mask, one value an entry of the mask."""
    means = block_means(mask, row_labels, col_labels).values.astype(np.float32)
    return means[np.ix_(row_labels, col_labels)]


RESIDUAL_SPECTRA = Experiment(
    name="residual-spectra",
    compute=residual_spectra,
    profiles={
        "paper": {
            "trials_of_width": [[512, 5], [1024, 5], [2048, 3], [4096, 1]],
            "cut_norm_widths": [512, 1024, 2048],
            "hidden_layers": 4,
            "density": 0.2,
            "blocks": 64,
            "split_blocks": 128,
            "singular_values": 16,
            "full": True,
        },
        "quick": {
            "trials_of_width": [[64, 2], [96, 1]],
            "cut_norm_widths": [64],
            "hidden_layers": 3,
            "density": 0.2,
            "blocks": 8,
            "split_blocks": 16,
            "singular_values": 6,
            "full": False,
        },
    },
)
