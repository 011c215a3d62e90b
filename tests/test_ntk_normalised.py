"""Kernels of networks that normalise: pair by pair, by densities, beside drawn networks of PyTorch."""

from itertools import pairwise, product
from math import pi, sqrt

import numpy as np
import pytest
import torch
from ntk_strategies import check_kernel, close, mean_and_error, relu_moments, seeded_inputs
from torch import nn

from graphon_lib.experiments.architecture_kernels import (
    CHAIN,
    NORMALISED,
    DrawnNormalised,
    architecture_kernels,
)
from graphon_lib.experiments.fits import fit_slope
from graphon_lib.experiments.module_kernel import module_ntk
from graphon_lib.graphons import GraphonNetwork, StepGraphon
from graphon_lib.ntk import graphon_ntk, normalised_ntk

WAYS = (*NORMALISED.values(), {"place": "before", "centred": False})
HOMOGENEOUS = ("relu", "leaky_relu", "linear")
FREE_OF_MEANS = tuple(way for way in WAYS if way != NORMALISED["LayerNorm, after"])


def constant(*densities):
    return GraphonNetwork([StepGraphon([[density]]) for density in densities])


def random_chain(seed=0):
    """Return a network of three hidden layers in blocks, whose first layer treats inputs alike."""
    rng = np.random.default_rng(seed)
    masses = [np.ones(1), *(rng.dirichlet(np.full(count, 3.0)) for count in (3, 2, 4)), np.ones(1)]
    return GraphonNetwork(
        [
            StepGraphon(rng.random((after.size, before.size)), after, before)
            for before, after in pairwise(masses)
        ]
    )


def reference(network, x, y, place, centred):
    """Return the kernel of a ReLU network at one pair of inputs, block by block."""
    first, *others = network.layers
    pairs = {"xy": x * y, "xx": x * x, "yy": y * y}
    c = {of: 2 * first.values.repeat(x.size, 1).mean(1) * each.mean() for of, each in pairs.items()}
    if first.shape[1] > 1:
        c = {of: 2 * first.values @ each / x.size for of, each in pairs.items()}
    theta, mass = c["xy"], first.row_mass
    for layer in others:
        if place == "before":
            roots = {"x": sqrt(mass @ c["xx"]), "y": sqrt(mass @ c["yy"])}
            theta = theta / (roots["x"] * roots["y"])
            c = {of: each / (roots[of[0]] * roots[of[1]]) for of, each in c.items()}
        second, slope = np.array(
            [relu_moments(*each) for each in zip(c["xy"], c["xx"], c["yy"], strict=True)]
        ).T
        h = {"xy": second, "xx": c["xx"] / 2, "yy": c["yy"] / 2}
        theta = slope * theta
        if place == "after":
            mu = {of: centred * np.sqrt(c[2 * of] / (2 * pi)) for of in "xy"}
            m = {of: mass @ mu[of] for of in "xy"}
            h = {
                of: e - m[of[1]] * mu[of[0]] - m[of[0]] * mu[of[1]] + m[of[0]] * m[of[1]]
                for of, e in h.items()
            }
            roots = {"x": sqrt(mass @ h["xx"]), "y": sqrt(mass @ h["yy"])}
            theta = theta / (roots["x"] * roots["y"])
            h = {of: e / (roots[of[0]] * roots[of[1]]) for of, e in h.items()}
        matrix = 2 * layer.values * layer.col_mass
        theta = matrix @ (h["xy"] + theta)
        c, mass = {of: matrix @ e for of, e in h.items()}, layer.row_mass
    return mass @ theta


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("network", [random_chain(), CHAIN], ids=["alike", "inputs"])
def test_pairs_of_inputs_one_by_one(network, way):
    x, y = seeded_inputs((4, 8)), seeded_inputs((3, 8), 1)
    wanted = [[reference(network, a, b, **way) for b in y] for a in x]
    close(normalised_ntk(x, network, y, **way), np.array(wanted))


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("activation", [*HOMOGENEOUS, "erf"])
def test_kernels_are_symmetric_positive_and_blocks_of_larger_ones(way, activation):
    x = seeded_inputs((7, 8))
    square = normalised_ntk(x, CHAIN, activation=activation, **way)
    check_kernel(square)
    part = normalised_ntk(x[:3], CHAIN, x[2:], activation=activation, **way)
    close(part, square[:3, 2:])
    if activation != "erf" or way["place"] == "before":
        scaled = x * np.arange(1, 8)[:, None]  # What is normalised has no size.
        close(normalised_ntk(scaled, CHAIN, activation=activation, **way), square)


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("activation", HOMOGENEOUS)
def test_of_constant_densities_that_of_the_read_out_is_left(way, activation):
    x, options = seeded_inputs((6, 5)), {"activation": activation, **way}
    found = normalised_ntk(x, constant(0.2, 0.05, 0.4, 0.3), weight_variance=3.0, **options)
    close(found, 0.3 * 1.5 * normalised_ntk(x, constant(1, 1, 1, 1), **options))


def test_before_an_activation_that_is_not_homogeneous_too_but_not_behind_it():
    x = seeded_inputs((6, 5))
    for place, drops in (("before", True), ("after", False)):
        options = {"activation": "erf", "place": place}
        found = normalised_ntk(x, constant(0.2, 0.05, 0.3), **options)
        wanted = 0.3 * normalised_ntk(x, constant(1, 1, 1), **options)
        assert np.allclose(found, wanted, rtol=1e-12) == drops


@pytest.mark.parametrize("way", FREE_OF_MEANS)
@pytest.mark.parametrize("activation", HOMOGENEOUS)
@pytest.mark.parametrize("seed", range(3))
def test_of_any_graphons_the_paths_that_the_read_out_continues_are_left(way, activation, seed):
    network, x = random_chain(seed), seeded_inputs((6, 5))
    left = network.path_density() / GraphonNetwork(network.layers[:-1]).path_density()
    options = {"activation": activation, **way}
    found = normalised_ntk(x, network, **options)
    close(found, left * normalised_ntk(x, GraphonNetwork.dense(4), **options))


def test_where_a_mean_is_taken_away_louder_blocks_change_the_shape():
    network, x, way = random_chain(), seeded_inputs((6, 5)), NORMALISED["LayerNorm, after"]
    ratio = normalised_ntk(x, network, **way) / normalised_ntk(x, GraphonNetwork.dense(4), **way)
    assert np.ptp(ratio) > 0.05 * ratio.max()


def test_the_relu_halves_mean_squares_wherever_they_are_taken():
    x = seeded_inputs((6, 8))
    before, after = (
        normalised_ntk(x, CHAIN, place=at, centred=False) for at in ("before", "after")
    )
    close(after, 2 * before)


def test_where_all_signals_have_the_size_already_nothing_is_normalised():
    x = seeded_inputs((6, 8))
    x *= 2 / np.linalg.norm(x, axis=1, keepdims=True)  # 2 |x|^2 / d = 1
    dense = GraphonNetwork.dense(4)
    close(normalised_ntk(x, dense), graphon_ntk(x, dense))


# A kernel of an input with itself: angles of rounding alone must not grow with the layers.


@pytest.mark.parametrize("depth", [2, 20, 100])
@pytest.mark.parametrize("size", [1.0, 1e8])
@pytest.mark.parametrize("activation", ["relu", "erf"])
def test_the_diagonal_of_deep_networks_behind_layer_norm(activation, size, depth):
    x = size * seeded_inputs((6, 100))
    q = theta = 2 * (x * x).mean(1)
    for _ in range(depth - 1):
        if activation == "relu":
            variance, slope = q * (1 - 1 / pi) / 2, 1 / 2
        else:
            root = np.sqrt(1 + 4 * q)
            variance, slope = 2 / pi * np.atan2(2 * q, root), 4 / pi / root
        theta = 2 * (1 + slope * theta / variance)
        q = np.full(6, 2.0)
    found = normalised_ntk(x, GraphonNetwork.dense(depth), place="after", activation=activation)
    close(found.diagonal(), theta)


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("activation", HOMOGENEOUS)
def test_multiples_of_an_input_are_the_input_at_any_depth(way, activation):
    x, network = seeded_inputs((3, 5)), GraphonNetwork.dense(100)
    found = normalised_ntk(np.r_[x, 3 * x], network, activation=activation, **way)
    check_kernel(found)
    close(found.diagonal(3), found.diagonal()[:3])


# Networks drawn at random, with all that depends on their weights.


def test_drawn_networks_are_those_of_pytorch():
    torch.manual_seed(0)
    x = torch.randn(5, 8, dtype=torch.float64)
    drawn = DrawnNormalised(
        constant(1, 1, 1), 16, 8, np.random.default_rng(0), place="after", centred=True
    )
    layers = []
    for weight in drawn.weights:
        linear = nn.Linear(*weight.T.shape, bias=False, dtype=torch.float64)
        linear.weight.data = sqrt(2 / weight.shape[1]) * weight.data
        norm = nn.LayerNorm(16, eps=0.0, elementwise_affine=False)
        layers += [linear, nn.ReLU(), norm]
    torch.testing.assert_close(drawn(x), nn.Sequential(*layers[:-2])(x))


@pytest.mark.parametrize("way", WAYS)
def test_one_wide_hidden_layer(way):
    """Brute force: gradients of a network of 30,000 units, by the normaliser as well."""
    network, x = GraphonNetwork([CHAIN.layers[0], CHAIN.layers[-1]]), seeded_inputs((4, 8))
    drawn = DrawnNormalised(network, 30_000, 8, np.random.default_rng(0), **way)
    theory = normalised_ntk(x, network, **way)
    gap = module_ntk(drawn, x, masks=drawn.masks) - theory
    assert np.linalg.norm(gap) < 0.02 * np.linalg.norm(theory)


@pytest.mark.parametrize("way", WAYS)
def test_the_mean_over_drawn_networks_is_met(way):
    x, rng = seeded_inputs((4, 8)), np.random.default_rng(0)
    theory = normalised_ntk(x, CHAIN, **way)
    draws = (DrawnNormalised(CHAIN, 384, 8, rng, **way) for _ in range(30))
    mean, error = mean_and_error([module_ntk(drawn, x, masks=drawn.masks) for drawn in draws])
    assert error < 0.1 * np.linalg.norm(theory)
    assert np.linalg.norm(mean - theory) < 3 * error


@pytest.mark.parametrize("name", NORMALISED)
def test_the_error_falls_with_the_root_of_the_width(name):
    cells = list(product((64, 128, 256, 512), range(8)))
    errors = [
        architecture_kernels(seed=1, network=name, width=width, trial=trial, inputs=4)["error"]
        for width, trial in cells
    ]
    assert abs(fit_slope([width for width, _ in cells], errors).value + 0.5) < 0.2


@pytest.mark.parametrize("way", WAYS)
def test_the_derivative_of_the_normaliser_is_lost_as_one_over_the_width(way):
    class Detached(DrawnNormalised):
        def _normed(self, signal):
            with torch.no_grad():
                mean = way["centred"] * signal.mean(-1, keepdim=True)
                root = (signal - mean).square().mean(-1, keepdim=True).sqrt()
            return (signal - mean) / root

    x, sizes, gaps = seeded_inputs((4, 8)), [], []
    for width, trial in product((32, 128, 512), range(12)):
        kernels = []
        for kind in (DrawnNormalised, Detached):
            drawn = kind(CHAIN, width, 8, np.random.default_rng((width, trial)), **way)
            kernels.append(module_ntk(drawn, x, masks=drawn.masks))
        sizes.append(width)
        gaps.append(np.linalg.norm(np.subtract(*kernels)) / np.linalg.norm(kernels[1]))
    slope = fit_slope(sizes, gaps)
    assert abs(slope.value + 1.0) < 3.0 * slope.standard_error < 0.4


FAINT = GraphonNetwork([StepGraphon([[1.0], [1e-200]]), StepGraphon([[0.0, 1.0]])])


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"network": GraphonNetwork.dense(1)}, "network must have a hidden layer"),
        ({"network": constant(0.0, 1.0)}, "x1 must give layer 1 a mean square"),
        ({"network": constant(1.0, 0.0, 1.0)}, "x1 must give layer 2 a mean square"),
        ({"network": 3}, "network must be a GraphonNetwork"),
        ({"x1": np.zeros((1, 2))}, "x1 must give layer 1 a mean square"),
        ({"x2": np.zeros((1, 2))}, "x2 must give layer 1 a mean square"),
        ({"x2": np.ones((1, 3)), "network": CHAIN}, "x1 must have 8 features"),
        ({"network": FAINT}, r"x1 must give the blocks of layer 1 a variance of 0 or in .* 2e-200"),
        ({"x1": np.full((1, 2), 1e80), "place": "after"}, "x1 must give the blocks of layer 1"),
        ({"x2": np.full((1, 2), 1e160)}, "x2 must give layer 1 a mean square"),
        ({"place": "inside"}, "place must be"),
        ({"centred": 1}, "centred must be"),
        ({"activation": np.tanh}, "activation must be"),
        ({"weight_variance": 0.0}, "weight_variance must be"),
    ],
)
def test_bad_arguments_are_named(changes, message):
    arguments = {"x1": np.ones((2, 2)), "network": constant(1.0, 1.0), **changes}
    with pytest.raises(ValueError, match=message):
        normalised_ntk(**arguments)


def test_moments_of_weights_have_no_place():
    layers = [StepGraphon([[1.0]])] * 2
    network = GraphonNetwork(layers, [[[2.0]], [[1.0]]])
    with pytest.raises(ValueError, match="neither second moments nor drifts"):
        normalised_ntk(np.ones((1, 2)), network)
