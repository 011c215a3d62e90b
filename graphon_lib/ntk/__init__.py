r"""Kernels of infinitely wide pruned networks, their spectra and what they predict (NumPy).

From graphons to training: the Graphon NTK is exact for step graphons; its spectrum and its gradient
flow say how fast a pruned network learns.

Arguments are as ``graphon_lib.graphons`` describes them, and errors too. Weights are in NTK
units, N(0, 1) before pruning, and a layer of n inputs multiplies them by :math:`\sqrt{s_w / n}`.
"""

from graphon_lib.ntk.activations import ACTIVATIONS, Activation, Erf, LeakyReLU, Linear
from graphon_lib.ntk.attention import (
    AttentionBlock,
    AttentionGraphons,
    attention_nngp,
    attention_ntk,
)
from graphon_lib.ntk.convolution import graphon_cntk
from graphon_lib.ntk.empirical import empirical_ntk
from graphon_lib.ntk.gradient_flow import GradientFlow, gradient_flow
from graphon_lib.ntk.kernels import graphon_nngp, graphon_ntk
from graphon_lib.ntk.normalised import normalised_ntk
from graphon_lib.ntk.residual import (
    ResidualGraphons,
    residual_nngp,
    residual_ntk,
    residual_shape,
)
from graphon_lib.ntk.spectra import SpectralMetrics, kernel_target_alignment, spectral_metrics

__all__ = [
    "ACTIVATIONS",
    "Activation",
    "AttentionBlock",
    "AttentionGraphons",
    "Erf",
    "GradientFlow",
    "LeakyReLU",
    "Linear",
    "ResidualGraphons",
    "SpectralMetrics",
    "attention_nngp",
    "attention_ntk",
    "empirical_ntk",
    "gradient_flow",
    "graphon_cntk",
    "graphon_nngp",
    "graphon_ntk",
    "kernel_target_alignment",
    "normalised_ntk",
    "residual_nngp",
    "residual_ntk",
    "residual_shape",
    "spectral_metrics",
]
