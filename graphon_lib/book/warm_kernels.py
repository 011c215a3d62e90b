"""Kernels that start at once: forked from a process that has imported what chapters import.

Jupyter knows them by the entry point in ``pyproject.toml``; see :mod:`graphon_lib.book.execute` for the choice.
"""

from __future__ import annotations

import multiprocessing
import os
from pathlib import Path

from jupyter_client.connect import KernelConnectionInfo
from jupyter_client.provisioning.local_provisioner import LocalProvisioner

__all__ = ["WarmKernel"]

FORKS = multiprocessing.get_context("forkserver")
FORKS.set_forkserver_preload(
    [
        "ipykernel.kernelapp",
        "graphon_lib.book.explorers.jupyter",
        "graphon_lib.book.ledger",
        "graphon_lib.book.style",
    ]
)


class WarmKernel(LocalProvisioner):
    """A kernel of this Python, forked; in all else a local process like others."""

    async def launch_kernel(self, cmd: list[str], **options: object) -> KernelConnectionInfo:
        """Do in a fork what the command ``python -m ipykernel_launcher`` and its arguments would do."""
        self.cwd = Path(options.get("cwd", Path.cwd()))
        arguments = cmd[cmd.index("ipykernel_launcher") + 1 :]
        self.process = _Fork(target=_serve, args=(arguments, options["env"], self.cwd))
        self.process.start()
        self.pid = self.pgid = self.process.pid
        return self.connection_info


class _Fork(FORKS.Process):
    """A process that answers to what provisioners ask of one of :mod:`subprocess`."""

    stdin = stdout = stderr = None

    def poll(self) -> int | None:
        return self.exitcode

    def wait(self) -> int | None:
        self.join()
        return self.exitcode

    def send_signal(self, number: int) -> None:
        if self.exitcode is None:
            os.kill(self.pid, number)


def _serve(arguments: list[str], environment: dict[str, str], folder: Path) -> None:
    from ipykernel.kernelapp import launch_new_instance

    os.setsid()
    os.environ.clear()
    os.environ.update(environment)
    os.chdir(folder)
    launch_new_instance(argv=arguments)
