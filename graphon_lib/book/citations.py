"""Sphinx extension: entries of the list of references are named as the text cites them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from pybtex.database import Entry
from pybtex.plugin import register_plugin
from pybtex.richtext import Text
from pybtex.style.formatting.unsrt import Style
from pybtex.style.labels import BaseLabelStyle
from sphinx.application import Sphinx

__all__ = ["STYLE", "AuthorYearLabels", "AuthorYearStyle", "setup"]

STYLE = "author_year_labels"


class AuthorYearLabels(BaseLabelStyle):
    """Labels such as ``Cho and Saul, 2009``; the entries are to differ in them."""

    def format_labels(self, sorted_entries: Iterable[Entry]) -> Iterator[str]:
        """Yield a label for every entry."""
        for entry in sorted_entries:
            names = [" ".join([*p.prelast_names, *p.last_names]) for p in entry.persons["author"]]
            if len(names) > 2:
                names = [f"{names[0]} et al."]
            label = f"{' and '.join(names)}, {entry.fields['year']}"
            # As TeX has it in the file.
            yield Text.from_latex(label).render_as("text")


class AuthorYearStyle(Style):
    """The style ``unsrt`` in alphabetical order, with labels of author and year."""

    default_sorting_style = "author_year_title"
    default_label_style = AuthorYearLabels


def setup(app: Sphinx) -> dict[str, Any]:
    """Register the style with the library that writes bibliographies."""
    register_plugin("pybtex.style.formatting", STYLE, AuthorYearStyle)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
