"""The digits of a sweep's cells: loaded once in every process, and the same ones everywhere."""

from __future__ import annotations

from functools import cache

import numpy as np

from graphon_lib._checks import check_integer
from graphon_lib.experiments.data import Batch, DataError, Images, load_mnist

__all__ = ["checked_digits", "nested_batch"]


@cache
def checked_digits(full: bool, data_sha256: str) -> Images:
    """Load the digits, once in every process, and make sure that they are the right ones.

    Parameters
    ----------
    full
        Whether the complete data are needed rather than the bundled subset.
    data_sha256
        The checksum that they must have.

    Returns
    -------
    Images

    Raises
    ------
    DataError
        If the digits found here are others: workers on several machines must not mix data.
    """
    data = load_mnist(full=full)
    if data.sha256 != data_sha256:
        raise DataError(
            f"the digits must have SHA-256 {data_sha256}, got {data.sha256} from {data.source}; "
            "set MNIST_DIR to the same data everywhere"
        )
    return data


def nested_batch(data: Images, size: int, seed: int) -> Batch:
    """Draw training digits at random, a smaller batch being the beginning of a larger one.

    Parameters
    ----------
    data
        The digits.
    size
        How many, from 1 to the number of training digits.
    seed
        Of the order in which they are drawn.

    Returns
    -------
    Batch
        Without replacement and without balancing classes.

    Raises
    ------
    ValueError
        If `size` is out of its range.
    """
    available = len(data.x_train)
    if check_integer("size", size, 1) > available:
        raise ValueError(f"size must be at most {available}, the training digits, got {size}")
    chosen = np.random.default_rng(seed).permutation(available)[:size]
    return Batch(data.x_train[chosen], data.y_train[chosen])
