"""The IDX file format, in which the MNIST digits are published."""

from __future__ import annotations

import gzip
import math
import zlib
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

__all__ = ["DataError", "read_idx", "read_idx_files", "unpacked"]

UNSIGNED_BYTE = 8
GZIP = b"\x1f\x8b"


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
