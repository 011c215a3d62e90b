"""What a computation costs: processor time and peak memory, on one thread."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from threadpoolctl import threadpool_limits

__all__ = ["MEGABYTE", "Cost", "measured_cost", "resident_memory", "single_thread"]

MEGABYTE = 1e6
"""Bytes."""

CLEAR_REFS = Path("/proc/self/clear_refs")


@dataclass
class Cost:
    """Processor time of all threads and peak resident memory; NaN until :func:`measured_cost` ends."""

    seconds: float = float("nan")
    megabytes: float = float("nan")


@contextmanager
def measured_cost() -> Iterator[Cost]:
    """Measure the processor time and the peak memory of what runs inside; filled in at the end.

    Linux lets a process set its peak back to what it holds now. Elsewhere the peak is that since
    the process began.
    """
    cost = Cost()
    _reset_peak()
    started = time.process_time()
    yield cost
    cost.seconds = time.process_time() - started
    cost.megabytes = _peak() / MEGABYTE


@contextmanager
def single_thread() -> Iterator[None]:
    """Run what is inside on one thread, PyTorch's and NumPy's products alike.

    The number of threads decides how sums are split and so their last bits: with one thread equal
    inputs have equal results wherever they are computed on the same kind of processor.
    """
    # PyTorch counts its threads itself; where it is not loaded, it need not be.
    torch = sys.modules.get("torch")
    threads = torch.get_num_threads() if torch else 1
    if torch:
        torch.set_num_threads(1)
    try:
        with threadpool_limits(1):
            yield
    finally:
        if torch:
            torch.set_num_threads(threads)


def resident_memory() -> float:
    """Return the memory of this process in bytes, that of mapped files left out where Linux says it.

    Elsewhere it is the peak since the process began.
    """
    held = _status("RssAnon")
    return _peak() if held is None else held


def _reset_peak() -> None:
    # Not there but on Linux, and read-only in some containers.
    with suppress(OSError):
        CLEAR_REFS.write_text("5")


def _peak() -> float:
    """Return the peak resident memory in bytes."""
    peak = _status("VmHWM")
    if peak is not None:
        return peak
    import resource  # not there on Windows

    unit = 1.0 if sys.platform == "darwin" else 1024.0
    return unit * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


def _status(key: str) -> float | None:
    """Return bytes of what Linux says of this process; None elsewhere."""
    status = Path("/proc/self/status")
    lines = status.read_text().splitlines() if status.exists() else []
    return next((1024.0 * int(x.split()[1]) for x in lines if x.startswith(f"{key}:")), None)
