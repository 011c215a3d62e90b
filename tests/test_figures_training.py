"""Figures on training: every run is drawn, one that diverged as a cross."""

import numpy as np
import pytest
import xarray as xr

from graphon_lib.book.figures.causes import (
    forest,
    intervention_curves,
    loss_against,
    ratios_by_sparsity,
)
from graphon_lib.book.figures.training import (
    accuracy_curves,
    evaluation_curves,
    loss_curves,
    tuned_rates,
)
from graphon_lib.experiments.paired import paired_ratio

PRUNINGS = ["dense", "random", "grasp"]
DENSITIES = [0.5, 0.2]


@pytest.fixture
def trained():
    rng = np.random.default_rng(0)
    shape = (len(PRUNINGS), len(DENSITIES), 3)
    return xr.Dataset(
        {
            "loss": (
                ("pruning", "density", "trial", "step"),
                np.exp(-np.linspace(0, 2, 40) + 0.1 * rng.normal(size=(*shape, 40))),
            ),
            "test_loss": (
                ("pruning", "density", "trial", "evaluation"),
                np.exp(0.1 * rng.normal(size=(*shape, 2))),
            ),
            "test_accuracy": (
                ("pruning", "density", "trial", "evaluation"),
                rng.random((*shape, 2)),
            ),
            "path_density": (("pruning", "density", "trial"), rng.random(shape)),
        },
        coords={
            "pruning": PRUNINGS,
            "density": DENSITIES,
            "step": np.arange(40),
            "evaluation": [20, 40],
        },
    )


@pytest.fixture
def variants(trained):
    result = trained.rename(pruning="variant").assign_coords(
        variant=["random: rescaled", "dense: as pruned", "random: as pruned"],
        pruning=("variant", ["random", "dense", "random"]),
        intervention=("variant", ["rescaled", "as pruned", "as pruned"]),
    )
    return result.isel(evaluation=0)


def crosses(figure):
    return [
        line
        for panel in figure.axes
        for line in panel.lines
        if line.get_marker() == "x" and len(line.get_xdata())
    ]


def test_a_diverged_run_ends_in_a_cross_where_it_ended(trained):
    trained.loss.loc[{"pruning": "grasp", "density": 0.2, "trial": 1}][20:] = np.inf
    (cross,) = crosses(loss_curves(trained))
    assert cross.get_xdata()[0] == 17  # the middle of the last five steps that are finite
    trained.loss.loc[{"pruning": "random", "density": 0.2, "trial": 0}][:] = np.inf
    assert len(crosses(loss_curves(trained))) == 2


def test_accuracy_curves_draw_the_mean(trained):
    figure = accuracy_curves(trained)
    drawn = figure.axes[0].lines[0].get_ydata()
    np.testing.assert_allclose(drawn, trained.test_accuracy[0, 0].mean("trial"))


def test_the_forest_puts_methods_together_and_as_pruned_first(variants):
    figure = forest(variants.test_loss)
    labels = [label.get_text() for label in figure.axes[0].get_yticklabels()]
    assert labels == ["Dense", "Random", "rescaled"]
    assert len(figure.axes) == len(DENSITIES)
    assert not crosses(figure)


def test_the_forest_shows_a_variant_that_diverged(variants):
    variants.test_loss.loc[{"variant": "random: rescaled", "density": 0.2, "trial": 0}] = np.inf
    assert len(crosses(forest(variants.test_loss))) == 1


def test_interventions_that_were_not_done_are_not_drawn(variants):
    figure = intervention_curves(variants.sel(density=0.2), ["random"], ["rescaled", "shuffled"])
    (legend,) = figure.legends
    assert [text.get_text() for text in legend.get_texts()] == ["dense", "rescaled", "as pruned"]


def test_ratios_are_drawn_with_their_intervals(variants):
    pair = ("random: rescaled", "random: as pruned")
    figure = ratios_by_sparsity(variants.test_loss, {"scale": {"rescaled": pair}})
    (panel,) = figure.axes
    (bars,) = panel.containers
    drawn = np.array([segment[:, 1] for segment in bars.lines[2][0].get_segments()])
    ratios = [paired_ratio(variants.test_loss.sel(density=d), *pair) for d in DENSITIES]
    np.testing.assert_allclose(bars.lines[0].get_ydata(), [ratio.value for ratio in ratios])
    np.testing.assert_allclose(drawn, [[ratio.lower, ratio.upper] for ratio in ratios])


def test_evaluations_are_drawn_as_means(trained):
    variants = trained.rename(pruning="variant").assign_coords(
        variant=["dense: as pruned", "random: rescaled", "grasp: as pruned"],
        pruning=("variant", ["dense", "random", "grasp"]),
        intervention=("variant", ["as pruned", "rescaled", "as pruned"]),
    )
    figure = evaluation_curves(variants.sel(density=0.2))
    of_loss, of_accuracy = figure.axes
    expected = variants.sel(density=0.2).isel(variant=1)
    np.testing.assert_allclose(
        of_loss.containers[1].lines[0].get_ydata(), np.exp(np.log(expected.test_loss).mean("trial"))
    )
    np.testing.assert_allclose(
        of_accuracy.containers[1].lines[0].get_ydata(), expected.test_accuracy.mean("trial")
    )


def test_every_setting_is_a_marker_at_geometric_means(variants):
    figure = loss_against(variants, {"path density": variants.path_density})
    drawn = np.concatenate([group.get_offsets() for group in figure.axes[0].collections])
    means = [
        np.exp(np.log(values).mean("trial")).transpose("variant", "density").values.ravel()
        for values in (variants.path_density, variants.test_loss)
    ]
    np.testing.assert_allclose(drawn, np.transpose(means))


def test_rates_that_were_not_tried_are_not_drawn_and_diverged_ones_are_crosses():
    result = xr.Dataset(
        {
            "tuning_loss": (
                ("variant", "density", "learning_rate"),
                [[[np.nan, 2.0, 1.0, np.inf]], [[3.0, 2.0, np.nan, np.nan]]],
            )
        },
        coords={
            "variant": ["random: as pruned", "random: rescaled"],
            "pruning": ("variant", ["random", "random"]),
            "intervention": ("variant", ["as pruned", "rescaled"]),
            "density": [0.05],
            "learning_rate": [0.01, 0.1, 1.0, 10.0],
        },
    )
    figure = tuned_rates(result)
    curves = [line for line in figure.axes[0].lines if line.get_marker() != "x"]
    assert [list(line.get_xdata()) for line in curves] == [[0.1, 1.0], [0.01, 0.1]]
    (cross,) = crosses(figure)
    assert list(cross.get_xdata()) == [10.0]
