"""How the drift of kept weights scales with the width, and what takes it away."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from graphon_lib.experiments.digits import Data, nested_batch
from graphon_lib.experiments.experiment import Case, Experiment
from graphon_lib.experiments.pruned import LAYERS, pruned_network
from graphon_lib.ntk.empirical import empirical_ntk
from graphon_lib.ntk.spectra import spectral_metrics

__all__ = ["DRIFT_SCALING", "TREATMENTS", "drift_scaling", "row_drift", "treated"]

Weights = NDArray[np.float64]
Mask = NDArray[np.bool_]


def _kept(weight: Weights, mask: Mask, rng: np.random.Generator) -> Weights:
    return weight


def _redrawn(weight: Weights, mask: Mask, rng: np.random.Generator) -> Weights:
    return rng.standard_normal(weight.shape)


def _random_signs(weight: Weights, mask: Mask, rng: np.random.Generator) -> Weights:
    return weight * rng.choice([-1.0, 1.0], size=weight.shape)


def _centred(axis: int | None) -> Callable[[Weights, Mask, np.random.Generator], Weights]:
    def centre(weight: Weights, mask: Mask, rng: np.random.Generator) -> Weights:
        count = np.maximum(mask.sum(axis=axis, keepdims=True), 1)
        return weight - (weight * mask).sum(axis=axis, keepdims=True) / count

    return centre


TREATMENTS = {
    "kept": _kept,
    "centred by layer": _centred(None),
    "centred by input": _centred(0),
    "centred by neuron": _centred(1),
    "random signs": _random_signs,
    "re-drawn": _redrawn,
}
"""What is done to the kept weights of every layer. Centring subtracts their mean: that of the layer,
of all that leave one neuron (a column) or of all that enter one (a row)."""


def treated(
    name: str, weights: Sequence[Weights], masks: Sequence[Mask], rng: np.random.Generator
) -> list[Weights]:
    """Return the kept weights of all layers after one of `TREATMENTS`, 0 where pruned."""
    return [
        TREATMENTS[name](weight, mask, rng) * mask
        for weight, mask in zip(weights, masks, strict=True)
    ]


def row_drift(kept: Weights) -> float:
    r"""Return the root mean square of the drifts of a layer's neurons, less what noise alone has.

    Parameters
    ----------
    kept
        Weights in NTK units, 0 where pruned, shape (n_out, n_in).

    Notes
    -----
    A neuron's sum :math:`n^{-1/2} \sum_j w_{ij} M_{ij}` has mean :math:`D_i` and variance :math:`V_i -
    D_i^2 / n`, so that :math:`(\text{sum}^2 - V_i) / (1 - 1 / n)` has mean :math:`D_i^2`. The root of
    its mean over neurons is returned, 0 if that is negative.
    """
    inputs = kept.shape[1]
    sums = kept.sum(axis=1) / np.sqrt(inputs)
    square = np.mean(sums**2 - np.mean(kept**2, axis=1)) / (1 - 1 / inputs)
    return float(np.sqrt(max(square, 0.0)))


def drift_scaling(
    *,
    seed: int,
    width: int,
    trial: int,
    pruning: str,
    density: float,
    hidden_layers: int,
    treated_methods: Sequence[str],
    largest_treated: int,
    digits: int,
    data: Data,
) -> dict[str, NDArray]:
    r"""Measure the drifts of a pruned network, and its kernel after each treatment of its weights.

    Returns
    -------
    dict
        By weight layer: ``drift``, :math:`\sqrt n E[w M]` over all entries, ``row_drift``, see
        :func:`row_drift`, and ``second_moment``, :math:`E[w^2 M]`. By :data:`TREATMENTS`, of some
        methods up to some width: ``trace``, the mean of the kernel's diagonal, and ``energy``, the
        share of its five largest eigenvalues.
    """
    identity = (seed, width, trial)
    network = pruned_network(
        pruning, density, identity=identity, width=width, hidden_layers=hidden_layers, data=data
    )
    weights, masks = network.weights, network.masks
    kept = [weight * mask for weight, mask in zip(weights, masks, strict=True)]
    arrays = {
        "drift": np.array([np.sqrt(layer.shape[1]) * layer.mean() for layer in kept]),
        "row_drift": np.array([row_drift(layer) for layer in kept]),
        "second_moment": np.array([np.mean(layer**2) for layer in kept]),
    }
    if pruning not in treated_methods or width > largest_treated:
        return arrays
    x = nested_batch(data.load(), digits, seed).x.astype(np.float64)
    kernels = [
        empirical_ntk(treated(name, weights, masks, np.random.default_rng(identity)), masks, x)
        for name in TREATMENTS
    ]
    return arrays | {
        "trace": np.array([np.trace(kernel) / digits for kernel in kernels]),
        "energy": np.array([spectral_metrics(kernel).energy for kernel in kernels]),
    }


WITHOUT_SYNFLOW = ["random", "magnitude", "snip", "grasp"]
PLACE = ("pruning", "width", "trial")

DRIFT_SCALING = Experiment(
    name="drift-scaling",
    cell=drift_scaling,
    variables={
        **dict.fromkeys(("drift", "row_drift", "second_moment"), (*PLACE, "weight_layer")),
        **dict.fromkeys(("trace", "energy"), (*PLACE, "treatment")),
    },
    coords={"weight_layer": LAYERS["weight_layer"], "treatment": list(TREATMENTS)},
    paper={
        "grid": [
            *(
                {"width": [width], "trial": trials, "pruning": ["all"]}
                for width, trials in ((256, 5), (512, 5), (1024, 4))
            ),
            # Rounds of SynFlow take too long.
            *(
                {"width": [width], "trial": trials, "pruning": WITHOUT_SYNFLOW}
                for width, trials in ((2048, 3), (4096, 1))
            ),
        ],
        "treated_methods": ["snip", "grasp"],
        "largest_treated": 1024,
        "hidden_layers": 4,
        "density": 0.2,
        "digits": 16,
        "full": True,
    },
    quick={
        "grid": [
            {"width": [48], "trial": 2, "pruning": ["all"]},
            {"width": [96], "trial": 2, "pruning": WITHOUT_SYNFLOW},
        ],
        "treated_methods": ["snip", "grasp"],
        "largest_treated": 96,
        "hidden_layers": 2,
        "density": 0.3,
        "digits": 6,
        "full": False,
    },
    case=Case(
        {"grid": {"width": [256], "trial": 1, "pruning": ["all"]}},
        ["drift", "second_moment"],
        ["drift", "second_moment"],
    ),
)
