"""Python for the reader's browser: Pyodide, NumPy and this library, in one folder of the site."""

from __future__ import annotations

import base64
import hashlib
import json
import shutil
import tomllib
import zipfile
from pathlib import Path

from graphon_lib.book.paths import LIBRARY, ROOT

__all__ = ["CORE", "WHEELS", "write_pyodide", "write_wheel"]

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


def write_wheel(folder: Path) -> Path:
    """Write the library as a wheel: Python sources beside three files about them (PEP 427).

    Its version ends in a hash of the sources, so that no cache serves an old one under its name; from
    equal sources come equal bytes. A build tool would be fetched, or be missing offline.
    """
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    name = project["name"].replace("-", "_")
    files = {
        path.relative_to(LIBRARY.parent).as_posix(): path.read_bytes()
        for path in sorted(LIBRARY.rglob("*.py"))
    }
    digest = hashlib.sha256(b"".join(key.encode() + files[key] for key in files)).hexdigest()
    version = f"{project['version']}+{digest[:12]}"
    about = f"{name}-{version}.dist-info"
    files[f"{about}/METADATA"] = (
        f"Metadata-Version: 2.1\nName: {project['name']}\nVersion: {version}\n"
        f"Summary: {project['description']}\nLicense: {project['license']}\n"
    ).encode()
    files[f"{about}/WHEEL"] = (
        b"Wheel-Version: 1.0\nGenerator: graphon_lib.book\n"
        b"Root-Is-Purelib: true\nTag: py3-none-any\n"
    )
    record = [f"{key},{_record_hash(content)},{len(content)}\n" for key, content in files.items()]
    record.append(f"{about}/RECORD,,\n")
    files[f"{about}/RECORD"] = "".join(record).encode()
    wheel = folder / f"{name}-{version}-py3-none-any.whl"
    folder.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(wheel, "w") as archive:
        for key, content in files.items():
            # Without a date of its own an entry has the archive format's first day.
            archive.writestr(zipfile.ZipInfo(key), content, zipfile.ZIP_DEFLATED, 9)
    return wheel


def _record_hash(content: bytes) -> str:
    digest = base64.urlsafe_b64encode(hashlib.sha256(content).digest()).decode("ascii")
    return f"sha256={digest.rstrip('=')}"


def _sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()
