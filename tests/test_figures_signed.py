"""Figures on signed kernels draw what the result holds."""

import numpy as np
import pytest
import xarray as xr

from graphon_lib.book.figures import signed
from graphon_lib.book.style import look_of
from graphon_lib.experiments.signed_kernels import BLOCKINGS, OF_SIGNED, STATISTICS

METHODS = ["random", "snip"]
ROADS = ["kept", *OF_SIGNED]


@pytest.fixture(scope="module")
def result():
    """Two methods, widths and trials; positions for SNIP alone, one blocking width."""
    rng = np.random.default_rng(0)
    dims = ("pruning", "width", "trial", "road")
    values = rng.uniform(0.5, 1.0, (len(STATISTICS), 2, 2, 2, len(ROADS)))
    values[:, 0, ..., ROADS.index("theory, positions")] = np.nan
    blocking = rng.uniform(0.5, 1.0, (len(STATISTICS), 2, 2, len(BLOCKINGS)))
    blocking[:, 1] = np.nan
    names = [f"{o}, {b} blocks, {'shrunk' if s else 'raw'}" for o, b, s in BLOCKINGS]
    variables = {name: (dims, values[s]) for s, name in enumerate(STATISTICS)}
    variables |= {
        f"blocking_{name}": (("width", "trial", "blocking"), blocking[s])
        for s, name in enumerate(STATISTICS)
    }
    coords = {"pruning": METHODS, "width": [64, 128], "road": ROADS, "blocking": names}
    return xr.Dataset(variables, coords=coords)


def test_the_best_prediction_is_that_of_positions_where_there_is_one(result):
    best = signed.best_prediction(result.trace)
    assert best.sel(pruning="snip").equals(
        result.trace.sel(pruning="snip", road="theory, positions", drop=True).assign_coords(
            pruning="snip"
        )
    )
    assert best.sel(pruning="random").equals(
        result.trace.sel(pruning="random", road="theory, shrunk drifts", drop=True).assign_coords(
            pruning="random"
        )
    )


def test_every_network_is_a_marker_against_its_measured_trace(result):
    panels = signed.predicted_against_measured(result).axes
    measured = result.trace.sel(road="kept", pruning="snip").values.ravel()
    assert len(panels) == 3
    names = [f"theory, {name}" for name in ("joint", "second moments", "positions")]
    for panel, road in zip(panels, names, strict=True):
        line = panel.lines[1 + METHODS.index("snip")]
        assert np.array_equal(line.get_xdata(), measured)
        assert np.array_equal(
            line.get_ydata(), result.trace.sel(road=road, pruning="snip").values.ravel()
        )


def test_the_trade_off_compares_the_same_networks(result):
    (axes,) = signed.blocking_trade_off(result).axes
    *ways, star = (line for line in axes.lines if len(line.get_xdata()))
    assert len(ways) == len(BLOCKINGS)
    snip = result.sel(pruning="snip", width=64)
    ratio = snip.trace.sel(road="theory, positions") / snip.trace.sel(road="kept")
    assert star.get_xdata()[0] == pytest.approx(float(ratio.mean()))


def test_every_network_is_a_marker_at_its_density(result):
    by_density = xr.concat([result, 2 * result], dim="density").assign_coords(density=[0.5, 0.2])
    ratio_panel, gap_panel = signed.best_by_density(by_density.isel(width=0)).axes
    dots = [line for line in ratio_panel.lines if line.get_linestyle() == "None"]
    snip = result.sel(pruning="snip").isel(width=0)
    ratio = snip.trace.sel(road="theory, positions") / snip.trace.sel(road="kept")
    drawn = [line.get_ydata() for line in dots if line.get_color() == look_of("snip").colour]
    assert [list(values) for values in drawn[: ratio.size]] == [[r, r] for r in ratio.values]
    assert len(gap_panel.lines) == len(METHODS) * (1 + result.sizes["trial"])
