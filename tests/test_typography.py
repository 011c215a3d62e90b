"""Numbers and formulas as a typesetter sets them."""

import pytest
from docutils import nodes
from docutils.utils import new_document

from graphon_lib.book.typography import KeepPunctuation, SetNumbers, with_minus_signs


def page(*children):
    document = new_document("page")
    document += nodes.paragraph("", "", *children)
    return document


def pasted(text):
    return nodes.inline(text, text, classes=["pasted-text"])


@pytest.mark.parametrize(
    ("written", "shown"),
    [
        ("-0.5", "−0.5"),
        ("-0.67 (-0.90 to -0.33)", "−0.67 (−0.90 to −0.33)"),
        ("<td>-1</td>", "<td>−1</td>"),
        ("784-300-10, 4-cycles, arXiv 1-2, 1e-05", "784-300-10, 4-cycles, arXiv 1-2, 1e-05"),
        ("[-8, 4]", "[-8, 4]"),
    ],
)
def test_negative_numbers_have_the_minus_sign(written, shown):
    assert with_minus_signs(written) == shown


@pytest.mark.parametrize(
    ("written", "shown", "raised"),
    [
        ("about 10^6", "about 106", "6"),
        ("10 to the -10", "10−10", "−10"),
        ("-2 × 10^-6 times", "−2 × 10−6 times", "−6"),
    ],
)
def test_exponents_are_raised(written, shown, raised):
    document = page(pasted(written))
    SetNumbers(document).run()
    assert document.astext() == shown
    assert [node.astext() for node in document.findall(nodes.superscript)] == [raised]


def test_only_what_code_has_written_is_set():
    literal = nodes.literal("-1", "-1")
    table = nodes.raw("", "<table class='cards'><td>(-2.5)</td></table>", format="html")
    other = nodes.raw("", "<p>-3</p>", format="html")
    document = page(literal, nodes.Text(" -4 "), table, other)
    SetNumbers(document).run()
    assert document.astext() == "-1 -4 <table class='cards'><td>(−2.5)</td></table><p>-3</p>"


def test_punctuation_stays_with_its_formula():
    document = page(
        nodes.Text("Let ("),
        nodes.math("x", "x"),
        nodes.Text(") and "),
        nodes.math("y", "y"),
        nodes.Text(" "),
        nodes.math("k", "k"),
        nodes.Text("-th, then "),
        nodes.math("z", "z"),
    )
    KeepPunctuation(document).run()
    joined = [node.astext() for node in document.findall(nodes.raw)]
    assert joined == [
        f'<span class="math notranslate">{one}</span>' for one in (r"(\(x\))", r"\(k\)-th,")
    ]
    alone = [node.astext() for node in document.findall(nodes.math)]
    assert alone == ["y", "z"]
    assert document.astext().startswith("Let <span")
