"""Cut norms between the histograms of independent networks, against those of sampled masks."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from graphon_lib.experiments.convergence_table import CellTable
from graphon_lib.graphons.cut_norm import cut_norm
from graphon_lib.graphons.sampling import sample_mask
from graphon_lib.graphons.sas import sas
from graphon_lib.graphons.step_graphon import StepGraphon

__all__ = ["COMPARISONS", "cut_norm_summary"]

COMPARISONS = ("same width", "reference width", "sampled")

# Indices of the scope and the estimators that are compared.
GLOBAL, PLAIN, CROSS_FITTED = 0, 0, 1


def cut_norm_summary(
    table: CellTable, lead: Sequence[int], *, density: int, reference: int, pairs: int, seed: int
) -> dict[str, tuple[tuple[str, ...], NDArray[np.float32]]]:
    r"""Bound the cut norms of differences of plain histograms, under the scope ``"global"``.

    Parameters
    ----------
    table
        The cells.
    lead
        Numbers of masks and methods.
    density
        Index of the density.
    reference
        The width to compare with.
    pairs
        Pairs of networks for every comparison; trial 2i is compared with trial 2i + 1.
    seed
        Of the sampled masks.

    Returns
    -------
    dict
        The variable ``cut_norm`` (neuron_layers, mask, pruning, width, comparison, pair, bound) with
        its dimensions. Comparisons: ``"same width"``, two networks of the width;
        ``"reference width"``, one of the width and one of the reference width; ``"sampled"``, two
        masks of the width whose entries are independent with the probabilities of the mean
        cross-fitted histogram, which is what chance and sorting alone leave between two networks.

    Notes
    -----
    Both histograms are in order of falling degree. Cut norms of their differences are upper bounds,
    up to the error of the blocks, on the cut distance of the masks, for which rows and columns may
    be relabelled at will.
    """
    widths = table.widths
    shape = (len(table.depths), *lead, len(widths), len(COMPARISONS), pairs, 2)
    bounds = np.full(shape, np.nan, dtype=np.float32)
    with tqdm(total=int(np.prod(shape[:4])), desc="Cut norms", unit="mask") as progress:
        for d, h, m in np.ndindex(shape[:3]):
            place = (m, GLOBAL, density, h, PLAIN)
            if h >= table.depths[d] - 3:
                progress.update(len(widths))
                continue
            trials = [table.samples("histogram", table.depths[d], n, place) for n in widths]
            others = trials[widths.index(reference)]
            for w, width in enumerate(widths):
                rng = np.random.default_rng((seed, d, h, m, w))
                unbiased = table.samples(
                    "histogram", table.depths[d], width, (*place[:-1], CROSS_FITTED)
                )
                graphon = StepGraphon(unbiased.mean(axis=0))
                blocks = len(graphon.values)
                for pair in range(min(pairs, len(trials[w]) // 2)):
                    sampled = [
                        sas(sample_mask(graphon, (width, width), rng), blocks).values
                        for _ in range(2)
                    ]
                    differences = (
                        trials[w][2 * pair] - trials[w][2 * pair + 1],
                        trials[w][2 * pair] - others[2 * pair + 1],
                        sampled[0] - sampled[1],
                    )
                    for c, difference in enumerate(differences):
                        interval = cut_norm(difference)
                        bounds[d, h, m, w, c, pair] = interval.lower, interval.upper
                progress.update()
    dims = ("neuron_layers", "mask", "pruning", "width", "comparison", "pair", "bound")
    return {"cut_norm": (dims, bounds)}
