"""Gradient flow in a fixed kernel against the differential equation and gradient descent."""

import numpy as np
import pytest
import torch
from ntk_strategies import seeded_inputs
from scipy.linalg import expm

from graphon_lib.ntk import empirical_ntk, gradient_flow


def problem(rank=6, outputs=2):
    rng = np.random.default_rng(0)
    features = rng.normal(size=(6, rank))
    return features @ features.T, rng.normal(size=(6, outputs))


@pytest.mark.parametrize("rank", [6, 2])
def test_outputs_solve_the_differential_equation(rank):
    kernel, y = problem(rank)
    initial = seeded_inputs(y.shape, 1)
    times = np.array([0.0, 0.1, 1.0, 10.0])
    flow = gradient_flow(kernel, y, times, initial=initial)
    for t, outputs, loss in zip(times, flow.train, flow.train_loss, strict=True):
        expected = y + expm(-kernel * t / 6) @ (initial - y)
        np.testing.assert_allclose(outputs, expected, atol=1e-10)
        assert loss == pytest.approx(np.mean(((expected - y) ** 2).sum(axis=1)) / 2)


def test_what_a_singular_kernel_does_not_see_stays():
    kernel, y = problem(rank=2)
    flow = gradient_flow(kernel, y, np.linspace(0, 1e6, 5))
    values, vectors = np.linalg.eigh(kernel)
    null = vectors[:, values < 1e-9]
    np.testing.assert_allclose(null.T @ flow.train[-1], 0, atol=1e-9)
    assert (np.diff(flow.train_loss) <= 1e-15).all()


def test_one_output_may_be_a_vector():
    kernel, y = problem(outputs=1)
    flat, column = gradient_flow(kernel, y[:, 0], [1.0]), gradient_flow(kernel, y, [1.0])
    assert np.array_equal(flat.train, column.train)


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
    for output in range(3):
        kernel = empirical_ntk([weight[[output]]], [mask[[output]]], x)
        flow = gradient_flow(kernel, y[:, output], [rate * steps], initial=outputs[0][:, output])
        np.testing.assert_allclose(flow.train[0, :, 0], outputs[-1][:, output], atol=1e-3)
