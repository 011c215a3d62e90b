"""Step graphons, their estimators and their distances (NumPy).

From masks to their limits: estimate the graphon behind a mask, measure how far two graphons are apart
with bounds that prove it, and draw masks and networks from graphons that are known.
"""

from graphon_lib.graphons.blocks import block_means, degree_blocks, rank_blocks, split_blocks
from graphon_lib.graphons.coclustering import cocluster_blocks, coclustering
from graphon_lib.graphons.cut_distance import CutDistance, cut_distance
from graphon_lib.graphons.cut_norm import CutNorm, DualCertificate, check_certificate, cut_norm
from graphon_lib.graphons.drift_shrinkage import shrink_drift
from graphon_lib.graphons.families import (
    Assortative,
    Constant,
    GraphonFamily,
    PowerLaw,
    Ramp,
    Threshold,
)
from graphon_lib.graphons.motifs import MOTIFS, motif_densities
from graphon_lib.graphons.network import GraphonNetwork
from graphon_lib.graphons.paths import path_density
from graphon_lib.graphons.refinement import common_refinement, l2_distance
from graphon_lib.graphons.sampling import draw_positions, sample_mask, sample_mask_at
from graphon_lib.graphons.sas import sas
from graphon_lib.graphons.singular import noise_floor, residual_singular_values
from graphon_lib.graphons.sorting_artefact import sorting_artefact
from graphon_lib.graphons.step_graphon import StepGraphon
from graphon_lib.graphons.weight_moments import WeightMoments, weight_moments
from graphon_lib.graphons.weight_sampling import sample_weights

__all__ = [
    "MOTIFS",
    "Assortative",
    "Constant",
    "CutDistance",
    "CutNorm",
    "DualCertificate",
    "GraphonFamily",
    "GraphonNetwork",
    "PowerLaw",
    "Ramp",
    "StepGraphon",
    "Threshold",
    "WeightMoments",
    "block_means",
    "check_certificate",
    "cocluster_blocks",
    "coclustering",
    "common_refinement",
    "cut_distance",
    "cut_norm",
    "degree_blocks",
    "draw_positions",
    "l2_distance",
    "motif_densities",
    "noise_floor",
    "path_density",
    "rank_blocks",
    "residual_singular_values",
    "sample_mask",
    "sample_mask_at",
    "sample_weights",
    "sas",
    "shrink_drift",
    "sorting_artefact",
    "split_blocks",
    "weight_moments",
]
