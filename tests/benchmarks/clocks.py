"""The machine that a benchmark runs on, and medians of times that are taken in turn."""

import os
import platform
import statistics
import time
from pathlib import Path


def machine():
    """Return the processor, its cores, and what else they do."""
    information = Path("/proc/cpuinfo")
    lines = information.read_text(encoding="utf-8").splitlines() if information.exists() else []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    name = names[0] if names else platform.processor() or platform.machine()
    return f"{name}, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}"


def in_turn(functions, repeats, clock=time.perf_counter):
    """Return the times of functions, by name: one of each, again and again.

    So what else the machine does falls on all of them.
    """
    times = {name: [] for name in functions}
    for _ in range(repeats):
        for name, function in functions.items():
            started = clock()
            function()
            times[name].append(clock() - started)
    return times


def report(times):
    """Print medians of times, and over that of the first the others', with their range."""
    first = next(iter(times.values()))
    for name, seconds in times.items():
        ratios = [one / other for one, other in zip(seconds, first, strict=True)]
        print(
            f"{name:<48} {statistics.median(seconds):9.3f} s, {statistics.median(ratios):6.2f} times "
            f"the first, {min(ratios):.2f} to {max(ratios):.2f}",
            flush=True,
        )
