"""Graphon networks: shared blocks, path densities, weight moments, sampled masks."""

import itertools
import pickle

import numpy as np
import pytest
from graphons_strategies import SEEDS, masses, refined, step_graphons
from hypothesis import given
from hypothesis import strategies as st

from graphon_lib.graphons import GraphonNetwork, PowerLaw, StepGraphon, block_means, path_density
from graphon_lib.graphons.neuron_blocks import joint_blocks

ORDERS = ("joint", "degree", "coclustering")


def generator_for(order):
    return np.random.default_rng(0) if order == "coclustering" else None


def random_masks(widths, rng, density=0.5):
    return [rng.random(shape) < density for shape in zip(widths[1:], widths[:-1], strict=True)]


def surviving_paths(masks):
    """Count surviving paths one by one, over all paths."""
    widths = [masks[0].shape[1], *(mask.shape[0] for mask in masks)]
    paths = itertools.product(*(range(width) for width in widths))
    kept = sum(
        all(mask[path[l + 1], path[l]] for l, mask in enumerate(masks))  # noqa: E741
        for path in paths
    )
    return kept / np.prod(widths)


@st.composite
def networks(draw, max_depth=4):
    layers = [draw(step_graphons(max_side=4))]
    layers[0] = StepGraphon(layers[0].values, layers[0].row_mass)
    for _ in range(draw(st.integers(0, max_depth - 1))):
        before = layers[-1]
        layer = draw(step_graphons(max_side=4, cols=before.shape[0]))
        layers.append(StepGraphon(layer.values, layer.row_mass, before.row_mass))
    return GraphonNetwork(layers)


@given(networks())
def test_path_density_is_the_sum_over_paths(network):
    total = 0.0
    sides = [network.layers[0].shape[1], *(layer.shape[0] for layer in network.layers)]
    sizes = [network.layers[0].col_mass, *(layer.row_mass for layer in network.layers)]
    for path in itertools.product(*(range(side) for side in sides)):
        kept = [layer.values[path[i + 1], path[i]] for i, layer in enumerate(network.layers)]
        total += np.prod(kept) * np.prod(
            [size[node] for size, node in zip(sizes, path, strict=True)]
        )
    assert network.path_density() == pytest.approx(total, abs=1e-12)


@given(networks(), st.data())
def test_splitting_blocks_changes_no_path_density(network, data):
    cuts = [
        np.concatenate([[0.0], np.cumsum(data.draw(masses(3, allow_zero=False)))[:-1], [1.0]])
        for _ in range(network.depth)
    ]
    inputs = np.arange(2 * network.layers[0].shape[1] + 1) / (2 * network.layers[0].shape[1])
    fine = GraphonNetwork(
        [
            refined(layer, rows, cols)
            for layer, rows, cols in zip(network.layers, cuts, [inputs, *cuts[:-1]], strict=True)
        ]
    )
    assert abs(fine.path_density() - network.path_density()) < 1e-12


@given(st.lists(st.floats(0, 1), min_size=1, max_size=6))
def test_constant_layers_multiply(densities):
    network = GraphonNetwork([StepGraphon([[p]]) for p in densities])
    assert network.path_density() == pytest.approx(np.prod(densities), abs=1e-12)


@given(SEEDS, st.lists(st.integers(1, 5), min_size=2, max_size=4), st.integers(5, 9))
def test_neurons_that_are_blocks_of_their_own_count_paths_exactly(seed, widths, blocks):
    masks = random_masks(widths, np.random.default_rng(seed))
    network = GraphonNetwork.from_masks(masks, blocks=blocks)
    for layer, mask in zip(network.layers, masks, strict=True):
        assert layer.shape == mask.shape
        assert set(layer.values.ravel()) <= {0.0, 1.0}
    counted = pytest.approx(surviving_paths(masks), abs=1e-12)
    assert network.path_density() == counted
    assert path_density(iter(masks)) == counted


@pytest.mark.parametrize("seed", range(6))
def test_merged_neurons_give_the_mean_over_re_pairings_within_blocks(seed):
    # Deal out the neurons' outgoing connections anew within the blocks {0, 1}, {2, 3} of both hidden
    # layers, in all 2^2 * 2^2 ways.
    masks = random_masks((3, 4, 4, 2), np.random.default_rng(seed))
    block = np.array([0, 0, 1, 1])
    row_labels, col_labels = [block, block, np.arange(2)], [np.arange(3), block, block]
    network = GraphonNetwork(map(block_means, masks, row_labels, col_labels))
    within = [
        np.array(left + right)
        for left in itertools.permutations([0, 1])
        for right in itertools.permutations([2, 3])
    ]
    counts = [
        surviving_paths([masks[0], masks[1][:, first], masks[2][:, second]])
        for first in within
        for second in within
    ]
    assert network.path_density() == pytest.approx(np.mean(counts), abs=1e-12)


@pytest.mark.parametrize("blocks", [1, 4, 9])
def test_one_hidden_layer_misses_the_covariance_of_degrees_within_blocks(blocks):
    masks = random_masks((12, 40, 10), np.random.default_rng(0))
    before = masks[0].mean(axis=1)
    after = masks[1].mean(axis=0)
    labels = joint_blocks(masks[0].sum(axis=1), masks[1].sum(axis=0), blocks)
    covariance = sum(
        (labels == block).mean()
        * np.cov(before[labels == block], after[labels == block], ddof=0)[0, 1]
        for block in range(labels.max() + 1)
    )
    network = GraphonNetwork.from_masks(masks, blocks=blocks)
    exact = (before * after).mean()
    assert exact - network.path_density() == pytest.approx(covariance, abs=1e-12)


@pytest.mark.parametrize("order", ORDERS)
def test_constant_masks_of_any_blocks(order):
    for value in (False, True):
        masks = [np.full(shape, value) for shape in ((70, 5), (66, 70), (3, 66))]
        network = GraphonNetwork.from_masks(masks, order=order, rng=generator_for(order))
        assert network.path_density() == pytest.approx(float(value))


def test_joint_blocks_tell_apart_what_degree_blocks_confuse():
    # Half the hidden neurons hear everything and say nothing, the others the reverse: no path is
    # left. Matching ranks pairs the hearing with the speaking.
    hears = np.repeat([True, False], 32)
    masks = [np.tile(hears[:, None], (1, 20)), np.tile(~hears, (10, 1))]
    joint = GraphonNetwork.from_masks(masks, blocks=16)
    degree = GraphonNetwork.from_masks(masks, blocks=16, order="degree")
    alike = GraphonNetwork.from_masks(
        masks, blocks=16, order="coclustering", rng=np.random.default_rng(0)
    )
    assert joint.path_density() == 0.0
    assert alike.path_density() == 0.0
    assert degree.path_density() == pytest.approx(0.5)


@pytest.mark.parametrize("order", ORDERS)
def test_inputs_and_outputs_keep_their_identity(order):
    rng = np.random.default_rng(2)
    masks = random_masks((7, 50, 4), rng, 0.4)
    network = GraphonNetwork.from_masks(masks, blocks=9, order=order, rng=generator_for(order))
    assert network.layers[0].shape[1] == 7
    assert network.layers[-1].shape[0] == 4
    assert network.layers[0].column_degrees == pytest.approx(masks[0].mean(axis=0))
    assert network.layers[-1].row_degrees == pytest.approx(masks[-1].mean(axis=1))


@given(SEEDS, st.integers(1, 120), st.integers(1, 80))
def test_joint_blocks_are_about_equal_and_never_empty(seed, count, wanted):
    rng = np.random.default_rng(seed)
    labels = joint_blocks(rng.integers(0, 5, count), rng.integers(0, 5, count), wanted)
    sizes = np.bincount(labels)
    assert sizes.min() >= 1
    assert sizes.size <= min(wanted, count)
    if wanted >= count:
        assert sizes.size == count
    if wanted == round(wanted**0.5) ** 2 and count % wanted == 0:
        assert set(sizes) == {count // wanted}


@given(SEEDS)
def test_joint_blocks_sort_by_in_degree_then_out_degree(seed):
    rng = np.random.default_rng(seed)
    in_degrees, out_degrees = rng.permutation(64), rng.permutation(64)
    labels = joint_blocks(in_degrees, out_degrees, 16)
    for outer in range(4):
        of_bin = np.isin(labels, range(4 * outer, 4 * outer + 4))
        assert set(in_degrees[of_bin]) == set(range(48 - 16 * outer, 64 - 16 * outer))
        means = [out_degrees[labels == 4 * outer + inner].min() for inner in range(4)]
        maxima = [out_degrees[labels == 4 * outer + inner].max() for inner in range(4)]
        assert all(low > high for low, high in zip(means[:-1], maxima[1:], strict=True))


@pytest.mark.parametrize("order", ORDERS)
def test_moments_are_block_means_of_the_kept_weights(order):
    rng = np.random.default_rng(3)
    masks = random_masks((6, 20, 15, 3), rng)
    weights = [rng.standard_normal(mask.shape) for mask in masks]
    network = GraphonNetwork.from_masks(
        masks, weights, blocks=4, order=order, rng=generator_for(order), shrinkage=False
    )
    for layer, second, drift, mask, weight in zip(
        network.layers, network.second_moments, network.drifts, masks, weights, strict=True
    ):
        # Summed over blocks by mass, block means are means over all entries, whatever the blocks.
        assert layer.density == pytest.approx(mask.mean())
        mean_second = layer.row_mass @ second @ layer.col_mass
        assert mean_second == pytest.approx((weight**2 * mask).mean())
        mean_drift = layer.row_mass @ drift @ layer.col_mass
        assert mean_drift == pytest.approx(np.sqrt(mask.shape[1]) * (weight * mask).mean())


@pytest.mark.parametrize("dtype", [np.int8, np.float16, np.float32, np.float64])
def test_weights_of_any_precision_are_squared_without_overflow(dtype):
    masks = [np.ones((3, 2))]
    network = GraphonNetwork.from_masks(masks, [np.full((3, 2), 100, dtype=dtype)])
    assert network.second_moments[0] == pytest.approx(np.full((3, 2), 1e4))


def test_sampled_masks_share_the_neurons_between_their_layers():
    # Block 0 of the hidden layer hears everything and says nothing, block 1 the reverse: a sampled
    # network has no path, whatever its width, if a neuron is in the same block on both sides.
    network = GraphonNetwork([StepGraphon([[1.0], [0.0]]), StepGraphon([[0.0, 1.0]])])
    for width in (2, 3, 7, 101):
        first, second = network.sample_masks((5, width, 4), np.random.default_rng(width))
        assert first.shape == (width, 5)
        assert second.shape == (4, width)
        assert (first.any(axis=1) != second.any(axis=0)).all()


def test_sampled_masks_have_the_block_densities_and_paths():
    rng = np.random.default_rng(6)
    family = PowerLaw(0.9, 1.0, 0.5)
    layers = [StepGraphon.from_function(family, 8, cols) for cols in (1, 8, 8)]
    network = GraphonNetwork(layers)
    masks = network.sample_masks((200, 800, 800, 160), rng)
    for mask, layer in zip(masks, layers, strict=True):
        assert mask.mean() == pytest.approx(layer.density, abs=4 * 0.5 / np.sqrt(mask.size))
    # The relative deviation of each of the three factors is about 1 / sqrt(entries).
    deviation = 4 * 3 / np.sqrt(200 * 160)
    assert path_density(masks) == pytest.approx(network.path_density(), rel=deviation)


@pytest.mark.parametrize("with_moments", [False, True])
def test_pickling(with_moments):
    rng = np.random.default_rng(9)
    masks = random_masks((5, 8, 3), rng)
    weights = [rng.standard_normal(mask.shape) for mask in masks] if with_moments else None
    network = GraphonNetwork.from_masks(masks, weights)
    twin = pickle.loads(pickle.dumps(network))
    assert twin.layers == network.layers
    if with_moments:
        assert np.array_equal(twin.drifts[1], network.drifts[1])
        assert not twin.second_moments[0].flags.writeable
    else:
        assert twin.drifts is None


def test_dense_networks_and_networks_freed_of_their_drifts():
    assert GraphonNetwork.dense(3).layers == (StepGraphon([[1.0]]),) * 3
    rng = np.random.default_rng(10)
    masks = random_masks((5, 8, 3), rng)
    network = GraphonNetwork.from_masks(masks, [rng.standard_normal(m.shape) for m in masks])
    plain = network.without_drifts()
    assert plain.drifts is None
    assert plain.layers == network.layers
    assert all(map(np.array_equal, plain.second_moments, network.second_moments))


def test_it_shows_itself():
    network = GraphonNetwork([StepGraphon([[0.5], [0.5]]), StepGraphon([[0.5, 0.5]])])
    assert repr(network) == "GraphonNetwork(blocks 1 -> 2 -> 1, path density 0.25)"
    assert network._repr_html_().count("<img") == 2
    signed = GraphonNetwork(network.layers, drifts=[np.ones((2, 1)), np.ones((1, 2))])
    assert "with drifts" in repr(signed)


PRUNED = StepGraphon([[0.5, 0.0]])


def test_drifts_up_to_those_of_equal_weights_are_possible():
    # Kept weights of one value w have V = w^2 W and E[w M] = w W, which attains D^2 = n W V.
    w, n = -1.7, 2
    network = GraphonNetwork([PRUNED], [w**2 * PRUNED.values], [np.sqrt(n) * w * PRUNED.values])
    assert network.drifts[0][0, 0] == pytest.approx(np.sqrt(n) * w / 2)
    # Behind the first layer any drift is possible in the limit of many inputs.
    GraphonNetwork([StepGraphon([[0.1]])] * 2, None, [[[100.0]], [[-100.0]]])


def test_named_masks_of_linear_layers_are_those_of_a_list():
    rng = np.random.default_rng(0)
    masks = {"fc1.weight": rng.random((9, 7)) < 0.5, "fc2.weight": rng.random((4, 9)) < 0.5}
    weights = {name: rng.normal(size=mask.shape) for name, mask in masks.items()}
    state = {"fc1.bias": np.zeros(9), **weights}
    named = GraphonNetwork.from_masks(masks, state, blocks=3)
    listed = GraphonNetwork.from_masks(list(masks.values()), list(weights.values()), blocks=3)
    for ours, theirs in zip(named.layers, listed.layers, strict=True):
        np.testing.assert_array_equal(ours.values, theirs.values)
    for ours, theirs in zip(named.second_moments, listed.second_moments, strict=True):
        np.testing.assert_array_equal(ours, theirs)


@pytest.mark.parametrize(
    ("masks", "weights", "match"),
    [
        (
            {"fc.weight": np.ones((3, 2)), "conv.weight": np.ones((3, 3, 5, 5))},
            None,
            r"masks\['conv.weight'\] must be a non-empty matrix .* got shape \(3, 3, 5, 5\): .* channel_graphon",
        ),
        ([np.ones((3, 2, 5))], None, r"masks\[0\] must be a non-empty matrix .* channel_graphon"),
        (
            {"a": np.ones((3, 2)), "b": np.ones((2, 4))},
            None,
            r"masks\['b'\] must have 3 columns, the rows of the mask before; got shape \(2, 4\)",
        ),
        ({}, None, "masks must be one mask or more, got none"),
        ({"a": np.ones((3, 2))}, {"b": np.ones((3, 2))}, "weights must hold .* got none of 'a'"),
    ],
)
def test_named_masks_that_are_no_chain_of_linear_layers(masks, weights, match):
    with pytest.raises(ValueError, match=match):
        GraphonNetwork.from_masks(masks, weights)
