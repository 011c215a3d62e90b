"""The ledger: rules from estimates to verdicts, and what the table says of stored results."""

import json
import math
import re

import numpy as np
import pytest
import xarray as xr
from hypothesis import assume, given
from hypothesis import strategies as st

from graphon_lib.book import estimates as of
from graphon_lib.book.claims import CLAIMS
from graphon_lib.book.estimates import Estimate, interval, ratio
from graphon_lib.book.ledger import _words, estimates, ledger, quote, summary, verdict
from graphon_lib.book.paths import CHAPTERS
from graphon_lib.book.verdicts import OWN_WORDS, SETTINGS, Verdict, judge, overall
from graphon_lib.experiments.prediction import QUANTITIES
from graphon_lib.experiments.table import EXPERIMENTS
from graphon_lib.graphons.motifs import motif_densities

SECTIONS = {"4.2", "4.3", "5.1", "5.2", "5.3", "6", "A.3.3", "B", "C"}
"""Of the paper, those that make the claims."""

numbers = st.floats(-100, 100)
SINGLE = [Verdict.REPRODUCED, Verdict.NOT, Verdict.UNDECIDED]


@st.composite
def intervals(draw):
    lower, value, upper = sorted(draw(st.tuples(numbers, numbers, numbers)))
    return Estimate(value, lower, upper, 2)


@given(intervals(), numbers, numbers)
def test_every_interval_has_one_verdict(estimate, low, high):
    assume(low <= high)
    inside = low <= estimate.lower and estimate.upper <= high
    apart = estimate.upper < low or estimate.lower > high
    expected = Verdict.REPRODUCED if inside else Verdict.NOT if apart else Verdict.UNDECIDED
    assert judge(estimate, low, high) is expected


@given(intervals(), numbers, st.floats(0, 50), st.floats(0, 50))
def test_a_narrower_interval_or_wider_margins_never_take_a_verdict_back(estimate, low, width, more):
    high = low + width
    narrower = Estimate(estimate.value, estimate.value, estimate.value, 2)
    if (one := judge(estimate, low, high)) is not Verdict.UNDECIDED:
        assert judge(narrower, low, high) is one
    if one is Verdict.REPRODUCED:
        assert judge(estimate, low - more, high + more) is one


def test_an_estimate_that_does_not_exist_decides_nothing():
    assert judge(Estimate(math.nan, math.nan, math.nan, 2), 0.0, 1.0) is Verdict.UNDECIDED


@given(
    st.dictionaries(
        st.sampled_from(list(SETTINGS)),
        st.dictionaries(st.sampled_from(["a", "b", "c"]), st.sampled_from(SINGLE), min_size=1),
    )
)
def test_settings_and_conditions_together(found):
    one, where = overall(found)
    every = [single for conditions in found.values() for single in conditions.values()]
    if not every:
        assert one is Verdict.MISSING
    elif len(set(every)) == 1:
        assert (one, where) == (every[0], "")
    elif Verdict.REPRODUCED in every:
        assert one is Verdict.CONDITION
        assert where
    else:
        assert one is Verdict.UNDECIDED
        assert where


def test_the_condition_names_the_setting_where_settings_differ():
    found = {"he": {"": Verdict.NOT}, "torch": {"": Verdict.REPRODUCED}}
    assert overall(found) == (Verdict.CONDITION, SETTINGS["torch"])


def test_conditions_that_differ_in_parentheses_alone_stand_together():
    holding = dict.fromkeys(["a (x)", "a (y)", "b"], Verdict.REPRODUCED)
    assert overall({"he": {**holding, "c (x)": Verdict.NOT}})[1] == "a (x, y), b"


@pytest.mark.parametrize("claim", CLAIMS.values(), ids=list(CLAIMS))
def test_claims_are_complete(claim):
    sections = re.split(r", | and ", claim.where)[0]
    assert claim.where == "this book" or sections in SECTIONS
    assert (CHAPTERS / f"{claim.chapter}.ipynb").exists()
    assert "{" not in claim.test
    assert all(name in EXPERIMENTS for name in claim.results)
    assert claim.low < claim.high
    decides = claim.measure is not None
    assert decides == bool(claim.results) == bool(claim.why)
    assert decides == math.isfinite(max(claim.low, -claim.high))
    for name, margin in (("low", claim.low), ("high", claim.high)):
        assert math.isfinite(margin) == (f"{{{name}:g}}" in claim.criterion)


@pytest.mark.parametrize("identifier", CLAIMS)
def test_verdicts_follow_from_stored_results(identifier):
    claim, found = CLAIMS[identifier], estimates(identifier)
    for of_setting in found.values():
        for name, one in of_setting.items():
            assert one.lower <= one.value <= one.upper, name
            assert one.networks > 1
    counted = [found["he"]] if claim.without_biases else found.values()
    verdicts = {judge(one, claim.low, claim.high) for at in counted for one in at.values()}
    said = {one: OWN_WORDS.get(one, one) if claim.where == "this book" else one for one in Verdict}
    words = verdict(identifier)
    if not found:
        assert words == (Verdict.MISSING if claim.measure else Verdict.UNTESTED)
    elif verdicts == {Verdict.REPRODUCED}:
        assert words.startswith(said[Verdict.REPRODUCED])
        assert said[Verdict.CONDITION] not in words
    elif Verdict.REPRODUCED in verdicts:
        assert words.startswith(f"{said[Verdict.CONDITION]}: ")
    else:
        assert words.startswith((said[Verdict.NOT], Verdict.UNDECIDED))
    assert (len(found) == 1) == ("measured under" in words)


WIDTHS = (80, 160, 320, 4000)
"""The last but one is the reference."""


def sweep(distance, motif_density=0.0):
    """Return a result as of the convergence sweep: squared distances by the narrower width."""
    coords = {
        "hidden_layers": [2],
        "mask": [1],
        "pruning": list(of.METHOD_NAMES),
        "density": [of.DENSITY],
        "weight_layer": [1, 2],
        "width": list(WIDTHS),
        "other_width": list(WIDTHS),
        "estimator": ["plain", "cross-fitted"],
        "scale": ["histogram", "divided by density"],
        "statistic": ["squared", "lower", "upper", "standard_error"],
        "motif": ["edge", "cycle_4"],
        "trial": range(6),
        "row": range(8),
    }
    lead = ("hidden_layers", "mask", "pruning", "density")

    def filled(values, *dims):
        dims = (*lead, *dims)
        values = np.broadcast_to(values, [len(coords[dim]) for dim in dims])
        return dims, values.copy()

    return xr.Dataset(
        {
            "distance": filled(
                np.asarray(distance), "scale", "estimator", "other_width", "width", "statistic"
            ),
            "motif_density": filled(motif_density, "width", "trial", "motif"),
            "layer_density": filled(of.DENSITY, "weight_layer", "width", "trial"),
        },
        coords,
    )


def test_distances_that_halve_have_a_ratio_of_one_half():
    squared = np.array([4.0, 2.0, 0.0, 1.0])
    distance = np.stack([squared, squared, squared, np.full(4, 1e-3)], axis=-1)
    found = of.falling_distances(sweep(distance))
    assert list(found) == list(of.METHOD_NAMES.values())
    for one in found.values():
        assert one.value == pytest.approx(0.5)
        assert one.lower < 0.5 < one.upper < 0.51


def test_shapes_are_compared_by_the_root_mean_square():
    """An entry of eight times eight blocks that differs by 0.1 each: 0.64 in all."""
    found = of.shape_distances(sweep([0.64, -1.0, 0.81, 0.0]))
    for one in found.values():
        assert one == pytest.approx((0.1, 0.0, 0.1125, 6))


def test_cycles_of_random_masks_are_those_of_a_constant():
    """The expectation at a finite width, neurons that coincide included."""
    width, rng = WIDTHS[-2], np.random.default_rng(0)
    ratios = []
    for _ in range(6):
        mask = rng.permutation(np.arange(width**2) < of.DENSITY * width**2).reshape(width, width)
        ratios.append([motif_densities(mask)[name] for name in ("edge", "cycle_4")])
    stored = sweep([0.0] * 4, np.array(ratios))
    assert of.cycle_ratio(stored, "random")[""].value == pytest.approx(1.0, abs=0.02)
    assert of.cycle_spread(stored, "random")[""].upper < 0.05


def noise(*shape, seed=0):
    return 1e-3 * np.random.default_rng(seed).normal(size=shape)


def between_methods(gap):
    """Return distances of 1 within a method and `gap` between two, but for the last two of them."""
    methods, dims = list(of.METHOD_NAMES), ("kind", "pruning", "against", "trial", "other")
    apart = np.full((2, len(methods), len(methods)), gap)
    apart[0, range(5), range(5)], apart[1, range(5), range(5)] = 1.0, np.nan
    apart[1, 3, 4] = apart[1, 4, 3] = gap - 1.0
    values = apart[..., None, None] + noise(2, 5, 5, 6, 6)
    return xr.Dataset(
        {"distance": (("measure", *dims), np.stack([values, values]))},
        {"measure": ["cut norm", "4-cycles"], "kind": ["seed", "method"]}
        | {"pruning": methods, "against": methods},
    )


def test_flips_of_the_inverse_root_have_the_power_one_half():
    """Batches of more than a fifth of the width, where a layer is known, take no part."""
    width, images = np.array([64, 256, 1024, 2048]), np.array([10, 100])
    flipped = np.exp(noise(2, 1, 2, 4, 3)) / width[:, None] ** 0.5
    flipped[:, :, 1, :2] = 1.0
    flipped[..., -1, 1:] = np.nan
    place = ("pruning", "hidden_layers", "images", "width", "trial")
    coords = {"pruning": ["snip", "grasp"], "hidden_layers": [2], "images": images, "width": width}
    found = of.flip_exponents(xr.Dataset({"flipped": (place, flipped)}, coords))
    assert {name: one.networks for name, one in found.items()} == {
        f"{method}, {count} images": networks
        for method in ("SNIP", "GraSP")
        for count, networks in ((10, 10), (100, 4))
    }
    assert all(one.lower < -0.5 < one.upper for one in found.values())
    assert all(one.value == pytest.approx(-0.5, abs=0.02) for one in found.values())


def test_regions_are_as_distinct_as_the_closest_pair():
    masks = between_methods(5.0)
    found = of.regions(masks, "seed")
    assert len(found) == 4
    for one in found.values():
        assert one.lower <= one.value == pytest.approx(4.0, abs=0.01)
        assert one.value < one.upper
    assert all(one.value == pytest.approx(3.0, abs=0.01) for one in of.differences(masks).values())
    alike = of.cycles_of_the_next(masks)
    assert all(one.value == pytest.approx(1.0, abs=0.01) for one in alike.values())


def test_an_excess_of_the_inverse_width_leaves_the_ratio_of_widths():
    width = np.array([64, 128, 1024])
    excess = 20.0 / width[None, :, None, None] + noise(2, 3, 8, 1)
    place = ("structure", "width", "trial", "layer")
    coords = {"structure": ["constant", "snip"], "width": width}
    found = of.gaussian(xr.Dataset({"excess": (place, excess)}, coords))
    assert list(found) == ["a constant graphon", "SNIP's masks"]
    assert all(one.lower < 1 / 16 < one.upper for one in found.values())


def test_modes_of_twice_the_speed():
    expected = np.exp(-np.outer([0.5, 0.1], [1, 2]))
    shape = (1, 2, 2, 3, 2, 2)
    modes = xr.Dataset(
        {
            name: (("width", "density", "targets", "trial", "mode", "step"), values)
            for name, values in (
                ("expected", np.broadcast_to(expected, shape)),
                ("left", expected**2 * np.exp(noise(*shape))),
            )
        },
        {"density": [1.0, 0.2], "targets": ["one-hot", "small"], "step": [1, 2]},
    )
    found = of.mode_speeds(modes)
    assert list(found) == ["one-hot targets (80 %)", "small targets (80 %)"]
    assert all(one.value == pytest.approx(2.0, abs=0.05) for one in found.values())


def test_learning_by_position_and_the_ones_of_the_appendix():
    """Unit terms of weights, and ones that make up half of the dense kernel."""
    layers, widths, methods = 3, [784, 50, 50], ["dense", *of.METHOD_NAMES]
    term = np.ones((6, 2, 1, 4, 2, layers, 2)) * np.exp(noise(6, 2, 1, 4, 2, 1, 1))
    term[..., 1] *= 2.0 / np.array(widths)
    rate = np.ones((6, 2, 1, 4, 2, layers - 1, 4)) * np.exp(noise(6, 2, 1, 4, 2, 1, 1))
    rate[..., -1] *= 2.0
    place = ("pruning", "density", "width", "trial", "road")
    terms = xr.Dataset(
        {"term": ((*place, "weight_layer", "part"), term)}
        | {"rate": ((*place, "hidden_layer", "group"), rate)},
        {"pruning": methods, "density": [0.2, 0.05], "width": [50], "road": ["kept", "re-drawn"]}
        | {"part": ["weights", "biases"], "weight_layer": range(1, layers + 1)},
        {"initialisation": "he", "image_shape": [28, 28]},
    )
    fast = of.fast_neurons(terms)
    assert len(fast) == 6
    assert all(one.value == pytest.approx(2.0, abs=0.01) for one in fast.values())
    found = {name: one.value for name, one in of.appendix_step(terms).items()}
    assert found == pytest.approx({"dense": 2.0, "80 %": 1.2, "95 %": 1.05}, rel=1e-6)


@given(st.lists(st.floats(0.1, 10), min_size=3, max_size=8), st.floats(0.1, 10))
def test_a_constant_ratio_is_found_without_error(values, factor):
    found = ratio(factor * np.array(values), values)
    assert found[:3] == pytest.approx([factor] * 3)


@given(st.lists(numbers, min_size=2, max_size=8), st.integers(2, 20))
def test_simultaneous_intervals_contain_single_ones(values, comparisons):
    one, many = interval(values), interval(values, comparisons)
    assert many.lower <= one.lower <= one.value <= one.upper <= many.upper


def test_intervals_cover_as_often_as_they_say():
    rng = np.random.default_rng(0)
    found = [interval(rng.normal(1.0, 2.0, size=4)) for _ in range(2000)]
    covered = np.mean([one.lower <= 1.0 <= one.upper for one in found])
    assert abs(covered - 0.95) < 4 * (0.95 * 0.05 / 2000) ** 0.5


def test_the_ledger_has_a_row_for_every_claim():
    table = ledger().data
    assert table.count("<tr>") == len(CLAIMS) + 1
    assert all(f"{claim.chapter}.html" in table for claim in CLAIMS.values())
    assert all(table.count(f"id='claim-{name}'") == 1 for name in CLAIMS)


def test_the_summary_has_the_ledgers_verdicts_and_leads_to_its_rows():
    table = summary({"constant": "one claim", "modes": "another"}).data
    for name in ("constant", "modes"):
        decided = re.split("[:,]", verdict(name))[0]
        assert f"<a href='claims.html#claim-{name}'>{decided}</a>" in table


def test_theorems_stand_beside_the_verdict_with_their_chapter():
    table = ledger().data
    assert CLAIMS["limit"].theorems
    theorems = "<summary>as a theorem</summary>"
    assert table.count(theorems) == sum(bool(c.theorems) for c in CLAIMS.values())
    assert f"{theorems}proved for Random" in table
    tested = sum(c.chapter == "09-limits" for c in CLAIMS.values())
    assert table.count("09-limits.html") == table.count(theorems) + tested


def test_settings_with_biases_have_no_part_in_claims_without(monkeypatch):
    both = {"he": {"": Estimate(0.0, -0.1, 0.1, 3)}, "torch": {"": Estimate(1.0, 0.9, 1.1, 3)}}
    monkeypatch.setattr("graphon_lib.book.ledger.estimates", lambda *_: both)
    assert CLAIMS["gaussian"].without_biases
    judged = "judged without biases, under He initialisation only"
    assert verdict("gaussian") == f"{Verdict.REPRODUCED}, {judged}"
    row = ledger().data.split("id='claim-gaussian'")[1].split("<tr>")[0]
    assert "numbers for information<br><span>1.00 (0.90 to 1.10)" in row


def test_what_is_too_small_to_be_written_is_said_to_be_below():
    assert _words(Estimate(1e-9, 5e-10, 4e-9, 5)) == "below 0.0001"
    assert _words(Estimate(0.0, 0.0, 0.0, 5)) == "0.00 (0.00 to 0.00)"
    assert _words(Estimate(0.93, 0.87, 0.9989, 5)) == "0.930 (0.870 to 0.999)"


def test_a_share_of_a_lead_that_may_be_nothing_has_no_bounds():
    assert _words(Estimate(0.7, -math.inf, math.inf, 5)) == "0.70 (not bounded)"
    assert _words(Estimate(math.nan, -math.inf, math.inf, 5)) == "nothing to share"


def test_where_the_end_is_not_ahead_there_is_no_share():
    levels = {"start": 2.0, "moved": 1.5, "end": 1.0}
    trials = np.random.default_rng(0).normal(1.0, 0.01, (3, 5))
    losses = xr.DataArray(
        np.array(list(levels.values()))[:, None] * trials,
        {"variant": list(levels)},
        ("variant", "trial"),
    )
    way = math.log(2.0 / 1.5) / math.log(2.0)
    assert of._share(losses, "start", "moved", "end").value == pytest.approx(way, abs=0.03)
    back = of._share(losses, "end", "moved", "start")
    assert math.isnan(back.value)
    assert judge(back, 0.5, math.inf) is Verdict.UNDECIDED


def test_the_density_beside_the_indicator():
    """Speed that follows the density alone, and a trace that follows it and not the method."""
    three, density = ["random", "snip", "synflow"], [0.5, 0.2, 0.1]
    shape = (3, 3, 4)
    trace = np.array(density)[None, :, None] + np.array([0.02, 0.01, 0.0])[:, None, None]
    known = {
        name: (("pruning", "density", "trial", "digits", "road"), np.ones((*shape, 1, 1)))
        for name in QUANTITIES
    }
    known["trace"] = (known["trace"][0], np.broadcast_to(trace, shape)[..., None, None].copy())
    coords = {"pruning": three, "density": density, "road": ["sampled"]}
    loss = 1.0 - np.array(density)[None, :, None] + np.array([0.02, 0.01, 0.0])[:, None, None]
    losses = np.broadcast_to(loss, shape)[..., None] * np.ones(60)
    training = xr.Dataset({"loss": (("pruning", "density", "trial", "step"), losses)}, coords)
    found = of.beside_the_indicator(xr.Dataset(known, coords), training.drop_vars("road"))
    assert found["density"].value == pytest.approx(0.95, abs=0.03)
    assert found["trace within a sparsity"].value == pytest.approx(-1.0)
    # A network that was trained at one sparsity only has no part in what compares sparsities.
    more = np.pad(losses, ((0, 0), (0, 0), (0, 1), (0, 0)), constant_values=np.nan)
    more[:, -1, -1] = 100.0
    uneven = xr.Dataset({"loss": (("pruning", "density", "trial", "step"), more)}, coords)
    spectra = xr.Dataset(known, coords)
    judged = [of.energy_and_speed(spectra, one.drop_vars("road")) for one in (training, uneven)]
    assert judged[0].keys() == judged[1].keys()
    for one, other in zip(*(found.values() for found in judged), strict=True):
        assert other == pytest.approx(one, nan_ok=True)
    alone = training.isel(density=[-1])
    assert of.energy_and_speed(spectra, alone) == of.indicators(spectra, alone) == {}


def test_what_is_not_stored_is_said_in_plain_words(monkeypatch):
    monkeypatch.setattr("graphon_lib.book.ledger.estimates", lambda *_: {})
    assert type(quote("limit", "torch", "SNIP")) is str
    assert (quote("limit", "torch", "SNIP"), verdict("limit")) == (Verdict.MISSING,) * 2


def test_a_single_estimate_has_a_verdict_of_its_own():
    claim = CLAIMS["positions"]
    for setting, found in estimates("positions").items():
        for name, one in found.items():
            assert verdict("positions", setting, name) == judge(one, claim.low, claim.high)


def test_unknown_names_are_refused():
    with pytest.raises(ValueError, match="identifier must be one of"):
        verdict("none")
    with pytest.raises(ValueError, match="condition must be one of"):
        quote("limit", "he", "none")


@pytest.mark.parametrize("page", ["claims", "index"])
def test_verdicts_and_numbers_of_the_ledger_are_glued_from_claims_that_exist(page):
    cells = json.loads((CHAPTERS / f"{page}.ipynb").read_text(encoding="utf-8"))["cells"]
    prose = " ".join("".join(c["source"]) for c in cells if c["cell_type"] == "markdown")
    words = [*Verdict, "refuted", "confirmed", "**yes**", "**no**"]
    assert not [word for word in words if word in prose.lower()]
    assert set(re.findall(r"`verdict_([\w-]+)`", prose)) <= set(CLAIMS)
