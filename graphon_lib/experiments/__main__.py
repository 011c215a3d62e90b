"""Command line of the experiments: ``python -m graphon_lib.experiments [NAME ...]``."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import joblib

from graphon_lib.experiments.table import EXPERIMENTS

__all__ = ["main"]


def main(arguments: list[str] | None = None) -> int:
    """Compute stored results again and return the process's exit code: 0 unless one failed."""
    parser = argparse.ArgumentParser(
        prog="python -m graphon_lib.experiments",
        description="Compute results again and store them in data/results.",
    )
    parser.add_argument(
        "names",
        nargs="*",
        metavar="NAME",
        help=f"which results, all of them when omitted: {', '.join(EXPERIMENTS)}",
    )
    parser.add_argument(
        "--scheduler",
        metavar="ADDRESS",
        help="of a Dask cluster, tcp://host:port, that sweeps are shared out over",
    )
    options = parser.parse_args(arguments)
    unknown = sorted(set(options.names) - set(EXPERIMENTS))
    if unknown:
        parser.error(f"NAME must be one of {', '.join(EXPERIMENTS)}; got {', '.join(unknown)}")
    try:
        with _workers(options.scheduler):
            for name, experiment in EXPERIMENTS.items():
                if not options.names or name in options.names:
                    experiment.run(recompute=True)
    except (ValueError, OSError) as error:
        print(f"{type(error).__name__}: {error}", file=sys.stderr)
        return 1
    return 0


@contextmanager
def _workers(scheduler: str | None) -> Iterator[None]:
    """Share cells out over a Dask cluster, or over the cores of this machine."""
    if scheduler is None:
        yield
        return
    from dask.distributed import Client

    with Client(scheduler), joblib.parallel_config(backend="dask"):
        yield


if __name__ == "__main__":
    sys.exit(main())
