"""Masks drawn from graphons: probabilities, positions, reproducibility."""

import numpy as np
import pytest

from graphon_lib.graphons import (
    Ramp,
    StepGraphon,
    draw_positions,
    sample_mask,
    sample_mask_at,
    sampling,
)

GRAPHON = StepGraphon([[0.8, 0.2], [0.4, 0.05]], [0.25, 0.75], [0.5, 0.5])


def test_block_frequencies_are_binomial():
    mask = GRAPHON.sample((800, 600), np.random.default_rng(0))
    for a, rows in enumerate((slice(0, 200), slice(200, 800))):
        for b, cols in enumerate((slice(0, 300), slice(300, 600))):
            block, p = mask[rows, cols], GRAPHON.values[a, b]
            assert abs(block.mean() - p) < 4 * np.sqrt(p * (1 - p) / block.size)


def test_entries_are_independent_of_their_neighbours():
    # The correlation of independent fair entries with their neighbours is normal, sd 1 / sqrt(count).
    mask = sample_mask(StepGraphon([[0.5]]), (1000, 1000), np.random.default_rng(1)) - 0.5
    for products in (mask[1:] * mask[:-1], mask[:, 1:] * mask[:, :-1]):
        assert abs(products.mean() * 4) < 4 / np.sqrt(products.size)


def test_zero_and_one_are_certain():
    mask = StepGraphon([[0.0, 1.0]]).sample((50, 80), np.random.default_rng(0))
    assert not mask[:, :40].any()
    assert mask[:, 40:].all()
    assert mask.dtype == np.bool_


def test_grid_positions_are_midpoints_and_uniform_ones_are_unsorted():
    rng = np.random.default_rng(0)
    assert draw_positions(4, rng).tolist() == [0.125, 0.375, 0.625, 0.875]
    uniform = draw_positions(1000, rng, "uniform")
    assert ((uniform >= 0) & (uniform < 1)).all()
    assert (np.diff(uniform) < 0).any()
    assert abs(uniform.mean() - 0.5) < 4 / np.sqrt(12 * 1000)


def test_uniform_positions_give_exchangeable_rows():
    # Rows of a ramp at uniform positions have degrees of mean .5 wherever they stand.
    mask = Ramp(0.0, 1.0, 0.0).sample((4000, 50), np.random.default_rng(2), "uniform")
    halves = mask[:2000].mean(), mask[2000:].mean()
    variance = 1 / 12 + (1 / 2 - 1 / 3) / 50
    assert abs(halves[0] - halves[1]) < 4 * np.sqrt(2 * variance / 2000)


def test_result_does_not_depend_on_the_size_of_chunks(monkeypatch):
    whole = GRAPHON.sample((37, 23), np.random.default_rng(5))
    monkeypatch.setattr(sampling, "CHUNK_ENTRIES", 40)
    assert np.array_equal(GRAPHON.sample((37, 23), np.random.default_rng(5)), whole)


def test_equal_generators_draw_equal_masks():
    first = GRAPHON.sample((30, 40), np.random.default_rng(3), "uniform")
    second = GRAPHON.sample((30, 40), np.random.default_rng(3), "uniform")
    assert np.array_equal(first, second)


def test_any_size_down_to_one_by_one():
    for shape in ((1, 1), (1, 100), (3, 2)):
        assert GRAPHON.sample(shape, np.random.default_rng(0)).shape == shape


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (((3,), np.random.default_rng(0)), "shape must be two positive integers"),
        ((5, np.random.default_rng(0)), "shape must be two positive integers"),
        (((3, 0), np.random.default_rng(0)), r"shape\[1\] must be an integer >= 1"),
        (((3.5, 2), np.random.default_rng(0)), r"shape\[0\] must be an integer >= 1"),
        (((3, 3), 0), "rng must be a numpy.random.Generator, got int"),
        (((3, 3), None), "rng must be a numpy.random.Generator"),
        (((3, 3), np.random.default_rng(0), "sorted"), "positions must be one of grid, uniform"),
    ],
)
def test_bad_arguments_are_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        GRAPHON.sample(*arguments)


def test_bad_positions_are_refused():
    with pytest.raises(ValueError, match="row_positions must lie in"):
        sample_mask_at(GRAPHON, [1.5], [0.5], np.random.default_rng(0))
    with pytest.raises(ValueError, match="col_positions must be finite"):
        sample_mask_at(GRAPHON, [0.5], [np.nan], np.random.default_rng(0))
    with pytest.raises(ValueError, match="count must be an integer >= 1"):
        draw_positions(0, np.random.default_rng(0))


def test_a_function_of_one_position_has_entries_drawn_apart():
    shape, draw = (40, 60), np.random.default_rng
    whole = sample_mask(lambda u, v: 0.3 + 0.4 * u + 0 * v, shape, draw(0))
    assert np.array_equal(sample_mask(lambda u, v: 0.3 + 0.4 * u, shape, draw(0)), whole)
    by_column = sample_mask(lambda u, v: 0.3 + 0.4 * v, shape, draw(0))
    assert np.array_equal(
        by_column, sample_mask(lambda u, v: 0 * u + 0.3 + 0.4 * v, shape, draw(0))
    )
    assert 0 < np.ptp(whole.mean(axis=1)) < 1  # rows are neither all kept nor all pruned
    constant = sample_mask(lambda u, v: 0.5, shape, draw(0))
    assert np.array_equal(constant, sample_mask(StepGraphon([[0.5]]), shape, draw(0)))


@pytest.mark.parametrize(
    ("graphon", "message"),
    [
        (lambda u, v: u + v, r"graphon must return probabilities in \[0, 1\], got .* to 1.75"),
        (lambda u, v: u - v, r"graphon must return probabilities in \[0, 1\], got values from -0"),
        (lambda u, v: u * v * np.nan, r"graphon must return probabilities in \[0, 1\]"),
        (
            lambda u, v: np.ones((3, 2)),
            r"graphon must return real numbers that broadcast to \(4, 4",
        ),
        (lambda u, v: np.ones((2, 4, 4)), "graphon must return real numbers that broadcast"),
        (lambda u, v: 1j * u * v, "graphon must return real numbers .* dtype complex128"),
        (lambda u, v: None, "graphon must return real numbers .* dtype object"),
        (0.5, r"graphon must be a function of \(u, v\), got float"),
    ],
)
def test_functions_that_are_no_graphons_are_refused(graphon, message):
    with pytest.raises(ValueError, match=message):
        sample_mask(graphon, (4, 4), np.random.default_rng(0))


def test_values_that_leave_the_interval_by_rounding_are_probabilities():
    mask = sample_mask(lambda u, v: 1.0 + 1e-15 + 0 * u * v, (5, 5), np.random.default_rng(0))
    assert mask.all()
