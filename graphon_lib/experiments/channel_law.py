"""The local law in convolutions and attention: how far masks are from independent draws of a formula."""

from __future__ import annotations

import warnings
from collections.abc import Mapping

import numpy as np
import torch
import xarray as xr
from numpy.typing import NDArray
from torch import Tensor, nn

from graphon_lib.experiments.channel_masks import start_architecture
from graphon_lib.experiments.digits import Data
from graphon_lib.experiments.experiment import Case, Experiment, profiles
from graphon_lib.experiments.grid import trials_of
from graphon_lib.graphons.channels import ChannelGraphon, separable_part
from graphon_lib.graphons.singular import leading_singular_vectors
from graphon_lib.pruning.initialisations import INITIALISATIONS
from graphon_lib.pruning.masks import DisconnectedWarning, keep_largest
from graphon_lib.pruning.methods import factor_of, saliency

__all__ = [
    "CHANNEL_LAW",
    "CHANNEL_LAW_TORCH",
    "RESIDUALS",
    "channel_law",
    "module_probabilities",
    "norm_ratios",
    "separable_share",
]

RESIDUALS = ("mask, formula", "draws, formula", "mask, offsets", "draws, offsets")
"""A mask, or independent draws of the probabilities; less the formula, or the offsets' densities."""


def module_probabilities(
    model: nn.Module, scores: Mapping[str, Tensor], density: float, initialisation: str, method: str
) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
    r"""Return the masks of a network's scores, and the probabilities that its weights are kept.

    Those of :func:`~graphon_lib.pruning.expected.keep_probabilities` for any module whose weights are drawn
    by one of :data:`~graphon_lib.pruning.INITIALISATIONS`: with the factor :math:`q = s / w` and the
    smallest score kept t

    .. math:: P(|w| \ge t / |q|) , \qquad \text{half of it where scores are signed.}

    In a convolution :math:`q_{uv\delta} = \sum_{b, x} d_{bux} h_{bv, sx + \delta}` is a product of
    backward and forward signals of all images b and positions x.
    """
    law, parameters = INITIALISATIONS[initialisation], dict(model.named_parameters())
    with warnings.catch_warnings():
        # Layers without weights are recorded, and nothing to be told of.
        warnings.simplefilter("ignore", DisconnectedWarning)
        masks = keep_largest(scores, density)
    threshold = min(float(scores[name][kept].min()) for name, kept in masks.items() if kept.any())
    if threshold <= 0.0:
        raise ValueError(
            f"density must leave all scores of zero or less unkept, got {density!r}, which keeps some"
        )
    found = {}
    for name, score in scores.items():
        weight = parameters[name].detach().double()
        factor = torch.where(weight == 0.0, 0.0, score.double() / weight).abs()
        tail = law.tail(threshold / factor, weight[0].numel())
        found[name] = tail / 2.0 if factor_of(method).signed else tail
    return masks, found


def channel_law(
    *,
    seed: int,
    architecture: str,
    pruning: str,
    images: int,
    width: int,
    trial: int,
    density: float,
    groups: int,
    data: Data,
) -> dict[str, NDArray]:
    """Compare the masks of SNIP or GraSP, of a batch of so many images, with the closed formula.

    Returns by layer, in the order of the network, ``norm`` (residual), operator norms of
    :data:`RESIDUALS` over the root of the number of entries, a convolution's matrix being (n_out,
    n_in times offsets); ``expected`` and ``kept`` (group), the formula and what is kept, in groups of
    equal size by the formula; of convolutions ``separable``, the share of the formula's variance that
    a product has, see :func:`separable_share`.
    """
    identity = (seed, width, trial)
    started = start_architecture(
        identity, architecture=architecture, width=width, data=data, images=images
    )
    scores = saliency(started.model, pruning, started.x, started.y)
    masks, formula = module_probabilities(
        started.model, scores, density, data.initialisation, pruning
    )
    rng = np.random.default_rng(identity)
    described = [
        _described(masks[name].numpy(), formula[name].numpy(), groups, rng) for name in masks
    ]
    return {name: np.float32([one[name] for one in described]) for name in described[0]}


def _described(
    mask: NDArray[np.bool_],
    formula: NDArray[np.float64],
    groups: int,
    rng: np.random.Generator,
) -> dict[str, NDArray]:
    places = np.argsort(formula, axis=None, kind="stable")
    expected, kept = (
        [part.mean() for part in np.array_split(values.reshape(-1)[places], groups)]
        for values in (formula, mask)
    )
    offsets = np.broadcast_to(mask.mean(axis=(0, 1)), mask.shape)
    norms = [
        _norm(of - probabilities)
        for probabilities in (formula, offsets)
        for of in (mask, rng.random(mask.shape) < probabilities)
    ]
    return {
        "norm": np.array(norms),
        "expected": np.array(expected),
        "kept": np.array(kept),
        "separable": np.array(separable_share(formula) if mask.ndim == 4 else np.nan),
    }


def separable_share(formula: NDArray[np.float64]) -> float:
    r"""Return the share of a channel graphon's variance that the nearest product explains.

    Of probabilities (n_out, n_in, k, k). With the part :math:`\kappa` of the squared norm that is the
    product's, see :func:`~graphon_lib.graphons.separable_part`, and p the mean,
    :math:`(\kappa \langle W^2 \rangle - p^2) / (\langle W^2 \rangle - p^2)`. NaN of a constant.
    """
    square, mean = float((formula**2).mean()), float(formula.mean())
    if square <= mean**2 * (1.0 + 1e-12):
        return np.nan
    share = separable_part(ChannelGraphon(formula)).share
    return (share * square - mean**2) / (square - mean**2)


def norm_ratios(result: xr.Dataset) -> xr.DataArray:
    """Return the norms of masks less ``"formula"`` and less ``"offsets"``, over those of draws: 1 if independent."""
    norm = result.norm
    ratios = [norm.sel(residual=f"mask, {of}") / norm.sel(residual=f"draws, {of}") for of in OF]
    return xr.concat(ratios, xr.Variable("less", list(OF)), coords="minimal", compat="override")


OF = ("formula", "offsets")


def _norm(residual: NDArray[np.float64]) -> float:
    matrix = residual.reshape(len(residual), -1).astype(np.float32)
    return float(leading_singular_vectors(matrix, 1)[1][0]) / np.sqrt(matrix.size)


PLACE = ("architecture", "pruning", "images", "width", "trial", "layer")
BOTH = {"pruning": ["snip", "grasp"]}
KINDS = ["convolutional", "residual", "transformer-norm"]

CHANNEL_LAW = Experiment(
    name="channel-law",
    cell=channel_law,
    variables={
        "norm": (*PLACE, "residual"),
        "expected": (*PLACE, "group"),
        "kept": (*PLACE, "group"),
        "separable": PLACE,
    },
    coords={"residual": RESIDUALS, "group": lambda groups, **_: range(1, groups + 1)},
    **profiles(
        grid=(
            trials_of(
                {32: 5, 64: 5, 128: 5, 256: 3, 512: 3}, architecture=KINDS, images=[10, 100], **BOTH
            ),
            trials_of({8: 2, 16: 2}, architecture=KINDS, images=[5, 10], **BOTH),
        ),
        density=0.1,
        groups=(10, 4),
        full=(True, False),
        dataset="fashion-mnist",
    ),
    case=Case(
        {
            "grid": {
                "width": [32],
                "trial": 2,
                "architecture": ["convolutional"],
                "images": [10],
                **BOTH,
            }
        },
        ["norm", "expected", "kept"],
    ),
)

CHANNEL_LAW_TORCH = CHANNEL_LAW.under("torch")
