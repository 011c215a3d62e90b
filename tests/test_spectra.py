"""The sweep of spectra: each road is what it says, and the assembled result holds every cell."""

import numpy as np
import pytest

from graphon_lib.experiments.data import load_mnist
from graphon_lib.experiments.digits import Data, nested_batch
from graphon_lib.experiments.pruned import start_trial
from graphon_lib.experiments.roads import ROADS
from graphon_lib.experiments.spectra import (
    METRICS,
    OF_NETWORKS,
    RANKS,
    SPECTRA,
    kernel_metrics,
    spectra,
)
from graphon_lib.ntk import empirical_ntk

CELL = {"seed": 3, "width": 20, "hidden_layers": 2, "trial": 1, "digits": 8, "blocks": 6}


@pytest.fixture(scope="module")
def digits():
    return load_mnist()


def cell(digits, pruning="snip", density=0.5):
    data = Data(full=False, sha256=digits.sha256)
    return spectra(pruning=pruning, density=density, data=data, **CELL)


def trace(arrays, road):
    return arrays["trace"][OF_NETWORKS.index(road)]


def test_a_smaller_batch_is_the_beginning_of_a_larger_one(digits):
    small, large = (nested_batch(digits, size, 5) for size in (7, 40))
    np.testing.assert_array_equal(small.x, large.x[:7])
    np.testing.assert_array_equal(small.y, large.y[:7])
    assert len(np.unique(large.x, axis=0)) == 40
    assert not np.array_equal(small.x, nested_batch(digits, 7, 6).x)


@pytest.mark.parametrize("size", [0, 4001, 2.0])
def test_a_batch_must_have_a_possible_size(digits, size):
    with pytest.raises(ValueError, match="size must be"):
        nested_batch(digits, size, 0)


def test_metrics_of_a_kernel_with_a_known_spectrum():
    basis, _ = np.linalg.qr(np.random.default_rng(0).normal(size=(100, 100)))
    values = np.arange(1, 101) ** -1.5
    kernel = (basis * values) @ basis.T
    metrics, eigenvalues = kernel_metrics((kernel + kernel.T) / 2, np.arange(100) % 10, 10)
    found = dict(zip(METRICS, metrics, strict=True))
    assert found["decay_exponent"] == pytest.approx(1.5)
    assert found["effective_rank"] == pytest.approx(values.sum())
    assert found["spectral_gap"] == pytest.approx(2**1.5)
    assert found["energy"] == pytest.approx(values[:5].sum() / values.sum())
    assert found["trace"] == pytest.approx(values.mean())
    inside = [rank for rank in RANKS if rank <= 100]
    np.testing.assert_allclose(eigenvalues[: len(inside)], np.array(inside) ** -1.5)
    assert np.isnan(eigenvalues[len(inside) :]).all()


def test_the_classes_own_kernel_is_aligned_with_them():
    labels = np.arange(30) % 10
    metrics, _ = kernel_metrics((labels[:, None] == labels).astype(float), labels, 10)
    assert metrics[METRICS.index("alignment")] == pytest.approx(1.0)
    assert metrics[METRICS.index("centred_alignment")] == pytest.approx(1.0)


def test_a_constant_kernel_has_no_centred_alignment():
    metrics, _ = kernel_metrics(np.full((6, 6), 0.3), np.arange(6), 10)
    found = dict(zip(METRICS, metrics, strict=True))
    assert found["trace"] == pytest.approx(0.3)
    assert np.isfinite(found["alignment"])
    assert np.isnan(found["centred_alignment"])


def test_a_kernel_without_signal_has_no_shape():
    metrics, eigenvalues = kernel_metrics(np.zeros((6, 6)), np.arange(6), 10)
    assert metrics[METRICS.index("trace")] == 0.0
    assert np.isnan(np.delete(metrics, METRICS.index("trace"))).all()
    assert np.isnan(eigenvalues).all()


def test_kept_is_the_kernel_of_the_pruned_network_at_initialisation(digits):
    started = start_trial(digits, (784, 20, 20, 10), (CELL["seed"], CELL["trial"]))
    ((_, masks),) = started.masks("snip", [0.5])
    weights = [w.detach().double() * (w.shape[1] / 2) ** 0.5 for w in started.model.weights]
    x, _ = nested_batch(digits, CELL["digits"], CELL["seed"])
    kernel = empirical_ntk(weights, masks, x.astype(float))
    np.testing.assert_allclose(trace(cell(digits), "kept"), np.trace(kernel) / len(x), rtol=1e-6)


def test_without_pruning_every_road_that_keeps_the_weights_is_the_dense_network(digits):
    full, dense = cell(digits, "random", 1.0), cell(digits, "dense", 1.0)
    assert dense["path_density"] == 1.0
    for road in ("kept", "shuffled"):
        np.testing.assert_allclose(trace(full, road), trace(dense, "kept"), rtol=1e-6)
    for road in ("theory, degree", "theory, joint"):
        np.testing.assert_allclose(trace(full, road), trace(dense, road), rtol=1e-12)
    for road in ("sampled", "re-drawn"):
        assert np.isfinite(trace(full, road))
        assert trace(full, road) != trace(full, "kept")
        assert np.isnan(trace(dense, road))


def test_an_unknown_name_is_refused(digits):
    with pytest.raises(ValueError, match="must be one of"):
        cell(digits, "olympus")


def test_the_dense_network_stands_at_every_density():
    small = {"width": 16, "hidden_layers": 1, "blocks": 4}
    grid = {"digits": [6, 9], "trial": 1, "density": [0.5, 0.3], "pruning": ["dense", "random"]}
    result = SPECTRA.compute({**SPECTRA.quick, **small, "grid": grid})
    # Two numbers of digits; the dense network, and another one at two densities.
    assert result.attrs["runs"] == 2 * (1 + 2)
    dense = result.sel(pruning="dense")
    for name in ("trace", "path_density"):
        np.testing.assert_array_equal(dense[name].sel(density=0.5), dense[name].sel(density=0.3))
    existing = result.trace.notnull().all(["digits", "density", "trial"])
    assert existing.sel(pruning="random").all()
    assert list(result.road[existing.sel(pruning="dense")].values) == [
        road for road in OF_NETWORKS if ROADS[road].of_dense
    ]
    assert result.attrs["fit_ranks"] == "1 to 4 of 6, 1 to 5 of 9"
