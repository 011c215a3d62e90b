"""What the Graphon NTK costs on this machine: seconds, memory, and how far from the floor.

Other results can be computed again and be the same. What is measured here belongs to the processor and
to what else it was doing, which are stored with it; only what is counted is the same.
"""

from __future__ import annotations

import multiprocessing
import os
import tempfile
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import ArrayLike

from graphon_lib.experiments.cost import MEGABYTE, resident_memory, single_thread
from graphon_lib.experiments.digits import Data
from graphon_lib.experiments.experiment import Case, Experiment, profiles
from graphon_lib.graphons.network import GraphonNetwork
from graphon_lib.graphons.step_graphon import StepGraphon
from graphon_lib.ntk.empirical import empirical_ntk
from graphon_lib.ntk.kernels import graphon_ntk
from graphon_lib.ntk.tiles import threads

__all__ = ["CLOCKS", "COMPUTED", "KERNEL_COST", "PARTS", "kernel_cost"]

CLOCKS = ("wall", "processor")
"""The time of the clock on the wall, and that of all cores together."""

COMPUTED = (
    "graphon",
    "dense",
    "graphon, fewer inputs",
    "empirical, fewer inputs",
    "empirical, nothing pruned",
)
"""The Graphon NTK, that of one block a layer, and the exact kernels of two finite networks."""

PARTS = ("matrix products", "square roots and angles")
"""What no implementation of the recursion can do without."""

MACHINE = ("cores", "load_before", "load_after")

OUTPUTS = 10
RATE_SIDE = 1536
INTERVAL = 0.002


def kernel_cost(
    *,
    inputs: int,
    blocks: int,
    hidden_layers: int,
    data: Data,
    **settings: Any,  # noqa: ANN401
) -> dict[str, ArrayLike]:
    """Time the Graphon NTK, and the tangent kernel of a finite network beside it.

    Returns ``seconds`` (computed, clock); ``megabytes``, the peak of memory above the inputs during
    the first of these; ``scaling_seconds`` (inputs, clock) and ``scaling_megabytes`` (inputs);
    ``operations`` (part), floating-point operations and function values, with their ``rate`` a
    second of one core; ``compulsory_megabytes``, inputs and kernel; ``kept_weights``, the fraction
    in the finite network. ``cores``, and ``load_before`` and ``load_after``, the number of
    processes that wanted them in the minute before the first and last measurement.

    Parameters
    ----------
    inputs, empirical_inputs
        Images in the batch, and how many of them for finite networks, which take longer.
    density
        Mean of the graphons, which differ from block to block and from layer to layer.
    scaling_inputs, scaling_blocks
        Batches whose kernels are written to a file on disk, to see how cost grows, and the blocks
        of every hidden layer for those.
    repeats
        Runs of the graphon kernels; the quickest counts. The empirical ones are run once.

    Notes
    -----
    Measured in processes that hold nothing else, so that peaks of memory are those of the kernels.
    """
    before = _load()
    settings |= {"hidden_layers": hidden_layers, "data": data}
    measured = _in_fresh_process(_kernels, {"inputs": inputs, "blocks": blocks, **settings})
    scaling = _in_fresh_process(_scaling, settings)
    features = data.load().x_train.shape[1]
    return {
        **measured,
        **{f"scaling_{name}": values for name, values in scaling.items()},
        "operations": _operations(inputs, features, blocks, hidden_layers),
        "rate": _rates(blocks),
        "compulsory_megabytes": 8 * inputs * (features + inputs) / MEGABYTE,
        "cores": threads(),
        "load_before": before,
        "load_after": _load(),
    }


def with_machine(dataset: xr.Dataset, *, seed: int) -> xr.Dataset:
    """Make attributes of what belongs to the machine rather than to a kernel."""
    machine = {name: dataset[name].item() for name in MACHINE}
    return dataset.drop_vars(MACHINE).assign_attrs(machine)


def _operations(inputs: int, features: int, blocks: int, hidden_layers: int) -> list[float]:
    """Count the operations for one half of the kernel: products of matrices, functions of entries."""
    pairs = inputs * (inputs + 1) / 2
    # From inputs to the first hidden layer; two moments for each other one and for the read-out.
    of_a_pair = blocks * features + 2 * (hidden_layers - 1) * blocks**2 + 2 * blocks
    return [2 * pairs * of_a_pair, 2 * pairs * blocks * hidden_layers]


def _in_fresh_process(function: Callable[..., Any], settings: Mapping[str, Any]) -> Any:  # noqa: ANN401
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(1, mp_context=context) as pool:
        return pool.submit(function, **settings).result()


def _network(
    seed: int, inputs: int, blocks: int, hidden_layers: int, density: float
) -> GraphonNetwork:
    rng = np.random.default_rng(seed)
    sides = [inputs, *[blocks] * hidden_layers, OUTPUTS]
    return GraphonNetwork(
        [
            StepGraphon(2 * density * rng.random((rows, columns)))
            for rows, columns in zip(sides[1:], sides[:-1], strict=True)
        ]
    )


def _digits(count: int, data: Data) -> np.ndarray:
    return data.load().x_train[:count].astype(np.float64)


def _timed(function: Callable[[], object], repeats: int = 1) -> tuple[float, float]:
    """Return the least wall time and the least processor time of some runs."""
    runs = []
    for _ in range(repeats):
        wall, processor = time.perf_counter(), time.process_time()
        function()
        runs.append((time.perf_counter() - wall, time.process_time() - processor))
    walls, processors = zip(*runs, strict=True)
    return min(walls), min(processors)


def _kernels(
    *,
    seed: int,
    inputs: int,
    empirical_inputs: int,
    blocks: int,
    hidden_layers: int,
    width: int,
    density: float,
    repeats: int,
    data: Data,
    **_: object,
) -> dict[str, Any]:
    x = _digits(inputs, data)
    fewer = x[:empirical_inputs]
    network = _network(seed, x.shape[1], blocks, hidden_layers, density)
    dense = GraphonNetwork([StepGraphon([[1.0]])] * network.depth)
    rng = np.random.default_rng(seed)
    sampled = network.sample_masks([x.shape[1], *[width] * hidden_layers, OUTPUTS], rng)
    weights = [rng.standard_normal(mask.shape) for mask in sampled]
    whole = [np.ones_like(mask) for mask in sampled]
    before = resident_memory()
    return {
        "megabytes": _peak_megabytes(lambda: graphon_ntk(x, network), before),
        "seconds": [
            _timed(lambda: graphon_ntk(x, network), repeats),
            _timed(lambda: graphon_ntk(x, dense), repeats),
            _timed(lambda: graphon_ntk(fewer, network), repeats),
            _timed(lambda: empirical_ntk(weights, sampled, fewer)),
            _timed(lambda: empirical_ntk(weights, whole, fewer)),
        ],
        "kept_weights": sum(mask.sum() for mask in sampled) / sum(mask.size for mask in sampled),
    }


def _scaling(
    *,
    seed: int,
    scaling_inputs: Sequence[int],
    scaling_blocks: int,
    hidden_layers: int,
    density: float,
    data: Data,
    **_: object,
) -> dict[str, Any]:
    digits = _digits(max(scaling_inputs), data)
    network = _network(seed, digits.shape[1], scaling_blocks, hidden_layers, density)
    before = resident_memory()
    seconds, megabytes = [], []
    for count in scaling_inputs:
        x = digits[:count]
        with tempfile.TemporaryDirectory() as folder:
            out = np.memmap(Path(folder) / "kernel", np.float64, "w+", shape=(len(x), len(x)))
            task = partial(graphon_ntk, x, network, out=out)
            megabytes.append(
                _peak_megabytes(lambda task=task: seconds.append(_timed(task)), before)
            )
    return {"seconds": seconds, "megabytes": megabytes}


def _rates(blocks: int) -> list[float]:
    """Return operations and function values that one core does in a second, at its best."""
    rng = np.random.default_rng(0)
    square, tile = rng.random((RATE_SIDE, RATE_SIDE)), rng.random((blocks, 2048))
    root, angle = np.empty((2, *tile.shape))

    def functions() -> None:
        np.sqrt(tile, out=root)
        np.divide(root, tile, out=angle)
        np.arctan(angle, out=angle)

    with single_thread():
        product = _timed(lambda: square @ square, 5)[1]
        entries = _timed(lambda: [functions() for _ in range(20)], 5)[1] / 20
    return [2 * RATE_SIDE**3 / product, 2 * tile.size / entries]


def _peak_megabytes(function: Callable[[], object], before: float) -> float:
    """Return by how much memory that is not of files is above `before` while a function runs."""
    peak = before
    done = threading.Event()

    def watch() -> None:
        nonlocal peak
        while not done.wait(INTERVAL):
            peak = max(peak, resident_memory())

    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        function()
    finally:
        done.set()
        watcher.join()
    return (peak - before) / MEGABYTE


def _load() -> float:
    return os.getloadavg()[0] if hasattr(os, "getloadavg") else float("nan")


KERNEL_COST = Experiment(
    name="kernel-cost",
    cell=kernel_cost,
    finish=with_machine,
    keep=False,
    variables={
        "seconds": ("computed", "clock"),
        "kept_weights": (),
        "megabytes": (),
        "scaling_seconds": ("inputs", "clock"),
        "scaling_megabytes": ("inputs",),
        "operations": ("part",),
        "rate": ("part",),
        "compulsory_megabytes": (),
        **dict.fromkeys(MACHINE, ()),
    },
    coords={"computed": COMPUTED, "clock": CLOCKS, "inputs": "scaling_inputs", "part": PARTS},
    **profiles(
        grid={},
        inputs=(1024, 64),
        empirical_inputs=(512, 32),
        blocks=(64, 8),
        hidden_layers=(4, 2),
        width=(1024, 48),
        density=0.2,
        scaling_inputs=([1024, 2048, 4096, 8192], [32, 64, 128]),
        scaling_blocks=(8, 4),
        repeats=(3, 2),
        full=(True, False),
    ),
    case=Case(
        {
            "inputs": 64,
            "empirical_inputs": 2,
            "scaling_inputs": [32],
            "repeats": 1,
            "full": False,
        },
        ["kept_weights"],
        ["kept_weights"],
    ),
)
