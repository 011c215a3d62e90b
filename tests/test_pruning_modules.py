"""Any torch.nn.Module: its masks, that it is left as it is, and all that is refused."""

import copy
import io
import warnings

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn.functional import cross_entropy
from torch.nn.utils import parametrizations
from torch.nn.utils.prune import l1_unstructured
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves
from torch.utils.checkpoint import checkpoint
from torch.utils.data import DataLoader, TensorDataset
from torch_networks import (
    EVERY_NETWORK,
    apply,
    linear,
    of_perceptron,
    resnet,
    same,
    seeded,
    setting,
    vgg,
)

from graphon_lib.pruning import (
    INITIALISATIONS,
    METHODS,
    MaskedMLP,
    module_signal,
    networks,
    prune,
    rescale,
    rescale_signal,
    saliency,
    signal_moments,
    synflow,
    tensors,
)
from graphon_lib.pruning.networks import ModuleNetwork
from graphon_lib.pruning.tensors import widest_dtype

NEED_DATA = [name for name, method in METHODS.items() if method.needs_data]
EMPTIED = pytest.mark.filterwarnings(
    "ignore:layers? .* kept no weight", "ignore:all scores are zero from"
)


def weights_of(model):
    kinds = nn.Linear | nn.Conv1d | nn.Conv2d
    return {f"{n}.weight": m.weight for n, m in model.named_modules() if isinstance(m, kinds)}


def seldom(method):
    """As many rounds as tests have time for."""
    return {"rounds": min(METHODS[method].rounds, 5), "generator": seeded(1)}


@EMPTIED
@EVERY_NETWORK
@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("scope", ["global", "layer"])
def test_every_network_is_pruned_by_every_method(build, method, scope):
    model, x, y = setting(build)
    weights = weights_of(model)
    sizes = {name: w.numel() for name, w in weights.items()}
    masks = prune(model, method, 0.3, x, y, scope=scope, **seldom(method))
    assert {n: m.shape for n, m in masks.items()} == {n: w.shape for n, w in weights.items()}
    kept = {name: int(mask.sum()) for name, mask in masks.items()}
    if scope == "layer":
        assert kept == {name: round(0.3 * size) for name, size in sizes.items()}
    else:
        assert sum(kept.values()) == round(0.3 * sum(sizes.values()))
    file = io.BytesIO()
    torch.save(masks, file)
    file.seek(0)
    assert same(torch.load(file, weights_only=True), masks)
    held = {name: weight.detach() * masks[name] for name, weight in weights.items()}
    apply(model, masks)
    model(x)
    for name, weight in held.items():
        assert torch.equal(model.get_submodule(name.rpartition(".")[0]).weight, weight)


@EMPTIED
@EVERY_NETWORK
@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("training", [True, False])
def test_the_network_is_left_as_it_is(build, method, training):
    model, x, y = setting(build)
    model.train(training)
    next(model.children()).train()
    model.requires_grad_(False)
    next(model.parameters()).requires_grad_().grad = torch.ones_like(next(model.parameters()))
    calls = []
    model.register_forward_hook(lambda *_: calls.append(torch.is_grad_enabled()))
    before, x_before = copy.deepcopy(model.state_dict()), x.clone()
    parts = [dict(module.named_parameters(recurse=False)) for module in model.modules()]
    modes = [module.training for module in model.modules()]
    flags = [p.requires_grad for p in model.parameters()]
    state = torch.random.get_rng_state()
    with torch.no_grad():
        prune(model, method, 0.3, x, y, **seldom(method))
    assert same(model.state_dict(), before)
    for module, held in zip(model.modules(), parts, strict=True):
        assert all(getattr(module, name) is parameter for name, parameter in held.items())
    assert modes == [module.training for module in model.modules()]
    assert flags == [p.requires_grad for p in model.parameters()]
    assert torch.equal(next(model.parameters()).grad, torch.ones_like(next(model.parameters())))
    assert all(p.grad is None for p in list(model.parameters())[1:])
    assert torch.equal(torch.random.get_rng_state(), state)
    assert torch.equal(x, x_before)
    assert all(calls)
    assert bool(calls) == (METHODS[method].needs_data or METHODS[method].needs_flow)


@EMPTIED
@EVERY_NETWORK
@pytest.mark.parametrize("method", METHODS)
def test_masks_repeat_whatever_the_random_state_and_inside_inference_mode(build, method):
    model, x, y = setting(build)
    model.eval()
    wanted = prune(model, method, 0.3, x, y, **seldom(method))
    torch.rand(3)
    with torch.inference_mode():
        assert same(prune(model, method, 0.3, x, y, **seldom(method)), wanted)
        born = copy.deepcopy(model)
        assert same(prune(born, method, 0.3, x, y, **seldom(method)), wanted)
    if METHODS[method].needs_data or METHODS[method].needs_flow:
        loader = DataLoader(TensorDataset(x, y), batch_size=len(x))
        assert same(prune(model, method, 0.3, loader, **seldom(method)), wanted)
    assert same(prune(model, method, 0.3, x.numpy(), y.numpy(), **seldom(method)), wanted)


@EVERY_NETWORK
@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32])
@pytest.mark.parametrize("method", METHODS)
def test_masks_in_every_dtype_are_those_of_double_precision(build, method, dtype):
    model, x, y = setting(build)
    model = model.eval().to(dtype)
    exact = copy.deepcopy(model).double()
    ours, wanted = (
        torch.cat([mask.flatten() for mask in masks.values()])
        for masks in (
            prune(m, method, 0.3, x.to(dtype), y, **seldom(method)) for m in (model, exact)
        )
    )
    assert (ours & wanted).sum() >= 0.99 * wanted.sum()


@pytest.mark.parametrize("initialisation", INITIALISATIONS)
@pytest.mark.parametrize("scope", ["global", "layer"])
@pytest.mark.parametrize("method", METHODS)
def test_a_perceptron_has_the_same_masks_whichever_way_it_is_written(method, scope, initialisation):
    model = MaskedMLP((30, 24, 18, 10), seeded(0), initialisation=initialisation)
    x, y = torch.randn(20, 30, generator=seeded(1)), torch.arange(20) % 10
    written = of_perceptron(model)
    for rounds in (None, 1, 7) if METHODS[method].in_rounds else (None,):
        options = {"scope": scope, "rounds": rounds}
        masks = prune(model, method, 0.2, x, y, generator=seeded(1), **options)
        others = prune(written, method, 0.2, x, y, generator=seeded(1), **options)
        assert list(others) == ["0.weight", "2.weight", "4.weight"]
        assert all(map(torch.equal, masks, others.values()))


@pytest.mark.parametrize("method", NEED_DATA)
def test_several_batches_are_the_sum_of_their_losses(method):
    model, x, y = setting(vgg)
    model.eval()
    batches = list(zip(x.split((8, 5, 3)), y.split((8, 5, 3)), strict=True))

    def summed(outputs, y):
        parts = zip(outputs.split((8, 5, 3)), y.split((8, 5, 3)), strict=True)
        scale = 200.0 if method == "grasp" else 1.0
        return sum(cross_entropy(o / scale, labels) for o, labels in parts)

    wanted = saliency(model, method, x, y, loss=summed)
    for form in (batches, iter(batches), [list(batch) for batch in batches]):
        for name, score in saliency(model, method, form).items():
            torch.testing.assert_close(score, wanted[name], rtol=1e-4, atol=1e-9)


@pytest.mark.parametrize("method", NEED_DATA)
def test_perceptrons_take_several_batches_too(method):
    model = MaskedMLP((12, 9, 5), seeded(0))
    x, y = torch.randn(20, 12, generator=seeded(1)), torch.arange(20) % 5
    halves = DataLoader(TensorDataset(x, y), batch_size=10)
    scores = saliency(model, method, halves)
    factor = {"snip": 2, "grasp": 4}[method]
    for several, one in zip(scores, saliency(model, method, x, y), strict=True):
        torch.testing.assert_close(several, factor * one, rtol=1e-4, atol=1e-9)


@pytest.mark.parametrize("method", NEED_DATA)
def test_shuffling_takes_no_random_numbers_away(method):
    model, x, y = setting(linear)
    loader = DataLoader(TensorDataset(x, y), batch_size=8, shuffle=True)
    state = torch.random.get_rng_state()
    first = prune(model, method, 0.3, loader)
    assert torch.equal(torch.random.get_rng_state(), state)
    assert same(prune(model, method, 0.3, loader), first)


def test_snip_and_grasp_of_another_loss_are_its_derivatives():
    model = nn.Sequential(nn.Linear(4, 3), nn.Tanh(), nn.Linear(3, 2)).double()
    x, y = (torch.randn(6, n, generator=seeded(1), dtype=torch.float64) for n in (4, 2))
    names = ["0.weight", "2.weight"]
    sizes = [12, 6]

    def loss(flat):
        parts = dict(zip(names, flat.split(sizes), strict=True))
        first, second = parts["0.weight"].view(3, 4), parts["2.weight"].view(2, 3)
        h = (x @ first.T + model[0].bias.detach()).tanh()
        return (h @ second.T + model[2].bias.detach() - y).square().mean()

    flat = torch.cat([model[0].weight.detach().flatten(), model[2].weight.detach().flatten()])
    g = torch.autograd.functional.jacobian(loss, flat)
    hessian = torch.autograd.functional.hessian(loss, flat)
    for method, wanted in (("snip", (flat * g).abs()), ("grasp", flat * (hessian @ g))):
        scores = saliency(model, method, x, y, loss=nn.MSELoss())
        torch.testing.assert_close(torch.cat([s.flatten() for s in scores.values()]), wanted)


def test_synflow_sends_ones_through_absolute_values_in_evaluation_mode():
    model, x, _ = setting(resnet)
    absolute = copy.deepcopy(model).double().eval()
    with torch.no_grad():
        for tensor in absolute.state_dict().values():
            tensor.abs_()
    flow = absolute(torch.ones(1, 3, 8, 8, dtype=torch.float64)).sum()
    weights = weights_of(absolute)
    gradients = torch.autograd.grad(flow, list(weights.values()))
    for training in (True, False):
        scores = saliency(model.train(training), "synflow", x)
        for (name, weight), g in zip(weights.items(), gradients, strict=True):
            torch.testing.assert_close(scores[name], weight.detach() * g / flow.detach())


def test_shared_weights_have_one_mask_under_every_name():
    class Tied(nn.Module):
        def __init__(self):
            super().__init__()
            self.table, self.first, self.second = (
                nn.Embedding(6, 4),
                nn.Linear(4, 6),
                nn.Linear(4, 6),
            )
            self.first.weight = self.second.weight = self.table.weight

        def forward(self, x):
            h = self.table(x).mean(1)
            return self.first(h) + self.second(h.relu())

    model, x, y = Tied(), torch.randint(0, 6, (8, 3), generator=seeded(1)), torch.arange(8) % 6
    for method in NEED_DATA:
        masks = prune(model, method, 0.5, x, y)
        assert list(masks) == ["first.weight", "second.weight"]
        assert masks["first.weight"] is masks["second.weight"]
        assert int(masks["first.weight"].sum()) == 12


@pytest.mark.parametrize("method", METHODS)
def test_wrapped_networks_have_the_masks_of_what_is_in_them(method):
    model, x, y = setting(vgg)
    model.eval()
    wanted = prune(model, method, 0.3, x, y, **seldom(method))
    in_place = copy.deepcopy(model)
    in_place.compile(backend="aot_eager")
    for wrapped, prefix in (
        (nn.DataParallel(model), "module."),
        (torch.compile(model, backend="aot_eager"), "_orig_mod."),
        (in_place, ""),
    ):
        masks = prune(wrapped, method, 0.3, x, y, **seldom(method))
        assert same(masks, {prefix + name: mask for name, mask in wanted.items()})
        assert set(masks) <= dict(wrapped.named_parameters()).keys()


def test_training_mode_scores_what_training_computes():
    model, x, y = setting(vgg)
    model[9].p = 0.0
    weights = weights_of(model)
    for training in (True, False):
        copied = copy.deepcopy(model).train(training)
        gradients = torch.autograd.grad(
            cross_entropy(copied(x), y), list(weights_of(copied).values())
        )
        scores = saliency(model.train(training), "snip", x, y)
        for (name, weight), g in zip(weights.items(), gradients, strict=True):
            torch.testing.assert_close(scores[name], (weight * g).abs().detach())


def test_dropout_is_the_same_in_both_passes_over_several_batches():
    model, x, y = setting(vgg)
    state = torch.random.get_rng_state()
    once = saliency(model, "grasp", x, y)
    several = saliency(model, "grasp", [(x, y)] * 2)
    for name in once:
        torch.testing.assert_close(several[name], 4 * once[name], rtol=1e-4, atol=1e-9)
    assert torch.equal(torch.random.get_rng_state(), state)


def test_batches_that_the_network_changes_in_place_are_copied():
    model, x, y = setting(linear)
    before = x.clone()
    in_place = nn.Sequential(nn.ReLU(inplace=True), *model)
    for method in NEED_DATA:
        masks = prune(in_place, method, 0.3, [(x, y)] * 2)
        assert torch.equal(x, before)
        others = prune(model, method, 0.3, [(x.relu(), y)] * 2)
        assert all(map(torch.equal, masks.values(), others.values()))


@EMPTIED
@pytest.mark.filterwarnings("ignore:enable_nested_tensor")
@pytest.mark.parametrize("method", METHODS)
def test_transformers(method):
    with torch.random.fork_rng([]):
        torch.manual_seed(0)
        layer = nn.TransformerEncoderLayer(8, 2, 16, dropout=0.1, batch_first=True)
        model = nn.Sequential(nn.TransformerEncoder(layer, 2), nn.Flatten(), nn.Linear(40, 5))
    x, y = torch.randn(6, 5, 8, generator=seeded(1)), torch.arange(6) % 5
    for training in (True, False):
        masks = prune(model.train(training), method, 0.3, x, y, scope="layer", **seldom(method))
        assert {"0.layers.0.self_attn.out_proj.weight", "2.weight"} < set(masks)


def test_networks_that_are_not_twice_differentiable():
    model, x, y = setting(linear)
    model.forward = lambda x: torch.cdist(nn.Sequential.forward(model, x), torch.eye(5))
    prune(model, "snip", 0.3, x, y)
    with pytest.raises(ValueError, match=r"must be differentiable by the weights, for .* twice"):
        prune(model, "grasp", 0.3, x, y)


def test_perceptrons_take_another_loss():
    model = MaskedMLP((12, 9, 5), seeded(0))
    x, y = torch.randn(20, 12, generator=seeded(1)), torch.randn(20, 5, generator=seeded(2))
    for method in NEED_DATA:
        masks = prune(model, method, 0.3, x, y, loss=nn.MSELoss())
        others = prune(of_perceptron(model), method, 0.3, x, y, loss=nn.MSELoss())
        assert all(map(torch.equal, masks, others.values()))


def test_layers_that_are_not_called_score_zero():
    model, x, y = setting(linear)
    model.unused = nn.Linear(3, 2)
    model.forward = lambda x: model[2](model[1](model[0](x)))
    for method in NEED_DATA:
        assert not saliency(model, method, x, y)["unused.weight"].any()
        with pytest.warns(UserWarning, match=r"layer unused\.weight of 4 kept no weight"):
            prune(model, method, 0.3, x, y)


class NothingBecomesDouble(TorchDispatchMode):
    """Refuse what Apple's graphics processors do: to make double precision of a tensor that is there."""

    def __torch_dispatch__(self, operation, _, arguments=(), options=None):
        out = operation(*arguments, **(options or {}))
        tensors = [a for a in tree_leaves((arguments, options)) if isinstance(a, torch.Tensor)]
        doubles = [
            a.dtype == torch.float64 for a in tree_leaves(out) if isinstance(a, torch.Tensor)
        ]
        if any(doubles) and any(a.is_floating_point() and a.itemsize < 8 for a in tensors):
            raise AssertionError(f"{operation} makes double precision")
        return out


@EMPTIED
@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("build", [vgg, resnet, lambda: MaskedMLP((12, 9, 5), seeded())])
def test_what_has_no_double_precision_gets_none(monkeypatch, build, method):
    assert widest_dtype(torch.device("mps")) == torch.float32
    assert widest_dtype(torch.device("cuda")) == torch.float64
    for module in (tensors, networks, synflow, module_signal, rescale):
        monkeypatch.setattr(module, "widest_dtype", lambda device: torch.float32)
    model = build()
    perceptron = isinstance(model, MaskedMLP)
    x = torch.randn(16, 12) if perceptron else torch.randn(16, 3, 8, 8)
    y = torch.arange(16) % 5
    if perceptron and method == "synflow":
        return  # on the processor, where the masks are made
    with NothingBecomesDouble():
        scores = saliency(model, method, x, y)
        masks = prune(model, method, 0.5, x, y, scope="layer", **seldom(method))
        if perceptron:
            model.masks = masks
        else:
            apply(model, masks)
        signal_moments(model, x)
        rescale_signal(model, x)
    scores = scores if perceptron else scores.values()
    assert all(score.dtype == torch.float32 for score in scores)


def checkpointed(reentrant):
    model, x, y = setting(linear)
    model.forward = lambda x: model[2](
        checkpoint(lambda h: model[1](h), model[0](x), use_reentrant=reentrant)
    )
    return model, x, y


@pytest.mark.parametrize("method", ["snip", "grasp", "synflow"])
def test_checkpoints_which_would_compute_again_with_other_weights_are_refused(method):
    for reentrant, why in ((False, "activation checkpointing"), (True, "incompatible with .grad")):
        model, x, y = checkpointed(reentrant)
        with pytest.raises(ValueError, match=why):
            prune(model, method, 0.3, x, y)
    model, x, _ = checkpointed(False)
    assert all(torch.isfinite(moment) for moment in signal_moments(model, x).values())


@pytest.mark.filterwarnings("ignore:The PyTorch API of nested tensors")
@pytest.mark.parametrize("method", NEED_DATA)
def test_tensors_of_other_kinds_are_refused(method):
    model, x, y = setting(linear)
    kinds = [
        torch.Tensor.to_sparse,
        lambda t: t.to("meta"),
        lambda t: torch.nested.nested_tensor(list(t)),
    ]
    for kind in kinds:
        with pytest.raises(
            ValueError, match="x must be a dense tensor that holds values, got one on"
        ):
            prune(model, method, 0.3, kind(x), y)
    for kind in kinds[:2]:
        with pytest.raises(
            ValueError, match="y must be a dense tensor that holds values, got one on"
        ):
            prune(model, method, 0.3, x, kind(y))


class Recurrent(nn.Module):
    """A recurrent layer, whose weights are not pruned, and a linear one."""

    def __init__(self, kind):
        super().__init__()
        self.recurrent, self.readout = kind(4, 6, batch_first=True), nn.Linear(6, 5)

    def forward(self, x):
        return self.readout(self.recurrent(x)[0][:, -1])


@pytest.mark.parametrize("kind", [nn.LSTM, nn.GRU, nn.RNN])
def test_recurrent_layers_are_part_of_the_network_that_is_scored(kind):
    model = Recurrent(kind).double()
    x, y = torch.randn(6, 3, 4, generator=seeded(1)).double(), torch.arange(6) % 5
    weight = model.readout.weight
    (gradient,) = torch.autograd.grad(cross_entropy(model(x), y), weight)
    scores = saliency(model, "snip", x, y)
    torch.testing.assert_close(scores, {"readout.weight": (weight * gradient).abs().detach()})
    exact = torch.cat([score.flatten() for score in scores.values()])
    for dtype in (torch.float16, torch.bfloat16):
        rounded = saliency(copy.deepcopy(model).to(dtype), "snip", x, y)["readout.weight"].flatten()
        assert torch.corrcoef(torch.stack([rounded.double(), exact]))[0, 1] > 0.99
    absolute = copy.deepcopy(model)
    with torch.no_grad():
        for parameter in absolute.parameters():
            parameter.abs_()
    flow = absolute(torch.ones_like(x[:1])).sum()
    (gradient,) = torch.autograd.grad(flow, absolute.readout.weight)
    wanted = (absolute.readout.weight * gradient / flow).detach()
    torch.testing.assert_close(saliency(model, "synflow", x), {"readout.weight": wanted})


def with_weight(change):
    """A network of two linear layers, the first of which is changed."""
    model = nn.Sequential(nn.Linear(12, 8), nn.ReLU(), nn.Linear(8, 5))
    return change(model[0], model) or model


def spoiled(layer, _):
    layer.weight.data[1, 2] = float("nan")


def bias_spoiled(layer, _):
    layer.bias.data[1] = float("inf")


def as_parameter(value):
    def change(layer, _):
        layer.weight = nn.Parameter(value, requires_grad=False)

    return change


class Wrapped(torch.Tensor):
    """A tensor with a mind of its own."""


MODELS = [
    (
        lambda *_: nn.Sequential(nn.ReLU()),
        "must have layers Linear, Conv1d, Conv2d, got Sequential",
    ),
    (
        lambda *_: nn.Sequential(nn.LazyLinear(3)),
        r"model's 0\.weight must have values, got none yet",
    ),
    (lambda _, model: model.to("meta"), r"model's 0\.weight must have values"),
    (
        lambda layer, _: parametrizations.weight_norm(layer) and None,
        "must be a parameter of its own",
    ),
    (lambda layer, _: l1_unstructured(layer, "weight", 0.5) and None, "parameter of its own"),
    (spoiled, r"model's 0\.weight must be finite"),
    (bias_spoiled, r"model's 0\.bias must be finite"),
    (as_parameter(torch.ones(8, 12).to_sparse()), "must be a dense tensor"),
    (as_parameter(torch.ones(8, 12, dtype=torch.int8)), "must be a dense tensor"),
    (as_parameter(torch.ones(8, 12, dtype=torch.complex64)), "must be a dense tensor"),
    (as_parameter(torch.ones(8, 12).as_subclass(Wrapped)), "must be a dense tensor"),
    (as_parameter(torch.ones(0, 12)), "must be a dense tensor"),
    (
        lambda *_: nn.DataParallel(MaskedMLP((12, 5))),
        "must be a MaskedMLP as it is, or have none in",
    ),
    (lambda layer, _: nn.Sequential(layer, MaskedMLP((8, 5))), "got one as '1' of Sequential"),
    (lambda *_: [torch.ones(2, 2)], "model must be a Module, got list"),
    (lambda *_: nn.Linear, "model must be a Module, got type"),
]


@pytest.mark.parametrize(("change", "match"), MODELS)
def test_wrong_models(change, match):
    with pytest.raises(ValueError, match=match):
        prune(with_weight(change), "magnitude", 0.3)


@pytest.mark.filterwarnings("ignore")
def test_quantized_models():
    model = nn.Sequential(nn.Linear(12, 8), nn.ReLU())
    quantized = torch.ao.nn.quantized.Linear(8, 5)
    model.append(quantized)
    with pytest.raises(ValueError, match=r"model must not be quantized, got .*Linear as '2'"):
        prune(model, "magnitude", 0.3)


def cut(model):
    model.forward = lambda x: nn.Sequential.forward(model, x).detach()


def squeezed(model):
    model.forward = lambda x: nn.Sequential.forward(model, x)[:, 0]


def several_outputs(model):
    model.forward = lambda x: (nn.Sequential.forward(model, x),) * 2


@pytest.mark.parametrize("method", NEED_DATA)
@pytest.mark.parametrize(
    ("change", "match"),
    [
        (lambda m, x, y: {"y": y.float()}, "y must be integer class labels, got dtype"),
        (lambda m, x, y: {"y": y[:-1]}, r"y must have shape \(16,\)"),
        (lambda m, x, y: {"y": y + 1}, r"y must lie in \[0, 4\], got labels from 1 to 5"),
        (lambda m, x, y: {"y": None}, "y must be given for method"),
        (lambda m, x, y: {"x": None}, "x must be given for method"),
        (lambda m, x, y: {"x": x[:, :7]}, r"x must be a batch that model takes, got shape \(16, 7\)"),
        (lambda m, x, y: {"x": x.int()}, r"x must be a batch that model takes, .* of torch\.int32"),
        (lambda m, x, y: {"x": x[:0], "y": y[:0]}, r"x must have shape \(N, \.\.\.\) with N >= 1"),
        (lambda m, x, y: {"x": x * float("nan")}, "x must be finite"),
        (lambda m, x, y: {"x": [], "y": None}, "x must hold at least one batch"),
        (lambda m, x, y: {"x": [x], "y": None}, r"x\[0\] must be a pair \(inputs, labels\)"),
        (lambda m, x, y: {"x": [(x, y), (x[:, :7], y)], "y": None}, "that model takes"),
        (lambda m, x, y: {"x": [(x, y), (x, y.float())], "y": None}, r"x\[1\]\[1\] must be integer"),
        (lambda m, x, y: {"x": [(x, y), (x, y[:-1])], "y": None}, r"x\[1\]\[1\] must have shape"),
        (lambda m, x, y: {"x": 3, "y": None}, "x must be a sequence of batches"),
        (lambda m, x, y: {"loss": "mse"}, "loss must be a function of outputs and labels"),
        (lambda m, x, y: {"loss": lambda o, y: o.mean(1)}, r"one number, got shape \(16,\)"),
        (lambda m, x, y: {"loss": lambda o, y: o.mean().item()}, "one number, got float"),
        (lambda m, x, y: {"loss": lambda o, y: o.mean().detach()}, "must be differentiable"),
        (lambda m, x, y: {"loss": nn.MSELoss()}, "loss must take what model returns and y of shape"),
        (lambda m, x, y: cut(m), "must be differentiable by its weights"),
        (lambda m, x, y: several_outputs(m), r"must be a tensor of shape \(N, classes, .* got tuple; loss="),
        (lambda m, x, y: squeezed(m), r"must be a tensor of shape \(N, classes, .* got \(16,\); loss="),
        (lambda m, x, y: {"loss": lambda o, y: 0 * o.sum()}, "must not all be zero"),
        (lambda m, x, y: {"loss": lambda o, y: float("nan") * o.sum()}, r"\['0\.0\.weight'\] must be finite"),
        (lambda m, x, y: {"density": 0.0}, "density must be a kept fraction"),
        (lambda m, x, y: {"scope": "channel"}, "scope must be one of"),
    ],
)  # fmt: skip
@pytest.mark.filterwarnings("ignore:Using a target size")
def test_wrong_batches_and_losses(method, change, match):
    model, x, y = setting(linear)
    arguments = {"density": 0.3, "x": x, "y": y}
    arguments |= change(model, x, y) or {}
    with pytest.raises(ValueError, match=match):
        prune(model, method, **arguments)


@pytest.mark.parametrize(
    ("x", "match"),
    [
        (None, "x must be given for method 'synflow' on a module, to know its shape"),
        (torch.ones(2, 7), r"x must be a batch that model takes, got shape \(1, 7\)"),
        (torch.zeros(0, 12), r"x must have shape \(N, \.\.\.\)"),
    ],
)
def test_synflow_needs_the_shape_of_an_input(x, match):
    model, _, _ = setting(linear)
    with pytest.raises(ValueError, match=match):
        prune(model, "synflow", 0.3, x)


def test_synflow_reads_one_batch_of_many():
    model, x, y = setting(linear)
    state, read = torch.random.get_rng_state(), []

    def batches():
        for part in zip(x.split(4), y.split(4), strict=True):
            torch.rand(3)
            read.append(part)
            yield part

    masks = prune(model, "synflow", 0.3, batches())
    assert len(read) == 1
    assert torch.equal(torch.random.get_rng_state(), state)
    assert same(masks, prune(model, "synflow", 0.3, x))


def test_hooks_that_fail_leave_the_network_as_it_is():
    model, x, y = setting(vgg)
    before, state = copy.deepcopy(model.state_dict()), torch.random.get_rng_state()
    handle = model[10].register_forward_hook(lambda *_: 1 / 0)
    for method in ("snip", "synflow"):
        with pytest.raises(ValueError, match="on which it fails: division by zero"):
            prune(model, method, 0.3, x, y)
    handle.remove()
    assert all(module.training for module in model.modules())
    assert same(model.state_dict(), before)
    assert torch.equal(torch.random.get_rng_state(), state)


def test_the_layers_are_known_by_the_names_that_the_model_has_for_them():
    model, _, _ = setting(resnet)
    network = ModuleNetwork(model)
    assert network.names == ["0.weight", "1.conv.weight", "6.weight"]
    assert list(prune(nn.Linear(4, 3), "magnitude", 0.5)) == ["weight"]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert same(prune(model, "magnitude", np.float32(0.5)), prune(model, "magnitude", 0.5))
