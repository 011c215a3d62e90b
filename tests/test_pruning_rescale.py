"""The signal of a pruned network, measured and restored."""

import copy

import numpy as np
import pytest
import torch
from torch_networks import EVERY_NETWORK, apply, linear, of_perceptron, same, seeded
from torch_networks import setting as module_setting

from graphon_lib.pruning import INITIALISATIONS, MaskedMLP, prune, rescale_signal, signal_moments

WIDTHS = (60, 200, 150, 10)


def dense_signal(model, x):
    """Return the mean squares that are expected in dense networks: by weights, and with biases."""
    record = model.initialisation
    by_weights, whole = [record.weight_variance * float(x.double().square().mean())], []
    for n_in in model.widths[:-1]:
        whole.append(by_weights[-1] + (record.bias_variance or 0.0) / n_in)
        by_weights.append(record.weight_variance / 2 * whole[-1])
    return by_weights[:-1], whole


def measured_by_weights(model, x):
    """Return the mean squares of every layer's weighted sums, before its biases are added."""
    h, moments = x.double(), []
    for layer, (weight, mask) in enumerate(zip(model.weights, model.masks, strict=True)):
        sums = (h.relu() if layer else h) @ (weight.detach() * mask).double().T
        moments.append(float(sums.square().mean()))
        h = sums + model.biases[layer].detach() if len(model.biases) else sums
    return moments


def pruned(method="random", density=0.2, widths=WIDTHS, initialisation="he"):
    model = MaskedMLP(widths, seeded(1), initialisation=initialisation)
    x = torch.randn(50, widths[0], generator=seeded(2))
    y = torch.arange(50) % widths[-1]
    model.masks = prune(model, method, density, x, y, generator=seeded(3))
    return model, x


@pytest.mark.parametrize("initialisation", INITIALISATIONS)
def test_dense_networks_have_the_signal_in_expectation(initialisation):
    """Of 150 networks the mean is within 5 standard errors, at every layer."""
    x = torch.randn(5, 20, generator=seeded())
    generator = seeded(1)
    networks = [
        MaskedMLP((20, 30, 30, 8), generator, initialisation=initialisation) for _ in range(150)
    ]
    moments = torch.stack([signal_moments(network, x) for network in networks])
    expected = torch.tensor(dense_signal(networks[0], x)[1])
    if initialisation == "he":
        np.testing.assert_allclose(expected, 2.0 * float(x.double().square().mean()))
    error = moments.std(dim=0) / 150**0.5
    assert ((moments.mean(dim=0) - expected).abs() < 5 * error).all()


@pytest.mark.parametrize("initialisation", INITIALISATIONS)
@pytest.mark.parametrize("method", ["random", "magnitude", "snip", "grasp", "synflow"])
def test_the_weights_of_every_layer_send_the_dense_signal(method, initialisation):
    model, x = pruned(method, initialisation=initialisation)
    biases = [bias.detach().clone() for bias in model.biases]
    factors = rescale_signal(model, x)
    expected = dense_signal(model, x)[0]
    # The weights are stored in float32.
    np.testing.assert_allclose(measured_by_weights(model, x), expected, rtol=1e-5)
    if not biases:
        np.testing.assert_allclose(signal_moments(model, x), expected, rtol=1e-5)
    assert all(map(torch.equal, biases, model.biases))
    assert factors.dtype == torch.float64
    assert (factors > 0).all()
    np.testing.assert_allclose(rescale_signal(model, x), 1.0, rtol=1e-5)


def test_the_factors_are_what_the_weights_are_multiplied_by():
    model, x = pruned()
    before = [weight.detach().clone() for weight in model.weights]
    factors = rescale_signal(model, x)
    for old, new, factor in zip(before, model.weights, factors, strict=True):
        torch.testing.assert_close(new.detach(), old * float(factor))


def test_random_pruning_needs_the_density_to_the_power_of_minus_one_half():
    """Mean squares over 100 to 200 neurons and 50 inputs; 20 networks, mean within 5 standard errors."""
    logarithms = []
    for seed in range(20):
        model = MaskedMLP((200, 200, 200, 100), seeded(seed))
        model.masks = prune(model, "random", 0.1, generator=seeded(100 + seed))
        x = torch.randn(50, 200, generator=seeded(200 + seed))
        logarithms.append(rescale_signal(model, x).log())
    logarithms = torch.stack(logarithms)
    error = logarithms.std(dim=0) / 20**0.5
    deviation = logarithms.mean(dim=0) - np.log(0.1**-0.5)
    # Jensen: the logarithm of a mean square of relative variance v is low by about v / 2.
    assert (deviation.abs() < 5 * error + logarithms.var(dim=0)).all()


def test_a_network_without_a_path_is_refused_and_left_as_it_is():
    model, x = pruned()
    masks = [mask.clone() for mask in model.masks]
    masks[1][:] = False
    model.masks = masks
    before = [weight.detach().clone() for weight in model.weights]
    with pytest.raises(ValueError, match="layer 2 of its 3"):
        rescale_signal(model, x)
    assert all(torch.equal(a, b) for a, b in zip(before, model.weights, strict=True))
    assert signal_moments(model, x)[1:].tolist() == [0.0, 0.0]


def applied(build, method="random", density=0.3):
    model, x, y = module_setting(build)
    masks = prune(model, method, density, x, y, scope="layer", generator=seeded())
    return apply(copy.deepcopy(model), masks), model, x


def weighted_sums(model, x):
    """Return the mean squares of what the layers send apart from biases, call by call."""
    found = {}
    for name, layer in model.named_modules():
        if isinstance(layer, torch.nn.Linear | torch.nn.Conv1d | torch.nn.Conv2d):

            def hook(layer, inputs, _, name=name):
                if layer.weight.ndim > 2:
                    sums = layer._conv_forward(inputs[0], layer.weight, None)
                else:
                    sums = torch.nn.functional.linear(inputs[0], layer.weight)
                found.setdefault(name, float(sums.double().square().mean()))

            layer.register_forward_hook(hook)
    with torch.no_grad():
        model(x)
    return found


@EVERY_NETWORK
@pytest.mark.parametrize("training", [True, False])
def test_any_module_has_the_signal_of_its_dense_self(build, training):
    model, dense, x = applied(build)
    for each in (model, dense):
        each.train(training)
        for module in each.modules():
            if isinstance(module, torch.nn.Dropout):
                module.p = 0.0
    before, state = copy.deepcopy(model.state_dict()), torch.random.get_rng_state()
    with torch.inference_mode():
        factors = rescale_signal(model, x)
    assert torch.equal(torch.random.get_rng_state(), state)
    changed = {name.removesuffix("weight") + "weight_orig" for name in factors}
    for name, tensor in model.state_dict().items():
        if name in changed:
            factor = float(factors[name.removesuffix("_orig")])
            torch.testing.assert_close(tensor, before[name] * factor)
        else:  # but for the second name of a block that stands twice
            assert torch.equal(tensor, before[name]) or name == "3.conv.weight_orig"
    for module in model.modules():
        if hasattr(module, "weight_orig"):
            assert torch.equal(module.weight, module.weight_orig * module.weight_mask)
            assert not module._forward_hooks
    wanted = weighted_sums(copy.deepcopy(dense), x)
    measured = weighted_sums(copy.deepcopy(model), x)
    assert measured == pytest.approx(wanted, rel=1e-4)


def test_moments_of_a_module_are_those_of_the_perceptron():
    model, x = pruned(initialisation="torch")
    written = apply(
        of_perceptron(model),
        {f"{2 * layer}.weight": mask for layer, mask in enumerate(model.masks)},
    )
    moments = signal_moments(written, x)
    assert list(moments) == ["0.weight", "2.weight", "4.weight"]
    np.testing.assert_allclose(list(moments.values()), signal_moments(model, x), rtol=1e-5)


def test_random_pruning_of_a_module_needs_the_density_to_the_power_of_minus_one_half():
    """Of some 400 neurons the mean square has a relative error of 7 %, its root of 3.5 %; 4 of them."""
    model = of_perceptron(MaskedMLP((400, 500, 400), seeded(0)))
    apply(model, prune(model, "random", 0.25, generator=seeded()))
    factors = rescale_signal(model, torch.randn(50, 400, generator=seeded(2)))
    np.testing.assert_allclose(list(factors.values()), 2.0, rtol=0.14)


def test_a_module_without_masks_or_without_a_path_is_refused_and_left_as_it_is():
    model, dense, x = applied(linear)
    with pytest.raises(ValueError, match=r"model must have its masks applied by torch\.nn\.utils"):
        rescale_signal(dense, x)
    model[1][0].weight_mask.zero_()
    before = copy.deepcopy(model.state_dict())
    with pytest.raises(ValueError, match=r"model must let a signal through: layer 1\.0\.weight"):
        rescale_signal(model, x)
    assert all(map(torch.equal, before.values(), model.state_dict().values()))
    with pytest.raises(ValueError, match="x must be a batch that model takes"):
        rescale_signal(model, x[:, :3])
    assert not model[1][0]._forward_hooks


class Skipping(torch.nn.Module):
    """Two layers, the second of which has a way around."""

    def __init__(self):
        super().__init__()
        self.first, self.second = torch.nn.Linear(12, 12), torch.nn.Linear(12, 12, bias=False)
        self.readout = torch.nn.Linear(12, 5)

    def forward(self, x):
        h = self.first(x).relu()
        return self.readout(h + self.second(h))


class Tied(torch.nn.Module):
    """Two layers with one weight matrix."""

    def __init__(self):
        super().__init__()
        self.first, self.second = torch.nn.Linear(12, 12), torch.nn.Linear(12, 12)
        self.second.weight = self.first.weight

    def forward(self, x):
        return self.second(self.first(x).relu())


class Attending(torch.nn.Module):
    """A layer whose last matrix is read, but never called."""

    def __init__(self):
        super().__init__()
        self.attention = torch.nn.MultiheadAttention(12, 2, batch_first=True)
        self.readout = torch.nn.Linear(12, 5)

    def forward(self, x):
        x = x[:, None]
        return self.readout(self.attention(x, x, x)[0])


class Signs(torch.nn.Linear):
    """A layer that sends the same whatever its weights are multiplied by."""

    def forward(self, x):
        return torch.nn.functional.linear(x, self.weight.sign(), self.bias)


class Generating(torch.nn.Module):
    """A matrix that is the embedding, too."""

    def __init__(self):
        super().__init__()
        self.table, self.head = torch.nn.Embedding(12, 12), torch.nn.Linear(12, 12)
        self.head.weight = self.table.weight

    def forward(self, x):
        return self.head(self.table((10 * x).long() % 12).mean(1))


def masked(model, empty=()):
    with torch.random.fork_rng([]):
        torch.manual_seed(0)
        model = model()
        x = torch.randn(30, 12)
    masks = prune(model, "random", 0.3, scope="layer", generator=seeded())
    for name in empty:
        masks[name].zero_()
    return copy.deepcopy(model), apply(model, masks), x


def test_a_shared_matrix_is_compared_with_that_without_any_of_its_masks():
    dense, model, x = masked(Tied)
    factors = rescale_signal(model, x)
    assert factors["first.weight"] == factors["second.weight"] > 1.3
    assert weighted_sums(model, x)["first"] == pytest.approx(
        weighted_sums(dense, x)["first"], rel=1e-4
    )


def test_an_empty_layer_with_a_way_around_it_is_warned_of():
    dense, model, x = masked(Skipping, ["second.weight"])
    with pytest.warns(UserWarning, match=r"send nothing, .* left as they are: second\.weight$"):
        factors = rescale_signal(model, x)
    assert float(factors["second.weight"]) == 1.0
    wanted, measured = weighted_sums(dense, x), weighted_sums(model, x)
    assert measured == pytest.approx(wanted | {"second": 0.0}, rel=1e-4)
    _, model, x = masked(Skipping, ["readout.weight"])
    with pytest.raises(ValueError, match=r"let a signal through: layer readout\.weight"):
        rescale_signal(model, x)


def test_layers_that_are_not_called_are_warned_of():
    _, model, x = masked(Attending)
    with pytest.warns(UserWarning, match=r"not called are left as they are: attention\.out_proj"):
        factors = rescale_signal(model, x)
    assert float(factors["attention.out_proj.weight"]) == 1.0
    assert float(factors["readout.weight"]) > 1.0


@pytest.mark.parametrize("build", [Generating, lambda: torch.nn.Sequential(Signs(12, 5))])
def test_what_is_not_restored_by_a_number_is_refused_and_left_as_it_is(build):
    _, model, x = masked(build)
    before = copy.deepcopy(model.state_dict())
    with pytest.raises(
        ValueError, match=r"model's layers must send products of inputs and weights"
    ):
        rescale_signal(model, x)
    assert all(map(torch.equal, before.values(), model.state_dict().values()))


def test_inputs_without_a_signal_or_with_one_that_overflows_are_refused():
    _, model, x = masked(Skipping)
    before = copy.deepcopy(model.state_dict())
    with pytest.raises(ValueError, match="x must not be all zero"):
        rescale_signal(model, 0 * x)
    assert same(model.state_dict(), before)
    with pytest.warns(UserWarning, match="left as they are: first"):
        rescale_signal(model, 1e-30 * x)  # of which rounding beside biases leaves nothing
    model, _, x = applied(linear)
    with pytest.raises(ValueError, match=r"let a signal through: layer 0\.0\.weight"):
        rescale_signal(model, 1e-30 * x)
    perceptron, x = pruned()
    for function in (signal_moments, rescale_signal):
        with pytest.raises(ValueError, match="x must be small enough for finite signals"):
            function(perceptron, 1e200 * x.double())
    with torch.no_grad():
        model[0][0].weight_orig.mul_(1e30)
        model[1][0].weight_orig.mul_(1e30)
    with pytest.raises(ValueError, match="on which it fails: a layer sends what is not finite"):
        signal_moments(model, torch.ones(2, 12))


def test_weights_born_in_inference_mode_are_rescaled():
    with torch.inference_mode():
        model, _, x = applied(linear)
        perceptron = MaskedMLP((12, 9, 5), seeded())
    assert (rescale_signal(perceptron, x) > 0).all()
    assert all(factor > 0 for factor in rescale_signal(model, x).values())


def test_layers_that_send_nothing_when_dense_keep_their_weights():
    model, x, _ = module_setting(linear)
    torch.nn.init.zeros_(model[2].weight)
    apply(model, prune(model, "random", 0.5, generator=seeded(), scope="layer"))
    factors = rescale_signal(model, x)
    assert float(factors["2.weight"]) == 1.0
    assert float(factors["0.0.weight"]) != 1.0
