"""Tiles, threads, output arrays, tensors and bad input of the graphon kernels."""

import builtins
import subprocess
import sys
import threading
import tracemalloc
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import torch
from ntk_strategies import dense_network, random_network, seeded_inputs

from graphon_lib.graphons import GraphonNetwork, StepGraphon
from graphon_lib.ntk import graphon_nngp, graphon_ntk, kernels
from graphon_lib.ntk.tiles import check_workers, fill_tiles, tile_shape

NETWORK = random_network((6, 5, 4, 3), np.random.default_rng(0), moments=True)
SMALL = random_network((6, 3, 2), np.random.default_rng(1))


@pytest.fixture
def tiny_tiles(monkeypatch):
    monkeypatch.setattr(kernels, "tile_shape", lambda blocks, features, square: (5, 7))


@pytest.mark.parametrize("count", [1, 6, 7, 8, 40])
@pytest.mark.parametrize("workers", [1, 4])
def test_tiles_and_threads_change_nothing(monkeypatch, count, workers):
    x = seeded_inputs((count, 6))
    whole = graphon_ntk(x, NETWORK, workers=1)
    outputs = graphon_nngp(x, NETWORK, x[:5], per_output=True, workers=1)
    monkeypatch.setattr(kernels, "tile_shape", lambda blocks, features, square: (5, 7))
    tiled = graphon_ntk(x, NETWORK, workers=workers)
    np.testing.assert_allclose(tiled, whole, rtol=1e-12)
    assert np.array_equal(tiled, tiled.T)
    tiled = graphon_nngp(x, NETWORK, x[:5], per_output=True, workers=workers)
    np.testing.assert_allclose(tiled, outputs, rtol=1e-12)


@pytest.mark.usefixtures("tiny_tiles")
def test_only_one_half_is_computed(monkeypatch):
    tiles = []

    def counted(*arguments):
        tile = strip(*arguments)
        return lambda columns: tiles.append(columns) or tile(columns)

    strip = kernels.ntk_strip
    monkeypatch.setattr(kernels, "ntk_strip", counted)
    graphon_ntk(seeded_inputs((35, 6)), NETWORK, workers=1)
    # Strips of five rows, each from the diagonal on in pieces of seven columns.
    assert len(tiles) == sum(-(-(35 - start) // 7) for start in range(0, 35, 5))


@pytest.mark.parametrize("workers", [1, 2])
@pytest.mark.usefixtures("tiny_tiles")
def test_an_output_array_is_filled_and_returned(tmp_path, workers):
    x = seeded_inputs((20, 6))
    file = np.memmap(tmp_path / "kernel", np.float64, "w+", shape=(20, 20))
    assert graphon_ntk(x, NETWORK, out=file, workers=workers) is file
    file.flush()
    stored = np.fromfile(tmp_path / "kernel").reshape(20, 20)
    assert np.array_equal(stored, graphon_ntk(x, NETWORK))
    stack = np.empty((3, 20, 4))
    assert graphon_ntk(x, NETWORK, x[:4], per_output=True, out=stack, workers=workers) is stack


def test_memory_does_not_grow_with_the_number_of_inputs(tmp_path):
    network = random_network((4, 20, 20, 2), np.random.default_rng(0))

    def peak(count):
        x = seeded_inputs((count, 4))
        out = np.memmap(tmp_path / "kernel", np.float64, "w+", shape=(count, count))
        tracemalloc.start()
        graphon_ntk(x, network, out=out, workers=1)
        allocated = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return allocated

    # Both fill whole tiles. What grows are the variances: three floats a block and input, of two layers.
    assert peak(960) - peak(480) < 480 * 20 * 2 * 8 * 3


def test_nothing_of_all_blocks_and_pairs_is_made():
    network = random_network((4, 64, 64, 2), np.random.default_rng(0))
    x = seeded_inputs((300, 4))
    tracemalloc.start()
    graphon_ntk(x, network, workers=1)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 0.5 * 64 * 300**2 * 8


def test_an_overflow_on_the_way_is_an_error():
    # The variances are 0, but where all weights are trained the inputs' products are not.
    network = GraphonNetwork([StepGraphon([[0.0]]), StepGraphon([[1.0]])])
    x = np.full((2, 10), 1e153)
    with pytest.raises(ValueError, match="inputs, moments and weight_variance must be small"):
        graphon_ntk(x, network, own_layer="dense", weight_variance=1e10)


NUMPY_ALONE = """
import sys

class Blocked:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in {"scipy", "torch", "sklearn", "ot", "tqdm", "threadpoolctl"}:
            raise ImportError(name)

sys.meta_path.insert(0, Blocked())
import numpy as np
from graphon_lib.graphons import GraphonNetwork, StepGraphon
from graphon_lib.ntk import empirical_ntk, graphon_nngp, graphon_ntk, spectral_metrics

rng = np.random.default_rng(0)
network = GraphonNetwork([StepGraphon(rng.random(shape)) for shape in ((4, 6), (5, 4), (2, 5))])
x = rng.normal(size=(9, 6))
for activation in ("relu", "leaky_relu", "erf", "linear", np.tanh):
    nngp, kernel = (k(x, network, activation=activation) for k in (graphon_nngp, graphon_ntk))
    assert np.isfinite(nngp).all() and np.isfinite(kernel).all()
masks = network.sample_masks((6, 30, 30, 2), rng)
weights = [rng.normal(size=mask.shape) for mask in masks]
empirical_ntk(weights, masks, x)
graphon_ntk(x, GraphonNetwork.from_masks(masks, blocks=9))
print(spectral_metrics(kernel).effective_rank)
"""


def test_the_room_works_with_numpy_alone():
    run = subprocess.run(
        [sys.executable, "-c", NUMPY_ALONE], capture_output=True, text=True, check=False
    )
    assert run.returncode == 0, run.stderr
    assert float(run.stdout) >= 1


def test_importing_the_room_imports_numpy_only():
    code = "import sys, graphon_lib.ntk; print(*sorted(sys.modules))"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    loaded = set(run.stdout.split())
    assert "numpy" in loaded
    assert not loaded & {"torch", "scipy", "sklearn", "ot", "tqdm", "threadpoolctl"}


@pytest.mark.parametrize("blocks", [1, 7, 64, 1000, 10**6])
@pytest.mark.parametrize("features", [1, 784, 10**6])
@pytest.mark.parametrize("square", [False, True])
def test_tiles_are_bounded(blocks, features, square):
    rows, columns = tile_shape(blocks, features, square)
    assert rows >= 1
    assert rows * columns <= max(2**18 / blocks, 64)
    assert rows == 1 or rows * blocks * features <= 2**22
    assert not square or rows == columns


def test_an_error_in_a_thread_is_raised_and_ends_the_others(monkeypatch):
    started, ended = [], threading.Event()

    class Pool(ThreadPoolExecutor):
        def shutdown(self, wait=True, *, cancel_futures=False):
            super().shutdown(wait=False, cancel_futures=cancel_futures)
            ended.set()
            super().shutdown(wait=wait)

    def strip(rows):
        started.append(rows)
        if rows.start == 0:
            raise RuntimeError("no tile at 0")
        # Each thread is in one strip when the others are given up.
        assert ended.wait(180)
        return lambda columns: np.zeros((1, 1, 1))

    monkeypatch.setattr("graphon_lib.ntk.tiles.ThreadPoolExecutor", Pool)

    with pytest.raises(RuntimeError, match="no tile at 0"):
        fill_tiles(
            np.empty((1, 1000, 1000)),
            strip,
            (1, 1),
            symmetric=False,
            workers=2,
            description="test",
            factors="x",
        )
    assert len(started) <= 3


def test_threads_are_counted(monkeypatch):
    assert check_workers(3) == 3
    assert check_workers(None) >= 1
    monkeypatch.setattr(sys, "platform", "emscripten")
    assert check_workers(None) == 1


@pytest.mark.usefixtures("tiny_tiles")
def test_neither_tqdm_nor_threadpoolctl_is_needed(monkeypatch):
    x = seeded_inputs((20, 6))
    expected = graphon_ntk(x, NETWORK)
    usual = builtins.__import__

    def without(name, *arguments, **options):
        if name.split(".")[0] in {"tqdm", "threadpoolctl"}:
            raise ImportError(name)
        return usual(name, *arguments, **options)

    monkeypatch.setattr(builtins, "__import__", without)
    np.testing.assert_allclose(graphon_ntk(x, NETWORK, workers=2), expected, rtol=1e-13)


@pytest.mark.parametrize("activation", ["relu", "leaky_relu", "erf", "linear", "tanh"])
@pytest.mark.parametrize("own_layer", ["mask", "dense"])
@pytest.mark.usefixtures("tiny_tiles")
def test_tensors_in_tensor_out(activation, own_layer):
    x = seeded_inputs((16, 6))
    for_arrays, for_tensors = (
        (np.tanh, torch.tanh) if activation == "tanh" else (activation, activation)
    )
    network = SMALL if activation == "tanh" else NETWORK
    expected = graphon_ntk(x, network, x[:9], activation=for_arrays, own_layer=own_layer)
    tensor = torch.tensor(x)
    ours = graphon_ntk(tensor, network, tensor[:9], activation=for_tensors, own_layer=own_layer)
    assert isinstance(ours, torch.Tensor)
    assert ours.dtype == torch.float64
    np.testing.assert_allclose(ours.numpy(), expected, rtol=1e-12)


@pytest.mark.usefixtures("tiny_tiles")
def test_single_precision_and_gradients_of_tensors():
    x = seeded_inputs((16, 6)).astype(np.float32)
    tensor = torch.tensor(x, requires_grad=True)
    ours = graphon_nngp(tensor, NETWORK, per_output=True)
    assert not ours.requires_grad
    np.testing.assert_allclose(ours.numpy(), graphon_nngp(x, NETWORK, per_output=True), rtol=1e-12)
    out = torch.empty(16, 16, dtype=torch.float64)
    assert graphon_ntk(tensor, NETWORK, out=out) is out
    np.testing.assert_allclose(out.numpy(), graphon_ntk(x, NETWORK), rtol=1e-12)


class ElsewhereTensor(torch.Tensor):
    """A tensor that, like one of a GPU, mixes with no tensor of the host and is not an array."""

    @classmethod
    def __torch_function__(cls, function, types, args=(), kwargs=None):
        if function is torch.Tensor.numpy:
            raise TypeError("a tensor on another device must be copied to the host first")
        given = [*args, *(kwargs or {}).values()]
        flat = [one for item in given for one in (item if isinstance(item, list) else [item])]
        if any(type(one) is torch.Tensor and one.ndim > 0 for one in flat):
            raise RuntimeError("all tensors must be on the same device")
        result = super().__torch_function__(function, types, args, kwargs)
        return result.as_subclass(torch.Tensor) if function is torch.Tensor.cpu else result


class Elsewhere(torch.overrides.TorchFunctionMode):
    """Makes of `torch.tensor` and `torch.empty` with a device tensors that are elsewhere."""

    def __torch_function__(self, function, types, args=(), kwargs=None):
        result = function(*args, **(kwargs or {}))
        if function in (torch.tensor, torch.empty) and "device" in (kwargs or {}):
            return result.as_subclass(ElsewhereTensor)
        return result


@pytest.mark.parametrize("activation", ["relu", "leaky_relu", "erf", "linear", torch.tanh])
@pytest.mark.usefixtures("tiny_tiles")
def test_tensors_of_another_device_stay_there(activation):
    host = torch.tensor(seeded_inputs((16, 6)))
    x = host.as_subclass(ElsewhereTensor)
    with pytest.raises(RuntimeError, match="same device"):
        x + host
    for second in (None, x[:9]):
        with Elsewhere():
            ours = graphon_ntk(x, SMALL, second, activation=activation, own_layer="dense")
        assert isinstance(ours, ElsewhereTensor)
        of_host = None if second is None else host[:9]
        expected = graphon_ntk(host, SMALL, of_host, activation=activation, own_layer="dense")
        assert torch.equal(ours.cpu(), expected)


def read_only(shape):
    array = np.empty(shape)
    array.flags.writeable = False
    return array


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"x1": np.zeros((0, 6))}, r"x1 must be a non-empty array with 2 axes, got shape \(0, 6\)"),
        ({"x1": np.zeros((3, 0))}, "x1 must be a non-empty array with 2 axes"),
        ({"x1": np.ones(6)}, "x1 must be a non-empty array with 2 axes"),
        ({"x1": [[np.nan] * 6]}, "x1 must be finite, got 6 NaN"),
        ({"x1": torch.full((1, 6), torch.inf)}, "x1 must be finite"),
        ({"x1": torch.empty(0, 6)}, "x1 must be a non-empty array"),
        ({"x1": torch.ones(2, 6, dtype=torch.complex64)}, "x1 must be an array of real numbers"),
        ({"x1": "digits"}, "x1 must be an array of real numbers"),
        ({"x1": np.ones((2, 5))}, r"x1 must have 6 features.*got shape \(2, 5\)"),
        ({"x2": np.ones((2, 7))}, "x2 must have 6 features"),
        ({"x2": [[np.inf] * 6]}, "x2 must be finite"),
        ({"x2": torch.ones(2, 6)}, "x2 must be of the kind of x1"),
        ({"x1": 1e80 * np.ones((2, 6))}, "x1 must give the blocks of every layer a variance"),
        ({"x1": 1e200 * np.ones((2, 6))}, "x1 must give the blocks of every layer a variance"),
        ({"x2": 1e-80 * np.ones((2, 6))}, "x2 must give the blocks of every layer a variance"),
        ({"network": None}, "network must be a GraphonNetwork, got NoneType"),
        ({"network": []}, "network must be a GraphonNetwork, got list"),
        ({"activation": "tanh"}, "activation must be one of erf, leaky_relu, linear, relu"),
        ({"weight_variance": -2.0}, "weight_variance must be positive, got -2"),
        ({"weight_variance": 0}, "weight_variance must be positive, got 0"),
        ({"weight_variance": np.nan}, "weight_variance must be finite"),
        ({"weight_variance": "he"}, "weight_variance must be an array of real numbers"),
        ({"weight_variance": [2.0]}, "weight_variance must be a non-empty array with 0 axes"),
        ({"own_layer": "none"}, "own_layer must be one of dense, mask; got 'none'"),
        ({"per_output": "yes"}, "per_output must be True or False"),
        ({"workers": 0}, "workers must be an integer >= 1, got 0"),
        ({"workers": 1.5}, "workers must be an integer >= 1, got 1.5"),
        ({"out": np.empty((2, 2))}, r"out must have shape \(3, 3\) and dtype float64"),
        ({"out": np.empty((3, 3), np.float32)}, "out must have shape"),
        ({"out": read_only((3, 3))}, "out must be writable"),
        ({"out": torch.empty(3, 3)}, "out must be of the inputs' kind"),
        ({"out": [[0.0] * 3] * 3}, "out must be of the inputs' kind"),
    ],
)
def test_bad_arguments(change, message):
    arguments = {"x1": np.ones((3, 6)), "network": SMALL} | change
    with pytest.raises(ValueError, match=message):
        graphon_ntk(**arguments)


def test_inputs_of_different_widths_where_the_network_takes_any():
    with pytest.raises(ValueError, match="x2 must have the 3 features of x1, got 2"):
        graphon_ntk(np.ones((2, 3)), dense_network(2), np.ones((2, 2)))


def test_a_network_without_layers_cannot_be_made():
    with pytest.raises(ValueError, match="layers must be one StepGraphon or more"):
        graphon_ntk(np.ones((2, 3)), GraphonNetwork([]))
