"""Mean histograms of the convergence sweep, and the distances between them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import astuple, fields
from itertools import product

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from graphon_lib.experiments.convergence_cell import ESTIMATORS
from graphon_lib.experiments.convergence_table import CellTable
from graphon_lib.experiments.distance_of_means import DistanceOfMeans, distance_of_means

__all__ = ["GRID", "SCALES", "STATISTICS", "histogram_summary"]

SCALES = ("histogram", "divided by density")
STATISTICS = tuple(field.name for field in fields(DistanceOfMeans))

GRID = 2.0**-11
"""Mean histograms are rounded to multiples of this, well below their errors, to compress."""

# Standard errors keep this many binary digits.
ERROR_DIGITS = 4


def histogram_summary(
    table: CellTable, lead: Sequence[int], blocks: int, seed: int, resamples: int
) -> dict[str, tuple[tuple[str, ...], NDArray[np.float32]]]:
    """Average the histograms over trials and measure how far the means are apart.

    Parameters
    ----------
    table
        The cells.
    lead
        Numbers of masks, methods, scopes and densities.
    blocks
        Blocks a side.
    seed, resamples
        Of the bootstrap.

    Returns
    -------
    dict
        The variables ``histogram``, ``standard_error`` and ``distance``, with their dimensions.

    Notes
    -----
    The scale ``"divided by density"`` divides every trial's histogram by its mean, the density of
    the layer, which drifts with the width under global pruning: what is left is the shape.
    """
    outer = (len(table.depths), *lead, len(ESTIMATORS))
    widths = len(table.widths)
    mean = np.full((*outer, widths, blocks, blocks), np.nan, dtype=np.float32)
    error = np.full_like(mean, np.nan)
    distance = np.full(
        (*outer, len(SCALES), widths, widths, len(STATISTICS)), np.nan, dtype=np.float32
    )
    for place in tqdm(list(np.ndindex(outer)), desc="Averaging histograms", unit="mask"):
        d, h, m, s, c, e = place
        if h >= table.depths[d] - 3:
            continue
        samples = [
            table.samples("histogram", table.depths[d], width, (m, s, c, h, e))
            for width in table.widths
        ]
        for w, sample in enumerate(samples):
            if len(sample) > 0:
                mean[*place, w] = np.round(sample.mean(axis=0) / GRID) * GRID
            if len(sample) > 1:
                error[*place, w] = _round_digits(sample.std(axis=0, ddof=1) / len(sample) ** 0.5)
        flat = [sample.reshape(len(sample), blocks * blocks) for sample in samples]
        relative = [sample / sample.mean(axis=1, keepdims=True) for sample in flat]
        for z, scaled in enumerate((flat, relative)):
            for w, v in product(range(widths), repeat=2):
                first, second = (
                    (scaled[w], scaled[v]) if w != v else (scaled[w][::2], scaled[w][1::2])
                )
                if v <= w and min(len(first), len(second)) > 1:
                    rng = np.random.default_rng((seed, *place, z, w, v))
                    values = astuple(distance_of_means(first, second, rng, resamples))
                    distance[*place, z, w, v] = distance[*place, z, v, w] = values
    dims = ("neuron_layers", "mask", "pruning", "scope", "density", "estimator")
    return {
        "histogram": ((*dims, "width", "row", "column"), mean),
        "standard_error": ((*dims, "width", "row", "column"), error),
        "distance": ((*dims, "scale", "width", "other_width", "statistic"), distance),
    }


def _round_digits(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Round to a few binary digits, relative to each value."""
    mantissa, exponent = np.frexp(values)
    return np.ldexp(np.round(mantissa * 2**ERROR_DIGITS) / 2**ERROR_DIGITS, exponent)
