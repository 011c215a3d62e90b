"""Stored results against a part computed again: code may change, the published numbers may not.

Without the complete MNIST only what sees no digits is compared, such as masks of random, magnitude
and SynFlow pruning; a result of which nothing is left then is skipped.

A trial is seeded by its own number, so the first trial of a sweep can be repeated alone. On the same
processor it is the same to the last digit; on another one sums in another order may keep other
weights where scores nearly tie, which the tolerance of 0.002 leaves room for.
"""

import numpy as np
import pytest
import xarray as xr

from graphon_lib.experiments import data
from graphon_lib.experiments.results import RESULTS
from graphon_lib.experiments.table import EXPERIMENTS
from graphon_lib.pruning import METHODS

TOLERANCE = 2e-3


def test_every_stored_result_is_described():
    assert {path.stem for path in RESULTS.glob("*.nc")} == set(EXPERIMENTS)


def test_of_every_result_a_part_is_computed_again():
    tested = {(e.cell, e.finish) for e in EXPERIMENTS.values() if e.case}
    assert {(e.cell, e.finish) for e in EXPERIMENTS.values()} == tested


# Methods in the order of one generator, up to the first that sees data.
ONE_GENERATOR = {"residual-spectra": ["random", "magnitude"]}


def without_data(name, result):
    """Keep what is the same whatever the images: methods that need none."""
    if "pruning" not in result.dims:
        return result
    blind = ["dense", *(method for method, record in METHODS.items() if not record.needs_data)]
    return result.sel(pruning=result.pruning.isin(ONE_GENERATOR.get(name, blind)))


@pytest.mark.reproduction
@pytest.mark.parametrize("name", [name for name, e in EXPERIMENTS.items() if e.case])
def test_a_case_computed_again_is_the_same(name, has_complete_mnist, at_hand, monkeypatch):
    experiment = EXPERIMENTS[name]
    variables = experiment.case.variables
    if (dataset := experiment.paper.get("dataset", "mnist")) != "mnist":
        at_hand(dataset)
        has_complete_mnist = True
    if not has_complete_mnist:
        variables = experiment.case.blind
        if not variables:
            pytest.skip("what is stored is computed from digits of the complete MNIST alone")
        # The bundled digits stand in for those that nothing compared here depends on.
        monkeypatch.setattr(data, "_download", lambda *_: None)
        monkeypatch.setattr(
            data, "_official", lambda record, *_: data._subset(record, record.subset, "")
        )
    stored = experiment.run()
    again = experiment.compute({**experiment.paper, **experiment.case.changes})
    assert all(array.dims == stored[variable].dims for variable, array in again.items())
    if not has_complete_mnist:
        stored, again = (without_data(name, result) for result in (stored, again))
    for variable in variables:
        new, old = again[variable], stored[variable]
        # Trials and the like have no labels: those computed again are the first.
        old = old.isel({dim: slice(n) for dim, n in new.sizes.items() if dim not in new.coords})
        if "pruning" in new.dims:
            # A method that was added since is stored when the whole result is computed next.
            new = new.sel(pruning=new.pruning.isin(old.pruning))
        new, old = xr.align(new, old, join="left")
        assert new.notnull().any()
        np.testing.assert_array_equal(new.isnull(), old.isnull())
        np.testing.assert_allclose(new, old, atol=TOLERANCE, rtol=0)
