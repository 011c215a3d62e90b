"""What a reader sees of a command at work: a line a step. Everything else goes into log files."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from graphon_lib.book.paths import ROOT

__all__ = ["run_logged", "say", "step", "warnings_to"]

LAST_LINES = 30


def say(message: str) -> None:
    """Print one line at once, into files and pipes too."""
    print(message, flush=True)


@contextmanager
def step(what: str) -> Iterator[None]:
    """Say what is being done and, when it is done, how long it took; both on one line."""
    print(f"{what} ... ", end="", flush=True)
    start = time.perf_counter()
    try:
        yield
    except BaseException:
        say("failed")
        raise
    say(f"{time.perf_counter() - start:.0f} s")


def run_logged(command: Sequence[str], log: Path, *, cwd: Path) -> None:
    """Run a command, whose output goes to a file, written anew.

    If it fails, a ``RuntimeError`` holds the end of its output and where the rest is.
    """
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("wb") as file:
        code = subprocess.run(command, cwd=cwd, stdout=file, stderr=subprocess.STDOUT).returncode
    if code:
        lines = log.read_text(encoding="utf-8", errors="replace").splitlines()
        raise RuntimeError(
            "\n".join(
                [f"{Path(command[0]).name} failed:", *lines[-LAST_LINES:], f"Log: {_name(log)}"]
            )
        )


@contextmanager
def warnings_to(log: Path) -> Iterator[None]:
    """Send what this process, and those that it starts, write to standard error to a file."""
    log.parent.mkdir(parents=True, exist_ok=True)
    sys.stderr.flush()
    terminal = os.dup(2)
    with log.open("wb") as file:
        os.dup2(file.fileno(), 2)
    try:
        yield
    finally:
        sys.stderr.flush()
        os.dup2(terminal, 2)
        os.close(terminal)


def _name(path: Path) -> str:
    return str(path.relative_to(ROOT) if path.is_relative_to(ROOT) else path)
