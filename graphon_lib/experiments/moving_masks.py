"""Masks that move in training: their graphons on the way, and what networks gain by the moves.

Registered before anything was run:

- *outcome* of :data:`MOVING_TRAINING`: the error (one minus the accuracy) on the official test images
  after the last update;
- *comparisons* (:data:`COMPARISONS`): RigL and SET against the random masks that both start from, and
  static networks with RigL's last masks against RigL itself and against random masks. Ratios of
  geometric means over ten paired networks, one family, Holm;
- *equivalence*: errors that differ by less than a tenth are equal (:data:`MARGIN`).

All networks start at restored scale. All else is described and not tested.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from itertools import chain, combinations
from types import MappingProxyType
from typing import Any

import numpy as np
import torch
import xarray as xr
from numpy.typing import NDArray
from torch import Tensor

from graphon_lib._checks import check_choice
from graphon_lib.experiments.data import Images
from graphon_lib.experiments.digits import Data
from graphon_lib.experiments.experiment import Case, Experiment, profiles
from graphon_lib.experiments.paired import Comparison, compare
from graphon_lib.experiments.pruned import LAYERS, Trial, start_network, torch_generator
from graphon_lib.experiments.training_run import train
from graphon_lib.graphons.cut_norm import cut_norm
from graphon_lib.graphons.layer_densities import erk_densities, uniform_masks
from graphon_lib.graphons.motifs import distinct_cycle_ratio
from graphon_lib.graphons.sas import sas
from graphon_lib.ntk.empirical import empirical_ntk
from graphon_lib.ntk.spectra import kernel_target_alignment, spectral_metrics
from graphon_lib.pruning.masks import shuffle_masks
from graphon_lib.pruning.model import MaskedMLP
from graphon_lib.pruning.moving import SCHEDULES, MovingMasks
from graphon_lib.pruning.rescale import rescale_signal, signal_moments

__all__ = [
    "AFTERWARDS",
    "COMPARISONS",
    "ITERATIVE_MASKS",
    "MARGIN",
    "MOVING_GRAPHONS",
    "MOVING_MASKS",
    "MOVING_MASKS_TORCH",
    "MOVING_TRAINING",
    "MOVING_TRAINING_TORCH",
    "STARTS",
    "compared_errors",
    "contraction",
    "moving_masks",
    "network_distances",
]

STARTS = ("random", "erk", "snip", "synflow", "dense")
"""Masks that training starts with; SET, RigL and static networks have one of the first four."""

AFTERWARDS = ("", "frozen", "fresh", "first", "shuffled")
"""What is done to the masks of a schedule: nothing; they stop half way; or a static network is given
the last ones, with new weights, with those that it began with, or with new ones and entries permuted
within layers."""

COMPARISONS: Mapping[str, tuple[str, str]] = MappingProxyType(
    {
        "rigl": ("rigl: erk", "static: erk"),
        "set": ("set: erk", "static: erk"),
        "masks": ("rigl: erk, fresh", "static: erk"),
        "moves": ("rigl: erk", "rigl: erk, fresh"),
    }
)
"""Errors that are compared, the first over the second: named before the runs were made."""

BLOCKS, LEVELS = 16, np.linspace(0.0, 1.0, 33)
"""Blocks a side of histograms, and levels of the quantiles of degrees."""

MARGIN = 1.1
"""Errors that differ by less than a tenth count as equal."""


def moving_masks(
    *,
    seed: int,
    trial: int,
    width: int,
    hidden_layers: int,
    variant: str,
    density: float,
    steps: int,
    rounds: int,
    every: int,
    progress: Sequence[float],
    digits: int,
    data: Data,
    **descent: Any,  # noqa: ANN401
) -> dict[str, NDArray]:
    r"""Train one network while its masks move, and describe both on the way.

    Returns, at each `progress`, ``test_accuracy``; of every weight layer
    ``layer_density``, ``retained``, the share of its first weights that are among the present ones,
    and ``row_spread``, the variance of rows' degrees beyond that of random masks over their squared
    mean; of every mask between hidden layers ``cycles``, its 4-cycles over those of a
    random mask; ``row_slope``, the regression of its rows' degrees on the first ones; and of the kernel
    on some test images ``trace``, ``energy`` and ``centred_alignment``. Of the mask in the middle,
    ``histogram`` (row, column) in order of degree, cross-fitted, and ``degree`` (level), quantiles of
    its rows' degrees over their mean.

    Parameters
    ----------
    seed, trial
        These alone seed the network, its pruning batch and its training batches.
    variant
        A row of :data:`~graphon_lib.pruning.SCHEDULES`, one of :data:`STARTS` and, after a comma, of
        :data:`AFTERWARDS`: ``"rigl: erk"``, ``"rigl: erk, fresh"``.
    density
        Kept fraction of all weights; where masks begin dense, of every layer in the end.
    steps, rounds
        Updates. Iterative pruning is trained so often, its masks moving `rounds` times between.
    every
        Updates between two moves, in the first three quarters of the training.
    progress
        Shares of all updates after which networks are looked at.
    digits
        Test images that kernels are of.
    **descent
        As of :func:`~graphon_lib.experiments.training_run.train`.
    """
    schedule, start = variant.split(": ")
    start, _, after = start.partition(", ")
    check_choice("start", start, STARTS)
    check_choice("what is done afterwards", after, AFTERWARDS)
    images = data.load()
    started = start_network((seed, trial), width=width, hidden_layers=hidden_layers, data=data)
    # The trial has taken the first three.
    batches, drawn, grown = np.random.SeedSequence((seed, trial)).spawn(6)[3:]
    rng = np.random.default_rng(drawn)
    settings: dict[str, Any] = {
        "every": every,
        "until": steps * 3 // (8 if after == "frozen" else 4),
    }
    if schedule == "iterative":
        settings, steps = {"every": steps, "until": rounds * steps}, (rounds + 1) * steps
    if SCHEDULES[schedule].density:
        settings["density"] = density
    watched = {round(share * steps): k for k, share in enumerate(progress)}

    def trained(model: MaskedMLP, moving: str, **moves: Any) -> dict[str, NDArray]:  # noqa: ANN401
        # A network that lets nothing through is trained as it is.
        if start != "dense" and (signal_moments(model, started.x) > 0.0).all():
            rescale_signal(model, started.x)
        first = [mask.numpy().copy() for mask in model.masks]
        looks: dict[int, dict[str, NDArray]] = {}

        def look(step: int) -> None:
            looks[step] = _described(copy.deepcopy(model).cpu(), first, images, digits)

        generator = torch_generator(grown)
        made = partial(
            MovingMasks, model, model.masks, schedule=moving, generator=generator, **moves
        )
        run = train(
            model,
            images,
            steps=steps,
            evaluated=list(watched),
            rng=np.random.default_rng(batches),
            moving=made,
            watched=list(watched),
            watch=look,
            **descent,
        )
        found = {name: np.stack([looks[s][name] for s in watched]) for name in looks[0]}
        return found | {"test_accuracy": run.test_accuracy}

    model = copy.deepcopy(started.model)
    model.masks = _first_masks(start, started, density, rng)
    found = trained(model, schedule, **settings)
    if after in ("", "frozen"):
        return found
    second = copy.deepcopy(started.model)
    if after != "first":
        second.redraw(torch_generator(drawn))
    masks: Sequence[Tensor] = model.masks
    if after == "shuffled":
        masks = shuffle_masks(masks, torch_generator(drawn))
    second.masks = masks
    # Where masks began dense, the scale of what they ended with is to be restored as well.
    start = "erk"
    return trained(second, "static")


def compared_errors(result: xr.Dataset) -> dict[str, Comparison]:
    """Judge :data:`COMPARISONS` of errors at the end of training."""
    errors = 1.0 - result.test_accuracy.isel(progress=-1, width=0, drop=True).astype(np.float64)
    return compare(errors, COMPARISONS, margin=MARGIN)


def contraction(result: xr.Dataset, variant: str, width: int) -> tuple[xr.DataArray, xr.DataArray]:
    r"""Return the slopes of rows' degrees that a mixture with a constant has, and those that are there.

    After the start, by trial, progress and hidden_mask. Of first masks with density p of which a share
    r is kept, and a constant of the same density, :math:`(r - p) / (1 - p)`.
    """
    of = (
        result.sel(variant=variant, width=width)
        .isel(progress=slice(1, None))
        .dropna("trial", how="all")
    )
    between = of.hidden_mask.values
    p, r = (
        of[name].sel(weight_layer=between).rename(weight_layer="hidden_mask")
        for name in ("layer_density", "retained")
    )
    return (r - p) / (1.0 - p), of.row_slope


def network_distances(result: xr.Dataset) -> xr.DataArray:
    """Return certified bounds on how far histograms of networks of one variant are apart.

    In cut norm, dimensions (variant, progress, bound), means over the pairs of networks; of
    :data:`MOVING_GRAPHONS`. Chance alone keeps two masks of one graphon apart.
    """
    pictures = result.histogram.isel(width=0).transpose(
        "variant", "progress", "trial", "row", "column"
    )
    pairs = list(combinations(range(pictures.sizes["trial"]), 2))
    rng = np.random.default_rng(0)
    bounds = np.zeros((*pictures.shape[:2], 2))
    for place in np.ndindex(bounds.shape[:2]):
        of = pictures.values[place].astype(np.float64)
        norms = [cut_norm(of[i] - of[j], rng=rng) for i, j in pairs]
        bounds[place] = np.mean([(norm.lower, norm.upper) for norm in norms], axis=0)
    coords = {name: result[name] for name in ("variant", "progress")}
    return xr.DataArray(
        bounds,
        {**coords, "bound": ["lower", "upper"]},
        ("variant", "progress", "bound"),
    )


def _first_masks(
    start: str, trial: Trial, density: float, rng: np.random.Generator
) -> Sequence[Tensor | NDArray]:
    widths = trial.model.widths
    if start == "dense":
        return [torch.ones_like(mask) for mask in trial.model.masks]
    if start == "random":
        return uniform_masks(widths, [density] * (len(widths) - 1), rng)
    if start == "erk":
        return uniform_masks(widths, erk_densities(widths, density), rng)
    ((_, masks),) = trial.masks(start, [density])
    return masks


def _described(
    model: MaskedMLP, first: Sequence[NDArray], images: Images, digits: int
) -> dict[str, NDArray]:
    """Describe the present masks beside the first ones, and the kernel of the network."""
    masks = [mask.numpy() for mask in model.masks]
    between = range(1, len(masks) - 1)
    x = images.x_test[:digits].astype(np.float64)
    labels = np.eye(images.classes)[images.y_test[:digits]]
    kernel = empirical_ntk(model, x)
    middle = masks[len(masks) // 2]
    picture = sas(middle, BLOCKS, cross_fit=True, rng=np.random.default_rng(0))
    degrees = middle.sum(axis=1)
    return {
        "histogram": np.float32(picture.values),
        "degree": np.float32(np.quantile(degrees / degrees.mean(), LEVELS)),
        "layer_density": np.float32([mask.mean() for mask in masks]),
        "retained": np.float32(
            [(mask & old).sum() / max(old.sum(), 1) for mask, old in zip(masks, first, strict=True)]
        ),
        "row_spread": np.float32([_spread(mask) for mask in masks]),
        "cycles": np.float32([distinct_cycle_ratio(masks[k]) for k in between]),
        "row_slope": np.float32([_slope(masks[k], first[k]) for k in between]),
        "trace": np.float64(np.trace(kernel) / len(kernel)),
        "energy": np.float32(spectral_metrics(kernel).energy),
        "centred_alignment": np.float32(kernel_target_alignment(kernel, labels, centred=True)),
    }


def _spread(mask: NDArray[np.bool_]) -> float:
    """Return the variance of rows' degrees beyond that of random entries, over their mean squared."""
    degrees, share, length = mask.sum(axis=1), mask.mean(), mask.shape[1]
    chance = length * share * (1.0 - share) * (mask.size - length) / (mask.size - 1)
    return float((degrees.var() - chance) / max(degrees.mean(), 1e-12) ** 2)


def _slope(mask: NDArray[np.bool_], first: NDArray[np.bool_]) -> float:
    """Return the slope of the regression of degrees on the first ones, NaN where those are all alike."""
    now, before = (m.sum(axis=1) - m.sum(axis=1).mean() for m in (mask, first))
    return float(now @ before / (before @ before)) if before.any() else np.nan


REGROWING = [
    *("static: random", "static: erk"),
    *(f"{name}: {start}" for name in ("set", "rigl") for start in STARTS[:4]),
]
OF_TRAINING = [
    *("static: random", "static: erk", "static: snip", "static: synflow"),
    *("set: erk", "set: erk, fresh", "set: erk, shuffled"),
    *(
        "rigl: erk",
        "rigl: erk, frozen",
        "rigl: erk, fresh",
        "rigl: erk, first",
        "rigl: erk, shuffled",
    ),
    *("gradual: dense", "gradual: dense, fresh", "gradual: dense, shuffled"),
]

PLACE = ("variant", "width", "trial")
WAY = (*PLACE, "progress")

MOVING_MASKS = Experiment(
    name="moving-masks",
    cell=moving_masks,
    variables={
        "test_accuracy": WAY,
        "layer_density": (*WAY, "weight_layer"),
        "retained": (*WAY, "weight_layer"),
        "row_spread": (*WAY, "weight_layer"),
        "cycles": (*WAY, "hidden_mask"),
        "row_slope": (*WAY, "hidden_mask"),
        "trace": WAY,
        "energy": WAY,
        "centred_alignment": WAY,
    },
    coords={
        "progress": "progress",
        "weight_layer": LAYERS["weight_layer"],
        "hidden_mask": lambda hidden_layers, **_: range(2, hidden_layers + 1),
    },
    **profiles(
        grid=(
            [
                {"width": [256, 512, 1024], "trial": 5, "variant": [*REGROWING, "gradual: dense"]},
                {"width": [2048], "trial": 3, "variant": [*REGROWING, "gradual: dense"]},
            ],
            {"width": [24], "trial": 2, "variant": [*REGROWING, "gradual: dense"]},
        ),
        hidden_layers=(4, 2),
        density=(0.1, 0.2),
        steps=(800, 12),
        rounds=(5, 2),
        every=(40, 3),
        progress=([0.0, 0.25, 0.5, 0.75, 1.0], [0.0, 0.5, 1.0]),
        digits=(100, 20),
        optimizer="adam",
        learning_rate=1e-3,
        batch_size=(128, 32),
        full=(True, False),
    ),
    case=Case(
        {
            "grid": {"width": [256], "trial": 1, "variant": ["set: erk"]},
            "progress": [0.0],
            "steps": 20,
            "every": 5,
        },
        ["layer_density", "retained", "cycles"],
    ),
)
"""Masks of growing networks on the way."""

MOVING_MASKS_TORCH = MOVING_MASKS.under(
    "torch",
    batch_size=64,
    grid={"width": [256, 512, 1024], "trial": 5, "variant": [*REGROWING, "gradual: dense"]},
)

MOVING_GRAPHONS = replace(
    MOVING_MASKS.changed(
        "moving-graphons",
        grid=(
            {"width": [512], "trial": 3, "variant": [*REGROWING, "gradual: dense"]},
            {"width": [24], "trial": 2, "variant": [*REGROWING, "gradual: dense"]},
        ),
        progress=([k / 8 for k in range(9)], [0.0, 0.5, 1.0]),
    ),
    variables={
        "histogram": (*WAY, "row", "column"),
        "degree": (*WAY, "level"),
        "test_accuracy": WAY,
    },
    coords={"progress": "progress", "level": LEVELS},
)
"""Graphons of the masks in the middle, on the way."""

ITERATIVE_MASKS = replace(
    MOVING_MASKS.changed(
        "iterative-masks",
        grid=(
            [
                {"width": [256, 512], "trial": 5, "variant": ["iterative: dense"]},
                {"width": [1024], "trial": 3, "variant": ["iterative: dense"]},
            ],
            {"width": [24], "trial": 2, "variant": ["iterative: dense"]},
        ),
    ),
    # All degrees are alike at first, so that nothing can be regressed on them.
    variables={name: dims for name, dims in MOVING_MASKS.variables.items() if name != "row_slope"},
)
"""Iterative pruning, which trains a network many times: fewer networks."""

MOVING_TRAINING = MOVING_MASKS.changed(
    "moving-training",
    grid=(
        {"width": [1024], "trial": 10, "variant": OF_TRAINING},
        {"width": [24], "trial": 2, "variant": OF_TRAINING},
    ),
    density=(0.05, 0.2),
    steps=(1500, 12),
    every=(75, 3),
)
"""What moves are worth, and what of them."""

MOVING_TRAINING_TORCH = MOVING_TRAINING.under(
    "torch",
    batch_size=64,
    progress=[0.0, 1.0],
    grid={
        "width": [1024],
        "trial": 10,
        "variant": list(dict.fromkeys(chain(*COMPARISONS.values()))),
    },
)
"""Only what is compared."""
