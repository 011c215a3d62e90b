"""Time `cut_norm` beside the PyPI package cutnorm; run with `python tests/benchmarks/cut_norm.py`.

The matrices are masks whose density grows along both axes, minus their block means. The package
returns a rounded solution, a lower bound, and the value of the relaxation without a proof; the last
three columns are the ratios to ours of its lower bound, its relaxation and its time.
"""

from statistics import median

import numpy as np
from clocks import in_turn, machine
from cutnorm import compute_cutnorm

from graphon_lib.graphons.cut_norm import cut_norm

BLOCKS = 16
DENSITY = 0.2
PEER_SIZES = {16: 5, 64: 5, 256: 3}
OUR_SIZES = {1024: 1, 2000: 1}
HEADER = "    n  seed      lower  upper/lower  seconds | peer: lower  relaxation  seconds |  ratios"


def mask_minus_blocks(size, rng):
    position = (np.arange(size) + 0.5) / size
    mask = (rng.random((size, size)) < DENSITY * (position[:, None] + position)).astype(float)
    blocks = np.arange(size) * min(BLOCKS, size // 4) // size
    indicator = (blocks[:, None] == np.unique(blocks)).astype(float)
    averaging = indicator / indicator.sum(axis=0) @ indicator.T
    return mask - averaging @ mask @ averaging


def timed(function, repeats):
    """Return the last result and the median time; the first call, which may compile, is not timed."""
    function()
    results = []
    times = in_turn({"one": lambda: results.append(function())}, repeats)
    return results[-1], median(times["one"])


def our_columns(size, seed, result, seconds):
    gap = result.upper / result.lower
    return f"{size:5d} {seed:5d} {result.lower:10.6f} {gap:12.4f} {seconds:8.3f} |"


def compare(size, repeats):
    for seed in range(3):
        values = mask_minus_blocks(size, np.random.default_rng(seed))
        ours, seconds = timed(lambda values=values: cut_norm(values), repeats)
        peer, peer_seconds = timed(
            lambda values=values: compute_cutnorm(values, np.zeros_like(values)), repeats
        )
        print(
            our_columns(size, seed, ours, seconds),
            f"{peer[0]:11.6f} {peer[1]:11.6f} {peer_seconds:8.3f} |",
            f"{peer[0] / ours.lower:.4f} {peer[1] / ours.upper:.4f} {peer_seconds / seconds:.1f}",
            flush=True,
        )


def main():
    print(machine())
    print(HEADER)
    for size, repeats in PEER_SIZES.items():
        compare(size, repeats)
    for size, repeats in OUR_SIZES.items():
        values = mask_minus_blocks(size, np.random.default_rng(0))
        print(
            our_columns(size, 0, *timed(lambda values=values: cut_norm(values), repeats)),
            flush=True,
        )


if __name__ == "__main__":
    main()
