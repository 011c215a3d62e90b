"""Spectral metrics and alignment on kernels with known spectra."""

import math

import numpy as np
import pytest
from graphons_strategies import SEEDS
from hypothesis import given
from hypothesis import strategies as st

from graphon_lib.ntk import empirical_ntk, gradient_flow, kernel_target_alignment, spectral_metrics


def with_spectrum(values, seed=0):
    values = np.asarray(values, dtype=float)
    rotation, _ = np.linalg.qr(np.random.default_rng(seed).normal(size=(values.size,) * 2))
    kernel = rotation * values @ rotation.T
    return (kernel + kernel.T) / 2


@pytest.mark.parametrize("exponent", [0.5, 1.0, 2.5])
def test_a_power_law_is_found(exponent):
    metrics = spectral_metrics(with_spectrum(3 * np.arange(1, 201) ** -exponent))
    assert metrics.decay_exponent == pytest.approx(exponent, rel=1e-6)
    assert metrics.spectral_gap == pytest.approx(2**exponent)
    assert metrics.effective_rank == pytest.approx(np.sum(np.arange(1, 201) ** -exponent))
    assert metrics.fit_range == (3, 101)


def test_known_figures():
    metrics = spectral_metrics(np.diag([1.0, 4.0, 2.0, 1.0]), top=2)
    assert metrics.effective_rank == pytest.approx(2)
    assert metrics.spectral_gap == pytest.approx(2)
    assert metrics.energy == pytest.approx(6 / 8)
    np.testing.assert_allclose(metrics.eigenvalues, [4, 2, 1, 1])


@pytest.mark.parametrize("count", [2, 3, 10, 250])
def test_identity_and_rank_one(count):
    flat = spectral_metrics(np.eye(count), top=1)
    assert flat.decay_exponent == pytest.approx(0, abs=1e-12)
    assert (flat.effective_rank, flat.spectral_gap) == (count, 1)
    assert flat.energy == pytest.approx(1 / count)
    single = spectral_metrics(np.ones((count, count)), top=1)
    assert single.decay_exponent == single.spectral_gap == math.inf
    assert single.effective_rank == pytest.approx(1)
    assert single.energy == pytest.approx(1)


@given(st.integers(2, 20), SEEDS, st.floats(1e-6, 1e6))
def test_metrics_do_not_depend_on_scale_order_or_basis(count, seed, scale):
    rng = np.random.default_rng(seed)
    values = rng.exponential(size=count) + 0.01
    order = rng.permutation(count)
    first = spectral_metrics(np.diag(values), top=1)
    kernel = scale * with_spectrum(values, seed)[np.ix_(order, order)]
    second = spectral_metrics(kernel, top=1)
    for name in ("decay_exponent", "effective_rank", "spectral_gap", "energy"):
        assert getattr(second, name) == pytest.approx(getattr(first, name), rel=1e-8)


def test_alignment():
    y = np.array([1.0, 1.0, -1.0, -1.0])
    assert kernel_target_alignment(3 * np.outer(y, y), y) == pytest.approx(1)
    assert kernel_target_alignment(np.eye(4), y) == pytest.approx(4 / (2 * 4))
    orthogonal = np.array([1.0, -1.0, 1.0, -1.0])
    assert kernel_target_alignment(np.outer(orthogonal, orthogonal), y) == pytest.approx(0)
    classes = np.eye(2)[[0, 0, 1, 1]]
    assert kernel_target_alignment(classes @ classes.T, classes) == pytest.approx(1)


def test_centred_alignment_ignores_offsets():
    rng = np.random.default_rng(0)
    features, y = rng.normal(size=(10, 4)), rng.normal(size=(10, 2))
    plain = kernel_target_alignment(features @ features.T, y, centred=True)
    shifted = features + 3.0
    assert kernel_target_alignment(shifted @ shifted.T, y - 5, centred=True) == pytest.approx(plain)
    assert kernel_target_alignment(shifted @ shifted.T, y - 5) > plain + 0.1


@given(st.integers(2, 8), SEEDS, st.booleans())
def test_alignment_lies_between_0_and_1(count, seed, centred):
    rng = np.random.default_rng(seed)
    features = rng.normal(size=(count, 3))
    alignment = kernel_target_alignment(
        features @ features.T, rng.normal(size=(count, 2)), centred=centred
    )
    assert -1e-12 <= alignment <= 1 + 1e-12


@pytest.mark.parametrize(("count", "rank"), [(2, 1), (50, 20), (400, 30)])
def test_kernels_computed_in_single_precision(count, rank):
    features = np.random.default_rng(0).normal(size=(count, rank)) / np.sqrt(rank)
    single = features.astype(np.float32)
    kernel = np.stack([single @ row for row in single])  # row by row: not exactly symmetric
    values = spectral_metrics(kernel, 1).eigenvalues
    assert np.count_nonzero(values) == rank
    exact = features @ features.T
    eigenvalues = np.linalg.eigvalsh(exact)[::-1]
    np.testing.assert_allclose(values, eigenvalues, atol=1e-5 * eigenvalues[0])
    y = np.linspace(-1.0, 1.0, count)
    loss, expected = (gradient_flow(k, y, [0.0, 1.0, 10.0]).train_loss for k in (kernel, exact))
    np.testing.assert_allclose(loss, expected, rtol=1e-4, atol=1e-4)
    alignment = kernel_target_alignment(kernel, y)
    assert alignment == pytest.approx(kernel_target_alignment(exact, y), rel=1e-4)


def test_the_librarys_own_kernels_in_single_precision():
    rng = np.random.default_rng(0)
    weights = [rng.normal(size=(4, 3)), rng.normal(size=(1, 4))]
    masks = [np.ones(w.shape, bool) for w in weights]
    kernel = empirical_ntk(weights, masks, rng.normal(size=(60, 3)), precision="single")
    with pytest.raises(ValueError, match="kernel must be positive semi-definite"):
        spectral_metrics(kernel)
    # Rank at most the number of weights, and no more is left of the spectrum.
    assert np.count_nonzero(spectral_metrics(kernel.astype(np.float32)).eigenvalues) <= 16


@pytest.mark.parametrize("count", [10, 1000])
def test_single_precision_excuses_no_flaw(count):
    values = np.ones(count)
    values[0] = -3e-3
    kernel = with_spectrum(values).astype(np.float32)
    with pytest.raises(ValueError, match="kernel must be positive semi-definite"):
        spectral_metrics(kernel)
    kernel = np.eye(count, dtype=np.float32)
    kernel[0, 1] = 1e-4
    with pytest.raises(ValueError, match="kernel must be symmetric"):
        spectral_metrics(kernel)


@pytest.mark.parametrize("scale", [1e-310, 1e-200, 1e200, 8e307])
def test_nothing_depends_on_the_units(scale):
    y, kernel = np.array([1.0, 2.0, -1.0]), np.diag([1.0, 2.0, 0.5])
    alignment = kernel_target_alignment(kernel, y)
    assert kernel_target_alignment(kernel * scale, y) == pytest.approx(alignment)
    assert kernel_target_alignment(kernel, y * scale) == pytest.approx(alignment)
    metrics, scaled = spectral_metrics(kernel, 1), spectral_metrics(kernel * scale, 1)
    for name in ("decay_exponent", "effective_rank", "spectral_gap", "energy"):
        assert getattr(scaled, name) == pytest.approx(getattr(metrics, name))
    flow = gradient_flow(kernel, y, [0.0, 1.0])
    scaled = gradient_flow(kernel * scale, y, [0.0, 1.0 / scale if scale > 1 else 1e308])
    if scale > 1:
        np.testing.assert_allclose(scaled.train_loss, flow.train_loss)


def test_what_double_precision_does_not_hold_is_refused():
    with pytest.raises(ValueError, match="kernel must have eigenvalues in the range"):
        spectral_metrics(np.full((3, 3), 1e308))
    with pytest.raises(ValueError, match="targets and initial must give losses in the range"):
        gradient_flow(np.eye(3), [1e200, 2, 3], [0, 1.0])


def test_kernels_in_half_precision_have_its_rounding():
    features = np.random.default_rng(0).normal(size=(30, 5))
    half = (features @ features.T).astype(np.float16)
    assert np.count_nonzero(spectral_metrics(half, 1).eigenvalues) == 5
    with pytest.raises(ValueError, match="kernel must be positive semi-definite"):
        spectral_metrics(half.astype(np.float32))
