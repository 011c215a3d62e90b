r"""How many weights each layer keeps: the densities of random sparse networks, and the least there can be."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from graphon_lib._checks import check_density, check_widths

__all__ = ["erk_densities", "layer_sizes", "least_density", "uniform_masks"]


def erk_densities(widths: Sequence[int], density: float) -> NDArray[np.float64]:
    r"""Return the densities of a random network whose units have about as many weights in every layer.

    Parameters
    ----------
    widths
        :math:`(n_0, n_1, \dots, n_D)`, inputs first.
    density
        Kept fraction of all weights.

    Returns
    -------
    ndarray, shape (D,)
        In (0, 1], first layer first, with :math:`\sum_l c_l n_l n_{l-1}` = `density` times all.

    Notes
    -----
    Layers are Erdős-Rényi graphs [1]_, as RigL distributes them [2]_, without kernels:

    .. math:: c_l = \min\Bigl(1, \varepsilon\, \frac{n_{l-1} + n_l}{n_{l-1}\, n_l}\Bigr) ,

    with the number :math:`\varepsilon` that makes the sum right. A layer narrower than its
    neighbours is so denser.

    References
    ----------
    .. [1] Mocanu, Mocanu, Stone, Nguyen, Gibescu and Liotta, *Scalable training of artificial neural
       networks with adaptive sparse connectivity inspired by network science*, Nature Communications
       9, 2018, equation 1.
    .. [2] Evci, Gale, Menick, Castro and Elsen, *Rigging the Lottery: Making All Tickets Winners*,
       ICML 2020, section 3.

    Examples
    --------
    >>> erk_densities((784, 300, 100, 10), 0.05).round(3)
    array([0.038, 0.111, 0.919])
    """
    widths = check_widths(widths)
    sizes = layer_sizes(widths)
    nodes = np.array([a + b for a, b in itertools.pairwise(widths)], dtype=np.float64)
    count = check_density("density", density) * sizes.sum()
    full = np.zeros(sizes.size, dtype=bool)
    # A layer that is full leaves more to the others, which may then be full, too.
    while not full.all():
        scale = (count - sizes[full].sum()) / nodes[~full].sum()
        over = ~full & (scale * nodes > sizes)
        if not over.any():
            break
        full |= over
    else:
        return np.ones(sizes.size)
    return np.where(full, 1.0, scale * nodes / sizes)


def least_density(widths: Sequence[int]) -> float:
    r"""Return the least density at which every output can have a path from the inputs.

    One unit in each hidden layer, one weight to each, and one to every output: :math:`D - 1 + n_D`
    weights.
    """
    widths = check_widths(widths)
    return (len(widths) - 2 + widths[-1]) / int(layer_sizes(widths).sum())


def layer_sizes(widths: Sequence[int]) -> NDArray[np.int64]:
    """Return the number of weights of every layer, of checked widths."""
    return np.array([a * b for a, b in itertools.pairwise(widths)])


def uniform_masks(
    widths: Sequence[int], shares: Sequence[float], rng: np.random.Generator
) -> list[NDArray[np.bool_]]:
    """Return masks that keep uniformly random weights of each layer, its share of them, rounded."""
    masks = []
    for n_in, n_out, share in zip(widths, widths[1:], shares, strict=False):
        kept = np.zeros(n_out * n_in, dtype=np.bool_)
        kept[rng.choice(kept.size, round(share * kept.size), replace=False)] = True
        masks.append(kept.reshape(n_out, n_in))
    return masks
