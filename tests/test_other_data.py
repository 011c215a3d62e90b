"""Claims on several data sets: which verdicts are compared, and how they look at a glance."""

import math
import re

import numpy as np
import pytest
import xarray as xr

from graphon_lib.book import other_data
from graphon_lib.book.claims import CLAIMS
from graphon_lib.book.estimates import Estimate
from graphon_lib.book.ledger import estimates, verdict, verdicts
from graphon_lib.book.other_data import (
    Pair,
    at_a_glance,
    carried_over,
    claims_elsewhere,
    pairs,
    with_surrogates,
)
from graphon_lib.book.verdicts import DATA, Verdict
from graphon_lib.experiments.data import DATASETS
from graphon_lib.experiments.other_data import ON_OTHER_DATA, OTHER_DATA
from graphon_lib.experiments.surrogate_training import AS_THEY_ARE, METHODS_AHEAD
from graphon_lib.experiments.surrogates import SURROGATES
from graphon_lib.experiments.table import EXPERIMENTS


def test_data_of_the_ledger_are_those_of_the_experiments():
    assert list(DATA) == ["mnist", *OTHER_DATA]
    assert set(DATA) <= set(DATASETS)
    assert {one.paper["dataset"] for one in ON_OTHER_DATA} == set(OTHER_DATA)
    assert all(EXPERIMENTS[one.name] is one for one in ON_OTHER_DATA)


@pytest.mark.parametrize("data", DATA)
def test_verdicts_follow_from_the_estimates_on_each_data_set(data):
    for name in claims_elsewhere():
        claim, decided = CLAIMS[name], verdicts(name, data)
        for setting, conditions in decided.items():
            found = estimates(name, data)[setting]
            assert set(conditions) == set(found)
            for condition, one in found.items():
                assert one.lower <= one.value <= one.upper or math.isnan(one.value)
                inside = claim.low <= one.lower and one.upper <= claim.high
                assert inside == (conditions[condition] is Verdict.REPRODUCED)
        if not decided:
            assert verdict(name, data=data) == Verdict.MISSING


def test_only_what_saw_images_is_compared(monkeypatch):
    digits = {"he": {"Random": Estimate(0.0, -0.1, 0.1, 3), "SNIP": Estimate(0.0, -0.1, 0.1, 3)}}
    clothes = {"he": {**digits["he"], "SNIP": Estimate(9.0, 8.9, 9.1, 3)}}
    found = {"mnist": digits, "fashion-mnist": clothes, "cifar10-4k": {}}
    of = {
        data: {s: {c: _judged(one) for c, one in at.items()} for s, at in settings.items()}
        for data, settings in found.items()
    }
    monkeypatch.setattr(other_data, "CLAIMS", {"priors": CLAIMS["priors"]})
    monkeypatch.setattr(other_data, "estimates", lambda _, data="mnist": found[data])
    monkeypatch.setattr(other_data, "verdicts", lambda _, data="mnist": of[data])
    (pair,) = pairs()
    expected = ("priors", "SNIP", "he", "fashion-mnist", Verdict.REPRODUCED, Verdict.NOT)
    assert pair == Pair(*expected)
    assert pair.opposite
    table = at_a_glance().data
    assert len(re.findall(r"class='sign yes'[^>]*>\(✓\)<", table)) == 1
    assert len(re.findall(r"class='sign no opposite'[^>]*>✗<", table)) == 1


def _judged(one):
    return Verdict.REPRODUCED if one.value == 0.0 else Verdict.NOT


def test_tables_have_a_row_a_claim():
    names = claims_elsewhere()
    for table in (at_a_glance().data, carried_over().data):
        assert [n for n in names if f"claims.html#claim-{n}'" not in table] == []
        assert table.count("<tr>") == len(names) + 1
    columns = at_a_glance().data.split("</thead>")[0].count("<th ")
    tested = {
        (data, setting) for data in DATA for name in names for setting in verdicts(name, data)
    }
    assert columns == 1 + len(tested) > len(DATA)


def test_a_disagreement_stays_is_gone_or_is_open():
    noise = np.random.default_rng(0).normal(size=10)
    coords = {"inputs": [AS_THEY_ARE, *SURROGATES], "pruning": list(METHODS_AHEAD)}
    dims = ("inputs", "pruning", "trial")
    levels = {"mnist": (1.5, 0.01), "fashion-mnist": (1.0, 0.0), "cifar10-4k": (1.5, 0.0)}
    shape = (len(coords["inputs"]), len(METHODS_AHEAD), 10)
    of = {
        name: xr.DataArray(np.broadcast_to(level * np.exp(spread * noise), shape), coords, dims)
        for name, (level, spread) in levels.items()
    }
    table = with_surrogates(of).data
    count = len(SURROGATES) * len(METHODS_AHEAD)
    assert table.count(": stays<") == table.count(": gone<") == count
    assert table.count("<tr>") == 2 + len(SURROGATES)
    wide = {**of, "mnist": of["mnist"] * np.exp(0.5 * noise)}
    assert with_surrogates(wide).data.count(": open<") == 2 * count
