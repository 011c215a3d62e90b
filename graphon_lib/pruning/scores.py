"""How important is a weight? Four answers: chance, size, loss sensitivity, gradient flow.

Functions take the weights, of any shapes, and what else they need: the losses of one batch or more
as functions of weights, or a generator. What else the network has, such as biases, is part of its
losses and gets no score. Scores have the weights' shapes and, unless it says otherwise, their dtype.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import partial

import torch
from torch import Tensor

from graphon_lib.pruning.losses import WeightLoss

__all__ = [
    "GRASP_TEMPERATURE",
    "gradients",
    "grasp_scores",
    "magnitude_scores",
    "random_scores",
    "snip_scores",
]

GRASP_TEMPERATURE = 200.0
"""What GraSP divides the logits by."""


def random_scores(weights: Sequence[Tensor], generator: torch.Generator) -> list[Tensor]:
    """Return independent scores uniform on [0, 1): pruning that looks at neither weights nor data.

    They are float64, because among millions of float32 draws thousands would tie, and on the CPU.
    """
    return [torch.rand(w.shape, generator=generator, dtype=torch.float64) for w in weights]


def magnitude_scores(weights: Sequence[Tensor]) -> list[Tensor]:
    """Return the magnitudes :math:`|w|`."""
    return [w.detach().abs() for w in weights]


def gradients(value: Tensor, leaves: Sequence[Tensor], **options: bool) -> Sequence[Tensor]:
    """Return the derivatives of a number; 0 by weights that it does not depend on."""
    if not value.requires_grad:
        return [torch.zeros_like(leaf) for leaf in leaves]
    try:
        return torch.autograd.grad(value, leaves, materialize_grads=True, **options)
    except torch.OutOfMemoryError:
        raise
    except RuntimeError as error:
        raise ValueError(
            "model and loss must be differentiable by the weights, for method 'grasp' twice, got "
            f"what is not: {str(error).splitlines()[0]}"
        ) from error


def _added(first: Sequence[Tensor], others: Iterable[Sequence[Tensor]]) -> Sequence[Tensor]:
    """Return the sums of tensors over several lists of them, the first as it is if it is alone."""
    for other in others:
        first = [a + b for a, b in zip(first, other, strict=True)]
    return first


@torch.enable_grad()
def snip_scores(weights: Sequence[Tensor], losses: Sequence[WeightLoss]) -> list[Tensor]:
    r"""Return the connection sensitivities :math:`|w\, \partial L / \partial w|`.

    :math:`L` is the mean cross-entropy of a batch, or the sum over batches of such means. The score
    is the absolute derivative of the loss along the weight's own mask variable [1]_; the
    normalisation there changes no ranking and is left out.

    References
    ----------
    .. [1] Lee, Ajanthan and Torr, *SNIP: Single-shot Network Pruning based on Connection
       Sensitivity*, ICLR 2019, section 4.1, equations 4 to 6.
    """
    leaves = [w.detach().requires_grad_() for w in weights]
    by_batch = (gradients(loss(leaves), leaves) for loss in losses)
    summed = _added(next(by_batch), by_batch)
    return [(w.detach() * g).abs() for w, g in zip(leaves, summed, strict=True)]


@torch.enable_grad()
def grasp_scores(weights: Sequence[Tensor], losses: Sequence[WeightLoss]) -> list[Tensor]:
    r"""Return the signed scores :math:`w \odot H g`, large for weights that carry gradient flow.

    Let :math:`g` and :math:`H` be gradient and Hessian of the mean cross-entropy of the logits
    divided by the temperature :math:`T = 200`. A change :math:`\delta` of the weights changes the
    squared gradient norm by

    .. math:: \|g(w + \delta)\|^2 - \|g(w)\|^2 = 2\, \delta^\top H g + O(\|\delta\|^2).

    Removing weight :math:`q` is :math:`\delta = -w_q e_q`, so it costs gradient flow in proportion
    to :math:`w_q (Hg)_q`. [1]_ scores :math:`-w \odot Hg` and removes the largest; keeping the
    largest of :math:`w \odot Hg` is the same rule. The product :math:`Hg` is exact, over the whole
    batch, by differentiating :math:`g^\top \bar g` with :math:`\bar g` held constant. Of several
    batches both g and H are sums over them.

    Gradient and Hessian are those of the weights alone. The code of Tanaka et al. [2]_ does so,
    too: it differentiates by the parameters that have a mask, of which biases are none unless asked
    for.

    References
    ----------
    .. [1] Wang, Zhang and Grosse, *Picking Winning Tickets Before Training by Preserving Gradient
       Flow*, ICLR 2020, the criterion of Gradient Signal Preservation.
    .. [2] https://github.com/ganguli-lab/Synaptic-Flow, ``masked_parameters`` in
       ``Utils/generator.py`` and ``GraSP`` in ``Pruners/pruners.py``.
    """
    leaves = [w.detach().requires_grad_() for w in weights]
    first, *others = (partial(loss, leaves, temperature=GRASP_TEMPERATURE) for loss in losses)
    # The graph of the first batch, mostly the only one, serves for both derivatives.
    graph = gradients(first(), leaves, create_graph=True)
    g = _added([part.detach() for part in graph], (gradients(loss(), leaves) for loss in others))

    def product(graph: Sequence[Tensor]) -> Sequence[Tensor]:
        return gradients(sum((a * b).sum() for a, b in zip(graph, g, strict=True)), leaves)

    graphs = (gradients(loss(), leaves, create_graph=True) for loss in others)
    products = _added(product(graph), map(product, graphs))
    return [w.detach() * hg for w, hg in zip(leaves, products, strict=True)]
