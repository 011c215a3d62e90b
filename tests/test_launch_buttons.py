"""Launch buttons: one setting gives every chapter its links to Binder and Colab."""

import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import nbformat
import pytest
import yaml

from graphon_lib.book.paths import ROOT, SITE

REPOSITORY = "https://github.com/someone/some-book"


def configuration():
    return yaml.safe_load((ROOT / "_config.yml").read_text(encoding="utf-8"))


def build(folder, repository):
    """Build a book of one chapter with the configuration of this one; return its page."""
    chapters = folder / "chapters"
    chapters.mkdir(parents=True)
    for name in ("_static", "_templates"):
        shutil.copytree(ROOT / "chapters" / name, chapters / name)
    shutil.copy(ROOT / "chapters" / "references.bib", chapters)
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_markdown_cell("# A chapter")])
    notebook.metadata.kernelspec = {"name": "python3", "display_name": "Python 3"}
    nbformat.write(notebook, chapters / "01-pruning.ipynb")
    changed = configuration()
    changed["repository"]["url"] = repository
    (folder / "_config.yml").write_text(yaml.safe_dump(changed), encoding="utf-8")
    (folder / "_toc.yml").write_text(
        "format: jb-book\nroot: chapters/01-pruning\n", encoding="utf-8"
    )
    command = [str(Path(sys.executable).with_name("jupyter-book")), "build", str(folder), "-q"]
    subprocess.run(command, check=True, capture_output=True)
    page = folder / "_build" / "html" / "chapters" / "01-pruning.html"
    return page.read_text(encoding="utf-8")


def page_of_a_book(folder, repository):
    """Return a page of a book at that address: of this one, or of one that is built in `folder`."""
    if configuration()["repository"]["url"] == repository:
        return (SITE / "chapters" / "01-pruning.html").read_text(encoding="utf-8")
    return build(folder, repository)


def test_the_address_of_the_repository_stands_in_one_place():
    config = configuration()
    assert set(config["repository"]) == {"url", "branch"}
    assert config["launch_buttons"]["binderhub_url"] == "https://mybinder.org"
    assert config["launch_buttons"]["colab_url"] == "https://colab.research.google.com"


@pytest.mark.browser  # with the other tests of built pages
def test_with_an_address_every_chapter_can_be_launched(tmp_path):
    page = page_of_a_book(tmp_path, REPOSITORY)
    path = "chapters/01-pruning.ipynb"
    binder = f"https://mybinder.org/v2/gh/someone/some-book/main?urlpath=lab/tree/{path}"
    colab = "https://colab.research.google.com/github/someone/some-book/blob/main"
    assert f'href="{binder}"' in page
    assert f'href="{colab}/{path}"' in page
    assert 'href="../_sources/chapters/01-pruning.ipynb"' in page


@pytest.mark.browser
def test_without_an_address_no_button_leads_nowhere(tmp_path):
    page = page_of_a_book(tmp_path, "")
    assert "mybinder" not in page
    assert "colab" not in page
    assert 'href="../_sources/chapters/01-pruning.ipynb"' in page


def test_binder_has_what_the_book_needs():
    folder = ROOT / ".binder"
    environment = yaml.safe_load((folder / "environment.yml").read_text(encoding="utf-8"))
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    torch = project["optional-dependencies"]["pruning"][0].removeprefix("torch==")
    assert f"pytorch-cpu={torch}" in environment["dependencies"]
    install = (folder / "postBuild").read_text(encoding="utf-8")
    assert '-c constraints.txt -e ".[lab]"' in install
    assert (folder / "postBuild").stat().st_mode & 0o111
    for path in folder.iterdir():
        assert "://" not in path.read_text(encoding="utf-8")
