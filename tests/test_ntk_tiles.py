"""Tiles, threads and output arrays of the graphon kernels, and what they need."""

import sys
import threading
import tracemalloc
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from ntk_strategies import random_network, seeded_inputs

from graphon_lib.graphons import GraphonNetwork, StepGraphon
from graphon_lib.ntk import graphon_nngp, graphon_ntk, kernels, tiles
from graphon_lib.ntk.tiles import fill_tiles, tile_shape

NETWORK = random_network((6, 5, 4, 3), np.random.default_rng(0), moments=True)


@pytest.fixture
def tiny_tiles(monkeypatch):
    monkeypatch.setattr(kernels, "tile_shape", lambda blocks, features, square: (5, 7))


@pytest.mark.parametrize("count", [1, 6, 7, 8, 40])
@pytest.mark.parametrize("workers", [1, 4])
def test_tiles_and_threads_change_nothing(monkeypatch, count, workers):
    x = seeded_inputs((count, 6))
    whole = graphon_ntk(x, NETWORK)
    outputs = graphon_nngp(x, NETWORK, x[:5], per_output=True)
    monkeypatch.setattr(kernels, "tile_shape", lambda blocks, features, square: (5, 7))
    monkeypatch.setattr(tiles, "threads", lambda: workers)
    tiled = graphon_ntk(x, NETWORK)
    np.testing.assert_allclose(tiled, whole, rtol=1e-12)
    assert np.array_equal(tiled, tiled.T)
    tiled = graphon_nngp(x, NETWORK, x[:5], per_output=True)
    np.testing.assert_allclose(tiled, outputs, rtol=1e-12)


@pytest.mark.usefixtures("tiny_tiles")
def test_only_one_half_is_computed(monkeypatch):
    computed = []

    def counted(*arguments, **options):
        tile = strip(*arguments, **options)
        return lambda columns: computed.append(columns) or tile(columns)

    strip = kernels.kernel_strip
    monkeypatch.setattr(kernels, "kernel_strip", counted)
    graphon_ntk(seeded_inputs((35, 6)), NETWORK)
    # Strips of five rows, each from the diagonal on in pieces of seven columns.
    assert len(computed) == sum(-(-(35 - start) // 7) for start in range(0, 35, 5))


@pytest.mark.usefixtures("tiny_tiles")
def test_an_output_array_is_filled_and_returned(tmp_path):
    x = seeded_inputs((20, 6))
    file = np.memmap(tmp_path / "kernel", np.float64, "w+", shape=(20, 20))
    assert graphon_ntk(x, NETWORK, out=file) is file
    file.flush()
    stored = np.fromfile(tmp_path / "kernel").reshape(20, 20)
    assert np.array_equal(stored, graphon_ntk(x, NETWORK))
    stack = np.empty((3, 20, 4))
    assert graphon_ntk(x, NETWORK, x[:4], per_output=True, out=stack) is stack


def test_memory_does_not_grow_with_the_number_of_inputs(tmp_path, monkeypatch):
    monkeypatch.setattr(tiles, "threads", lambda: 1)
    network = random_network((4, 20, 20, 2), np.random.default_rng(0))

    def peak(count):
        x = seeded_inputs((count, 4))
        out = np.memmap(tmp_path / "kernel", np.float64, "w+", shape=(count, count))
        tracemalloc.start()
        graphon_ntk(x, network, out=out)
        allocated = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return allocated

    # Both fill whole tiles. What grows are the variances: three floats a block and input, of two layers.
    assert peak(960) - peak(480) < 480 * 20 * 2 * 8 * 3


def test_nothing_of_all_blocks_and_pairs_is_made(monkeypatch):
    monkeypatch.setattr(tiles, "threads", lambda: 1)
    network = random_network((4, 64, 64, 2), np.random.default_rng(0))
    x = seeded_inputs((300, 4))
    tracemalloc.start()
    graphon_ntk(x, network)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 0.5 * 64 * 300**2 * 8


def test_an_overflow_on_the_way_is_an_error():
    # The variances are 0, but where all weights are trained the inputs' products are not.
    network = GraphonNetwork([StepGraphon([[0.0]]), StepGraphon([[1.0]])])
    x = np.full((2, 10), 1e153)
    with pytest.raises(ValueError, match=r"inputs, .* and bias_variance must be small"):
        graphon_ntk(x, network, own_layer="dense", weight_variance=1e10)


@pytest.mark.parametrize("blocks", [1, 7, 64, 1000, 10**6])
@pytest.mark.parametrize("features", [1, 784, 10**6])
@pytest.mark.parametrize("square", [False, True])
def test_tiles_are_bounded(blocks, features, square):
    rows, columns = tile_shape(blocks, features, square)
    assert rows >= 1
    assert rows * columns <= max(2**18 / blocks, 64)
    assert rows == 1 or rows * blocks * features <= 2**22
    assert not square or rows == columns


def test_the_browser_has_one_thread(monkeypatch):
    assert tiles.threads() >= 1
    monkeypatch.setattr(sys, "platform", "emscripten")
    assert tiles.threads() == 1


def test_an_error_in_a_thread_is_raised_and_ends_the_others(monkeypatch):
    monkeypatch.setattr(tiles, "threads", lambda: 2)
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
            description="test",
            factors="x",
        )
    assert len(started) <= 3
