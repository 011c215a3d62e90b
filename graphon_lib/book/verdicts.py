"""From an estimate and its margins to a verdict, and from those of several settings to one."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType

from graphon_lib.book.estimates import Estimate

__all__ = ["DATA", "OWN_WORDS", "SETTINGS", "Verdict", "judge", "overall"]

SETTINGS = MappingProxyType({"he": "He initialisation", "torch": "PyTorch's defaults"})
"""Initialisations under which results are stored, and what they are called in sentences."""

DATA = MappingProxyType(
    {
        "mnist": "MNIST",
        "fashion-mnist": "Fashion-MNIST",
        "cifar10-4k": "CIFAR-10 (4,000 images)",
    }
)
"""Data on which results are stored, the paper's first, likewise."""


class Verdict(StrEnum):
    """What a ledger can say of a claim."""

    REPRODUCED = "reproduced"
    CONDITION = "reproduced under a condition"
    NOT = "not reproduced"
    UNDECIDED = "undecided"
    UNTESTED = "not testable here"
    MISSING = "not computed"


OWN_WORDS = MappingProxyType(
    {
        Verdict.REPRODUCED: "holds",
        Verdict.CONDITION: "holds under a condition",
        Verdict.NOT: "does not hold",
    }
)
"""What is said of this book's own claims, which nobody has made before: they cannot be reproduced."""


def judge(estimate: Estimate, low: float, high: float) -> Verdict:
    """Say whether an interval lies between margins, beside them, or across one."""
    if low <= estimate.lower and estimate.upper <= high:
        return Verdict.REPRODUCED
    if estimate.upper < low or estimate.lower > high:
        return Verdict.NOT
    return Verdict.UNDECIDED


def overall(found: Mapping[str, Mapping[str, Verdict]]) -> tuple[Verdict, str]:
    """Put the verdicts of all settings and conditions together.

    Parameters
    ----------
    found
        By setting and condition; nothing where no result is stored.

    Returns
    -------
    verdict : Verdict
        The one that all have in common; else, under a condition where some are reproduced, and
        undecided where none is.
    where : str
        The settings and conditions that are reproduced, or for the undecided those that are not.
    """
    verdicts = {one for conditions in found.values() for one in conditions.values()}
    if len(verdicts) < 2:
        return (verdicts.pop() if verdicts else Verdict.MISSING), ""
    decisive = Verdict.REPRODUCED if Verdict.REPRODUCED in verdicts else Verdict.NOT
    named = {
        setting: [name for name, one in conditions.items() if one is decisive]
        for setting, conditions in found.items()
    }
    if len({tuple(names) for names in named.values()}) == 1:
        where = _joined(next(iter(named.values())))
    else:
        where = "; ".join(
            SETTINGS[setting] + ("" if len(names) == len(found[setting]) else f": {_joined(names)}")
            for setting, names in named.items()
            if names
        )
    return (Verdict.CONDITION if decisive is Verdict.REPRODUCED else Verdict.UNDECIDED), where


def _joined(conditions: list[str]) -> str:
    """Return conditions in a row, those that differ in parentheses alone as one: ``X (a, b), Y``."""
    details: dict[str, list[str]] = {}
    for condition in conditions:
        head, _, detail = condition.removesuffix(")").partition(" (")
        details.setdefault(head, []).append(detail)
    return ", ".join(
        head + (f" ({', '.join(each)})" if any(each) else "") for head, each in details.items()
    )
