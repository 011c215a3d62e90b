"""Which of the library's code stands behind a result or a chapter.

The modules are found from the import statements, directly or through others, and hashed without
comments and docstrings: explaining code better does not change what it computes.
"""

from __future__ import annotations

import ast
import hashlib
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
        digest.update(_bare_code(path).encode())
    return digest.hexdigest()


@cache
def _import_graph() -> grimp.ImportGraph:
    return grimp.build_graph("graphon_lib", cache_dir=None)


def _bare_code(path: Path) -> str:
    """Return a file's code without comments and docstrings, in a normal form."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    for node in ast.walk(tree):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef) and ast.get_docstring(
            node
        ):
            node.body = node.body[1:] or [ast.Pass()]
    return ast.unparse(tree)
