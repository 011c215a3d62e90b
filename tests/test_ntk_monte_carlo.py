"""Finite networks against the infinite-width kernels: how the error falls, and where it does not."""

import itertools

import numpy as np
import pytest
from ntk_strategies import mean_and_error, seeded_inputs

from graphon_lib.experiments.data import load_mnist
from graphon_lib.experiments.pruned import start_trial
from graphon_lib.graphons import Assortative, GraphonNetwork, Ramp, StepGraphon, Threshold
from graphon_lib.ntk import empirical_ntk, graphon_ntk

FEATURES = 12
OUTPUTS = 4
WIDTHS = tuple(2**k for k in range(6, 13))


def seen_pixels(blocks):
    """Return a first layer whose blocks see some inputs each, all of their neurons the same ones."""
    pattern = np.random.default_rng(11).random((blocks, FEATURES)) < 0.6
    return pattern.astype(float)


def family_network(family, hidden=3, blocks=4):
    """Return a network whose layers behind the first are one graphon family on equal blocks."""
    between = [StepGraphon.from_function(family, blocks, blocks)] * (hidden - 1)
    last = StepGraphon.from_function(family, OUTPUTS, blocks)
    return GraphonNetwork([StepGraphon(seen_pixels(blocks)), *between, last])


def estimated_network(order):
    """Return the graphons of correlated masks: neurons with many inputs have many outputs."""
    rng = np.random.default_rng(7)
    pull = [np.linspace(0.4, 1.6, width) for width in (FEATURES, 96, 96, OUTPUTS)]
    masks = [
        rng.random((after.size, before.size)) < 0.3 * np.outer(after, before)
        for before, after in itertools.pairwise(pull)
    ]
    first, *others = GraphonNetwork.from_masks(masks, blocks=9, order=order).layers
    return GraphonNetwork([StepGraphon(seen_pixels(9), first.row_mass), *others])


NETWORKS = {
    "constant": lambda: GraphonNetwork([StepGraphon([[p]]) for p in (1.0, 0.2, 0.3, 0.5)]),
    "ramp": lambda: family_network(Ramp(0.05, 0.3, 0.4)),
    "threshold": lambda: family_network(Threshold(0.9, 0.7, 0.05)),
    "assortative": lambda: family_network(Assortative(0.6, 0.05)),
    "unequal masses": lambda: GraphonNetwork(
        [
            StepGraphon(seen_pixels(3), [0.7, 0.2, 0.1]),
            StepGraphon([[0.9, 0.1, 0.3], [0.0, 0.6, 1.0]], [0.4, 0.6], [0.7, 0.2, 0.1]),
            StepGraphon(np.full((OUTPUTS, 2), [0.2, 0.8]), None, [0.4, 0.6]),
        ]
    ),
    "from masks, joint": lambda: estimated_network("joint"),
    "from masks, degree": lambda: estimated_network("degree"),
}


def sampled_kernel(network, width, x, rng, activation="relu"):
    widths = [FEATURES, *[width] * (network.depth - 1), OUTPUTS]
    masks = network.sample_masks(widths, rng)
    weights = [rng.normal(size=mask.shape) for mask in masks]
    return empirical_ntk(weights, masks, x, activation=activation)


def relative_errors(network, width, x, theory, rng, repeats):
    return np.array(
        [
            np.linalg.norm(sampled_kernel(network, width, x, rng) - theory) / np.linalg.norm(theory)
            for _ in range(repeats)
        ]
    )


def fitted_slope(errors):
    """Return the slope of the log root mean square error in log width."""
    rms = [np.sqrt(np.mean(each**2)) for each in errors]
    return np.polyfit(np.log(WIDTHS), np.log(rms), 1)[0]


@pytest.mark.slow
@pytest.mark.parametrize("name", NETWORKS)
def test_error_falls_with_the_root_of_the_width(name):
    network, x = NETWORKS[name](), seeded_inputs((5, FEATURES))
    theory = graphon_ntk(x, network)
    rng = np.random.default_rng(0)
    errors = [
        relative_errors(network, width, x, theory, rng, max(12, 2048 // width)) for width in WIDTHS
    ]
    draws = [fitted_slope([rng.choice(each, each.size) for each in errors]) for _ in range(1000)]
    # Each of the seven networks at 1 - 0.05 / 7, so that all hold at once 95 times in 100.
    low, high = np.percentile(draws, [0.36, 99.64])
    assert low < -0.5 < high
    assert high - low < 0.3


@pytest.mark.slow
@pytest.mark.parametrize("activation", ["leaky_relu", "erf", "linear"])
def test_other_activations_are_met_by_wide_networks(activation):
    network, x = NETWORKS["assortative"](), seeded_inputs((5, FEATURES))
    theory = graphon_ntk(x, network, activation=activation)
    rng = np.random.default_rng(1)
    samples = [sampled_kernel(network, 1024, x, rng, activation) for _ in range(40)]
    mean, error = mean_and_error(samples)
    assert np.linalg.norm(mean - theory) < 3 * error
    assert error < 0.05 * np.linalg.norm(theory)


def mixture_network(density, features):
    """Return a constant graphon with a block for each set of inputs that a neuron can see."""
    seen = np.array(list(itertools.product([0.0, 1.0], repeat=features)))
    mass = density ** seen.sum(axis=1) * (1 - density) ** (features - seen.sum(axis=1))
    mass /= mass.sum()
    return GraphonNetwork(
        [StepGraphon(seen, mass), StepGraphon(np.ones((1, mass.size)), None, mass)]
    )


def test_with_few_inputs_neurons_of_a_block_differ_in_what_they_see():
    # The limit of the hidden widths averages over masks of the inputs, the graphon kernel has their
    # mean inside: equal on the diagonal, and elsewhere as the number of inputs grows.
    constant = GraphonNetwork([StepGraphon([[0.3]]), StepGraphon([[1.0]])])
    x = np.array([[1.0, 0.2], [-0.4, 1.0], [0.7, 0.8]])
    gaps = []
    for copies in (1, 2, 4):
        inputs = np.tile(x, copies)
        limit = graphon_ntk(inputs, mixture_network(0.3, 2 * copies))
        kernel = graphon_ntk(inputs, constant)
        np.testing.assert_allclose(np.diag(limit), np.diag(kernel), rtol=1e-12)
        gaps.append(np.linalg.norm(limit - kernel) / np.linalg.norm(kernel))
    assert gaps[0] > 0.1
    assert gaps[2] < gaps[1] < gaps[0]


@pytest.mark.slow
def test_wide_networks_with_few_inputs_tend_to_the_mixture():
    constant = GraphonNetwork([StepGraphon([[0.3]]), StepGraphon([[1.0]])])
    x = seeded_inputs((5, 4))
    limit, kernel = graphon_ntk(x, mixture_network(0.3, 4)), graphon_ntk(x, constant)
    rng = np.random.default_rng(0)
    samples = []
    for _ in range(40):
        masks = constant.sample_masks((4, 4096, 1), rng)
        weights = [rng.normal(size=mask.shape) for mask in masks]
        samples.append(empirical_ntk(weights, masks, x))
    error = np.std(samples, axis=0, ddof=1) / np.sqrt(40)
    assert (np.abs(np.mean(samples, axis=0) - limit) < 4 * error).all()
    assert (np.abs(np.mean(samples, axis=0) - kernel) > 10 * error).any()


@pytest.fixture(scope="module")
def trial_and_digits():
    data = load_mnist()
    return start_trial(data, (784, 1024, 1024, 1024, 1024, 10), (0,)), data.x_test[:16].astype(
        float
    )


@pytest.mark.slow
@pytest.mark.parametrize("method", ["random", "magnitude", "synflow", "snip", "grasp"])
def test_masks_of_pruned_networks(trial_and_digits, method):
    trial, x = trial_and_digits
    ((_, masks),) = trial.masks(method, [0.2])
    weights = [
        weight.detach().numpy() * (weight.shape[1] / 2) ** 0.5 for weight in trial.model.weights
    ]
    rng = np.random.default_rng(0)
    redrawn = np.mean(
        [
            empirical_ntk([rng.normal(size=mask.shape) for mask in masks], masks, x)
            for _ in range(4)
        ],
        axis=0,
    )
    kept = empirical_ntk(weights, masks, x)
    network = GraphonNetwork.from_masks(masks, weights)
    density_only = graphon_ntk(x, GraphonNetwork(network.layers))
    with_moments = graphon_ntk(x, network.without_drifts())
    # Weights drawn anew: the density is all there is to know.
    assert np.trace(density_only) / np.trace(redrawn) == pytest.approx(1, abs=0.2)
    ratio = np.trace(with_moments) / np.trace(kept)
    if method in ("random", "magnitude", "synflow"):
        assert ratio == pytest.approx(1, abs=0.3)
    if method in ("magnitude", "synflow"):
        assert np.trace(density_only) / np.trace(kept) < 0.1
    # What the weights' mean does is in neither kernel.
    if method == "snip":
        assert 1 / 16 < ratio < 1 / 4
    if method == "grasp":
        assert ratio < 1e-3
