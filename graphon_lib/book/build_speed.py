"""Sphinx extension: pages are made side by side, and what their entries share is made once."""

from __future__ import annotations

import sys
from functools import cache
from importlib import import_module
from typing import Any

import numpydoc.docscrape_sphinx
import pybtex.plugin
from jinja2 import Template
from jinja2.sandbox import SandboxedEnvironment
from joblib import cpu_count
from sphinx.application import Sphinx
from sphinx.domains import Domain
from sphinx.domains.std import StandardDomain
from sphinx.environment import BuildEnvironment
from sphinx_proof.domain import ProofDomain

from graphon_lib.book.paths import LIBRARY
from graphon_lib.book.public_names import read_sources

__all__ = ["setup"]

ENTRY_POINTS = pybtex.plugin.entry_points
RESOLVE = StandardDomain._resolve_numref_xref


class KeptTemplates(SandboxedEnvironment):
    """What numpydoc makes anew for every docstring, and for every signature, without compiling again."""

    kept: dict[str, Template] = {}  # noqa: RUF012

    def get_template(self, name: str) -> Template:
        """Return the template of that name, compiled once."""
        if name not in self.kept:
            self.kept[name] = super().get_template(name)
        return self.kept[name]


class KeptDoctrees:
    """The pages as Sphinx knows them, each read once, for those who change nothing in them."""

    def __init__(self, env: BuildEnvironment) -> None:
        self.env = env
        self.get_doctree = cache(env.get_doctree)

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401
        return getattr(self.env, name)


def read_pages_side_by_side(app: Sphinx, env: BuildEnvironment, docnames: list[str]) -> None:
    """Let Sphinx use all cores, which the command of Jupyter Book cannot ask for.

    Where a domain cannot be put together again, Sphinx would wait for ever; and processes can be
    forked safely on Linux alone.
    """
    domains = map(type, env.domains.values())
    if sys.platform != "linux" or any(
        domain.merge_domaindata is Domain.merge_domaindata for domain in domains
    ):
        return
    # One process waits for the others while pages are read, and one less writes them.
    app.parallel = cpu_count() + 1
    for name in ("sphinx_multitoc_numbering", "sphinx_jupyterbook_latex"):
        # They do not say that they allow it; what they do comes before or after reading.
        if name in app.extensions:
            app.extensions[name].parallel_read_safe = True
    # Every process gets some of the pages on the library, which take long, ...
    docnames[:] = [name for i in range(app.parallel) for name in docnames[i :: app.parallel]]
    if any("/api/" in name for name in docnames):
        # ... and finds imported what they tell of.
        for module in read_sources(LIBRARY):
            if not module.endswith("__main__"):
                import_module(module)


def no_data_to_merge(domain: Domain, docnames: list[str], other: dict[str, Any]) -> None:
    """Do nothing: what `sphinx_proof` knows lies outside its domain, and is merged by itself."""


def setup(app: Sphinx) -> dict[str, Any]:
    """Register the extension with Sphinx."""
    ProofDomain.merge_domaindata = no_data_to_merge
    app.connect("env-before-read-docs", read_pages_side_by_side)
    numpydoc.docscrape_sphinx.SandboxedEnvironment = KeptTemplates
    # Else pybtex looks through all installed packages for every citation, ...
    pybtex.plugin.entry_points = cache(ENTRY_POINTS)
    # ... and Sphinx reads a page for every reference to one of its figures.
    keep = cache(KeptDoctrees)
    StandardDomain._resolve_numref_xref = lambda self, env, *rest: RESOLVE(self, keep(env), *rest)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
