"""Cells for the tests of sweeps: worker processes must be able to import them."""

import os
import signal
import time
from pathlib import Path

import numpy as np


def walk(*, seed, steps):
    rng = np.random.default_rng((seed, steps))
    matrix = rng.normal(size=(40, 40)).astype(np.float32)
    return {"walk": rng.normal(size=steps).cumsum(), "product": matrix @ matrix}


def counted_walk(*, seed, steps, log, delay):
    """A walk that leaves a line behind each time that it is computed."""
    with Path(log).open("a") as file:
        file.write(f"{seed}\n")
    time.sleep(delay)
    return walk(seed=seed, steps=steps)


def fatal_walk(*, seed, steps, victim, marker):
    """A walk that kills the worker that computes the seed `victim`, the first time."""
    if seed == victim and not Path(marker).exists():
        Path(marker).touch()
        os.kill(os.getpid(), signal.SIGKILL)
    return walk(seed=seed, steps=steps)
