"""The pages on the library, written for Sphinx from what its modules offer: nothing is listed by hand.

A room has one page. Where its package offers names itself, these are the page, and all that lies in
the modules behind them has a second one. Pages that would be heavy are divided.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence
from inspect import cleandoc
from itertools import accumulate, groupby
from math import ceil
from operator import itemgetter
from pathlib import Path
from textwrap import indent

import nbformat

from graphon_lib.book.dependencies import chapter_imports
from graphon_lib.book.paths import LIBRARY
from graphon_lib.book.public_names import PublicName, Source, public_names, read_sources

__all__ = ["write_api_pages"]

MOST = 30_000
"""About how many characters of docstrings a page holds, each of which becomes about seven bytes of HTML."""

MOST_NAMES = 4
"""How many names of a room are told for a chapter that uses more."""


def write_api_pages(
    folder: Path, library: Path = LIBRARY, chapters: Sequence[Path] = ()
) -> list[Path]:
    """Write the pages of all rooms and return them; those that have not changed are left alone.

    The first page of a room says which of the numbered notebooks `chapters` use which of its names.
    """
    sources = read_sources(library)
    used = {
        path.stem: sorted(chapter_imports(nbformat.read(path, as_version=4)))
        for path in chapters
        if path.stem[0].isdigit()
    }
    pages = {}
    for room, names in public_names(sources).items():
        shown = _shown_in(room, used)
        pages |= {folder / name: text for name, text in _pages_of_room(sources[room], names, shown)}
    folder.mkdir(parents=True, exist_ok=True)
    for path, text in pages.items():
        if not path.exists() or path.read_text(encoding="utf-8") != text:
            path.write_text(text, encoding="utf-8")
    return list(pages)


def _shown_in(room: str, used: dict[str, list[str]]) -> str:
    """Return a line that says which chapters show what of a room, each name where it comes first."""
    parts, seen = [], set()
    for chapter, imports in used.items():
        modules = {dotted.rpartition(".")[0] for dotted in imports}
        names = [
            name
            for module, _, name in (dotted.rpartition(".") for dotted in imports)
            if f"{module}.".startswith(f"{room}.")
            and f"{module}.{name}" not in modules
            and not (name in seen or seen.add(name))
        ]
        if names:
            more = ", ..." if len(names) > MOST_NAMES else ""
            shown = ", ".join(f"``{name}``" for name in names[:MOST_NAMES])
            number = int(chapter.partition("-")[0])
            parts.append(f":doc:`chapter {number} </chapters/{chapter}>` ({shown}{more})")
    return f"Explained and shown at work in {', '.join(parts)}." if parts else ""


def _pages_of_room(
    package: Source, names: list[PublicName], shown: str
) -> Iterator[tuple[str, str]]:
    """Yield name and text of each page of a room."""
    name = package.module.rpartition(".")[2]
    introduction = "\n\n".join(filter(None, (shown, package.docstring)))
    title = f"``{package.module}``"
    offered = [public for public in names if public.module == package.module]
    behind = [public for public in names if public.module != package.module]
    if offered:
        text = f"{introduction}\n\nThese names are imported from {title}."
        if behind:
            text += (
                f" What its modules offer besides has :doc:`a page of its own <{name}-modules>`."
            )
        yield from _pages(name, title, text, package, offered)
    if offered and behind:
        text = f"What they offer besides :doc:`the names that the package offers itself <{name}>`."
        yield from _pages(f"{name}-modules", f"Modules of {title}", text, package, behind)
    elif behind:
        yield from _pages(name, title, introduction, package, behind)


def _pages(
    name: str, title: str, text: str, package: Source, names: list[PublicName]
) -> Iterator[tuple[str, str]]:
    """Yield name and text of a page, or of several, each with some of the modules in their order."""
    by_home = sorted(names, key=lambda public: public.home.module)
    modules = [list(group) for _, group in groupby(by_home, key=lambda public: public.home)]
    sizes = [sum(map(_size, module)) for module in modules]
    total = sum(sizes)
    count = ceil(total / MOST)
    # A module is on the page within whose share of the whole it begins.
    shares = (before * count // max(total, 1) for before in accumulate(sizes, initial=0))
    placed = groupby(zip(shares, modules, strict=False), key=itemgetter(0))
    parts = [[module for _, module in group] for _, group in placed]
    if len(parts) == 1:
        yield f"{name}.rst", _page(title, text, package, modules)
        return
    stems = [name, *(f"{name}-{number}" for number in range(2, len(parts) + 1))]
    ends = [dict.fromkeys(_short_name(part[i][0].home, package) for i in (0, -1)) for part in parts]
    links = (f":doc:`{' to '.join(e)} <{stem}>`" for e, stem in zip(ends, stems, strict=True))
    text += f"\n\nIts modules are spread over pages: {', '.join(links)}."
    for stem, names_of_ends, part in zip(stems, ends, parts, strict=True):
        span = " to ".join(f"``{module}``" for module in names_of_ends)
        yield f"{stem}.rst", _page(f"{title}: {span}", text, package, part)


def _size(public: PublicName) -> int:
    """Return how many characters of docstrings stand with a name."""
    documented = (ast.FunctionDef, ast.ClassDef)
    nodes = [node for node in ast.walk(public.definition) if isinstance(node, documented)]
    return sum(len(ast.get_docstring(node) or "") for node in nodes)


def _page(title: str, text: str, package: Source, modules: list[list[PublicName]]) -> str:
    """Return a page: a section for each module that defines some of the names."""
    parts = [_heading(title, "="), text]
    for group in modules:
        home = group[0].home
        parts.append(_heading(f"``{_short_name(home, package)}``", "-"))
        parts.append(home.docstring.partition("\n")[0])
        for module, offered in groupby(group, key=lambda public: public.module):
            parts.append(f".. currentmodule:: {module}")
            parts.extend(_directive(public) for public in offered)
    return "\n\n".join(parts) + "\n"


def _short_name(module: Source, package: Source) -> str:
    return module.module.removeprefix(f"{package.module}.")


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
