"""What degree sorting shows of a constant graphon, expected against measured."""

import numpy as np
import pytest

from graphon_lib.graphons import sas
from graphon_lib.graphons.sorting_artefact import sorting_artefact


def test_mean_is_the_density():
    expected = sorting_artefact(0.3, (200, 300), 16)
    assert expected.mean() == pytest.approx(0.3, abs=1e-12)
    assert (np.diff(expected, axis=0) < 0).all()
    assert (np.diff(expected, axis=1) < 0).all()


def test_vanishes_with_the_square_root_of_the_width():
    """At p = 1/2 the second order is zero and the scaling exact."""
    small, large = (sorting_artefact(0.5, (n, n)) - 0.5 for n in (100, 400))
    np.testing.assert_allclose(small, 2.0 * large, rtol=1e-12, atol=1e-15)


def test_one_block_has_no_artefact():
    assert sorting_artefact(0.4, (50, 70), 1) == pytest.approx(np.array([[0.4]]))


def test_agrees_with_sampled_masks():
    """Rectangular masks, 60 trials: within 5 standard errors and a finite-size bias of 0.5%."""
    rng = np.random.default_rng(1)
    shape, density, blocks = (400, 600), 0.2, 10
    samples = np.array([sas(rng.random(shape) < density, blocks).values for _ in range(60)])
    error = samples.std(axis=0, ddof=1) / np.sqrt(len(samples))
    gap = np.abs(samples.mean(axis=0) - sorting_artefact(density, shape, blocks))
    assert (gap < 5.0 * error + 0.005 * density).all()
    # The artefact itself is many times larger than the tolerance.
    assert np.ptp(sorting_artefact(density, shape, blocks)) > 0.05


@pytest.mark.parametrize(
    ("arguments", "name"),
    [((0.0, (5, 5)), "density"), ((0.5, (0, 5)), r"shape\[0\]"), ((0.5, (5, 5), 0), "blocks")],
)
def test_bad_arguments(arguments, name):
    with pytest.raises(ValueError, match=name):
        sorting_artefact(*arguments)


def test_full_mask_has_no_artefact():
    np.testing.assert_array_equal(sorting_artefact(1.0, (50, 70), 8), np.ones((8, 8)))
