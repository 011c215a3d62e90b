"""Which weights are kept on average: densities of layers, and the graphon behind a mask."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from torch import Tensor

from graphon_lib._checks import check_choice, check_density, check_integer, check_positive
from graphon_lib.pruning.initialisations import FARTHEST, INITIALISATIONS, Law
from graphon_lib.pruning.masks import keep_largest
from graphon_lib.pruning.methods import factor_of, saliency
from graphon_lib.pruning.model import MaskedMLP

__all__ = [
    "expected_magnitude_densities",
    "expected_threshold",
    "keep_probabilities",
    "kept_probability",
]


def keep_probabilities(
    model: MaskedMLP, method: str, density: float, x: Tensor | ArrayLike, y: Tensor | ArrayLike
) -> list[Tensor]:
    r"""Return for every weight the probability that SNIP or GraSP keeps it, its own value unknown.

    Parameters
    ----------
    model
        The network, at its initialisation.
    method
        One that has a :class:`~graphon_lib.pruning.methods.Factor`: SNIP or GraSP.
    density
        Of all weights; not so large that ties at a score of zero decide.
    x, y
        The pruning batch.

    Returns
    -------
    list of torch.Tensor
        Float64 probabilities of the weights' shapes.

    Notes
    -----
    Either score is a weight times a factor, :math:`s_{ij} = |w_{ij} q_{ij}|` with
    :math:`q = \partial L / \partial w` for SNIP and :math:`s_{ij} = w_{ij} q_{ij}` with
    :math:`q = H g` for GraSP. Let :math:`t` be the smallest score kept. Given the factor, which in a
    wide network hardly depends on that one weight,

    .. math::

        \mathbb P(|w_{ij} q_{ij}| \ge t) = \mathbb P(|w_{ij}| \ge \tau), \qquad
        \mathbb P(w_{ij} q_{ij} \ge t) = \tfrac12 \mathbb P(|w_{ij}| \ge \tau), \qquad
        \tau = \frac{t}{|q_{ij}|} ,

    with the tail of the network's initialisation. The factor is a product of vectors, see
    :func:`~graphon_lib.pruning.signals.batch_signals`: the probabilities are a graphon in which the
    position of a neuron is a vector of N or, for GraSP, 2 N numbers.

    Given the signals of the N inputs, which determine the factor, a Gaussian weight in units of its
    deviation has a mean :math:`\mu` of order :math:`\sqrt{N / n}`. SNIP's rule is even in the
    weight, so that its probability is wrong by :math:`O(N / n)`; GraSP's is wrong by
    :math:`\operatorname{sign}(q)\, \varphi(\tau)\, \mu`.
    """
    signed = factor_of(method).signed
    scores = saliency(model, method, x, y)
    masks = keep_largest(scores, density)
    threshold = min(
        float(s[kept].min()) for s, kept in zip(scores, masks, strict=True) if kept.any()
    )
    if threshold == 0.0:
        raise ValueError(
            f"density must leave all scores of zero unkept, got {density!r}, which keeps some"
        )
    probabilities = []
    for s, w in zip(scores, model.weights, strict=True):
        w = w.detach().to(torch.float64)
        # No score is lost where a weight is exactly zero: it has none.
        factor = torch.where(w == 0.0, 0.0, s.to(torch.float64) / w).abs()
        tail = model.initialisation.tail(threshold / factor, w.shape[1])
        probabilities.append(tail / 2.0 if signed else tail)
    return probabilities


def kept_probability(
    factors: NDArray[np.float64], threshold: float, law: Law, *, signed: bool
) -> NDArray[np.float64]:
    r"""Return the probability that :math:`|w q|` or, if `signed`, :math:`w q` reaches a threshold.

    For factors q of any shape and a weight w of the `law`, of variance 1; 0 where q is.
    """
    with np.errstate(divide="ignore"):
        tail = law.tail(torch.from_numpy(check_positive("threshold", threshold) / np.abs(factors)))
    return tail.numpy() / 2 if signed else tail.numpy()


def expected_threshold(
    factors: Sequence[NDArray[np.float64]],
    density: float,
    law: Law,
    *,
    signed: bool,
    sizes: Sequence[int] = (1,),
) -> float:
    r"""Return the threshold at which the mean of :func:`kept_probability` is the density.

    Parameters
    ----------
    factors
        Those of each layer, or a sample of them.
    sizes
        What the mean over each layer's factors counts: the number of its weights.

    Raises
    ------
    ValueError
        If there is none, because too few factors are not zero: at most their share (or, if
        `signed`, half of it) can be kept.
    """
    from scipy.optimize import brentq

    density = check_density("density", density)
    shares = np.divide(sizes, sum(sizes))

    def mean(of: Callable[[NDArray[np.float64]], NDArray]) -> float:
        return sum(share * float(of(f).mean()) for share, f in zip(shares, factors, strict=True))

    most = mean(lambda f: f != 0.0) * (0.5 if signed else 1.0)
    if density >= most:
        raise ValueError(
            f"density must be below {most:.4g}, the share of scores above zero, got {density!r}"
        )

    def excess(logarithm: float) -> float:
        threshold = np.exp(logarithm)
        return mean(lambda f: kept_probability(f, threshold, law, signed=signed)) - density

    # The other end is found by going down.
    top = np.log(FARTHEST * max(float(np.abs(f).max()) for f in factors))
    bottom = top - 4.0
    while excess(bottom) < 0.0:
        bottom -= 4.0
    return float(np.exp(brentq(excess, bottom, top, xtol=1e-12)))


def expected_magnitude_densities(
    widths: Sequence[int], density: float, initialisation: str = "he"
) -> NDArray[np.float64]:
    r"""Return the layer densities (D,) of global magnitude pruning at initialisation.

    One threshold t serves all layers, so that with widths :math:`n_0, \dots, n_D`, :math:`N_l = n_l
    n_{l-1}` and weights w of layer l

    .. math::

        c_l = \mathbb P(|w| > t), \qquad \sum_l N_l\, c_l = c \sum_l N_l .

    For He's normal weights :math:`c_l = \operatorname{erfc}(t \sqrt{n_{l-1}} / 2)`, for PyTorch's
    uniform ones :math:`c_l = \max(0, 1 - t \sqrt{n_{l-1}})`. The left side falls in t until it is
    0, so the root is unique.

    Raises
    ------
    ValueError
        If `widths` has fewer than two entries or one below 1, `density` is not in (0, 1], or there
        is no such initialisation.
    """
    from scipy.optimize import brentq

    sizes = np.array([check_integer(f"widths[{i}]", n, 1) for i, n in enumerate(widths)], float)
    if len(sizes) < 2:
        raise ValueError(f"widths must have at least two entries, got {tuple(widths)}")
    density = check_density("density", density)
    law = INITIALISATIONS[check_choice("initialisation", initialisation, INITIALISATIONS)]
    weights = sizes[1:] * sizes[:-1]
    if density == 1.0:
        return np.ones(len(weights))

    def densities(threshold: float) -> NDArray[np.float64]:
        return law.tail(torch.tensor(threshold, dtype=torch.float64), sizes[:-1]).numpy()

    def excess(threshold: float) -> float:
        return float(weights @ densities(threshold) / weights.sum()) - density

    # Beyond forty standard deviations of the widest law nothing is left of any.
    farthest = 40.0 * (law.weight_variance / sizes[:-1].min()) ** 0.5
    return densities(brentq(excess, 0.0, farthest, xtol=1e-15))
