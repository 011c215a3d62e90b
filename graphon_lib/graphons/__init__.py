"""Step graphons, their estimators and their distances (NumPy).

From masks to their limits: estimate the graphon behind a mask, measure how far two graphons are
apart with bounds that prove it, and draw masks and networks from graphons that are known.

Arguments and words that many functions share:

``mask``
    Binary, shape (n_out, n_in), as a NumPy array, PyTorch tensor or nested lists. Rows are the
    neurons of a layer, columns those of the layer before it; 1 is a kept weight.
``row_labels``, ``col_labels``
    The block 0, ..., K - 1 of every row and column, integers, every block used.
``row_mass``, ``col_mass``
    The masses of blocks: non-negative, summing to 1 within 1e-9, uniform when omitted.
``rng``
    A :class:`numpy.random.Generator`, the only source of randomness.

Lovász stands for L. Lovász, *Large Networks and Graph Limits*, AMS 2012; Alon and Naor for N. Alon
and A. Naor, *Approximating the cut-norm via Grothendieck's inequality*, SIAM J. Comput. 35, 2006.

An argument that is not as described raises a :class:`ValueError` that names it, what came, and what
is allowed. A function that needs more than NumPy says which extra to install, with an
:class:`ImportError`.
"""

from graphon_lib.graphons.blocks import block_means, degree_blocks
from graphon_lib.graphons.channels import (
    ChannelGraphon,
    SeparablePart,
    channel_graphon,
    channel_graphons,
    sample_channel_mask,
    separable_part,
)
from graphon_lib.graphons.coclustering import cocluster_blocks
from graphon_lib.graphons.cut_distance import CutDistance, cut_distance
from graphon_lib.graphons.cut_norm import CutNorm, DualCertificate, check_certificate, cut_norm
from graphon_lib.graphons.design import design
from graphon_lib.graphons.expected_masks import expected_masks
from graphon_lib.graphons.families import (
    Assortative,
    Constant,
    GraphonFamily,
    PowerLaw,
    Ramp,
    Threshold,
)
from graphon_lib.graphons.input_alignment import aligned_inputs, alignment, deviation_inputs
from graphon_lib.graphons.layer_densities import erk_densities, least_density
from graphon_lib.graphons.motifs import MOTIFS, cycle_ratio, motif_densities
from graphon_lib.graphons.network import GraphonNetwork, path_density, sample_weights
from graphon_lib.graphons.path_optimum import (
    PathOptimum,
    narrowed_network,
    path_optimum,
    path_optimum_of_budget,
)
from graphon_lib.graphons.sampling import sample_mask
from graphon_lib.graphons.sas import sas, sorting_artefact
from graphon_lib.graphons.singular import noise_floor, residual_singular_values
from graphon_lib.graphons.step_graphon import StepGraphon
from graphon_lib.graphons.weight_moments import shrink_drift

__all__ = [
    "MOTIFS",
    "Assortative",
    "ChannelGraphon",
    "Constant",
    "CutDistance",
    "CutNorm",
    "DualCertificate",
    "GraphonFamily",
    "GraphonNetwork",
    "PathOptimum",
    "PowerLaw",
    "Ramp",
    "SeparablePart",
    "StepGraphon",
    "Threshold",
    "aligned_inputs",
    "alignment",
    "block_means",
    "channel_graphon",
    "channel_graphons",
    "check_certificate",
    "cocluster_blocks",
    "cut_distance",
    "cut_norm",
    "cycle_ratio",
    "degree_blocks",
    "design",
    "deviation_inputs",
    "erk_densities",
    "expected_masks",
    "least_density",
    "motif_densities",
    "narrowed_network",
    "noise_floor",
    "path_density",
    "path_optimum",
    "path_optimum_of_budget",
    "residual_singular_values",
    "sample_channel_mask",
    "sample_mask",
    "sample_weights",
    "sas",
    "separable_part",
    "shrink_drift",
    "sorting_artefact",
]
