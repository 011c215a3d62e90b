"""The signal of a pruned network, measured and restored."""

import numpy as np
import pytest
import torch

from graphon_lib.pruning import MaskedMLP, prune, rescale_signal, signal_moments

WIDTHS = (60, 200, 150, 10)


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


def pruned(method="random", density=0.2, widths=WIDTHS):
    model = MaskedMLP(widths, seeded(1))
    x = torch.randn(50, widths[0], generator=seeded(2))
    y = torch.arange(50) % widths[-1]
    model.masks = prune(model, method, density, x, y, generator=seeded(3))
    return model, x


def test_dense_networks_keep_the_signal_in_expectation():
    """Of 150 networks the mean is within 5 standard errors of 2 mean(x^2), at every layer."""
    x = torch.randn(5, 20, generator=seeded())
    generator = seeded(1)
    moments = torch.stack(
        [signal_moments(MaskedMLP((20, 30, 30, 8), generator), x) for _ in range(150)]
    )
    expected = 2.0 * float(x.double().square().mean())
    error = moments.std(dim=0) / 150**0.5
    assert ((moments.mean(dim=0) - expected).abs() < 5 * error).all()


@pytest.mark.parametrize("method", ["random", "magnitude", "snip", "grasp", "synflow"])
def test_every_layer_gets_the_dense_signal(method):
    model, x = pruned(method)
    factors = rescale_signal(model, x)
    expected = 2.0 * float(x.double().square().mean())
    np.testing.assert_allclose(signal_moments(model, x), expected, rtol=1e-5)  # float32 weights
    assert factors.dtype == torch.float64
    assert (factors > 0).all()
    np.testing.assert_allclose(rescale_signal(model, x), 1.0, rtol=1e-5)


def test_the_factors_are_what_the_weights_are_multiplied_by():
    model, x = pruned()
    before = [weight.detach().clone() for weight in model.weights]
    factors = rescale_signal(model, x)
    for old, new, factor in zip(before, model.weights, factors, strict=True):
        torch.testing.assert_close(new.detach(), old * float(factor))


def test_random_pruning_needs_the_density_to_the_power_of_minus_one_half():
    """Mean squares over 100 to 200 neurons and 50 inputs; 20 networks, mean within 5 standard errors."""
    logarithms = []
    for seed in range(20):
        model = MaskedMLP((200, 200, 200, 100), seeded(seed))
        model.masks = prune(model, "random", 0.1, generator=seeded(100 + seed))
        x = torch.randn(50, 200, generator=seeded(200 + seed))
        logarithms.append(rescale_signal(model, x).log())
    logarithms = torch.stack(logarithms)
    error = logarithms.std(dim=0) / 20**0.5
    deviation = logarithms.mean(dim=0) - np.log(0.1**-0.5)
    # Jensen: the logarithm of a mean square of relative variance v is low by about v / 2.
    assert (deviation.abs() < 5 * error + logarithms.var(dim=0)).all()


def test_a_network_without_a_path_is_refused_and_left_as_it_is():
    model, x = pruned()
    masks = [mask.clone() for mask in model.masks]
    masks[1][:] = False
    model.masks = masks
    before = [weight.detach().clone() for weight in model.weights]
    with pytest.raises(ValueError, match="layer 2 of its 3"):
        rescale_signal(model, x)
    assert all(torch.equal(a, b) for a, b in zip(before, model.weights, strict=True))
    assert signal_moments(model, x)[1:].tolist() == [0.0, 0.0]
