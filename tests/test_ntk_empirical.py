"""The exact kernel of finite networks against automatic differentiation."""

import numpy as np
import pytest
import torch
from ntk_strategies import seeded_inputs

from graphon_lib.ntk import Erf, LeakyReLU, empirical_ntk
from graphon_lib.ntk import empirical as module

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


def by_differentiation(weights, masks, x1, x2, activation="relu", weight_variance=2.0):
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
    ],
)
def test_agrees_with_automatic_differentiation(widths, density, activation):
    weights, masks, x1, x2 = random_case(widths, density, 0)
    expected = by_differentiation(weights, masks, x1, x2, activation)
    ours = empirical_ntk(weights, masks, x1, x2, activation=activation, per_output=True)
    np.testing.assert_allclose(ours, expected, rtol=1e-10, atol=1e-10 * np.abs(expected).max())
    mean = empirical_ntk(weights, masks, x1, x2, activation=activation)
    np.testing.assert_allclose(
        mean, expected.mean(0), rtol=1e-10, atol=1e-10 * np.abs(expected).max()
    )


# Slow for the import behind torch.func, not for the comparison.
@pytest.mark.slow
def test_agrees_with_torch_func_on_a_larger_network_and_another_variance():
    weights, masks, x1, x2 = random_case((30, 80, 70, 5), 0.3, 0)

    def jacobian(x):
        of_weights = torch.func.jacrev(lambda w: outputs_of(w, masks, x, "relu", 1.3))
        parts = of_weights(tuple(torch.tensor(weight) for weight in weights))
        return torch.cat([part.flatten(1) for part in parts], dim=1)

    first, second = (torch.stack([jacobian(torch.tensor(x)) for x in batch]) for batch in (x1, x2))
    expected = torch.einsum("iop,jop->oij", first, second).numpy()
    ours = empirical_ntk(weights, masks, x1, x2, weight_variance=1.3, per_output=True)
    np.testing.assert_allclose(ours, expected, rtol=1e-10, atol=1e-10 * np.abs(expected).max())


@pytest.mark.parametrize("per_output", [False, True])
@pytest.mark.parametrize("workers", [1, 3])
def test_tiles_and_threads_change_nothing(monkeypatch, per_output, workers):
    weights, masks, *_ = random_case((5, 8, 3), 0.5, 0)
    x = seeded_inputs((23, 5))
    whole = empirical_ntk(weights, masks, x, per_output=per_output)
    monkeypatch.setattr(module, "TILE_SIDE", 4)
    tiled = empirical_ntk(weights, masks, x, per_output=per_output, workers=workers)
    np.testing.assert_allclose(tiled, whole, rtol=1e-12, atol=1e-14)
    assert np.array_equal(tiled, np.swapaxes(tiled, -1, -2))
    rectangular = empirical_ntk(weights, masks, x, x[:9], per_output=per_output, workers=workers)
    np.testing.assert_allclose(rectangular, whole[..., :9], rtol=1e-12, atol=1e-14)


def test_pruned_weights_do_not_matter():
    weights, masks, x1, _ = random_case((5, 8, 3), 0.5, 0)
    other = [np.where(mask, weight, 1e300) for weight, mask in zip(weights, masks, strict=True)]
    assert np.array_equal(empirical_ntk(weights, masks, x1), empirical_ntk(other, masks, x1))


def test_tensors_are_taken():
    weights, masks, x1, _ = random_case((5, 8, 3), 0.5, 0)
    tensors = empirical_ntk(
        [torch.tensor(w, requires_grad=True) for w in weights],
        [torch.tensor(m) for m in masks],
        torch.tensor(x1),
    )
    assert np.array_equal(tensors, empirical_ntk(weights, masks, x1))


def test_activation_objects_are_taken():
    weights, masks, x1, _ = random_case((5, 8, 3), 0.5, 0)
    for name, activation in (("erf", Erf()), ("leaky_relu", LeakyReLU(0.01))):
        expected = empirical_ntk(weights, masks, x1, activation=name)
        assert np.array_equal(empirical_ntk(weights, masks, x1, activation=activation), expected)


def test_one_layer_is_the_masked_inner_product():
    weights, masks, x1, x2 = random_case((5, 3), 0.5, 0)
    expected = 2 / 5 * np.array([(x1 * row) @ x2.T for row in masks[0]])
    ours = empirical_ntk(weights, masks, x1, x2, per_output=True)
    np.testing.assert_allclose(ours, expected, rtol=1e-13)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"x1": np.zeros((0, 5))}, "x1 must be a non-empty array"),
        ({"x1": [[np.nan] * 5]}, "x1 must be finite"),
        ({"x1": np.ones((2, 4))}, "x1 must have 5 features"),
        ({"x2": np.ones((2, 6))}, "x2 must have 5 features"),
        ({"x2": [["a"] * 5]}, "x2 must be an array of real numbers"),
        ({"masks": []}, "masks must be one mask or more"),
        ({"weights": []}, "weights must be 2 arrays"),
        ({"activation": "tanh"}, "activation must be one of erf, leaky_relu, linear, relu"),
        ({"activation": np.tanh}, "activation must be one of erf, leaky_relu, linear, relu"),
        ({"weight_variance": -1.0}, "weight_variance must be positive, got -1"),
        ({"weight_variance": np.nan}, "weight_variance must be finite"),
        ({"per_output": 1}, "per_output must be True or False"),
        ({"workers": 0}, "workers must be an integer >= 1"),
    ],
)
def test_bad_arguments(change, message):
    weights, masks, x1, x2 = random_case((5, 8, 3), 0.5, 0)
    arguments = {"weights": weights, "masks": masks, "x1": x1, "x2": x2} | change
    with pytest.raises(ValueError, match=message):
        empirical_ntk(**arguments)


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
    across = empirical_ntk(weights, masks, x1, x1[:3], precision="single", per_output=True)
    np.testing.assert_allclose(across.mean(0), double[:, :3], rtol=1e-5, atol=1e-6)


def test_an_unknown_precision_is_refused():
    weights, masks, x1, _ = random_case((5, 4, 3), 0.5, 0)
    with pytest.raises(ValueError, match="precision must be one of double, single; got 'half'"):
        empirical_ntk(weights, masks, x1, precision="half")
