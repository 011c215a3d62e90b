"""The ledger as tables and as words: verdicts on the claims from all stored results."""

from __future__ import annotations

import math
from collections.abc import Mapping
from functools import cache
from html import escape

import xarray as xr
from IPython.display import HTML

from graphon_lib._checks import check_choice
from graphon_lib.book.claims import CLAIMS, Claim
from graphon_lib.book.estimates import Estimate, Estimates
from graphon_lib.book.html_table import html_table
from graphon_lib.book.verdicts import DATA, OWN_WORDS, SETTINGS, Verdict, judge, overall
from graphon_lib.experiments.results import StaleResultError
from graphon_lib.experiments.table import EXPERIMENTS
from graphon_lib.pruning.initialisations import INITIALISATIONS

__all__ = ["cell", "estimates", "ledger", "quote", "said", "summary", "verdict", "verdicts"]

WITH_BIASES = "{} have biases, which the statement excludes: numbers for information"
ONLY = ("measured", "judged without biases,")

HOW_TO_READ = (
    f"<i>How to read a verdict.</i> “{Verdict.CONDITION}: X”: the claim holds in the case or setting "
    "X; elsewhere it fails or is undecided, see the row. “Measured under He initialisation only”: "
    "there is no run under PyTorch's defaults, which does not mean that the claim fails there. This "
    f"book's own claims, which nobody made before, have the verdicts {', '.join(OWN_WORDS.values())}, "
    f"{Verdict.UNDECIDED}."
)


@cache
def estimates(identifier: str, data: str = "mnist") -> dict[str, Estimates]:
    """Return the estimates of a claim by setting, of the settings whose stored results have any."""
    claim, found = CLAIMS[identifier], {}
    for setting in SETTINGS if claim.measure else ():
        stored = [_result(_stored_as(name, setting, data)) for name in claim.results]
        if all(result is not None for result in stored) and (measured := claim.measure(*stored)):
            found[setting] = measured
    return found


def verdicts(identifier: str, data: str = "mnist") -> dict[str, dict[str, Verdict]]:
    """Return the verdicts on a claim by setting and condition, of what enters that on the claim."""
    claim = CLAIMS[identifier]
    return {
        setting: {name: judge(one, claim.low, claim.high) for name, one in conditions.items()}
        for setting, conditions in estimates(identifier, data).items()
        if _counts(claim, setting)
    }


def verdict(
    identifier: str, setting: str | None = None, condition: str = "", data: str = "mnist"
) -> str:
    """Return the verdict on a claim: ``"reproduced under a condition: PyTorch's defaults"``.

    With a `setting`, that on one estimate alone; `condition`, `data` and errors as of :func:`quote`.
    """
    claim = CLAIMS[check_choice("identifier", identifier, CLAIMS)]
    if setting is not None:
        one = _chosen(identifier, setting, condition, data)
        return said(claim, judge(one, claim.low, claim.high) if one else Verdict.MISSING)
    decided, where = _decided(identifier, data)
    # A colon only before conditions: these words stand in sentences.
    return f"{decided}{', ' if where.startswith(ONLY) else ': '}{where}" if where else decided


def quote(identifier: str, setting: str = "he", condition: str = "", data: str = "mnist") -> str:
    """Return an estimate with its interval: ``"0.031 (0.029 to 0.033)"``, or that there is none.

    Of a claim by its key, under an initialisation, ``"he"`` or ``"torch"``, and under one of the
    conditions that the claim is tested under, if there are several. If there is no such claim or,
    where the result is stored, no such condition, it is a ``ValueError``.
    """
    check_choice("identifier", identifier, CLAIMS)
    one = _chosen(identifier, setting, condition, check_choice("data", data, DATA))
    return _words(one) if one else str(Verdict.MISSING)


def _chosen(identifier: str, setting: str, condition: str, data: str) -> Estimate | None:
    found = estimates(identifier, data).get(check_choice("setting", setting, SETTINGS))
    return found[check_choice("condition", condition, found)] if found else None


def _words(estimate: Estimate) -> str:
    """Return a value with its interval, to one digit of half its length and two places for most."""
    half = (estimate.upper - estimate.lower) / 2
    if math.isnan(estimate.value):
        return "nothing to share"
    if not math.isfinite(half):
        return f"{estimate.value:.2f} (not bounded)"
    places = min(max(-math.floor(math.log10(half)), 2), 4) if half > 0.0 else 2
    places *= half < 10.0
    # An end close to 1, where directions are decided, is not to look as if it were 1.
    if any(end != 1.0 and f"{end:.2f}" == "1.00" for end in estimate[1:3]):
        places = max(places, 3)
    if 0.0 < estimate.upper < 0.5 * 10.0**-places:
        return f"below {10.0**-places:.{places}f}"
    value, lower, upper = (f"{end:.{places}f}" for end in estimate[:3])
    return f"{value} ({lower} to {upper})"


def _decided(identifier: str, data: str = "mnist") -> tuple[str, str]:
    claim = CLAIMS[identifier]
    if claim.measure is None:
        return said(claim, Verdict.UNTESTED), ""
    stored = estimates(identifier, data)
    decided, where = overall(verdicts(identifier, data))
    if decided is Verdict.UNDECIDED and where:
        where = f"in part {said(claim, Verdict.NOT)} ({where})"
    counted = [setting for setting in stored if _counts(claim, setting)]
    if len(counted) == 1:
        how = ONLY[0] if len(stored) == 1 else ONLY[1]
        only = f"{how} under {SETTINGS[counted[0]]} only"
        where = "; ".join(filter(None, (where, only)))
    return said(claim, decided), where


def said(claim: Claim, decided: Verdict) -> str:
    """Return a verdict in the words for the paper's claims, or for those of this book."""
    return OWN_WORDS.get(decided, str(decided)) if claim.where == "this book" else str(decided)


def _counts(claim: Claim, setting: str) -> bool:
    """Say whether a setting enters the verdict; one with biases may not, see ``without_biases``."""
    return not (claim.without_biases and INITIALISATIONS[setting].bias_variance)


@cache
def _result(name: str) -> xr.Dataset | None:
    try:
        return EXPERIMENTS[name].run()
    except (KeyError, StaleResultError):
        return None


def _stored_as(name: str, setting: str, data: str) -> str:
    endings = ("" if data == "mnist" else f"-{data}", "" if setting == "he" else f"-{setting}")
    return name + "".join(endings)


def ledger() -> HTML:
    """Return all claims with criteria, estimates under every setting and verdicts."""
    rows = (
        (
            f"<span id='claim-{identifier}'></span>"
            f"{_name(claim, f'§ {claim.where}, '.replace('§ this', 'this'))}<details><summary>criterion"
            f"</summary>{escape(claim.test)}{escape(claim.why and f' ({claim.why})')}.</details>"
            f"{_theorems(claim)}",
            _bold(identifier),
            *(cell(identifier, setting) for setting in SETTINGS),
        )
        for identifier, claim in CLAIMS.items()
    )
    table = html_table(("claim", "verdict", *SETTINGS.values()), rows)
    return HTML(f"<p>{HOW_TO_READ}</p>{table.data}")


def summary(claims: Mapping[str, str]) -> HTML:
    """Return some claims, in the words given for them, with verdicts that lead to their rows in the ledger."""
    items = "".join(
        f"<li>{escape(words)}: <a href='claims.html#claim-{name}'>{_decided(name)[0]}</a></li>"
        for name, words in claims.items()
    )
    return HTML(f"<ul class='verdicts'>{items}</ul>")


def _name(claim: Claim, where: str = "") -> str:
    chapter = f"<a href='{claim.chapter}.html'>chapter {int(claim.chapter[:2])}</a>"
    return f"{escape(claim.claim)} ({escape(where)}{chapter})"


def _theorems(claim: Claim) -> str:
    """Return what theorems say of a claim, beside which the verdict is one on numbers."""
    if not claim.theorems:
        return ""
    return (
        "<details><summary>as a theorem</summary>"
        f"{escape(claim.theorems)} (<a href='09-limits.html'>chapter 9</a>).</details>"
    )


def cell(identifier: str, setting: str, data: str = "mnist") -> str:
    """Return the estimates of a setting under the verdicts that they lead to."""
    claim, found = CLAIMS[identifier], estimates(identifier, data).get(setting)
    if found is None:
        names = [_stored_as(name, setting, data) for name in claim.results]
        exist = names and all(name in EXPERIMENTS for name in names)
        return str(Verdict.MISSING) if exist else "–"
    headed: dict[str, list[str]] = {}
    for name, one in found.items():
        line = f"{escape(name)}{name and ': '}<span>{_words(one)}</span>"
        head = f"<b>{said(claim, judge(one, claim.low, claim.high))}</b>"
        if not _counts(claim, setting):
            head = escape(WITH_BIASES.format(SETTINGS[setting]))
        headed.setdefault(head, []).append(line)
    lines = [f"{head}<br>{'<br>'.join(lines)}" for head, lines in headed.items()]
    counts = sorted({one.networks for one in found.values()})
    return "<br>".join([*lines, f"<i>{' or '.join(map(str, counts))} networks</i>"])


def _bold(identifier: str) -> str:
    one, where = _decided(identifier)
    return f"<b>{one}</b>" + (f": {escape(where)}" if where else "")
