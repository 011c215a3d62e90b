"""One number a neuron: closed forms, what is drawn, and what the Graphon NTK makes of it."""

import copy
from itertools import pairwise

import numpy as np
import pytest
import torch
from torch.nn.utils.prune import custom_from_mask
from torch_networks import EVERY_NETWORK, apply, linear, of_perceptron, seeded
from torch_networks import setting as module_setting

from graphon_lib.graphons import GraphonNetwork, StepGraphon
from graphon_lib.ntk import graphon_nngp, graphon_ntk
from graphon_lib.pruning import MaskedMLP, prune, rescale_neurons


@pytest.mark.parametrize("initialisation", ["he", "torch"])
def test_factors_are_roots_of_inputs_over_those_kept(initialisation):
    model = MaskedMLP((6, 4, 3), seeded(), initialisation=initialisation)
    masks = [torch.rand(weight.shape, generator=seeded(1)) < 0.5 for weight in model.weights]
    masks[0][1], masks[1][2] = False, True
    model.masks = masks
    before = copy.deepcopy(model.state_dict())
    factors = rescale_neurons(model)
    for layer, (mask, factor) in enumerate(zip(masks, factors, strict=True)):
        for i, row in enumerate(mask):
            wanted = (len(row) / int(row.sum())) ** 0.5 if row.any() else 1.0
            assert float(factor[i]) == pytest.approx(wanted, rel=1e-15)
            torch.testing.assert_close(
                model.weights[layer][i].detach(), before[f"weights.{layer}"][i] * wanted
            )
    assert factors[0][1] == factors[1][2] == 1.0
    assert all(torch.equal(model.state_dict()[k], v) for k, v in before.items() if "w" not in k)


def test_the_variance_of_every_pre_activation_is_that_of_a_dense_network():
    """Over 4000 draws of weights at one mask, h fixed: each neuron's within 5 standard errors."""
    mask = torch.tensor([[1] + 9 * [0], 3 * [1] + 7 * [0], 10 * [1], 5 * [0] + 5 * [1]])
    h, draws = torch.linspace(0.2, 2.0, 10), []
    generator = seeded(3)
    for _ in range(4000):
        model = MaskedMLP((10, 4), generator)
        model.masks = [mask]
        rescale_neurons(model)
        draws.append(model(h[None])[0].detach())
    measured = torch.stack(draws).square().double()
    wanted = 2.0 * (mask * h**2).sum(dim=1) / mask.sum(dim=1)
    error = measured.std(dim=0) / len(draws) ** 0.5
    assert ((measured.mean(dim=0) - wanted).abs() < 5.0 * error).all()


def test_of_units_that_read_a_poisson_number_the_spread_is_the_chapter_s():
    """Normal pre-activations before them; a million units, to 2 %."""
    rng = np.random.default_rng(0)
    for mean, by_layer, by_neuron in ((4, 1.45, 1.65), (16, 0.37, 0.34)):
        reads = rng.poisson(mean, 1_000_000)
        reads = reads[reads > 0]
        sums = np.zeros(reads.size)
        for place in range(reads.max()):
            live = reads > place
            sums[live] += np.maximum(rng.normal(size=int(live.sum())), 0.0) ** 2
        assert (2 * sums / reads.mean()).var() == pytest.approx(by_layer, rel=0.02)
        assert (2 * sums / reads).var() == pytest.approx(by_neuron, rel=0.02)


@EVERY_NETWORK
def test_of_any_module_every_channel_has_a_factor(build):
    model, x, y = module_setting(build)
    masks = prune(model, "random", 0.3, x, y, scope="layer", generator=seeded())
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    apply(model, masks)
    with torch.inference_mode():
        factors = rescale_neurons(model)
    assert list(factors) == list(masks)
    for name, mask in masks.items():
        kept = mask.flatten(1).sum(dim=1)
        wanted = torch.where(kept > 0, mask[0].numel() / kept, 1.0).sqrt()
        torch.testing.assert_close(factors[name], wanted.double())
        layer = model.get_submodule(name.removesuffix(".weight"))
        shape = (-1, *[1] * (mask.ndim - 1))
        torch.testing.assert_close(
            layer.weight_orig.detach(), before[name] * wanted.float().reshape(shape)
        )
        assert torch.equal(layer.weight, layer.weight_orig * layer.weight_mask)


def test_a_module_is_rescaled_as_the_perceptron_is():
    model = MaskedMLP((12, 9, 5), seeded())
    model.masks = prune(model, "snip", 0.3, torch.eye(12)[:5], torch.arange(5))
    written = copy.deepcopy(of_perceptron(model))
    apply(written, {f"{2 * layer}.weight": mask for layer, mask in enumerate(model.masks)})
    found = rescale_neurons(written)
    assert all(map(torch.equal, found.values(), rescale_neurons(model)))
    torch.testing.assert_close(written(torch.eye(12)), model(torch.eye(12)))


def test_layers_without_a_mask_stay_and_a_module_without_masks_is_refused():
    model, _, _ = module_setting(linear)
    before = copy.deepcopy(model.state_dict())
    with pytest.raises(ValueError, match=r"model must have its masks applied by torch\.nn\.utils"):
        rescale_neurons(model)
    custom_from_mask(model[2], "weight", torch.eye(5, 8))
    factors = rescale_neurons(model)
    assert all((factors[name] == 1.0).all() for name in ("0.0.weight", "1.0.weight"))
    torch.testing.assert_close(factors["2.weight"], torch.full((5,), 8.0**0.5).double())
    assert torch.equal(model[0][0].weight, before["0.0.weight"])


def random_graphons(rng, alike=True):
    """Graphons of four layers whose neurons read shares of their own, and these shares."""
    masses = [np.ones(5) / 5, *(rng.dirichlet(np.ones(4)) for _ in range(3)), np.ones(3) / 3]
    layers = [
        StepGraphon(rng.uniform(0.05, 1.0, (b.size, a.size)), b, a) for a, b in pairwise(masses)
    ]
    if alike:
        rows = rng.uniform(0.05, 1.0, 4)
        layers[0] = StepGraphon(np.repeat(rows[:, None], 5, axis=1), masses[1], masses[0])
    return layers, [layer.values @ layer.col_mass for layer in layers]


@pytest.mark.parametrize("activation", ["relu", "erf"])
def test_with_a_number_a_neuron_covariances_are_dense_and_kernels_a_sum_over_layers(activation):
    """Of the chapter's proposition: to rounding, for graphons drawn at random."""
    rng = np.random.default_rng(0)
    x = rng.normal(size=(6, 5))
    layers, reads = random_graphons(rng)
    second = [layer.values / share[:, None] for layer, share in zip(layers, reads, strict=True)]
    network, dense = GraphonNetwork(layers, second), GraphonNetwork.dense(len(layers))
    options = {"activation": activation}
    np.testing.assert_allclose(
        graphon_nngp(x, network, **options), graphon_nngp(x, dense, **options), rtol=1e-12
    )
    # How often positions are listened to, from the outputs back.
    heard, shares = np.ones(layers[-1].shape[0]), []
    for layer, moments, share in zip(layers[::-1], second[::-1], reads[::-1], strict=True):
        shares.append(float(layer.row_mass @ (heard * share)))
        heard = (layer.row_mass * heard) @ moments
        assert float(layer.col_mass @ heard) == pytest.approx(1.0)
    flat = [StepGraphon([[share]]) for share in shares[::-1]]
    by_layer = GraphonNetwork(flat, [np.ones((1, 1))] * len(flat))
    found = graphon_ntk(x, network, **options)
    np.testing.assert_allclose(found, graphon_ntk(x, by_layer, **options), rtol=1e-12)
    # Each neuron's rate over its share: all that is left of the mask drops out.
    everywhere = graphon_ntk(x, network, own_layer="dense", **options)
    np.testing.assert_allclose(everywhere, graphon_ntk(x, dense, **options), rtol=1e-12)


def test_pixels_of_the_first_layer_stay_in_the_covariance():
    rng = np.random.default_rng(1)
    x = rng.normal(size=(6, 5))
    layers, reads = random_graphons(rng, alike=False)
    second = [layer.values / share[:, None] for layer, share in zip(layers, reads, strict=True)]
    found = graphon_nngp(x, GraphonNetwork(layers, second))
    assert not np.allclose(found, graphon_nngp(x, GraphonNetwork.dense(4)), rtol=1e-3)


def test_with_a_number_a_layer_kernels_are_the_same_sum_with_other_weights():
    """Of the chapter's proposition: mean signals dense, ReLU; shares of what arrives at each layer."""
    rng = np.random.default_rng(2)
    x = rng.normal(size=(6, 5))
    layers, _ = random_graphons(rng)
    reached, paths = np.ones(5), [1.0]
    for layer in layers:
        reached = layer.values @ (layer.col_mass * reached)
        paths.append(float(layer.row_mass @ reached))
    shares = np.divide(paths[1:], paths[:-1])
    second = [layer.values / share for layer, share in zip(layers, shares, strict=True)]
    by_layer = GraphonNetwork([StepGraphon([[share]]) for share in shares], [np.ones((1, 1))] * 4)
    network = GraphonNetwork(layers, second)
    np.testing.assert_allclose(graphon_ntk(x, network), graphon_ntk(x, by_layer), rtol=1e-12)
    np.testing.assert_allclose(
        graphon_nngp(x, network), graphon_nngp(x, GraphonNetwork.dense(4)), rtol=1e-12
    )
