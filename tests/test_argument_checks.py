"""Whatever a public function is given, the error is a ValueError that names the argument.

The checks themselves are tried on everything that could come; of every function and argument there is
one case, which shows that the door is guarded.
"""

import copy
from functools import partial

import numpy as np
import pytest
import scipy.sparse
import torch
import torch.nn.utils.prune

from graphon_lib import _checks, graphons, ntk, pruning
from graphon_lib.experiments.data import Images, sample_batch
from graphon_lib.experiments.training_run import train
from graphon_lib.graphons import CutNorm, GraphonNetwork, StepGraphon
from graphon_lib.graphons.flow_threshold import FlowThreshold
from graphon_lib.graphons.scaling import scale_to_density
from graphon_lib.pruning.redraw import redraw_given_signals
from graphon_lib.pruning.signals import batch_signals

NAN = float("nan")
RNG = np.random.default_rng(0)

INTEGER = partial(_checks.check_integer, minimum=2)
MATRIX = partial(_checks.check_array, ndim=2, minimum=0)
MASSES = partial(_checks.check_masses, count=2)
SEQUENCE = partial(_checks.check_sequence, of="x")
CHOICE = partial(_checks.check_choice, choices=("b", "a"))
REAL = _checks.check_real
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
                (0, -1, 1.1, NAN, "half", "0.3", b"0.3", None, True, np.True_),
            ),
            (MASK, " must be binary, .* with other values", ([[0, 2]], [[0.5, 1.0]], [[NAN, 1.0]])),
            (MASK, " must be a non-empty matrix", ([0, 1], np.zeros((0, 3)))),
            (MASK, " must be an array of real numbers, got a list", ([[1, 0], [1]],)),
            (MATRIX, " must be finite, got 2 NaN or infinite entries", ([[NAN, 1.0, np.inf]],)),
            (MATRIX, r" must lie in \[0, inf\], got values from -0.1", ([[-0.1, 1.0]],)),
            (MATRIX, " must be a non-empty array with 2 axes", ([1.0], np.zeros((0, 3)))),
            (MATRIX, " must be an array of real numbers, got dtype", ([["a"]], [[1j]], None)),
            (MASSES, " must sum to 1, got 1.1", ([0.5, 0.6], np.float32([0.5, 0.6]))),
            (
                MASSES,
                " must sum to 1, got 1.0000",
                ([0.5, 0.5 + 3e-8], np.float32([0.5, 0.50001])),
            ),
            (MASSES, " must lie in", ([1.5, -0.5],)),
            (MASSES, " must hold one mass per block, 2; got 1", ([1.0],)),
            (SHAPE, " must be two positive integers .* got", (5, (5,), (5, 5, 5), "45", None)),
            (SHAPE, r"\[0\] must be an integer >= 1", ((3.5, 2),)),
            (SEQUENCE, " must be a sequence of x, got", (3, "ab", None, np.array(3))),
            (_checks.check_rng, " must be a numpy.random.Generator, got", (0, None)),
            (_checks.check_flag, " must be True or False, got", (1, "yes")),
            (_checks.check_positive, " must be positive, got 0", (0,)),
            (REAL, " must be a real number, got", (True, np.False_, torch.tensor(True))),
            (REAL, " must be an array of real numbers, got", ("1", None)),
            (CHOICE, " must be one of a, b; got 'c'", ("c",)),
        )
        for value in values
    ],
)
def test_the_checks_refuse(check, message, value):
    with pytest.raises(ValueError, match=f"^name{message}"):
        check("name", value)


GRAPHON = StepGraphon([[0.5, 0.2], [0.1, 0.4]], [0.3, 0.7])
NETWORK = GraphonNetwork([StepGraphon(np.full((2, 6), 0.5)), StepGraphon([[0.5, 0.5]])])
EYE, HALF = np.eye(2), [[0.5]]
LABELS = {"row_labels": [0, 1], "col_labels": [0, 1]}
BAD_LABELS = {"row_labels": [0, 2], "col_labels": [0.0, 1.0]}
MASKS = [np.ones((4, 3)), np.ones((2, 4))]
X, Y = np.ones((3, 6)), [0, 1, 1]
MODEL = pruning.MaskedMLP((6, 4, 2), torch.Generator().manual_seed(0))
TRAINED = pruning.MaskedMLP((6, 4, 2), torch.Generator().manual_seed(0))
with torch.random.fork_rng([]):
    torch.manual_seed(0)
    MODULE = torch.nn.Sequential(
        torch.nn.Conv1d(1, 2, 3), torch.nn.Flatten(), torch.nn.Linear(8, 2)
    )
SIGNALS = np.ones((3, 1, 6))
PRUNED = copy.deepcopy(MODULE)
torch.nn.utils.prune.custom_from_mask(PRUNED[0], "weight", torch.ones(2, 1, 3))
DIGITS = Images(
    np.float32(X), np.array(Y), np.float32(X), np.array(Y), "three", "here", "", (2, 3), 2
)
TRAINING = {
    "optimizer": "sgd",
    "learning_rate": 0.1,
    "steps": 1,
    "batch_size": 2,
    "evaluated": [0, 1],
}
CLAIM = CutNorm(0.0, 1.0, np.ones(3, bool), np.ones(2, bool), None)
READ_ONLY = np.empty((3, 3))
READ_ONLY.flags.writeable = False

# A function, arguments that it takes, and for each argument values that it refuses by its name.
REFUSALS = [
    (StepGraphon, {"values": HALF}, {"values": [[1.1]], "row_mass": [0.5], "col_mass": [NAN]}),
    (GRAPHON, {"u": 0.5, "v": 0.5}, {"u": 1.01, "v": [0.5, NAN]}),
    (GRAPHON, {"u": 0.5, "v": 0.5}, {"u": "x", "v": None}),
    (
        GRAPHON.block_means,
        {"row_edges": [0, 1], "col_edges": [0, 1]},
        {"row_edges": [0.0, 0.5], "col_edges": [0.0, 0.5, 0.5, 1.0]},
    ),
    (
        StepGraphon.from_function,
        {"function": GRAPHON, "row_mass": 4, "col_mass": 4},
        {"function": max, "row_mass": 0, "col_mass": [0.0, 1.0]},
    ),
    (graphons.Constant, {}, {"density": 1.2}),
    (
        graphons.PowerLaw,
        {"scale": 1, "row_exponent": 1, "col_exponent": 1},
        {"scale": 1.1, "row_exponent": -1.0, "col_exponent": np.inf},
    ),
    (
        graphons.Ramp,
        {"intercept": 0.5, "row_slope": 0.1, "col_slope": 0.1},
        {"intercept": 0.9, "row_slope": NAN, "col_slope": -2},
    ),
    (graphons.Threshold, {"threshold": 1}, {"threshold": 2.5, "high": 1.5, "low": -0.5}),
    (
        graphons.Assortative,
        {"within": 0.5, "between": 0.1},
        {"within": 2, "between": -1, "row_split": 1.5, "col_split": "half"},
    ),
    (
        FlowThreshold,
        {"threshold": 1, "row_decay": 1, "col_decay": 1},
        {"threshold": -0.1, "row_decay": -1, "col_decay": 51},
    ),
    (scale_to_density, {"graphon": GRAPHON, "density": 0.5}, {"graphon": HALF, "density": 1.5}),
    (
        graphons.sample_mask,
        {"graphon": GRAPHON, "shape": (3, 3), "rng": RNG},
        {"graphon": max, "shape": (3, 0), "rng": None},
    ),
    (graphons.sas, {"mask": EYE}, {"mask": [[2]], "blocks": 0, "cross_fit": 1, "rng": RNG}),
    (graphons.sas, {"mask": EYE, "cross_fit": True}, {"mask": [[0, 1]], "rng": 0}),
    (
        graphons.sorting_artefact,
        {"density": 0.5, "shape": (4, 4)},
        {"density": 0.0, "shape": 5, "blocks": 0},
    ),
    (graphons.degree_blocks, {"mask": EYE, "blocks": 2}, {"mask": [[3]], "blocks": 0}),
    (graphons.block_means, {"mask": EYE, **LABELS}, {"mask": [[3]], **BAD_LABELS}),
    (
        graphons.cocluster_blocks,
        {"mask": EYE, "blocks": 2, "rng": RNG},
        {"mask": [[2]], "blocks": 0, "rng": 0, "degree_parts": 0},
    ),
    (
        graphons.residual_singular_values,
        {"mask": EYE, **LABELS},
        {"mask": HALF, "count": 0, **BAD_LABELS},
    ),
    (
        graphons.noise_floor,
        {"graphon": GRAPHON, "shape": (4, 4)},
        {"graphon": 0.3, "shape": (5, 0)},
    ),
    (graphons.motif_densities, {}, {"mask_or_graphon": [[0, 2]]}),
    *((graphons.path_density, {}, {"masks": bad}) for bad in (None, [], MASKS[::-1])),
    (graphons.shrink_drift, {"drift": EYE, "error": EYE}, {"drift": EYE + 1, "error": -EYE}),
    (graphons.shrink_drift, {"drift": EYE, "error": EYE}, {"drift": NAN * EYE, "error": HALF}),
    (
        graphons.cut_norm,
        {"values": EYE},
        {"values": [[NAN]], "row_mass": [0.5, 0.4], "col_mass": [1.0], "rng": 7},
    ),
    (graphons.check_certificate, {"values": EYE}, {"result": CLAIM}),
    (graphons.cut_distance, {"first": GRAPHON, "second": GRAPHON}, {"first": EYE, "second": None}),
    (GraphonNetwork.dense, {}, {"depth": 0}),
    *(
        (GraphonNetwork, {}, {"layers": bad})
        for bad in ([], [EYE], GRAPHON, [GRAPHON] * 2, [GRAPHON, StepGraphon([[1.0]])])
    ),
    (GraphonNetwork, {}, {"layers": [StepGraphon([[0.5, 0.5]], None, [0.3, 0.7])]}),
    *(
        (GraphonNetwork, {"layers": [GRAPHON]}, {"second_moments": bad, "drifts": bad})
        for bad in (3, [], [np.ones((2, 3))], [NAN * EYE])
    ),
    (
        GraphonNetwork.from_masks,
        {"masks": MASKS},
        {"masks": [2 * MASKS[0]], "weights": 3, "blocks": 2.0, "order": "rank", "rng": RNG},
    ),
    *(
        (GraphonNetwork.from_masks, {"masks": MASKS}, {"weights": bad})
        for bad in (MASKS[:1], MASKS[::-1], [NAN * mask for mask in MASKS])
    ),
    (sample_batch, {"data": DIGITS, "size": 2, "rng": RNG}, {"rng": 0}),
    *(
        (
            train,
            {"model": TRAINED, "data": DIGITS, "rng": RNG, **TRAINING},
            {"model": bad, "rng": 0, "evaluated": 2, "watched": None, "rates": [0.0, 0.0]},
        )
        for bad in (
            3,
            pruning.MaskedMLP((6, 4, 1)),
            pruning.MaskedMLP((5, 4, 2)),
            pruning.MaskedMLP((6, 4, 2)).double(),
            pruning.MaskedMLP((6, 4, 2)).requires_grad_(False),
        )
    ),
    (GraphonNetwork.from_masks, {"masks": MASKS, "order": "coclustering"}, {"rng": None}),
    (GraphonNetwork.from_masks, {"masks": MASKS, "order": "both"}, {"rng": None}),
    *(
        (NETWORK.sample_masks, {"widths": (6, 5, 2), "rng": RNG}, {"widths": bad, "rng": 0})
        for bad in (3, (6, 5), (4, 5, 2), (6, 0, 2))
    ),
    (graphons.sample_weights, {"widths": (6, 5, 2), "rng": RNG}, {"network": 3}),
    *(
        (
            kernel,
            {"x1": X, "network": NETWORK},
            {
                "x1": bad_x,
                "x2": bad_x,
                "network": None,
                "activation": bad_activation,
                "weight_variance": -2.0,
                "bias_variance": [0.1] * 3,
                "per_output": "yes",
            },
        )
        for kernel in (ntk.graphon_ntk, ntk.graphon_nngp)
        for bad_x, bad_activation in (
            (np.zeros((0, 6)), "tanh"),
            (torch.full((1, 6), torch.inf), None),
            (np.ones((2, 5)), 3),
            (1e200 * X, ["relu"]),
            (1e-80 * X, ntk.LeakyReLU),
        )
    ),
    (ntk.graphon_ntk, {"x1": X, "network": GraphonNetwork.dense(2)}, {"x2": np.ones((2, 2))}),
    *(
        (ntk.graphon_ntk, {"x1": X, "network": NETWORK}, {"own_layer": "none", "out": bad})
        for bad in (np.empty((2, 2)), np.empty((3, 3), "f"), [[0.0] * 3] * 3, READ_ONLY)
    ),
    (ntk.LeakyReLU, {}, {"slope": "steep"}),
    (
        ntk.empirical_ntk,
        {"weights": MASKS, "masks": MASKS, "x1": np.ones((2, 3))},
        {
            "weights": [],
            "masks": [],
            "x1": X,
            "x2": [[NAN] * 3],
            "activation": np.tanh,
            "weight_variance": NAN,
            "bias_variance": -1.0,
            "precision": "half",
        },
    ),
    (
        ntk.empirical_ntk,
        {"weights": MASKS, "masks": MASKS, "x1": np.ones((2, 3)), "bias_variance": 1.0},
        {"biases": [[0.0] * 4, [NAN] * 2]},
    ),
    *(
        (function, options, {"kernel": bad})
        for function, options in (
            (ntk.spectral_metrics, {"top": 1}),
            (ntk.kernel_target_alignment, {"targets": [1, 0]}),
            (ntk.gradient_flow, {"targets": [1, 0], "times": [1.0]}),
        )
        for bad in (
            np.ones((2, 3)),
            np.zeros((2, 2)),
            [[1.0, 2.0], [3.0, 1.0]],
            [[1.0, 2.0], [2.0, 1.0]],
            [[1.0, NAN], [NAN, 1.0]],
            np.ones(2),
        )
    ),
    *((ntk.spectral_metrics, {"kernel": EYE}, {"kernel": [[1.0]], "top": top}) for top in (0, 3)),
    (
        ntk.gradient_flow,
        {"kernel": EYE, "targets": [1, 0], "times": [1.0]},
        {"targets": np.ones(3), "times": [-1.0], "initial": np.ones((2, 3))},
    ),
    *((ntk.kernel_target_alignment, {"kernel": EYE}, {"targets": bad}) for bad in ([1], [0, 0])),
    (
        ntk.kernel_target_alignment,
        {"kernel": EYE, "targets": [1, 0], "centred": True},
        {"kernel": np.ones((2, 2)), "targets": [1, 1]},
    ),
    *(
        (function, arguments, {"model": bad})
        for function, arguments in (
            (pruning.prune, {"method": "random", "density": 0.3}),
            (pruning.prune, {"method": "synflow", "density": 0.3}),
            (pruning.prune, {"method": "snip", "density": 0.3, "x": X, "y": Y, "rounds": 2}),
            (pruning.saliency, {"method": "snip", "x": X, "y": Y}),
            (pruning.rescale_signal, {"x": X}),
            (pruning.signal_moments, {"x": X}),
            (pruning.rescale_neurons, {}),
        )
        for bad in (None, 3, [EYE])
    ),
    *(
        (
            pruning.MaskedMLP,
            {"widths": (3, 2)},
            {"widths": bad, "generator": 0, "initialisation": bad},
        )
        for bad in (5, (5,), (5, 2.0), (True, 3))
    ),
    *((MODEL, {}, {"x": torch.zeros(shape)}) for shape in ((6,), (2, 5), (2, 3, 6))),
    *(
        (MODEL, {}, {"x": bad})
        for bad in (X, torch.ones(3, 6, dtype=torch.uint8), torch.ones(3, 6).double())
    ),
    *(
        (pruning.rescale_signal, {"model": MODEL}, {"x": bad})
        for bad in (0 * X, X[0], X[:0], X[:, :4], NAN * X, torch.ones(3, 6) * 1j, [[1.0], [1, 2]])
    ),
    (
        pruning.prune,
        {"model": MODULE, "method": "snip", "density": 0.3, "x": SIGNALS, "y": Y, "loss": None},
        {"model": PRUNED, "x": SIGNALS[0, 0], "y": [0, 1], "loss": 3, "scope": 1, "rounds": 0},
    ),
    (
        pruning.saliency,
        {"model": MODULE, "method": "grasp", "x": [(SIGNALS, Y)]},
        {"model": torch.nn.ReLU(), "method": "none", "x": [SIGNALS], "loss": "mse"},
    ),
    (
        pruning.saliency,
        {"model": MODULE, "method": "synflow", "x": SIGNALS},
        {"x": None},
    ),
    (pruning.rescale_signal, {"model": PRUNED, "x": SIGNALS}, {"model": MODULE, "x": X[:, :2]}),
    (pruning.rescale_neurons, {"model": PRUNED}, {"model": MODULE}),
    *(
        (pruning.density_rates, {"masks": MASKS, "rate": 0.1}, {"masks": bad, "rate": rate})
        for bad, rate in (
            (3, 0.0),
            ([2.0 * MASKS[0]], NAN),
            ([[]], -1.0),
            ("masks", None),
            ({}, 1e309),
        )
    ),
    *(
        (
            pruning.fit_eigenfunctions,
            {"model": MODEL, "kernel": np.eye(3), "x": X, "targets": np.ones((3, 2)), "count": 1},
            bad,
        )
        for bad in (
            {"model": MODULE, "x": X[:2, :5], "targets": Y, "kernel": EYE, "count": 0},
            {"targets": np.ones((3, 1)), "kernel": np.tri(3), "count": 4, "fractions": []},
            {"x": NAN * X, "kernel": np.zeros((3, 3)), "fractions": [-1.0]},
            {"kernel": 1e-9 * np.tri(3), "fractions": "one"},
        )
    ),
    (pruning.signal_moments, {"model": MODULE, "x": SIGNALS}, {"model": 3, "x": NAN * SIGNALS}),
    (
        pruning.keep_largest,
        {"scores": [torch.ones(4)], "density": 0.5},
        {"density": 0.0, "scope": "neuron"},
    ),
    *(
        (pruning.shuffle_masks, {"masks": MASKS}, {"masks": bad, "generator": 3})
        for bad in ([], 3, [MASKS[0], 0.5 * MASKS[1]])
    ),
    (
        batch_signals,
        {"model": MODEL, "method": "snip", "x": X, "y": Y},
        {"method": "synflow", "x": X[:, :5], "y": [0, 1, 2]},
    ),
    (
        redraw_given_signals,
        {"weights": [EYE], "inputs": [EYE], "backward": [EYE], "rng": RNG},
        {"inputs": [], "rng": None},
    ),
]


@pytest.mark.parametrize(
    ("function", "arguments", "name", "bad"),
    [
        pytest.param(function, good, name, bad, id=f"{getattr(function, '__name__', '')}-{name}")
        for function, good, refused in REFUSALS
        for name, bad in refused.items()
    ],
)
def test_the_argument_is_named(function, arguments, name, bad):
    with pytest.raises(ValueError, match=rf"^{name}\b.* must"):
        function(**arguments | {name: bad})


def test_good_arguments_of_training_are_taken():
    run = train(TRAINED, DIGITS, rng=np.random.default_rng(0), **TRAINING)
    assert np.isfinite(run.loss).all()


@pytest.mark.parametrize("count", [2, 3, 7, 1000])
@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_masses_sum_to_one_to_the_rounding_of_their_dtype(dtype, count):
    masses = np.random.default_rng(count).dirichlet(np.ones(count)).astype(dtype)
    assert abs(_checks.check_masses("name", masses, count).sum() - 1) < 1e-9


@pytest.mark.parametrize("kind", [scipy.sparse.csr_array, scipy.sparse.coo_matrix])
def test_sparse_masks_are_masks(kind):
    dense = np.random.default_rng(0).random((6, 5)) < 0.3
    assert graphons.sas(kind(dense), 2) == graphons.sas(dense, 2)
    networks = [GraphonNetwork.from_masks([mask]) for mask in (kind(dense * 1.0), dense)]
    assert networks[0].layers == networks[1].layers


def test_a_function_of_tensors_is_no_activation_of_arrays():
    with pytest.raises(ValueError, match=r"^activation must be a function of a NumPy array"):
        ntk.graphon_ntk(X, GraphonNetwork.dense(3), activation=torch.tanh)


@pytest.mark.parametrize("size", [2, 3, 5, 8])
def test_an_argument_that_nobody_passed_is_not_to_blame(size):
    metrics = ntk.spectral_metrics(np.eye(size))
    assert metrics.energy == pytest.approx(min(5, size) / size)


PRUNED = StepGraphon([[0.5, 0.0]])


@pytest.mark.parametrize(
    ("moments", "message"),
    [
        (([[[0.3, 0.1]]],), r"second_moments\[0\] must be 0 .* got 0.1 at \(0, 1\)"),
        ((None, [[[0.1, -0.2]]]), r"drifts\[0\] must be 0 .* got -0.2 at \(0, 1\)"),
        (([[[0.0, 0.0]]], [[[0.1, 0.0]]]), r"drifts\[0\] must be 0 .* got 0.1 at \(0, 0\)"),
        (([[[2.0, 0.0]]], [[[-1.5, 0.0]]]), r"drifts\[0\] must be at most sqrt\(n W V\), the root"),
    ],
)
def test_moments_that_no_weights_have(moments, message):
    with pytest.raises(ValueError, match=message):
        GraphonNetwork([PRUNED], *moments)
