"""Python for the reader's browser: Pyodide, NumPy and this library, in one folder of the site."""

from __future__ import annotations

import hashlib
import json
import shutil
from pathlib import Path

from graphon_lib.book.paths import ROOT
from graphon_lib.book.wheel import write_wheel

__all__ = ["CORE", "WHEELS", "write_pyodide"]

CORE = ("pyodide.js", "pyodide.asm.js", "pyodide.asm.wasm", "python_stdlib.zip")
"""The files of the npm package ``pyodide`` that a browser needs."""

LOCK = "pyodide-lock.json"

WHEELS = ROOT / "data" / "pyodide"
"""Where NumPy's wheel for Pyodide is kept."""


def write_pyodide(package: Path, folder: Path) -> None:
    """Write the folder from which a page starts Python, out of the installed npm package ``pyodide``.

    Its lock file names two packages, ``numpy`` and ``graphon-lib``, with their SHA-256 sums, which
    Pyodide checks. A wheel of NumPy that does not belong to this Pyodide is a ``RuntimeError``.
    """
    lock = json.loads((package / LOCK).read_text(encoding="utf-8"))
    numpy = lock["packages"]["numpy"]
    wheel = WHEELS / numpy["file_name"]
    if not wheel.exists() or _sha256(wheel) != numpy["sha256"]:
        raise RuntimeError(
            f"data/pyodide/{wheel.name} must have the SHA-256 {numpy['sha256']}, which belongs to "
            f"Pyodide {lock['info']['version']}; the file is another one or missing"
        )
    folder.mkdir(parents=True, exist_ok=True)
    for old in folder.glob("*.whl"):
        old.unlink()
    for name in CORE:
        shutil.copy2(package / name, folder / name)
    shutil.copy2(wheel, folder)
    library = write_wheel(folder)
    lock["packages"] = {
        "numpy": numpy,
        "graphon-lib": {
            "name": "graphon-lib",
            "version": library.name.split("-")[1],
            "file_name": library.name,
            "sha256": _sha256(library),
            "install_dir": "site",
            "package_type": "package",
            "depends": ["numpy"],
            "imports": ["graphon_lib"],
            "unvendored_tests": False,
        },
    }
    (folder / LOCK).write_text(json.dumps(lock, indent=1), encoding="utf-8")


def _sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()
