"""Modes of the error: speeds of exact decays, and where networks must follow theory."""

import numpy as np
import xarray as xr

from graphon_lib.book.figures.kernels import modes_of_the_error
from graphon_lib.experiments.data import load_mnist
from graphon_lib.experiments.digits import Data
from graphon_lib.experiments.residual_modes import (
    RESIDUAL_MODES,
    TARGETS,
    residual_modes,
    speeds,
)


def decays(rates, steps=(1, 2, 4, 8)):
    """Return two networks, one as expected and one of twice the speed."""
    expected = np.exp(-np.outer(rates, steps))
    return xr.Dataset(
        {
            "expected": (("trial", "mode", "step"), np.stack([expected] * 2)),
            "left": (("trial", "mode", "step"), np.stack([expected, expected**2])),
        },
        coords={"step": list(steps), "mode": [1, 2, 3]},
    )


def test_speeds_of_exact_decays():
    np.testing.assert_allclose(speeds(decays([0.9, 0.1, 0.01])), [[1.0] * 3, [2.0] * 3])


def test_speeds_are_of_the_first_e_th():
    result = decays([0.3, 0.3, 0.3])
    # Later decays do not count: exp(-.3 * 4) is below 1/e.
    result.left.loc[{"step": [4, 8]}] = 1e-9
    np.testing.assert_allclose(speeds(result), [[1.0] * 3, [2.0] * 3])


SMALL = {"hidden_layers": 1, "digits": 12, "watched": [1, 2, 4, 8, 16, 32], "modes": [1, 2, 3]}


def small_modes(**changes):
    data = Data(full=False, sha256=load_mnist().sha256)
    defaults = {"seed": 0, "trial": 0, "targets": TARGETS[1], "rate": 0.05}
    arrays = residual_modes(data=data, **{**SMALL, **defaults, **changes})
    dims, coords = ("mode", "step"), {"step": SMALL["watched"], "mode": SMALL["modes"]}
    return xr.Dataset({name: (dims, array) for name, array in arrays.items()}, coords=coords)


def test_a_wide_network_follows_theory_and_a_narrow_one_less():
    gaps = [
        float(abs(speeds(small_modes(width=width, density=0.5)) - 1.0).max())
        for width in (24, 3000)
    ]
    assert gaps[1] < 0.2
    assert gaps[1] < gaps[0]


def test_what_is_expected_of_the_first_mode_is_the_rate():
    expected = small_modes(width=30, density=0.5).expected
    np.testing.assert_allclose(expected.sel(mode=1), 0.95**expected.step, rtol=1e-12)
    assert (expected.diff("mode") > 0.0).all()


def test_the_dense_network_is_trained_once_and_the_figure_drawn():
    result = RESIDUAL_MODES.run(profile="quick")
    one, other = (result.sel(density=1.0, targets=t) for t in TARGETS)
    np.testing.assert_array_equal(one.left, other.left)
    figure = modes_of_the_error(result.isel(width=-1), 0.5)
    assert [panel.get_title() for panel in figure.axes[:2]] == [f"{t} targets" for t in TARGETS]
