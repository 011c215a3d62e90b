"""Motif densities against brute force, closed forms and invariances."""

import itertools

import numpy as np
import pytest
from graphons_strategies import edges, masks, refined, step_graphons, transposed
from hypothesis import given

from graphon_lib.graphons import MOTIFS, StepGraphon, cycle_ratio, motif_densities, motifs
from graphon_lib.graphons.motifs import distinct_cycle_ratio


def by_definition(values, row_mass, col_mass):
    """Sum over all maps of a motif's nodes to blocks, one at a time."""
    densities = {}
    for name, motif in MOTIFS.items():
        n_rows, n_cols = (max(node) + 1 for node in zip(*motif, strict=True))
        total = 0.0
        for rows in itertools.product(range(len(row_mass)), repeat=n_rows):
            for cols in itertools.product(range(len(col_mass)), repeat=n_cols):
                weight = np.prod(row_mass[list(rows)]) * np.prod(col_mass[list(cols)])
                total += weight * np.prod([values[rows[i], cols[j]] for i, j in motif])
        densities[name] = total
    return densities


def test_the_motifs_are_what_their_names_say():
    sizes = {name: (len(m), *(len(set(side)) for side in zip(*m))) for name, m in MOTIFS.items()}  # noqa: B905
    assert sizes == {
        "edge": (1, 1, 1),
        "row_cherry": (2, 1, 2),
        "column_cherry": (2, 2, 1),
        "path_3": (3, 2, 2),
        "cycle_4": (4, 2, 2),
        "k_23": (6, 2, 3),
        "k_32": (6, 3, 2),
    }


@pytest.mark.parametrize("seed", range(5))
def test_step_graphons_match_the_definition(seed):
    rng = np.random.default_rng(seed)
    shape = rng.integers(1, 5, 2)
    graphon = StepGraphon(
        rng.random(shape), rng.dirichlet(np.ones(shape[0])), rng.dirichlet(np.ones(shape[1]))
    )
    expected = by_definition(graphon.values, graphon.row_mass, graphon.col_mass)
    assert motif_densities(graphon) == pytest.approx(expected, abs=1e-13)


@pytest.mark.parametrize("seed", range(5))
def test_masks_match_the_definition(seed):
    rng = np.random.default_rng(seed)
    n, m = rng.integers(1, 5, 2)
    mask = rng.random((n, m)) < 0.5
    expected = by_definition(mask, np.full(n, 1 / n), np.full(m, 1 / m))
    assert motif_densities(mask) == pytest.approx(expected, abs=1e-13)


@given(masks(12))
def test_a_mask_is_the_step_graphon_of_its_entries(mask):
    assert motif_densities(mask) == pytest.approx(motif_densities(StepGraphon(mask)), abs=1e-12)


@given(step_graphons(), edges(), edges())
def test_refinement_changes_nothing(graphon, row_edges, col_edges):
    fine = motif_densities(refined(graphon, row_edges, col_edges))
    assert fine == pytest.approx(motif_densities(graphon), abs=1e-12)


@given(step_graphons())
def test_transposing_exchanges_the_sides(graphon):
    before, after = motif_densities(graphon), motif_densities(transposed(graphon))
    for name, twin in (
        ("edge", "edge"),
        ("row_cherry", "column_cherry"),
        ("path_3", "path_3"),
        ("cycle_4", "cycle_4"),
        ("k_23", "k_32"),
    ):
        assert after[twin] == pytest.approx(before[name], abs=1e-12)


@given(step_graphons())
def test_sidorenko_and_monotonicity(graphon):
    # For these bipartite motifs t(F) >= t(edge)^e(F) is a theorem (Sidorenko 1993), and a motif has
    # at most the density of one that it contains.
    densities = motif_densities(graphon)
    for name, motif in MOTIFS.items():
        assert densities[name] >= densities["edge"] ** len(motif) - 1e-12
    chain = ["k_23", "cycle_4", "path_3", "row_cherry", "edge"]
    for larger, smaller in itertools.pairwise(chain):
        assert densities[larger] <= densities[smaller] + 1e-12
    assert densities["k_32"] <= densities["cycle_4"] + 1e-12


@given(step_graphons(max_side=1))
def test_constant_graphons_have_powers_of_the_density(graphon):
    p = graphon.values[0, 0]
    expected = {name: p ** len(motif) for name, motif in MOTIFS.items()}
    assert motif_densities(graphon) == pytest.approx(expected, abs=1e-12)


def test_cycle_ratio_of_a_constant_and_of_two_blocks_apart():
    assert cycle_ratio(StepGraphon([[0.3]])) == pytest.approx(1.0)
    assert cycle_ratio(np.eye(2)) == pytest.approx(2.0)


def test_random_masks_have_the_densities_of_their_graphon():
    # t(F, mask) has mean t(F) + O(1 / n) and deviation of about e(F) p^(e - 1/2) / n.
    n, p = 1500, 0.3
    densities = motif_densities(np.random.default_rng(0).random((n, n)) < p)
    for name, motif in MOTIFS.items():
        assert densities[name] == pytest.approx(p ** len(motif), abs=len(motif) ** 2 / n)


def test_results_do_not_depend_on_the_size_of_chunks(monkeypatch):
    mask = np.random.default_rng(0).random((40, 30)) < 0.3
    whole = motif_densities(mask)
    monkeypatch.setattr(motifs, "CHUNK_PAIRS", 100)
    assert motif_densities(mask) == pytest.approx(whole, rel=1e-13)


@pytest.mark.parametrize("shape", [(1, 1), (1, 7), (6, 1)])
@pytest.mark.parametrize("value", [0, 1])
def test_constant_masks(shape, value):
    densities = motif_densities(np.full(shape, value))
    assert densities == pytest.approx(dict.fromkeys(MOTIFS, value), abs=1e-14)


@pytest.mark.parametrize("seed", range(3))
def test_cycles_through_distinct_neurons_by_brute_force(seed):
    mask = np.random.default_rng(seed).random((5, 6)) < 0.6
    rows, columns = (itertools.permutations(range(n), 2) for n in mask.shape)
    corners = (mask[np.ix_(a, b)].all() for a, b in itertools.product(rows, columns))
    kept = int(mask.sum())
    chance = np.prod([(kept - k) / (mask.size - k) for k in range(4)])
    assert distinct_cycle_ratio(mask) == pytest.approx(sum(corners) / (20 * 30) / chance)


def test_cycles_through_distinct_neurons_of_random_masks_are_one_in_mean(monkeypatch):
    monkeypatch.setattr(motifs, "CHUNK_PAIRS", 16)
    rng = np.random.default_rng(0)
    found = [
        distinct_cycle_ratio(rng.permutation(np.arange(60) < 20).reshape(6, 10))
        for _ in range(2000)
    ]
    assert abs(np.mean(found) - 1.0) < 4 * np.std(found) / 2000**0.5
    assert distinct_cycle_ratio(np.ones((3, 4), dtype=bool)) == 1.0
    assert distinct_cycle_ratio(np.eye(4, dtype=bool)) == 0.0


@pytest.mark.parametrize("mask", [np.ones((1, 4)), np.ones((4, 1)), np.eye(3) * [1, 0, 0]])
def test_no_cycles_without_two_of_all(mask):
    with pytest.raises(ValueError, match="two rows, columns and entries"):
        distinct_cycle_ratio(mask)


@pytest.mark.parametrize("empty", [np.zeros((3, 3), bool), StepGraphon([[1e-90]])])
def test_a_ratio_to_no_edges_is_refused(empty):
    with pytest.raises(ValueError, match="mask_or_graphon must have a density of 1e-75 or more"):
        cycle_ratio(empty)
