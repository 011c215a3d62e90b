"""Learning rates of a sparse network: a layer's, over its density."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from numpy.typing import ArrayLike

from graphon_lib._checks import as_numpy, check_mask, check_positive, check_sequence

__all__ = ["density_rates"]


def density_rates(
    masks: Sequence[ArrayLike] | Mapping[str, ArrayLike], rate: float
) -> list[float] | dict[str, float]:
    r"""Return learning rates for Adam that move every layer's signal as in a dense network.

    Parameters
    ----------
    masks
        One a layer, of zeros and ones with two axes or more, with names or without, as
        :func:`~graphon_lib.pruning.prune` returns them.
    rate
        The dense network's, positive.

    Returns
    -------
    list or dict of float
        `rate` over the density of each layer; `rate` itself where nothing is kept.

    Notes
    -----
    Adam moves every weight by about its rate :math:`\eta_l`, whatever the scale of the gradient, and
    so the pre-activation of a neuron that reads :math:`k` units, if their moves agree in sign, by
    :math:`\eta_l\, k` times their size: in a layer of density :math:`c_l` a fraction
    :math:`c_l` of what it is in a dense one. The rule of Dey, Bergsma and Hestness (*Sparse
    maximal update parameterization*, NeurIPS 2024),

    .. math:: \eta_l = \eta / c_l ,

    gives it back, if the layer's units are all in use (else those that are read a larger share, and
    the rate is too large for them); it goes with weights of variance over :math:`c_l`, which
    :func:`~graphon_lib.pruning.rescale_signal` brings about. Biases keep the dense rate.

    Examples
    --------
    >>> density_rates([[[1, 0, 0, 0], [0, 1, 0, 0]], [[1, 1]]], 0.001)
    [0.004, 0.001]
    """
    rate = check_positive("rate", rate)
    names = list(masks) if isinstance(masks, Mapping) else None
    arrays = check_sequence("masks", masks if names is None else masks.values(), "arrays")
    if not arrays:
        raise ValueError("masks must be one mask or more, got none")
    rates = [
        rate / (_density(f"masks[{name!r}]", mask) or 1.0)
        for name, mask in zip(names or range(len(arrays)), arrays, strict=True)
    ]
    if math.inf in rates:
        raise ValueError(f"rate must be finite over every density, got {rate:g}")
    return rates if names is None else dict(zip(names, rates, strict=True))


def _density(name: str, mask: ArrayLike) -> float:
    array = as_numpy(name, mask)
    if array.ndim < 2 or array.size == 0:
        raise ValueError(
            f"{name} must be a non-empty array with 2 axes or more, got shape {array.shape}"
        )
    return float(check_mask(name, array.reshape(len(array), -1)).mean())
