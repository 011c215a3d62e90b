"""Cut norms between the histograms of independent networks, against those of sampled masks."""

from __future__ import annotations

import numpy as np
import xarray as xr
from tqdm import tqdm

from graphon_lib.experiments.convergence_summary import samples
from graphon_lib.graphons.cut_norm import cut_norm
from graphon_lib.graphons.sampling import sample_mask
from graphon_lib.graphons.sas import sas
from graphon_lib.graphons.step_graphon import StepGraphon

__all__ = ["COMPARISONS", "cut_norm_summary"]

COMPARISONS = ("same width", "reference width", "sampled")

# Indices of the estimators that are compared.
PLAIN, CROSS_FITTED = 0, 1


def cut_norm_summary(dataset: xr.Dataset, *, reference: int, pairs: int, seed: int) -> xr.Dataset:
    """Bound the cut norms of differences of plain histograms, at one density of the convergence sweep.

    Returns ``cut_norm`` (hidden_layers, mask, pruning, width, comparison, pair, bound), of so many
    `pairs`: trial 2i with trial 2i + 1. Comparisons: ``"same width"``, two networks of the width;
    ``"reference width"``, one of the width and one of the `reference`; ``"sampled"``, two masks of
    the width whose entries are independent with the probabilities of the mean cross-fitted
    histogram, which is what chance and sorting alone leave between two networks. Both histograms
    are in order of falling degree: up to the error of the blocks these are upper bounds on the cut
    distance of the masks.
    """
    dims = ("hidden_layers", "mask", "pruning", "width")
    shape = tuple(dataset.sizes[dim] for dim in dims)
    bounds = np.full((*shape, len(COMPARISONS), pairs, 2), np.nan, dtype=np.float32)
    histograms = dataset.histogram
    widths = dataset.width.values.tolist()
    for place in tqdm(list(np.ndindex(shape)), desc="Cut norms", unit="mask"):
        d, h, _, w = place
        if h >= dataset.hidden_layers[d] - 1:
            continue
        at = dict(zip(dims, place, strict=True))
        trials = samples(histograms, estimator=PLAIN, **at)
        others = samples(histograms, estimator=PLAIN, **{**at, "width": widths.index(reference)})
        graphon = StepGraphon(samples(histograms, estimator=CROSS_FITTED, **at).mean(axis=0))
        rng = np.random.default_rng((seed, *place))
        for pair in range(min(pairs, len(trials) // 2)):
            sampled = [
                sas(sample_mask(graphon, (widths[w], widths[w]), rng), len(graphon.values)).values
                for _ in range(2)
            ]
            differences = (
                trials[2 * pair] - trials[2 * pair + 1],
                trials[2 * pair] - others[2 * pair + 1],
                sampled[0] - sampled[1],
            )
            for c, difference in enumerate(differences):
                interval = cut_norm(difference)
                bounds[*place, c, pair] = interval.lower, interval.upper
    return xr.Dataset(
        {"cut_norm": ((*dims, "comparison", "pair", "bound"), bounds)},
        coords={"comparison": list(COMPARISONS), "bound": ["lower", "upper"]},
    )
