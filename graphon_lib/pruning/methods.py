"""Pruning at initialisation: one call from a network to its masks."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import torch
from numpy.typing import ArrayLike
from torch import Tensor

from graphon_lib._checks import check_choice, check_density, check_instance, check_integer
from graphon_lib.pruning.iterative import iterative_masks
from graphon_lib.pruning.masks import SCOPES, keep_largest
from graphon_lib.pruning.model import MaskedMLP, random_generator
from graphon_lib.pruning.scores import (
    GRASP_TEMPERATURE,
    grasp_scores,
    magnitude_scores,
    random_scores,
    snip_scores,
)
from graphon_lib.pruning.synflow import synflow_masks, synflow_scores
from graphon_lib.pruning.tensors import as_tensor, computing_dtype

__all__ = [
    "METHODS",
    "Factor",
    "Method",
    "check_batch",
    "factor_of",
    "finite_parameters",
    "prune",
    "saliency",
]


@dataclass(frozen=True)
class Factor:
    """What a weight is multiplied by to make its score, and hardly depends on it: a product of vectors.

    Parameters
    ----------
    signed
        Whether the score is the product rather than its size.
    curvature
        Whether the factor is the Hessian times the gradient of the loss rather than the gradient.
    temperature
        What logits are divided by in that loss.
    """

    signed: bool = False
    curvature: bool = False
    temperature: float = 1.0


@dataclass(frozen=True)
class Method:
    """A way to prune: how it scores the weights, and what it needs for that.

    Parameters
    ----------
    label
        How it is written.
    score
        Called with the list of weight matrices, of single precision at least, then, if they are
        needed, x and y and a generator; returns a floating-point score for every weight: the
        higher, the more it deserves to be kept.
    needs_data
        Whether `score` takes a pruning batch.
    needs_generator
        Whether it draws random numbers.
    uses_biases
        Whether it takes the biases of the network, which come as the keyword ``biases``: a list,
        empty for networks without any.
    uses_sign
        Whether the scores change when signs of weights do. Where they do not, the weights that are
        kept have a symmetric law if all have.
    rounds
        How many times to score and prune unless told otherwise.
    in_rounds
        Returns the masks of several rounds; called as `score` is and with ``density=``, ``scope=``
        and ``rounds=``. None allows one round only.
    factor
        Of the scores of those whose keeping is a function of vector positions.
    """

    label: str
    score: Callable[..., list[Tensor]]
    needs_data: bool = False
    needs_generator: bool = False
    uses_biases: bool = False
    uses_sign: bool = False
    rounds: int = 1
    in_rounds: Callable[..., list[Tensor]] | None = None
    factor: Factor | None = None


METHODS = {
    "random": Method("Random", random_scores, needs_generator=True),
    "magnitude": Method("Magnitude", magnitude_scores),
    "snip": Method(
        "SNIP",
        snip_scores,
        needs_data=True,
        uses_biases=True,
        uses_sign=True,
        in_rounds=partial(iterative_masks, snip_scores),
        factor=Factor(),
    ),
    "grasp": Method(
        "GraSP",
        grasp_scores,
        needs_data=True,
        uses_biases=True,
        uses_sign=True,
        factor=Factor(signed=True, curvature=True, temperature=GRASP_TEMPERATURE),
    ),
    "synflow": Method(
        "SynFlow", synflow_scores, uses_biases=True, rounds=100, in_rounds=synflow_masks
    ),
}
"""The pruning methods by name. A new one goes to the end: seeds of sweeps count the places."""


def factor_of(method: str) -> Factor:
    """Return the factor of a method's scores; a method without is a ``ValueError``."""
    known = [name for name, record in METHODS.items() if record.factor]
    return METHODS[check_choice("method", method, known)].factor


# Gradients are wanted even where the caller has ruled them out.
@torch.inference_mode(False)
def saliency(
    model: MaskedMLP,
    method: str,
    x: Tensor | ArrayLike | None = None,
    y: Tensor | ArrayLike | None = None,
    *,
    generator: torch.Generator | None = None,
) -> list[Tensor]:
    r"""Score every weight of a network; the higher, the more it deserves to be kept.

    Biases are part of the network that is scored, and have no score: they are not pruned.

    Parameters
    ----------
    model
        The network. Its weights are scored as they are, all of them: `model.masks` is not read.
    method
        ``"random"``: uniform on [0, 1). ``"magnitude"``: :math:`|w|`. ``"snip"``:
        :math:`|w\, \partial L / \partial w|` [1]_. ``"grasp"``: the signed :math:`w \odot Hg` [2]_.
        ``"synflow"``: the share of the synaptic flow through the dense network [3]_, the score of
        SynFlow's first round.
    x
        Inputs of a pruning batch, shape :math:`(N, n_0)` with :math:`N \ge 1`, finite; converted to
        the weights' dtype, or to float32 where that is narrower. Read by methods that need it alone,
        ``"snip"`` and ``"grasp"``.
    y
        Their labels, shape :math:`(N,)`, integers in :math:`[0, n_D)`.
    generator
        Source of the random scores; None takes a new one seeded by the operating system. Read by
        ``"random"`` alone.

    Returns
    -------
    list of torch.Tensor
        Scores of the weights' shapes: float64 for ``"random"`` and ``"synflow"``, otherwise of the
        weights' dtype, or float32 where that is narrower.

    Raises
    ------
    ValueError
        If `method` is unknown, `model` is no `MaskedMLP` or has a weight that is NaN or infinite,
        or a batch that is needed is missing or does not fit the network.

    References
    ----------
    .. [1] Lee, Ajanthan and Torr, *SNIP: Single-shot Network Pruning based on Connection
       Sensitivity*, ICLR 2019.
    .. [2] Wang, Zhang and Grosse, *Picking Winning Tickets Before Training by Preserving Gradient
       Flow*, ICLR 2020.
    .. [3] Tanaka, Kunin, Yamins and Ganguli, *Pruning neural networks without any data by
       iteratively conserving synaptic flow*, NeurIPS 2020.
    """
    inputs, options = _inputs(model, method, x, y, generator)
    return METHODS[method].score(*inputs, **options)


@torch.inference_mode(False)
def prune(
    model: MaskedMLP,
    method: str,
    density: float,
    x: Tensor | ArrayLike | None = None,
    y: Tensor | ArrayLike | None = None,
    *,
    scope: str = "global",
    rounds: int | None = None,
    generator: torch.Generator | None = None,
) -> list[Tensor]:
    """Return masks that keep a given fraction of a network's weights.

    The network is left as it is, masks included; to apply the result, write
    ``model.masks = prune(model, ...)``.

    Parameters
    ----------
    model
        The network, pruned from dense at its present weights: `model.masks` is not read, so that
        one network can be pruned again by another method or to another density.
    method
        One of :data:`~graphon_lib.pruning.METHODS`, see :func:`~graphon_lib.pruning.saliency`.
    density
        Fraction to keep, in (0, 1].
    x, y
        A pruning batch, for methods that need one, as in :func:`~graphon_lib.pruning.saliency`.
    scope
        ``"global"`` ranks all layers together, ``"layer"`` each alone, as in
        :func:`~graphon_lib.pruning.keep_largest`.
    rounds
        How many times to score and prune on the way to the density, see
        :func:`~graphon_lib.pruning.iterative.prune_in_rounds`. When omitted as the method has it:
        100 for ``"synflow"``, 1 for the others, of which ``"snip"`` alone allows more.
    generator
        Source of random scores, as in :func:`~graphon_lib.pruning.saliency`.

    Returns
    -------
    list of torch.Tensor
        Boolean masks of the weights' shapes, True where kept: exactly ``round(density * total)``
        weights, or ``round(density * size)`` of each layer for ``scope="layer"``; of equal scores
        the earlier is kept.

    Raises
    ------
    ValueError
        If an argument is not allowed, see :func:`~graphon_lib.pruning.saliency` and
        :func:`~graphon_lib.pruning.keep_largest`, or the density keeps no weight at all; or if all
        scores are zero, as on a blank batch, and not all weights are kept.

    Warns
    -----
    UserWarning
        If a layer keeps no weight, or in several rounds no path of weights is left.

    Examples
    --------
    >>> import torch
    >>> model = MaskedMLP((784, 100, 10), generator=torch.Generator().manual_seed(0))
    >>> model.masks = prune(model, "synflow", density=0.1)
    >>> sum(int(mask.sum()) for mask in model.masks)
    7940
    """
    check_choice("method", method, METHODS)
    density = check_density("density", density)
    check_choice("scope", scope, SCOPES)
    record = METHODS[method]
    rounds = check_integer("rounds", record.rounds if rounds is None else rounds, 1)
    if rounds == 1:
        return keep_largest(saliency(model, method, x, y, generator=generator), density, scope)
    if record.in_rounds is None:
        raise ValueError(f"rounds must be 1 for method {method!r}, got {rounds}")
    inputs, options = _inputs(model, method, x, y, generator)
    return record.in_rounds(*inputs, density=density, scope=scope, rounds=rounds, **options)


def _inputs(
    model: MaskedMLP,
    method: str,
    x: Tensor | ArrayLike | None,
    y: Tensor | ArrayLike | None,
    generator: torch.Generator | None,
) -> tuple[list, dict[str, list[Tensor]]]:
    """Return what the functions of a method take, by position and by name, checked."""
    check_choice("method", method, METHODS)
    weights, biases = finite_parameters(model)
    inputs: list = [weights]
    if METHODS[method].needs_data:
        inputs += check_batch(model, method, x, y)
    if METHODS[method].needs_generator:
        inputs.append(random_generator(generator))
    return inputs, {"biases": biases} if METHODS[method].uses_biases else {}


def finite_parameters(model: MaskedMLP) -> tuple[list[Tensor], list[Tensor]]:
    """Return a network's weights and its biases, detached and in single precision at least.

    Raises
    ------
    ValueError
        If `model` is another network than a `MaskedMLP`, or a parameter is NaN or infinite.
    """
    check_instance("model", model, MaskedMLP)
    weights, biases = (
        [as_tensor("model", p).to(computing_dtype(p)) for p in kind]
        for kind in (model.weights, model.biases)
    )
    for name, parameters in (("weights", weights), ("biases", biases)):
        for i, parameter in enumerate(parameters):
            if not torch.isfinite(parameter).all():
                raise ValueError(f"model.{name}[{i}] must be finite, got NaN or infinite entries")
    return weights, biases


def check_batch(
    model: MaskedMLP, method: str, x: Tensor | ArrayLike | None, y: Tensor | ArrayLike | None
) -> tuple[Tensor, Tensor]:
    """Return a pruning batch as tensors: inputs of the dtype that is computed in, labels int64.

    Raises
    ------
    ValueError
        If one is missing, which `method` is said to need, or does not fit the network.
    """
    check_instance("model", model, MaskedMLP)
    for name, value in (("x", x), ("y", y)):
        if value is None:
            raise ValueError(f"{name} must be given for method {method!r}, got None")
    x, y = as_tensor("x", x), as_tensor("y", y)
    first = model.weights[0]
    x = x.to(device=first.device, dtype=computing_dtype(first))
    if x.ndim != 2 or x.shape[0] == 0 or x.shape[1] != model.widths[0]:
        raise ValueError(
            f"x must have shape (N, {model.widths[0]}) with N >= 1, got {tuple(x.shape)}"
        )
    if not torch.isfinite(x).all():
        raise ValueError("x must be finite, got NaN or infinite entries")
    if y.is_floating_point() or y.dtype == torch.bool:
        raise ValueError(f"y must be integer class labels, got dtype {y.dtype}")
    if y.shape != x.shape[:1]:
        raise ValueError(
            f"y must have shape ({len(x)},), one label a row of x, got {tuple(y.shape)}"
        )
    y = y.to(device=first.device, dtype=torch.int64)
    classes = model.widths[-1]
    if y.min() < 0 or y.max() >= classes:
        raise ValueError(
            f"y must lie in [0, {classes - 1}], got labels from {int(y.min())} to {int(y.max())}"
        )
    return x, y
