"""Are pre-activations Gaussian? Their kurtosis and their distance from a normal law, by the width."""

from __future__ import annotations

from math import sqrt

import numpy as np
from numpy.typing import NDArray

from graphon_lib.experiments.digits import Data, nested_batch
from graphon_lib.experiments.experiment import Case, Experiment, profiles
from graphon_lib.experiments.kernel_convergence import DESIGNS, design_network
from graphon_lib.experiments.pruned import pruned_network
from graphon_lib.graphons.step_graphon import StepGraphon
from graphon_lib.pruning.initialisations import INITIALISATIONS

__all__ = ["GAUSSIANITY", "GAUSSIANITY_TORCH", "gaussianity"]

HIDDEN_LAYERS = 3


def gaussianity(
    *,
    seed: int,
    structure: str,
    width: int,
    trial: int,
    samples: int,
    density: float,
    blocks: int,
    data: Data,
) -> dict[str, NDArray]:
    r"""Draw networks, and compare their hidden pre-activations at one input with N(0, 1).

    Returns by layer, of pre-activations over the deviation that each living neuron's has over the
    draws: ``excess``, the excess kurtosis, mean over the neurons, and ``excess_upper``, over those
    whose deviation is the median at least; ``distance``, that of Kolmogorov and Smirnov.

    Parameters
    ----------
    seed, width, trial
        Seed everything random but the input, which is the first of a batch that `seed` decides.
    structure
        One of :data:`~graphon_lib.experiments.kernel_convergence.DESIGNS`, whose masks are drawn
        with the weights, its second graphon being that of every layer but the first; or a pruning
        method, whose masks, of this `density`, are made once.
    samples
        Of pre-activations in a layer, about: networks times width.

    Notes
    -----
    A rectifier passes half of the second moment of a symmetric law, so that variances
    follow, at every width, from :math:`C^{l+1}_i = \frac{s_w}{n} \sum_j V_{ij} C^l_j / 2 + s_b`,
    with the mask for V if it is given. So the mean of :math:`z^2` is 1 but for chance, and
    :math:`z^4 - 6 z^2 + 3` has the mean of :math:`z^4 - 3` with less of it.
    """
    from scipy.stats import kstest

    x = nested_batch(data.load(), 1, seed).x[0].astype(np.float64)
    law = INITIALISATIONS[data.initialisation]
    identity = (seed, width, trial)
    rng = np.random.default_rng(identity)
    if structure in DESIGNS:
        first, hidden, _ = design_network(structure, x.size, blocks).layers
        moments = [_spread_out(first, (width, x.size))]
        moments += [_spread_out(hidden, (width, width))] * (HIDDEN_LAYERS - 1)
        fixed = None
    else:
        size = {"width": width, "hidden_layers": HIDDEN_LAYERS, "data": data}
        fixed = pruned_network(structure, density, identity=identity, **size).masks[:-1]
        moments = [mask.astype(np.float64) for mask in fixed]
    deviations, squares = [], x**2
    for moment in moments:
        inputs = moment.shape[1]
        variance = (law.weight_variance * (moment @ squares) + (law.bias_variance or 0.0)) / inputs
        deviations.append(np.sqrt(variance))
        squares = variance / 2
    living = [deviation > 0 for deviation in deviations]
    upper = [
        (deviation >= np.median(deviation[alive]))[alive]
        for deviation, alive in zip(deviations, living, strict=True)
    ]
    networks = max(2, samples // width)
    drawn = [np.empty((networks, alive.sum())) for alive in living]
    for network in range(networks):
        signal = x.astype(np.float32)
        for number, moment in enumerate(moments):
            scale = np.float32(sqrt(law.weight_variance / moment.shape[1]))
            mask = rng.random(moment.shape, np.float32) < moment if fixed is None else fixed[number]
            field = scale * ((law.law.sample(rng, moment.shape, np.float32) * mask) @ signal)
            if law.bias_variance is not None:
                deviation = sqrt(law.bias_variance / moment.shape[1])
                field += deviation * law.law.sample(rng, field.shape, np.float32)
            alive = living[number]
            drawn[number][network] = field[alive] / deviations[number][alive]
            signal = np.maximum(field, 0)
    return {
        "excess": np.array([_excess(z) for z in drawn]),
        "excess_upper": np.array([_excess(z[:, of]) for z, of in zip(drawn, upper, strict=True)]),
        "distance": np.array([kstest(z.ravel(), "norm").statistic for z in drawn]),
    }


def _excess(z: NDArray[np.float64]) -> float:
    """Return the mean excess kurtosis of variables known to have variance 1."""
    return float(np.mean(z**4 - 6 * z**2) + 3)


def _spread_out(graphon: StepGraphon, shape: tuple[int, int]) -> NDArray[np.float64]:
    """Return a graphon's values at the neurons of a layer, as masks are drawn from it."""
    rows, columns = (
        np.arange(count) * parts // count for count, parts in zip(shape, graphon.shape, strict=True)
    )
    return graphon.values[np.ix_(rows, columns)]


STRUCTURES = ["constant", "threshold", "random", "snip", "synflow"]
PLACE = ("structure", "width", "trial", "layer")

GAUSSIANITY = Experiment(
    name="gaussianity",
    cell=gaussianity,
    variables=dict.fromkeys(("excess", "excess_upper", "distance"), PLACE),
    coords={"layer": range(1, HIDDEN_LAYERS + 1)},
    **profiles(
        grid=(
            {"structure": STRUCTURES, "width": [64, 128, 256, 512, 1024], "trial": 8},
            {"structure": ["threshold", "snip"], "width": [32, 64], "trial": 2},
        ),
        samples=(16384, 256),
        density=(0.2, 0.3),
        blocks=(32, 8),
        full=(True, False),
    ),
    case=Case(
        {"grid": {"structure": STRUCTURES[:3], "width": [64], "trial": 1}}, ["excess", "distance"]
    ),
)

GAUSSIANITY_TORCH = GAUSSIANITY.under("torch")
