"""The exact kernel of modules: perceptrons, brute force, masks of both kinds."""

import numpy as np
import pytest
import torch
from torch import nn
from torch_networks import EVERY_NETWORK, apply, same, seeded, setting, vgg

from graphon_lib.experiments import module_kernel
from graphon_lib.experiments.architectures import ARCHITECTURES, build_network
from graphon_lib.experiments.module_kernel import module_ntk
from graphon_lib.ntk import empirical_ntk
from graphon_lib.pruning import MaskedMLP, prune


def by_backward_passes(model, x, masks=None, weight_variance=None):
    """Return the kernel from one backward pass an output and input, weights and all."""
    named = dict(model.named_parameters())
    rows = []
    for one in x:
        for output in model(one[None]).flatten():
            found = torch.autograd.grad(output, list(named.values()), retain_graph=True)
            parts = []
            for (name, parameter), part in zip(named.items(), found, strict=True):
                scale = 1.0
                if weight_variance is not None and parameter.ndim > 1:
                    scale = (weight_variance / parameter[0].numel()) ** 0.5
                parts.append((part * (masks or {}).get(name, 1.0) * scale).flatten())
            rows.append(torch.cat(parts))
    gradients = torch.stack(rows).unflatten(0, (len(x), -1))
    return torch.einsum("iop,jop->ij", gradients, gradients).numpy() / gradients.shape[1]


def masked(model, masks):
    with torch.no_grad():
        for name, mask in masks.items():
            model.get_parameter(name).mul_(mask)
    return model


def test_equals_the_kernel_of_the_masked_perceptron():
    model = MaskedMLP((12, 9, 7, 3), seeded()).double()
    model.masks = prune(model, "random", 0.5, generator=seeded())
    x = np.random.default_rng(0).normal(size=(6, 12))
    np.testing.assert_allclose(
        module_ntk(model, x, weight_variance=2.0), empirical_ntk(model, x), rtol=1e-12
    )
    ours = module_ntk(model, x, x[:2], weight_variance=2.0)
    np.testing.assert_allclose(ours, empirical_ntk(model, x)[:, :2], rtol=1e-12)


@EVERY_NETWORK
@pytest.mark.parametrize("weight_variance", [None, 1.5])
def test_equals_one_backward_pass_an_input_and_output(build, weight_variance):
    model, x, _ = setting(build, count=4)
    x, masks = x.double(), prune(model, "magnitude", 0.4)
    ours = module_ntk(model, x, masks=masks, weight_variance=weight_variance)
    expected = by_backward_passes(masked(model.double().eval(), masks), x, masks, weight_variance)
    np.testing.assert_allclose(ours, expected, rtol=1e-10, atol=1e-12 * expected.max())
    assert np.array_equal(ours, ours.T)


@EVERY_NETWORK
def test_masks_applied_by_pytorch_and_masks_given_are_the_same(build):
    model, x, _ = setting(build, count=4)
    masks = prune(model, "magnitude", 0.4)
    given = module_ntk(model, x, masks=masks)
    state, parameters = dict(model.state_dict()), dict(model.named_parameters())
    assert model.training
    apply(model, masks)
    np.testing.assert_allclose(module_ntk(model, x), given, rtol=1e-12)
    for name, mask in masks.items():
        orig = f"{name}_orig"
        assert model.get_parameter(orig) is parameters[name]
        assert torch.equal(model.get_parameter(orig), state[name])
        # Masks given to what is masked already.
        ones = {orig: torch.ones_like(mask)}
        np.testing.assert_allclose(module_ntk(model, x, masks=ones), given, rtol=1e-12)
    model(x).sum().backward()
    assert all(model.get_parameter(f"{name}_orig").grad is not None for name in masks)


def test_the_model_stays_as_it_is():
    model, x, _ = setting(vgg)
    before = {key: value.clone() for key, value in model.state_dict().items()}
    module_ntk(model, x)
    assert model.training
    assert same(before, model.state_dict())


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_every_architecture(architecture):
    model = build_network(architecture, 8, (14, 14), 3, seeded())
    x = torch.randn(3, 196, generator=seeded(1))
    masks = prune(model, "random", 0.5, generator=seeded(2))
    ours = module_ntk(model, x, masks=masks)
    expected = by_backward_passes(masked(model.double().eval(), masks), x.double(), masks)
    np.testing.assert_allclose(ours, expected, rtol=1e-9)


@pytest.mark.parametrize("chunk", [1, 3])
def test_chunks_change_nothing(monkeypatch, chunk):
    model = nn.Sequential(nn.Linear(5, 4), nn.Tanh(), nn.Linear(4, 2))
    x = torch.randn(7, 5, generator=seeded())
    whole, part = module_ntk(model, x), module_ntk(model, x, x[2:])
    np.testing.assert_allclose(part, whole[:, 2:], rtol=1e-12)
    entries = sum(p.numel() for p in model.parameters())
    monkeypatch.setattr(module_kernel, "CHUNK_ENTRIES", chunk * entries)
    np.testing.assert_allclose(module_ntk(model, x), whole, rtol=1e-12)
    np.testing.assert_allclose(module_ntk(model, x, x[2:]), part, rtol=1e-12)


def test_frozen_parameters_and_pruned_weights_do_not_matter():
    model = nn.Sequential(nn.Linear(5, 4), nn.ReLU(), nn.Linear(4, 1, bias=False)).double()
    x = torch.randn(3, 5, generator=seeded(), dtype=torch.float64)
    model[0].requires_grad_(False)
    hidden = model[0](x).relu().detach()
    np.testing.assert_allclose(module_ntk(model, x), hidden @ hidden.T, rtol=1e-12)
    mask = np.array([[1, 0, 1, 0]])
    kept = hidden[:, ::2]
    ours = module_ntk(model, x, masks={"2.weight": mask})
    np.testing.assert_allclose(ours, kept @ kept.T, rtol=1e-12)


LINEAR = nn.Linear(3, 2)
X = np.ones((2, 3))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((np.ones(3), X), "model must be a Module"),
        ((nn.ReLU(), X), "model must have parameters that require a gradient"),
        ((LINEAR, np.ones((2, 4))), r"x1 must be a batch that model takes, got shape \(N, 4\)"),
        ((LINEAR, np.ones((0, 3))), "x1 must be finite, of shape"),
        ((LINEAR, X, np.ones((2, 4))), r"x2 must be a batch that model takes, got shape"),
        ((LINEAR, np.full((2, 3), np.nan)), "x1 must be finite"),
        ((LINEAR, np.full((2, 3), 1e200)), "model and inputs must give a finite kernel"),
    ],
)
def test_bad_arguments_are_named(arguments, message):
    with pytest.raises(ValueError, match=message):
        module_ntk(*arguments)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"masks": {"w": np.ones((2, 3))}}, r"masks\['w'\] must be .* no parameter of model"),
        ({"masks": {"weight": np.ones(3)}}, r"masks\['weight'\] must be .* shape \(2, 3\); got"),
        ({"masks": {"weight": np.full((2, 3), 0.5)}}, r"masks\['weight'\] must be binary"),
        ({"masks": [np.ones((2, 3))]}, "masks must be a Mapping"),
        ({"weight_variance": 0.0}, "weight_variance must be positive"),
    ],
)
def test_bad_options_are_named(options, message):
    with pytest.raises(ValueError, match=message):
        module_ntk(LINEAR, X, **options)
