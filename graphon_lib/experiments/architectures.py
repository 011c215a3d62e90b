"""Small networks with convolutions, skips and attention, of any width."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from types import MappingProxyType

import torch
from torch import Tensor, nn
from torch.nn import functional

from graphon_lib._checks import check_choice
from graphon_lib.pruning.initialisations import INITIALISATIONS

__all__ = [
    "ARCHITECTURES",
    "Architecture",
    "ConvolutionalNetwork",
    "VisionTransformer",
    "build_network",
    "draw_parameters",
]


class ConvolutionalNetwork(nn.Module):
    r"""Five convolutions, an average over all pixels, and a read-out.

    Parameters
    ----------
    width
        Channels of every layer.
    shape, classes
        Of the images, rows, columns, and colours if there are any, and what they are told apart by.
    skips
        Whether the two pairs of layers after the first are branches beside a skip.
    normalised
        Whether BatchNorm comes before every rectifier.
    biases
        Whether layers have biases.

    Notes
    -----
    Kernels are 3 x 3 with padding 1; the first convolution and the first of each pair have stride 2.
    Without skips every layer is :math:`z^{l+1} = W^{l+1} * \sigma(z^l)`; with them a pair of layers
    is :math:`z \mapsto S z + W' * \sigma(W * \sigma(z))`, as in He et al. (*Identity mappings in deep
    residual networks*, ECCV 2016), where S keeps every second pixel.
    """

    def __init__(
        self,
        width: int,
        shape: Sequence[int],
        classes: int,
        *,
        skips: bool = False,
        normalised: bool = False,
        biases: bool = False,
    ) -> None:
        super().__init__()
        self.shape, self.skips = (*shape, 1)[:3], skips
        channels = (self.shape[2], *[width] * 5)
        self.convolutions = nn.ModuleList(
            nn.Conv2d(n_in, n_out, 3, stride, padding=1, bias=biases)
            for n_in, n_out, stride in zip(channels, channels[1:], (2, 2, 1, 2, 1), strict=False)
        )
        self.norms = nn.ModuleList(
            nn.BatchNorm2d(width) if normalised else nn.Identity() for _ in range(5)
        )
        self.readout = nn.Linear(width, classes, bias=biases)

    def forward(self, x: Tensor) -> Tensor:
        """Return the logits (N, classes) of flat images (N, pixels)."""
        x = as_channels(x, self.shape)
        first, *others = self.convolutions
        of_first, *norms = self.norms
        z, before = first(x), of_first
        for place in (0, 2):
            branch = others[place](before(z).relu())
            branch = others[place + 1](norms[place](branch).relu())
            z = z[:, :, ::2, ::2] + branch if self.skips else branch
            before = norms[place + 1]
        return self.readout(before(z).relu().mean(dim=(2, 3)))


class Attention(nn.Module):
    """Softmax attention of several heads, queries times keys over the root of a head's size."""

    def __init__(self, width: int, heads: int, biases: bool) -> None:
        super().__init__()
        self.heads = heads
        self.query, self.key, self.value, self.output = (
            nn.Linear(width, width, bias=biases) for _ in range(4)
        )

    def forward(self, x: Tensor) -> Tensor:
        """Return what every token attends to, (N, tokens, width)."""
        q, k, v = (
            layer(x).unflatten(2, (self.heads, -1)).transpose(1, 2)
            for layer in (self.query, self.key, self.value)
        )
        attended = functional.scaled_dot_product_attention(q, k, v)
        return self.output(attended.transpose(1, 2).flatten(2))


class Block(nn.Module):
    """Attention and a hidden layer twice as wide, each a branch beside a skip."""

    def __init__(self, width: int, heads: int, normalised: bool, biases: bool) -> None:
        super().__init__()
        self.before_attention, self.before_hidden = (
            nn.LayerNorm(width) if normalised else nn.Identity() for _ in range(2)
        )
        self.attention = Attention(width, heads, biases)
        self.hidden = nn.Linear(width, 2 * width, bias=biases)
        self.back = nn.Linear(2 * width, width, bias=biases)

    def forward(self, x: Tensor) -> Tensor:
        """Return the tokens after the block."""
        x = x + self.attention(self.before_attention(x))
        return x + self.back(self.hidden(self.before_hidden(x)).relu())


class VisionTransformer(nn.Module):
    """Patches of 7 x 7 pixels as tokens, two blocks, an average over tokens, and a read-out.

    After Dosovitskiy et al. (*An image is worth 16 x 16 words*, ICLR 2021), with an average for the
    class token. Images are padded to a multiple of 7 with zeros.

    Parameters
    ----------
    width
        Of a token, a multiple of the 4 heads.
    shape, classes, biases
        As of :class:`ConvolutionalNetwork`.
    normalised
        Whether LayerNorm comes before every branch and the read-out.
    """

    PATCH, HEADS, BLOCKS = 7, 4, 2

    def __init__(
        self,
        width: int,
        shape: Sequence[int],
        classes: int,
        *,
        normalised: bool = False,
        biases: bool = False,
    ) -> None:
        super().__init__()
        self.shape = (*shape, 1)[:3]
        rows, columns = (-(-side // self.PATCH) for side in self.shape[:2])
        self.embedding = nn.Linear(self.shape[2] * self.PATCH**2, width, bias=biases)
        self.place = nn.Parameter(torch.zeros(rows * columns, width))
        self.blocks = nn.ModuleList(
            Block(width, self.HEADS, normalised, biases) for _ in range(self.BLOCKS)
        )
        self.norm = nn.LayerNorm(width) if normalised else nn.Identity()
        self.readout = nn.Linear(width, classes, bias=biases)

    def forward(self, x: Tensor) -> Tensor:
        """Return the logits (N, classes) of flat images (N, pixels)."""
        x = as_channels(x, self.shape)
        rows, columns = (-side % self.PATCH for side in x.shape[2:])
        x = functional.pad(x, (0, columns, 0, rows))
        patches = functional.unfold(x, self.PATCH, stride=self.PATCH).transpose(1, 2)
        tokens = self.embedding(patches) + self.place
        for block in self.blocks:
            tokens = block(tokens)
        return self.readout(self.norm(tokens).mean(dim=1))


def as_channels(x: Tensor, shape: Sequence[int]) -> Tensor:
    """Return flat images (N, pixels), row by row of each its colours, as (N, colours, rows, columns)."""
    return x.unflatten(1, tuple(shape)).permute(0, 3, 1, 2)


@torch.no_grad()
def draw_parameters(model: nn.Module, initialisation: str, generator: torch.Generator) -> None:
    """Draw the weights and biases of all linear and convolutional layers of a network anew.

    By one of :data:`~graphon_lib.pruning.INITIALISATIONS`, n being what a layer sums over: channels
    times offsets. A learnt place of tokens is drawn from N(0, 0.02 squared). Other parameters, those
    of normalisation, are left.
    """
    law = INITIALISATIONS[check_choice("initialisation", initialisation, INITIALISATIONS)]
    for layer in model.modules():
        if isinstance(layer, nn.Linear | nn.Conv2d):
            n_out, n_in = layer.weight.flatten(1).shape
            layer.weight.copy_(law.draw_weight(n_out, n_in, generator).view_as(layer.weight))
            bias = law.draw_bias(n_out, n_in, generator)
            if bias is not None:
                layer.bias.copy_(bias)
        if isinstance(layer, VisionTransformer):
            layer.place.normal_(0.0, 0.02, generator=generator)


@dataclass(frozen=True)
class Architecture:
    """A kind of network.

    Attributes
    ----------
    label
        How it is written.
    make
        The network of a width, for images of a shape and classes; with or without ``biases``.
    """

    label: str
    make: Callable[..., nn.Module]


ARCHITECTURES: Mapping[str, Architecture] = MappingProxyType(
    {
        "convolutional": Architecture("Convolutions", ConvolutionalNetwork),
        "convolutional-norm": Architecture(
            "Convolutions with BatchNorm", partial(ConvolutionalNetwork, normalised=True)
        ),
        "residual": Architecture("Skips", partial(ConvolutionalNetwork, skips=True)),
        "residual-norm": Architecture(
            "Skips with BatchNorm", partial(ConvolutionalNetwork, skips=True, normalised=True)
        ),
        "transformer": Architecture("Attention", VisionTransformer),
        "transformer-norm": Architecture(
            "Attention with LayerNorm", partial(VisionTransformer, normalised=True)
        ),
    }
)
"""The architectures by name."""


def build_network(
    architecture: str,
    width: int,
    shape: Sequence[int],
    classes: int,
    generator: torch.Generator,
    *,
    initialisation: str = "he",
) -> nn.Module:
    """Return a network of one of :data:`ARCHITECTURES`, drawn from a generator."""
    record = ARCHITECTURES[check_choice("architecture", architecture, ARCHITECTURES)]
    biases = INITIALISATIONS[initialisation].bias_variance is not None
    model = record.make(width, shape, classes, biases=biases)
    draw_parameters(model, initialisation, generator)
    return model
