"""What the cells of the convergence sweep say together: means, distances, cut norms and rates."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import astuple, fields
from itertools import product

import numpy as np
import xarray as xr
from numpy.typing import NDArray
from tqdm import tqdm

from graphon_lib.experiments.distance_of_means import (
    Approach,
    DistanceOfMeans,
    distance_of_means,
    fit_approach,
)
from graphon_lib.experiments.results import on_grid
from graphon_lib.experiments.sorted_histograms import ESTIMATORS
from graphon_lib.graphons.cut_norm import cut_norm
from graphon_lib.graphons.motifs import MOTIFS
from graphon_lib.graphons.sampling import sample_mask
from graphon_lib.graphons.sas import sas
from graphon_lib.graphons.step_graphon import StepGraphon

__all__ = [
    "COMPARISONS",
    "QUANTITIES",
    "RATE_STATISTICS",
    "SCALES",
    "STATISTICS",
    "cut_norm_summary",
    "histogram_summary",
    "rate_summary",
    "samples",
]

SCALES = ("histogram", "divided by density")
STATISTICS = tuple(field.name for field in fields(DistanceOfMeans))

# Standard errors keep this many binary digits.
ERROR_DIGITS = 4

COMPARISONS = ("same width", "reference width", "sampled")

# Indices of the estimators that are compared.
PLAIN, CROSS_FITTED = 0, 1

QUANTITIES = (
    *ESTIMATORS,
    *(f"{estimator}, divided by density" for estimator in ESTIMATORS),
    "layer density",
    "4-cycle ratio",
)
RATE_STATISTICS = (*Approach._fields, "widths")

MINIMUM_TRIALS = 5
"""Widths with fewer trials say too little about their own noise to be fitted."""


def _places(
    dataset: xr.Dataset, dims: Sequence[str], description: str
) -> Iterator[tuple[tuple[int, ...], dict[str, int]]]:
    """Yield where masks are along dimensions, as indices and by name."""
    shape = [dataset.sizes[dim] for dim in dims]
    for place in tqdm(list(np.ndindex(*shape)), desc=description, unit="mask"):
        at = dict(zip(dims, place, strict=True))
        if at["mask"] < dataset.hidden_layers[at["hidden_layers"]] - 1:
            yield place, at


def samples(array: xr.DataArray, **place: int) -> NDArray[np.float64]:
    """Return what is at a place of every trial that has it, shape (trials, ...)."""
    rows = array.isel(place).transpose("trial", ...).values.astype(np.float64)
    return rows[np.isfinite(rows).reshape(len(rows), -1).all(axis=1)]


def histogram_summary(dataset: xr.Dataset, seed: int, resamples: int) -> xr.Dataset:
    """Average the histograms over trials and measure how far the means are apart.

    Returns ``histogram`` and its ``standard_error`` (hidden_layers, mask, pruning, density,
    estimator, width, row, column), the mean on the grid of :func:`~graphon_lib.experiments.results.on_grid`; and ``distance``
    (..., estimator, scale, width, other_width, statistic), see
    :func:`~graphon_lib.experiments.distance_of_means.distance_of_means`, for a width with itself
    between its even and its odd trials. The scale ``"divided by density"`` divides every trial's
    histogram by its mean, which shifts with the width under global pruning: the shape is left.
    """
    dims = ("hidden_layers", "mask", "pruning", "density", "estimator")
    sizes = dataset.sizes
    outer, widths = tuple(sizes[dim] for dim in dims), sizes["width"]
    shape = (*outer, widths, sizes["row"], sizes["column"])
    mean, error = np.full((2, *shape), np.nan, dtype=np.float32)
    distance = np.full(
        (*outer, len(SCALES), widths, widths, len(STATISTICS)), np.nan, dtype=np.float32
    )
    for place, at in _places(dataset, dims, "Averaging histograms"):
        of_widths = [samples(dataset.histogram, width=w, **at) for w in range(widths)]
        for w, sample in enumerate(of_widths):
            if len(sample) > 0:
                mean[*place, w] = on_grid(sample.mean(axis=0))
            if len(sample) > 1:
                error[*place, w] = _round_digits(sample.std(axis=0, ddof=1) / len(sample) ** 0.5)
        flat = [sample.reshape(len(sample), shape[-2] * shape[-1]) for sample in of_widths]
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
    return xr.Dataset(
        {
            "histogram": ((*dims, "width", "row", "column"), mean),
            "standard_error": ((*dims, "width", "row", "column"), error),
            "distance": ((*dims, "scale", "width", "other_width", "statistic"), distance),
        },
        coords={
            "mask": np.arange(1, sizes["mask"] + 1),
            "scale": list(SCALES),
            "other_width": dataset.width.values,
            "statistic": list(STATISTICS),
        },
    )


def _round_digits(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Round to a few binary digits, relative to each value."""
    mantissa, exponent = np.frexp(values)
    return np.ldexp(np.round(mantissa * 2**ERROR_DIGITS) / 2**ERROR_DIGITS, exponent)


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
    for place, at in _places(dataset, dims, "Cut norms"):
        trials = samples(histograms, estimator=PLAIN, **at)
        others = samples(histograms, estimator=PLAIN, **{**at, "width": widths.index(reference)})
        graphon = StepGraphon(samples(histograms, estimator=CROSS_FITTED, **at).mean(axis=0))
        rng, width = np.random.default_rng((seed, *place)), widths[at["width"]]
        for pair in range(min(pairs, len(trials) // 2)):
            masks = [sample_mask(graphon, (width, width), rng) for _ in range(2)]
            sampled = [sas(mask, len(graphon.values)).values for mask in masks]
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


def rate_summary(dataset: xr.Dataset, seed: int, resamples: int) -> xr.Dataset:
    """Fit a power law of the approach to every quantity of the convergence sweep.

    Returns ``approach`` (hidden_layers, mask, pruning, density, quantity, rate_statistic); the
    statistics are those of :class:`~graphon_lib.experiments.distance_of_means.Approach` and the
    number of widths that had enough trials, NaN where fewer than three did. Quantities: histograms
    as they are and divided by their own density; the density of the layer; the density of the
    4-cycle over the fourth power of that of the edge.
    """
    dims = ("hidden_layers", "mask", "pruning", "density")
    shape = tuple(dataset.sizes[dim] for dim in dims)
    fits = np.full((*shape, len(QUANTITIES), len(RATE_STATISTICS)), np.nan, dtype=np.float32)
    widths = dataset.width.values.tolist()
    for place, at in _places(dataset, dims, "Fitting rates"):
        of_widths = [_quantities(dataset, width=w, **at) for w in range(len(widths))]
        for q, quantity in enumerate(QUANTITIES):
            enough = [
                (width, of_width[quantity])
                for width, of_width in zip(widths, of_widths, strict=True)
                if len(of_width[quantity]) >= MINIMUM_TRIALS
            ]
            fits[*place, q, -1] = len(enough)
            if len(enough) >= 3:
                fitted, trials = zip(*enough, strict=True)
                rng = np.random.default_rng((seed, *place, q))
                fits[*place, q, :-1] = fit_approach(trials, fitted, rng, resamples)
    return xr.Dataset(
        {"approach": ((*dims, "quantity", "rate_statistic"), fits)},
        coords={"quantity": list(QUANTITIES), "rate_statistic": list(RATE_STATISTICS)},
    )


def _quantities(dataset: xr.Dataset, *, mask: int, **place: int) -> dict[str, NDArray[np.float64]]:
    """Return the trials of every quantity, one a row; an empty mask has no shape and is left out."""
    trials = {}
    for e, estimator in enumerate(ESTIMATORS):
        rows = _rows(samples(dataset.histogram, mask=mask, estimator=e, **place))
        density = rows.mean(axis=1, keepdims=True)
        kept = density[:, 0] > 0.0
        trials[estimator] = rows
        trials[f"{estimator}, divided by density"] = rows[kept] / density[kept]
    # The first mask between hidden layers is the second layer of weights.
    trials["layer density"] = _rows(samples(dataset.layer_density, weight_layer=mask + 1, **place))
    motifs = _rows(samples(dataset.motif_density, mask=mask, **place))
    edge, cycle = (motifs[:, [list(MOTIFS).index(name)]] for name in ("edge", "cycle_4"))
    kept = edge[:, 0] > 0.0
    trials["4-cycle ratio"] = cycle[kept] / edge[kept] ** 4
    return trials


def _rows(values: NDArray[np.float64]) -> NDArray[np.float64]:
    return values.reshape(len(values), math.prod(values.shape[1:]))
