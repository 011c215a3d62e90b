"""How far are SNIP's entries from independent given the signals? The seen part of weights drawn anew."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from graphon_lib.experiments.digits import Data
from graphon_lib.experiments.experiment import Case, Experiment, profiles
from graphon_lib.experiments.pruned import start_network
from graphon_lib.graphons.singular import leading_singular_vectors
from graphon_lib.pruning.masks import keep_largest
from graphon_lib.pruning.methods import saliency
from graphon_lib.pruning.redraw import off_signals, signal_basis
from graphon_lib.pruning.signals import batch_signals

__all__ = ["SIGNAL_CONSTRAINTS", "SIGNAL_CONSTRAINTS_TORCH", "signal_constraints"]


def signal_constraints(
    *,
    seed: int,
    images: int,
    width: int,
    trial: int,
    density: float,
    hidden_layers: int,
    data: Data,
) -> dict[str, NDArray]:
    r"""Compare SNIP's second mask with one whose entries are independent given the signals.

    Returns ``flipped``, the fraction of entries in which the two masks differ, and
    ``operator_norm`` of their difference over the width: both are upper bounds of its cut norm.

    The signals of a batch of so many `images` fix :math:`w H` and :math:`w^\top \Delta`. The part
    of the weights that these do not see is kept, the rest is that of an independent copy
    :math:`\tilde w`:

    .. math:: w' = \tilde w + (I - Q)(w - \tilde w)(I - P) .

    If w is normal :math:`w'` knows nothing of the signals: given them its entries are independent,
    and so are those of the mask :math:`|w'_{ij} q_{ij}| \ge t` for fixed factors and threshold. Of
    uniform weights they are up to terms of the order of the part replaced.
    """
    identity = (seed, images, width, trial)
    started = start_network(identity, width=width, hidden_layers=hidden_layers, data=data)
    model, x, y = started.model, started.x[:images], started.y[:images]
    scores = saliency(model, "snip", x, y)
    masks = keep_largest(scores, density)
    threshold = min(float(s[m].min()) for s, m in zip(scores, masks, strict=True) if m.any())
    signal = batch_signals(model, "snip", x, y)[1]
    weight = model.weights[1].detach().double().numpy()
    # SNIP itself draws nothing.
    fresh = model.initialisation.draw_weight(*weight.shape, started.generator).double().numpy()
    bases = signal_basis(signal.left), signal_basis(signal.inputs)
    independent = fresh + off_signals(weight - fresh, *bases)
    factors = signal.left @ signal.right.T
    redrawn = np.abs(independent * factors) >= threshold
    difference = redrawn.astype(np.float32) - masks[1].numpy()
    _, largest, _ = leading_singular_vectors(difference, 1)
    return {"flipped": np.abs(difference).mean(), "operator_norm": largest[0] / width}


PLACE = ("images", "width", "trial")

SIGNAL_CONSTRAINTS = Experiment(
    name="signal-constraints",
    cell=signal_constraints,
    variables={"flipped": PLACE, "operator_norm": PLACE},
    **profiles(
        grid=(
            {"images": [10, 100], "width": [500, 1000, 2000, 4000], "trial": 4},
            {"images": [2, 10], "width": [64, 128], "trial": 2},
        ),
        density=0.2,
        hidden_layers=2,
        full=(True, False),
    ),
    case=Case({"grid": {"images": [100], "width": [500], "trial": 1}}, ["flipped"]),
)

SIGNAL_CONSTRAINTS_TORCH = SIGNAL_CONSTRAINTS.under("torch")
