"""Designed masks: path-optimal graphons, layer densities, inputs, and masks with exact counts."""

import itertools
from itertools import pairwise

import numpy as np
import pytest
from graphons_strategies import SEEDS, masses
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from graphon_lib.graphons import (
    GraphonNetwork,
    StepGraphon,
    aligned_inputs,
    alignment,
    design,
    deviation_inputs,
    erk_densities,
    expected_masks,
    least_density,
    narrowed_network,
    path_density,
    path_optimum,
    path_optimum_of_budget,
)
from graphon_lib.graphons.design import FAN_IN, units_used
from graphon_lib.graphons.partition import grid_positions, locate

WIDTHS = (784, 300, 100, 10)


def matchings(depth):
    """Return all sets of layers no two of which are neighbours."""
    for size in range(depth + 1):
        for chosen in itertools.combinations(range(depth), size):
            if all(b - a > 1 for a, b in pairwise(chosen)):
                yield list(chosen)


@settings(deadline=None, max_examples=60)
@given(st.lists(st.floats(0.01, 1.0), min_size=2, max_size=7))
def test_path_optimum_is_the_least_product_over_matchings(densities):
    c = np.array(densities)
    least = min(c[chosen].prod() for chosen in matchings(c.size))
    optimum = path_optimum(c)
    assert optimum.path_density == pytest.approx(least, rel=1e-9)
    assert optimum.bound == pytest.approx(least, rel=1e-9)
    assert optimum.network.path_density() == pytest.approx(least, rel=1e-9)
    # What it uses is allowed.
    kept = [layer.density for layer in optimum.network.layers]
    assert (np.array(kept) <= c * (1 + 1e-9)).all()
    assert not (optimum.weighting[1:] * optimum.weighting[:-1]).any()


def test_equal_densities_leave_every_second_layer_out():
    for depth in range(2, 8):
        assert path_optimum([0.1] * depth).path_density == pytest.approx(0.1 ** ((depth + 1) // 2))


@settings(deadline=None, max_examples=40)
@given(st.integers(2, 5), st.integers(0, 10**6))
def test_no_graphon_has_more_paths_than_the_bound(depth, seed):
    rng = np.random.default_rng(seed)
    masses = [rng.dirichlet(np.ones(3)) for _ in range(depth - 1)]
    masses = [np.ones(4) / 4, *masses, np.ones(2) / 2]
    layers = [
        StepGraphon(rng.random((b.size, a.size)) ** rng.integers(1, 9), b, a)
        for a, b in pairwise(masses)
    ]
    network = GraphonNetwork(layers)
    bound = path_optimum([layer.density for layer in layers]).bound
    assert network.path_density() <= bound * (1 + 1e-9)


def test_no_mask_of_a_tiny_network_has_more_paths():
    """All masks of a 2-2-2-1 network."""
    sizes = [(2, 2), (2, 2), (1, 2)]
    for bits in itertools.product((False, True), repeat=10):
        cuts = np.split(np.array(bits), [4, 8])
        masks = [cut.reshape(size) for cut, size in zip(cuts, sizes, strict=True)]
        if all(mask.any() for mask in masks):
            bound = path_optimum([mask.mean() for mask in masks]).bound
            assert path_density(masks) <= bound * (1 + 1e-12)


@pytest.mark.parametrize("widths", [WIDTHS, (784, 512, 512, 512, 10), (20, 30, 40, 50, 5)])
@pytest.mark.parametrize("density", [0.3, 0.05, 0.005])
def test_budget_optimum_is_certified(widths, density):
    if density == 0.005 and widths[0] == 20:
        density = 0.02
    optimum = path_optimum_of_budget(widths, density)
    sizes = np.array([a * b for a, b in pairwise(widths)])
    kept = sum(
        layer.density * size for layer, size in zip(optimum.network.layers, sizes, strict=True)
    )
    assert kept <= density * sizes.sum() * (1 + 1e-9)
    assert optimum.path_density <= optimum.bound * (1 + 1e-9)
    assert optimum.bound <= optimum.path_density * (1 + 1e-9)
    assert optimum.network.path_density() == pytest.approx(optimum.path_density)


def test_budget_is_shared_evenly_around_every_hidden_layer():
    weights = path_optimum_of_budget((784, 512, 512, 512, 10), 0.02).weighting
    around = weights[:-1] + weights[1:]
    assert around == pytest.approx(around[0], rel=1e-9)


def test_budget_optimum_beats_every_whole_narrowing():
    widths, density = (8, 6, 5, 3), 0.4
    optimum = path_optimum_of_budget(widths, density)
    count = density * sum(a * b for a, b in pairwise(widths))
    best = max(
        (a / 6) * (b / 5)
        for a in range(1, 7)
        for b in range(1, 6)
        if 8 * a + a * b + 3 * b <= count
    )
    assert best <= optimum.bound * (1 + 1e-9)


def test_erk_densities():
    c = erk_densities(WIDTHS, 0.05)
    sizes = np.array([784 * 300, 300 * 100, 1000])
    assert c @ sizes == pytest.approx(0.05 * sizes.sum())
    assert c[:2] * sizes[:2] / np.array([1084, 400]) == pytest.approx([13310 / 1594] * 2)
    assert erk_densities(WIDTHS, 1.0) == pytest.approx(1.0)
    # The read-out is full, and the others have its surplus.
    c = erk_densities(WIDTHS, 0.2)
    assert c[2] == 1.0
    assert c @ sizes == pytest.approx(0.2 * sizes.sum())


@settings(deadline=None, max_examples=30)
@given(st.lists(st.integers(1, 40), min_size=2, max_size=6), st.floats(0.01, 1.0))
def test_erk_densities_keep_what_is_asked(widths, density):
    sizes = np.array([a * b for a, b in pairwise(widths)])
    c = erk_densities(widths, density)
    assert ((c > 0.0) & (c <= 1.0)).all()
    assert c @ sizes == pytest.approx(density * sizes.sum())


def drawn(layer, shape, seed):
    network, widths = GraphonNetwork([layer]), shape[::-1]
    return network.sample_masks(widths, np.random.default_rng(seed), exact=True)[0]


def test_exact_masks_have_the_degrees_asked_for():
    layer = StepGraphon(np.repeat([[0.8, 0.2], [0.4, 0.0]], 10, axis=1), [0.25, 0.75])
    mask = drawn(layer, (40, 20), 0)
    assert mask[:10].sum() == 10 * 10 * 0.8 + 10 * 10 * 0.2
    assert set(mask[:10].sum(axis=1)) == {10}
    assert set(mask[10:].sum(axis=1)) == {4}
    assert not mask[10:, 10:].any()
    assert set(mask[:10, :10].sum(axis=0)) == {8}
    assert set(mask[10:, :10].sum(axis=0)) == {12}


@st.composite
def networks_and_widths(draw):
    depth = draw(st.integers(1, 3))
    widths = draw(st.lists(st.integers(1, 7), min_size=depth + 1, max_size=depth + 1))
    mass = [np.full(widths[0], 1 / widths[0]), *(draw(masses(2)) for _ in range(depth))]
    value = st.sampled_from([0.0, 1.0]) | st.floats(0, 1)
    values = [draw(hnp.arrays(float, (b.size, a.size), elements=value)) for a, b in pairwise(mass)]
    return GraphonNetwork(list(map(StepGraphon, values, mass[1:], mass[:-1]))), widths


@settings(deadline=None)
@given(networks_and_widths(), SEEDS)
def test_exact_masks_keep_every_promise(network_and_widths, seed):
    network, widths = network_and_widths
    expected = expected_masks(network, widths)
    try:
        found = network.sample_masks(widths, np.random.default_rng(seed), exact=True)
    except ValueError:
        # Never, where as many are expected of every row and column that have any.
        degrees = [expect.sum(axis=axis) for expect in expected for axis in (0, 1)]
        assert any(((degree > 0) & (degree < 1)).any() for degree in degrees)
        return
    for number, (mask, expect, layer) in enumerate(
        zip(found, expected, network.layers, strict=True)
    ):
        assert abs(mask.sum() - expect.sum()) <= 0.5 + 1e-9
        assert (np.abs(mask.sum(axis=0) - expect.sum(axis=0)) < 1).all()
        assert not mask[expect == 0].any()
        assert mask[expect == 1].all()
        assert (mask.any(axis=1) == expect.any(axis=1)).all()
        if number:
            assert (mask.any(axis=0) == expect.any(axis=0)).all()
        blocks = locate(grid_positions(len(mask)), layer.row_mass)
        for block in np.unique(blocks):
            rows = mask[blocks == block].sum(axis=1)
            assert np.ptp(rows) <= 1
            assert abs(rows.sum() - expect[blocks == block].sum()) < 1


def test_counts_that_greed_would_miss():
    for values, shape in (
        ([[0.6, 0.7], [0.7, 0.6], [0.7, 0.0]], (3, 2)),
        ([[0.6, 0.8], [0, 0.1]], (2, 2)),
    ):
        expected = np.array(values)
        for seed in range(20):
            mask = drawn(StepGraphon(values), shape, seed)
            assert mask.sum() == round(expected.sum())
            assert (np.abs(mask.sum(axis=0) - expected.sum(axis=0)) < 1).all()


def test_no_hidden_neuron_loses_its_last_weight():
    layers = [StepGraphon([[1.0], [1.0]]), StepGraphon([[0.9, 0.1], [0.9, 0.1]])]
    for seed in range(20):
        masks = GraphonNetwork(layers).sample_masks(
            (3, 2, 2), np.random.default_rng(seed), exact=True
        )
        assert masks[1].sum(axis=0).tolist() == [1, 1]
    # Of three weights, the first column must have two.
    layers = [StepGraphon(np.ones((3, 1))), StepGraphon([[1.0, 0.25, 0.25]])]
    with pytest.raises(ValueError, match="those of layer 2 of 2"):
        GraphonNetwork(layers).sample_masks((3, 3, 2), np.random.default_rng(0), exact=True)


def test_exact_masks_are_random_where_the_graphon_is_constant():
    draws = np.mean(
        [drawn(StepGraphon([[0.3]]), (12, 10), i) for i in range(400)],
        axis=0,
    )
    assert np.abs(draws - 0.3).max() < 5 * np.sqrt(0.3 * 0.7 / 400)


@pytest.mark.parametrize("density", [0.2, 0.02, 0.005])
def test_designed_masks_leave_no_unit_dead(density):
    target = design(WIDTHS, density)
    masks = target.sample_masks(WIDTHS, np.random.default_rng(1), exact=True)
    total = sum(mask.size for mask in masks)
    assert abs(sum(int(mask.sum()) for mask in masks) - density * total) <= 2
    used = units_used(WIDTHS, density)
    for units, before, after in zip(used[1:], masks[:-1], masks[1:], strict=False):
        fed, read = before.any(axis=1), after.any(axis=0)
        assert (fed == read).all()
        assert fed.sum() == units
    assert masks[-1].any(axis=1).all()
    assert path_density(masks) == pytest.approx(target.path_density(), rel=0.05)


def test_hidden_units_have_the_fan_in_where_that_is_possible():
    for density in (0.02, 0.01, 0.005):
        used = units_used(WIDTHS, density)
        masks = design(WIDTHS, density).sample_masks(WIDTHS, np.random.default_rng(0), exact=True)
        before = sum(int(mask.sum()) for mask in masks[:-1])
        assert before / sum(used[1:-1]) == pytest.approx(FAN_IN, rel=0.05)
    assert units_used(WIDTHS, 0.2) == WIDTHS


def test_design_of_paths_is_a_dense_network_within_the_budget():
    network = design(WIDTHS, 0.02, objective="paths")
    masks = network.sample_masks(WIDTHS, np.random.default_rng(0), exact=True)
    assert {float(value) for layer in network.layers for value in layer.values.flat} == {0.0, 1.0}
    assert sum(int(mask.sum()) for mask in masks) <= 0.02 * sum(mask.size for mask in masks)


def images(rng, count=300):
    """Return images of two classes: input 0 tells them apart, 1 is noise, 2 loud noise, 3 constant."""
    y = np.arange(count) % 2
    x = rng.normal(size=(count, 4))
    x[:, 0] += 2.0 * y
    x[:, 2] *= 3.0
    x[:, 3] = 1.0
    return x, y


def test_inputs_by_deviation():
    x, _ = images(np.random.default_rng(0))
    w = deviation_inputs(x, 0.2)
    assert w.mean() == pytest.approx(0.2)
    assert w[:3] / w[0] == pytest.approx(x.std(axis=0)[:3] / x.std(axis=0)[0])
    assert w[3] == 0.0
    # What exceeds 1 goes to the others; an input that never varies has nothing.
    assert deviation_inputs(x, 0.9) == pytest.approx([1.0, 1.0, 1.0, 0.0])


def test_aligned_inputs_are_optimal():
    x, y = images(np.random.default_rng(1))
    w = aligned_inputs(x, y, 0.1)
    assert w.mean() == pytest.approx(0.1)
    best = alignment(x, y, w)
    rng = np.random.default_rng(2)
    assert best >= max(alignment(x, y, rng.random(4) ** 4) for _ in range(500)) - 1e-9
    assert w.argmax() == 0


def test_uncorrelated_inputs_are_aligned_in_closed_form():
    y = np.repeat([0, 1], 4)
    # Both tell the classes apart, the second beside noise; the third is noise alone.
    noise, more = np.tile([1.0, -1.0], 4), np.tile([1.0, 1.0, -1.0, -1.0], 2)
    x = np.column_stack([2 * y - 1.0, (2 * y - 1.0) + noise, more])
    x[:, 0] += np.tile([1.0, -1.0, -1.0, 1.0], 2)
    linear = np.array([np.square((y - 0.5) @ column) for column in x.T])
    w = aligned_inputs(x, y, 0.1)
    gram = np.square((x - x.mean(axis=0)).T @ (x - x.mean(axis=0)))
    best = np.linalg.solve(gram, linear)
    assert w == pytest.approx(0.3 * best / best.sum(), abs=1e-6)


def test_alignment_of_the_classes_themselves_is_one():
    y = np.arange(30) % 3
    x = np.eye(3)[y]
    assert alignment(x, y, np.ones(3)) == pytest.approx(1.0)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: design(WIDTHS, 1e-5), "density must leave every output"),
        (lambda: design((784, 10), 0.1), "widths must have a hidden layer"),
        (lambda: design(WIDTHS, 0.1, objective="best"), "objective must be one of"),
        (lambda: design(WIDTHS, 0.1, np.eye(3)), "data must have 784 inputs"),
        (lambda: design(WIDTHS, 0.1, np.eye(784), objective="paths"), "data must be None"),
        (lambda: design(WIDTHS, 0.1, objective="alignment"), "data must be a pair"),
        (lambda: path_optimum([0.1]), "densities must be of two layers"),
        (lambda: path_optimum([0.1, 0.0]), "densities"),
        (lambda: path_optimum_of_budget(WIDTHS, 1e-4), "density must leave 795 weights"),
        (lambda: path_optimum_of_budget((5, 2), 0.5), "widths must have a hidden layer"),
        (lambda: deviation_inputs(np.ones((5, 3)), 0.1), "x must vary"),
        (lambda: aligned_inputs(np.eye(4), [0, 1], 0.1), "y must have shape"),
        (lambda: narrowed_network([0.5], [0.1]), "densities must be 2"),
        (
            lambda: narrowed_network([1.0], [0.01, 0.5]).sample_masks(
                (10, 50, 5), np.random.default_rng(0), exact=True
            ),
            "layer 1 of 2 has 5 in a network of these widths, and needs 50",
        ),
    ],
)
def test_bad_input_is_refused_at_the_door(call, message):
    with pytest.raises(ValueError, match=message):
        call()


def test_least_density():
    assert least_density(WIDTHS) == pytest.approx(12 / 266200)
    with pytest.raises(ValueError, match="density must give every unit"):
        design(WIDTHS, 14 / 266200)


@pytest.mark.parametrize("given", [np.array([200, 100, 10], np.uint8), iter([200, 100, 10])])
def test_widths_may_be_any_iterable_of_integers(given):
    assert erk_densities(given, 0.1) == pytest.approx(erk_densities((200, 100, 10), 0.1))


def test_widths_of_small_integers_draw_masks():
    widths = np.array([20, 200, 10], np.uint8)
    masks = GraphonNetwork.dense(2).sample_masks(widths, np.random.default_rng(0), exact=True)
    assert [mask.sum() for mask in masks] == [4000, 2000]


def test_the_design_of_a_fan_in_that_is_no_number_is_refused():
    with pytest.raises(ValueError, match="fan_in must be"):
        design((4, 3, 2), 0.5, fan_in="20")


@pytest.mark.parametrize("scale", [1e-200, 1e160])
def test_inputs_may_be_in_any_units(scale):
    x, y = images(np.random.default_rng(0))
    w = np.array([0.1, 0.2, 0.3, 0.4])
    assert alignment(scale * x, y, w) == pytest.approx(alignment(x, y, w))
    assert alignment(x, y, scale * w) == pytest.approx(alignment(x, y, w))
    np.testing.assert_allclose(aligned_inputs(scale * x, y, 0.1), aligned_inputs(x, y, 0.1))
    np.testing.assert_allclose(
        deviation_inputs(scale * x, 0.1), deviation_inputs(x, 0.1), atol=1e-14
    )


def test_a_single_class_is_aligned_with_nothing():
    x, y = images(np.random.default_rng(0))
    assert alignment(x, np.zeros_like(y), np.ones(4)) == 0.0
    with pytest.raises(ValueError, match="pixels must be 4, the inputs of x, got 3"):
        alignment(x, y, np.ones(3))
