"""The graphon kernels: closed forms, laws, invariances, a slow reference."""

import itertools

import numpy as np
import pytest
from graphons_strategies import masses
from hypothesis import given
from hypothesis import strategies as st
from ntk_strategies import (
    SEEDS,
    bias_variances,
    check_kernel,
    close,
    inputs,
    networks,
    random_network,
    reference_kernels,
    seeded_inputs,
)

from graphon_lib.graphons import GraphonNetwork, StepGraphon
from graphon_lib.ntk import ACTIVATIONS, graphon_nngp, graphon_ntk

KERNELS = (graphon_nngp, graphon_ntk)


@st.composite
def networks_with_inputs(draw, **options):
    network = draw(networks(**options))
    features = network.layers[0].shape[1]
    if features == 1:
        features = draw(st.integers(1, 3))
    return network, draw(inputs(features)), draw(inputs(features))


# The reference takes angles by the arccosine, which is good to 1e-8 only.
@given(networks_with_inputs(), st.sampled_from(["mask", "dense"]), st.data())
def test_both_kernels_equal_theorem_1_pair_by_pair(case, own_layer, data):
    network, x1, x2 = case
    s_b = data.draw(bias_variances(network.depth))
    options = {"weight_variance": 1.7, "bias_variance": s_b, "per_output": True}
    nngp = graphon_nngp(x1, network, x2, **options)
    ntk = graphon_ntk(x1, network, x2, own_layer=own_layer, **options)
    for i, j in itertools.product(range(len(x1)), range(len(x2))):
        c, theta = reference_kernels(x1[i], x2[j], network, own_layer, s_w=1.7, s_b=s_b)
        np.testing.assert_allclose(nngp[:, i, j], c, rtol=1e-6, atol=1e-7)
        np.testing.assert_allclose(ntk[:, i, j], theta, rtol=1e-6, atol=1e-6)
    mean = np.tensordot(network.layers[-1].row_mass, ntk, axes=1)
    options["per_output"] = False
    whole = graphon_ntk(x1, network, x2, own_layer=own_layer, **options)
    np.testing.assert_allclose(whole, mean, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("moments", [False, True])
@pytest.mark.parametrize("own_layer", ["mask", "dense"])
def test_generic_pairs_equal_theorem_1_to_rounding(moments, own_layer):
    network = random_network((6, 5, 3, 4, 2), np.random.default_rng(0), moments)
    x = seeded_inputs((7, 6))
    nngp = graphon_nngp(x, network, per_output=True)
    ntk = graphon_ntk(x, network, own_layer=own_layer, per_output=True)
    for i, j in itertools.permutations(range(7), 2):
        c, theta = reference_kernels(x[i], x[j], network, own_layer)
        np.testing.assert_allclose(nngp[:, i, j], c, rtol=1e-12)
        np.testing.assert_allclose(ntk[:, i, j], theta, rtol=1e-12)


def arccosine_layers(x, depth):
    """Return correlations of the dense ReLU network's layers, and derivatives of the hidden ones."""
    norms = np.linalg.norm(x, axis=1)
    correlation = x @ x.T / np.outer(norms, norms)
    layers, derivatives = [correlation], []
    for _ in range(depth - 1):
        k = np.clip(correlation, -1, 1)
        np.fill_diagonal(k, 1.0)
        correlation = (np.sqrt(1 - k**2) + (np.pi - np.arccos(k)) * k) / np.pi
        layers.append(correlation)
        derivatives.append((np.pi - np.arccos(k)) / np.pi)
    return layers, derivatives


def dense_terms(x, depth):
    """Return what every layer of weights adds to the dense ReLU kernel, by the arc-cosine formulas."""
    layers, derivatives = arccosine_layers(x, depth)
    norms = np.linalg.norm(x, axis=1)
    scale = 2 * np.outer(norms, norms) / x.shape[1]
    return [scale * layer * np.prod(derivatives[h:], axis=0) for h, layer in enumerate(layers)]


@pytest.mark.parametrize("depth", range(1, 7))
def test_dense_network_has_the_closed_form_of_arora_et_al(depth):
    # Arora et al. 2019, section 3, equations 7 to 9 with c_sigma = 2, and here the inputs' norms.
    x = seeded_inputs((20, 9))
    terms = dense_terms(x, depth)
    close(graphon_ntk(x, GraphonNetwork.dense(depth)), sum(terms), 1e-13)
    close(graphon_nngp(x, GraphonNetwork.dense(depth)), terms[-1], 1e-13)


@given(networks(inputs=1, moments=False), st.integers(1, 3).flatmap(inputs))
def test_path_density_law(network, x):
    expected = network.path_density() * graphon_ntk(x, GraphonNetwork.dense(network.depth))
    close(graphon_ntk(x, network), expected, 1e-12)


@pytest.mark.parametrize("seed", range(5))
def test_all_weights_trained_give_each_layer_the_path_density_without_its_mask(seed):
    rng = np.random.default_rng(seed)
    network = random_network((1, 7, 5, 9, 4), rng)
    x = rng.normal(size=(20, 8))
    factors = []
    for number, layer in enumerate(network.layers):
        layers = list(network.layers)
        layers[number] = StepGraphon(np.ones(layer.shape), layer.row_mass, layer.col_mass)
        factors.append(GraphonNetwork(layers).path_density())
    assert np.ptp(factors) > 0.01 * max(factors)
    terms = dense_terms(x, network.depth)
    expected = sum(factor * term for factor, term in zip(factors, terms, strict=True))
    close(graphon_ntk(x, network, own_layer="dense"), expected, 1e-12)
    # So the shape differs from that of the dense kernel, which it cannot where kept weights are trained.
    ratio = graphon_ntk(x, network, own_layer="dense") / sum(terms)
    assert np.ptp(ratio) > 1e-3 * np.abs(ratio).max()


def test_path_density_law_stops_at_the_input_layer_and_at_other_activations():
    rng = np.random.default_rng(0)
    x = rng.normal(size=(30, 8))

    def shape(kernel):
        return kernel / np.trace(kernel)

    def distance(network, activation):
        dense = graphon_ntk(x, GraphonNetwork.dense(3), activation=activation)
        ours = graphon_ntk(x, network, activation=activation)
        return np.abs(shape(ours) - shape(dense)).max() / shape(dense).max()

    hidden, pixels = random_network((1, 5, 5, 2), rng), random_network((8, 5, 5, 2), rng)
    assert distance(hidden, "relu") < 1e-12
    assert distance(hidden, "leaky_relu") < 1e-12
    assert distance(hidden, "linear") < 1e-12
    assert distance(pixels, "relu") > 1e-2
    assert distance(hidden, "erf") > 1e-2


@given(networks_with_inputs(), st.data())
def test_splitting_blocks_leaves_the_kernels_unchanged(case, data):
    network, x1, x2 = case
    # Equal values and moments on the halves of every hidden block, of any two masses.
    shares = [
        np.array([data.draw(st.floats(0, 1)) for _ in layer.row_mass]) for layer in network.layers
    ]

    def split_mass(mass, share):
        return np.concatenate([mass * share, mass - mass * share])

    rows = [split_mass(layer.row_mass, s) for layer, s in zip(network.layers, shares, strict=True)]
    cols = [network.layers[0].col_mass, *rows[:-1]]

    def split(values, number):
        return np.tile(values, (2, 1 if number == 0 else 2))

    fine = GraphonNetwork(
        [
            StepGraphon(split(layer.values, i), rows[i], cols[i])
            for i, layer in enumerate(network.layers)
        ],
        network.second_moments and [split(v, i) for i, v in enumerate(network.second_moments)],
    )
    for kernel in KERNELS:
        close(kernel(x1, fine, x2), kernel(x1, network, x2), 1e-12)


@given(networks_with_inputs(), SEEDS)
def test_relabelling_blocks_leaves_the_kernels_unchanged(case, seed):
    network, x1, x2 = case
    rng = np.random.default_rng(seed)
    orders = [rng.permutation(layer.shape[0]) for layer in network.layers]
    befores = [np.arange(network.layers[0].shape[1]), *orders[:-1]]

    def relabel(values, number):
        return values[np.ix_(orders[number], befores[number])]

    relabelled = GraphonNetwork(
        [
            StepGraphon(relabel(g.values, i), g.row_mass[orders[i]], g.col_mass[befores[i]])
            for i, g in enumerate(network.layers)
        ],
        network.second_moments and [relabel(v, i) for i, v in enumerate(network.second_moments)],
    )
    for kernel in KERNELS:
        close(kernel(x1, relabelled, x2), kernel(x1, network, x2), 1e-12)


@given(networks_with_inputs(), st.sampled_from(list(ACTIVATIONS)), st.data())
def test_kernels_are_symmetric_and_positive_semi_definite(case, activation, data):
    network, x, _ = case
    s_b = data.draw(bias_variances(network.depth))
    for kernel in KERNELS:
        check_kernel(kernel(x, network, activation=activation, bias_variance=s_b))


@given(networks_with_inputs(), st.sampled_from(list(ACTIVATIONS)))
def test_rectangular_kernels_are_blocks_of_the_square_one(case, activation):
    network, x1, x2 = case
    both = np.concatenate([x1, x2])
    for kernel in KERNELS:
        square = kernel(both, network, activation=activation)
        part = kernel(x1, network, x2, activation=activation)
        close(part, square[: len(x1), len(x1) :], 1e-12)
        close(kernel(x2, network, x1, activation=activation), part.T, 1e-12)


def test_second_moment_of_one_constant_scales_signal_but_not_the_own_layer():
    # V = 3 W in every layer: each of the D terms lacks one factor of 3.
    network = random_network((5, 4, 3, 2), np.random.default_rng(0))
    larger = GraphonNetwork(network.layers, [3 * layer.values for layer in network.layers])
    x = seeded_inputs((10, 5))
    close(graphon_ntk(x, larger), 9 * graphon_ntk(x, network), 1e-13)
    close(graphon_nngp(x, larger), 27 * graphon_nngp(x, network), 1e-13)


def test_dead_blocks_give_zero():
    x = np.vstack([seeded_inputs((4, 3)), np.zeros(3)])
    alive = random_network((3, 2, 2, 1), np.random.default_rng(0))
    first, second, last = alive.layers
    # A third block in each hidden layer that nothing reaches, with weights behind it.
    wider = [
        StepGraphon(np.vstack([first.values, np.zeros(3)]), [*first.row_mass * 0.5, 0.5]),
        StepGraphon(
            np.vstack([np.column_stack([second.values, [1, 1]]), np.zeros(3)]),
            [*second.row_mass * 0.5, 0.5],
            [*first.row_mass * 0.5, 0.5],
        ),
        StepGraphon(np.column_stack([last.values, [1]]), None, [*second.row_mass * 0.5, 0.5]),
    ]
    for kernel in KERNELS:
        close(kernel(x, GraphonNetwork(wider)), 0.25 * kernel(x, alive), 1e-13)
    cut = GraphonNetwork(
        [first, StepGraphon(np.zeros((2, 2)), second.row_mass, second.col_mass), last]
    )
    for activation in ("relu", "leaky_relu", "erf", "linear"):
        assert np.array_equal(graphon_ntk(x, cut, activation=activation), np.zeros((5, 5)))


def test_a_dead_neuron_passes_no_gradient_where_all_weights_are_trained():
    # Its own weights would change the output if the ReLU had a derivative at 0.
    network = GraphonNetwork([StepGraphon([[0.0]]), StepGraphon([[1.0]])])
    assert np.array_equal(graphon_ntk([[1.0, 2.0]], network, own_layer="dense"), [[0.0]])


def test_opposite_inputs_are_independent_behind_a_relu():
    x = seeded_inputs((5, 4))
    network = random_network((4, 3, 1), np.random.default_rng(0))
    kernel = graphon_ntk(x, network, -x)
    assert np.abs(np.diag(kernel)).max() < 1e-15


def test_equal_inputs_have_equal_entries_to_rounding():
    x = np.repeat(seeded_inputs((6, 50)), 2, axis=0)
    network = random_network((50, 8, 8, 8, 3), np.random.default_rng(0))
    for kernel in (graphon_ntk(x, network), graphon_ntk(x, network, x[::2])):
        np.testing.assert_allclose(kernel[::2], kernel[1::2], rtol=1e-13)


def test_the_diagonal_is_exact_for_sums_over_many_inputs():
    # Covariances of equal inputs are summed in another order than variances are.
    rng = np.random.default_rng(0)
    x = np.where(rng.random((64, 5000)) < 0.8, -0.4242, 2.8 * rng.random((64, 5000)))
    first = StepGraphon(np.full((16, 5000), 0.3))
    network = GraphonNetwork([first, StepGraphon(rng.random((16, 16))), StepGraphon([[0.5] * 16])])
    expected = network.path_density() * graphon_ntk(x, GraphonNetwork.dense(3))
    assert graphon_ntk(x, network) == pytest.approx(expected, rel=1e-12)


@given(masses(4), SEEDS, st.floats(1e-3, 1e3))
def test_weight_variance_scales_a_homogeneous_kernel(mass, seed, variance):
    rng = np.random.default_rng(seed)
    layers = [StepGraphon(rng.random((4, 3)), mass), StepGraphon(rng.random((1, 4)), None, mass)]
    x = rng.normal(size=(4, 3))
    network = GraphonNetwork(layers)
    expected = (variance / 2) ** 2 * graphon_ntk(x, network)
    close(graphon_ntk(x, network, weight_variance=variance), expected, 1e-12)
