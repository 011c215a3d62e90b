"""Does the batch decide the graphon, or the network? Several networks to every batch."""

from __future__ import annotations

from copy import deepcopy
from dataclasses import replace
from typing import NamedTuple

import numpy as np
import torch
import xarray as xr
from numpy.typing import ArrayLike, NDArray

from graphon_lib._checks import check_array
from graphon_lib.experiments.digits import Data
from graphon_lib.experiments.experiment import Case, Experiment, profiles
from graphon_lib.experiments.pruned import Trial, start_network
from graphon_lib.graphons.sampling import sample_mask
from graphon_lib.graphons.sas import sas
from graphon_lib.graphons.step_graphon import StepGraphon
from graphon_lib.pruning.methods import METHODS

__all__ = [
    "BATCH_DEPENDENCE",
    "BATCH_DEPENDENCE_TORCH",
    "QUIET",
    "VarianceShare",
    "batch_dependence",
    "shapes",
    "variance_share",
]

ARMS = tuple(
    arm
    for name, method in METHODS.items()
    if method.rounds == 1
    for arm in ((name, "snip: quiet outputs") if name == "snip" else (name,))
)
"""Methods of one round, as many take too long. The first two see no data, whose share is 0."""

QUIET = 200.0
"""GraSP divides the outputs by this before the softmax; "quiet outputs" does the same for SNIP."""

CHANCE_SAMPLES = 10


class VarianceShare(NamedTuple):
    """How much of a variance is between groups.

    Attributes
    ----------
    between, within
        Unbiased components of the variance, summed over coordinates; `between` can be negative.
    share
        ``between / (between + within)``, the intraclass correlation.
    within_error, share_error
        Standard errors, from leaving out one group at a time.
    """

    between: float
    within: float
    within_error: float
    share: float
    share_error: float


def variance_share(samples: ArrayLike) -> VarianceShare:
    r"""Split the variance of samples (groups, members, d) into that between and that within groups.

    Raises
    ------
    ValueError
        If there are fewer than three groups or two members, all samples are equal, or an entry is
        not finite.

    Notes
    -----
    With :math:`x_{gm} = \mu + b_g + e_{gm}` and R members a group, the mean squares have
    expectations

    .. math:: \mathbb E\,\mathrm{MS}_{\mathrm{within}} = \operatorname{tr}\Sigma_e, \qquad
              \mathbb E\,\mathrm{MS}_{\mathrm{between}}
              = R \operatorname{tr}\Sigma_b + \operatorname{tr}\Sigma_e ,

    of which the components are the differences (Searle, Casella and McCulloch, *Variance
    Components*, Wiley 1992, chapter 3). The standard error is the jackknife's over groups, which
    are independent while the members of one are not.
    """
    samples = check_array("samples", samples, 3)
    groups, members, _ = samples.shape
    if groups < 3 or members < 2:
        raise ValueError(
            f"samples must hold at least three groups of two, got {groups} groups of {members}"
        )
    if not np.ptp(samples, axis=(0, 1)).any():
        raise ValueError("samples must differ: there is no variance to split")
    between, within = _components(samples)
    left_out = [_components(np.delete(samples, group, axis=0)) for group in range(groups)]
    within_error, share_error = (
        float(np.sqrt((groups - 1) / groups * ((values - values.mean()) ** 2).sum()))
        for values in (np.array([w for _, w in left_out]), np.array([_share(*c) for c in left_out]))
    )
    return VarianceShare(between, within, within_error, _share(between, within), share_error)


def _components(samples: NDArray[np.float64]) -> tuple[float, float]:
    groups, members, _ = samples.shape
    means = samples.mean(axis=1)
    within = ((samples - means[:, None]) ** 2).sum() / (groups * (members - 1))
    mean_square = members * ((means - means.mean(axis=0)) ** 2).sum() / (groups - 1)
    return float((mean_square - within) / members), float(within)


def _share(between: float, within: float) -> float:
    return between / (between + within)


def batch_dependence(
    *,
    seed: int,
    width: int,
    batch: int,
    trial: int,
    density: float,
    hidden_layers: int,
    blocks: int,
    data: Data,
) -> dict[str, NDArray]:
    """Prune one of the networks of a batch by every method and variant of it, and estimate its graphon.

    Returns ``histogram`` (pruning, row, column), cross-fitted with so many `blocks` a side, and
    ``layer_density`` (pruning), of the first mask between hidden layers.

    The outputs :math:`f(x)` of a network at initialisation are random functions however wide it
    is, and SNIP's gradients pass through the softmax of them. Divided by a large number they are
    all 0 before the softmax, in every network.
    """
    size = {"width": width, "hidden_layers": hidden_layers, "data": data}
    first = start_network((seed, width, batch, 0), **size)
    identity = (seed, width, batch, trial)
    started = replace(start_network(identity, **size), x=first.x, y=first.y)
    histograms, densities = [], []
    for m, arm in enumerate(ARMS):
        ((_, masks),) = _quiet(started, arm).masks(arm.partition(":")[0], [density])
        densities.append(float(masks[1].double().mean()))
        rng = np.random.default_rng((*identity, m))
        histograms.append(sas(masks[1].numpy(), blocks, cross_fit=True, rng=rng).values)
    return {"histogram": np.array(histograms), "layer_density": np.array(densities)}


def split_variance(dataset: xr.Dataset, *, seed: int) -> xr.Dataset:
    """Split the variance of the histograms into that between and that within batches.

    Returns ``variance`` (pruning, width, component), see :func:`variance_share`, of histograms
    divided by their density, the variances divided by the number of entries; and ``chance``
    (pruning, width), the variance of histograms of masks with independent entries sampled from the
    mean histogram, which is what remains if the graphon is the same for all.
    """
    lead = ("pruning", "width")
    histograms = dataset.histogram.transpose(*lead, "batch", "trial", "row", "column").values
    variances = np.empty((*histograms.shape[:2], len(VarianceShare._fields)))
    chance = np.empty(histograms.shape[:2])
    for m, w in np.ndindex(chance.shape):
        variances[m, w] = variance_share(shapes(histograms[m, w]))
        width = int(dataset.width[w])
        chance[m, w] = _chance(histograms[m, w].mean(axis=(0, 1)), width, (seed, w, m))
    entries = histograms[0, 0, 0, 0].size
    # The two components and the error of the second; shares have no units.
    variances[..., :3] /= entries
    return dataset.drop_vars("histogram").assign(
        variance=((*lead, "component"), variances),
        chance=(lead, chance / entries),
        component=list(VarianceShare._fields),
    )


def _quiet(trial: Trial, arm: str) -> Trial:
    """Return the trial, with a read-out made small for quiet outputs.

    All scores of SNIP contain the read-out's weights as a factor, so that what stays of this change
    is the one in the softmax.
    """
    if not arm.endswith("quiet outputs"):
        return trial
    model = deepcopy(trial.model)
    with torch.no_grad():
        model.weights[-1] /= QUIET
    return replace(trial, model=model)


def shapes(histograms: NDArray[np.float64]) -> NDArray[np.float64]:
    """Divide histograms, shape (..., row, column), by their means, and flatten them."""
    rows = histograms.reshape(*histograms.shape[:-2], -1)
    return rows / rows.mean(axis=-1, keepdims=True)


def _chance(mean: NDArray[np.float64], width: int, seed: tuple[int, ...]) -> float:
    """Return the variance that is left when the graphon is the same, summed over blocks."""
    rng = np.random.default_rng(seed)
    graphon = StepGraphon(mean)
    histograms = [
        sas(sample_mask(graphon, (width, width), rng), len(mean), cross_fit=True, rng=rng).values
        for _ in range(CHANCE_SAMPLES)
    ]
    return float(shapes(np.array(histograms)).var(axis=0, ddof=1).sum())


BATCH_DEPENDENCE = Experiment(
    name="batch-dependence",
    cell=batch_dependence,
    finish=split_variance,
    variables={
        "histogram": ("pruning", "width", "batch", "trial", "row", "column"),
        "layer_density": ("pruning", "width", "batch", "trial"),
    },
    coords={"pruning": ARMS},
    **profiles(
        grid=(
            {"width": [500, 1000, 2000], "batch": 16, "trial": 4},
            {"width": [64, 96], "batch": 3, "trial": 2},
        ),
        hidden_layers=2,
        density=0.2,
        blocks=16,
        full=(True, False),
    ),
    # The shares of batches need three of them.
    case=Case(
        {"grid": {"width": [500], "batch": 3, "trial": 2}}, ["layer_density"], ["layer_density"]
    ),
)

BATCH_DEPENDENCE_TORCH = BATCH_DEPENDENCE.under("torch")
