"""Path density of masks against counting the paths one by one."""

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from graphon_lib.graphons import GraphonNetwork, path_density


def count_paths(masks):
    sizes = [masks[0].shape[1], *(mask.shape[0] for mask in masks)]
    return sum(
        all(mask[b, a] for mask, (a, b) in zip(masks, itertools.pairwise(path), strict=True))
        for path in itertools.product(*map(range, sizes))
    ) / np.prod(sizes)


@given(st.lists(st.integers(1, 4), min_size=2, max_size=5), st.integers(0, 2**31))
def test_equals_counting(sizes, seed):
    rng = np.random.default_rng(seed)
    masks = [rng.random((b, a)) < 0.6 for a, b in itertools.pairwise(sizes)]
    assert path_density(masks) == pytest.approx(count_paths(masks), abs=1e-12)


def test_equals_the_network_in_which_every_neuron_is_a_block():
    rng = np.random.default_rng(5)
    masks = [rng.random(shape) < 0.4 for shape in ((12, 7), (9, 12), (3, 9))]
    network = GraphonNetwork.from_masks(masks, blocks=12)
    assert path_density(masks) == pytest.approx(network.path_density(), rel=1e-12)


def test_any_iterable_of_masks_is_taken():
    masks = [np.ones((3, 4)), np.eye(3)]
    assert path_density(mask for mask in masks) == path_density(masks)


def test_extremes():
    assert path_density([np.ones((3, 4)), np.ones((2, 3))]) == 1.0
    assert path_density([np.ones((3, 4)), np.zeros((2, 3))]) == 0.0


@pytest.mark.parametrize(
    ("masks", "message"),
    [
        ([], "masks must be one mask or more"),
        ([np.full((2, 2), 0.5)], r"masks\[0\] must be binary"),
        ([np.ones((3, 4)), np.ones((2, 4))], r"masks\[1\] must have 3 columns"),
    ],
)
def test_bad_masks(masks, message):
    with pytest.raises(ValueError, match=message):
        path_density(masks)
