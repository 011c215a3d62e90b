"""Matrices over pairs of inputs, filled tile by tile: bounded memory, threads, one half if symmetric."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import AbstractContextManager, contextmanager, nullcontext
from math import isqrt

import numpy as np

from graphon_lib._checks import check_integer
from graphon_lib.ntk.arrays import Array, array_namespace

__all__ = ["check_workers", "fill_tiles", "output_array", "tile_shape"]

SECONDS_BEFORE_PROGRESS = 5.0

Strip = Callable[[slice], Callable[[slice], Array]]


def tile_shape(blocks: int, features: int, square: bool = False) -> tuple[int, int]:
    """Return how many rows and columns of the kernel make a tile.

    Parameters
    ----------
    blocks
        The most blocks a layer has; arrays of this many tiles are worked on.
    features
        Features of an input; the first layer makes arrays of blocks x rows x features.
    square
        Whether work on single rows and columns counts most, so that a tile should have few of both.

    Returns
    -------
    tuple of int
        The rows and columns. Arrays of all blocks and a tile's pairs have about 1 MB (2 MB if
        square) and those of the first layer 32 MB at most, where 64 pairs and one row allow it.

    Notes
    -----
    The first layer multiplies a matrix of shape (blocks x rows, features) by one of shape
    (features, columns), and that is most of the work where features outnumber blocks. A long narrow
    tile fetches the large matrix from outside the caches less often: 8 x 256 takes about two
    thirds of the time a pair of 64 x 64. It also wastes less beside the diagonal.
    """
    pairs = max((2**18 if square else 2**17) // blocks, 64)
    rows = min(isqrt(pairs), 128) if square else isqrt(pairs // 32)
    rows = max(1, min(rows, 2**22 // (blocks * features)))
    return rows, rows if square else pairs // rows


def check_workers(workers: int | None) -> int:
    """Return the number of threads, by default that of the processors this process may use.

    Raises
    ------
    ValueError
        If `workers` is neither None nor a positive integer.
    """
    if workers is not None:
        return check_integer("workers", workers, 1)
    if sys.platform == "emscripten":  # the browser has no threads
        return 1
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def output_array(out: Array | None, shape: tuple[int, ...], like: Array) -> Array:
    """Return `out` if it can hold the kernel, or a new array of the kind and device of `like`.

    Raises
    ------
    ValueError
        If `out` is not a writable float64 array of this shape, or not of the inputs' kind.
    """
    xp = array_namespace(like)
    if out is None:
        return (
            np.empty(shape) if xp is np else xp.empty(shape, dtype=like.dtype, device=like.device)
        )
    if array_namespace(out) is not xp or (xp is np and not isinstance(out, np.ndarray)):
        raise ValueError(f"out must be of the inputs' kind, {type(like)}; got {type(out)}")
    if tuple(out.shape) != shape or out.dtype != like.dtype:
        raise ValueError(
            f"out must have shape {shape} and dtype {like.dtype}; got {tuple(out.shape)} and {out.dtype}"
        )
    if xp is np and not out.flags.writeable:
        raise ValueError("out must be writable, got a read-only array")
    return out


def fill_tiles(
    out: Array,
    strip: Strip,
    shape: tuple[int, int],
    *,
    symmetric: bool,
    workers: int,
    description: str,
    factors: str,
) -> None:
    """Fill a matrix over pairs of inputs, or a stack of them.

    Parameters
    ----------
    out
        Shape (..., N1, N2); filled.
    strip
        From a range of rows to the function from a range of columns to that tile; what only the rows
        decide is so computed once a strip.
    shape
        Rows and columns of a tile.
    symmetric
        Whether N1 = N2 and the matrix is symmetric; then only its upper half is computed.
    workers
        Number of threads. NumPy releases the interpreter's lock, so that they run side by side.
    description
        What the progress bar says, which is shown if tqdm is there and the work takes over 5 seconds.
    factors
        What is too large if an entry overflows, for the message.

    Raises
    ------
    ValueError
        If an entry is not finite.
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
            if not array_namespace(tile).isfinite(tile).all():
                raise ValueError(
                    f"{factors} must be small enough for a finite kernel, got an overflow"
                )
            out[..., rows, columns] = tile
            if symmetric:
                out[..., columns, rows] = tile.swapaxes(-1, -2)
        if symmetric:
            out[..., rows, rows] = _mirrored(out[..., rows, rows])
        return len(tiles(rows))

    total = sum(len(tiles(rows)) for rows in strips)
    with _progress(total, description) as advance:
        if workers == 1 or len(strips) == 1 or array_namespace(out) is not np:
            # PyTorch runs each operation on all of its own threads.
            for rows in strips:
                advance(fill(rows))
            return
        with _one_blas_thread(), ThreadPoolExecutor(workers) as pool:
            futures = [pool.submit(fill, rows) for rows in strips]
            try:
                for future in as_completed(futures):
                    advance(future.result())
            except BaseException:
                pool.shutdown(wait=True, cancel_futures=True)
                raise


def _mirrored(tile: Array) -> Array:
    # Rounding differs between the halves of a product; one of them is taken for both.
    xp = array_namespace(tile)
    return xp.triu(tile) + xp.triu(tile, 1).swapaxes(-1, -2)


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
