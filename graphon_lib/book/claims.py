"""The claims of the paper, and some of this book: criteria with margins, and where results are.

Margins were fixed before results were seen through them. A twentieth of a graphon's values is about
what the paper's pictures can show; a factor of 1.25 is the bioequivalence margin of clinical trials;
where a power of the width is asked for, the margin stands halfway between fluctuations of the order
of its inverse root and no approach at all.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from math import inf
from types import MappingProxyType
from typing import Any

from graphon_lib.book import estimates as of
from graphon_lib.book.estimates import Estimates
from graphon_lib.experiments.designed_masks import AS_PUBLISHED, COMPARISONS
from graphon_lib.experiments.rigl_flow import HOLDS

__all__ = ["CLAIMS", "Claim"]


@dataclass(frozen=True)
class Claim:
    """A claim and what decides it.

    Attributes
    ----------
    claim, where, chapter
        Its words; the section of the paper, or ``"this book"``; the chapter with the test.
    criterion, low, high
        What must lie between the margins, which stand in the sentence as fields, ``{high:g}``.
    why
        Why these margins.
    theorems
        What is proved of it as the width grows, what refuted, what open, in chapter 9.
    results
        Names of the results, without the initialisation.
    measure
        Function of these for one initialisation. Without it, a claim is not testable here.
    without_biases
        Whether the claim is about networks without biases, as the paper's kernels are, so that
        settings with them have no part in its verdict.
    """

    claim: str
    where: str
    chapter: str
    criterion: str
    results: tuple[str, ...] = ()
    measure: Callable[..., Estimates] | None = None
    low: float = -inf
    high: float = inf
    why: str = ""
    theorems: str = ""
    without_biases: bool = False

    @property
    def test(self) -> str:
        """The criterion with its margins."""
        return self.criterion.format(low=self.low, high=self.high)


GREY = {
    "high": 0.05,
    "why": "the paper's pictures show graphons in steps of about a twentieth: smaller differences "
    "cannot be seen in them",
}
HALFWAY = {
    "high": 0.5,
    "why": "four times the width quarters the variance of fluctuations of the order of its inverse "
    "root and leaves that of a random limit: the margin is the geometric mean",
}
CLINICAL = "the bioequivalence margin of clinical trials, for scales that span orders of magnitude"
FACTOR = {"low": 0.8, "high": 1.25, "why": CLINICAL}
ABOVE = {"low": 1.25, "why": CLINICAL}
LEAD = {"low": of.LEAD, "why": "a gap of 5 % of the loss can be seen in the paper's figure"}
ROUNDS = ", in 100 rounds (the paper does not say how many; the cited code has one unless asked)"
DIRECTION = "the paper claims a direction"
AFTER_TRAINING = "after 600 updates, scales restored and learning rates tuned"
DESIGNED = ("designed-masks",)
RIVAL = ("rival-masks",)
TUNED = "after 600 updates, learning rates tuned"
MOVED = "after 1500 updates at sparsity 95 %, scales restored"
AT_ONE_RATE = f"{MOVED}, width 1024, all at one learning rate"
MOVING = ("moving-training",)
LOSS_TENTH = {"high": 1.1, "why": "losses that differ by less than a tenth count as equal"}
TENTH = {"high": 1.1, "why": "errors that differ by less than a tenth count as equal"}
ENERGY = {"low": 0.05, "why": "a tenth of the energy of the dense kernel"}


def _trained_elsewhere(name: str, words: str, **asked: Any) -> dict[str, Claim]:  # noqa: ANN401
    """Return the rows of a claim on other architectures, one for clothing and one for pictures."""
    return {
        name + ending: Claim(
            words + more,
            "this book",
            "13-architectures",
            f"after 300 updates at sparsity 95 %, {images}, their test loss is at most {{high:g}} times "
            "that of the methods as pruned",
            (f"architecture-long-training{ending}",),
            partial(of.architecture_losses, **asked),
            **LOSS_TENTH,
        )
        for ending, more, images in (
            ("", "", "Fashion-MNIST"),
            ("-colour", ", on natural pictures", "4,000 images of CIFAR-10"),
        )
    }


ROWS = {
    "limit": Claim(
        "Masks converge to deterministic graphons that depend only on architecture, sparsity and method",
        "4.2",
        "03-convergence",
        "at width 2000, graphons of networks with different weights and pruning batches differ by at "
        "most {high:g} of their values, beyond chance",
        ("batch-dependence",),
        partial(
            of.spread,
            arms={of.METHOD_NAMES[m]: m for m in ("random", "magnitude", "snip", "grasp")},
            same_batch=False,
        ),
        **GREY,
        theorems="proved for Random, Magnitude and SynFlow with a fixed number of rounds in which no "
        "weight of score zero is kept, and, where more scores than are kept are above zero, given the "
        "batch for SNIP with one image (normal weights) or outputs whose scale tends to zero; refuted, "
        "for normal weights without biases and two images or more, for SNIP at every fixed scale of "
        "the outputs, and for GraSP where the width is large beside its temperature squared, 40,000 "
        "(how far apart these limits are, for GraSP far less than the margin, is computed in chapter "
        "9); open for GraSP at widths in use, and for SynFlow with rounds that grow with the width",
    ),
    "limit-synflow": Claim(
        "... SynFlow's agree between networks, too",
        "4.2",
        "03-convergence",
        "at width 2000, each layer's density fixed, 4-cycles over those of a constant graphon have a "
        "relative standard deviation of at most {high:g} between networks"
        f"{ROUNDS}",
        ("layer-convergence",),
        partial(of.cycle_spread, method="synflow"),
        high=0.05,
        why="the margin of the other methods, for a number that needs no order of the neurons",
    ),
    "limit-batch": Claim(
        "... given the pruning batch, where the method sees one",
        "4.2",
        "03-convergence",
        "at width 2000, graphons of networks of one batch differ by at most {high:g} of their values, "
        "beyond chance",
        ("batch-dependence",),
        partial(
            of.spread,
            arms={
                "SNIP": "snip",
                "SNIP with outputs near zero": "snip: quiet outputs",
                "GraSP": "grasp",
            },
            same_batch=True,
        ),
        **GREY,
    ),
    "limit-cycles": Claim(
        "... SNIP's given the batch, by a count that needs no order of the neurons",
        "4.2",
        "03-convergence",
        "at width 2000, each layer's density fixed, 4-cycles over those of a constant graphon have a "
        "relative standard deviation of at most {high:g} between networks of one batch",
        ("output-scale",),
        of.cycles_in_batch,
        high=0.05,
        why="the margin of the other criteria",
    ),
    "limit-width": Claim(
        "... SNIP's given the batch, as the width grows",
        "4.2",
        "03-convergence",
        "from width 500 to 2000 the variance of that ratio within a batch falls to at most {high:g} of "
        "itself",
        ("output-scale",),
        of.cycle_variance,
        **HALFWAY,
    ),
    "architectures": Claim(
        "The hypothesis holds for any fixed class of architectures",
        "4.2",
        "03-convergence",
        "for any class it cannot be tested; convolutions, skips and attention are in chapter 13",
    ),
    "priors": Claim(
        "Graphons serve as structural priors: what one network has, the next one has (our reading)",
        "4.2",
        "02-graphons",
        "at width 1000, numbers of 4-cycles over those of a constant graphon differ by at most {high:g} "
        "of themselves between networks of a method with other weights and another batch",
        ("method-distances",),
        of.cycles_of_the_next,
        high=0.05,
        why="the margin of the other counts of 4-cycles",
    ),
    **{
        f"regions-{kind}": Claim(
            claim,
            where,
            "02-graphons",
            "distances between every two methods, density and depth equal, are above {low:g} times those "
            f"within either, where networks differ in their weights and batch{also}",
            ("method-distances",),
            partial(of.regions, kind=kind),
            low=1.0,
            why="regions are distinct if what they hold is closer together than to the others",
        )
        for kind, where, claim, also in (
            (
                "seed",
                "4.2",
                "Each pruning method corresponds to a distinct region in the space of graphons",
                "",
            ),
            (
                "density",
                "this book",
                "... and is closer to itself than to any other even at another sparsity",
                ", and in density, 0.1, 0.2 or 0.3",
            ),
            (
                "depth",
                "this book",
                "... and even at another depth",
                ", and in depth, two or three hidden layers",
            ),
        )
    },
    "differences": Claim(
        "Structural differences between methods are captured by their graphons",
        "4.2",
        "02-graphons",
        "in cut norm, graphons of every two of the paper's methods differ by at least {low:g} of the "
        "density more than those of two networks of either (without Magnitude, whose graphon is "
        "Random's in the paper's Appendix C)",
        ("method-distances",),
        of.differences,
        low=0.05,
        why=GREY["why"],
    ),
    "distances": Claim(
        "Euclidean distances to the histograms at width 2000 decrease as the width increases",
        "4.3, Fig. 1 and 4",
        "03-convergence",
        "every squared distance is below {high:g} times the one before, at both depths and all sparsities "
        "(one threshold; under PyTorch's default and on other data sparsity 80 % alone, on other data "
        "one depth)",
        ("convergence",),
        of.falling_distances,
        high=1.0,
        why=DIRECTION,
    ),
    "settled": Claim(
        "Connectivity patterns are stable in the large-width limit",
        "4.3, Fig. 1",
        "03-convergence",
        "shapes at width 1000 differ from those at 2000 by at most {high:g} of their values, noise and "
        "density taken out (one threshold)",
        ("convergence",),
        of.shape_distances,
        **GREY,
    ),
    "settled-layers": Claim(
        "... with the density of each layer fixed",
        "4.3, Fig. 1",
        "03-convergence",
        "likewise, at most {high:g}",
        ("layer-convergence",),
        of.shape_distances,
        **GREY,
    ),
    "local-law": Claim(
        "Given the signals of the batch, masks of SNIP and GraSP are independent draws of a closed "
        "formula, but for a share of entries that vanishes as the width grows",
        "this book",
        "09-limits",
        "between two hidden layers, pruned alone to 90 %, the share of entries that flip when what the "
        "signals reveal of the weights is drawn anew goes with a power of the width of at most {high:g}, "
        "where the width is five times the images or more",
        ("local-law",),
        of.flip_exponents,
        high=-0.25,
        why="halfway between the theorem's power, -1/2, and no approach, 0",
        theorems="proved, with the power -1/2, where the layer's own weights are normal; of others, such "
        "as uniform ones, the theorem says nothing",
    ),
    "sorted": Claim(
        "Sorting by degree reveals the underlying structure: it leaves none that a singular value shows "
        "(our reading; the paper calls the sorting approximate)",
        "4.3",
        "02-graphons",
        "at width 2048, masks minus their degree-sorted blocks have an operator norm of at most {high:g} "
        "times that of chance",
        ("residual-spectra",),
        of.residuals,
        high=1.1,
        why="structure that lifts the noise by a tenth has an operator norm of a twentieth of the density",
    ),
    "constant": Claim(
        "Random Pruning converges to a constant graphon",
        "4.3",
        "02-graphons",
        "at width 2000, 4-cycles over those of independent entries lie between {low:g} and {high:g}",
        ("layer-convergence",),
        partial(of.cycle_ratio, method="random"),
        low=0.99,
        high=1.01,
        why="1 in the limit if and only if the graphon is constant; a picture cannot show a hundredth",
    ),
    "synflow-block": Claim(
        "SynFlow eliminates a large part of the neurons in hidden layers",
        "C, Fig. 9",
        "01-pruning",
        f"at least {{low:g}} of the hidden neurons are dead, on no path from inputs to outputs{ROUNDS}",
        ("mask-statistics",),
        of.dead_neurons,
        low=0.1,
        why="a tenth of a layer is a strip that can be seen in a histogram",
    ),
    "synflow-paths": Claim(
        "SynFlow encourages networks with a high number of paths",
        "4.3",
        "02-graphons",
        f"its masks keep at least {{low:g}} times as many as those of any other method{ROUNDS}",
        ("shared-positions",),
        of.many_paths,
        **ABOVE,
    ),
    "paths": Claim(
        "The graphon limit captures path densities",
        "4.2",
        "02-graphons",
        "at 95 %, the path density of graphons of SNIP's masks over that of the masks lies between "
        "{low:g} and {high:g}",
        ("shared-positions",),
        of.path_readings,
        **FACTOR,
    ),
    "theorem": Claim(
        "The tangent kernel converges to the deterministic Graphon NTK, in its form for kept weights",
        "5.2, Theorem 1",
        "04-graphon-ntk",
        "the kernel's error, of networks sampled from a graphon, goes with a power of the width of at "
        "most {high:g} (the paper's own form, all weights trained, is measured in the chapter)",
        ("kernel-convergence",),
        of.error_exponents,
        high=-0.25,
        why="halfway between fluctuations, which fall with the power -1/2, and no convergence, 0",
    ),
    "gaussian": Claim(
        "Pre-activations converge to Gaussian processes",
        "5.2, Proposition 1",
        "04-graphon-ntk",
        "from width 64 to 1024 the excess kurtosis of pre-activations in the third hidden layer falls to "
        "between {low:g} and {high:g} of itself",
        ("gaussianity",),
        of.gaussian,
        low=-0.25,
        high=0.25,
        why="sixteen times the width leaves a sixteenth of an excess of the order of its inverse, and "
        "all of it without convergence: the margin is the geometric mean",
        without_biases=True,
    ),
    "positions": Claim(
        "Regions of a network learn at different rates, by their connectivity patterns",
        "A.3.3",
        "04-graphon-ntk",
        "at 80 %, the sixteenth of a hidden layer's neurons that the theory of the mask ranks highest "
        "has at least {low:g} times the layer's mean part in the kernel",
        ("neuron-terms",),
        of.fast_neurons,
        **ABOVE,
    ),
    "masks-kernel": Claim(
        "The Graphon NTK in its form for kept weights, one position per neuron, is the kernel of pruned "
        "networks with weights drawn anew",
        "this book",
        "04-graphon-ntk",
        "at width 1024 and 80 %, its trace over the measured one lies between {low:g} and {high:g}",
        ("kernels-of-masks",),
        of.redrawn_trace,
        **FACTOR,
    ),
    "kept-kernel": Claim(
        "... with the weights that pruning keeps (our reading: the paper calls the kernel that of a "
        "pruned network; its weights are drawn, not kept)",
        "5.1",
        "07-signed",
        "at the largest width and 80 %, its trace over the measured one lies between {low:g} and {high:g}",
        ("signed-kernels",),
        of.kept_trace,
        **FACTOR,
    ),
    "signed-kernel": Claim(
        "... with these, once it has second moments and, for SNIP and GraSP, the drift of vector "
        "positions",
        "this book",
        "07-signed",
        "likewise, between {low:g} and {high:g}",
        ("signed-kernels",),
        of.signed_trace,
        **FACTOR,
    ),
    "random-scale": Claim(
        "Random Pruning multiplies the kernel by a power of the density: where pruned weights are not "
        "trained, one factor a masked layer",
        "5.3",
        "05-random",
        "from 50 to 95 %, traces go with a power of these factors between {low:g} and {high:g}",
        ("spectra",),
        of.random_exponent,
        low=0.95,
        high=1.05,
        why="with five layers, a quarter of a layer",
        without_biases=True,
    ),
    "modes": Claim(
        "... so that modes of the error decay slower by this factor",
        "5.3 and B",
        "05-random",
        "at the largest width, the speed of modes over that in a kernel of one factor of the density a "
        "masked layer lies between {low:g} and {high:g}",
        ("residual-modes",),
        of.mode_speeds,
        **FACTOR,
    ),
    "appendix-step": Claim(
        "... and the integral over activations dominates a constant 1 beside it (our reading of a formula "
        "that we have not seen)",
        "B",
        "04-graphon-ntk",
        "the paper assumes networks without biases; only a trained unit bias would put a 1 there, and "
        "what that would change is in the chapter",
    ),
    "random-shape": Claim(
        "... and maintains its spectral properties across the sparsity levels",
        "6, Fig. 3",
        "06-spectra",
        "the energy minus the dense kernel's lies between {low:g} and {high:g}",
        ("spectra",),
        of.random_energy,
        low=-0.05,
        high=0.05,
        why=ENERGY["why"],
    ),
    "energy": Claim(
        "SNIP and SynFlow concentrate energy in top eigenvalues as the sparsity grows",
        "6, Fig. 3",
        "06-spectra",
        "at 95 %, the energy is at least {low:g} above Random's",
        ("spectra",),
        of.concentration,
        **ENERGY,
    ),
    **{
        f"faster-{method}": Claim(
            f"{of.METHOD_NAMES[method]} starts faster than Random across sparsity levels",
            "6, Fig. 2",
            "06-spectra",
            "before update 50, Random's training loss is at least {low:g} times as high",
            ("training",),
            partial(of.faster_start, method=method),
            **LEAD,
        )
        for method in ("snip", "synflow")
    },
    "energy-speed": Claim(
        "Concentration of energy aligns with faster training",
        "6",
        "06-spectra",
        "the rank correlation of energy and speed among Random, SNIP and SynFlow is above {low:g} (the "
        "paper compares them at the same sparsity)",
        ("spectra", "training"),
        of.energy_and_speed,
        low=0.0,
        why=DIRECTION,
    ),
    "indicator": Claim(
        "The Graphon NTK can serve as a training-free indicator",
        "6",
        "06-spectra",
        "over sparsities and methods, Random, SNIP and SynFlow as in the paper or all five, the rank "
        "correlation with speed is at least {low:g} (intervals are over networks, not over methods or "
        "sparsities; what density alone has is said below)",
        ("spectra", "training"),
        of.indicators,
        low=0.7,
        why="half of the variance of the ranks",
    ),
    "scale-slows": Claim(
        "The scale of the kernel explains why sparse random networks converge more slowly",
        "5.3 and B",
        "08-causes",
        "at 95 %, before update 50, Random's training loss is at least {low:g} times that with its scale "
        "restored by one factor per layer, and that of a dense network at Random's scale at least {low:g} "
        "times that of the dense network",
        ("interventions", "training"),
        of.scale_taken_and_given,
        **LEAD,
        without_biases=True,
    ),
    "scale-random": Claim(
        "... and is the larger part of the gap to dense networks",
        "this book",
        "08-causes",
        "at 95 %, one factor per layer closes at least {low:g} of the gap in logarithmic loss between "
        "Random and dense, in training before update 50 and in test after update 100",
        ("interventions", "training"),
        of.scale_share,
        low=0.5,
        why="more than all else together",
    ),
    "lead-at-scale": Claim(
        "SNIP and SynFlow lead over Random at equal scale, too",
        "this book",
        "08-causes",
        "at 95 %, the scales of all restored, Random's training loss before update 50 is at least "
        "{low:g} times as high",
        ("interventions", "training"),
        partial(of.at_equal_scale, comparisons={"SNIP": "snip_lead", "SynFlow": "synflow_lead"}),
        **LEAD,
    ),
    "layer-densities": Claim(
        "The larger part of SynFlow's lead at equal scale lies in its layer densities",
        "this book",
        "08-causes",
        "of the lead over Random that masks have at equal scale and with new weights, in logarithmic "
        "test loss at 95 %, those shuffled within layers have at least {low:g}",
        ("interventions",),
        of.layers_of_lead,
        low=0.5,
        why="a half is what the larger part means",
    ),
    "grasp-weights": Claim(
        "GraSP's kept weights train worse than new ones on the same mask",
        "this book",
        "08-causes",
        "at 95 %, the scale restored, the training loss with kept weights before update 50 is at least "
        "{low:g} times as high",
        ("interventions", "training"),
        partial(of.at_equal_scale, comparisons={"": "grasp_weights"}),
        **LEAD,
    ),
    "design-equals": Claim(
        "A mask designed from widths, density and the pixels' deviations ends no worse than SNIP's and "
        "SynFlow's",
        "this book",
        "11-design",
        f"{AFTER_TRAINING}, its test error is at most {{high:g}} times theirs",
        DESIGNED,
        partial(of.errors_over, pairs={n: p for n, p in COMPARISONS.items() if n != "erk"}),
        **TENTH,
    ),
    "design-better": Claim(
        "... and better",
        "this book",
        "11-design",
        f"{AFTER_TRAINING}, its test error is at most {{high:g}} times theirs",
        DESIGNED,
        partial(of.errors_over, pairs={n: p for n, p in COMPARISONS.items() if n != "erk"}),
        **TENTH | {"high": 0.9},
    ),
    "design-structure": Claim(
        "Which units and which pixels matter beyond layer densities and scale",
        "this book",
        "11-design",
        f"{AFTER_TRAINING}, the designed mask's test error is at most {{high:g}} times that of random "
        "masks with ERK's layer densities",
        DESIGNED,
        partial(of.errors_over, pairs={"erk": COMPARISONS["erk"]}),
        **TENTH | {"high": 0.9},
    ),
    "densities-do": Claim(
        "Layer densities and scale do what SNIP and SynFlow do",
        "this book",
        "11-design",
        f"{AFTER_TRAINING}, the test error of random masks with ERK's layer densities is at most "
        "{high:g} times theirs",
        DESIGNED,
        partial(of.errors_over, pairs={n: ("erk", n) for n in ("snip", "synflow")}),
        **TENTH,
    ),
    "design-published": Claim(
        "A designed mask at restored scale ends better than published methods as published",
        "this book",
        "11-design",
        f"{TUNED}, its test error is at most {{high:g}} times theirs",
        RIVAL,
        partial(of.errors_over_rivals, ending=AS_PUBLISHED),
        **TENTH | {"high": 0.9},
    ),
    "design-rivals": Claim(
        "... and no worse than these at restored scale",
        "this book",
        "11-design",
        f"{TUNED}, its test error is at most {{high:g}} times theirs",
        RIVAL,
        partial(of.errors_over_rivals, ending=""),
        **TENTH,
    ),
    "flips-anywhere": Claim(
        "Training moves masks of the largest weights as if what it adds stood anywhere",
        "this book",
        "12-dynamic",
        "between hidden layers of width 2048, sparsity 90 %, entries that flip are {low:g} to {high:g} "
        "times those that flip once what training has added is permuted",
        ("magnitude-flips",),
        of.flips_elsewhere,
        **FACTOR,
    ),
    "set-mixture": Claim(
        "SET's masks are a mixture of the first ones with a constant",
        "this book",
        "12-dynamic",
        "at width 1024, after 15 moves, the slope of degrees on the first ones is {low:g} to {high:g} "
        "times what the share of weights that is left says",
        ("moving-masks",),
        of.mixture,
        **FACTOR,
    ),
    "rigl-start": Claim(
        "The spread of RigL's fan-in in the end does not depend on the start",
        "this book",
        "12-dynamic",
        "at width 1024, after 15 moves, it is {low:g} to {high:g} times that from random masks",
        ("moving-masks",),
        of.spread_of_starts,
        **FACTOR,
    ),
    "rigl-flow": Claim(
        "RigL's masks follow a flow of block densities that is given the signals at each move",
        "this book",
        "12-dynamic",
        "after 14 moves, at width 1024, the flow, with nothing fitted, explains at least {low:g} of the "
        "mean square change of block densities",
        ("rigl-flow",),
        of.flow_shares,
        low=HOLDS,
        why="registered before the networks were trained",
    ),
    "moves-help": Claim(
        "Networks whose masks move end below static ones with as many weights in every layer",
        "this book",
        "12-dynamic",
        f"{AT_ONE_RATE}, the ratio of test errors is at most {{high:g}}",
        MOVING,
        partial(
            of.moving_errors,
            pairs={
                "RigL over random masks": "rigl",
                "SET over random masks": "set",
                "RigL over its last masks with new weights": "moves",
            },
        ),
        high=1.0,
        why="the claim is of a direction",
    ),
    "masks-alone": Claim(
        "To new weights RigL's last masks are worth what random ones of their layer densities are",
        "this book",
        "12-dynamic",
        f"{AT_ONE_RATE}, the ratio of test errors is {{low:g}} to {{high:g}}",
        MOVING,
        partial(of.moving_errors, pairs={"": "masks"}),
        **TENTH | {"low": 0.909},
    ),
    "masks-alone-tuned": Claim(
        "... in narrower networks with learning rates tuned, too",
        "this book",
        "12-dynamic",
        f"{MOVED}, width 256, the ratio of test errors is {{low:g}} to {{high:g}}",
        ("tuned-moves",),
        of.tuned_masks,
        **TENTH | {"low": 0.909},
    ),
    "kernels-architectures": Claim(
        "The Graphon NTKs of convolutions, skips and attention are those of finite networks",
        "this book",
        "13-architectures",
        "the kernel's error, of networks sampled from graphons, goes with a power of the width of at "
        "most {high:g}",
        ("convolution-convergence", "architecture-kernels"),
        of.architecture_exponents,
        high=-0.25,
        why="halfway between fluctuations, which fall with the power -1/2, and no convergence, 0",
    ),
    "channel-shapes": Claim(
        "Masks of convolutions have channel graphons that settle",
        "this book",
        "13-architectures",
        "densities of layers fixed, Fashion-MNIST, shapes of the channel graphons of the middle "
        "convolutions at 128 and at 256 channels differ by at most {high:g} of their values, noise "
        "taken out",
        ("channel-masks",),
        of.channel_shapes,
        **GREY,
    ),
    "offsets-separable": Claim(
        "Those graphons are products, of a graphon of channels and of weights of the offsets",
        "this book",
        "13-architectures",
        "at 128 channels, Fashion-MNIST, of the variance of the closed formula's probabilities in the "
        "middle convolutions the nearest product has at least {low:g}",
        ("channel-law",),
        of.separable_share,
        low=0.9,
        why="what is left would be no more than a third of the structure's deviation",
    ),
    "queries-pruned": Claim(
        "Methods that score weights by derivatives prune queries and keys",
        "this book",
        "13-architectures",
        "at sparsity 90 %, width 256, Fashion-MNIST, these are at most {high:g} of all kept weights",
        ("attention-masks",),
        of.queries_kept,
        high=0.05,
        why="a fifth of what they are of all weights, a quarter",
    ),
    **_trained_elsewhere(
        "scale-elsewhere",
        "At restored scale random masks learn as fast as those of SNIP and SynFlow",
        pairs={"SNIP": "against_snip", "SynFlow": "against_synflow"},
        normalised=None,
    ),
    **_trained_elsewhere(
        "norm-closes",
        "Where layers are normalised, random masks learn as fast as these without that",
        pairs={"SNIP": "snip_gap", "SynFlow": "synflow_gap"},
        normalised=True,
    ),
}

CLAIMS = MappingProxyType(ROWS)
"""All claims by their names, in the order of the ledger."""
