"""What the library's modules offer, by their ``__all__``: read from the sources, nothing is imported."""

from __future__ import annotations

import ast
from pathlib import Path
from typing import NamedTuple

__all__ = ["PublicName", "Source", "public_names", "read_sources"]


class Source(NamedTuple):
    """The source of a module, or of a package: its file ``__init__.py``."""

    module: str
    is_package: bool
    tree: ast.Module

    @property
    def docstring(self) -> str:
        """The docstring, empty where there is none."""
        return ast.get_docstring(self.tree) or ""

    @property
    def exports(self) -> list[str]:
        """The names in ``__all__``, none where there is no such list."""
        statement = self.definition("__all__")
        return [] if statement is None else ast.literal_eval(statement.value)

    @property
    def imports(self) -> dict[str, tuple[str, str]]:
        """From a name that is imported to the module it comes from, and its name there."""
        return {
            alias.asname or alias.name: (statement.module, alias.name)
            for statement in self.tree.body
            if isinstance(statement, ast.ImportFrom) and statement.module
            for alias in statement.names
        }

    def definition(self, name: str) -> ast.stmt | None:
        """Return the statement that defines a name, if there is one."""
        return next((node for node in self.tree.body if name in _names_defined_by(node)), None)

    def docstring_after(self, statement: ast.stmt) -> str:
        """Return the string that explains an assignment, empty where none follows it."""
        following = self.tree.body[self.tree.body.index(statement) + 1 :]
        match following[:1]:
            case [ast.Expr(ast.Constant(str(text)))]:
                return text
        return ""


class PublicName(NamedTuple):
    """A public name: whence to import it, the module that defines it, and the statement there."""

    module: str
    name: str
    home: Source
    definition: ast.stmt


def read_sources(package: Path) -> dict[str, Source]:
    """Return the modules of the package in a folder, by dotted name, sorted."""
    sources = {}
    for path in package.rglob("*.py"):
        parts = path.relative_to(package.parent).with_suffix("").parts
        is_package = parts[-1] == "__init__"
        module = ".".join(parts[:-1] if is_package else parts)
        sources[module] = Source(module, is_package, ast.parse(path.read_text(encoding="utf-8")))
    return dict(sorted(sources.items()))


def public_names(sources: dict[str, Source]) -> dict[str, list[PublicName]]:
    """Return every name that the modules of the library's rooms offer, each once.

    From each room, a package within the library's, to its names: by module, in the order of
    ``__all__``. A name that several modules offer is that of the package among them, or else of the
    module that defines it.
    """
    rooms = {
        module: []
        for module, source in sources.items()
        if source.is_package and module.count(".") == 1
    }
    offers = [
        (source, name)
        for module, source in sources.items()
        if _room_of(module) in rooms
        for name in source.exports
    ]
    # A stable sort: packages, then modules that define the name, then those that pass it on.
    offers.sort(key=lambda offer: (not offer[0].is_package, offer[1] in offer[0].imports))
    found: dict[int, PublicName] = {}
    for source, name in offers:
        public = _find(sources, source, name)
        found.setdefault(id(public.definition), public)
    for public in sorted(found.values(), key=lambda public: public.module):
        rooms[_room_of(public.module)].append(public)
    return rooms


def _room_of(module: str) -> str:
    return ".".join(module.split(".")[:2])


def _find(sources: dict[str, Source], source: Source, name: str) -> PublicName:
    """Follow the imports of a public name to its definition."""
    home, original = source, name
    while (definition := home.definition(original)) is None:
        module, original = home.imports.get(original, ("", original))
        if module not in sources:
            raise ValueError(
                f"__all__ of {source.module} holds {name!r}; allowed are names that a module of the "
                "library defines"
            )
        home = sources[module]
    return PublicName(source.module, name, home, definition)


def _names_defined_by(statement: ast.stmt) -> list[str]:
    match statement:
        case ast.FunctionDef(name=name) | ast.ClassDef(name=name):
            return [name]
        case ast.Assign(targets=[ast.Name(id=name)]) | ast.AnnAssign(target=ast.Name(id=name)):
            return [name]
    return []
