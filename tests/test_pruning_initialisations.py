"""The laws of weights and biases: what is drawn, what a threshold keeps, and rows added to the table."""

import copy
import itertools
import pickle

import numpy as np
import pytest
import torch
from scipy.integrate import quad
from torch_networks import seeded

from graphon_lib.pruning import (
    INITIALISATIONS,
    METHODS,
    Initialisation,
    MaskedMLP,
    prune,
    rescale_signal,
    saliency,
    signal_moments,
)
from graphon_lib.pruning.expected import keep_probabilities
from graphon_lib.pruning.initialisations import Normal, Uniform
from graphon_lib.pruning.signals import batch_signals

WIDTHS = (20, 30, 25, 5)


def make(initialisation, widths=WIDTHS, seed=0):
    return MaskedMLP(widths, seeded(seed), initialisation=initialisation)


@pytest.fixture(params=[*INITIALISATIONS, "third"])
def name(request, monkeypatch):
    """Every initialisation, and one of a kind of its own that is added to the table."""
    third = Initialisation("The third", Normal(), 1.5, 0.25)
    monkeypatch.setitem(INITIALISATIONS, "third", third)
    return request.param


def test_he_draws_what_it_always_drew():
    generator = seeded(7)
    for weight, n_in in zip(make("he", seed=7).weights, WIDTHS, strict=False):
        expected = torch.empty(weight.shape).normal_(0.0, (2.0 / n_in) ** 0.5, generator=generator)
        assert torch.equal(weight, expected)


def test_torch_is_a_chain_of_its_linear_layers():
    model = make("torch", seed=7)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(7)
        layers = [torch.nn.Linear(a, b) for a, b in itertools.pairwise(WIDTHS)]
    for layer, weight, bias in zip(layers, model.weights, model.biases, strict=True):
        torch.testing.assert_close(weight, layer.weight, rtol=1e-6, atol=0)
        torch.testing.assert_close(bias, layer.bias, rtol=1e-6, atol=0)
    chain = torch.nn.Sequential(layers[0], torch.nn.ReLU(), layers[1], torch.nn.ReLU(), layers[2])
    x = torch.randn(9, 20, generator=seeded())
    torch.testing.assert_close(model(x), chain(x), rtol=1e-4, atol=1e-6)


def double(value):
    return torch.tensor(value, dtype=torch.float64)


def test_draws_have_the_variance_the_tail_and_the_moments_of_the_record(name):
    """Weights and biases of one wide layer, within 5 standard errors."""
    record, n_in = INITIALISATIONS[name], 400
    model = make(name, (n_in, 3000))
    deviation = (record.weight_variance / n_in) ** 0.5
    draws = model.weights[0].detach().double().flatten()
    for t in (0.0, 0.5, 1.2):
        beyond = draws.abs() > t * deviation
        for values, expected in (
            (beyond.double(), record.tail(t * deviation, n_in)),
            (draws.abs() * beyond, deviation * record.law.first_moment(double(t))),
            (draws.square() * beyond, deviation**2 * record.law.second_moment(double(t))),
            ((draws > t * deviation).double(), record.tail(t * deviation, n_in) / 2),
        ):
            error = values.std() / len(draws) ** 0.5
            assert abs(values.mean() - expected) <= 5 * error
    assert (record.bias_variance is None) == (len(model.biases) == 0)
    for bias in model.biases:
        squares = n_in * bias.detach().double().square()
        assert abs(squares.mean() - record.bias_variance) < 5 * squares.std() / len(bias) ** 0.5


def test_moments_and_tail_belong_to_one_law(name):
    r"""By parts, E[|u|^k; |u| > t] = t^k P(|u| > t) + the integral of k s^(k-1) P(|u| > s) from t on."""
    law = INITIALISATIONS[name].law
    assert law.tail(double(0.0)) == 1
    assert law.second_moment(double(0.0)) == pytest.approx(1.0)
    for t in (0.0, 0.4, 1.3, 5.0):
        for k, moment in ((1, law.first_moment), (2, law.second_moment)):
            rest = quad(
                lambda s, k=k: k * s ** (k - 1) * float(law.tail(double(s))),
                *(t, 12.0),
                points=[min(max(3**0.5, t), 12.0)],
            )[0]
            expected = t**k * float(law.tail(double(t))) + rest
            assert float(moment(double(t))) == pytest.approx(expected, abs=1e-8)


def test_closed_forms_of_the_uniform_law():
    t = np.linspace(0, 2, 21)
    np.testing.assert_allclose(
        INITIALISATIONS["torch"].tail(t, 4), np.maximum(0, 1 - 2 * t), atol=1e-15
    )


def test_thresholds_and_fan_ins_broadcast_and_may_be_infinite(name):
    record = INITIALISATIONS[name]
    t, n_in = np.array([[0.1], [np.inf]]), np.array([3, 50, 784])
    values = record.tail(t, n_in)
    assert values.dtype == torch.float64
    assert torch.equal(values[0], torch.stack([record.tail(0.1, int(n)) for n in n_in]))
    assert torch.equal(values[1], torch.zeros(3, dtype=torch.float64))


def test_forward_adds_the_biases_and_trains_them(name):
    model = make(name).double()
    model.masks = masks = prune(model, "random", 0.5, generator=seeded())
    x = torch.randn(7, 20, generator=seeded(), dtype=torch.float64)
    h = x
    for i, (weight, mask) in enumerate(zip(model.weights, masks, strict=True)):
        h = (h.relu() if i else h) @ (weight * mask).T
        h = h + model.biases[i] if len(model.biases) else h
    torch.testing.assert_close(model(x), h, rtol=1e-13, atol=1e-15)
    model(x).sum().backward()
    if len(model.biases):
        assert torch.equal(model.biases[-1].grad, torch.full((5,), 7.0, dtype=torch.float64))
        assert len(list(model.parameters())) == 6


def test_biases_travel_with_the_state_the_copy_and_the_dtype(name):
    model = make(name)
    loaded = make(name, seed=1)
    loaded.load_state_dict(model.state_dict())
    unpickled = pickle.loads(pickle.dumps(model))
    for other in (loaded, copy.deepcopy(model), unpickled):
        assert other.initialisation == INITIALISATIONS[name]
        for a, b in zip(model.parameters(), other.parameters(), strict=True):
            assert torch.equal(a, b)
    assert all(
        p.dtype == torch.float64 for p in copy.deepcopy(model).to(torch.float64).parameters()
    )


def test_without_biases_nothing_is_added_to_the_state():
    assert set(make("he").state_dict()) == {
        *(f"weights.{i}" for i in range(3)),
        *(f"mask_{i}" for i in (1, 2, 3)),
    }


def test_a_bias_that_is_not_finite_is_named():
    model = make("torch")
    with torch.no_grad():
        model.biases[1][3] = torch.nan
    with pytest.raises(ValueError, match=r"model.biases\[1\] must be finite"):
        prune(model, "magnitude", 0.5)


def test_every_initialisation_is_pruned_scored_and_rescaled(name):
    """The third stands in the table alone; nothing else was told of it."""
    model = make(name).double()
    x, y = torch.randn(40, 20, generator=seeded(1)), torch.arange(40) % 5
    before = [bias.detach().clone() for bias in model.biases]
    for method in METHODS:
        masks = prune(model, method, 0.3, x, y, generator=seeded(2))
        assert sum(int(mask.sum()) for mask in masks) == round(0.3 * (600 + 750 + 125))
    for method in ("snip", "grasp"):
        masks = prune(model, method, 0.1, x, y)
        kept = zip(saliency(model, method, x, y), masks, strict=True)
        threshold = min(float(score[mask].min()) for score, mask in kept if mask.any())
        signals = batch_signals(model, method, x, y)
        probabilities = keep_probabilities(model, method, 0.1, x, y)
        for signal, probability in zip(signals, probabilities, strict=True):
            tau = threshold / torch.from_numpy(signal.left @ signal.right.T).abs()
            expected = model.initialisation.tail(tau, len(signal.right))
            expected = expected if method == "snip" else expected / 2
            torch.testing.assert_close(probability, expected, rtol=1e-6, atol=1e-12)
    model.masks = masks
    assert (rescale_signal(model, x) > 0).all()
    assert torch.isfinite(signal_moments(model, x)).all()
    assert all(map(torch.equal, before, model.biases))


def test_laws_with_biases_of_variance_zero_start_at_zero_and_have_them(monkeypatch):
    monkeypatch.setitem(INITIALISATIONS, "zero", Initialisation("Zero", Uniform(), 2.0, 0.0))
    assert [bias.tolist() for bias in make("zero", (2, 3, 1)).biases] == [[0.0] * 3, [0.0]]
