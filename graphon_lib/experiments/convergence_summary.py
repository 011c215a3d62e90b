"""Mean histograms of the convergence sweep, and the distances between them."""

from __future__ import annotations

from dataclasses import astuple, fields
from itertools import product

import numpy as np
import xarray as xr
from numpy.typing import NDArray
from tqdm import tqdm

from graphon_lib.experiments.distance_of_means import DistanceOfMeans, distance_of_means

__all__ = [
    "ESTIMATORS",
    "GRID",
    "SCALES",
    "STATISTICS",
    "degree_summary",
    "histogram_summary",
    "samples",
]

ESTIMATORS = ("plain", "cross-fitted")
"""How masks are sorted into histograms."""

SCALES = ("histogram", "divided by density")
STATISTICS = tuple(field.name for field in fields(DistanceOfMeans))

GRID = 2.0**-11
"""Mean histograms are rounded to multiples of this, well below their errors, to compress."""

# Standard errors keep this many binary digits.
ERROR_DIGITS = 4


def samples(array: xr.DataArray, **place: int) -> NDArray[np.float64]:
    """Return what is at a place of every trial that has it, shape (trials, ...)."""
    rows = array.isel(place).transpose("trial", ...).values.astype(np.float64)
    return rows[np.isfinite(rows).reshape(len(rows), -1).all(axis=1)]


def histogram_summary(dataset: xr.Dataset, seed: int, resamples: int) -> xr.Dataset:
    """Average the histograms over trials and measure how far the means are apart.

    Returns ``histogram`` and its ``standard_error`` (hidden_layers, mask, pruning, density,
    estimator, width, row, column), the mean rounded to multiples of :data:`GRID`; and ``distance``
    (..., estimator, scale, width, other_width, statistic), see
    :func:`~graphon_lib.experiments.distance_of_means.distance_of_means`, for a width with itself
    between its even and its odd trials. The scale ``"divided by density"`` divides every trial's
    histogram by its mean, which drifts with the width under global pruning: the shape is left.
    """
    dims = ("hidden_layers", "mask", "pruning", "density", "estimator")
    sizes = dataset.sizes
    outer, widths = tuple(sizes[dim] for dim in dims), sizes["width"]
    shape = (*outer, widths, sizes["row"], sizes["column"])
    mean, error = np.full((2, *shape), np.nan, dtype=np.float32)
    distance = np.full(
        (*outer, len(SCALES), widths, widths, len(STATISTICS)), np.nan, dtype=np.float32
    )
    for place in tqdm(list(np.ndindex(outer)), desc="Averaging histograms", unit="mask"):
        of_widths = [
            samples(dataset.histogram, width=w, **dict(zip(dims, place, strict=True)))
            for w in range(widths)
        ]
        for w, sample in enumerate(of_widths):
            if len(sample) > 0:
                mean[*place, w] = np.round(sample.mean(axis=0) / GRID) * GRID
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


def degree_summary(dataset: xr.Dataset) -> xr.Dataset:
    """Return ``degree_quantile``, means over trials, and its ``degree_quantile_error``."""
    quantiles = dataset.degree_quantile
    count = quantiles.notnull().sum("trial")
    known = np.maximum(count, 1)
    mean = quantiles.sum("trial") / known
    squares = ((quantiles - mean) ** 2).sum("trial")
    error = np.sqrt(squares / np.maximum(count - 1, 1) / known)
    return xr.Dataset(
        {
            "degree_quantile": mean.where(count > 0).astype(np.float32),
            "degree_quantile_error": error.where(count > 1).astype(np.float32),
        }
    )


def _round_digits(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Round to a few binary digits, relative to each value."""
    mantissa, exponent = np.frexp(values)
    return np.ldexp(np.round(mantissa * 2**ERROR_DIGITS) / 2**ERROR_DIGITS, exponent)
