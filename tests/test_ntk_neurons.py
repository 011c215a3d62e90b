"""What neurons add to the trace of a kernel: they add up to it, in a network and in its graphons."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from ntk_strategies import inputs, networks, random_network, seeded_inputs

from graphon_lib.graphons import GraphonNetwork, StepGraphon
from graphon_lib.ntk import empirical_ntk, graphon_ntk
from graphon_lib.ntk.neurons import empirical_neuron_terms, graphon_neuron_terms


@given(networks(inputs=3), inputs(3), st.floats(0.2, 3), st.just(0.0) | st.floats(0.01, 2))
def test_terms_of_blocks_add_up_to_the_graphon_ntk(network, x, s_w, s_b):
    law = {"weight_variance": s_w, "bias_variance": s_b}
    terms = graphon_neuron_terms(x, network, **law)
    total = sum(
        layer.row_mass @ (term.weights + term.biases)
        for layer, term in zip(network.layers, terms, strict=True)
    )
    trace = np.trace(graphon_ntk(x, network, **law)) / len(x)
    assert total == pytest.approx(trace, rel=1e-9, abs=1e-12)


def drawn(widths, rng, density=0.6):
    shapes = list(zip(widths[1:], widths[:-1], strict=True))
    masks = [rng.random(shape) < density for shape in shapes]
    weights = [rng.standard_normal(shape) for shape in shapes]
    biases = [rng.standard_normal(shape[0]) for shape in shapes]
    return weights, masks, biases


@settings(max_examples=20)
@given(st.integers(0, 10**6), st.booleans())
def test_terms_of_neurons_add_up_to_the_empirical_kernel(seed, with_biases):
    rng = np.random.default_rng(seed)
    weights, masks, biases = drawn((7, 9, 8, 3), rng)
    x = rng.standard_normal((4, 7))
    law = {"weight_variance": 0.8}
    if with_biases:
        law |= {"biases": biases, "bias_variance": (0.3, 0.0, 0.7)}
    terms = empirical_neuron_terms(weights, masks, x, **law)
    trace = np.trace(empirical_ntk(weights, masks, x, **law)) / len(x)
    assert sum(np.mean(t.weights + t.biases) for t in terms) == pytest.approx(trace)
    if not with_biases:
        assert not any(term.biases.any() for term in terms)


def test_biases_of_zero_are_trained_and_change_no_signal():
    weights, masks, _ = drawn((7, 9, 8, 3), np.random.default_rng(1))
    x = seeded_inputs((4, 7))
    without = empirical_neuron_terms(weights, masks, x)
    trained = empirical_neuron_terms(weights, masks, x, bias_variance=1.0)
    zero = [np.zeros(len(mask)) for mask in masks]
    kernel = empirical_ntk(weights, masks, x, biases=zero, bias_variance=1.0)
    for one, other in zip(without, trained, strict=True):
        np.testing.assert_array_equal(one.weights, other.weights)
    total = sum(np.mean(t.weights + t.biases) for t in trained)
    assert total == pytest.approx(np.trace(kernel) / len(x))


def test_networks_have_the_terms_of_their_graphons_on_average():
    network = random_network((5, 3, 2, 1), np.random.default_rng(2))
    first = network.layers[0]
    # It is 0 or 1: masks of few inputs are not averaged.
    first = StepGraphon((first.values > 0.5).astype(float), first.row_mass)
    network = GraphonNetwork([first, *network.layers[1:]])
    x = np.random.default_rng(3).standard_normal((3, 5))
    law = {"weight_variance": 1.5, "bias_variance": (0.3, 0.2, 0.1)}
    theory = graphon_neuron_terms(x, network, **law)
    rng = np.random.default_rng(4)
    widths = (5, 300, 300, 20)
    found = []
    for _ in range(60):
        masks = network.sample_masks(widths, rng)
        weights = [rng.standard_normal(mask.shape) for mask in masks]
        biases = [rng.standard_normal(len(mask)) for mask in masks]
        terms = empirical_neuron_terms(weights, masks, x, biases=biases, **law)
        found.append([[t.weights.mean(), t.biases.mean()] for t in terms])
    error = np.std(found, axis=0) / np.sqrt(len(found))
    expected = [
        [layer.row_mass @ t.weights, layer.row_mass @ t.biases]
        for layer, t in zip(network.layers, theory, strict=True)
    ]
    gap = np.abs(np.mean(found, axis=0) - expected)
    # Blocks have a share of 300 neurons that is right to one in 300.
    assert (gap < 4 * error + 0.01 * np.array(expected)).all()


def test_a_network_with_drifts_is_refused():
    network = random_network((4, 2, 1), np.random.default_rng(5))
    drifts = [0.1 * layer.values for layer in network.layers]
    with pytest.raises(ValueError, match="network must be without drifts"):
        graphon_neuron_terms(np.ones((1, 4)), GraphonNetwork(network.layers, None, drifts))


def test_overflow_is_an_error():
    with pytest.raises(ValueError, match="got an overflow"):
        empirical_neuron_terms([[[1e200]], [[1e200]]], [[[1]], [[1]]], [[1.0]])
    with pytest.raises(ValueError, match="x must have 1 features"):
        empirical_neuron_terms([[[1.0]], [[1.0]]], [[[1]], [[1]]], [[1.0, 2.0]])
