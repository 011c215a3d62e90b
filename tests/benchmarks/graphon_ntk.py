"""Time the graphon kernels; run with `python tests/benchmarks/graphon_ntk.py [section ...]`.

Sections: speed (the batch of the paper, the dense network and the empirical kernel, in one run),
drift (with drifts, side by side with
the kernel without), memory (its peak above the inputs, likewise), scaling (the number of inputs), roofline
(operations and bytes, and the floor they give on this machine). Each is run in a process of its
own, so that peaks of memory are its own. Full MNIST is used where MNIST_DIR names its folder.
"""

import os
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import numpy as np

from graphon_lib.experiments.data import load_mnist
from graphon_lib.graphons import GraphonNetwork, StepGraphon
from graphon_lib.ntk import empirical_ntk, graphon_ntk

SECTIONS = ("speed", "drift", "memory", "scaling", "roofline")
INPUTS, FEATURES, BLOCKS, HIDDEN, WIDTH, OUTPUTS = 1024, 784, 64, 4, 1024, 10
SCALING_INPUTS = (1024, 2048, 4096, 8192)
DENSITY = 0.2


def digits(count):
    return load_mnist().x_train[:count].astype(float)


def paper_network(blocks=BLOCKS):
    """Return graphons of mean density 0.2 that differ from block to block and from layer to layer."""
    rng = np.random.default_rng(0)
    sides = [FEATURES, *[blocks] * HIDDEN, OUTPUTS]
    return GraphonNetwork(
        [
            StepGraphon(2 * DENSITY * rng.random((rows, cols)))
            for rows, cols in zip(sides[1:], sides[:-1], strict=True)
        ]
    )


def signed_network():
    """Return the same graphons with second moments and drifts; means and deviations are alike."""
    layers = paper_network().layers
    rng = np.random.default_rng(2)
    second = [layer.values * rng.uniform(0.5, 3, layer.shape) for layer in layers]
    drifts = [0.35 * rng.normal(1, 1, layer.shape) for layer in layers]
    largest = np.sqrt(FEATURES * layers[0].values * second[0])
    drifts[0] = np.clip(drifts[0], -largest, largest)
    return GraphonNetwork(layers, second, drifts)


def timed(function, repeats=3):
    """Return the best wall time of several runs and the processor time of that run."""
    runs = []
    for _ in range(repeats):
        wall, processor = time.perf_counter(), time.process_time()
        function()
        runs.append((time.perf_counter() - wall, time.process_time() - processor))
    return min(runs)


def report(name, seconds):
    print(f"{name:<58} {seconds[0]:9.3f} s wall {seconds[1]:9.3f} s processor", flush=True)


def speed():
    x, network = digits(INPUTS), paper_network()
    ours = timed(lambda: graphon_ntk(x, network))
    report(f"graphon kernel, {BLOCKS} blocks a layer", ours)
    dense = GraphonNetwork.dense(HIDDEN + 1)
    report("dense kernel, one block a layer", timed(lambda: graphon_ntk(x, dense), 10))
    rng = np.random.default_rng(1)
    widths = [FEATURES, *[WIDTH] * HIDDEN, OUTPUTS]
    sampled = network.sample_masks(widths, rng)
    for name, masks in (
        ("empirical kernel, masks of density 0.2", sampled),
        ("empirical kernel, no weight pruned", [np.ones_like(mask) for mask in sampled]),
    ):
        weights = [rng.normal(size=mask.shape) for mask in masks]
        seconds = timed(lambda w=weights, m=masks: empirical_ntk(w, m, x), 1)
        report(name, seconds)
        print(f"  over the graphon kernel: {seconds[0] / ours[0]:.1f} times")


def drift():
    x, signed = digits(INPUTS), signed_network()
    plain = signed.without_drifts()
    runs = []
    for _ in range(5):
        # One after the other, so that whatever else the machine does falls on both.
        runs.append([timed(lambda n=n: graphon_ntk(x, n), 1) for n in (plain, signed)])
    median = np.median(runs, axis=0)
    for name, seconds in zip(("without drift", "with drift"), median, strict=True):
        report(f"graphon kernel {name}, median of {len(runs)} runs", seconds)
    ratios = np.array(runs)[:, 1] / np.array(runs)[:, 0]
    print(
        f"  with over without: {np.median(ratios[:, 0]):.1f} times, {ratios[:, 0].min():.1f} to {ratios[:, 0].max():.1f}"
    )


def anonymous_memory():
    """Return the resident memory of this process that is not of files, in bytes."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("RssAnon"):
            return int(line.split()[1]) << 10
    raise SystemExit("memory needs Linux: /proc/self/status has no RssAnon")


def peak_memory(function):
    """Return by how many bytes memory rises while a function runs, looked at every 2 ms."""
    before, peak, done = anonymous_memory(), 0, threading.Event()

    def watch():
        nonlocal peak
        while not done.wait(0.002):
            peak = max(peak, anonymous_memory())

    watcher = threading.Thread(target=watch)
    watcher.start()
    function()
    done.set()
    watcher.join()
    return peak - before


def memory():
    x = digits(INPUTS)
    for name, network in (("without", paper_network()), ("with", signed_network())):
        peak = peak_memory(lambda n=network: graphon_ntk(x, n))
        print(
            f"peak memory above the inputs {name} drift, the kernel included: {peak / 2**20:.0f} MiB"
        )


def scaling():
    network = paper_network(8)
    first = None
    for count in SCALING_INPUTS:
        x = digits(count)
        if len(x) < count:
            raise SystemExit("scaling needs full MNIST: set MNIST_DIR")
        with tempfile.TemporaryDirectory() as folder:
            out = np.memmap(Path(folder) / "kernel", np.float64, "w+", shape=(count, count))
            seconds = []
            peak = peak_memory(
                lambda x=x, out=out, seconds=seconds: seconds.extend(
                    timed(lambda: graphon_ntk(x, network, out=out), 1)
                )
            )
            del out
        first = first or seconds
        report(f"{count} inputs, 8 blocks a layer, to a file", seconds)
        ratios = " and ".join(f"{now / then:.1f}" for now, then in zip(seconds, first, strict=True))
        print(
            f"  over {SCALING_INPUTS[0]} inputs {ratios} times; peak memory {peak / 2**20:.0f} MiB"
        )


def roofline():
    """Count what the recursion does for each pair of inputs and measure what the machine can do."""
    pairs = INPUTS * (INPUTS + 1) / 2
    products = 2 * pairs * (BLOCKS * FEATURES + 2 * (HIDDEN - 1) * BLOCKS**2 + 2 * BLOCKS)
    elements = pairs * BLOCKS * HIDDEN
    square = np.random.default_rng(0).random((2048, 2048))
    rate = 2 * 2048**3 / timed(lambda: square @ square)[0]
    tile = np.random.default_rng(0).random((3, BLOCKS, 64 * 64))
    threads = len(os.sched_getaffinity(0))
    transcendental = timed(lambda: np.atan2(np.sqrt(tile[0], out=tile[2]), tile[1], out=tile[2]))[0]
    per_element = transcendental / tile[0].size / threads
    floor = products / rate + elements * per_element
    x, network = digits(INPUTS), paper_network()
    ours = timed(lambda: graphon_ntk(x, network))[0]
    compulsory = 8 * (INPUTS * FEATURES + INPUTS**2)
    print(
        f"matrix products: {products / 1e12:.4f} TFLOP at {rate / 1e9:.0f} GFLOP/s: {products / rate:.2f} s"
    )
    print(
        f"square roots and angles: {elements / 1e6:.0f} million at {per_element * 1e9:.2f} ns: {elements * per_element:.2f} s"
    )
    print(f"bytes that must be read or written: {compulsory / 2**20:.0f} MiB")
    print(f"floor {floor:.2f} s, measured {ours:.2f} s: {ours / floor:.2f} times the floor")


def main():
    if len(sys.argv) == 3 and sys.argv[1] == "--section":
        globals()[sys.argv[2]]()
        return
    for section in sys.argv[1:] or SECTIONS:
        if section not in SECTIONS:
            raise SystemExit(f"section must be one of {', '.join(SECTIONS)}, got {section}")
        print(f"-- {section}", flush=True)
        subprocess.run([sys.executable, __file__, "--section", section], check=True)


if __name__ == "__main__":
    main()
