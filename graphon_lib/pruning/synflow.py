r"""SynFlow: prune, round by round, the weights that carry the least flow.

Send ones into the linear network of the absolute weights. With :math:`m^l` the masked
:math:`|w^l|`, forward and backward flow are two sweeps of matrix-vector products,

.. math::

    f^0 = 1, \quad f^l = m^l f^{l-1} + |\beta^l|, \qquad
    b^D = 1, \quad b^{l-1} = (m^l)^\top b^l,

with the biases :math:`\beta` if there are any. The total flow is the sum of the outputs, :math:`R =
b^D \cdot f^D`, and the synaptic saliency :math:`|w\, \partial R / \partial w|` of a weight is
:math:`b^l_i\, m^l_{ij}\, f^{l-1}_j`: no automatic differentiation is needed. Without biases
:math:`b^l \cdot f^l` is R in every layer; with them :math:`b^{l-1} \cdot f^{l-1} = b^l \cdot (f^l -
|\beta^l|)`, what is left of R when the flow that starts later is taken away.

Any other network is sent ones by itself, and differentiated.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from itertools import zip_longest

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from graphon_lib.pruning.iterative import Layer, prune_in_rounds
from graphon_lib.pruning.masks import SAMPLE_STRIDE
from graphon_lib.pruning.scores import gradients
from graphon_lib.pruning.tensors import widest_dtype

__all__ = ["flow_scores", "synflow_masks", "synflow_scores"]

# Scores are made in blocks of rows that fit the processor's cache, never as a whole matrix: the
# time of a round is the time to read the weights from memory.
BLOCK_ENTRIES = 2**17


def synflow_scores(weights: Sequence[Tensor], *, biases: Sequence[Tensor] = ()) -> list[Tensor]:
    """Return the share of the total flow that passes through each weight, in float64, on the CPU.

    Each layer's sums to 1 or, with biases, to the share of the flow that passes the layer's
    weights, which grows from layer to layer; all are zero if no path is left from the inputs, or a
    bias, to the outputs. The score is the synaptic saliency of [1]_ divided by the total flow,
    :math:`b^l_i |w^l_{ij}| f^{l-1}_j / R`. Since saliencies sum to :math:`R` in every layer
    (conservation, [1]_ theorem 2), one constant is divided out of all layers: no ranking changes,
    and networks of any depth stay within the range of float64.

    The authors' code [2]_ takes the absolute value of all that is in the network's state, so that
    absolute biases are part of the flow, and scores what has a mask, biases not. So does this.

    References
    ----------
    .. [1] Tanaka, Kunin, Yamins and Ganguli, *Pruning neural networks without any data by
       iteratively conserving synaptic flow*, NeurIPS 2020, sections 4 to 6.
    .. [2] https://github.com/ganguli-lab/Synaptic-Flow, ``SynFlow`` in ``Pruners/pruners.py``.
    """
    flows = [_FlowLayer(w, b) for w, b in zip_longest(weights, biases)]
    _send(flows)
    return [
        torch.from_numpy(np.concatenate([s.copy() for _, s in flow.scores()])) for flow in flows
    ]


@torch.enable_grad()
def flow_scores(weights: Sequence[Tensor], flow: Callable[[list[Tensor]], Tensor]) -> list[Tensor]:
    r"""Return the share of the total flow that passes through each weight of any network.

    With :math:`R` the `flow`, a function of the absolute weights,

    .. math:: \Bigl| \frac{|w|}{R} \frac{\partial R}{\partial |w|} \Bigr| ,

    in double precision where the device has it; zero if nothing flows. Of a `MaskedMLP` it is
    :func:`synflow_scores`, which is faster.
    """
    leaves = [w.detach().abs().to(widest_dtype(w.device)).requires_grad_() for w in weights]
    total = flow(leaves)
    shares = gradients(total, leaves)
    scale = total.detach() if total != 0 else 1.0
    return [(w.detach() * s / scale).abs() for w, s in zip(leaves, shares, strict=True)]


def synflow_masks(
    weights: Sequence[Tensor],
    *,
    density: float,
    scope: str = "global",
    rounds: int,
    biases: Sequence[Tensor] = (),
) -> list[Tensor]:
    r"""Return the SynFlow masks of a network, see :func:`~graphon_lib.pruning.prune`.

    The same as :func:`~graphon_lib.pruning.iterative.iterative_masks` of :func:`synflow_scores`,
    but for rounding, without ever holding the scores of a layer.
    """
    layers = [_FlowLayer(w, b) for w, b in zip_longest(weights, biases)]
    return prune_in_rounds(layers, lambda: _send(layers), density, scope, rounds)


class _FlowLayer(Layer):
    """A layer's magnitudes and mask, and the flow that enters it from below and from above."""

    def __init__(self, weight: Tensor, bias: Tensor | None) -> None:
        self.device = weight.device
        # Magnitudes over the largest, so that no sum can overflow; it comes back by its logarithm.
        self.matrix, self.log_scale = _magnitudes(weight)
        self.bias = None if bias is None else _magnitudes(bias)
        self.magnitude = self.matrix.numpy()
        n_out, n_in = self.magnitude.shape
        self.height = max(1, min(n_out, BLOCK_ENTRIES // n_in))
        self.mask = np.ones((n_out, n_in), dtype=np.bool_)
        self.inflow = np.empty(n_in)
        self.backflow = np.empty(n_out)

    def blocks(self) -> Iterator[slice]:
        """Yield blocks of rows that fit the processor's cache."""
        n_out = len(self.magnitude)
        for start in range(0, n_out, self.height):
            yield slice(start, min(start + self.height, n_out))

    def scores(self) -> Iterator[tuple[slice, NDArray[np.float64]]]:
        """Yield the scores by block; each overwrites the one before."""
        buffer = np.empty((self.height, self.inflow.size))
        for rows in self.blocks():
            block = buffer[: rows.stop - rows.start]
            np.multiply(self.backflow[rows, None], self.inflow, out=block)
            block *= self.magnitude[rows]
            yield rows, block

    def sample(self) -> NDArray[np.float64]:
        """Return the scores of every 61st weight, as far as they survive."""
        positions = np.arange(0, self.mask.size, SAMPLE_STRIDE)
        positions = positions[self.mask.reshape(-1)[positions]]
        rows, columns = np.divmod(positions, self.mask.shape[1])
        return self.backflow[rows] * self.inflow[columns] * self.magnitude.reshape(-1)[positions]

    def prune(self, rows: slice, kept: NDArray[np.bool_]) -> None:
        """Make `kept` the mask of these rows, and set the magnitudes of what that loses to 0."""
        # A few in a round, so that they are sought out.
        fallen = np.flatnonzero(self.mask[rows] != kept)
        self.magnitude[rows].reshape(-1)[fallen] = 0.0
        self.mask[rows] = kept


def _magnitudes(parameter: Tensor) -> tuple[Tensor, float]:
    """Return absolute values over the largest, float64, and the largest one's logarithm."""
    magnitude = (
        parameter.detach()
        .cpu()
        .to(torch.float64, copy=True, memory_format=torch.contiguous_format)
        .abs_()
    )
    largest = magnitude.max().clamp(min=np.finfo(np.float64).tiny)
    return magnitude.div_(largest), math.log(largest)


def _send(flows: Sequence[_FlowLayer]) -> None:
    """Set every layer's `inflow` and `backflow`, scaled so that scores are shares of the flow."""
    # PyTorch's products, not NumPy's: a second pool of threads would fight with the first.
    f, log_flow = torch.ones(flows[0].matrix.shape[1], dtype=torch.float64), 0.0
    sent = []
    for flow in flows:
        flow.inflow = f.numpy()
        by_weights = flow.matrix @ f
        total, shrink = by_weights, 1.0
        log_flow += flow.log_scale
        if flow.bias is not None:
            started, log_started = flow.bias
            larger = max(log_flow, log_started)
            shrink = math.exp(log_flow - larger)
            total = by_weights * shrink + started * math.exp(log_started - larger)
            log_flow = larger
        sent.append((by_weights, total, shrink))
        largest = total.max()
        f = _divide(total, largest)
        log_flow += math.log(largest) if largest > 0 else -math.inf
    b, share = torch.ones(flows[-1].matrix.shape[0], dtype=torch.float64), 1.0
    for flow, (by_weights, total, shrink) in zip(reversed(flows), reversed(sent), strict=True):
        b = _divide(b, b @ total)
        if flow.bias is not None:
            # The share that passes the layer's neurons, and then that which came by its weights.
            b *= share * shrink
            share = float(b @ by_weights)
        flow.backflow = b.numpy()
        b = b @ flow.matrix


def _divide(vector: Tensor, scale: Tensor) -> Tensor:
    """Return `vector / scale`, or zeros if `scale` is 0 because no path is left."""
    return vector / scale if scale > 0 else torch.zeros_like(vector)
