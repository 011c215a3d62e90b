"""Full-batch descent against its definition, and where the kernel must predict it."""

import math

import numpy as np
import pytest
import torch

from graphon_lib.experiments.data import load_mnist
from graphon_lib.experiments.descent import VARIANTS, descent
from graphon_lib.experiments.digits import Data
from graphon_lib.experiments.pruned import ntk_weights
from graphon_lib.experiments.training_run import full_batch_descent
from graphon_lib.ntk import empirical_ntk, gradient_flow
from graphon_lib.pruning import MaskedMLP, prune


def problem(widths=(6, 30, 20, 3), density=0.5, seed=0):
    generator = torch.Generator().manual_seed(seed)
    model = MaskedMLP(widths, generator).double()
    model.masks = prune(model, "random", density, generator=generator)
    x, y = (torch.randn(8, n, generator=generator).double() for n in (widths[0], widths[-1]))
    return model, x, y


def test_the_loss_falls_at_the_rate_of_the_gradient_in_ntk_units():
    model, x, y = problem()
    loss = (model(x) - y).square().sum() / 16
    gradients = torch.autograd.grad(loss, list(model.weights))
    squared = sum(float(g.square().sum()) * 2.0 / g.shape[1] for g in gradients)
    rate = 1e-7
    losses = full_batch_descent(model, x, y, learning_rate=rate, steps=1)
    assert losses[0] == pytest.approx(loss.item())
    assert (losses[0] - losses[1]) / rate == pytest.approx(squared, rel=1e-4)


def test_pruned_weights_stay_as_they_are():
    model, x, y = problem()
    before = [weight.detach().clone() for weight in model.weights]
    full_batch_descent(model, x, y, learning_rate=0.05, steps=5)
    for weight, old, mask in zip(model.weights, before, model.masks, strict=True):
        assert torch.equal(weight[~mask], old[~mask])
        assert not torch.equal(weight[mask], old[mask])


def test_a_wide_network_with_one_output_follows_its_kernel():
    gaps = []
    for width in (10, 1500):
        model, x, y = problem((6, width, 1), density=1.0, seed=1)
        kernel = empirical_ntk(ntk_weights(model), model.masks, x)
        # Small steps: what is left of the gap is the width's.
        rate = 0.005 * len(x) / np.linalg.eigvalsh(kernel)[-1]
        initial = model(x).detach().numpy()
        losses = full_batch_descent(model, x, y, learning_rate=float(rate), steps=200)
        flow = gradient_flow(kernel, y.numpy(), rate * np.arange(201), initial=initial)
        gaps.append(np.abs(losses - flow.train_loss).max() / losses[0])
    assert gaps[1] < 0.005 < gaps[0]


def test_what_is_watched_and_when():
    model, x, y = problem()
    seen = []
    losses = full_batch_descent(
        model,
        x,
        y,
        learning_rate=0.01,
        steps=4,
        watched=(0, 3, 4),
        watch=lambda: seen.append(((model(x) - y).square().sum() / 16).item()),
    )
    np.testing.assert_allclose(seen, losses[[0, 3, 4]])


def test_divergence_is_recorded_as_infinity():
    model, x, y = problem(widths=(6, 3), density=1.0)
    losses = full_batch_descent(model, x, y, learning_rate=1e6, steps=60)
    assert np.isfinite(losses[0])
    assert losses[-1] == math.inf
    assert not np.isnan(losses).any()


@pytest.mark.parametrize("rate", [0.0, -1.0, math.inf, math.nan, "fast", 10**400])
def test_a_learning_rate_must_be_positive(rate):
    model, x, y = problem()
    with pytest.raises(ValueError, match=r"^learning_rate must be"):
        full_batch_descent(model, x, y, learning_rate=rate, steps=1)


SMALL = {"hidden_layers": 2, "density": 0.4, "digits": 8, "blocks": 4, "rate": 0.05, "steps": 8}


def small_descent(**changes):
    data = Data(full=False, sha256=load_mnist().sha256)
    return descent(seed=0, trial=0, data=data, **SMALL, **changes)


def test_rescaling_restores_the_outputs_and_curves_start_together():
    cells = {n: small_descent(variant=n, width=60, watched=(8,)) for n in VARIANTS}
    for arrays in cells.values():
        np.testing.assert_allclose(arrays["loss"][:, 0], arrays["loss"][0, 0], rtol=1e-5)
        assert (np.diff(arrays["loss"], axis=1) < 0.0).all()
        assert (arrays["kernel_change"] > 0.0).all()
        assert (arrays["cosine"] <= 1.0 + 1e-12).all()
    # Kernels of networks whose layers are multiplied by 1 / sqrt(c): the own layer's factor is missing.
    ratio = cells["random: rescaled"]["trace"][0] / cells["random: as pruned"]["trace"][0]
    assert ratio == pytest.approx(SMALL["density"] ** -2, rel=1e-5)


def test_an_unknown_network_is_refused():
    with pytest.raises(ValueError, match="variant must be one of"):
        small_descent(variant="olympus", width=9, watched=())
