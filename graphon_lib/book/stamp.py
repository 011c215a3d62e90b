"""Whether the site is up to date, which is seen before anything is imported that takes seconds."""

from __future__ import annotations

import hashlib

from graphon_lib.book.paths import BUILD, CHAPTERS, EXECUTED, LIBRARY, ROOT, SITE

__all__ = ["STAMP", "hash_of_sources", "site_is_current"]

STAMP = BUILD / "site.sha256"
"""The hash of everything that the finished site was built from."""

FILES = (
    *("_config.yml", "_toc.yml", "constraints.txt", "pyproject.toml"),
    *("package.json", "package-lock.json", ".npmrc"),
)


def hash_of_sources() -> str:
    """Return the SHA-256 of the chapters, the library, the data, the settings and the versions."""
    files = [ROOT / name for name in FILES]
    for folder in (CHAPTERS, LIBRARY, ROOT / "data"):
        files += [
            path
            for path in folder.rglob("*")
            if path.is_file() and not {".ipynb_checkpoints", "__pycache__"} & set(path.parts)
        ]
    digest = hashlib.sha256()
    for path in sorted(files):
        digest.update(path.relative_to(ROOT).as_posix().encode())
        digest.update(hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()


def site_is_current() -> bool:
    """Return whether the site, and the executed chapters, were made from what is there now."""
    executed = (EXECUTED / path.name for path in CHAPTERS.glob("*.ipynb"))
    made = all(path.exists() for path in (STAMP, SITE / "index.html", *executed))
    return made and STAMP.read_text(encoding="ascii") == hash_of_sources()
