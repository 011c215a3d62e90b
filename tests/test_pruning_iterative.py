"""Iterative SNIP against the rule written out, and the number of rounds of every method."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from graphon_lib.pruning import INITIALISATIONS, MaskedMLP, prune, saliency
from graphon_lib.pruning.iterative import iterative_masks
from graphon_lib.pruning.scores import magnitude_scores, snip_scores
from graphon_lib.pruning.synflow import synflow_masks, synflow_scores

WIDTHS = (30, 24, 18, 10)


def setting(widths=WIDTHS, seed=0, scale=1.0, initialisation="he"):
    generator = torch.Generator().manual_seed(seed)
    model = MaskedMLP(widths, generator, initialisation=initialisation)
    x = scale * torch.randn(20, widths[0], generator=generator)
    return model, x, torch.randint(0, widths[-1], (20,), generator=generator)


def written_out(model, x, y, density, rounds):
    """Sensitivities to the mask itself, ranked by a stable sort over weights that still live."""
    masks = [torch.ones_like(w) for w in model.weights]
    total = sum(m.numel() for m in masks)
    for k in range(1, rounds + 1):
        leaves = [m.clone().requires_grad_() for m in masks]
        h = x
        for i, (w, m) in enumerate(zip(model.weights, leaves, strict=True)):
            bias = model.biases[i].detach() if len(model.biases) else None
            h = torch.nn.functional.linear(h.relu() if i else h, w.detach() * m, bias)
        loss = torch.nn.functional.cross_entropy(h, y)
        gradients = torch.autograd.grad(loss, leaves)
        scores = torch.cat([g.abs().flatten() for g in gradients])
        scores[torch.cat([m.flatten() for m in masks]) == 0] = -1.0
        kept = total - int((1.0 - density ** (k / rounds)) * total)
        kept = round(density * total) if k == rounds else kept
        flat = torch.zeros(total)
        flat[torch.argsort(-scores, stable=True)[:kept]] = 1.0
        parts = flat.split([m.numel() for m in masks])
        masks = [part.reshape(m.shape) for part, m in zip(parts, masks, strict=True)]
    return [m.bool() for m in masks]


@pytest.mark.parametrize("initialisation", INITIALISATIONS)
@pytest.mark.parametrize("density", [0.5, 0.1, 0.02])
def test_masks_are_those_of_the_rule_written_out(density, initialisation):
    model, x, y = setting(initialisation=initialisation)
    ours = prune(model, "snip", density, x, y, rounds=15)
    for mine, theirs in zip(ours, written_out(model, x, y, density, 15), strict=True):
        assert torch.equal(mine, theirs)


def test_one_round_is_snip():
    model, x, y = setting()
    weights = [w.detach() for w in model.weights]
    once = prune(model, "snip", 0.2, x, y)
    loop = iterative_masks(snip_scores, weights, x, y, density=0.2, scope="global", rounds=1)
    assert all(map(torch.equal, loop, once))


def test_rounds_change_nothing_where_scores_do_not_change():
    model, _, _ = setting()
    weights = [w.detach() for w in model.weights]
    several = iterative_masks(magnitude_scores, weights, density=0.2, scope="layer", rounds=7)
    assert all(map(torch.equal, several, prune(model, "magnitude", 0.2, scope="layer")))


@pytest.mark.parametrize("initialisation", INITIALISATIONS)
def test_synflow_is_its_score_in_rounds(initialisation):
    """But for rounding, which decides among equal scores: hence weights of distinct sizes."""
    model, _, _ = setting((12, 9, 8, 4), initialisation=initialisation)
    weights, biases = ([p.detach() for p in kind] for kind in (model.weights, model.biases))
    rule = {"density": 0.2, "scope": "global", "rounds": 20, "biases": biases}
    ours = synflow_masks(weights, **rule)
    assert all(map(torch.equal, ours, iterative_masks(synflow_scores, weights, **rule)))


def test_rounds_matter_and_repeat():
    model, x, y = setting()
    once = prune(model, "snip", 0.1, x, y)
    first, second = (prune(model, "snip", 0.1, x, y, rounds=100) for _ in range(2))
    assert all(torch.equal(a, b) for a, b in zip(first, second, strict=True))
    assert any(not torch.equal(a, b) for a, b in zip(first, once, strict=True))


@pytest.mark.filterwarnings("ignore:layers? .* kept no weight")
@pytest.mark.parametrize("seed", range(3))
def test_a_hundred_rounds_leave_paths_where_one_round_cuts_them_all(seed):
    model, x, y = setting((30, 40, 40, 40, 40, 10), seed)
    sizes = []
    for rounds in (1, 100):
        model.masks = prune(model, "snip", 0.004, x, y, rounds=rounds)
        sizes.append(float(model(x).detach().abs().sum()))
    assert sizes[0] == 0.0
    assert sizes[1] > 0.0


def test_that_no_path_is_left_is_said():
    """With two weights left of three layers, what is pruned last has no reason."""
    model, x, y = setting((4, 3, 2, 2))
    with (
        pytest.warns(UserWarning, match=r"layers? .* kept no weight"),
        pytest.warns(UserWarning, match="all scores are zero from round"),
    ):
        masks = prune(model, "snip", 1 / 22, x, y, rounds=60)
    assert sum(int(mask.sum()) for mask in masks) == 1


def test_the_network_is_left_as_it_is():
    model, x, y = setting()
    before = [w.detach().clone() for w in model.weights]
    prune(model, "snip", 0.1, x, y, rounds=5)
    assert all(torch.equal(w, b) for w, b in zip(model.weights, before, strict=True))
    assert all(w.grad is None for w in model.weights)
    assert all(m.all() for m in model.masks)


@pytest.mark.filterwarnings("ignore:layers? .* kept no weight", "ignore:all scores are zero from")
@settings(max_examples=20)
@given(
    widths=st.lists(st.integers(1, 10), min_size=2, max_size=4),
    density=st.floats(0.0, 1.0, exclude_min=True),
    rounds=st.integers(2, 12),
    scope=st.sampled_from(["global", "layer"]),
)
def test_exactly_as_many_are_kept_as_asked(widths, density, rounds, scope):
    model, x, y = setting(widths)
    sizes = [w.numel() for w in model.weights]
    wanted = [round(density * s) for s in (sizes if scope == "layer" else [sum(sizes)])]
    if 0 in wanted:
        with pytest.raises(ValueError, match="density must keep at least one"):
            prune(model, "snip", density, x, y, rounds=rounds, scope=scope)
        return
    scores = saliency(model, "snip", x, y)
    if not any(s.any() for s in scores) and sum(wanted) < sum(sizes):
        with pytest.raises(ValueError, match="must not all be zero"):
            prune(model, "snip", density, x, y, rounds=rounds, scope=scope)
        return
    masks = prune(model, "snip", density, x, y, rounds=rounds, scope=scope)
    kept = [int(m.sum()) for m in masks]
    assert (kept if scope == "layer" else [sum(kept)]) == wanted


def test_synflow_takes_other_numbers_of_rounds():
    model, _, _ = setting()
    weights = [w.detach() for w in model.weights]
    default, hundred = prune(model, "synflow", 0.1), prune(model, "synflow", 0.1, rounds=100)
    three = prune(model, "synflow", 0.1, rounds=3)
    assert all(torch.equal(a, b) for a, b in zip(default, hundred, strict=True))
    expected = synflow_masks(weights, density=0.1, rounds=3)
    assert all(torch.equal(a, b) for a, b in zip(three, expected, strict=True))


def test_gradients_that_overflow_are_named():
    model, x, y = setting()
    with torch.no_grad():
        for w in model.weights:
            w.mul_(1e15)
    assert not all(torch.isfinite(s).all() for s in saliency(model, "snip", x, y))
    with pytest.raises(ValueError, match="small enough for finite scores"):
        prune(model, "snip", 0.1, x, y, rounds=2)


@pytest.mark.parametrize(
    ("method", "rounds", "message"),
    [
        ("snip", 0, "rounds must be an integer >= 1, got 0"),
        ("synflow", 2.0, "rounds must be an integer >= 1, got 2.0"),
        ("magnitude", 2, "rounds must be 1 for method 'magnitude', got 2"),
        ("random", 100, "rounds must be 1 for method 'random', got 100"),
        ("grasp", 2, "rounds must be 1 for method 'grasp', got 2"),
    ],
)
def test_bad_rounds(method, rounds, message):
    model, x, y = setting()
    with pytest.raises(ValueError, match=message):
        prune(model, method, 0.1, x, y, rounds=rounds)


def test_several_rounds_need_a_batch_too():
    model, _, _ = setting()
    with pytest.raises(ValueError, match="x must be given for method 'snip', got None"):
        prune(model, "snip", 0.1, rounds=2)
