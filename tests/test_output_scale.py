"""SNIP against the scale of its outputs: what cannot depend on it, and what must."""

import numpy as np
import pytest

from graphon_lib.experiments.data import load_mnist
from graphon_lib.experiments.digits import Data
from graphon_lib.experiments.output_scale import OUTPUT_SCALE, OUTPUT_SCALE_TORCH, output_scale

SCALES = [0.005, 0.1, 1.0]


def cell(images, trial=0, scales=SCALES, **changes):
    data = Data(full=False, sha256=load_mnist().sha256)
    return output_scale(
        **{
            "seed": 0,
            "width": 64,
            "images": images,
            "batch": 1,
            "trial": trial,
            "scales": scales,
            "density": 0.2,
            "hidden_layers": 2,
            "blocks": 8,
            "data": data,
            **changes,
        }
    )


def test_outputs_are_multiplied():
    for initialisation in ("he", "torch"):
        data = Data(False, load_mnist().sha256, initialisation=initialisation)
        output = cell(10, data=data)["output"]
        np.testing.assert_allclose(output / output[-1], SCALES, rtol=1e-5)


def test_quiet_outputs_prune_as_constant_probabilities_do():
    """Of two small scales the masks are all but the same; of a loud one they are not."""
    found = cell(100, scales=[0.001, 0.005, 3.0])["cycle_ratio"]
    near, far = np.abs(found[1:] - found[0])
    assert near < 0.2 * far


def test_every_layer_has_the_density():
    histogram = cell(2)["histogram"]
    # Blocks divide the width, so that the mean of a histogram is the density of its mask.
    np.testing.assert_allclose(histogram.mean(axis=(1, 2)), 0.2, atol=0.5 / 64**2)


def test_networks_of_a_batch_share_it_and_differ():
    first, second = cell(2, trial=0), cell(2, trial=1)
    assert (first["cycle_ratio"] != second["cycle_ratio"]).all()
    np.testing.assert_array_equal(first["cycle_ratio"], cell(2, trial=0)["cycle_ratio"])


@pytest.mark.parametrize("experiment", [OUTPUT_SCALE, OUTPUT_SCALE_TORCH])
def test_components_are_those_of_the_ratios(experiment):
    result = experiment.run(profile="quick")
    ratios = result.cycle_ratio.isel(width=0, images=0, scale=0).transpose("batch", "trial")
    within = result.variance.sel(measure="4-cycle ratio", component="within")
    expected = ratios.var("trial", ddof=1).mean()
    assert float(within.isel(width=0, images=0, scale=0)) == pytest.approx(float(expected))
