"""Links in code: from names that a page imports to where they are explained, in every build."""

import re
from functools import cache

import pytest
from sphinx.application import Sphinx

from graphon_lib.book.execute import list_chapters
from graphon_lib.book.paths import SITE
from graphon_lib.book.sphinx_extension import GREEN, PLAIN, with_few_spans

FIRST = """
First
=====

.. toctree::

   library
   other

.. code-block:: python

   from house import Room as room, cellar
   from house.cellar import bottle
   from elsewhere import key

.. code-block:: python

   room.open(bottle, bottle=1)
   bottle = cellar.bottle(key).bottle

.. code-block:: python

   >>> from house import door
   >>> door(2)
   4
   >>> door.width
"""
LIBRARY = """
Library
=======

.. py:module:: house
.. py:class:: Room
.. py:method:: Room.open
.. py:function:: door
.. py:module:: house.cellar
.. py:function:: bottle
"""
LINKS = [
    *[("room", "Room"), ("bottle", "cellar.bottle")],
    *[("room.open", "Room.open"), ("bottle", "cellar.bottle"), ("cellar.bottle", "cellar.bottle")],
    *[("door", "door")] * 3,
]


@pytest.fixture
def build(tmp_path):
    """A site of three pages, and a function that brings it up to date and returns the first page's links."""
    (tmp_path / "conf.py").write_text("extensions = ['graphon_lib.book.code_links']")
    for name, text in (("index", FIRST), ("library", LIBRARY), ("other", "Other\n=====\n")):
        (tmp_path / f"{name}.rst").write_text(text)

    def build():
        folders = [str(tmp_path / name) for name in (".", ".", "html", "doctrees")]
        Sphinx(*folders, "html", status=None, warning=None).build()
        html = (tmp_path / "html/index.html").read_text()
        links = re.findall(r'<a class="code-link" href="(.*?)#house\.(.*?)".*?>(.*?)</a>', html)
        return [(page, re.sub("<.*?>", "", text), name) for page, name, text in links]

    build.folder = tmp_path
    return build


def test_names_that_a_page_imports_are_links_in_every_build(build):
    expected = [("library.html", *link) for link in LINKS]
    assert build() == expected
    # The first page is written along with any other one, without being read again.
    (build.folder / "other.rst").write_text("Another\n=======\n")
    assert build() == expected


def test_links_follow_a_name_to_another_page(build):
    build()
    (build.folder / "library.rst").write_text("Empty\n=====\n")
    (build.folder / "other.rst").write_text(LIBRARY)
    assert build() == [("other.html", *link) for link in LINKS]


@pytest.mark.browser
def test_links_of_chapters_lead_somewhere():
    read = cache(lambda path: path.read_text(encoding="utf-8"))
    for path in list_chapters():
        page = SITE / "chapters" / f"{path.stem}.html"
        links = set(re.findall(r'class="code-link" href="(.*?)#(.*?)"', read(page)))
        assert links, page.stem
        for target, anchor in links:
            assert f'id="{anchor}"' in read((page.parent / target).resolve())


def test_code_has_spans_for_other_colours_than_that_of_text_alone():
    rules = dict(
        re.findall(
            r"(html\S* \.highlight(?: \.\w+)?) \{[^}]*?color: (\S+)",
            (SITE / "_static" / "pygments.css").read_text(),
        )
    )
    bases = [where for where in rules if where.endswith(".highlight")]
    assert len(bases) == 2
    for base in bases:
        assert {rules[f"{base} .{name}"] for name in PLAIN} == {rules[base]}
        assert len({rules[f"{base} .{name}"] for name in GREEN}) == 1
    link = '<a class="code-link" href="a"><span class="n">a</span></a>'
    code = f'<span class="n">b</span><span class="o">=</span>{link}<span class="p">(</span>'
    assert with_few_spans(code) == f'b<span class="o">=</span>{link}('
    text = '<span class="o">=</span><span class="sa">f</span><span class="s2">&quot;</span>'
    assert with_few_spans(text) == '<span class="s2">=f&quot;</span>'
