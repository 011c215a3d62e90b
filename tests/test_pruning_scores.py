"""Scores against brute force: finite differences, a dense Hessian, and what removal does."""

import numpy as np
import pytest
import torch
from torch_networks import seeded

from graphon_lib.pruning import INITIALISATIONS, MaskedMLP, saliency

TEMPERATURE = 200.0


@pytest.fixture(params=INITIALISATIONS)
def net(request):
    """A tiny double network and a batch with a dead input, so that some scores are exactly 0."""
    generator = seeded(5)
    model = MaskedMLP((4, 6, 5, 3), generator, initialisation=request.param).double()
    x = torch.randn(8, 4, generator=generator, dtype=torch.float64)
    x[:, 2] = 0
    return model, x, torch.tensor([0, 1, 2, 2, 1, 0, 1, 2])


def loss(flat, model, x, y, temperature=1.0):
    """Cross-entropy written out, as a function of all weights, and no biases, in one vector."""
    h, start = x, 0
    for i, w in enumerate(model.weights):
        matrix = flat[start : start + w.numel()].reshape(w.shape)
        h = (h.clamp(min=0) if i else h) @ matrix.T
        h = h + model.biases[i].detach() if len(model.biases) else h
        start += w.numel()
    logits = h / temperature
    return (torch.logsumexp(logits, 1) - logits[torch.arange(len(y)), y]).mean()


def gradient(flat, model, x, y):
    flat = flat.clone().requires_grad_()
    return torch.autograd.grad(loss(flat, model, x, y, TEMPERATURE), flat)[0]


def flatten(tensors):
    return torch.cat([t.detach().reshape(-1) for t in tensors])


def test_snip_is_the_derivative_along_each_mask_variable(net):
    model, x, y = net
    flat = flatten(model.weights)
    step = 1e-6
    numeric = torch.empty_like(flat)
    for q in range(len(flat)):
        up, down = flat.clone(), flat.clone()
        up[q] *= 1 + step
        down[q] *= 1 - step
        numeric[q] = (loss(up, model, x, y) - loss(down, model, x, y)).abs() / (2 * step)
    scores = flatten(saliency(model, "snip", x, y))
    # Central differences: rounding of the loss, 1e-16 / step, dominates their error.
    torch.testing.assert_close(scores, numeric, rtol=0, atol=1e-9)
    assert scores.max() > 1e-3


def test_grasp_is_weight_times_hessian_times_gradient(net):
    model, x, y = net
    flat = flatten(model.weights)
    hessian = torch.autograd.functional.hessian(lambda v: loss(v, model, x, y, TEMPERATURE), flat)
    expected = flat * (hessian @ gradient(flat, model, x, y))
    scores = flatten(saliency(model, "grasp", x, y))
    torch.testing.assert_close(
        scores, expected, rtol=1e-10, atol=1e-10 * float(expected.abs().max())
    )
    assert (scores > 0).any()
    assert (scores < 0).any()


@pytest.mark.parametrize("method", ["snip", "grasp"])
def test_weights_of_an_input_that_is_always_zero_score_zero(net, method):
    model, x, y = net
    assert (saliency(model, method, x, y)[0][:, 2] == 0).all()


def test_magnitude_is_the_absolute_weight(net):
    model = net[0]
    for score, w in zip(saliency(model, "magnitude"), model.weights, strict=True):
        assert torch.equal(score, w.detach().abs())


def test_random_scores_are_uniform_and_independent_of_the_weights():
    model = MaskedMLP((300, 200, 100), seeded(0))
    scores = flatten(saliency(model, "random", generator=seeded(1)))
    n = len(scores)
    assert scores.dtype == torch.float64
    assert scores.min() >= 0
    assert scores.max() < 1
    # Kolmogorov-Smirnov distance: above 2.5 / sqrt(n) with probability 2 exp(-12.5), below 1e-5.
    distance = (scores.sort().values - (torch.arange(n) + 0.5) / n).abs().max()
    assert distance < 2.5 / n**0.5
    correlation = torch.corrcoef(torch.stack([scores, flatten(model.weights).double()]))[0, 1]
    assert abs(correlation) < 5 / n**0.5


def test_scores_do_not_depend_on_what_form_the_batch_comes_in():
    generator = seeded(0)
    model = MaskedMLP((9, 7, 4), generator)
    pixels = torch.randint(0, 256, (20, 9), generator=generator, dtype=torch.uint8)
    labels = torch.arange(20) % 4
    for method in ("snip", "grasp"):
        wanted = saliency(model, method, pixels.float(), labels)
        read_only = pixels.numpy().astype(np.float64)
        read_only.setflags(write=False)
        for x, y in [
            (pixels, labels.to(torch.uint8)),
            (pixels.double(), labels.to(torch.int32)),
            (read_only, labels.numpy().astype(np.uint16)),
            (pixels.tolist(), labels.tolist()),
        ]:
            for score, same in zip(saliency(model, method, x, y), wanted, strict=True):
                assert score.dtype == torch.float32
                assert torch.equal(score, same)
