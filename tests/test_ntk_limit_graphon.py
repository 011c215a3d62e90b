"""Limits of masks by formula: one input in closed form, invariances, networks, bad input."""

import math

import numpy as np
import pytest
import torch

from graphon_lib.graphons import GraphonNetwork, StepGraphon, cut_norm, cycle_ratio, sas
from graphon_lib.ntk import graphon_ntk
from graphon_lib.ntk.limit_graphon import in_order_of_degree, limit_graphon
from graphon_lib.ntk.signal_laws import draw_normal, signal_laws
from graphon_lib.pruning import MaskedMLP, prune
from graphon_lib.pruning.initialisations import INITIALISATIONS
from graphon_lib.pruning.signals import batch_signals

RNG = np.random.default_rng(7)
ONE = {"x": RNG.standard_normal((1, 12)), "y": np.array([3])}
TWO = {"x": RNG.standard_normal((2, 12)), "y": np.array([3, 1])}


def limit(method, density, seed=0, **options):
    return limit_graphon(method, density, np.random.default_rng(seed), **options)


@pytest.mark.parametrize("method", ["random", "magnitude"])
def test_methods_that_see_nothing_have_constants(method):
    graphon = limit(method, 0.3, blocks=5)
    assert graphon.shape == (5, 5)
    assert (graphon.values == 0.3).all()


def test_one_input_in_closed_form():
    graphon = limit("snip", 0.1, blocks=800, **ONE)
    values = graphon.values
    assert np.mean(values.max(axis=1) == 0.0) == pytest.approx(0.5, abs=0.07)
    assert np.mean(values.max(axis=0) == 0.0) == pytest.approx(0.5, abs=0.07)
    assert graphon.density == pytest.approx(0.1, abs=1e-9)
    # A quarter of the entries is not zero, and as the threshold falls they become one.
    alive = values > 0.0
    assert alive.mean() == pytest.approx(0.25, abs=0.05)
    ratio = cycle_ratio(limit("snip", 0.99 * alive.mean(), blocks=800, **ONE))
    all_ones = 1 / (alive.any(axis=1).mean() * alive.any(axis=0).mean()) ** 2
    assert ratio == pytest.approx(all_ones, rel=0.05)
    # The density is a quarter of P(|g1 g2 g3| >= s): so are the moments of W.
    g = np.abs(np.random.default_rng(1).standard_normal((2, 10**6))).prod(axis=0)
    tail = np.vectorize(math.erfc)
    s = next(s for s in np.linspace(0.05, 3, 400) if tail(s / g[:20000] / 2**0.5).mean() / 4 < 0.1)
    second = (tail(s / g[:20000] / 2**0.5) ** 2).mean() / 4
    assert np.mean(values**2) == pytest.approx(second, rel=0.12)


def test_with_one_input_the_network_does_not_matter():
    quiet = limit("snip", 0.1, blocks=80, **ONE)
    other = limit("snip", 0.1, blocks=80, x=5 * ONE["x"], y=ONE["y"])
    np.testing.assert_allclose(quiet.values, other.values, atol=1e-9)
    # The read-out's errors enter by their length alone, which the threshold takes up.
    outputs = RNG.standard_normal((10, 1))
    cycles = np.array(
        [
            [cycle_ratio(limit("snip", 0.1, seed, blocks=80, **ONE, outputs=f)) for seed in seeds]
            for f, seeds in ((None, range(30)), (outputs, range(30, 60)))
        ]
    )
    error = np.hypot(*cycles.std(axis=1, ddof=1)) / math.sqrt(30)
    assert abs(np.subtract(*cycles.mean(axis=1))) < 4 * error
    assert error < 0.05 * cycles.mean()
    two = [limit("snip", 0.05, blocks=80, **TWO, outputs=f) for f in (None, 3 * np.eye(10)[:, :2])]
    assert np.abs(two[0].values - two[1].values).max() > 0.01


@pytest.mark.parametrize("initialisation", INITIALISATIONS)
def test_backward_signals_of_the_last_hidden_layer_are_sums_over_the_outputs(initialisation):
    law = INITIALISATIONS[initialisation].law
    # Errors of 1 and -1 at two outputs: a living row has the factor |xi_1 - xi_2|.
    f = np.array([[-60.0], [0.0]])
    one = {"x": ONE["x"], "y": np.array([0]), "outputs": f, "initialisation": initialisation}
    values = limit("snip", 0.05, blocks=1500, **one).values
    column = values[:, np.argmax(values.sum(axis=0))]
    # The least weight that is kept, from the tail, is inverse to the factor.
    grid = np.linspace(0.0, 40.0, 10**5)
    least = np.interp(-column, -law.tail(torch.from_numpy(grid)).numpy(), grid)
    xi = law.sample(np.random.default_rng(1), (2, 10**6), np.float64)
    levels = np.array([0.6, 0.98])
    measured = 1 / np.quantile(least, 0.5 - levels / 2)
    expected = np.quantile(np.abs(xi[0] - xi[1]), levels)
    # A normal law instead of the uniform one would be off by 18 %.
    assert measured[1] / measured[0] == pytest.approx(expected[1] / expected[0], rel=0.09)


def test_grasp_with_one_input_keeps_half():
    snip, grasp = (
        limit(method, density, blocks=60, **ONE)
        for method, density in (("snip", 0.1), ("grasp", 0.05))
    )
    assert grasp.values.max() <= 0.5
    np.testing.assert_allclose(
        np.sort(grasp.values.mean(0))[:20], 0.5 * np.sort(snip.values.mean(0))[:20], atol=1e-9
    )


def test_two_inputs_silence_a_row_with_the_probability_of_a_quadrant():
    laws = signal_laws(TWO["x"], 3)
    for layer in (2, 3):
        c = laws.covariances[layer - 1]
        rho = c[0, 1] / math.sqrt(c[0, 0] * c[1, 1])
        values = limit("snip", 0.05, blocks=900, hidden_layers=3, layer=layer, **TWO).values
        silent = 0.25 + math.asin(rho) / (2 * math.pi)
        assert np.mean(values.max(axis=1) == 0.0) == pytest.approx(silent, abs=0.06)


def test_a_batch_that_is_certain_but_for_one_input_has_the_graphon_of_that_input():
    # Values near 0 of three quarters of the entries, and of fewer where both inputs count.
    certain = np.full((10, 2), -20.0)
    certain[TWO["y"][1], 1] = 20.0
    certain[TWO["y"][0], 0] = certain[0, 0] = 0.0
    silent = [
        np.mean(limit("snip", 0.1, blocks=600, **TWO, outputs=f).values < 1e-12)
        for f in (certain, None)
    ]
    assert silent[0] == pytest.approx(0.75, abs=0.04)
    assert silent[1] < 0.7


def test_the_tangent_kernel_is_the_dense_one_without_its_first_layer():
    x = RNG.standard_normal((3, 12))
    for depth in (1, 2, 4):
        laws = signal_laws(x, depth)
        first = laws.covariances[0].copy()
        for gate in laws.gates:
            first = 2 * gate * first
        dense = graphon_ntk(x, GraphonNetwork.dense(depth + 1))
        np.testing.assert_allclose(laws.tangent_kernel() + first, dense, rtol=1e-9)


@pytest.mark.parametrize("initialisation", INITIALISATIONS)
def test_signals_of_a_wide_network_have_these_laws(initialisation):
    width, outputs = 3000, 10
    generator = torch.Generator().manual_seed(0)
    model = MaskedMLP((12, width, width, outputs), generator, initialisation=initialisation)
    x, y = RNG.standard_normal((3, 12)), np.array([0, 4, 7])
    laws = signal_laws(x, 2, INITIALISATIONS[initialisation])
    signals = batch_signals(model, "snip", x, y)
    f = signals[2].preactivations
    p = np.exp(f - f.max(0)) / np.exp(f - f.max(0)).sum(0)
    errors = p - np.eye(outputs)[:, y]
    for layer in (1, 2):
        z, delta = signals[layer - 1].preactivations, 3 * signals[layer - 1].left
        np.testing.assert_allclose(
            z.T @ z / width,
            laws.covariances[layer - 1],
            rtol=0.2,
            atol=0.1 * laws.covariances[layer - 1].max(),
        )
        law = laws.backward(layer, errors) * laws.gates[layer - 1]
        scale = np.sqrt(np.outer(np.diag(law), np.diag(law)))
        assert np.abs(delta.T @ delta - law).max() < 0.15 * scale.max()


def test_normal_vectors_of_a_singular_covariance():
    root = RNG.standard_normal((4, 2))
    drawn = draw_normal(root @ root.T, 20000, np.random.default_rng(0))
    np.testing.assert_allclose(np.cov(drawn.T), root @ root.T, atol=0.15)
    assert signal_laws(TWO["x"], 1).draw_outputs(5, np.random.default_rng(0)).shape == (5, 2)


@pytest.mark.parametrize("initialisation", INITIALISATIONS)
def test_masks_approach_the_limit_of_their_batch(initialisation):
    x, y = RNG.standard_normal((5, 30)).astype(np.float32), np.array([0, 1, 2, 3, 4])
    gaps = []
    for width in (100, 800):
        generator = torch.Generator().manual_seed(1)
        model = MaskedMLP((30, width, width, 10), generator, initialisation=initialisation)
        with torch.no_grad():
            outputs = model(torch.from_numpy(x)).double().numpy().T
        mask = prune(model, "snip", 0.1, x, y, scope="layer")[1].numpy()
        given = {"outputs": outputs, "initialisation": initialisation}
        graphon = limit("snip", 0.1, blocks=1000, x=x, y=y, **given)
        rng = np.random.default_rng(0)
        picture = sas(mask, 8, cross_fit=True, rng=rng).values
        gaps.append(cut_norm(picture - in_order_of_degree(graphon, 8).values).upper)
    assert gaps[1] < gaps[0]
    assert gaps[1] < 0.02


def test_order_of_degree():
    graphon = StepGraphon([[0.1, 0.5], [0.3, 0.9]])
    np.testing.assert_allclose(in_order_of_degree(graphon, 2).values, [[0.9, 0.3], [0.5, 0.1]])
    assert in_order_of_degree(graphon, 1).values[0, 0] == pytest.approx(0.45)


def test_order_of_degree_weighs_blocks_by_their_masses():
    # By its plain mean the upper row would be the denser; halves cut the wide column.
    graphon = StepGraphon([[0.9, 0.1], [0.2, 0.4]], [0.5, 0.5], [0.25, 0.75])
    expected = [[(0.2 + 0.4) / 2, 0.4], [(0.9 + 0.1) / 2, 0.1]]
    np.testing.assert_allclose(in_order_of_degree(graphon, 2).values, expected)


def test_synflow():
    graphon = limit("synflow", 0.2, blocks=32, inputs=4, classes=3, rounds=2)
    assert graphon.density == pytest.approx(0.2, abs=1e-9)
    assert (np.diff(graphon.values, axis=0) > 0).all()
    uniform = limit(
        "synflow", 0.2, blocks=32, inputs=4, classes=3, rounds=2, initialisation="torch"
    )
    # Bounded weights: where little flows, nothing is kept.
    assert uniform.density == pytest.approx(0.2, abs=1e-9)
    assert uniform.values.min() == 0.0 < graphon.values.min()
    middle = limit("synflow", 0.2, blocks=8, hidden_layers=4, layer=3, rounds=1)
    assert np.ptp(middle.values) == 0.0


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"method": "wanda"}, "method"),
        ({"density": 0.0}, "density"),
        ({"density": 0.3}, "density must be below"),
        ({"rng": 1}, "rng"),
        ({"blocks": 0}, "blocks"),
        ({"x": None}, "x must be given"),
        ({"y": None}, "y must be given"),
        ({"x": np.zeros((1, 12))}, "x must have no input that is 0"),
        ({"y": np.array([1.0])}, "y must hold 1 integer labels"),
        ({"y": np.array([11])}, "outputs must have a row for every label"),
        ({"outputs": np.zeros((10, 2))}, "1 columns"),
        ({"hidden_layers": 1}, "hidden_layers"),
        ({"layer": 1}, "layer"),
        ({"initialisation": "glorot"}, "initialisation must be"),
        ({"layer": 3}, "layer must be at most 2"),
    ],
)
def test_bad_input(wrong, words):
    arguments = {"method": "snip", "density": 0.1, "rng": np.random.default_rng(0), **ONE, **wrong}
    with pytest.raises(ValueError, match=words):
        limit_graphon(**arguments)
