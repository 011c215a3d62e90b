"""Python's side of an explorer that runs in the reader's browser; imported by ``frontend/worker.js``."""

from __future__ import annotations

import json
from collections.abc import Callable

from numpy.typing import NDArray

from graphon_lib.book.explorers.design import DesignExplorer
from graphon_lib.book.explorers.view import encode

__all__ = ["answering"]


def answering(packed_pixels: str) -> Callable[[str], tuple[str, list[NDArray]]]:
    """Return the function that answers a page's requests, on its digits as they are packed there.

    It takes the parameters as JSON and returns the encoded view as JSON and its arrays, see
    :func:`~graphon_lib.book.explorers.view.encode`.
    """
    explorer = DesignExplorer.from_packed(packed_pixels)

    def answer(parameters: str) -> tuple[str, list[NDArray]]:
        tree, arrays = encode(explorer.view(**json.loads(parameters)))
        return json.dumps(tree, allow_nan=False), arrays

    return answer
