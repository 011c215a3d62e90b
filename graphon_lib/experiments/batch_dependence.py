"""Does the batch decide the graphon, or the network? Several networks to every batch."""

from __future__ import annotations

from collections.abc import Sequence
from copy import deepcopy
from dataclasses import replace
from typing import NamedTuple

import numpy as np
import torch
import xarray as xr
from numpy.typing import ArrayLike, NDArray
from tqdm import tqdm

from graphon_lib._checks import check_array
from graphon_lib.experiments.cost import measured_cost
from graphon_lib.experiments.data import load_mnist
from graphon_lib.experiments.results import Experiment
from graphon_lib.experiments.trials import Trial, start_trial
from graphon_lib.graphons.sampling import sample_mask
from graphon_lib.graphons.sas import sas
from graphon_lib.graphons.step_graphon import StepGraphon

__all__ = ["BATCH_DEPENDENCE", "VarianceShare", "batch_dependence", "variance_share"]

ARMS = ("random", "magnitude", "snip", "snip, quiet outputs", "grasp")
"""What is pruned by. Random and magnitude pruning see no data: the share of their batches is 0."""

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
        ``between / (between + within)``.
    share_error
        Its standard error, from leaving out one group at a time.
    """

    between: float
    within: float
    share: float
    share_error: float


def variance_share(samples: ArrayLike) -> VarianceShare:
    r"""Split the variance of grouped samples into that between and that within groups.

    Parameters
    ----------
    samples
        Shape (groups, members, d), at least three groups of at least two members.

    Returns
    -------
    VarianceShare
        The components, and the share of the groups (the intraclass correlation).

    Raises
    ------
    ValueError
        If there are too few groups or members, all samples are equal, or an entry is not finite.

    Notes
    -----
    With :math:`x_{gm} = \mu + b_g + e_{gm}` and R members a group, the mean squares have
    expectations

    .. math:: \mathbb E\,\mathrm{MS}_{\mathrm{within}} = \operatorname{tr}\Sigma_e, \qquad
              \mathbb E\,\mathrm{MS}_{\mathrm{between}}
              = R \operatorname{tr}\Sigma_b + \operatorname{tr}\Sigma_e ,

    of which the components are the differences [1]_. The standard error is the jackknife's over
    groups, which are independent while the members of one are not.

    References
    ----------
    .. [1] S. R. Searle, G. Casella and C. E. McCulloch, *Variance Components*, Wiley 1992,
       chapter 3.
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
    left_out = np.array(
        [_share(*_components(np.delete(samples, group, axis=0))) for group in range(groups)]
    )
    error = np.sqrt((groups - 1) / groups * ((left_out - left_out.mean()) ** 2).sum())
    return VarianceShare(between, within, _share(between, within), float(error))


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
    widths: Sequence[int],
    hidden_layers: int,
    density: float,
    blocks: int,
    batches: int,
    networks: int,
    full: bool,
) -> xr.Dataset:
    """Prune several networks with each of several batches, and split the variance of the masks.

    Parameters
    ----------
    seed
        Seed of everything random.
    widths
        Hidden widths.
    hidden_layers
        Number of hidden layers, at least 2; the first mask between them is examined.
    density
        Target density of the whole network.
    blocks
        Blocks a side of the cross-fitted histograms, at most the smallest width.
    batches
        Number of batches of 100 digits, at least 3.
    networks
        Networks to a batch, at least 2, all of them different.
    full
        Whether the batches come from the complete training set rather than the bundled subset.

    Returns
    -------
    xarray.Dataset
        ``variance`` (pruning, width, component), see :func:`variance_share`, of cross-fitted
        histograms divided by their density, the variances divided by the number of entries; and
        ``chance`` (pruning, width), the variance of histograms of masks with independent entries
        sampled from the mean histogram, which is what remains if the graphon is the same for all;
        ``layer_density`` (pruning, width, batch, network) of the mask.

    Notes
    -----
    The outputs :math:`f(x)` of a network at initialisation are random functions however wide it
    is, and SNIP's gradients pass through the softmax of them. Divided by a large number they are
    all 0 before the softmax, in every network.
    """
    data = load_mnist(full=full)
    shape = (len(ARMS), len(widths))
    variances = np.full((*shape, len(VarianceShare._fields)), np.nan)
    chance = np.full(shape, np.nan)
    densities = np.full((*shape, batches, networks), np.nan)
    with (
        measured_cost() as cost,
        tqdm(total=len(widths) * batches, desc="Pruning networks", unit="batch") as progress,
    ):
        for w, width in enumerate(widths):
            histograms = np.empty((len(ARMS), batches, networks, blocks, blocks))
            layers = (784, *[width] * hidden_layers, 10)
            for batch in range(batches):
                first = start_trial(data, layers, (seed, width, batch, 0))
                for network in range(networks):
                    started = replace(
                        start_trial(data, layers, (seed, width, batch, network)),
                        x=first.x,
                        y=first.y,
                    )
                    for m, method in enumerate(ARMS):
                        ((_, masks),) = _trial(started, method).masks(
                            method.partition(",")[0], [density]
                        )
                        densities[m, w, batch, network] = float(masks[1].double().mean())
                        rng = np.random.default_rng((seed, width, batch, network, m))
                        histograms[m, batch, network] = sas(
                            masks[1].numpy(), blocks, cross_fit=True, rng=rng
                        ).values
                progress.update()
            for m in range(len(ARMS)):
                variances[m, w] = variance_share(_shapes(histograms[m]))
                chance[m, w] = _chance(histograms[m].mean(axis=(0, 1)), width, (seed, w, m))
    variances[..., :2] /= blocks**2
    return xr.Dataset(
        {
            "variance": (("pruning", "width", "component"), variances),
            "chance": (("pruning", "width"), chance / blocks**2),
            "layer_density": (("pruning", "width", "batch", "network"), densities),
        },
        coords={
            "pruning": list(ARMS),
            "width": list(widths),
            "component": list(VarianceShare._fields),
        },
        attrs={
            "data": data.name,
            "data_sha256": data.sha256,
            "cpu_hours": round(cost.seconds / 3600, 3),
        },
    )


def _trial(trial: Trial, arm: str) -> Trial:
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


def _shapes(histograms: NDArray[np.float64]) -> NDArray[np.float64]:
    """Divide histograms by their means and flatten them."""
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
    return float(_shapes(np.array(histograms)).var(axis=0, ddof=1).sum())


BATCH_DEPENDENCE = Experiment(
    name="batch-dependence",
    compute=batch_dependence,
    profiles={
        "paper": {
            "widths": [500, 1000, 2000],
            "hidden_layers": 2,
            "density": 0.2,
            "blocks": 16,
            "batches": 16,
            "networks": 4,
            "full": True,
        },
        "quick": {
            "widths": [64, 96],
            "hidden_layers": 2,
            "density": 0.2,
            "blocks": 16,
            "batches": 3,
            "networks": 2,
            "full": False,
        },
    },
)
