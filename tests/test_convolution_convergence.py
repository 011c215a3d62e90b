"""Sampled convolutional networks have the kernel of their channel graphons, as far as theirs are drawn."""

import numpy as np
import pytest
import torch

from graphon_lib.experiments.convolution_convergence import (
    CHANNEL_DESIGNS,
    CONVOLUTION_CONVERGENCE,
    READ_OUT,
    channel_design,
    convolutional_network,
    separable_layers,
)
from graphon_lib.experiments.module_kernel import module_ntk
from graphon_lib.graphons import ChannelGraphon, StepGraphon, channel_graphon
from graphon_lib.ntk import graphon_cntk

FEW = StepGraphon([[0.8, 0.4]] * 4)
SIDES, STRIDES = (5, 4), (1, 2, 1)
POOLINGS = pytest.mark.parametrize("pooling", ["average", "flatten"])


def kernel_of(images, layers, read_out, width, rng, pooling):
    options = {"strides": STRIDES, "pooling": pooling}
    model, masks = convolutional_network(layers, read_out, width, SIDES, rng, **options)
    x = images.transpose(0, 3, 1, 2)
    return module_ntk(model, x, masks=masks, weight_variance=2.0)


def coloured(layers):
    """Return the layers with a first one for two colours, that treats them differently."""
    first = np.concatenate([layers[0].values, 0.5 * layers[0].values], axis=1)
    return [ChannelGraphon(first), *layers[1:]]


@POOLINGS
@pytest.mark.parametrize("design", ["separable", "rows and columns"])
def test_the_error_falls_as_the_root_of_the_width(design, pooling):
    rng = np.random.default_rng(0)
    images, layers = rng.normal(size=(3, *SIDES, 2)), coloured(channel_design(design))
    theory = graphon_cntk(images, layers, FEW, strides=STRIDES, pooling=pooling)
    widths, trials = np.array([16, 128]), 20
    errors = [
        [
            np.linalg.norm(kernel_of(images, layers, FEW, width, rng, pooling) - theory)
            for _ in range(trials)
        ]
        for width in widths
    ]
    sizes = np.sqrt(np.mean(np.square(errors), axis=1)) / np.linalg.norm(theory)
    slope = np.diff(np.log(sizes)) / np.diff(np.log(widths))
    # The slopes of other seeds scatter by 0.1.
    assert slope[0] == pytest.approx(-0.5, abs=0.25)
    assert sizes[-1] < 0.3


@POOLINGS
def test_the_mean_over_draws_is_the_kernel_of_the_graphons_and_not_of_products(pooling):
    rng = np.random.default_rng(1)
    layers = channel_design("rows and columns")
    # Stripes along rows, stripes along columns, and noise.
    images = rng.normal(size=(3, *SIDES, 1))
    images[0], images[1] = images[0, :, :1], images[1, :1]
    options = {"strides": STRIDES, "pooling": pooling}
    theory = graphon_cntk(images, layers, FEW, **options)
    draws = np.array([kernel_of(images, layers, FEW, 64, rng, pooling) for _ in range(40)])
    mean, error = draws.mean(axis=0), draws.std(axis=0, ddof=1) / np.sqrt(len(draws))
    # What is left of the width is of relative order 1 / 64.
    assert (np.abs(mean - theory) < 3.5 * error + theory.max() / 64).all()
    product = graphon_cntk(images, separable_layers(layers), FEW, **options)
    cosines = [
        np.vdot(mean, of) / (np.linalg.norm(mean) * np.linalg.norm(of)) for of in (theory, product)
    ]
    assert 1 - cosines[0] < 0.25 * (1 - cosines[1])


@POOLINGS
def test_networks_are_drawn_from_their_graphons(pooling):
    layers = coloured(channel_design("rows and columns"))
    options = {"strides": STRIDES, "pooling": pooling}
    state = torch.get_rng_state()
    model, masks = convolutional_network(
        layers, READ_OUT, 200, SIDES, np.random.default_rng(0), **options
    )
    assert torch.equal(torch.get_rng_state(), state)
    assert list(masks) == [name for name, _ in model.named_parameters()]
    halves = np.repeat([0, 1], 100)
    for layer, (name, mask), before in zip(
        layers, masks.items(), ([0, 1], halves, halves), strict=False
    ):
        # Blocks of 100 channels: of one colour 5 standard deviations of at most 1 / 20.
        gap = channel_graphon(mask, halves, before).values - layer.values
        assert np.abs(gap).max() < 5 * 0.5 / np.sqrt(
            mask.size / mask[0, 0].size / layer.values[..., 0, 0].size
        )
        scaled = model.get_parameter(name).detach().numpy() * np.sqrt(mask[0].size / 2)
        assert scaled.var() == pytest.approx(1, abs=5 * np.sqrt(2 / mask.size))
    *_, read_out = masks.values()
    pixels = 1 if pooling == "average" else 6
    assert read_out.shape == (10, 200 * pixels)
    by_pixel = read_out.reshape(10, 2, 100, pixels).mean(axis=(0, 2))
    np.testing.assert_allclose(by_pixel, [[0.8] * pixels, [0.4] * pixels], atol=5 * 0.5 / 1000**0.5)
    assert model(torch.ones(3, 2, *SIDES, dtype=torch.float64)).shape == (3, 10)


def test_separable_layers_are_the_same_where_graphons_are_products():
    for design in ("constant", "separable"):
        for layer, product in zip(
            channel_design(design), separable_layers(channel_design(design)), strict=True
        ):
            np.testing.assert_allclose(layer.values, product.values, rtol=1e-12)


def test_the_experiment_at_a_small_size():
    result = CONVOLUTION_CONVERGENCE.run(profile="quick")
    assert list(result.design.values) == list(CHANNEL_DESIGNS)
    separable = result.sel(design=["constant", "separable"])
    np.testing.assert_allclose(*separable.error.transpose("theory", ...).values, rtol=1e-10)
    assert (result.angle <= np.minimum(result.error, 1)).all()
    assert np.isfinite(result.error).all()
