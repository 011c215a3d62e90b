"""The signal of a pruned network, measured and restored."""

import numpy as np
import pytest
import torch

from graphon_lib.pruning import INITIALISATIONS, MaskedMLP, prune, rescale_signal, signal_moments

WIDTHS = (60, 200, 150, 10)


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


def dense_signal(model, x):
    """Return the mean squares that are expected in dense networks: by weights, and with biases."""
    record = model.initialisation
    by_weights, whole = [record.weight_variance * float(x.double().square().mean())], []
    for n_in in model.widths[:-1]:
        whole.append(by_weights[-1] + (record.bias_variance or 0.0) / n_in)
        by_weights.append(record.weight_variance / 2 * whole[-1])
    return by_weights[:-1], whole


def measured_by_weights(model, x):
    """Return the mean squares of every layer's weighted sums, before its biases are added."""
    h, moments = x.double(), []
    for layer, (weight, mask) in enumerate(zip(model.weights, model.masks, strict=True)):
        sums = (h.relu() if layer else h) @ (weight.detach() * mask).double().T
        moments.append(float(sums.square().mean()))
        h = sums + model.biases[layer].detach() if len(model.biases) else sums
    return moments


def pruned(method="random", density=0.2, widths=WIDTHS, initialisation="he"):
    model = MaskedMLP(widths, seeded(1), initialisation=initialisation)
    x = torch.randn(50, widths[0], generator=seeded(2))
    y = torch.arange(50) % widths[-1]
    model.masks = prune(model, method, density, x, y, generator=seeded(3))
    return model, x


@pytest.mark.parametrize("initialisation", INITIALISATIONS)
def test_dense_networks_have_the_signal_in_expectation(initialisation):
    """Of 150 networks the mean is within 5 standard errors, at every layer."""
    x = torch.randn(5, 20, generator=seeded())
    generator = seeded(1)
    networks = [
        MaskedMLP((20, 30, 30, 8), generator, initialisation=initialisation) for _ in range(150)
    ]
    moments = torch.stack([signal_moments(network, x) for network in networks])
    expected = torch.tensor(dense_signal(networks[0], x)[1])
    if initialisation == "he":
        np.testing.assert_allclose(expected, 2.0 * float(x.double().square().mean()))
    error = moments.std(dim=0) / 150**0.5
    assert ((moments.mean(dim=0) - expected).abs() < 5 * error).all()


@pytest.mark.parametrize("initialisation", INITIALISATIONS)
@pytest.mark.parametrize("method", ["random", "magnitude", "snip", "grasp", "synflow"])
def test_the_weights_of_every_layer_send_the_dense_signal(method, initialisation):
    model, x = pruned(method, initialisation=initialisation)
    biases = [bias.detach().clone() for bias in model.biases]
    factors = rescale_signal(model, x)
    expected = dense_signal(model, x)[0]
    # The weights are stored in float32.
    np.testing.assert_allclose(measured_by_weights(model, x), expected, rtol=1e-5)
    if not biases:
        np.testing.assert_allclose(signal_moments(model, x), expected, rtol=1e-5)
    assert all(map(torch.equal, biases, model.biases))
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
