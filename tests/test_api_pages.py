"""The pages on the library: written from ``__all__`` alone, every public name on exactly one of them."""

import importlib
import os
import pkgutil
import re
import textwrap

import nbformat
import pytest

from graphon_lib.book import api_pages
from graphon_lib.book.api_pages import write_api_pages
from graphon_lib.book.paths import LIBRARY, SITE
from graphon_lib.book.public_names import read_sources

HOUSE = {
    "__init__.py": '"""A house."""\n__all__ = ["__version__"]\n__version__ = "1"\n',
    "_checks.py": '__all__ = ["check"]\ndef check():\n    "Check."\n',
    "cellar/__init__.py": '''
        """Where wine is kept."""
        from house.cellar.wine import Wine
        __all__ = ["Wine"]
        ''',
    "cellar/wine.py": '''
        """Wine: bottles and years.

        More about wine.
        """
        __all__ = ["YEARS", "Wine", "age"]
        YEARS = (1990, 1991)
        """When it was
        good."""
        class Wine:
            """A bottle."""
            def pour(self):
                """Pour a glass."""
            def undocumented(self):
                return 1
            def _drink(self):
                """Drink it."""
        def age(wine):
            """Return its age."""
        def private():
            """Nobody's business."""
        ''',
    "cellar/rats.py": '"""Rats."""\ndef squeak():\n    """Squeak."""\n',
    "attic/__init__.py": '"""Where things are forgotten."""\n',
    "attic/chest.py": '''
        """A chest."""
        from house.cellar import Wine
        from house.cellar.wine import age as how_old
        __all__ = ["ChestError", "KEYS", "Wine", "how_old"]
        KEYS = {
            "small": object(),
        }
        class ChestError(RuntimeError):
            """It is locked."""
        ''',
}


@pytest.fixture
def house(tmp_path):
    """Return the folder of a package with two rooms."""
    for name, code in HOUSE.items():
        path = tmp_path / "house" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(textwrap.dedent(code).lstrip())
    return tmp_path / "house"


def documented(*paths):
    """Return what the pages at `paths` document, as pairs of a directive and a name, in order."""
    found = []
    for path in paths:
        for directive, name in re.findall(
            r"^\.\. ([\w:]+):: (\S+)$", path.read_text(), re.MULTILINE
        ):
            if directive == "currentmodule":
                module = name
            else:
                found.append((directive, f"{module}.{name}"))
    return found


def test_a_room_has_a_page_and_one_for_what_lies_behind_its_package(house, tmp_path):
    pages = write_api_pages(tmp_path / "api", house)
    assert sorted((tmp_path / "api").iterdir()) == sorted(pages)
    assert {page.name for page in pages} == {"attic.rst", "cellar.rst", "cellar-modules.rst"}
    assert documented(tmp_path / "api" / "cellar.rst") == [("autoclass", "house.cellar.Wine")]
    assert documented(tmp_path / "api" / "cellar-modules.rst") == [
        ("py:data", "house.cellar.wine.YEARS"),
        ("autofunction", "house.cellar.wine.age"),
    ]
    # Wine and its age are at home in another room.
    assert documented(tmp_path / "api" / "attic.rst") == [
        ("autoexception", "house.attic.chest.ChestError"),
        ("py:data", "house.attic.chest.KEYS"),
    ]


def test_a_heavy_page_is_divided_between_modules(house, tmp_path):
    for module in ("bins", "corks", "racks"):
        (house / "attic" / f"{module}.py").write_text(
            f'__all__ = ["{module}"]\ndef {module}():\n    "{"x" * (api_pages.MOST // 2)}"\n'
        )
    pages = {page.stem: page for page in write_api_pages(tmp_path / "api", house)}
    assert set(pages) == {"attic", "attic-2", "cellar", "cellar-modules"}
    # Each module stands on one page, with all that it offers, and they follow one another.
    modules = {stem: [name.split(".")[2] for _, name in documented(pages[stem])] for stem in pages}
    assert modules["attic"] == ["bins", "chest", "chest", "corks"]
    assert modules["attic-2"] == ["racks"]
    for stem, title in (("attic", "``bins`` to ``corks``"), ("attic-2", "``racks``")):
        text = pages[stem].read_text()
        assert text.startswith(f"``house.attic``: {title}\n===")
        assert ":doc:`bins to corks <attic>`, :doc:`racks <attic-2>`." in text


def test_pages_say_what_docstrings_say(house, tmp_path):
    write_api_pages(tmp_path / "api", house)
    room, modules = (
        (tmp_path / "api" / f"cellar{end}.rst").read_text() for end in ("", "-modules")
    )
    assert room.startswith("``house.cellar``\n================\n\nWhere wine is kept.\n")
    assert "Wine: bottles and years.\n" in room
    assert ":members: pour\n" in room
    assert "   :value: (1990, 1991)\n\n   When it was\n   good.\n" in modules
    assert "More about wine" not in room + modules
    assert "Rats" not in room + modules
    assert ":value:" not in (tmp_path / "api" / "attic.rst").read_text()


def test_a_page_says_which_chapter_shows_what(house, tmp_path):
    chapters = []
    for number, code in enumerate(
        ("from house.cellar import Wine\n%time", "from house.cellar.wine import age\nimport os")
    ):
        cells = [nbformat.v4.new_code_cell(code) for _ in range(2)]
        chapters.append(tmp_path / f"0{number + 1}-chapter.ipynb")
        nbformat.write(nbformat.v4.new_notebook(cells=cells), chapters[-1])
    write_api_pages(tmp_path / "api", house, chapters)
    line = (
        "Explained and shown at work in :doc:`chapter 1 </chapters/01-chapter>` (``Wine``), "
        ":doc:`chapter 2 </chapters/02-chapter>` (``age``).\n\nWhere wine is kept."
    )
    assert line in (tmp_path / "api" / "cellar.rst").read_text()
    assert "shown at work" not in (tmp_path / "api" / "attic.rst").read_text()


def test_what_is_added_appears(house, tmp_path):
    write_api_pages(tmp_path / "api", house)
    wine = house / "cellar" / "wine.py"
    wine.write_text(wine.read_text().replace('"age"]', '"age", "private"]'))
    (house / "attic" / "lamp.py").write_text('__all__ = ["shine"]\ndef shine():\n    "Shine."\n')
    (house / "garden").mkdir()
    (house / "garden" / "__init__.py").write_text('__all__ = ["dig"]\ndef dig():\n    "Dig."\n')
    names = [name for _, name in documented(*write_api_pages(tmp_path / "api", house))]
    assert {"house.cellar.wine.private", "house.attic.lamp.shine", "house.garden.dig"} <= set(names)


def test_unchanged_pages_are_left_alone(house, tmp_path):
    pages = write_api_pages(tmp_path / "api", house)
    for path in pages:
        os.utime(path, (1, 1))
    rats = house / "cellar" / "rats.py"
    rats.write_text(rats.read_text() + '__all__ = ["squeak"]\n')
    assert write_api_pages(tmp_path / "api", house) == pages
    assert [path.name for path in pages if path.stat().st_mtime > 1] == ["cellar-modules.rst"]


def test_a_name_that_nobody_defines_is_refused(house, tmp_path):
    (house / "attic" / "ghost.py").write_text('from os import path\n__all__ = ["path"]\n')
    with pytest.raises(ValueError, match=r"house\.attic\.ghost holds 'path'; allowed are"):
        write_api_pages(tmp_path / "api", house)


@pytest.fixture(scope="module")
def modules():
    """Return the imported modules of all rooms, by dotted name."""
    found = pkgutil.walk_packages([str(LIBRARY)], "graphon_lib.")
    names = [name for _, name, is_package in found if is_package or name.count(".") > 1]
    return {name: importlib.import_module(name) for name in names}


@pytest.fixture(scope="module")
def names_on_pages(tmp_path_factory):
    """Return the full name of everything that the pages document, as often as they do."""
    pages = write_api_pages(tmp_path_factory.mktemp("api"))
    return [name for _, name in documented(*pages)]


def value_of(modules, full_name):
    module, _, name = full_name.rpartition(".")
    return getattr(modules[module], name)


def test_sources_say_what_the_modules_say(modules):
    sources = read_sources(LIBRARY)
    for name, module in modules.items():
        assert sources[name].exports == getattr(module, "__all__", [])


def test_every_public_name_is_on_exactly_one_page(modules, names_on_pages):
    """Under the module that offers it, or, where that has it from another, under that one."""
    for module in modules.values():
        for name in getattr(module, "__all__", []):
            value = getattr(module, name)
            places = [
                place for place in names_on_pages if place == f"{module.__name__}.{name}"
            ] or [
                place
                for place in names_on_pages
                if place.endswith(f".{name}") and value_of(modules, place) is value
            ]
            assert len(places) == 1, f"{module.__name__}.{name}"


def test_packages_offer_their_names_themselves(names_on_pages):
    assert "graphon_lib.graphons.sas" in names_on_pages
    assert "graphon_lib.graphons.sas.sas" not in names_on_pages


@pytest.mark.browser
def test_every_public_name_is_on_the_site(names_on_pages):
    pages = [page.read_text(encoding="utf-8") for page in SITE.glob("chapters/api/*.html")]
    index = (SITE / "genindex.html").read_text(encoding="utf-8")
    for name in names_on_pages:
        assert sum(f'id="{name}"' in page for page in pages) == 1, name
        assert f'#{name}"' in index, name


@pytest.mark.browser
def test_no_page_is_heavy():
    pages = [page for page in SITE.rglob("*.html") if "_static" not in page.parts]
    assert pages
    sizes = {page.relative_to(SITE).as_posix(): page.stat().st_size for page in pages}
    assert {name: size for name, size in sizes.items() if size > 400_000} == {}
