"""Mask maps against masks pruned directly, and sorted degrees against counting."""

import numpy as np
import pytest

from graphon_lib.experiments.data import load_mnist
from graphon_lib.experiments.mask_maps import DEGREE_LEVELS, MASK_MAPS, sorted_degrees
from graphon_lib.experiments.mask_statistics import dead_fractions
from graphon_lib.experiments.pruned import start_trial

WIDTHS = (784, 33, 33, 10)


@pytest.fixture(scope="module")
def result():
    small = {"densities": [0.2], "width": 33, "hidden_layers": 2, "blocks": 11}
    return MASK_MAPS.compute({**MASK_MAPS.quick, **small}, 3)


@pytest.mark.parametrize("scope", ["global", "layer"])
@pytest.mark.parametrize("method", ["magnitude", "snip", "synflow"])
def test_it_describes_the_masks_of_the_trial(result, method, scope):
    started = start_trial(load_mnist(), WIDTHS, (3, 0))
    ((_, masks),) = started.masks(method, [0.2], scope=scope)
    found = result.sel(pruning=method, scope=scope, density=0.2)
    kept = [float(mask.double().mean()) for mask in masks]
    np.testing.assert_allclose(found.layer_density.values[0], kept)
    np.testing.assert_allclose(found.dead_fraction.values[0], dead_fractions(masks))
    np.testing.assert_allclose(found.pixel_density, masks[0].double().mean(0), atol=1e-6)
    # 33 neurons in 11 equal blocks: block means average to the density, up to rounding.
    assert float(found.histogram.sel(weight_layer=2).mean()) == pytest.approx(kept[1], abs=2.0**-12)


def test_sorted_degrees_of_a_staircase():
    mask = np.tri(65, 65, dtype=bool)
    into, out = sorted_degrees(mask)
    expected = [1.0 - level * 64 / 65 for level in DEGREE_LEVELS]
    np.testing.assert_allclose(into, expected)
    np.testing.assert_allclose(out, expected)
