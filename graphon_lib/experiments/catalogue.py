"""All experiments whose results are stored."""

from __future__ import annotations

from graphon_lib.experiments.batch_dependence import BATCH_DEPENDENCE
from graphon_lib.experiments.convergence import CONVERGENCE
from graphon_lib.experiments.descent import DESCENT
from graphon_lib.experiments.drift_scaling import DRIFT_SCALING
from graphon_lib.experiments.estimator_recovery import ESTIMATOR_RECOVERY
from graphon_lib.experiments.intervention_training import INTERVENTION_TRAINING
from graphon_lib.experiments.kernel_convergence import (
    ESTIMATED_CONVERGENCE,
    KERNEL_CONVERGENCE,
)
from graphon_lib.experiments.kernel_cost import KERNEL_COST
from graphon_lib.experiments.kernels_of_masks import KERNELS_OF_MASKS
from graphon_lib.experiments.long_training import LONG_TRAINING
from graphon_lib.experiments.mask_maps import MASK_MAPS
from graphon_lib.experiments.mask_statistics import MASK_STATISTICS
from graphon_lib.experiments.residual_spectra import RESIDUAL_SPECTRA
from graphon_lib.experiments.signed_kernel_convergence import SIGNED_KERNEL_CONVERGENCE
from graphon_lib.experiments.signed_kernels import SIGNED_KERNELS
from graphon_lib.experiments.sorted_histograms import SORTED_HISTOGRAMS
from graphon_lib.experiments.spectra import SPECTRA
from graphon_lib.experiments.table import EXPERIMENTS
from graphon_lib.experiments.training import TRAINING
from graphon_lib.experiments.tuned_training import TUNED_TRAINING
from graphon_lib.experiments.vector_positions import VECTOR_POSITIONS

__all__ = ["STORED_EXPERIMENTS"]

STORED_EXPERIMENTS = (
    *EXPERIMENTS.values(),
    MASK_STATISTICS,
    MASK_MAPS,
    SORTED_HISTOGRAMS,
    ESTIMATOR_RECOVERY,
    RESIDUAL_SPECTRA,
    VECTOR_POSITIONS,
    CONVERGENCE,
    BATCH_DEPENDENCE,
    KERNEL_CONVERGENCE,
    ESTIMATED_CONVERGENCE,
    KERNELS_OF_MASKS,
    TRAINING,
    INTERVENTION_TRAINING,
    TUNED_TRAINING,
    LONG_TRAINING,
    SIGNED_KERNEL_CONVERGENCE,
    DRIFT_SCALING,
    KERNEL_COST,
    SIGNED_KERNELS,
    SPECTRA,
    DESCENT,
)
