"""How important is a weight? Four answers: chance, size, loss sensitivity, gradient flow.

Functions take the weight matrices, shapes (n_out, n_in), and what else they need: a batch of inputs
(N, n_0) and integer labels (N,), or a generator. Biases, vectors (n_out,) or none, are part of the
network and get no score. Scores have the weights' shapes and, unless it says otherwise, their dtype.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy

from graphon_lib.pruning.model import relu_network

__all__ = ["GRASP_TEMPERATURE", "grasp_scores", "magnitude_scores", "random_scores", "snip_scores"]

GRASP_TEMPERATURE = 200.0
"""What GraSP divides the logits by."""


def random_scores(weights: Sequence[Tensor], generator: torch.Generator) -> list[Tensor]:
    """Return independent scores uniform on [0, 1): pruning that looks at neither weights nor data.

    They are float64, because among millions of float32 draws thousands would tie.
    """
    return [
        torch.rand(w.shape, generator=generator, dtype=torch.float64).to(w.device) for w in weights
    ]


def magnitude_scores(weights: Sequence[Tensor]) -> list[Tensor]:
    """Return the magnitudes :math:`|w|`."""
    return [w.detach().abs() for w in weights]


@torch.enable_grad()
def snip_scores(
    weights: Sequence[Tensor], x: Tensor, y: Tensor, *, biases: Sequence[Tensor] = ()
) -> list[Tensor]:
    r"""Return the connection sensitivities :math:`|w\, \partial L / \partial w|`.

    :math:`L` is the mean cross-entropy. The score is the absolute derivative of the loss along the
    weight's own mask variable [1]_; the normalisation there changes no ranking and is left out.

    References
    ----------
    .. [1] Lee, Ajanthan and Torr, *SNIP: Single-shot Network Pruning based on Connection
       Sensitivity*, ICLR 2019, section 4.1, equations 4 to 6.
    """
    leaves = [w.detach().requires_grad_() for w in weights]
    gradients = torch.autograd.grad(cross_entropy(relu_network(x, leaves, biases), y), leaves)
    return [(w.detach() * g).abs() for w, g in zip(leaves, gradients, strict=True)]


@torch.enable_grad()
def grasp_scores(
    weights: Sequence[Tensor], x: Tensor, y: Tensor, *, biases: Sequence[Tensor] = ()
) -> list[Tensor]:
    r"""Return the signed scores :math:`w \odot H g`, large for weights that carry gradient flow.

    Let :math:`g` and :math:`H` be gradient and Hessian of the mean cross-entropy of the logits
    divided by the temperature :math:`T = 200`. A change :math:`\delta` of the weights changes the
    squared gradient norm by

    .. math:: \|g(w + \delta)\|^2 - \|g(w)\|^2 = 2\, \delta^\top H g + O(\|\delta\|^2).

    Removing weight :math:`q` is :math:`\delta = -w_q e_q`, so it costs gradient flow in proportion
    to :math:`w_q (Hg)_q`. [1]_ scores :math:`-w \odot Hg` and removes the largest; keeping the
    largest of :math:`w \odot Hg` is the same rule. The product :math:`Hg` is exact, over the whole
    batch, by differentiating :math:`g^\top \bar g` with :math:`\bar g` held constant.

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
    loss = cross_entropy(relu_network(x, leaves, biases) / GRASP_TEMPERATURE, y)
    gradients = torch.autograd.grad(loss, leaves, create_graph=True)
    flow = sum((g * g.detach()).sum() for g in gradients)
    products = torch.autograd.grad(flow, leaves)
    return [w.detach() * hg for w, hg in zip(leaves, products, strict=True)]
