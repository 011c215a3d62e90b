"""Which neurons learn fast, and how much do biases learn? The kernel's trace, neuron by neuron."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from graphon_lib.experiments.digits import Data, nested_batch
from graphon_lib.experiments.experiment import Case, Experiment, profiles
from graphon_lib.experiments.pruned import LAYERS, Pruned, dense_once, pruned_network
from graphon_lib.graphons.network import GraphonNetwork
from graphon_lib.graphons.neuron_blocks import hidden_blocks
from graphon_lib.ntk.neurons import NeuronTerms, empirical_neuron_terms, graphon_neuron_terms

__all__ = ["NEURON_TERMS", "NEURON_TERMS_TORCH", "OF_TERMS", "neuron_terms"]

OF_TERMS = ("kept", "re-drawn", "theory, joint", "theory, second moments")
"""Roads to the terms: two networks, and the theory of either."""


def neuron_terms(
    *,
    seed: int,
    width: int,
    density: float,
    trial: int,
    pruning: str,
    hidden_layers: int,
    digits: int,
    blocks: int,
    groups: int,
    data: Data,
) -> dict[str, NDArray]:
    """Take the trace of a pruned network's kernel apart: by layer, weights and biases, and neurons.

    Where the initialisation has no biases there are some, of 0 and trained. The derivative by a
    bias is that by a weight from a neuron of activation 1, as with PyTorch's layers: :math:`s_b =
    s_w / n` for n inputs.

    Returns by road of :data:`OF_TERMS`: ``term`` (road, weight_layer, part), parts of the mean
    diagonal; ``rate`` (road, hidden_layer, group), the means over equally many neurons, ranked by
    what the theory of the mask alone says, over that of the layer.
    """
    identity = (seed, width, trial)
    size = {"width": width, "hidden_layers": hidden_layers, "data": data}
    network = pruned_network(pruning, density, identity=identity, blocks=blocks, **size)
    x = nested_batch(data.load(), digits, seed).x.astype(np.float64)
    found = _all_terms(network, x, np.random.default_rng(identity))
    term = [[[part.mean() for part in terms] for terms in of_road] for of_road in found]
    rates = np.empty((len(OF_TERMS), hidden_layers, groups))
    for layer in range(hidden_layers):
        total = [terms[layer].weights + terms[layer].biases for terms in found]
        order = np.argsort(total[OF_TERMS.index("theory, joint")], kind="stable")
        for r, values in enumerate(total):
            parts = np.array_split(values[order], groups)
            rates[r, layer] = [part.mean() / values.mean() for part in parts]
    return {"term": np.array(term), "rate": rates}


def _all_terms(
    network: Pruned, x: NDArray[np.float64], rng: np.random.Generator
) -> list[list[NeuronTerms]]:
    """Return the terms of every neuron by each of the roads."""
    initialisation, masks = network.trial.model.initialisation, network.masks
    scale = {"weight_variance": initialisation.weight_variance}
    spread = initialisation.weight_variance / np.array(network.widths[:-1])
    draw = initialisation.law.sample
    redrawn = [draw(rng, mask.shape, np.float64) for mask in masks]
    biases = network.biases and [draw(rng, bias.shape, np.float64) for bias in network.biases]
    found = [
        empirical_neuron_terms(*pair, x, biases=of_network, bias_variance=spread, **scale)
        for pair, of_network in (
            ((network.weights, masks), network.biases),
            ((redrawn, masks), biases),
        )
    ]
    pairs = pairwise(masks)
    labels = [hidden_blocks(*pair, network.blocks, "joint", None)[0] for pair in pairs]
    labels.append(np.arange(len(masks[-1])))
    signed = network.signed_graphons("joint", shrinkage=True).without_drifts()
    for graphons in (GraphonNetwork(signed.layers), signed):
        of_blocks = graphon_neuron_terms(x, graphons, bias_variance=spread, **scale)
        if biases is None:
            # Those of 0 do not change the signals, on which the terms of biases do not depend.
            without = graphon_neuron_terms(x, graphons, **scale)
            of_blocks = [
                NeuronTerms(of.weights, both.biases)
                for of, both in zip(without, of_blocks, strict=True)
            ]
        found.append(
            [
                NeuronTerms(*(part[label] for part in terms))
                for terms, label in zip(of_blocks, labels, strict=True)
            ]
        )
    return found


def in_single_precision(dataset: xr.Dataset, *, seed: int) -> xr.Dataset:
    """Return the result at half its size."""
    return dataset.astype(np.float32)


PLACE = ("pruning", "density", "width", "trial", "road")

NEURON_TERMS = Experiment(
    name="neuron-terms",
    cell=neuron_terms,
    variables={"term": (*PLACE, "weight_layer", "part"), "rate": (*PLACE, "hidden_layer", "group")},
    coords={
        **LAYERS,
        "road": OF_TERMS,
        "part": ("weights", "biases"),
        "group": lambda groups, **_: range(1, groups + 1),
    },
    finish=in_single_precision,
    arguments=dense_once,
    **profiles(
        grid=(
            {"width": [1024], "density": [0.2, 0.05], "trial": 5, "pruning": ["dense", "all"]},
            {"width": [48], "density": [0.3], "trial": 2, "pruning": ["dense", "all"]},
        ),
        hidden_layers=(4, 2),
        digits=(32, 6),
        blocks=(64, 9),
        groups=(16, 4),
        full=(True, False),
    ),
    case=Case(
        {
            "grid": {
                "width": [1024],
                "density": [0.2],
                "trial": 1,
                "pruning": ["random", "magnitude"],
            }
        },
        ["term", "rate"],
    ),
)

NEURON_TERMS_TORCH = NEURON_TERMS.under("torch")
