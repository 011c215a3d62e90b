"""Experiments on biases, on what neurons add to a kernel, and on Gaussian pre-activations."""

import numpy as np
import pytest
import xarray as xr

from graphon_lib.book.figures import kernels, neurons
from graphon_lib.experiments.bias_convergence import BIAS_CONVERGENCE
from graphon_lib.experiments.data import load_mnist
from graphon_lib.experiments.digits import Data, nested_batch
from graphon_lib.experiments.gaussianity import GAUSSIANITY, GAUSSIANITY_TORCH, gaussianity
from graphon_lib.experiments.neuron_terms import NEURON_TERMS, NEURON_TERMS_TORCH


def of_constant(initialisation, width=48, trials=8):
    data = Data(False, load_mnist().sha256, "mnist", initialisation)
    found = [
        gaussianity(
            seed=0,
            structure="constant",
            width=width,
            trial=trial,
            samples=8000,
            density=0.2,
            blocks=8,
            data=data,
        )
        for trial in range(trials)
    ]
    values = np.array([one["excess"] for one in found])
    return values.mean(axis=0), values.std(axis=0, ddof=1) / np.sqrt(trials)


def test_excess_of_a_constant_graphon_is_the_closed_form():
    mean, error = of_constant("he")
    x = nested_batch(load_mnist(), 1, 0).x[0].astype(float)
    share = np.sum(x**4) / np.sum(x**2) ** 2
    first = (3 / 0.3 - 3) * share
    # Of a Gaussian mixture with this excess a rectifier has the fourth moment 6 (1 + excess / 3).
    second = (3 / 0.3 * 6 * (1 + first / 3) - 3) / 48
    assert (np.abs(mean[:2] - [first, second]) < 4 * error[:2]).all()


def test_a_pre_activation_that_is_mostly_its_bias_is_uniform():
    mean, error = of_constant("torch", width=16)
    assert -1.2 - 4 * error[2] < mean[2] < -0.9


@pytest.mark.parametrize(
    "experiment",
    [BIAS_CONVERGENCE, GAUSSIANITY, GAUSSIANITY_TORCH, NEURON_TERMS, NEURON_TERMS_TORCH],
)
def test_quick_profiles_are_complete(experiment):
    for variable in experiment.run(profile="quick").data_vars.values():
        assert np.isfinite(variable).all()


def test_rates_have_mean_one_and_follow_the_theory_of_the_mask():
    result = NEURON_TERMS.run(profile="quick")
    np.testing.assert_allclose(result.rate.mean("group"), 1.0, rtol=1e-5)
    assert (result.rate.sel(road="theory, joint").diff("group") >= -1e-6).all()


def test_without_biases_in_the_network_theirs_is_a_small_part_of_a_dense_kernel():
    result = NEURON_TERMS.run(profile="quick")
    dense = kernels.bias_share(result).sel(pruning="dense")
    assert float(dense.max()) < 0.1
    default = kernels.bias_share(NEURON_TERMS_TORCH.run(profile="quick"))
    assert (default.sel(pruning="random") > default.sel(pruning="dense")).all()


def test_figures_draw_what_the_results_hold():
    terms = NEURON_TERMS.run(profile="quick").isel(width=0)
    figure = kernels.bias_shares({"He": terms, "PyTorch": terms})
    assert len(figure.axes) == 2 * terms.sizes["density"]
    panels = neurons.rates_by_position({"He": terms.isel(density=0)}, ["snip"], 1).axes
    drawn = panels[0].lines[0].get_ydata()
    rate = terms.rate.isel(density=0).sel(pruning="snip", road="theory, joint", hidden_layer=1)
    np.testing.assert_array_equal(drawn, rate.mean("trial"))
    quick = [GAUSSIANITY.run(profile="quick"), GAUSSIANITY_TORCH.run(profile="quick")]
    assert len(neurons.gaussianity_by_width(*quick).axes) == 6
    assert len(kernels.convergence_with_biases(longer(BIAS_CONVERGENCE)).axes) == 2


def longer(experiment):
    """Two quick results side by side, since an exponent needs three draws."""
    result = experiment.run(profile="quick")
    return xr.concat([result, result], "trial")
