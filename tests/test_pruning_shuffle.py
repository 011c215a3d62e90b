"""The layer-wise shuffle: counts stay, positions are uniform, layers are independent."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch_networks import seeded

from graphon_lib.graphons import motif_densities
from graphon_lib.pruning import MaskedMLP, prune, shuffle_masks


@given(
    shapes=st.lists(st.tuples(st.integers(1, 9), st.integers(1, 9)), min_size=1, max_size=4),
    seed=st.integers(0, 2**32 - 1),
)
def test_every_layer_keeps_its_shape_and_its_number_of_weights(shapes, seed):
    rng = np.random.default_rng(seed)
    masks = [rng.random(shape) < rng.random() for shape in shapes]
    copies = [mask.copy() for mask in masks]
    for shuffled, mask, copy in zip(shuffle_masks(masks, seeded(seed)), masks, copies, strict=True):
        assert shuffled.dtype == torch.bool
        assert tuple(shuffled.shape) == mask.shape
        assert int(shuffled.sum()) == mask.sum()
        np.testing.assert_array_equal(mask, copy)


def test_all_arrangements_are_equally_likely():
    """Two of four entries: six arrangements; chi-squared with 5 degrees stays below its 1e-6 tail."""
    generator = seeded()
    mask = torch.tensor([[True, True], [False, False]])
    draws = 6000
    counts = {}
    for _ in range(draws):
        (shuffled,) = shuffle_masks([mask], generator)
        code = tuple(shuffled.flatten().tolist())
        counts[code] = counts.get(code, 0) + 1
    assert len(counts) == 6
    assert sum((c - draws / 6) ** 2 / (draws / 6) for c in counts.values()) < 35.9


def test_equal_layers_are_shuffled_differently():
    mask = torch.arange(400).reshape(20, 20) % 3 == 0
    first, second = shuffle_masks([mask, mask], seeded())
    assert not torch.equal(first, second)


def test_the_generator_decides():
    mask = torch.arange(400).reshape(20, 20) % 3 == 0
    one, same, other = (shuffle_masks([mask], seeded(s))[0] for s in (1, 1, 2))
    assert torch.equal(one, same)
    assert not torch.equal(one, other)
    assert not torch.equal(shuffle_masks([mask])[0], shuffle_masks([mask])[0])


def test_what_a_shuffle_destroys_is_the_graphon_of_a_pruned_network():
    """Degrees of SynFlow masks vary far more than those of independent entries; shuffled, not."""
    model = MaskedMLP((784, 200, 200, 10), seeded())
    masks = prune(model, "synflow", 0.2)
    pruned, shuffled = (motif_densities(m[1]) for m in (masks, shuffle_masks(masks, seeded(1))))
    p, n = pruned["edge"], 200
    assert shuffled["edge"] == pytest.approx(p, rel=1e-12)
    excess = [d["row_cherry"] / (p**2 + p * (1 - p) / n) - 1.0 for d in (pruned, shuffled)]
    # The mean of n squared degrees of independent entries has relative deviation about
    # sqrt(2 / n) (1 - p) / (p n).
    deviation = (2 / n) ** 0.5 * (1 - p) / (p * n)
    assert excess[0] > 10 * deviation
    assert abs(excess[1]) < 5 * deviation
