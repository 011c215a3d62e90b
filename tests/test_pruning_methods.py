"""prune: what it promises for every method, and every argument it refuses."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch_networks import perceptron, seeded

from graphon_lib.pruning import INITIALISATIONS, METHODS, MaskedMLP, prune, saliency
from graphon_lib.pruning.signals import batch_signals

WIDTHS = (30, 24, 18, 10)
ONE_ROUND = [name for name, method in METHODS.items() if method.rounds == 1]
NEED_DATA = [name for name, method in METHODS.items() if method.needs_data]


def setting(widths=WIDTHS, seed=0):
    """A network and a batch whose first ten inputs are always zero, as pixels at the border are."""
    model, x, y = perceptron(widths, 20, seed)
    x[:, :10] = 0
    return model, x, y


def masks_of(method, density=0.2, scope="global"):
    model, x, y = setting()
    generator = seeded(1)
    return prune(model, method, density, x, y, scope=scope, generator=generator)


EMPTIED = pytest.mark.filterwarnings(
    "ignore:layers? .* kept no weight", "ignore:all scores are zero from"
)


@EMPTIED
@given(
    widths=st.lists(st.integers(1, 12), min_size=2, max_size=5),
    density=st.floats(0.0, 1.0, exclude_min=True),
    method=st.sampled_from(list(METHODS)),
    scope=st.sampled_from(["global", "layer"]),
)
def test_exactly_as_many_are_kept_as_asked(widths, density, method, scope):
    model = MaskedMLP(widths, seeded(0))
    generator = seeded(0)
    x = torch.randn(4, widths[0], generator=generator)
    y = torch.zeros(4, dtype=torch.int64)
    sizes = [w.numel() for w in model.weights]
    wanted = [round(density * s) for s in (sizes if scope == "layer" else [sum(sizes)])]
    arguments = (model, method, density, x, y)
    if 0 in wanted:
        with pytest.raises(ValueError, match="density must keep at least one"):
            prune(*arguments, scope=scope, generator=generator)
        return
    scores = saliency(model, method, x, y, generator=generator)
    zero = [not s.any() for s in scores]
    if any(zero) if scope == "layer" and METHODS[method].rounds == 1 else all(zero):
        if sum(wanted) < sum(sizes):
            with pytest.raises(ValueError, match="must not all be zero"):
                prune(*arguments, scope=scope, generator=generator)
        return
    masks = prune(*arguments, scope=scope, generator=generator)
    assert [m.shape for m in masks] == [w.shape for w in model.weights]
    kept = [int(m.sum()) for m in masks]
    assert (kept if scope == "layer" else [sum(kept)]) == wanted


@pytest.mark.parametrize("method", ONE_ROUND)
def test_the_masks_hold_the_largest_scores(method):
    model, x, y = setting()
    masks = masks_of(method, 0.2)
    scores = saliency(model, method, x, y, generator=seeded(1))
    kept = torch.cat([s[m] for s, m in zip(scores, masks, strict=True)])
    pruned = torch.cat([s[~m] for s, m in zip(scores, masks, strict=True)])
    assert kept.min() >= pruned.max()


@pytest.mark.parametrize("method", METHODS)
def test_density_one_keeps_everything(method):
    assert all(m.all() for m in masks_of(method, 1.0))


@pytest.mark.parametrize("method", ONE_ROUND)
@pytest.mark.parametrize("scope", ["global", "layer"])
def test_one_round_methods_are_nested_in_density(method, scope):
    narrow, wide = masks_of(method, 0.1, scope), masks_of(method, 0.4, scope)
    assert all((n <= w).all() for n, w in zip(narrow, wide, strict=True))


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("training", [True, False])
def test_the_network_is_left_as_it_is(method, training):
    model, x, y = setting()
    model.train(training)
    held = [torch.rand(w.shape, generator=seeded(2)) < 0.5 for w in model.weights]
    model.masks = held
    before = [w.detach().clone() for w in model.weights]
    x_before, state = x.clone(), torch.random.get_rng_state()
    prune(model, method, 0.2, x, y)
    assert model.training is training
    assert torch.equal(x, x_before)
    assert torch.equal(torch.random.get_rng_state(), state)
    for w, old, mask, old_mask in zip(model.weights, before, model.masks, held, strict=True):
        assert w.requires_grad
        assert w.grad is None
        assert torch.equal(w, old)
        assert torch.equal(mask, old_mask)


@pytest.mark.parametrize("method", METHODS)
def test_present_masks_are_not_read(method):
    model, x, y = setting()
    model.masks = masks_of("magnitude", 0.05)
    again = prune(model, method, 0.2, x, y, generator=seeded(1))
    assert all(torch.equal(a, b) for a, b in zip(again, masks_of(method), strict=True))


@pytest.mark.parametrize("rounds", [None, 2])
@pytest.mark.parametrize("method", METHODS)
def test_inference_mode_changes_nothing(method, rounds):
    if rounds and METHODS[method].in_rounds is None:
        return
    options = {"rounds": rounds}
    model, x, y = setting()
    wanted = prune(model, method, 0.2, x, y, generator=seeded(1), **options)
    with torch.inference_mode():
        inside = prune(model, method, 0.2, x, y, generator=seeded(1), **options)
        model, x, y = setting()  # whose tensors can never have a gradient
        born = prune(model, method, 0.2, x, y, generator=seeded(1), **options)
    later = prune(model, method, 0.2, x, y, generator=seeded(1), **options)
    for masks in (inside, born, later):
        assert all(map(torch.equal, masks, wanted))


@pytest.mark.parametrize("method", ["random", "magnitude", "snip", "grasp", "synflow"])
def test_signs_of_weights_matter_to_methods_that_see_data(method):
    model, x, y = setting()
    signs = seeded(5)
    with torch.no_grad():
        for w in model.weights:
            w *= 2 * torch.randint(0, 2, w.shape, generator=signs) - 1
    flipped = prune(model, method, 0.2, x, y, generator=seeded(1))
    assert all(map(torch.equal, flipped, masks_of(method))) != METHODS[method].needs_data


@pytest.mark.parametrize("method", METHODS)
def test_data_are_read_where_the_table_says_so(method):
    model, _, _ = setting()
    options = {"generator": seeded(1)}
    if METHODS[method].needs_data:
        with pytest.raises(ValueError, match=f"x must be given for method '{method}', got None"):
            prune(model, method, 0.2, **options)
    else:
        assert all(map(torch.equal, prune(model, method, 0.2, **options), masks_of(method)))


def test_random_masks_differ_without_a_generator_and_repeat_with_one():
    model, _, _ = setting()
    assert not torch.equal(prune(model, "random", 0.5)[0], prune(model, "random", 0.5)[0])
    first, second = (prune(model, "random", 0.5, generator=seeded(7)) for _ in range(2))
    assert torch.equal(first[0], second[0])


def in_dtype(dtype, initialisation="he"):
    """A network in a dtype, one of the same weights in double precision, and a batch."""
    generator = seeded(0)
    model = MaskedMLP((60, 50, 40, 10), generator, initialisation=initialisation).to(dtype)
    same = MaskedMLP(model.widths, initialisation=initialisation).double()
    same.load_state_dict(model.state_dict())
    x = torch.randn(64, 60, generator=generator, dtype=torch.float64)
    return model, same, x, torch.randint(0, 10, (64,), generator=generator)


@pytest.mark.parametrize("initialisation", INITIALISATIONS)
@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32, torch.float64])
@pytest.mark.parametrize("method", METHODS)
def test_masks_in_every_dtype_are_those_of_double_precision(method, dtype, initialisation):
    """But for weights whose score is the threshold to within single precision."""
    model, same, x, y = in_dtype(dtype, initialisation)
    for scope, rounds in (("global", None), ("layer", None), ("global", 5)):
        if rounds and METHODS[method].in_rounds is None:
            continue
        ours, exact = (
            torch.cat([mask.flatten() for mask in masks])
            for masks in (
                prune(m, method, 0.1, x, y, scope=scope, rounds=rounds, generator=generator)
                for m, generator in zip((model, same), map(seeded, (1, 1)), strict=True)
            )
        )
        assert (ours & exact).sum() >= 0.995 * exact.sum()
    for score in saliency(model, method, x, y):
        assert torch.finfo(score.dtype).bits >= max(32, torch.finfo(dtype).bits)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
@pytest.mark.parametrize("method", NEED_DATA)
def test_inputs_are_not_rounded_to_half_precision(method, dtype):
    model, same, x, y = in_dtype(dtype)
    for ours, exact in zip(
        saliency(model, method, x, y), saliency(same.float(), method, x, y), strict=True
    ):
        assert torch.equal(ours, exact)
    signals = zip(
        batch_signals(model, method, x, y), batch_signals(same, method, x, y), strict=True
    )
    assert all(np.array_equal(a, b) for pair in signals for a, b in zip(*pair, strict=True))


@pytest.mark.parametrize("function", [saliency, prune])
def test_unknown_method_lists_those_that_exist(function):
    model, x, y = setting()
    arguments = (model, "snap", x, y) if function is saliency else (model, "snap", 0.2, x, y)
    with pytest.raises(ValueError, match=f"{', '.join(sorted(METHODS))}; got 'snap'"):
        function(*arguments)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize(
    ("density", "scope", "match"),
    [
        *(
            (density, "global", "density must be a kept fraction")
            for density in (0.0, 1.5, -1, float("nan"), "x", None)
        ),
        (0.5, "all", "scope must be one of global, layer"),
        (1e-4, "global", r"density must keep at least one .* got 0\.0001"),
        (1e-4, "layer", r"density must keep at least one .* got 0\.0001"),
    ],
)
def test_wrong_densities_and_scopes(method, density, scope, match):
    model, x, y = setting()
    with pytest.raises(ValueError, match=match):
        prune(model, method, density, x, y, scope=scope)


def with_label(value):
    labels = torch.zeros(20, dtype=torch.int64)
    labels[3] = value
    return lambda x, y: (x, labels)


def with_input(value):
    def change(x, y):
        x[2, 12] = value
        return x, y

    return change


@pytest.mark.parametrize("method", NEED_DATA)
@pytest.mark.parametrize(
    ("change", "match"),
    [
        (lambda x, y: (None, y), "x must be given"),
        (lambda x, y: (x, None), "y must be given"),
        (lambda x, y: (x[:0], y[:0]), r"x must have shape \(N, 30\) with N >= 1"),
        (lambda x, y: (x[:, :29], y), r"x must have shape \(N, 30\)"),
        (lambda x, y: (x.reshape(20, 5, 6), y), r"x must have shape \(N, 30\)"),
        (lambda x, y: (x[0], y[:1]), r"x must have shape \(N, 30\)"),
        (with_input(float("nan")), "x must be finite"),
        (with_input(float("inf")), "x must be finite"),
        (lambda x, y: (x.double() * 1e300, y), "x must be finite"),
        (lambda x, y: (x * 1j, y), "x must be an array of real numbers, got dtype torch.complex64"),
        (lambda x, y: ([["a"] * 30], [0]), "x must be an array of real numbers"),
        (lambda x, y: ([[1.0] * 30, [1.0]], [0, 1]), "x must be an array of real numbers"),
        (lambda x, y: (x, y[:-1]), r"y must have shape \(20,\)"),
        (lambda x, y: (x, y[:, None]), r"y must have shape \(20,\)"),
        (lambda x, y: (x, y.float()), "y must be integer class labels"),
        (lambda x, y: (x, y > 3), "y must be integer class labels"),
        (with_label(-1), r"y must lie in \[0, 9\], got labels from -1"),
        (with_label(10), r"y must lie in \[0, 9\], got labels from 0 to 10"),
        (lambda x, y: (x, np.full(20, 2**63, dtype=np.uint64)), r"y must lie in \[0, 9\]"),
    ],
)
def test_wrong_batches(method, change, match):
    model, x, y = setting()
    x, y = change(x, y)
    with pytest.raises(ValueError, match=match):
        prune(model, method, 0.2, x, y)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_weights_that_are_not_finite(method, value):
    model, x, y = setting()
    with torch.no_grad():
        model.weights[1][3, 4] = value
    with pytest.raises(ValueError, match=r"model.weights\[1\] must be finite"):
        prune(model, method, 0.2, x, y)


@pytest.mark.parametrize("method", NEED_DATA)
def test_scores_that_overflow_are_refused(method):
    model, x, y = setting()
    with torch.no_grad():
        for w in model.weights:
            w *= 1e15
    with pytest.raises(ValueError, match=r"scores\[\d\] must be finite"):
        prune(model, method, 0.2, x, y)


def blank(model, x, y):
    x[:] = 0


def one_class(model, x, y):
    model.widths, y[:] = (*model.widths[:-1], 1), 0
    model.weights[-1] = torch.nn.Parameter(model.weights[-1].detach()[:1])


def saturated(model, x, y):
    with torch.no_grad():
        model.weights[-1].mul_(1e6)
        y[:] = model(x).argmax(1)


def disconnected(model, x, y):
    with torch.no_grad():
        model.weights[1].zero_()


@pytest.mark.parametrize("scope", ["global", "layer"])
@pytest.mark.parametrize("change", [blank, one_class, saturated, disconnected])
@pytest.mark.parametrize("method", NEED_DATA)
def test_scores_that_are_all_zero_rank_nothing(method, change, scope):
    model, x, y = setting()
    change(model, x, y)
    for rounds in (1, 5) if METHODS[method].in_rounds else (1,):
        with pytest.raises(ValueError, match=r"^scores.* must not all be zero .* blank batch"):
            prune(model, method, 0.2, x, y, scope=scope, rounds=rounds)


def test_wrong_generator():
    with pytest.raises(ValueError, match=r"generator must be a torch.Generator"):
        prune(setting()[0], "random", 0.5, generator=np.random.default_rng(0))


def awkward(array):
    """The same numbers: as a view from the end, read-only, with the bytes turned, as long double."""
    backwards = array[::-1].copy()[::-1]
    assert backwards.strides[0] < 0
    frozen = array.copy()
    frozen.flags.writeable = False
    forms = [backwards, frozen, array.astype(array.dtype.newbyteorder()), array.tolist()]
    return [*forms, array.astype(np.longdouble)] if array.dtype.kind == "f" else forms


@pytest.mark.parametrize("method", NEED_DATA)
def test_batches_of_any_dtype_in_any_memory_layout(method):
    model, x, y = setting()
    wanted = prune(model, method, 0.2, x, y)
    for form in (x.double(), x.numpy(), x.double().numpy(), *awkward(x.numpy())):
        masks = prune(model, method, 0.2, form, y)
        assert all(map(torch.equal, masks, wanted))
    for form in awkward(y.numpy()):
        masks = prune(model, method, 0.2, x, form)
        assert all(map(torch.equal, masks, wanted))


def test_messages_hold_no_data():
    model, x, y = setting()
    with pytest.raises(ValueError, match=r"x must be an array of real numbers") as error:
        prune(model, "snip", 0.2, [*x.tolist(), [1.0]], y)
    assert len(str(error.value)) < 120
