"""Explorers for a page without a server: every state, computed when the site is built.

The states of an explorer become one classic script, which works from file:// too. Pictures are kept
in 8 bits between the ends of their colour scale, row-major and as differences of neighbours, which
compress well; lines in float32; equal arrays once. All is deflated and written in base64.
"""

from __future__ import annotations

import base64
import json
import zlib
from typing import Any

import numpy as np
from numpy.typing import NDArray

from graphon_lib.book.explorers.explorer import Explorer
from graphon_lib.book.explorers.view import encode

__all__ = ["data_script", "pack"]

LEVELS = 255


class _Pool:
    """Arrays one behind the other, equal ones once."""

    def __init__(self) -> None:
        self.data = bytearray()
        self.entries: list[dict[str, Any]] = []
        self._places: dict[tuple, int] = {}

    def add(self, array: NDArray, ends: tuple[float, float] | None) -> int:
        """Return the place of an array; `ends` are those of the scale of a picture."""
        content = array.astype("<f4").tobytes() if ends is None else _differences(array, *ends)
        key = (content, ends)
        if key not in self._places:
            if ends is None:
                self.data += b"\0" * (-len(self.data) % 4)
            entry = {"offset": len(self.data), "length": array.size}
            if ends is not None:
                entry |= {"low": ends[0], "high": ends[1]}
            self.data += content
            self._places[key] = len(self.entries)
            self.entries.append(entry)
        return self._places[key]


def pack(explorer: Explorer) -> tuple[list[dict[str, Any]], list[dict[str, Any]], bytes]:
    """Compute every state of an explorer.

    Returns
    -------
    tuple
        The views, see :func:`~graphon_lib.book.explorers.view.encode`, in the order of the states,
        their arrays numbered anew; of each array the offset in bytes, the length in numbers and, for
        pictures, the ends of the scale; and the bytes.
    """
    pool = _Pool()
    views = []
    for state in explorer.states():
        tree, arrays = encode(explorer.view(**state))
        ends = {
            panel["values"]["$array"]: (panel["low"], panel["high"])
            for panel in tree["panels"]
            if panel["kind"] == "HeatMap"
        }
        places = [pool.add(array, ends.get(i)) for i, array in enumerate(arrays)]
        views.append(_renumber(tree, places))
    return views, pool.entries, bytes(pool.data)


def data_script(explorer: Explorer) -> str:
    """Return the script that hands all states of an explorer to ``frontend/hosts.js``."""
    views, entries, data = pack(explorer)
    states = json.dumps({"views": views, "arrays": entries}, separators=(",", ":"))
    content = {
        "description": explorer.describe(),
        "states": _deflated(states.encode()),
        "arrays": _deflated(data),
    }
    text = json.dumps(content, separators=(",", ":"))
    return f"GraphonExplorers.precomputed({json.dumps(explorer.name)}, {text});\n"


def _differences(picture: NDArray, low: float, high: float) -> bytes:
    """Return a picture in 255 steps from `low` to `high`, each as difference to the one before."""
    levels = np.rint(LEVELS * (picture.astype(np.float64).ravel() - low) / (high - low))
    return np.diff(levels.astype(np.uint8), prepend=np.uint8(0)).tobytes()


def _deflated(data: bytes) -> str:
    return base64.b64encode(zlib.compress(data, 9)).decode("ascii")


def _renumber(tree: object, places: list[int]) -> Any:  # noqa: ANN401
    if isinstance(tree, list):
        return [_renumber(item, places) for item in tree]
    if isinstance(tree, dict):
        if "$array" in tree:
            return {**tree, "$array": places[tree["$array"]]}
        return {key: _renumber(item, places) for key, item in tree.items()}
    return tree
