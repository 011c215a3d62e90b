"""Spectral metrics, eigenfunctions and alignment on kernels with known spectra."""

import math

import numpy as np
import pytest
from graphons_strategies import SEEDS
from hypothesis import given
from hypothesis import strategies as st
from ntk_strategies import dense_network, seeded_inputs

from graphon_lib.ntk import (
    eigenfunctions,
    empirical_ntk,
    gradient_flow,
    graphon_ntk,
    kernel_target_alignment,
    spectral_metrics,
)


def with_spectrum(values, seed=0):
    values = np.asarray(values, dtype=float)
    rotation, _ = np.linalg.qr(np.random.default_rng(seed).normal(size=(values.size,) * 2))
    kernel = rotation * values @ rotation.T
    return (kernel + kernel.T) / 2


@pytest.mark.parametrize("exponent", [0.5, 1.0, 2.5])
@pytest.mark.parametrize("fit_range", [None, (1, 200), (5, 6)])
def test_a_power_law_is_found(exponent, fit_range):
    metrics = spectral_metrics(
        with_spectrum(3 * np.arange(1, 201) ** -exponent), fit_range=fit_range
    )
    assert metrics.decay_exponent == pytest.approx(exponent, rel=1e-6)
    assert metrics.spectral_gap == pytest.approx(2**exponent)
    assert metrics.effective_rank == pytest.approx(np.sum(np.arange(1, 201) ** -exponent))
    assert metrics.fit_range == (fit_range or (3, 101))


def test_the_fit_looks_at_its_range_only():
    values = np.concatenate([[100, 50], np.arange(3, 31) ** -1.5, np.full(10, 1e-6)])
    assert spectral_metrics(
        with_spectrum(values), fit_range=(3, 30)
    ).decay_exponent == pytest.approx(1.5)
    assert spectral_metrics(with_spectrum(values), fit_range=(1, 30)).decay_exponent > 2


def test_known_figures():
    metrics = spectral_metrics(np.diag([1.0, 4.0, 2.0, 1.0]), top=2)
    assert metrics.effective_rank == pytest.approx(2)
    assert metrics.spectral_gap == pytest.approx(2)
    assert metrics.energy_concentration == pytest.approx(6 / 8)
    np.testing.assert_allclose(metrics.eigenvalues, [4, 2, 1, 1])


@pytest.mark.parametrize("count", [2, 3, 10, 250])
def test_identity_and_rank_one(count):
    flat = spectral_metrics(np.eye(count), top=1)
    assert flat.decay_exponent == pytest.approx(0, abs=1e-12)
    assert (flat.effective_rank, flat.spectral_gap) == (count, 1)
    assert flat.energy_concentration == pytest.approx(1 / count)
    single = spectral_metrics(np.ones((count, count)), top=1)
    assert single.decay_exponent == single.spectral_gap == math.inf
    assert single.effective_rank == pytest.approx(1)
    assert single.energy_concentration == pytest.approx(1)


@given(st.integers(2, 20), SEEDS, st.floats(1e-6, 1e6))
def test_metrics_do_not_depend_on_scale_order_or_basis(count, seed, scale):
    rng = np.random.default_rng(seed)
    values = rng.exponential(size=count) + 0.01
    order = rng.permutation(count)
    first = spectral_metrics(np.diag(values), top=1)
    kernel = scale * with_spectrum(values, seed)[np.ix_(order, order)]
    second = spectral_metrics(kernel, top=1)
    for name in ("decay_exponent", "effective_rank", "spectral_gap", "energy_concentration"):
        assert getattr(second, name) == pytest.approx(getattr(first, name), rel=1e-8)


def test_eigenfunctions_are_orthonormal_and_extend_to_themselves():
    x = seeded_inputs((40, 3))
    kernel = graphon_ntk(x, dense_network(3))
    functions = eigenfunctions(kernel, 6)
    gram = functions.at_points.T @ functions.at_points / 40
    np.testing.assert_allclose(gram, np.eye(6), atol=1e-12)
    np.testing.assert_allclose(functions.extend(kernel), functions.at_points, atol=1e-9)
    assert ((functions.at_points**3).sum(axis=0) >= 0).all()
    full = eigenfunctions(kernel, 40)
    rebuilt = full.at_points * full.values @ full.at_points.T
    np.testing.assert_allclose(rebuilt, kernel, atol=1e-12)


def test_eigenfunctions_of_a_kernel_on_the_circle_are_harmonics():
    # 32 points; K = 1 + cos(angle) + cos(2 angle) / 2 has eigenvalues 1, 1/2, 1/2, 1/4, 1/4.
    angles = 2 * np.pi * np.arange(32) / 32
    other = np.linspace(0, 1, 7)

    def kernel(a, b):
        difference = a[:, None] - b
        return 1 + np.cos(difference) + np.cos(2 * difference) / 2

    functions = eigenfunctions(kernel(angles, angles), 5)
    np.testing.assert_allclose(functions.values, [1, 0.5, 0.5, 0.25, 0.25], rtol=1e-12)
    extended = functions.extend(kernel(other, angles))
    np.testing.assert_allclose(extended[:, 0], 1, rtol=1e-12)
    # A pair of eigenvalues has an arbitrary basis; its sum of squares is that of cosine and sine.
    np.testing.assert_allclose((extended[:, 1:3] ** 2).sum(axis=1), 2, rtol=1e-12)
    np.testing.assert_allclose((extended[:, 3:5] ** 2).sum(axis=1), 2, rtol=1e-12)


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


BAD_KERNELS = [
    (np.ones((2, 3)), "kernel must be square"),
    (np.zeros((3, 3)), "kernel must not be zero everywhere"),
    ([[1.0, 2.0], [3.0, 1.0]], "kernel must be symmetric"),
    ([[1.0, 2.0], [2.0, 1.0]], "kernel must be positive semi-definite"),
    (-np.eye(3), "kernel must be positive semi-definite"),
    ([[1.0, np.nan], [np.nan, 1.0]], "kernel must be finite"),
    (np.ones(3), "kernel must be a non-empty array with 2 axes"),
]


@pytest.mark.parametrize(("kernel", "message"), BAD_KERNELS)
def test_matrices_that_are_no_kernels(kernel, message):
    with pytest.raises(ValueError, match=message):
        spectral_metrics(kernel, 1)
    with pytest.raises(ValueError, match=message):
        eigenfunctions(kernel, 1)
    with pytest.raises(ValueError, match=message):
        kernel_target_alignment(kernel, np.ones(len(kernel)))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"top": 0}, "top must be an integer >= 1"),
        ({"top": 7}, "top must be at most 6"),
        ({"fit_range": (0, 3)}, r"fit_range\[0\] must be an integer >= 1"),
        ({"fit_range": (3, 3)}, r"fit_range\[1\] must be an integer >= 4"),
        ({"fit_range": (3, 7)}, r"fit_range\[1\] must be at most 6"),
        ({"fit_range": 3}, "fit_range must be two ranks"),
        ({"fit_range": (1, 2, 3)}, "fit_range must be two ranks"),
    ],
)
def test_bad_options_of_the_metrics(options, message):
    with pytest.raises(ValueError, match=message):
        spectral_metrics(np.eye(6), **options)


def test_other_bad_arguments():
    with pytest.raises(ValueError, match="kernel must be at least 2 x 2"):
        spectral_metrics([[1.0]], 1)
    with pytest.raises(ValueError, match="count must be at most 1, the rank"):
        eigenfunctions(np.ones((3, 3)), 2)
    with pytest.raises(ValueError, match="cross_kernel must have 3 columns"):
        eigenfunctions(np.eye(3), 2).extend(np.ones((2, 2)))
    with pytest.raises(ValueError, match="targets must have 3 rows"):
        kernel_target_alignment(np.eye(3), np.ones(2))
    with pytest.raises(ValueError, match="targets must differ from zero, got"):
        kernel_target_alignment(np.eye(3), np.zeros(3))
    with pytest.raises(ValueError, match="targets must differ from zero once centred"):
        kernel_target_alignment(np.eye(3), np.ones(3), centred=True)
    with pytest.raises(ValueError, match="kernel must differ from zero once centred"):
        kernel_target_alignment(np.ones((3, 3)), [1.0, 2.0, 3.0], centred=True)
    with pytest.raises(ValueError, match="targets must be a non-empty array with 2 axes"):
        kernel_target_alignment(np.eye(3), np.ones((3, 1, 1)))


def all_four(kernel, **options):
    """What the functions of kernels return, for targets that are linear in the row."""
    y = np.linspace(-1.0, 1.0, len(kernel))
    return (
        spectral_metrics(kernel, 3, **options).eigenvalues,
        eigenfunctions(kernel, 3, **options).values,
        gradient_flow(kernel, y, [0.0, 1.0, 10.0], **options).train_loss,
        kernel_target_alignment(kernel, y, **options),
        kernel_target_alignment(kernel, y, centred=True, **options),
    )


@pytest.mark.parametrize(("count", "rank"), [(2, 1), (50, 20), (400, 30)])
def test_kernels_computed_in_single_precision(count, rank):
    features = np.random.default_rng(0).normal(size=(count, rank)) / np.sqrt(rank)
    single = features.astype(np.float32)
    kernel = np.stack([single @ row for row in single])  # row by row: not exactly symmetric
    metrics = spectral_metrics(kernel, 1)
    assert np.count_nonzero(metrics.eigenvalues) == rank
    exact = np.linalg.eigvalsh(features @ features.T)[::-1]
    np.testing.assert_allclose(metrics.eigenvalues, exact, atol=1e-5 * exact[0])
    if rank == 1:
        return
    double = all_four(features @ features.T)
    for form, options in (
        (kernel, {}),
        (kernel.tolist(), {"precision": "single"}),
        (kernel.astype(np.float64), {"precision": "single"}),
    ):
        for one, other in zip(all_four(form, **options), double, strict=True):
            np.testing.assert_allclose(one, other, rtol=1e-4, atol=1e-4)
    # Told that its entries are exact to 16 digits, none of the functions takes it.
    with pytest.raises(ValueError, match="kernel must be"):
        spectral_metrics(kernel.astype(np.float64), 3)
    with pytest.raises(ValueError, match="kernel must be"):
        spectral_metrics(kernel, 3, precision="double")


def test_the_librarys_own_kernels_in_single_precision():
    rng = np.random.default_rng(0)
    weights = [rng.normal(size=(4, 3)), rng.normal(size=(1, 4))]
    masks = [np.ones(w.shape, bool) for w in weights]
    kernel = empirical_ntk(weights, masks, rng.normal(size=(60, 3)), precision="single")
    with pytest.raises(ValueError, match="kernel must be positive semi-definite"):
        spectral_metrics(kernel)
    assert all(np.isfinite(result).all() for result in all_four(kernel, precision="single"))
    # Rank at most the number of weights, and no more is left of the spectrum.
    assert np.count_nonzero(all_four(kernel, precision="single")[0]) <= 16


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


def test_other_precisions_are_refused():
    for function in (spectral_metrics, eigenfunctions):
        with pytest.raises(ValueError, match="precision must be one of double, single; got 'half'"):
            function(np.eye(6), precision="half")
