"""Moments under Gaussians with means: adaptive quadrature, the plain moments, limits."""

import itertools
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.integrate import quad
from scipy.special import erf, ndtr

from graphon_lib.ntk import ACTIVATIONS, LeakyReLU, Linear
from graphon_lib.ntk.activations import named_activation
from graphon_lib.ntk.hermite import HermiteActivation

CLOSED = {**ACTIVATIONS, "steep": LeakyReLU(-0.7)}
VARIANCES = st.just(0.0) | st.floats(1e-6, 1e6)
# The square of a mean below 1e-154 is 0 in double precision, and no bound by squares can hold.
MEANS = (st.just(0.0) | st.floats(-100, 100) | st.floats(-2, 2)).map(
    lambda mean: mean if abs(mean) > 1e-100 else 0.0
)
CORRELATIONS = st.floats(-1, 1) | st.sampled_from([-1.0, 0.0, 1.0])


def moments(activation, c, q, r, m, n):
    """Return both moments of one pair of Gaussians."""
    arrays = (np.array([[[float(value)]]]) for value in (c, q, r, m, n))
    return tuple(v.item() for v in named_activation(activation).moments_with_mean(*arrays))


def mean(activation, m, q):
    return named_activation(activation).mean(np.array([[float(m)]]), np.array([[float(q)]])).item()


def density(x):
    return math.exp(-x * x / 2) / math.sqrt(2 * math.pi)


def distribution(x):
    return math.erfc(-x / math.sqrt(2)) / 2


def rectified(m, s):
    return m * distribution(m / s) + s * density(m / s)


# An activation, its derivative, and their means under N(m, s^2), each an elementary function.
ELEMENTARY = {
    "relu": (
        lambda z: max(z, 0.0),
        lambda z: float(z > 0),
        rectified,
        lambda m, s: distribution(m / s),
    ),
    "steep": (
        lambda z: z if z > 0 else -0.7 * z,
        lambda z: 1.0 if z > 0 else -0.7,
        lambda m, s: -0.7 * m + 1.7 * rectified(m, s),
        lambda m, s: -0.7 + 1.7 * distribution(m / s),
    ),
    "erf": (
        math.erf,
        lambda z: 2 / math.sqrt(math.pi) * math.exp(-z * z),
        lambda m, s: math.erf(m / math.sqrt(1 + 2 * s * s)),
        lambda m, s: 2 / math.sqrt(math.pi * (1 + 2 * s * s)) * math.exp(-m * m / (1 + 2 * s * s)),
    ),
}


def by_quadrature(of_first, of_second, c, q, r, m, n):
    """Integrate over z, the mean over z' given z being known."""
    s, slope = math.sqrt(q), c / q
    rest = math.sqrt(r - c * slope)

    def integrand(z):
        return of_first(z) * of_second(n + slope * (z - m), rest) * density((z - m) / s) / s

    # What may be a kink or a step: of the activation at 0, and of the inner mean where it is 0.
    edges = {m + k * s for k in (-40, -12, -8, -4, -2, 0, 2, 4, 8, 12, 40)}
    turn, width = m - n / slope, rest / abs(slope)
    edges |= {0.0, *(turn + k * width for k in (-12, -4, 0, 4, 12))}
    edges |= {k * min(1.0, s) for k in (-6, -2, -0.5, 0.5, 2, 6)}
    inside = sorted(edge for edge in edges if abs(edge - m) <= 40 * s)
    return sum(
        quad(integrand, *piece, epsabs=0, epsrel=1e-11, limit=200)[0]
        for piece in itertools.pairwise(inside)
    )


def random_pairs(count, seed):
    rng = np.random.default_rng(seed)
    q, r = np.exp(rng.uniform(-5, 5, (2, count)))
    m, n = rng.normal(scale=2.5, size=(2, count)) * np.sqrt([q, r])
    c = np.tanh(rng.normal(scale=2, size=count)) * np.sqrt(q * r)
    return zip(*(values.tolist() for values in (c, q, r, m, n)), strict=True)


@pytest.mark.filterwarnings("ignore::scipy.integrate.IntegrationWarning")
@pytest.mark.parametrize(
    ("name", "count"),
    [("relu", 100), ("steep", 50), ("erf", 50), pytest.param("relu", 1000, marks=pytest.mark.slow)],
)
def test_closed_forms_agree_with_adaptive_quadrature(name, count):
    sigma, derivative, sigma_mean, derivative_mean = ELEMENTARY[name]
    worst = 0.0
    for c, q, r, m, n in random_pairs(count, 0):
        found = moments(CLOSED[name], c, q, r, m, n)
        functions = ((sigma, sigma_mean), (derivative, derivative_mean))
        for number, (first, second) in enumerate(functions):
            # In units of the root of E f(z)^2 E f(z')^2, which no moment exceeds.
            scale = math.sqrt(
                moments(CLOSED[name], q, q, q, m, m)[number]
                * moments(CLOSED[name], r, r, r, n, n)[number]
            )
            expected = by_quadrature(first, second, c, q, r, m, n)
            worst = max(worst, abs(found[number] - expected) / scale)
        assert mean(CLOSED[name], m, q) == pytest.approx(sigma_mean(m, math.sqrt(q)), rel=1e-12)
    assert worst < 1e-9


@given(st.floats(1e-6, 1e6), st.floats(1e-6, 1e6), CORRELATIONS, st.sampled_from([*CLOSED]))
def test_without_means_they_are_the_plain_moments(q, r, rho, name):
    c = rho * np.sqrt(q * r)
    # What a last digit of the covariance changes is no error of either formula.
    nearby = (c * (1 + step) for step in (-1e-15, 0, 1e-15))
    below, plain, above = (
        np.ravel(CLOSED[name].moments(*(np.array([[[v]]]) for v in (near, q, r))))
        for near in nearby
    )
    rounding = np.abs(below - plain) + np.abs(above - plain)
    found = moments(CLOSED[name], c, q, r, 0, 0)
    own = [moments(CLOSED[name], v, v, v, 0, 0) for v in (q, r)]
    for value, expected, change, first, second in zip(found, plain, rounding, *own, strict=True):
        bound = 1e-12 * abs(expected) + 1e-13 * (first * second) ** 0.5 + change
        assert abs(value - expected) <= bound


@given(VARIANCES, VARIANCES, CORRELATIONS, MEANS, MEANS, st.sampled_from([*CLOSED]))
def test_they_are_finite_and_keep_to_their_bounds(q, r, rho, m, n, name):
    c = rho * np.sqrt(q * r)
    found = moments(CLOSED[name], c, q, r, m, n)
    assert np.isfinite(found).all()
    own = [moments(CLOSED[name], v, v, v, u, u) for v, u in ((q, m), (r, n))]
    for value, first, second in zip(found, *own, strict=True):
        assert first >= 0
        assert second >= 0
        # A moment below the least float is 0, its root then off by up to that float's root.
        underflow = np.sqrt(np.finfo(float).tiny) * np.sqrt(max(first, second))
        assert abs(value) <= np.sqrt(first) * np.sqrt(second) * (1 + 1e-9) + underflow
    # A second moment is not less than the squared mean.
    assert own[0][0] >= mean(CLOSED[name], m, q) ** 2 * (1 - 1e-12)


@pytest.mark.parametrize("name", CLOSED)
@pytest.mark.parametrize(("m", "n"), [(0.7, -0.4), (-1.2, 2.0)])
def test_variance_zero_is_a_constant(name, m, n):
    activation = CLOSED[name]
    values, slopes = activation(np.array([m, n])), activation.derivative(np.array([m, n]))
    found = moments(activation, 0, 0, 0, m, n)
    assert found == pytest.approx((values.prod(), slopes.prod()), rel=1e-14)
    second, passed = moments(activation, 0, 0, 1.5, m, n)
    assert second == pytest.approx(values[0] * mean(activation, n, 1.5), rel=1e-14)
    assert (second, passed) == pytest.approx(
        moments(activation, 0, 1e-18, 1.5, m, n), rel=1e-8, abs=1e-12
    )
    assert mean(activation, m, 0) == pytest.approx(values[0], rel=1e-14)


def test_a_constant_at_the_kink_passes_nothing_through_a_relu():
    assert moments("relu", 0, 0, 1, 0, 3) == (0, 0)


@pytest.mark.parametrize("sign", [1.0, -1.0])
@pytest.mark.parametrize(("q", "r", "m", "n"), [(1, 4, 0.3, 0.6), (2, 0.5, 1, -1), (1, 1, -2, -2)])
def test_pairs_that_are_functions_of_one_another(sign, q, r, m, n):
    g, step = np.linspace(-12, 12, 100_001, retstep=True)
    weights = step * np.exp(-(g**2) / 2) / np.sqrt(2 * np.pi)
    z, y = m + np.sqrt(q) * g, n + sign * np.sqrt(r) * g
    found = moments("relu", sign * np.sqrt(q * r), q, r, m, n)
    # The trapezoidal rule errs by the square of its step at a kink, and by a step at each jump.
    kink, jump = weights @ (np.maximum(z, 0) * np.maximum(y, 0)), weights @ ((z > 0) & (y > 0))
    assert found == pytest.approx((kink, jump), abs=step)
    assert found[0] == pytest.approx(kink, abs=20 * step**2)


def test_equal_pairs_have_the_moments_of_one():
    for m in (-30.0, -5.0, -0.1, 0.0, 2.0, 50.0):
        second, passed = moments("relu", 1.7, 1.7, 1.7, m, m)
        a = m / np.sqrt(1.7)
        assert passed == pytest.approx(ndtr(a), rel=1e-13)
        expected = (m * m + 1.7) * ndtr(a) + m * np.sqrt(1.7) * density(a)
        assert second == pytest.approx(expected, rel=1e-10)


def test_far_in_the_tails_a_relu_is_dead_or_linear():
    assert moments("relu", 0.5, 1, 1, -50, 3) == (0, 0)
    assert moments("relu", 0.5, 1, 1, 50, 30) == pytest.approx(moments("linear", 0.5, 1, 1, 50, 30))
    assert moments("relu", 0.5e-100, 1e-100, 1e-100, 1e60, -1e60) == (0, 0)
    assert moments("relu", 0.5, 1, 1, 1e60, 1e60) == pytest.approx((1e120, 1))


@given(st.floats(0.01, 2), st.floats(0.01, 2), CORRELATIONS, st.floats(-3, 3), st.floats(-3, 3))
def test_the_expansion_agrees_with_the_closed_form_of_erf(q, r, rho, m, n):
    c = rho * np.sqrt(q * r)
    expansion = HermiteActivation(erf)
    expected = moments("erf", c, q, r, m, n)
    assert moments(expansion, c, q, r, m, n) == pytest.approx(expected, rel=1e-9, abs=1e-9)
    assert mean(expansion, m, q) == pytest.approx(mean("erf", m, q), abs=1e-12)


@given(st.floats(0.1, 5), st.floats(0.1, 5), CORRELATIONS, st.floats(-3, 3), st.floats(-3, 3))
def test_leaky_relu_of_slope_1_is_linear(q, r, rho, m, n):
    c = rho * np.sqrt(q * r)
    expected = moments(Linear(), c, q, r, m, n)
    assert moments(LeakyReLU(1.0), c, q, r, m, n) == pytest.approx(expected, abs=1e-13)
