"""The probability that a weight is kept, against what is kept."""

import numpy as np
import pytest
import torch

from graphon_lib.pruning import INITIALISATIONS, MaskedMLP, prune, saliency
from graphon_lib.pruning.expected import keep_probabilities


def draw_network(width, initialisation="he"):
    generator = torch.Generator().manual_seed(2)
    model = MaskedMLP((60, width, width, 10), generator, initialisation=initialisation)
    x = torch.randn(40, 60, generator=generator)
    return model, x, torch.randint(0, 10, (40,), generator=generator)


@pytest.fixture(scope="module")
def network():
    return draw_network(250)


def miscalibration(model, method, density, x, y):
    """Largest gap between the share kept and its expectation, over tenths of the hidden weights."""
    mask = prune(model, method, density, x, y)[1].numpy().ravel()
    p = keep_probabilities(model, method, density, x, y)[1].numpy().ravel()
    assert p.std() > 0.5 * density  # a constant would be calibrated, too
    tenths = np.array_split(np.argsort(p), 10)
    return max(abs(mask[tenth].mean() - p[tenth].mean()) for tenth in tenths)


@pytest.mark.parametrize("initialisation", INITIALISATIONS)
@pytest.mark.parametrize("density", [0.3, 0.1])
def test_snip_keeps_as_many_as_expected(density, initialisation):
    """Within 5 standard errors of a tenth of 600 x 600 weights, and a bias of order 1/n."""
    model, x, y = draw_network(600, initialisation)
    assert miscalibration(model, "snip", density, x, y) < 5 * 0.5 / np.sqrt(36000) + 2 / 600


@pytest.mark.parametrize(("method", "least"), [("snip", 3.0), ("grasp", 1.6)])
def test_bias_falls_with_the_width(method, least):
    """Four times the width: a quarter of the bias for SNIP, half of it for GraSP, up to noise."""
    narrow, wide = (draw_network(width) for width in (150, 600))
    ratio = miscalibration(narrow[0], method, 0.2, *narrow[1:]) / miscalibration(
        wide[0], method, 0.2, *wide[1:]
    )
    assert ratio > least


def effect_of_a_weight_on_its_factor(width, method, draws=80):
    """Mean change of a factor in the hidden layer when its weight is drawn anew, over the factors."""
    model, x, y = draw_network(width)
    weight, rng = model.weights[1].data, np.random.default_rng(0)

    def factors():
        return saliency(model, method, x, y)[1].double() / weight.double()

    before, changes = factors(), []
    for i, j in rng.integers(width, size=(draws, 2)):
        old = weight[i, j].item()
        weight[i, j] = float(rng.normal(0, np.sqrt(2 / width)))
        # SNIP's scores are absolute values, and so are these factors.
        after = factors()[i, j]
        changes.append(float(abs(abs(after) - abs(before[i, j]))))
        weight[i, j] = old
    return np.mean(changes) / float(before.square().mean().sqrt())


@pytest.mark.parametrize("method", ["snip", "grasp"])
def test_a_weight_moves_its_own_factor_by_one_over_the_root_of_the_width(method):
    """Sixteen times the width: a quarter of the effect, nearer than to 1 (none) or 1/16 (1/n)."""
    ratio = effect_of_a_weight_on_its_factor(64, method) / effect_of_a_weight_on_its_factor(
        1024, method
    )
    assert 2 < ratio < 8


def test_one_weight_redrawn(network):
    """SNIP: freeze the network, redraw one weight at a time, and count how often it is kept."""
    model, x, y = network
    p = keep_probabilities(model, "snip", 0.2, x, y)[1]
    weights = [w.detach().clone() for w in model.weights]
    rng = np.random.default_rng(0)
    kept, expected, generator = 0, 0.0, torch.Generator().manual_seed(3)
    for _ in range(60):
        i, j = rng.integers(250, size=2)
        changed = MaskedMLP(model.widths, torch.Generator().manual_seed(0))
        for target, source in zip(changed.weights, weights, strict=True):
            target.data.copy_(source)
        changed.weights[1].data[i, j] = torch.randn((), generator=generator) * (2 / 250) ** 0.5
        kept += bool(prune(changed, "snip", 0.2, x, y)[1][i, j])
        expected += float(p[i, j])
    assert abs(kept - expected) < 4 * np.sqrt(60 * 0.25)
    assert 2 < expected < 30


@pytest.mark.parametrize(
    ("method", "density", "message"),
    [
        ("synflow", 0.2, "method must be one of grasp, snip"),
        ("snip", 1.0, "density must leave all scores of zero unkept"),
        ("snip", 0.0, "density"),
    ],
)
def test_bad_arguments(network, method, density, message):
    model, x, y = network
    silent = MaskedMLP(model.widths, torch.Generator().manual_seed(0))
    silent.weights[0].data[:5] = 0.0  # silent neurons have scores of exactly zero
    with pytest.raises(ValueError, match=message):
        keep_probabilities(silent, method, density, x, y)
