"""How lines look, in figures and in explorers: colour, marker and dashes go together.

No information rests on colour alone. Methods have the colours of Okabe and Ito, distinguishable with
any colour vision, without the yellow, which is not seen on white, and with a grey. What is no method
has neither a colour nor a marker of one of the paper's: things without an order are :data:`SERIES`,
quantities are :func:`shades`. Needs nothing but Python, so that it runs in the reader's browser.
"""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["DENSE", "SERIES", "Look", "numbered_look", "shades"]


@dataclass(frozen=True)
class Look:
    """The look of a line: its colours on white paper and on a dark page, its marker and its dashes.

    Markers are matplotlib's letters, which ``frontend/view.js`` draws too, dashes are written as in SVG.
    """

    colour: str
    dark: str
    marker: str
    dash: str

    @property
    def line(self) -> dict[str, str]:
        """Colour and marker, as matplotlib takes them."""
        return {"color": self.colour, "marker": self.marker}


COLOURS = (
    ("#767676", "#a8a8a8"),
    ("#CC79A7", "#e3a6c6"),
    ("#0072B2", "#56b4e9"),
    ("#D55E00", "#ff8f45"),
    ("#009E73", "#2fc79b"),
    ("#E69F00", "#f2c14e"),
    ("#56B4E9", "#a6dcff"),
)
MARKERS = ("o", "D", "s", "^", "v", "X", "p", "*")
DASHES = ("2 2", "6 2", "", "8 2 2 2", "4 2", "1 3", "10 3", "6 2 1 2")


def numbered_look(number: int) -> Look:
    """Return the look of the method in this place, from 0; all below 56 differ."""
    colour, dark = COLOURS[number % len(COLOURS)]
    return Look(colour, dark, MARKERS[number % len(MARKERS)], DASHES[number % len(DASHES)])


DENSE = Look("#000000", "#ffffff", "P", "")
"""The look of the network before pruning."""

SERIES = (
    Look("#7A55D8", "#A98BFF", ">", ""),
    Look("#857000", "#DDD24A", "*", "6 2"),
    Look("#A0123F", "#F0508A", "<", "2 2"),
    Look("#05424E", "#2E9DB4", "p", "8 2 2 2"),
    Look("#4F2205", "#B5852F", "h", "4 2"),
    Look("#B83AB0", "#F09AF0", "X", "10 3"),
    Look("#5A5566", "#9CB4C4", "d", "1 3"),
)
"""Looks of lines that are no methods and have no order; last a grey, for what others are compared with."""

HUES = {
    "violet": (("#9A80E8", "#26094F"), ("#7C66C4", "#EAE2FF")),
    "ochre": (("#A58A00", "#352A00"), ("#8A7710", "#F6EFB0")),
}
"""First and last shade by hue, on white paper and on a dark page."""


def shades(count: int, hue: str = "violet") -> tuple[Look, ...]:
    """Return the looks of at most seven lines that are in order: one hue, ever further from the page's colour.

    Markers and dashes are those of :data:`SERIES`; `hue` is one of `HUES`.
    """
    if count > len(SERIES):
        raise ValueError(f"count must be at most {len(SERIES)}, got {count}")
    on_white, on_dark = HUES[hue]
    parts = [place / max(count - 1, 1) for place in range(count)]
    return tuple(
        Look(_between(*on_white, part), _between(*on_dark, part), of.marker, of.dash)
        for part, of in zip(parts, SERIES, strict=False)
    )


def _between(first: str, last: str, part: float) -> str:
    """Return the colour that is so far on the way from the first to the last."""
    ends = (bytes.fromhex(colour[1:]) for colour in (first, last))
    return "#" + bytes(round(a + part * (b - a)) for a, b in zip(*ends, strict=True)).hex()
