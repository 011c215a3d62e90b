"""The ledger by data set: the claims that were tested on several, in signs and in numbers."""

from __future__ import annotations

from collections.abc import Iterable
from html import escape
from itertools import product

from IPython.display import HTML

from graphon_lib.book.claims import CLAIMS
from graphon_lib.book.html_table import html_table
from graphon_lib.book.ledger import cell, estimates, said, verdicts
from graphon_lib.book.verdicts import DATA, SETTINGS, Verdict

__all__ = ["SIGNS", "at_a_glance", "carried_over", "one_verdict", "tested_elsewhere"]

SIGNS = {
    Verdict.REPRODUCED: ("yes", "✓"),
    Verdict.CONDITION: ("partly", "◐"),
    Verdict.UNDECIDED: ("open", "?"),
    Verdict.NOT: ("no", "✗"),
}
"""What verdicts look like at a glance: a class of the style sheet and a sign."""


def tested_elsewhere() -> list[str]:
    """Return the claims that are tested on more than the paper's data."""
    others = [data for data in DATA if data != "mnist"]
    return [name for name in CLAIMS if any(verdicts(name, data) for data in others)]


def one_verdict(identifier: str, setting: str, data: str) -> Verdict | None:
    """Return the verdict on a claim on one data set under one initialisation; None if there is none.

    Of several conditions: what they have in common; else, that it holds in part, or is undecided.
    """
    found = set(verdicts(identifier, data).get(setting, {}).values())
    if len(found) > 1:
        return Verdict.CONDITION if Verdict.REPRODUCED in found else Verdict.UNDECIDED
    return found.pop() if found else None


def at_a_glance() -> HTML:
    """Return a table of signs: a row a claim, a column a data set and initialisation."""
    columns = [f"{data}, {'He' if s == 'he' else 'PyTorch'}" for data, s in _columns(DATA.values())]
    rows = (
        (_linked(name), *(_sign(name, s, data) for data, s in _columns(DATA)))
        for name in tested_elsewhere()
    )
    table = html_table(("claim", *columns), rows).data
    return HTML(table.replace("<table class='cards'", "<table class='cards glance'"))


def carried_over() -> HTML:
    """Return estimates and verdicts of the same claims: a row a claim, a column a data set."""
    rows = (
        (
            _linked(name),
            *(
                "<br>".join(
                    f"<i>{words}</i> {cell(name, setting, data)}"
                    for setting, words in SETTINGS.items()
                    if setting in estimates(name, data)
                )
                for data in DATA
            ),
        )
        for name in tested_elsewhere()
    )
    return html_table(("claim", *DATA.values()), rows)


def _columns(data: Iterable[str]) -> list[tuple[str, str]]:
    return list(product(data, SETTINGS))


def _linked(identifier: str) -> str:
    return f"<a href='claims.html#claim-{identifier}'>{escape(CLAIMS[identifier].claim)}</a>"


def _sign(identifier: str, setting: str, data: str) -> str:
    verdict = one_verdict(identifier, setting, data)
    if verdict is None:
        return "<span class='sign none' role='img' aria-label='not run'>–</span>"
    (name, sign), words = SIGNS[verdict], said(CLAIMS[identifier], verdict)
    return f"<span class='sign {name}' role='img' aria-label='{words}'>{sign}</span>"
