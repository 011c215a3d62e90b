"""Training of pruned convolutions, skips and attention: what interventions leave and change."""

import copy
import math
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
import torch
import xarray as xr
from torch_networks import apply, of_perceptron

from graphon_lib.experiments import architecture_training as module
from graphon_lib.experiments.architecture_training import (
    ARCHITECTURE_LONG_TRAINING,
    ARCHITECTURE_TRAINING,
    COMPARISONS,
    LONG_COMPARISONS,
    MARGIN,
    architecture_training,
    compared,
    scale_left,
)
from graphon_lib.experiments.architectures import ARCHITECTURES
from graphon_lib.experiments.data import load
from graphon_lib.experiments.grid import grid
from graphon_lib.experiments.paired import compare
from graphon_lib.experiments.training_run import draw_batches, train
from graphon_lib.pruning import METHODS, MaskedMLP, prune

CELL = {
    "seed": 0,
    "trial": 0,
    "channels": 8,
    "embedding": 16,
    "density": 0.3,
    "steps": 3,
    "batch_size": 16,
    "optimizer": "adam",
    "learning_rate": 1e-3,
}
QUERIES_AND_KEYS = [1, 2, 7, 8]
"""Their places among the layers of a transformer."""


@pytest.fixture(scope="module")
def images():
    every = load("mnist")
    few = {
        f"{kind}_{part}": getattr(every, f"{kind}_{part}")[:200]
        for kind in "xy"
        for part in ("train", "test")
    }
    return replace(every, **few)


@pytest.fixture
def cell(images, monkeypatch):
    """Train one network on a few digits: by its architecture and variant, settings by keyword."""
    monkeypatch.setitem(METHODS, "synflow", replace(METHODS["synflow"], rounds=5))

    def run(architecture, variant, initialisation="he", images=images, **changes):
        pruning, intervention = variant.split(": ")
        data = SimpleNamespace(load=lambda: images, initialisation=initialisation)
        place = {"architecture": architecture, "pruning": pruning, "intervention": intervention}
        return architecture_training(**{**CELL, **place, "data": data, **changes})

    return run


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_the_signal_of_a_dense_network_is_restored(cell, architecture):
    dense, pruned, rescaled = (
        cell(architecture, variant)
        for variant in ("dense: as pruned", "random: as pruned", "random: rescaled")
    )
    np.testing.assert_allclose(rescaled["signal"], dense["signal"], rtol=1e-4)
    assert pruned["signal"][-1] < 0.9 * dense["signal"][-1]
    assert (dense["layer_density"] == 1.0).all()
    np.testing.assert_array_equal(pruned["layer_density"], rescaled["layer_density"])


def test_with_biases_the_signal_of_weights_is_restored(cell):
    """So that of the first layer is, but for what sums and biases have to do with each other."""
    dense, rescaled = (
        cell("convolutional", variant, "torch")
        for variant in ("dense: as pruned", "snip: rescaled")
    )
    assert rescaled["signal"][0] == pytest.approx(dense["signal"][0], rel=0.1)


def test_without_biases_and_skips_every_layer_takes_its_share(cell):
    """A factor c on the weights of D layers is c to the power of D on outputs of rectifiers."""
    dense, scaled = (
        cell("convolutional", f"dense: {name}") for name in ("as pruned", "scaled to random")
    )
    layers = np.arange(1, 7)
    np.testing.assert_allclose(scaled["signal"] / dense["signal"], 0.3**layers, rtol=1e-5)


@pytest.mark.parametrize("architecture", ["convolutional-norm", "residual-norm"])
def test_batchnorm_takes_a_factor_away(cell, architecture):
    """But for that of the read-out, which nothing comes after."""
    dense, scaled = (
        cell(architecture, f"dense: {name}") for name in ("as pruned", "scaled to random")
    )
    assert scaled["signal"][-1] / dense["signal"][-1] == pytest.approx(0.3, rel=1e-3)


def test_with_statistics_of_their_own_test_images_are_seen_as_batches_are(cell, images):
    """Those that were trained on, all at once: the loss before an update, but for the update."""
    own = replace(images, x_test=images.x_train, y_test=images.y_train)
    run = cell("residual-norm", "random: as pruned", images=own, batch_size=200, learning_rate=1e-9)
    assert run["own_test_loss"] == pytest.approx(run["loss"][-1], rel=1e-4)
    assert abs(run["test_loss"] - run["loss"][-1]) > 1e-3
    assert "own_test_loss" not in cell("residual", "random: as pruned")


def test_entries_are_shuffled_within_layers(cell):
    pruned, shuffled = (
        cell("residual", f"snip: {name}") for name in ("as pruned", "shuffled, rescaled")
    )
    np.testing.assert_array_equal(pruned["layer_density"], shuffled["layer_density"])
    assert (pruned["signal"] != shuffled["signal"]).all()


def test_new_weights_are_under_the_same_masks(cell):
    pruned, drawn = (
        cell("transformer", f"snip: {name}") for name in ("as pruned", "re-drawn, rescaled")
    )
    for name in ("layer_density", "empty_rows"):
        np.testing.assert_array_equal(pruned[name], drawn[name])


def test_layers_without_weights_are_no_obstacle(cell, monkeypatch):
    """A transformer whose queries and keys are gone averages over tokens, and is rescaled."""

    def without(model, *args, **settings):
        masks = prune(model, *args, **settings)
        for name in masks:
            if "query" in name or "key" in name:
                masks[name] = torch.zeros_like(masks[name])
        return masks

    monkeypatch.setattr(module, "prune", without)
    pruned, rescaled = (
        cell("transformer", f"random: {name}") for name in ("as pruned", "rescaled")
    )
    assert rescaled["connected"]
    assert (rescaled["signal"][QUERIES_AND_KEYS] == 0.0).all()
    assert (rescaled["empty_rows"][QUERIES_AND_KEYS] == 1.0).all()
    assert rescaled["signal"][-1] > 2.0 * pruned["signal"][-1]


def test_what_lets_nothing_through_is_trained_as_it_is(cell):
    pruned, rescaled = (
        cell("convolutional", f"random: {name}", density=0.005)
        for name in ("as pruned", "rescaled")
    )
    assert not rescaled["connected"]
    np.testing.assert_allclose(rescaled["loss"], math.log(10), rtol=1e-6)
    for name, values in pruned.items():
        np.testing.assert_array_equal(values, rescaled[name])


def test_variants_begin_alike(cell):
    """With the same weights, with normalisation or without, and see the same images."""
    plain, again = (cell("convolutional", "dense: as pruned") for _ in range(2))
    for name, values in plain.items():
        np.testing.assert_array_equal(values, again[name])
    other = cell("convolutional-norm", "dense: as pruned")
    assert other["signal"][0] == plain["signal"][0]
    assert cell("convolutional", "dense: as pruned", trial=1)["signal"][0] != plain["signal"][0]


def test_training_is_that_of_fully_connected_networks(images):
    """Layers of PyTorch's with masks as hooks against MaskedMLP: the same losses, pruned weights unmoved."""
    model = MaskedMLP((784, 20, 10), torch.Generator().manual_seed(0), initialisation="torch")
    layers = of_perceptron(copy.deepcopy(model))
    masks = prune(model, "magnitude", 0.2)
    model.masks = masks
    apply(layers, dict(zip(("0.weight", "2.weight"), masks, strict=True)))
    first = layers[0].weight_orig.detach().clone()
    settings = {"optimizer": "adam", "learning_rate": 1e-2, "steps": 10, "batch_size": 16}
    run = train(model, images, evaluated=[10], rng=np.random.default_rng(0), **settings)
    found = module._trained(
        layers,
        images,
        draw_batches(200, 16, 10, np.random.default_rng(0)),
        torch.optim.Adam(layers.parameters(), lr=1e-2),
    )
    np.testing.assert_allclose(found["loss"], run.loss, rtol=1e-4)
    np.testing.assert_allclose(found["test_loss"], run.test_loss[0], rtol=1e-4)
    assert found["test_accuracy"] == pytest.approx(run.test_accuracy[0], abs=0.01)
    np.testing.assert_array_equal(layers[0].weight_orig[~masks[0]].detach(), first[~masks[0]])
    assert (layers[0].weight_orig != first)[masks[0]].any()


def test_what_diverges_has_infinite_losses(cell):
    run = cell("transformer", "dense: as pruned", learning_rate=1e30)
    assert np.isfinite(run["loss"][0])
    assert np.isinf(run["loss"][-1])
    assert np.isinf(run["test_loss"])
    assert run["test_accuracy"] == 0.0


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"architecture": "vgg"}, "architecture"),
        ({"variant": "fisher: as pruned"}, "pruning"),
        ({"variant": "snip: turned"}, "intervention"),
        ({"variant": "dense: rescaled"}, "model"),
        ({"density": 0.0}, "density"),
        ({"optimizer": "newton"}, "optimizer"),
    ],
)
def test_what_is_not_allowed_is_named(cell, changes, named):
    with pytest.raises(ValueError, match=f"^{named} must"):
        cell(**{"architecture": "residual", "variant": "snip: rescaled", **changes})


@pytest.mark.parametrize(
    ("experiment", "pairs"),
    [(ARCHITECTURE_TRAINING, COMPARISONS), (ARCHITECTURE_LONG_TRAINING, LONG_COMPARISONS)],
    ids=lambda value: getattr(value, "name", ""),
)
def test_every_comparison_has_its_runs(experiment, pairs):
    axes = grid(experiment.paper["grid"]).axes
    judged = {name for pair in pairs.values() for name in pair}
    assert judged | {"dense: as pruned"} == set(axes["variant"])
    assert axes["architecture"] == list(ARCHITECTURES)


def losses():
    """About 1 in ten trials, but for one variant of one architecture."""
    variants = sorted({name for pair in COMPARISONS.values() for name in pair})
    noise = np.random.default_rng(0).normal(0.0, 0.01, (2, len(variants), 10))
    values = xr.DataArray(
        np.exp(noise),
        dims=("architecture", "variant", "trial"),
        coords={"architecture": ["one", "other"], "variant": variants},
    )
    values.loc["one", "random: as pruned"] *= 1.5
    return values


def test_architectures_are_judged_apart():
    values = losses()
    found = compared(values)
    assert found["one"]["snip_gap"].verdict == "higher"
    assert found["one"]["rescaling"].verdict == "lower"
    assert {one.verdict for one in found["other"].values()} == {"equal"}
    alone = values.sel(architecture="one", drop=True)
    assert found["one"] == compare(alone, COMPARISONS, margin=MARGIN)


def test_scale_is_that_of_the_last_layer():
    signal = xr.DataArray(
        [[[[8.0, 2.0, np.nan]], [[8.0, 1.0, np.nan]]], [[[8.0, 8.0, 4.0]], [[8.0, 2.0, 1.0]]]],
        dims=("architecture", "variant", "trial", "weight_layer"),
        coords={"variant": ["dense: as pruned", "random: as pruned"], "weight_layer": [1, 2, 3]},
    )
    left = scale_left(xr.Dataset({"signal": signal}))
    np.testing.assert_array_equal(left.squeeze("trial"), [[1.0, 0.5], [1.0, 0.25]])
