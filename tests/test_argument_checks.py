"""Whatever an exported function is given, the error is a ValueError that names the argument."""

import numpy as np
import pytest

from graphon_lib.graphons import (
    GraphonNetwork,
    StepGraphon,
    common_refinement,
    cut_distance,
    l2_distance,
    noise_floor,
    path_density,
    sample_weights,
    sas,
    sorting_artefact,
)
from graphon_lib.ntk import empirical_ntk, gradient_flow, kernel_target_alignment

RNG = np.random.default_rng(0)
GRAPHON = StepGraphon([[0.3]])
NETWORK = GraphonNetwork([GRAPHON])
RAGGED = [[1, 0], [1]]


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: noise_floor(0.3, (4, 4)), "graphon must be a StepGraphon, got float"),
        (lambda: noise_floor(GRAPHON, 5), "shape must be two positive integers .* got 5"),
        (lambda: noise_floor(GRAPHON, (5, 5, 5)), "shape must be two positive integers"),
        (lambda: sorting_artefact(0.3, 5), "shape must be two positive integers .* got 5"),
        (lambda: GRAPHON.sample("45", RNG), "shape must be two positive integers .* got '45'"),
        (lambda: l2_distance([[1]], GRAPHON), "first must be a StepGraphon, got list"),
        (lambda: l2_distance(GRAPHON, None), "second must be a StepGraphon, got NoneType"),
        (lambda: common_refinement(GRAPHON, 1), "second must be a StepGraphon, got int"),
        (lambda: cut_distance(GRAPHON, 1), "second must be a StepGraphon, got int"),
        (lambda: GRAPHON.compose([[1]]), "inner must be a StepGraphon, got list"),
        (lambda: sample_weights(3, (2, 2), RNG), "network must be a GraphonNetwork, got int"),
        (lambda: NETWORK.sample_masks(3, RNG), "widths must be a sequence of .*, got int"),
        (lambda: NETWORK.sample_masks(np.array(3), RNG), "widths must be a sequence of"),
        (lambda: GraphonNetwork(GRAPHON), "layers must be a sequence of StepGraphon, got Step"),
        (lambda: GraphonNetwork([GRAPHON], 3), "second_moments must be a sequence of arrays"),
        (lambda: GraphonNetwork.from_masks(3), "masks must be a sequence of .*, got int"),
        (lambda: GraphonNetwork.from_masks([np.eye(2)], 3), "weights must be a sequence of"),
        (lambda: GraphonNetwork.from_labels([np.eye(2)], 3, [[0, 0]]), "row_labels must be a seq"),
        (lambda: path_density(None), "masks must be a sequence of .*, got NoneType"),
        (lambda: empirical_ntk(3, [np.eye(2)], np.eye(2)), "weights must be a sequence of"),
        (lambda: sas(RAGGED), "mask must be an array of real numbers, got a list"),
        (lambda: StepGraphon(RAGGED), "values must be an array of real numbers, got a list"),
        (lambda: kernel_target_alignment(np.eye(2), RAGGED), "targets must be an array of real"),
        (lambda: gradient_flow(np.eye(2), RAGGED, [0.0]), "targets must be an array of real"),
    ],
)
def test_the_argument_is_named(call, message):
    with pytest.raises(ValueError, match=message):
        call()


@pytest.mark.parametrize("model", [None, 3, [np.eye(2)]])
def test_only_masked_networks_are_pruned(model):
    pruning = pytest.importorskip("graphon_lib.pruning")
    x, y = np.ones((2, 2)), [0, 1]
    for call in (
        lambda: pruning.prune(model, "random", 0.3),
        lambda: pruning.prune(model, "synflow", 0.3),
        lambda: pruning.prune(model, "snip", 0.3, x, y, rounds=2),
        lambda: pruning.saliency(model, "snip", x, y),
        lambda: pruning.rescale_signal(model, x),
        lambda: pruning.signal_moments(model, x),
    ):
        with pytest.raises(
            ValueError, match=f"model must be a MaskedMLP, got {type(model).__name__}"
        ):
            call()
