"""One pruned network, what most cells begin with: a trial, its masks, and what theory makes of both.

A trial is a fresh network and a fresh batch, with masks at several densities.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from types import MappingProxyType
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from graphon_lib.experiments.data import Images, sample_batch
from graphon_lib.experiments.digits import Data
from graphon_lib.graphons.network import GraphonNetwork
from graphon_lib.ntk.positions import PositionLayer, position_layers
from graphon_lib.pruning.initialisations import INITIALISATIONS
from graphon_lib.pruning.masks import DisconnectedWarning, keep_largest
from graphon_lib.pruning.methods import METHODS, Factor, prune, saliency
from graphon_lib.pruning.model import MaskedMLP
from graphon_lib.pruning.signals import LayerSignals, batch_signals

__all__ = [
    "BATCH_SIZE",
    "LAYERS",
    "Pruned",
    "Trial",
    "dense_once",
    "network_on_batch",
    "ntk_weights",
    "pruned_network",
    "start_network",
    "start_trial",
    "torch_generator",
]

LAYERS = MappingProxyType(
    {
        "weight_layer": lambda hidden_layers, **_: range(1, hidden_layers + 2),
        "hidden_layer": lambda hidden_layers, **_: range(1, hidden_layers + 1),
    }
)
"""Labels of the layers of a network, by dimension, as functions of the settings."""


BATCH_SIZE = 100
"""Digits that data-dependent methods see, drawn at random from the training images."""


@dataclass(frozen=True)
class Trial:
    """A network at initialisation with the batch and the generator of its pruning."""

    model: MaskedMLP
    x: Tensor
    y: Tensor
    generator: torch.Generator

    def masks(
        self, method: str, densities: Sequence[float], *, scope: str = "global"
    ) -> Iterator[tuple[float, list[Tensor]]]:
        """Yield every density with its masks, as of :func:`graphon_lib.pruning.prune`.

        Scores that serve all densities are computed once.
        """
        inputs = {"x": self.x, "y": self.y, "generator": self.generator}
        if method in METHODS and METHODS[method].rounds > 1:
            cut = partial(prune, self.model, method, **inputs)
        else:
            cut = partial(keep_largest, saliency(self.model, method, **inputs))
        for density in densities:
            with warnings.catch_warnings():
                # Sweeps record layers without weights; they are nothing to be told of.
                warnings.simplefilter("ignore", DisconnectedWarning)
                masks = cut(density=density, scope=scope)
            yield density, masks


def start_trial(
    data: Images, widths: Sequence[int], seed: Sequence[int], *, initialisation: str = "he"
) -> Trial:
    """Draw the network, of widths (784, n, ..., 10), and the batch of a trial.

    Equal integers of the seed give equal trials, on any machine, with generators of their own.
    """
    network, pruning, batch = np.random.SeedSequence(seed).spawn(3)
    x, y = sample_batch(data, BATCH_SIZE, np.random.default_rng(batch))
    return Trial(
        model=MaskedMLP(widths, torch_generator(network), initialisation=initialisation),
        x=torch.as_tensor(x),
        y=torch.as_tensor(y),
        generator=torch_generator(pruning),
    )


def torch_generator(sequence: np.random.SeedSequence) -> torch.Generator:
    """Return a generator of PyTorch's with a seed from a sequence of NumPy's."""
    return torch.Generator().manual_seed(int(sequence.generate_state(1, np.uint64)[0] >> 1))


@dataclass(frozen=True, eq=False)
class Pruned:
    """A trial with its masks, and what is estimated from both.

    Attributes
    ----------
    trial, masks, pruning
        The network and what it was pruned with; one mask (n_out, n_in) a layer; how it was pruned.
    blocks
        Of every hidden layer's neurons, of the graphons.
    particles
        Neurons that represent a layer in the kernels of vector positions, at most.
    dtype
        Of the weights.
    """

    trial: Trial
    masks: list[NDArray[np.bool_]]
    pruning: str
    blocks: int = 64
    particles: int = 1024
    dtype: str = "float64"

    @property
    def normal(self) -> bool:
        """Whether weights are normal, and there are no biases."""
        return self.trial.model.initialisation == INITIALISATIONS["he"]

    @property
    def factor(self) -> Factor | None:
        """What its scores multiply weights by; None where masks have no vector positions."""
        return METHODS[self.pruning].factor if self.pruning in METHODS else None

    @property
    def widths(self) -> tuple[int, ...]:
        """Widths of all layers, from the inputs to the outputs."""
        return self.trial.model.widths

    @cached_property
    def weights(self) -> list[NDArray]:
        """Weights in NTK units, kept and pruned ones, see :func:`ntk_weights`."""
        return ntk_weights(self.trial.model, self.dtype)

    @cached_property
    def biases(self) -> list[NDArray[np.float64]] | None:
        """Biases in units of their deviation; None of a network without."""
        law, biases = self.trial.model.initialisation, self.trial.model.biases
        if law.bias_variance is None:
            return None
        return [
            bias.detach().double().numpy() * math.sqrt(inputs / law.bias_variance)
            for bias, inputs in zip(biases, self.widths[:-1], strict=True)
        ]

    @cached_property
    def variances(self) -> dict[str, Any]:
        """Variances of weights and biases, as kernels take them."""
        law = self.trial.model.initialisation
        found: dict[str, Any] = {"weight_variance": law.weight_variance}
        if law.bias_variance is not None:
            found["bias_variance"] = [law.bias_variance / inputs for inputs in self.widths[:-1]]
        return found

    @cached_property
    def signals(self) -> list[LayerSignals]:
        """What the pruning batch sees of the dense network; of SNIP and GraSP alone."""
        return batch_signals(self.trial.model, self.pruning, self.trial.x, self.trial.y)

    def graphons(self, order: str) -> GraphonNetwork:
        """Return the graphons of the masks."""
        return GraphonNetwork.from_masks(self.masks, blocks=self.blocks, order=order)

    def signed_graphons(self, order: str, shrinkage: bool) -> GraphonNetwork:
        """Return the same with second moments and drifts."""
        return GraphonNetwork.from_masks(
            self.masks, self.weights, blocks=self.blocks, order=order, shrinkage=shrinkage
        )

    def positions(
        self, rng: np.random.Generator
    ) -> tuple[list[PositionLayer], tuple[NDArray, NDArray]] | None:
        """Return the layers of vector positions, and mask and weights of the read-out from them.

        They are drawn once. None where a weight's keeping is no function of them: for methods that
        see no data, and where GraSP keeps weights of negative score, as it does at high densities.
        """
        if "positions" not in self._drawn:
            self._drawn["positions"] = self._draw_positions(rng)
        return self._drawn["positions"]

    def _draw_positions(
        self, rng: np.random.Generator
    ) -> tuple[list[PositionLayer], tuple[NDArray, NDArray]] | None:
        if self.factor is None:
            return None
        if self.factor.signed and not self._all_scores_positive():
            return None
        layers, chosen = position_layers(
            self.signals[:-1],
            sum(int(mask.sum()) for mask in self.masks[:-1]),
            signed=self.factor.signed,
            particles=self.particles,
            rng=rng,
            law=self.trial.model.initialisation.law,
            weight_variance=self.variances["weight_variance"],
            biases=self.biases and self.biases[:-1],
            bias_variance=self.variances.get("bias_variance", [0.0] * len(self.masks))[:-1],
        )
        return layers, (self.masks[-1][:, chosen], self.weights[-1][:, chosen])

    def _all_scores_positive(self) -> bool:
        """Whether the scores of all kept weights are positive."""
        return all(
            ((w * (signal.left @ signal.right.T))[mask] > 0).all()
            for w, mask, signal in zip(self.weights, self.masks, self.signals, strict=True)
        )

    @cached_property
    def _drawn(self) -> dict[str, Any]:
        return {}


def start_network(identity: Sequence[int], *, width: int, hidden_layers: int, data: Data) -> Trial:
    """Start a trial with a network of a given width; arguments as of :func:`pruned_network`."""
    images = data.load()
    widths = (images.x_train.shape[1], *[width] * hidden_layers, images.classes)
    return start_trial(images, widths, identity, initialisation=data.initialisation)


def network_on_batch(
    identity: Sequence[int], *, images: int, width: int, data: Data
) -> tuple[MaskedMLP, NDArray, NDArray, NDArray[np.float64], np.random.Generator]:
    """Return a network of two hidden layers, a batch of so many images, its outputs, and a generator."""
    model = start_network(identity, width=width, hidden_layers=2, data=data).model
    rng = np.random.default_rng(identity)
    x, y = sample_batch(data.load(), images, rng)
    with torch.no_grad():
        outputs = model(torch.as_tensor(x)).double().numpy().T
    return model, x, y, outputs, rng


def pruned_network(
    pruning: str,
    density: float,
    *,
    identity: Sequence[int],
    width: int,
    hidden_layers: int,
    data: Data,
    blocks: int = 64,
    particles: int = 1024,
    dtype: str = "float64",
) -> Pruned:
    """Start a trial with a network of a given width, and prune it.

    To a kept fraction of all weights by one of :data:`graphon_lib.pruning.METHODS`, or not at all
    for ``"dense"``. The integers of `identity` seed the trial, see
    :func:`start_trial`; the network has as many inputs and outputs
    as images have pixels and classes; the rest is as of :class:`Pruned`.
    """
    trial = start_network(identity, width=width, hidden_layers=hidden_layers, data=data)
    if pruning == "dense":
        masks = [np.ones(weight.shape, dtype=bool) for weight in trial.model.weights]
    else:
        ((_, tensors),) = trial.masks(pruning, [density])
        masks = [mask.numpy() for mask in tensors]
    return Pruned(trial, masks, pruning, blocks, particles, dtype)


def dense_once(call: dict[str, Any]) -> dict[str, Any]:
    """Give the dense network one density: it is computed once and stands at every one."""
    return call | {"density": 1.0} if call["pruning"] == "dense" else call


def ntk_weights(model: MaskedMLP, dtype: str = "float64") -> list[NDArray]:
    """Return a network's weights in NTK units: of variance 1 at its initialisation."""
    return [
        weight.detach().numpy().astype(dtype)
        * np.dtype(dtype).type(math.sqrt(weight.shape[1] / model.initialisation.weight_variance))
        for weight in model.weights
    ]
