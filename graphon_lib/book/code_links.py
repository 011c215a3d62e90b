"""Sphinx extension: names of the library in code lead to the pages that explain them.

Which name is which follows from the imports in the code of the page itself: nothing has to be kept
from build to build, and no page loses its links when others are built again.
"""

from __future__ import annotations

import ast
import doctest
import re
from html import escape
from typing import Any

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment

from graphon_lib.book.public_names import Source

__all__ = ["setup"]

NAME = re.compile(
    r'(?<!\.</span>)(<span class="n">(\w+)</span>)'
    r'(<span class="o">\.</span><span class="n">(\w+)</span>)?'
    r'(?!\s*<span class="o">=</span>)'
)
"""A name as Pygments writes it, maybe with an attribute; nothing that is assigned to, no keyword."""


def link_code(
    app: Sphinx, pagename: str, templatename: str, context: dict[str, Any], doctree: nodes.document
) -> None:
    """Make links of the names that the code of a page imports, and of their attributes."""
    imported = _imports(doctree) if doctree else {}
    objects = app.env.domains["py"].objects

    def linked(match: re.Match[str]) -> str:
        name, word, rest, attribute = match.groups(default="")
        dotted = imported.get(word)
        for target, text, after in ((f"{dotted}.{attribute}", match[0], ""), (dotted, name, rest)):
            if place := objects.get(target):
                uri = app.builder.get_relative_uri(pagename, place.docname)
                link = f'class="code-link" href="{escape(uri)}#{place.node_id}" title="{target}"'
                return f"<a {link}>{text}</a>{after}"
        return match[0]

    if imported:
        context["body"] = NAME.sub(linked, context["body"])


def _imports(doctree: nodes.document) -> dict[str, str]:
    """Return from each name that code of a page imports to its dotted name."""
    found = {}
    for block in doctree.findall(
        lambda node: isinstance(node, (nodes.literal_block, nodes.doctest_block))
    ):
        code = block.astext()
        if "import" not in code:
            continue
        if ">>> " in code:
            code = doctest.script_from_examples(code)
        try:
            imports = Source("", False, ast.parse(code)).imports
        except SyntaxError:
            # Something else than Python, such as what a program prints.
            continue
        found |= {name: ".".join(origin) for name, origin in imports.items()}
    return found


def note_places(app: Sphinx, env: BuildEnvironment) -> list[str]:
    """Have all pages written again when a name is explained elsewhere than in the last build."""
    before = getattr(env, "places_of_names", None)
    env.places_of_names = {
        name: (place.docname, place.node_id) for name, place in env.domains["py"].objects.items()
    }
    return [] if before in (None, env.places_of_names) else sorted(env.found_docs)


def setup(app: Sphinx) -> dict[str, Any]:
    """Register the extension with Sphinx."""
    app.connect("env-updated", note_places)
    app.connect("html-page-context", link_code)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
