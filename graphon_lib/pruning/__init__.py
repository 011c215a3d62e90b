r"""Ways to prune networks at initialisation, masked perceptrons and any others (PyTorch).

From a network to its masks: score the weights, keep the largest scores, and ask what the masks do
to the signal and what chance alone would have kept.

Arguments and words that many functions share:

``model``
    A `MaskedMLP`; :math:`n_0, \dots, n_D` are its widths. `prune` and `saliency` take any
    :class:`torch.nn.Module` with linear layers or convolutions, and return dicts by the names of
    its weights where they return lists by layers.
``density``
    The fraction of weights to keep, in (0, 1].
``x``, ``y``
    A batch as tensors or arrays: inputs, shape (N, n_0) with N >= 1, finite, converted to the
    weights' dtype, or to float32 where that is narrower; and labels, shape (N,), integers in
    [0, n_D).
``masks``
    Boolean tensors of the weights' shapes, one a layer; True is kept.
``generator``
    A :class:`torch.Generator`, the only source of randomness; None takes a new one seeded by the
    operating system.

An argument that is not as described raises a :class:`ValueError` that names it, what came, and what
is allowed.
"""

from graphon_lib.pruning.density_rates import density_rates
from graphon_lib.pruning.eigenfunctions import fit_eigenfunctions
from graphon_lib.pruning.initialisations import INITIALISATIONS, Initialisation
from graphon_lib.pruning.masks import keep_largest, shuffle_masks
from graphon_lib.pruning.methods import METHODS, Method, prune, saliency
from graphon_lib.pruning.model import MaskedMLP
from graphon_lib.pruning.moving import SCHEDULES, MovingMasks, Schedule
from graphon_lib.pruning.neuron_scale import rescale_neurons
from graphon_lib.pruning.node_path import npb_masks
from graphon_lib.pruning.ntk_sap import ntk_sap_masks
from graphon_lib.pruning.rescale import rescale_signal, signal_moments
from graphon_lib.pruning.target import keep_target
from graphon_lib.pruning.walks import phew_masks

__all__ = [
    "INITIALISATIONS",
    "METHODS",
    "SCHEDULES",
    "Initialisation",
    "MaskedMLP",
    "Method",
    "MovingMasks",
    "Schedule",
    "density_rates",
    "fit_eigenfunctions",
    "keep_largest",
    "keep_target",
    "npb_masks",
    "ntk_sap_masks",
    "phew_masks",
    "prune",
    "rescale_neurons",
    "rescale_signal",
    "saliency",
    "shuffle_masks",
    "signal_moments",
]
