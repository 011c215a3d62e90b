"""Explorer of the chapters on training: losses by method, density and intervention."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial

import numpy as np
import xarray as xr

from graphon_lib.book.explorers.explorer import Control, Explorer, choice
from graphon_lib.book.explorers.view import LineChart, Number, Series, View
from graphon_lib.book.looks import Look
from graphon_lib.book.style import label_of, look_of
from graphon_lib.experiments.intervention_training import variant_name

__all__ = ["kept_energy", "training_by_data", "training_explorer"]

AS_PRUNED = "as pruned"

WINDOW = 4
"""Losses of batches are averaged over so many updates."""

CEILING = 10.0
"""Greater losses are drawn here, those of runs that diverged among them."""


def training_explorer(
    training: xr.Dataset, interventions: xr.Dataset, energy: xr.DataArray
) -> Explorer:
    """Return the explorer of the results on training, by method, intervention and density.

    Of datasets of :func:`graphon_lib.experiments.training.training` and, of the same profile,
    :data:`graphon_lib.experiments.intervention_training.INTERVENTION_TRAINING`. `energy` is the share of
    the five largest eigenvalues in the trace of the measured tangent kernel with kept weights, dimensions
    (pruning, density, trial), of some of the methods and densities.
    """
    methods = [str(name) for name in training.pruning.values]
    densities = sorted(float(density) for density in training.density.values)
    shown = {density: f"{density:g}" for density in densities}
    names = [AS_PRUNED, *dict.fromkeys(str(name) for name in interventions.intervention.values)]
    training, interventions = training.load(), interventions.load()
    return Explorer(
        name="training",
        title="Explore: how fast pruned networks learn",
        controls=(
            Control("method", "Method", {method: label_of(method) for method in methods}, "snip"),
            Control("intervention", "Intervention", {name: name for name in names}, AS_PRUNED),
            Control("density", "Density of the network", shown, densities[0], slider=True),
        ),
        model=partial(_view, training, interventions, energy.load()),
        missing=partial(_missing, interventions),
    )


def training_by_data(results: Mapping[str, Sequence[xr.Dataset]]) -> Explorer:
    """Return the same with a further control, for several data sets by their names.

    Each has the results on training, on interventions and of
    :func:`graphon_lib.experiments.spectra.spectra`.
    """
    explorers = {
        name: training_explorer(training, changed, kept_energy(spectra))
        for name, (training, changed, spectra) in results.items()
    }
    return choice("data", "Data", explorers)


def kept_energy(spectra: xr.Dataset) -> xr.DataArray:
    """Return the energy that the explorer draws, of the result on spectra."""
    return spectra.energy.sel(road="kept").isel(digits=-1)


def _view(
    training: xr.Dataset,
    interventions: xr.Dataset,
    energy: xr.DataArray,
    *,
    method: str,
    intervention: str,
    density: float,
) -> View:
    """Show how a pruned network learns, as pruned and after an intervention, beside a random one.

    Training losses are means of four updates, with the least and the greatest over trials; path
    density and energy are drawn by density, of the method and of random pruning, as pruned. Whatever
    is chosen at a density, curves are of the updates and trials that all runs at it have.
    """
    lines = _runs(training, interventions, method, intervention, density)
    steps = min(training.sizes["step"], interventions.sizes["step"]) // WINDOW * WINDOW
    trials = _common_trials(training, interventions, density)
    losses = {
        name: _losses(run.isel(step=slice(steps), trial=trials)) for name, (_, run) in lines.items()
    }
    last = {name: float(mean[-1]) for name, (mean, _, _) in losses.items()}
    listed = "; ".join(f"{name} {value:.3g}" for name, value in last.items())
    paths = float(training.path_density.sel(pruning=method, density=density).mean("trial"))
    return View(
        panels=(
            LineChart(
                title="Training loss",
                x=WINDOW * np.arange(steps // WINDOW) + (WINDOW - 1) / 2,
                series=tuple(
                    Series(name, mean, lines[name][0], low, high)
                    for name, (mean, low, high) in losses.items()
                ),
                x_label="update",
                y_label="cross-entropy",
                description=(
                    f"At the end of {steps} updates: {listed}. Bands reach from the least to the "
                    f"greatest of the trials; losses above {CEILING:g} are drawn there."
                ),
            ),
            _by_density("Path density", training.path_density, method, density, "log"),
            _by_density("Energy", energy, method, density, "linear"),
        ),
        summary=(
            f"{label_of(method)} at density {density:g}, {intervention}. Mean training loss of the "
            f"last {WINDOW} of {steps} updates: {listed}. "
            f"As pruned, the path density is {paths:.3g}."
        ),
        numbers=(
            *(Number(f"Loss, {name}", value) for name, value in last.items()),
            Number("Path density, as pruned", paths),
            Number("Networks", len(trials)),
        ),
    )


def _missing(interventions: xr.Dataset, *, method: str, intervention: str, density: float) -> str:
    """Return what to say of an intervention that was not made on a method at a density."""
    made = intervention == AS_PRUNED or _changed(
        interventions, variant_name(method, intervention), density
    )
    return "" if made else "not trained"


def _changed(interventions: xr.Dataset, variant: str, density: float) -> bool:
    """Return whether there is a run of a variant at a density."""
    if variant not in interventions.variant.values or density not in interventions.density.values:
        return False
    return bool(interventions.loss.sel(variant=variant, density=density).notnull().any())


def _common_trials(training: xr.Dataset, interventions: xr.Dataset, density: float) -> np.ndarray:
    """Return the trials of all runs at a density: equal ones start from one network and batch."""
    runs = [training.loss.sel(density=density)]
    if density in interventions.density.values:
        changed = interventions.loss.sel(density=density)
        runs.append(changed[changed.notnull().any(["trial", "step"])])
    known = [run.notnull().all([name for name in run.dims if name != "trial"]) for run in runs]
    count = min(map(len, known))
    return np.flatnonzero(np.all([one.values[:count] for one in known], axis=0))


def _runs(
    training: xr.Dataset,
    interventions: xr.Dataset,
    method: str,
    intervention: str,
    density: float,
) -> dict[str, tuple[Look, xr.DataArray]]:
    """Return look and losses of the curves to draw, by the label of each."""
    lines = {
        label_of(name): (look_of(name), training.loss.sel(pruning=name, density=density))
        for name in dict.fromkeys((method, "random"))
    }
    variant = variant_name(method, intervention)
    if intervention != AS_PRUNED:
        changed = interventions.loss.sel(variant=variant, density=density)
        lines[label_of(variant)] = (look_of(variant), changed)
    return lines


def _losses(loss: xr.DataArray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return mean, least and greatest loss over trials, in means of :data:`WINDOW` updates."""
    values = np.minimum(loss.transpose("trial", "step").values, CEILING)
    windows = values.reshape(len(values), -1, WINDOW).mean(axis=2)
    return windows.mean(axis=0), windows.min(axis=0), windows.max(axis=0)


def _by_density(
    title: str, values: xr.DataArray, method: str, density: float, scale: str
) -> LineChart:
    """Draw what is known before training, of the method and of random pruning."""
    means = values.mean("trial").sortby("density")
    names = [name for name in dict.fromkeys((method, "random")) if name in means.pruning.values]
    lines = {name: means.sel(pruning=name).values for name in names}
    listed = "; ".join(
        f"{label_of(name)} {', '.join(f'{value:.3g}' for value in line)}"
        for name, line in lines.items()
    )
    return LineChart(
        title=f"{title}, as pruned",
        x=means.density.values,
        series=tuple(Series(label_of(name), line, look_of(name)) for name, line in lines.items()),
        x_label="density of the network",
        y_label=title.lower(),
        x_scale="log",
        y_scale=scale,
        marked=density,
        description=(
            f"At densities {', '.join(f'{value:g}' for value in means.density.values)}: {listed}."
        ),
    )
