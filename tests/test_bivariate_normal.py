"""The bivariate normal distribution function against other formulas, and at its edges."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import ndtr

from graphon_lib.ntk.bivariate_normal import normal_density, quadrant

LIMITS = st.floats(-45, 45) | st.floats(-3, 3) | st.sampled_from([0.0, -0.0, 1e-200, -1e-17])
CORRELATIONS = st.floats(-1, 1) | st.sampled_from([-1.0, 0.0, 1.0, 1 - 1e-16, -1 + 1e-13])


def probability(a, b, rho):
    rho = np.atleast_1d(np.asarray(rho, dtype=float))
    a, b = np.broadcast_to(a, rho.shape).astype(float), np.broadcast_to(b, rho.shape).astype(float)
    return quadrant(a, b, rho, np.sqrt((1 - rho) * (1 + rho))).probability


def test_angles_at_the_origin():
    rho = np.linspace(-1, 1, 41)
    expected = 0.25 + np.arcsin(rho) / (2 * np.pi)
    np.testing.assert_allclose(probability(0.0, 0.0, rho), expected, atol=2e-16)


@pytest.mark.parametrize("a", [-3.0, -0.2, 0.0, 1.4])
@pytest.mark.parametrize("b", [-2.0, 0.0, 0.2, 3.0])
def test_limits_of_the_correlation(a, b):
    assert probability(a, b, 1.0).item() == pytest.approx(ndtr(min(a, b)), rel=1e-14)
    expected = max(ndtr(a) - ndtr(-b), 0.0)
    assert probability(a, b, -1.0).item() == pytest.approx(expected, rel=1e-14, abs=1e-17)
    assert probability(a, b, 0.0).item() == pytest.approx(ndtr(a) * ndtr(b), rel=1e-14)


@pytest.mark.parametrize("rho", [0.0, 1e-6, 0.1, 0.5, -0.5, 0.9, 0.99])
@pytest.mark.parametrize("a", [-1.0, -3.0, -5.0, -8.0, -20.0])
@pytest.mark.parametrize("b", [-0.5, -5.0, -8.0])
def test_tails_to_the_rounding_of_the_whole(a, b, rho):
    # By the integral over the first of them.
    points, weights = np.polynomial.legendre.leggauss(60)
    edges = a - np.append(0.0, np.geomspace(1e-3, 40, 60))
    half = (edges[:-1] - edges[1:])[:, None] / 2
    g = edges[1:, None] + half * (points + 1)
    inner = normal_density(g) * ndtr((b - rho * g) / math.sqrt((1 - rho) * (1 + rho)))
    expected = float((half * weights * inner).sum())
    found = probability(a, b, rho).item()
    assert found == pytest.approx(expected, rel=1e-12 if rho == 0.99 else 0, abs=1e-16)


def test_a_nan_stays_where_it_is():
    a = np.array([0.1, np.nan, 0.3, -0.2])
    b, rho = np.full(4, 0.2), np.full(4, 0.3)
    whole, part = (
        quadrant(a[kept], b[kept], rho[kept], np.sqrt(1 - rho[kept] ** 2))
        for kept in (slice(None), [0, 2, 3])
    )
    for found, expected in zip(whole, part, strict=True):
        np.testing.assert_allclose(found[[0, 2, 3]], expected, rtol=1e-14)
    assert np.isnan(whole.probability[1])


@given(LIMITS, LIMITS, CORRELATIONS)
def test_laws_of_probability(a, b, rho):
    both = probability(a, b, rho).item()
    assert 0 <= both <= min(ndtr(a), ndtr(b)) + 1e-15
    assert probability(b, a, rho).item() == pytest.approx(both, abs=1e-15)
    # The four quadrants at a corner, up to what rounding the complement to a zero can change.
    others = probability(a, -b, -rho) + probability(-a, b, -rho) + probability(-a, -b, rho)
    assert both + others.item() == pytest.approx(1, abs=1e-15)


@given(st.floats(-6, 6), st.floats(-6, 6), st.floats(-0.98, 0.98))
def test_it_grows_with_the_correlation_as_the_density_says(a, b, rho):
    step = 1e-4
    slope = (probability(a, b, rho + step) - probability(a, b, rho - step)).item() / (2 * step)
    both = quadrant(*(np.array([v]) for v in (a, b, rho)), np.array([math.sqrt(1 - rho**2)]))
    density = normal_density(np.array([a])) * both.decay / math.sqrt(2 * math.pi * (1 - rho**2))
    assert slope == pytest.approx(density.item(), rel=1e-3, abs=1e-6)


@given(st.floats(-1, 1), st.floats(-1, 1), st.floats(-0.95, 0.95))
def test_integral_over_the_first_variable(a, b, rho):
    points, weights = np.polynomial.legendre.leggauss(100)
    g = a - 6 * (points + 1)
    inner = normal_density(g) * ndtr((b - rho * g) / math.sqrt((1 - rho) * (1 + rho)))
    assert probability(a, b, rho).item() == pytest.approx(6 * (weights @ inner), abs=1e-14)


@given(st.floats(-1.1, 1.1), st.floats(-1.1, 1.1), st.floats(0.5, 1))
def test_series_and_wedges_are_of_one_plane(a, b, rho):
    # At correlations below -1/2 the quadrant is cut in wedges; its neighbour is summed by powers.
    root = math.sqrt((1 - rho) * (1 + rho))
    one, other = (
        quadrant(*(np.array([v]) for v in (a, sign * b, sign * rho, root))) for sign in (1, -1)
    )
    assert one.probability + other.probability == pytest.approx(ndtr(a), abs=1e-15)
    assert one.conditional1 + other.conditional1 == pytest.approx(1, abs=1e-15)
    assert one.conditional2 == pytest.approx(other.conditional2.item(), abs=1e-15)
    assert one.decay == pytest.approx(other.decay.item(), abs=1e-15)


def test_pairs_do_not_depend_on_what_is_beside_them():
    rng = np.random.default_rng(0)
    a, b = rng.normal(0, 0.7, (3, 5, 1)), rng.normal(0, 0.7, (3, 1, 40))
    rho = rng.uniform(-0.99, 0.99, (3, 5, 40))
    together = quadrant(a, b, rho, np.sqrt((1 - rho) * (1 + rho)))
    for place in np.ndindex(rho.shape):
        alone = quadrant(
            *(np.broadcast_to(v, rho.shape)[place].reshape(1) for v in (a, b, rho)),
            np.sqrt((1 - rho[place]) * (1 + rho[place])).reshape(1),
        )
        for whole, part in zip(together, alone, strict=True):
            assert whole[place] == pytest.approx(part.item(), rel=1e-14)
