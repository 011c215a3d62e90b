"""Moments of activations against quadrature, closed forms, and each other."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from ntk_strategies import random_network, seeded_inputs
from scipy.special import erf, ndtr

from graphon_lib.ntk import ACTIVATIONS, Erf, LeakyReLU, graphon_ntk
from graphon_lib.ntk.activations import named_activation

VARIANCES = st.floats(1e-3, 20)
CORRELATIONS = st.floats(-1, 1)


def gelu(z):
    return z * ndtr(z)


def gelu_derivative(z):
    return ndtr(z) + z * np.exp(-(z**2) / 2) / np.sqrt(2 * np.pi)


SMOOTH = {
    "tanh": (np.tanh, lambda z: 1 - np.tanh(z) ** 2),
    "gelu": (gelu, gelu_derivative),
    "softplus": (lambda z: np.logaddexp(0, z), lambda z: ndtr(0) + np.tanh(z / 2) / 2),
    "sine": (lambda z: np.sin(2 * z), lambda z: 2 * np.cos(2 * z)),
}


def moments(activation, c, q, r):
    """Return both moments of one pair of Gaussians."""
    arrays = (np.array([[[float(value)]]]) for value in (c, q, r))
    return tuple(moment.item() for moment in named_activation(activation).moments(*arrays))


def half_lines(nodes=100, far=10.0):
    """Return nodes and weights of the Gauss-Legendre rule on (-far, 0) and on (0, far)."""
    points, weights = np.polynomial.legendre.leggauss(nodes)
    points, weights = far * (points + 1) / 2, far * weights / 2
    return np.concatenate([-points[::-1], points]), np.concatenate([weights[::-1], weights])


def mean_of_product(function, c, q, r):
    """Integrate over a pair of Gaussians in independent coordinates, for smooth functions."""
    g, weights = half_lines()
    weights = weights * np.exp(-(g**2) / 2) / np.sqrt(2 * np.pi)
    rho = c / np.sqrt(q * r)
    z = np.sqrt(q) * g[:, None]
    y = np.sqrt(r) * (rho * g[:, None] + np.sqrt(1 - rho**2) * g)
    return weights @ (function(z) * function(y)) @ weights


def mean_by_quadrants(function, c, q, r):
    """Integrate the joint density over each quadrant, for functions with a kink or jump at 0."""
    g, weights = half_lines()
    z, y = np.sqrt(q) * g[:, None], np.sqrt(r) * g
    determinant = q * r - c**2
    exponent = (r * z**2 - 2 * c * z * y + q * y**2) / (2 * determinant)
    density = np.exp(-exponent) / (2 * np.pi) * np.sqrt(q * r / determinant)
    return weights @ (function(z) * function(y) * density) @ weights


@pytest.mark.parametrize("name", SMOOTH)
@pytest.mark.parametrize(("q", "r"), [(0.3, 0.3), (0.01, 3.0), (2.0, 2.0)])
@pytest.mark.parametrize("rho", [-1.0, -0.6, 0.0, 0.3, 0.999, 1.0])
def test_smooth_functions_agree_with_quadrature_of_function_and_derivative(name, q, r, rho):
    function, derivative = SMOOTH[name]
    c = rho * np.sqrt(q * r)
    second, passed = moments(function, c, q, r)
    assert second == pytest.approx(mean_of_product(function, c, q, r), rel=1e-10, abs=1e-12)
    assert passed == pytest.approx(mean_of_product(derivative, c, q, r), rel=1e-9, abs=1e-11)


@pytest.mark.parametrize("slope", [0.0, 0.01, 0.3, -0.5, 1.0])
@pytest.mark.parametrize(("q", "r", "rho"), [(1.0, 2.0, 0.5), (0.4, 3.0, -0.7), (1.0, 1.0, 0.95)])
def test_leaky_relu_agrees_with_integration_over_quadrants(slope, q, r, rho):
    activation = LeakyReLU(slope)
    c = rho * np.sqrt(q * r)
    second, passed = moments(activation, c, q, r)
    assert second == pytest.approx(mean_by_quadrants(activation, c, q, r), rel=1e-11)
    assert passed == pytest.approx(mean_by_quadrants(activation.derivative, c, q, r), rel=1e-11)


@given(st.floats(1e-6, 1), st.floats(1e-6, 1), CORRELATIONS)
def test_closed_form_of_the_exponential(q, r, rho):
    c = rho * np.sqrt(q * r)
    expected = np.exp((q + r) / 2 + c)
    assert moments(np.exp, c, q, r) == pytest.approx((expected, expected), rel=1e-9)


@pytest.mark.parametrize("degree", range(1, 8))
def test_powers_have_the_moments_of_isserlis(degree):
    # E z^{2n} = (2n - 1)!! q^n on the diagonal.
    odd = np.prod(np.arange(2 * degree - 1, 0, -2, dtype=float))
    before = odd / (2 * degree - 1)
    second, passed = moments(lambda z: z**degree, 0.7, 0.7, 0.7)
    assert second == pytest.approx(odd * 0.7**degree, rel=1e-12)
    assert passed == pytest.approx(degree**2 * before * 0.7 ** (degree - 1), rel=1e-12)


@pytest.mark.parametrize("degree", [40, 50])
def test_an_expansion_that_starts_late_is_not_taken_for_zero(degree):
    coefficients = np.zeros(degree + 1)
    coefficients[degree] = 1.0

    def polynomial(z):
        # Normalised on the way, so that no coefficient overflows.
        before, value = np.zeros_like(z), np.ones_like(z)
        for n in range(degree):
            before, value = value, (z * value - np.sqrt(n) * before) / np.sqrt(n + 1)
        return value

    second, passed = moments(polynomial, 1.0, 1.0, 1.0)
    assert second == pytest.approx(1.0, rel=1e-10)
    assert passed == pytest.approx(degree, rel=1e-10)


@pytest.mark.parametrize("function", [np.abs, np.sign, lambda z: np.maximum(z, 0), np.floor])
def test_functions_with_kinks_are_refused(function):
    with pytest.raises(ValueError, match="activation must be smooth"):
        moments(function, 0.5, 1.0, 1.0)


def test_a_saturating_function_at_a_large_variance_is_refused():
    with pytest.raises(ValueError, match="up to 1e\\+03 here"):
        moments(np.tanh, 0.0, 1e3, 1e3)


@pytest.mark.parametrize(
    "function", [lambda z: z[0], lambda z: z * np.nan, lambda z: 1.0, lambda _: None]
)
def test_functions_that_return_something_else_are_refused(function):
    with pytest.raises(ValueError, match="activation must return a finite number for each entry"):
        moments(function, 0.5, 1.0, 1.0)


@pytest.mark.parametrize("activation", [*ACTIVATIONS, np.tanh, gelu])
def test_variance_zero_is_the_limit_of_small_variances(activation):
    zero, limit = moments(activation, 0.0, 0.0, 1.0), moments(activation, 0.0, 1e-10, 1.0)
    if activation == "relu":  # the derivative jumps, and is 0 at 0
        assert zero[1] == 0
        zero, limit = zero[:1], limit[:1]
    if activation == "leaky_relu":
        assert zero[1] == pytest.approx(0.01 * 1.01 / 2)
        zero, limit = zero[:1], limit[:1]
    assert zero == pytest.approx(limit, abs=1e-5)


@pytest.mark.parametrize("variance", [1e-130, 1e-20, 1e20, 1e130])
@pytest.mark.parametrize("activation", ["relu", "leaky_relu", "linear"])
def test_extreme_variances_scale(activation, variance):
    second, passed = moments(activation, 0.3 * variance, variance, variance)
    expected = moments(activation, 0.3, 1.0, 1.0)
    assert (second / variance, passed) == pytest.approx(expected, rel=1e-13)


def test_erf_at_large_variances_is_the_sign():
    second, passed = moments(Erf(), 0.5e30, 1e30, 1e30)
    assert second == pytest.approx(2 / np.pi * np.arcsin(0.5))
    assert 0 < passed < 1e-14


def test_named_and_given_activations_are_the_same():
    network, x = random_network((4, 3, 2), np.random.default_rng(0)), seeded_inputs((5, 4))
    for name, activation in ACTIVATIONS.items():
        by_name = graphon_ntk(x, network, activation=name)
        assert np.array_equal(by_name, graphon_ntk(x, network, activation=activation))


def test_kernel_of_a_callable_agrees_with_the_closed_form_over_layers():
    network, x = random_network((4, 3, 3, 2), np.random.default_rng(0)), seeded_inputs((5, 4))
    closed = graphon_ntk(x, network, activation="erf")
    np.testing.assert_allclose(graphon_ntk(x, network, activation=erf), closed, rtol=1e-9)


def test_slopes_without_a_square_are_refused():
    with pytest.raises(ValueError, match="slope must lie in"):
        LeakyReLU(1e200)
