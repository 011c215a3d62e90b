"""Are vector positions the limit? Masks of SNIP and GraSP minus the probabilities they follow."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import xarray as xr
from tqdm import tqdm

from graphon_lib.experiments.data import load_mnist
from graphon_lib.experiments.results import Experiment
from graphon_lib.experiments.trials import start_trial
from graphon_lib.graphons.singular import leading_singular_vectors
from graphon_lib.pruning.expected import keep_probabilities

__all__ = ["VECTOR_POSITIONS", "vector_positions"]

VECTOR_METHODS = ("snip", "grasp")


def vector_positions(
    *,
    seed: int,
    trials_of_width: Sequence[tuple[int, int]],
    hidden_layers: int,
    density: float,
    singular_values: int,
    full: bool,
) -> xr.Dataset:
    """Subtract from hidden masks the probabilities given by vectors, and measure what is left.

    Parameters
    ----------
    seed
        Seed of everything random. Equal seeds, widths and trials give the networks of
        :func:`graphon_lib.experiments.residual_spectra.residual_spectra`.
    trials_of_width
        Pairs of a hidden width and a number of networks of that width.
    hidden_layers
        Number of hidden layers, at least 2; the second mask is examined.
    density
        Target density of the whole network.
    singular_values
        How many to keep.
    full
        Whether the batches come from the complete training set rather than the bundled subset.

    Returns
    -------
    xarray.Dataset
        ``singular_value`` (pruning, source, width, trial, rank), divided by the width, for the
        pruned mask and for a mask with independent entries of the same probabilities;
        ``mask_density`` and ``expected_density`` (pruning, width, trial) of the second mask.
    """
    data = load_mnist(full=full)
    most = max(trials for _, trials in trials_of_width)
    shape = (len(VECTOR_METHODS), len(trials_of_width), most)
    values = np.full((shape[0], 2, *shape[1:], singular_values), np.nan)
    observed, expected = np.full((2, *shape), np.nan)
    total = sum(trials for _, trials in trials_of_width) * len(VECTOR_METHODS)
    with tqdm(total=total, desc="Masks minus probabilities", unit="mask") as progress:
        for w, (width, trials) in enumerate(trials_of_width):
            for trial in range(trials):
                widths = (784, *[width] * hidden_layers, 10)
                started = start_trial(data, widths, (seed, width, trial))
                rng = np.random.default_rng((seed, width, trial))
                for m, method in enumerate(VECTOR_METHODS):
                    ((_, masks),) = started.masks(method, [density])
                    probabilities = keep_probabilities(
                        started.model, method, density, started.x, started.y
                    )[1].numpy()
                    mask = masks[1].numpy()
                    sampled = rng.random(mask.shape) < probabilities
                    for s, source in enumerate((mask, sampled)):
                        residual = (source - probabilities).astype(np.float32)
                        _, found, _ = leading_singular_vectors(residual, singular_values)
                        values[m, s, w, trial] = found / width
                    observed[m, w, trial] = mask.mean()
                    expected[m, w, trial] = probabilities.mean()
                    progress.update()
    return xr.Dataset(
        {
            "singular_value": (("pruning", "source", "width", "trial", "rank"), values),
            "mask_density": (("pruning", "width", "trial"), observed),
            "expected_density": (("pruning", "width", "trial"), expected),
        },
        coords={
            "pruning": list(VECTOR_METHODS),
            "source": ["mask", "sampled"],
            "width": [width for width, _ in trials_of_width],
            "rank": np.arange(1, singular_values + 1),
        },
        attrs={"data": data.name, "data_sha256": data.sha256},
    )


VECTOR_POSITIONS = Experiment(
    name="vector-positions",
    compute=vector_positions,
    profiles={
        "paper": {
            "trials_of_width": [[512, 5], [1024, 5], [2048, 3], [4096, 1]],
            "hidden_layers": 4,
            "density": 0.2,
            "singular_values": 16,
            "full": True,
        },
        "quick": {
            "trials_of_width": [[64, 2], [96, 1]],
            "hidden_layers": 3,
            "density": 0.2,
            "singular_values": 6,
            "full": False,
        },
    },
)
