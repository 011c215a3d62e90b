"""RigL's flow: growth is a threshold on two vectors, counts stay, frozen signals have closed forms."""

import copy

import numpy as np
import pytest
import torch
import xarray as xr
from torch.nn.functional import cross_entropy

from graphon_lib.experiments.rigl_flow import (
    FLOWS,
    RIGL_FLOW,
    block_flow,
    explained,
    explained_by_others,
    grown_densities,
)
from graphon_lib.pruning import MaskedMLP, MovingMasks, prune
from graphon_lib.pruning.signals import batch_signals


@pytest.fixture(scope="module")
def quick():
    return RIGL_FLOW.compute(RIGL_FLOW.quick)


@pytest.fixture
def drawn():
    """Densities of twelve blocks, their places, and all pairs in some order."""
    rng = np.random.default_rng(0)
    places = rng.integers(20, 40, 12)
    return rng.uniform(0.0, 0.4, 12), places, rng.permutation(np.repeat(np.arange(12), places))


def test_rigl_grows_where_two_vectors_have_large_products():
    generator = torch.Generator().manual_seed(0)
    model = MaskedMLP((20, 30, 30, 5), generator)
    x, y = torch.randn(50, 20, generator=generator), torch.arange(50) % 5
    masks = prune(model, "random", 0.3, generator=generator)
    descent = torch.optim.SGD(model.parameters(), lr=0.1)
    moving = MovingMasks(model, masks, descent, "rigl", every=1, until=10)
    signals = batch_signals(copy.deepcopy(model), "snip", x, y)
    sizes = [w.detach().abs().numpy() for w in model.weights]
    cross_entropy(model(x), y).backward()
    moving.step()
    for size, signal, before, after in zip(sizes, signals, masks, moving.masks, strict=True):
        before, after = before.numpy(), after.numpy()
        count = int(0.15 * (1 + np.cos(np.pi / 10)) * before.sum())
        left = before & (size > np.sort(size[before])[count - 1])
        assert (after & left).sum() == left.sum() == before.sum() - count
        products = np.abs(signal.left @ signal.right.T)
        threshold = np.sort(products[~left])[-count]
        np.testing.assert_array_equal(after & ~left, ~left & (products >= threshold))


@pytest.mark.parametrize("youngest", [False, True])
@pytest.mark.parametrize("signals", [False, True])
def test_counts_stay(drawn, youngest, signals):
    first, places, order = drawn
    ranked = [order if signals else None] * 3
    flow = block_flow(first, places, [20, 15, 3], ranked, youngest=youngest)
    np.testing.assert_allclose(flow @ places, first @ places)
    assert flow.min() >= 0.0
    assert flow.max() <= 1.0


def test_growth_is_the_expected_number_above_a_threshold(drawn):
    left, places, order = drawn
    grown = grown_densities(left, places, 30, order)
    assert grown @ places == pytest.approx(30)
    above = np.bincount(order[: np.searchsorted(np.cumsum(1 - left[order]), 30)], minlength=12)
    # But for the last place, which is taken in part.
    np.testing.assert_allclose(grown * places, (1 - left) * above, atol=1.0)


def test_without_signals_and_ages_it_is_the_contraction_of_set(drawn):
    first, places, _ = drawn
    kept, zeta = first @ places, 0.3
    p = kept / places.sum()
    shrinks = (1 - zeta) * (1 - p) / (1 - p * (1 - zeta))
    flow = block_flow(first, places, [zeta * kept] * 4, [None] * 4, youngest=False)
    np.testing.assert_allclose(flow[-1], p + shrinks**4 * (first - p))


def test_with_ages_it_is_a_mean_over_moves(drawn):
    """The first mask, less what the first move removes, and of every growth the part that stays."""
    first, places, order = drawn
    counts, orders = [40, 30, 10], [order, order[::-1], np.roll(order, 50)]
    flow = block_flow(first, places, counts, orders, youngest=True)
    left = first * (1 - 40 / (first @ places))
    mean = left.copy()
    for k, (count, ranked) in enumerate(zip(counts, orders, strict=True)):
        grown = grown_densities(left, places, count, ranked)
        stays = 1 - counts[k + 1] / count if k < 2 else 1.0
        left, mean = left + stays * grown, mean + stays * grown
    np.testing.assert_allclose(flow[-1], mean)


def test_frozen_signals_move_nothing_once_the_youngest_go():
    """Positions one by one: in blocks of several, the flow forgets which of them are above."""
    rng = np.random.default_rng(0)
    first, ones, order = rng.uniform(0.0, 0.4, 300), np.ones(300, dtype=int), rng.permutation(300)
    flow = block_flow(first, ones, [20, 20, 15, 7], [order] * 4, youngest=True)
    assert np.abs(flow[1] - flow[0]).max() > 0.5
    np.testing.assert_allclose(flow[2:], np.broadcast_to(flow[1], (3, 300)))


def test_frozen_signals_climb_as_fast_as_conditional_gradients():
    """Positions one by one: the closed form, and the gap to the largest sum of kept scores."""
    rng = np.random.default_rng(1)
    n, zeta, moves = 400, 0.2, 12
    scores, first = np.sort(rng.exponential(size=n))[::-1], rng.uniform(0.0, 0.5, n)
    ones, order = np.ones(n, dtype=int), np.arange(n)
    kept = first.sum()
    flow = block_flow(first, ones, [zeta * kept] * moves, [order] * moves, youngest=False)
    best = scores[: int(kept)].sum() + (kept % 1) * scores[int(kept)]
    gaps = best - flow @ scores
    assert (gaps[1:] <= (1 - zeta) * gaps[:-1] + 1e-9).all()
    for k, after in enumerate(flow):
        full = int((after > 1 - 1e-9).sum()) if k else 0
        np.testing.assert_allclose(after[full + 1 :], (1 - zeta) ** k * first[full + 1 :])


def test_a_network_is_followed(quick):
    changes = quick.measured.mean(("row", "column"))
    np.testing.assert_allclose(changes, 0.0, atol=1e-6)
    np.testing.assert_allclose(quick.predicted.mean(("row", "column")), 0.0, atol=1e-6)
    assert (quick.young.isel(move=0) == 1.0).all()
    last = (quick.measured**2).mean(("row", "column"))
    np.testing.assert_allclose(last, quick.change.isel(move=-1), rtol=1e-4)


def test_shares_are_of_the_change():
    coords = {
        "flow": list(FLOWS),
        "start": ["random"],
        "width": [8],
        "move": [1, 2],
        "hidden_mask": [2, 3],
    }
    place, shape = ("start", "width", "trial"), (1, 1, 3)
    change = np.ones((*shape, 2, 2))
    error = np.full((*shape, len(FLOWS), 2, 2), 0.1)
    measured = np.ones((*shape, 2, 1, 1))
    predicted = np.repeat(measured[:, :, :, None] * 0.5, len(FLOWS), axis=3)
    result = xr.Dataset(
        {
            "change": ((*place, "move", "hidden_mask"), change),
            "error": ((*place, "flow", "move", "hidden_mask"), error),
            "measured": ((*place, "hidden_mask", "row", "column"), measured),
            "predicted": ((*place, "flow", "hidden_mask", "row", "column"), predicted),
        },
        coords,
    )
    np.testing.assert_allclose(explained(result), 0.9)
    np.testing.assert_allclose(explained_by_others(result), 0.75)
