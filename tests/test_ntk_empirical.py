"""The exact kernel of finite networks against automatic differentiation."""

import numpy as np
import pytest
import torch
from ntk_strategies import seeded_inputs
from torch_networks import seeded

from graphon_lib.graphons import GraphonNetwork
from graphon_lib.ntk import empirical as module
from graphon_lib.ntk import empirical_ntk, tiles
from graphon_lib.pruning import INITIALISATIONS, MaskedMLP, prune

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


def outputs_of(weights, masks, x, activation, weight_variance, biases=(), bias_variance=0.0):
    h, variances = x, np.broadcast_to(bias_variance, len(weights))
    for layer, (weight, mask) in enumerate(zip(weights, masks, strict=True)):
        h = FUNCTIONS[activation](h) if layer else h
        h = (weight * torch.tensor(mask)) @ h * (weight_variance / weight.shape[1]) ** 0.5
        h = h + variances[layer] ** 0.5 * biases[layer] if biases else h
    return h


def by_differentiation(weights, masks, x1, x2, activation, weight_variance, biases=(), s_b=0.0):
    """Return the kernel (outputs, N1, N2) from one backward pass an output and input."""
    parameters = [torch.tensor(array, requires_grad=True) for array in (*weights, *biases)]
    trained = parameters[: len(weights)], masks
    units = activation, weight_variance, parameters[len(weights) :], s_b

    def gradients(x):
        outputs = outputs_of(*trained, torch.tensor(x), *units)
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
    monkeypatch.setattr(module, "TILE", (4, 5))
    monkeypatch.setattr(tiles, "threads", lambda: workers)
    tiled = empirical_ntk(weights, masks, x)
    np.testing.assert_allclose(tiled, whole, rtol=1e-12, atol=1e-14)
    assert np.array_equal(tiled, tiled.T)
    rectangular = empirical_ntk(weights, masks, x, x[:9])
    np.testing.assert_allclose(rectangular, whole[:, :9], rtol=1e-12, atol=1e-14)


def test_weights_off_the_mask_may_be_anything():
    weights, masks, x1, _ = random_case((5, 8, 3), 0.5, 0)
    masks[0][:, 2] = False
    for value in (1e300, np.inf, np.nan):
        other = [np.where(mask, weight, value) for weight, mask in zip(weights, masks, strict=True)]
        assert np.array_equal(empirical_ntk(weights, masks, x1), empirical_ntk(other, masks, x1))
        networks = (GraphonNetwork.from_masks(masks, w, blocks=2) for w in (weights, other))
        first, second = ((n.second_moments, n.drifts) for n in networks)
        for ours, theirs in zip(first, second, strict=True):
            assert all(map(np.array_equal, ours, theirs))
    other[1][masks[1]] = np.nan
    with pytest.raises(ValueError, match=r"weights\[1\] must be finite where kept"):
        empirical_ntk(other, masks, x1)


def gradients_of(model, x, units):
    """Return for every output the gradients by parameters, each in its units, shape (N, P)."""
    parameters = [*model.weights, *model.biases]
    for output in model(torch.tensor(x)).T:
        each = [torch.autograd.grad(f, parameters, retain_graph=True) for f in output]
        rows = [
            torch.cat([g.flatten() / u for g, u in zip(grads, units, strict=True)])
            for grads in each
        ]
        yield torch.stack(rows).numpy()


@pytest.mark.parametrize("initialisation", INITIALISATIONS)
def test_from_a_model(initialisation):
    """By automatic differentiation of the model itself, parameters in units of their deviation."""
    generator = torch.Generator().manual_seed(0)
    model = MaskedMLP((40, 30, 20, 3), generator, initialisation=initialisation).double()
    model.masks = [np.random.default_rng(0).random(tuple(w.shape)) < 0.3 for w in model.weights]
    x = seeded_inputs((5, 40))
    law = model.initialisation
    units = [(n / law.weight_variance) ** 0.5 for n in model.widths[:-1]]
    if law.bias_variance is not None:
        units += [(n / law.bias_variance) ** 0.5 for n in model.widths[:-1]]
    expected = sum(g @ g.T for g in gradients_of(model, x, units)) / 3
    np.testing.assert_allclose(empirical_ntk(model, x), expected, rtol=1e-11)
    np.testing.assert_allclose(empirical_ntk(model, x, x[:2]), expected[:, :2], rtol=1e-11)
    assert empirical_ntk(model, x, precision="single", activation="erf").shape == (5, 5)
    for name, value in (("weight_variance", 1.0), ("bias_variance", 1.0), ("biases", [1])):
        with pytest.raises(ValueError, match=f"{name} must not be given beside a model"):
            empirical_ntk(model, x, **{name: value})
    with pytest.raises(ValueError, match="masks must not be given beside a model"):
        empirical_ntk(model, model.masks, x, x)


@pytest.mark.parametrize("initialisation", INITIALISATIONS)
def test_weights_in_other_units_are_noticed(initialisation):
    model = MaskedMLP((64, 50, 40, 3), seeded(0), initialisation=initialisation)
    x, masks = seeded_inputs((2, 64)), prune(model, "magnitude", 0.2)
    with pytest.warns(UserWarning, match=r"NTK units.* empirical_ntk\(model, x\)"):
        empirical_ntk(model.weights, masks, x)


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


@pytest.mark.parametrize("bias_variance", [0.7, [0.3, 0.0, 2.0]])
@pytest.mark.parametrize(
    ("widths", "density", "activation"),
    [
        ((5, 6, 7, 4), 0.6, "relu"),
        ((5, 6, 7, 1), 0.0, "erf"),
        ((3, 1, 40, 2), 0.2, "leaky_relu"),
        ((4, 4, 4, 4), 1.0, "linear"),
    ],
)
def test_biases_agree_with_automatic_differentiation(widths, density, activation, bias_variance):
    weights, masks, x1, x2 = random_case(widths, density, 0)
    biases = [seeded_inputs((width,), seed) for seed, width in enumerate(widths[1:])]
    units = {"activation": activation, "weight_variance": 1.3, "bias_variance": bias_variance}
    expected = by_differentiation(weights, masks, x1, x2, activation, 1.3, biases, bias_variance)
    ours = empirical_ntk(weights, masks, x1, x2, biases=biases, **units)
    np.testing.assert_allclose(ours, expected.mean(0), rtol=1e-10, atol=1e-10 * expected.max())
    square = empirical_ntk(weights, masks, x1, biases=biases, **units)
    assert np.array_equal(square, square.T)
    single = empirical_ntk(weights, masks, x1, biases=biases, precision="single", **units)
    assert np.linalg.norm(single - square) < 1e-6 * np.linalg.norm(square)


def test_a_bias_is_a_weight_from_a_neuron_of_activation_one():
    weights, masks, x, _ = random_case((5, 8), 0.5, 0)
    bias, s_b = seeded_inputs((8,), 3), 0.4
    wider = np.hstack([weights[0], bias[:, None]]), np.hstack([masks[0], np.ones((8, 1))])
    # Six inputs in the place of five, in units in which the weights multiply the same.
    inputs = np.hstack([x, np.full((6, 1), (s_b * 5 / 2) ** 0.5)])
    expected = empirical_ntk(wider[:1], wider[1:], inputs, weight_variance=2 * 6 / 5)
    ours = empirical_ntk(weights, masks, x, biases=[bias], bias_variance=s_b)
    np.testing.assert_allclose(ours, expected, rtol=1e-12)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"bias_variance": 0.5}, "bias_variance must be 0 without biases, got"),
        ({"biases": [[0.0] * 8, [0.0] * 3]}, "bias_variance must be above 0 somewhere with biases"),
        ({"biases": [[0.0] * 8], "bias_variance": 1.0}, "biases must be 2 vectors"),
        ({"biases": [[0.0] * 8] * 2, "bias_variance": 1.0}, r"biases\[1\] must hold 3 numbers"),
        ({"biases": 3, "bias_variance": 1.0}, "biases must be a sequence"),
        ({"bias_variance": [1.0, 1.0, 1.0]}, "bias_variance must be one number, or 2"),
        ({"bias_variance": -1.0}, "bias_variance must lie in"),
        ({"bias_variance": [[1.0]]}, "bias_variance must be a non-empty array with 1 axes"),
    ],
)
def test_biases_that_do_not_fit(options, message):
    weights, masks, x, _ = random_case((5, 8, 3), 0.5, 0)
    with pytest.raises(ValueError, match=message):
        empirical_ntk(weights, masks, x, **options)


@pytest.mark.parametrize("scale", [1e-60, 1e-12, 1e12, 1e60])
def test_single_precision_is_refused_where_it_holds_no_products(scale):
    weights, masks, x1, x2 = random_case((20, 40, 30, 3), 0.3, 0)
    with pytest.raises(ValueError, match="precision must be 'double'"):
        empirical_ntk(weights, masks, scale * x1, scale * x2, precision="single")
    with pytest.raises(ValueError, match="precision must be 'double'"):
        empirical_ntk(weights, masks, x1, weight_variance=scale**2, precision="single")


@pytest.mark.parametrize("scale", [1e-8, 1e8])
def test_single_precision_holds_inputs_in_other_units(scale):
    weights, masks, x1, x2 = random_case((20, 40, 30, 3), 0.3, 0)
    exact = empirical_ntk(weights, masks, x1, x2)
    found = empirical_ntk(weights, masks, scale * x1, scale * x2, precision="single") / scale**2
    assert np.linalg.norm(found - exact) < 2e-7 * np.linalg.norm(exact)


@pytest.mark.filterwarnings("error")
def test_a_model_takes_its_inputs_by_position_or_by_name():
    model = MaskedMLP((40, 50, 45, 3), seeded(0))
    for weight in model.weights:
        weight.data /= 4.0  # as small as it may get, its units are known
    x, y = seeded_inputs((5, 40)), seeded_inputs((4, 40), 1)
    square, rectangle = empirical_ntk(model, x), empirical_ntk(model, x, y)
    assert np.array_equal(empirical_ntk(model, x1=x), square)
    assert np.array_equal(empirical_ntk(model, x1=x, x2=y), rectangle)
    for given in ({"weight_variance": 2.0}, {"bias_variance": 0.0}):
        with pytest.raises(ValueError, match=f"{next(iter(given))} must not be given"):
            empirical_ntk(model, x, **given)
    with pytest.raises(ValueError, match="masks must not be given"):
        empirical_ntk(model, model.masks, x, y)
    with pytest.raises(ValueError, match="x1 must be"):
        empirical_ntk(model)
