"""One neuron, one position: path densities of real masks and of two ways to read them as graphons."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from graphon_lib.experiments.experiment import Case, Experiment, profiles
from graphon_lib.experiments.pruned import pruned_network
from graphon_lib.graphons.network import GraphonNetwork, path_density

__all__ = ["SHARED_POSITIONS", "shared_positions"]


def shared_positions(
    *, seed: int, trial: int, pruning: str, density: float, blocks: int, **network: int | bool | str
) -> dict[str, NDArray]:
    """Compare the path density of a pruned network with that of its graphons.

    Returns ``path_density`` (reading): of the masks themselves, of graphons with one position a
    neuron (``"joint"``), and of graphons whose rows and columns are sorted apart (``"degree"``),
    with so many `blocks` of every hidden layer's neurons.
    """
    masks = pruned_network(pruning, density, identity=(seed, trial), **network).masks
    networks = [
        GraphonNetwork.from_masks(masks, blocks=blocks, order=o) for o in ("joint", "degree")
    ]
    return {"path_density": np.array([path_density(masks), *(n.path_density() for n in networks)])}


SHARED_POSITIONS = Experiment(
    name="shared-positions",
    cell=shared_positions,
    variables={"path_density": ("pruning", "density", "reading", "trial")},
    coords={"reading": ("mask", "joint", "degree")},
    **profiles(
        grid=(
            {"trial": 5, "pruning": ["all"], "density": [0.2, 0.1, 0.05]},
            {"trial": 2, "pruning": ["all"], "density": [0.2]},
        ),
        width=(1024, 80),
        hidden_layers=(4, 3),
        blocks=(64, 16),
        full=(True, False),
    ),
    case=Case(
        {"grid": {"trial": 1, "pruning": ["all"], "density": [0.2]}},
        ["path_density"],
        ["path_density"],
    ),
)
