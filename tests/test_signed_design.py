"""Designs whose weights drift."""

import pytest

from graphon_lib.experiments.signed_kernel_convergence import signed_design


@pytest.mark.parametrize("strength", [0.25, 2.0])
def test_designs_differ_in_their_drifts_alone(strength):
    network = signed_design(strength, 200, 5)
    still = signed_design(0.0, 200, 5)
    assert network.layers == still.layers
    for drift, zero in zip(network.drifts, still.drifts, strict=True):
        assert not zero.any()
        assert drift.min() < 0 < drift.max() <= 1.5 * strength
