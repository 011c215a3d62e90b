"""How lines look, in figures and in explorers: colour, marker and dashes go together.

No information rests on colour alone. The colours are those of Okabe and Ito, distinguishable with
any colour vision, without the yellow, which is not seen on white, and with a grey. Needs nothing but
Python, so that it runs in the reader's browser.
"""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["DENSE", "SERIES", "Look", "numbered_look"]


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
    """Return the look of the line with this number, from 0; all below 56 differ."""
    colour, dark = COLOURS[number % len(COLOURS)]
    return Look(colour, dark, MARKERS[number % len(MARKERS)], DASHES[number % len(DASHES)])


DENSE = Look("#000000", "#ffffff", "P", "")
"""The look of the network before pruning."""

SERIES = tuple(numbered_look(number) for number in (2, 3, 4, 1, 5, 6, 0))
"""Looks of lines that are no methods; last the grey, which lines to compare with have."""
