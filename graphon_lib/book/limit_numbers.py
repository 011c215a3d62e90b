"""Numbers in the text of the chapter on limits that take more than a line to make, by their names."""

from __future__ import annotations

import numpy as np
import xarray as xr
from numpy.typing import ArrayLike

from graphon_lib.experiments.fits import fit_slope

__all__ = ["depth_numbers", "excess_numbers", "exponent", "position_numbers", "rounds_numbers"]


def exponent(x: ArrayLike, y: ArrayLike) -> str:
    """Return a fitted exponent with its interval, see :func:`~graphon_lib.experiments.fits.fit_slope`."""
    slope = fit_slope(x, y)
    low, high = (slope.value + sign * slope.half_width for sign in (-1.0, 1.0))
    return f"{slope.value:.2f} ({low:.2f} to {high:.2f})"


def position_numbers(result: xr.Dataset) -> dict[str, str]:
    """Return how far neurons are from their law, beside draws from it, and how that falls.

    With mean p-values of permutation tests. Of the result of
    :func:`~graphon_lib.experiments.position_laws.position_laws`.
    """
    distance, p_values = result.distance, result.p_value.mean(["width", "trial"])
    neurons, draws = (distance.sel(source=source) for source in ("neurons", "draws"))
    by_chance, mean = (neurons / draws).mean("trial"), neurons.mean("trial")
    falls = mean.isel(width=0) / mean.isel(width=-1)
    widths = distance.width.values
    return {
        "laws_ratio": f"{float(by_chance.min()):.2f} to {float(by_chance.max()):.2f}",
        "laws_fall": f"{float(falls.min()):.1f} to {float(falls.max()):.1f}",
        "laws_root": f"{(widths[-1] / widths[0]) ** 0.5:.1f}",
        "laws_widths": ", ".join(str(int(width)) for width in widths),
        "laws_images": ", ".join(str(int(images)) for images in distance.images.values),
        "laws_networks": str(distance.sizes["trial"]),
        "laws_tests": str(result.p_value.size),
        "laws_p": ", ".join(f"{float(p):.2f}" for p in p_values),
    }


def excess_numbers(cut_norm: xr.DataArray) -> dict[str, str]:
    """Return by how much masks of either method exceed independent draws in cut norm, by name.

    In units of the inverse root of the width, with standard errors over networks; of lower bounds
    at one width and batch size, of :func:`~graphon_lib.experiments.local_law.local_law`.
    """
    more = cut_norm.sel(source="mask") - cut_norm.sel(source="independent draws")
    more, found = more * float(cut_norm.width) ** 0.5, {}
    for method in more.pruning.values:
        at = more.sel(pruning=method).dropna("trial")
        error = float(at.std("trial", ddof=1)) / np.sqrt(at.size)
        found[f"{method}_torch_excess"] = f"{float(at.mean()):.3f} ± {error:.1g}"
    return found


def depth_numbers(result: xr.Dataset) -> dict[str, str]:
    r"""Return the share of flips over :math:`\sqrt{B / n}` by the number of hidden layers, by name.

    And lower bounds of masks' cut norms over those of independent draws. At one width and batch size, of :func:`~graphon_lib.experiments.local_law.local_law`.
    """
    flipped, norms = result.flipped, result.cut_norm.sel(bound="lower").mean("trial")
    over = flipped.mean("trial") * np.sqrt(flipped.width / flipped.images)
    ratio = norms.sel(source="mask") / norms.sel(source="independent draws")
    found = {}
    for name, of, digits in (("deep", over, 3), ("deep_cut", ratio, 2)):
        for method in flipped.pruning.values:
            values = of.sel(pruning=method).values
            found[f"{name}_{method}"] = ", ".join(f"{value:.{digits}f}" for value in values)
    return found | {
        "limit_layers": ", ".join(str(int(h)) for h in flipped.hidden_layers.values),
        "deep_width": str(int(flipped.width)),
        "deep_images": str(int(flipped.images)),
        "deep_networks": str(flipped.sizes["trial"]),
    }


def rounds_numbers(result: xr.Dataset, uniform: xr.Dataset) -> dict[str, str]:
    """Return how far SynFlow's masks are from their limits, by name: of few rounds and of many.

    Of :func:`~graphon_lib.experiments.synflow_rounds.synflow_rounds` under He's initialisation and
    under PyTorch's default. Ends are mask 2, the middle is mask 4; values are those of the least
    width to those of the largest that has any, means over networks.
    """

    def range_of(values: xr.DataArray, digits: int = 3) -> tuple[str, str]:
        mean = values.mean("trial").dropna("width")
        return f"{mean[0]:.{digits}f} to {mean[-1]:.{digits}f}", str(int(mean.width[-1]))

    few, many = result.rounds.values[[0, -1]]
    found = {"rounds_most": str(int(many)), "rounds_from": str(int(result.width[0]))}
    for place, rounds in (("first", few), ("last", many)):
        for name, number in (("end", 2), ("middle", 4)):
            at = result.flipped.sel(rounds=rounds, mask=number).stack(cell=["width", "trial"])
            at = at.dropna("cell")
            found[f"rounds_{place}_{name}_slope"] = exponent(at.width.values, at.values)
            shares, width = range_of(at.unstack("cell"))
            found |= {f"rounds_{place}_{name}": shares, f"rounds_{place}_to": width}
        over = (result.cycle_ratio / result.limit_cycle_ratio).sel(rounds=rounds, mask=4)
        cycles, width = range_of(over, 2)
        found |= {f"rounds_cycles_{place}": cycles, f"rounds_cycles_{place}_to": width}
        for law, of in (("he", result), ("torch", uniform)):
            # Of the mask that is the farthest in the mean over networks.
            norms = of.cut_norm.sel(rounds=rounds, bound="upper").mean("trial").max("mask")
            norms, width = range_of(norms.expand_dims("trial"))
            found |= {f"rounds_cut_{place}_{law}": norms, "rounds_cut_to": width}
    shares, width = range_of(uniform.flipped.sel(rounds=few, mask=4))
    found |= {"rounds_torch": shares, "rounds_torch_to": width}
    by_rounds = result.flipped.sel(mask=4).mean("trial").dropna("width").isel(width=-1)
    found["rounds_at"] = str(int(by_rounds.width))
    several = by_rounds.size > 2
    growth = exponent(by_rounds.rounds.values, by_rounds.values) if several else "unknown"
    return found | {"rounds_growth": growth}
