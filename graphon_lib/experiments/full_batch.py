"""Full-batch gradient descent on squared loss, in the scaling in which the kernel is defined."""

from __future__ import annotations

import math
from collections.abc import Callable, Collection

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from graphon_lib._checks import check_integer
from graphon_lib.pruning.model import MaskedMLP

__all__ = ["full_batch_descent"]


def full_batch_descent(
    model: MaskedMLP,
    x: Tensor,
    targets: Tensor,
    *,
    learning_rate: float,
    steps: int,
    watched: Collection[int] = (),
    watch: Callable[[], None] = lambda: None,
) -> NDArray[np.float64]:
    r"""Train a masked network in place by plain gradient descent.

    Parameters
    ----------
    model, x, targets
        The network, masks applied; inputs (N, n_0) and targets (N, n_D) in its weights' dtype.
    learning_rate, steps
        Positive, for weights in NTK units; number of updates, at least 1; or it is a
        ``ValueError``.
    watched, watch
        Numbers of updates after which `watch` is called; 0 is before the first. Not called for a
        loss that is not finite.

    Returns
    -------
    numpy.ndarray, shape (steps + 1,)
        The loss :math:`\frac{1}{2N} \sum_i \lVert f(x_i) - y_i \rVert^2` after 0, ..., `steps`
        updates; infinite from where it is no longer a finite number.

    Notes
    -----
    A weight of the model is :math:`\sqrt{2 / n_{in}}` times one in NTK units. A step :math:`-\eta
    g` of the latter is a step :math:`-\eta \frac{2}{n_{in}} g` of the former, :math:`g` being
    either's own gradient: every layer has its learning rate. After s steps the time of
    :func:`~graphon_lib.ntk.gradient_flow` is :math:`\eta s`.
    """
    check_integer("steps", steps, 1)
    if not (isinstance(learning_rate, int | float) and 0.0 < learning_rate < math.inf):
        raise ValueError(f"learning_rate must be positive and finite, got {learning_rate!r}")
    descent = torch.optim.SGD(
        [
            {"params": [weight], "lr": learning_rate * 2.0 / weight.shape[1]}
            for weight in model.weights
        ]
    )
    losses = np.full(steps + 1, np.inf)
    for step in range(steps + 1):
        loss = (model(x) - targets).square().sum() / (2 * len(x))
        if not math.isfinite(loss.item()):
            break
        losses[step] = loss.item()
        if step in watched:
            watch()
        if step < steps:
            descent.zero_grad()
            loss.backward()
            descent.step()
    return losses
