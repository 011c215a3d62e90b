"""The file formats in which images are published: MNIST's IDX, and the binary files of CIFAR-10."""

from __future__ import annotations

import gzip
import math
import zlib
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

__all__ = [
    "CIFAR_SHAPE",
    "DataError",
    "first_images",
    "read_cifar",
    "read_cifar_files",
    "read_idx",
    "read_idx_files",
    "unpacked",
]

UNSIGNED_BYTE = 8
GZIP = b"\x1f\x8b"

CIFAR_SHAPE = (32, 32, 3)
CIFAR_CLASSES = 10
FIRST = 4000


class DataError(ValueError):
    """Data are missing, damaged, or not what they should be; the message names the file."""


def unpacked(path: Path) -> bytes:
    """Return the content of a file, of a gzipped one what it was before.

    Raises
    ------
    DataError
        If the file is missing, or gzipped and not whole.
    """
    try:
        content = path.read_bytes()
        return gzip.decompress(content) if content.startswith(GZIP) else content
    except OSError as error:  # a bad gzip header is one of these, too
        raise DataError(f"{path} cannot be read: {error}") from error
    except (EOFError, zlib.error) as error:
        raise DataError(
            f"{path} is truncated or damaged ({error}); delete it and fetch it again"
        ) from error


def read_idx(path: Path, axes: int) -> NDArray[np.uint8]:
    """Read an IDX file of unsigned bytes, gzipped or plain, of 3 axes for images and 1 for labels.

    Two zero bytes, the type (8: unsigned byte), the number of axes; one big-endian 32-bit size an
    axis; then the values, the last axis fastest (LeCun, Cortes and Burges, *The MNIST database*).

    Raises
    ------
    DataError
        If the file is missing, is not whole, has another magic number, or has fewer or more values
        than its header states.
    """
    content = unpacked(path)
    magic = bytes([0, 0, UNSIGNED_BYTE, axes])
    if content[:4] != magic:
        raise DataError(
            f"{path} must start with the magic number {magic.hex()} (unsigned bytes, {axes} axes), "
            f"got {content[:4].hex() or 'an empty file'}; is it another file under this name?"
        )
    start = 4 + 4 * axes
    if len(content) < start:
        raise DataError(
            f"{path} must hold {axes} sizes in its header, which ends too early; "
            "delete it and fetch it again"
        )
    shape = tuple(int(size) for size in np.frombuffer(content[4:start], dtype=">u4"))
    if len(content) - start != math.prod(shape):
        raise DataError(
            f"{path} must hold {math.prod(shape)} values for its shape {shape}, "
            f"got {len(content) - start}; delete it and fetch it again"
        )
    return np.frombuffer(content, dtype=np.uint8, offset=start).reshape(shape)


def read_idx_files(paths: Sequence[Path]) -> list[NDArray[np.uint8]]:
    """Read images, labels, test images and test labels from four IDX files."""
    return [read_idx(path, axes) for path, axes in zip(paths, (3, 1, 3, 1), strict=True)]


def read_cifar(path: Path) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """Read images (N, 32, 32, 3) and labels (N,) of one binary file.

    Every image has 3,073 bytes: its label, 0 to 9, and red, green and blue, each row by row
    (Krizhevsky, *Learning Multiple Layers of Features from Tiny Images*, 2009, and its web page).

    Raises
    ------
    DataError
        If the file is missing, is not whole, or holds another label.
    """
    content, (rows, columns, colours) = unpacked(path), CIFAR_SHAPE
    size = 1 + rows * columns * colours
    if not content or len(content) % size:
        raise DataError(
            f"{path} must hold {size} bytes an image, got {len(content)}; "
            "delete it and fetch it again"
        )
    records = np.frombuffer(content, np.uint8).reshape(-1, size)
    labels = records[:, 0]
    if labels.max() >= CIFAR_CLASSES:
        raise DataError(
            f"{path} must hold labels from 0 to {CIFAR_CLASSES - 1}, got {labels.max()}"
        )
    planes = records[:, 1:].reshape(-1, colours, rows, columns)
    return np.moveaxis(planes, 1, -1), labels


def read_cifar_files(paths: Sequence[Path]) -> list[NDArray[np.uint8]]:
    """Read images, labels, test images and test labels from the training files and the test file."""
    *train, test = map(read_cifar, paths)
    return [np.concatenate(arrays) for arrays in zip(*train, strict=True)] + list(test)


def first_images(paths: Sequence[Path]) -> list[NDArray[np.uint8]]:
    """Read the first 4,000 training images and their labels from the first training file."""
    return [array[:FIRST] for array in read_cifar(*paths)]
