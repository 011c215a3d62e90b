"""Building the site: what changed is built, what did not is left, and the reader sees little of it."""

import pytest

from graphon_lib.book import build


@pytest.fixture
def site(tmp_path, monkeypatch):
    """A site with one staged file; building it writes its first page and is counted."""
    folders = {"ROOT": "", "STAGE": "stage", "LIBRARY": "library", "SITE": "html"}
    for name, folder in folders.items():
        (tmp_path / folder).mkdir(exist_ok=True)
        monkeypatch.setattr(build, name, tmp_path / folder)
    for name in ("constraints.txt", "package-lock.json", "pyproject.toml", "stage/chapter"):
        (tmp_path / name).write_text("")
    monkeypatch.setattr(build, "STAMP", tmp_path / "site.sha256")
    monkeypatch.setattr(build, "install_packages", lambda: None)
    monkeypatch.setattr(build, "execute_stale_chapters", list)
    monkeypatch.setattr(build, "_stage", lambda: None)
    monkeypatch.setattr(
        build, "_build_pages", lambda: (tmp_path / "html/index.html").write_text("")
    )
    return tmp_path


def test_pages_are_built_when_something_changed(site, capsys):
    assert build.build_site() == site / "html" / "index.html"
    assert "Building the pages" in capsys.readouterr().out
    build.build_site()
    assert capsys.readouterr().out == "Nothing changed\n"
    for name in ("stage/chapter", "library/module.py", "constraints.txt"):
        (site / name).write_text("changed")
        build.build_site()
        assert "Building the pages" in capsys.readouterr().out
    (site / "html" / "index.html").unlink()
    build.build_site()
    assert "Building the pages" in capsys.readouterr().out


def test_after_a_failure_the_pages_are_built_again(site, monkeypatch, capsys):
    build.build_site()
    working = build._build_pages

    def fail():
        raise RuntimeError("jupyter-book failed")

    (site / "stage" / "chapter").write_text("changed")
    monkeypatch.setattr(build, "_build_pages", fail)
    with pytest.raises(RuntimeError, match="jupyter-book failed"):
        build.build_site()
    (site / "stage" / "chapter").write_text("")
    monkeypatch.setattr(build, "_build_pages", working)
    capsys.readouterr()
    build.build_site()
    assert "Building the pages" in capsys.readouterr().out
