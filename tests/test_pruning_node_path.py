"""NPB: masks that balance effective nodes and effective paths."""

from itertools import combinations, pairwise

import numpy as np
import pytest
import torch
from scipy.optimize import Bounds, LinearConstraint, milp
from torch_networks import seeded

from graphon_lib.graphons import erk_densities
from graphon_lib.pruning import MaskedMLP, npb_masks
from graphon_lib.pruning.node_path import _deal, _degrees


def objective(mask, paths, alpha):
    """Return the two counts that NPB weighs, over the most that they could be, weighed."""
    outputs, count = len(mask), int(mask.sum())
    most = np.sort(np.repeat(paths, outputs))[-count:].sum()
    nodes = np.minimum(1, paths * mask.sum(axis=0)).sum() + np.minimum(1, mask @ paths).sum()
    return alpha * nodes / sum(mask.shape) + (1 - alpha) * (mask @ paths).sum() / most


def ours(paths, outputs, count, alpha, seed=0):
    rng = np.random.default_rng(seed)
    return _deal(paths, _degrees(paths, outputs, count, alpha, rng), outputs, rng)


def all_masks(outputs, inputs, count):
    for kept in combinations(range(outputs * inputs), count):
        mask = np.zeros(outputs * inputs, dtype=bool)
        mask[list(kept)] = True
        yield mask.reshape(outputs, inputs)


@pytest.mark.parametrize("alpha", [0.0, 0.01, 0.5, 0.99, 1.0])
@pytest.mark.parametrize("paths", [[1, 1, 1], [1, 2, 4], [0, 1, 3], [2, 0, 0]])
def test_no_mask_of_a_tiny_layer_is_better(alpha, paths):
    paths = np.array(paths, dtype=float)
    for count in range(1, 10):
        best = max(objective(mask, paths, alpha) for mask in all_masks(3, 3, count))
        mask = ours(paths, 3, count, alpha)
        assert mask.sum() == count
        assert objective(mask, paths, alpha) == pytest.approx(best, rel=1e-12)


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("alpha", [0.01, 0.3, 0.7, 0.99])
def test_an_integer_programme_finds_no_better_mask(seed, alpha):
    """The programme has the masks, and whether each unit is effective, as its variables."""
    rng = np.random.default_rng(seed)
    inputs, outputs = rng.integers(3, 10, 2)
    count = int(rng.integers(1, inputs * outputs + 1))
    # Some unit has a path, and some may have none.
    paths = np.concatenate([[3.0], rng.integers(0, 6, inputs - 1)])
    into, out_of = (
        np.kron(np.eye(outputs), np.ones(inputs)) * np.tile(paths > 0, outputs),
        np.tile(np.diag(paths > 0), outputs),
    )
    nodes = inputs + outputs
    reached = np.hstack([np.vstack([into, out_of]), -np.eye(nodes)])
    total = np.concatenate([np.ones(inputs * outputs), np.zeros(nodes)])
    most = np.sort(np.repeat(paths, outputs))[-count:].sum()
    gains = (np.tile(paths, outputs) * (1 - alpha) / most, np.full(nodes, alpha / nodes))
    found = milp(
        -np.concatenate(gains),
        constraints=[LinearConstraint(reached, lb=0), LinearConstraint(total, ub=count)],
        integrality=np.ones(total.size),
        bounds=Bounds(0, 1),
        options={"mip_rel_gap": 0.0},
    )
    mask = ours(paths, outputs, count, alpha)
    assert objective(mask, paths, alpha) == pytest.approx(-found.fun, rel=1e-9)


@pytest.mark.parametrize("alpha", [0.01, 0.99])
@pytest.mark.parametrize("density", [0.01, 0.05, 0.4, 1.0])
def test_layers_keep_their_shares_and_no_weight_has_no_path_before_it(density, alpha):
    widths = (60, 30, 20, 10)
    shares = erk_densities(widths, density)
    masks = npb_masks(MaskedMLP(widths, seeded()), shares, seeded(1), alpha=alpha)
    sizes = [a * b for a, b in pairwise(widths)]
    assert [int(m.sum()) for m in masks] == [
        round(c * s) for c, s in zip(shares, sizes, strict=True)
    ]
    for before, after in pairwise(masks):
        assert not (after.any(dim=0) & ~before.any(dim=1)).any()


def test_weights_on_nodes_leave_no_unit_out_and_on_paths_most():
    """As many weights as units on the larger side, and more: all are effective, if nodes count."""
    widths = (60, 30, 20, 10)
    wide, narrow = (
        npb_masks(MaskedMLP(widths), erk_densities(widths, 0.1), seeded(2), alpha=alpha)
        for alpha in (0.99, 0.0)
    )
    for mask in wide:
        assert bool(mask.any(dim=0).all())
        assert bool(mask.any(dim=1).all())
    paths = [torch.ones(60)]
    for mask in narrow:
        paths.append(mask.float() @ paths[-1])
    used = narrow[1].any(dim=0)
    assert paths[1][used].min() >= paths[1][~used].max()
    assert int(used.sum()) == -(-int(narrow[1].sum()) // 20)


def test_weights_are_not_read_and_equal_generators_give_equal_masks():
    one, other = (MaskedMLP((20, 10, 5), seeded(seed)) for seed in (0, 1))
    masks, same, new = (
        npb_masks(m, 0.2, seeded(seed)) for m, seed in ((one, 1), (other, 1), (one, 2))
    )
    assert all(torch.equal(a, b) for a, b in zip(masks, same, strict=True))
    assert not all(torch.equal(a, b) for a, b in zip(masks, new, strict=True))


def test_paths_without_number_are_no_overflow():
    widths = (2,) + 1200 * (2,)
    masks = npb_masks(MaskedMLP(widths), 1.0, seeded())
    assert all(bool(m.all()) for m in masks)


@pytest.mark.parametrize(
    ("model", "options", "message"),
    [
        (torch.nn.Linear(3, 2), {}, "model must be a MaskedMLP"),
        (MaskedMLP((3, 2)), {"densities": 0.0}, "densities must"),
        (
            MaskedMLP((9, 9, 2)),
            {"densities": [0.001, 0.5]},
            "densities must keep a weight of every layer",
        ),
        (MaskedMLP((3, 2)), {"alpha": 1.5}, "alpha must"),
        (MaskedMLP((3, 2)), {"alpha": float("nan")}, "alpha must"),
        (MaskedMLP((3, 2)), {"generator": 0}, "generator must be a torch.Generator"),
    ],
)
def test_bad_input_is_refused(model, options, message):
    with pytest.raises(ValueError, match=message):
        npb_masks(model, **{"densities": 0.5, **options})
