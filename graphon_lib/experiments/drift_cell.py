"""One cell of the sweep over drifts: a pruned network's drift by layer, and its kernel without it."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from graphon_lib.experiments.digits import checked_digits, nested_batch
from graphon_lib.experiments.trials import start_trial
from graphon_lib.ntk.empirical import empirical_ntk
from graphon_lib.ntk.spectra import spectral_metrics

__all__ = ["TREATMENTS", "drift_cell", "row_drift", "treated"]

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


def drift_cell(
    *,
    seed: int,
    pruning: str,
    width: int,
    hidden_layers: int,
    density: float,
    trial: int,
    treatments: Sequence[str],
    digits: int,
    full: bool,
    data_sha256: str,
) -> dict[str, NDArray]:
    r"""Prune one network and measure its drifts, and its kernel after each treatment of its weights.

    Parameters
    ----------
    seed, width, trial
        These numbers seed everything random in the cell, but for the digits of the kernel.
    pruning
        The method.
    hidden_layers
        Their number.
    density
        Kept fraction of the whole network.
    treatments
        Some of :data:`TREATMENTS`.
    digits
        Inputs of the kernels.
    full
        Whether the digits are the complete training set rather than the bundled subset.
    data_sha256
        The checksum that they must have.

    Returns
    -------
    dict
        By weight layer: ``drift``, :math:`\sqrt n E[w M]` over all entries, ``row_drift``, see
        :func:`row_drift`, and ``second_moment``, :math:`E[w^2 M]`. By treatment: ``trace``, the mean
        of the kernel's diagonal, and ``energy``, the share of its five largest eigenvalues.
    """
    data = checked_digits(full, data_sha256)
    started = start_trial(data, (784, *[width] * hidden_layers, 10), (seed, width, trial))
    ((_, tensors),) = started.masks(pruning, [density])
    masks = [mask.numpy() for mask in tensors]
    # From He's initialisation N(0, 2 / n_in) to NTK units N(0, 1).
    weights = [
        weight.detach().numpy().astype(np.float64) * np.sqrt(weight.shape[1] / 2)
        for weight in started.model.weights
    ]
    kept = [weight * mask for weight, mask in zip(weights, masks, strict=True)]
    x = nested_batch(data, digits, seed).x.astype(np.float64)
    kernels = [
        empirical_ntk(
            treated(name, weights, masks, np.random.default_rng((seed, width, trial))), masks, x
        )
        for name in treatments
    ]
    return {
        "drift": np.array([np.sqrt(layer.shape[1]) * layer.mean() for layer in kept]),
        "row_drift": np.array([row_drift(layer) for layer in kept]),
        "second_moment": np.array([np.mean(layer**2) for layer in kept]),
        "trace": np.array([np.trace(kernel) / digits for kernel in kernels]),
        "energy": np.array([spectral_metrics(kernel).energy_concentration for kernel in kernels]),
    }
