"""Gradient descent of wide pruned networks against gradient flow in their kernels."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
import xarray as xr
from numpy.typing import NDArray

from graphon_lib._checks import check_choice
from graphon_lib.experiments.data import load_mnist
from graphon_lib.experiments.digits import checked_digits, nested_batch
from graphon_lib.experiments.full_batch import full_batch_descent, ntk_weights
from graphon_lib.experiments.results import Experiment
from graphon_lib.experiments.sweep import fingerprint, run_cells
from graphon_lib.experiments.trials import Trial, start_trial
from graphon_lib.graphons.network import GraphonNetwork
from graphon_lib.ntk.empirical import empirical_ntk
from graphon_lib.ntk.gradient_flow import gradient_flow
from graphon_lib.ntk.kernels import graphon_ntk
from graphon_lib.pruning.model import MaskedMLP

__all__ = ["CURVES", "DESCENT", "NETWORKS", "descent", "descent_cell"]

NETWORKS = ("dense", "random", "random, rescaled", "synflow")
"""Dense; pruned at random; the same with the weights of every layer over the root of the density,
which restores the signal's variance; pruned by SynFlow."""

CURVES = ("measured", "kernel at initialisation", "Graphon NTK")
"""Gradient descent, and gradient flow in the network's own kernel and in that of its graphons."""

PROBE = {"trial": 0, "width": 24, "digits": 8, "blocks": 4, "steps": 6, "watched": (3, 6)}


def descent_cell(
    *,
    seed: int,
    trial: int,
    network: str,
    width: int,
    hidden_layers: int,
    density: float,
    digits: int,
    blocks: int,
    rate: float,
    steps: int,
    watched: Sequence[int],
    full: bool,
    data_sha256: str,
) -> dict[str, NDArray[np.float64]]:
    """Train one network, and predict how it trains.

    Parameters
    ----------
    seed, trial
        These seed the network and its pruning; `seed` alone the digits it is trained on.
    network
        One of :data:`NETWORKS`.
    width, hidden_layers
        Of the network, 784-n-...-n-10.
    density
        Kept fraction of all weights, of the networks that are pruned.
    digits
        Training digits.
    blocks
        Blocks of a hidden layer's neurons for the graphons.
    rate
        The learning rate times the largest eigenvalue of the kernel over the number of digits, below
        2: small ones follow the flow.
    steps
        Number of updates.
    watched
        After how many the kernel and the weights are compared with those at initialisation.
    full, data_sha256
        As of :func:`~graphon_lib.experiments.digits.checked_digits`.

    Returns
    -------
    dict
        ``loss`` (curve, step), the curves being those of :data:`CURVES`; ``kernel_change`` and
        ``weight_change`` (watched), norms of the differences over those at initialisation;
        ``cosine`` (watched) of the angle between the kernels, which does not see a change of scale;
        ``learning_rate``; ``trace`` (3), of the measured kernel at initialisation, that of the
        graphons and the measured one in the end, means of the diagonals.
    """
    check_choice("network", network, NETWORKS)
    data = checked_digits(full, data_sha256)
    x, labels = nested_batch(data, digits, seed)
    started = start_trial(data, (784, *[width] * hidden_layers, 10), (seed, trial))
    model = _network(started, network, density)
    inputs, targets = torch.from_numpy(x), torch.eye(10)[torch.from_numpy(labels)]
    first = ntk_weights(model)
    start = empirical_ntk(first, model.masks, x, precision="single")
    learning_rate = float(rate * digits / np.linalg.eigvalsh(start)[-1])
    kernels, moved = [], []

    def watch() -> None:
        weights = ntk_weights(model)
        kernels.append(empirical_ntk(weights, model.masks, x, precision="single"))
        moved.append(_distance(weights, first, model))

    with torch.no_grad():
        initial = model(inputs).double().numpy()
    graphons = GraphonNetwork.from_masks(model.masks, first, blocks=blocks)
    theory = graphon_ntk(x, GraphonNetwork(graphons.layers, graphons.second_moments))
    losses = full_batch_descent(
        model,
        inputs,
        targets,
        learning_rate=learning_rate,
        steps=steps,
        watched=watched,
        watch=watch,
    )
    times = learning_rate * np.arange(steps + 1)
    own, limit = (
        gradient_flow(kernel, targets.double().numpy(), times, initial=initial).train_loss
        for kernel in (start, theory)
    )
    norm = np.linalg.norm(start)
    return {
        "loss": np.stack([losses, own, limit]),
        "kernel_change": np.array([np.linalg.norm(k - start) / norm for k in kernels]),
        "cosine": np.array([np.sum(k * start) / (norm * np.linalg.norm(k)) for k in kernels]),
        "weight_change": np.array(moved),
        "learning_rate": np.float64(learning_rate),
        "trace": np.array([np.trace(k) / digits for k in (start, theory, kernels[-1])]),
    }


def _network(started: Trial, network: str, density: float) -> MaskedMLP:
    """Return the network of a trial with its masks applied."""
    model = started.model
    if network != "dense":
        ((_, masks),) = started.masks(network.partition(",")[0], [density])
        model.masks = masks
    if network == "random, rescaled":
        with torch.no_grad():
            for weight in model.weights:
                weight /= density**0.5
    return model


def _distance(
    weights: Sequence[NDArray[np.float64]], first: Sequence[NDArray[np.float64]], model: MaskedMLP
) -> float:
    """Return how far kept weights have moved, over their norm at first."""
    masks = [mask.numpy() for mask in model.masks]
    apart = sum(
        np.sum((w - f)[mask] ** 2) for w, f, mask in zip(weights, first, masks, strict=True)
    )
    norm = sum(np.sum(f[mask] ** 2) for f, mask in zip(first, masks, strict=True))
    return float(np.sqrt(apart / norm))


def descent(
    *,
    seed: int,
    widths: Sequence[int],
    hidden_layers: int,
    density: float,
    digits: int,
    blocks: int,
    rate: float,
    steps: int,
    watched: Sequence[int],
    trials: int,
    full: bool,
) -> xr.Dataset:
    """Train wide networks by gradient descent, and predict their losses from their kernels.

    Parameters
    ----------
    seed
        Seed of everything random.
    widths
        Widths of the hidden layers.
    hidden_layers, density, digits, blocks, rate, steps
        As of :func:`descent_cell`.
    watched
        Numbers of updates after which kernel and weights are compared with the first.
    trials
        Networks of every kind and width.
    full
        Whether the digits are from the complete data rather than the bundled subset.

    Returns
    -------
    xarray.Dataset
        With the dimensions (network, width, trial): the arrays of :func:`descent_cell`, ``loss``
        (curve, step), ``kernel_change``, ``cosine`` and ``weight_change`` (watched),
        ``learning_rate``, ``trace`` (kernel).
    """
    data = load_mnist(full=full)
    shared = {
        "seed": seed,
        "hidden_layers": hidden_layers,
        "density": density,
        "rate": rate,
        "full": full,
        "data_sha256": data.sha256,
    }
    sizes = {"digits": digits, "blocks": blocks, "steps": steps, "watched": tuple(watched)}
    cells = [
        {**shared, **sizes, "trial": trial, "width": width, "network": network}
        for trial in range(trials)
        for width in widths
        for network in NETWORKS
    ]
    key = fingerprint(descent_cell, [{**shared, **PROBE, "network": "synflow"}])
    done = run_cells(descent_cell, cells, key=key, description="Training wide networks")
    own_dimensions = {
        "loss": ("curve", "step"),
        "kernel_change": ("watched",),
        "cosine": ("watched",),
        "weight_change": ("watched",),
        "learning_rate": (),
        "trace": ("kernel",),
    }
    lead = (trials, len(widths), len(NETWORKS))
    variables = {}
    for name, dims in own_dimensions.items():
        values = np.stack([cell.arrays[name] for cell in done]).astype(np.float32)
        of_trials = xr.DataArray(
            values.reshape(*lead, *values.shape[1:]), dims=("trial", "width", "network", *dims)
        )
        variables[name] = of_trials.transpose("network", "width", "trial", *dims)
    return xr.Dataset(
        variables,
        coords={
            "network": list(NETWORKS),
            "width": list(widths),
            "curve": list(CURVES),
            "step": np.arange(steps + 1),
            "watched": list(watched),
            "kernel": ["measured, first", "Graphon NTK", "measured, last"],
        },
        attrs={
            "data": data.name,
            "data_sha256": data.sha256,
            "density": density,
            "digits": digits,
            "cpu_hours": round(sum(cell.seconds for cell in done) / 3600, 3),
            "peak_megabytes": round(max(cell.megabytes for cell in done)),
        },
    )


DESCENT = Experiment(
    name="descent",
    compute=descent,
    profiles={
        "paper": {
            "widths": [256, 1024],
            "hidden_layers": 4,
            "density": 0.2,
            "digits": 128,
            "blocks": 64,
            "rate": 0.1,
            "steps": 400,
            "watched": [10, 100, 400],
            "trials": 2,
            "full": True,
        },
        "quick": {
            "widths": [48, 96],
            "hidden_layers": 2,
            "density": 0.3,
            "digits": 16,
            "blocks": 16,
            "rate": 0.1,
            "steps": 40,
            "watched": [4, 40],
            "trials": 1,
            "full": False,
        },
    },
)
