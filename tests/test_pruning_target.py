"""Masks of a target that keep the largest scores in every block."""

import itertools

import numpy as np
import pytest
import torch

from graphon_lib.graphons import GraphonNetwork, StepGraphon, design, expected_masks
from graphon_lib.pruning import MaskedMLP, keep_target, prune, saliency

WIDTHS = (30, 20, 10, 4)
MODEL = MaskedMLP(WIDTHS, torch.Generator().manual_seed(0))


def test_blocks_keep_their_largest_weights():
    target = GraphonNetwork([StepGraphon([[0.5, 0.1]]), StepGraphon([[0.25], [0.75]], [0.5, 0.5])])
    scores = [torch.rand(5, 2, dtype=torch.float64), torch.rand(6, 5, dtype=torch.float64)]
    masks = keep_target(scores, expected_masks(target, (2, 5, 6)))
    # 5 * 0.5 and 5 * 0.1 are three in all; the larger remainder would have been a tie.
    assert int(masks[0].sum()) == 3
    for half, count in ((slice(0, 3), 15 * 0.25), (slice(3, 6), 15 * 0.75)):
        kept, score = masks[1][half], scores[1][half]
        assert abs(int(kept.sum()) - count) <= 1
        assert score[kept].min() > score[~kept].max()
    assert int(masks[1].sum()) == 15


def test_a_constant_target_is_pruning_by_layer():
    target = GraphonNetwork([StepGraphon([[0.2]])] * 3)
    scores = saliency(MODEL, "magnitude")
    masks = keep_target(scores, expected_masks(target, WIDTHS))
    for mask, other in zip(masks, prune(MODEL, "magnitude", 0.2, scope="layer"), strict=True):
        assert torch.equal(mask, other)


def test_what_the_target_leaves_out_is_left_out():
    widths = (60, 50, 40, 4)
    target = design(widths, 0.05)
    model = torch.nn.Sequential(
        *(torch.nn.Linear(a, b, bias=False) for a, b in itertools.pairwise(widths))
    )
    wanted = expected_masks(target, widths)
    masks = keep_target(saliency(model, "magnitude"), wanted)
    assert list(masks) == ["0.weight", "1.weight", "2.weight"]
    for mask, probabilities in zip(masks.values(), wanted, strict=True):
        assert int(mask.sum()) == round(probabilities.sum())
        assert not mask[torch.from_numpy(probabilities == 0.0)].any()


def test_expected_masks_are_the_mean_of_those_drawn():
    target = design(WIDTHS, 0.2)
    drawn = [
        target.sample_masks(WIDTHS, np.random.default_rng(seed), exact=True) for seed in range(100)
    ]
    for layer, wanted in enumerate(expected_masks(target, WIDTHS)):
        mean = np.mean([masks[layer] for masks in drawn], axis=0)
        assert np.abs(mean - wanted).max() < 5 * 0.5 / 10 + 1 / wanted.size


def test_targets_that_do_not_fit_are_refused():
    scores = saliency(MODEL, "magnitude")
    target = GraphonNetwork([StepGraphon([[0.2]])] * 3)
    with pytest.raises(ValueError, match="target must be 3 matrices"):
        keep_target(scores, expected_masks(target, WIDTHS)[:2])
    with pytest.raises(ValueError, match=r"target\[1\] must have shape \(10, 20\)"):
        keep_target(scores, expected_masks(target, (30, 20, 11, 4)))
    with pytest.raises(ValueError, match="widths must hold 4 layer widths"):
        expected_masks(target, WIDTHS[:3])
    with pytest.raises(ValueError, match="of which there are 784"):
        expected_masks(design((784, 20, 5), 0.1, np.eye(784)), (30, 20, 5))
