"""Whatever comes in: a finite, valid result, a ValueError or a TypeError. Nothing else."""

import contextlib
import warnings

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from ntk_strategies import networks, seeded_inputs
from test_argument_checks import REFUSALS
from torch_networks import apply, of_perceptron

from graphon_lib.ntk import ACTIVATIONS, graphon_nngp, graphon_ntk
from graphon_lib.pruning import (
    INITIALISATIONS,
    METHODS,
    MaskedMLP,
    prune,
    rescale_signal,
    saliency,
    shuffle_masks,
    signal_moments,
)
from graphon_lib.pruning.redraw import redraw_given_signals

REFUSED = (ValueError, TypeError)
DTYPES = (torch.float16, torch.bfloat16, torch.float32, torch.float64)
SIZES = st.integers(1, 6)


@st.composite
def batches(draw, inputs, classes):
    """Inputs in every form that is allowed: tensors, arrays, lists; of small and large values."""
    count = draw(SIZES)
    rng = np.random.default_rng(draw(st.integers(0, 99)))
    x = rng.normal(size=(count, inputs)) * 10.0 ** draw(st.sampled_from([-30, -4, 0, 4, 30]))
    x[:, draw(st.integers(0, inputs - 1))] = 0.0
    y = rng.integers(0, classes, count)
    forms = [
        lambda a: a,
        lambda a: a.tolist(),
        torch.tensor,
        lambda a: torch.tensor(a).to(torch.int16 if a.dtype.kind == "i" else torch.float16),
    ]
    return draw(st.sampled_from(forms))(x), draw(st.sampled_from(forms))(y)


@st.composite
def pruning_cases(draw):
    widths = draw(st.lists(SIZES, min_size=2, max_size=4))
    model = MaskedMLP(
        widths,
        torch.Generator().manual_seed(draw(st.integers(0, 99))),
        initialisation=draw(st.sampled_from(list(INITIALISATIONS))),
    ).to(draw(st.sampled_from(DTYPES)))
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.mul_(draw(st.sampled_from([0.0, 1e-4, 1.0, 100.0])))
    return model, *draw(batches(widths[0], widths[-1]))


RANKINGS = given(
    case=pruning_cases(),
    density=st.floats(0.0, 1.0, exclude_min=True),
    scope=st.sampled_from(["global", "layer"]),
    rounds=st.sampled_from([None, 1, 3]),
)


def check_counts(masks, density, scope):
    """Check how many weights are kept, and return it by layer."""
    sizes, kept = ([int(of(mask)) for mask in masks] for of in (torch.numel, torch.sum))
    if scope == "layer":
        assert kept == [round(density * size) for size in sizes]
    else:
        assert sum(kept) == round(density * sum(sizes))
    return kept


@pytest.mark.filterwarnings("ignore:layers? .* kept no weight", "ignore:all scores are zero from")
@pytest.mark.parametrize("method", METHODS)
@RANKINGS
def test_pruning(method, case, density, scope, rounds):
    model, x, y = case
    with contextlib.suppress(*REFUSED):
        for score, weight in zip(saliency(model, method, x, y), model.weights, strict=True):
            assert score.shape == weight.shape
    with contextlib.suppress(*REFUSED):
        masks = prune(model, method, density, x, y, scope=scope, rounds=rounds)
        assert all(mask.dtype == torch.bool for mask in masks)
        kept = check_counts(masks, density, scope)
        model.masks = masks
        assert [int(mask.sum()) for mask in shuffle_masks(masks)] == kept
        assert (signal_moments(model, x) >= 0).all()
        assert torch.isfinite(rescale_signal(model, x)).all()


@pytest.mark.filterwarnings("ignore:layers? ", "ignore:all scores are zero from")
@pytest.mark.parametrize("method", METHODS)
@RANKINGS
def test_pruning_of_any_module(method, case, density, scope, rounds):
    model, x, y = case
    model, x = of_perceptron(model), torch.as_tensor(x)
    with contextlib.suppress(*REFUSED):
        masks = prune(model, method, density, x, y, scope=scope, rounds=rounds)
        assert list(masks) == [n for n, _ in model.named_parameters() if n.endswith("weight")]
        check_counts(masks.values(), density, scope)
        apply(model, masks)
        assert all(moment >= 0 for moment in signal_moments(model, x).values())
        assert all(0 < factor < float("inf") for factor in rescale_signal(model, x).values())
        assert all(torch.isfinite(parameter).all() for parameter in model.parameters())


SMOOTH = {"tanh": np.tanh, "sine": np.sin, "softplus": lambda z: np.logaddexp(0.0, z)}


@pytest.mark.parametrize("activation", [*ACTIVATIONS, *SMOOTH])
@given(
    network=networks(max_depth=4),
    seed=st.integers(0, 99),
    scale=st.sampled_from([1e-30, 1e-3, 1.0, 30.0, 1e30]),
    weight_variance=st.sampled_from([0.1, 1.0, 2.0, 10.0]),
    bias_variance=st.sampled_from([0.0, 0.1, 5.0]),
)
def test_kernels(activation, network, seed, scale, weight_variance, bias_variance):
    x = scale * seeded_inputs((3, network.layers[0].shape[1]), seed)
    x = np.concatenate([x, -x[:1], x[1:2]])
    options = {"weight_variance": weight_variance, "bias_variance": bias_variance}
    for kernel in (graphon_nngp, graphon_ntk):
        with contextlib.suppress(*REFUSED):
            k = kernel(x, network, activation=SMOOTH.get(activation, activation), **options)
            assert np.isfinite(k).all()
            assert np.array_equal(k, k.T)
            # A kernel: no more in common than each has with itself.
            root = np.sqrt(np.diag(k))
            assert (np.abs(k) <= np.outer(root, root) * (1 + 1e-6) + 1e-300).all()
            assert k[1, 4] == pytest.approx(k[1, 1], rel=1e-9)


JUNK = [
    *(None, True, 3, -1, 0, 2.5, float("nan"), float("inf"), "x", b"x", "", [], [[]], {}, set()),
    *(object(), len, int, 1j, [None], ["a"], [[1.0], [1.0, 2.0]], np.array("a"), np.array(1.0)),
    *(np.zeros((0, 2)), np.ones((2, 2, 2)), np.full((2, 2), np.nan), np.array([{}, []], object)),
    *(torch.ones(2), torch.ones(2, 2, dtype=torch.complex64), torch.zeros(0), torch.Generator()),
    *(np.random.default_rng(0), np.float16([[1.0]]), np.array([[True]]), range(3), slice(3)),
]


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(
    ("function", "arguments", "names"),
    [
        pytest.param(function, good, sorted({*good, *refused}), id=f"{number}")
        for number, (function, good, refused) in enumerate(REFUSALS)
        if function is not redraw_given_signals  # which trusts those who call it
    ],
)
def test_junk_for_any_argument(function, arguments, names):
    for name in names:
        for value in JUNK:
            if name in ("widths", "count", "blocks", "depth", "steps") and value is not None:
                continue  # Numbers are numbers; large ones would be computed.
            with warnings.catch_warnings(), contextlib.suppress(*REFUSED):
                warnings.simplefilter("ignore")
                function(**arguments | {name: value})
