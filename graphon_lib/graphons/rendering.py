"""Pictures of step graphons for notebooks, made without a plotting library."""

from __future__ import annotations

import base64
import html
import struct
import zlib
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from graphon_lib.graphons.partition import grid_positions

__all__ = ["graphon_figure", "png_data_uri"]

PICTURE_SIZE = 192  # pixels; a block thinner than 1 / 192 may not show


def png_data_uri(gray: NDArray[np.uint8]) -> str:
    """Return a picture (height, width), from 0, black, to 255, as a ``data:image/png`` address."""
    height, width = gray.shape

    def chunk(kind: bytes, data: bytes) -> bytes:
        checksum = zlib.crc32(kind + data)
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", checksum)

    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    # Each line of a PNG begins with the number of its filter; 0 stands for none.
    lines = np.pad(gray, ((0, 0), (1, 0))).tobytes()
    data = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header)
    data += chunk(b"IDAT", zlib.compress(lines, 9)) + chunk(b"IEND", b"")
    return "data:image/png;base64," + base64.b64encode(data).decode("ascii")


def graphon_figure(graphon: Callable[..., NDArray[np.float64]], caption: str) -> str:
    """Return a figure element that shows a graphon, with a caption and alternative text.

    Rows run downwards and columns to the right. White is 0 and black the graphon's largest value,
    since sparse graphons would otherwise look blank; the caption, plain text, says so.
    """
    positions = grid_positions(PICTURE_SIZE)
    values = graphon(positions[:, None], positions[None, :])
    largest = float(values.max())
    gray = np.round(255 * (1 - values / largest)) if largest > 0 else np.full(values.shape, 255)
    text = html.escape(f"{caption}; white 0, black {largest:.3g}")
    return (
        '<figure style="display: inline-block; margin: 0.5em">'
        f'<img src="{png_data_uri(gray.astype(np.uint8))}" width="{PICTURE_SIZE}" '
        f'height="{PICTURE_SIZE}" alt="{text}" '
        'style="border: 1px solid gray; background: white; image-rendering: pixelated">'
        f"<figcaption>{text}</figcaption></figure>"
    )
