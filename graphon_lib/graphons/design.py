r"""Which mask should you use? A target graphon for given widths and a given density."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from graphon_lib._checks import check_choice, check_density, check_real, check_widths
from graphon_lib.graphons.exact_sampling import weights_needed
from graphon_lib.graphons.input_alignment import aligned_inputs, deviation_inputs
from graphon_lib.graphons.layer_densities import erk_densities, layer_sizes, least_density
from graphon_lib.graphons.network import GraphonNetwork
from graphon_lib.graphons.path_optimum import narrowed_network, path_optimum_of_budget

__all__ = ["FAN_IN", "OBJECTIVES", "design", "units_used"]

OBJECTIVES = ("fan-in", "paths", "alignment")
"""What a design can aim at."""

FAN_IN = 20
"""Weights that a hidden unit should have before it, in the mean."""


def design(
    widths: Sequence[int],
    density: float,
    data: ArrayLike | tuple[ArrayLike, ArrayLike] | None = None,
    *,
    objective: str = "fan-in",
    fan_in: float = FAN_IN,
) -> GraphonNetwork:
    r"""Return a target for masks: which units, which layer densities, which inputs.

    Parameters
    ----------
    widths
        :math:`(n_0, n_1, \dots, n_D)`, inputs first, with a hidden layer at least.
    density
        Kept fraction of all weights.
    data
        Inputs, shape (N, n_0), for ``"fan-in"``: the first layer's densities are then in proportion
        to the inputs' standard deviations. For ``"alignment"`` a pair of inputs and labels. Of
        ``"paths"`` None: the optimum treats all inputs alike.
    objective
        ``"fan-in"``: of every hidden layer the same share of its units is used, the largest with
        which these have `fan_in` weights before them in the mean, and at least as many units
        as outputs; between them layers have the densities of
        :func:`~graphon_lib.graphons.erk_densities`. ``"alignment"``: the same, with inputs by
        :func:`~graphon_lib.graphons.aligned_inputs`. ``"paths"``: the narrower dense network that
        has the most paths, :func:`~graphon_lib.graphons.path_optimum_of_budget`.
    fan_in
        At least 1, for all objectives but ``"paths"``.

    Returns
    -------
    GraphonNetwork
        To draw masks from with ``sample_masks(widths, rng, exact=True)``. Those of ``"paths"`` keep
        up to a unit's weights less than asked, since units are whole.

    Raises
    ------
    ValueError
        If an argument is not allowed, or no mask of these widths has so few weights and a path to
        every output.
    """
    widths = check_widths(widths)
    density = check_density("density", density)
    check_choice("objective", objective, OBJECTIVES)
    if len(widths) < 3:
        raise ValueError(f"widths must have a hidden layer, got {widths}")
    sizes = layer_sizes(widths)
    if round(density * sizes.sum()) < round(least_density(widths) * sizes.sum()):
        raise ValueError(
            f"density must leave every output of a network of widths {widths} a path: "
            f"{least_density(widths):.3g} or more, got {density!r}"
        )
    if objective == "paths":
        if data is not None:
            raise ValueError("data must be None for objective 'paths', which looks at none")
        shares = path_optimum_of_budget(widths, density).shares
        whole = np.maximum(np.floor(shares * widths[1:-1] + 1e-6), 1.0)
        return narrowed_network(whole / widths[1:-1], np.ones(len(widths) - 1))
    used = units_used(widths, density, fan_in)
    inner = erk_densities(used, density * sizes.sum() / layer_sizes(used).sum())
    target = narrowed_network(
        np.divide(used[1:-1], widths[1:-1]), inner, _pixels(objective, data, widths[0], inner[0])
    )
    counts = weights_needed(target.layers, list(zip(widths[1:], widths[:-1], strict=True)))
    short = max(needed / max(count, 1) for count, needed in counts)
    if short > 1.0:
        raise ValueError(
            f"density must give every unit of {used} a weight: about {short * density:.3g} or more, "
            f"got {density!r}"
        )
    return target


def units_used(widths: Sequence[int], density: float, fan_in: float = FAN_IN) -> tuple[int, ...]:
    """Return how many units of every layer the objective ``"fan-in"`` uses, inputs first."""
    widths = check_widths(widths)
    fan_in = check_real("fan_in", fan_in, 1.0)
    count = check_density("density", density) * layer_sizes(widths).sum()
    least = [min(width, widths[-1]) for width in widths[1:-1]]
    best: tuple[int, ...] = (widths[0], *least, widths[-1])
    # The share of the widest layer goes down unit by unit until the units have what they need.
    widest = max(widths[1:-1])
    for units in range(widest, 0, -1):
        hidden = [
            max(low, round(n * units / widest)) for n, low in zip(widths[1:-1], least, strict=True)
        ]
        used = (widths[0], *hidden, widths[-1])
        sizes = layer_sizes(used)
        if count > sizes.sum():
            break
        before = count - float(erk_densities(used, count / sizes.sum())[-1] * sizes[-1])
        if before >= fan_in * sum(hidden):
            return used
        best = used
    return best


def _pixels(
    objective: str, data: ArrayLike | tuple | None, inputs: int, density: float
) -> NDArray[np.float64] | None:
    """Return the first layer's densities by input, None where all are alike."""
    if objective == "alignment":
        if not isinstance(data, tuple) or len(data) != 2:
            raise ValueError("data must be a pair of inputs and labels for objective 'alignment'")
        pixels = aligned_inputs(*data, density)
    elif data is not None:
        pixels = deviation_inputs(data, density)
    else:
        return None
    if pixels.size != inputs:
        raise ValueError(f"data must have {inputs} inputs, as widths[0] says, got {pixels.size}")
    return pixels
