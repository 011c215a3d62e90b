"""What experiments on limits must find at any size, and their figures."""

import numpy as np
import pytest
from quick_results import share

from graphon_lib.book.figures import limits as figures
from graphon_lib.experiments.limit_graphons import LIMIT_GRAPHONS
from graphon_lib.experiments.local_law import LOCAL_LAW
from graphon_lib.experiments.pixel_mixture import PIXEL_MIXTURE
from graphon_lib.experiments.position_laws import permutation_test
from graphon_lib.experiments.synflow_rounds import SYNFLOW_ROUNDS
from graphon_lib.graphons import StepGraphon
from graphon_lib.pruning.coupling import flip_bound, local_law_bound


@pytest.fixture(autouse=True)
def _shared(monkeypatch, tmp_path_factory):
    """Let the test of the chapter, which computes the same, have what these compute."""
    share(monkeypatch, tmp_path_factory)


def test_shares_of_flips_and_cut_norms_are_below_their_bounds():
    law = LOCAL_LAW.run(profile="quick")
    for method, directions in (("snip", 1), ("grasp", 2)):
        for images in law.images.values:
            for width in law.width.values:
                at = law.sel(pruning=method, images=images, width=width)
                size = (int(width), int(width), directions * int(images))
                signed = method == "grasp"
                assert float(at.flipped.mean()) < flip_bound(*size, signed=signed)
                norm = at.cut_norm.sel(source="mask")
                assert float(norm.sel(bound="upper").mean()) < local_law_bound(*size, signed=signed)
                assert (norm.sel(bound="lower") <= norm.sel(bound="upper")).all()
    figures.flips_by_width(law.isel(hidden_layers=0))
    figures.cut_norms_by_width(law.isel(hidden_layers=0))


def test_masks_of_synflow_are_closer_to_their_limit_with_few_rounds():
    result = SYNFLOW_ROUNDS.run(profile="quick")
    few, many = (result.flipped.mean("trial").isel(rounds=place) for place in (0, -1))
    assert (few < many).all()
    # Of single masks of two networks the share is too noisy.
    by_width = few.mean("mask")
    assert float(by_width[-1]) < float(by_width[0])
    np.testing.assert_allclose(result.limit_density.mean("mask"), 0.2, atol=1e-9)
    # Independent draws alone are this far from their probabilities, and flips add to it.
    norms, flips = result.cut_norm.mean("trial"), result.flipped.mean("trial")
    chance = np.sqrt(((2 * result.width + 1) * np.log(2) + 1) / (2 * result.width**2))
    assert (norms.sel(bound="lower") <= norms.sel(bound="upper")).all()
    assert (norms.sel(bound="upper") < flips + chance).all()
    figures.rounds_by_width(result, {"end": 2, "middle": 4})


def test_p_values_of_permutations_are_uniform_for_equal_laws_and_least_for_different_ones():
    rng = np.random.default_rng(0)
    directions = rng.standard_normal((4, 3))
    equal, apart = [], []
    for _ in range(200):
        first, second = rng.standard_normal((2, 12, 3))
        equal.append(permutation_test(first, second, directions, 19, rng))
        apart.append(permutation_test(first, second + 3.0, directions, 19, rng))
    # Of twenty equally likely places of the observed distance.
    assert np.mean(equal) == pytest.approx(10.5 / 20, abs=4 * 0.29 / np.sqrt(200))
    assert set(apart) == {1 / 20}


def test_theories_of_few_pixels_differ_more():
    result = PIXEL_MIXTURE.run(profile="quick")
    gap = result.gap.mean("trial")
    assert float(gap[0]) > float(gap[-1])
    figures.pixel_gaps(result)


def test_limits_are_compared_at_equal_density():
    result = LIMIT_GRAPHONS.run(profile="quick")
    densities = result.histogram.mean(["row", "column"])
    np.testing.assert_allclose(densities, 0.1, atol=0.01)
    assert (result.cycle_ratio > 1).all()
    figures.cycles_over_limit(result)


@pytest.mark.parametrize("columns", [1, 4])
def test_limits_stand_over_masks(columns):
    pair = [StepGraphon([[0.1, 0.2]]), StepGraphon([[0.3]])]
    figure = figures.formula_and_mask({str(number): pair for number in range(columns)})
    assert len(figure.axes) == 3 * columns  # a limit, a mask, and their scale of colour
