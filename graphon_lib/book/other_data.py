"""The ledger by data set: the claims that were tested on several, in signs and in numbers."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from html import escape
from itertools import product
from typing import NamedTuple

import numpy as np
import xarray as xr
from IPython.display import HTML

from graphon_lib.book.claims import CLAIMS
from graphon_lib.book.estimates import METHOD_NAMES
from graphon_lib.book.html_table import html_table
from graphon_lib.book.ledger import cell, estimates, said, verdicts
from graphon_lib.book.verdicts import DATA, SETTINGS, Verdict
from graphon_lib.experiments.data import DATASETS
from graphon_lib.experiments.surrogate_training import AS_THEY_ARE, disagreements, reading
from graphon_lib.pruning.methods import METHODS

__all__ = ["Pair", "at_a_glance", "carried_over", "claims_elsewhere", "pairs", "with_surrogates"]

PAPERS = next(iter(DATA))

SIGNS = {
    Verdict.REPRODUCED: ("yes", "✓"),
    Verdict.UNDECIDED: ("open", "?"),
    Verdict.NOT: ("no", "✗"),
}
"""What verdicts look like at a glance: a class of the style sheet and a sign."""

WITHOUT_IMAGES = {"limit-synflow", "constant", "synflow-block"}
OF_MASKS = {"limit", "priors", "distances", "settled", "settled-layers", "sorted"}
"""Claims on masks of methods that see no images, and on masks of all methods, one by one."""

SHORT = {"he": "He", "torch": "PyTorch"}


class Pair(NamedTuple):
    """A verdict on the paper's data beside that on others, all else equal."""

    claim: str
    condition: str
    setting: str
    data: str
    papers: Verdict
    found: Verdict

    @property
    def opposite(self) -> bool:
        """Whether one of them says that the claim holds, and the other that it does not."""
        return {self.papers, self.found} == {Verdict.REPRODUCED, Verdict.NOT}


def claims_elsewhere() -> list[str]:
    """Return the claims that are tested on more than the paper's data."""
    return [name for name in CLAIMS if any(verdicts(name, data) for data in DATA if data != PAPERS)]


def pairs() -> Iterator[Pair]:
    """Yield verdicts on other data beside those on the paper's, where there is new evidence.

    A method that sees no images makes the same masks from the same seeds, on images of one size.
    """
    for name, data, setting in product(claims_elsewhere(), DATA, SETTINGS):
        papers, same = verdicts(name).get(setting, {}), _blind(name, data)
        for condition, found in verdicts(name, data).get(setting, {}).items():
            if data != PAPERS and condition in papers and condition not in same:
                yield Pair(name, condition, setting, data, papers[condition], found)


def _blind(identifier: str, data: str) -> set[str]:
    """Return the conditions that concern the same masks as on the paper's data, and nothing else."""
    if data == PAPERS or DATASETS[data].shape != DATASETS[PAPERS].shape:
        return set()
    if identifier in WITHOUT_IMAGES:
        return {name for of in estimates(identifier, data).values() for name in of}
    names = {METHOD_NAMES[m] for m, record in METHODS.items() if not record.needs_data}
    return names if identifier in OF_MASKS else set()


def at_a_glance() -> HTML:
    """Return a table of signs: a row a claim, a column a data set and initialisation with any.

    A sign a condition that the claim is tested under, in their order; in brackets where no image
    has been seen.
    """
    names = claims_elsewhere()
    places = [
        (data, setting)
        for data, setting in product(DATA, SETTINGS)
        if any(setting in verdicts(name, data) for name in names)
    ]
    columns = [f"{DATA[data]}, {SHORT[setting]}" for data, setting in places]
    rows = (
        (_linked(name), *(_signs(name, setting, data) for data, setting in places))
        for name in names
    )
    table = html_table(("claim", *columns), rows).data
    return HTML(table.replace("class='cards'", "class='cards glance'", 1))


def carried_over() -> HTML:
    """Return estimates and verdicts of the same claims: a row a claim, a column a data set.

    Of the initialisations that claims are tested under on other data.
    """
    names = claims_elsewhere()
    others = [data for data in DATA if data != PAPERS]
    settings = [
        s for s in SETTINGS if any(s in verdicts(n, data) for n in names for data in others)
    ]
    rows = (
        (
            _linked(name),
            *(
                "<br>".join(
                    f"<i>{SETTINGS[setting]}</i><br>{cell(name, setting, data)}"
                    for setting in settings
                    if setting in estimates(name, data)
                )
                for data in DATA
            ),
        )
        for name in names
    )
    table = html_table(("claim", *DATA.values()), rows).data
    return HTML(table.replace("class='cards'", "class='cards by-data'", 1))


def with_surrogates(by_data: Mapping[str, xr.DataArray]) -> HTML:
    """Return a table of leads on the paper's data over those on others, a row a surrogate.

    Of :func:`~graphon_lib.experiments.surrogate_training.leads` by data set; the intervals are joint.
    """
    found = disagreements(by_data)
    _, *others = by_data
    places = list(product(dict.fromkeys(method for _, method, _ in found), others))
    means = {name: np.exp(np.log(leads).mean("trial")) for name, leads in by_data.items()}
    ratios = [
        float((means[PAPERS] / means[data]).sel(inputs=AS_THEY_ARE, pruning=method))
        for method, data in places
    ]
    rows = [(AS_THEY_ARE, *(f"{ratio:.2f}" for ratio in ratios))]
    for inputs in dict.fromkeys(inputs for inputs, _, _ in found):
        judged = (found[inputs, method, data] for method, data in places)
        cells = (f"{j.value:.2f} ({j.lower:.2f} to {j.upper:.2f}): {reading(j)}" for j in judged)
        rows.append((inputs, *cells))
    columns = (f"{METHOD_NAMES[method]}, over {DATA[data]}" for method, data in places)
    return html_table(("images", *columns), rows)


def _linked(identifier: str) -> str:
    return f"<a href='claims.html#claim-{identifier}'>{escape(CLAIMS[identifier].claim)}</a>"


def _signs(identifier: str, setting: str, data: str) -> str:
    """Return a sign for every condition; those that are the opposite of the paper's data stand out."""
    found, papers = (verdicts(identifier, of).get(setting, {}) for of in (data, PAPERS))
    if not found:
        return "–"
    claim, blind, signs = CLAIMS[identifier], _blind(identifier, data), ""
    for condition, verdict in found.items():
        name, sign = SIGNS[verdict]
        pair = Pair(identifier, condition, setting, data, papers.get(condition, verdict), verdict)
        words = escape(f"{condition}: {said(claim, verdict)}".removeprefix(": "), quote=True)
        stands_out = " opposite" if pair.opposite else ""
        sign = f"({sign})" if condition in blind else sign
        signs += f"<i class='sign {name}{stands_out}' title='{words}'>{sign}</i>"
    heard = "; ".join(f"{said(claim, v)}{c and f' for {c}'}" for c, v in found.items())
    return f"<b class='signs' role='img' aria-label='{escape(heard, quote=True)}'>{signs}</b>"
