"""Masks that are designed, beside masks that are found: which ends where, with equally many weights.

Registered before anything was run, but for pilots on other seeds and the same test images that chose
the fan-in of :func:`~graphon_lib.graphons.design` and the list of learning rates:

- *outcome*: the error (one minus the accuracy) on the official test images after the last update;
- *primary comparisons* (:data:`COMPARISONS`): the design with pixels against ERK, SNIP and SynFlow,
  all at restored scale. Ratios of geometric means over ten paired networks, Holm within a density,
  Bonferroni over the densities;
- *equivalence*: errors that differ by less than a tenth are equal (:data:`MARGIN`);
- *learning rate*: for every variant and density the one of a short list that has the least training
  loss over its last updates, on a network that is not among the ten.

All else (other designs, loss after 50 and 200 updates) is described and not tested. The grid was cut
to two densities and one data set for want of time after runs had begun, before a result was looked at.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from contextlib import suppress
from itertools import pairwise
from types import MappingProxyType
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray
from torch import Tensor

from graphon_lib._checks import check_choice
from graphon_lib.experiments.data import Batch
from graphon_lib.experiments.digits import Data, nested_batch
from graphon_lib.experiments.experiment import Case, Experiment, profiles
from graphon_lib.experiments.paired import Comparison, compare
from graphon_lib.experiments.pruned import Pruned, Trial, start_trial
from graphon_lib.experiments.roads import road_kernel
from graphon_lib.experiments.training_run import train
from graphon_lib.experiments.tuned_training import tuning_loss
from graphon_lib.graphons.design import design
from graphon_lib.graphons.layer_densities import erk_densities, layer_sizes, uniform_masks
from graphon_lib.graphons.network import GraphonNetwork, path_density
from graphon_lib.graphons.path_optimum import narrowed_network
from graphon_lib.pruning.density_rates import density_rates
from graphon_lib.pruning.eigenfunctions import fit_eigenfunctions
from graphon_lib.pruning.masks import DisconnectedWarning
from graphon_lib.pruning.methods import METHODS, prune
from graphon_lib.pruning.neuron_scale import rescale_neurons
from graphon_lib.pruning.node_path import npb_masks
from graphon_lib.pruning.ntk_sap import ntk_sap_masks
from graphon_lib.pruning.rescale import rescale_signal
from graphon_lib.pruning.walks import phew_masks

__all__ = [
    "AS_PUBLISHED",
    "BLOCKS",
    "COMPARISONS",
    "DESIGNED_MASKS",
    "EIGENFUNCTIONS",
    "FITTED",
    "FRACTIONS",
    "MARGIN",
    "OVER_DENSITY",
    "PER_NEURON",
    "RATES",
    "RE_DRAWN",
    "RIVALS",
    "ROUNDS",
    "SETTINGS",
    "SHUFFLED",
    "VARIANTS",
    "compared_errors",
    "dense_units",
    "designed_masks",
    "first_updates",
]

VARIANTS = MappingProxyType(
    {
        "dense": "Dense, as many weights",
        "random": "Random",
        "erk": "ERK",
        "snip": "SNIP",
        "synflow": "SynFlow",
        "paths": "Most paths",
        "fan-in": "Fan-in",
        "pixels": "Fan-in, pixels",
        "aligned": "Fan-in, aligned",
    }
)
"""What is compared, and how it is written; the last four are designs."""

RIVALS = MappingProxyType(
    {
        "snip": "SNIP",
        "iterative-snip": "Iterative SNIP",
        "grasp": "GraSP",
        "synflow": "SynFlow",
        "phew": "PHEW",
        "ntk-sap": "NTK-SAP",
        "npb": "NPB, α = 0.01",
        "npb 0.5": "NPB, α = 0.5",
        "npb 0.99": "NPB, α = 0.99",
    }
)
"""Published methods, and how they are written."""

AS_PUBLISHED = ", as published"
"""What the name of a rival ends in where no scale is restored."""

PER_NEURON = ", per neuron"
"""What a name ends in where every neuron has a number of its own, and layers have none."""

SHUFFLED = ", shuffled"
"""What a name ends in where the entries of every layer's mask are shuffled, and scale is restored."""

RE_DRAWN = ", re-drawn"
"""What a name ends in where weights are drawn anew under the mask, and scale is restored."""

OVER_DENSITY = ", rates over densities"
"""What a name ends in where a layer's rate is over its density: :func:`~graphon_lib.pruning.density_rates`."""

FITTED = ", eigenfunctions fitted"
"""What a name ends in where weights begin at :func:`~graphon_lib.pruning.fit_eigenfunctions`."""

ENDINGS = (AS_PUBLISHED, PER_NEURON, SHUFFLED, RE_DRAWN, OVER_DENSITY, FITTED)
"""All of them; a name has one at most."""

EIGENFUNCTIONS = 10
"""How many are fitted, of the Graphon NTK of the mask."""

BLOCKS = 16
"""Of each hidden layer, in the graphons of that kernel."""

FRACTIONS = (1.0, 0.5, 0.25, 0.125, 0.0625, 0.03125, 0.015625, 0.0)
"""Of the step that fits them in the limit: the one that fits best is taken."""

COMPARISONS = MappingProxyType({name: ("pixels", name) for name in ("erk", "snip", "synflow")})
"""Errors that are compared, the first over the second: named before the runs were made."""

MARGIN = 1.1
"""Errors that differ by less than a tenth count as equal."""

ROUNDS = 100
"""Of the methods that prune in rounds."""

SETTINGS = 2
"""Densities that are judged together."""


def designed_masks(
    *,
    seed: int,
    variant: str,
    density: float,
    hidden: Sequence[int],
    rates: Sequence[float],
    trials: int,
    seen: int,
    early: Sequence[int],
    steps: int,
    data: Data,
    **descent: Any,  # noqa: ANN401
) -> dict[str, NDArray]:
    """Make masks of one kind for several networks, restore their scale, and train them.

    Returns ``tuning_loss`` (learning_rate) and ``chosen_rate``, of network 0. Of the `trials`
    others ``test_accuracy`` (trial), after the last update; ``training_loss`` (trial, update), the
    mean over the ten batches before; and of their masks ``path_density`` and ``kept``, the number of
    weights (trial), and ``units`` (trial, hidden_layer), those with weights on either side. Where
    eigenfunctions are fitted ``left`` (trial, fraction), of
    :func:`~graphon_lib.pruning.fit_eigenfunctions`.

    Parameters
    ----------
    seed
        With the number of a network, it seeds weights, pruning batch and training batches: all
        variants start from the same.
    variant, density
        One of :data:`VARIANTS`, :data:`RIVALS` or :data:`~graphon_lib.pruning.METHODS`, whose scale is
        restored unless :data:`AS_PUBLISHED` or :data:`PER_NEURON` is added, or ``"fan-in 8"`` for a
        fan-in other than that of the design and ``"npb 0.99"`` for another weight of nodes, with
        :data:`OVER_DENSITY` or :data:`FITTED` where it is trained so, :data:`SHUFFLED` where its layer
        densities alone are taken and :data:`RE_DRAWN` where the mask is, with other weights; and the
        kept fraction of all weights.
    hidden
        Widths of the hidden layers.
    rates
        Learning rates to choose from.
    seen
        Training images that designs with data see: ``"pixels"`` alone, ``"aligned"`` with labels;
        and on which eigenfunctions are fitted, with labels.
    early
        Numbers of updates at which the training loss is recorded, of at most `steps`.
    steps, **descent
        As of :func:`~graphon_lib.experiments.training_run.train`.
    """
    kind, comma, ending = variant.partition(",")
    if comma:
        check_choice("what variant ends in", comma + ending, ENDINGS)
    check_choice("variant", kind.partition(" ")[0], {**VARIANTS, **RIVALS, **METHODS})
    images = data.load()
    widths = (images.x_train.shape[1], *hidden, images.classes)

    def trained(number: int, rate: float) -> dict[str, NDArray]:
        trial = start_trial(images, widths, (seed, number), initialisation=data.initialisation)
        # The trial has taken the first three.
        batches, drawn = np.random.SeedSequence((seed, number)).spawn(5)[3:]
        model = trial.model
        rng = np.random.default_rng(drawn)
        batch = nested_batch(images, seen, number)
        model.masks = _masks(kind, trial, density, batch, rng)
        if variant.endswith(SHUFFLED):
            # Uniformly random entries, as many as were kept, have the law of shuffled ones.
            shares = [float(mask.double().mean()) for mask in model.masks]
            model.masks = uniform_masks(widths, shares, rng)
        if variant.endswith(RE_DRAWN):
            model.redraw(trial.generator)
        if variant.endswith(PER_NEURON):
            rescale_neurons(model)
        elif not variant.endswith(AS_PUBLISHED):
            # A network that lets nothing through is refused, and trained as it is, with a flat curve.
            with suppress(ValueError):
                rescale_signal(model, trial.x)
        fitted = {"left": _fit(trial, batch)} if variant.endswith(FITTED) else {}
        over_density = variant.endswith(OVER_DENSITY)
        before = fitted | {
            "path_density": np.float64(path_density(model.masks)),
            "kept": np.int64(sum(int(mask.sum()) for mask in model.masks)),
            "units": _units(model.masks),
        }
        order = np.random.default_rng(batches)
        run = train(
            model,
            images,
            learning_rate=rate,
            steps=steps,
            evaluated=[steps] if number else [],
            rng=order,
            rates=density_rates(model.masks, rate) if over_density else None,
            **descent,
        )
        return before | {
            "loss": run.loss,
            "training_loss": np.array([run.loss[max(at - 10, 0) : at].mean() for at in early]),
            "test_accuracy": run.test_accuracy[-1:].sum(),
        }

    tried = [tuning_loss(trained(0, rate)["loss"]) for rate in rates]
    chosen = rates[int(np.argmin(tried))]
    runs = [trained(number, chosen) for number in range(1, trials + 1)]
    names = runs[0].keys() - {"loss"}
    return {name: np.stack([run[name] for run in runs]) for name in names} | {
        "tuning_loss": np.array(tried),
        "chosen_rate": np.float64(chosen),
    }


def dense_units(widths: Sequence[int], count: int) -> tuple[int, ...]:
    """Return the widths of the widest dense network in proportion with at most so many weights.

    A hidden layer has one unit at least.
    """
    widest = max(widths[1:-1])
    for units in range(widest, 0, -1):
        hidden = (max(1, round(width * units / widest)) for width in widths[1:-1])
        used = (widths[0], *hidden, widths[-1])
        if layer_sizes(used).sum() <= count:
            return used
    raise ValueError(f"count must be {layer_sizes(used).sum()} weights at least, got {count}")


def compared_errors(
    result: xr.Dataset,
    pairs: Mapping[str, tuple[str, str]] = COMPARISONS,
    *,
    settings: int = SETTINGS,
    pooled: bool = True,
) -> dict[float, dict[str, Comparison]]:
    """Judge comparisons of errors on one data set, by density; so many settings are one family.

    The spread is that of all variants compared, or `pooled` is false.
    """
    errors = 1.0 - result.test_accuracy.astype(np.float64)
    found, names = {}, list(dict.fromkeys(name for pair in pairs.values() for name in pair))
    for density in errors.density.values:
        of = (
            errors.sel(density=density, drop=True)
            .reindex(variant=names)
            .dropna("variant", how="all")
        )
        there = {name: pair for name, pair in pairs.items() if set(pair) <= {*of.variant.values}}
        judged = compare(of, there, margin=MARGIN, confidence=1.0 - 0.05 / settings, pooled=pooled)
        found[float(density)] = {
            name: one._replace(p=min(1.0, settings * one.p)) for name, one in judged.items()
        }
    return found


def _masks(
    kind: str, trial: Trial, density: float, seen: Batch, rng: np.random.Generator
) -> Sequence[Tensor | NDArray]:
    model = trial.model
    if kind in METHODS:
        ((_, masks),) = trial.masks(kind, [density])
        return masks
    with warnings.catch_warnings():
        # Layers without weights are recorded; they are nothing to be told of.
        warnings.simplefilter("ignore", DisconnectedWarning)
        if kind == "iterative-snip":
            return prune(model, "snip", density, trial.x, trial.y, rounds=ROUNDS)
        if kind == "ntk-sap":
            return ntk_sap_masks(model, density, trial.generator, rounds=ROUNDS)
    if kind == "phew":
        return phew_masks(model, density, trial.generator)
    if kind.startswith("npb"):
        alpha = float(kind.partition(" ")[2] or 0.01)
        shares = erk_densities(model.widths, density)
        return npb_masks(model, shares, trial.generator, alpha=alpha)
    widths = model.widths
    if kind.startswith("fan-in "):
        target = design(widths, density, fan_in=float(kind.split()[1]))
        return target.sample_masks(widths, rng, exact=True)
    if kind == "erk":
        return uniform_masks(widths, erk_densities(widths, density), rng)
    target = {
        "dense": lambda: _dense(widths, density),
        "paths": lambda: design(widths, density, objective="paths"),
        "fan-in": lambda: design(widths, density),
        "pixels": lambda: design(widths, density, seen.x),
        "aligned": lambda: design(widths, density, seen, objective="alignment"),
    }[kind]()
    return target.sample_masks(widths, rng, exact=True)


def _fit(trial: Trial, batch: Batch) -> NDArray[np.float64]:
    """Fit labels, one-hot and centred, along eigenfunctions of the mask's Graphon NTK."""
    model = trial.model
    network = Pruned(trial, [mask.numpy() for mask in model.masks], "", BLOCKS)
    kernel = road_kernel("theory, second moments", network, batch.x.astype(np.float64))
    labels = np.eye(model.widths[-1])[batch.y]
    return fit_eigenfunctions(
        model,
        kernel,
        batch.x,
        labels - labels.mean(axis=0),
        count=EIGENFUNCTIONS,
        fractions=FRACTIONS,
    )


def _dense(widths: Sequence[int], density: float) -> GraphonNetwork:
    used = dense_units(widths, round(density * layer_sizes(widths).sum()))
    return narrowed_network(np.divide(used[1:-1], widths[1:-1]), np.ones(len(widths) - 1))


def _units(masks: Sequence[Tensor]) -> NDArray[np.int64]:
    return np.array(
        [int((before.any(dim=1) & after.any(dim=0)).sum()) for before, after in pairwise(masks)]
    )


def first_updates(density: float, variants: Sequence[str]) -> Case:
    """Return the part of a result that tests compute again: masks, and ten updates at one rate."""
    settings = {"rates": [0.01], "trials": 1, "steps": 10, "early": [10]}
    return Case(
        {"grid": {"density": [density], "variant": variants}, **settings},
        ["path_density", "kept", "units"],
    )


PLACE = ("variant", "density")
RATES = [0.001, 0.003, 0.01, 0.03]
"""Learning rates to choose from."""

DESIGNED_MASKS = Experiment(
    name="designed-masks",
    cell=designed_masks,
    variables={
        "training_loss": (*PLACE, "trial", "update"),
        "test_accuracy": (*PLACE, "trial"),
        "path_density": (*PLACE, "trial"),
        "kept": (*PLACE, "trial"),
        "units": (*PLACE, "trial", "hidden_layer"),
        "tuning_loss": (*PLACE, "learning_rate"),
        "chosen_rate": PLACE,
    },
    coords={
        "trial": lambda trials, **_: range(1, trials + 1),
        "update": "early",
        "hidden_layer": lambda hidden, **_: range(1, len(hidden) + 1),
        "learning_rate": "rates",
    },
    **profiles(
        grid=(
            [
                {"density": [0.005], "variant": ["pixels", "synflow", "erk", "snip", "fan-in"]},
                {"density": [0.02], "variant": list(VARIANTS)},
                {"density": [0.005], "variant": ["dense", "random", "paths"]},
            ],
            {"density": [0.1, 0.05], "variant": list(VARIANTS)},
        ),
        hidden=([300, 100], [40, 20]),
        rates=(RATES[1:], [0.01, 0.03]),
        trials=(10, 2),
        seen=(1000, 100),
        optimizer="adam",
        steps=(600, 10),
        early=([50, 200], [5, 10]),
        batch_size=64,
        full=(True, False),
    ),
    case=Case(
        {
            "grid": {"density": [0.02], "variant": ["erk", "pixels"]},
            "rates": [0.01],
            "trials": 1,
            "steps": 50,
            "early": [50],
        },
        ["path_density", "kept"],
        ["kept"],
    ),
)
