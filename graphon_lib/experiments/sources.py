"""Which of the library's code stands behind a result or a chapter.

The modules are found from the import statements, directly or through others, and hashed without
comments and docstrings: explaining code better does not change what it computes.
"""

from __future__ import annotations

import ast
import hashlib
import io
import tokenize
from collections.abc import Collection
from functools import cache
from pathlib import Path

import grimp

__all__ = ["LIBRARY", "code_hash", "imported_names", "modules_behind"]

LIBRARY = Path(__file__).resolve().parents[1]


def imported_names(code: str) -> set[str]:
    """Return the dotted names that Python source imports; some may be attributes of modules."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(code)):
        if isinstance(node, ast.Import):
            names.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            names.add(node.module)
            names.update(f"{node.module}.{alias.name}" for alias in node.names)
    return names


def modules_behind(names: Collection[str]) -> dict[str, Path]:
    """Return the library's modules that `names` are, and those that these import.

    Parameters
    ----------
    names
        Dotted names; those that are not modules of the library are passed over.

    Returns
    -------
    dict
        From the name of each module, sorted, to its file. The packages that a module lies in do not
        count, unless they are imported from: they hold nothing but the names of their modules.
    """
    graph = _import_graph()
    pending = set(names) & graph.modules
    found: dict[str, Path] = {}
    while pending:
        name = pending.pop()
        if name in found:
            continue
        base = LIBRARY.joinpath(*name.split(".")[1:])
        found[name] = base / "__init__.py" if base.is_dir() else base.with_suffix(".py")
        pending |= graph.find_modules_directly_imported_by(name)
    return dict(sorted(found.items()))


def code_hash(names: Collection[str]) -> str:
    """Return the SHA-256 of all code that stands behind `names`, see :func:`modules_behind`."""
    digest = hashlib.sha256()
    for name, path in modules_behind(names).items():
        digest.update(name.encode())
        digest.update(_bare_code(path.read_text(encoding="utf-8")).encode())
    return digest.hexdigest()


@cache
def _import_graph() -> grimp.ImportGraph:
    return grimp.build_graph("graphon_lib", cache_dir=None)


@cache
def _bare_code(code: str) -> str:
    """Return source text without comments, docstrings, blank lines and spaces at the ends of lines.

    What is left is the text as it was written, so that every version of Python finds the same.
    """
    lines = code.split("\n")
    for token in tokenize.generate_tokens(io.StringIO(code).readline):
        if token.type == tokenize.COMMENT:
            row, column = token.start
            lines[row - 1] = lines[row - 1][:column]
    for node in ast.walk(ast.parse(code)):
        if _is_docstring(node):
            first, last = node.lineno - 1, node.end_lineno - 1
            # The tree counts columns in bytes.
            before = lines[first].encode()[: node.col_offset].decode()
            after = lines[last].encode()[node.end_col_offset :].decode()
            lines[first : last + 1] = [before + after] + [""] * (last - first)
    return "\n".join(line.rstrip() for line in lines if line.strip())


def _is_docstring(node: ast.AST) -> bool:
    """Return whether a node is a string that nothing uses: on a module, function or attribute."""
    return (
        isinstance(node, ast.Expr)
        and isinstance(node.value, ast.Constant)
        and isinstance(node.value.value, str)
    )
