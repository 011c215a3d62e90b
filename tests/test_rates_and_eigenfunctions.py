"""Rates over densities, and weights fitted along eigenfunctions: closed forms and linearised networks."""

import copy

import numpy as np
import pytest
import torch
from torch_networks import seeded

from graphon_lib.experiments.data import load_mnist
from graphon_lib.experiments.training_run import train
from graphon_lib.graphons import GraphonNetwork
from graphon_lib.ntk import empirical_ntk, gradient_flow, graphon_ntk
from graphon_lib.pruning import MaskedMLP, density_rates, fit_eigenfunctions, prune


def test_rates_are_over_densities_with_names_or_without():
    masks = [torch.eye(4, dtype=torch.bool), np.ones((2, 4)), torch.zeros(3, 2, 2, 2)]
    assert density_rates(masks, 0.01) == [0.04, 0.01, 0.01]
    assert density_rates({"a": masks[0]}, 0.01) == {"a": 0.04}


@pytest.mark.parametrize(
    ("masks", "message"),
    [
        ([[[0.5, 0.5]]], r"masks\[0\] must be binary"),
        (np.ones((2, 4)), r"masks\[0\] must be a non-empty array with 2 axes or more"),
        ([np.ones((2, 4)), np.zeros((0, 3, 3))], r"masks\[1\] must be a non-empty array"),
        ({"a": [[0, 1]], "b": [[0, 2]]}, r"masks\['b'\] must be binary"),
        ([], "masks must be one mask or more"),
        ({}, "masks must be one mask or more"),
    ],
)
def test_what_is_no_mask_has_no_rate(masks, message):
    with pytest.raises(ValueError, match=f"^{message}"):
        density_rates(masks, 0.01)


def test_a_rate_that_overflows_over_a_density_is_refused():
    assert density_rates([[[1, 1]]], 1e308) == [1e308]
    with pytest.raises(ValueError, match=r"^rate must be finite over every density, got 1e\+308"):
        density_rates([[[1, 1]], [[0, 1]]], 1e308)


@pytest.mark.parametrize("density", [1.0, 0.25, 0.0625])
def test_adam_s_first_step_moves_a_signal_as_in_a_dense_network(density):
    """Every unit reads as many, all gradients positive, and so every move minus the rate."""
    width, model = 64, MaskedMLP((64, 5), seeded())
    reads = int(density * width)
    model.masks = [np.arange(width)[None] < np.full((5, 1), reads)]
    before = model(torch.ones(1, width))
    groups = [
        {"params": [w], "lr": rate}
        for w, rate in zip(model.weights, density_rates(model.masks, 0.001), strict=True)
    ]
    model(torch.ones(1, width)).sum().backward()
    torch.optim.Adam(groups).step()
    torch.testing.assert_close(before - model(torch.ones(1, width)), torch.full((1, 5), 0.064))


def test_training_takes_a_rate_a_layer_and_equal_ones_are_one():
    images = load_mnist()
    settings = {"optimizer": "adam", "steps": 3, "batch_size": 20, "evaluated": [3]}

    def trained(rates, initialisation="torch"):
        model = MaskedMLP((784, 12, 10), seeded(), initialisation=initialisation)
        model.masks = prune(model, "random", 0.3, generator=seeded(1))
        with torch.no_grad():
            for weight, mask in zip(model.weights, model.masks, strict=True):
                weight.mul_(mask)
        start = copy.deepcopy(model.state_dict())
        rng = np.random.default_rng(0)
        train(model, images, learning_rate=0.01, rates=rates, rng=rng, **settings)
        return {k: float((v - start[k]).detach().abs().max()) for k, v in model.named_parameters()}

    one, alike = trained(None), trained([0.01, 0.01])
    assert one == alike
    apart = trained([1e-9, 0.01])
    assert apart["weights.0"] < 1e-8 < 0.005 < apart["weights.1"]
    # Biases keep the rate of all.
    assert apart["biases.0"] > 0.005
    trained([0.01, 0.01], "he")
    with pytest.raises(ValueError, match="rates must"):
        trained([0.01])


def pruned(initialisation="he", outputs=1):
    model = MaskedMLP((6, 40, 30, outputs), seeded(), initialisation=initialisation).double()
    model.masks = prune(model, "random", 0.4, generator=seeded(1))
    rng = np.random.default_rng(0)
    return model, torch.tensor(rng.normal(size=(12, 6))), rng.normal(size=(12, outputs))


def linearised(model, moved, x):
    """Outputs (m, 1) of the network linearised at the weights before, at those after."""
    pairs = zip(model.parameters(), moved.parameters(), strict=True)
    step = torch.cat([(end - start).detach().flatten() for start, end in pairs])
    outputs = model(x)[:, 0]
    changes = [step @ gradient(model, output) for output in outputs]
    return (outputs + torch.stack(changes)).detach().numpy()[:, None]


def gradient(model, output):
    found = torch.autograd.grad(output, list(model.parameters()), retain_graph=True)
    return torch.cat([part.flatten() for part in found])


@pytest.mark.parametrize("initialisation", ["he", "torch"])
@pytest.mark.parametrize("count", [1, 5, 12])
def test_with_a_network_s_own_kernel_the_linearised_one_fits_and_leaves_the_rest(
    initialisation, count
):
    model, x, y = pruned(initialisation)
    kernel = empirical_ntk(model, x)
    moved = copy.deepcopy(model)
    fit_eigenfunctions(moved, kernel, x, y, count=count)
    _, vectors = np.linalg.eigh(kernel)
    residual = vectors[:, ::-1].T @ (y - linearised(model, moved, x))
    before = vectors[:, ::-1].T @ (y - model(x).detach().numpy())
    np.testing.assert_allclose(residual[:count], 0.0, atol=1e-10)
    np.testing.assert_allclose(residual[count:], before[count:], atol=1e-10)
    # Where gradient flow in a kernel of these eigenfunctions alone ends.
    start = model(x).detach().numpy()
    top = (vectors[:, -count:] * np.linalg.eigvalsh(kernel)[-count:]) @ vectors[:, -count:].T
    end = gradient_flow(top, y, [1e9], initial=start).train[0]
    np.testing.assert_allclose(linearised(model, moved, x), end, atol=1e-6)
    for before, after, mask in zip(model.weights, moved.weights, model.masks, strict=True):
        assert torch.equal(before[~mask], after[~mask])


def test_no_smaller_step_fits_as_much():
    """Steps that do are this one and others that the Jacobian maps to 0 along the eigenfunctions."""
    model, x, y = pruned()
    kernel, moved = empirical_ntk(model, x), copy.deepcopy(model)
    fit_eigenfunctions(moved, kernel, x, y, count=4)
    units = torch.cat(
        [torch.full((w.numel(),), (2 / w.shape[1]) ** 0.5, dtype=w.dtype) for w in model.weights]
    )
    rows = [units * gradient(model, output) for output in model(x)[:, 0]]
    jacobian = torch.stack(rows).numpy()
    np.testing.assert_allclose(jacobian @ jacobian.T, kernel, rtol=1e-10)
    vectors = np.linalg.eigh(kernel)[1][:, -4:]
    along = vectors.T @ jacobian
    least = np.linalg.pinv(along) @ (vectors.T @ (y - model(x).detach().numpy()))
    pairs = zip(model.weights, moved.weights, strict=True)
    step = torch.cat([(after - before).detach().flatten() for before, after in pairs]) / units
    np.testing.assert_allclose(step.numpy(), least[:, 0], atol=1e-10)


def test_with_another_kernel_the_residual_is_the_difference_of_kernels_times_the_cotangent():
    model, x, y = pruned()
    masks = [mask.numpy() for mask in model.masks]
    theory, moved = graphon_ntk(x, GraphonNetwork.from_masks(masks)), copy.deepcopy(model)
    fit_eigenfunctions(moved, theory, x, y, count=3)
    values, vectors = np.linalg.eigh(theory)
    vectors = vectors[:, -3:]
    before = vectors.T @ (y - model(x).detach().numpy())
    off = (theory - empirical_ntk(model, x)) @ vectors @ (before / values[-3:, None])
    residual = vectors.T @ (y - linearised(model, moved, x))
    np.testing.assert_allclose(residual, vectors.T @ off, atol=1e-10)
    assert np.linalg.norm(residual) <= np.linalg.norm(
        theory - empirical_ntk(model, x), 2
    ) * np.linalg.norm(before / values[-3:, None])


def test_of_several_outputs_each_is_fitted_and_of_several_fractions_the_best_is_taken():
    model, x, y = pruned(outputs=3)
    kernel, fractions = empirical_ntk(model, x), (1.0, 1e-3, 0.0, 3e4)
    start = copy.deepcopy(model)
    left = fit_eigenfunctions(model, kernel, x, y, count=4, fractions=fractions)
    # The first order of a small step.
    assert left[1] == pytest.approx((1 - 1e-3) ** 2, rel=1e-3)
    assert left[2] == 1.0
    assert left[3] > 1.0
    assert left[0] == left.min()
    vectors = np.linalg.eigh(kernel)[1][:, -4:]
    sums = [np.square(vectors.T @ (y - one(x).detach().numpy())).sum() for one in (model, start)]
    assert sums[0] / sums[1] == pytest.approx(left[0])


def test_a_network_that_fits_already_stays():
    model, x, _ = pruned()
    there, start = model(x).detach().numpy(), copy.deepcopy(model.state_dict())
    left = fit_eigenfunctions(model, empirical_ntk(model, x), x, there, count=4)
    assert left.tolist() == [0.0]
    assert all(torch.equal(value, start[name]) for name, value in model.state_dict().items())


def unchanged(model, start):
    return all(
        torch.equal(value.nan_to_num(), start[name].nan_to_num())
        for name, value in model.state_dict().items()
    )


@pytest.mark.parametrize(
    ("of_kernel", "of_x", "of_targets"), [(1e-38, 1, 1), (1, 1, 1e100), (1, 1e20, 1)]
)
def test_a_step_that_is_not_finite_is_refused_and_none_is_made(of_kernel, of_x, of_targets):
    model, x, y = pruned()
    kernel, start = empirical_ntk(model, x), copy.deepcopy(model.float().state_dict())
    with pytest.raises(
        ValueError, match=r"^kernel, x and targets must give a step .* in torch.float32"
    ):
        fit_eigenfunctions(
            model, of_kernel * kernel, of_x * x, of_targets * y, count=4, fractions=(0.0, 1.0)
        )
    assert unchanged(model, start)


def test_a_fraction_that_overflows_is_infinite_and_not_taken_and_alone_refused():
    model, x, y = pruned()
    kernel, start = empirical_ntk(model, x), copy.deepcopy(model.state_dict())
    with pytest.raises(ValueError, match=r"^fractions must hold one that leaves .* finite"):
        fit_eigenfunctions(model, kernel, x, y, count=4, fractions=[1e308, 1e307])
    assert unchanged(model, start)
    assert fit_eigenfunctions(model, kernel, x, y, count=4, fractions=[1e308, 0.0]).tolist() == [
        np.inf,
        1.0,
    ]
    assert unchanged(model, start)


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_only_what_is_kept_must_be_finite_and_what_is_pruned_stays(bad):
    model, x, y = pruned("torch")
    clean, kernel = copy.deepcopy(model), empirical_ntk(model, x)
    for weight, mask in zip(model.weights, model.masks, strict=True):
        weight.data[~mask] = bad
    start = copy.deepcopy(model.state_dict())
    fit_eigenfunctions(model, kernel, x, y, count=4)
    fit_eigenfunctions(clean, kernel, x, y, count=4)
    for ours, theirs, mask in zip(model.weights, clean.weights, model.masks, strict=True):
        assert torch.equal(ours[mask], theirs[mask])
        assert not torch.isfinite(ours[~mask]).any()
    for parameter, places in ((model.weights[0], model.masks[0]), (model.biases[1], 0)):
        model.load_state_dict(start)
        parameter.data[places] = bad
        with pytest.raises(ValueError, match=r"^model must have finite kept weights and biases"):
            fit_eigenfunctions(model, kernel, x, y, count=4)


@pytest.mark.parametrize("size", [1e-170, 1e-100, 1e200])
def test_what_is_left_does_not_depend_on_the_size_of_the_targets(size):
    """From outputs of 0, so that the step is the targets' times a number."""
    model, x, y = pruned()
    kernel = empirical_ntk(model, x)
    model.weights[-1].data.zero_()
    end = copy.deepcopy(model)
    expected = fit_eigenfunctions(end, kernel, x, y, count=4, fractions=(0.0, 0.5))
    left = fit_eigenfunctions(model, kernel, x, size * y, count=4, fractions=(0.0, 0.5))
    np.testing.assert_allclose(left, expected, rtol=1e-10)
    np.testing.assert_allclose(
        model.weights[-1].detach() / size, end.weights[-1].detach(), rtol=1e-10
    )


@pytest.mark.parametrize("size", [1e-200, 1.0, 1e200])
def test_kernels_are_symmetric_whatever_their_size(size):
    model, x, y = pruned()
    kernel = size * np.diag(np.arange(1.0, 13.0))
    kernel[0, 1] = 1e-6 * size
    with pytest.raises(ValueError, match=r"^kernel must be symmetric"):
        fit_eigenfunctions(model, kernel, x, y, count=4)
    with pytest.raises(ValueError, match=r"^kernel must have shape \(12, 12\), got \(11, 11\)"):
        fit_eigenfunctions(model, kernel[1:, 1:], x, y, count=4)


def test_eigenvalues_that_are_rounding_of_the_kernel_s_own_precision_are_none():
    model, x, y = pruned()
    kernel = np.diag(12 * [1e-7])
    kernel[:3, :3] = np.eye(3)
    fit_eigenfunctions(copy.deepcopy(model), kernel, x, y, count=12)
    fit_eigenfunctions(copy.deepcopy(model), np.float32(kernel), x, y, count=3)
    with pytest.raises(ValueError, match=r"^kernel must have 4 positive eigenvalues"):
        fit_eigenfunctions(model, np.float32(kernel), x, y, count=4)
    # An indefinite kernel has its positive ones.
    fit_eigenfunctions(model, np.diag(6 * [1.0] + 6 * [-1e6]), x, y, count=6)


def test_frozen_networks_and_those_of_inference_mode_are_fitted_alike():
    model, x, y = pruned("torch")
    kernel = empirical_ntk(model, x)
    frozen = copy.deepcopy(model).requires_grad_(False)
    with torch.inference_mode():
        born, _, _ = pruned("torch")
        born.masks = model.masks
        fit_eigenfunctions(born, kernel, x, y, count=4)
    for network in (model, frozen):
        fit_eigenfunctions(network, kernel, x, y, count=4)
    assert all(parameter.grad is None for parameter in model.parameters())
    for ours, *others in zip(*(n.parameters() for n in (model, frozen, born)), strict=True):
        assert all(torch.equal(ours, other) for other in others)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_half_precision_is_computed_in_single(dtype):
    half, x, y = pruned()
    half = half.to(dtype)
    single, kernel = copy.deepcopy(half).float(), empirical_ntk(copy.deepcopy(half).double(), x)
    left = fit_eigenfunctions(half, kernel, x, y, count=4)
    assert left[0] == pytest.approx(fit_eigenfunctions(single, kernel, x, y, count=4)[0], rel=0.1)
    for ours, theirs in zip(half.weights, single.weights, strict=True):
        assert torch.equal(ours, theirs.to(dtype))


def test_autocast_changes_nothing():
    inside, x, y = pruned()
    inside, kernel = inside.float(), empirical_ntk(inside, x)
    outside = copy.deepcopy(inside)
    with torch.autocast("cpu"):
        left = fit_eigenfunctions(inside, kernel, x, y, count=4)
    assert left == fit_eigenfunctions(outside, kernel, x, y, count=4)
    assert all(torch.equal(a, b) for a, b in zip(inside.weights, outside.weights, strict=True))
