r"""Path-optimal step graphons: of all masks of given size those with the most paths, with a proof."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from graphon_lib._checks import check_array, check_density, check_widths, needs_extra
from graphon_lib.graphons.layer_densities import layer_sizes
from graphon_lib.graphons.network import GraphonNetwork
from graphon_lib.graphons.step_graphon import StepGraphon

__all__ = ["PathOptimum", "narrowed_network", "path_optimum", "path_optimum_of_budget"]


@dataclass(frozen=True, eq=False)
class PathOptimum:
    """The most paths that masks can leave, and the narrowed network that leaves them.

    Attributes
    ----------
    shares : ndarray, shape (D - 1,)
        The share of every hidden layer's units that is used, in (0, 1].
    path_density : float
        Of the network of these units with all weights between them: the product of the shares.
    bound : float
        What no network of these sizes exceeds, from the solution of the dual programme.
    weighting : ndarray, shape (D,)
        That solution. For layer densities the matching: 1 for the layers whose densities are the
        factors of the bound, 0 for the others. For a budget the fraction of it that every layer has.
    """

    shares: NDArray[np.float64]
    path_density: float
    bound: float
    weighting: NDArray[np.float64]

    @property
    def network(self) -> GraphonNetwork:
        """The step graphons: 1 between units that are used, 0 elsewhere."""
        return narrowed_network(self.shares, np.ones(self.shares.size + 1))


def path_optimum(densities: ArrayLike) -> PathOptimum:
    r"""Return the most paths of networks with given layer densities at most.

    Parameters
    ----------
    densities : array_like, shape (D,)
        :math:`c_l` in (0, 1], first layer first.

    Notes
    -----
    A *matching* is a set of layers no two of which are neighbours. Of all graphons

    .. math:: \max P = \min_{\text{matchings } I}\ \prod_{l \in I} c_l .

    Both sides are one linear programme and its dual: with :math:`s_v = e^{-a_v}` the share of the
    units of hidden layer v that is used,

    .. math:: \min \sum_v a_v \quad \text{over } a \ge 0,\ a_0 = a_D = 0,\quad
        a_{l-1} + a_l \ge \log (1 / c_l) .

    The layers that a matching leaves out keep fewer weights than they may.

    Examples
    --------
    >>> optimum = path_optimum([0.1, 0.1, 0.1, 0.1])
    >>> round(optimum.path_density, 6), round(optimum.bound, 6)
    (0.01, 0.01)
    >>> optimum.weighting.sum()
    2.0
    """
    lower = np.nextafter(0.0, 1.0)
    c = check_array("densities", densities, 1, minimum=lower, maximum=1.0)
    weights, hidden = -np.log(c), c.size - 1
    if hidden == 0:
        raise ValueError(
            "densities must be of two layers at least, got one: its paths are its weights"
        )
    with needs_extra("graphons"):
        from scipy.optimize import linprog
    touches = _touches(hidden)
    found = linprog(
        np.ones(hidden), A_ub=-touches, b_ub=-weights, bounds=(0.0, None), method="highs-ds"
    )
    matching = np.round(-found.ineqlin.marginals) + 0.0
    return _optimum(np.exp(-found.x), float(np.exp(-(matching @ weights))), matching)


def path_optimum_of_budget(widths: Sequence[int], density: float) -> PathOptimum:
    r"""Return the most paths of networks that keep a given fraction of all weights, wherever they like.

    Every hidden layer keeps one unit at least.

    Notes
    -----
    By :func:`path_optimum` the optimum is a narrower dense network. With :math:`N_l` weights in
    layer l and a budget of B the programme

    .. math:: \max \sum_v x_v \quad \text{over } \log (1 / n_v) \le x_v \le 0, \quad
        \sum_l N_l\, e^{x_{l-1} + x_l} \le B

    is convex, x being the logarithms of shares. Where no bound holds, a hidden layer has as many
    weights before and after it as every other. For every weighting :math:`\theta` of the layers, by
    the inequality of arithmetic and geometric means,

    .. math:: \sum_v (\theta_v + \theta_{v+1})\, x_v \le \log B - \sum_l \theta_l \log (N_l / \theta_l) ,

    and a multiple of it, with the bounds of single :math:`x_v`, bounds the sum.
    """
    widths = check_widths(widths)
    sizes = layer_sizes(widths).astype(np.float64)
    budget = check_density("density", density) * sizes.sum()
    if len(widths) < 3:
        raise ValueError(f"widths must have a hidden layer, got {widths}")
    lowest = -np.log(np.array(widths[1:-1], dtype=np.float64))
    touches = _touches(lowest.size)
    least = float((sizes * np.exp(touches @ lowest)).sum())
    if budget < least:
        raise ValueError(
            f"density must leave {least:.0f} weights at least, one unit a hidden layer: "
            f"{least / sizes.sum():.3g} or more; got {density!r}"
        )
    shares = _shares_of_budget(sizes, budget, np.exp(lowest))
    weights = sizes * np.exp(touches @ np.log(shares))
    theta = weights / weights.sum()
    return _optimum(shares, _budget_bound(theta, touches, sizes, budget, lowest), theta)


def narrowed_network(
    shares: ArrayLike, densities: ArrayLike, pixels: ArrayLike | None = None
) -> GraphonNetwork:
    """Return the network that uses a share of every hidden layer's units, the first ones.

    Parameters
    ----------
    shares : array_like, shape (D - 1,)
        In (0, 1].
    densities : array_like, shape (D,)
        In [0, 1], of layers between the units that are used.
    pixels : array_like, shape (d,), optional
        Densities of the first layer by input coordinate, in the place of ``densities[0]``.
    """
    lower = np.nextafter(0.0, 1.0)
    shares = check_array("shares", shares, 1, minimum=lower, maximum=1.0)
    densities = check_array("densities", densities, 1, minimum=0.0, maximum=1.0)
    if densities.size != shares.size + 1:
        raise ValueError(f"densities must be {shares.size + 1}, one a layer, got {densities.size}")
    masses = [np.ones(1), *(np.array([s, 1.0 - s][: 1 + (s < 1.0)]) for s in shares), np.ones(1)]
    layers = []
    for number, density in enumerate(densities):
        into, out = masses[number], masses[number + 1]
        values = np.zeros((out.size, into.size))
        values[0, 0] = density
        if number == 0 and pixels is not None:
            row = check_array("pixels", pixels, 1, minimum=0.0, maximum=1.0)
            values, into = np.zeros((out.size, row.size)), np.full(row.size, 1.0 / row.size)
            values[0] = row
        layers.append(StepGraphon(values, out, into))
    return GraphonNetwork(layers)


def _touches(hidden: int) -> NDArray[np.float64]:
    """Return a matrix of layers, rows, and which of so many hidden layers they touch."""
    return np.eye(hidden + 1, hidden) + np.eye(hidden + 1, hidden, -1)


def _optimum(shares: NDArray, bound: float, weighting: NDArray) -> PathOptimum:
    shares = np.clip(shares, np.nextafter(0.0, 1.0), 1.0)
    return PathOptimum(shares, float(shares.prod()), bound, weighting)


def _shares_of_budget(sizes: NDArray, budget: float, least: NDArray) -> NDArray[np.float64]:
    """Return the optimal shares, by bisection over the price of a weight.

    At a price the programme is solved share by share: each hidden layer has 1 / price weights around
    it, unless a bound holds.
    """
    shares = np.ones(least.size + 2)  # inputs and outputs are used whole

    def kept(price: float) -> float:
        change = 1.0
        while change > 1e-12:
            before = shares.copy()
            for v in range(1, least.size + 1):
                around = sizes[v - 1] * shares[v - 1] + sizes[v] * shares[v + 1]
                shares[v] = min(max(1.0 / (price * around), least[v - 1]), 1.0)
            change = np.abs(np.log(shares / before)).max()
        return float((sizes * shares[:-1] * shares[1:]).sum())

    low, high = 1.0 / (2.0 * sizes.sum()), 1.0
    for _ in range(60):
        middle = float(np.sqrt(low * high))
        low, high = (middle, high) if kept(middle) > budget else (low, middle)
    kept(high)
    return shares[1:-1]


def _budget_bound(
    theta: NDArray, touches: NDArray, sizes: NDArray, budget: float, lowest: NDArray
) -> float:
    """Return the bound on the path density that a weighting proves, at its best multiple."""
    right = np.log(budget) - theta @ np.log(sizes / theta)
    around = theta @ touches
    # Piecewise linear and convex in the multiple: its least value is at a corner.
    bounds = [
        multiple * right
        + np.where(multiple * around > 1.0, (1.0 - multiple * around) * lowest, 0.0).sum()
        for multiple in (*(1.0 / around), 0.0)
    ]
    return float(np.exp(min(0.0, *bounds)))
