"""Sphinx extension of the book: self-contained pages, readable reference labels."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.config import Config
from sphinx.util.images import get_image_size

from graphon_lib.book.explorers.frontend import PAGE_SCRIPTS, STYLE_SHEETS
from graphon_lib.book.page_head import metadata

__all__ = ["GREEN", "PLAIN", "setup", "with_few_spans"]

PLAIN = ("n", "nn", "nx", "p", "w")
"""Classes of Pygments that have the colour of the text around them, in the light and in the dark."""

GREEN = ("o", "s", "s1", "s2", "sa", "se", "si")
"""Classes of Pygments that have one other colour, those of strings and operators."""

CORRECTIONS = {
    # A group of references holds entries, no list items.
    '<div role="list" class="citation-list">': '<div class="citation-list">',
    '<div class="citation-list" role="list">': '<div class="citation-list">',
    ' role="doc-biblioentry"': "",
    # The corner of a table is no head of anything.
    '<th class="head"><p></p></th>': "<td></td>",
    '<th class="head text-left"><p></p></th>': "<td></td>",
    # What can be unfolded is called what is written on it.
    '<summary aria-label="Toggle hidden content">': "<summary>",
}
"""What screen readers would be told wrongly."""


def remove_external_scripts(
    app: Sphinx, pagename: str, templatename: str, context: dict[str, Any], doctree: nodes.document
) -> None:
    """Drop from a page every script that another host would serve, and thebe, which needs one."""
    context["script_files"] = [
        script for script in context["script_files"] if not _needs_another_host(script)
    ]


def _needs_another_host(script: object) -> bool:
    text = f"{getattr(script, 'filename', '')} {getattr(script, 'attributes', {}).get('body', '')}"
    return "://" in text or "thebe" in text


def complete_page(
    app: Sphinx, pagename: str, templatename: str, context: dict[str, Any], doctree: nodes.document
) -> None:
    """Give a page its metadata, what its explorers load and what templates call."""
    context["without_icon_script"] = without_icon_script
    context["without_viewport"] = without_viewport
    context["in_landmarks"] = in_landmarks
    head = without_viewport(context.get("metatags", ""))
    context["metatags"] = head + metadata(app, pagename, context, doctree)
    if body := context.get("body"):
        for wrong, right in CORRECTIONS.items():
            body = body.replace(wrong, right)
        context["body"] = with_image_sizes(app, with_few_spans(body))
        if 'class="graphon-explorer"' in body:
            for name in PAGE_SCRIPTS:
                app.add_js_file(f"explorers/{name}", defer="defer")
            for name in STYLE_SHEETS:
                app.add_css_file(f"explorers/{name}")


def use_addresses(app: Sphinx, config: Config) -> None:
    """Tell Sphinx where the site will be, and templates the path that it has there.

    While the book's repository has no address, no launch buttons are offered.
    """
    config.html_baseurl = config.publication["address"]
    config.html_context["site_path"] = urlsplit(config.html_baseurl).path or "/"
    if not config.html_theme_options.get("repository_url"):
        config.html_theme_options.pop("launch_buttons", None)


def without_icon_script(html: str) -> str:
    """Drop the script that would draw icons a second time, half of a page's weight.

    The style sheet of the theme draws them from a font already.
    """
    return re.sub(r"<script[^>]*scripts/fontawesome\.js[^>]*></script>", "", html)


def in_landmarks(html: str) -> str:
    """Make a landmark of the bar at the side, and call its search by what is written on it."""
    bar = '<div id="pst-primary-sidebar"'
    html = html.replace(bar, f'{bar} role="region" aria-label="Book"')
    return re.sub(r'(<button class="btn search-button-field[^>]*) aria-label="[^"]*"', r"\1", html)


def without_viewport(html: str) -> str:
    """Drop the description of the viewport, which Sphinx, docutils and the theme each give a page."""
    return re.sub(r'<meta [^>]*name="viewport"[^>]*>\s*', "", html)


def with_few_spans(html: str) -> str:
    """Drop what gives text the looks that it has, but in links: a quarter of a page's weight."""
    plain = "|".join((*PLAIN, "pasted-text"))
    span = rf'<a class="code-link".*?</a>|<span class="(?:{plain})">([^<]*)</span>'
    html = re.sub(span, lambda found: found[0] if found[1] is None else found[1], html)
    neighbours = rf'(?:<span class="(?:{"|".join(GREEN)})">[^<]*</span>){{2,}}'
    return re.sub(neighbours, _one_span, html)


def _one_span(neighbours: re.Match[str]) -> str:
    return f'<span class="s2">{re.sub("<[^>]*>", "", neighbours[0])}</span>'


def with_image_sizes(app: Sphinx, body: str) -> str:
    """Say how large pictures are, so that what stands below them does not move when they come."""
    sources = {name: uri for uri, name in app.builder.images.items()}

    def sized(tag: re.Match[str]) -> str:
        source = sources.get(unquote(Path(tag["src"]).name))
        size = source and get_image_size(str(Path(app.srcdir) / source))
        return f'{tag[0]} width="{size[0]}" height="{size[1]}"' if size else tag[0]

    return re.sub(r'<img\b[^>]*? src="(?P<src>[^"]*_images/[^"]*)"', sized, body)


def load_images_late(app: Sphinx, doctree: nodes.document, docname: str) -> None:
    """Let browsers load pictures when the reader comes near them."""
    for image in doctree.findall(nodes.image):
        image["loading"] = "lazy"


def shorten_citation_labels(app: Sphinx, doctree: nodes.document, docname: str) -> None:
    """Show numpydoc's references as [1]: inside MyST it leaves the unique names it gave them."""
    for text in list(doctree.findall(nodes.Text)):
        short = re.sub(r"^\[R[0-9a-f]{12}-(\w+)\]$", r"[\1]", text)
        if short != text:
            text.parent.replace(text, nodes.Text(short))


def setup(app: Sphinx) -> dict[str, Any]:
    """Register the extension with Sphinx."""
    names = ("build_speed", "citations", "code_bars", "code_links", "figure_notes", "typography")
    for name in names:
        app.setup_extension(f"graphon_lib.book.{name}")
    app.connect("html-page-context", complete_page)
    app.add_config_value("publication", {}, "html", dict)
    app.connect("config-inited", use_addresses)
    # After the theme and its extensions have added their scripts.
    app.connect("html-page-context", remove_external_scripts, priority=900)
    app.connect("doctree-resolved", load_images_late)
    app.connect("doctree-resolved", shorten_citation_labels)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
