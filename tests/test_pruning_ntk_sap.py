"""NTK-SAP: masks that keep the tangent kernel's trace."""

import pytest
import torch
from torch_networks import seeded

from graphon_lib.pruning import MaskedMLP
from graphon_lib.pruning.model import relu_network
from graphon_lib.pruning.ntk_sap import STEP, ntk_sap_masks, ntk_sap_scores

WIDTHS = (6, 8, 5, 3)


@pytest.fixture
def parts():
    """Masks, weights and inputs, in double precision."""
    draws = seeded()
    model = MaskedMLP(WIDTHS, draws).double()
    masks = [(torch.rand(w.shape, generator=draws) < 0.6).double() for w in model.weights]
    x = torch.randn(7, WIDTHS[0], generator=draws).double()
    return masks, [w.detach() for w in model.weights], x


def change(masks, weights, changes, x):
    moved = [m * (w + STEP * d) for m, w, d in zip(masks, weights, changes, strict=True)]
    still = [m * w for m, w in zip(masks, weights, strict=True)]
    return (relu_network(x, still, []) - relu_network(x, moved, [])).square().sum()


def test_scores_are_derivatives_by_the_masks(parts):
    masks, weights, x = parts
    changes = [torch.randn(w.shape, generator=seeded(1)).double() for w in weights]
    scores = ntk_sap_scores(masks, weights, changes, [], x)
    for layer, (i, j) in ((0, (2, 3)), (1, (4, 1)), (2, (0, 2))):
        ends = []
        for step in (1e-6, -1e-6):
            moved = [mask.clone() for mask in masks]
            moved[layer][i, j] += step
            ends.append(change(moved, weights, changes, x))
        slope = abs(float(ends[0] - ends[1])) / 2e-6
        assert float(scores[layer][i, j]) == pytest.approx(
            slope * float(masks[layer][i, j]), rel=1e-4
        )


def test_what_is_differentiated_is_the_trace_of_the_kernel(parts):
    masks, weights, x = parts
    draws = seeded(2)
    sums = torch.tensor(
        [
            change(masks, weights, [torch.randn(w.shape, generator=draws) for w in weights], x)
            for _ in range(3000)
        ]
    )
    leaves = [w.clone().requires_grad_() for w in weights]
    outputs = relu_network(x, [m * w for m, w in zip(masks, leaves, strict=True)], [])
    trace = sum(
        float(sum(g.square().sum() for g in torch.autograd.grad(o, leaves, retain_graph=True)))
        for o in outputs.ravel()
    )
    error = 4 * float(sums.std()) / 3000**0.5 / STEP**2
    # Beside chance, steps of a hundredth see the curvature of the kernel.
    assert float(sums.mean()) / STEP**2 == pytest.approx(trace, abs=error + 0.02 * trace)


@pytest.mark.parametrize("initialisation", ["he", "torch"])
def test_so_many_weights_are_kept_whatever_they_are(initialisation):
    one, other = (
        MaskedMLP((50, 30, 10), seeded(seed), initialisation=initialisation) for seed in (0, 1)
    )
    for bias, same in zip(one.biases, other.biases, strict=True):
        same.data.copy_(bias.data)
    masks, again = (ntk_sap_masks(m, 0.1, seeded(3), rounds=5) for m in (one, other))
    assert sum(int(m.sum()) for m in masks) == 180
    assert all(torch.equal(a, b) for a, b in zip(masks, again, strict=True))


@pytest.mark.parametrize(
    ("model", "options", "message"),
    [
        (torch.nn.Linear(3, 2), {}, "model must be a MaskedMLP"),
        (MaskedMLP((3, 2)), {"density": 2.0}, "density must"),
        (MaskedMLP((3, 2)), {"rounds": 0}, "rounds must"),
        (MaskedMLP((3, 2)), {"inputs": 0}, "inputs must"),
    ],
)
def test_bad_input_is_refused(model, options, message):
    with pytest.raises(ValueError, match=message):
        ntk_sap_masks(model, **{"density": 0.5, **options})
