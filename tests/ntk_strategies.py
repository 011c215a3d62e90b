"""Networks, inputs and a slow reference kernel, shared by tests/test_ntk_*.py."""

import hypothesis.strategies as st
import numpy as np
from graphons_strategies import SEEDS, masses
from hypothesis.extra import numpy as hnp

from graphon_lib.graphons import GraphonNetwork, StepGraphon

__all__ = [
    "SEEDS",
    "inputs",
    "networks",
    "random_network",
    "reference_kernels",
    "relu_moments",
    "seeded_inputs",
]


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


def inputs(features, max_rows=5):
    """Batches in which rows are often equal, opposite, parallel or zero."""
    rows = st.integers(1, max_rows)
    whole = st.integers(-2, 2).map(float)
    return rows.flatmap(lambda n: hnp.arrays(np.float64, (n, features), elements=whole))


def seeded_inputs(shape, seed=0):
    return np.random.default_rng(seed).normal(size=shape)


def relu_moments(c, q, r):
    """Return both ReLU moments of one pair, from the correlation by the arccosine."""
    if q == 0 or r == 0:
        return 0.0, 0.0
    k = np.clip(c / np.sqrt(q * r), -1, 1)
    theta = np.arccos(k)
    second = np.sqrt(q * r) * (np.sin(theta) + (np.pi - theta) * k) / (2 * np.pi)
    return second, (np.pi - theta) / (2 * np.pi)


def reference_kernels(x, y, network, own_layer="mask", moments=relu_moments, s_w=2.0):
    """Return NNGP and NTK of one pair as Theorem 1 writes them, forward and backward, block by block."""
    kept = [layer.values for layer in network.layers]
    second = network.second_moments or kept
    trained = kept if own_layer == "mask" else [np.ones_like(values) for values in kept]
    mass = [layer.row_mass for layer in network.layers]
    depth = network.depth

    def first(matrix):
        if matrix.shape[1] == 1:
            return s_w * matrix[:, 0] * np.mean(x * y)
        return s_w / len(x) * np.array([sum(row * x * y) for row in matrix])

    def variances(z):
        if second[0].shape[1] == 1:
            return s_w * second[0][:, 0] * np.mean(z * z)
        return s_w / len(x) * np.array([sum(row * z * z) for row in second[0]])

    c, q, r, t = first(second[0]), variances(x), variances(y), [first(trained[0])]
    derivative = []
    for layer in range(1, depth):
        pairs = [moments(*each) for each in zip(c, q, r, strict=True)]
        s = np.array([pair[0] for pair in pairs])
        derivative.append(np.array([pair[1] for pair in pairs]))
        own_q = np.array([moments(v, v, v)[0] for v in q])
        own_r = np.array([moments(v, v, v)[0] for v in r])
        c, q, r = (s_w * second[layer] @ (mass[layer - 1] * each) for each in (s, own_q, own_r))
        t.append(s_w * trained[layer] @ (mass[layer - 1] * s))
    theta = t[-1].copy()
    for output in range(len(theta)):
        backward = s_w * second[-1][output]
        for layer in reversed(range(depth - 1)):
            theta[output] += np.sum(mass[layer] * derivative[layer] * backward * t[layer])
            backward = s_w * second[layer].T @ (mass[layer] * derivative[layer] * backward)
    return c, theta
