"""Cells for the tests of sweeps: worker processes must be able to import them."""

import os
import signal
import time
from pathlib import Path

import numpy as np

LIMIT = 180


def walk(*, seed, steps):
    rng = np.random.default_rng((seed, steps))
    matrix = rng.normal(size=(40, 40)).astype(np.float32)
    return {"walk": rng.normal(size=steps).cumsum(), "product": matrix @ matrix}


def counted_walk(*, seed, steps, log):
    """A walk that leaves a line behind each time that it is computed."""
    with Path(log).open("a") as file:
        file.write(f"{seed}\n")
    return walk(seed=seed, steps=steps)


def held_walk(*, seed, steps, log, held, gate):
    """A counted walk; those of the seeds from `held` on end only when there is a file `gate`."""
    arrays = counted_walk(seed=seed, steps=steps, log=log)
    if seed >= held:
        wait_for(Path(gate).exists)
    return arrays


def wait_for(condition):
    """Return once something is so. The limit is reached only where it never will be."""
    until = time.monotonic() + LIMIT
    while not condition():
        if time.monotonic() > until:
            raise TimeoutError(f"nothing happened in {LIMIT} seconds")
        time.sleep(0.01)


def fatal_walk(*, seed, steps, victim, marker):
    """A walk that kills the worker that computes the seed `victim`, the first time."""
    if seed == victim and not Path(marker).exists():
        Path(marker).touch()
        os.kill(os.getpid(), signal.SIGKILL)
    return walk(seed=seed, steps=steps)
