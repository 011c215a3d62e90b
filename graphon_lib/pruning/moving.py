r"""Masks that move while a network is trained: weights are removed, and others regrown."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import NamedTuple

import torch
from torch import Tensor, nn

from graphon_lib._checks import (
    check_choice,
    check_density,
    check_instance,
    check_integer,
    check_real,
)
from graphon_lib.pruning.model import MaskedMLP, random_generator

__all__ = ["SCHEDULES", "MovingMasks", "Schedule"]


class Schedule(NamedTuple):
    """How masks move: a row of :data:`SCHEDULES`.

    Attributes
    ----------
    label
        How it is written.
    share
        Of the weights of a layer the fraction that is removed, and of others as many regrown, from
        the fraction at the start and the progress in [0, 1]; None where none are regrown.
    grows
        Where weights are regrown: at ``"random"`` among all that are pruned, or where the
        ``"gradient"`` is largest.
    density
        Of every layer, from that at the start, that at the end and the progress, if it changes.
    by_sign
        Whether positive weights and negative ones are removed in equal shares.
    rewinds
        Whether kept weights go back to their first values when masks move.
    """

    label: str
    share: Callable[[float, float], float] | None = None
    grows: str | None = None
    density: Callable[[float, float, float], float] | None = None
    by_sign: bool = False
    rewinds: bool = False


SCHEDULES: Mapping[str, Schedule] = MappingProxyType(
    {
        "static": Schedule("Static"),
        "set": Schedule("SET", lambda first, _: first, "random", by_sign=True),
        "rigl": Schedule(
            "RigL", lambda first, t: first * (1.0 + math.cos(math.pi * t)) / 2.0, "gradient"
        ),
        "gradual": Schedule(
            "Gradual",
            density=lambda first, last, t: last + (first - last) * (1.0 - t) ** 3,
        ),
        "iterative": Schedule(
            "Iterative",
            density=lambda first, last, t: first * (last / first) ** t,
            rewinds=True,
        ),
    }
)
"""Masks that stay; sparse evolutionary training (Mocanu et al., 2018) and RigL (Evci et al., 2020),
which keep the number of weights of every layer; gradual pruning (Zhu and Gupta, 2017) and iterative
pruning with rewinding (Frankle and Carbin, 2019), which remove the smallest weights of every layer."""


class MovingMasks:
    r"""Masks of a network in training; :meth:`step` stands in the place of the optimiser's.

    Parameters
    ----------
    model
        The network, any module. Its forward pass has to use the weights as they are, zero where
        they are pruned, as it does of itself; a `MaskedMLP` is given masks that keep everything.
    masks
        As :func:`~graphon_lib.pruning.prune` returns them: by the names of weights, or for a
        `MaskedMLP` one a layer. What they prune is set to zero.
    optimizer
        Of the weights, from :mod:`torch.optim`.
    schedule
        A name of :data:`SCHEDULES`.
    every, until
        Masks move at every `every`-th update, the last time at number `until`, or before.
    fraction
        What SET and RigL remove of a layer, at first, in [0, 1).
    density
        Of every layer in the end, in (0, 1], where the schedule changes it.
    generator
        Where SET grows weights, and what they are.

    Attributes
    ----------
    masks : dict or tuple
        As they are now, in the form in which they were given; in the end to be assigned to a
        `MaskedMLP`, whose own keep everything meanwhile.

    Notes
    -----
    With k of the N weights of a layer kept, :math:`\lfloor \zeta k \rfloor` of the smallest are
    removed, by SET that share of either sign, and as many are added of those that are then not
    kept, what was just removed among them: SET at random, with normal weights of the deviation that
    the layer's kept weights had at first; RigL where :math:`|\partial L / \partial w|` is largest,
    with weight 0, in the place of an update, and with the share :math:`\tfrac{\zeta}{2}(1 + \cos \pi
    t)` at progress t. Gradual pruning keeps the largest, of density :math:`c + (c_0 - c)(1 - t)^3`,
    iterative pruning :math:`c_0 (c / c_0)^t`, with all parameters and the optimiser as they were at
    first. Counts are exact. Progress t is the number of the move over that of all; at the last one
    RigL, as published, removes nothing. The optimiser forgets what it knows of weights that come or
    go, but not how many updates it has made.

    Examples
    --------
    >>> import torch
    >>> net = torch.nn.Linear(20, 10)
    >>> mask = torch.rand(10, 20, generator=torch.Generator().manual_seed(0)) < 0.5
    >>> descent = torch.optim.Adam(net.parameters())
    >>> moving = MovingMasks(net, {"weight": mask}, descent, "rigl", every=2, until=10)
    >>> for _ in range(10):
    ...     descent.zero_grad()
    ...     net(torch.ones(1, 20)).square().sum().backward()
    ...     moving.step()
    >>> bool(moving.masks["weight"].sum() == mask.sum())
    True
    """

    def __init__(
        self,
        model: nn.Module,
        masks: Mapping[str, Tensor] | Sequence[Tensor],
        optimizer: torch.optim.Optimizer,
        schedule: str,
        *,
        every: int = 1,
        until: int = 0,
        fraction: float = 0.3,
        density: float | None = None,
        generator: torch.Generator | None = None,
    ) -> None:
        check_instance("model", model, nn.Module)
        check_instance("optimizer", optimizer, torch.optim.Optimizer)
        self.schedule = SCHEDULES[check_choice("schedule", schedule, SCHEDULES)]
        self.every, self.until = check_integer("every", every, 1), check_integer("until", until, 0)
        if schedule != "static" and self.until < self.every:
            raise ValueError(f"until must be at least every, {self.every}, got {self.until}")
        self.fraction = check_real("fraction", fraction, 0.0)
        if self.fraction >= 1.0:
            raise ValueError(f"fraction must be below 1, got {fraction!r}")
        if (density is None) != (self.schedule.density is None):
            takes = "must be given" if density is None else "must be left out"
            raise ValueError(f"density {takes} for the schedule {schedule!r}, got {density!r}")
        self.density = None if density is None else check_density("density", density)
        self.optimizer, self.updates = optimizer, 0
        self.generator = random_generator(generator)
        weights = _weights_of(model, masks)
        self._names = list(masks) if isinstance(masks, Mapping) else None
        self._weights: list[Tensor] = []
        self._masks: list[Tensor] = []
        self._places: list[int] = []  # of the names: layers may share a weight
        for (key, mask), weight in zip(
            masks.items() if self._names else enumerate(masks), weights, strict=True
        ):
            mask = _checked(f"masks[{key!r}]", mask, weight)
            if self._moves(weight):
                place = next(i for i, known in enumerate(self._weights) if known is weight)
                if not torch.equal(mask, self._masks[place]):
                    raise ValueError(f"masks[{key!r}] must be that of the weight's other name")
            else:
                place = len(self._weights)
                self._weights.append(weight)
                self._masks.append(mask)
            self._places.append(place)
        trained = [one for group in optimizer.param_groups for one in group["params"]]
        known = {id(one) for one in trained}
        if not all(id(weight) in known for weight in self._weights):
            raise ValueError("optimizer must be that of the model's weights, got one without some")
        if self.density is not None:
            least = min(float(mask.double().mean()) for mask in self._masks)
            if self.density > least:
                raise ValueError(
                    f"density must be at most {least:g}, that of a layer, got {density}"
                )
        if isinstance(model, MaskedMLP):
            model.masks = [torch.ones_like(mask) for mask in self._masks]
        with torch.no_grad():
            for weight, mask in zip(self._weights, self._masks, strict=True):
                weight.masked_fill_(~mask, 0.0)
                self._forget(weight, ~mask)
        self._first = [one.detach().clone() for one in self._weights]
        self._others = [(p, p.detach().clone()) for p in trained if not self._moves(p)]
        self._kept = [int(mask.sum()) for mask in self._masks]
        self._deviations = [
            float(weight[mask].std(correction=0)) if mask.any() else 0.0
            for weight, mask in zip(self._first, self._masks, strict=True)
        ]

    @property
    def masks(self) -> dict[str, Tensor] | tuple[Tensor, ...]:
        """The masks as they are now; not to be written into."""
        if self._names is None:
            return tuple(self._masks)
        return {name: self._masks[i] for name, i in zip(self._names, self._places, strict=True)}

    @torch.no_grad()
    def step(self) -> None:
        """Update the kept weights by the gradients that are there, and move masks if it is time."""
        self.updates += 1
        moves = self.updates % self.every == 0 and self.updates <= self.until
        if not (moves and self.schedule.grows == "gradient"):
            for weight, mask in zip(self._weights, self._masks, strict=True):
                if weight.grad is not None:
                    # Not times 0: what is pruned may have an infinite gradient.
                    weight.grad.masked_fill_(~mask, 0.0)
            self.optimizer.step()
            for weight, mask in zip(self._weights, self._masks, strict=True):
                weight.masked_fill_(~mask, 0.0)
        if not moves:
            return
        progress = (self.updates // self.every) / (self.until // self.every)
        for layer, weight in enumerate(self._weights):
            before = self._masks[layer]
            mask, grown = self._moved(layer, progress)
            changed = grown | (before & ~mask)
            weight.masked_fill_(~mask, 0.0)
            if self.schedule.grows == "random":
                normal = torch.randn(int(grown.sum()), generator=self.generator)
                weight[grown] = (self._deviations[layer] * normal).to(weight.device, weight.dtype)
            if self.schedule.rewinds:
                weight.copy_(torch.where(mask, self._first[layer], 0.0))
            self._forget(weight, changed)
            self._masks[layer] = mask
        if self.schedule.rewinds:
            for parameter, first in self._others:
                parameter.copy_(first)
            self.optimizer.state.clear()

    def _moves(self, parameter: Tensor) -> bool:
        return any(parameter is weight for weight in self._weights)

    def _forget(self, weight: Tensor, places: Tensor) -> None:
        """Set what the optimiser keeps of some places of a weight matrix to zero."""
        for state in self.optimizer.state.get(weight, {}).values():
            if isinstance(state, Tensor) and state.shape == weight.shape:
                state.masked_fill_(places, 0)

    def _moved(self, layer: int, progress: float) -> tuple[Tensor, Tensor]:
        """Return the next mask of a layer, and the part of it that starts anew."""
        weight, mask, of = self._weights[layer], self._masks[layer], self.schedule
        if of.density and self._kept[layer]:
            last = of.density(self._kept[layer] / mask.numel(), self.density, progress)
            kept = min(int(mask.sum()), max(1, round(last * mask.numel())))
            return _largest(weight.abs(), mask, kept), torch.zeros_like(mask)
        if not of.share:
            return mask, torch.zeros_like(mask)
        share = of.share(self.fraction, progress)
        parts = [mask & (weight > 0.0), mask & (weight <= 0.0)] if of.by_sign else [mask]
        removed = torch.zeros_like(mask)
        for part in parts:
            removed |= _largest(-weight.abs(), part, int(share * int(part.sum())))
        left = mask & ~removed
        if of.grows == "gradient":
            if weight.grad is None:
                raise ValueError("model must have gradients of its weights when masks move")
            scores = weight.grad.abs()
        else:
            scores = torch.rand(mask.shape, generator=self.generator).to(weight.device)
        grown = _largest(scores, ~left, int(removed.sum()))
        # RigL lets a weight that it removes and regrows at once be what it was.
        return left | grown, grown & ~mask if of.grows == "gradient" else grown


def _largest(scores: Tensor, places: Tensor, count: int) -> Tensor:
    """Return the mask of so many of the largest scores among some places, ties cut anywhere."""
    lowest = torch.where(places, scores, -math.inf).flatten()
    found = torch.zeros_like(lowest, dtype=torch.bool)
    found[lowest.topk(count).indices] = True
    return found.reshape(scores.shape)


def _weights_of(model: nn.Module, masks: Mapping[str, Tensor] | Sequence[Tensor]) -> list[Tensor]:
    if isinstance(model, MaskedMLP):
        if not isinstance(masks, list | tuple) or len(masks) != len(model.weights):
            raise ValueError(
                f"masks must be a list of {len(model.weights)} for this MaskedMLP, one a layer, got {masks!r}"
            )
        return list(model.weights)
    if not isinstance(masks, Mapping) or not masks:
        raise ValueError(
            f"masks must be a dict by the names of the model's weights, not empty, got {masks!r}"
        )
    parameters = dict(model.named_parameters(remove_duplicate=False))
    for name in masks:
        check_choice("name of masks", name, parameters)
    return [parameters[name] for name in masks]


def _checked(name: str, mask: Tensor, weight: Tensor) -> Tensor:
    if not isinstance(mask, Tensor) or mask.dtype != torch.bool or mask.shape != weight.shape:
        found = f"{mask.dtype} {tuple(mask.shape)}" if isinstance(mask, Tensor) else repr(mask)
        raise ValueError(
            f"{name} must be a boolean tensor of shape {tuple(weight.shape)}, got {found}"
        )
    return mask.to(weight.device).clone()
