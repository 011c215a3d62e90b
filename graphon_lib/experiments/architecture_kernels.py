"""Do networks with skips, attention and normalisation have the kernels of their graphons? Monte Carlo."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import sqrt
from types import MappingProxyType

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.special import softmax
from torch import Tensor, nn
from torch.nn.functional import layer_norm, rms_norm

from graphon_lib.experiments.experiment import Case, Experiment, profiles
from graphon_lib.experiments.grid import trials_of
from graphon_lib.experiments.module_kernel import module_ntk
from graphon_lib.graphons.network import GraphonNetwork
from graphon_lib.graphons.sampling import sample_mask
from graphon_lib.graphons.step_graphon import StepGraphon
from graphon_lib.ntk.attention import AttentionBlock, AttentionGraphons, attention_ntk
from graphon_lib.ntk.normalised import normalised_ntk
from graphon_lib.ntk.residual import ResidualGraphons, residual_ntk

__all__ = [
    "ARCHITECTURE_KERNELS",
    "ATTENTION_LIMIT",
    "NETWORKS",
    "NORMALISED",
    "SCALES",
    "DrawnAttention",
    "DrawnLayers",
    "DrawnNormalised",
    "DrawnResidual",
    "architecture_kernels",
    "attention_limit",
    "limit_distance",
]

Array = NDArray[np.float64]

HEADS = 4
WEIGHT_VARIANCE = 2.0
TOKENS, FEATURES = 4, 8

SCALES: MappingProxyType[str, Callable[[int], float]] = MappingProxyType(
    {"1 / d": lambda size: 1 / size, "1 / sqrt d": lambda size: 1 / sqrt(size)}
)
"""What scores are multiplied by in attention, from the size d of a head."""


class DrawnLayers(nn.Module):
    """Layers of a finite pruned network without biases, of one output, all else of one width.

    Parameters
    ----------
    layers
        The graphon of every layer.
    width, inputs
        Rows of every mask but the last, and columns of the first.
    rng
        Draws the masks, and the kept weights from N(0, 1).

    Attributes
    ----------
    masks
        By the names of the weights.
    """

    def __init__(
        self, layers: Sequence[StepGraphon], width: int, inputs: int, rng: np.random.Generator
    ) -> None:
        super().__init__()
        sides = [inputs, *[width] * (len(layers) - 1), 1]
        masks = [
            sample_mask(graphon, (rows, columns), rng)
            for graphon, columns, rows in zip(layers, sides, sides[1:], strict=False)
        ]
        self.masks = {f"weights.{number}": mask for number, mask in enumerate(masks)}
        self.weights = nn.ParameterList(
            torch.from_numpy(rng.standard_normal(mask.shape) * mask) for mask in masks
        )

    def sums(self, layer: int, signal: Tensor) -> Tensor:
        """Return the sums of a layer, in NTK units, for signals (..., n_in)."""
        weight = self.weights[layer]
        return sqrt(WEIGHT_VARIANCE / weight.shape[1]) * signal @ weight.T


class DrawnResidual(DrawnLayers):
    """A residual network of one output, all of whose layers have one width."""

    def __init__(
        self, graphons: ResidualGraphons, width: int, inputs: int, rng: np.random.Generator
    ) -> None:
        inner = [layer for branch in graphons.branches for layer in branch]
        super().__init__([graphons.entry, *inner, graphons.read_out], width, inputs, rng)
        self.depths = [len(branch) for branch in graphons.branches]

    def forward(self, x: Tensor) -> Tensor:
        """Return the output (N, 1) for inputs (N, d)."""
        z, layer = self.sums(0, x), 1
        for depth in self.depths:
            branch = z
            for _ in range(depth):
                branch = self.sums(layer, branch.relu())
                layer += 1
            z = z + branch
        return self.sums(layer, z.relu())


class DrawnAttention(DrawnLayers):
    """A network with attention of 4 heads, of one output, all of whose layers have one width.

    Scores have one of :data:`SCALES`; queries and keys are pruned by `query_key`.
    """

    def __init__(
        self,
        graphons: AttentionGraphons,
        width: int,
        inputs: int,
        scale: str,
        query_key: StepGraphon,
        rng: np.random.Generator,
    ) -> None:
        inner = [
            layer
            for of in graphons.blocks
            for layer in (query_key, query_key, of.value, of.output, of.hidden, of.back)
        ]
        super().__init__([graphons.entry, *inner, graphons.read_out], width, inputs, rng)
        self.factor = SCALES[scale](width // HEADS)

    def attention(self, layer: int, z: Tensor) -> Tensor:
        """Return the attention (N, heads, T, T) of queries in a layer and keys in the next."""
        q, k = self._by_head(layer, z), self._by_head(layer + 1, z)
        return (self.factor * q @ k.transpose(-1, -2)).softmax(dim=-1)

    def forward(self, x: Tensor) -> Tensor:
        """Return the output (N, 1) for inputs (N, T, d)."""
        z = self.sums(0, x)
        for query in range(1, len(self.weights) - 1, 6):
            attended = self.attention(query, z) @ self._by_head(query + 2, z)
            z = z + self.sums(query + 3, attended.transpose(1, 2).flatten(2))
            z = z + self.sums(query + 5, self.sums(query + 4, z).relu())
        return self.sums(len(self.weights) - 1, z.mean(dim=1))

    def _by_head(self, layer: int, z: Tensor) -> Tensor:
        return self.sums(layer, z).unflatten(2, (HEADS, -1)).transpose(1, 2)


class DrawnNormalised(DrawnLayers):
    """A network of one output without skips, whose hidden layers of one width are normalised.

    As of :func:`~graphon_lib.ntk.normalised_ntk`, without the small number that PyTorch's layers add
    to a variance.
    """

    def __init__(
        self,
        graphons: GraphonNetwork,
        width: int,
        inputs: int,
        rng: np.random.Generator,
        *,
        place: str,
        centred: bool,
    ) -> None:
        super().__init__(graphons.layers, width, inputs, rng)
        self.place, self.norm = place, layer_norm if centred else rms_norm

    def forward(self, x: Tensor) -> Tensor:
        """Return the output (N, 1) for inputs (N, d)."""
        last = len(self.weights) - 1
        for layer in range(last):
            z = self.sums(layer, x)
            x = self._normed(z).relu() if self.place == "before" else self._normed(z.relu())
        return self.sums(last, x)

    def _normed(self, signal: Tensor) -> Tensor:
        return self.norm(signal, signal.shape[-1:], eps=0.0)


STREAM, INNER = np.array([0.5, 0.25, 0.25]), np.array([0.25, 0.75])


def _blocks(rows: Array, columns: Array, high: float, low: float) -> StepGraphon:
    """Return a graphon of two values in alternation."""
    places = np.add.outer(np.arange(rows.size), np.arange(columns.size))
    return StepGraphon(np.where(places % 2, low, high), rows, columns)


def _networks() -> dict[str, ResidualGraphons | AttentionGraphons]:
    # All neurons of a block see the same inputs: random masks of so few would show.
    seen = np.add.outer(np.arange(3), np.arange(FEATURES)) % 3 > 0
    entry, read_out = StepGraphon(seen, STREAM), StepGraphon([[0.9, 0.2, 0.5]], None, STREAM)
    into, out = _blocks(INNER, STREAM, 0.9, 0.1), _blocks(STREAM, INNER, 0.7, 0.3)
    within = _blocks(STREAM, STREAM, 0.1, 0.8)
    dense, pruned = StepGraphon([[1.0]]), StepGraphon([[0.3]])
    return {
        "residual, constant": ResidualGraphons.constant(1.0, [[0.3, 0.3]] * 3, 0.5),
        "residual, blocks": ResidualGraphons(entry, [[into, out], [within], [into, out]], read_out),
        "attention, constant": AttentionGraphons(
            dense, [AttentionBlock(*[pruned] * 4)] * 2, pruned
        ),
        "attention, blocks": AttentionGraphons(
            entry, [AttentionBlock(into, out, within, within)] * 2, read_out
        ),
    }


NETWORKS = MappingProxyType(_networks())
"""Networks with skips, of constant graphons and with blocks, with attention and without."""

CHAIN = NETWORKS["residual, blocks"].chain([0])

NORMALISED = MappingProxyType(
    {
        "LayerNorm, before": {"place": "before", "centred": True},
        "LayerNorm, after": {"place": "after", "centred": True},
        "RMSNorm, after": {"place": "after", "centred": False},
    }
)
"""Networks without skips, with normalisation before their activations or after."""


def architecture_kernels(
    *, seed: int, network: str, width: int, trial: int, inputs: int
) -> dict[str, NDArray]:
    r"""Compare the tangent kernel of a drawn network of one output with that of its graphons.

    Scores in attention are divided by the size of a head. Returns ``error``,
    :math:`\lVert \hat\Theta - \Theta \rVert_F / \lVert \Theta \rVert_F`.
    """
    graphons = NETWORKS.get(network)
    x = _inputs(inputs, seed)
    rng = np.random.default_rng((seed, [*NETWORKS, *NORMALISED].index(network), width, trial))
    if network in NORMALISED:
        x, norm = x[:, 0], NORMALISED[network]
        theory = normalised_ntk(x, CHAIN, **norm)
        drawn = DrawnNormalised(CHAIN, width, FEATURES, rng, **norm)
    elif isinstance(graphons, ResidualGraphons):
        x = x[:, 0]
        theory, drawn = residual_ntk(graphons, x), DrawnResidual(graphons, width, FEATURES, rng)
    else:
        theory = attention_ntk(graphons, x)
        drawn = DrawnAttention(graphons, width, FEATURES, "1 / d", StepGraphon([[0.3]]), rng)
    gap = module_ntk(drawn, x, masks=drawn.masks) - theory
    return {"error": np.linalg.norm(gap) / np.linalg.norm(theory)}


def attention_limit(
    *, seed: int, scale: str, density: float, head_size: int, trial: int, inputs: int
) -> dict[str, NDArray]:
    r"""Measure attention in a drawn network of one block, pruned in queries and keys alone.

    Returns ``share``, that of query and key weights in the trace of the tangent kernel, and
    ``distance``, the total variation :math:`\frac12 \sum_{t'} |A_{tt'} - 1 / T|` from uniform
    attention, the mean over inputs, heads and tokens.
    """
    dense = StepGraphon([[1.0]])
    graphons = AttentionGraphons(dense, [AttentionBlock(*[dense] * 4)], dense)
    place = list(SCALES).index(scale), round(1000 * density), head_size, trial
    rng = np.random.default_rng((seed, *place))
    query_key, width = StepGraphon([[density]]), HEADS * head_size
    drawn = DrawnAttention(graphons, width, FEATURES, scale, query_key, rng)
    x = torch.from_numpy(_inputs(inputs, seed))
    with torch.no_grad():
        attention = drawn.attention(1, drawn.sums(0, x))
    distance = (attention - 1 / TOKENS).abs().sum(dim=-1).mean() / 2
    every = np.trace(module_ntk(drawn, x, masks=drawn.masks))
    trained = {name: drawn.masks[name] for name in ("weights.1", "weights.2")}
    for name, weight in drawn.named_parameters():
        weight.requires_grad_(name in trained)
    share = np.trace(module_ntk(drawn, x, masks=trained)) / every
    return {"share": share, "distance": distance.item()}


def limit_distance(density: float, *, inputs: int, seed: int = 0) -> float:
    r"""Return the ``distance`` of :func:`attention_limit` over the root of d, as heads become large.

    By Monte Carlo over scores of a wide stream, which are normal with covariances
    :math:`(s_w c)^2 C_{tu} C_{t'u'}` for the density c of queries and of keys: with
    :math:`C = L L^\top` they are :math:`s_w c\, L G L^\top`, G of independent normal entries.
    """
    x = _inputs(inputs, seed)
    root = np.linalg.cholesky(WEIGHT_VARIANCE / FEATURES * x @ x.swapaxes(1, 2))
    normal = np.random.default_rng(seed).standard_normal((20_000, 1, TOKENS, TOKENS))
    scores = WEIGHT_VARIANCE * density * root @ normal @ root.swapaxes(1, 2)
    return float(np.abs(softmax(scores, axis=-1) - 1 / TOKENS).sum(axis=-1).mean() / 2)


def _inputs(count: int, seed: int) -> Array:
    return np.random.default_rng(seed).standard_normal((count, TOKENS, FEATURES))


ARCHITECTURE_KERNELS = Experiment(
    name="architecture-kernels",
    cell=architecture_kernels,
    variables={"error": ("network", "width", "trial")},
    **profiles(
        grid=(
            trials_of(
                {32: 20, 64: 20, 128: 20, 256: 20, 512: 20, 1024: 8},
                network=[*NETWORKS, *NORMALISED],
            ),
            trials_of({32: 2, 64: 2}, network=[*NETWORKS, *NORMALISED]),
        ),
        inputs=(6, 3),
    ),
    case=Case(
        {"grid": {"network": [*NETWORKS, *NORMALISED], "width": [32, 64], "trial": 1}},
        ["error"],
        ["error"],
    ),
)

ATTENTION_LIMIT = Experiment(
    name="attention-limit",
    cell=attention_limit,
    variables=dict.fromkeys(("share", "distance"), ("scale", "density", "head_size", "trial")),
    **profiles(
        grid=(
            {
                "scale": list(SCALES),
                "density": [1.0, 0.3, 0.1],
                "head_size": [4, 8, 16, 32, 64, 128],
                "trial": 20,
            },
            {"scale": list(SCALES), "density": [1.0, 0.3], "head_size": [4, 8], "trial": 2},
        ),
        inputs=(6, 3),
    ),
    case=Case(
        {
            "grid": {
                "scale": list(SCALES),
                "density": [1.0, 0.3, 0.1],
                "head_size": [4, 8],
                "trial": 1,
            }
        },
        *[["share", "distance"]] * 2,
    ),
)
