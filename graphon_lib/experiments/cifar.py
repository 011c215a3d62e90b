"""The binary files of CIFAR-10: a byte of label, then the pixels of one colour after the other."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from graphon_lib.experiments.idx import DataError, unpacked

__all__ = ["SHAPE", "first_images", "read_cifar", "read_cifar_files"]

SHAPE = (32, 32, 3)
CLASSES = 10
FIRST = 4000


def read_cifar(path: Path) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """Read images (N, 32, 32, 3) and labels (N,) of one binary file.

    Every image has 3,073 bytes: its label, 0 to 9, and red, green and blue, each row by row
    (Krizhevsky, *Learning Multiple Layers of Features from Tiny Images*, 2009, and its web page).

    Raises
    ------
    DataError
        If the file is missing, is not whole, or holds another label.
    """
    content, (rows, columns, colours) = unpacked(path), SHAPE
    size = 1 + rows * columns * colours
    if not content or len(content) % size:
        raise DataError(
            f"{path} must hold {size} bytes an image, got {len(content)}; "
            "delete it and fetch it again"
        )
    records = np.frombuffer(content, np.uint8).reshape(-1, size)
    labels = records[:, 0]
    if labels.max() >= CLASSES:
        raise DataError(f"{path} must hold labels from 0 to {CLASSES - 1}, got {labels.max()}")
    planes = records[:, 1:].reshape(-1, colours, rows, columns)
    return np.moveaxis(planes, 1, -1), labels


def read_cifar_files(paths: Sequence[Path]) -> list[NDArray[np.uint8]]:
    """Read images, labels, test images and test labels from the training files and the test file."""
    *train, test = map(read_cifar, paths)
    return [np.concatenate(arrays) for arrays in zip(*train, strict=True)] + list(test)


def first_images(paths: Sequence[Path]) -> list[NDArray[np.uint8]]:
    """Read the first 4,000 training images and their labels from the first training file."""
    return [array[:FIRST] for array in read_cifar(*paths)]
