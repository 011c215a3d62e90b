"""Bars over hidden code: named by what the cell shows, and one set-up cell a page."""

import pytest
from docutils import nodes
from docutils.utils import new_document

from graphon_lib.book.code_bars import BARS, SET_UP, NameCodeBars


def cell(code, *shown, hidden=True):
    node = nodes.container(nb_element="cell_code", prompt_show="Show", prompt_hide="Hide")
    if hidden:
        node["hide_mode"] = "input"
    source = nodes.container("", nodes.literal_block(code, code), nb_element="cell_code_source")
    node += source
    if shown:
        node += nodes.container("", *shown, nb_element="cell_code_output")
    return node


def html(text):
    return nodes.raw("", text, format="html")


def named(*children):
    document = new_document("page")
    section = nodes.section("", nodes.title("", "Title"), *children)
    document += section
    NameCodeBars(document).run()
    return section


@pytest.mark.parametrize(
    ("shown", "kind"),
    [
        (nodes.figure("", nodes.image(uri="a.png")), "figure"),
        (html("<div class='graphon-explorer'></div>"), "explorer"),
        (html("<figure class='front'></figure>"), "picture"),
        (html("<table></table>"), "table"),
        (nodes.literal_block("0.5", "0.5"), "text"),
    ],
)
def test_a_bar_says_what_the_cell_makes(shown, kind):
    _, found = named(cell("code", shown)).children
    assert found["prompt_show"] == found["prompt_hide"] == BARS[kind]


def test_silent_cells_are_one_at_the_end_of_the_introduction():
    later = nodes.section("", nodes.title("", "Later"), cell("glue"))
    page = named(cell("imports"), nodes.paragraph("", "Words."), later)
    title, words, setup, section = page.children
    assert (title.astext(), words.astext(), section.astext()) == ("Title", "Words.", "Later")
    assert setup["prompt_show"] == SET_UP
    assert [block.astext() for block in setup.findall(nodes.literal_block)] == ["imports", "glue"]


def test_cells_that_are_shown_stay():
    page = named(cell("shown", hidden=False), cell("silent"))
    assert [child.get("prompt_show") for child in page.children[1:]] == ["Show", SET_UP]
