"""Pruning at initialisation: one call from a network to its masks."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import torch
from numpy.typing import ArrayLike
from torch import Tensor, nn

from graphon_lib._checks import check_choice, check_density, check_integer
from graphon_lib.pruning.iterative import iterative_masks
from graphon_lib.pruning.losses import Batches, Loss, losses_of, read_batches
from graphon_lib.pruning.masks import SCOPES, keep_largest
from graphon_lib.pruning.model import random_generator
from graphon_lib.pruning.networks import ModuleNetwork, Perceptron, as_network
from graphon_lib.pruning.scores import (
    GRASP_TEMPERATURE,
    grasp_scores,
    magnitude_scores,
    random_scores,
    snip_scores,
)
from graphon_lib.pruning.synflow import flow_scores, synflow_masks, synflow_scores
from graphon_lib.pruning.tensors import to_device

__all__ = ["METHODS", "ClosedForm", "Factor", "Method", "factor_of", "prune", "saliency"]


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
class ClosedForm:
    """What does for a `MaskedMLP`, in less time, what a method does by automatic differentiation.

    Parameters
    ----------
    score, in_rounds
        As those of `Method`, called with the weight matrices and the keyword ``biases``, a list,
        empty for networks without any.
    """

    score: Callable[..., list[Tensor]]
    in_rounds: Callable[..., list[Tensor]]


@dataclass(frozen=True)
class Method:
    """A way to prune: how it scores the weights, and what it needs for that.

    Parameters
    ----------
    label
        How it is written.
    score
        Called with the list of weights, of single precision at least, then, if they are needed, the
        losses, the flow and a generator; returns a floating-point score for every weight: the
        higher, the more it deserves to be kept.
    needs_data
        Whether `score` takes losses: a list with a function of weights for every batch, to which
        the keyword ``temperature`` says what to divide logits by.
    needs_flow
        Whether it takes the flow: a function of absolute weights, the sum of outputs of ones.
    needs_generator
        Whether it draws random numbers.
    rounds
        How many times to score and prune unless told otherwise.
    in_rounds
        Returns the masks of several rounds; called as `score` is and with ``density=``, ``scope=``,
        ``rounds=`` and ``names=``, those of layers. None allows one round only.
    closed_form
        For a `MaskedMLP`.
    factor
        Of the scores of those whose keeping is a function of vector positions.
    """

    label: str
    score: Callable[..., list[Tensor]]
    needs_data: bool = False
    needs_flow: bool = False
    needs_generator: bool = False
    rounds: int = 1
    in_rounds: Callable[..., list[Tensor]] | None = None
    closed_form: ClosedForm | None = None
    factor: Factor | None = None


METHODS = {
    "random": Method("Random", random_scores, needs_generator=True),
    "magnitude": Method("Magnitude", magnitude_scores),
    "snip": Method(
        "SNIP",
        snip_scores,
        needs_data=True,
        in_rounds=partial(iterative_masks, snip_scores),
        factor=Factor(),
    ),
    "grasp": Method(
        "GraSP",
        grasp_scores,
        needs_data=True,
        factor=Factor(signed=True, curvature=True, temperature=GRASP_TEMPERATURE),
    ),
    "synflow": Method(
        "SynFlow",
        flow_scores,
        needs_flow=True,
        rounds=100,
        in_rounds=partial(iterative_masks, flow_scores),
        closed_form=ClosedForm(synflow_scores, synflow_masks),
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
    model: nn.Module,
    method: str,
    x: Tensor | ArrayLike | Batches | None = None,
    y: Tensor | ArrayLike | None = None,
    *,
    loss: Loss | None = None,
    generator: torch.Generator | None = None,
) -> list[Tensor] | dict[str, Tensor]:
    r"""Score every weight of a network; the higher, the more it deserves to be kept.

    Biases are part of the network that is scored, and have no score: they are not pruned.

    Parameters
    ----------
    model
        A `MaskedMLP`, all of whose weights are scored: `model.masks` is not read. Or any
        :class:`torch.nn.Module` with weights of :class:`~torch.nn.Linear`,
        :class:`~torch.nn.Conv1d` or :class:`~torch.nn.Conv2d`, in :class:`~torch.nn.DataParallel` or
        :func:`torch.compile`, too. It is left as it is.
    method
        ``"random"``: uniform on [0, 1). ``"magnitude"``: :math:`|w|`. ``"snip"``:
        :math:`|w\, \partial L / \partial w|` [1]_. ``"grasp"``: the signed :math:`w \odot Hg` [2]_.
        ``"synflow"``: the share of the synaptic flow through the dense network [3]_, the score of
        SynFlow's first round.
    x
        Inputs of a pruning batch; for a module whatever it takes. Or, without y, several batches:
        an iterable of pairs (inputs, labels), such as a :class:`torch.utils.data.DataLoader`, all
        of which is read, and held in memory. L, g and H are then sums over batches, of each of which
        the loss is a mean. Read by ``"snip"`` and ``"grasp"`` alone; of a module ``"synflow"`` reads
        the shape of one input.
    y
        Their labels.
    loss
        A function of outputs and labels to one number instead of the mean cross-entropy; labels may
        then be whatever it takes. The temperature of ``"grasp"`` is that of the cross-entropy.
    generator
        Read by ``"random"`` alone.

    Returns
    -------
    list or dict of torch.Tensor
        Scores of the weights' shapes: float64 for ``"random"`` and ``"synflow"``, otherwise of the
        weights' dtype, or float32 where that is narrower. Of a module by the names that its weights
        have in :meth:`~torch.nn.Module.named_parameters`.

    Raises
    ------
    ValueError
        If `method` is unknown, `model` has no such weights, or one that is NaN, infinite, or no
        plain tensor, a batch that is needed is missing or does not fit the network, or the loss is
        no number that depends on the weights.

    Notes
    -----
    A module is scored in the mode that it is in, training or evaluation, by ``"snip"`` and
    ``"grasp"``; what its buffers learn from it is forgotten. ``"synflow"`` scores it as the authors'
    code does [4]_: in evaluation mode, with the absolute values of all that is saved with it,
    biases and what BatchNorm has learnt among them, and its activation functions as they are. In a
    network of ReLUs, averages and BatchNorms as initialised these leave the flow linear.

    References
    ----------
    .. [1] Lee, Ajanthan and Torr, *SNIP: Single-shot Network Pruning based on Connection
       Sensitivity*, ICLR 2019.
    .. [2] Wang, Zhang and Grosse, *Picking Winning Tickets Before Training by Preserving Gradient
       Flow*, ICLR 2020.
    .. [3] Tanaka, Kunin, Yamins and Ganguli, *Pruning neural networks without any data by
       iteratively conserving synaptic flow*, NeurIPS 2020.
    .. [4] https://github.com/ganguli-lab/Synaptic-Flow, ``SynFlow`` in ``Pruners/pruners.py``.
    """
    check_choice("method", method, METHODS)
    network = as_network(model)
    score, _ = _ways(network, method, x, y, loss, generator)
    return network.with_every_name(
        [to_device(s, w.device) for s, w in zip(score(), network.weights, strict=True)]
    )


@torch.inference_mode(False)
def prune(
    model: nn.Module,
    method: str,
    density: float,
    x: Tensor | ArrayLike | Batches | None = None,
    y: Tensor | ArrayLike | None = None,
    *,
    scope: str = "global",
    rounds: int | None = None,
    loss: Loss | None = None,
    generator: torch.Generator | None = None,
) -> list[Tensor] | dict[str, Tensor]:
    """Return masks that keep a given fraction of a network's weights.

    The network is left as it is, masks included. To apply the result to a `MaskedMLP`, write
    ``model.masks = prune(model, ...)``; to another module

    .. code-block:: python

        for name, mask in prune(model, ...).items():
            layer = model.get_submodule(name.rpartition(".")[0])
            torch.nn.utils.prune.custom_from_mask(layer, "weight", mask)

    Parameters
    ----------
    model
        The network, pruned from dense at its present weights: `model.masks` is not read, so that
        one network can be pruned again.
    method, x, y, loss, generator
        As in :func:`~graphon_lib.pruning.saliency`.
    density
        Fraction to keep, in (0, 1].
    scope
        ``"global"`` ranks all layers together, ``"layer"`` each alone, as in
        :func:`~graphon_lib.pruning.keep_largest`.
    rounds
        How many times to score and prune on the way to the density, see
        :func:`~graphon_lib.pruning.iterative.prune_in_rounds`. When omitted as the method has it:
        100 for ``"synflow"``, 1 for the others, of which ``"snip"`` alone allows more.

    Returns
    -------
    list or dict of torch.Tensor
        Boolean masks of the weights' shapes, True where kept: exactly ``round(density * total)``
        weights, or ``round(density * size)`` of each layer for ``scope="layer"``; of equal scores
        the earlier is kept. Of a module by name, layers in the order of
        :meth:`~torch.nn.Module.named_modules`; a weight that two layers share has one mask, under
        both names.

    Raises
    ------
    ValueError
        If an argument is not allowed, or the density keeps no weight at all; or if all scores are
        zero, as on a blank batch, and not all weights are kept.

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
    if rounds > 1 and record.in_rounds is None:
        raise ValueError(f"rounds must be 1 for method {method!r}, got {rounds}")
    network = as_network(model)
    score, in_rounds = _ways(network, method, x, y, loss, generator)
    if rounds == 1:
        masks = keep_largest(network.named(score()), density, scope)
        masks = masks if network.names is None else masks.values()
    else:
        masks = in_rounds(density=density, scope=scope, rounds=rounds)
    return network.with_every_name(
        [mask.to(w.device) for mask, w in zip(masks, network.weights, strict=True)]
    )


def _ways(
    network: Perceptron | ModuleNetwork,
    method: str,
    x: Tensor | ArrayLike | Batches | None,
    y: Tensor | ArrayLike | None,
    loss: Loss | None,
    generator: torch.Generator | None,
) -> tuple[Callable[[], list[Tensor]], Callable[..., list[Tensor]] | None]:
    """Return what scores a network, and what prunes it in rounds, with all that these need."""
    record, weights = METHODS[method], network.weights
    if record.closed_form and isinstance(network, Perceptron):
        form, biases = record.closed_form, network.biases
        return partial(form.score, weights, biases=biases), partial(
            form.in_rounds, weights, biases=biases
        )
    inputs: list = [weights]
    if record.needs_data:
        inputs.append(losses_of(network, method, x, y, loss))
    if record.needs_flow:
        names, (x, _) = next(read_batches(x, y, method))
        if x is None:
            raise ValueError(
                f"x must be given for method {method!r} on a module, to know its shape, got None"
            )
        inputs.append(partial(network.flow, x=network.inputs(names[0], x)))
    if record.needs_generator:
        inputs.append(random_generator(generator))
    in_rounds = record.in_rounds and partial(record.in_rounds, *inputs, names=network.names)
    return partial(record.score, *inputs), in_rounds
