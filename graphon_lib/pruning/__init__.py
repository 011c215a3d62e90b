"""Masked networks and the ways to prune them at initialisation (PyTorch).

From a network to its masks: score the weights, keep the largest scores, and ask what the masks do to
the signal and what chance alone would have kept.
"""

from graphon_lib.pruning.masks import keep_largest
from graphon_lib.pruning.methods import METHODS, Method, prune, saliency
from graphon_lib.pruning.model import MaskedMLP
from graphon_lib.pruning.rescale import rescale_signal, signal_moments
from graphon_lib.pruning.shuffle import shuffle_masks

__all__ = [
    "METHODS",
    "MaskedMLP",
    "Method",
    "keep_largest",
    "prune",
    "rescale_signal",
    "saliency",
    "shuffle_masks",
    "signal_moments",
]
