"""What is measured on drifting weights, and how that scales."""

import numpy as np
import pytest

from graphon_lib.experiments.drift_scaling import row_drift
from graphon_lib.experiments.signed_kernel_convergence import signed_design


@pytest.mark.parametrize("drift", [0.0, 0.5, 4.0])
def test_row_drift_finds_the_drift_in_the_noise(drift):
    rng = np.random.default_rng(2)
    signs = rng.choice([-1, 1], size=(4000, 1))
    kept = rng.normal(drift * signs / 10, 1, (4000, 100))
    # The mean of 4000 squares of about 1 + D^2, each with a standard deviation of sqrt(2) times that.
    error = 4 * np.sqrt(2 / 4000) * (1 + drift**2)
    assert row_drift(kept) ** 2 == pytest.approx(drift**2, abs=error)


def test_row_drift_of_equal_weights_is_exact():
    assert row_drift(np.full((3, 16), 0.25)) == pytest.approx(1.0)


@pytest.mark.parametrize("strength", [0.25, 2.0])
def test_designs_differ_in_their_drifts_alone(strength):
    network = signed_design(strength, 200, 5)
    still = signed_design(0.0, 200, 5)
    assert network.layers == still.layers
    for drift, zero in zip(network.drifts, still.drifts, strict=True):
        assert not zero.any()
        assert drift.min() < 0 < drift.max() <= 1.5 * strength
