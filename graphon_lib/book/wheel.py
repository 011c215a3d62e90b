"""The wheel of this library for Python in the browser: the sources, as they are, in a zip archive."""

from __future__ import annotations

import base64
import hashlib
import tomllib
import zipfile
from pathlib import Path

from graphon_lib.book.paths import LIBRARY, ROOT

__all__ = ["write_wheel"]


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
