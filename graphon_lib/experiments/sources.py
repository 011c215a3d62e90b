"""Which of the library's code stands behind a result or a chapter.

Behind a chapter stand the modules that it imports, directly or through others; behind a result the
functions, classes and constants that its own functions name, directly or through others. They are
hashed without comments and docstrings: explaining code better does not change what it computes.
"""

from __future__ import annotations

import ast
import hashlib
import io
import tokenize
from collections.abc import Callable, Collection
from functools import cache
from pathlib import Path

import grimp

__all__ = [
    "LIBRARY",
    "code_hash",
    "definitions_behind",
    "definitions_hash",
    "described",
    "imported_names",
    "modules_behind",
]

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
    """Return the library's modules among dotted names, and those that these import, with their files.

    Sorted. The packages that a module lies in do not count, unless they are imported from: they
    hold nothing but the names of their modules.
    """
    graph = _import_graph()
    pending = set(names) & graph.modules
    found: dict[str, Path] = {}
    while pending:
        name = pending.pop()
        if name in found:
            continue
        found[name] = _file(name)
        pending |= graph.find_modules_directly_imported_by(name)
    return dict(sorted(found.items()))


def code_hash(names: Collection[str]) -> str:
    """Return the SHA-256 of all code that stands behind `names`, see :func:`modules_behind`."""
    digest = hashlib.sha256()
    for name, path in modules_behind(names).items():
        digest.update(name.encode())
        digest.update(_bare_code(path.read_text(encoding="utf-8")).encode())
    return digest.hexdigest()


def definitions_behind(functions: Collection[Callable]) -> dict[str, str]:
    """Return what functions are made of; those of other packages are passed over.

    Returns from the dotted name of each definition of the library, sorted, to its text without
    comments and docstrings: the functions, and the functions, classes and constants that they name,
    or that those name, and so on.

    Raises
    ------
    LookupError
        If a name of the library cannot be found where it is imported from.
    """
    pending = {(function.__module__, function.__name__) for function in functions}
    found: dict[str, str] = {}
    while pending:
        module, name = pending.pop()
        if not _file(module).exists() or f"{module}.{name}" in found:
            continue
        definitions, imports = _names(module)
        if name in definitions:
            text, used = definitions[name]
            found[f"{module}.{name}"] = text
            pending |= {(module, other) for other in used if other in definitions}
            pending |= {imports[other] for other in used if other in imports}
        elif name in imports:
            pending.add(imports[name])
        elif _file(f"{module}.{name}").exists():
            # A module as a whole: any of its names may be meant.
            pending |= {(f"{module}.{name}", other) for other in _names(f"{module}.{name}")[0]}
        else:
            raise LookupError(f"{name} is not defined in {module}")
    return dict(sorted(found.items()))


def definitions_hash(functions: Collection[Callable]) -> str:
    """Return the SHA-256 of all code that stands behind functions, see :func:`definitions_behind`."""
    digest = hashlib.sha256()
    for name, text in definitions_behind(functions).items():
        digest.update(f"{name}\n{text}\n".encode())
    return digest.hexdigest()


def _file(module: str) -> Path:
    """Return the file of a module; one that does not exist for a module of another package."""
    package, *parts = module.split(".")
    base = LIBRARY.parent.joinpath(package, *parts)
    return base / "__init__.py" if base.is_dir() else base.with_suffix(".py")


@cache
def _names(module: str) -> tuple[dict[str, tuple[str, set[str]]], dict[str, tuple[str, str]]]:
    """Return what is defined at the top of a module, with the names used there, and what is imported."""
    source = _file(module).read_text(encoding="utf-8")
    tree, lines = ast.parse(source), source.split("\n")
    imports = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module:
            imports |= {a.asname or a.name: (node.module, a.name) for a in node.names}
        elif isinstance(node, ast.Import):
            for alias in node.names:
                package, _, last = alias.name.rpartition(".")
                imports[alias.asname or alias.name.partition(".")[0]] = (package, last)
    definitions: dict[str, tuple[str, set[str]]] = {}
    for node in tree.body:
        used = {name.id for name in ast.walk(node) if isinstance(name, ast.Name)}
        first = min([node.lineno, *(d.lineno for d in getattr(node, "decorator_list", []))])
        text = _bare_code("\n".join(lines[first - 1 : node.end_lineno]))
        for name in _bound(node):
            before, others = definitions.get(name, ("", set()))
            definitions[name] = (before + text, others | used)
    return definitions, imports


def _bound(node: ast.stmt) -> set[str]:
    """Return the names that a statement at the top of a module defines."""
    if isinstance(node, ast.FunctionDef | ast.ClassDef):
        return {node.name}
    inner = [part.target for part in ast.walk(node) if isinstance(part, ast.comprehension)]
    stored, local = (
        {
            name.id
            for part in parts
            for name in ast.walk(part)
            if isinstance(name, ast.Name) and isinstance(name.ctx, ast.Store)
        }
        for parts in ([node], inner)
    )
    return stored - local


def described() -> list[str]:
    """Return the modules where experiments may be described: all of this package but the table."""
    package = "graphon_lib.experiments"
    names = sorted(path.stem for path in (LIBRARY / "experiments").glob("*.py"))
    return [f"{package}.{name}" for name in names if name not in ("__init__", "__main__", "table")]


@cache
def _import_graph() -> grimp.ImportGraph:
    graph = grimp.build_graph("graphon_lib", cache_dir=None)
    for module in described():
        # The table imports them by looking into the folder.
        graph.add_import(importer="graphon_lib.experiments.table", imported=module)
    return graph


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
