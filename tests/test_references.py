"""The bibliography: every entry leads to the work, and is named as the text cites it."""

import re

import pytest
from pybtex.database import parse_file

from graphon_lib.book.citations import AuthorYearLabels
from graphon_lib.book.paths import CHAPTERS

ENTRIES = parse_file(CHAPTERS / "references.bib").entries

WITHOUT_LINK = set()
"""Entries of which no address could be verified."""

LINKS = {
    "doi": r"10\.\d{4,}/\S+",
    "eprint": r"\d{4}\.\d{4,5}",
    "url": r"https://\S+",
}


@pytest.mark.parametrize("key", ENTRIES)
def test_every_entry_leads_to_the_work(key):
    found = {name: ENTRIES[key].fields[name] for name in LINKS if name in ENTRIES[key].fields}
    assert bool(found) == (key not in WITHOUT_LINK)
    for name, value in found.items():
        assert re.fullmatch(LINKS[name], value)
    assert "arxiv" not in str(ENTRIES[key].fields).lower(), "written as eprint"


def test_labels_are_author_and_year_and_differ():
    labels = list(AuthorYearLabels().format_labels(ENTRIES.values()))
    assert len(set(labels)) == len(labels)
    assert {"Pham et al., 2025", "Cho and Saul, 2009", "Lovász, 2012", "Yang, 2020a"} <= set(labels)
    assert not [label for label in labels if re.search(r"[{}\\]", label)]
