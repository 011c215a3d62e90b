"""The numbers that sum up the book, from its stored results."""

from __future__ import annotations

import numpy as np
import xarray as xr

from graphon_lib.experiments.batch_dependence import BATCH_DEPENDENCE
from graphon_lib.experiments.convergence import CONVERGENCE
from graphon_lib.experiments.intervention_training import INTERVENTION_TRAINING
from graphon_lib.experiments.kernels_of_masks import KERNELS_OF_MASKS
from graphon_lib.experiments.residual_spectra import RESIDUAL_SPECTRA
from graphon_lib.experiments.shared_positions import SHARED_POSITIONS
from graphon_lib.experiments.signed_kernels import SIGNED_KERNELS
from graphon_lib.experiments.spectra import SPECTRA
from graphon_lib.experiments.training import TRAINING
from graphon_lib.experiments.vector_positions import VECTOR_POSITIONS

__all__ = ["findings"]

DENSITY = 0.2
"""The density at which masks and kernels are summed up."""

WINDOW = 10
"""Steps that a loss is averaged over."""


def findings() -> dict[str, float | str]:
    """Return the numbers that the first page and the ledger of claims quote.

    Returns
    -------
    dict of str to float or str
        Means over trials at the largest width of each stored experiment; settings are strings. Keys
        name method and quantity, for example ``"snip_loss"``.

    Raises
    ------
    graphon_lib.experiments.results.StaleResultError
        If a stored result cannot be read or was made with other parameters.
    """
    return {
        **_masks(RESIDUAL_SPECTRA.run(), VECTOR_POSITIONS.run(), SHARED_POSITIONS.run()),
        **_limits(BATCH_DEPENDENCE.run(), CONVERGENCE.run()),
        **_kernels(KERNELS_OF_MASKS.run(), SIGNED_KERNELS.run(), SPECTRA.run()),
        **_training(TRAINING.run(), INTERVENTION_TRAINING.run()),
    }


def _masks(blocks: xr.Dataset, vectors: xr.Dataset, shared: xr.Dataset) -> dict:
    """Return what degree-sorted blocks and vector positions leave of masks, and counts of paths."""
    numbers: dict[str, float | str] = {"residual_width": str(int(blocks.width[-1]))}
    left = blocks.singular_value.sel(estimator="degree").isel(rank=0, width=-1).mean("trial")
    for method in ("snip", "grasp", "synflow"):
        numbers[f"{method}_blocks"] = _over_chance(left.sel(pruning=method))
    widest = vectors.singular_value.isel(rank=0, width=-1)
    count = int(widest.sel(source="mask", pruning="snip").notnull().sum("trial"))
    numbers["vector_networks"] = "one network" if count == 1 else f"{count} networks"
    left = widest.mean("trial")
    for method in ("snip", "grasp"):
        numbers[f"{method}_vectors"] = _over_chance(left.sel(pruning=method))
    paths = shared.path_density.mean("trial").isel(density=-1)
    over = paths / paths.sel(reading="mask")
    numbers["paths_density"] = f"{float(paths.density):g}"
    numbers["snip_paths"] = float(over.sel(pruning="snip", reading="degree"))
    numbers["joint_gap"] = 100 * float(abs(over.sel(reading="joint") - 1).max())
    return numbers


def _over_chance(singular_value: xr.DataArray) -> float:
    return float(singular_value.sel(source="mask") / singular_value.sel(source="sampled"))


def _limits(batch: xr.Dataset, convergence: xr.Dataset) -> dict:
    """Return what separates networks, and how fast shapes approach a limit."""
    widest = batch.isel(width=-1)
    within = batch.variance.sel(component="within")
    growth = within.isel(width=-1) / within.isel(width=0)
    share = widest.variance.sel(component="share", pruning="grasp")
    fits = convergence.approach.sel(density=DENSITY, rate_statistic="exponent")
    shape = fits.sel(quantity="cross-fitted, divided by density", pruning="snip")
    random = fits.sel(quantity="plain", pruning="random")
    quiet = within.isel(width=-1).sel(pruning="snip: quiet outputs")
    return {
        "batch_narrow": str(int(batch.width[0])),
        "batch_width": str(int(widest.width)),
        "snip_networks": float(within.isel(width=-1).sel(pruning="snip") / quiet),
        "snip_growth": float(growth.sel(pruning="snip")),
        "quiet_growth": float(growth.sel(pruning="snip: quiet outputs")),
        "grasp_share": float(share),
        "snip_exponent": float(shape.sel(hidden_layers=2, mask=1)),
        "snip_exponent_deeper": float(shape.sel(hidden_layers=3, mask=1)),
        "random_exponent": float(random.sel(hidden_layers=2, mask=1)),
    }


def _kernels(redrawn: xr.Dataset, signed: xr.Dataset, spectra: xr.Dataset) -> dict:
    """Return traces of the theory over measured ones, and energies of five eigenvalues."""
    trace = redrawn.trace.isel(width=-1).sel(density=DENSITY).mean("trial")
    gap = abs(trace.sel(road="theory, joint") / trace.sel(road="re-drawn") - 1)
    numbers: dict[str, float | str] = {
        "kernel_width": str(int(trace.width)),
        "kernel_gap": 100 * float(gap.max()),
        "signed_width": str(int(signed.width[-1])),
    }
    kept = signed.trace.isel(width=-1).sel(density=DENSITY).mean("trial")
    kept = kept / kept.sel(road="kept")
    for method, name, road in (
        ("snip", "density", "theory, joint"),
        ("snip", "second", "theory, second moments"),
        ("snip", "positions", "theory, positions"),
        ("magnitude", "second", "theory, second moments"),
        ("synflow", "second", "theory, second moments"),
    ):
        numbers[f"{method}_{name}"] = float(kept.sel(pruning=method, road=road))
    energy = spectra.energy.isel(digits=-1).mean("trial")
    energy = energy.sel(density=float(energy.density.min()))
    for name, road in (("theory", "theory, joint"), ("kept", "kept"), ("redrawn", "re-drawn")):
        for method in ("random", "snip", "synflow"):
            numbers[f"{method}_energy_{name}"] = float(energy.sel(road=road, pruning=method))
    return numbers


def _training(trained: xr.Dataset, changed: xr.Dataset) -> dict:
    """Return training losses at the largest sparsity, before and after restoring Random's signal."""
    last = changed.sizes["step"]
    steps = {"step": slice(max(last - WINDOW, 0), last)}
    sparsest = float(changed.density.min())
    # Equal trials are the same networks: only those of both results are compared.
    trials = min(trained.sizes["trial"], changed.sizes["trial"])
    trained, changed = (result.isel(trial=slice(trials)) for result in (trained, changed))
    loss = trained.loss.isel(steps).sel(density=sparsest).mean(["step", "trial"])
    mended = changed.loss.isel(steps).sel(density=sparsest).mean(["step", "trial"])
    numbers: dict[str, float | str] = {
        f"{method}_loss": float(loss.sel(pruning=method))
        for method in ("dense", "random", "snip", "grasp", "synflow")
    }
    # Masks alone at equal scale, over random ones: of the losses in the chapter's comparisons.
    masks_alone = np.log(changed.test_loss.isel(evaluation=-1).sel(density=sparsest)).mean("trial")
    masks_alone = np.exp(masks_alone - masks_alone.sel(variant="random: rescaled"))
    return numbers | {
        "synflow_structure": float(masks_alone.sel(variant="synflow: re-drawn, rescaled")),
        "synflow_layers": float(masks_alone.sel(variant="synflow: shuffled, rescaled")),
        "rescaled_loss": float(mended.sel(variant="random: rescaled")),
        "grasp_mended_loss": float(mended.sel(variant="grasp: re-drawn, rescaled")),
        "loss_steps": str(last),
        "loss_sparsity": f"{100 * (1 - sparsest):.0f} %",
        "loss_trials": str(trials),
    }
