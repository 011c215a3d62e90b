"""The laws that weights and biases are drawn from."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import torch
from numpy.typing import ArrayLike, DTypeLike, NDArray
from torch import Tensor

from graphon_lib.pruning.tensors import as_tensor

__all__ = ["INITIALISATIONS", "Initialisation", "Law", "Normal", "Uniform"]

# Beyond so many standard deviations nothing of a normal law is left in double precision.
FARTHEST = 40.0


class Law(Protocol):
    """What a law of mean 0, variance 1 and symmetric density has to say."""

    def fill(self, tensor: Tensor, deviation: float, generator: torch.Generator) -> Tensor:
        """Draw a tensor's entries, independent and of a standard deviation, in place."""

    def sample(
        self, rng: np.random.Generator, shape: tuple[int, ...], dtype: DTypeLike
    ) -> NDArray[np.floating]:
        """Draw an array with independent entries."""

    def tail(self, t: Tensor) -> Tensor:
        r"""Return :math:`P(|u| > t)` for t of at least 0, float64."""

    def first_moment(self, t: Tensor) -> Tensor:
        r"""Return :math:`E[|u|; |u| > t]` for t of at least 0, float64."""

    def second_moment(self, t: Tensor) -> Tensor:
        r"""Return :math:`E[u^2; |u| > t]` for t of at least 0, float64."""


@dataclass(frozen=True)
class Normal:
    r"""N(0, 1): :math:`P(|u| > t) = \operatorname{erfc}(t / \sqrt 2)`.

    :math:`E[|u|; |u| > t] = 2 \varphi(t)`, and integrating by parts, :math:`E[u^2; |u| > t] = P(|u|
    > t) + 2 t \varphi(t)`.
    """

    def fill(self, tensor: Tensor, deviation: float, generator: torch.Generator) -> Tensor:
        """Draw a tensor, see :meth:`Law.fill`."""
        return tensor.normal_(0.0, deviation, generator=generator)

    def sample(
        self, rng: np.random.Generator, shape: tuple[int, ...], dtype: DTypeLike
    ) -> NDArray[np.floating]:
        """Draw an array, see :meth:`Law.sample`."""
        return rng.standard_normal(shape, dtype)

    def tail(self, t: Tensor) -> Tensor:
        """Return the tail, see :meth:`Law.tail`."""
        return torch.special.erfc(t / math.sqrt(2.0))

    def first_moment(self, t: Tensor) -> Tensor:
        """Return the moment, see :meth:`Law.first_moment`."""
        near = t.clamp(max=FARTHEST)
        return math.sqrt(2.0 / math.pi) * torch.exp(-near.square() / 2.0)

    def second_moment(self, t: Tensor) -> Tensor:
        """Return the moment, see :meth:`Law.second_moment`."""
        near = t.clamp(max=FARTHEST)
        return self.tail(near) + math.sqrt(2.0 / math.pi) * near * torch.exp(-near.square() / 2.0)


@dataclass(frozen=True)
class Uniform:
    r"""Uniform on :math:`\pm a`, :math:`a = \sqrt 3`.

    For t up to a, :math:`P(|u| > t) = 1 - t / a`, :math:`E[|u|; |u| > t] = \tfrac a2 (1 - (t /
    a)^2)` and :math:`E[u^2; |u| > t] = 1 - (t / a)^3`.
    """

    def fill(self, tensor: Tensor, deviation: float, generator: torch.Generator) -> Tensor:
        """Draw a tensor, see :meth:`Law.fill`."""
        end = math.sqrt(3.0) * deviation
        return tensor.uniform_(-end, end, generator=generator)

    def sample(
        self, rng: np.random.Generator, shape: tuple[int, ...], dtype: DTypeLike
    ) -> NDArray[np.floating]:
        """Draw an array, see :meth:`Law.sample`."""
        return rng.uniform(-math.sqrt(3.0), math.sqrt(3.0), shape).astype(dtype)

    def tail(self, t: Tensor) -> Tensor:
        """Return the tail, see :meth:`Law.tail`."""
        return (1.0 - t / math.sqrt(3.0)).clamp(min=0.0)

    def first_moment(self, t: Tensor) -> Tensor:
        """Return the moment, see :meth:`Law.first_moment`."""
        return (3.0 - t**2).clamp(min=0.0) / (2.0 * math.sqrt(3.0))

    def second_moment(self, t: Tensor) -> Tensor:
        """Return the moment, see :meth:`Law.second_moment`."""
        return (1.0 - (t / math.sqrt(3.0)) ** 3).clamp(min=0.0)


@dataclass(frozen=True)
class Initialisation:
    r"""How the weights and biases of a layer with n inputs are drawn, all of them independent.

    Parameters
    ----------
    label
        How it is written.
    law
        The law of weights and biases but for their variance, such as `Normal` or `Uniform`.
    weight_variance
        The variance of a weight times n, :math:`s_w`.
    bias_variance
        The variance of a bias times n; None for networks without biases.

    Notes
    -----
    Laws are symmetric, so that either side has half of a tail: :math:`P(w > t) = P(|w| > t) / 2`.
    """

    label: str
    law: Law
    weight_variance: float
    bias_variance: float | None = None

    def draw_weight(self, n_out: int, n_in: int, generator: torch.Generator) -> Tensor:
        """Draw a weight matrix, float32, shape (n_out, n_in)."""
        deviation = (self.weight_variance / n_in) ** 0.5
        return self.law.fill(torch.empty(n_out, n_in, dtype=torch.float32), deviation, generator)

    def draw_bias(self, n_out: int, n_in: int, generator: torch.Generator) -> Tensor | None:
        """Draw the biases of a layer, float32, shape (n_out,); None without biases."""
        if self.bias_variance is None:
            return None
        deviation = (self.bias_variance / n_in) ** 0.5
        return self.law.fill(torch.empty(n_out, dtype=torch.float32), deviation, generator)

    def tail(self, t: Tensor | ArrayLike, n_in: int | Tensor | ArrayLike) -> Tensor:
        r"""Return :math:`P(|w| > t)`, float64, for a weight of a layer with `n_in` inputs.

        Thresholds of at least 0, infinite or not, and numbers of inputs broadcast.
        """
        deviation = (self.weight_variance / _double("n_in", n_in)).sqrt()
        return self.law.tail(_double("t", t) / deviation)


def _double(name: str, value: Tensor | ArrayLike) -> Tensor:
    """Return real numbers as a float64 tensor."""
    return as_tensor(name, value).to(torch.float64)


INITIALISATIONS = {
    "he": Initialisation("He normal", Normal(), 2.0),
    "torch": Initialisation("PyTorch's default", Uniform(), 1.0 / 3.0, 1.0 / 3.0),
}
r"""The initialisations by name. A new one goes to the end.

``"he"`` has weights :math:`\mathcal N(0, 2 / n)` and no biases (He et al., *Delving Deep into
Rectifiers*, ICCV 2015, equation 10). ``"torch"`` is what :class:`torch.nn.Linear` does: weights and
biases are uniform on :math:`\pm 1 / \sqrt n`, hence of variance :math:`1 / (3 n)`.
"""
