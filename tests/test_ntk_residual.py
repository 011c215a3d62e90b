"""Kernels of residual networks: a slow reference, laws of densities, drawn networks."""

import itertools
from math import pi

import numpy as np
import pytest
from ntk_strategies import check_kernel, close, mean_and_error, relu_moments, seeded_inputs

from graphon_lib.experiments.architecture_kernels import (
    NETWORKS,
    DrawnResidual,
    architecture_kernels,
)
from graphon_lib.experiments.module_kernel import module_ntk
from graphon_lib.graphons import StepGraphon
from graphon_lib.ntk import (
    ACTIVATIONS,
    ResidualGraphons,
    graphon_nngp,
    graphon_ntk,
    residual_nngp,
    residual_ntk,
    residual_shape,
)

KERNELS = (residual_nngp, residual_ntk)


def on_sides(sides, rng):
    """Return random graphons of layers between blocks of these masses."""
    return [
        StepGraphon(rng.random((after.size, before.size)), after, before)
        for before, after in itertools.pairwise(sides)
    ]


def random_residual(seed=0, columns=6, layers=(2, 1, 3)):
    """Return random graphons, branches of so many layers, blocks of unequal masses."""
    rng = np.random.default_rng(seed)
    stream = rng.dirichlet(np.full(4, 3.0))
    branches = []
    for count in layers:
        inner = [rng.dirichlet(np.full(number + 2, 3.0)) for number in range(count - 1)]
        branches.append(on_sides([stream, *inner, stream], rng))
    entry = StepGraphon(rng.random((4, columns)), stream)
    return ResidualGraphons(entry, branches, StepGraphon(rng.random((3, 4)), None, stream))


def subsets(network):
    """Return the path density, the number of layers and the number of branches of every subset."""
    count = len(network.branches)
    chosen = [s for size in range(count + 1) for s in itertools.combinations(range(count), size)]
    return [(network.chain(s).path_density(), network.chain(s).depth, len(s)) for s in chosen]


def reference(network, x, y, alpha, s_w=2.0):
    """Return both kernels of one pair of inputs, the second by signals on their way back."""
    layers = [network.entry, *itertools.chain(*network.branches), network.read_out]
    entry, *inner, last = (s_w * layer.values * layer.col_mass for layer in layers)
    last = network.read_out.row_mass @ last

    def activated(c, q, r):
        second, passed = np.array([relu_moments(*each) for each in zip(c, q, r, strict=True)]).T
        return (second, q / 2, r / 2), passed

    first = stream = [entry @ product for product in (x * y, x * x, y * y)]
    record, place = [], 0
    for branch in network.branches:
        added, of_branch = stream, []
        for _ in branch:
            activations, passed = activated(*added)
            of_branch.append((inner[place], activations[0], passed))
            added = [inner[place] @ each for each in activations]
            place += 1
        record.append(of_branch)
        stream = [z + alpha**2 * b for z, b in zip(stream, added, strict=True)]
    activations, passed = activated(*stream)
    theta = covariance = last @ activations[0]
    back = last * passed
    for of_branch in reversed(record):
        within = alpha**2 * back
        for matrix, second, passed in reversed(of_branch):
            theta = theta + within @ matrix @ second
            within = (within @ matrix) * passed
        back = back + within
    return covariance, theta + back @ first[0]


@pytest.mark.parametrize("alpha", [0.0, 0.6, 1.0])
def test_both_kernels_equal_a_pass_forward_and_one_back_pair_by_pair(alpha):
    network, x = random_residual(), seeded_inputs((5, 6))
    found = np.array([kernel(network, x, branch_scale=alpha) for kernel in KERNELS])
    for i, j in itertools.permutations(range(5), 2):
        wanted = reference(network, x[i], x[j], alpha)
        np.testing.assert_allclose(found[:, i, j], wanted, rtol=1e-12)


@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_without_branches_the_kernels_are_those_of_a_chain(activation):
    network, x = random_residual(), seeded_inputs((6, 6))
    short = ResidualGraphons(network.entry, (), network.read_out)
    emptied = [
        [StepGraphon(0 * layer.values, layer.row_mass, layer.col_mass) for layer in branch]
        for branch in network.branches
    ]
    dead = ResidualGraphons(network.entry, emptied, network.read_out)
    for residual, without_skips in zip(KERNELS, (graphon_nngp, graphon_ntk), strict=True):
        wanted = without_skips(x, network.chain(()), activation=activation)
        close(residual(short, x, activation=activation), wanted)
        close(residual(dead, x, activation=activation), wanted)
        close(residual(network, x, branch_scale=0.0, activation=activation), wanted)


@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_kernels_are_symmetric_positive_and_blocks_of_larger_ones(activation):
    network, x = random_residual(), seeded_inputs((6, 6))
    x = np.vstack([x, -x[:2], x[:1], np.zeros(6)])
    for kernel in KERNELS:
        square = kernel(network, x, activation=activation)
        check_kernel(square)
        close(kernel(network, x[:3], x[2:], activation=activation), square[:3, 2:])


def test_splitting_a_block_everywhere_leaves_the_kernels_unchanged():
    network, x = random_residual(layers=(1, 1)), seeded_inputs((5, 6))

    def halves(mass):
        return np.concatenate([0.3 * mass, 0.7 * mass])

    def split(layer, rows, columns):
        return StepGraphon(
            np.tile(layer.values, (1 + rows, 1 + columns)),
            halves(layer.row_mass) if rows else layer.row_mass,
            halves(layer.col_mass) if columns else layer.col_mass,
        )

    fine = ResidualGraphons(
        split(network.entry, True, False),
        [[split(layer, True, True) for layer in branch] for branch in network.branches],
        split(network.read_out, False, True),
    )
    for kernel in KERNELS:
        close(kernel(fine, x), kernel(network, x))


def test_equal_inputs_have_equal_entries_where_rounding_would_grow():
    network = random_residual(columns=300, layers=[2] * 40)
    x = seeded_inputs((2, 300))
    options = {"activation": "erf", "weight_variance": 8.0}
    for kernel in KERNELS:
        square = kernel(network, x, **options)
        # The same inputs in another order of the coordinates that all are alike.
        order = np.random.default_rng(0).permutation(300)
        entry = StepGraphon(network.entry.values[:, order], network.entry.row_mass)
        turned = ResidualGraphons(entry, network.branches, network.read_out)
        close(np.diag(kernel(turned, x[:, order], **options)), np.diag(square), 1e-11)


# Law 1: random pruning is a change of the branches' scales.


DENSITIES = (0.6, [[0.3, 0.5], [0.2], [0.9, 0.4, 0.7]], 0.8)


@pytest.mark.parametrize("activation", ["relu", "leaky_relu", "linear"])
def test_random_pruning_makes_the_branches_of_a_dense_network_smaller(activation):
    entry, branches, read_out = DENSITIES
    x = seeded_inputs((6, 5))
    dense = ResidualGraphons.constant(1.0, [[1.0] * len(branch) for branch in branches], 1.0)
    scale = np.array([0.5, 1.0, 2.0])
    smaller = scale * np.sqrt([np.prod(branch) for branch in branches])
    pruned = ResidualGraphons.constant(*DENSITIES)
    for kernel in KERNELS:
        found = kernel(pruned, x, branch_scale=scale, activation=activation)
        wanted = kernel(dense, x, branch_scale=smaller, activation=activation)
        close(found, entry * read_out * wanted)
        # Restored, in each branch by the root of its path density.
        restored = kernel(pruned, x, branch_scale=scale**2 / smaller, activation=activation)
        wanted = kernel(dense, x, branch_scale=scale, activation=activation)
        close(restored, entry * read_out * wanted)


def test_only_the_degrees_of_rows_need_be_constant():
    rng = np.random.default_rng(0)
    entry, branches, read_out = DENSITIES
    x = seeded_inputs((6, 5))
    stream = rng.dirichlet(np.full(3, 3.0))

    def regular(rows, columns, degree):
        values = rng.normal(size=(rows.size, columns.size))
        values -= (values @ columns)[:, None]
        values *= 0.9 * min(degree, 1 - degree) / np.abs(values).max()
        return StepGraphon(degree + values, rows, columns)

    layers = []
    for branch in branches:
        sides = [stream, *(rng.dirichlet(np.full(4, 3.0)) for _ in branch[1:]), stream]
        pairs = zip(itertools.pairwise(sides), branch, strict=True)
        layers.append([regular(after, before, degree) for (before, after), degree in pairs])
    network = ResidualGraphons(
        StepGraphon(np.full((3, 1), entry), stream), layers, regular(np.ones(1), stream, read_out)
    )
    for kernel in KERNELS:
        close(kernel(network, x), kernel(ResidualGraphons.constant(*DENSITIES), x))


def test_law_1_stops_at_other_activations_unless_branches_have_one_layer():
    x = seeded_inputs((6, 5))

    def gap(branches):
        pruned = ResidualGraphons.constant(1.0, branches, 1.0)
        dense = ResidualGraphons.constant(1.0, [[1.0] * len(branch) for branch in branches], 1.0)
        scale = np.sqrt([np.prod(branch) for branch in branches])
        wanted = residual_ntk(dense, x, branch_scale=scale, activation="erf")
        found = residual_ntk(pruned, x, activation="erf")
        return np.abs(found - wanted).max() / np.abs(wanted).max()

    assert gap([[0.2], [0.3]]) < 1e-14
    assert gap([[0.2, 0.3]]) > 1e-2


# Law 2: sums over subsets of branches.


def test_on_the_diagonal_kernels_are_sums_of_path_densities():
    network = random_residual(columns=1)
    x, alpha = seeded_inputs((5, 7)), 0.7
    squares = 2 * np.mean(x**2, axis=1)
    counts = [(alpha ** (2 * size) * paths, depth) for paths, depth, size in subsets(network)]
    nngp, ntk = (np.diag(kernel(network, x, branch_scale=alpha)) for kernel in KERNELS)
    close(nngp, squares * sum(paths for paths, _ in counts))
    close(ntk, squares * sum(depth * paths for paths, depth in counts))


def test_with_branches_of_one_layer_the_variance_is_a_product():
    densities = [0.2, 0.5, 0.9]
    network = ResidualGraphons.constant(0.5, [[density] for density in densities], 0.25)
    kernel = residual_nngp(network, [[3.0, 4.0]])
    assert kernel[0, 0] == pytest.approx(0.125 * 25 * np.prod(1 + np.array(densities)), rel=1e-14)


def test_of_linear_networks_kernels_are_sums_over_subsets_everywhere():
    network = random_residual(columns=1)
    x, alpha, s_w = seeded_inputs((5, 7)), 0.7, 1.3
    options = {"branch_scale": alpha, "activation": "linear", "weight_variance": s_w}
    terms = [
        (alpha ** (2 * size) * paths * s_w**depth, depth) for paths, depth, size in subsets(network)
    ]
    inner = x @ x.T / 7
    close(residual_nngp(network, x, **options), inner * sum(paths for paths, _ in terms))
    close(residual_ntk(network, x, **options), inner * sum(paths * depth for paths, depth in terms))


@pytest.mark.parametrize("seed", range(5))
def test_sum_over_subsets_is_above_the_covariance_of_relu_networks(seed):
    network, x = random_residual(seed, columns=1), seeded_inputs((8, 7), seed)
    dense = {depth: graphon_nngp(x, network.chain(()).dense(depth)) for depth in range(2, 9)}
    above = sum(paths * dense[depth] for paths, depth, _ in subsets(network))
    gap = above - residual_nngp(network, x)
    others = ~np.eye(8, dtype=bool)
    close(np.diag(above), np.diag(residual_nngp(network, x)))
    assert (gap[others] > 1e-4 * above[others]).all()


@pytest.mark.parametrize("kernel", KERNELS)
def test_of_relu_networks_no_sum_over_subsets_is_the_kernel(kernel):
    # Any sum of fixed kernels times path densities is affine in the density of one layer.
    def at(density):
        network = ResidualGraphons.constant(1.0, [[density], [0.5]], 1.0)
        return kernel(network, [[1.0, 0.0]], [[1.0, 0.0], [0.0, 1.0], [-1.0, 0.1]])[0]

    bend = (at(1.0) - 2 * at(0.5) + at(0.0)) / at(0.5)
    assert abs(bend[0]) < 1e-14
    assert (np.abs(bend[1:]) > 3e-3).all()


# Law 3: few weights in the branches.


def kappa(rho):
    return (np.sqrt(1 - rho**2) + (pi - np.arccos(rho)) * rho) / pi


def test_first_order_in_the_branches_path_densities():
    rho = np.array([-0.8, 0.0, 0.5, 0.9])
    x2 = np.sqrt(2) * np.column_stack([rho, np.sqrt(1 - rho**2)])

    def at(size):
        branches = [[size], [np.sqrt(size)] * 2]
        network = ResidualGraphons.constant(0.5, branches, 0.25)
        return residual_nngp(network, [[np.sqrt(2), 0.0]], x2)[0] * 4

    slope = (pi - np.arccos(rho)) / pi
    iterates = kappa(rho), kappa(kappa(rho))
    wanted = sum(kappa(rho) + slope * (iterate - rho) for iterate in iterates)
    close(at(0.0), kappa(rho))
    errors = [np.abs((at(size) - at(0.0)) / size - wanted).max() for size in (1e-3, 1e-4)]
    assert errors[0] < 3e-3
    assert errors[1] == pytest.approx(errors[0] / 10, rel=0.01)


def test_density_changes_the_shape_and_few_weights_leave_that_without_branches():
    angles = np.linspace(0, pi, 9)
    shapes = np.array([residual_shape(angles, density, branches=4) for density in (0, 0.3, 1)])
    rho = np.cos(angles)
    slope = (pi - angles) / pi
    close(shapes[0], (kappa(np.clip(rho, -1, 1)) + slope * rho) / 2)
    assert (shapes[:, 0] == 1).all()
    # More of the signal from deep branches, which tell less of angles.
    assert (np.diff(shapes[:, 4:7], axis=0) > 0.01).all()
    assert np.abs(residual_shape(angles, 1e-6, branches=4) - shapes[0]).max() < 1e-5


# Networks drawn at random.


@pytest.mark.parametrize("name", ["residual, constant", "residual, blocks"])
def test_the_mean_over_drawn_networks_is_met(name):
    network, x = NETWORKS[name], seeded_inputs((4, 8))
    rng, theory = np.random.default_rng(0), residual_ntk(network, x)
    draws = (DrawnResidual(network, 192, 8, rng) for _ in range(60))
    samples = [module_ntk(drawn, x, masks=drawn.masks) for drawn in draws]
    mean, error = mean_and_error(samples)
    assert error < 0.1 * np.linalg.norm(theory)
    assert np.linalg.norm(mean - theory) < 3 * error


def test_the_error_falls_with_the_width():
    def rms(width):
        cells = [
            architecture_kernels(
                seed=0, network="residual, blocks", width=width, trial=trial, inputs=3
            )
            for trial in range(12)
        ]
        return np.sqrt(np.mean([cell["error"] ** 2 for cell in cells]))

    # The root of 16 is 4; of 12 trials each, a ratio has an error of about a third.
    assert 2 < rms(24) / rms(384) < 8


# What is not allowed.


HALF = StepGraphon([[0.5]])
TWO = StepGraphon([[0.5, 0.5]])


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((HALF, [[HALF]], TWO), "read_out.col_mass must have 1 blocks, got 2"),
        ((HALF, [[TWO]], HALF), r"branches\[0\]\[0\].col_mass must have 1 blocks, got 2"),
        (
            (HALF, [[StepGraphon([[0.5], [0.5]])]], HALF),
            r"branches\[0\]\[0\].row_mass must have 1 blocks, got 2",
        ),
        ((HALF, [[HALF], []], HALF), r"branches\[1\] must be one StepGraphon or more, got none"),
        ((HALF, [HALF], HALF), r"branches\[0\] must be a sequence of StepGraphon"),
        ((HALF, [[0.5]], HALF), r"branches\[0\]\[0\] must be a StepGraphon, got float"),
        ((HALF, HALF, HALF), "branches must be a sequence of branches, got StepGraphon"),
        ((0.5, [], HALF), "entry must be a StepGraphon, got float"),
        (
            (StepGraphon([[0.5, 0.5]], None, [0.3, 0.7]), [], HALF),
            "entry must have input columns of equal mass",
        ),
    ],
)
def test_graphons_that_do_not_meet_are_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        ResidualGraphons(*arguments)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"network": HALF}, "network must be a ResidualGraphons, got StepGraphon"),
        ({"x1": [1.0, 2.0]}, "x1 must be a non-empty array with 2 axes"),
        ({"x1": [[np.nan, 2.0]]}, "x1 must be finite"),
        ({"x2": [[1.0]]}, "x2 must have 2 features"),
        ({"branch_scale": -1.0}, "branch_scale must lie in"),
        ({"branch_scale": [1.0, 1.0]}, "branch_scale must be one number, or 1"),
        ({"weight_variance": 0.0}, "weight_variance must be positive, got 0"),
        ({"activation": "gelu"}, "activation must be one of"),
        ({"branch_scale": 1e150}, "branch_scale must give every layer a variance"),
        ({"x1": [[1e90, 1.0]]}, "inputs, .* must give every layer a variance"),
    ],
)
def test_arguments_that_are_not_allowed_are_refused(changes, message):
    arguments = {"network": ResidualGraphons.constant(0.5, [[0.5]], 0.5), "x1": [[1.0, 2.0]]}
    for kernel in KERNELS:
        with pytest.raises(ValueError, match=message):
            kernel(**{**arguments, **changes})


def test_a_chain_has_branches_that_are_there():
    network = random_residual()
    assert network.chain([2, 0]).depth == 7
    for wrong in ([3], [-1], [0.5]):
        with pytest.raises(ValueError, match="branches must"):
            network.chain(wrong)


def test_a_shape_has_a_density():
    with pytest.raises(ValueError, match=r"values must lie in \[0, 1\]"):
        residual_shape([0.0], 1.5, branches=1)


@pytest.mark.filterwarnings("error")
def test_bad_numbers_are_refused():
    for call, message in (
        (lambda: ResidualGraphons.constant(1.0, 5, 1.0), "branches must be a sequence"),
        (lambda: ResidualGraphons.constant(1.0, [0.5], 1.0), r"branches\[0\] must be a sequence"),
        (lambda: ResidualGraphons.constant(1.0, [], 1.0).chain(0), "branches must be a sequence"),
        (
            lambda: residual_ntk(
                ResidualGraphons.constant(1.0, [[0.5]], 1.0), [[1.0]], branch_scale=1e200
            ),
            "branch_scale must give every layer",
        ),
    ):
        with pytest.raises(ValueError, match=message):
            call()
