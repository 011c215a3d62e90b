"""Tables that code makes for a page."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape

from IPython.display import HTML

__all__ = ["html_table"]


def html_table(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> HTML:
    """Return a table, whose cells are HTML; on a phone every row of it is shown as a card.

    There the head is not seen: each cell names its column itself.
    """
    head = "".join(f"<th scope='col'>{column}</th>" for column in columns)
    body = ""
    for row in rows:
        cells = (
            f"<td data-column='{escape(c)}'>{cell}</td>"
            for c, cell in zip(columns, row, strict=True)
        )
        body += f"<tr>{''.join(cells)}</tr>"
    return HTML(f"<table class='cards'><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>")
