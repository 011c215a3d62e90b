"""Does a sampled convolutional network have the kernel of its channel graphons? Monte Carlo."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from types import MappingProxyType

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn
from torch.nn.utils import skip_init

from graphon_lib.experiments.data import sample_batch
from graphon_lib.experiments.digits import Data
from graphon_lib.experiments.experiment import Case, Experiment, profiles
from graphon_lib.experiments.grid import trials_of
from graphon_lib.experiments.module_kernel import module_ntk
from graphon_lib.graphons.channels import ChannelGraphon, sample_channel_mask, separable_part
from graphon_lib.graphons.sampling import sample_mask
from graphon_lib.graphons.step_graphon import StepGraphon
from graphon_lib.ntk.convolution import graphon_cntk

__all__ = [
    "CHANNEL_DESIGNS",
    "CONVOLUTION_CONVERGENCE",
    "THEORIES",
    "channel_design",
    "convolution_convergence",
    "convolutional_network",
    "separable_layers",
]

CENTRE = np.array([[0.1, 0.3, 0.1], [0.3, 1.0, 0.3], [0.1, 0.3, 0.1]])
ROW = np.array([[0.0, 0.0, 0.0], [1.0, 1.0, 1.0], [0.0, 0.0, 0.0]])
ALIKE = np.array([[1.0, 0.1], [0.1, 1.0]])

CHANNEL_DESIGNS = MappingProxyType(
    {
        "constant": (np.full((2, 2), 0.4), (np.ones((3, 3)), np.ones((3, 3)))),
        "separable": (np.array([[1.0, 0.5], [0.4, 0.1]]), (CENTRE, CENTRE)),
        "rows and columns": (ALIKE, (ROW, ROW.T)),
    }
)
"""Values on two blocks of output and of input channels, and what either block of input channels has at
every offset. In the last, half of the channels are summed along rows, the others along columns."""

THEORIES = ("graphon", "separable")
"""Graphons as they are, and the products nearest to them."""

OUTPUTS = 10
SQUARE, STRIDES = 4, (1, 2, 1)
WEIGHT_VARIANCE = 2.0
READ_OUT = StepGraphon([[0.8, 0.4]] * OUTPUTS)


def channel_design(design: str) -> list[ChannelGraphon]:
    """Return three convolutions of one of :data:`CHANNEL_DESIGNS`, for images of one colour.

    The first, of one block of inputs, has the offsets of the blocks of its outputs.
    """
    channels, offsets = CHANNEL_DESIGNS[design]
    first = channels.mean(axis=1)[:, None, None, None] * np.stack(offsets)[:, None]
    hidden = channels[:, :, None, None] * np.stack(offsets)
    return [ChannelGraphon(first), ChannelGraphon(hidden), ChannelGraphon(hidden)]


def separable_layers(layers: Sequence[ChannelGraphon]) -> list[ChannelGraphon]:
    """Return graphons of the products next to those of convolutions, cut off at 1."""
    return [
        ChannelGraphon(
            np.minimum(part.channels[:, :, None, None] * part.offsets, 1.0),
            layer.row_mass,
            layer.col_mass,
        )
        for layer in layers
        for part in [separable_part(layer)]
    ]


def convolutional_network(
    layers: Sequence[ChannelGraphon],
    read_out: StepGraphon,
    width: int,
    sides: tuple[int, int],
    rng: np.random.Generator,
    *,
    strides: Sequence[int],
    pooling: str,
) -> tuple[nn.Sequential, dict[str, NDArray[np.bool_]]]:
    """Return a ReLU network of so many channels in He's initialisation, and masks drawn from graphons.

    It is the finite network of :func:`~graphon_lib.ntk.graphon_cntk` for images of `sides` pixels,
    which it takes as (N, colours, rows, columns). It has an output for every block of the read-out,
    and masks by the names of its weights.
    """
    modules: list[nn.Module] = []
    masks = {}

    def add(module: nn.Module, mask: NDArray[np.bool_]) -> None:
        deviation = (WEIGHT_VARIANCE / mask[0].size) ** 0.5
        weight = torch.from_numpy(deviation * rng.standard_normal(mask.shape))
        module.weight = nn.Parameter(weight)
        masks[f"{len(modules)}.weight"] = mask
        modules.append(module)

    inputs = layers[0].values.shape[1]
    for layer, stride in zip(layers, strides, strict=True):
        size = layer.kernel_size
        padding = [side // 2 for side in size]
        convolution = skip_init(nn.Conv2d, inputs, width, size, stride, padding, bias=False)
        add(convolution, sample_channel_mask(layer, (width, inputs), rng))
        modules.append(nn.ReLU())
        inputs = width
    pixels = 1
    if pooling == "average":
        modules.append(nn.AdaptiveAvgPool2d(1))
    else:
        pixels = prod(-(-side // prod(strides)) for side in sides)
    modules.append(nn.Flatten())
    outputs = len(read_out.values)
    kept = [sample_mask(read_out, (outputs, width), rng) for _ in range(pixels)]
    last = skip_init(nn.Linear, width * pixels, outputs, bias=False)
    add(last, np.stack(kept, axis=-1).reshape(outputs, -1))
    return nn.Sequential(*modules), masks


def convolution_convergence(
    *, seed: int, design: str, pooling: str, width: int, trial: int, digits: int, data: Data
) -> dict[str, NDArray]:
    r"""Sample a network from channel graphons and compare its tangent kernel with theory.

    Images are means over squares of 4 x 4 pixels, and over colours.

    Returns ``error`` (theory of :data:`THEORIES`), :math:`\lVert \hat\Theta - \Theta \rVert_F /
    \lVert \Theta \rVert_F`, and ``angle`` (theory), the sine of the angle between the two kernels,
    which is what is left of the error at the best scale.
    """
    found = data.load()
    x = sample_batch(found, digits, np.random.default_rng(seed)).x.astype(np.float64)
    sides = found.shape[0] // SQUARE, found.shape[1] // SQUARE
    squares = x.reshape(digits, sides[0], SQUARE, sides[1], SQUARE, -1)
    # Of colours the mean, so that designs have one.
    images = squares.mean(axis=(2, 4, 5))[..., None]
    layers = channel_design(design)
    rng = np.random.default_rng((seed, list(CHANNEL_DESIGNS).index(design), width, trial))
    options = {"strides": STRIDES, "pooling": pooling}
    model, masks = convolutional_network(layers, READ_OUT, width, sides, rng, **options)
    kernel = module_ntk(
        model, images.transpose(0, 3, 1, 2), masks=masks, weight_variance=WEIGHT_VARIANCE
    )
    measured: dict[str, list[float]] = {"error": [], "angle": []}
    for of in (layers, separable_layers(layers)):
        theory = graphon_cntk(images, of, READ_OUT, weight_variance=WEIGHT_VARIANCE, **options)
        size, theoretical = np.linalg.norm(kernel), np.linalg.norm(theory)
        cosine = np.vdot(kernel, theory) / (size * theoretical)
        measured["error"].append(np.linalg.norm(kernel - theory) / theoretical)
        measured["angle"].append(np.sqrt(max(1.0 - cosine**2, 0.0)))
    return {name: np.array(values) for name, values in measured.items()}


PLACE = ("design", "pooling", "width", "trial")

CONVOLUTION_CONVERGENCE = Experiment(
    name="convolution-convergence",
    cell=convolution_convergence,
    variables=dict.fromkeys(("error", "angle"), (*PLACE, "theory")),
    coords={"theory": THEORIES},
    **profiles(
        grid=(
            trials_of(
                {16: 40, 32: 40, 64: 20, 128: 20, 256: 10},
                design=list(CHANNEL_DESIGNS),
                pooling=["average", "flatten"],
            ),
            {
                "width": [16, 32],
                "trial": 2,
                "design": list(CHANNEL_DESIGNS),
                "pooling": ["average", "flatten"],
            },
        ),
        digits=(16, 6),
        full=(True, False),
    ),
    case=Case(
        {
            "grid": {
                "width": [16, 32],
                "trial": 1,
                "design": list(CHANNEL_DESIGNS),
                "pooling": ["average", "flatten"],
            }
        },
        ["error", "angle"],
    ),
)
