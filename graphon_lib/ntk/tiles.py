"""Matrices over pairs of inputs, filled tile by tile: bounded memory, threads, one half if symmetric."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import AbstractContextManager, contextmanager, nullcontext
from math import isqrt

import numpy as np
from numpy.typing import NDArray

__all__ = ["fill_tiles", "output_array", "threads", "tile_shape"]

SECONDS_BEFORE_PROGRESS = 5.0

Array = NDArray[np.float64]
Strip = Callable[[slice], Callable[[slice], Array]]


def tile_shape(blocks: int, features: int, square: bool) -> tuple[int, int]:
    """Return how many rows and columns of the kernel make a tile.

    Arrays of all blocks and a tile's pairs have about 1 MB, and those of the first layer, of blocks
    x rows x features, 32 MB at most, where 64 pairs and one row allow it. `square` is for work on
    single rows and columns that counts most, so that a tile should have few of both; it has then 2
    MB.

    The first layer multiplies a matrix of shape (blocks x rows, features) by one of shape
    (features, columns), and that is most of the work where features outnumber blocks. A long narrow
    tile fetches the large matrix from outside the caches less often: 8 x 256 takes about two
    thirds of the time a pair of 64 x 64. It also wastes less beside the diagonal.
    """
    pairs = max((2**18 if square else 2**17) // blocks, 64)
    rows = min(isqrt(pairs), 128) if square else isqrt(pairs // 32)
    rows = max(1, min(rows, 2**22 // (blocks * features)))
    return rows, rows if square else pairs // rows


def threads() -> int:
    """Return the number of processors this process may use; the browser has no threads but one."""
    if sys.platform == "emscripten":
        return 1
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def output_array(out: Array | None, shape: tuple[int, ...]) -> Array:
    """Return `out` if it can hold the kernel, or a new array."""
    if out is None:
        return np.empty(shape)
    if not isinstance(out, np.ndarray) or out.shape != shape or out.dtype != np.float64:
        raise ValueError(
            f"out must be a float64 array of shape {shape}, got {type(out).__name__} of shape {np.shape(out)} and dtype {getattr(out, 'dtype', None)}"
        )
    if not out.flags.writeable:
        raise ValueError("out must be writable, got a read-only array")
    return out


def fill_tiles(
    out: Array,
    strip: Strip,
    shape: tuple[int, int],
    *,
    symmetric: bool,
    description: str,
    factors: str,
) -> None:
    """Fill a matrix over pairs of inputs, or a stack of them, on all processors.

    Of shape (..., N1, N2) `out` is filled by `strip`, from a range of rows to the function from a
    range of columns to that tile, of `shape`; what only the rows decide is so computed once a strip.
    Of a symmetric matrix only the upper half is computed. The progress bar, of that `description`,
    is shown if tqdm is there and the work takes over 5 seconds. `factors` are what is too large if
    an entry is not finite.
    """
    height, width = shape
    strips = [slice(i, i + height) for i in range(0, out.shape[-2], height)]

    def tiles(rows: slice) -> list[slice]:
        start = rows.start if symmetric else 0
        return [slice(i, i + width) for i in range(start, out.shape[-1], width)]

    def fill(rows: slice) -> int:
        tile_of = strip(rows)
        for columns in tiles(rows):
            with np.errstate(over="ignore", invalid="ignore"):
                tile = tile_of(columns)
            if not np.isfinite(tile).all():
                raise ValueError(
                    f"{factors} must be small enough for a finite kernel, got an overflow"
                )
            out[..., rows, columns] = tile
            if symmetric:
                out[..., columns, rows] = tile.swapaxes(-1, -2)
        if symmetric:
            # Rounding differs between the halves of a product; one of them is taken for both.
            square = out[..., rows, rows]
            out[..., rows, rows] = np.triu(square) + np.triu(square, 1).swapaxes(-1, -2)
        return len(tiles(rows))

    workers = threads()
    with _progress(sum(len(tiles(rows)) for rows in strips), description) as advance:
        if workers == 1 or len(strips) == 1:
            for rows in strips:
                advance(fill(rows))
            return
        # NumPy releases the interpreter's lock, so that threads run side by side.
        with _one_blas_thread(), ThreadPoolExecutor(workers) as pool:
            futures = [pool.submit(fill, rows) for rows in strips]
            try:
                for future in as_completed(futures):
                    advance(future.result())
            except BaseException:
                pool.shutdown(wait=True, cancel_futures=True)
                raise


@contextmanager
def _progress(total: int, description: str) -> Iterator[Callable[[int], object]]:
    try:
        from tqdm.auto import tqdm
    except ImportError:
        yield lambda _: None
        return
    with tqdm(
        total=total, desc=description, unit="tile", delay=SECONDS_BEFORE_PROGRESS, leave=False
    ) as bar:
        yield bar.update


def _one_blas_thread() -> AbstractContextManager[object]:
    """Keep BLAS from starting threads of its own beside ours, if threadpoolctl is there to ask."""
    try:
        from threadpoolctl import threadpool_limits
    except ImportError:
        return nullcontext()
    return threadpool_limits(limits=1, user_api="blas")
