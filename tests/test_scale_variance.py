"""How far scales of sparse networks vary: closed forms, Monte Carlo, and the best fan-in."""

import numpy as np
import pytest

from graphon_lib.experiments.data import load_mnist
from graphon_lib.experiments.fan_in import FAN_IN_ERRORS, FAN_INS, PREDICTED
from graphon_lib.graphons import design
from graphon_lib.graphons.design import units_used
from graphon_lib.graphons.scale_variance import scale_variance


def test_dense_layers_have_a_factor_each():
    units = (7, 12, 5)
    found = scale_variance((784, *units), (784, 7, 12), 3.0)
    assert found == pytest.approx(np.prod([1.0 + 5.0 / m for m in units]) - 1.0)


def test_units_that_read_one_each_and_never_the_same():
    """A permutation multiplies fourth moments by six, and leaves products as they are."""
    spread, m = 2.0, 9
    product = (m - spread) / (m - 1)
    found = scale_variance((m, m, m), (1, 1), spread, even=True)
    assert found == pytest.approx(product + (36.0 * spread - product) / m - 1.0)


def drawn_scales(x, units, fan_in, draws, rng):
    """Return mean squared activations of the last layer, masks and weights drawn anew each time."""
    h = np.broadcast_to(x, (draws, len(x)))
    for m, k in zip(units, fan_in, strict=True):
        read = np.argsort(rng.random((draws, m, h.shape[1])), axis=2)[:, :, :k]
        before = np.take_along_axis(h[:, None], read, axis=2)
        z = (before * rng.normal(size=read.shape) * np.sqrt(2.0 / k)).sum(axis=2)
        h = np.maximum(z, 0.0)
    return (h**2).mean(axis=1)


@pytest.mark.parametrize(("units", "fan_in"), [((4, 5), (2, 3)), ((6, 3, 4), (1, 4, 2))])
def test_it_is_the_variance_of_drawn_networks(units, fan_in):
    rng = np.random.default_rng(0)
    x = np.array([0.5, -1.0, 2.0, 0.0, 1.5])
    spread = float((x**4).mean() / (x**2).mean() ** 2)
    q = drawn_scales(x, units, fan_in, 200_000, rng) / (x**2).mean()
    mean_error = q.std() / len(q) ** 0.5
    assert abs(q.mean() - 1.0) < 4.0 * mean_error
    squares = (q - 1.0) ** 2
    error = squares.std() / len(q) ** 0.5
    assert abs(squares.mean() - scale_variance((5, *units), fan_in, spread)) < 4.0 * error


def test_units_that_are_read_equally_often():
    """Unit i reads the places 2i and 2i + 1 of a shuffled circle: each of six is read twice."""
    rng = np.random.default_rng(1)
    x = np.array([0.5, -1.0, 2.0, 0.0, 1.5, 1.0])
    h = np.broadcast_to(x, (200_000, 6))
    for _ in range(2):
        circle = np.take_along_axis(h, np.argsort(rng.random(h.shape), axis=1), axis=1)
        pairs = np.concatenate([circle, circle], axis=1).reshape(-1, 6, 2)
        h = np.maximum((pairs * rng.normal(size=pairs.shape)).sum(axis=2), 0.0)
    spread = float((x**4).mean() / (x**2).mean() ** 2)
    squares = ((h**2).mean(axis=1) / (x**2).mean() - 1.0) ** 2
    error = squares.std() / len(squares) ** 0.5
    found = scale_variance((6, 6, 6), (2, 2), spread, even=True)
    assert abs(squares.mean() - found) < 4.0 * error


def test_the_best_fan_in_of_deep_networks_is_twelve_over_the_factor():
    weights, depth = 4000, 400

    def factor(k):
        of = [
            1.0 + scale_variance((500, *[weights // k] * layers), [k] * layers, 3.0)
            for layers in (depth, depth + 1)
        ]
        return of[1] / of[0]

    roots = np.roots([-6.0, 12.0, -6.0 * weights, 72.0 * weights])
    best = float(roots[np.isreal(roots)].real[0])
    counts = [k for k in range(7, 30) if weights % k == 0]
    factors = [factor(k) for k in counts]
    assert counts[int(np.argmin(factors))] == min(counts, key=lambda k: abs(k - best))
    assert min(factors) == pytest.approx(12.0 / best, rel=1e-3)


def test_below_six_the_factor_stays_above_one():
    widths, depth = (100, *[100_000] * 30), 30
    assert 1.0 + scale_variance(widths, [3] * depth, 3.0) > 1.9**depth / 1e5
    assert scale_variance(widths, [12] * depth, 3.0) < 0.01


def test_predicted_fan_ins_are_those_of_least_variance():
    squares = load_mnist().x_train[:1000].astype(float) ** 2
    spread = float(np.mean((squares**2).mean(axis=1) / squares.mean(axis=1) ** 2))
    for experiment in FAN_IN_ERRORS:
        (density,) = experiment.paper["grid"]["density"]
        widths = (784, *experiment.paper["hidden"], 10)
        found = {}
        for count in FAN_INS:
            masks = design(widths, density, fan_in=count).sample_masks(
                widths, np.random.default_rng(0), exact=True
            )
            used = units_used(widths, density, count)[:-1]
            reads = [mask.sum() / units for mask, units in zip(masks, used[1:], strict=False)]
            found[count] = scale_variance(used, reads, spread, even=True)
        assert min(found, key=found.__getitem__) == PREDICTED[experiment.name]


@pytest.mark.parametrize(
    ("arguments", "name"),
    [
        (((10, 5), [11.0], 2.0), "fan_in"),
        (((10, 5), [0.5], 2.0), "fan_in"),
        (((10, 5), [2.0, 2.0], 2.0), "fan_in"),
        (((10, 5), [2.0], 0.5), "spread"),
        (((10, 5), [2.0], np.nan), "spread"),
        (((10,), [2.0], 2.0), "widths"),
    ],
)
def test_bad_arguments_are_named(arguments, name):
    with pytest.raises(ValueError, match=name):
        scale_variance(*arguments)


@pytest.mark.parametrize("fan_in", [0.5, -1.0, np.nan])
def test_a_design_needs_a_weight_a_unit(fan_in):
    with pytest.raises(ValueError, match="fan_in must"):
        design((784, 300, 100, 10), 0.01, fan_in=fan_in)
