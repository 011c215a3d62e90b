"""Spectra of tangent kernels of pruned networks against the sparsity, by several roads."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np
import torch
import xarray as xr
from numpy.typing import NDArray

from graphon_lib._checks import check_choice
from graphon_lib.experiments.digits import Data, nested_batch
from graphon_lib.experiments.experiment import Case, Experiment
from graphon_lib.experiments.pruned import dense_once, ntk_weights, start_network
from graphon_lib.experiments.trials import Trial
from graphon_lib.graphons.network import GraphonNetwork
from graphon_lib.graphons.paths import path_density
from graphon_lib.graphons.step_graphon import StepGraphon
from graphon_lib.ntk.empirical import empirical_ntk
from graphon_lib.ntk.kernels import graphon_ntk
from graphon_lib.ntk.spectra import spectral_metrics
from graphon_lib.ntk.target_alignment import kernel_target_alignment
from graphon_lib.pruning.methods import METHODS
from graphon_lib.pruning.shuffle import shuffle_masks

__all__ = [
    "METRICS",
    "RANKS",
    "ROADS",
    "SINGLE_PRECISION_SPAN",
    "SPECTRA",
    "hidden_structure",
    "kernel_metrics",
    "measured_kernel",
    "spectra",
]

ROADS = (
    "sampled",
    "sampled, hidden only",
    "theory, degree",
    "theory, joint",
    "kept",
    "re-drawn",
    "shuffled",
)
"""Ways from a pruned network to a kernel.

``"sampled"``: masks drawn from the degree-sorted graphons, new weights, as in the paper.
``"sampled, hidden only"``: the same with constants for the input layer and the read-out.
``"theory, degree"``, ``"theory, joint"``: the Graphon NTK of the masks' graphons, in either order.
``"kept"``: the pruned network itself. ``"re-drawn"``: its masks with new weights.
``"shuffled"``: its weights with the masks shuffled within every layer.
"""

OF_DENSE = ("theory, degree", "theory, joint", "kept")
"""The roads that exist for a dense network."""

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

SINGLE_PRECISION_SPAN = 1e-5
"""Kernels whose eigenvalues span more are computed in double precision."""

RANKS = (1, 2, 3, 4, 5, 6, 8, 11, 16, 23, 32, 45, 64, 91, 128, 181, 256, 362, 512, 724, 1024)
"""Ranks of the eigenvalues that are kept."""


def kernel_metrics(
    kernel: NDArray[np.float64], labels: NDArray[np.int64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the metrics of a kernel and the eigenvalues of :data:`RANKS`.

    Parameters
    ----------
    kernel
        Shape (N, N), symmetric and positive semi-definite to rounding.
    labels
        Classes of the N digits, for the alignments with one-hot targets.

    Returns
    -------
    metrics : numpy.ndarray, shape (7,)
        In the order of :data:`METRICS`. A kernel that is zero, of a network whose signal has died,
        has the trace 0 and NaN for the rest.
    eigenvalues : numpy.ndarray, shape (21,)
        NaN beyond N.
    """
    eigenvalues = np.full(len(RANKS), np.nan)
    if not kernel.any():
        return np.array([0.0 if name == "trace" else np.nan for name in METRICS]), eigenvalues
    spectrum = spectral_metrics(kernel)
    targets = np.eye(10)[labels]
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
        kernel_target_alignment(kernel, targets, centred=True),
    ]
    return np.array(metrics), eigenvalues


def measured_kernel(
    weights: Sequence[NDArray[np.floating]],
    masks: Sequence[NDArray[np.bool_]],
    x: NDArray[np.float64],
) -> NDArray[np.float64]:
    """Return an empirical kernel, in single precision where that is precise enough.

    Parameters
    ----------
    weights, masks, x
        As of :func:`~graphon_lib.ntk.empirical_ntk`.

    Returns
    -------
    numpy.ndarray, shape (N, N)
        In double precision if its least eigenvalue is below :data:`SINGLE_PRECISION_SPAN` times the
        largest. Otherwise eigenvalues have relative errors of 1 % at most, those among the upper
        half far smaller ones.
    """
    kernel = empirical_ntk(weights, masks, x, precision="single")
    values = np.linalg.eigvalsh(kernel)
    if values[0] > SINGLE_PRECISION_SPAN * values[-1]:
        return kernel
    return empirical_ntk(weights, masks, x)


def hidden_structure(network: GraphonNetwork) -> GraphonNetwork:
    """Return the network with constants of equal density for its first graphon and its read-out.

    Parameters
    ----------
    network
        At least two layers.

    Returns
    -------
    GraphonNetwork
        Its first graphon has one column, so that all input coordinates are alike. Second moments
        and drifts are left out.
    """
    first, *hidden, last = network.layers
    rows, columns = first.row_mass, last.col_mass
    # A weighted mean of ones can be above 1 by rounding.
    before, after = min(first.density, 1.0), min(last.density, 1.0)
    return GraphonNetwork(
        [
            StepGraphon(np.full((rows.size, 1), before), rows),
            *hidden,
            StepGraphon(np.full((last.shape[0], columns.size), after), None, columns),
        ]
    )


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

    Parameters
    ----------
    seed, trial
        These seed the network, the batch of the pruning, masks and weights that are drawn; a
        training run of the same two numbers and widths trains this network. The digits of the
        kernels are drawn from the training images by `seed` alone.
    pruning
        A pruning method, or ``"dense"``.
    density
        Kept fraction of the whole network.
    digits
        Inputs of the kernels.
    width, hidden_layers
        Of the network.
    blocks
        Blocks of every hidden layer.
    data
        The digits.

    Returns
    -------
    dict
        :data:`METRICS` (road) and ``eigenvalue`` (road, rank), NaN for roads that do not exist for
        the dense network; ``path_density``.
    """
    check_choice("pruning", pruning, ("dense", *METHODS))
    x, labels = nested_batch(data.load(), digits, seed)
    started = start_network((seed, trial), width=width, hidden_layers=hidden_layers, data=data)
    if pruning == "dense":
        masks = [np.ones(weight.shape, dtype=bool) for weight in started.model.weights]
    else:
        ((_, tensors),) = started.masks(pruning, [density])
        masks = [mask.numpy() for mask in tensors]
    number = ("dense", *METHODS).index(pruning)
    rng = np.random.default_rng((seed, trial, number, round(1e6 * density)))
    makers = _routes(started, masks, x.astype(np.float64), blocks, rng)
    metrics = np.full((len(ROADS), len(METRICS)), np.nan)
    eigenvalues = np.full((len(ROADS), len(RANKS)), np.nan)
    for r, road in enumerate(ROADS):
        if pruning != "dense" or road in OF_DENSE:
            metrics[r], eigenvalues[r] = kernel_metrics(makers[road](), labels)
    return dict(zip(METRICS, metrics.T, strict=True)) | {
        "eigenvalue": eigenvalues.astype(np.float32),
        "path_density": np.float64(path_density(masks)),
    }


def _routes(
    started: Trial,
    masks: Sequence[NDArray[np.bool_]],
    x: NDArray[np.float64],
    blocks: int,
    rng: np.random.Generator,
) -> Mapping[str, Callable[[], NDArray[np.float64]]]:
    """Return what computes the kernel of each road; draws of one do not depend on another's."""
    weights = ntk_weights(started.model)
    widths = started.model.widths
    of_all, of_hidden, of_weights, of_shuffle = rng.spawn(4)

    def graphons(order: str) -> GraphonNetwork:
        return GraphonNetwork.from_masks(masks, blocks=blocks, order=order)

    def sampled(network: GraphonNetwork, own: np.random.Generator) -> NDArray[np.float64]:
        return redrawn(network.sample_masks(widths, own), own)

    def redrawn(
        given: Sequence[NDArray[np.bool_]], own: np.random.Generator
    ) -> NDArray[np.float64]:
        return measured_kernel([own.standard_normal(mask.shape) for mask in given], given, x)

    def shuffled() -> NDArray[np.float64]:
        generator = torch.Generator().manual_seed(int(of_shuffle.integers(2**63)))
        return measured_kernel(weights, [m.numpy() for m in shuffle_masks(masks, generator)], x)

    return {
        "sampled": lambda: sampled(graphons("degree"), of_all),
        "sampled, hidden only": lambda: sampled(hidden_structure(graphons("degree")), of_hidden),
        "theory, degree": lambda: graphon_ntk(x, graphons("degree")),
        "theory, joint": lambda: graphon_ntk(x, graphons("joint")),
        "kept": lambda: measured_kernel(weights, masks, x),
        "re-drawn": lambda: redrawn(masks, of_weights),
        "shuffled": shuffled,
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
    coords={"road": ROADS, "rank": RANKS},
    paper={
        "grid": {
            "digits": [128, 1024],
            "trial": 3,
            "density": [0.5, 0.4, 0.3, 0.2, 0.1, 0.05],
            "pruning": ["dense", "all"],
        },
        "width": 1024,
        "hidden_layers": 4,
        "blocks": 64,
        "full": True,
    },
    quick={
        "grid": {
            "digits": [24, 48],
            "trial": 2,
            "density": [0.5, 0.1],
            "pruning": ["dense", "all"],
        },
        "width": 48,
        "hidden_layers": 2,
        "blocks": 16,
        "full": False,
    },
    case=Case(
        {
            "grid": {
                "digits": [128],
                "trial": 1,
                "density": [0.05],
                "pruning": ["dense", "all"],
            }
        },
        ["energy", "alignment", "path_density"],
        ["path_density"],
    ),
)
