"""Entries of a mask given the signals: what the signals see of the weights, and what is drawn anew."""

import numpy as np

from graphon_lib.experiments.signal_constraints import SIGNAL_CONSTRAINTS
from graphon_lib.pruning.redraw import off_signals, signal_basis


def unseen(weight, inputs, backward):
    return off_signals(weight, signal_basis(backward), signal_basis(inputs))


def test_signals_do_not_see_the_rest_and_see_all_that_is_left_out():
    rng = np.random.default_rng(0)
    weight, inputs, backward = (rng.standard_normal(s) for s in ((30, 25), (25, 4), (30, 3)))
    free = unseen(weight, inputs, backward)
    np.testing.assert_allclose(free @ inputs, 0.0, atol=1e-12)
    np.testing.assert_allclose(backward.T @ free, 0.0, atol=1e-12)
    np.testing.assert_allclose(unseen(free, inputs, backward), free, atol=1e-12)
    # What is left out has the rank of the signals, and no more.
    assert np.linalg.matrix_rank(weight - free) == 4 + 3


def test_weights_put_together_anew_know_nothing_of_the_signals():
    """Cov(w', w) is that of the part kept: of 26 x 22 dimensions of 30 x 25."""
    rng = np.random.default_rng(1)
    inputs, backward = rng.standard_normal((25, 3)), rng.standard_normal((30, 4))
    products, seen = [], []
    for _ in range(400):
        weight, fresh = rng.standard_normal((2, 30, 25))
        made = fresh + unseen(weight - fresh, inputs, backward)
        products.append(np.sum(made * weight))
        seen.append(np.sum((made @ inputs) * (weight @ inputs)))
    for values, expected in ((products, 26 * 22), (seen, 0)):
        assert abs(np.mean(values) - expected) < 4.0 * np.std(values) / 20.0


def test_flips_bound_the_operator_norm_and_more_images_flip_more():
    result = SIGNAL_CONSTRAINTS.run(profile="quick")
    # The Frobenius norm of a matrix of -1, 0 and 1 over its width is the root of the share of flips.
    assert (result.operator_norm <= np.sqrt(result.flipped)).all()
    assert ((result.flipped > 0.0) & (result.flipped < 0.4)).all()
    few, many = (result.flipped.sel(images=n).mean("trial") for n in (2, 10))
    assert (few < many).all()
