"""The mixture over pixels: enumeration, special cases, the correction, networks, bad input."""

import math

import numpy as np
import pytest

from graphon_lib.experiments.pixel_mixture import pooled
from graphon_lib.graphons import GraphonNetwork, StepGraphon
from graphon_lib.ntk import empirical_ntk, graphon_ntk
from graphon_lib.ntk.pixel_mixture import mixture_correction, mixture_moments, plain_moments

X = np.array([[1.0, 0.5, 0.8, 1.2, 0.6], [0.7, 1.1, -0.4, 0.9, 1.3]])


def exact(x, density):
    return mixture_moments(x, density, 2 ** x.shape[1], np.random.default_rng(0))


def test_plain_moments_are_those_of_the_graphon_kernel():
    plain = plain_moments(X, 0.4)
    network = GraphonNetwork([StepGraphon([[0.4]]), StepGraphon([[1.0]])])
    kernel = 2 * (plain.activation + plain.own_layer)
    np.testing.assert_allclose(kernel, graphon_ntk(X, network), rtol=1e-12)


def test_sampling_agrees_with_enumeration():
    sampled = mixture_moments(X, 0.6, 31, np.random.default_rng(0))
    many = [mixture_moments(X, 0.6, 31, np.random.default_rng(seed)) for seed in range(300)]
    for place in range(2):
        values = np.array([m[place] for m in many])
        error = values.std(axis=0) / math.sqrt(len(many)) + 1e-12
        assert (np.abs(values.mean(axis=0) - exact(X, 0.6)[place]) < 5 * error).all()
    assert sampled.activation.shape == (2, 2)


def test_all_or_one_pixel():
    for a, b in zip(exact(X, 1.0), plain_moments(X, 1.0), strict=True):
        np.testing.assert_allclose(a, b, atol=1e-12)
    assert np.abs(mixture_correction(X, 1.0)).max() == 0.0
    # One pixel: the mixture is p times the dense kernel, and so is the plain theory.
    x = np.array([[1.5], [-0.7]])
    for a, b in zip(exact(x, 0.3), plain_moments(x, 1.0), strict=True):
        np.testing.assert_allclose(a, 0.3 * b, atol=1e-12)


def test_inputs_of_disjoint_supports():
    x = np.array([[1.0, 2.0, 0.0, 0.0], [0.0, 0.0, 0.5, 1.0]])
    p, d = 0.3, 4
    roots = []
    for values in (x[0, :2], x[1, 2:]):
        sets = [(i, j) for i in (0, 1) for j in (0, 1)]
        roots.append(
            sum(
                p ** sum(m)
                * (1 - p) ** (2 - sum(m))
                * math.sqrt(2 / d * float(np.dot(m, values**2)))
                for m in sets
            )
        )
    found = exact(x, p)
    assert found.activation[0, 1] == pytest.approx(roots[0] * roots[1] / (2 * math.pi))
    assert found.own_layer[0, 1] == 0.0


def test_no_correction_on_the_diagonal_and_half_the_variance_there():
    found = exact(X, 0.6).activation
    np.testing.assert_allclose(np.diag(found), 0.6 / 5 * (X**2).sum(1), rtol=1e-12)
    assert (np.diag(mixture_correction(X, 0.6)) == 0.0).all()


def test_the_correction_is_of_second_order():
    rng = np.random.default_rng(1)
    left = []
    for copies in (1, 2, 3):
        x = np.tile(rng.permutation(X.T).T, copies)[:, : 5 * copies]
        missed = exact(x, 0.6).activation - plain_moments(x, 0.6).activation
        left.append(abs(missed - mixture_correction(x, 0.6))[0, 1] / abs(missed[0, 1]))
        assert abs(missed[0, 1]) > 0
    assert left[2] < left[0] / 1.8
    assert left[2] < 0.35


def test_second_derivatives_by_finite_differences():
    # The correction is linear in v: perturb one pixel's keeping and compare with differences of S.
    def s(q, r, c):
        theta = math.acos(c / math.sqrt(q * r))
        return (
            math.sqrt(q * r)
            * (math.sin(theta) + (math.pi - theta) * math.cos(theta))
            / (2 * math.pi)
        )

    p, d, e = 0.5, 5, 1e-3
    bar = 2 * p / d * np.array([(X[0] ** 2).sum(), (X[1] ** 2).sum(), (X[0] * X[1]).sum()])
    features = np.stack([X[0] ** 2, X[1] ** 2, X[0] * X[1]])
    total = 0.0
    for j in range(d):
        step = 2 / d * features[:, j]
        second = (s(*(bar + e * step)) - 2 * s(*bar) + s(*(bar - e * step))) / e**2
        total += p * (1 - p) * second / 2
    assert mixture_correction(X, p)[0, 1] == pytest.approx(total, rel=1e-5)


def test_a_wide_network_has_the_kernel_of_the_mixture():
    rng = np.random.default_rng(2)
    masks = [rng.random((40000, 5)) < 0.6, np.ones((1, 40000), bool)]
    kernel = empirical_ntk([rng.standard_normal(m.shape) for m in masks], masks, X)
    mixture, plain = exact(X, 0.6), plain_moments(X, 0.6)
    near, far = (
        abs(kernel[0, 1] / (2 * (m.activation + m.own_layer)[0, 1]) - 1) for m in (mixture, plain)
    )
    assert near < 0.02
    assert far > 2 * near


def test_pooling():
    image = np.arange(16.0).reshape(1, 16)
    np.testing.assert_array_equal(pooled(image, (4, 4), 4), [[2.5, 4.5, 10.5, 12.5]])
    np.testing.assert_array_equal(pooled(image, (4, 4), 16), image)
    assert pooled(np.ones((3, 30)), (5, 2, 3), 16).shape == (3, 8)


@pytest.mark.parametrize(
    "call",
    [
        lambda: mixture_moments(X, 0.0, 8, np.random.default_rng(0)),
        lambda: mixture_moments(X, 0.5, 0, np.random.default_rng(0)),
        lambda: mixture_moments(X, 0.5, 8, 1),
        lambda: mixture_moments(X[0], 0.5, 8, np.random.default_rng(0)),
        lambda: plain_moments(X, 1.5),
        lambda: mixture_correction(np.full((2, 3), np.nan), 0.5),
    ],
)
def test_bad_input(call):
    with pytest.raises(ValueError, match="must"):
        call()
