"""Step graphons: evaluation, means over other blocks, equality, their picture."""

import base64
import copy
import io
import pickle
import re

import numpy as np
import pytest
from graphons_strategies import edges, refined, step_graphons
from hypothesis import given
from PIL import Image

from graphon_lib.graphons import StepGraphon

EXAMPLE = StepGraphon([[0.8, 0.2, 0.5], [0.4, 0.0, 1.0]], [0.25, 0.75], [0.5, 0.2, 0.3])


def test_density_and_degrees_by_hand():
    assert EXAMPLE.row_degrees == pytest.approx([0.59, 0.5])
    assert EXAMPLE.column_degrees == pytest.approx([0.5, 0.05, 0.875])
    assert EXAMPLE.density == pytest.approx(0.5225)


def test_positions_on_edges_belong_to_the_right_and_one_to_the_last_block():
    assert EXAMPLE(0.25, 0.5) == 0.0
    assert EXAMPLE(np.nextafter(0.25, 0), np.nextafter(0.5, 0)) == 0.8
    assert EXAMPLE(1, 1) == 1.0
    assert EXAMPLE(0, 0) == 0.8


@pytest.mark.parametrize("count", [3, 10, 49, 64, 98])
def test_a_position_at_the_start_of_a_block_lies_in_it(count):
    graphon = StepGraphon(np.arange(count)[:, None] / count)
    starts = np.arange(count) / count
    assert np.array_equal(graphon(starts, 0.0), graphon.values[:, 0])


def test_blocks_of_mass_zero_hold_no_position():
    graphon = StepGraphon([[0.1], [0.9], [0.2], [0.7]], [0.0, 0.5, 0.5, 0.0])
    assert set(graphon(np.linspace(0, 1, 101), 0.5)) == {0.9, 0.2}
    assert graphon(1, 0) == 0.2
    assert graphon.density == pytest.approx(0.55)


@given(step_graphons())
def test_mean_over_a_fine_grid_is_the_density(graphon):
    # Masses are multiples of 1 / sum(parts), so that a block holds its share of the grid to 1 / n.
    n = 4000
    positions = (np.arange(n) + 0.5) / n
    sample = graphon(positions[:, None], positions[None, ::40]).mean()
    blocks = sum(graphon.shape)
    assert abs(sample - graphon.density) <= blocks * (1 / n + 40 / n)


@given(step_graphons(), edges(), edges())
def test_block_means_are_integrals_over_the_overlaps(graphon, row_edges, col_edges):
    def overlaps(edges, own):
        low, high = np.maximum(edges[:-1, None], own[:-1]), np.minimum(edges[1:, None], own[1:])
        return np.maximum(high - low, 0.0)

    rows, cols = overlaps(row_edges, graphon.row_edges), overlaps(col_edges, graphon.col_edges)
    integrals = rows @ graphon.values @ cols.T
    areas = np.outer(np.diff(row_edges), np.diff(col_edges))
    assert graphon.block_means(row_edges, col_edges) * areas == pytest.approx(integrals, abs=1e-12)
    assert integrals.sum() == pytest.approx(graphon.density, abs=1e-12)


@given(step_graphons(allow_zero=False), edges(), edges())
def test_projecting_on_finer_blocks_and_back_changes_nothing(graphon, row_edges, col_edges):
    again = StepGraphon.from_function(
        refined(graphon, row_edges, col_edges), graphon.row_mass, graphon.col_mass
    )
    assert again.values == pytest.approx(graphon.values, abs=1e-9)


@given(step_graphons())
def test_equal_graphons_hash_alike_and_survive_pickling(graphon):
    for twin in (pickle.loads(pickle.dumps(graphon)), copy.deepcopy(graphon)):
        assert twin == graphon
        assert hash(twin) == hash(graphon)
        assert not twin.values.flags.writeable
        assert not twin.row_mass.flags.writeable


def test_negative_zero_equals_zero_and_hashes_alike():
    assert StepGraphon([[-0.0]]) == StepGraphon([[0.0]])
    assert hash(StepGraphon([[-0.0]])) == hash(StepGraphon([[0.0]]))


def test_values_and_masses_both_matter_to_equality():
    assert StepGraphon([[0.1, 0.1]]) != StepGraphon([[0.1, 0.2]])
    assert StepGraphon([[0.1, 0.1]]) != StepGraphon([[0.1, 0.1]], None, [0.3, 0.7])
    assert StepGraphon([[0.1, 0.1]]) != StepGraphon([[0.1]])
    assert StepGraphon([[0.1]]) != "graphon"


def test_it_does_not_change():
    values = np.array([[0.1, 0.2]])
    graphon = StepGraphon(values)
    values[0, 0] = 0.9
    assert graphon.values[0, 0] == 0.1
    with pytest.raises(ValueError, match="read-only"):
        graphon.values[0, 0] = 0.5
    with pytest.raises(AttributeError):
        graphon.values = values


def test_notebook_picture_has_alternative_text_and_the_right_pixels():
    markup = StepGraphon([[0.5, 0.0], [0.25, 0.5]])._repr_html_()
    assert re.search(
        r'alt="StepGraphon\(2 x 2 blocks, density 0.3125\); white 0, black 0.5"', markup
    )
    pixels = _decode(re.search(r"base64,([^\"]+)", markup).group(1))
    assert pixels.shape == (192, 192)
    assert pixels[0, 0] == 0
    assert pixels[0, -1] == 255
    assert pixels[-1, 0] == 128
    assert pixels[-1, -1] == 0


def test_notebook_picture_of_an_empty_graphon_is_white():
    markup = StepGraphon([[0.0]])._repr_html_()
    assert (_decode(re.search(r"base64,([^\"]+)", markup).group(1)) == 255).all()


def _decode(data):
    return np.asarray(Image.open(io.BytesIO(base64.b64decode(data))))


def test_positions_that_do_not_broadcast_are_refused():
    with pytest.raises(ValueError, match="u and v must have shapes that broadcast"):
        StepGraphon([[0.5]])([0, 0.1], [0, 0.1, 0.2])
