"""Sphinx extension: numbers, formulas, names and tables as a typesetter sets them.

Numbers that code has written get minus signs and raised exponents; a number stays on the line of its
percent sign, and a formula on that of the punctuation around it, which browsers would part. Long names
in code part where their parts meet, and the rows of a table too wide for a phone are cards there.
"""

from __future__ import annotations

import re
from html import escape
from typing import Any

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.transforms.post_transforms import SphinxPostTransform

__all__ = [
    "BreakNames",
    "KeepPunctuation",
    "SetNumbers",
    "ShowRowsAsCards",
    "setup",
    "with_apostrophes",
    "with_minus_signs",
    "with_whole_numbers",
]

AS_WRITTEN = (nodes.literal, nodes.FixedTextElement, nodes.raw, nodes.math, nodes.math_block)

MINUS = re.compile(r"(?:(?<=[\s>(])|^)-(?=\d)")
APOSTROPHE = re.compile(r"(?<=[^\W\d_])(?:'|&#x27;)(?=[^\W\d_])")
PARTED = re.compile(r"(?<=\d) ?(?=%)| (?=±)|(?<=±) ")
JOINT = re.compile(r"(?<=[._/])(?=\w)(?!py\b)")
LONG_NAME = 20
MOST_COLUMNS = 3

EXPONENT = re.compile(r"(?<=\b10)(?:\^| to the )([-−]?\d+)")


def with_minus_signs(text: str) -> str:
    """Return a text whose negative numbers have the minus sign; hyphens within words and ranges stay."""
    return MINUS.sub("−", text)


def with_apostrophes(text: str) -> str:
    """Return a text whose words have the apostrophes that Sphinx gives to what it reads itself."""
    return APOSTROPHE.sub("’", text)


def with_whole_numbers(text: str) -> str:
    """Return a text in which no line ends before a percent sign, or beside a ±."""
    return PARTED.sub("\N{NO-BREAK SPACE}", text)


class SetNumbers(SphinxPostTransform):
    """Set the numbers of a page, and the words of the tables that code makes.

    Minus signs and exponents are for what is pasted, captions and those tables alone.
    """

    # After outputs have been chosen.
    default_priority = 199
    formats = ("html",)

    def run(self, **kwargs: Any) -> None:  # noqa: ANN401
        """Apply the transform to one page."""
        for text in list(self.document.findall(nodes.Text)):
            if isinstance(text.parent, AS_WRITTEN):
                continue
            words = with_whole_numbers(text)
            place = _place(text)
            if words.startswith(" %") and place and _is_pasted(text.parent[place - 1]):
                words = f"\N{NO-BREAK SPACE}{words[1:]}"
            if _is_pasted(text.parent) or isinstance(text.parent, nodes.caption):
                text.parent[place : place + 1] = _set(with_minus_signs(words))
            elif words != text:
                text.parent[place] = nodes.Text(words)
        for raw in list(self.document.findall(nodes.raw)):
            if "<table class='cards" in raw.astext():
                html = with_apostrophes(with_minus_signs(raw.astext()))
                raw.replace_self(nodes.raw("", html, format=raw["format"]))


def _place(text: nodes.Text) -> int:
    """Return where a text stands in what it is part of; docutils would find the first that is equal."""
    return next(place for place, one in enumerate(text.parent) if one is text)


def _is_pasted(node: nodes.Node) -> bool:
    return isinstance(node, nodes.Element) and "pasted-text" in node.get("classes", ())


def _set(text: str) -> list[nodes.Node]:
    parts = EXPONENT.split(text)
    return [
        nodes.superscript("", with_minus_signs(part)) if place % 2 else nodes.Text(part)
        for place, part in enumerate(parts)
        if part
    ]


class KeepPunctuation(SphinxPostTransform):
    """Join a formula in the text with what stands around it without a space."""

    default_priority = SetNumbers.default_priority
    formats = ("html",)

    def run(self, **kwargs: Any) -> None:  # noqa: ANN401
        """Apply the transform to one page."""
        for formula in list(self.document.findall(nodes.math)):
            parent, place = formula.parent, formula.parent.index(formula)
            before, after = parent[:place][-1:], parent[place + 1 :][:1]
            opening = _found(r"[(\[“‘]+$", before)
            closing = _found(r"^\S+", after)
            if not opening and not closing:
                continue
            # Not one element more, of which a page of theorems has hundreds.
            inside = f"{escape(opening)}\\({escape(formula.astext())}\\){escape(closing)}"
            html = f'<span class="math notranslate">{inside}</span>'
            parent.replace(formula, nodes.raw("", html, format="html"))
            # By their places, as the same words may stand elsewhere in a sentence.
            if opening:
                parent[place - 1] = nodes.Text(before[0].removesuffix(opening))
            if closing:
                parent[place + 1] = nodes.Text(after[0].removeprefix(closing))


def _found(pattern: str, around: list[nodes.Node]) -> str:
    found = around and isinstance(around[0], nodes.Text) and re.search(pattern, around[0])
    return found[0] if found else ""


class BreakNames(SphinxPostTransform):
    """Let a long name in code end a line behind a dot, an underscore or a slash, as on phones it must."""

    # When names have become links.
    default_priority = 900
    formats = ("html",)

    def run(self, **kwargs: Any) -> None:  # noqa: ANN401
        """Apply the transform to one page."""
        for literal in self.document.findall(nodes.literal):
            for text in list(literal.findall(nodes.Text)):
                if len(text) <= LONG_NAME:
                    continue
                first, *others = JOINT.split(text)
                parts = [nodes.Text(first)]
                for part in others:
                    parts += nodes.raw("", "<wbr>", format="html"), nodes.Text(part)
                place = _place(text)
                text.parent[place : place + 1] = parts


class ShowRowsAsCards(SphinxPostTransform):
    """Name the column in each cell of a table of many columns, whose rows are cards on a phone."""

    # When what is in the head has been set.
    default_priority = SetNumbers.default_priority + 1
    formats = ("html",)

    def run(self, **kwargs: Any) -> None:  # noqa: ANN401
        """Apply the transform to one page."""
        for table in self.document.findall(nodes.table):
            head = next(iter(table.findall(nodes.thead)), None)
            if head is None or len(head[0]) <= MOST_COLUMNS:
                continue
            table["classes"].append("phone-cards")
            for row in next(iter(table.findall(nodes.tbody))):
                for column, cell in zip(head[0], row, strict=True):
                    if column.astext():
                        words = [word.deepcopy() for word in column[0]]
                        cell.insert(0, nodes.paragraph("", "", *words, classes=["column"]))


def setup(app: Sphinx) -> dict[str, Any]:
    """Register the extension with Sphinx."""
    app.add_post_transform(SetNumbers)
    app.add_post_transform(KeepPunctuation)
    app.add_post_transform(BreakNames)
    app.add_post_transform(ShowRowsAsCards)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
