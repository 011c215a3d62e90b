"""Channel graphons: block means of masks, drawn masks, the nearest product."""

import copy
import pickle

import numpy as np
import pytest
from graphons_strategies import SEEDS
from hypothesis import given
from hypothesis import strategies as st

from graphon_lib.graphons import (
    ChannelGraphon,
    GraphonNetwork,
    StepGraphon,
    block_means,
    channel_graphon,
    channel_graphons,
    sample_channel_mask,
    separable_part,
)


def random_graphon(rng, rows=3, cols=2, kernel=(3, 1)):
    return ChannelGraphon(
        rng.random((rows, cols, *kernel)), *(rng.dirichlet(np.ones(k)) for k in (rows, cols))
    )


def random_mask(rng):
    mask = rng.random((6, 5, 3, 1)) < 0.5
    return mask, np.array([0, 1, 1, 2, 0, 2]), np.array([1, 0, 1, 1, 0])


def test_values_are_block_means_offset_by_offset():
    mask, rows, cols = random_mask(np.random.default_rng(0))
    graphon = channel_graphon(mask, rows, cols)
    assert graphon.kernel_size == (3, 1)
    for a in range(3):
        expected = block_means(mask[:, :, a, 0], rows, cols)
        of_offset = StepGraphon(graphon.values[:, :, a, 0], graphon.row_mass, graphon.col_mass)
        assert of_offset == expected
    assert graphon.density == pytest.approx(mask.mean())
    assert repr(graphon) == (
        f"ChannelGraphon(3 x 2 blocks, kernel 3 x 1, density {mask.mean():.4g})"
    )


def test_every_channel_its_own_block_is_the_mask():
    mask, *_ = random_mask(np.random.default_rng(1))
    graphon = channel_graphon(mask.astype(int), np.arange(6), np.arange(5))
    assert np.array_equal(graphon.values, mask)
    assert np.array_equal(sample_channel_mask(graphon, (6, 5), np.random.default_rng(0)), mask)


def test_drawn_masks_have_the_densities_of_the_graphon():
    rng = np.random.default_rng(0)
    graphon = ChannelGraphon(rng.random((2, 3, 3, 3)), [0.25, 0.75], [0.5, 0.25, 0.25])
    mask = sample_channel_mask(graphon, (400, 400), rng)
    again = channel_graphon(
        mask, np.repeat([0, 1], [100, 300]), np.repeat([0, 1, 2], [200, 100, 100])
    )
    assert np.array_equal(again.row_mass, graphon.row_mass)
    # The smallest block holds 10,000 entries; five standard deviations of at most 1 / 200.
    assert np.abs(again.values - graphon.values).max() < 5 / 200


def random_chain(rng):
    """Return masks of two convolutions and a read-out, of channels that differ much."""
    sides = (2, 24, 20, 5)
    shapes = [(*pair, 3, 3) for pair in zip(sides[1:3], sides[:2], strict=True)]
    shapes.append((sides[3], sides[2]))
    return [rng.random(shape) < rng.random((shape[0], *[1] * (len(shape) - 1))) for shape in shapes]


@pytest.mark.parametrize("order", ["joint", "degree"])
def test_a_chain_of_one_offset_is_that_of_its_matrices(order):
    masks = [
        mask[..., :1, :1] if mask.ndim == 4 else mask
        for mask in random_chain(np.random.default_rng(3))
    ]
    layers, read_out = channel_graphons(masks, blocks=9, order=order)
    matrices = [mask.reshape(mask.shape[:2]) for mask in masks]
    wanted = GraphonNetwork.from_masks(matrices, blocks=9, order=order).layers
    for found, layer in zip(layers, wanted, strict=False):
        assert StepGraphon(found.values[..., 0, 0], found.row_mass, found.col_mass) == layer
    assert read_out == wanted[-1]


def test_blocks_of_a_chain_are_alike_in_degrees_over_all_offsets():
    masks = random_chain(np.random.default_rng(0))
    layers, read_out = channel_graphons(dict(enumerate(masks)), blocks=4)
    assert [layer.values.shape for layer in layers] == [(4, 2, 3, 3), (4, 4, 3, 3)]
    for graphon, mask in zip([*layers, read_out], masks, strict=True):
        assert graphon.density == pytest.approx(mask.mean())
    # Two bins of in-degrees, those with the larger ones first, in the layer that they enter.
    assert layers[0].values[:2].mean() > layers[0].values[2:].mean()
    for graphon in layers:  # a channel is in one block on both its sides
        assert np.array_equal(graphon.row_mass, [0.25] * 4)


def test_a_chain_with_a_block_a_channel_is_its_masks():
    masks = random_chain(np.random.default_rng(1))
    layers, read_out = channel_graphons(masks, blocks=100)
    paths = np.ones(2)
    for mask, graphon in zip(masks, [*layers, read_out], strict=True):
        assert np.array_equal(np.unique(graphon.values), [0, 1])
        paths = mask.reshape(*mask.shape[:2], -1).mean(axis=2) @ paths / mask.shape[1]
    flat = [StepGraphon(of.values.mean((2, 3)), of.row_mass, of.col_mass) for of in layers]
    assert GraphonNetwork([*flat, read_out]).path_density() == pytest.approx(paths.mean())


@given(SEEDS, st.booleans())
def test_the_separable_part_of_a_product_is_itself(seed, dead):
    rng = np.random.default_rng(seed)
    channels, offsets = rng.random((3, 2)), rng.random((3, 3)) + 0.1
    mass = [0.5, 0.5, 0.0] if dead else None
    part = separable_part(ChannelGraphon(channels[:, :, None, None] * offsets / 1.1, mass))
    assert part.share == pytest.approx(1.0)
    assert part.offsets.mean() == pytest.approx(1.0)
    np.testing.assert_allclose(part.offsets, offsets / offsets.mean(), rtol=1e-10)
    np.testing.assert_allclose(part.channels, channels * offsets.mean() / 1.1, rtol=1e-10)


@given(SEEDS)
def test_the_separable_part_is_the_nearest_product(seed):
    rng = np.random.default_rng(seed)
    graphon = random_graphon(rng)
    weights = np.outer(graphon.row_mass, graphon.col_mass)[:, :, None, None]

    def distance(channels, offsets):
        gap = graphon.values - channels[:, :, None, None] * offsets
        return (weights * gap**2).sum()

    part = separable_part(graphon)
    best = distance(part.channels, part.offsets)
    assert 1 - best / (weights * graphon.values**2).sum() == pytest.approx(part.share)
    assert (part.channels >= 0).all()
    assert (part.offsets >= 0).all()
    for scale in (1e-3, 0.1):
        for _ in range(10):
            moved = (a + scale * rng.normal(size=a.shape) for a in part[:2])
            assert distance(*moved) >= best


def test_separable_parts_at_the_ends():
    nothing = separable_part(ChannelGraphon(np.zeros((2, 2, 3, 3))))
    assert nothing.share == 1.0
    assert not nothing.channels.any()
    # Two blocks that keep two different offsets are as far from a product as two can be.
    values = np.zeros((2, 1, 1, 3))
    values[0, 0, 0, 0] = values[1, 0, 0, 2] = 1.0
    assert separable_part(ChannelGraphon(values)).share == pytest.approx(0.5)
    assert separable_part(ChannelGraphon(np.full((2, 3, 1, 1), 0.3))).share == 1.0


def test_graphons_do_not_change_and_can_be_copied():
    values = np.full((1, 2, 3, 3), 0.5)
    graphon = ChannelGraphon(values)
    values[:] = 0.0
    for one in (graphon, copy.deepcopy(graphon), pickle.loads(pickle.dumps(graphon))):
        assert np.array_equal(one.col_mass, [0.5, 0.5])
        for array in (one.values, one.row_mass, one.col_mass):
            with pytest.raises(ValueError, match="read-only"):
                array[:] = 0.1
        assert one.density == 0.5


ONE = ChannelGraphon(np.ones((1, 1, 3, 3)))
MASK = np.ones((2, 1, 3, 3))


@pytest.mark.parametrize(
    ("call", "arguments", "message"),
    [
        (ChannelGraphon, (np.ones((1, 1, 2, 3)),), "values must have a kernel of odd sides"),
        (ChannelGraphon, (np.ones((1, 1, 3)),), "values must be a non-empty array with 4 axes"),
        (ChannelGraphon, (1.1 * MASK,), r"values must lie in \[0, 1\]"),
        (ChannelGraphon, (MASK, [0.5, 0.6]), "row_mass must sum to 1"),
        (ChannelGraphon, (MASK, None, [0.5, 0.5]), "col_mass must hold one mass per block, 1"),
        (channel_graphon, (MASK[0], [0, 0], [0]), "mask must be a non-empty array"),
        (channel_graphon, (2 * MASK, [0, 0], [0]), "mask must be binary"),
        (channel_graphon, (MASK[..., :2], [0, 0], [0]), "mask must have a kernel of odd sides"),
        (channel_graphon, (MASK, [0, 2], [0]), "row_labels must use every block"),
        (channel_graphon, (MASK, [0, 0], [0, 0]), "col_labels must be 1 integers"),
        (channel_graphons, ([MASK],), "masks must have 4 axes, one or more, and the last 2"),
        (channel_graphons, ([MASK, MASK[..., 0, 0], [[1]]],), "masks must have 4 axes"),
        (channel_graphons, ([MASK, [[1]]],), r"masks\[1\] must have 2 columns"),
        (channel_graphons, ({"a": MASK, "b": [[1]]},), r"masks\['b'\] must have 2 columns"),
        (channel_graphons, ([2 * MASK, [[1, 0]]],), r"masks\[0\] must be binary"),
        (channel_graphons, ([MASK, [[1, 2]]],), r"masks\[1\] must be binary"),
        (
            channel_graphons,
            ([MASK, [[1, 0], [1]]],),
            r"masks\[1\] must be an array of real numbers",
        ),
        (
            channel_graphons,
            ([MASK[..., :2], [[1, 0]]],),
            r"masks\[0\] must have a kernel of odd sides",
        ),
        (channel_graphons, ([MASK[:0], np.ones((2, 0))],), r"masks\[0\] must not be empty"),
        (channel_graphons, ([MASK, np.ones((0, 2))],), r"masks\[1\] must not be empty"),
        (channel_graphons, (MASK[0, 0, 0, 0],), "masks must be a sequence of binary arrays"),
        (sample_channel_mask, (MASK, (2, 1), None), "graphon must be a ChannelGraphon"),
        (sample_channel_mask, (ONE, 2, None), "shape must be two positive integers"),
        (sample_channel_mask, (ONE, (2, 1), 0), "rng must be a numpy.random.Generator"),
        (separable_part, (MASK,), "graphon must be a ChannelGraphon"),
    ],
)
def test_bad_arguments_are_named(call, arguments, message):
    with pytest.raises(ValueError, match=message):
        call(*arguments)


def test_products_of_tiny_graphons_are_products():
    part = separable_part(ChannelGraphon(np.full((1, 1, 3, 3), 1e-200)))
    assert part.share == 1.0
    np.testing.assert_allclose(part.channels, 1e-200)
