"""Numbers and formulas as a typesetter sets them."""

import pytest
from docutils import nodes
from docutils.utils import new_document

from graphon_lib.book.typography import (
    BreakNames,
    KeepPunctuation,
    SetNumbers,
    ShowRowsAsCards,
    with_apostrophes,
    with_minus_signs,
    with_whole_numbers,
)


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


@pytest.mark.parametrize(
    ("written", "shown"),
    [
        ("80 %, 95% and 0.5 %", "80~%, 95~% and 0.5~%"),
        ("1.5 ± 0.2", "1.5~±~0.2"),
        ("what % means", "what % means"),
    ],
)
def test_numbers_stay_whole(written, shown):
    assert with_whole_numbers(written) == shown.replace("~", "\N{NO-BREAK SPACE}")


def test_words_have_apostrophes_and_attributes_have_not():
    written = (
        "<table class='cards'><td title='a'>PyTorch's f'(0), SNIP&#x27;s, 'quick'</td></table>"
    )
    assert with_apostrophes(written) == written.replace("h's", "h’s").replace("&#x27;", "’")


def test_a_pasted_number_keeps_its_sign():
    words = nodes.Text(" % of them, and ")
    document = page(pasted("20"), words, pasted("30"), nodes.Text(" % of them, and "))
    document += nodes.paragraph("", "", nodes.Text("50 % of "), nodes.literal("50 %", "50 %"))
    SetNumbers(document).run()
    assert document.astext() == "20~% of them, and 30~% of them, and \n\n50~% of 50 %".replace(
        "~", "\N{NO-BREAK SPACE}"
    )


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


def test_the_same_words_elsewhere_in_a_sentence_stay():
    document = page(
        nodes.emphasis("", "constant"),
        nodes.Text("; a "),
        nodes.emphasis("", "ramp"),
        nodes.Text(" in "),
        nodes.math("v", "v"),
        nodes.Text("; a "),
        nodes.emphasis("", "product"),
    )
    KeepPunctuation(document).run()
    formula = r'<span class="math notranslate">\(v\);</span>'
    assert document.astext() == f"constant; a ramp in {formula} a product"


@pytest.mark.parametrize(
    ("written", "shown"),
    [
        ("graphon_lib.graphons.cut_norm()", "graphon_|lib.|graphons.|cut_|norm()"),
        ("tests/benchmarks/reference_schedules.py", "tests/|benchmarks/|reference_|schedules.py"),
        ("make reproduce RESULT=...", "make reproduce RESULT=..."),
        ("own_layer='mask'", "own_layer='mask'"),
        ("25220da529bced66a61006e47b1ed225", "25220da529bced66a61006e47b1ed225"),
    ],
)
def test_long_names_end_a_line_where_their_parts_meet(written, shown):
    document = page(nodes.literal("", "", nodes.Text(written)), nodes.Text(f" is {written}"))
    BreakNames(document).run()
    assert document.astext().replace("<wbr>", "|") == f"{shown} is {written}"


def table(*rows):
    """Return a table of texts, whose first row is its head."""
    lines = [
        nodes.row("", *(nodes.entry("", nodes.paragraph("", text)) for text in row)) for row in rows
    ]
    group = nodes.tgroup("", nodes.thead("", lines[0]), nodes.tbody("", *lines[1:]))
    document = new_document("page")
    document += nodes.table("", group)
    return document


def test_rows_of_a_table_of_many_columns_name_them():
    document = table(["", "grows", "at", "by"], ["SET", "some", "random", "one"])
    ShowRowsAsCards(document).run()
    assert document[0]["classes"] == ["phone-cards"]
    first, *others = document[0][0][1][0]
    assert first.astext() == "SET"
    assert [cell.astext().split() for cell in others] == [
        ["grows", "some"],
        ["at", "random"],
        ["by", "one"],
    ]
    assert all(cell[0]["classes"] == ["column"] for cell in others)


def test_a_table_of_few_columns_stays_one_on_a_phone():
    document = table(["method", "density", "error"], ["SNIP", "0.1", "2"])
    before = document.pformat()
    ShowRowsAsCards(document).run()
    assert document.pformat() == before
