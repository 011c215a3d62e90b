"""Interventions with more networks at one density than at the others: nothing is made of what is not there.

Stored trials stand in for new ones.
"""

import numpy as np
import pytest
import xarray as xr

from graphon_lib.book import estimates as of
from graphon_lib.book.claims import CLAIMS
from graphon_lib.book.explorers.training import training_explorer
from graphon_lib.book.figures import causes
from graphon_lib.book.figures.training_by_method import head_starts, losses_by_method
from graphon_lib.experiments.intervention_training import (
    INTERVENTION_TRAINING,
    beside_pruned,
    with_variants,
)
from graphon_lib.experiments.paired import count_networks, paired_means
from graphon_lib.experiments.training import TRAINING

TRIALS, FEW = 10, 3


def repeated(result, trials=TRIALS):
    """Return a result with so many trials, those that are stored over and over."""
    stored = result.sizes["trial"]
    with xr.set_options(keep_attrs=True):
        return result.isel(trial=[trial % stored for trial in range(trials)])


@pytest.fixture(scope="module")
def pruned():
    return repeated(TRAINING.run())


@pytest.fixture(scope="module")
def changed():
    """All trials at the last density, and the first few at the others, as two blocks of a grid give."""
    result = repeated(INTERVENTION_TRAINING.run())
    there = (result.density == result.density[-1]) | (
        xr.DataArray(range(TRIALS), dims="trial") < FEW
    )
    with xr.set_options(keep_attrs=True):
        result = result.astype(float).where(there)
    return with_variants(result.drop_vars(["pruning", "intervention"]), seed=0)


@pytest.fixture(scope="module")
def beside(changed, pruned):
    return beside_pruned(changed, pruned).isel(evaluation=0)


def test_networks_are_counted_where_they_are(changed, beside):
    assert count_networks(beside.test_loss) == f"{FEW} to {TRIALS}"
    assert count_networks(changed.test_loss.isel(density=[-1])) == str(TRIALS)


def test_the_ledger_uses_all_networks_of_the_density_that_has_them(changed, pruned):
    last = changed.isel(density=[-1]), pruned.isel(density=[-1])
    for claim in CLAIMS.values():
        if "interventions" in claim.results:
            count = len(claim.results)
            found, alone = (claim.measure(*both[:count]) for both in ((changed, pruned), last))
            assert found == alone
            assert all(np.isfinite(one).all() and one.networks == TRIALS for one in found.values())
    for one in of.faster_start(pruned, "snip").values():
        assert one.networks == TRIALS


def test_elsewhere_means_are_those_of_the_networks_that_are_there(beside):
    loss = beside.test_loss[beside.pruning != "grasp"]
    found = paired_means(loss)
    for density in loss.density.values[:-1]:
        few = paired_means(loss.sel(density=density).isel(trial=slice(FEW)))
        for one, other in zip(found, few, strict=True):
            np.testing.assert_allclose(one.sel(density=density), other)


def drawn(figure):
    return [
        np.ma.getdata(y)
        for panel in figure.axes
        for line in panel.get_lines()
        if len(y := line.get_ydata()) > 1
    ]


def test_figures_draw_them_all(beside, pruned):
    loss = beside.test_loss[beside.pruning != "grasp"]
    pair = {"rescaled": ("random: rescaled", "random: as pruned")}
    figures = [
        causes.forest(loss.sel(density=[0.2, 0.05])),
        causes.ratios_by_sparsity(loss, {"scale": pair}),
        causes.intervention_curves(beside.isel(density=0), ["snip"], ["rescaled"]),
        causes.intervention_curves(beside.isel(density=-1), ["snip"], ["rescaled"]),
        losses_by_method(pruned, ["random", "snip", "synflow"]),
        head_starts(pruned),
    ]
    for figure in figures:
        assert all(np.isfinite(values.astype(float)).all() for values in drawn(figure))
    causes.loss_against(beside, {"path density": beside.path_density})


@pytest.mark.parametrize(("density", "networks"), [(0.5, FEW), (0.05, TRIALS)])
def test_the_explorer_compares_the_networks_of_all_curves(changed, pruned, density, networks):
    energy = pruned.path_density
    view = training_explorer(pruned, changed, energy).view(
        method="snip", intervention="rescaled", density=density
    )
    assert {number.label: number.value for number in view.numbers}["Networks"] == networks
    assert all(np.isfinite(series.y).all() for series in view.panels[0].series)
