"""The digits of a sweep's cells: loaded once in every process, and the same ones everywhere."""

from __future__ import annotations

from functools import cache
from typing import NamedTuple

import numpy as np

from graphon_lib._checks import check_integer
from graphon_lib.experiments.data import DATASETS, Batch, DataError, Images, load

__all__ = ["Data", "nested_batch"]


class Data(NamedTuple):
    """Which data and which networks a cell uses.

    Attributes
    ----------
    full, sha256
        Whether the complete data are needed rather than the bundled subset; their checksum.
    dataset, initialisation
        Names of :data:`~graphon_lib.experiments.data.DATASETS` and, of the networks that see them,
        of :data:`graphon_lib.pruning.INITIALISATIONS`.
    """

    full: bool
    sha256: str
    dataset: str = "mnist"
    initialisation: str = "he"

    def load(self) -> Images:
        """Load the data, once in every process, and make sure that they are the right ones.

        Raises
        ------
        DataError
            If those found here are others: workers on several machines must not mix data.
        """
        return _loaded(self)


@cache
def _loaded(data: Data) -> Images:
    found = load(data.dataset, full=data.full)
    if found.sha256 != data.sha256:
        raise DataError(
            f"{found.name} must have SHA-256 {data.sha256}, got {found.sha256} from {found.source}; "
            f"set {DATASETS[data.dataset].variable} to the same data everywhere"
        )
    return found


def nested_batch(data: Images, size: int, seed: int) -> Batch:
    """Draw training images at random, a smaller batch being the beginning of a larger one.

    Else as :func:`~graphon_lib.experiments.data.sample_batch`.
    """
    available = len(data.x_train)
    if check_integer("size", size, 1) > available:
        raise ValueError(f"size must be at most {available}, the training digits, got {size}")
    chosen = np.random.default_rng(seed).permutation(available)[:size]
    return Batch(data.x_train[chosen], data.y_train[chosen])
