"""Surrogates of data sets keep what they say, lack what they say, and train the same networks."""

import numpy as np
import pytest
import xarray as xr
from scipy import stats

from graphon_lib.experiments.data import DATASETS, load
from graphon_lib.experiments.digits import Data
from graphon_lib.experiments.surrogate_training import (
    AS_THEY_ARE,
    METHODS_AHEAD,
    ORIGINALS,
    SURROGATE_TRAINING,
    disagreements,
    leads,
)
from graphon_lib.experiments.surrogates import RIDGE, SURROGATES, Surrogate, surrogate


@pytest.fixture(scope="module")
def images():
    return load("mnist", DATASETS["mnist"].subset.parent)


def replaced(images, inputs, seed=0):
    return surrogate(images, inputs, np.random.default_rng(seed))


def moments(x):
    x = x.astype(np.float64)
    return x.mean(axis=0), np.cov(x.T, bias=True)


@pytest.mark.parametrize("inputs", SURROGATES)
def test_surrogates_have_the_form_of_the_images(images, inputs):
    found = replaced(images, inputs)
    for name in ("x_train", "x_test", "y_train", "y_test"):
        one, other = getattr(found, name), getattr(images, name)
        assert (one.shape, one.dtype) == (other.shape, other.dtype)
        assert np.isfinite(one).all()
    assert np.bincount(found.y_train).tolist() == np.bincount(images.y_train).tolist()
    again = replaced(images, inputs)
    np.testing.assert_array_equal(found.x_train, again.x_train)
    np.testing.assert_array_equal(found.y_train, again.y_train)
    # Gaussian images are drawn: their mean square has a relative error of a few thousandths.
    squares = [float(np.mean(one.x_train.astype(np.float64) ** 2)) for one in (images, found)]
    assert squares[1] == pytest.approx(squares[0], rel=0.02 if inputs == "Gaussian" else 1e-5)


def test_a_rotation_keeps_inner_products_and_no_blank_pixel(images):
    found = replaced(images, "rotated")
    for one, other in ((found.x_train, images.x_train), (found.x_test, images.x_test)):
        np.testing.assert_allclose(one[:90] @ one[-90:].T, other[:90] @ other[-90:].T, atol=0.02)
    np.testing.assert_array_equal(found.y_train, images.y_train)
    assert (np.ptp(images.x_train, axis=0) == 0.0).mean() > 0.05
    # Every coordinate is a mixture of all: none has a tenth of the mean variance.
    spread = found.x_train.var(axis=0)
    assert spread.min() > 0.1 * spread.mean()


def test_whitened_images_have_the_eigenvalues_that_the_ridge_says(images):
    found = replaced(images, "whitened")
    mean, covariance = moments(found.x_train)
    np.testing.assert_allclose(mean, 0.0, atol=1e-5)
    before = np.linalg.eigvalsh(moments(images.x_train)[1])
    expected = before / (before + RIDGE * before.mean())
    expected *= np.mean(images.x_train.astype(np.float64) ** 2) / expected.mean()
    np.testing.assert_allclose(np.linalg.eigvalsh(covariance), expected, atol=1e-4)
    blank = np.ptp(images.x_train, axis=0) == 0.0
    np.testing.assert_allclose(found.x_train[:, blank], 0.0, atol=1e-5)


def test_gaussian_images_have_the_means_of_classes_and_the_covariance(images):
    found, x, y = replaced(images, "Gaussian"), images.x_train, images.y_train
    np.testing.assert_array_equal(found.y_train, y)
    spread, covariance = x.std(axis=0), moments(x)[1]
    for label in range(10):
        deviation = found.x_train[y == label].mean(axis=0) - x[y == label].mean(axis=0)
        # A mean over a class' images has a standard error of a root of its count.
        assert (np.abs(deviation) <= 6 * spread / np.sqrt((y == label).sum()) + 1e-5).all()
    error = np.linalg.norm(moments(found.x_train)[1] - covariance)
    # Of a covariance C over N draws the expected square error is about (tr C)^2 / N.
    assert error < 1.5 * np.trace(covariance) / np.sqrt(len(x))
    normal = (found.x_train - x.mean(axis=0))[:, spread > 0.5] / spread[spread > 0.5]
    pixels = (x - x.mean(axis=0))[:, spread > 0.5] / spread[spread > 0.5]
    # Excess kurtosis of within-class noise is 0; that of the ink of digits is not.
    assert abs(np.median((normal**4).mean(axis=0)) - 3) < 0.3
    assert abs(np.median((pixels**4).mean(axis=0)) - 3) > 0.5


def test_shuffled_labels_say_nothing_of_the_images(images):
    found = replaced(images, "labels shuffled")
    np.testing.assert_array_equal(found.x_train, images.x_train)
    chance = (np.bincount(images.y_train) ** 2).sum() / len(images.y_train) ** 2
    assert (found.y_train == images.y_train).mean() == pytest.approx(chance, abs=0.03)


def test_what_is_no_surrogate_is_refused(images):
    rng = np.random.default_rng(0)
    with pytest.raises(ValueError, match=r"inputs must be one of Gaussian, .*; got 'white'"):
        surrogate(images, "white", rng)
    with pytest.raises(ValueError, match="rng must be"):
        surrogate(images, "rotated", 0)
    with pytest.raises(ValueError, match="images must be"):
        surrogate(images.x_train, "rotated", rng)


@pytest.fixture
def bundled(monkeypatch):
    """Make the bundled pieces of clothing all that is there."""
    subset = DATASETS["fashion-mnist"].subset.parent
    monkeypatch.setenv(DATASETS["fashion-mnist"].variable, str(subset))


def test_a_cell_sees_its_surrogate_in_the_place_of_its_data(bundled):
    found = load("fashion-mnist")
    data = Data(False, found.sha256, "fashion-mnist", "torch")
    of = Surrogate(data, "rotated", 0)
    assert of.initialisation == "torch"
    assert of.load() is of.load()
    other = Surrogate(data, "rotated", 1).load()
    assert not np.allclose(of.load().x_train, other.x_train, atol=0.1)


def test_results_are_on_the_networks_of_the_interventions():
    for original, one in zip(ORIGINALS, SURROGATE_TRAINING, strict=True):
        for name in ("width", "hidden_layers", "batch_size", "optimizer", "learning_rate"):
            assert one.paper[name] == original.paper[name]
        for name in ("initialisation", "dataset", "full"):
            assert one.paper.get(name) == original.paper.get(name)
        assert one.paper["density"] in original.paper["grid"]["density"]
        assert one.run().attrs["data_sha256"] == original.run().attrs["data_sha256"]


def test_leads_are_of_the_ten_batches_before_an_update():
    variants = [f"{name}: rescaled" for name in ("random", *METHODS_AHEAD)]
    rng = np.random.default_rng(0)
    dims = ("variant", "trial", "step")

    def dataset(steps, **extra):
        values = {"loss": (dims, rng.uniform(1, 2, (3, 2, steps)))}
        return xr.Dataset(values, coords={"variant": variants}, attrs={"density": 0.05}, **extra)

    original = dataset(100).expand_dims(density=[0.2, 0.05])
    after = dataset(50).expand_dims(inputs=list(SURROGATES))
    found = leads(original, after)
    assert list(found.inputs.values) == [AS_THEY_ARE, *SURROGATES]
    random, _, synflow = original.loss.isel(density=1, step=slice(40, 50)).mean("step").values
    np.testing.assert_allclose(
        found.sel(inputs=AS_THEY_ARE, pruning="synflow"), random / synflow, rtol=1e-12
    )


def test_disagreements_are_judged_together():
    rng = np.random.default_rng(0)
    shape = (1 + len(SURROGATES), len(METHODS_AHEAD), 10)
    coords = {"inputs": [AS_THEY_ARE, *SURROGATES], "pruning": list(METHODS_AHEAD)}
    of = {
        name: xr.DataArray(
            level * np.exp(0.01 * rng.normal(size=shape)), coords, ("inputs", "pruning", "trial")
        )
        for name, level in (("digits", 1.5), ("clothing", 1.0), ("pictures", 1.5))
    }
    found = disagreements(of)
    assert len(found) == len(SURROGATES) * len(METHODS_AHEAD) * 2
    for (inputs, method, other), one in found.items():
        ratios = (of["digits"] / of[other]).sel(inputs=inputs, pruning=method)
        differences = np.log(ratios)
        half = stats.t.ppf(1 - 0.025 / len(found), 9) * differences.std(ddof=1) / np.sqrt(10)
        expected = np.exp(float(differences.mean()) + np.array([0, -1, 1]) * float(half))
        np.testing.assert_allclose(one[:3], expected, rtol=1e-9)


def test_the_quick_profile_runs(bundled):
    result = SURROGATE_TRAINING[1].run(profile="quick")
    assert result.loss.dims == ("inputs", "variant", "trial", "step")
    assert np.isfinite(result.loss).all()
    # Random and SynFlow see no images: their masks are the same on all; SNIP's are not.
    for name in ("random", "synflow", "snip"):
        densities = result.layer_density.sel(variant=f"{name}: rescaled")
        assert bool((densities == densities.isel(inputs=0)).all()) == (name != "snip")
