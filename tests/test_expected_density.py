"""Layer densities of magnitude pruning from one equation, against pruned networks."""

import numpy as np
import pytest
import torch

from graphon_lib.pruning import INITIALISATIONS, MaskedMLP, prune
from graphon_lib.pruning.expected import expected_magnitude_densities

BOTH = pytest.mark.parametrize("initialisation", INITIALISATIONS)


@BOTH
def test_equal_fan_in_gives_equal_densities(initialisation):
    expected = expected_magnitude_densities((300, 300, 300, 10), 0.17, initialisation)
    np.testing.assert_allclose(expected, 0.17)


@BOTH
def test_weighted_mean_is_the_target(initialisation):
    widths = np.array([784, 120, 50, 10])
    sizes = widths[1:] * widths[:-1]
    expected = expected_magnitude_densities(widths.tolist(), 0.05, initialisation)
    assert (sizes @ expected) / sizes.sum() == pytest.approx(0.05, rel=1e-12)


def test_full_density_keeps_everything():
    np.testing.assert_array_equal(expected_magnitude_densities((5, 4, 3), 1.0), np.ones(2))


def test_of_a_uniform_law_the_widest_layer_may_keep_nothing():
    """Weights of 784 inputs are at most 1/28, those of 4 up to 1/2."""
    expected = expected_magnitude_densities((784, 4, 400), 0.05, "torch")
    assert expected[0] == 0.0
    assert expected[1] == pytest.approx(0.05 * (784 + 400) / 400)


@BOTH
def test_agrees_with_pruned_networks(initialisation):
    """Each layer's count is binomial given the threshold: within 5 standard deviations."""
    widths, density = (784, 300, 200, 10), 0.2
    model = MaskedMLP(widths, torch.Generator().manual_seed(3), initialisation=initialisation)
    masks = prune(model, "magnitude", density)
    densities = expected_magnitude_densities(widths, density, initialisation)
    for mask, expected in zip(masks, densities, strict=True):
        deviation = (expected * (1 - expected) / mask.numel()) ** 0.5
        assert abs(float(mask.double().mean()) - expected) < 5 * deviation


@pytest.mark.parametrize(
    ("arguments", "name"),
    [
        (((784,), 0.2), "widths"),
        (((784, 0), 0.2), r"widths\[1\]"),
        (((784, 10), 1.5), "density"),
        (((784, 10), 0.5, "she"), "init"),
    ],
)
def test_bad_arguments(arguments, name):
    with pytest.raises(ValueError, match=name):
        expected_magnitude_densities(*arguments)
