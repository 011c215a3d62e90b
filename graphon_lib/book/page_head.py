"""What a page says of itself to search engines, social networks and reference managers.

Who publishes the book, where and under which identifier stands in one place, ``publication`` in
``_config.yml``. What is empty there is left out of every page.
"""

from __future__ import annotations

import posixpath
import re
from html import escape, unescape
from textwrap import shorten
from typing import Any

from docutils import nodes
from sphinx.application import Sphinx

__all__ = ["metadata"]

LONGEST = 200
"""Characters of a description, about as many as search engines show."""

COVER = "chapters/01-pruning"
"""The page whose first picture stands for pages that have none."""


def metadata(
    app: Sphinx, pagename: str, context: dict[str, Any], doctree: nodes.document | None
) -> str:
    """Return the meta elements of a page: its description, OpenGraph's, and those that Zotero reads.

    Without an address of the site the picture is named relative to the page.
    """
    publication, book = app.config.publication, app.config.html_title
    title = unescape(re.sub(r"<[^>]*>", "", context.get("title") or book))
    description = _description(doctree) or f"{title}, a page of {book}."
    tags = [
        ("name", "description", description),
        ("property", "og:title", title),
        ("property", "og:description", description),
        ("property", "og:type", "article"),
        ("property", "og:site_name", book),
        ("name", "citation_title", title),
        ("name", "citation_inbook_title", book),
        ("name", "citation_language", app.config.language),
    ]
    if picture := _picture(app, doctree):
        file, alt = picture
        place = app.config.html_baseurl or context["content_root"]
        tags += [("property", "og:image", f"{place}_images/{file}")]
        tags += [("property", "og:image:alt", alt)]
    if context.get("pageurl"):
        tags += [("property", "og:url", context["pageurl"])]
        tags += [("name", "citation_public_url", context["pageurl"])]
    tags += [("name", "citation_author", author) for author in publication["authors"]]
    tags += [
        ("name", f"citation_{name}", publication[name])
        for name in ("publication_date", "doi")
        if publication[name]
    ]
    return "\n".join(
        f'<meta {kind}="{name}" content="{escape(" ".join(content.split()))}" />'
        for kind, name, content in tags
    )


def _description(doctree: nodes.document | None) -> str:
    """Return the beginning of the first paragraph, without formulas that only LaTeX would read."""
    paragraphs = doctree.findall(nodes.paragraph) if doctree else ()
    text = next((p.astext() for p in paragraphs if not p.next_node(nodes.math)), "")
    return shorten(text, LONGEST, placeholder=" …")


def _picture(app: Sphinx, doctree: nodes.document | None) -> tuple[str, str] | None:
    """Return file name and alt text of a page's first picture, else of the one that stands for all.

    Drawings (SVG) are none, since those who read this do not show them.
    """
    known = {name: pages for pages, name in app.env.images.values() if not name.endswith(".svg")}
    for image in doctree.findall(nodes.image) if doctree else ():
        # The page is written: its pictures have the addresses that they have on the site.
        name = posixpath.basename(image["uri"])
        if name in known:
            return name, image.get("alt", "")
    cover = (name for name, pages in known.items() if COVER in pages)
    return next(((name, app.config.html_title) for name in cover), None)
