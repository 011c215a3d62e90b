"""Sphinx extension: numbers and formulas as a typesetter sets them.

Numbers that code has written get minus signs and raised exponents; a formula stays on the line of the
punctuation around it, which browsers would part.
"""

from __future__ import annotations

import re
from html import escape
from typing import Any

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.transforms.post_transforms import SphinxPostTransform

__all__ = ["KeepPunctuation", "SetNumbers", "setup", "with_minus_signs"]

MINUS = re.compile(r"(?:(?<=[\s>(])|^)-(?=\d)")
EXPONENT = re.compile(r"(?<=\b10)(?:\^| to the )([-−]?\d+)")


def with_minus_signs(text: str) -> str:
    """Return a text whose negative numbers have the minus sign; hyphens within words and ranges stay."""
    return MINUS.sub("−", text)


class SetNumbers(SphinxPostTransform):
    """Set the numbers in what is pasted, in captions and in the tables that code makes."""

    # After outputs have been chosen.
    default_priority = 199
    formats = ("html",)

    def run(self, **kwargs: Any) -> None:  # noqa: ANN401
        """Apply the transform to one page."""
        for text in list(self.document.findall(nodes.Text)):
            pasted = "pasted-text" in text.parent.get("classes", ())
            if pasted or isinstance(text.parent, nodes.caption):
                text.parent.replace(text, _set(with_minus_signs(text)))
        for raw in list(self.document.findall(nodes.raw)):
            if "<table class='cards" in raw.astext():
                html = with_minus_signs(raw.astext())
                raw.replace_self(nodes.raw("", html, format=raw["format"]))


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
            if opening:
                parent.replace(before[0], nodes.Text(before[0].removesuffix(opening)))
            if closing:
                parent.replace(after[0], nodes.Text(after[0].removeprefix(closing)))


def _found(pattern: str, around: list[nodes.Node]) -> str:
    found = around and isinstance(around[0], nodes.Text) and re.search(pattern, around[0])
    return found[0] if found else ""


def setup(app: Sphinx) -> dict[str, Any]:
    """Register the extension with Sphinx."""
    app.add_post_transform(SetNumbers)
    app.add_post_transform(KeepPunctuation)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
