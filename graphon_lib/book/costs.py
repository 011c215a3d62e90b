"""What a page says of the cost of kernels: ratios and floors from a measured result."""

from __future__ import annotations

import xarray as xr

from graphon_lib.experiments.cost import MEGABYTE
from graphon_lib.experiments.fits import fit_slope

__all__ = ["kernel_cost_numbers"]


def kernel_cost_numbers(result: xr.Dataset) -> dict[str, float]:
    """Return the numbers that a page quotes of a result of the experiment ``kernel-cost``, by name.

    Among them processor seconds of the kernels and the same shared out over the cores (``best``); how
    many times those of the Graphon NTK the empirical kernels take; what the operations of the recursion
    would take at the measured rates alone (``floor``) and how many times that the kernel takes
    (``above``); operations a byte that has to be moved (``intensity``); and the exponent of the seconds
    in the number of inputs (``growth``).
    """
    processor = result.seconds.sel(clock="processor")
    graphon = float(processor.sel(computed="graphon"))
    fewer = float(processor.sel(computed="graphon, fewer inputs"))
    parts = (result.operations / result.rate).values
    scaling = result.scaling_seconds.sel(clock="processor")
    return {
        "graphon": graphon,
        "best": graphon / float(result.attrs["cores"]),
        "wall": float(result.seconds.sel(computed="graphon", clock="wall")),
        "dense": float(processor.sel(computed="dense")),
        "megabytes": float(result.megabytes),
        "sampled_ratio": float(processor.sel(computed="empirical, fewer inputs")) / fewer,
        "whole_ratio": float(processor.sel(computed="empirical, nothing pruned")) / fewer,
        "kept": float(result.kept_weights),
        "teraflop": float(result.operations[0]) / 1e12,
        "gigaflops": float(result.rate[0]) / 1e9,
        "products": float(parts[0]),
        "millions": float(result.operations[1]) / 1e6,
        "nanoseconds": 1e9 / float(result.rate[1]),
        "functions": float(parts[1]),
        "floor": float(parts.sum()),
        "above": graphon / float(parts.sum()),
        "compulsory": float(result.compulsory_megabytes),
        "intensity": float(result.operations[0]) / 1e6 / float(result.compulsory_megabytes),
        "least_inputs": float(result.inputs[0]),
        "most_inputs": float(result.inputs[-1]),
        "least_seconds": float(scaling[0]),
        "most_seconds": float(scaling[-1]),
        "least_megabytes": float(result.scaling_megabytes[0]),
        "most_megabytes": float(result.scaling_megabytes[-1]),
        "most_kernel_megabytes": 8 * float(result.inputs[-1]) ** 2 / MEGABYTE,
        "growth": fit_slope(result.inputs, scaling).value,
        "load_before": float(result.attrs["load_before"]),
        "load_after": float(result.attrs["load_after"]),
    }
