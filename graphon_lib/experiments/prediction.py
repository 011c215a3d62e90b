"""Which quantities that are known before training go with fast training."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import xarray as xr
from numpy.typing import ArrayLike, NDArray

from graphon_lib._checks import check_choice, check_integer

__all__ = [
    "COMPARISONS",
    "QUANTITIES",
    "STATISTICS",
    "known_before",
    "loss_at",
    "partial_rank_correlation",
    "predictions",
    "rank_correlation",
]

QUANTITIES = (
    "energy",
    "effective_rank",
    "spectral_gap",
    "decay_exponent",
    "alignment",
    "trace",
    "path_density",
)
"""What :func:`known_before` collects."""

COMPARISONS = ("across sparsities", "within sparsities", "given the scale")
"""The ways in which :func:`predictions` compares."""

# Ranks are multiples of 1/2: what rounding leaves of an exact zero is far below this.
ROUNDING = 1e-12

STATISTICS = ("value", "lower", "upper", "least without a method", "most without a method")


def loss_at(training: xr.Dataset, steps: Sequence[int], window: int = 10) -> xr.DataArray:
    """Return the training loss at some steps, as a mean over the last `window` batches before.

    From ``loss`` (..., step), the loss of the batch before update number ``step`` + 1, to
    dimensions (..., at), ``at`` being `steps`; infinite where a run diverged. A step below `window`
    or above the number of updates is a ``ValueError``.
    """
    check_integer("window", window, 1)
    for step in steps:
        if check_integer("steps", step, window) > training.sizes["step"]:
            raise ValueError(f"steps must be at most {training.sizes['step']}, got {step}")
    parts = [training.loss.isel(step=slice(step - window, step)).mean("step") for step in steps]
    return xr.concat(parts, xr.Variable("at", list(steps))).transpose(..., "at")


def known_before(spectra: xr.Dataset, road: str) -> xr.DataArray:
    """Collect the :data:`QUANTITIES` of pruned networks that training has no part in.

    Of :func:`~graphon_lib.experiments.spectra.spectra` for one number of digits and kernels by
    `road`, with dimensions (quantity, pruning, density, trial). The dense network, which has no
    sparsity, is left out.
    """
    check_choice("road", road, [str(name) for name in spectra.road.values])
    chosen = spectra.sel(road=road, pruning=spectra.pruning != "dense")
    parts = [chosen[name] for name in QUANTITIES]
    dims = ("quantity", "pruning", "density", "trial")
    return xr.concat(parts, xr.Variable("quantity", list(QUANTITIES))).transpose(*dims)


def predictions(known: xr.DataArray, loss: xr.DataArray) -> xr.DataArray:
    r"""Correlate the ranks of quantities known before training with those of the training speed.

    Parameters
    ----------
    known
        Dimensions (quantity, pruning, density, trial), no NaN. At least 3 methods.
    loss
        Dimensions (pruning, density, trial, at), with methods and densities as in `known`; trials
        need not be as many. No NaN; infinite for runs that diverged.

    Returns
    -------
    xarray.DataArray
        Dimensions (quantity, comparison, at, statistic). **Positive: networks that have more of the
        quantity have the lower loss.** NaN where a correlation does not exist, as that of the trace
        with itself held fixed.

    Notes
    -----
    A cell is a method at a density; trials are averaged. ``"across sparsities"`` is
    Spearman's correlation over all cells, ``"within sparsities"`` the mean over densities of that
    over the methods at one of them, ``"given the scale"`` the partial correlation over all cells
    that holds the trace fixed.

    ``"lower"`` and ``"upper"`` end a 95% interval by the jackknife: with one of T trials left out of all
    cells, since its networks share their weights before pruning and their batches, the variances
    :math:`(T - 1) / T \sum_k (\rho_{(k)} - \bar \rho_{(\cdot)})^2` of `known` and of `loss` add up, and
    Student's quantile has Welch's and Satterthwaite's degrees of freedom. A single trial tells of no
    spread. The least and the most value with one of the methods left out say how much hangs on it.
    """
    loss = loss.transpose("at", "pruning", "density", "trial")
    known = known.transpose("quantity", "pruning", "density", "trial")
    for name in ("pruning", "density"):
        if not np.array_equal(known[name].values, loss[name].values):
            raise ValueError(
                f"known and loss must have the same {name}, got {known[name].values} and "
                f"{loss[name].values}"
            )
    if known.sizes["pruning"] < 3:
        raise ValueError(f"known must have at least 3 methods, got {known.sizes['pruning']}")
    place = [str(name) for name in known.quantity.values].index("trace")

    def compare(x: NDArray[np.float64], speed: NDArray[np.float64]) -> NDArray[np.float64]:
        return _comparisons(x, speed, place)

    x, speed = known.values, -loss.values
    means = x.mean(axis=-1), speed.mean(axis=-1)
    value = compare(*means)
    left_out = [
        np.stack([compare(one, means[1]) for one in _without_each(x)]),
        np.stack([compare(means[0], one) for one in _without_each(speed)]),
    ]
    half = _half_width(left_out)
    lower, upper = np.clip(value - half, -1.0, 1.0), np.clip(value + half, -1.0, 1.0)
    without = np.stack(
        [
            compare(*(np.delete(array, method, axis=1) for array in means))
            for method in range(known.sizes["pruning"])
        ]
    )
    none = np.isnan(without).all(axis=0)
    least, most = (
        np.where(none, np.nan, end(np.where(none, 0.0, without), axis=0))
        for end in (np.nanmin, np.nanmax)
    )
    stacked = np.stack([value, lower, upper, least, most], axis=-1)
    return xr.DataArray(
        stacked,
        dims=("quantity", "comparison", "at", "statistic"),
        coords={
            "quantity": known.quantity.values,
            "comparison": list(COMPARISONS),
            "at": loss["at"].values,
            "statistic": list(STATISTICS),
        },
    )


def _without_each(values: NDArray[np.float64]) -> list[NDArray[np.float64]]:
    """Return the mean over trials without each of them; the mean itself of a single trial."""
    trials = values.shape[-1]
    if trials == 1:
        return [values[..., 0]]
    return [np.delete(values, k, axis=-1).mean(axis=-1) for k in range(trials)]


def _half_width(left_out: Sequence[NDArray[np.float64]]) -> NDArray[np.float64]:
    """Return half of a 95% interval from values with each trial left out, for each set of trials."""
    from scipy.stats import t

    counts = [len(values) for values in left_out]
    parts = [(n - 1) * v.var(axis=0) for n, v in zip(counts, left_out, strict=True)]
    variance = sum(parts)
    shares = sum(part**2 / max(n - 1, 1) for n, part in zip(counts, parts, strict=True))
    with np.errstate(invalid="ignore"):
        degrees = np.where(shares > 0.0, variance**2 / shares, 1.0)
    return t.ppf(0.975, degrees) * np.sqrt(variance)


def _comparisons(
    x: NDArray[np.float64], speed: NDArray[np.float64], scale: int
) -> NDArray[np.float64]:
    """Return the correlations (..., quantity, comparison, at).

    `x` has the shape (..., quantity, method, density) and `speed` (..., at, method, density).
    """
    x, speed = x[..., :, None, :, :], speed[..., None, :, :, :]
    flat_x, flat_speed = (array.reshape(*array.shape[:-2], -1) for array in (x, speed))
    across = rank_correlation(flat_x, flat_speed)
    by_density = rank_correlation(x.swapaxes(-1, -2), speed.swapaxes(-1, -2)).mean(axis=-1)
    given = partial_rank_correlation(flat_x, flat_speed, flat_x[..., scale : scale + 1, :, :])
    return np.stack([across, by_density, given], axis=-2)


def rank_correlation(x: ArrayLike, y: ArrayLike) -> NDArray[np.float64]:
    """Return Spearman's rank correlation along the last axis; NaN where all of one are equal.

    Of numbers without NaN, infinite ones allowed; shapes that broadcast to (..., n), n >= 2;
    anything else is a ``ValueError``. Ties share their mean rank.
    """
    return _correlation(*_ranks(x=x, y=y))


def partial_rank_correlation(x: ArrayLike, y: ArrayLike, given: ArrayLike) -> NDArray[np.float64]:
    r"""Return the rank correlation of two quantities with a third one held fixed.

    Of arrays as for :func:`rank_correlation`; NaN also where `given` has the same ranks as `x` or
    `y`, or the opposite ones, so that nothing is left to correlate. With rank correlations
    :math:`\rho`, that of what linear regressions of the ranks on those of z leave over:

    .. math::

        \rho_{xy \cdot z} = \frac{\rho_{xy} - \rho_{xz} \rho_{yz}}
            {\sqrt{(1 - \rho_{xz}^2)(1 - \rho_{yz}^2)}} .
    """
    x, y, given = _ranks(x=x, y=y, given=given)
    direct, of_x, of_y = _correlation(x, y), _correlation(x, given), _correlation(y, given)
    left = (1.0 - of_x**2) * (1.0 - of_y**2)
    with np.errstate(invalid="ignore"):
        known = left > ROUNDING
    partial = (direct - of_x * of_y) / np.sqrt(np.where(known, left, 1.0))
    return np.where(known, np.clip(partial, -1.0, 1.0), np.nan)


def _ranks(**quantities: ArrayLike) -> list[NDArray[np.float64]]:
    from scipy.stats import rankdata

    arrays = []
    for name, quantity in quantities.items():
        array = np.asarray(quantity)
        if array.dtype.kind not in "biuf" or array.ndim == 0:
            raise ValueError(
                f"{name} must be an array of real numbers, got {type(quantity).__name__}"
            )
        if np.isnan(array.astype(np.float64)).any():
            raise ValueError(f"{name} must hold no NaN, got {int(np.isnan(array).sum())}")
        arrays.append(array)
    shapes = {name: np.shape(array) for name, array in zip(quantities, arrays, strict=True)}
    counts = {shape[-1] for shape in shapes.values()}
    if len(counts) > 1 or counts.pop() < 2:
        raise ValueError(
            f"{' and '.join(quantities)} must hold equally many numbers, at least 2; got {shapes}"
        )
    return [rankdata(array, axis=-1) for array in arrays]


def _correlation(x: NDArray[np.float64], y: NDArray[np.float64]) -> NDArray[np.float64]:
    x = x - x.mean(axis=-1, keepdims=True)
    y = y - y.mean(axis=-1, keepdims=True)
    scale = np.sqrt((x**2).sum(axis=-1) * (y**2).sum(axis=-1))
    known = scale > ROUNDING
    product = (x * y).sum(axis=-1) / np.where(known, scale, 1.0)
    return np.where(known, np.clip(product, -1.0, 1.0), np.nan)
