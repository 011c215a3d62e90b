"""Masks of convolutions and of attention: statistics on masks whose structure is known, and laws."""

import numpy as np
import pytest
import torch
import xarray as xr
from torch import nn

from graphon_lib.experiments.architectures import build_network
from graphon_lib.experiments.attention_masks import (
    ATTENTION_MASKS,
    kept_share,
)
from graphon_lib.experiments.channel_law import (
    CHANNEL_LAW,
    module_probabilities,
    norm_ratios,
    separable_share,
)
from graphon_lib.experiments.channel_masks import (
    CHANNEL_MASKS,
    PADDINGS,
    counted_flow,
    idle_channels,
    sorted_quarters,
    squared_structure,
    start_architecture,
)
from graphon_lib.experiments.data import load
from graphon_lib.experiments.digits import Data
from graphon_lib.experiments.shared_channels import (
    SHARED_CHANNELS,
    carried_structure,
    channel_path_density,
)
from graphon_lib.pruning import MaskedMLP, saliency
from graphon_lib.pruning.expected import keep_probabilities

OFFSETS = np.array([0.6, 0.9, 1.5, 1.0, 0.4, 1.6, 1.1, 0.9, 1.0])
"""Relative densities of offsets, of mean 1."""


def sampled(graphon, rng):
    return rng.random(graphon.shape) < graphon


def channels(n_out, n_in):
    """Return a rank-one graphon of channels of mean 1, whose degrees fall linearly."""
    rows, columns = (1.5 - (np.arange(n) + 0.5) / n for n in (n_out, n_in))
    return np.outer(rows, columns)


@pytest.fixture(scope="module")
def separable():
    rng = np.random.default_rng(0)
    return sampled(0.1 * channels(240, 200)[..., None] * OFFSETS, rng)


def test_random_masks_have_no_structure():
    rng = np.random.default_rng(1)
    found = []
    for _ in range(40):
        mask = sampled(np.broadcast_to(0.1 * OFFSETS, (40, 30, 9)), rng)
        parts = squared_structure(sorted_quarters(mask, 4, rng))
        found.append([*parts[[1, 3]], parts[2] - OFFSETS.var()])
    mean, error = np.mean(found, axis=0), np.std(found, axis=0) / 40**0.5
    assert (np.abs(mean) < 4 * error + 1e-4).all()
    assert (error < 0.01).all()


def test_a_separable_graphon_has_no_rest(separable):
    quarters = sorted_quarters(separable, 8, np.random.default_rng(0))
    total, of_channels, of_offsets, rest = squared_structure(quarters)
    # Eight blocks see all but a 64th of the variance of linear degrees.
    both = (1 + 63 / 64 / 12) ** 2 - 1
    assert of_channels == pytest.approx(both, abs=0.02)
    assert of_offsets == pytest.approx(OFFSETS.var(), abs=0.01)
    assert total == pytest.approx((1 + both) * (1 + OFFSETS.var()) - 1, abs=0.03)
    assert rest == pytest.approx(0.0, abs=0.005)


def test_what_is_not_separable_is_the_rest():
    """One offset has the channels in the order opposite to that of the eight others."""
    rng = np.random.default_rng(0)
    rows = 1.5 - (np.arange(240) + 0.5) / 240
    graphon = np.repeat(rows[:, None, None], 9, axis=2)
    graphon[..., 0] = 2.0 - graphon[..., 0]
    mask = sampled(0.6 * np.broadcast_to(graphon, (240, 240, 9)), rng)
    # In units of the variance v of the rows: the channels' mean is 7/9 of them.
    v, rest = 63 / 64 / 12, 1.0 - (7 / 9) ** 2
    parts = squared_structure(sorted_quarters(mask, 8, rng))
    np.testing.assert_allclose(parts, [v, v * (7 / 9) ** 2, 0.0, v * rest], atol=0.004)


def test_few_channels_that_differ_much_do_not_bias_the_parts():
    """Halves of channels drawn at random have different densities: no part of the rest."""
    rng, found = np.random.default_rng(0), []
    for _ in range(60):
        rows, columns = rng.exponential(size=(2, 32))
        graphon = 0.1 * np.outer(rows, columns)[..., None] * (1 + 0.3 * (OFFSETS - 1))
        mask = sampled(graphon, rng)
        found.append(squared_structure(sorted_quarters(mask, 8, rng)))
    mean, error = np.mean(found, axis=0), np.std(found, axis=0) / 60**0.5
    # Probabilities above 1 are cut, which hardly matters.
    assert mean[2] == pytest.approx(0.09 * OFFSETS.var(), abs=4 * error[2])
    assert abs(mean[3]) < 0.01 * mean[0] + 4 * error[3]
    assert error[3] < 0.01 * mean[0]


def test_idle_channels():
    first, second = np.zeros((4, 2, 3, 3), dtype=bool), np.zeros((3, 4, 3, 3), dtype=bool)
    first[:3, 0, 1, 1] = True
    second[0, 1:, 2, 0] = True
    readout = np.array([[True, False, True]])
    # Channels 1 and 2 are entered and left; of the second layer's the first alone.
    assert idle_channels([first, second, readout]) == [0.5, pytest.approx(2 / 3)]


def test_quarters_average_to_the_density():
    mask = sampled(np.full((16, 24, 9), 0.3), np.random.default_rng(0))
    quarters = sorted_quarters(mask, 4, np.random.default_rng(0))
    assert quarters.shape == (4, 4, 4, 9)
    np.testing.assert_allclose(quarters.mean(axis=(0, 1, 2)), mask.mean(axis=(0, 1)))


def test_counted_flow_of_one_convolution():
    """Of 4 pixels with padding, a corner offset sees 3 x 3 of 16 positions, the centre all."""
    layer = nn.Conv2d(1, 1, 3, padding=1, bias=False)
    nn.init.ones_(layer.weight)
    model = nn.Sequential(layer, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(1, 1, bias=False))
    (scores, _) = saliency(model, "synflow", torch.ones(1, 1, 4, 4)).values()
    counts = np.outer([3, 4, 3], [3, 4, 3])
    np.testing.assert_allclose(scores[0, 0], counts / counts.sum())
    maps = counted_flow("convolutional", (28, 28))
    assert len(maps) == 5
    # Both axes of an image are alike, and the last layers see borders most.
    for flow in maps:
        np.testing.assert_allclose(flow, flow.T)
    assert np.ptp(maps[-1]) > np.ptp(maps[0])


@pytest.fixture(scope="module")
def masks():
    small = {"grid": {"width": [10], "trial": 2, "architecture": ["residual"]}}
    small["grid"] |= {"padding": list(PADDINGS), "pruning": ["random", "magnitude", "snip"]}
    return CHANNEL_MASKS.compute({**CHANNEL_MASKS.quick, **small}, 1)


def test_masks_are_those_of_their_networks(masks):
    density = masks.layer_density
    sizes = xr.DataArray([90, 900, 900, 900, 900, 100], dims="weight_layer")
    kept = (density * sizes).sum("weight_layer").sel(scope="global")
    np.testing.assert_allclose(kept, round(0.2 * 3790))
    np.testing.assert_allclose(density.sel(scope="layer"), 0.2, atol=1e-12)
    np.testing.assert_allclose(masks.offset_density.mean(("row", "column")), 1.0, rtol=1e-5)
    # Methods that see no images do not see what is beyond them.
    zeros, circular = (masks.sel(padding=p) for p in PADDINGS)
    same = (
        (zeros.layer_density == circular.layer_density)
        .sel(scope="global")
        .all(("trial", "width", "architecture", "weight_layer"))
    )
    assert same.values.tolist() == [True, True, False]


def module_trial(architecture, width, identity, images=10):
    data = Data(full=False, sha256=load("mnist").sha256)
    return start_architecture(
        identity, architecture=architecture, width=width, data=data, images=images
    )


@pytest.mark.parametrize("method", ["snip", "grasp"])
def test_probabilities_of_a_perceptron_are_those_of_its_module(method):
    model = MaskedMLP((12, 9, 7, 4), torch.Generator().manual_seed(0))
    layers = [nn.Linear(b, a, bias=False) for a, b in (w.shape for w in model.weights)]
    module = nn.Sequential(layers[0], nn.ReLU(), layers[1], nn.ReLU(), layers[2])
    with torch.no_grad():
        for layer, weight in zip(layers, model.weights, strict=True):
            layer.weight.copy_(weight)
    x = torch.randn(20, 12, generator=torch.Generator().manual_seed(1))
    y = torch.arange(20) % 4
    expected = keep_probabilities(model, method, 0.2, x, y)
    masks, found = module_probabilities(module, saliency(module, method, x, y), 0.2, "he", method)
    assert sum(int(mask.sum()) for mask in masks.values()) == round(0.2 * (12 * 9 + 63 + 28))
    for one, other in zip(found.values(), expected, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-4, atol=1e-6)


def test_the_factor_of_a_convolution_sums_over_positions():
    """SNIP's factor, the gradient, is the product of signals that the equation says."""
    started = module_trial("convolutional", 3, (0, 0), images=4)
    layer, seen = started.model.convolutions[1], {}
    layer.register_forward_hook(lambda _, x, z: seen.update(x=x[0], z=z) or z.retain_grad())
    nn.functional.cross_entropy(started.model(started.x), started.y).backward()
    h = nn.functional.pad(seen["x"].detach(), (1, 1, 1, 1))
    size = seen["z"].shape[2]
    expected = torch.zeros_like(layer.weight)
    for row in range(3):
        for column in range(3):
            moved = h[:, :, row : row + 2 * size : 2, column : column + 2 * size : 2]
            expected[:, :, row, column] = torch.einsum("buxy,bvxy->uv", seen["z"].grad, moved)
    torch.testing.assert_close(layer.weight.grad, expected, rtol=1e-4, atol=1e-7)


@pytest.fixture(scope="module")
def law():
    grid = {"width": [48], "trial": 2, "architecture": ["convolutional"]}
    grid |= {"images": [5], "pruning": ["snip", "grasp"]}
    return CHANNEL_LAW.compute({**CHANNEL_LAW.quick, "grid": grid}, 0)


def test_masks_are_as_near_to_the_formula_as_draws_are(law):
    ratios = norm_ratios(law).isel(layer=slice(1, 5)).mean(("trial", "layer")).squeeze()
    assert (abs(ratios.sel(less="formula") - 1.0) < 0.1).all()
    assert (ratios.sel(less="offsets") > 1.5).all()


def test_what_the_formula_expects_is_kept(law):
    gap = (law.kept - law.expected).isel(layer=slice(1, 5)).mean(("trial", "layer")).squeeze()
    # Of 48 x 432 weights in four groups, in four layers of two networks.
    error = 0.5 / (48 * 432 / 4 * 8) ** 0.5
    assert (abs(gap.sel(pruning="snip")) < 4 * error).all()
    # What signals know of a weight helps GraSP to keep it: an effect of one over the root of n.
    assert (gap.sel(pruning="grasp") > -4 * error).all()
    assert (gap.sel(pruning="grasp") < 0.05).all()


def test_the_separable_share():
    rng = np.random.default_rng(0)
    rows, offsets = rng.random((6, 5, 1, 1)), rng.random((1, 1, 3, 3))
    assert separable_share(rows * offsets) == pytest.approx(1.0)
    assert np.isnan(separable_share(np.full((4, 3, 3, 3), 0.1)))
    # Independent values: of 9 equal singular values beside the constant's, one.
    noise = 0.5 + 1e-3 * rng.standard_normal((200, 200, 3, 3))
    assert separable_share(noise) == pytest.approx(1 / 9, abs=0.01)


def test_scores_of_queries_fall_with_the_logits():
    """Where attention is near uniform, SNIP's scores of queries and keys go with the sharpness alone."""
    grid = {"architecture": ["transformer-norm"], "pruning": ["snip"], "width": [16], "trial": 1}
    grid["sharpness"] = [1e-4, 1e-3]
    found = ATTENTION_MASKS.compute({**ATTENTION_MASKS.quick, "grid": grid}).squeeze()
    little, more = (found.sel(sharpness=s) for s in grid["sharpness"])
    ratio = (more.score / little.score).sel(layer=["query 1", "key 1", "value 1", "query 2"])
    np.testing.assert_allclose(ratio, [10.0, 10.0, 1.0, 10.0], rtol=0.02)
    assert float(kept_share(little, ["query", "key"])) == 0.0


def test_synflow_scores_no_query_where_tokens_are_alike():
    model = build_network("transformer", 16, (28, 28), 10, torch.Generator().manual_seed(0))
    with torch.no_grad():
        model.place.zero_()
    scores = saliency(model, "synflow", torch.ones(1, 784))
    largest = {name: float(score.max()) for name, score in scores.items()}
    assert largest["blocks.0.attention.value.weight"] > 1e-4
    for kind in ("query", "key"):
        assert largest[f"blocks.0.attention.{kind}.weight"] < 1e-12


def test_what_neighbours_degrees_tell_of_a_convolution():
    """All where both degrees of a channel are one thing, and nothing where they are independent."""
    rng, size = np.random.default_rng(0), 320
    loud = 1.5 - (np.arange(size) + 0.5) / size
    kept = rng.binomial(9, 0.3 * np.outer(loud, loud))
    true = (13 / 12) ** 2 - 1  # of a product of two such ramps
    alike = carried_structure(kept, loud, loud, 16, rng)
    assert alike["own"] == pytest.approx(true, rel=0.05)
    assert alike["neighbours"] == pytest.approx(true, rel=0.05)
    assert alike["joint"] == pytest.approx(true, rel=0.1)
    shuffled = carried_structure(kept, rng.permutation(loud), rng.permutation(loud), 16, rng)
    assert abs(shuffled["neighbours"]) < 0.02 * true
    assert 0.85 * true < shuffled["joint"] < true  # four bins a side, and not sixteen


def test_only_joint_blocks_have_the_paths_of_channels_that_are_loud_on_one_side():
    rng, loud = np.random.default_rng(0), np.repeat([0.1, 0.9], 64)
    masks = [
        sampled(np.broadcast_to(loud[:, None, None, None], (128, 16, 3, 3)), rng),
        sampled(np.broadcast_to(loud[::-1][None, :, None, None], (128, 128, 3, 3)), rng),
        rng.random((10, 128)) < 0.5,
    ]
    true, joint, apart = (
        channel_path_density(masks, blocks=blocks, order=order)
        for blocks, order in ((128, "joint"), (16, "joint"), (16, "degree"))
    )
    assert true == pytest.approx(0.5 * 0.09, rel=0.05)
    assert joint == pytest.approx(true, rel=0.02)
    assert apart == pytest.approx(0.5 * 0.41, rel=0.05)


def test_synflow_orders_channels_alike_on_both_sides_and_snip_does_not():
    grid = {"pruning": ["snip", "synflow"], "width": [32], "trial": 1}
    found = SHARED_CHANNELS.compute({**SHARED_CHANNELS.quick, "grid": grid}, 0).squeeze()
    assert (found.correlation.sel(pruning="synflow") > 0.8).all()
    assert (found.correlation.sel(pruning="snip") < 0.9).all()
    assert (found.path_density.sel(order="joint") < 1.1).all()
