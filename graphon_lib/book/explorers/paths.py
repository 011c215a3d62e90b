"""Explorer of the path-density law: two layers whose densities stay, and their number of paths."""

from __future__ import annotations

from functools import partial
from typing import Any

from graphon_lib.book.explorers.design import DesignExplorer
from graphon_lib.book.explorers.explorer import Control, Explorer
from graphon_lib.book.explorers.view import View

__all__ = ["paths_explorer"]

EXPONENTS = {float(exponent): f"{exponent}" for exponent in range(5)}
DENSITY = 0.3


def paths_explorer(design: DesignExplorer) -> Explorer:
    """Return the explorer of layers 2 and 3 of a design, by how unequal their neurons are."""
    return Explorer(
        name="paths",
        title="Structure makes paths, not shapes",
        controls=(
            Control("rows", "What layer 2 receives falls as", EXPONENTS, 2.0, slider=True),
            Control("columns", "What layer 2 gives on falls as", EXPONENTS, 2.0, slider=True),
        ),
        model=partial(_view, design),
    )


def _layer(rows: float, columns: float) -> dict[str, Any]:
    parameters = {"row_exponent": rows, "col_exponent": columns}
    return {"family": "product", "parameters": parameters, "density": DENSITY}


def _view(design: DesignExplorer, *, rows: float, columns: float) -> View:
    """Show both layers, the kernel over its largest entry, and its eigenvalues."""
    even = _layer(0.0, 0.0)
    shown = design.view(layers=[even, _layer(rows, 0.0), _layer(0.0, columns), even])
    _, into, out, _, _, kernel, spectrum, _ = shown.panels
    return View((into, out, kernel, spectrum), shown.summary, shown.numbers[:4])
