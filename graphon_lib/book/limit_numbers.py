"""Numbers in the text of the chapter on limits that take more than a line to make, by their names."""

from __future__ import annotations

import numpy as np
import xarray as xr

__all__ = ["depth_numbers", "excess_numbers", "position_numbers"]


def position_numbers(distance: xr.DataArray) -> dict[str, str]:
    """Return how far neurons are from their law, beside draws from it, and how that falls.

    Of distances of :func:`~graphon_lib.experiments.position_laws.position_laws`.
    """
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


def depth_numbers(flipped: xr.DataArray) -> dict[str, str]:
    r"""Return the share of flips over :math:`\sqrt{B / n}` by the number of hidden layers, by name.

    At one width and batch size, of :func:`~graphon_lib.experiments.local_law.local_law`.
    """
    over = flipped.mean("trial") * np.sqrt(flipped.width / flipped.images)
    found = {
        f"deep_{method}": ", ".join(f"{float(share):.3f}" for share in over.sel(pruning=method))
        for method in flipped.pruning.values
    }
    return found | {
        "limit_layers": ", ".join(str(int(h)) for h in flipped.hidden_layers.values),
        "deep_width": str(int(flipped.width)),
        "deep_images": str(int(flipped.images)),
        "deep_networks": str(flipped.sizes["trial"]),
    }
