"""keep_largest against sorting everything, with ties wherever they hurt."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from graphon_lib.pruning import keep_largest

# Few distinct values, so that most scores tie; both zeros, which are equal.
tied = arrays(
    np.float64,
    array_shapes(min_dims=1, max_dims=2, max_side=9),
    elements=st.sampled_from([-1.0, -0.0, 0.0, 0.5, 2.0]),
)
densities = st.floats(0.0, 1.0, exclude_min=True)


def by_sorting(values, count):
    """Masks of the `count` largest, the earlier of equal ones: by a stable sort."""
    flat = np.concatenate([v.ravel() for v in values])
    kept = np.zeros(flat.size, dtype=bool)
    kept[np.argsort(-flat, kind="stable")[:count]] = True
    parts = np.split(kept, np.cumsum([v.size for v in values])[:-1])
    return [part.reshape(v.shape) for part, v in zip(parts, values, strict=True)]


def assert_masks(masks, expected):
    for mask, wanted in zip(masks, expected, strict=True):
        assert mask.dtype == torch.bool
        np.testing.assert_array_equal(mask.numpy(), wanted)


def meaningless(values, count):
    return count < sum(v.size for v in values) and not any(v.any() for v in values)


@pytest.mark.filterwarnings("ignore:layers? .* kept no weight")
@given(values=st.lists(tied, min_size=1, max_size=4), density=densities)
def test_global_scope_keeps_exactly_k_with_ties_by_index(values, density):
    scores = [torch.from_numpy(v) for v in values]
    count = round(density * sum(v.size for v in values))
    if count == 0:
        with pytest.raises(ValueError, match="density must keep at least one"):
            keep_largest(scores, density)
    elif meaningless(values, count):
        with pytest.raises(ValueError, match="scores must not all be zero"):
            keep_largest(scores, density)
    else:
        assert_masks(keep_largest(scores, density), by_sorting(values, count))


@given(values=st.lists(tied, min_size=1, max_size=4), density=densities)
def test_layer_scope_ranks_each_layer_alone(values, density):
    scores = [torch.from_numpy(v) for v in values]
    counts = [round(density * v.size) for v in values]
    if 0 in counts:
        with pytest.raises(ValueError, match=f"weights of layer {counts.index(0) + 1}"):
            keep_largest(scores, density, scope="layer")
    elif any(refused := [meaningless([v], c) for v, c in zip(values, counts, strict=True)]):
        first = refused.index(True)
        with pytest.raises(ValueError, match=rf"scores\[{first}\] must not all be zero"):
            keep_largest(scores, density, scope="layer")
    else:
        expected = [by_sorting([v], c)[0] for v, c in zip(values, counts, strict=True)]
        assert_masks(keep_largest(scores, density, scope="layer"), expected)


def large_scores(kind):
    rng = np.random.default_rng(0)
    shapes = [(300, 200), (200, 300), (10, 200)]
    if kind == "continuous":
        return [rng.normal(size=s) for s in shapes]
    if kind == "mostly zero":
        return [rng.normal(size=s) * (rng.random(s) < 0.2) for s in shapes]
    if kind == "layers of different scale":
        return [rng.lognormal(size=s) * 10.0 ** (-50 * i) for i, s in enumerate(shapes)]
    # Every 61st score, which is where the threshold search takes its sample, misrepresents the rest.
    values = [rng.random(s) for s in shapes]
    for v in values:
        v.reshape(-1)[::61] += 5.0
    return values


@pytest.mark.filterwarnings("ignore:layers? .* kept no weight")
@pytest.mark.parametrize(
    "kind", ["continuous", "mostly zero", "layers of different scale", "unlucky sample"]
)
@pytest.mark.parametrize("density", [1e-5, 0.02, 0.15, 0.5, 0.95, 1.0])
def test_large_inputs_agree_with_sorting(kind, density):
    values = large_scores(kind)
    count = round(density * sum(v.size for v in values))
    masks = keep_largest([torch.from_numpy(v) for v in values], density)
    assert_masks(masks, by_sorting(values, count))


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32, torch.float64])
def test_every_floating_dtype(dtype):
    scores = torch.randn(40, 30, generator=torch.Generator().manual_seed(0)).to(dtype)
    assert_masks(keep_largest([scores], 0.3), by_sorting([scores.double().numpy()], 360))


@pytest.mark.filterwarnings("ignore:layer 1 of 2 kept no weight")
def test_mixed_dtypes_are_compared_without_rounding():
    just_above = torch.tensor([1.0 + 1e-12, 0.0], dtype=torch.float64)
    assert_masks(
        keep_largest([torch.tensor([1.0, 0.0]), just_above], 0.25), [[False, False], [True, False]]
    )


def test_scores_are_left_as_they_are():
    scores = torch.randn(50, 50, generator=torch.Generator().manual_seed(0))
    before = scores.clone()
    keep_largest([scores], 0.3)
    assert torch.equal(scores, before)


def test_layers_that_keep_nothing_are_named():
    scores = [torch.zeros(3), torch.ones(2), torch.zeros(4)]
    with pytest.warns(UserWarning, match=r"layers 1, 3 of 3 kept no weight"):
        keep_largest(scores, 0.2)


@pytest.mark.parametrize(
    ("scores", "match"),
    [
        ([], "scores must hold at least one tensor"),
        ([torch.ones(3), torch.tensor([1.0, float("nan")])], r"scores\[1\] must be finite"),
        ([torch.tensor([float("inf")])], r"scores\[0\] must be finite"),
        ([torch.tensor([-float("inf")])], r"scores\[0\] must be finite"),
        (3, "scores must be a sequence of tensors, one a layer, got int"),
        ([torch.ones(0)], r"scores\[0\] must be a non-empty"),
        ([torch.ones(3, dtype=torch.int64)], r"scores\[0\] must be a non-empty floating-point"),
        ([np.ones(3)], r"scores\[0\] must be a non-empty floating-point tensor"),
        (torch.ones(()), "scores must be a sequence"),
    ],
)
def test_wrong_scores(scores, match):
    with pytest.raises(ValueError, match=match):
        keep_largest(scores, 0.5)


@pytest.mark.filterwarnings("ignore:layer 3 of 3 kept no weight")
def test_scores_without_axes():
    masks = keep_largest([torch.tensor(1.0), torch.tensor([2.0, 0.0]), torch.tensor(0.5)], 0.5)
    assert [mask.shape for mask in masks] == [(), (2,), ()]
    assert [mask.tolist() for mask in masks] == [True, [True, False], False]
    assert keep_largest([torch.tensor(1.0)], 1.0, "layer")[0].item() is True
