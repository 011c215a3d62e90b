"""SynFlow against automatic differentiation, its conservation laws, and networks without flow."""

from itertools import pairwise
from math import log, pi, sqrt

import numpy as np
import pytest
import torch

from graphon_lib.pruning import MaskedMLP, prune, saliency
from graphon_lib.pruning.synflow import synflow_masks


def make(widths, seed=0):
    return MaskedMLP(widths, torch.Generator().manual_seed(seed))


def autograd_scores(weights, masks):
    """Tanaka et al.'s definition, as it stands: |w dR/dw| of the linear network of |w|."""
    leaves = [w.detach().double().abs().requires_grad_() for w in weights]
    x = torch.ones(1, leaves[0].shape[1], dtype=torch.float64)
    for w, m in zip(leaves, masks, strict=True):
        x = x @ (w * m).T
    total = x.sum()
    gradients = torch.autograd.grad(total, leaves)
    scores = [(w.detach() * g).abs() for w, g in zip(leaves, gradients, strict=True)]
    return scores, float(total.detach())


def autograd_masks(weights, density, rounds=100):
    """The published loop: the global threshold is the value of a rank, and only more is kept."""
    masks = [torch.ones_like(w, dtype=torch.float64) for w in weights]
    size = sum(w.numel() for w in weights)
    for k in range(1, rounds + 1):
        scores, _ = autograd_scores(weights, masks)
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


@pytest.mark.parametrize("widths", [(7, 3), (12, 9, 8, 4), (5, 20, 20, 20, 20, 3)])
def test_scores_are_those_of_automatic_differentiation_over_the_flow(widths):
    model = make(widths)
    scores, flow = autograd_scores(model.weights, [torch.ones(())] * len(model.weights))
    for ours, theirs in zip(saliency(model, "synflow"), scores, strict=True):
        assert ours.dtype == torch.float64
        torch.testing.assert_close(ours, theirs / flow, rtol=1e-12, atol=0)


@pytest.mark.parametrize("density", [0.05, 0.3])
@pytest.mark.parametrize("widths", [(30, 40, 40, 10), (200, 64, 64, 64, 10)])
def test_masks_are_those_of_the_published_loop(widths, density):
    model = make(widths)
    for ours, theirs in zip(
        prune(model, "synflow", density), autograd_masks(model.weights, density), strict=True
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


def test_networks_without_any_flow_keep_the_count_and_the_first_weights():
    model = make((6, 5, 4))
    with torch.no_grad():
        model.weights[1].zero_()
    assert all((s == 0).all() for s in saliency(model, "synflow"))
    masks = prune(model, "synflow", 0.3)
    assert masks[0].flatten().nonzero().flatten().tolist() == list(range(15))
    assert not masks[1].any()


def test_dead_weights_go_before_any_that_carry_flow():
    """Weights into a hidden unit without outgoing weight carry no flow."""
    model = make((6, 5, 4))
    with torch.no_grad():
        model.weights[1][:, [0, 3]] = 0
    masks = prune(model, "synflow", 30 / 50)
    assert not masks[0][[0, 3]].any()
    assert masks[0][[1, 2, 4]].all()
    assert masks[1][:, [1, 2, 4]].all()
