"""What stored results say about claims: values with intervals over networks.

Intervals are of level 95 %: Student's t over networks (of logarithms for ratios), or as the function
says. Where one row of the ledger makes several comparisons, their intervals are simultaneous
(Bonferroni). Functions take the results of one initialisation and return an estimate for every
condition that they compare, ``""`` where there is only one.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import NamedTuple

import numpy as np
import xarray as xr
from numpy.typing import ArrayLike, NDArray
from scipy import stats

from graphon_lib.experiments import architecture_training, moving_masks, tuned_moves
from graphon_lib.experiments.architectures import ARCHITECTURES
from graphon_lib.experiments.attention_masks import kept_share
from graphon_lib.experiments.batch_dependence import variance_share
from graphon_lib.experiments.designed_masks import RIVALS, VARIANTS, compared_errors
from graphon_lib.experiments.intervention_training import beside_pruned, compared
from graphon_lib.experiments.method_distances import mean_distances, separation, surplus
from graphon_lib.experiments.paired import compare, complete_trials, paired_ratio, paired_share
from graphon_lib.experiments.prediction import known_before, loss_at, predictions
from graphon_lib.experiments.residual_modes import speeds
from graphon_lib.experiments.rigl_flow import at_largest_width, explained
from graphon_lib.experiments.rival_masks import COMPARISONS as RIVAL_COMPARISONS
from graphon_lib.experiments.rival_masks import SETTINGS as RIVAL_SETTINGS
from graphon_lib.pruning.initialisations import INITIALISATIONS
from graphon_lib.pruning.methods import METHODS

DENSITY = 0.2
REFERENCE = 2000
STEP = 50
"""Losses of training are means over the ten batches before this update."""
LEAD = 1.05
"""Of the loss, a gap that can be seen in the paper's figure."""


class Estimate(NamedTuple):
    """A value, the ends of its interval, and the number of networks behind it."""

    value: float
    lower: float
    upper: float
    networks: int


Estimates = dict[str, Estimate]

METHOD_NAMES = {
    name: METHODS[name].label for name in ("random", "magnitude", "snip", "grasp", "synflow")
}

GROUPS = {
    "the paper's methods": ["random", "snip", "grasp", "synflow"],
    "with Magnitude": list(METHOD_NAMES),
}
"""Magnitude's graphon is Random's constant by the paper's Appendix C, so that it cannot be told apart."""


def interval(samples: ArrayLike, comparisons: int = 1) -> Estimate:
    """Return the mean of independent samples with Student's interval."""
    samples = np.asarray(samples, dtype=np.float64)
    error = samples.std(ddof=1) / np.sqrt(len(samples))
    return _around(float(samples.mean()), float(error), len(samples) - 1, len(samples), comparisons)


def ratio(first: ArrayLike, second: ArrayLike, comparisons: int = 1) -> Estimate:
    """Return the geometric mean of paired ratios."""
    pair = np.stack(np.broadcast_arrays(first, second))
    named = xr.DataArray(pair, {"variant": ["first", "second"]}, ("variant", "trial"))
    return Estimate(*paired_ratio(named, "first", "second", 1 - 0.05 / comparisons), pair.shape[1])


def intervals(samples: dict[str, ArrayLike]) -> Estimates:
    """Return simultaneous intervals of several means."""
    return {name: interval(values, len(samples)) for name, values in samples.items()}


def ratios(pairs: dict[str, tuple[ArrayLike, ArrayLike]]) -> Estimates:
    """Return simultaneous intervals of several ratios."""
    return {name: ratio(*pair, len(pairs)) for name, pair in pairs.items()}


def _around(
    value: float, error: float, degrees: float, networks: int, comparisons: int
) -> Estimate:
    half = float(stats.t.ppf(1.0 - 0.025 / comparisons, degrees)) * error
    return Estimate(value, value - half, value + half, networks)


def _exponent(values: xr.DataArray, comparisons: int) -> Estimate:
    """Return the power of the width in some values, by least squares over networks and widths."""
    width, of = (each.values.ravel() for each in xr.broadcast(values.width, values))
    known = np.isfinite(of)
    fit = stats.linregress(np.log(width[known]), np.log(of[known]))
    count = int(known.sum())
    return _around(float(fit.slope), float(fit.stderr), count - 2, count, comparisons)


def _percent(density: xr.DataArray) -> str:
    return f"{100 * (1 - float(density)):.0f} %"


# Masks and their limits


def spread(batch: xr.Dataset, arms: dict[str, str], *, same_batch: bool) -> Estimates:
    """Return the relative difference of graphons between networks of the largest width.

    The root mean square over blocks, beyond chance. The standard error is the jackknife's over
    batches; that of a sum of components is bounded by the sum of theirs.
    """
    found = {}
    networks, degrees = batch.sizes["batch"] * batch.sizes["trial"], batch.sizes["batch"] - 1
    for condition, arm in arms.items():
        at = batch.isel(width=-1).sel(pruning=arm)
        v = {name: float(at.variance.sel(component=name)) for name in at.component.values}
        total, error = v["within"], v["within_error"]
        if not same_batch:
            total = v["within"] / (1 - v["share"])
            error = v["within_error"] / (1 - v["share"])
            error += v["within"] * v["share_error"] / (1 - v["share"]) ** 2
        *ends, _ = _around(total - float(at.chance), error, degrees, networks, len(arms))
        found[condition] = Estimate(*(max(end, 0.0) ** 0.5 for end in ends), networks)
    return found


def cycles_in_batch(scales: xr.Dataset) -> Estimates:
    """Return the relative standard deviation of 4-cycle ratios within a batch, at the largest width.

    Of networks pruned by SNIP, by the scale of their outputs; the jackknife's errors over batches.
    """
    at, names = _by_scale(scales)
    found = {}
    for name, ratios in zip(names, at.isel(width=-1).values, strict=True):
        share = variance_share(ratios[..., None])
        mean, degrees = ratios.mean() ** 2, len(ratios) - 1
        *ends, _ = _around(share.within, share.within_error, degrees, ratios.size, len(names))
        found[name] = Estimate(*((max(end, 0.0) / mean) ** 0.5 for end in ends), ratios.size)
    return found


def cycle_variance(scales: xr.Dataset) -> Estimates:
    """Return the variance of 4-cycle ratios within a batch at the largest width over that at the least.

    As :func:`cycles_in_batch`, the errors those of logarithms.
    """
    at, names = _by_scale(scales)
    found = {}
    for name, (narrow, wide) in zip(names, at.isel(width=[0, -1]).values, strict=True):
        shares = [variance_share(ratios[..., None]) for ratios in (narrow, wide)]
        error = sum((share.within_error / share.within) ** 2 for share in shares) ** 0.5
        middle = np.log(shares[1].within / shares[0].within)
        *ends, _ = _around(middle, error, len(wide) - 1, 0, len(names))
        found[name] = Estimate(*(float(np.exp(end)) for end in ends), 2 * wide.size)
    return found


def _by_scale(scales: xr.Dataset) -> tuple[xr.DataArray, list[str]]:
    at = scales.cycle_ratio.isel(images=-1).transpose("scale", "width", "batch", "trial")
    names = [
        "outputs as they are" if scale == 1.0 else f"outputs times {scale:g}"
        for scale in at.scale.values
    ]
    return at, names


def _cycle_ratios(convergence: xr.Dataset, method: str) -> NDArray[np.float64]:
    place = {"pruning": method, "density": DENSITY, "hidden_layers": 2}
    motifs = convergence.motif_density.sel(**place).isel(mask=0, width=_reference(convergence))
    ratios = motifs.sel(motif="cycle_4") / motifs.sel(motif="edge") ** 4
    return ratios.dropna("trial").values.astype(np.float64)


def _reference(convergence: xr.Dataset) -> int:
    """Return the place of the paper's reference, the largest width that has many networks."""
    return int(np.flatnonzero(convergence.width <= REFERENCE)[-1])


def cycle_ratio(convergence: xr.Dataset, method: str) -> Estimates:
    """Return 4-cycles over those expected of independent entries: 1 for a constant graphon.

    Of the fourth power of the density, and what the width adds to it where neurons coincide.
    """
    width = int(convergence.width[_reference(convergence)])
    excess = 2 * (width - 1) * DENSITY**-2 + DENSITY**-3
    expected = ((width - 1) ** 2 + excess) / width**2
    return {"": interval(_cycle_ratios(convergence, method) / expected)}


def cycle_spread(convergence: xr.Dataset, method: str) -> Estimates:
    """Return the relative standard deviation of 4-cycle ratios, with the chi-squared interval."""
    ratios = _cycle_ratios(convergence, method)
    degrees = len(ratios) - 1
    value = float(ratios.std(ddof=1) / ratios.mean())
    ends = (value * (degrees / stats.chi2.ppf(q, degrees)) ** 0.5 for q in (0.975, 0.025))
    return {"": Estimate(value, *map(float, ends), len(ratios))}


def shape_distances(convergence: xr.Dataset) -> Estimates:
    """Return how far shapes are from those of twice the width, root mean square over blocks.

    The expectations of cross-fitted histograms divided by their density, freed of noise; bootstrap
    intervals, each of level 95 %.
    """
    last = _reference(convergence)
    place = {"density": DENSITY, "hidden_layers": 2}
    counted = convergence.layer_density.sel(**place).isel(width=last, weight_layer=1)
    at = convergence.distance.sel(
        **place, estimator="cross-fitted", scale="divided by density"
    ).isel(mask=0, width=last - 1, other_width=last)
    found = {}
    for method, name in METHOD_NAMES.items():
        values = at.sel(pruning=method, statistic=["squared", "lower", "upper"]).values
        roots = np.sqrt(np.maximum(values.astype(np.float64), 0.0)) / convergence.sizes["row"]
        networks = int(counted.sel(pruning=method).notnull().sum())
        found[name] = Estimate(*map(float, roots), networks)
    return found


def falling_distances(convergence: xr.Dataset) -> Estimates:
    """Return the largest ratio of squared distances to the reference from one width to the next.

    Of plain histograms, over depths, masks and sparsities; the delta method with bootstrap errors.
    """
    last = _reference(convergence)
    found = {}
    for method, name in METHOD_NAMES.items():
        at = (
            convergence.distance.sel(pruning=method, estimator="plain", scale="histogram")
            .isel(other_width=last, width=slice(last))
            .stack(place=("hidden_layers", "mask", "density"))
            .dropna("place")
            .transpose("statistic", "width", "place")
        )
        squared, error = (
            at.sel(statistic=which).values.astype(np.float64)
            for which in ("squared", "standard_error")
        )
        value = squared[1:] / squared[:-1]
        spread = np.hypot(error[1:], value * error[:-1]) / squared[:-1]
        half = stats.norm.ppf(1 - 0.025 / (value.size * len(METHOD_NAMES))) * spread
        ends = (float(end.max()) for end in (value, value - half, value + half))
        found[name] = Estimate(*ends, convergence.sizes["trial"])
    return found


def flip_exponents(law: xr.Dataset) -> Estimates:
    """Return exponents in the width of how far masks are from independent draws, by least squares.

    Over networks and widths of at least five times the images of the batch, of which all of a narrow
    layer's weights are seen.
    """
    at = law.flipped.sel(hidden_layers=2, images=[10, 100])
    at = at.where(at.images <= 0.2 * at.width)
    return {
        f"{METHOD_NAMES[method]}, {images} images": _exponent(
            at.sel(pruning=method, images=images), at.sizes["pruning"] * at.sizes["images"]
        )
        for method in at.pruning.values
        for images in at.images.values
    }


def residuals(blocks: xr.Dataset) -> Estimates:
    """Return the largest singular values that degree-sorted blocks leave over those of chance."""
    at = blocks.singular_value.sel(estimator="degree").isel(rank=0)
    counts = at.isel(pruning=0, source=0).notnull().sum("trial").values
    widest = np.flatnonzero(counts >= min(3, at.sizes["trial"]))[-1]
    at = at.isel(width=int(widest)).dropna("trial")
    of = {name: at.sel(pruning=method) for method, name in METHOD_NAMES.items()}
    return ratios(
        {name: (one.sel(source="mask"), one.sel(source="sampled")) for name, one in of.items()}
    )


def path_readings(shared: xr.Dataset) -> Estimates:
    """Return the path density of two readings of SNIP's masks as graphons over that of the masks."""
    at = shared.path_density.isel(density=-1).sel(pruning="snip")
    names = {"each mask sorted alone": "degree", "one position per neuron": "joint"}
    mask = at.sel(reading="mask")
    return ratios({name: (at.sel(reading=reading), mask) for name, reading in names.items()})


def many_paths(shared: xr.Dataset) -> Estimates:
    """Return the path density of SynFlow's masks over the largest of the other methods."""
    at = shared.path_density.sel(reading="mask")
    own, others = at.sel(pruning="synflow"), at.drop_sel(pruning="synflow").max("pruning")
    return ratios({_percent(d): (own.sel(density=d), others.sel(density=d)) for d in at.density})


def dead_neurons(masks: xr.Dataset) -> Estimates:
    """Return the share of hidden neurons that SynFlow removes."""
    at = masks.dead_fraction.sel(pruning="synflow").mean("hidden_layer")
    chosen = at.sel(density=at.density <= 0.3)
    return intervals({_percent(density): chosen.sel(density=density) for density in chosen.density})


def cycles_of_the_next(masks: xr.Dataset) -> Estimates:
    """Return how much 4-cycles differ between two networks of a method, in logarithms."""
    at = masks.distance.sel(measure="4-cycles", kind="seed")
    means = mean_distances(at, 1 - 0.05 / len(METHOD_NAMES))
    return {
        name: Estimate(*map(float, means.sel(pruning=method, against=method)), at.sizes["trial"])
        for method, name in METHOD_NAMES.items()
    }


def regions(masks: xr.Dataset, kind: str) -> Estimates:
    """Return distances between two methods over those within either, the least of all pairs.

    Networks within a method differ in `kind`, too, see ``separation``.
    """
    measures = [(name, masks.distance.sel(measure=name)) for name in masks.measure.values]
    return {
        f"{group} by {name}": _least(partial(separation, at, kind), methods, len(measures))
        for name, at in measures
        for group, methods in GROUPS.items()
    }


def differences(masks: xr.Dataset) -> Estimates:
    """Return cut norms between methods minus the larger within either, the least of all pairs."""
    of_pairs = partial(surplus, masks.distance.sel(measure="cut norm"))
    group = "the paper's methods"
    return {group: _least(of_pairs, GROUPS[group], 1)}


def _least(of_pairs: partial[xr.DataArray], methods: list[str], measures: int) -> Estimate:
    """Return the least over ordered pairs of methods.

    The least of the lower ends lies above it only if that of the pair in question does; the least
    of the upper ends lies below it if that of any pair does, so that only these are corrected.
    """
    comparisons, pairs = len(GROUPS) * measures, len(methods) * (len(methods) - 1)
    once, every = (
        of_pairs(confidence=1 - 0.05 / count)
        .sel(pruning=methods, against=methods)
        .min(["pruning", "against"])
        for count in (comparisons, comparisons * pairs)
    )
    ends = [float(of.sel(statistic=end)) for of, end in ((once, "lower"), (every, "upper"))]
    return Estimate(float(once.sel(statistic="value")), *ends, of_pairs.args[0].sizes["trial"])


# Kernels and their spectra


def error_exponents(errors: xr.Dataset) -> Estimates:
    """Return exponents of kernel errors in the width, one a trial, by least squares."""
    width = np.log(errors.width.values)
    by_trial = np.log(errors.error.transpose("design", "trial", "width"))
    return intervals(
        {
            str(of.design.values): [stats.linregress(width, error).slope for error in of.values]
            for of in by_trial
        }
    )


def redrawn_trace(kernels: xr.Dataset) -> Estimates:
    """Return the trace of the Graphon NTK over the one measured with new weights on the masks."""
    at = kernels.trace.isel(width=-1, density=0)
    return ratios(_traces(at, "theory, joint", "re-drawn"))


def kept_trace(kernels: xr.Dataset) -> Estimates:
    """Return the trace of the Graphon NTK over the one measured with the kept weights."""
    at = kernels.trace.isel(width=-1).sel(density=DENSITY)
    return ratios(_traces(at, "theory, joint", "kept"))


def signed_trace(kernels: xr.Dataset) -> Estimates:
    """Return the trace of the signed Graphon NTK over the one measured with the kept weights."""
    at = kernels.trace.isel(width=-1).sel(density=DENSITY)
    positions = _traces(at, "theory, positions", "kept")
    signed = {name: positions[name] for name in ("SNIP", "GraSP")}
    return ratios(_traces(at, "theory, second moments", "kept") | signed)


def _traces(trace: xr.DataArray, theory: str, measured: str) -> dict[str, tuple[xr.DataArray, ...]]:
    pairs = {
        name: trace.sel(pruning=method, road=[theory, measured])
        .dropna("trial")
        .transpose("road", ...)
        for method, name in METHOD_NAMES.items()
    }
    return {name: tuple(pair) for name, pair in pairs.items() if pair.sizes["trial"] > 1}


def gaussian(normality: xr.Dataset) -> Estimates:
    """Return excess kurtoses at the largest width over those at the least, in the deepest layer.

    By the delta method, from the means over independent networks of either width.
    """
    at = normality.excess.isel(layer=-1, width=[0, -1]).transpose("structure", "width", "trial")
    found = {}
    for structure, excess in zip(at.structure.values, at.values.astype(np.float64), strict=True):
        name = METHOD_NAMES.get(structure)
        narrow, wide = excess.mean(axis=-1)
        errors = excess.std(axis=-1, ddof=1) / np.sqrt(excess.shape[-1])
        error = float(np.hypot(errors[1], wide / narrow * errors[0]) / abs(narrow))
        found[f"{name}'s masks" if name else f"a {structure} graphon"] = _around(
            float(wide / narrow), error, excess.shape[-1] - 1, excess.size, at.sizes["structure"]
        )
    return found


def fast_neurons(terms: xr.Dataset) -> Estimates:
    """Return the part of the kernel by the best connected neurons of a layer, over its mean.

    A sixteenth of the neurons, by the theory of the mask; geometric means over hidden layers.
    """
    at = np.log(terms.rate.isel(width=-1, group=-1).sel(density=DENSITY).astype(np.float64))
    rate = np.exp(at.mean("hidden_layer"))
    roads = {"new weights": "re-drawn", "kept weights": "kept"}
    structured = GROUPS["the paper's methods"][1:]
    return ratios(
        {
            f"{METHOD_NAMES[method]} with {name}": (rate.sel(pruning=method, road=road), 1.0)
            for name, road in roads.items()
            for method in structured
        }
    )


def appendix_step(terms: xr.Dataset) -> Estimates:
    """Return the trace with a 1 beside each layer's integral over that without, all weights trained.

    Of randomly pruned networks with new weights. Stored are derivatives by biases that count as
    weights from neurons of activation 1: a 1 beside the integral is n of them, for n inputs.
    """
    variance = INITIALISATIONS[terms.attrs["initialisation"]].weight_variance
    inputs = xr.full_like(terms.weight_layer, int(terms.width[-1]), dtype=float)
    inputs[0] = np.prod(terms.attrs["image_shape"])
    at = terms.term.isel(width=-1).sel(road="re-drawn").astype(np.float64)
    integrals = at.sel(part="weights").sum("weight_layer")
    ones = (at.sel(part="biases") * inputs).sum("weight_layer") / variance
    cases = {"dense": ("dense", 1.0, 0)} | {
        _percent(density): ("random", float(density), place)
        for place, density in enumerate(terms.density)
    }
    pairs = {}
    for name, (method, density, place) in cases.items():
        without = integrals.isel(density=place).sel(pruning=method) / density
        pairs[name] = without + ones.isel(density=place).sel(pruning=method), without
    return ratios(pairs)


def mode_speeds(modes: xr.Dataset) -> Estimates:
    """Return how fast modes of the error decay over what is expected, geometric means over modes."""
    speed = np.exp(np.log(speeds(modes.isel(width=-1))).mean("mode"))
    sparse = speed.sel(density=speed.density < 1.0)
    return ratios(
        {
            f"{targets} targets ({_percent(d)})": (sparse.sel(density=d, targets=targets), 1.0)
            for d in sparse.density
            for targets in sparse.targets.values
        }
    )


def random_exponent(spectra: xr.Dataset) -> Estimates:
    """Return the power of the path density in the traces of Random's kernels."""
    trace = spectra.trace.isel(digits=-1).sel(pruning="random", road="re-drawn")
    paths = spectra.path_density.sel(pruning="random")
    x, y = (np.log(array).transpose("trial", "density").values for array in (paths, trace))
    return {"": interval([stats.linregress(*pair).slope for pair in zip(x, y, strict=True)])}


def random_energy(spectra: xr.Dataset) -> Estimates:
    """Return Random's energy minus the dense network's, largest difference."""
    energy = spectra.energy.isel(digits=-1)
    gap = energy.sel(pruning="random", road="sampled") - energy.sel(pruning="dense", road="kept")
    each = [interval(gap.sel(density=at), gap.sizes["density"]) for at in gap.density]
    return {"": max(each, key=lambda estimate: abs(estimate.value))}


def concentration(spectra: xr.Dataset) -> Estimates:
    """Return energies minus Random's, at the largest sparsity."""
    energy = spectra.energy.isel(digits=-1, density=-1)
    energy = energy - energy.sel(pruning="random")
    roads = {"in the graphons": "sampled", "with kept weights": "kept"}
    return intervals(
        {
            f"{METHOD_NAMES[method]} {name}": energy.sel(pruning=method, road=road)
            for name, road in roads.items()
            for method in ("snip", "synflow")
        }
    )


# Training


def faster_start(training: xr.Dataset, method: str) -> Estimates:
    """Return Random's training loss over a method's, in one family with those of another method."""
    loss = _loss(training).rename(pruning="variant").drop_sel(variant="grasp")
    pairs = {name: ("random", name) for name in ("snip", "synflow")}
    level = 1 - 0.05 / loss.sizes["density"]
    return {
        _percent(at): _compared(compare(of, pairs, margin=LEAD, confidence=level)[method], of)
        for at, of in zip(loss.density, loss.transpose("density", ...), strict=True)
    }


def _compared(one: tuple[float, ...], losses: xr.DataArray) -> Estimate:
    return Estimate(*one[:3], int(complete_trials(losses).sum()))


def _of_all(one: tuple[float, ...], result: xr.Dataset) -> Estimate:
    return Estimate(*one[:3], result.sizes["trial"])


def _loss(training: xr.Dataset) -> xr.DataArray:
    step = min(STEP, training.sizes["step"])
    return loss_at(training, [step]).isel(at=0).astype(np.float64)


def energy_and_speed(spectra: xr.Dataset, training: xr.Dataset) -> Estimates:
    """Return rank correlations of energy and speed among the paper's three methods.

    None where training is at one sparsity.
    """
    if training.sizes["density"] == 1:
        return {}
    three = {"pruning": ["random", "snip", "synflow"]}
    found = _predictions(spectra.sel(three), _loss(training).sel(three)).sel(quantity="energy")
    names = {
        "within a sparsity": "within sparsities",
        "over all sparsities (this book)": "across sparsities",
    }
    return {name: _estimate(found.sel(comparison=at), spectra) for name, at in names.items()}


def indicators(spectra: xr.Dataset, training: xr.Dataset) -> Estimates:
    """Return rank correlations of two quantities of the Graphon NTK with speed, over sparsities.

    None where training is at one.
    """
    if training.sizes["density"] == 1:
        return {}
    loss, found = _loss(training), {}
    groups = {"three methods": ["random", "snip", "synflow"], "five methods": [*METHOD_NAMES]}
    for group, names in groups.items():
        at = _predictions(spectra.sel(pruning=["dense", *names]), loss.sel(pruning=names))
        at = at.sel(comparison="across sparsities")
        for quantity in ("trace", "energy"):
            found[f"{quantity}, {group}"] = _estimate(at.sel(quantity=quantity), spectra)
    return found


def beside_the_indicator(spectra: xr.Dataset, training: xr.Dataset) -> Estimates:
    """Return what puts the trace's rank correlation with speed in its place, for three methods.

    That of the density, which is known without a kernel, and that of the trace within a sparsity.
    """
    three = ["random", "snip", "synflow"]
    loss = _loss(training).sel(pruning=three).expand_dims("at")
    trace = known_before(spectra.isel(digits=-1), "sampled").sel(quantity=["trace"], pruning=three)
    density = xr.ones_like(trace) * trace.density
    found = {
        "density": predictions(density, loss).sel(comparison="across sparsities"),
        "trace within a sparsity": predictions(trace, loss).sel(comparison="within sparsities"),
    }
    return {name: _estimate(one.isel(at=0, quantity=0), spectra) for name, one in found.items()}


def _predictions(spectra: xr.Dataset, loss: xr.DataArray) -> xr.DataArray:
    known = known_before(spectra.isel(digits=-1), "sampled")
    # On other data not all trials were trained at every sparsity.
    return predictions(known, loss.dropna("trial").expand_dims("at")).isel(at=0)


def _estimate(statistics: xr.DataArray, spectra: xr.Dataset) -> Estimate:
    values = statistics.sel(statistic=["value", "lower", "upper"]).values
    return Estimate(*map(float, values), spectra.sizes["trial"])


def _sparsest(result: xr.Dataset) -> xr.Dataset:
    return result.sel(density=result.density.min())


def scale_taken_and_given(changed: xr.Dataset, training: xr.Dataset) -> Estimates:
    """Return training losses of Random over Random rescaled, and of dense at Random's scale over dense.

    In the family of all comparisons of interventions.
    """
    loss = _loss(_sparsest(beside_pruned(changed, training)))
    found = compared(loss)
    value, lower, upper = found["rescaling"][:3]
    return {
        "Random / rescaled": _compared((1 / value, 1 / upper, 1 / lower), loss),
        "dense at Random's scale / dense": _compared(found["volume"], loss),
    }


def scale_share(changed: xr.Dataset, training: xr.Dataset) -> Estimates:
    """Return the share of the gap between Random and dense that one factor per layer closes."""
    both = _sparsest(beside_pruned(changed, training))
    both = both.isel(variant=(both.pruning != "grasp").values)
    names = "random: as pruned", "random: rescaled", "dense: as pruned"
    last = both.test_loss.isel(evaluation=-1)
    losses = {f"training, update {STEP}": _loss(both), f"test, update {int(last.evaluation)}": last}
    return {at: _share(loss, *names) for at, loss in losses.items()}


def layers_of_lead(changed: xr.Dataset) -> Estimates:
    """Return the share that SynFlow's layer densities have in its masks' lead over Random's.

    Test losses at equal scale and with new weights; densities alone: masks shuffled within layers.
    """
    loss = _sparsest(changed).test_loss.isel(evaluation=-1)
    loss = loss[{"variant": loss.pruning != "grasp"}]
    masks = "random: rescaled", "synflow: shuffled, rescaled", "synflow: re-drawn, rescaled"
    return {"": _share(loss, *masks)}


def _share(losses: xr.DataArray, start: str, moved: str, end: str) -> Estimate:
    """Return a share of the way from greater losses to smaller ones; none if they are not smaller."""
    way = np.log(losses.sel(variant=start) / losses.sel(variant=end)).mean()
    found = paired_share(losses, start, moved, end) if way > 0.0 else (np.nan, -np.inf, np.inf)
    return _compared(found, losses)


def at_equal_scale(
    changed: xr.Dataset, training: xr.Dataset, comparisons: dict[str, str]
) -> Estimates:
    """Return ratios of training losses, of some of the comparisons that are judged together."""
    loss = _loss(_sparsest(beside_pruned(changed, training)))
    found = compared(loss)
    return {name: _compared(found[of], loss) for name, of in comparisons.items()}


# Designs


def errors_over(result: xr.Dataset, pairs: Mapping[str, tuple[str, str]]) -> Estimates:
    """Return test errors of some masks over those of others, by sparsity."""
    return {
        f"at {100 * (1 - density):g} % (over {VARIANTS[pairs[name][1]]})": _of_all(one, result)
        for density, judged in compared_errors(result, pairs).items()
        for name, one in judged.items()
    }


def errors_over_rivals(result: xr.Dataset, ending: str) -> Estimates:
    """Return test errors of the design over those of published methods, by sparsity.

    Of those whose names have this ending, in one family with all comparisons on all data.
    """
    judged = compared_errors(result, RIVAL_COMPARISONS, settings=RIVAL_SETTINGS)
    return {
        f"at {100 * (1 - density):g} % (over {label})": _of_all(of[name + ending], result)
        for density, of in judged.items()
        for name, label in RIVALS.items()
        if name + ending in of
    }


MOVING_WIDTH = 1024
"""Of networks whose masks move, where there are five."""


def flips_elsewhere(result: xr.Dataset) -> Estimates:
    """Return flips of masks of the largest weights over those if what training added stood elsewhere."""
    words = {
        "descent": "descent",
        "adam, scaled": "Adam, rate over width",
        "adam": "Adam, one rate",
    }
    of = result.sel(density=0.1, width=2048).mean("hidden_mask").dropna("trial")
    return ratios(
        {name: (of.flips.sel(rate=at), of.shuffled.sel(rate=at)) for at, name in words.items()}
    )


def mixture(result: xr.Dataset) -> Estimates:
    """Return slopes of degrees on the first ones after SET over those of a mixture, by start."""
    starts, found = ("random", "snip", "synflow"), {}
    for start in starts:
        expected, slope = moving_masks.contraction(result, f"set: {start}", MOVING_WIDTH)
        last = {"progress": -1}
        pair = (of.isel(last).mean("hidden_mask") for of in (slope, expected))
        found[METHOD_NAMES[start]] = ratio(*pair, len(starts))
    return found


def spread_of_starts(result: xr.Dataset) -> Estimates:
    """Return the deviation of fan-in after RigL, beyond chance, over that from random masks, by start."""
    of = result.row_spread.sel(width=MOVING_WIDTH, weight_layer=result.hidden_mask.values)
    last = np.sqrt(of.isel(progress=-1).mean("weight_layer").dropna("trial").clip(0.0))
    random = last.sel(variant="rigl: random")
    return ratios(
        {
            METHOD_NAMES[start]: (last.sel(variant=f"rigl: {start}"), random)
            for start in ("snip", "synflow")
        }
    )


def moving_errors(result: xr.Dataset, pairs: Mapping[str, str]) -> Estimates:
    """Return test errors of networks whose masks move over others, names of comparisons by words."""
    judged = moving_masks.compared_errors(result)
    return {words: _of_all(judged[name], result) for words, name in pairs.items()}


def tuned_masks(result: xr.Dataset) -> Estimates:
    """Return test errors of RigL's last masks with new weights over random ones, at rates of their own."""
    return {"": _of_all(tuned_moves.compared_errors(result)["masks"], result)}


def flow_shares(result: xr.Dataset) -> Estimates:
    """Return shares of the change of block densities that RigL's flow explains in the end, by start."""
    last = explained(result).sel(flow="driven").isel(move=-1)
    starts = map(str, result.start.values)
    return intervals({METHOD_NAMES[start]: at_largest_width(last, start) for start in starts})


# Architectures


def architecture_exponents(convolutions: xr.Dataset, streams: xr.Dataset) -> Estimates:
    """Return exponents of kernel errors in the width, by least squares over networks and widths."""
    channels = convolutions.error.sel(pooling="average", theory="graphon")
    designs = {
        f"convolution ({name})": channels.sel(design=name) for name in channels.design.values
    }
    for name in streams.network.values:
        kind, _, graphons = str(name).partition(", ")
        if not kind.endswith("Norm"):  # Came later, and are not of the claim.
            designs[f"{kind} ({graphons})"] = streams.error.sel(network=name)
    return {name: _exponent(error, len(designs)) for name, error in designs.items()}


CHANNELS = 128
"""Channels of the masks of convolutions of which there are ten networks."""


def channel_shapes(masks: xr.Dataset) -> Estimates:
    """Return how far shapes of channel graphons are from those of twice the channels.

    Root mean square over blocks and the convolutions between the first and the last, freed of noise;
    the means of bootstrap intervals of single layers, each of level 95 %.
    """
    of_layers = masks.sel(architecture="convolutional", padding="zeros", scope="layer")
    at = of_layers.distance.sel(width=CHANNELS, other_width=2 * CHANNELS)
    counted = of_layers.layer_density.sel(width=2 * CHANNELS, weight_layer=3)
    found = {}
    for method, name in METHOD_NAMES.items():
        of = at.sel(pruning=method, inner_convolution=[3, 4]).mean("inner_convolution")
        ends = of.sel(statistic=["squared", "lower", "upper"]).values.astype(np.float64)
        count = int(counted.sel(pruning=method).notnull().sum())
        found[name] = Estimate(*np.sqrt(ends.clip(0.0)).tolist(), count)
    return found


def separable_share(law: xr.Dataset) -> Estimates:
    """Return the share of the closed formula's variance that the nearest product has, by method.

    Of the convolutions in the middle.
    """
    at = law.separable.sel(architecture="convolutional", width=CHANNELS).isel(
        images=-1, layer=[2, 3]
    )
    at = at.mean("layer").dropna("trial", how="all")
    return intervals({METHOD_NAMES[m]: at.sel(pruning=m) for m in ("snip", "grasp")})


NORMALISED = {"transformer": "", "transformer-norm": " with LayerNorm"}


def queries_kept(masks: xr.Dataset) -> Estimates:
    """Return the part of all kept weights that queries and keys have, by method and architecture."""
    share = kept_share(masks, ("query", "key")).sel(width=256, sharpness=1.0)
    return intervals(
        {
            METHOD_NAMES[method] + words: share.sel(pruning=method, architecture=name).dropna(
                "trial"
            )
            for method in ("snip", "grasp", "synflow")
            for name, words in NORMALISED.items()
        }
    )


def architecture_losses(
    result: xr.Dataset, pairs: Mapping[str, str], normalised: bool | None
) -> Estimates:
    """Return test losses of random masks over those of methods, by architecture.

    Names of comparisons by methods; of architectures with normalisation alone, or of all.
    """
    judged = architecture_training.compared(
        result.test_loss, architecture_training.LONG_COMPARISONS
    )
    return {
        f"{ARCHITECTURES[name].label} ({words})": _of_all(comparisons[pair], result)
        for name, comparisons in judged.items()
        if normalised is None or name.endswith("-norm") == normalised
        for words, pair in pairs.items()
    }
