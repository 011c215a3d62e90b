r"""What SynFlow keeps of an infinitely wide network: its flows, solved without drawing one.

Positions are what the outer layers make of a neuron: in the first hidden layer the flow that enters
it, :math:`a = \frac1d \sum_j |w_j|` over the inputs (a bias being one more, if there are any), in
the last the flow that leaves it,
:math:`e = \sum_k |w_k|` over the outputs; neurons of layers between are all alike. All layers share
one normalisation (scope ``"global"``), so that nothing of the outer layers is pruned.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from graphon_lib._checks import check_choice, check_density, check_integer, check_rng
from graphon_lib.pruning.initialisations import FARTHEST, INITIALISATIONS, Law

__all__ = ["SynFlowLimit", "synflow_limit"]

Array = NDArray[np.float64]

DRAWN = 1 << 16


@dataclass(frozen=True)
class SynFlowLimit:
    r"""The limit of SynFlow's masks between hidden layers.

    Attributes
    ----------
    law
        Of the weights, over their deviation.
    levels : ndarray, shape (H - 1,)
        For each mask between hidden layers the least size of a weight that is kept, over that in a
        flow of 1: the largest over the rounds of the threshold over the flows.
    entering, leaving : ndarray, shape (N,)
        Flows a into neurons of the first hidden layer and e out of those of the last, groups of
        equal mass in rising order.
    """

    law: Law
    levels: Array
    entering: Array
    leaving: Array

    def least_weight(
        self, mask: int, *, entering: Array | None = None, leaving: Array | None = None
    ) -> Array:
        r"""Return the least size of a weight that is kept, :math:`\tau`, shape (rows, columns).

        Of the mask with this number, from 0. A side on which neurons are alike has one row or
        column; the columns of the first mask and the rows of the last are at the positions of the
        solution, or at those given.
        """
        columns = self.entering if entering is None else entering
        rows = self.leaving if leaving is None else leaving
        flow = np.outer(
            rows if mask == len(self.levels) - 1 else 1.0, columns if mask == 0 else 1.0
        )
        return self.levels[mask] / flow

    def probabilities(self, mask: int) -> Array:
        """Return the probability that a weight is kept, in the shape of :meth:`least_weight`."""
        return self.law.tail(torch.from_numpy(self.least_weight(mask))).numpy()


def synflow_limit(
    hidden_layers: int,
    density: float,
    *,
    inputs: int,
    outputs: int,
    rounds: int = 100,
    positions: int = 256,
    rng: np.random.Generator,
    initialisation: str = "he",
) -> SynFlowLimit:
    r"""Solve for SynFlow's limit as hidden layers widen, at fixed inputs, outputs and rounds.

    Parameters
    ----------
    hidden_layers
        Their number H, at least two.
    density
        The mean of those of the masks between hidden layers, in (0, 1].
    inputs, outputs
        Numbers d and :math:`n_D`.
    rounds
        Number K of rounds; round r leaves the share :math:`c^{r / K}`.
    positions
        Into how many groups of equal mass neurons of the first and last hidden layer are divided.
    rng
        Draws the positions.
    initialisation
        One of :data:`~graphon_lib.pruning.INITIALISATIONS`. Biases of hidden layers but the first
        are one term beside infinitely many.

    Raises
    ------
    ValueError
        If an argument is not allowed, or a round would leave a mask without a weight, as it can if
        weights are bounded.

    Notes
    -----
    With :math:`\tau` the least size of a weight that the rounds so far have kept, 0 at first, and g
    a weight over its deviation, flows of the next round are

    .. math::

        f^l(\omega) = \mathbb E\bigl[ |g|\, 1\{|g| \ge \tau(\omega, \omega')\}\, f^{l-1}(\omega')
        \bigr], \qquad
        b^{l-1}(\omega') = \mathbb E\bigl[ |g|\, 1\{|g| \ge \tau(\omega, \omega')\}\, b^l(\omega)
        \bigr] ,

    from :math:`f^1 = a` and :math:`b^{D-1} = e`; then :math:`\tau` becomes the larger of itself and
    :math:`t / b^l(\omega) f^{l-1}(\omega')`, with the one t for all masks that leaves what the round
    is to leave. As a and e stay as they are and all other flows are numbers, what a round changes is
    one number a mask.
    """
    from scipy.optimize import brentq

    check_integer("hidden_layers", hidden_layers, 2)
    density = check_density("density", density)
    check_integer("inputs", inputs, 1)
    check_integer("outputs", outputs, 1)
    check_integer("rounds", rounds, 1)
    check_integer("positions", positions, 1)
    check_rng("rng", rng)
    record = INITIALISATIONS[check_choice("initialisation", initialisation, INITIALISATIONS)]
    law, biases = record.law, record.bias_variance is not None
    limit = SynFlowLimit(
        law,
        np.zeros(hidden_layers - 1),
        _groups(inputs + biases, law, positions, rng) / inputs,
        _groups(outputs, law, positions, rng),
    )
    if density == 1.0:
        return limit
    levels, masks = limit.levels, range(hidden_layers - 1)
    unit = SynFlowLimit(law, np.ones_like(levels), limit.entering, limit.leaving)
    # The least weight at the level 1, whose inverse is the flow that depends on positions.
    shapes = [unit.least_weight(m) for m in masks]
    for r in range(1, rounds + 1):
        shifted = [law.first_moment(torch.from_numpy(levels[m] * shapes[m])) for m in masks]
        passed = [
            float((moment.numpy() / s).mean()) for moment, s in zip(shifted, shapes, strict=True)
        ]
        # Flow into a mask's columns times flow out of its rows, but for what depends on positions.
        scale = np.array([np.prod(passed[:m]) * np.prod(passed[m + 1 :]) for m in masks])
        if not scale.all():
            raise ValueError(
                f"density must leave weights in every mask after each of {rounds} rounds, got "
                f"{density}"
            )

        def kept(logarithm: float, before: Array = levels, scale: Array = scale) -> float:
            now = np.maximum(before, np.exp(logarithm) / scale)
            tails = [law.tail(torch.from_numpy(now[m] * shapes[m])).mean() for m in masks]
            return float(np.mean(tails))

        share, at = density ** (r / rounds), np.log(scale)
        top = at.max() + np.log(FARTHEST / min(s.min() for s in shapes))
        bottom = at.min() + np.log(1e-12 / max(s.max() for s in shapes))
        threshold = np.exp(brentq(lambda t, s=share, k=kept: k(t) - s, bottom, top, xtol=1e-13))
        levels = np.maximum(levels, threshold / scale)
    return SynFlowLimit(law, levels, limit.entering, limit.leaving)


def _groups(weights: int, law: Law, positions: int, rng: np.random.Generator) -> Array:
    """Return the means of equal parts of the law of a sum of sizes of weights, in order."""
    drawn = np.zeros(DRAWN)
    for _ in range(weights):
        drawn += np.abs(law.sample(rng, drawn.shape, np.float64))
    return np.array([part.mean() for part in np.array_split(np.sort(drawn), positions)])
