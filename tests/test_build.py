"""Building the site: what changed is built, what did not is left, and the reader sees little of it."""

import pytest

from graphon_lib.book import __main__ as command
from graphon_lib.book import build, stamp

FOLDERS = {
    "ROOT": "",
    "CHAPTERS": "chapters",
    "LIBRARY": "library",
    "EXECUTED": "executed",
    "SITE": "html",
}


@pytest.fixture
def site(tmp_path, monkeypatch):
    """A book of one chapter; building it writes the first page."""
    for name, folder in FOLDERS.items():
        (tmp_path / folder).mkdir(exist_ok=True)
        monkeypatch.setattr(stamp, name, tmp_path / folder)
    (tmp_path / "data").mkdir()
    for name in (*stamp.FILES, "chapters/one.ipynb", "executed/one.ipynb"):
        (tmp_path / name).write_text("")
    for module in (stamp, build):
        monkeypatch.setattr(module, "STAMP", tmp_path / "site.sha256")
    monkeypatch.setattr(command, "ROOT", tmp_path)
    monkeypatch.setattr(command, "offer_downloads", lambda site: None)
    monkeypatch.setattr(command, "INDEX", tmp_path / "html" / "index.html")
    for name in ("install_packages", "execute_stale_chapters", "_stage"):
        monkeypatch.setattr(build, name, lambda: None)
    monkeypatch.setattr(
        build, "_build_pages", lambda: (tmp_path / "html/index.html").write_text("")
    )
    return tmp_path


def run(capsys):
    """Run the command; return its exit code and what the reader sees."""
    code = command.main(["build"])
    return code, capsys.readouterr().out


BUILT = (0, "Building the pages ... 0 s\nThe book is at html/index.html\n")
LEFT = (0, "Nothing changed; the book is at html/index.html\n")


@pytest.mark.parametrize(
    "name", ["chapters/one.ipynb", "library/module.py", "data/new/result.nc", "constraints.txt"]
)
def test_pages_are_built_when_something_changed(site, capsys, name):
    assert run(capsys) == BUILT
    assert run(capsys) == LEFT
    (site / name).parent.mkdir(exist_ok=True)
    (site / name).write_text("changed")
    assert run(capsys) == BUILT
    assert run(capsys) == LEFT


@pytest.mark.parametrize("name", ["html/index.html", "executed/one.ipynb"])
def test_what_was_deleted_is_made_again(site, capsys, name):
    run(capsys)
    (site / name).unlink()
    assert run(capsys) == BUILT


@pytest.mark.parametrize("name", [".ipynb_checkpoints/one.ipynb", "__pycache__/module.pyc"])
def test_what_tools_leave_behind_is_no_change(site, capsys, name):
    run(capsys)
    for folder in ("chapters", "library"):
        (site / folder / name).parent.mkdir()
        (site / folder / name).write_text("")
    assert run(capsys) == LEFT


def test_what_is_edited_meanwhile_is_built_the_next_time(site, monkeypatch, capsys):
    def edit():
        (site / "chapters/one.ipynb").write_text("edited")

    monkeypatch.setattr(build, "execute_stale_chapters", edit)
    run(capsys)
    assert run(capsys) == BUILT
    assert run(capsys) == LEFT


def test_after_a_failure_the_pages_are_built_again(site, monkeypatch, capsys):
    run(capsys)
    working = build._build_pages

    def fail():
        raise RuntimeError("jupyter-book failed")

    (site / "chapters/one.ipynb").write_text("changed")
    monkeypatch.setattr(build, "_build_pages", fail)
    assert run(capsys) == (1, "Building the pages ... failed\n")
    (site / "chapters/one.ipynb").write_text("")
    monkeypatch.setattr(build, "_build_pages", working)
    assert run(capsys) == BUILT


def test_pages_whose_sources_are_gone_are_removed(tmp_path, monkeypatch):
    monkeypatch.setattr(build, "STAGE", tmp_path / "stage")
    monkeypatch.setattr(build, "SITE", tmp_path / "html")
    for name in ("stage/chapters/api/b.rst", "stage/chapters/a.md", "stage/chapters/c.ipynb"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("")
    pages = [tmp_path / "html" / "chapters" / name for name in ("api/b.html", "a.html", "c.html")]
    old = [tmp_path / "html" / "chapters" / name for name in ("api/b-2.html", "d.html")]
    root = tmp_path / "html" / "genindex.html"
    for page in (*pages, *old, root):
        page.parent.mkdir(parents=True, exist_ok=True)
        page.write_text("")
    build._remove_old_pages()
    assert all(page.exists() for page in (*pages, root))
    assert not any(page.exists() for page in old)
