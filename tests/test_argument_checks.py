"""Whatever a public function is given, the error is a ValueError that names the argument.

The checks themselves are tried on everything that could come; of every function and argument there is
one case, which shows that the door is guarded.
"""

from functools import partial

import numpy as np
import pytest
import torch

from graphon_lib import _checks
from graphon_lib.graphons import (
    Assortative,
    Constant,
    CutNorm,
    GraphonNetwork,
    PowerLaw,
    Ramp,
    StepGraphon,
    Threshold,
    block_means,
    check_certificate,
    cocluster_blocks,
    cut_distance,
    cut_norm,
    degree_blocks,
    motif_densities,
    noise_floor,
    path_density,
    residual_singular_values,
    sample_mask,
    sample_weights,
    sas,
    shrink_drift,
    sorting_artefact,
)
from graphon_lib.graphons.flow_threshold import FlowThreshold
from graphon_lib.graphons.scaling import scale_to_density
from graphon_lib.ntk import (
    LeakyReLU,
    empirical_ntk,
    gradient_flow,
    graphon_nngp,
    graphon_ntk,
    kernel_target_alignment,
    spectral_metrics,
)
from graphon_lib.pruning import (
    MaskedMLP,
    keep_largest,
    prune,
    rescale_signal,
    saliency,
    shuffle_masks,
    signal_moments,
)
from graphon_lib.pruning.redraw import redraw_given_signals
from graphon_lib.pruning.signals import batch_signals

RNG = np.random.default_rng(0)
NAN = float("nan")
GRAPHON = StepGraphon([[0.5, 0.2], [0.1, 0.4]], [0.3, 0.7])
PRUNED = StepGraphon([[0.5, 0.0]])
NETWORK = GraphonNetwork([StepGraphon(np.full((2, 6), 0.5)), StepGraphon([[0.5, 0.5]])])
MASKS = [np.ones((4, 3)), np.ones((2, 4))]
WEIGHTS = MASKS
X, Y = np.ones((3, 6)), [0, 1, 1]
MODEL = MaskedMLP((6, 4, 2), torch.Generator().manual_seed(0))
READ_ONLY = np.empty((3, 3))
READ_ONLY.flags.writeable = False


def claim(**changed):
    values = {"lower": 0.0, "upper": 1.0, "certificate": None} | changed
    return CutNorm(rows=np.ones(2, bool), cols=np.ones(2, bool), **values)


def refuse(cases):
    return pytest.mark.parametrize(("call", "message"), cases)


def expect(call, message):
    with pytest.raises(ValueError, match=message):
        call()


INTEGER = partial(_checks.check_integer, minimum=2)
MATRIX = partial(_checks.check_array, ndim=2, minimum=0)
MASSES = partial(_checks.check_masses, count=2)
SEQUENCE = partial(_checks.check_sequence, of="x")
CHOICE = partial(_checks.check_choice, choices=("b", "a"))
DENSITY, MASK, SHAPE = _checks.check_density, _checks.check_mask, _checks.check_shape


@pytest.mark.parametrize(
    ("check", "message", "value"),
    [
        (check, message, value)
        for check, message, values in (
            (
                INTEGER,
                " must be an integer >= 2, got",
                (1, 2.0, "3", None, True, [3], np.float64(4)),
            ),
            (
                DENSITY,
                r" must be a kept fraction in \(0, 1\]",
                (0.0, -1, 1.1, NAN, "half", None, True),
            ),
            (MASK, " must be binary, .* with other values", ([[0, 2]], [[0.5, 1.0]], [[NAN, 1.0]])),
            (MASK, " must be a non-empty matrix", ([0, 1], np.zeros((0, 3)))),
            (MASK, " must be an array of real numbers, got a list", ([[1, 0], [1]],)),
            (MATRIX, " must be finite, got 2 NaN or infinite entries", ([[NAN, 1.0, np.inf]],)),
            (MATRIX, r" must lie in \[0, inf\], got values from -0.1", ([[-0.1, 1.0]],)),
            (MATRIX, " must be a non-empty array with 2 axes", ([1.0], np.zeros((0, 3)))),
            (MATRIX, " must be an array of real numbers, got dtype", ([["a"]], [[1j]], None)),
            (MASSES, " must sum to 1, got 1.1", ([0.5, 0.6],)),
            (MASSES, " must lie in", ([1.5, -0.5],)),
            (MASSES, " must hold one mass per block, 2; got 1", ([1.0],)),
            (SHAPE, " must be two positive integers .* got", (5, (5,), (5, 5, 5), "45", None)),
            (SHAPE, r"\[0\] must be an integer >= 1", ((3.5, 2),)),
            (SEQUENCE, " must be a sequence of x, got", (3, "ab", None, np.array(3))),
            (_checks.check_rng, " must be a numpy.random.Generator, got", (0, None)),
            (_checks.check_flag, " must be True or False, got", (1, "yes")),
            (_checks.check_positive, " must be positive, got 0", (0,)),
            (CHOICE, " must be one of a, b; got 'c'", ("c",)),
        )
        for value in values
    ],
)
def test_the_checks_refuse(check, message, value):
    with pytest.raises(ValueError, match=f"^name{message}"):
        check("name", value)


@refuse(
    [
        (lambda: StepGraphon([[1.1]]), "values must lie in"),
        (lambda: StepGraphon([[0.5], [0.5]], [0.5, 0.6]), "row_mass must sum to 1"),
        (lambda: StepGraphon([[0.5, 0.5]], None, [0.4, 0.5]), "col_mass must sum to 1"),
        (lambda: GRAPHON(1.01, 0.5), "u must hold positions"),
        (lambda: GRAPHON(0.5, [0.5, NAN]), "v must hold positions"),
        (lambda: GRAPHON.block_means([0.0, 0.5], [0, 1]), "row_edges must increase strictly"),
        (lambda: Constant(0.2).block_means([0, 1], [0, 0.5]), "col_edges must increase strictly"),
        (lambda: StepGraphon.from_function(max, 4, 4), "function must be a GraphonFamily or Step"),
        (lambda: StepGraphon.from_function(GRAPHON, 0, 4), "row_mass must be an integer >= 1"),
        (lambda: StepGraphon.from_function(GRAPHON, [0.0, 1.0], 4), "row_mass must lie in"),
        (lambda: StepGraphon.from_function(GRAPHON, 4, [0.4, 0.4]), "col_mass must sum to 1"),
        (lambda: Constant(1.2), "density must lie in"),
        (lambda: PowerLaw(0.5, -1.0, 1.0), "row_exponent must lie in"),
        (lambda: Ramp(0.5, -0.4, -0.4), "row_slope u .* must lie in"),
        (lambda: Ramp(0.5, NAN, 0.0), "row_slope must be finite"),
        (lambda: Threshold(2.5), "threshold must lie in"),
        (lambda: Assortative(0.5, 0.1, 1.5), "row_split must lie in"),
        (lambda: FlowThreshold(-0.1, 1.0, 1.0), "threshold must lie in"),
        (lambda: FlowThreshold(0.1, 1.0, 51.0), "col_decay must lie in"),
        (lambda: scale_to_density(np.ones((2, 2)), 0.5), "graphon must be a StepGraphon, got nd"),
        (lambda: scale_to_density(GRAPHON, 1.5), "density must lie in"),
        (lambda: sample_mask(max, (4, 4), RNG), "graphon must be a StepGraphon or GraphonFamily"),
        (lambda: sample_mask(GRAPHON, (3, 0), RNG), r"shape\[1\] must be an integer >= 1"),
        (lambda: sample_mask(GRAPHON, (3, 3), None), "rng must be a numpy.random.Generator"),
        (lambda: sas([[0, 2]]), "mask must be binary"),
        (lambda: sas([[0, 1]], 0), "blocks must be an integer >= 1"),
        (lambda: sas([[0, 1]], 2, 1), "cross_fit must be True or False"),
        (lambda: sas([[0, 1]], 2, False, RNG), "rng must be None unless cross_fit"),
        (lambda: sas(np.eye(2), 2, True, 0), "rng must be a numpy.random.Generator"),
        (lambda: sas([[0, 1]], 2, True), "mask must have two rows and two columns"),
        (lambda: sorting_artefact(0.0, (5, 5)), "density must be a kept fraction"),
        (lambda: sorting_artefact(0.3, 5), "shape must be two positive integers"),
        (lambda: degree_blocks([[3]], 2), "mask must be binary"),
        (lambda: degree_blocks([[1]], 0), "blocks must be an integer"),
        (lambda: block_means([[3]], [0], [0]), "mask must be binary"),
        (lambda: block_means(np.eye(2), [0, 2], [0, 1]), "row_labels must use every block"),
        (lambda: block_means(np.eye(2), [0, 1], [0.0, 1.0]), "col_labels must be 2 integers"),
        (lambda: cocluster_blocks([[2]], 2, RNG), "mask must be binary"),
        (lambda: cocluster_blocks([[1]], 0, RNG), "blocks must be an integer"),
        (lambda: cocluster_blocks([[1]], 2, 0), "rng must be a numpy.random.Generator"),
        (lambda: cocluster_blocks([[1]], 2, RNG, degree_parts=0), "degree_parts must be an int"),
        (lambda: residual_singular_values([[0.5]], [0], [0]), "mask must be binary"),
        (lambda: residual_singular_values([[1]], [1], [0]), "row_labels must use every block"),
        (lambda: residual_singular_values([[1]], [0], [0, 0]), "col_labels must be 1 integers"),
        (lambda: residual_singular_values([[1]], [0], [0], 0), "count must be an integer"),
        (lambda: noise_floor(0.3, (4, 4)), "graphon must be a StepGraphon, got float"),
        (lambda: noise_floor(GRAPHON, (5, 0)), r"shape\[1\] must be an integer >= 1"),
        (lambda: motif_densities([[0, 2]]), "mask_or_graphon must be binary"),
        (lambda: path_density(None), "masks must be a sequence of .*, got NoneType"),
        (lambda: path_density([]), "masks must be one mask or more"),
        (lambda: path_density(MASKS[::-1]), r"masks\[1\] must have 2 columns"),
        (lambda: shrink_drift(np.ones((2, 3)), np.ones((3, 2))), "error must have the drift's"),
        (lambda: shrink_drift(np.ones((2, 3)), -np.ones((2, 3))), "error must lie in"),
        (lambda: shrink_drift(np.ones((2, 3)), np.zeros((2, 3))), "drift must be 0 where its err"),
        (lambda: shrink_drift([[NAN]], [[1.0]]), "drift must be finite"),
        (lambda: cut_norm([[NAN]]), "values must be finite"),
        (lambda: cut_norm(np.eye(2), [0.5, 0.4]), "row_mass must sum to 1"),
        (lambda: cut_norm(np.eye(2), None, [1.0]), "col_mass must hold one mass per block"),
        (lambda: cut_norm(np.eye(2), None, None, 7), "rng must be a numpy.random.Generator"),
        (lambda: check_certificate(np.eye(3), claim()), "result.rows must be 3 booleans"),
        (lambda: cut_distance(np.eye(2), GRAPHON), "first must be a StepGraphon, got ndarray"),
        (lambda: cut_distance(GRAPHON, None), "second must be a StepGraphon, got NoneType"),
    ]
)
def test_graphons(call, message):
    expect(call, message)


@refuse(
    [
        (lambda: GraphonNetwork([]), "layers must be one StepGraphon or more"),
        (lambda: GraphonNetwork([np.eye(2)]), "layers must be one StepGraphon or more"),
        (lambda: GraphonNetwork(GRAPHON), "layers must be a sequence of StepGraphon, got Step"),
        (lambda: GraphonNetwork([GRAPHON] * 2), r"layers\[1\].col_mass must be the masses"),
        (
            lambda: GraphonNetwork([GRAPHON, StepGraphon([[1.0]])]),
            r"layers\[1\].col_mass must have",
        ),
        (
            lambda: GraphonNetwork([StepGraphon([[0.5, 0.5]], None, [0.3, 0.7])]),
            r"layers\[0\] must have input columns of equal mass",
        ),
        (lambda: GraphonNetwork([GRAPHON], 3), "second_moments must be a sequence of arrays"),
        (lambda: GraphonNetwork([GRAPHON], []), "second_moments must be 1 arrays"),
        (lambda: GraphonNetwork([GRAPHON], [np.ones((2, 3))]), r"moments\[0\] must have shape"),
        (lambda: GraphonNetwork([GRAPHON], [-np.ones((2, 2))]), r"moments\[0\] must lie in"),
        (lambda: GraphonNetwork([GRAPHON], None, [np.ones(2)]), r"drifts\[0\] must be a non-empty"),
        (
            lambda: GraphonNetwork([PRUNED], [[[0.3, 0.1]]]),
            r"second_moments\[0\] must be 0 .* got 0.1 at \(0, 1\)",
        ),
        (
            lambda: GraphonNetwork([PRUNED], None, [[[0.1, -0.2]]]),
            r"drifts\[0\] must be 0 .* got -0.2 at \(0, 1\)",
        ),
        (
            lambda: GraphonNetwork([PRUNED], [[[2.0, 0.0]]], [[[-1.5, 0.0]]]),
            r"drifts\[0\] must be at most sqrt\(n W V",
        ),
        (lambda: GraphonNetwork.dense(0), "depth must be an integer >= 1"),
        (lambda: GraphonNetwork.from_masks(3), "masks must be a sequence of .*, got int"),
        (lambda: GraphonNetwork.from_masks([2 * MASKS[0]]), r"masks\[0\] must be binary"),
        (lambda: GraphonNetwork.from_masks(MASKS, blocks=2.0), "blocks must be an integer >= 1"),
        (lambda: GraphonNetwork.from_masks(MASKS, order="rank"), "order must be one of both, cocl"),
        (lambda: GraphonNetwork.from_masks(MASKS, order="both"), "rng must be a numpy.random.Gen"),
        (lambda: GraphonNetwork.from_masks(MASKS, rng=RNG), "rng must be None for order 'joint'"),
        (lambda: GraphonNetwork.from_masks(MASKS, 3), "weights must be a sequence of"),
        (lambda: GraphonNetwork.from_masks(MASKS, WEIGHTS[:1]), "weights must be 2 arrays"),
        (lambda: GraphonNetwork.from_masks(MASKS, WEIGHTS[::-1]), r"weights\[0\] must be real num"),
        (
            lambda: GraphonNetwork.from_masks(MASKS, [NAN * w for w in WEIGHTS]),
            r"weights\[0\] must be finite",
        ),
        (lambda: NETWORK.sample_masks(3, RNG), "widths must be a sequence of .*, got int"),
        (lambda: NETWORK.sample_masks((6, 5), RNG), "widths must hold 3 layer widths"),
        (lambda: NETWORK.sample_masks((4, 5, 2), RNG), r"widths\[0\] must be the 6 input columns"),
        (lambda: NETWORK.sample_masks((6, 0, 2), RNG), r"widths\[1\] must be an integer >= 1"),
        (lambda: NETWORK.sample_masks((6, 5, 2), 0), "rng must be a numpy.random.Generator"),
        (lambda: sample_weights(3, (2, 2), RNG), "network must be a GraphonNetwork, got int"),
    ]
)
def test_networks(call, message):
    expect(call, message)


BAD_KERNELS = [
    (np.ones((2, 3)), "kernel must be square"),
    (np.zeros((3, 3)), "kernel must not be zero everywhere"),
    ([[1.0, 2.0], [3.0, 1.0]], "kernel must be symmetric"),
    ([[1.0, 2.0], [2.0, 1.0]], "kernel must be positive semi-definite"),
    ([[1.0, NAN], [NAN, 1.0]], "kernel must be finite"),
    (np.ones(3), "kernel must be a non-empty array with 2 axes"),
]


@pytest.mark.parametrize(("kernel", "message"), BAD_KERNELS)
def test_matrices_that_are_no_kernels(kernel, message):
    expect(lambda: spectral_metrics(kernel, 1), message)
    expect(lambda: kernel_target_alignment(kernel, np.ones(len(kernel))), message)
    expect(lambda: gradient_flow(kernel, np.ones(len(kernel)), [1.0]), message)


@pytest.mark.parametrize("function", [graphon_ntk, graphon_nngp])
@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"x1": np.zeros((0, 6))}, r"x1 must be a non-empty array with 2 axes, got shape \(0, 6\)"),
        ({"x1": torch.full((1, 6), torch.inf)}, "x1 must be finite"),
        ({"x1": np.ones((2, 5))}, r"x1 must have 6 features.*got shape \(2, 5\)"),
        ({"x2": np.ones((2, 7))}, "x2 must have 6 features"),
        ({"network": GraphonNetwork.dense(2), "x2": np.ones((2, 2))}, "x2 must have the 6 feat"),
        ({"x1": 1e200 * X}, "x1 must give the blocks of every layer a variance"),
        ({"x2": 1e-80 * X}, "x2 must give the blocks of every layer a variance"),
        ({"network": None}, "network must be a GraphonNetwork, got NoneType"),
        *(
            ({"activation": bad}, "activation must be one of erf, leaky_relu, linear, relu")
            for bad in ("tanh", "", None, 3, ["relu"], LeakyReLU)
        ),
        ({"weight_variance": -2.0}, "weight_variance must be positive, got -2"),
        ({"per_output": "yes"}, "per_output must be True or False"),
    ],
)
def test_kernels(function, change, message):
    expect(lambda: function(**{"x1": X, "network": NETWORK} | change), message)


@refuse(
    [
        (lambda: graphon_ntk(X, NETWORK, own_layer="none"), "own_layer must be one of dense, mask"),
        (lambda: graphon_ntk(X, NETWORK, out=np.empty((2, 2))), r"out must be .* shape \(3, 3\)"),
        (lambda: graphon_ntk(X, NETWORK, out=np.empty((3, 3), "f")), "out must be a float64 array"),
        (lambda: graphon_ntk(X, NETWORK, out=[[0.0] * 3] * 3), "out must be a float64 array"),
        (lambda: graphon_ntk(X, NETWORK, out=READ_ONLY), "out must be writable"),
        (lambda: LeakyReLU("steep"), "slope must be"),
        (lambda: empirical_ntk(WEIGHTS, [], np.ones((2, 3))), "masks must be one mask or more"),
        (lambda: empirical_ntk([], MASKS, np.ones((2, 3))), "weights must be 2 arrays"),
        (lambda: empirical_ntk(WEIGHTS, MASKS, X), "x1 must have 3 features"),
        (lambda: empirical_ntk(WEIGHTS, MASKS, [[NAN] * 3]), "x1 must be finite"),
        (lambda: empirical_ntk(WEIGHTS, MASKS, np.ones((2, 3)), X), "x2 must have 3 features"),
        *(
            (
                lambda option=option, bad=bad: empirical_ntk(
                    WEIGHTS, MASKS, np.ones((2, 3)), **{option: bad}
                ),
                message,
            )
            for option, bad, message in (
                ("activation", np.tanh, "activation must be one of erf, leaky_relu, linear, relu"),
                ("weight_variance", NAN, "weight_variance must be finite"),
                ("precision", "half", "precision must be one of double, single; got 'half'"),
            )
        ),
        (lambda: spectral_metrics([[1.0]], 1), "kernel must be at least 2 x 2"),
        (lambda: spectral_metrics(np.eye(6), 0), "top must be an integer >= 1"),
        (lambda: spectral_metrics(np.eye(6), 7), "top must be at most 6"),
        (lambda: gradient_flow(np.eye(2), np.ones(3), [1.0]), "targets must have 2 rows"),
        (lambda: gradient_flow(np.eye(2), [[1, 0], [1]], [0.0]), "targets must be an array of re"),
        (lambda: gradient_flow(np.eye(2), np.ones(2), [-1.0]), "times must lie in"),
        (
            lambda: gradient_flow(np.eye(2), np.ones(2), [1.0], initial=np.ones((2, 3))),
            "initial must have 1 outputs",
        ),
        (lambda: kernel_target_alignment(np.eye(3), np.ones(2)), "targets must have 3 rows"),
        (lambda: kernel_target_alignment(np.eye(3), np.zeros(3)), "targets must differ from zero"),
        (
            lambda: kernel_target_alignment(np.eye(3), np.ones(3), centred=True),
            "targets must differ from zero once centred",
        ),
        (
            lambda: kernel_target_alignment(np.ones((3, 3)), [1.0, 2.0, 3.0], centred=True),
            "kernel must differ from zero once centred",
        ),
    ]
)
def test_what_kernels_are_computed_and_used_for(call, message):
    expect(call, message)


@pytest.mark.parametrize("model", [None, 3, [np.eye(2)]])
def test_only_masked_networks_are_pruned(model):
    for call in (
        lambda: prune(model, "random", 0.3),
        lambda: prune(model, "synflow", 0.3),
        lambda: prune(model, "snip", 0.3, X, Y, rounds=2),
        lambda: saliency(model, "snip", X, Y),
        lambda: rescale_signal(model, X),
        lambda: signal_moments(model, X),
    ):
        expect(call, f"model must be a MaskedMLP, got {type(model).__name__}")


@refuse(
    [
        (lambda: MaskedMLP((5,)), "widths must have at least two"),
        (lambda: MaskedMLP((5, 2.0)), r"widths\[1\] must be an integer >= 1"),
        (lambda: MaskedMLP(5), "widths must be a sequence of integers, got int"),
        (lambda: MaskedMLP((3, 2), generator=0), "generator must be a torch.Generator or None"),
        (lambda: MODEL(torch.zeros(2, 5)), r"x must have shape \(N, 6\)"),
        *(
            (lambda x=x: rescale_signal(MODEL, x), "x must")
            for x in (
                torch.zeros(3, 6),
                torch.ones(6),
                torch.ones(0, 6),
                torch.ones(3, 4),
                np.full((3, 6), NAN),
                torch.ones(3, 6) * 1j,
                [[1.0] * 6, [1.0]],
            )
        ),
        (lambda: keep_largest([torch.ones(4)], 0.0), "density must be a kept fraction"),
        (lambda: keep_largest([torch.ones(4)], 0.5, "neuron"), "scope must be one of global, lay"),
        (lambda: shuffle_masks([]), "masks must hold at least one matrix, got none"),
        (lambda: shuffle_masks(3), "masks must be a sequence of matrices, one a layer, got int"),
        (lambda: shuffle_masks([MASKS[0], 0.5 * MASKS[1]]), r"masks\[1\] must be binary"),
        (lambda: shuffle_masks(MASKS, 3), "generator must be a torch.Generator or None, got 3"),
        (lambda: batch_signals(MODEL, "synflow", X, Y), "method must be one of grasp, snip"),
        (lambda: batch_signals(MODEL, "snip", X[:, :5], Y), "x must have shape"),
        (
            lambda: redraw_given_signals([np.ones((2, 2))], [], [], RNG),
            "inputs and backward must hold 1 matrices",
        ),
        (lambda: redraw_given_signals([], [], [], None), "rng must be a numpy.random.Generator"),
    ]
)
def test_pruning(call, message):
    expect(call, message)
