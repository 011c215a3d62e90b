"""Deep kernels against 50 digits: what an input has in common with itself, and with its opposite.

Above a weight variance of about 1, erf and tanh pull alike inputs apart, and rounding with them.
"""

from functools import cache

import mpmath as mp
import numpy as np
import pytest
from ntk_strategies import seeded_inputs

from graphon_lib.graphons import GraphonNetwork, StepGraphon
from graphon_lib.ntk import ACTIVATIONS, graphon_nngp, graphon_ntk

DEPTHS = (3, 40, 200)
VARIANCES = (0.1, 0.9, 1.5, 3.0, 10.0)
SMALLEST, LARGEST = 1e-140, 1e140
BASE = seeded_inputs((2, 5))
X = np.concatenate([BASE, -BASE[:1], BASE[:1], 2 * BASE[:1]])
PAIRS = [(0, 0), (0, 2), (0, 3), (0, 1), (3, 4)]


def erf_moments(c, q, r):
    scale = (1 + 2 * q) * (1 + 2 * r)
    return 2 / mp.pi * mp.asin(2 * c / mp.sqrt(scale)), 4 / mp.pi / mp.sqrt(scale - 4 * c**2)


def leaky_moments(slope):
    def moments(c, q, r):
        k = mp.mpf(slope)
        angle = mp.acos(max(-1, min(1, c / mp.sqrt(q * r))))
        second = mp.sqrt(max(0, q * r - c**2)) + (mp.pi - angle) * c
        both = (mp.pi - angle) / (2 * mp.pi)
        return k * c + (1 - k) ** 2 * second / (2 * mp.pi), k + (1 - k) ** 2 * both

    return moments


EXACT = {
    "relu": leaky_moments(0.0),
    "leaky_relu": leaky_moments(0.01),
    "erf": erf_moments,
    "linear": lambda c, q, r: (c, mp.mpf(1)),
}


@cache
def tanh_squares(q):
    """Return the mean squares of tanh and its derivative, by the trapezoidal rule."""
    step = mp.mpf(1) / 16
    nodes = [n * step for n in range(161)]
    weights = [mp.exp(-(g**2) / 2) * (2 if g else 1) * step / mp.sqrt(2 * mp.pi) for g in nodes]
    squares = [mp.tanh(mp.sqrt(q) * g) ** 2 for g in nodes]
    return mp.fdot(weights, squares), mp.fdot(weights, [(1 - square) ** 2 for square in squares])


def tanh_moments(c, q, r):
    """Return both moments of an input with itself, or its opposite."""
    assert q == r == abs(c)
    second, passed = tanh_squares(q)
    return mp.sign(c) * second, passed


def exact_kernels(moments, x, pairs, weight_variance, bias, depths):
    """Return NNGP and NTK of pairs of inputs in a dense network, at each of the depths.

    They end where a variance has left the range that the library allows.
    """
    s_w, s_b = mp.mpf(weight_variance), mp.mpf(bias)
    vectors = [[mp.mpf(float(entry)) for entry in row] for row in x]

    def first(i, j):
        return s_w * mp.fdot(vectors[i], vectors[j]) / len(vectors[i]) + s_b

    variance = [first(i, i) for i in range(len(x))]
    covariance = {pair: first(*pair) for pair in pairs}
    theta, found = dict(covariance), {}
    for depth in range(1, max(depths) + 1):
        if depth in depths:
            found[depth] = {pair: (covariance[pair], theta[pair]) for pair in pairs}
        if min(variance) < SMALLEST or max(variance) > LARGEST:
            break
        for i, j in pairs:
            second, passed = moments(covariance[i, j], variance[i], variance[j])
            covariance[i, j] = s_w * second + s_b
            theta[i, j] = covariance[i, j] + s_w * passed * theta[i, j]
        variance = [s_w * moments(q, q, q)[0] + s_b for q in variance]
    return found


def check(activation, moments, x, pairs, weight_variance, bias=0.0, depths=DEPTHS):
    exact = exact_kernels(moments, x, pairs, weight_variance, bias, depths)
    options = {"activation": activation, "weight_variance": weight_variance, "bias_variance": bias}
    for depth in depths:
        network = GraphonNetwork.dense(depth)
        if depth not in exact:
            with pytest.raises(ValueError, match="a variance of 0 or in"):
                graphon_ntk(x, network, **options)
            continue
        nngp, ntk = graphon_nngp(x, network, **options), graphon_ntk(x, network, **options)
        for (i, j), theirs in exact[depth].items():
            # Rectifiers take an angle below 2^-21, as biases bring about, for 0.
            rounded = activation in ("relu", "leaky_relu") and not np.array_equal(x[i], x[j])
            wanted = tuple(map(float, theirs))
            assert (nngp[i, j], ntk[i, j]) == pytest.approx(wanted, rel=2e-7 if rounded else 1e-9)


@pytest.mark.parametrize("bias", [0.0, 0.3])
@pytest.mark.parametrize("weight_variance", VARIANCES)
@pytest.mark.parametrize("activation", EXACT)
def test_every_pair_at_every_depth(activation, weight_variance, bias):
    assert EXACT.keys() == ACTIVATIONS.keys()
    with mp.workdps(40):
        check(activation, EXACT[activation], X, PAIRS, weight_variance, bias)


@pytest.mark.parametrize(("weight_variance", "depth"), [(0.8, 40), (1.5, 80), (10.0, 40)])
def test_tanh_of_an_input_with_itself_and_its_opposite(weight_variance, depth):
    pairs = [(0, 0), (0, 1), (0, 2)]
    with mp.workdps(20):
        check(np.tanh, tanh_moments, X[[0, 0, 2]], pairs, weight_variance, depths=[depth])


def deep_network(inputs, depth, drifts, rng):
    """A network of four blocks a layer, with second moments, which sees all inputs but the first."""
    mass, columns = rng.dirichlet(np.full(4, 3.0)), np.full(inputs, 1 / inputs)
    first = rng.uniform(0.2, 1, (4, inputs))
    first[:, :1] = 0.0
    hidden = StepGraphon(rng.uniform(0.2, 1, (4, 4)), mass, mass)
    layers = [StepGraphon(first, mass, columns), *[hidden] * (depth - 2)]
    layers.append(StepGraphon(rng.uniform(0.2, 1, (2, 4)), None, mass))
    second = [layer.values * rng.uniform(0.5, 1, layer.shape) for layer in layers]
    means = [0.3 * values * rng.normal(size=values.shape) for values in second]
    return GraphonNetwork(layers, second, means if drifts else None)


@pytest.mark.parametrize("bias", [0.0, 0.1])
@pytest.mark.parametrize(
    ("activation", "drifts", "depth"), [("erf", False, 60), ("erf", True, 60), (np.tanh, False, 25)]
)
def test_an_input_is_the_same_alone_and_among_others(activation, drifts, depth, bias):
    """In blocks, on either side, as its own opposite's opposite, and where it differs unseen."""
    rng = np.random.default_rng(0)
    network = deep_network(5, depth, drifts, rng)
    x = rng.normal(size=(6, 5))
    x[4:6] = x[1], -x[1]
    x[4:6, 0] = 9.0
    options = {"activation": activation, "weight_variance": 6.0, "bias_variance": bias}
    for kernel in (graphon_nngp, graphon_ntk):
        together = kernel(x, network, **options)
        alone = kernel(x[1:2], network, **options).item()
        assert together[1, [1, 4]] == pytest.approx(alone, rel=1e-10)
        beside = kernel(x[1:2], network, x[::-1], **options)[0]
        assert beside[[4, 1]] == pytest.approx(alone, rel=1e-10)
        opposite = kernel(x, network, -x, **options)
        if not bias:
            assert np.abs(np.diag(opposite)) == pytest.approx(np.diag(together), rel=1e-10)
            assert abs(together[1, 5]) == pytest.approx(alone, rel=1e-10)
        # Other pairs are as they were: pulled apart, to where the kernel forgets which they were.
        assert abs(together[0, 1]) < 0.9 * together[0, 0]


@pytest.mark.parametrize("activation", [np.cos, lambda z: np.cos(2 * z)])
def test_an_even_function_takes_opposites_for_equal(activation):
    x = seeded_inputs((2, 5))
    options = {"activation": activation, "weight_variance": 5.0, "bias_variance": [0, 0.2] * 6}
    kernel = graphon_nngp(np.concatenate([x, -x]), GraphonNetwork.dense(12), **options)
    np.testing.assert_allclose(kernel[:2, 2:], kernel[:2, :2], rtol=1e-10)
    assert np.isfinite(kernel).all()
