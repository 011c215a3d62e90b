"""Building the site: stage the executed sources, run Jupyter Book strictly."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

from graphon_lib.book.api_pages import write_api_pages
from graphon_lib.book.assets import PACKAGES, copy_assets, install_packages
from graphon_lib.book.crate import write_crate
from graphon_lib.book.execute import execute_stale_chapters, list_chapters
from graphon_lib.book.explorers.catalogue import write_explorers
from graphon_lib.book.paths import BUILD, CHAPTERS, DOCTREES, EXECUTED, ROOT, SITE, STAGE
from graphon_lib.book.progress import run_logged, step
from graphon_lib.book.publication import write_site_files
from graphon_lib.book.pyodide import write_pyodide
from graphon_lib.book.stamp import STAMP, hash_of_sources

__all__ = ["build_site"]


def build_site() -> None:
    """Execute the chapters that changed and build the static site.

    A ``RuntimeError`` says what failed: a chapter, Jupyter Book, whose warnings count, or npm.
    """
    STAMP.unlink(missing_ok=True)
    # First, since what is missing should be known before minutes of work.
    install_packages()
    # What is edited meanwhile is for the next time.
    sources = hash_of_sources()
    execute_stale_chapters()
    with step("Building the pages"):
        _stage()
        _build_pages()
    STAMP.write_text(sources, encoding="ascii")


def _build_pages() -> None:
    # Before Sphinx, which puts checksums of scripts into the pages.
    write_explorers(SITE / "_static" / "explorers")
    command = [
        *(str(Path(sys.executable).with_name("jupyter-book")), "build", str(STAGE)),
        *("--path-output", str(ROOT), "-W", "-n", "--keep-going", "-q"),
    ]
    try:
        run_logged(command, BUILD / "jupyter-book.log", cwd=ROOT)
    except RuntimeError:
        # Sphinx would pass over the pages it has already read, and with them their warnings.
        shutil.rmtree(DOCTREES, ignore_errors=True)
        raise
    # Past Sphinx, which would copy this only along with a page that it writes.
    write_pyodide(PACKAGES / "pyodide", SITE / "_static" / "pyodide")
    _remove_old_pages()
    write_site_files(SITE)
    write_crate(SITE / "results")


def _remove_old_pages() -> None:
    """Remove the pages whose sources are gone, which Sphinx leaves."""
    for page in (SITE / "chapters").rglob("*.html"):
        source = STAGE / page.relative_to(SITE)
        if not any(source.with_suffix(ending).exists() for ending in (".ipynb", ".md", ".rst")):
            page.unlink()


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
    api = STAGE / "chapters" / "api"
    before = set(api.glob("*"))
    pages = set(write_api_pages(api, chapters=list_chapters()))
    if pages != before:
        # Sphinx does not see that the table of contents has other pages now.
        shutil.rmtree(DOCTREES, ignore_errors=True)
    kept = {*wanted.values(), *pages}
    for path in STAGE.rglob("*"):
        if path.is_file() and path not in kept and not path.is_relative_to(static):
            path.unlink()
    copy_assets(static)
