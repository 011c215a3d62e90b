"""Small results, computed once for all chapters of a session: their kernels import this first.

About ten experiments stand in more than one chapter. What is kept belongs to one session of pytest,
and so to the code as it is; the digits are the bundled ones on every machine.
"""

import functools
import os
from dataclasses import replace
from pathlib import Path

import joblib
from filelock import FileLock

from graphon_lib.experiments import data, sweep
from graphon_lib.experiments.results import Experiment
from graphon_lib.pruning import METHODS

FOLDER = Path(os.environ["QUICK_RESULTS"])


def once(run):
    """Return `Experiment.run` with quick results taken from the folder, if they are there."""

    @functools.wraps(run)
    def shared(self, *, profile="paper", recompute=False, seed=0):
        if profile != "quick":
            return run(self, profile=profile, recompute=recompute, seed=seed)
        file = FOLDER / f"{self.name}-{seed}.pickle"
        with FileLock(f"{file}.lock"):
            if not file.exists():
                unfinished = file.with_suffix(".unfinished")
                joblib.dump(run(self, profile=profile, recompute=recompute, seed=seed), unfinished)
                unfinished.rename(file)
            return joblib.load(file)

    return shared


# SynFlow's hundred rounds are most of the work, and tested elsewhere.
METHODS["synflow"] = replace(METHODS["synflow"], rounds=10)
Experiment.run = once(Experiment.run)
sweep.CACHE = FOLDER / "cells"
data._cache_folder = lambda *_: FOLDER / "no-data"
