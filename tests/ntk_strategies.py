"""Networks, inputs and a slow reference kernel, shared by tests/test_ntk_*.py."""

import hypothesis.strategies as st
import numpy as np
from graphons_strategies import SEEDS, masses
from hypothesis.extra import numpy as hnp

from graphon_lib.graphons import GraphonNetwork, StepGraphon

__all__ = [
    "SEEDS",
    "bias_variances",
    "check_kernel",
    "close",
    "drifting",
    "inputs",
    "mean_and_error",
    "networks",
    "random_network",
    "reference_kernels",
    "relu_moments",
    "seeded_inputs",
]


def close(first, second, relative=1e-12):
    """Compare to a relative error, and to that of the largest entry where entries cancel."""
    np.testing.assert_allclose(first, second, rtol=relative, atol=relative * np.abs(second).max())


def check_kernel(matrix):
    """Check that a matrix is exactly symmetric, and positive semi-definite to rounding."""
    assert np.array_equal(matrix, matrix.T)
    assert np.linalg.eigvalsh(matrix)[0] >= -1e-13 * np.abs(matrix).max()


def mean_and_error(samples):
    """Return the mean of independent kernels, and the norm of its standard errors."""
    deviation = np.linalg.norm(np.std(samples, axis=0, ddof=1))
    return np.mean(samples, axis=0), deviation / np.sqrt(len(samples))


def random_network(blocks, rng, moments=False):
    """Return a network of random graphons, block counts from inputs to outputs, unequal masses."""
    sides = [
        np.full(blocks[0], 1 / blocks[0]),
        *(rng.dirichlet(np.full(k, 3.0)) for k in blocks[1:]),
    ]
    layers = [
        StepGraphon(rng.uniform(0, 1, (rows.size, cols.size)), rows, cols)
        for rows, cols in zip(sides[1:], sides[:-1], strict=True)
    ]
    second = [rng.uniform(0, 3, layer.shape) for layer in layers] if moments else None
    return GraphonNetwork(layers, second)


def drifting(network, rng, size=1.0, first=True):
    """Return a network with second moments and drifts, the first layer's as well or not."""
    second = [layer.values * rng.uniform(0.5, 2, layer.shape) for layer in network.layers]
    drifts = [size * rng.normal(size=layer.shape) for layer in network.layers]
    # The first layer's inputs are as many as its columns.
    largest = np.sqrt(network.layers[0].shape[1] * network.layers[0].values * second[0])
    drifts[0] = np.clip(drifts[0], -largest, largest) if first else 0 * drifts[0]
    return GraphonNetwork(network.layers, second, drifts)


@st.composite
def networks(draw, inputs=None, max_depth=4, moments=True):
    """Networks with dead blocks, blocks without mass, and block counts that differ by layer."""
    sides = [draw(st.integers(1, 4)) if inputs is None else inputs]
    sides += draw(st.lists(st.integers(1, 4), min_size=1, max_size=max_depth))
    mass = [np.full(sides[0], 1 / sides[0]), *(draw(masses(side)) for side in sides[1:])]
    values = st.just(0.0) | st.floats(0.01, 1)
    layers = [
        StepGraphon(
            draw(hnp.arrays(np.float64, (rows.size, cols.size), elements=values)), rows, cols
        )
        for rows, cols in zip(mass[1:], mass[:-1], strict=True)
    ]
    second = None
    if moments and draw(st.booleans()):
        # Without a kept weight there is no second moment.
        factors = st.just(0.0) | st.floats(0.1, 5)
        second = [
            layer.values * draw(hnp.arrays(np.float64, layer.shape, elements=factors))
            for layer in layers
        ]
    return GraphonNetwork(layers, second)


def bias_variances(depth):
    """One variance for all layers, or one a layer; often 0."""
    variances = st.just(0.0) | st.floats(1e-3, 3)
    return variances | st.tuples(*[variances] * depth)


def inputs(features, max_rows=5):
    """Batches in which rows are often equal, opposite, parallel or zero."""
    rows = st.integers(1, max_rows)
    whole = st.integers(-2, 2).map(float)
    return rows.flatmap(lambda n: hnp.arrays(np.float64, (n, features), elements=whole))


def seeded_inputs(shape, seed=0):
    return np.random.default_rng(seed).normal(size=shape)


def relu_moments(c, q, r, *_):
    """Return both ReLU moments of one pair without means, from the correlation by the arccosine."""
    if q == 0 or r == 0:
        return 0.0, 0.0
    k = np.clip(c / np.sqrt(q * r), -1, 1)
    theta = np.arccos(k)
    second = np.sqrt(q * r) * (np.sin(theta) + (np.pi - theta) * k) / (2 * np.pi)
    return second, (np.pi - theta) / (2 * np.pi)


def reference_kernels(
    x, y, network, own_layer="mask", moments=relu_moments, mean=lambda m, q: 0.0, s_w=2.0, s_b=0.0
):
    """Return NNGP and NTK of one pair as Theorem 1 writes them, forward and backward, block by block."""
    d = len(x)
    s_b = np.broadcast_to(s_b, network.depth)
    kept = [layer.values for layer in network.layers]
    second = network.second_moments or kept
    drifts = network.drifts or [np.zeros(values.shape) for values in kept]
    trained = kept if own_layer == "mask" else [np.ones_like(values) for values in kept]
    mass = [layer.row_mass for layer in network.layers]

    def first(matrix, products):
        return np.repeat(matrix, d // matrix.shape[1], axis=1) @ products / d

    centred = second[0] - drifts[0] ** 2 / d
    c, q, r = (s_w * first(centred, product) + s_b[0] for product in (x * y, x * x, y * y))
    m, n = (np.sqrt(s_w) * first(drifts[0], z) for z in (x, y))
    t, derivative = [s_w * first(trained[0], x * y) + s_b[0]], []
    for layer in range(1, network.depth):
        p = mass[layer - 1]
        both, slopes = np.array([moments(*each) for each in zip(c, q, r, m, n, strict=True)]).T
        own_q = [moments(v, v, v, u, u)[0] for v, u in zip(q, m, strict=True)]
        own_r = [moments(v, v, v, u, u)[0] for v, u in zip(r, n, strict=True)]
        mu, nu = (list(map(mean, us, vs)) for us, vs in ((m, q), (n, r)))
        c, q, r = (
            s_w * second[layer] @ (p * np.array(each)) + s_b[layer] for each in (both, own_q, own_r)
        )
        m, n = (np.sqrt(s_w) * drifts[layer] @ (p * np.array(each)) for each in (mu, nu))
        t.append(s_w * trained[layer] @ (p * both) + s_b[layer])
        derivative.append(slopes)
    theta = t[-1].copy()
    for output in range(len(theta)):
        backward = s_w * second[-1][output]
        for layer in reversed(range(network.depth - 1)):
            theta[output] += np.sum(mass[layer] * derivative[layer] * backward * t[layer])
            backward = s_w * second[layer].T @ (mass[layer] * derivative[layer] * backward)
    return c, theta
