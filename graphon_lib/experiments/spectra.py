"""Spectra of tangent kernels of pruned networks against the sparsity, by several roads."""

from __future__ import annotations

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from graphon_lib._checks import check_choice
from graphon_lib.experiments.digits import Data, nested_batch
from graphon_lib.experiments.experiment import Case, Experiment, profiles
from graphon_lib.experiments.pruned import dense_once, pruned_network
from graphon_lib.experiments.roads import ROADS, road_kernel
from graphon_lib.graphons.network import path_density
from graphon_lib.ntk.spectra import kernel_target_alignment, spectral_metrics
from graphon_lib.pruning.methods import METHODS

__all__ = [
    "DRAWN",
    "LEAST_CONTRAST",
    "METRICS",
    "OF_NETWORKS",
    "RANKS",
    "SPECTRA",
    "SPECTRA_TORCH",
    "kernel_metrics",
    "spectra",
]

OF_NETWORKS = (
    "sampled",
    "sampled, hidden only",
    "theory, degree",
    "theory, joint",
    "kept",
    "re-drawn",
    "shuffled",
)
"""The roads of :data:`~graphon_lib.experiments.roads.ROADS` from every network."""

DRAWN = ("sampled", "sampled, hidden only", "re-drawn", "shuffled")
"""Those of them that draw, each from a stream of its own, in this order."""

METRICS = (
    "decay_exponent",
    "effective_rank",
    "spectral_gap",
    "energy",
    "trace",
    "alignment",
    "centred_alignment",
)
"""What is recorded of a kernel; the trace is the mean of the diagonal."""

RANKS = (1, 2, 3, 4, 5, 6, 8, 11, 16, 23, 32, 45, 64, 91, 128, 181, 256, 362, 512, 724, 1024)
"""Ranks of the eigenvalues that are kept."""


LEAST_CONTRAST = 1e-9
"""Kernels that differ by less between pairs, of their largest entry, are constant."""


def kernel_metrics(
    kernel: NDArray[np.float64], labels: NDArray[np.int64], classes: int
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the metrics of a kernel (N, N) and the eigenvalues of :data:`RANKS`, NaN beyond N.

    Metrics are in the order of :data:`METRICS`; alignments are with the one-hot targets of the
    labels. A kernel that is zero, of a network whose signal has died, has the trace 0 and NaN for
    the rest; one that is constant, of a network that passes nothing but its biases, has no centred
    alignment.
    """
    eigenvalues = np.full(len(RANKS), np.nan)
    if not kernel.any():
        return np.array([0.0 if name == "trace" else np.nan for name in METRICS]), eigenvalues
    spectrum = spectral_metrics(kernel)
    targets = np.eye(classes)[labels]
    constant = np.ptp(kernel) <= LEAST_CONTRAST * np.abs(kernel).max()
    for place, rank in enumerate(RANKS):
        if rank <= len(kernel):
            eigenvalues[place] = spectrum.eigenvalues[rank - 1]
    metrics = [
        spectrum.decay_exponent,
        spectrum.effective_rank,
        spectrum.spectral_gap,
        spectrum.energy,
        np.trace(kernel) / len(kernel),
        kernel_target_alignment(kernel, targets),
        np.nan if constant else kernel_target_alignment(kernel, targets, centred=True),
    ]
    return np.array(metrics), eigenvalues


def spectra(
    *,
    seed: int,
    trial: int,
    pruning: str,
    density: float,
    digits: int,
    width: int,
    hidden_layers: int,
    blocks: int,
    data: Data,
) -> dict[str, NDArray]:
    """Prune one network and measure its kernels, and those that stand for them.

    Returns :data:`METRICS` (road) and ``eigenvalue`` (road, rank), NaN for roads that do not exist
    for the dense network; ``path_density``.

    A training run of the same seed, trial and widths trains this network. The digits of the kernels
    are drawn from the training images by `seed` alone.
    """
    prunings = ("dense", *METHODS)
    check_choice("pruning", pruning, prunings)
    images = data.load()
    x, labels = nested_batch(images, digits, seed)
    x = x.astype(np.float64)
    size = {"width": width, "hidden_layers": hidden_layers, "blocks": blocks, "data": data}
    network = pruned_network(pruning, density, identity=(seed, trial), **size)
    identity = (seed, trial, prunings.index(pruning), round(1e6 * density))
    rng = np.random.default_rng(identity)
    streams = dict(zip(DRAWN, rng.spawn(len(DRAWN)), strict=True))
    metrics = np.full((len(OF_NETWORKS), len(METRICS)), np.nan)
    eigenvalues = np.full((len(OF_NETWORKS), len(RANKS)), np.nan)
    for r, road in enumerate(OF_NETWORKS):
        if pruning != "dense" or ROADS[road].of_dense:
            kernel = road_kernel(road, network, x, streams.get(road))
            metrics[r], eigenvalues[r] = kernel_metrics(kernel, labels, images.classes)
    return dict(zip(METRICS, metrics.T, strict=True)) | {
        "eigenvalue": eigenvalues.astype(np.float32),
        "path_density": np.float64(path_density(network.masks)),
    }


def with_fit_ranks(dataset: xr.Dataset, *, seed: int) -> xr.Dataset:
    """Say between which ranks the decay is fitted."""
    ranks = (f"{1 + n // 100} to {1 + n // 2} of {n}" for n in dataset.digits.values)
    return dataset.assign_attrs(fit_ranks=", ".join(ranks))


PLACE = ("digits", "pruning", "density", "trial")

SPECTRA = Experiment(
    name="spectra",
    cell=spectra,
    arguments=dense_once,
    finish=with_fit_ranks,
    variables={
        **dict.fromkeys(METRICS, (*PLACE, "road")),
        "eigenvalue": (*PLACE, "road", "rank"),
        "path_density": PLACE[1:],
    },
    coords={"road": OF_NETWORKS, "rank": RANKS},
    **profiles(
        grid=(
            {
                "digits": [128, 1024],
                "trial": 3,
                "density": [0.5, 0.4, 0.3, 0.2, 0.1, 0.05],
                "pruning": ["dense", "all"],
            },
            {"digits": [24, 48], "trial": 2, "density": [0.5, 0.1], "pruning": ["dense", "all"]},
        ),
        width=(1024, 48),
        hidden_layers=(4, 2),
        blocks=(64, 16),
        full=(True, False),
    ),
    case=Case(
        {"grid": {"digits": [128], "trial": 1, "density": [0.05], "pruning": ["random", "snip"]}},
        ["energy", "alignment", "path_density"],
        ["path_density"],
    ),
)

SPECTRA_TORCH = SPECTRA.under("torch", grid={**SPECTRA.paper["grid"], "digits": [128, 256]})
