"""Stored results against a part computed again: code may change, the published numbers may not.

A trial is seeded by its own number, so the first trial of a sweep can be repeated alone. On the same
processor it is the same to the last digit; on another one sums in another order may keep other
weights where scores nearly tie, which the tolerance of 0.002 leaves room for.
"""

import numpy as np
import pytest
import xarray as xr

from graphon_lib.experiments import sweep
from graphon_lib.experiments.batch_dependence import BATCH_DEPENDENCE
from graphon_lib.experiments.catalogue import STORED_EXPERIMENTS
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
from graphon_lib.experiments.mask_convergence import MASK_CONVERGENCE
from graphon_lib.experiments.mask_maps import MASK_MAPS
from graphon_lib.experiments.mask_statistics import MASK_STATISTICS
from graphon_lib.experiments.residual_spectra import RESIDUAL_SPECTRA
from graphon_lib.experiments.shared_positions import SHARED_POSITIONS
from graphon_lib.experiments.signed_depth import SIGNED_DEPTH
from graphon_lib.experiments.signed_kernel_convergence import SIGNED_KERNEL_CONVERGENCE
from graphon_lib.experiments.signed_kernels import SIGNED_KERNELS
from graphon_lib.experiments.sorted_histograms import SORTED_HISTOGRAMS
from graphon_lib.experiments.spectra import SPECTRA
from graphon_lib.experiments.spectra_cell import ROUTES
from graphon_lib.experiments.training import TRAINING
from graphon_lib.experiments.tuned_training import TUNED_TRAINING
from graphon_lib.experiments.vector_positions import VECTOR_POSITIONS

TOLERANCE = 2e-3
ONE_NETWORK = {"trials_of_width": [[512, 1]]}
# The first steps of a run do not depend on how many follow.
ONE_SHORT_RUN = {"trials": 1, "steps": 20, "evaluated": [20]}
CASES = {
    "mask-statistics": (
        MASK_STATISTICS,
        {"trials": 1, "densities": [0.3, 0.2]},
        ["layer_density", "dead_fraction", "zero_scores", "in_degree"],
    ),
    "mask-maps": (
        MASK_MAPS,
        {"trials": 1, "densities": [0.2]},
        ["layer_density", "dead_fraction"],
    ),
    "sorted-histograms": (SORTED_HISTOGRAMS, {"trials": 1, "widths": [100]}, ["layer_density"]),
    "estimator-recovery": (ESTIMATOR_RECOVERY, {"trials": 1, "sizes": [100, 200]}, ["error"]),
    "residual-spectra": (
        RESIDUAL_SPECTRA,
        {**ONE_NETWORK, "cut_norm_widths": []},
        ["singular_value"],
    ),
    "vector-positions": (VECTOR_POSITIONS, ONE_NETWORK, ["singular_value", "expected_density"]),
    "convergence": (
        CONVERGENCE,
        {
            "trials_of_width": [[100, 2, 2]],
            "neuron_layers": [4],
            "reference": 100,
            "cut_pairs": 1,
            "resamples": 10,
        },
        ["layer_density", "dead_fraction", "motif_density", "singular_value"],
    ),
    "batch-dependence": (
        BATCH_DEPENDENCE,
        {"widths": [500], "batches": 3, "networks": 2},
        ["layer_density"],
    ),
    "kernel-convergence": (KERNEL_CONVERGENCE, {"draws": 1, "widths": [64, 128]}, ["error"]),
    "estimated-convergence": (
        ESTIMATED_CONVERGENCE,
        {"draws": 1, "widths": [64, 128]},
        ["error"],
    ),
    "mask-convergence": (
        MASK_CONVERGENCE,
        {"trials_of_width": [[64, 1], [256, 1]]},
        ["error", "ratio"],
    ),
    "kernels-of-masks": (
        KERNELS_OF_MASKS,
        {"trials": 1, "widths": [256]},
        ["path_density", "energy"],
    ),
    "signed-kernel-convergence": (
        SIGNED_KERNEL_CONVERGENCE,
        {"draws_of_width": [[256, 1], [512, 1]]},
        ["error", "error_without_drift"],
    ),
    "drift-scaling": (
        DRIFT_SCALING,
        {"trials_of_width": [[256, 1]]},
        ["drift", "second_moment"],
    ),
    "signed-depth": (
        SIGNED_DEPTH,
        {"trials": 1, "hidden_layers": [2]},
        ["energy", "cosine"],
    ),
    "signed-kernels": (
        SIGNED_KERNELS,
        {"networks": [[512, 0.2, 1, ["random", "magnitude", "snip"]]]},
        ["top1", "top5", "cosine"],
    ),
    "spectra": (
        SPECTRA,
        {
            "densities": [0.05],
            "samples": [
                {"digits": 128, "trials": 1, "routes": {route: [0.05] for route in ROUTES}}
            ],
        },
        ["energy_concentration", "alignment", "path_density"],
    ),
    "descent": (
        DESCENT,
        {"trials": 1, "widths": [256], "steps": 100, "watched": [10, 100]},
        ["loss", "cosine"],
    ),
    "shared-positions": (SHARED_POSITIONS, {"trials": 1, "densities": [0.2]}, ["path_density"]),
    "training": (
        TRAINING,
        {"prunings": ["snip"], "densities": [0.05], **ONE_SHORT_RUN},
        ["loss", "layer_density", "path_density"],
    ),
    "interventions": (
        INTERVENTION_TRAINING,
        {"variants": [["random", "rescaled"]], "densities": [0.05], **ONE_SHORT_RUN},
        ["loss", "layer_density", "path_density"],
    ),
    "long-training": (
        LONG_TRAINING,
        {"variants": [["synflow", "as pruned"]], **ONE_SHORT_RUN},
        ["loss", "layer_density", "path_density"],
    ),
    "tuned-training": (
        TUNED_TRAINING,
        {
            "variants": [["snip", "as pruned"]],
            "densities": [0.05],
            "half_decades": [-2, -2],
            "trials": 1,
        },
        ["tuning_loss"],
    ),
}


def test_every_stored_result_is_checked_here():
    # Seconds belong to the machine that took them: only the shape of that result can be the same.
    assert {experiment.name for experiment in STORED_EXPERIMENTS} == {*CASES, KERNEL_COST.name}


@pytest.mark.reproduction
def test_costs_are_of_the_shape_and_sign_that_the_code_makes():
    stored, again = KERNEL_COST.run(), KERNEL_COST.run(profile="quick")
    assert set(stored.data_vars) == set(again.data_vars)
    assert set(stored.attrs) == set(again.attrs)
    for name, variable in stored.data_vars.items():
        assert variable.dims == again[name].dims
        assert (variable > 0).all()
        # Less than a page of memory, or than a tick of a clock, counts as nothing.
        assert np.isfinite(again[name]).all()
        assert (again[name] >= 0).all()


@pytest.mark.reproduction
@pytest.mark.usefixtures("complete_mnist")
@pytest.mark.parametrize("name", CASES)
def test_a_part_computed_again_is_the_same(name, tmp_path, monkeypatch):
    monkeypatch.setattr(
        sweep, "CACHE", tmp_path
    )  # cells that an earlier sweep has kept do not count
    experiment, changes, variables = CASES[name]
    stored = experiment.run()
    again = experiment.compute(seed=0, **{**experiment.profiles["paper"], **changes})
    for variable in variables:
        first = {
            dim: slice(1)
            for dim in ("trial", "draw", "batch", "network")
            if dim in again[variable].dims
        }
        new, old = again[variable].isel(first), stored[variable].isel(first)
        new, old = xr.align(new, old, join="left")
        assert new.notnull().any()
        np.testing.assert_array_equal(new.isnull(), old.isnull())
        np.testing.assert_allclose(new, old, atol=TOLERANCE, rtol=0)
