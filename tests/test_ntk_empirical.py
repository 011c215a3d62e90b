"""The exact kernel of finite networks against automatic differentiation."""

import numpy as np
import pytest
import torch
from ntk_strategies import seeded_inputs

from graphon_lib.ntk import empirical as module
from graphon_lib.ntk import empirical_ntk, tiles

FUNCTIONS = {
    "relu": torch.relu,
    "leaky_relu": torch.nn.functional.leaky_relu,
    "erf": torch.erf,
    "linear": lambda z: z,
}


def random_case(widths, density, seed):
    rng = np.random.default_rng(seed)
    shapes = list(zip(widths[1:], widths[:-1], strict=True))
    masks = [rng.random(shape) < density for shape in shapes]
    weights = [rng.normal(size=shape) for shape in shapes]
    return weights, masks, rng.normal(size=(6, widths[0])), rng.normal(size=(4, widths[0]))


def outputs_of(parameters, masks, x, activation, weight_variance):
    h = x
    for layer, (weight, mask) in enumerate(zip(parameters, masks, strict=True)):
        h = FUNCTIONS[activation](h) if layer else h
        h = (weight * torch.tensor(mask)) @ h * (weight_variance / weight.shape[1]) ** 0.5
    return h


def by_differentiation(weights, masks, x1, x2, activation, weight_variance):
    """Return the kernel (outputs, N1, N2) from one backward pass an output and input."""
    parameters = [torch.tensor(weight, requires_grad=True) for weight in weights]

    def gradients(x):
        outputs = outputs_of(parameters, masks, torch.tensor(x), activation, weight_variance)
        each = (torch.autograd.grad(f, parameters, retain_graph=True) for f in outputs)
        return torch.stack([torch.cat([part.flatten() for part in parts]) for parts in each])

    first, second = (torch.stack([gradients(x) for x in batch]) for batch in (x1, x2))
    return torch.einsum("iop,jop->oij", first, second).numpy()


@pytest.mark.parametrize(
    ("widths", "density", "activation"),
    [
        ((4, 3), 0.5, "relu"),
        ((1, 1, 1, 1), 1.0, "relu"),
        ((3, 7, 2, 5, 1), 0.6, "leaky_relu"),
        ((5, 6, 4), 0.2, "erf"),
        ((5, 6, 7, 4), 0.6, "relu"),
        ((4, 4, 4), 0.0, "linear"),
        ((20, 40, 30, 3), 0.3, "relu"),
    ],
)
def test_agrees_with_automatic_differentiation(widths, density, activation):
    weights, masks, x1, x2 = random_case(widths, density, 0)
    expected = by_differentiation(weights, masks, x1, x2, activation, 1.3)
    options = {"activation": activation, "weight_variance": 1.3}
    ours = empirical_ntk(weights, masks, x1, x2, **options)
    largest = np.abs(expected).max()
    np.testing.assert_allclose(ours, expected.mean(0), rtol=1e-10, atol=1e-10 * largest)
    for output, of_output in enumerate(expected):
        one = slice(output, output + 1)
        first = empirical_ntk(
            [*weights[:-1], weights[-1][one]], [*masks[:-1], masks[-1][one]], x1, x2, **options
        )
        np.testing.assert_allclose(first, of_output, rtol=1e-10, atol=1e-10 * largest)


@pytest.mark.parametrize("workers", [1, 3])
def test_tiles_and_threads_change_nothing(monkeypatch, workers):
    weights, masks, *_ = random_case((5, 8, 3), 0.5, 0)
    x = seeded_inputs((23, 5))
    whole = empirical_ntk(weights, masks, x)
    monkeypatch.setattr(module, "TILE_SIDE", 4)
    monkeypatch.setattr(tiles, "threads", lambda: workers)
    tiled = empirical_ntk(weights, masks, x)
    np.testing.assert_allclose(tiled, whole, rtol=1e-12, atol=1e-14)
    assert np.array_equal(tiled, tiled.T)
    rectangular = empirical_ntk(weights, masks, x, x[:9])
    np.testing.assert_allclose(rectangular, whole[:, :9], rtol=1e-12, atol=1e-14)


def test_pruned_weights_do_not_matter():
    weights, masks, x1, _ = random_case((5, 8, 3), 0.5, 0)
    other = [np.where(mask, weight, 1e300) for weight, mask in zip(weights, masks, strict=True)]
    assert np.array_equal(empirical_ntk(weights, masks, x1), empirical_ntk(other, masks, x1))


def test_overflow_is_an_error():
    weights, masks, x1, _ = random_case((5, 8, 3), 1.0, 0)
    with pytest.raises(ValueError, match="finite kernel"):
        empirical_ntk([1e200 * weight for weight in weights], masks, 1e200 * x1)


def test_single_precision_is_as_good_as_it_says_and_loses_no_entry_to_long_sums():
    weights, masks, x1, _ = random_case((50, 400, 300, 4), 0.3, 1)
    masks[1][:, 7] = False  # a neuron that no output hears of
    double = empirical_ntk(weights, masks, x1)
    single = empirical_ntk(weights, masks, x1, precision="single")
    assert single.dtype == np.float64
    error = np.linalg.norm(single - double) / np.linalg.norm(double)
    assert 1e-12 < error < 1e-6
    np.testing.assert_array_equal(single, single.T)
    across = empirical_ntk(weights, masks, x1, x1[:3], precision="single")
    np.testing.assert_allclose(across, double[:, :3], rtol=1e-5, atol=1e-6)
