"""The pages on the library, written for Sphinx from what its modules offer: nothing is listed by hand.

A room has one page. Where its package offers names itself, these are the page, and all that lies in
the modules behind them has a second one.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from inspect import cleandoc
from itertools import groupby
from pathlib import Path
from textwrap import indent

from graphon_lib.book.paths import LIBRARY
from graphon_lib.book.public_names import PublicName, Source, public_names, read_sources

__all__ = ["write_api_pages"]


def write_api_pages(index: Path, library: Path = LIBRARY) -> list[Path]:
    """Write the pages of all rooms, leaving those alone that have not changed.

    Parameters
    ----------
    index
        The page that they are listed on; they go into the folder of its name.
    library
        The folder of the library's package, whose subpackages are the rooms.

    Returns
    -------
    list of Path
        The pages.
    """
    sources = read_sources(library)
    folder = index.with_suffix("")
    folder.mkdir(parents=True, exist_ok=True)
    before = set(folder.iterdir())
    pages = {}
    for room, names in public_names(sources).items():
        pages |= {folder / name: text for name, text in _pages_of_room(sources[room], names)}
    for path, text in pages.items():
        if path not in before or path.read_text(encoding="utf-8") != text:
            path.write_text(text, encoding="utf-8")
    if before != set(pages):
        # Sphinx would not look again which pages the index lists.
        index.touch()
    return list(pages)


def _pages_of_room(package: Source, names: list[PublicName]) -> Iterator[tuple[str, str]]:
    """Yield name and text of each page of a room."""
    name = package.module.rpartition(".")[2]
    title = f"``{package.module}``"
    offered = [public for public in names if public.module == package.module]
    behind = [public for public in names if public.module != package.module]
    if offered:
        text = f"{package.docstring}\n\nThese names are imported from {title}."
        if behind:
            text += (
                f" What its modules offer besides has :doc:`a page of its own <{name}-modules>`."
            )
        yield f"{name}.rst", _page(title, text, package, offered)
    if offered and behind:
        text = f"What they offer besides :doc:`the names that the package offers itself <{name}>`."
        yield f"{name}-modules.rst", _page(f"Modules of {title}", text, package, behind)
    elif behind:
        yield f"{name}.rst", _page(title, package.docstring, package, behind)


def _page(title: str, text: str, package: Source, names: list[PublicName]) -> str:
    """Return a page: a section for each module that defines some of the names."""
    parts = [_heading(title, "="), text]
    by_home = sorted(names, key=lambda public: public.home.module)
    for home, group in groupby(by_home, key=lambda public: public.home):
        parts.append(_heading(f"``{home.module.removeprefix(f'{package.module}.')}``", "-"))
        parts.append(home.docstring.partition("\n")[0])
        for module, offered in groupby(group, key=lambda public: public.module):
            parts.append(f".. currentmodule:: {module}")
            parts.extend(_directive(public) for public in offered)
    return "\n\n".join(parts) + "\n"


def _heading(text: str, line: str) -> str:
    return f"{text}\n{line * len(text)}"


def _directive(public: PublicName) -> str:
    """Return what makes Sphinx document a name."""
    match public.definition:
        case ast.FunctionDef():
            return f".. autofunction:: {public.name}"
        case ast.ClassDef(body=body):
            kind = "exception" if public.name.endswith("Error") else "class"
            methods = [node.name for node in body if _is_documented_method(node)]
            members = f"\n   :members: {', '.join(methods)}" if methods else ""
            return f".. auto{kind}:: {public.name}{members}"
    # For a value without a docstring, autodoc would show that of its type.
    value = ast.unparse(public.definition.value)
    shown = f"\n   :value: {value}" if _is_short_literal(public.definition.value) else ""
    text = cleandoc(public.home.docstring_after(public.definition))
    return f".. py:data:: {public.name}{shown}\n\n{indent(text, '   ')}".rstrip()


def _is_documented_method(node: ast.stmt) -> bool:
    return (
        isinstance(node, ast.FunctionDef)
        and not node.name.startswith("_")
        and ast.get_docstring(node) is not None
    )


def _is_short_literal(node: ast.expr) -> bool:
    if node.lineno != node.end_lineno:
        return False
    try:
        ast.literal_eval(node)
    except ValueError:
        return False
    return True
