"""Train a masked network and record every step's loss: on batches, or on all images at once."""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Iterator
from types import MappingProxyType
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from torch import Tensor
from torch.nn.functional import cross_entropy

from graphon_lib._checks import (
    check_choice,
    check_instance,
    check_integer,
    check_per_layer,
    check_positive,
    check_rng,
    check_sequence,
)
from graphon_lib.experiments.data import Images
from graphon_lib.pruning.model import MaskedMLP, relu_network
from graphon_lib.pruning.moving import MovingMasks

__all__ = [
    "OPTIMIZERS",
    "TrainingRun",
    "accelerator",
    "draw_batches",
    "full_batch_descent",
    "train",
]

OPTIMIZERS = MappingProxyType({"adam": torch.optim.Adam, "sgd": torch.optim.SGD})
"""Adam with its usual moments (0.9, 0.999), and plain stochastic gradient descent."""

EVALUATION_CHUNK = 1000


def accelerator() -> torch.device:
    """Return the CUDA GPU of this machine where there is one, else its processor."""
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


class TrainingRun(NamedTuple):
    """What happened.

    Attributes
    ----------
    loss : ndarray of float32, shape (steps,)
        Cross-entropy of the batch of each step, before the update; infinite from the step on at
        which it was no longer a finite number.
    test_loss, test_accuracy : ndarray of float32, shape (number of evaluations,)
        On all test images; infinite, and 0, once training has diverged.
    """

    loss: NDArray[np.float32]
    test_loss: NDArray[np.float32]
    test_accuracy: NDArray[np.float32]


@torch.inference_mode(False)
@torch.enable_grad()
def train(
    model: MaskedMLP,
    data: Images,
    *,
    optimizer: str,
    learning_rate: float,
    steps: int,
    batch_size: int,
    evaluated: Collection[int],
    rng: np.random.Generator,
    rates: ArrayLike | None = None,
    moving: Callable[[torch.optim.Optimizer], MovingMasks] | None = None,
    watched: Collection[int] = (),
    watch: Callable[[int], None] = lambda _: None,
) -> TrainingRun:
    """Train a masked network in place.

    An argument out of its range is a ``ValueError``, and the network is then as it was.

    On a CUDA GPU where there is one; the network comes back to where it was.

    Parameters
    ----------
    model
        The network, masks applied, in float32, with as many inputs as images have pixels. Pruned
        weights are set to 0 and stay there; biases are trained.
    optimizer, learning_rate, steps, batch_size
        A name of :data:`OPTIMIZERS`, its positive rate, the number of updates, and images in a
        batch.
    evaluated
        After how many updates the test images are looked at, each from 0 to `steps`.
    rng
        Source of the batches.
    rates : array_like, shape (number of layers,)
        Of every layer's weights, positive, where that is not `learning_rate`, which biases have.
    moving
        Makes masks that move of the optimiser; they stay where it is left out. The network has the
        last ones in the end.
    watched, watch
        After these numbers of updates `watch` is called with the number, 0 being before the first;
        the network then has the masks of that moment.

    Notes
    -----
    From the step on at which the loss is no longer finite the record is infinite. The gradient of a
    pruned weight is multiplied by 0: Adam's moments of it then stay 0, and so does the weight, exactly; this is checked at the end, unless weights have overflowed.
    """
    _check_network(model, data)
    check_rng("rng", rng)
    check_choice("optimizer", optimizer, OPTIMIZERS)
    check_integer("steps", steps, 1)
    learning_rate = check_positive("learning_rate", learning_rate)
    _check_batch("batch_size", batch_size, len(data.x_train))
    evaluated = _check_moments("evaluated", evaluated, steps)
    watched = _check_moments("watched", watched, steps)
    if rates is not None:
        rates = check_per_layer("rates", rates, len(model.weights)).tolist()
        if 0.0 in rates:
            raise ValueError(f"rates must be positive, got {rates}")
    home, device = model.weights[0].device, accelerator()
    model.to(device)
    weights, biases = list(model.weights), list(model.biases)
    groups = [{"params": weights + biases}]
    if rates is not None:
        groups = [{"params": [w], "lr": rate} for w, rate in zip(weights, rates, strict=True)]
        groups += [{"params": biases}] * bool(biases)
    descent = OPTIMIZERS[optimizer](groups, lr=learning_rate, fused=True)
    moved = moving(descent) if moving else MovingMasks(model, model.masks, descent, "static")

    def look(step: int) -> None:
        if step in evaluated:
            tests[step] = _test(model, *test)
        if step in watched:
            model.masks = [mask.cpu() for mask in moved.masks]
            watch(step)

    x, y = (torch.from_numpy(a).to(device) for a in (data.x_train, data.y_train))
    test = [torch.from_numpy(a).to(device) for a in (data.x_test, data.y_test)]
    losses = torch.empty(steps, device=device)
    tests: dict[int, tuple[float, float]] = {}
    look(0)
    # Nothing waits for the loss of a step, so that a GPU is not kept waiting.
    for step, batch in enumerate(draw_batches(len(x), batch_size, steps, rng)):
        batch = batch.to(device)
        loss = cross_entropy(relu_network(x[batch], weights, biases), y[batch])
        losses[step] = loss.detach()
        descent.zero_grad()
        loss.backward()
        moved.step()
        look(step + 1)
    model.masks = [mask.cpu() for mask in moved.masks]
    _check_pruned(weights, model.masks)
    model.to(home)
    finite = losses.isfinite().cpu().numpy()
    ended = steps if finite.all() else int(finite.argmin())
    losses = losses.cpu().numpy()
    losses[ended:] = math.inf
    last = [tests[step] if step <= ended else (math.inf, 0.0) for step in evaluated]
    test_loss, test_accuracy = np.array(last, np.float32).reshape(-1, 2).T
    return TrainingRun(losses, test_loss, test_accuracy)


def draw_batches(
    available: int, size: int, steps: int, rng: np.random.Generator
) -> Iterator[Tensor]:
    """Yield the (size,) indices of each step's batch: every epoch in a new random order.

    What is left over at its end is passed over; a `size` not from 1 to `available` is a
    ``ValueError``.
    """
    _check_batch("size", size, available)
    epoch = available // size
    for step in range(steps):
        if step % epoch == 0:
            order = torch.from_numpy(rng.permutation(available))
        yield order[step % epoch * size :][:size]


def _check_batch(name: str, size: int, available: int) -> None:
    if check_integer(name, size, 1) > available:
        raise ValueError(f"{name} must be at most {available}, the training digits, got {size}")


def _check_moments(name: str, moments: Collection[int], steps: int) -> list[int]:
    """Return numbers of updates, each from 0 to `steps`."""
    moments = check_sequence(name, moments, "numbers of updates")
    for step in moments:
        if check_integer(name, step, 0) > steps:
            raise ValueError(f"{name} must hold steps from 0 to {steps}, got {step}")
    return moments


def _check_network(model: MaskedMLP, data: Images) -> None:
    """Check that a network can be trained on the digits: its class, sizes, dtype and gradients."""
    check_instance("model", model, MaskedMLP)
    check_instance("data", data, Images)
    inputs, classes = data.x_train.shape[1], int(max(data.y_train.max(), data.y_test.max())) + 1
    if model.widths[0] != inputs or model.widths[-1] < classes:
        raise ValueError(
            f"model must have {inputs} inputs and at least {classes} outputs for these data, got widths {model.widths}"
        )
    for name, parameter in model.named_parameters():
        if parameter.dtype != torch.float32:
            raise ValueError(f"model must be in float32, got {name} in {parameter.dtype}")
        if not parameter.requires_grad:
            raise ValueError(f"model must have no frozen parameters, got {name} without gradient")
        if parameter.is_inference():
            raise ValueError(f"model must not be made in inference mode, got {name} from there")


@torch.no_grad()
def _test(model: MaskedMLP, x: Tensor, y: Tensor) -> tuple[float, float]:
    """Return mean loss and accuracy on the test digits."""
    loss, correct = 0.0, 0
    for digits, labels in zip(x.split(EVALUATION_CHUNK), y.split(EVALUATION_CHUNK), strict=True):
        logits = relu_network(digits, model.weights, model.biases)
        loss += float(cross_entropy(logits.double(), labels, reduction="sum"))
        correct += int((logits.argmax(dim=1) == labels).sum())
    if not math.isfinite(loss):
        return math.inf, 0.0
    return loss / len(y), correct / len(y)


def _check_pruned(weights: list[Tensor], masks: tuple[Tensor, ...]) -> None:
    if not all(torch.isfinite(weight).all() for weight in weights):
        return
    for layer, (weight, mask) in enumerate(zip(weights, masks, strict=True), start=1):
        revived = int(torch.count_nonzero(weight.detach()[~mask]))
        if revived:
            raise AssertionError(f"{revived} pruned weights of layer {layer} are no longer 0")


def full_batch_descent(
    model: MaskedMLP,
    x: Tensor,
    targets: Tensor,
    *,
    learning_rate: float,
    steps: int,
    watched: Collection[int] = (),
    watch: Callable[[], None] = lambda: None,
) -> NDArray[np.float64]:
    r"""Train a masked network in place by plain gradient descent.

    Returns the loss :math:`\frac{1}{2N} \sum_i \lVert f(x_i) - y_i \rVert^2`, shape (steps + 1,),
    after 0, ..., `steps` updates; infinite from where it is no longer a finite number. Inputs
    (N, n_0) and targets (N, n_D) have the weights' dtype, and the learning rate is for weights in
    NTK units. After the numbers of updates in `watched`, 0 being before the first, `watch` is
    called.

    Notes
    -----
    A weight of the model is :math:`\sqrt{2 / n_{in}}` times one in NTK units. A step :math:`-\eta
    g` of the latter is a step :math:`-\eta \frac{2}{n_{in}} g` of the former, :math:`g` being
    either's own gradient: every layer has its learning rate. After s steps the time of
    :func:`~graphon_lib.ntk.gradient_flow` is :math:`\eta s`.
    """
    check_integer("steps", steps, 1)
    learning_rate = check_positive("learning_rate", learning_rate)
    descent = torch.optim.SGD(
        [
            {"params": [weight], "lr": learning_rate * 2.0 / weight.shape[1]}
            for weight in model.weights
        ]
    )
    losses = np.full(steps + 1, np.inf)
    for step in range(steps + 1):
        loss = (model(x) - targets).square().sum() / (2 * len(x))
        if not math.isfinite(loss.item()):
            break
        losses[step] = loss.item()
        if step in watched:
            watch()
        if step < steps:
            descent.zero_grad()
            loss.backward()
            descent.step()
    return losses
