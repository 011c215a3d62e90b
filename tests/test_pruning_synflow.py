"""SynFlow against automatic differentiation, its conservation laws, and networks without flow."""

from itertools import pairwise, zip_longest
from math import log, pi, sqrt

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from graphon_lib.pruning import INITIALISATIONS, MaskedMLP, prune, saliency
from graphon_lib.pruning.synflow import synflow_masks


def make(widths, seed=0, initialisation="he"):
    return MaskedMLP(widths, torch.Generator().manual_seed(seed), initialisation=initialisation)


def autograd_scores(model, masks):
    """Tanaka et al.'s definition, as it stands: |w dR/dw| of the linear network of |w| and |b|."""
    weights, biases = (
        [p.detach().double() for p in kind] for kind in (model.weights, model.biases)
    )
    leaves = [w.abs().requires_grad_() for w in weights]
    x = torch.ones(1, leaves[0].shape[1], dtype=torch.float64)
    for w, m, b in zip_longest(leaves, masks, biases):
        x = x @ (w * m).T + (0 if b is None else b.abs())
    total = x.sum()
    gradients = torch.autograd.grad(total, leaves)
    scores = [(w * g).abs() for w, g in zip(weights, gradients, strict=True)]
    return scores, float(total.detach())


def autograd_masks(model, density, rounds=100):
    """The published loop: the global threshold is the value of a rank, and only more is kept."""
    masks = [torch.ones_like(w, dtype=torch.float64) for w in model.weights]
    size = sum(w.numel() for w in model.weights)
    for k in range(1, rounds + 1):
        scores, _ = autograd_scores(model, masks)
        pruned = int((1.0 - density ** (k / rounds)) * size)
        if k == rounds:
            pruned = size - round(density * size)
        if pruned:
            threshold = torch.cat([s.flatten() for s in scores]).kthvalue(pruned).values
            masks = [(s > threshold).double() for s in scores]
    return masks


def outputs_reached(masks):
    """Output neurons that a path of kept weights still reaches."""
    reached = torch.ones(masks[0].shape[1])
    for m in masks:
        reached = ((m.float() @ reached) > 0).float()
    return int(reached.sum())


@pytest.mark.parametrize("initialisation", INITIALISATIONS)
@pytest.mark.parametrize("widths", [(7, 3), (12, 9, 8, 4), (5, 20, 20, 20, 20, 3)])
def test_scores_are_those_of_automatic_differentiation_over_the_flow(widths, initialisation):
    model = make(widths, initialisation=initialisation)
    scores, flow = autograd_scores(model, [torch.ones(())] * len(model.weights))
    for ours, theirs in zip(saliency(model, "synflow"), scores, strict=True):
        assert ours.dtype == torch.float64
        torch.testing.assert_close(ours, theirs / flow, rtol=1e-12, atol=0)


@pytest.mark.parametrize("initialisation", INITIALISATIONS)
@pytest.mark.parametrize("density", [0.05, 0.3])
@pytest.mark.parametrize("widths", [(30, 40, 40, 10), (200, 64, 64, 64, 10)])
def test_masks_are_those_of_the_published_loop(widths, density, initialisation):
    model = make(widths, initialisation=initialisation)
    for ours, theirs in zip(
        prune(model, "synflow", density), autograd_masks(model, density), strict=True
    ):
        assert torch.equal(ours, theirs.bool())


def test_conservation_in_every_layer_and_at_every_neuron():
    model = make((20, 30, 25, 10))
    weights = [
        w.detach() * m for w, m in zip(model.weights, prune(model, "magnitude", 0.4), strict=True)
    ]
    with torch.no_grad():
        for w, pruned in zip(model.weights, weights, strict=True):
            w.copy_(pruned)
    scores = saliency(model, "synflow")
    for score in scores:
        assert float(score.sum()) == pytest.approx(1.0, rel=1e-13)
    for below, above in pairwise(scores):
        torch.testing.assert_close(below.sum(1), above.sum(0), rtol=1e-12, atol=1e-15)


@settings(max_examples=30)
@given(
    widths=st.lists(st.integers(1, 9), min_size=2, max_size=6),
    seed=st.integers(0, 2**16),
    scales=st.lists(st.sampled_from([0.0, 1e-3, 1.0, 50.0]), min_size=10, max_size=10),
)
def test_what_enters_a_neuron_by_weights_and_bias_leaves_it(widths, seed, scales):
    """Scores against automatic differentiation whatever the sizes of weights and biases."""
    model = make(widths, seed, "torch")
    with torch.no_grad():
        for parameter, scale in zip(model.parameters(), scales, strict=False):
            parameter.mul_(scale)
    scores = saliency(model, "synflow")
    expected, flow = autograd_scores(model, [torch.ones(())] * len(model.weights))
    for ours, theirs in zip(scores, expected, strict=True):
        torch.testing.assert_close(ours, theirs / (flow or 1.0), rtol=1e-11, atol=1e-300)
    shares = [float(score.sum()) for score in scores]
    assert shares == sorted(shares) or np.allclose(shares, sorted(shares), rtol=1e-12, atol=0)
    assert shares[-1] <= 1 + 1e-12
    for below, above in pairwise(scores):
        assert (below.sum(1) <= above.sum(0) * (1 + 1e-12)).all()


def test_zero_biases_change_nothing():
    model = make((20, 30, 25, 10), initialisation="torch")
    with torch.no_grad():
        for bias in model.biases:
            bias.zero_()
    without = saliency(model, "synflow")
    model.biases = torch.nn.ParameterList()
    for ours, theirs in zip(saliency(model, "synflow"), without, strict=True):
        torch.testing.assert_close(ours, theirs, rtol=1e-12, atol=0)


@pytest.mark.filterwarnings("ignore:layers? .* kept no weight")
@pytest.mark.parametrize("scale", [2.0**-8, 2.0**60])
def test_very_deep_networks_with_biases_neither_overflow_nor_underflow(scale):
    """Where weights shrink the flow, what passes early layers is next to nothing, not nothing."""
    depth, width = 150, 50
    model = make((width,) * (depth + 1), initialisation="torch")
    with torch.no_grad():
        for weight in model.weights:
            weight *= scale
    scores = saliency(model, "synflow")
    shares = [float(score.sum()) for score in scores]
    # Each layer multiplies what comes from the inputs by about width * E|w|.
    gain = width * scale / (2 * sqrt(width))
    if scale < 1:
        assert depth * log(gain) < log(1e-250)
        assert 0 < shares[0] < shares[-1] < 1
        assert log(shares[0]) == pytest.approx(depth * log(gain), rel=0.05)
    else:
        assert shares == pytest.approx([1.0] * depth, rel=1e-9)
    masks = synflow_masks(list(model.weights), density=0.2, rounds=3, biases=list(model.biases))
    assert sum(int(m.sum()) for m in masks) == round(0.2 * depth * width**2)


def test_flow_that_starts_at_biases_behind_a_gap_counts():
    """Weights of zero let nothing through; what a bias adds behind them is flow all the same."""
    model = make((6, 5, 4, 3), initialisation="torch")
    with torch.no_grad():
        model.weights[1].zero_()
    first, second, last = saliency(model, "synflow")
    assert not first.any()
    assert not second.any()
    expected, flow = autograd_scores(model, [torch.ones(())] * 3)
    torch.testing.assert_close(last, expected[2] / flow, rtol=1e-12, atol=0)
    assert 0 < float(last.sum()) < 1


@pytest.mark.filterwarnings("ignore:layers? .* kept no weight")
@pytest.mark.parametrize("depth", [2, 4, 6])
@pytest.mark.parametrize("seed", range(3))
def test_a_path_survives_down_to_one_weight_a_layer(depth, seed):
    """Maximal critical compression: even as many weights as layers still connect in to out."""
    model = make((40, *[30] * (depth - 1), 10), seed)
    density = depth / sum(w.numel() for w in model.weights)
    synflow = prune(model, "synflow", density)
    assert [int(m.sum()) for m in synflow] == [1] * depth
    assert outputs_reached(synflow) == 1
    assert outputs_reached(prune(model, "magnitude", density)) == 0


def test_one_round_ranks_the_dense_network():
    model = make((20, 30, 10))
    scores = saliency(model, "synflow")
    threshold = torch.cat([s.flatten() for s in scores]).sort().values[-450]
    for mask, score in zip(
        synflow_masks(list(model.weights), density=0.5, rounds=1), scores, strict=True
    ):
        assert torch.equal(mask, score >= threshold)


def test_weights_may_lie_in_memory_in_any_order():
    weights = list(make((20, 30, 10)).weights)
    turned = [w.detach().T.contiguous().T for w in weights]
    masks, of_turned = (synflow_masks(w, density=0.1, rounds=9) for w in (weights, turned))
    assert all(map(torch.equal, masks, of_turned))


def test_rounds_are_nested():
    """On the way to density 1/4, after half of the rounds, lies density 1/2."""
    weights = list(make((20, 30, 10)).weights)
    halfway = synflow_masks(weights, density=0.5, rounds=50)
    for later, earlier in zip(
        synflow_masks(weights, density=0.25, rounds=100), halfway, strict=True
    ):
        assert (later <= earlier).all()


def test_layer_scope_prunes_every_layer_to_the_density():
    model = make((50, 40, 30, 10))
    masks = prune(model, "synflow", 0.1, scope="layer")
    assert [int(m.sum()) for m in masks] == [200, 120, 30]
    assert outputs_reached(masks) > 0


def test_very_deep_networks_neither_overflow_nor_underflow():
    depth, width = 400, 50
    model = make((width,) * (depth + 1))
    # The expected total flow: each layer multiplies by width * E|w|. No float64 could hold it.
    log_flow = (depth - 1) * log(width * sqrt(2 / width) * sqrt(2 / pi))
    assert log_flow > log(np.finfo(np.float64).max)
    scores = saliency(model, "synflow")
    for score in scores:
        assert float(score.sum()) == pytest.approx(1.0, rel=1e-12)
        assert float(score.min()) > 0
    with torch.no_grad():
        for w in model.weights:
            w *= 2.0**-60
    for score, tiny in zip(scores, saliency(model, "synflow"), strict=True):
        assert torch.equal(score, tiny)
    masks = synflow_masks(list(model.weights), density=0.2, rounds=5)
    assert sum(int(m.sum()) for m in masks) == round(0.2 * depth * width**2)
    assert outputs_reached(masks) > 0


@pytest.mark.parametrize("rounds", [None, 1, 3])
@pytest.mark.parametrize("scope", ["global", "layer"])
def test_networks_without_any_flow_are_refused(scope, rounds):
    model = make((6, 5, 4))
    with torch.no_grad():
        model.weights[1].zero_()
    assert all((s == 0).all() for s in saliency(model, "synflow"))
    with pytest.raises(ValueError, match=r"^scores.* must not all be zero .* without a path"):
        prune(model, "synflow", 0.3, scope=scope, rounds=rounds)
    assert all(mask.all() for mask in prune(model, "synflow", 1.0, scope=scope, rounds=rounds))


def test_dead_weights_go_before_any_that_carry_flow():
    """Weights into a hidden unit without outgoing weight carry no flow."""
    model = make((6, 5, 4))
    with torch.no_grad():
        model.weights[1][:, [0, 3]] = 0
    masks = prune(model, "synflow", 30 / 50)
    assert not masks[0][[0, 3]].any()
    assert masks[0][[1, 2, 4]].all()
    assert masks[1][:, [1, 2, 4]].all()
