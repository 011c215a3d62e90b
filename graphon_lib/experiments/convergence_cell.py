"""One cell of the convergence sweep: all that is measured on the masks of one trial."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache

import numpy as np
from numpy.typing import NDArray

from graphon_lib.experiments.data import DataError, Mnist, load_mnist
from graphon_lib.experiments.mask_statistics import dead_fractions
from graphon_lib.experiments.trials import start_trial
from graphon_lib.graphons.blocks import degree_blocks
from graphon_lib.graphons.motifs import MOTIFS, motif_densities
from graphon_lib.graphons.sas import sas
from graphon_lib.graphons.singular import residual_singular_values
from graphon_lib.pruning.methods import METHODS

__all__ = ["DEGREE_LEVELS", "ESTIMATORS", "SCOPES", "SINGULAR_VALUES", "convergence_cell"]

SCOPES = ("global", "layer")
ESTIMATORS = ("plain", "cross-fitted")
DEGREE_LEVELS = tuple(np.arange(21) / 20)
"""Levels of the quantiles that describe the degrees."""

SINGULAR_VALUES = 12


def convergence_cell(
    *,
    seed: int,
    width: int,
    neuron_layers: int,
    trial: int,
    densities: Sequence[float],
    layer_scope: Sequence[float],
    detailed: bool,
    blocks: int,
    full: bool,
    data_sha256: str,
) -> dict[str, NDArray]:
    """Prune one network with every method, to every density, and measure its masks.

    Parameters
    ----------
    seed, width, neuron_layers, trial
        These four numbers seed everything random in the cell. The network has `neuron_layers`
        layers of neurons, input and output counted: 784-n-n-10 for 4.
    densities
        Kept fractions of the whole network.
    layer_scope
        Those of them at which every layer is also pruned alone, to the same density.
    detailed
        Whether the dear statistics, motif densities and singular values, are wanted.
    blocks
        Blocks a side of the histograms, at most `width`.
    full
        Whether the digits are the complete training set rather than the bundled subset.
    data_sha256
        The checksum that they must have.

    Returns
    -------
    dict
        Arrays with the leading axes (pruning, scope, density), then, with one ``mask`` for every
        pair of neighbouring hidden layers, ``histogram`` (mask, estimator, row, column);
        ``layer_density`` (weight layer); ``dead_fraction`` (hidden layer); ``degree_quantile``
        (mask, side, level), degrees as fractions, of rows and of columns; ``motif_density``
        (mask, motif); ``singular_value`` (mask, rank), of the mask minus its plain histogram,
        divided by the width. NaN where nothing was asked for.

    Raises
    ------
    DataError
        If the digits found here are others than those of `data_sha256`.
    """
    data = _digits(full, data_sha256)
    if data.sha256 != data_sha256:
        raise DataError(
            f"the digits must have SHA-256 {data_sha256}, got {data.sha256} from {data.source}; "
            "set MNIST_DIR to the same data everywhere"
        )
    hidden = neuron_layers - 2
    lead = (len(METHODS), len(SCOPES), len(densities))
    arrays = {
        "histogram": np.full((*lead, hidden - 1, len(ESTIMATORS), blocks, blocks), np.nan),
        "layer_density": np.full((*lead, hidden + 1), np.nan),
        "dead_fraction": np.full((*lead, hidden), np.nan),
        "degree_quantile": np.full((*lead, hidden - 1, 2, len(DEGREE_LEVELS)), np.nan),
        "motif_density": np.full((*lead, hidden - 1, len(MOTIFS)), np.nan),
        "singular_value": np.full((*lead, hidden - 1, SINGULAR_VALUES), np.nan),
    }
    identity = (seed, width, neuron_layers, trial)
    started = start_trial(data, (784, *[width] * hidden, 10), identity)
    for m, method in enumerate(METHODS):
        for s, scope in enumerate(SCOPES):
            wanted = [d for d in densities if scope == "global" or d in layer_scope]
            for density, masks in started.masks(method, wanted, scope=scope):
                place = (m, s, list(densities).index(density))
                arrays["layer_density"][place] = [float(mask.double().mean()) for mask in masks]
                arrays["dead_fraction"][place] = dead_fractions(masks)
                for h, tensor in enumerate(masks[1:-1]):
                    mask = tensor.numpy()
                    rng = np.random.default_rng((*identity, *place, h))
                    at = (*place, h)
                    arrays["histogram"][at] = [
                        sas(mask, blocks).values,
                        sas(mask, blocks, cross_fit=True, rng=rng).values,
                    ]
                    arrays["degree_quantile"][at] = [
                        np.quantile(np.count_nonzero(mask, axis=axis) / width, DEGREE_LEVELS)
                        for axis in (1, 0)
                    ]
                    if detailed:
                        arrays["motif_density"][at] = list(motif_densities(mask).values())
                        labels = degree_blocks(mask, blocks)
                        arrays["singular_value"][at] = residual_singular_values(
                            mask, *labels, SINGULAR_VALUES
                        )
    # Block means of some trials need no double precision; densities of masks are kept as they are.
    for name in ("histogram", "degree_quantile", "singular_value"):
        arrays[name] = arrays[name].astype(np.float32)
    return arrays


@cache
def _digits(full: bool, data_sha256: str) -> Mnist:
    """Load the digits once in every process, and again if others are wanted."""
    return load_mnist(full=full)
