"""Do methods have regions of their own? Distances within a method and between methods."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import combinations, permutations

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from graphon_lib._checks import check_choice
from graphon_lib.experiments.digits import Data
from graphon_lib.experiments.experiment import Case, Experiment, profiles
from graphon_lib.experiments.mask_statistics import dead_fractions
from graphon_lib.experiments.pruned import start_network
from graphon_lib.graphons.cut_norm import cut_norm
from graphon_lib.graphons.motifs import distinct_cycle_density
from graphon_lib.graphons.network import path_density
from graphon_lib.graphons.sas import sas

__all__ = [
    "KINDS",
    "MEASURES",
    "METHOD_DISTANCES",
    "METHOD_DISTANCES_TORCH",
    "VERDICTS",
    "between_trials",
    "distinct_cycles_over_edges",
    "mean_distances",
    "method_distances",
    "separation",
    "surplus",
    "verdicts",
]

MEASURES = ("cut norm", "4-cycles")
"""Of the difference of two shapes, histograms over their means, in order of degree; and the difference
of logarithms of the 4-cycles over those of a constant of equal density, which need no order."""

KINDS = ("seed", "density", "depth", "method")
"""In what two networks differ, besides their seeds."""


VERDICTS = ("smaller within", "undecided", "not smaller within")


def method_distances(
    *,
    seed: int,
    trial: int,
    hidden_layers: int,
    pruning: str,
    densities: Sequence[float],
    width: int,
    blocks: int,
    data: Data,
) -> dict[str, NDArray]:
    """Prune one network to every density, and describe its first mask between hidden layers.

    Returns by density: ``histogram`` (row, column), cross-fitted with so many `blocks` a side, and
    ``cycle_ratio``, see :func:`distinct_cycles_over_edges`, of that mask; of all masks ``layer_density``
    (weight layer), ``dead_fraction`` (hidden layer) and ``path_density``.
    """
    started = start_network((seed, trial), width=width, hidden_layers=hidden_layers, data=data)
    found: dict[str, list] = {}
    for _, masks in started.masks(pruning, densities):
        mask = masks[1].numpy()
        of_masks = {
            "histogram": sas(mask, blocks, cross_fit=True).values,
            "cycle_ratio": distinct_cycles_over_edges(mask),
            "layer_density": [float(m.double().mean()) for m in masks],
            "dead_fraction": dead_fractions(masks),
            "path_density": path_density([m.numpy() for m in masks]),
        }
        for name, value in of_masks.items():
            found.setdefault(name, []).append(value)
    return {name: np.array(values) for name, values in found.items()}


def distinct_cycles_over_edges(mask: NDArray[np.bool_]) -> float:
    """Return the density of 4-cycles on distinct neurons over the fourth power of the edges'.

    Maps that send two nodes of a motif to one neuron are a share of order 1/n of all, but at
    density p find more edges, by a factor of 1/p and more: for a constant graphon, a fifth of the
    density of :func:`~graphon_lib.graphons.motif_densities` at p = .1 and n = 1000.
    """
    return distinct_cycle_density(mask) / float(mask.mean()) ** 4


def between_trials(dataset: xr.Dataset, *, seed: int) -> xr.Dataset:
    """Compare networks of different trials, which share neither weights nor batch.

    Returns ``distance`` (measure, kind, pruning, against, trial, other): of a network of one trial
    and one of another, in the mean over the settings in which the two agree and over pairs of those
    in which they do not. The kinds are :data:`KINDS`; only those of ``"method"`` compare two
    methods. The histograms are left out.
    """
    lead = ("pruning", "trial", "density", "hidden_layers")
    shapes = dataset.histogram.transpose(*lead, "row", "column").values.astype(float)
    shapes /= shapes.mean(axis=(-2, -1), keepdims=True)
    cycles = np.log(dataset.cycle_ratio.transpose(*lead).values)
    methods, trials, densities, depths = cycles.shape
    settings = list(np.ndindex(densities, depths))
    pairs = {
        "seed": [(a, a) for a in settings],
        "density": [(a, b) for a, b in permutations(settings, 2) if a[1] == b[1]],
        "depth": [(a, b) for a, b in permutations(settings, 2) if a[0] == b[0]],
        "method": [(a, a) for a in settings],
    }
    distance = np.full((2, len(KINDS), methods, methods, trials, trials), np.nan, np.float32)
    for k, kind in enumerate(KINDS):
        for m, against in np.ndindex(methods, methods):
            # A distance is symmetric: of (m, i) and (n, j) as of (n, j) and (m, i).
            if (m > against) or ((m == against) == (kind == "method")):
                continue
            # All pairs of settings are there: within a method, one of two orders of trials is enough.
            ordered = combinations if m == against else permutations
            for i, j in ordered(range(trials), 2):
                of = [((m, i, *a), (against, j, *b)) for a, b in pairs[kind]]
                measured = (
                    np.mean([cut_norm(shapes[a] - shapes[b]).lower for a, b in of]),
                    np.mean([abs(cycles[a] - cycles[b]) for a, b in of]),
                )
                distance[:, k, m, against, i, j] = distance[:, k, against, m, j, i] = measured
    dims = ("measure", "kind", "pruning", "against", "trial", "other")
    return (
        dataset.drop_vars("histogram")
        .assign(distance=(dims, distance), measure=list(MEASURES), kind=list(KINDS))
        .assign_coords(against=dataset.pruning.values)
    )


def mean_distances(distance: xr.DataArray, confidence: float = 0.95) -> xr.DataArray:
    """Return mean distances of networks over pairs of different trials, with 95% intervals.

    In the place of the dimensions ``trial``, at least three, and ``other`` stands ``statistic``:
    ``value``, ``lower`` and ``upper``, by :func:`separation`'s way.
    """
    return _interval(distance, lambda mean: mean, confidence)


def separation(distance: xr.DataArray, kind: str, confidence: float = 0.95) -> xr.DataArray:
    """Return how many times the distance within methods that between two methods is.

    Of distances (kind, pruning, against, trial, other) by one measure of :func:`between_trials`,
    networks of one method differing in `kind`, to dimensions (pruning, against, statistic): between
    the two methods over within the first of them, with the ends of its interval.

    Mean distances over pairs of trials are U-statistics, and trials, not pairs, are independent.
    The standard error is the jackknife's, of logarithms with one trial left out at a time, and the
    interval that of Student's t with one degree of freedom less than trials (Arvesen, *Jackknifing
    U-statistics*, Annals of Mathematical Statistics 40, 1969).
    """
    check_choice("kind", kind, [str(k) for k in distance.kind.values])

    def ratios(mean: xr.DataArray) -> xr.DataArray:
        between, within = _between_and_within(mean, kind)
        return np.log(between / within)

    return np.exp(_interval(distance, ratios, confidence))


def surplus(distance: xr.DataArray, confidence: float = 0.95) -> xr.DataArray:
    """Return the distance between two methods minus the larger of those within either.

    As of :func:`separation`; within a method networks differ in their seed alone.
    """

    def differences(mean: xr.DataArray) -> xr.DataArray:
        between, within = _between_and_within(mean, "seed")
        return between - np.maximum(within, within.rename(pruning="against"))

    return _interval(distance, differences, confidence)


def _between_and_within(mean: xr.DataArray, kind: str) -> tuple[xr.DataArray, xr.DataArray]:
    methods = mean.pruning.drop_vars("pruning")
    within = mean.sel(kind=kind, drop=True).sel(pruning=methods, against=methods)
    return mean.sel(kind="method", drop=True), within.drop_vars("against")


def verdicts(ratio: xr.DataArray) -> NDArray[np.str_]:
    """Say what the intervals of :func:`separation` decide for every pair, of both of its methods at once.

    ``"smaller within"`` where the intervals of both methods lie above 1, ``"not smaller within"``
    where one lies below, ``"undecided"`` otherwise.
    """
    lower, upper = (ratio.sel(statistic=end).values for end in ("lower", "upper"))
    smaller, larger = (lower > 1.0) & (lower.T > 1.0), (upper < 1.0) | (upper.T < 1.0)
    return np.select([smaller, larger], [VERDICTS[0], VERDICTS[2]], VERDICTS[1])


def _interval(
    distance: xr.DataArray, of: Callable[[xr.DataArray], xr.DataArray], confidence: float
) -> xr.DataArray:
    """Return a function of means over pairs of trials, and the ends of its interval."""
    from scipy.stats import t

    count = distance.sizes["trial"]
    if count < 3:
        raise ValueError(f"distance must have at least three trials, got {count}")
    pairs = ("trial", "other")
    left = xr.DataArray(range(count), dims="left")
    trial, other = (xr.DataArray(range(count), dims=dim) for dim in pairs)
    distance = distance.astype(np.float64)
    value = of(distance.mean(pairs))
    without = of(distance.where((trial != left) & (other != left)).mean(pairs))
    half = t.ppf((1.0 + confidence) / 2.0, count - 1) * np.sqrt((count - 1) * without.var("left"))
    ends = xr.concat([value, value - half, value + half], "statistic").transpose(..., "statistic")
    return ends.assign_coords(statistic=["value", "lower", "upper"])


PLACE = ("pruning", "density", "hidden_layers", "trial")

METHOD_DISTANCES = Experiment(
    name="method-distances",
    cell=method_distances,
    finish=between_trials,
    variables={
        "histogram": (*PLACE, "row", "column"),
        "cycle_ratio": PLACE,
        "layer_density": (*PLACE, "weight_layer"),
        "dead_fraction": (*PLACE, "hidden_layer"),
        "path_density": PLACE,
    },
    coords={"density": "densities"},
    **profiles(
        grid=(
            {"trial": 8, "hidden_layers": [2, 3], "pruning": ["all"]},
            {"trial": 3, "hidden_layers": [2, 3], "pruning": ["all"]},
        ),
        densities=([0.1, 0.2, 0.3], [0.2, 0.3]),
        width=(1000, 64),
        blocks=(16, 8),
        full=(True, False),
    ),
    case=Case(
        {"grid": {"trial": 2, "hidden_layers": [2, 3], "pruning": ["random", "snip"]}},
        ["cycle_ratio", "layer_density"],
        ["cycle_ratio", "layer_density"],
    ),
)

METHOD_DISTANCES_TORCH = METHOD_DISTANCES.under("torch")
