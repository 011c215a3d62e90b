"""Building the site: stage the executed sources, run Jupyter Book strictly."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

from graphon_lib.book.api_pages import write_api_pages
from graphon_lib.book.assets import PACKAGES, fetch_assets
from graphon_lib.book.execute import list_chapters
from graphon_lib.book.explorers.catalogue import write_explorers
from graphon_lib.book.paths import CHAPTERS, DOCTREES, EXECUTED, ROOT, SITE, STAGE
from graphon_lib.book.pyodide import write_pyodide

__all__ = ["build_site"]


def build_site() -> Path:
    """Build the static site from the executed chapters.

    Returns
    -------
    Path
        The page to open first.

    Raises
    ------
    RuntimeError
        If Jupyter Book reports an error or a warning, or an asset of the pages cannot be had.
    """
    _stage()
    # Before Sphinx, which puts checksums of scripts into the pages.
    write_explorers(SITE / "_static" / "explorers")
    command = [
        *(str(Path(sys.executable).with_name("jupyter-book")), "build", str(STAGE)),
        *("--path-output", str(ROOT), "-W", "-n", "--keep-going", "-q"),
    ]
    if subprocess.run(command, cwd=ROOT).returncode:
        # Sphinx would pass over the pages it has already read, and with them their warnings.
        shutil.rmtree(DOCTREES, ignore_errors=True)
        raise RuntimeError(
            "Jupyter Book reported errors or warnings, see above; the site is not complete"
        )
    # Past Sphinx, which would copy this only along with a page that it writes.
    write_pyodide(PACKAGES / "pyodide", SITE / "_static" / "pyodide")
    return SITE / "index.html"


def _stage() -> None:
    """Bring the stage up to date, leaving unchanged files alone so that Sphinx can skip them."""
    wanted = {ROOT / name: STAGE / name for name in ("_config.yml", "_toc.yml")}
    for path in CHAPTERS.rglob("*"):
        if path.is_file() and ".ipynb_checkpoints" not in path.parts:
            wanted[path] = STAGE / path.relative_to(ROOT)
    for path in list_chapters():
        wanted[EXECUTED / path.name] = wanted.pop(path)
    static = STAGE / "chapters" / "_static"
    for source, target in wanted.items():
        if not target.exists() or target.read_bytes() != source.read_bytes():
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(source, target)
            if target.is_relative_to(static):
                # Sphinx copies these only along with a page that it writes.
                shutil.rmtree(DOCTREES, ignore_errors=True)
    kept = {*wanted.values(), *write_api_pages(STAGE / "chapters" / "api.md")}
    for path in STAGE.rglob("*"):
        if path.is_file() and path not in kept and not path.is_relative_to(static):
            path.unlink()
    fetch_assets(static)
