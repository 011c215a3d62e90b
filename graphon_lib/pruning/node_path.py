"""NPB: masks that balance, layer by layer, how many nodes are effective and how many paths there are."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from torch import Tensor

from graphon_lib._checks import check_instance, check_per_layer, check_real
from graphon_lib.pruning.model import MaskedMLP, random_generator

__all__ = ["npb_masks"]


def npb_masks(
    model: MaskedMLP,
    densities: ArrayLike,
    generator: torch.Generator | None = None,
    *,
    alpha: float = 0.01,
) -> list[Tensor]:
    r"""Return masks that balance effective nodes and effective paths [1]_.

    From the first layer to the last, the mask :math:`m` of each maximises

    .. math:: \frac{\alpha}{n_{\text{in}} + n_{\text{out}}}\, f_N(m)
              + \frac{1 - \alpha}{\max f_P}\, f_P(m), \qquad
              f_P(m) = \sum_{ij} m_{ij}\, p_j ,

    where :math:`p_j` paths lead from inputs to its unit :math:`j`, one to each input, and
    :math:`f_N = \sum_j \min(1, p_j \sum_i m_{ij}) + \sum_i \min(1, \sum_j m_{ij}\, p_j)` of its units on
    both sides are effective. Of the masks that do, it is a random one: weights and data are not read.

    Parameters
    ----------
    model
        The network; its widths are read.
    densities
        Fraction that each layer keeps, in (0, 1], or one for all. The authors' are ERK's,
        :func:`~graphon_lib.graphons.erk_densities`.
    generator
        Source of the choice between equally good masks.
    alpha
        The weight of nodes, in [0, 1]: 0.01 in the authors' runs, of convolutional networks; 0.99 where
        their program is not told otherwise.

    Returns
    -------
    list of torch.Tensor
        Boolean masks; a layer keeps its share, rounded.

    Raises
    ------
    ValueError
        If `model` is no `MaskedMLP`, an argument is not allowed, or a layer keeps nothing.

    Notes
    -----
    No solver is needed. Whatever the units' out-degrees, the weights can be dealt out so that
    :math:`\min(n_{\text{out}}, \sum m)` units are reached. What is left is a sum of concave functions of
    the degrees, and the greatest gains, one weight after another, are the optimum.

    The authors' code [2]_ is for convolutions and one read-out. It departs from this where it optimises
    large layers in pieces that do not know of each other, rounds up, counts biases as paths and weights
    from units without paths as effective. Its third term is constant without kernels; its last step,
    which moves weights on no path, leaves linear layers alone.

    References
    ----------
    .. [1] Pham, Ta, Liu, Xiang, Le, Wen and Tran-Thanh, *Towards Data-Agnostic Pruning At
       Initialization: What Makes a Good Sparse Mask?*, NeurIPS 2023.
    .. [2] https://github.com/pvh1602/NPB, ``optimize_layerwise`` in ``Pruners/utils.py``.
    """
    check_instance("model", model, MaskedMLP)
    alpha = check_real("alpha", alpha, 0.0, 1.0)
    shares = check_per_layer("densities", densities, len(model.weights))
    if shares.max() > 1.0:
        raise ValueError(f"densities must be at most 1, got {shares.max():g}")
    seed = torch.randint(2**63 - 1, (), generator=random_generator(generator))
    rng = np.random.default_rng(int(seed))
    paths, masks = np.ones(model.widths[0]), []
    for number, (weight, share) in enumerate(zip(model.weights, shares, strict=True), start=1):
        count = round(share * weight.numel())
        if count == 0:
            raise ValueError(
                f"densities must keep a weight of every layer, got {share:g}, none of layer {number}"
            )
        mask = _deal(paths, _degrees(paths, len(weight), count, alpha, rng), len(weight), rng)
        paths = mask @ paths
        # Powers of two leave ties as they are, and keep numbers of paths in range.
        paths *= 0.5 ** np.floor(np.log2(paths.max()))
        masks.append(torch.from_numpy(mask).to(weight.device))
    return masks


def _degrees(
    paths: NDArray[np.float64], outputs: int, count: int, alpha: float, rng: np.random.Generator
) -> NDArray[np.int64]:
    """Return how many weights each unit has after it."""
    new = np.repeat(paths, outputs)
    gains = (1.0 - alpha) / np.sort(new)[-count:].sum() * new
    # Its first weight makes a unit effective.
    gains[::outputs] += alpha / (paths.size + outputs) * (paths > 0.0)
    # Where nodes are all that counts, paths break ties.
    chosen = np.lexsort((rng.random(gains.size), -new, -gains))[:count]
    return np.bincount(chosen // outputs, minlength=paths.size)


def _deal(
    paths: NDArray[np.float64], degrees: NDArray[np.int64], outputs: int, rng: np.random.Generator
) -> NDArray[np.bool_]:
    """Return a random mask with these out-degrees that reaches as many outputs as can be."""
    ends = rng.permutation(np.repeat(np.arange(paths.size), np.where(paths > 0.0, degrees, 0)))
    first = ends[:outputs]
    order = rng.random((outputs, paths.size))
    order[rng.permutation(outputs)[: first.size], first] = -1.0
    return order.argsort(axis=0).argsort(axis=0) < degrees
