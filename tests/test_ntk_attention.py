"""Kernels of networks with attention: a slow reference, laws of densities, drawn networks."""

import itertools

import numpy as np
import pytest
import torch
from ntk_strategies import check_kernel, close, mean_and_error, relu_moments, seeded_inputs
from scipy.special import softmax

from graphon_lib.experiments.architecture_kernels import (
    NETWORKS,
    SCALES,
    DrawnAttention,
    attention_limit,
    limit_distance,
)
from graphon_lib.experiments.module_kernel import module_ntk
from graphon_lib.graphons import StepGraphon
from graphon_lib.ntk import (
    AttentionBlock,
    AttentionGraphons,
    ResidualGraphons,
    attention_nngp,
    attention_ntk,
    residual_nngp,
    residual_ntk,
)

KERNELS = (attention_nngp, attention_ntk)
HALF, DENSE = StepGraphon([[0.5]]), StepGraphon([[1.0]])


def constant(densities, entry=1.0, read_out=1.0):
    """Return a network of constant graphons from the densities of blocks."""
    blocks = [AttentionBlock(*(StepGraphon([[d]]) for d in block)) for block in densities]
    return AttentionGraphons(StepGraphon([[entry]]), blocks, StepGraphon([[read_out]]))


def random_network(columns=5, blocks=2, seed=0):
    """Return random graphons on blocks of unequal masses."""
    rng = np.random.default_rng(seed)
    stream, value, hidden = (rng.dirichlet(np.full(size, 3.0)) for size in (3, 2, 4))

    def layer(rows, columns):
        return StepGraphon(rng.random((rows.size, columns.size)), rows, columns)

    return AttentionGraphons(
        StepGraphon(rng.random((3, columns)), stream),
        [
            AttentionBlock(
                layer(value, stream),
                layer(stream, value),
                layer(hidden, stream),
                layer(stream, hidden),
            )
            for _ in range(blocks)
        ],
        StepGraphon(rng.random((2, 3)), None, stream),
    )


def reference(network, x, y, alpha, s_w=2.0):
    """Return both kernels of a pair of inputs from matrices over all their tokens together."""

    def matrix(layer):
        return s_w * layer.values * layer.col_mass

    def over(weights, of):
        return np.einsum("uv,vst->ust", weights, of)

    tokens = np.vstack([x, y])
    mixing = np.zeros((len(tokens), len(tokens)))
    mixing[: len(x), : len(x)], mixing[len(x) :, len(x) :] = 1 / len(x), 1 / len(y)
    c = theta = np.einsum("uj,sj,tj->ust", matrix(network.entry), tokens, tokens)
    for block in network.blocks:
        value, output, hidden, back = map(
            matrix, (block.value, block.output, block.hidden, block.back)
        )
        v = over(value, c)
        v_theta = v + over(value, theta)
        mixed, mixed_theta = (mixing @ each @ mixing.T for each in (v, v_theta))
        added = over(output, mixed)
        c, theta = c + alpha**2 * added, theta + alpha**2 * (added + over(output, mixed_theta))
        z = over(hidden, c)
        z_theta = z + over(hidden, theta)
        second, passed = np.zeros_like(z), np.zeros_like(z)
        for u, s, t in np.ndindex(z.shape):
            second[u, s, t], passed[u, s, t] = relu_moments(z[u, s, t], z[u, s, s], z[u, t, t])
        added = over(back, second)
        c = c + alpha**2 * added
        theta = theta + alpha**2 * (added + over(back, passed * z_theta))
    last = network.read_out.row_mass @ matrix(network.read_out)
    own, both = (last @ (each[:, : len(x), len(x) :]).mean(axis=(1, 2)) for each in (c, c + theta))
    return own, both


@pytest.mark.parametrize("alpha", [0.0, 0.6, 1.0])
def test_both_kernels_equal_matrices_over_tokens_pair_by_pair(alpha):
    network, x1, x2 = random_network(), seeded_inputs((4, 3, 5)), seeded_inputs((3, 2, 5), 1)
    found = np.array([kernel(network, x1, x2, branch_scale=alpha) for kernel in KERNELS])
    for i, j in itertools.product(range(4), range(3)):
        wanted = reference(network, x1[i], x2[j], alpha)
        np.testing.assert_allclose(found[:, i, j], wanted, rtol=1e-11)


@pytest.mark.parametrize("activation", ["relu", "leaky_relu", "erf", "linear"])
def test_kernels_are_symmetric_positive_and_blocks_of_larger_ones(activation):
    network, x = random_network(), seeded_inputs((7, 3, 5))
    x[5], x[6, 1] = 0.0, -x[6, 0]
    for kernel in KERNELS:
        square = kernel(network, x, activation=activation)
        check_kernel(square)
        close(kernel(network, x[:3], x[2:], activation=activation), square[:3, 2:])


def test_many_inputs_are_those_of_a_few_at_a_time():
    network, x = random_network(), seeded_inputs((150, 2, 5))
    for kernel in KERNELS:
        square = kernel(network, x)
        close(kernel(network, x[70:72], x[100:]), square[70:72, 100:])


def test_order_and_copies_of_tokens_do_not_count():
    network, x = random_network(), seeded_inputs((4, 3, 5))
    for kernel in KERNELS:
        wanted = kernel(network, x)
        close(kernel(network, x[:, [2, 0, 1]]), wanted)
        close(kernel(network, np.repeat(x, 2, axis=1)), wanted)


def test_a_linear_network_of_one_token_is_a_residual_network():
    network, x = random_network(), seeded_inputs((6, 5))
    branches = [
        branch
        for block in network.blocks
        for branch in ((block.value, block.output), (block.hidden, block.back))
    ]
    residual = ResidualGraphons(network.entry, branches, network.read_out)
    options = {"activation": "linear", "branch_scale": [0.3, 0.5, 0.7, 1.1], "weight_variance": 1.3}
    for kernel, wanted in zip(KERNELS, (residual_nngp, residual_ntk), strict=True):
        close(kernel(network, x[:, None], **options), wanted(residual, x, **options))


# Attention is a linear branch.


@pytest.mark.parametrize("activation", ["relu", "erf"])
def test_densities_of_values_and_outputs_are_a_scale_whatever_the_activation(activation):
    x = seeded_inputs((5, 3, 4))
    pruned = constant([(0.3, 0.5, 1.0, 1.0), (0.2, 0.9, 1.0, 1.0)])
    scale = [np.sqrt(0.15), 1.0, np.sqrt(0.18), 1.0]
    for kernel in KERNELS:
        wanted = kernel(constant([(1.0,) * 4] * 2), x, branch_scale=scale, activation=activation)
        close(kernel(pruned, x, activation=activation), wanted)


def test_attention_alone_has_the_kernel_of_means_over_tokens_at_all_densities():
    x, alpha, s_w = seeded_inputs((5, 3, 4)), 0.7, 1.3
    values, outputs = np.array([0.3, 0.8, 0.5]), np.array([0.9, 0.1, 0.6])
    network = constant([(v, o, 1.0, 1.0) for v, o in zip(values, outputs, strict=True)], 0.5, 0.25)
    # The branches of hidden layers are switched off.
    options = {"branch_scale": [alpha, 0.0] * 3, "weight_variance": s_w}
    means = x.mean(axis=1)
    factors = 1 + alpha**2 * s_w**2 * values * outputs
    pooled = s_w**2 * 0.125 * factors.prod() * (means @ means.T) / 4
    close(attention_nngp(network, x, **options), pooled)
    layers = 2 + 2 * ((factors - 1) / factors).sum()
    close(attention_ntk(network, x, **options), layers * pooled)
    with_blocks = random_network(columns=1, blocks=3)
    for kernel in KERNELS:
        found = kernel(with_blocks, x, **options)
        close(found, found[0, 0] / pooled[0, 0] * pooled)


def test_without_attention_tokens_meet_at_the_end_alone():
    network, x = random_network(), seeded_inputs((3, 2, 5))
    options = {"branch_scale": [0.0, 1.0, 0.0, 1.0]}
    tokens = x.reshape(6, 1, 5)
    for kernel in KERNELS:
        of_tokens = kernel(network, tokens, **options)
        wanted = of_tokens.reshape(3, 2, 3, 2).mean(axis=(1, 3))
        close(kernel(network, x, **options), wanted)


def test_with_hidden_layers_the_density_of_attention_changes_the_shape():
    x = seeded_inputs((6, 3, 4))

    def shape(density):
        kernel = attention_ntk(constant([(density, density, 1.0, 1.0)] * 2), x)
        return kernel / np.trace(kernel)

    assert np.abs(shape(0.2) - shape(1.0)).max() > 0.02 * shape(1.0).max()


# Networks drawn at random.


@pytest.mark.parametrize(
    ("name", "query_key"), [("attention, constant", 0.0), ("attention, blocks", 1.0)]
)
def test_the_mean_over_drawn_networks_is_met_whatever_queries_and_keys(name, query_key):
    network, x = NETWORKS[name], seeded_inputs((3, 3, 8))
    rng, theory = np.random.default_rng(0), attention_ntk(network, x)
    draws = (
        DrawnAttention(network, 256, 8, "1 / d", StepGraphon([[query_key]]), rng) for _ in range(24)
    )
    samples = [module_ntk(drawn, x, masks=drawn.masks) for drawn in draws]
    mean, error = mean_and_error(samples)
    assert error < 0.1 * np.linalg.norm(theory)
    # What queries and keys add is of order 1 / d, at heads of 64.
    assert np.linalg.norm(mean - theory) < 3 * error


def limits(scale, density, head_size):
    cells = [
        attention_limit(
            seed=0, scale=scale, density=density, head_size=head_size, trial=trial, inputs=3
        )
        for trial in range(8)
    ]
    return {name: np.mean([cell[name] for cell in cells]) for name in ("share", "distance")}


def test_attention_becomes_uniform_over_the_size_of_a_head_and_its_gradients_vanish():
    small, large = limits("1 / d", 1.0, 32), limits("1 / d", 1.0, 128)
    # By the root of 4 and by 4; ratios of shares of 8 networks each are good to a quarter.
    assert small["distance"] / large["distance"] == pytest.approx(2, rel=0.15)
    assert 2.5 < small["share"] / large["share"] < 6.5


def test_over_the_root_of_the_size_it_stays_away_and_fewer_queries_bring_it_nearer():
    small, large = limits("1 / sqrt d", 1.0, 16), limits("1 / sqrt d", 1.0, 64)
    assert small["distance"] / large["distance"] == pytest.approx(1, rel=0.15)
    assert 0.5 < small["share"] / large["share"] < 2
    assert limits("1 / sqrt d", 0.1, 64)["distance"] < 0.5 * large["distance"]


@pytest.mark.parametrize("density", [1.0, 0.3])
def test_over_the_root_of_the_size_it_ends_where_normal_scores_are(density):
    cells = [
        attention_limit(
            seed=0, scale="1 / sqrt d", density=density, head_size=64, trial=trial, inputs=3
        )["distance"]
        for trial in range(8)
    ]
    error = np.std(cells, ddof=1) / 8**0.5
    assert error < 0.02
    assert np.mean(cells) == pytest.approx(limit_distance(density, inputs=3), abs=4 * error)


def test_attended_covariances_are_means_over_normal_scores():
    """Of a drawn network's heads; at heads of 64 scores are nearly normal, and far from zero."""
    x, density, s_w = seeded_inputs((1, 4, 8)), 0.5, 2.0
    rng, query_key = np.random.default_rng(0), StepGraphon([[density]])
    covariance = s_w / 8 * x[0] @ x[0].T
    draws = (
        DrawnAttention(constant([(1.0,) * 4]), 256, 8, "1 / sqrt d", query_key, rng)
        for _ in range(100)
    )
    with torch.no_grad():
        found = [net.attention(1, net.sums(0, torch.from_numpy(x)))[0].numpy() for net in draws]
    attended = np.array(found) @ covariance @ np.swapaxes(found, -1, -2)
    root = np.linalg.cholesky(covariance)
    normal = softmax(s_w * density * root @ rng.standard_normal((20_000, 4, 4)) @ root.T, axis=-1)
    limit = (normal @ covariance @ normal.swapaxes(1, 2)).mean(axis=0)
    means = attended.mean(axis=1)  # over the heads of a network
    error = np.linalg.norm(means.std(axis=0, ddof=1)) / 100**0.5
    assert error < 0.05 * np.linalg.norm(limit)
    gap = np.linalg.norm(means.mean(axis=0) - limit)
    assert gap < 3 * error
    assert np.linalg.norm(means.mean(axis=0) - covariance.mean()) > 10 * error


def test_scales_of_scores():
    assert [factor(16) for factor in SCALES.values()] == [1 / 16, 1 / 4]


# What is not allowed.


TWO = StepGraphon([[0.5, 0.5]])


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((HALF, [], TWO), "read_out.col_mass must have 1 blocks, got 2"),
        (
            (HALF, [AttentionBlock(HALF, TWO, HALF, HALF)], HALF),
            r"blocks\[0\].output.col_mass must have 1 blocks, got 2",
        ),
        (
            (HALF, [AttentionBlock(HALF, HALF, HALF, StepGraphon([[0.5], [0.5]]))], HALF),
            r"blocks\[0\].back.row_mass must have 1 blocks, got 2",
        ),
        (
            (HALF, [AttentionBlock(HALF, 0.5, HALF, HALF)], HALF),
            r"blocks\[0\].output must be a StepGraphon, got float",
        ),
        ((HALF, [HALF], HALF), r"blocks\[0\] must be a AttentionBlock, got StepGraphon"),
        ((HALF, HALF, HALF), "blocks must be a sequence of AttentionBlock, got StepGraphon"),
    ],
)
def test_graphons_that_do_not_meet_are_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        AttentionGraphons(*arguments)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"network": HALF}, "network must be a AttentionGraphons, got StepGraphon"),
        ({"x1": [[1.0, 2.0]]}, "x1 must be a non-empty array with 3 axes"),
        ({"x2": [[[1.0]]]}, "x2 must have 2 features"),
        ({"branch_scale": [1.0]}, "branch_scale must be one number, or 2"),
        ({"weight_variance": -1.0}, "weight_variance must be positive, got -1"),
        ({"x1": [[[1e90, 1.0]]]}, "inputs, .* must give every layer a variance"),
    ],
)
def test_arguments_that_are_not_allowed_are_refused(changes, message):
    arguments = {"network": constant([(0.5,) * 4]), "x1": [[[1.0, 2.0]]]}
    for kernel in KERNELS:
        with pytest.raises(ValueError, match=message):
            kernel(**{**arguments, **changes})
