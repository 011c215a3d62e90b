"""Step graphons: evaluation, refinement, coarsening, composition, and what they refuse."""

import copy
import pickle
import re
import subprocess
import sys

import numpy as np
import pytest
from graphons_strategies import edges, step_graphons
from hypothesis import given
from hypothesis import strategies as st

from graphon_lib.graphons import StepGraphon, common_refinement, l2_distance

EXAMPLE = StepGraphon([[0.8, 0.2, 0.5], [0.4, 0.0, 1.0]], [0.25, 0.75], [0.5, 0.2, 0.3])


def test_density_and_degrees_by_hand():
    assert EXAMPLE.row_degrees == pytest.approx([0.59, 0.5])
    assert EXAMPLE.column_degrees == pytest.approx([0.5, 0.05, 0.875])
    assert EXAMPLE.density == pytest.approx(0.5225)


def test_masses_default_to_uniform():
    graphon = StepGraphon(np.zeros((4, 2)))
    assert np.array_equal(graphon.row_mass, [0.25] * 4)
    assert np.array_equal(graphon.col_mass, [0.5] * 2)


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


def test_evaluation_broadcasts():
    values = EXAMPLE(np.linspace(0, 1, 5)[:, None], np.linspace(0, 1, 7))
    assert values.shape == (5, 7)
    assert EXAMPLE([0.1, 0.9], 0.6).tolist() == [0.2, 0.0]


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
def test_refinement_changes_nothing_but_the_blocks(graphon, row_edges, col_edges):
    fine = graphon.refine(row_edges, col_edges)
    assert abs(fine.density - graphon.density) < 1e-12
    assert l2_distance(fine, graphon) == 0.0
    for added, present in ((row_edges, fine.row_edges), (col_edges, fine.col_edges)):
        assert np.abs(added[:, None] - present).min(axis=1).max() < 1e-11


@given(step_graphons(), step_graphons())
def test_common_refinement_shares_blocks(first, second):
    one, two = common_refinement(first, second)
    assert one.shape == two.shape
    assert np.array_equal(one.row_mass, two.row_mass)
    assert np.array_equal(one.col_mass, two.col_mass)
    assert abs(one.density - first.density) < 1e-12
    assert abs(two.density - second.density) < 1e-12


@given(step_graphons(), step_graphons())
def test_l2_distance_is_a_metric_bounded_below_by_the_densities(first, second):
    distance = l2_distance(first, second)
    assert distance == pytest.approx(l2_distance(second, first), abs=1e-12)
    assert abs(first.density - second.density) - 1e-12 <= distance <= 1 + 1e-12
    assert l2_distance(first, first) == 0.0


def test_l2_distance_by_hand():
    first = StepGraphon([[1.0, 0.0]])
    second = StepGraphon([[0.0], [0.5]])
    assert l2_distance(first, second) == pytest.approx(np.sqrt((1 + 0 + 0.25 + 0.25) / 4))


@given(step_graphons(), st.data())
def test_coarsening_takes_block_means_and_keeps_the_density(graphon, data):
    groups = []
    for count in graphon.shape:
        labels = data.draw(st.lists(st.integers(0, 3), min_size=count, max_size=count))
        groups.append(np.unique(labels, return_inverse=True)[1])
    coarse = graphon.coarsen(*groups)
    assert abs(coarse.density - graphon.density) < 1e-12
    for g in range(coarse.shape[0]):
        for h in range(coarse.shape[1]):
            rows, cols = groups[0] == g, groups[1] == h
            p, q = graphon.row_mass[rows], graphon.col_mass[cols]
            if p.sum() > 0 and q.sum() > 0:
                mean = p @ graphon.values[np.ix_(rows, cols)] @ q / (p.sum() * q.sum())
                assert coarse.values[g, h] == pytest.approx(mean, abs=1e-12)


@given(step_graphons(allow_zero=False))
def test_coarsening_undoes_refinement(graphon):
    cuts = np.array([0.0, 1.0])
    fine = graphon.refine(cuts, cuts)
    middle_rows = (fine.row_edges[1:] + fine.row_edges[:-1]) / 2
    middle_cols = (fine.col_edges[1:] + fine.col_edges[:-1]) / 2
    row_groups = np.searchsorted(graphon.row_edges[1:-1], middle_rows, side="right")
    col_groups = np.searchsorted(graphon.col_edges[1:-1], middle_cols, side="right")
    back = fine.coarsen(row_groups, col_groups)
    assert back.values == pytest.approx(graphon.values, abs=1e-12)
    assert back.row_mass == pytest.approx(graphon.row_mass, abs=1e-12)


@given(step_graphons(), edges(), edges())
def test_block_means_of_a_step_graphon_are_integrals(graphon, row_edges, col_edges):
    means = graphon.block_means(row_edges, col_edges)
    areas = np.outer(np.diff(row_edges), np.diff(col_edges))
    assert abs((means * areas).sum() - graphon.density) < 1e-12
    fine = graphon.refine(row_edges, col_edges)
    rows = (fine.row_edges[1:] + fine.row_edges[:-1]) / 2
    cols = (fine.col_edges[1:] + fine.col_edges[:-1]) / 2
    sums = np.zeros_like(means)
    np.add.at(
        sums,
        np.ix_(
            np.searchsorted(row_edges[1:-1], rows, side="right"),
            np.searchsorted(col_edges[1:-1], cols, side="right"),
        ),
        fine.values * np.outer(fine.row_mass, fine.col_mass),
    )
    assert means == pytest.approx(np.clip(sums / areas, 0, 1), abs=1e-9)


@given(st.data())
def test_composition_is_the_integral_over_the_middle_layer(data):
    inner = data.draw(step_graphons())
    outer = data.draw(step_graphons(cols=inner.shape[0]))
    outer = StepGraphon(outer.values, outer.row_mass, inner.row_mass)
    path = outer.compose(inner)
    expected = np.zeros(path.shape)
    for a in range(path.shape[0]):
        for c in range(path.shape[1]):
            for b, mass in enumerate(inner.row_mass):
                expected[a, c] += outer.values[a, b] * mass * inner.values[b, c]
    assert path.values == pytest.approx(expected, abs=1e-12)
    assert np.array_equal(path.row_mass, outer.row_mass)
    assert np.array_equal(path.col_mass, inner.col_mass)
    swapped = inner.transpose().compose(outer.transpose())
    assert swapped.values == pytest.approx(path.transpose().values, abs=1e-12)


@given(step_graphons())
def test_transposing_exchanges_rows_and_columns(graphon):
    flipped = graphon.transpose()
    assert flipped.transpose() == graphon
    assert np.array_equal(flipped.row_degrees, graphon.column_degrees) or (
        flipped.row_degrees == pytest.approx(graphon.column_degrees, abs=1e-15)
    )
    assert flipped(0.3, 0.8) == graphon(0.8, 0.3)


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
    import base64
    import io

    image = pytest.importorskip("PIL.Image")
    return np.asarray(image.open(io.BytesIO(base64.b64decode(data))))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (([[0.5, 1.1]],), "values must lie in"),
        (([[-0.1]],), "values must lie in"),
        (([[np.nan]],), "values must be finite"),
        (([[np.inf]],), "values must be finite"),
        (([0.5],), "2 axes"),
        ((np.zeros((0, 3)),), "non-empty"),
        (([["a"]],), "values must be an array of real numbers"),
        (([[0.5], [0.5]], [0.5, 0.6]), "row_mass must sum to 1"),
        (([[0.5], [0.5]], [1.5, -0.5]), "row_mass must lie in"),
        (([[0.5], [0.5]], [1.0]), "row_mass must hold one mass per block, 2"),
        (([[0.5, 0.5]], None, [0.4, 0.5]), "col_mass must sum to 1"),
        (([[0.5, 0.5]], None, [np.nan, 1.0]), "col_mass must be finite"),
        (([[0.5]], [[1.0]]), "row_mass must be a non-empty array with 1 axes"),
    ],
)
def test_bad_graphons_are_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        StepGraphon(*arguments)


@pytest.mark.parametrize("position", [-0.01, 1.01, np.nan, "x", None, [0.5, 2.0], 0.5j])
def test_positions_outside_the_unit_interval_are_refused(position):
    with pytest.raises(ValueError, match="u must hold positions"):
        EXAMPLE(position, 0.5)
    with pytest.raises(ValueError, match="v must hold positions"):
        EXAMPLE(0.5, position)


@pytest.mark.parametrize("bad", [[0.0, 0.5], [0.1, 1.0], [0.0, 0.5, 0.5, 1.0], [0.0, 1.2], [0.0]])
def test_edges_must_run_from_0_to_1(bad):
    for method in (EXAMPLE.refine, EXAMPLE.block_means):
        with pytest.raises(ValueError, match="row_edges must"):
            method(bad, [0.0, 1.0])
        with pytest.raises(ValueError, match="col_edges must"):
            method([0.0, 1.0], bad)


@pytest.mark.parametrize("groups", [[0], [0, 2], [0.0, 1.0], [-1, 0], [[0, 1]]])
def test_groups_must_be_one_integer_per_block_all_used(groups):
    with pytest.raises(ValueError, match="row_groups must"):
        EXAMPLE.coarsen(groups, [0, 0, 0])
    with pytest.raises(ValueError, match="col_groups must"):
        EXAMPLE.transpose().coarsen([0, 0, 0], groups)


def test_composition_needs_fitting_blocks():
    with pytest.raises(ValueError, match=r"inner.row_mass must have 3 blocks, got 2"):
        EXAMPLE.compose(EXAMPLE)
    with pytest.raises(ValueError, match=r"inner.row_mass must be the masses"):
        EXAMPLE.compose(StepGraphon(np.ones((3, 2))))


def test_the_room_needs_numpy_only():
    code = (
        "import sys, graphon_lib.graphons;"
        "print([m for m in ('scipy', 'sklearn', 'ot', 'torch', 'matplotlib') if m in sys.modules])"
    )
    result = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert result.stdout.strip() == "[]"
