"""Which stored results stand behind each figure of a chapter: by how names pass on what was loaded."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from importlib import import_module

import nbformat
from IPython.core.inputtransformer2 import TransformerManager

__all__ = ["figure_of", "results_behind"]

EXPERIMENTS = "graphon_lib.experiments"

Known = dict[str, set[str]]


def figure_of(cell: nbformat.NotebookNode) -> str | None:
    """Return the label of the figure that a cell shows, if it shows one."""
    return cell.metadata.get("mystnb", {}).get("figure", {}).get("name")


def results_behind(notebook: nbformat.NotebookNode) -> dict[str, list[str]]:
    """Return the files of the stored results that each figure of a notebook is made of, by its label.

    A name stands for the results that the names in its assignment stand for, and at first for the
    experiment that was imported.
    """
    python, known, found = TransformerManager(), {}, {}
    for cell in notebook.cells:
        if cell.cell_type == "code":
            statements = ast.parse(python.transform_cell(cell.source)).body
            for statement in statements:
                _pass_on(statement, known)
            if label := figure_of(cell):
                found[label] = sorted(_behind(statements[-1], known))
    return found


def _pass_on(statement: ast.stmt, known: Known) -> None:
    """Note what the names that a statement gives a value to stand for from there on."""
    if isinstance(statement, ast.ImportFrom):
        known |= _imported(statement)
        return
    behind = _behind(statement, known)
    for name in _given(statement):
        new = isinstance(statement, ast.Assign)
        known[name] = behind if new else known.get(name, set()) | behind


def _imported(statement: ast.ImportFrom) -> Known:
    """Return the files of the experiments that a statement imports, by their names in the notebook."""
    if not (statement.module or "").startswith(EXPERIMENTS):
        return {}
    # With it comes PyTorch, which pages without experiments do not need.
    from graphon_lib.experiments.experiment import experiments_of

    module, found = import_module(statement.module), {}
    for alias in statement.names:
        if experiments := experiments_of(getattr(module, alias.name)):
            found[alias.asname or alias.name] = {one.path.name for one in experiments}
    return found


def _behind(node: ast.AST, known: Known) -> set[str]:
    # What a comprehension runs over counts; its own names are no others of the same spelling.
    own = {
        name.id
        for part in ast.walk(node)
        if isinstance(part, ast.comprehension)
        for name in ast.walk(part.target)
        if isinstance(name, ast.Name)
    }
    names = {
        part.id
        for part in ast.walk(node)
        if isinstance(part, ast.Name) and not isinstance(part.ctx, ast.Store)
    }
    return set().union(*(known.get(name, set()) for name in names - own))


def _given(statement: ast.stmt) -> Iterator[str]:
    """Yield the names that get a value, a part of one, or a function."""
    for part in ast.walk(statement):
        if isinstance(part, ast.Name) and isinstance(part.ctx, ast.Store):
            yield part.id
        elif isinstance(part, ast.FunctionDef):
            yield part.name
        elif isinstance(part, ast.Subscript) and isinstance(part.ctx, ast.Store):
            yield from (whole.id for whole in ast.walk(part.value) if isinstance(whole, ast.Name))
