"""Gradient flow in a fixed kernel against the differential equation and gradient descent."""

import numpy as np
import pytest
import torch
from ntk_strategies import seeded_inputs
from scipy.linalg import expm

from graphon_lib.ntk import empirical_ntk, gradient_flow


def problem(seed=0, train=6, test=4, outputs=2, rank=None):
    rng = np.random.default_rng(seed)
    features = rng.normal(size=(train + test, rank or train + test))
    kernel = features @ features.T
    y = rng.normal(size=(train + test, outputs))
    return kernel[:train, :train], kernel[train:, :train], y[:train], y[train:]


@pytest.mark.parametrize("rank", [None, 2])
def test_train_outputs_solve_the_differential_equation(rank):
    kernel, cross, y, _ = problem(rank=rank)
    initial = seeded_inputs(y.shape, 1)
    times = np.array([0.0, 0.1, 1.0, 10.0])
    flow = gradient_flow(kernel, y, times, initial=initial, test_kernel=cross)
    for t, outputs, test in zip(times, flow.train, flow.test, strict=True):
        expected = y + expm(-kernel * t / 6) @ (initial - y)
        np.testing.assert_allclose(outputs, expected, atol=1e-10)
        # The integral of exp(-K s / N) / N over [0, t], as a block of a larger exponential.
        block = np.block([[-kernel / 6, np.eye(6) / 6], [np.zeros((6, 12))]])
        integral = expm(block * t)[:6, 6:]
        np.testing.assert_allclose(test, -cross @ integral @ (initial - y), atol=1e-9)


def test_a_test_point_that_is_a_training_point_follows_it():
    kernel, _, y, _ = problem(rank=3)
    initial = seeded_inputs(y.shape, 1)
    flow = gradient_flow(
        kernel,
        y,
        [0, 0.5, 3],
        initial=initial,
        test_kernel=kernel,
        test_initial=initial,
        test_targets=y,
    )
    np.testing.assert_allclose(flow.test, flow.train, atol=1e-10)
    np.testing.assert_allclose(flow.test_loss, flow.train_loss, atol=1e-10)


def test_training_ends_at_kernel_regression():
    kernel, cross, y, test_y = problem()
    flow = gradient_flow(kernel, y, [0.0, 1e9], test_kernel=cross, test_targets=test_y)
    regression = cross @ np.linalg.solve(kernel, y)
    np.testing.assert_allclose(flow.test[-1], regression, atol=1e-8)
    assert flow.train_loss[0] == pytest.approx(np.mean((y**2).sum(axis=1)) / 2)
    assert flow.train_loss[-1] < 1e-12
    assert flow.test_loss[-1] == pytest.approx(
        np.mean(((regression - test_y) ** 2).sum(axis=1)) / 2
    )


def test_what_a_singular_kernel_does_not_see_stays():
    kernel, _, y, _ = problem(rank=2)
    flow = gradient_flow(kernel, y, np.linspace(0, 1e6, 5))
    values, vectors = np.linalg.eigh(kernel)
    null = vectors[:, values < 1e-9]
    np.testing.assert_allclose(null.T @ flow.train[-1], 0, atol=1e-9)
    assert (np.diff(flow.train_loss) <= 1e-15).all()


def test_one_output_may_be_a_vector():
    kernel, cross, y, test_y = problem(outputs=1)
    flat = gradient_flow(kernel, y[:, 0], [1.0], test_kernel=cross, test_targets=test_y[:, 0])
    column = gradient_flow(kernel, y, [1.0], test_kernel=cross, test_targets=test_y)
    assert np.array_equal(flat.train, column.train)
    assert np.array_equal(flat.test_loss, column.test_loss)


def test_predicts_small_steps_of_gradient_descent_in_a_linear_network():
    # One layer is linear in its weights, so its kernel stays as it is.
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(8, 5)), rng.normal(size=(8, 3))
    mask, weight = rng.random((3, 5)) < 0.6, rng.normal(size=(3, 5))
    parameter = torch.tensor(weight, requires_grad=True)
    outputs, rate, steps = [], 1e-3, 500
    for _ in range(steps + 1):
        f = torch.tensor(x) @ (parameter * torch.tensor(mask)).T * (2 / 5) ** 0.5
        outputs.append(f.detach().numpy())
        loss = ((f - torch.tensor(y)) ** 2).sum(dim=1).mean() / 2
        (gradient,) = torch.autograd.grad(loss, parameter)
        parameter = (parameter - rate * gradient).detach().requires_grad_()
    kernels = empirical_ntk([weight], [mask], x, per_output=True)
    for output, kernel in enumerate(kernels):
        flow = gradient_flow(kernel, y[:, output], [rate * steps], initial=outputs[0][:, output])
        np.testing.assert_allclose(flow.train[0, :, 0], outputs[-1][:, output], atol=1e-3)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"kernel": np.ones((2, 3))}, "kernel must be square"),
        ({"kernel": -np.eye(6)}, "kernel must be positive semi-definite"),
        ({"targets": np.ones(5)}, "targets must have 6 rows"),
        ({"targets": [np.nan] * 6}, "targets must be finite"),
        ({"times": [-1.0]}, "times must lie in"),
        ({"times": []}, "times must be a non-empty array"),
        ({"times": 1.0}, "times must be a non-empty array with 1 axes"),
        ({"initial": np.ones((6, 3))}, "initial must have 2 outputs"),
        ({"test_kernel": np.ones((2, 5))}, "test_kernel must have 6 columns"),
        ({"test_targets": np.ones((4, 2))}, "test_targets must be None without test_kernel"),
        ({"test_initial": np.ones((4, 2))}, "test_initial must be None without test_kernel"),
        (
            {"test_kernel": np.ones((4, 6)), "test_targets": np.ones((3, 2))},
            "test_targets must have 4",
        ),
        (
            {"test_kernel": np.ones((4, 6)), "test_targets": np.ones((4, 1))},
            "test_targets must have 2",
        ),
        (
            {"test_kernel": np.ones((4, 6)), "test_initial": np.ones((4, 1))},
            "test_initial must have 2",
        ),
    ],
)
def test_bad_arguments(change, message):
    kernel, _, y, _ = problem()
    with pytest.raises(ValueError, match=message):
        gradient_flow(**({"kernel": kernel, "targets": y, "times": [1.0]} | change))
