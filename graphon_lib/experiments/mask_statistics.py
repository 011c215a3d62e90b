"""What the five pruning methods keep: layer densities, pixels, dead neurons, ties."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import xarray as xr
from torch import Tensor
from tqdm import tqdm

from graphon_lib.experiments.data import load_mnist
from graphon_lib.experiments.results import Experiment
from graphon_lib.experiments.trials import start_trial
from graphon_lib.pruning.methods import METHODS, saliency

__all__ = ["MASK_STATISTICS", "dead_fractions", "mask_statistics"]

PICTURED = 96
"""Side of the corner of a mask that is kept as a picture."""


def dead_fractions(masks: Sequence[Tensor]) -> np.ndarray:
    """Return the fraction of neurons of each hidden layer that no input-output path goes through.

    Parameters
    ----------
    masks
        One boolean mask a layer, shape (n_out, n_in).

    Returns
    -------
    numpy.ndarray
        One fraction a hidden layer, in [0, 1].

    Notes
    -----
    A neuron is dead when it cannot be reached from any input, or reaches no output: its kept
    weights, if it has any, are without effect. A neuron whose own rows and columns are not empty
    can be dead because its neighbours are.
    """
    arrays = [mask.numpy() for mask in masks]
    reached = [np.ones(arrays[0].shape[1], dtype=bool)]
    for mask in arrays:
        reached.append(mask[:, reached[-1]].any(axis=1))
    reaching = [np.ones(arrays[-1].shape[0], dtype=bool)]
    for mask in reversed(arrays):
        reaching.append(mask[reaching[-1]].any(axis=0))
    pairs = list(zip(reached, reversed(reaching), strict=True))[1:-1]
    return np.array([1.0 - (forward & backward).mean() for forward, backward in pairs])


def mask_statistics(
    *, seed: int, widths: Sequence[int], densities: Sequence[float], trials: int, full: bool
) -> xr.Dataset:
    """Prune fresh networks with every method and describe the masks.

    Parameters
    ----------
    seed
        Seed of the networks, the batches and random pruning.
    widths
        Layer widths (784, n, ..., 10).
    densities
        Target densities, kept fractions of all weights.
    trials
        Number of networks, each with its own batch of digits.
    full
        Whether the batches come from the complete training set rather than the bundled subset.

    Returns
    -------
    xarray.Dataset
        ``layer_density`` (pruning, density, trial, layer), ``pixel_density`` (pruning, density,
        pixel; the kept fraction of a pixel's weights, mean over trials), ``dead_fraction``
        (pruning, density, trial, hidden layer), ``zero_scores`` (pruning, trial; the fraction of
        scores that are exactly 0). Of the first trial at the second density only: ``picture``
        (pruning, row, column; a corner of the second layer's mask), ``in_degree`` and
        ``out_degree`` (pruning, neuron; the kept fractions of the weights into and out of each
        neuron of the first hidden layer).
    """
    data = load_mnist(full=full)
    layers, pixels = len(widths) - 1, widths[0]
    shape = (len(METHODS), len(densities), trials)
    layer_density = np.empty((*shape, layers))
    dead_fraction = np.empty((*shape, layers - 1))
    pixel_density = np.zeros((*shape[:2], pixels))
    zero_scores = np.empty((len(METHODS), trials))
    side = min(PICTURED, widths[1], widths[2])
    picture = np.empty((len(METHODS), side, side), dtype=np.uint8)
    in_degree, out_degree = np.empty((2, len(METHODS), widths[1]), dtype=np.float32)
    with tqdm(total=trials * len(METHODS), desc="Pruning networks", unit="network") as progress:
        for trial in range(trials):
            started = start_trial(data, widths, (seed, trial))
            for m, method in enumerate(METHODS):
                scores = saliency(
                    started.model, method, started.x, started.y, generator=started.generator
                )
                zero_scores[m, trial] = sum(int((s == 0).sum()) for s in scores) / sum(
                    s.numel() for s in scores
                )
                for d, (_, masks) in enumerate(started.masks(method, densities)):
                    layer_density[m, d, trial] = [float(mask.double().mean()) for mask in masks]
                    dead_fraction[m, d, trial] = dead_fractions(masks)
                    pixel_density[m, d] += masks[0].double().mean(dim=0).numpy() / trials
                    if trial == 0 and d == min(1, len(densities) - 1):
                        picture[m] = masks[1][:side, :side].numpy()
                        in_degree[m] = masks[0].double().mean(dim=1)
                        out_degree[m] = masks[1].double().mean(dim=0)
                progress.update()
    return xr.Dataset(
        {
            "layer_density": (("pruning", "density", "trial", "layer"), layer_density),
            "dead_fraction": (("pruning", "density", "trial", "hidden_layer"), dead_fraction),
            "pixel_density": (("pruning", "density", "pixel"), pixel_density),
            "zero_scores": (("pruning", "trial"), zero_scores),
            "picture": (("pruning", "row", "column"), picture),
            "in_degree": (("pruning", "neuron"), in_degree),
            "out_degree": (("pruning", "neuron"), out_degree),
        },
        coords={
            "pruning": list(METHODS),
            "density": list(densities),
            "layer": np.arange(1, layers + 1),
            "hidden_layer": np.arange(1, layers),
        },
        attrs={"data": data.name, "data_sha256": data.sha256},
    )


MASK_STATISTICS = Experiment(
    name="mask-statistics",
    compute=mask_statistics,
    profiles={
        "paper": {
            "widths": [784, 1000, 1000, 1000, 10],
            "densities": [0.3, 0.2, 0.1, 0.05],
            "trials": 10,
            "full": True,
        },
        "quick": {
            "widths": [784, 100, 100, 100, 10],
            "densities": [0.3, 0.2],
            "trials": 2,
            "full": False,
        },
    },
)
