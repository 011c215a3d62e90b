"""Are vector positions the limit? Masks of SNIP and GraSP minus the probabilities they follow."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from graphon_lib.experiments.digits import Data
from graphon_lib.experiments.experiment import Case, Experiment, profiles
from graphon_lib.experiments.grid import trials_of
from graphon_lib.experiments.pruned import start_network
from graphon_lib.graphons.singular import leading_singular_vectors
from graphon_lib.pruning.expected import keep_probabilities
from graphon_lib.pruning.methods import METHODS

__all__ = ["VECTOR_POSITIONS", "VECTOR_POSITIONS_TORCH", "vector_positions"]

VECTOR_METHODS = tuple(name for name, method in METHODS.items() if method.factor)


def vector_positions(
    *,
    seed: int,
    width: int,
    trial: int,
    density: float,
    hidden_layers: int,
    singular_values: int,
    data: Data,
) -> dict[str, NDArray]:
    """Subtract from second masks the probabilities given by vectors, and measure what is left.

    Equal seeds, widths and trials give the networks of
    :func:`graphon_lib.experiments.residual_spectra.residual_spectra`.

    Returns ``singular_value`` (pruning, source, rank), divided by the width, for the pruned mask
    and for a mask with independent entries of the same probabilities; ``mask_density`` and
    ``expected_density`` (pruning).
    """
    identity = (seed, width, trial)
    started = start_network(identity, width=width, hidden_layers=hidden_layers, data=data)
    rng = np.random.default_rng(identity)
    values = np.empty((len(VECTOR_METHODS), 2, singular_values))
    observed, expected = np.empty((2, len(VECTOR_METHODS)))
    for m, method in enumerate(VECTOR_METHODS):
        ((_, masks),) = started.masks(method, [density])
        mask = masks[1].numpy()
        probabilities = keep_probabilities(started.model, method, density, started.x, started.y)
        hidden = probabilities[1].numpy()
        sampled = rng.random(mask.shape) < hidden
        for s, source in enumerate((mask, sampled)):
            residual = (source - hidden).astype(np.float32)
            _, found, _ = leading_singular_vectors(residual, singular_values)
            values[m, s] = found / width
        observed[m], expected[m] = mask.mean(), hidden.mean()
    return {"singular_value": values, "mask_density": observed, "expected_density": expected}


VECTOR_POSITIONS = Experiment(
    name="vector-positions",
    cell=vector_positions,
    variables={
        "singular_value": ("pruning", "source", "width", "trial", "rank"),
        "mask_density": ("pruning", "width", "trial"),
        "expected_density": ("pruning", "width", "trial"),
    },
    coords={
        "pruning": VECTOR_METHODS,
        "source": ("mask", "sampled"),
        "rank": lambda singular_values, **_: range(1, singular_values + 1),
    },
    **profiles(
        grid=(trials_of({512: 5, 1024: 5, 2048: 3, 4096: 1}), trials_of({64: 2, 96: 1})),
        hidden_layers=(4, 3),
        density=0.2,
        singular_values=(16, 6),
        full=(True, False),
    ),
    case=Case({"grid": {"width": [512], "trial": 1}}, ["singular_value", "expected_density"]),
)

VECTOR_POSITIONS_TORCH = VECTOR_POSITIONS.under("torch")
