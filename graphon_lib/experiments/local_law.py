"""Theorem T1: how far masks of SNIP and GraSP are from independent draws of the closed formula."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray

from graphon_lib.experiments.data import sample_batch
from graphon_lib.experiments.digits import Data
from graphon_lib.experiments.experiment import Case, Experiment, profiles
from graphon_lib.experiments.pruned import ntk_weights, start_network
from graphon_lib.graphons.cut_norm import cut_norm
from graphon_lib.pruning.coupling import couple_weights, expected_flips
from graphon_lib.pruning.expected import expected_threshold, kept_probability
from graphon_lib.pruning.masks import keep_largest
from graphon_lib.pruning.methods import factor_of
from graphon_lib.pruning.signals import batch_signals

__all__ = ["LOCAL_LAW", "LOCAL_LAW_TORCH", "SHALLOW", "local_law"]

# Flips may be counted at any function of the signals: a sample of so many rows of factors gives a
# threshold for them. The formula's density is right at that of all rows alone.
SAMPLED_ROWS = 256


def local_law(
    *,
    seed: int,
    pruning: str,
    hidden_layers: int,
    images: int,
    width: int,
    trial: int,
    density: float,
    certified: int,
    data: Data,
) -> dict[str, NDArray]:
    r"""Couple the weights of the first hidden mask with a copy independent of a batch's signals.

    Returns ``flipped``, the share of entries in which masks of the two at the expected threshold
    :math:`s^*` differ; ``predicted``, the same to first order given the signals (SNIP with Gaussian
    weights); ``moved``, the mean square of :math:`w - w'`; and, for widths of at most `certified`,
    ``cut_norm`` (source, bound) of the method's mask less the formula, and of a mask of
    independent draws. The layer is pruned alone; the network and the batch of so many `images` are
    the same for either method.
    """
    identity = (seed, hidden_layers, images, width, trial)
    model = start_network(identity, width=width, hidden_layers=hidden_layers, data=data).model
    rng = np.random.default_rng(identity)
    x, y = map(torch.as_tensor, sample_batch(data.load(), images, rng))
    signal = batch_signals(model, pruning, x, y)[1]
    weight, law = ntk_weights(model)[1], model.initialisation.law
    coupled = couple_weights(
        weight, law.sample(rng, weight.shape, np.float64), signal.left, signal.right
    )
    factors = signal.left @ signal.right.T
    signed = factor_of(pruning).signed
    sample = factors if width <= certified else factors[:: max(1, width // SAMPLED_ROWS)]
    threshold = expected_threshold([sample], density, law, signed=signed)
    mask, redrawn = (
        _scores(values, factors, signed) >= threshold for values in (weight, coupled.copy)
    )
    found = {
        "flipped": np.mean(mask != redrawn),
        "moved": np.mean((weight - coupled.copy) ** 2),
    }
    if not signed and data.initialisation == "he":
        found["predicted"] = np.array(expected_flips(coupled, factors, threshold))
    if width <= certified:
        scores = torch.from_numpy(_scores(weight, factors, signed))
        kept = keep_largest([scores], density)[0].numpy()
        probabilities = kept_probability(factors, threshold, law, signed=signed)
        drawn = rng.random(factors.shape) < probabilities
        norms = [cut_norm(m - probabilities, rng=rng) for m in (kept, drawn)]
        found["cut_norm"] = np.array([[norm.lower, norm.upper] for norm in norms])
    return found


def _scores(weight: NDArray, factors: NDArray, signed: bool) -> NDArray[np.float64]:
    return weight * factors if signed else np.abs(weight * factors)


PLACE = ("pruning", "hidden_layers", "images", "width", "trial")
BOTH = ["snip", "grasp"]
SHALLOW = {"pruning": BOTH, "hidden_layers": [2], "images": [1, 10, 100]}
"""Two hidden layers, the first batch sizes."""
DEEP = {"pruning": BOTH, "hidden_layers": [3, 4, 6], "images": [10], "width": [256]}

LOCAL_LAW = Experiment(
    name="local-law",
    cell=local_law,
    variables={
        **dict.fromkeys(("flipped", "predicted", "moved"), PLACE),
        "cut_norm": (*PLACE, "source", "bound"),
    },
    coords={"source": ("mask", "independent draws"), "bound": ("lower", "upper")},
    **profiles(
        grid=(
            [
                {**SHALLOW, "width": [64, 128, 256, 512, 1024], "trial": 4},
                {**DEEP, "trial": 4},
                {**SHALLOW, "images": [100, 300], "width": [2048], "trial": 2},
                {**SHALLOW, "images": [100, 300], "width": [4096, 8192], "trial": 1},
            ],
            {**SHALLOW, "images": [1, 10], "width": [64, 128], "trial": 2},
        ),
        density=0.1,
        certified=(1024, 128),
        full=(True, False),
    ),
    case=Case(
        {"grid": {**SHALLOW, "images": [10], "width": [64], "trial": 1}}, ["flipped", "moved"]
    ),
)

LOCAL_LAW_TORCH = LOCAL_LAW.under(
    "torch",
    grid=[
        {**SHALLOW, "width": [64, 256, 1024], "trial": 4},
        {**DEEP, "trial": 4},
        {**SHALLOW, "images": [1, 10, 100, 300], "width": [2048], "trial": 2},
    ],
)
