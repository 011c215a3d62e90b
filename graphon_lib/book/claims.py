"""The ledger: every claim, its criterion with a margin, and the verdict that results give.

Margins were fixed before the results were seen through them, and are not tuned to them: 5 % is what
a picture of a graphon shows; a factor of 1.25 is the bioequivalence margin of clinical trials; and
where a power of the width is asked for, the margin stands halfway between fluctuations of the order
of the inverse root of the width and no approach at all.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import cache, partial
from math import inf
from types import MappingProxyType

import xarray as xr

from graphon_lib.book import estimates as of
from graphon_lib.book.estimates import Estimate, Estimates
from graphon_lib.experiments.results import StaleResultError
from graphon_lib.experiments.table import EXPERIMENTS

__all__ = ["CLAIMS", "SETTINGS", "Claim", "Verdict", "judge", "overall", "verdict"]

SETTINGS = MappingProxyType({"he": "He initialisation", "torch": "PyTorch's defaults"})
"""Initialisations under which results are stored, and what they are called in sentences."""


class Verdict(StrEnum):
    """What a ledger can say of a claim."""

    REPRODUCED = "reproduced"
    CONDITION = "reproduced under a condition"
    NOT = "not reproduced"
    UNDECIDED = "undecided"
    UNTESTED = "not testable here"
    MISSING = "not computed"


@dataclass(frozen=True, kw_only=True)
class Claim:
    """A claim and what decides it.

    Attributes
    ----------
    id, claim, where, chapter
        Its name; its words; the section of the paper, or ``"this book"``; the chapter with the test.
    criterion, low, high
        What must lie between the margins, which stand in the sentence as fields, ``{high:g}``.
    why
        Why these margins.
    results
        Names of the results, without the initialisation.
    measure
        Function of these for one initialisation. Without it, a claim is not testable here.
    """

    id: str
    claim: str
    where: str
    chapter: str
    criterion: str
    why: str = ""
    low: float = -inf
    high: float = inf
    results: tuple[str, ...] = ()
    measure: Callable[..., Estimates] | None = None

    @property
    def test(self) -> str:
        """The criterion with its margins."""
        return self.criterion.format(low=self.low, high=self.high)

    def estimates(self, setting: str) -> Estimates | None:
        """Return the estimates under an initialisation, None where a result is not stored."""
        found = [_result(name, setting) for name in self.results]
        if self.measure is None or any(result is None for result in found):
            return None
        return self.measure(*found)


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
        Reproduced if every one says so, not reproduced likewise; undecided where none says that the
        claim is reproduced and not all that it is not.
    condition : str
        Where some are reproduced and others not, those that are.
    """
    verdicts = {one for conditions in found.values() for one in conditions.values()}
    if not verdicts:
        return Verdict.MISSING, ""
    if len(verdicts) == 1:
        return verdicts.pop(), ""
    if Verdict.REPRODUCED not in verdicts:
        return Verdict.UNDECIDED, ""
    held = {
        setting: [name for name, one in conditions.items() if one is Verdict.REPRODUCED]
        for setting, conditions in found.items()
    }
    if len({tuple(names) for names in held.values()}) == 1:
        return Verdict.CONDITION, ", ".join(next(iter(held.values())))
    return Verdict.CONDITION, "; ".join(
        SETTINGS[setting] + ("" if len(names) == len(found[setting]) else f" at {', '.join(names)}")
        for setting, names in held.items()
        if names
    )


@cache
def assessed(identifier: str) -> dict[str, Estimates]:
    """Return the estimates of a claim by setting, of the settings whose results are stored."""
    claim = CLAIMS[identifier]
    found = {setting: claim.estimates(setting) for setting in SETTINGS}
    return {setting: estimates for setting, estimates in found.items() if estimates}


def decided(identifier: str) -> tuple[Verdict, str]:
    """Return the verdict on a claim and its condition."""
    claim = CLAIMS[identifier]
    if claim.measure is None:
        return Verdict.UNTESTED, ""
    return overall(
        {
            setting: {name: judge(one, claim.low, claim.high) for name, one in estimates.items()}
            for setting, estimates in assessed(identifier).items()
        }
    )


def verdict(identifier: str) -> str:
    """Return the verdict on a claim in words, for a sentence.

    Parameters
    ----------
    identifier
        A key of :data:`CLAIMS`.

    Returns
    -------
    str
        Such as ``"reproduced under a condition (PyTorch's defaults)"``.

    Raises
    ------
    ValueError
        If there is no such claim.
    """
    if identifier not in CLAIMS:
        raise ValueError(f"identifier must be one of {', '.join(CLAIMS)}, got {identifier!r}")
    found, condition = decided(identifier)
    return f"{found} ({condition})" if condition else str(found)


@cache
def _result(name: str, setting: str) -> xr.Dataset | None:
    experiment = EXPERIMENTS.get(name if setting == "he" else f"{name}-{setting}")
    try:
        return experiment.run() if experiment else None
    except StaleResultError:
        return None


METHOD_NAMES = {
    "random": "Random",
    "magnitude": "Magnitude",
    "snip": "SNIP",
    "grasp": "GraSP",
    "synflow": "SynFlow",
}
PICTURE = "5 % of a density is the step that the paper's grey scale can show"
HALFWAY = (
    "fluctuations of the order of the inverse root of the width quarter the variance when the width is "
    "four times as large, a random limit leaves it: the margin is the geometric mean"
)
FACTOR = "the bioequivalence margin of clinical trials, for scales that span orders of magnitude"
LEAD = "5 % of the loss is a gap that can be seen in the paper's figure"


def _rows() -> list[Claim]:
    rows = [
        Claim(
            id=f"limit-{method}",
            claim=f"{name}'s masks converge to deterministic graphons that depend only on architecture, "
            "sparsity and method",
            where="4.2",
            chapter="03-convergence",
            criterion="at width 2000, graphons of networks with different weights and pruning batches "
            "differ by at most {high:g} of their values, beyond chance",
            high=0.05,
            why=PICTURE,
            results=("batch-dependence",),
            measure=partial(of.spread, arms={"": method}, same_batch=False),
        )
        for method, name in METHOD_NAMES.items()
        if method != "synflow"
    ]
    rows += [
        Claim(
            id="limit-synflow",
            claim="SynFlow's masks converge to deterministic graphons that depend only on architecture, "
            "sparsity and method",
            where="4.2",
            chapter="03-convergence",
            criterion="at width 2000, with each layer's density fixed, 4-cycles over those of a constant "
            "have a relative standard deviation of at most {high:g} over networks",
            high=0.05,
            why="the margin of the other methods, for a number that needs no order of the neurons",
            results=("convergence",),
            measure=partial(of.cycle_spread, method="synflow"),
        ),
        Claim(
            id="limit-snip-batch",
            claim="... and SNIP's, given the pruning batch",
            where="4.2",
            chapter="03-convergence",
            criterion="at width 2000, graphons of networks that see the same batch differ by at most "
            "{high:g} of their values, beyond chance",
            high=0.05,
            why=PICTURE,
            results=("batch-dependence",),
            measure=partial(
                of.spread,
                arms={"outputs as they are": "snip", "outputs near zero": "snip: quiet outputs"},
                same_batch=True,
            ),
        ),
        Claim(
            id="limit-grasp-batch",
            claim="... and GraSP's, given the pruning batch",
            where="4.2",
            chapter="03-convergence",
            criterion="as for SNIP: at most {high:g}",
            high=0.05,
            why=PICTURE,
            results=("batch-dependence",),
            measure=partial(of.spread, arms={"": "grasp"}, same_batch=True),
        ),
        Claim(
            id="limit-snip-width",
            claim="... and SNIP's networks of one batch come together as the width grows",
            where="4.2",
            chapter="03-convergence",
            criterion="from width 500 to 2000 the variance of 4-cycles over those of a constant, between "
            "networks of one batch with each layer's density fixed, falls to at most {high:g} of itself",
            high=0.5,
            why=HALFWAY,
            results=("output-scale",),
            measure=of.cycle_variance,
        ),
        Claim(
            id="architectures",
            claim="The hypothesis holds for any fixed class of architectures",
            where="4.2",
            chapter="03-convergence",
            criterion="all networks here are fully connected, as are the paper's",
        ),
    ]
    for method, name in METHOD_NAMES.items():
        rows += [
            Claim(
                id=f"settled-{method}",
                claim=f"{name}'s histograms are stable in the large-width limit",
                where="4.3, Fig. 1",
                chapter="03-convergence",
                criterion="shapes at width 1000 differ from those at 2000 by at most {high:g} of their "
                "values, noise and density taken out",
                high=0.05,
                why=PICTURE,
                results=("convergence",),
                measure=partial(of.shape_distance, method=method),
            ),
            Claim(
                id=f"distances-{method}",
                claim=f"{name}: Euclidean distances to width 2000 decrease as the width increases",
                where="4.3, Fig. 1 and 4",
                chapter="03-convergence",
                criterion="every squared distance of degree-sorted histograms to those at 2000 is below "
                "{high:g} of the one before, at both depths and all sparsities",
                high=1.0,
                why="the paper claims a direction",
                results=("convergence",),
                measure=partial(of.falling_distance, method=method),
            ),
            Claim(
                id=f"sorted-{method}",
                claim=f"{name}: sorting by degree reveals the underlying structure",
                where="4.3",
                chapter="02-graphons",
                criterion="at width 2048 the mask minus its degree-sorted blocks has an operator norm of "
                "at most {high:g} that of chance",
                high=1.1,
                why="at density 0.2 a structure that lifts the noise by a tenth has an operator norm of a "
                "twentieth of the density",
                results=("residual-spectra",),
                measure=partial(of.residual, method=method),
            ),
        ]
    rows += [
        Claim(
            id="constant",
            claim="Random Pruning converges to a constant graphon",
            where="4.3",
            chapter="02-graphons",
            criterion="at width 2000, 4-cycles over those of a constant lie between {low:g} and {high:g}",
            low=0.99,
            high=1.01,
            why="the ratio is 1 in the limit if and only if the graphon is constant; a finite width adds "
            "less than half a hundredth",
            results=("convergence",),
            measure=partial(of.cycle_ratio, method="random"),
        ),
        Claim(
            id="synflow-block",
            claim="SynFlow eliminates a large part of the neurons in hidden layers",
            where="C, Fig. 9",
            chapter="01-pruning",
            criterion="at least {low:g} of the hidden neurons have no weights left, at 70, 80, 90 and 95 %",
            low=0.1,
            why="a tenth of a layer is a visible strip of the histogram",
            results=("mask-statistics",),
            measure=of.dead_neurons,
        ),
        Claim(
            id="synflow-paths",
            claim="SynFlow encourages sparse networks with a high number of paths",
            where="4.3",
            chapter="02-graphons",
            criterion="its masks keep at least {low:g} times as many paths as those of any other method",
            low=1.25,
            why=FACTOR,
            results=("shared-positions",),
            measure=of.many_paths,
        ),
        Claim(
            id="paths",
            claim="The graphon limit captures path densities",
            where="4.2",
            chapter="02-graphons",
            criterion="the path density of graphons of SNIP's masks over that of the masks lies between "
            "{low:g} and {high:g}, at 95 %",
            low=0.8,
            high=1.25,
            why=FACTOR,
            results=("shared-positions",),
            measure=of.path_readings,
        ),
        Claim(
            id="theorem",
            claim="The tangent kernel converges to the deterministic Graphon NTK",
            where="5.2, Theorem 1",
            chapter="04-graphon-ntk",
            criterion="the error of the kernel of sampled networks falls with a power of the width of at "
            "most {high:g}",
            high=-0.25,
            why="fluctuations fall with the power -1/2, what does not converge with 0: the margin is "
            "halfway",
            results=("kernel-convergence",),
            measure=of.error_exponents,
        ),
        Claim(
            id="masks-kernel",
            claim="The Graphon NTK is that of pruned networks: with weights drawn anew",
            where="5.1",
            chapter="04-graphon-ntk",
            criterion="its trace over the measured one lies between {low:g} and {high:g}, width 1024, 80 %",
            low=0.8,
            high=1.25,
            why=FACTOR,
            results=("kernels-of-masks",),
            measure=of.redrawn_trace,
        ),
        Claim(
            id="kept-kernel",
            claim="... and with the weights that pruning keeps",
            where="5.1",
            chapter="07-signed",
            criterion="its trace over the measured one lies between {low:g} and {high:g}, width 4096, 80 %",
            low=0.8,
            high=1.25,
            why=FACTOR,
            results=("signed-kernels",),
            measure=of.kept_trace,
        ),
        Claim(
            id="signed-kernel",
            claim="With second moments, and for SNIP the drift of vector positions, it is",
            where="this book",
            chapter="07-signed",
            criterion="its trace over the measured one lies between {low:g} and {high:g}, width 4096, 80 %",
            low=0.8,
            high=1.25,
            why=FACTOR,
            results=("signed-kernels",),
            measure=of.signed_trace,
        ),
        Claim(
            id="random-scale",
            claim="Random Pruning multiplies the kernel by one factor of the density for every layer",
            where="5.3",
            chapter="05-random",
            criterion="the power of the density in traces from 50 to 95 %, for each masked layer, lies "
            "between {low:g} and {high:g}",
            low=0.95,
            high=1.05,
            why="with five layers, an error of a quarter in the exponent cannot be taken for another layer",
            results=("spectra",),
            measure=of.random_exponent,
        ),
        Claim(
            id="random-shape",
            claim="... and maintains its spectral properties across the sparsity levels",
            where="6, Fig. 3",
            chapter="06-spectra",
            criterion="the energy in five eigenvalues differs from the dense kernel's by at most {high:g}, "
            "from 50 to 95 %",
            low=-0.05,
            high=0.05,
            why="five points of energy are a tenth of the dense network's",
            results=("spectra",),
            measure=of.random_energy,
        ),
    ]
    for method in ("snip", "synflow"):
        name = METHOD_NAMES[method]
        rows += [
            Claim(
                id=f"energy-{method}",
                claim=f"{name} concentrates the Graphon NTK's energy in top eigenvalues as sparsity grows",
                where="6, Fig. 3",
                chapter="06-spectra",
                criterion="at 95 % the energy in five eigenvalues is at least {low:g} above Random's",
                low=0.05,
                why="five points of energy are a tenth of the dense network's",
                results=("spectra",),
                measure=partial(of.concentration, method=method),
            ),
            Claim(
                id=f"faster-{method}",
                claim=f"{name} starts faster than Random across sparsity levels",
                where="6, Fig. 2",
                chapter="06-spectra",
                criterion="Random's training loss before update 50 is at least {low:g} times as high",
                low=1.05,
                why=LEAD,
                results=("training",),
                measure=partial(of.faster_start, method=method),
            ),
        ]
    return [
        *rows,
        Claim(
            id="energy-speed",
            claim="Concentration of energy aligns with faster training at the same sparsity",
            where="6",
            chapter="06-spectra",
            criterion="among Random, SNIP and SynFlow, energy and speed have a rank correlation above "
            "{low:g}",
            low=0.0,
            why="the paper claims a direction",
            results=("spectra", "training"),
            measure=of.energy_and_speed,
        ),
        Claim(
            id="indicator",
            claim="The Graphon NTK can serve as a training-free indicator",
            where="6",
            chapter="06-spectra",
            criterion="over methods and sparsities, a quantity of it and speed have a rank correlation of "
            "at least {low:g}",
            low=0.7,
            why="half of the variance of the ranks",
            results=("spectra", "training"),
            measure=of.indicator,
        ),
        Claim(
            id="scale-random",
            claim="The scale of the kernel explains why sparse random networks converge more slowly",
            where="5.3 and B",
            chapter="08-causes",
            criterion="at 95 %, one factor a layer closes at least {low:g} of the gap in logarithmic loss "
            "between Random and dense",
            low=0.5,
            why="more than all else together",
            results=("interventions", "training"),
            measure=of.scale_share,
        ),
        Claim(
            id="scale-dense",
            claim="... and slows a dense network in the same way",
            where="5.3 and B",
            chapter="08-causes",
            criterion="at 95 %, a dense network with Random's scale has between {low:g} and {high:g} times "
            "its loss",
            low=0.9,
            high=1.11,
            why="a tenth of the loss, twice what counts as a lead",
            results=("interventions", "training"),
            measure=of.scaled_dense,
        ),
        Claim(
            id="lead-at-scale",
            claim="SNIP's and SynFlow's lead is one of concentration, beyond scale",
            where="6",
            chapter="08-causes",
            criterion="at 95 %, with the scales of all restored, Random's loss is at least {low:g} times "
            "as high",
            low=1.05,
            why=LEAD,
            results=("interventions", "training"),
            measure=of.lead_at_scale,
        ),
        Claim(
            id="layer-densities",
            claim="The larger part of SynFlow's lead at equal scale lies in its layer densities",
            where="this book",
            chapter="08-causes",
            criterion="the logarithmic lead of masks shuffled within layers exceeds half of that of the "
            "masks themselves: the difference is at least {low:g}",
            low=0.0,
            why="a half is what the larger part means",
            results=("interventions",),
            measure=of.layers_of_lead,
        ),
        Claim(
            id="grasp-weights",
            claim="GraSP's kept weights train worse than new ones on the same mask",
            where="this book",
            chapter="08-causes",
            criterion="at 95 %, with the scale restored, the loss with kept weights is at least {low:g} "
            "times as high",
            low=1.05,
            why=LEAD,
            results=("interventions", "training"),
            measure=of.grasp_weights,
        ),
    ]


CLAIMS = MappingProxyType({claim.id: claim for claim in _rows()})
"""All claims by their identifiers, in the order of the ledger."""
