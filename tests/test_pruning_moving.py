"""Masks that move: exact counts, what is removed and grown, what the optimiser forgets, bounds on flips."""

import itertools
import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn
from torch_networks import seeded

from graphon_lib.pruning import SCHEDULES, MaskedMLP, MovingMasks, prune
from graphon_lib.pruning.flips import most_flips

REGROWING = [name for name, row in SCHEDULES.items() if row.share]
SHRINKING = [name for name, row in SCHEDULES.items() if row.density]


def net():
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(12, 10), nn.ReLU(), nn.Linear(10, 4))


def moved(schedule, *, masks=None, model=None, optimizer=torch.optim.Adam, steps=12, **settings):
    """Return masks that have moved with a network in training, at updates 2, 4, 6 and 8."""
    model = model or net()
    masks = masks or prune(model, "random", 0.4, generator=seeded(1))
    if SCHEDULES[schedule].density:
        settings = {"density": 0.2} | settings
    settings = {"every": 2, "until": 8, "generator": seeded(2)} | settings
    moving = MovingMasks(model, masks, optimizer(model.parameters(), lr=0.01), schedule, **settings)
    x, y = torch.randn(30, 12, generator=seeded(3)), torch.arange(30) % 4
    history = [dict(moving.masks)]
    for _ in range(steps):
        model.zero_grad()
        nn.functional.cross_entropy(model(x), y).backward()
        moving.step()
        history.append(dict(moving.masks))
    return model, moving, history


@pytest.mark.parametrize("schedule", ["static", *REGROWING])
@pytest.mark.parametrize("optimizer", [torch.optim.Adam, torch.optim.SGD])
def test_counts_are_kept_and_what_is_pruned_is_zero(schedule, optimizer):
    model, moving, history = moved(schedule, optimizer=optimizer)
    for name, mask in moving.masks.items():
        assert mask.sum() == history[0][name].sum()
        assert (model.get_parameter(name)[~mask] == 0.0).all()
        changes = [not torch.equal(a[name], b[name]) for a, b in itertools.pairwise(history)]
        assert all(step in (2, 4, 6, 8) for step, changed in enumerate(changes, 1) if changed)
        assert any(changes) == (schedule != "static")


@pytest.mark.parametrize("schedule", SCHEDULES)
def test_weights_that_layers_share_have_one_mask_under_both_names(schedule):
    model = nn.Sequential(nn.Linear(12, 12), nn.ReLU(), nn.Linear(12, 12), nn.Linear(12, 4))
    model[2].weight = model[0].weight
    _, moving, history = moved(schedule, model=model)
    assert all(torch.equal(masks["0.weight"], masks["2.weight"]) for masks in history)
    assert (model[0].weight[~moving.masks["0.weight"]] == 0.0).all()
    masks = prune(model, "random", 0.4) | {"2.weight": torch.ones(12, 12, dtype=torch.bool)}
    with pytest.raises(ValueError, match=r"masks\['2.weight'\] must be that of the weight's other"):
        moved(schedule, model=model, masks=masks)


@pytest.mark.parametrize("schedule", SHRINKING)
def test_densities_fall_to_the_last_one_and_nothing_comes_back(schedule):
    _, moving, history = moved(schedule)
    for before, after in itertools.pairwise(history):
        assert all((after[name] <= before[name]).all() for name in before)
    for mask in moving.masks.values():
        assert int(mask.sum()) == round(0.2 * mask.numel())


def test_gradual_densities_are_the_cubic_ones():
    model = net()
    full = {
        name: torch.ones_like(p, dtype=torch.bool)
        for name, p in model.named_parameters()
        if p.ndim == 2
    }
    _, _, history = moved("gradual", masks=full, model=model)
    for step in (2, 4, 6, 8):
        expected = 0.2 + 0.8 * (1 - step / 8) ** 3
        mask = history[step]["0.weight"]
        assert int(mask.sum()) == round(expected * mask.numel())


def one_move(schedule, weight, mask, grad=None, fraction=0.5):
    layer = nn.Linear(weight.shape[1], weight.shape[0], bias=False)
    with torch.no_grad():
        layer.weight.copy_(weight)
    descent = torch.optim.SGD(layer.parameters(), lr=1e-12)
    moving = MovingMasks(
        layer,
        {"weight": mask},
        descent,
        schedule,
        every=1,
        until=2,
        fraction=fraction,
        generator=seeded(),
    )
    layer.weight.grad = torch.zeros_like(weight) if grad is None else grad
    moving.step()
    return moving.masks["weight"], layer.weight.detach()


def test_rigl_by_hand():
    """Half way the share is half of the half: of eight weights two go, and the two steepest places come."""
    weight = torch.tensor([[1.0, -2.0, 3.0, 0.1], [-0.2, 5.0, 6.0, 7.0], [0.0, 0.0, 0.0, 0.0]])
    mask = weight != 0.0
    grad = torch.tensor([[9.0, 9.0, 9.0, 8.0], [0.5, 9.0, 9.0, 9.0], [1.0, -7.0, 2.0, 3.0]])
    found, weights = one_move("rigl", weight, mask, grad)
    # 0.1 and -0.2 go; 0.1, steep, comes back with its value, and so does the place of -7, with none.
    expected = mask.clone()
    expected[1, 0], expected[2, 1] = False, True
    assert torch.equal(found, expected)
    assert weights[0, 3] == pytest.approx(0.1)
    assert weights[2, 1] == 0.0


def test_set_removes_of_either_sign_and_draws_new_values():
    weight = torch.tensor([[0.1, 1.0, 2.0, 3.0, -10.0, -20.0, -30.0, -40.0, 0.0, 0.0, 0.0, 0.0]])
    mask = weight != 0.0
    found, weights = one_move("set", weight, mask)
    stayed = torch.tensor([2, 3, 6, 7])
    assert found[0, stayed].all()
    assert torch.allclose(weights[0, stayed], weight[0, stayed])
    assert int(found.sum()) == 8
    new = found.clone()
    new[0, stayed] = False
    assert (weights[new] != weight[new]).all()


def test_set_grows_anywhere_with_the_first_deviation():
    weight, mask = (
        torch.randn(100, 100, generator=seeded(5)),
        torch.zeros(100, 100, dtype=torch.bool),
    )
    mask[:20] = True
    found, weights = one_move("set", 3.0 * weight, mask, fraction=0.9)
    share = found[20:].double().mean()
    assert abs(share - 0.1800 / 0.98 * 1.0) < 0.02
    assert weights[20:][found[20:]].std() == pytest.approx(3.0, rel=0.1)


def test_rewinding_brings_first_weights_back():
    model = net()
    first = {name: p.detach().clone() for name, p in model.named_parameters()}
    _, moving, _ = moved("iterative", model=model, steps=8)
    for name, mask in moving.masks.items():
        assert torch.equal(model.get_parameter(name), torch.where(mask, first[name], 0.0))
        assert all(
            (state == 0).all()
            for state in moving.optimizer.state[model.get_parameter(name)].values()
            if state.shape == mask.shape
        )


def test_the_optimiser_forgets_what_comes_and_goes():
    model, moving, history = moved("set", steps=8)
    for name, mask in moving.masks.items():
        changed = history[7][name] != mask
        state = moving.optimizer.state[model.get_parameter(name)]
        assert (state["exp_avg"][changed] == 0.0).all()
        assert (state["exp_avg"][mask & ~changed] != 0.0).any()


@pytest.mark.parametrize(
    "optimizer", [torch.optim.Adam, lambda p, lr: torch.optim.SGD(p, lr, momentum=0.9)]
)
def test_an_optimiser_that_has_begun_moves_nothing_that_is_pruned(optimizer):
    model = net()
    descent = optimizer(model.parameters(), lr=0.01)
    x, y = torch.randn(30, 12, generator=seeded(3)), torch.arange(30) % 4

    def step(step):
        model.zero_grad()
        nn.functional.cross_entropy(model(x), y).backward()
        step()

    for _ in range(5):
        step(descent.step)
    masks = prune(model, "random", 0.4, generator=seeded(1))
    moving = MovingMasks(model, masks, descent, "static")
    for _ in range(5):
        step(moving.step)
    assert all((model.get_parameter(name)[~mask] == 0.0).all() for name, mask in masks.items())


def test_an_infinite_gradient_of_a_pruned_weight_is_none():
    weight = torch.tensor([[1.0, 0.0]])
    layer = nn.Linear(2, 1, bias=False)
    moving = MovingMasks(
        layer, {"weight": weight != 0.0}, torch.optim.SGD(layer.parameters(), lr=0.1), "static"
    )
    layer.weight.grad = torch.tensor([[0.0, math.inf]])
    moving.step()
    assert torch.isfinite(layer.weight).all()


@pytest.mark.parametrize("schedule", SHRINKING)
def test_the_last_density_is_reached_whenever_the_last_move_comes(schedule):
    _, moving, _ = moved(schedule, every=3, until=8)
    assert int(moving.masks["0.weight"].sum()) == round(0.2 * 120)


def test_rewinding_begins_all_over():
    """After its last move a network is trained as it would be from the start with the last masks."""
    model = net()
    first = {name: p.detach().clone() for name, p in model.named_parameters()}
    _, moving, _ = moved("iterative", model=model, steps=8)
    assert not moving.optimizer.state
    assert torch.equal(model[0].bias, first["0.bias"])


def test_layers_without_weights_stay_without():
    model = net()
    empty = {"0.weight": torch.zeros(10, 12, dtype=torch.bool)}
    for schedule in ("set", "rigl"):
        _, moving, _ = moved(schedule, masks=empty, model=model)
        assert not moving.masks["0.weight"].any()


def test_masks_of_a_masked_network_are_one_a_layer():
    model = MaskedMLP((12, 10, 4), seeded())
    masks = prune(model, "random", 0.4, generator=seeded(1))
    descent = torch.optim.SGD(model.parameters(), lr=0.1)
    moving = MovingMasks(model, masks, descent, "rigl", every=1, until=4, generator=seeded())
    x, y = torch.randn(9, 12, generator=seeded(3)), torch.arange(9) % 4
    for _ in range(4):
        descent.zero_grad()
        nn.functional.cross_entropy(model(x), y).backward()
        moving.step()
    before = model(x)
    model.masks = moving.masks
    torch.testing.assert_close(model(x), before)
    assert [int(m.sum()) for m in moving.masks] == [int(m.sum()) for m in masks]
    assert any(not torch.equal(a, b) for a, b in zip(moving.masks, masks, strict=True))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"schedule": "rigel"}, "schedule must be one of"),
        ({"fraction": 1.0}, "fraction must be below 1, got 1.0"),
        ({"fraction": math.nan}, "fraction must be"),
        ({"density": 0.1}, "density must be left out"),
        ({"schedule": "gradual"}, "density must be given"),
        ({"schedule": "gradual", "density": 0.0}, "density must"),
        ({"every": 0}, "every must be"),
        ({"until": -1}, "until must be"),
        ({"every": 5, "until": 4}, "until must be at least every, 5, got 4"),
        ({"masks": {"0.bias": torch.ones(10)}}, "boolean tensor of shape"),
        ({"masks": {"nothing": torch.ones(10)}}, "name of masks must be one of"),
        ({"masks": [torch.ones(10, 12, dtype=torch.bool)]}, "dict by the names"),
        ({"masks": {}}, "masks must be a dict"),
        ({"fraction": "a"}, "fraction must be"),
        ({"schedule": "gradual", "density": 0.9}, "density must be at most"),
        ({"optimizer": torch.optim.SGD(net().parameters(), lr=0.1)}, "optimizer must be that of"),
        ({"model": MaskedMLP((12, 10, 4), seeded())}, "list of 2 for this MaskedMLP"),
        ({"model": "net"}, "model must be a Module"),
        ({"optimizer": None}, "optimizer must be a Optimizer"),
    ],
)
def test_what_is_not_allowed_is_named(changes, message):
    model = net()
    settings = {
        "model": model,
        "masks": prune(model, "random", 0.4, generator=seeded()),
        "optimizer": torch.optim.SGD(model.parameters(), lr=0.1),
        "schedule": "rigl",
        "until": 9,
    } | changes
    with pytest.raises(ValueError, match=message):
        MovingMasks(**settings)


def test_rigl_without_gradients_is_refused():
    model = net()
    moving = MovingMasks(
        model,
        prune(model, "random", 0.4, generator=seeded()),
        torch.optim.SGD(model.parameters(), lr=0.1),
        "rigl",
        until=3,
    )
    with pytest.raises(ValueError, match="must have gradients"):
        moving.step()


def masks_of(weights, kept):
    order = np.argsort(-np.abs(weights), kind="stable")
    mask = np.zeros(weights.size, dtype=bool)
    mask[order[:kept]] = True
    return mask


@given(
    seed=st.integers(0, 10_000),
    size=st.integers(2, 40),
    share=st.floats(0.05, 1.0),
    scale=st.floats(0.0, 3.0),
)
def test_no_change_flips_more_than_the_bound(seed, size, share, scale):
    rng = np.random.default_rng(seed)
    weights, added = rng.normal(size=size), scale * rng.normal(size=size)
    kept = max(1, int(share * size))
    flips = np.count_nonzero(masks_of(weights, kept) ^ masks_of(weights + added, kept))
    assert flips <= most_flips(weights, kept, float(np.linalg.norm(added)) * (1 + 1e-12))


def test_the_bound_is_reached_by_the_change_that_meets_in_the_middle():
    weights = np.array([4.0, 3.0, -2.0, 1.0, 0.5])
    cheapest = math.sqrt(0.5)
    assert most_flips(weights, 2, 0.999 * cheapest) == 0
    assert most_flips(weights, 2, 1.001 * cheapest) == 2
    added = np.array([0.0, -0.501, -0.501, 0.0, 0.0])
    assert np.count_nonzero(masks_of(weights, 2) ^ masks_of(weights + added, 2)) == 2


def test_the_bound_has_its_limit():
    """The theorem's cube root, for normal weights of which a tenth is kept."""
    weights = np.random.default_rng(0).normal(size=2_000_000)
    density = 2.0 * math.exp(-(1.6449**2) / 2.0) / math.sqrt(2.0 * math.pi)
    for change in (1e-3, 1e-2):
        found = most_flips(weights, 200_000, change * float(np.linalg.norm(weights))) / weights.size
        assert found == pytest.approx((12.0 * density**2 * change**2) ** (1 / 3), rel=0.1)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (([1.0, 2.0], 3, 0.1), "kept must be at most 2"),
        (([1.0, 2.0], 0, 0.1), "kept must be"),
        (([1.0, math.nan], 1, 0.1), "weights must be finite"),
        (([1.0, 2.0], 1, -0.1), "change must be finite and at least 0"),
        (([1.0, 2.0], 1, math.inf), "change must be finite"),
    ],
)
def test_bounds_of_nothing_are_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        most_flips(*arguments)


def test_fractions_are_any_real_numbers():
    net = torch.nn.Linear(4, 3)
    mask, descent = (
        {"weight": torch.ones(3, 4, dtype=torch.bool)},
        torch.optim.SGD(net.parameters()),
    )
    moving = MovingMasks(net, mask, descent, "set", until=1, fraction=np.float32(0.25))
    assert moving.fraction == 0.25
    with pytest.raises(ValueError, match="fraction must be a real number, got False"):
        MovingMasks(net, mask, descent, "set", until=1, fraction=False)
    with pytest.raises(ValueError, match="masks must be a dict"):
        MovingMasks(net, None, descent, "static")
